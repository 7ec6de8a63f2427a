package local

import (
	"context"
	"errors"

	"github.com/chaoscat/chaoscat/engine"
)

// ErrEnded is returned to an order that reached an engine which has ended.
var ErrEnded = errors.New("the engine has ended")

// publish puts the newest view into every watcher's slot, taking out an older one that was not read.
func (e *Engine) publish() {
	s := e.describe(e.o.Clock.Now())
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latest = s
	for slot := range e.watchers {
		offer(slot, s)
	}
}

func offer(slot chan engine.Snapshot, s engine.Snapshot) {
	select {
	case <-slot:
	default:
	}
	select {
	case slot <- s:
	default:
	}
}

// Watch delivers the newest view whenever something changed, beginning with the present one. A slow
// reader misses views, never delays the engine. The channel is closed when ctx or the engine ends.
func (e *Engine) Watch(ctx context.Context) <-chan engine.Snapshot {
	slot := make(chan engine.Snapshot, 1)
	e.mu.Lock()
	slot <- e.latest
	e.watchers[slot] = struct{}{}
	e.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-e.ended:
		}
		e.mu.Lock()
		delete(e.watchers, slot)
		close(slot)
		e.mu.Unlock()
	}()
	return slot
}

// Snapshot is the newest view.
func (e *Engine) Snapshot() engine.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.latest
}

// History lists the records after seq that are still in memory, oldest first.
func (e *Engine) History(_ context.Context, after uint64) ([]engine.Record, error) {
	return e.log.after(after), nil
}

// Order hands over an order and waits for its answer; a refusal is an *engine.Refusal. An order that
// launches an attack is answered when the attack begins, not when it ends.
func (e *Engine) Order(ctx context.Context, o engine.Order) error {
	_, err := e.Ask(ctx, o)
	return err
}

// Ask is Order that also says which run has begun.
func (e *Engine) Ask(ctx context.Context, o engine.Order) (run string, err error) {
	reply := make(chan engine.Reply, 1)
	select {
	case e.asked <- ordered{o, reply}:
	case <-ctx.Done():
		return "", ctx.Err()
	case <-e.ended:
		return "", ErrEnded
	}
	select {
	case r := <-reply:
		if r.Refusal != nil {
			return "", &engine.Refusal{Verdict: *r.Refusal}
		}
		return r.Run, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-e.ended:
		return "", ErrEnded
	}
}

func (e *Engine) order(life context.Context, o ordered) {
	if check := e.tenure.Check; check != nil {
		if err := check(o.order); err != nil {
			o.reply <- engine.Reply{Order: o.order.ID, Refusal: &engine.Verdict{Name: engine.BadOrder, Sentence: err.Error()}}
			return
		}
	}
	e.orders[o.order.ID] = append(e.orders[o.order.ID], o.reply)
	e.step(life, engine.Ordered{Order: o.order})
}

func (e *Engine) answer(r engine.Reply) {
	for _, reply := range e.orders[r.Order] {
		reply <- r
	}
	delete(e.orders, r.Order)
}
