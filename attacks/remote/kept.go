package remote

import (
	"slices"
	"sync"
	"time"
)

// kept are the connections that stay open with nothing to do, by room. Each has one user at a time: an attack
// takes its connection out, and gives it back. The survey sees to it that those in here are alive; who takes
// one out asks again.
type kept struct {
	most int // how many there may be

	mu     sync.Mutex
	links  map[string]*link
	closed bool
	work   sync.WaitGroup
}

// find is the connection in that room, which stays there; nil without one.
func (k *kept) find(room string) *link {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.links[room]
}

// take takes the connection out.
func (k *kept) take(room string) *link {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.links[room]
	delete(k.links, room)
	return l
}

// lastWords is how long a command that nobody waits for any more may take to notice.
const lastWords = 300 * time.Millisecond

// give is false, and the connection still the giver's, where it is not fit to be kept: it has ended, a
// command still hangs on it, or there is no room.
func (k *kept) give(room string, l *link) bool {
	if l.sessions.yield(lastWords); l.broken() || l.sessions.quiet() != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || len(k.links) >= k.most || k.links[room] != nil {
		return false
	}
	if k.links == nil {
		k.links = map[string]*link{}
	}
	k.links[room] = l
	return true
}

// room tells whether one more may be kept.
func (k *kept) roomy() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.closed && len(k.links) < k.most
}

func (k *kept) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.links)
}

// drop closes the connection in that room, if it is that one; nil is any.
func (k *kept) drop(room string, l *link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if held := k.links[room]; held != nil && (l == nil || held == l) {
		delete(k.links, room)
		k.discard(held)
	}
}

// discard frees the descriptor at once, and waits for the rest elsewhere.
func (k *kept) discard(l *link) {
	l.fail("closed by us")
	k.work.Go(l.close)
}

// shed closes some, for somebody who has more need of a descriptor. It is false if there are none.
func (k *kept) shed(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	any := false
	for room, l := range k.links {
		if n--; n < 0 {
			break
		}
		any = true
		delete(k.links, room)
		k.discard(l)
	}
	return any
}

// empty closes all of them, and returns when nothing of them is left.
func (k *kept) empty() {
	k.shed(int(^uint(0) >> 1))
	k.work.Wait()
}

// close is empty, for good.
func (k *kept) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.empty()
}

// still is how long a kept connection has for its sign of life, beyond what it took the last time. Dialling
// anew is not much slower.
const still = 500 * time.Millisecond

// take is the connection that was kept open in that room, proven alive and its keys still trusted; nil
// where there is none such.
func (c *Carrier) take(room string) *link {
	l := c.kept.take(room)
	if l == nil {
		return nil
	}
	if l.broken() || !c.keys.trusts(l.shown) || l.ping(4*l.roundTrip()+still) != nil {
		c.kept.discard(l)
		return nil
	}
	return l
}

// shown is the key of one hop, as it was verified.
type shown struct {
	addr string
	key  hostKey
}

func (l *link) see(s shown) { l.shown = append(slices.Clip(l.shown), s) }
