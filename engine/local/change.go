package local

import (
	"context"
	"sync"

	"github.com/chaoscat/chaoscat/engine"
)

// What a running engine may be given anew: its plan alone, when the fleet or the calendar has changed, or its plan with
// all that it works with, when the configuration has.

// Fittings are what an engine works with. Carrier and Gates are required.
type Fittings struct {
	Carrier Carrier
	Gates   Gates
	Survey  Surveyor       // nil: nobody is looked at but who is drawn
	Shapes  []engine.Shape // of the plan's attacks, for people
	// Announce tells the world of a run before it is launched; an error means that nothing is launched. It bounds its own
	// time. nil: nobody need be told.
	Announce func(context.Context, engine.Run) error
	// Check refuses an order for what the core cannot know, such as a parameter out of bounds; nil: nothing.
	Check func(engine.Order) error
}

// tenure is the time of one set of fittings, from the start or a change until what was begun in it is over: an attack
// ends with the carrier that it was begun with.
type tenure struct {
	Fittings
	users sync.WaitGroup
	end   context.CancelFunc // of its gates and its survey
}

// answered is what a gate said, with the tenure whose gate it was.
type answered struct {
	engine.GateAnswered
	in *tenure
}

// inspected is what a host said, with the tenure whose attacks it was asked about.
type inspected struct {
	engine.HostInspected
	in *tenure
}

// change is what the loop is handed.
type change struct {
	plan    engine.Plan
	text    string
	fit     *Fittings // nil: those that there are
	left    func()    // nothing uses the fittings before them any more
	kept    bool      // nothing changes: it could not be taken
	warning string
	done    chan struct{} // closed when the engine steps by it
}

// SetPlan hands over a new plan; text says what changed. It returns once the engine steps by it, or has ended.
func (e *Engine) SetPlan(plan engine.Plan, text string) {
	e.hand(change{plan: plan, text: text})
}

// Refit hands over a new plan with what the engine shall work with from here on. What runs goes on with what it was
// begun with; left is called once nothing does any more. Refit returns once the engine steps by them, or false when it
// has ended.
func (e *Engine) Refit(plan engine.Plan, text string, f Fittings, left func()) bool {
	return e.hand(change{plan: plan, text: text, fit: &f, left: left})
}

// Keep puts on record that a new plan was offered and could not be taken; the warning stands in every view until
// another one is.
func (e *Engine) Keep(text, warning string) {
	e.hand(change{text: text, kept: true, warning: warning})
}

func (e *Engine) hand(c change) bool {
	c.done = make(chan struct{})
	select {
	case e.changes <- c:
		<-c.done
		return true
	case <-e.ended:
		return false
	}
}

// change goes on under another plan. What runs goes on under the limits it was started with.
func (e *Engine) change(life context.Context, c change) {
	defer close(c.done)
	if c.kept {
		e.warning = c.warning
		e.step(life, engine.PlanChanged{Text: c.text, Kept: true})
		return
	}
	if c.plan.Roster != e.plan.Roster || c.fit != nil { // shapes travel with the roster
		e.roster++
	}
	e.plan = c.plan
	if c.fit != nil {
		e.warning = ""
		e.moveOut(c.left)
		e.moveIn(life, *c.fit)
	}
	e.step(life, engine.PlanChanged{Text: c.text, Anew: c.fit != nil})
}

// moveIn begins to ask the gates, and to look at the hosts.
func (e *Engine) moveIn(life context.Context, f Fittings) {
	ctx, end := context.WithCancel(life)
	e.tenure = &tenure{Fittings: f, end: end}
	e.with(func(t *tenure) {
		t.Gates.Run(ctx, func(gate string, a engine.GateAnswer) {
			e.tell(answered{engine.GateAnswered{Gate: gate, GateAnswer: a}, t})
		})
	})
	e.surveying(ctx)
}

// moveOut begins the end of a tenure. Nobody waits for it but who wants to know.
func (e *Engine) moveOut(left func()) {
	old := e.tenure
	old.end()
	e.goDo(func() {
		old.users.Wait()
		left()
	})
}

// with runs f beside the loop, with what the engine works with at this moment.
func (e *Engine) with(f func(*tenure)) {
	t := e.tenure
	t.users.Add(1)
	e.goDo(func() {
		defer t.users.Done()
		f(t)
	})
}

// present leaves out what was asked for before the latest change and answered after it: the answer of a gate that is no
// more must not count for another one of that name.
func (e *Engine) present(happened []engine.What) []engine.What {
	kept := happened[:0]
	for _, what := range happened {
		in := e.tenure
		switch w := what.(type) {
		case answered:
			what, in = w.GateAnswered, w.in
		case inspected:
			what, in = w.HostInspected, w.in
		}
		if in == e.tenure {
			kept = append(kept, what)
		}
	}
	return kept
}
