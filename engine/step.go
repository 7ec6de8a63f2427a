package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Step is the whole engine: what it knew and what happened lead to what it knows now and what must be
// done. It never changes the state that it was given.
func (p Plan) Step(s State, e Event) (State, []Action) {
	s, actions := p.Steps(s, []Event{e})
	return s, actions[0]
}

// Steps is one [Plan.Step] after the other, with the actions of each. With a thousand attacks in flight it
// spares all but one of the copies that keep the given state as it was.
func (p Plan) Steps(s State, events []Event) (State, [][]Action) {
	s.Running, s.Open = slices.Clone(s.Running), slices.Clone(s.Open)
	actions := make([][]Action, len(events))
	for i, e := range events {
		t := turn{Plan: p, s: s, Stamp: e.Stamp}
		t.take(e.What)
		t.sayVerdict(t.proceed())
		t.do(Wake{At: t.nextWake()})
		s, actions[i] = t.s, t.actions
	}
	return s, actions
}

// turn is one step in the making.
type turn struct {
	Plan
	Stamp
	s       State
	actions []Action
}

func (t *turn) do(a Action) { t.actions = append(t.actions, a) }

func (t *turn) note(r Record) {
	r.At = t.At
	t.s.Serial++
	t.do(Note{r})
}

// put writes into a copy, so that states that share the map do not change.
func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	c := maps.Clone(m)
	if c == nil {
		c = map[K]V{}
	}
	c[k] = v
	return c
}

func drop[K comparable, V any](m map[K]V, k K) map[K]V {
	if _, has := m[k]; !has {
		return m
	}
	c := maps.Clone(m)
	delete(c, k)
	return c
}

func (t *turn) take(w What) {
	switch w := w.(type) {
	case Started:
		t.started(w)
	case Woke:
	case PlanChanged:
		t.planChanged(w)
	case ShuttingDown:
		t.s.Ending = w.Cause
		t.note(Record{Kind: Lifecycle, Text: "shutting down: " + w.Cause})
		t.giveUpAsking(*t.ending(t.s))
		t.revertAll(w.Cause)
	case ClockJumped:
		t.clockJumped(w)
	case Ordered:
		t.ordered(w.Order)
	case GateAnswered:
		t.gateAnswered(w)
	case HostInspected:
		t.learn(w.Host, w.Facts)
	case Advanced:
		t.advanced(w)
	case Ended:
		t.ended(w)
	case Reconciled:
		t.reconciled(w)
	case Sighted:
		t.sighted(w)
	case SweptAll:
		t.sweptAll(w)
	default:
		panic(fmt.Sprintf("engine: an event of unknown kind %T", w))
	}
}

func (t *turn) started(w Started) {
	t.s.Began = true
	t.s.Asked, t.s.Gates, t.s.Next, t.s.Ending = nil, nil, nil, ""
	t.s.Pending, t.s.Due, t.s.Noted = nil, time.Time{}, ""
	t.notePool("started")
	t.excludeRenamed()
	t.rest(t.Schedule.CheckEvery)
	for _, a := range t.s.Attacked {
		t.rest(a.At.Add(t.Schedule.Wait).Sub(t.At))
	}
	t.s.Running, t.s.Open = nil, nil
	for _, r := range w.Open {
		t.reconcileLater(r, 0)
	}
	if w.Torn {
		t.s.Sweeping = true
		t.note(Record{Kind: Lifecycle, Text: "the journal lost its tail: every host is swept before anything new"})
		t.do(SweepAll{Hosts: t.Roster.Hosts()})
	}
}

// planChanged goes on under the plan that steps now. The draw and the answers that came under one that asked other
// questions are forgotten: an old yes opens no new gate.
func (t *turn) planChanged(w PlanChanged) {
	if w.Kept {
		t.note(Record{Kind: Lifecycle, Text: w.Text})
		return
	}
	if w.Anew {
		t.askAnew()
		t.s.Facts, t.s.Next = nil, nil
		t.giveUpPending("the configuration was changed; order it again")
		t.giveUpAsking(*refuse(AskingGates, "the configuration was changed while the gates were asked"))
	}
	t.overtaken(w.Anew)
	t.excludeRenamed()
	if other := t.s.Noted != t.pool.hash; (other || w.Anew) && t.At.Before(t.s.Due) { // one that has come waits its turn
		t.s.Due = time.Time{}
	}
	t.notePool("changed: " + w.Text)
}

// overtaken takes back what is not on yet and was begun under a plan that holds no more. What is on ends as it was begun.
func (t *turn) overtaken(anew bool) {
	t.revertWhere("the configuration was changed before it was on", func(r Run) bool {
		host, known := t.Roster.Find(r.Host.Name)
		same := known && host.Barred == "" && host.where() == r.Host.where() && host.User == r.Host.User && r.Attack.Hosts.Selects(host)
		return notYetFelt(r) && (anew || !same)
	})
}

// notePool keeps what every later draw is explained from: the pool, where it is another than the one noted last.
func (t *turn) notePool(what string) {
	r := Record{Kind: Lifecycle, Text: fmt.Sprintf("%s: %s, hosts known: %d, may be drawn: %d", what, t.Name, t.Roster.Len(), len(t.pool.members))}
	if t.DryRun {
		r.Text += ", dry run"
	}
	if t.s.Noted != t.pool.hash {
		r.Pool, t.s.Noted = t.Pool(), t.pool.hash
	}
	t.note(r)
}

// rest puts the next scheduled attack off until at least d from now.
func (t *turn) rest(d time.Duration) {
	if until := t.At.Add(d); until.After(t.s.Rest) {
		t.s.Rest = until
	}
}

// proceed is what follows from time alone, whatever has happened.
func (t *turn) proceed() Verdict {
	t.forget()
	if !t.s.Began {
		return t.verdict(t.s, t.At)
	}
	t.closeWindow()
	t.retryOpen()
	t.sweepAgain()
	t.drawDue()
	t.drawAhead()
	if t.s.Asked != nil {
		t.hearGates()
		return t.verdict(t.s, t.At)
	}
	v := t.verdict(t.s, t.At)
	if v.Name == Ready {
		t.askGates(*t.s.Next)
	}
	return v
}

// attackedKept is how long a host's latest attack is remembered beyond its cool-down.
const attackedKept = 30 * 24 * time.Hour

// forget drops what time has taken back.
func (t *turn) forget() {
	if t.s.Paused != nil && !t.s.Paused.holds(t.At) {
		t.s.Paused = nil
	}
	for host, x := range t.s.Excluded {
		if !x.holds(t.At) {
			t.s.Excluded = drop(t.s.Excluded, host)
		}
	}
	for host, a := range t.s.Attacked {
		if t.At.Sub(a.At) > max(attackedKept, t.Safety.HostCooldown) {
			t.s.Attacked = drop(t.s.Attacked, host)
		}
	}
	t.forgetPending()
	for id, o := range t.s.Orders {
		if t.At.Sub(o.At) > 24*time.Hour {
			t.s.Orders = drop(t.s.Orders, id)
		}
	}
}

// sayVerdict notes a change of reason, once.
func (t *turn) sayVerdict(v Verdict) {
	if t.s.Asked != nil && v.Name == Ready {
		v = Verdict{Name: AskingGates, Sentence: "asking every gate once more"}
	}
	if v.Name != t.s.LastVerdict.Name {
		t.note(Record{Kind: VerdictNew, Text: v.Sentence, Verdict: &v})
	}
	t.s.LastVerdict = v
}

// nextWake is the earliest moment at which time alone may change something.
func (t *turn) nextWake() time.Time {
	next := t.At.Add(t.Schedule.CheckEvery)
	sooner := func(at time.Time) {
		if at.After(t.At) && at.Before(next) {
			next = at
		}
	}
	sooner(t.s.Rest)
	sooner(t.s.Due)
	t.hoursEnd(sooner)
	for _, p := range t.s.Pending {
		sooner(p.Until)
	}
	if t.s.Paused != nil {
		sooner(t.s.Paused.Until)
	}
	if t.s.Asked != nil {
		sooner(t.s.Asked.At.Add(t.askingAtMost() + time.Millisecond))
	}
	for _, r := range t.s.Open {
		sooner(r.Retry)
	}
	if len(t.s.Unswept) > 0 {
		sooner(t.s.SweepAt)
	}
	if w, open := t.Schedule.Open(t.At); open {
		sooner(w.End)
	} else {
		sooner(t.s.LastVerdict.Until)
	}
	return next
}
