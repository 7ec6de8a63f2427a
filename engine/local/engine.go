package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// Options is all that an engine needs. Everything is required but Log, Elapsed and Beat.
type Options struct {
	Fittings
	Plan    engine.Plan
	State   engine.State   // what the journal kept
	Started engine.Started // what must be reconciled first
	Journal Journal
	Latch   Latch
	Clock   clock.Clock
	Dice    func() uint64        // fresh entropy at every call
	Elapsed func() time.Duration // a monotonic reading, to notice that the wall clock jumped; nil: not noticed
	Log     *slog.Logger
	Version string
	Demo    bool
	LastSeq uint64 // newest record of earlier lives
	Recent  []engine.Record
	// Undo bounds how long the end of Run waits for what is being undone.
	Undo time.Duration
	// Beat is called by the loop itself every BeatEvery, real time: it falls silent when the loop hangs, whatever else in
	// the process is alive. It must not wait. 0: never.
	Beat      func()
	BeatEvery time.Duration
}

// Engine is the driver. Make it with [New]; it does nothing until [Engine.Run].
type Engine struct {
	o       Options
	plan    engine.Plan
	state   engine.State
	events  chan engine.What
	changes chan change
	log     *log

	sightings chan map[string]engine.Sighting
	tenure    *tenure // what the engine works with now
	warning   string  // a change that could not be taken

	orders map[string][]chan engine.Reply // waiting for their answer, by order id
	asked  chan ordered
	stops  map[string]chan string // the stop of each run in flight
	wake   time.Time
	deaf   chan struct{} // closed when no event is taken any more
	ended  chan struct{} // closed when Run returns
	work   sync.WaitGroup
	clock  reading
	roster uint64
	survey *engine.Survey
	seen   uint64        // surveys so far
	owed   *engine.Latch // a stop that is not on disk yet
	flush  *time.Timer   // output of hosts that watchers have not been told of

	mu       sync.Mutex
	watchers map[chan engine.Snapshot]struct{}
	latest   engine.Snapshot
	recent   []engine.Record
}

type ordered struct {
	order engine.Order
	reply chan engine.Reply
}

// reading is the wall clock and the monotonic one at the same moment.
type reading struct {
	wall    time.Time
	elapsed time.Duration
}

// outputEvery is how often a flood of output is shown to watchers.
const outputEvery = 50 * time.Millisecond

// jumpedAbove is how far the two clocks may drift apart between two events.
const jumpedAbove = 5 * time.Second

// New makes an engine that stands still.
func New(o Options) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		o: o, plan: o.Plan, state: o.State, events: make(chan engine.What, 256), changes: make(chan change), sightings: make(chan map[string]engine.Sighting), asked: make(chan ordered),
		orders: map[string][]chan engine.Reply{}, stops: map[string]chan string{}, deaf: make(chan struct{}), ended: make(chan struct{}),
		watchers: map[chan engine.Snapshot]struct{}{}, recent: o.Recent, log: newLog(o.LastSeq),
	}
	e.flush = time.NewTimer(time.Hour)
	e.flush.Stop()
	e.tenure = &tenure{Fittings: o.Fittings}
	e.latest = e.describe(o.Clock.Now())
	return e
}

// Run drives the engine until ctx ends, then undoes what runs, waits for it within Options.Undo, and
// returns. An error names the hosts whose undo could not be awaited: their own guards undo them.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.ended)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer e.work.Wait()
	defer close(e.deaf)
	defer end()
	defer e.flush.Stop()
	e.clock = e.read()
	e.moveIn(life, e.o.Fittings)
	e.step(life, e.o.Started)
	e.loop(ctx, life)
	e.step(life, engine.ShuttingDown{Cause: causeOf(ctx)})
	return e.drain(life)
}

func causeOf(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause.Error()
	}
	return "the engine was told to end"
}

func (e *Engine) loop(ctx, life context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	beat, still := e.pulse()
	defer still()
	for {
		timer.Reset(max(0, e.o.Clock.Real(e.wake.Sub(e.o.Clock.Now()))))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			e.step(life, engine.Woke{})
		case what := <-e.events:
			e.step(life, e.waiting(what)...)
		case o := <-e.asked:
			e.order(life, o)
		case found := <-e.sightings:
			e.see(life, found)
		case c := <-e.changes:
			e.change(life, c)
		case <-beat:
			e.o.Beat()
		case <-e.log.dirty:
			e.flush.Reset(outputEvery)
		case <-e.flush.C:
			e.publish()
		}
	}
}

// pulse is the beat of the loop, and how it is stopped.
func (e *Engine) pulse() (<-chan time.Time, func()) {
	if e.o.BeatEvery <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(e.o.BeatEvery)
	return t.C, t.Stop
}

// drain steps what the undoing still has to say; nothing new begins meanwhile, because the core knows.
func (e *Engine) drain(life context.Context) error {
	limit := time.NewTimer(e.o.Undo)
	defer limit.Stop()
	for len(e.state.Running) > 0 {
		select {
		case what := <-e.events:
			e.step(life, e.waiting(what)...)
		case o := <-e.asked:
			e.order(life, o)
		case <-limit.C:
			return e.abandoned()
		}
	}
	return nil
}

func (e *Engine) abandoned() error {
	var hosts []string
	for _, r := range e.state.Running {
		hosts = append(hosts, r.Host.Name)
	}
	return fmt.Errorf("shutting down: %v could not be proven undone within %s; their own guards undo them, and the next start looks for them", hosts, e.o.Undo)
}

// tell hands an event to the owner of the state; after the end it is dropped.
func (e *Engine) tell(what engine.What) {
	select {
	case e.events <- what:
	case <-e.deaf:
	}
}

func (e *Engine) read() reading {
	r := reading{wall: e.o.Clock.Now().Round(0)}
	if e.o.Elapsed != nil {
		r.elapsed = e.o.Elapsed()
	}
	return r
}

// together is how many events that wait at the same moment share one wait for the disk.
const together = 512

// waiting is that event with those that wait behind it. With a thousand attacks in flight there always are.
func (e *Engine) waiting(what engine.What) []engine.What {
	all := []engine.What{what}
	for len(all) < together {
		select {
		case more := <-e.events:
			all = append(all, more)
		default:
			return all
		}
	}
	return all
}

// taken is one step that is not durable yet.
type taken struct {
	event   engine.Event
	actions []engine.Action
	records []engine.Record
}

// step takes in what happened, makes it durable, and performs what follows from it.
func (e *Engine) step(life context.Context, happened ...engine.What) {
	now := e.read()
	happened = e.present(happened)
	if e.o.Elapsed != nil {
		by := now.wall.Sub(e.clock.wall) - (now.elapsed - e.clock.elapsed)
		e.clock = now
		if by.Abs() > jumpedAbove {
			happened = append([]engine.What{engine.ClockJumped{By: by.Round(time.Second)}}, happened...)
		}
	}
	steps := e.take(now.wall, happened)
	e.payLatch()
	err := e.write(steps)
	if err != nil {
		e.failClosed(err)
	}
	for _, s := range steps {
		if err != nil {
			s.actions = e.withoutLaunches(s.actions, err)
		}
		e.show(s.records)
		for _, a := range s.actions {
			e.perform(life, a)
		}
	}
	e.publish()
}

// take asks the core. What must be undone is told at once, before anything waits for a disk.
func (e *Engine) take(at time.Time, happened []engine.What) []taken {
	events := make([]engine.Event, len(happened))
	for i, what := range happened {
		events[i] = engine.Event{Stamp: engine.Stamp{At: at, Draw: e.o.Dice()}, What: what}
	}
	state, actions := e.plan.Steps(e.state, events)
	e.state = state
	steps := make([]taken, len(events))
	for i := range events {
		if ended, ok := happened[i].(engine.Ended); ok {
			delete(e.stops, ended.Run)
		}
		e.expect(actions[i])
		e.revert(actions[i])
		steps[i] = taken{events[i], actions[i], e.number(actions[i])}
	}
	return steps
}

// expect makes room for a stop before there is anything to stop: among events that wait together, the stop of a
// run may follow its launch.
func (e *Engine) expect(actions []engine.Action) {
	for _, a := range actions {
		if l, ok := a.(engine.Launch); ok {
			e.stops[l.Run.ID] = make(chan string, 1)
		}
	}
}

// revert comes before everything else, the journal included.
func (e *Engine) revert(actions []engine.Action) {
	for _, a := range actions {
		if r, ok := a.(engine.Revert); ok {
			if stop := e.stops[r.Run]; stop != nil {
				select {
				case stop <- r.Reason:
				default: // it has been told already
				}
			}
		}
	}
}

// number takes the notes out of the actions and gives each its place in the record.
func (e *Engine) number(actions []engine.Action) (records []engine.Record) {
	for _, a := range actions {
		if n, ok := a.(engine.Note); ok {
			records = append(records, e.log.number(n.Record))
		}
	}
	return records
}

// write keeps the records: the journal first, then the latch that must survive it.
func (e *Engine) write(steps []taken) error {
	var pages []engine.Page
	for _, s := range steps {
		if len(s.records) > 0 {
			pages = append(pages, engine.Page{Event: &s.event, Records: s.records})
		}
	}
	if len(pages) == 0 {
		return nil
	}
	err := e.o.Journal.AppendAll(pages)
	for _, p := range pages {
		for _, r := range p.Records {
			if r.Kind == engine.OrderGiven && r.Order != nil {
				err = errors.Join(err, e.latch(r, err))
			}
		}
	}
	return err
}

// latch follows an order in the file beside the journal.
func (e *Engine) latch(r engine.Record, unwritten error) error {
	switch {
	case r.Latch != nil:
		e.owed = r.Latch
		return e.payLatch()
	case r.Order.Kind == engine.Resume && unwritten == nil:
		e.owed = nil
		return e.o.Latch.Clear()
	}
	return nil
}

// payLatch puts a stop on disk that is not there yet. It is tried at every step until it succeeds, since a
// stop must hold over a restart also when the disk was full at its moment.
func (e *Engine) payLatch() error {
	if e.owed == nil {
		return nil
	}
	if err := e.o.Latch.Set(*e.owed); err != nil {
		return fmt.Errorf("the stop is not on disk yet: %w", err)
	}
	e.owed = nil
	return nil
}

// failClosed is the end of a step that could not be written: the engine stops until a person has looked at the
// disk.
func (e *Engine) failClosed(err error) {
	e.o.Log.Error("the journal cannot be written", "error", err)
	if e.state.Stopped == nil && e.state.Ending == "" {
		e.later(engine.Ordered{Order: engine.Order{Kind: engine.Stop, By: "chaoscat", Door: "journal", Reason: err.Error()}})
	}
}

// withoutLaunches takes out what has no durable intent: it does not happen.
func (e *Engine) withoutLaunches(actions []engine.Action, err error) []engine.Action {
	kept := actions[:0:0]
	for _, a := range actions {
		if l, ok := a.(engine.Launch); ok {
			detail := fmt.Sprintf("not attempted: the intent could not be written: %v", err)
			e.later(engine.Ended{Run: l.Run.ID, Outcome: engine.Outcome{Effect: engine.Refused, Cause: "journal", Detail: detail}})
			continue
		}
		kept = append(kept, a)
	}
	return kept
}

// later tells from inside the loop, which must not wait for itself.
func (e *Engine) later(what engine.What) { e.goDo(func() { e.tell(what) }) }

func (e *Engine) goDo(f func()) {
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		f()
	}()
}

func (e *Engine) show(records []engine.Record) {
	for _, r := range records {
		e.log.keep(r)
		e.o.Log.Info(r.Text, logAttrs(r)...)
		if r.Kind == engine.Closed {
			e.recent = append([]engine.Record{r}, e.recent[:min(len(e.recent), recentKept-1)]...)
		}
	}
}

// recentKept is how many outcomes a snapshot carries.
const recentKept = 20

func logAttrs(r engine.Record) []any {
	attrs := []any{"kind", string(r.Kind), "seq", r.Seq}
	for _, a := range []struct{ name, value string }{{"run", r.Run}, {"host", r.Host}, {"attack", r.Attack}, {"by", r.By}, {"door", r.Door}} {
		if a.value != "" {
			attrs = append(attrs, a.name, a.value)
		}
	}
	return attrs
}

func (e *Engine) describe(now time.Time) engine.Snapshot {
	s := e.plan.Describe(e.state, now)
	s.Version, s.Demo, s.RosterID = e.o.Version, e.o.Demo, e.roster
	s.Survey, s.SurveyID, s.Shapes = e.survey, e.seen, e.tenure.Shapes
	s.Recent, s.LastSeq = slices.Clone(e.recent), e.log.last()
	s.Warning = e.warning
	if e.owed != nil {
		s.Warning = Unsaved
	}
	return s
}

// Unsaved is the warning of an engine whose stop stands in memory alone. Any other is of a configuration that was not
// taken.
const Unsaved = "stopped, but the stop could not be written to disk: it would not hold over a restart"
