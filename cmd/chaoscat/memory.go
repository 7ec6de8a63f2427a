package main

import "runtime/debug"

// What the collector is asked to stay below: with ten thousand hosts looked at and logged in to, the whole
// program fits into 512 MiB. What is beyond that, in hosts or in logins kept open, is added to it.
const (
	memoryAim = 440 << 20
	aimHosts  = 10_000
	loginCost = 44 << 10 // of one login that is kept open
	hostCost  = 4 << 10  // of one host that is known
)

// keepWithin sets the soft limit, unless whoever started the program has set one (GOMEMLIMIT).
func (w world) keepWithin(hosts, logins int) {
	if w.env("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(hosts, logins))
	}
}

func memoryLimit(hosts, logins int) int64 {
	return memoryAim + hostCost*int64(max(0, hosts-aimHosts)) + loginCost*int64(max(0, logins-aimHosts))
}

// attachedGC lets the garbage of a console that only looks grow to some times what it keeps, which is little: what
// arrives at ten thousand lines a second is all garbage soon.
const attachedGC = 400

// onlyLooks sets that, unless whoever started the program has said how it is to be (GOGC).
func (w world) onlyLooks() {
	if w.env("GOGC") == "" {
		debug.SetGCPercent(attachedGC)
	}
}
