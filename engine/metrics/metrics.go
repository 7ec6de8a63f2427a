// Package metrics shows what an engine does as figures for Prometheus, and tells whether it is alive and ready. It decides
// nothing. It is told by a feed, keeps the newest view and counts records; who scrapes reads that copy and never touches
// the engine. No label grows with the fleet: attacks are those of the plan, everything else is a word of a fixed set.
//
//	m := metrics.New(metrics.Options{Version: version, Now: time.Now, Quiet: 2 * time.Minute})
//	go m.Serve(ctx, "127.0.0.1:9469", log)
//	feed.Follow(ctx, engine, engine.Snapshot().LastSeq, m.Hear)
//	m.End()
//
// Beside it lie alerts.yaml, rules that are worth a page, and grafana.json, a dashboard.
package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/webhook"
)

// Options is all that is needed.
type Options struct {
	Version string
	Now     func() time.Time // the engine's clock
	Quiet   time.Duration    // a loop that has not gone round for so long is dead
	Hooks   []Hook
}

// Hook is something that tells others, and counts what became of it.
type Hook interface {
	Name() string
	Stats() webhook.Stats
}

var _ Hook = (*webhook.Hook)(nil)

// Metrics is what is known of one engine. Make it with [New].
type Metrics struct {
	o        Options
	registry *prometheus.Registry
	counters counters

	mu    sync.Mutex // of what follows; held for copying only
	view  engine.Snapshot
	heard time.Time // when the newest view came; zero: none yet
	ended bool

	attacks map[string]bool      // names that have a series; of the one who hears
	open    map[string]*progress // runs in flight; of the one who hears
}

// progress is what must be remembered of a run until it ends.
type progress struct{ stopped, undoing time.Time }

// New makes metrics that know nothing yet.
func New(o Options) *Metrics {
	m := &Metrics{o: o, registry: prometheus.NewRegistry(), counters: newCounters(), attacks: map[string]bool{}, open: map[string]*progress{}}
	m.registry.MustRegister(m.counters.all()...)
	m.registry.MustRegister(views{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Hear takes in the newest view and what was recorded since the last one. It is called by one goroutine at a time.
func (m *Metrics) Hear(now engine.Snapshot, news []engine.Record, missed uint64) {
	m.look(now)
	m.meet(now.Attacks)
	for _, r := range news {
		m.count(r)
	}
	if missed > 0 {
		m.counters.missed.Add(float64(missed))
		m.forget(now.Running)
	}
}

// look keeps the view.
func (m *Metrics) look(now engine.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.view, m.heard = now, m.o.Now()
}

// End says that the engine has ended: nothing more is heard of it.
func (m *Metrics) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
}

// known is what the views and the health are made of.
type known struct {
	engine.Snapshot
	heard time.Time
	ended bool
}

func (m *Metrics) known() known {
	m.mu.Lock()
	defer m.mu.Unlock()
	return known{m.view, m.heard, m.ended}
}

// mostAttacks bounds the names over all plans of one life.
const mostAttacks = 256

// meet gives each attack of the plan its series, so that the first of its runs is seen as an increase.
func (m *Metrics) meet(attacks []engine.Attack) {
	for _, a := range attacks {
		if m.attacks[a.Name] || len(m.attacks) >= mostAttacks {
			continue
		}
		m.attacks[a.Name] = true
		m.counters.begin(a.Name)
	}
}

func (m *Metrics) count(r engine.Record) {
	c := m.counters
	c.records.WithLabelValues(among(r.Kind, kinds)).Inc()
	switch r.Kind {
	case engine.Intent:
		m.open[r.Run] = &progress{}
		if r.Intent != nil {
			c.started.WithLabelValues(m.attack(r.Attack), among(r.Intent.Trigger, triggers)).Inc()
		}
	case engine.PhaseNew:
		if p := m.open[r.Run]; p != nil && r.Phase == engine.Undoing && p.undoing.IsZero() {
			p.undoing = r.At
		}
	case engine.Closed:
		m.closed(r)
	case engine.OrderGiven:
		m.ordered(r)
	case engine.GateTurned:
		c.turns.Inc()
	case engine.ResidueNew:
		c.residue.Inc()
	}
}

func (m *Metrics) closed(r engine.Record) {
	if r.Outcome == nil {
		return
	}
	m.counters.runs.WithLabelValues(m.attack(r.Attack), among(r.Outcome.Effect, effects), undoWord(r.Outcome.Undo)).Inc()
	p := m.open[r.Run]
	delete(m.open, r.Run)
	if p == nil || r.Outcome.Undo != engine.Restored {
		return
	}
	if !p.undoing.IsZero() {
		m.counters.undo.Observe(r.At.Sub(p.undoing).Seconds())
	}
	if !p.stopped.IsZero() {
		m.counters.stop.Observe(r.At.Sub(p.stopped).Seconds())
	}
}

func (m *Metrics) ordered(r engine.Record) {
	if r.Order == nil {
		return
	}
	answer := "obeyed"
	if r.Verdict != nil {
		answer = "refused"
	}
	m.counters.orders.WithLabelValues(among(r.Order.Kind, orders), among(r.Door, doors), answer).Inc()
	if r.Latch == nil {
		return
	}
	for _, p := range m.open {
		if p.stopped.IsZero() {
			p.stopped = r.At
		}
	}
}

// forget drops the runs whose end was missed.
func (m *Metrics) forget(running []engine.Run) {
	for run := range m.open {
		if !slices.ContainsFunc(running, func(r engine.Run) bool { return r.ID == run }) {
			delete(m.open, run)
		}
	}
}

func (m *Metrics) attack(name string) string {
	if m.attacks[name] {
		return name
	}
	return other
}
