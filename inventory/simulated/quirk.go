package simulated

import (
	"math/rand/v2"
	"time"
)

// Quirk is what makes a host special. It is shown as the tag "quirk", so that a selector can name or
// avoid such hosts ("!tag:quirk=*").
type Quirk string

// The quirks. A fleet of 10 hosts or more has one to five hosts of each kind, of 20 or more also of
// [NoSystemd], chosen by the seed; a smaller fleet has none.
const (
	// Unreachable refuses every connection.
	Unreachable Quirk = "unreachable"
	// NoNetem has a kernel without the netem queue: latency is infeasible there.
	NoNetem Quirk = "no-netem"
	// CPUCapped has a quota on what the workers get: the cpu attack turns out weak.
	CPUCapped Quirk = "cpu-capped"
	// SlowBanner takes three seconds before it says the first word of SSH.
	SlowBanner Quirk = "slow-banner"
	// NoSystemd is a small machine whose PID 1 is busybox: it has no units, cannot shape what arrives, and has a twin of the
	// guard in place of systemd's.
	NoSystemd Quirk = "no-systemd"
	// StickyUndo fails the first undo of every fault and is left with residue; the second succeeds.
	StickyUndo Quirk = "sticky-undo"
)

const (
	leastWithQuirks        = 10
	leastWithSmallMachines = 20
	bannerDelay            = 3 * time.Second // on the fleet's clock
	// cappedShare is what a CPUCapped host lets the workers have of what they ask for.
	cappedShare = 0.4
)

// quirksOf decides which hosts of the fleet are special: index → quirk.
func quirksOf(hosts int, seed uint64) map[int]Quirk {
	if hosts < leastWithQuirks {
		return nil
	}
	kinds := []Quirk{Unreachable, NoNetem, CPUCapped, SlowBanner, StickyUndo}
	each := min(1+hosts/1000, 5)
	order := rand.New(rand.NewPCG(seed, 0x7175_6972_6b)).Perm(hosts)
	special := make(map[int]Quirk, each*(1+len(kinds)))
	for i := range each * len(kinds) {
		special[order[i]] = kinds[i%len(kinds)]
	}
	if hosts >= leastWithSmallMachines {
		for i := range each {
			special[order[each*len(kinds)+i]] = NoSystemd
		}
	}
	return special
}
