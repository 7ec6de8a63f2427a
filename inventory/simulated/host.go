package simulated

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// host is one simulated machine. What it shows is a function of the time, the seed, the fault that is on
// and how often it has booted; nothing of it ever touches the machine that runs the demo.
type host struct {
	engine.Host
	world *world
	index int
	role  role
	cores int
	quirk Quirk
	apart time.Duration // real time that an answer is on its way

	mu      sync.Mutex
	boots   uint64          // reboots since the fleet was made
	booted  time.Time       // when the present boot began; in the future while the host is away
	claim   *claim          // the attack that has the host; its fault may be on or not
	runners map[string]bool // digests of uploaded runners, in a tmpfs as it were
	links   map[*link]bool  // open connections
	road    chan struct{}   // open while a fault cuts the control path; closed when it is passable again
}

// role is what a host does for the fleet.
type role struct {
	name     string
	share    int      // of twenty hosts, how many
	load     float64  // per cent busy on an ordinary day
	services []string // beside those of every host
	// What users feel when such a host is attacked: error rate in per cent and p99 in ms for being cut
	// off, and how much of a delay and of a load arrives at them.
	errors, slow, delayed, loaded float64
}

var roles = []role{
	{name: "web", share: 8, load: 16, services: []string{"nginx.service"}, errors: 0.6, slow: 30, delayed: 0.4, loaded: 0.3},
	{name: "api", share: 6, load: 22, services: []string{"api.service"}, errors: 1.6, slow: 120, delayed: 1.1, loaded: 1},
	{name: "db", share: 3, load: 27, services: []string{"postgresql.service"}, errors: 7, slow: 700, delayed: 2.4, loaded: 2},
	{name: "cache", share: 3, load: 12, services: []string{"redis.service"}, errors: 1.4, slow: 260, delayed: 1.5, loaded: 0.6},
}

var everywhere = []string{"ssh.service", "cron.service", "node-exporter.service"}

// roleOf spreads the roles so that any twenty neighbours have them in the shares of the table.
func roleOf(index int) role {
	at := index * 7 % 20
	for _, r := range roles {
		if at < r.share {
			return r
		}
		at -= r.share
	}
	panic("simulated: the shares of the roles do not add up to twenty")
}

// newHost makes the machine behind a roster entry; it has been up for days or months.
func newHost(w *world, index int, entry engine.Host, quirk Quirk, now time.Time) *host {
	up := 3*24*time.Hour + time.Duration(w.trait(index, traitUptime)*float64(180*24*time.Hour))
	return &host{
		Host: entry, world: w, index: index, role: roleOf(index), quirk: quirk,
		cores:  []int{2, 4, 4, 8, 16}[int(w.trait(index, traitCores)*5)],
		booted: now.Add(-up),
	}
}

// busy is the CPU's share of work, in per cent.
func (h *host) busy(now time.Time) float64 {
	w := h.world
	idle := h.role.load + 10*(w.trait(h.index, traitLoad)-0.5)
	idle += 3*w.noise(h.index, noiseLoadSlow, now, 7*time.Minute) + 1.5*w.noise(h.index, noiseLoad, now, 5*time.Second)
	idle = min(max(idle, 0.5), 97)
	on, is := h.on(cpu)
	if !is {
		return idle
	}
	more := hogs(h, on.params, idle)
	if h.quirk == CPUCapped {
		more *= cappedShare
	}
	return idle + more
}

// hogs is by how much a cpu attack makes a host busier, in per cent of all cores: it holds the whole machine at a
// load, or lets so many workers take their share of what others leave.
func hogs(h *host, p params, idle float64) float64 {
	if p.number("workers", 0) == 0 {
		return max(0, float64(p.number("load", 80))-idle)
	}
	return demand(h, p) * (100 - idle) / 100
}

// demand is what a cpu attack asks for, in per cent of all cores.
func demand(h *host, p params) float64 {
	workers := min(p.workers(h), h.cores)
	return float64(p.number("load", 80)*workers) / float64(h.cores)
}

// rtt is the round trip to the gateway, or to the targets that the parameters name, in ms.
func (h *host) rtt(now time.Time, p params) float64 {
	w := h.world
	quiet := 0.3 + 0.9*w.trait(h.index, traitRTT)
	quiet *= 1 + 0.12*w.noise(h.index, noiseRTT, now, 3*time.Second)
	on, is := h.on(latency)
	if !is || on.params["targets"] != "" && on.params["targets"] != p["targets"] {
		return quiet
	}
	shake := 0.5 * w.noise(h.index, noiseJitter, now, 200*time.Millisecond) // several pings, averaged
	return quiet + max(0, on.params.delayed()+float64(on.params.number("jitter", 0))*shake)
}

// delayed is by how much a round trip becomes longer, in ms: a packet that waits each way waits twice.
func (p params) delayed() float64 {
	if p["direction"] == "both" {
		return 2 * p.decimal("delay")
	}
	return p.decimal("delay")
}

// answered is how many of the probes to the peers come back, in per cent.
func (h *host) answered(p params) float64 {
	on, is := h.on(blackhole)
	if !is || on.params["targets"] != "" && on.params["targets"] != p["targets"] {
		return 100
	}
	return 0
}

// dropped counts the packets that the fault has eaten so far.
func (h *host) dropped(now time.Time) float64 {
	on, is := h.on(blackhole)
	if !is {
		return 0
	}
	return 1 + math.Floor(7*now.Sub(on.since).Seconds())
}

// active tells whether the service runs.
func (h *host) active(unit string) bool {
	on, is := h.on(serviceStop)
	return !is || on.params["unit"] != unit
}

// applied is a fault that is on, with its parameters.
type applied struct {
	params params
	since  time.Time
}

// on finds the fault of that kind that is applied, alone or as a part of a compound attack.
func (h *host) on(kind string) (applied, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claim == nil || !h.claim.applied {
		return applied{}, false
	}
	i := slices.IndexFunc(h.claim.faults, func(s suffered) bool { return s.kind == kind })
	if i < 0 {
		return applied{}, false
	}
	return applied{h.claim.faults[i].params, h.claim.harm.from}, true
}

// standing is what the host has to undo a fault with: where systemd is not PID 1, a detached twin of the guard.
func (h *host) standing(f fault) []string {
	if h.quirk != NoSystemd {
		return f.layers
	}
	layers := slices.Clone(f.layers)
	layers[len(layers)-1] = "twin"
	return layers
}

// services are the units of the host.
func (h *host) services() []string {
	return append(append([]string(nil), h.role.services...), everywhere...)
}

// uptime is how long the present boot has lasted; negative while the host is away.
func (h *host) uptime(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Sub(h.booted)
}

// bootID is the kernel's random id of the present boot.
func (h *host) bootID() string {
	h.mu.Lock()
	boots := h.boots
	h.mu.Unlock()
	a, b := h.world.hash(uint64(h.index), traitBoot, boots), h.world.hash(uint64(h.index), traitBoot, boots, 1)
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// away tells whether nothing answers there just now.
func (h *host) away(now time.Time) bool {
	return h.quirk == Unreachable || h.uptime(now) < 0
}

// downtime is how long a reboot takes: about eight seconds of the fleet's time.
func (h *host) downtime() time.Duration {
	h.mu.Lock()
	boots := h.boots
	h.mu.Unlock()
	extra := unit(h.world.hash(uint64(h.index), traitDowntime, boots))
	return 7*time.Second + time.Duration(2*extra*float64(time.Second))
}

// untilSomebodyComes is how long a host that was switched off stays so: longer than any attack waits for it, and
// not so long that a demo would have lost it.
const untilSomebodyComes = 20 * time.Minute

// goDown cuts every connection and forgets all that was volatile: the fault, the claim, the runner. The host
// comes back with another boot id; if it was switched off, not before somebody has gone there.
func (h *host) goDown(now time.Time, off bool) {
	back := now.Add(h.downtime())
	if off {
		back = now.Add(untilSomebodyComes)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claim != nil {
		h.release(back)
	}
	h.boots++
	h.booted = back
	h.runners = nil
	for l := range h.links {
		l.cut()
	}
}

// severity is what users feel of a fault of that kind here.
func (h *host) severity(kind string, p params) (errors, slow float64) {
	fragile := 0.5 + h.world.trait(h.index, traitFragile)
	switch kind {
	case latency:
		return 0, fragile * h.role.delayed * float64(p.number("delay", 0))
	case cpu:
		return 0, fragile * h.role.loaded * demand(h, p)
	case blackhole, reboot:
		return fragile * h.role.errors, fragile * h.role.slow
	}
	weigh := map[string]float64{network: 0.4, resource: 0.2, state: 0.1}[h.world.faults[kind].Family]
	switch unit := p["unit"]; {
	case unit == h.role.services[0]: // what users came for
		weigh = 1
	case unit != "":
		return 0, 0
	}
	return weigh * fragile * h.role.errors, weigh * fragile * h.role.slow
}

// rounded keeps the figures as short as a script would print them.
func rounded(x float64) float64 { return math.Round(x*10) / 10 }
