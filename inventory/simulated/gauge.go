package simulated

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// generic is an attack of which the fleet knows what the catalogue says and no more: it says what it was told
// to do, and its figure goes where the family, the unit and the parameters let one expect.
func generic(a Attack) fault {
	f := fault{
		inject: func(_ *host, p params) []string {
			return []string{strings.TrimSpace(a.Kind + ": " + p.words()), a.Kind + ": it is on"}
		},
		undo: func(*host, params) []string {
			return []string{a.Kind + ": it is taken back, and nothing of it is left"}
		},
		measure: func(h *host, p params, now time.Time) reading {
			g := a.gauge(h, p)
			way, by := "up", g.moved-g.calm
			if by < 0 {
				way, by = "down", -by
			}
			expect := fmt.Sprintf("%s %v", way, rounded(by))
			if a.changes() {
				expect = "change"
			}
			return reading{about: toward(p), figure: h.at(now, a, g), expect: expect}
		},
	}
	if a.Supervised || slices.Contains(staysDown, a.Kind) {
		f.measure = func(*host, params, time.Time) reading { return byBootID }
	}
	return f
}

// gauge is a figure of a host without the fault and with it, as it would be if it never wobbled.
type gauge struct{ calm, moved float64 }

// at is the figure at that moment: it wobbles by a little, and a host that gives workers too little lets it go
// only part of the way.
func (h *host) at(now time.Time, a Attack, g gauge) float64 {
	level := g.calm
	if _, on := h.on(a.Kind); on {
		move := g.moved - g.calm
		if a.Family == resource && h.quirk == CPUCapped {
			move *= cappedShare
		}
		level += move
	}
	if a.Unit == "" || a.Family == state || level == 0 || level == 100 {
		return level // counts, clocks, and what is all or nothing
	}
	return level * (1 + 0.02*h.world.noise(h.index, noiseGauge, now, 5*time.Second))
}

// gauge is where the figure of an attack stands on that host, and where the parameters drive it.
func (a Attack) gauge(h *host, p params) gauge {
	trait := h.world.trait(h.index, traitGauge)
	switch unit := strings.ToLower(a.Unit); {
	case unit == "%":
		return a.percentage(p, trait)
	case unit == "ms" && a.Family == network:
		delay, set := a.of(p, "ms")
		return risen(0.3+0.9*trait, orElse(delay, set, 200))
	case unit == "ms" || unit == "s": // of a clock, whichever way it is wrong
		off, set := a.of(p, "ms")
		off = orElse(math.Abs(off), set, 60_000)
		return risen(0, map[string]float64{"ms": off, "s": off / 1000}[unit])
	case strings.Contains(unit, "/s") || strings.Contains(unit, "bit"):
		return a.rate(p, unit, 700+240*trait)
	case strings.HasSuffix(unit, "b"): // KiB, MB: what is taken of it
		return a.volume(p, unit, 600+400*trait)
	}
	return a.count(p, trait)
}

// percentage is a share of something: what is answered or free falls, what is busy, lost or used rises.
func (a Attack) percentage(p params, trait float64) gauge {
	by, set := a.of(p, "share", "percent")
	switch {
	case a.falls() && a.Family == network:
		return gauge{100, 100 - orElse(by, set, 100)}
	case a.falls():
		free := 55 + 20*trait
		return gauge{free, free * (1 - min(100, orElse(by, set, 60))/100)}
	case a.Family == network:
		return risen(0, orElse(by, set, 100))
	}
	used := 15 + 20*trait
	return gauge{used, max(used+1, orElse(by, set, 80))} // until that much is used, others' use included
}

// rate is what passes in a second: a link is throttled to a rate, a disk is made busy.
func (a Attack) rate(p params, unit string, usual float64) gauge {
	to, set := a.of(p, "rate")
	if !set {
		if a.falls() || a.Family == network {
			return gauge{usual, usual / 10}
		}
		return risen(usual/100, usual/2)
	}
	switch { // a rate travels in kbit
	case strings.HasPrefix(unit, "m"):
		to /= 1000
	case strings.HasPrefix(unit, "g"):
		to /= 1e6
	case strings.HasPrefix(unit, "k"):
		usual *= 1000
	}
	return gauge{max(usual, 2*to), to}
}

// volume is room that is taken; a size travels in KiB.
func (a Attack) volume(p params, unit string, usual float64) gauge {
	size, set := a.of(p, "size")
	scale := map[byte]float64{'k': 1, 'm': 1 << 10, 'g': 1 << 20, 't': 1 << 30}[unit[0]]
	size = orElse(size/max(1, scale), set, usual)
	if a.falls() {
		return gauge{size + usual, usual}
	}
	return risen(usual, size)
}

// count is a plain number: what runs goes, what is held comes.
func (a Attack) count(p params, trait float64) gauge {
	n, set := a.of(p, "int")
	switch {
	case a.Family == resource && a.falls():
		return gauge{1000 + orElse(n, set, 500), 1000}
	case a.Family == resource:
		return risen(float64(int(100+200*trait)), max(1, orElse(n, set, 500)))
	case a.falls():
		return gauge{1, 0}
	case a.changes(): // the number of a process
		return risen(float64(400+int(3000*trait)), 217)
	case strings.HasPrefix(a.Figure, "processes"): // some of those that are meant
		n = max(1, orElse(n, set, 1))
		return gauge{n + 2, 2}
	}
	return risen(0, max(1, orElse(n, set && a.has("count"), 1)))
}

// changes tells whether the figure names what is there, so that any other number is the effect.
func (a Attack) changes() bool { return a.Unit == "" && strings.Contains(a.Figure, "main process") }

// falls tells by the name of a figure whether an attack makes it smaller.
func (a Attack) falls() bool {
	return !strings.Contains(a.Figure, "twice") && slices.ContainsFunc(strings.Fields(a.Figure), func(word string) bool { return slices.Contains(falling[a.Family], word) })
}

// falling are the words of figures that attacks of a family make smaller.
var falling = map[string][]string{
	network:  {"answered", "throughput", "bandwidth", "rate", "reached", "reachable", "resolved", "up", "accepted", "connected"},
	resource: {"free", "available", "idle", "left"},
	state:    {"active", "alive", "running", "up", "answered", "reachable", "progress", "free"},
}

func risen(calm, by float64) gauge { return gauge{calm, calm + by} }

func orElse(value float64, set bool, other float64) float64 {
	if set {
		return value
	}
	return other
}
