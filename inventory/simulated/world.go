package simulated

import (
	"math"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine/clock"
)

// world is what all hosts share: the seed, the clock and the memory of the harm done, from which the
// health of the whole is computed.
type world struct {
	seed   uint64
	clock  clock.Clock
	faults map[string]fault // by kind; never changed once the fleet is there
	weight float64          // of one host for those who use the fleet; 1 up to sixty hosts
	rests  time.Duration    // real time below which no lease is shortened by a fast clock

	mu    sync.Mutex
	harms []*harm
}

// harm is what one fault does to those who use the fleet, and how long it did so.
type harm struct {
	errors float64   // added to the error rate, in per cent
	slow   float64   // added to the p99 latency, in ms
	from   time.Time // when it began
	until  time.Time // when it ended; zero while it lasts
}

// Users feel a fault a little later than it begins and a little longer than it lasts.
const (
	harmRises  = 3 * time.Second
	harmDecays = 4 * time.Second
	harmGone   = time.Minute // after which nothing of it can be seen any more
)

// strain is how much of the harm is felt at that moment, 0 to 1.
func (h harm) strain(now time.Time) float64 {
	if now.Before(h.from) {
		return 0
	}
	end := now
	if !h.until.IsZero() && h.until.Before(now) {
		end = h.until
	}
	rise := 1 - math.Exp(-float64(end.Sub(h.from))/float64(harmRises))
	return rise * math.Exp(-float64(now.Sub(end))/float64(harmDecays))
}

// suffer remembers a harm until it has decayed.
func (w *world) suffer(h *harm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.harms[:0]
	for _, old := range w.harms {
		if old.until.IsZero() || h.from.Sub(old.until) < harmGone {
			kept = append(kept, old)
		}
	}
	w.harms = append(kept, h)
}

// relieve ends a harm; ending it twice keeps the first end.
func (w *world) relieve(h *harm, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h != nil && h.until.IsZero() {
		h.until = now
	}
}

// felt is the sum of all harms at that moment.
func (w *world) felt(now time.Time) (errors, slow float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.harms {
		s := h.strain(now)
		errors += s * h.errors
		slow += s * h.slow
	}
	return errors, slow
}

// The channels of noise: two figures of one host never wobble in step.
const (
	noiseLoad uint64 = iota + 1
	noiseLoadSlow
	noiseRTT
	noiseJitter
	noiseErrors
	noiseP99
	noiseGauge
	traitLoad
	traitRTT
	traitFragile
	traitUptime
	traitBoot
	traitCores
	traitDowntime
	traitMachine
	traitGauge
)

// noise is a smooth random walk between -1 and 1 that turns about once a period: a pure function of the
// seed, the host, the channel and the time.
func (w *world) noise(host int, channel uint64, now time.Time, period time.Duration) float64 {
	at := now.UnixNano()
	step := at / int64(period)
	x := float64(at%int64(period)) / float64(period)
	x = x * x * (3 - 2*x)
	a, b := w.lattice(host, channel, step), w.lattice(host, channel, step+1)
	return a + (b-a)*x
}

func (w *world) lattice(host int, channel uint64, step int64) float64 {
	return 2*unit(w.hash(uint64(host), channel, uint64(step))) - 1
}

// trait is a constant of a host between 0 and 1.
func (w *world) trait(host int, channel uint64) float64 {
	return unit(w.hash(uint64(host), channel))
}

func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// hash mixes the words with the seed (splitmix64), so that neighbouring hosts have nothing in common.
func (w *world) hash(words ...uint64) uint64 {
	h := w.seed
	for _, word := range words {
		h += word + 0x9e3779b97f4a7c15
		h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9
		h = (h ^ (h >> 27)) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}
