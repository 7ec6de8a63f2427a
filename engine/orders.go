package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ordered carries out what a person asked for, or says why not. Stop is never refused.
func (t *turn) ordered(o Order) {
	o.Approved, o.Answers = nil, ""
	if o.Kind != Remark { // whose words are all there is to it, so that too many are refused
		o.Reason = shortened(o.Reason)
	}
	if v := t.notTheirs(o); v != nil {
		t.refuse(o, *v)
		return
	}
	switch o.Kind {
	case Stop:
		t.stop(o)
	case Resume:
		t.resume(o)
	case PauseIt:
		t.pause(o)
	case Skip:
		t.skipNext(o)
	case Exclude:
		t.exclude(o)
	case Include:
		t.withHost(o, func() {
			t.s.Excluded = drop(t.s.Excluded, o.Host)
			t.obey(o, "included "+o.Host)
		})
	case Clear:
		t.clearByHand(o)
	case RunOnce:
		t.runOnce(o)
	case Remark:
		t.remark(o)
	case Approve:
		t.approve(o)
	default:
		t.refuse(o, *refuse(BadOrder, "there is no order %q", o.Kind))
	}
}

// notTheirs refuses what would change a host that is not in the realm of whoever orders. Of one that nobody knows it
// cannot be told whose it is, so it is nobody's. Attacks are refused where their hosts are found.
func (t *turn) notTheirs(o Order) *Verdict {
	about := o.Kind == Exclude || o.Kind == Include || o.Kind == Clear
	if !about || len(o.Realm) == 0 {
		return nil
	}
	host, known := t.Roster.Find(o.Host)
	for _, r := range t.s.Running {
		if r.Host.Name == o.Host && !known {
			host, known = r.Host, true
		}
	}
	if !known || !o.reaches(host) {
		return outOfReach(o, o.Host)
	}
	return nil
}

// obey notes an order that was carried out at once, and answers it.
func (t *turn) obey(o Order, text string) {
	t.noteOrder(o, text, Record{})
	t.do(Reply{Order: o.ID})
}

func (t *turn) noteOrder(o Order, text string, r Record) {
	r.Kind, r.Order, r.By, r.Door, r.Host, r.Attack = OrderGiven, &o, o.By, o.Door, o.Host, o.Attack
	r.Text = text + " by " + o.By + because(o.Reason)
	t.note(r)
}

func (t *turn) refuse(o Order, v Verdict) {
	t.noteOrder(o, "refused "+string(o.Kind)+": "+v.Sentence+"; asked", Record{Verdict: &v})
	t.do(Reply{Order: o.ID, Refusal: &v})
}

// longestRemark is more than anybody types during an incident, and bounds what a door can put into the journal and
// every view.
const longestRemark = 1000

// shortened is a reason that fits beside what it is the reason of: a stop is not refused for its words.
func shortened(reason string) string {
	if len(reason) <= longestRemark {
		return reason
	}
	return strings.ToValidUTF8(reason[:longestRemark], "") + "…"
}

func (t *turn) remark(o Order) {
	if o.Reason == "" || len(o.Reason) > longestRemark {
		t.refuse(o, *refuse(BadOrder, "a note has 1 to %d characters", longestRemark))
		return
	}
	t.note(Record{Kind: OrderGiven, Order: &o, By: o.By, Door: o.Door, Host: o.Host, Text: "note by " + o.By + ": " + o.Reason})
	t.do(Reply{Order: o.ID})
}

// withHostOrRun is withHost for what must also work on a host that is under attack and has left the inventory.
func (t *turn) withHostOrRun(o Order, then func()) {
	if slices.ContainsFunc(t.s.Running, func(r Run) bool { return r.Host.Name == o.Host }) {
		then()
		return
	}
	t.withHost(o, then)
}

func (t *turn) withHost(o Order, then func()) {
	if _, known := t.Roster.Find(o.Host); !known {
		t.refuse(o, *refuse(BadOrder, "no host is called %q", o.Host))
		return
	}
	then()
}

// clearByHand is also for a host that has left the inventory since: its residue must not hold for ever.
func (t *turn) clearByHand(o Order) {
	_, known := t.Roster.Find(o.Host)
	_, left := t.s.Residue[o.Host]
	open := slices.ContainsFunc(t.s.Open, func(r Run) bool { return r.Host.Name == o.Host })
	if slices.ContainsFunc(t.s.Running, func(r Run) bool { return r.Host.Name == o.Host }) {
		t.refuse(o, *refuse(HostNotEligible, "%s is under attack just now; stop that first", o.Host))
		return
	}
	if !known && !left && !open {
		t.refuse(o, *refuse(BadOrder, "no host is called %q, and nothing was left on one by that name", o.Host))
		return
	}
	t.closeOpen(o.Host, Outcome{Effect: Unverifiable, Undo: Residue, Cause: "crash", Detail: "not proven; " + o.By + " has looked at the host"})
	t.clear(o.Host, Record{Kind: Cleared, Host: o.Host, By: o.By, Door: o.Door, Text: o.By + " has looked at " + o.Host + because(o.Reason)})
	t.do(Reply{Order: o.ID})
}

// stop latches first and undoes in the same step, so that no intent can follow it.
func (t *turn) stop(o Order) {
	if t.s.Stopped == nil {
		t.s.Stopped = &Latch{At: t.At, By: o.By, Door: o.Door, Reason: o.Reason}
	}
	t.noteOrder(o, "STOP", Record{Latch: t.s.Stopped})
	t.giveUpAsking(*t.stopped(t.s))
	for _, r := range t.s.Running {
		if r.Stopping != "" { // told already, and told again: a person's stop relies on nothing said before
			t.do(Revert{Run: r.ID, Reason: "stop"})
		}
	}
	t.revertAll("stop")
	t.do(Reply{Order: o.ID})
}

// resume lifts a stop and a pause, but no stop that whoever orders has not seen, and for somebody who may not attack
// every host none but their own: it lets the schedule go on everywhere.
func (t *turn) resume(o Order) {
	if s := t.s.Stopped; s != nil {
		switch {
		case o.Lifts != nil && !o.Lifts.Equal(s.At):
			t.refuse(o, *refuse(BadOrder, "%s has stopped everything at %s: look again before you lift that", s.By, s.At.Format("15:04:05")))
			return
		case len(o.Realm) > 0 && s.By != o.By:
			t.refuse(o, *refuse(NotAllowed, "the stop is %s's and holds every host; %s may order attacks on some (%s) only", s.By, o.By, o.realm()))
			return
		case (o.Limited || len(o.Attacks) > 0) && s.By != o.By:
			t.refuse(o, *refuse(NotAllowed, "the stop is %s's and holds every attack on every host; %s may order some only", s.By, o.By))
			return
		}
	}
	t.s.Stopped, t.s.Paused = nil, nil
	t.rest(t.Schedule.CheckEvery) // time to take back a resume given by mistake
	t.obey(o, "resumed")
}

// pause ends no pause of somebody else before its time: only who resumes does that.
func (t *turn) pause(o Order) {
	p, text := Pause{At: t.At, By: o.By, Reason: o.Reason}, "paused"
	if o.For > 0 {
		p.Until = t.At.Add(o.For)
		text = fmt.Sprintf("paused for %s", Span(o.For))
	}
	if held := t.s.Paused; held.holds(t.At) && held.By != o.By && outlasts(held.Until, p.Until) {
		text = "paused for longer already by " + held.By + because(held.Reason) + "; asked"
	} else {
		t.s.Paused = &p
	}
	if t.s.Asked != nil && t.s.Asked.Draw.Order == nil {
		t.s.Asked = nil
	}
	t.noteOrder(o, text, Record{Pause: t.s.Paused})
	t.do(Reply{Order: o.ID})
}

// outlasts tells of two ends, of which the zero time never comes, whether the one is later.
func outlasts(end, other time.Time) bool {
	return !other.IsZero() && (end.IsZero() || end.After(other))
}

func (t *turn) skipNext(o Order) {
	if t.s.Next == nil {
		t.refuse(o, *refuse(NoEligibleHost, "nothing has been drawn that could be skipped"))
		return
	}
	skipped := *t.s.Next
	t.s.Next = nil
	if t.s.Asked != nil && t.s.Asked.Draw.Order == nil {
		t.s.Asked = nil
		t.rest(t.Schedule.CheckEvery)
	}
	t.obey(o, fmt.Sprintf("skipped %s on %s", skipped.Attack, skipped.Host))
}

func (t *turn) exclude(o Order) {
	t.withHostOrRun(o, func() {
		x := Exclusion{By: o.By, Reason: o.Reason}
		if host, known := t.Roster.Find(o.Host); known {
			x.Where = host.where()
		}
		text := "excluded " + o.Host
		if o.For > 0 {
			x.Until = t.At.Add(o.For)
			text += fmt.Sprintf(" for %s", Span(o.For))
		}
		if held, out := t.s.Excluded[o.Host]; out && held.holds(t.At) && held.By != o.By && outlasts(held.Until, x.Until) {
			x = held // only who includes the host ends it before its time
			text = "excluded " + o.Host + " for longer already by " + held.By + because(held.Reason) + "; asked"
		}
		t.s.Excluded = put(t.s.Excluded, o.Host, x)
		t.revertWhere("its host was excluded by "+o.By, func(r Run) bool { return r.Host.Name == o.Host })
		t.noteOrder(o, text, Record{Exclude: &x})
		t.do(Reply{Order: o.ID})
	})
}

// runOnce draws what the order leaves open and asks every gate; the answer follows the last of them. The
// same id again is answered with the first outcome, so that a repeated message attacks once.
func (t *turn) runOnce(o Order) {
	if before, known := t.s.Orders[o.ID]; known && o.ID != "" {
		t.do(Reply{Order: o.ID, Run: before.Run, Refusal: before.Refusal})
		return
	}
	if a := t.s.Asked; a != nil && a.Draw.Order != nil {
		if a.Draw.Order.ID == o.ID {
			return // the answer to come serves both
		}
		t.settle(o, "", refuse(AskingGates, "the gates are just being asked for %s; try again in a moment", a.Draw.Order.By))
		return
	}
	if v := t.misnamed(o); v != nil { // a slip is said first: it would still be one when the time is right
		t.settle(o, "", v)
		return
	}
	if v := t.orderNotNow(o, Draw{}); v != nil {
		t.settle(o, "", v)
		return
	}
	if t.waitsForOthers(o) {
		return
	}
	d, v := t.drawForOrder(o)
	if v != nil {
		t.settle(o, "", v)
		return
	}
	if v := t.orderNotNow(o, d); v != nil {
		t.settle(o, "", v)
		return
	}
	t.note(Record{Kind: Drawn, Run: d.ID, Host: d.Host, Attack: d.Attack, By: o.By, Draw: &d, Text: fmt.Sprintf("ordered by %s: %s on %s", o.By, d.Attack, d.on())})
	t.askGates(d)
}

// misnamed is what is wrong with an order whatever the time.
func (t *turn) misnamed(o Order) *Verdict {
	a, known := t.Attack(o.Attack)
	switch {
	case o.Attack != "" && !known:
		return refuse(BadOrder, "no attack of the plan is called %q", o.Attack)
	case o.Attack != "" && !o.may(o.Attack):
		return refuse(NotAllowed, "%s may order %s only, and %s is not among them", o.By, strings.Join(o.Attacks, ", "), o.Attack)
	case o.Force && o.Role < Admin:
		return refuse(NotAllowed, "going beyond the limits of the blast radius takes the role %s", Admin)
	case known && notForRole(a, o) != nil:
		return notForRole(a, o)
	}
	return t.misaimed(o)
}

// notForRole: what has no undo is ordered by an admin only, named or left to chance.
func notForRole(a Attack, o Order) *Verdict {
	if a.Reversible || o.Role >= Admin {
		return nil
	}
	return refuse(NotAllowed, "%s has no undo: ordering it takes the role %s", a.Name, Admin)
}

// drawForOrder takes the drawn next attack, which everybody could see, where the order leaves all to
// chance; the schedule draws anew.
func (t *turn) drawForOrder(o Order) (Draw, *Verdict) {
	if !o.anyHost() || o.Attack != "" || t.s.Next == nil {
		return t.drawOrder(t.s, t.Stamp, o)
	}
	host, _ := t.Roster.Find(t.s.Next.Host)
	if next, known := t.Attack(t.s.Next.Attack); !known || notForRole(next, o) != nil || !o.reaches(host) || !o.may(next.Name) {
		return t.drawOrder(t.s, t.Stamp, o)
	}
	d := *t.s.Next
	d.Taken, d.Order = true, &o
	t.s.Next = nil
	return d, nil
}

// orderNotNow is every reason but the gates against an ordered attack. Rest and pause bind the schedule,
// not a person who orders; stop, residue, hours and limits bind everybody.
func (t *turn) orderNotNow(o Order, d Draw) *Verdict {
	if v := firstNo(t.s, t.At, t.notClean, t.notStopped, t.notOpen); v != nil {
		return v
	}
	if v := t.beyond(t.s, t.At, o, d.hosts()); v != nil {
		return v
	}
	if o.For < 0 || (o.For > 0 && o.For < time.Second) || (t.Safety.MaxDuration > 0 && o.For > t.Safety.MaxDuration) {
		return refuse(BadOrder, "a duration of %s is not allowed: 1s to %s", Span(o.For), Span(t.Safety.MaxDuration))
	}
	if d.ID == "" {
		return nil
	}
	if a, known := t.Attack(d.Attack); known && notForRole(a, o) != nil { // and so may the plan
		return notForRole(a, o)
	}
	notNow := t.mayOrder(t.s, o, t.At)
	for _, name := range d.hosts() { // the fleet may have changed since the draw
		if v := notNow(name); v != nil {
			return v
		}
		host, _ := t.Roster.Find(name)
		if a, known := t.Attack(d.Attack); !known || !a.Hosts.Selects(host) {
			return refuse(NoFeasibleAttack, "%s is no longer meant for %s", d.Attack, name)
		} else if v := t.notInTheirHours(a, host, t.run(d, name, t.At).For, t.At); v != nil {
			return v
		}
	}
	return t.notFitting(t.At, t.run(d, d.Host, t.At).For)
}

// settle answers a run-once order and remembers the answer under its id.
func (t *turn) settle(o Order, run string, v *Verdict) {
	if v != nil {
		t.refuse(o, *v)
	} else {
		t.noteOrder(o, "run-once", Record{Run: run})
		t.do(Reply{Order: o.ID, Run: run})
	}
	if o.Answers != "" {
		t.do(Reply{Order: o.Answers, Run: run, Refusal: v})
	}
	if o.ID != "" {
		t.s.Orders = put(t.s.Orders, o.ID, Settled{At: t.At, Run: run, Refusal: v})
	}
}
