package remote

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// brake is the part of an attack that hears a stop. It has a goroutine of its own, which waits for nothing
// else: when the stop comes, it is written to the guard's open session before anybody is told, anything is
// recorded or the attack itself has noticed.
type brake struct {
	halt  context.Context // ends, with a [halted], when the fault must go
	pull  context.CancelCauseFunc
	stops *traffic
	guard atomic.Pointer[guard]  // the session to write to, as soon as there is one
	why   atomic.Pointer[halted] // the first cause, known before it is written

	counting sync.Mutex
	counted  bool // among those that are being stopped
	over     bool // the stop has been acknowledged, or cannot be for now
}

// heard is how long the write of a stop may keep its own attack from hearing of the stop.
const heard = 20 * time.Millisecond

// listen turns the two ways to be told to end into one. It takes in every further cause, so that nobody
// waits to give one. The function that it returns ends it.
func listen(ctx context.Context, stop <-chan string, stops *traffic) (*brake, func()) {
	b := &brake{stops: stops}
	b.halt, b.pull = context.WithCancelCause(context.WithoutCancel(ctx))
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ended := ctx.Done()
		for {
			select {
			case cause, more := <-stop:
				if !more {
					cause, stop = "stop", nil
				}
				b.press(halted(first(cause, "stop")))
			case <-ended:
				ended = nil
				b.press(halted("shutdown"))
			case <-over:
				return
			}
		}
	}()
	return b, func() {
		close(over)
		<-done
		b.pull(nil)
		b.settle()
	}
}

// press writes the stop, and then tells the attack.
func (b *brake) press(cause halted) {
	b.count()
	b.why.CompareAndSwap(nil, &cause)
	if g := b.guard.Load(); g != nil {
		late := time.AfterFunc(heard, func() { b.pull(cause) })
		g.stop()
		late.Stop()
	}
	b.pull(cause)
}

// told is the cause of a stop. The host may answer the stop before the attack has heard of it: whatever
// happens then happens because of the stop.
func (b *brake) told() (cause halted, ok bool) {
	if why := b.why.Load(); why != nil {
		return *why, true
	}
	return "", false
}

// on has the brake act on the guard. A stop that came before is seen by whoever waits for the guard.
func (b *brake) on(g *guard) { b.guard.Store(g) }

// count puts the run among those that are being stopped: the background leaves the network to them.
func (b *brake) count() {
	b.counting.Lock()
	defer b.counting.Unlock()
	if !b.counted && !b.over {
		b.counted = true
		b.stops.enter()
	}
}

// settle takes it out of them.
func (b *brake) settle() {
	b.counting.Lock()
	defer b.counting.Unlock()
	b.over = true
	if b.counted {
		b.counted = false
		b.stops.leave()
	}
}

// traffic counts those who must not be disturbed.
type traffic struct {
	mu   sync.Mutex
	n    int
	calm chan struct{} // closed when nobody is left; nil while nobody has come
}

func (t *traffic) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		t.calm = make(chan struct{})
	}
	t.n++
}

func (t *traffic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 {
		close(t.calm)
		t.calm = nil
	}
}

// quiet is closed when nobody must be left in peace any more; nil: nobody must.
func (t *traffic) quiet() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calm
}

// yield lets the others go first, for as long as they need and no longer than the limit.
func (t *traffic) yield(limit time.Duration) {
	calm := t.quiet()
	if calm == nil {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-calm:
	case <-timer.C:
	}
}

// tale is what an attack has to tell, in order. The listener may be slow, because it writes a journal for a
// thousand others: so it is called by a goroutine of its own, which lives for as long as there is something
// to tell, and only who wants to waits for it.
type tale struct {
	hear func(engine.Advanced)

	mu    sync.Mutex
	queue []chapter
	alive bool
	work  sync.WaitGroup
}

type chapter struct {
	engine.Advanced
	heard chan struct{} // closed when it has been told
}

// add returns at once; the channel is closed when the listener has heard.
func (t *tale) add(e engine.Advanced) <-chan struct{} {
	heard := t.later(e)
	t.begin()
	return heard
}

// begin tells what there is to tell.
func (t *tale) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.alive && len(t.queue) > 0 {
		t.alive = true
		t.work.Go(t.run)
	}
}

// later is add for what is told together with what comes next.
func (t *tale) later(e engine.Advanced) <-chan struct{} {
	c := chapter{e, make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, c)
	return c.heard
}

func (t *tale) run() {
	for {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.alive = false
			t.mu.Unlock()
			return
		}
		c := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Unlock()
		t.hear(c.Advanced)
		close(c.heard)
	}
}

// end returns when all has been told.
func (t *tale) end() {
	t.begin()
	t.work.Wait()
}
