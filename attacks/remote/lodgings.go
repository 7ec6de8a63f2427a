package remote

import (
	"context"
	"sync"
)

// lodgings counts who of us is on which host, so that the last one to leave takes the runner's file along
// and nobody takes it from under another.
type lodgings struct {
	mu    sync.Mutex
	rooms map[string]*room
}

type room struct {
	guests   int
	cleaning chan struct{} // closed when the last guest has cleaned up
}

// enter waits while somebody is cleaning up.
func (l *lodgings) enter(ctx context.Context, host string) error {
	for {
		l.mu.Lock()
		if l.rooms == nil {
			l.rooms = map[string]*room{}
		}
		r := l.rooms[host]
		if r == nil {
			r = &room{}
			l.rooms[host] = r
		}
		if r.cleaning == nil {
			r.guests++
			l.mu.Unlock()
			return nil
		}
		cleaned := r.cleaning
		l.mu.Unlock()
		select {
		case <-cleaned:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// occupied tells whether anybody is there.
func (l *lodgings) occupied(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rooms[host] != nil
}

// leave calls clean if nobody else is there, and keeps others out until it has returned.
func (l *lodgings) leave(host string, clean func()) {
	l.mu.Lock()
	r := l.rooms[host]
	r.guests--
	if r.guests > 0 {
		l.mu.Unlock()
		return
	}
	r.cleaning = make(chan struct{})
	l.mu.Unlock()
	clean()
	l.mu.Lock()
	delete(l.rooms, host)
	l.mu.Unlock()
	close(r.cleaning)
}
