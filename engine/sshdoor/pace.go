package sshdoor

import (
	"context"
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
