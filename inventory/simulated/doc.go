// Package simulated is the demo fleet: hosts that exist inside this process only, each behind a real SSH
// server, so that the carrier which attacks real hosts attacks these without knowing the difference.
//
// It connects, verifies the host key, logs in by public key, uploads the runner, inspects, arms,
// measures, injects, proves, renews, stops and undoes over the wire of package attacks/remote. What is
// simulated is only what lies beyond the wire: load, round-trip times, services, boot ids and faults are
// figures of a model ([Fleet] owns it) that moves with the clock, the seed and the faults applied. The
// same seed, the same moment and the same faults give the same figures.
//
//	fleet, err := simulated.New(simulated.Options{Hosts: 24, Seed: 1, Clock: c, Dir: dir})
//	roster := engine.NewRoster(fleet.Hosts())
//	// the carrier dials with fleet.Dial, trusts fleet.KnownHosts(), logs in with fleet.IdentityFile()
//	defer fleet.Close()
//
// Which attacks the hosts can carry is said by [Options].Attacks. Five of them have a model of their own; any
// other is carried by what the catalogue knows of it: its figure stands at a level of the host's own and goes
// where family, unit and parameters let one expect, undone and left as the runner would leave it.
//
// It refuses to leave the process: [Fleet.Dial] knows the addresses of its own hosts and no others, every
// byte travels over 127.0.0.1, and no command is ever run; the uploaded runner is counted and thrown away.
// Whatever a host prints begins with "[sim]", so that nobody takes it for the real thing.
//
// Some hosts are deliberately awkward; see [Quirk].
package simulated
