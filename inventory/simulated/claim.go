package simulated

import (
	"fmt"
	"time"
)

// claim is an attack that has the host, like the state directory on a real one: while it exists the host
// is busy, and after a failed undo it is the residue.
type claim struct {
	id      string
	kind    string
	params  params
	faults  []suffered // what the host suffers once it is applied
	since   time.Time
	applied bool          // the fault is on; guarded by host.mu
	tried   bool          // an undo has been tried; guarded by host.mu
	guarded bool          // a guard is alive; guarded by host.mu
	over    chan struct{} // closed when the claim is given up, by whomever
	harm    *harm
	expiry  *time.Timer // the kernel's own end of a fault that cuts the control path
}

// take claims the host, or names the claim that has it.
func (h *host) take(c *claim) (holder string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claim != nil {
		return h.claim.id + " " + h.claim.sentence()
	}
	h.claim = c
	return ""
}

// sentence describes a claim to another controller. The caller holds host.mu.
func (c *claim) sentence() string {
	if c.guarded {
		return "a " + c.kind + " attack is on this host"
	}
	return "leftovers of a " + c.kind + " attack that nobody guards"
}

// apply switches the fault on. One that cuts the control path ends by itself after ttl, with no guard.
func (h *host) apply(c *claim, now time.Time, ttl time.Duration) {
	errors, slow := 0.0, 0.0
	for _, s := range c.faults {
		e, l := h.severity(s.kind, s.params)
		errors, slow = errors+e*h.world.weight, slow+l*h.world.weight
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claim != c {
		return // somebody has undone it a moment ago
	}
	c.applied = true
	c.harm = &harm{errors: errors, slow: slow, from: now}
	h.world.suffer(c.harm)
	if h.world.faults[c.kind].cutsIn(c.params) {
		h.road = make(chan struct{})
		c.expiry = time.AfterFunc(h.world.clock.Real(ttl), h.thaw)
	}
}

// thaw lets the control path through again.
func (h *host) thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repave()
}

// repave is thaw for who holds host.mu.
func (h *host) repave() {
	if h.road != nil {
		close(h.road)
		h.road = nil
	}
}

// passable is closed when the control path is open; nil when it is open already.
func (h *host) passable() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.road
}

// undone is how an undo ended. The zero value says that there was nothing to undo.
type undone struct {
	found   bool     // there was something of that id
	lines   []string // what the script would print
	trouble string   // not empty: residue
}

// undo takes back what the attack with that id has done. It may be asked twice, and by anyone.
func (h *host) undo(id string) undone {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.claim
	if c == nil || c.id != id {
		return undone{}
	}
	sticks := h.quirk == StickyUndo && c.applied && !c.tried
	c.tried = true
	if sticks {
		h.repave()
		return undone{found: true, lines: []string{"Error: Resource temporarily unavailable"},
			trouble: fmt.Sprintf("the %s fault of %s is still there: the undo failed half-way, try again", c.kind, c.id)}
	}
	u := undone{found: true}
	if c.applied {
		u.lines = h.world.faults[c.kind].taking(h, c.params)
	}
	h.release(h.world.clock.Now())
	return u
}

// abandon says that the guard of the claim has ended and left the fault behind.
func (h *host) abandon(c *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.guarded = false
}

// release gives the claim up; at is when its fault ends. The caller holds host.mu.
func (h *host) release(at time.Time) {
	c := h.claim
	h.repave()
	if c.expiry != nil {
		c.expiry.Stop()
	}
	h.world.relieve(c.harm, at)
	c.applied = false
	h.claim = nil
	close(c.over)
}

// holding describes the claim that has the host; ok is false when it is free.
func (h *host) holding(now time.Time) (id string, age time.Duration, guarded bool, sentence string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claim == nil {
		return "", 0, false, "", false
	}
	c := h.claim
	return c.id, now.Sub(c.since), c.guarded, c.sentence(), true
}
