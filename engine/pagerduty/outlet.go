package pagerduty

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/feed"
)

// Options say what PagerDuty is told, and what is watched there.
type Options struct {
	Account
	Name     string        // what this chaoscat is called
	Machine  string        // where it runs
	Link     string        // for people who read a change event and have never heard of chaoscat; "" is none
	Changes  bool          // a change event where an attack begins and ends
	Alerts   bool          // alerts about hosts and about the scheduler
	Silence  time.Duration // of the engine, from which on it counts as dead; 0: it never does
	Services []string      // whose incidents are watched, by id; none: no incident is
	WatchFor time.Duration // after the end of an attack
	Clock    clock.Clock
	Log      *slog.Logger
}

// Engine is what is followed.
type Engine interface {
	feed.Engine
	Snapshot() engine.Snapshot
}

// Notes is where notes about incidents go.
type Notes interface {
	Order(ctx context.Context, o engine.Order) error
}

// Outlet tells PagerDuty what happens here, and the record what happens there. It is used once.
type Outlet struct {
	o       Options
	events  sender // nil: nothing is sent
	watcher *watcher

	mu     sync.Mutex
	box    *outbox
	view   engine.Snapshot
	began  time.Time
	heard  time.Time // when the engine was last heard of
	steady bool      // the engine has lived for a while
	ending bool      // the engine has said that it ends
	died   string    // why the alert about the scheduler is up; "": it is not
	news   chan struct{}
}

// sender sends one event.
type sender interface {
	send(ctx context.Context, e event) error
}

var _ sender = (*events)(nil)

// New makes an outlet. All that is wrong with the options is reported at once.
func New(o Options) (*Outlet, error) {
	out := &Outlet{o: o, box: newOutbox(), news: make(chan struct{}, 1)}
	var eventsErr, restErr error
	if o.Changes || o.Alerts {
		var s *events
		if s, eventsErr = newEvents(o.Account); eventsErr == nil {
			out.events = s
		}
	}
	if len(o.Services) > 0 {
		var r *rest
		r, restErr = newREST(o.Account, 0)
		out.watcher = &watcher{rest: r, services: o.Services, after: o.WatchFor, clock: o.Clock, log: o.Log, news: make(chan struct{}, 1)}
	}
	if err := errors.Join(eventsErr, restErr); err != nil {
		return nil, err
	}
	return out, nil
}

const (
	steadyAfter = 2 * time.Minute // an engine that has lived so long is taken to be alive
	lookEvery   = 5 * time.Second // at what should be alarmed, also when nothing is heard
	lastWords   = 5 * time.Second // for what is still to be said when all is over
)

// Run follows the engine until ctx ends, which is after the engine's last word. What is then still unsent gets a moment
// more.
func (out *Outlet) Run(ctx context.Context, e Engine, notes Notes) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	if out.watcher != nil {
		out.watcher.note = notes.Order
		out.watcher.recall(e)
		all.Go(func() { out.watcher.run(work) })
	}
	if out.events != nil {
		all.Go(func() { out.sending(work) })
	}
	out.open(e)
	all.Go(func() { out.looking(work) })
	out.follow(ctx, e)
	<-ctx.Done()
	stop()
	all.Wait()
	out.lastWords(context.WithoutCancel(ctx))
}

// open begins.
func (out *Outlet) open(e Engine) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.view, out.began = e.Snapshot(), out.o.Clock.Now()
	out.heard = out.began
	out.consider()
}

// follow hears the engine out. One that ends without having said so has died.
func (out *Outlet) follow(ctx context.Context, e Engine) {
	tales := newStories(out.o.Link)
	out.recall(tales)
	feed.Follow(ctx, e, out.view.LastSeq, func(now engine.Snapshot, news []engine.Record, missed uint64) {
		out.mu.Lock()
		defer out.mu.Unlock()
		out.view, out.heard = now, out.o.Clock.Now()
		if missed > 0 {
			tales.forget(now.Running)
			out.o.Log.Warn("PagerDuty is not told of all attacks: records came faster than they were read", "missed", missed)
		}
		for _, r := range news {
			out.hear(tales, r)
		}
		out.consider()
	})
	out.mu.Lock()
	defer out.mu.Unlock()
	if ctx.Err() == nil && !out.ending {
		out.died = "has ended by itself"
		out.consider()
	}
}

// recall takes in the attacks that are on already: an outlet may be replaced while the engine goes on.
func (out *Outlet) recall(tales *stories) {
	for _, s := range tales.recall(out.view.Running) {
		if out.watcher != nil {
			out.watcher.begin(s)
		}
	}
}

func (out *Outlet) hear(tales *stories, r engine.Record) {
	begun, ended := tales.hear(r)
	switch {
	case begun != nil:
		out.put(tales.beginning(begun, out.onCall()))
	case ended != nil:
		out.put(tales.ending(ended, out.onCall()))
	}
	if out.watcher != nil && begun != nil {
		out.watcher.begin(begun)
	}
	if out.watcher != nil && ended != nil {
		out.watcher.end(ended)
	}
	switch {
	case r.Kind == engine.Lifecycle && strings.HasPrefix(r.Text, "shutting down"):
		out.ending = true
	case out.o.Alerts && earlier(r):
		out.box.assume(dedup(out.o.Name, "host", r.Host))
	}
}

// earlier tells whether a record is about a host that an earlier life may have alarmed people about.
func earlier(r engine.Record) bool {
	return r.Kind == engine.Cleared || r.Kind == engine.Closed && r.Outcome != nil && r.Outcome.Cause == "crash"
}

func (out *Outlet) put(e event) {
	if out.o.Changes {
		out.box.put(e, out.o.Clock.Now())
	}
}

func (out *Outlet) onCall() (who []string) {
	for _, g := range out.view.Gates {
		if g.Kind == engine.OnCall {
			who = append(who, g.Who...)
		}
	}
	return who
}

// consider finds out what should be alarmed now, and wakes whoever sends. The lock is held.
func (out *Outlet) consider() {
	now := out.o.Clock.Now()
	if out.o.Alerts {
		out.revived(now)
		alerts := needing(out.o.Name, out.view, now)
		if why := out.lifeless(now); why != "" {
			alerts[deadKey(out.o.Name)] = dead(out.o.Name, out.o.Machine, why, out.heard)
		}
		out.box.want(alerts)
	}
	select {
	case out.news <- struct{}{}:
	default:
	}
}

// revived has whoever was told in an earlier life that the scheduler is dead told that it is not. One that dies again and
// again stays one alert.
func (out *Outlet) revived(now time.Time) {
	if !out.steady && now.Sub(out.began) >= steadyAfter {
		out.steady = true
		out.box.assume(deadKey(out.o.Name))
	}
}

// lifeless is what is wrong with the scheduler; "" if nothing is. One that ends as it was told to is not dead.
func (out *Outlet) lifeless(now time.Time) string {
	switch {
	case out.died != "":
		return out.died
	case out.ending || out.o.Silence == 0 || now.Sub(out.heard) <= out.o.Silence:
		return ""
	}
	return "gives no sign of life since " + out.heard.UTC().Format("15:04:05 MST")
}

// looking sees what time alone changes.
func (out *Outlet) looking(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			out.mu.Lock()
			out.consider()
			out.mu.Unlock()
		}
	}
}

// sending sends one event after the other until ctx ends.
func (out *Outlet) sending(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		e, some := out.next()
		if !some {
			select {
			case <-ctx.Done():
			case <-out.news:
			}
			continue
		}
		wait := out.send(ctx, e, &failures)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (out *Outlet) next() (event, bool) {
	out.mu.Lock()
	defer out.mu.Unlock()
	e, some := out.box.next(out.o.Clock.Now())
	if n := out.box.gone(); n > 0 {
		out.o.Log.Error("PagerDuty could not be told of attacks in time; their change events are given up", "given up", n)
	}
	return e, some
}

// send sends one event, takes in what has become of it, and returns how long to wait before the next.
func (out *Outlet) send(ctx context.Context, e event, failures *int) time.Duration {
	err := out.events.send(ctx, e)
	f := judge(err)
	if ctx.Err() != nil && f == again {
		return 0
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	out.box.done(e, f, out.o.Clock.Now())
	switch f {
	case taken:
		*failures = 0
		return 0
	case refused:
		out.o.Log.Error("PagerDuty refuses "+e.String(), "error", err)
		return 0
	}
	if *failures++; *failures%20 == 1 { // at half a minute each, every ten minutes
		out.o.Log.Warn("PagerDuty could not be told of "+e.String()+"; it is tried again and again", "error", err)
	}
	return pause(*failures, err)
}

// lastWords sends what is still to be said, for a short while.
func (out *Outlet) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	failures := 0
	for out.events != nil {
		e, some := out.next()
		if !some {
			return
		}
		wait := out.send(ctx, e, &failures)
		select {
		case <-ctx.Done():
			out.o.Log.Error("PagerDuty has not been told everything before the end", "unsent", e.String())
			return
		case <-time.After(min(wait, time.Second)):
		}
	}
}
