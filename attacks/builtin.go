package attacks

import (
	_ "embed"
	"slices"
	"time"
)

// The scripts of the attacks that come with chaoscat.
var (
	//go:embed library/latency.sh
	latencyScript string
	//go:embed library/blackhole.sh
	blackholeScript string
	//go:embed library/cpu.sh
	cpuScript string
	//go:embed library/reboot.sh
	rebootScript string
	//go:embed library/service-stop.sh
	serviceStopScript string
)

const longest = 3_600_000 // ms, the most that netem is asked to delay

// Builtin is the catalogue that comes with chaoscat, by name.
func Builtin() []Definition {
	return []Definition{
		{
			Name: "blackhole", Family: "network", Script: blackholeScript,
			Summary: "drop every packet from and to some peers, some ports, or everybody but the controller",
			Needs:   []string{"nft", "ip", "unshare"},
			Params: []Param{
				{Name: "targets", Kind: Peers, Help: "addresses or networks; none means everybody but the control path"},
				{Name: "ports", Kind: Ports, Help: "only packets with one of these ports, on whichever end (TCP and UDP)"},
				{Name: "direction", Kind: Word, Default: "both", Choices: []string{"in", "out", "both"}, Help: "seen from the host"},
				{Name: "lifeline", Kind: Bool, Default: "true", Help: "keep the controller's SSH; false needs an attack of less than 5 minutes, undo included"},
			},
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "pings answered", Unit: "%"},
		},
		{
			Name: "cpu", Family: "resource", Script: cpuScript,
			Summary: "keep processors busy for a share of the time",
			Params: []Param{
				{Name: "load", Kind: Percent, Unit: "%", Default: "80", Min: 1, Max: 100, Help: "share of a processor that each worker takes"},
				{Name: "workers", Kind: Int, Default: "0", Min: 0, Max: 1024, Help: "0 means one for each processor"},
			},
			Default: time.Minute, Max: 30 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "cpu busy", Unit: "%"},
		},
		{
			Name: "latency", Family: "network", Script: latencyScript,
			Summary: "make outgoing packets wait",
			Needs:   []string{"tc with netem", "nft", "ip", "unshare"},
			Params: []Param{
				{Name: "delay", Kind: Millis, Unit: "ms", Default: "200ms", Required: true, Min: 1, Max: longest, Help: "how long a packet waits"},
				{Name: "jitter", Kind: Millis, Unit: "ms", Min: 0, Max: longest, Help: "how far the delay varies, up and down"},
				{Name: "targets", Kind: Peers, Help: "addresses or networks; none means everybody but the control path"},
				{Name: "ports", Kind: Ports, Help: "only packets to one of these remote ports (TCP and UDP)"},
			},
			Default: time.Minute, Max: 10 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true,
			Figure: Figure{Name: "round trip", Unit: "ms"},
		},
		{
			Name: "reboot", Family: "state", Script: rebootScript,
			Summary: "reboot the host and see that it comes back",
			Needs:   []string{"systemctl or reboot"},
			Default: 5 * time.Minute, Max: 15 * time.Minute, UndoWithin: 15 * time.Second, Reversible: true, Supervised: true,
			Figure: Figure{Name: "boot id"},
		},
		{
			Name: "service-stop", Family: "state", Script: serviceStopScript,
			Summary: "stop a systemd service, and whatever stops with it",
			Needs:   []string{"systemd"},
			Params:  []Param{{Name: "unit", Kind: Unit, Required: true, Help: "the service, with its .service; not one by which the host is reached or run"}},
			Default: 30 * time.Second, Max: 10 * time.Minute, UndoWithin: time.Minute, Reversible: true,
			Figure: Figure{Name: "service active"},
		},
	}
}

// Find looks an attack of [Builtin] up by name.
func Find(name string) (Definition, bool) {
	all := Builtin()
	if i := slices.IndexFunc(all, func(d Definition) bool { return d.Name == name }); i >= 0 {
		return all[i], true
	}
	return Definition{}, false
}
