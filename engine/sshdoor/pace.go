package sshdoor

import (
	"context"
	"maps"
	"sync"
	"time"
)

// pace lets through so many at once, and then one in each interval.
type pace struct {
	every time.Duration
	most  int

	mu   sync.Mutex
	full time.Time // when there is nothing left to make up for
}

// claim takes the next turn, and says how long it is until then.
func (p *pace) claim(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = p.next(now)
	return p.full.Sub(now) - time.Duration(p.most)*p.every
}

// take takes a turn if there is one now.
func (p *pace) take(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.next(now)
	if next.Sub(now) > time.Duration(p.most)*p.every {
		return false
	}
	p.full = next
	return true
}

func (p *pace) next(now time.Time) time.Time {
	if p.full.Before(now) {
		return now.Add(p.every)
	}
	return p.full.Add(p.every)
}

// giveBack undoes one take.
func (p *pace) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = p.full.Add(-p.every)
}

// idle tells whether there is nothing to make up for: a new one would be the same.
func (p *pace) idle(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.full.After(now)
}

// turn waits for the next turn; false means that ctx ended first.
func (p *pace) turn(ctx context.Context) bool {
	d := p.claim(time.Now())
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// paces is a pace for each of many.
type paces[K comparable] struct {
	every time.Duration
	most  int

	mu    sync.Mutex
	those map[K]*pace // only who has something to make up for, and never more than mostPaces
}

// mostPaces is how many are told apart: so many that few share what is forgotten, and little memory.
const mostPaces = 1024

// take takes a turn of one of them if there is one now.
func (p *paces[K]) take(one K, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	its := p.those[one]
	if its == nil {
		its = &pace{every: p.every, most: p.most}
		p.makeRoom(now)
		p.those[one] = its
	}
	return its.take(now)
}

// giveBack undoes one take of one that is still remembered.
func (p *paces[K]) giveBack(one K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if its := p.those[one]; its != nil {
		its.giveBack()
	}
}

// makeRoom forgets who has nothing to make up for, and when that is nobody, anybody: who comes as the one too many is
// not to pay for the others.
func (p *paces[K]) makeRoom(now time.Time) {
	if p.those == nil {
		p.those = map[K]*pace{}
	}
	if len(p.those) < mostPaces {
		return
	}
	maps.DeleteFunc(p.those, func(_ K, its *pace) bool { return its.idle(now) })
	for one := range p.those {
		if len(p.those) < mostPaces*3/4 { // so that this is not to be done for each who comes
			return
		}
		delete(p.those, one)
	}
}
