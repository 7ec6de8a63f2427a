package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The gates: what their answers add up to, and the question at the last moment.

func (t *turn) gateAnswered(w GateAnswered) {
	g, known := t.Gate(w.Gate)
	if !known {
		return
	}
	st := t.s.Gates[g.Name]
	turned := st.At.IsZero() || st.OK != w.OK
	if w.OK {
		if st.Fails = 0; st.Passes == 0 || t.At.Sub(st.Passed) >= g.apart() { // asking again and again is not waiting
			st.Passes, st.Passed = st.Passes+1, t.At
		}
	} else {
		st.Passes, st.Fails, st.SaidNo = 0, st.Fails+1, true
	}
	st.GateAnswer, st.At = w.GateAnswer, t.At
	t.s.Gates = put(t.s.Gates, g.Name, st)
	if turned {
		t.note(Record{Kind: GateTurned, Text: fmt.Sprintf("%s %s: %s", g.Kind, g.Name, yesNo(w.GateAnswer))})
	}
	if a := t.s.Asked; a != nil && w.Round == a.ID {
		asked := *a
		asked.Answered = put(a.Answered, g.Name, true)
		t.s.Asked = &asked
	}
	if w.OK {
		return
	}
	if t.s.Asked != nil { // a no is never overtaken by a yes that was asked for earlier
		t.giveUpAsking(*refuse(g.reason(), "%s: %s", g.Name, g.why(st, t.At)))
	}
	reason := fmt.Sprintf("gate %s: %s", g.Name, yesNo(w.GateAnswer))
	t.revertWhere(reason, notYetFelt) // what is not on yet needs no second no
	if st.Fails >= t.Safety.AbortAfter {
		t.revertWhere(reason, func(r Run) bool { return !r.tolerates(w.GateAnswer) })
		t.sayTolerated(g, st)
	}
}

// tolerates tells whether a no is about nothing but what the attack itself may bring about.
func (r Run) tolerates(no GateAnswer) bool {
	expected := func(cause string) bool {
		return slices.ContainsFunc(r.Attack.Tolerate, func(pattern string) bool { return globAll(pattern, cause) })
	}
	return len(no.Causes) > 0 && !slices.ContainsFunc(no.Causes, func(cause string) bool { return !expected(cause) })
}

// globAll is glob for names in which a slash is a character as any other.
func globAll(pattern, text string) bool {
	const plain = "\x00"
	return glob(strings.ReplaceAll(pattern, "/", plain), strings.ReplaceAll(text, "/", plain))
}

// sayTolerated says once why an attack goes on although a gate says no.
func (t *turn) sayTolerated(g Gate, st GateState) {
	if st.Fails != t.Safety.AbortAfter {
		return
	}
	for _, r := range t.s.Running {
		if r.Stopping == "" {
			t.note(Record{Kind: PhaseNew, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, Phase: r.Phase,
				Text: fmt.Sprintf("goes on: gate %s says no about what is tolerated: %s", g.Name, strings.Join(st.Causes, ", "))})
		}
	}
}

// onCall is who the gates say is on call: their names, or what else they say.
func (t *turn) onCall() (who []string) {
	for _, g := range t.Gates {
		switch st := t.s.Gates[g.Name]; {
		case g.Kind != OnCall || !st.OK:
		case len(st.Who) > 0:
			who = append(who, st.Who...)
		case st.Text != "":
			who = append(who, st.Text)
		}
	}
	return who
}

// apart is the least time between two regular answers; passes that are closer count as one.
func (g Gate) apart() time.Duration { return max(g.Interval/2, g.Interval-g.Timeout) }

func yesNo(a GateAnswer) string {
	word := "no"
	if a.OK {
		word = "ok"
	}
	if a.Text == "" {
		return word
	}
	return word + ", " + a.Text
}

// askAnew forgets every answer, but not that a gate has said no: a yes must still be said twice then, and the noes that
// undo what runs go on counting.
func (t *turn) askAnew() {
	asked := map[string]GateState{}
	for _, g := range t.Gates {
		if st := t.s.Gates[g.Name]; st.SaidNo {
			asked[g.Name] = GateState{Fails: st.Fails, SaidNo: true}
		}
	}
	t.s.Gates = asked
}

func (t *turn) clockJumped(w ClockJumped) {
	t.askAnew()
	t.giveUpPending("the clock jumped; order it again")
	t.note(Record{Kind: Lifecycle, Text: fmt.Sprintf("the clock jumped by %s: every gate must answer anew", w.By)})
	t.giveUpAsking(*refuse(AskingGates, "the clock jumped by %s while the gates were asked", w.By))
}

// askGates puts the last-moment question: the answers of a minute ago do not launch anything.
func (t *turn) askGates(d Draw) {
	names := make([]string, len(t.Gates))
	for i, g := range t.Gates {
		names[i] = g.Name
	}
	t.s.Serial++
	t.s.Asked = &Round{ID: t.s.Serial, At: t.At, Draw: d}
	t.do(AskGates{Round: t.s.Serial, Gates: names})
}

// askingAtMost bounds a round: the slowest gate, and a little for the road.
func (t *turn) askingAtMost() time.Duration {
	slowest := time.Duration(0)
	for _, g := range t.Gates {
		slowest = max(slowest, g.Timeout)
	}
	return slowest + 5*time.Second
}

// hearGates decides once every gate has answered, or the time for it is over. All other reasons are
// weighed again too: a slow answer must not launch after closing time.
func (t *turn) hearGates() {
	a := *t.s.Asked
	if v := t.notNow(a.Draw); v != nil {
		t.giveUpAsking(*v)
		return
	}
	if len(a.Answered) < len(t.Gates) {
		if t.At.Sub(a.At) > t.askingAtMost() {
			t.giveUpAsking(*refuse(Unhealthy, "%s did not answer at the last moment", t.firstSilent(a)))
		}
		return
	}
	if v := t.notClear(t.s, t.At); v != nil {
		t.giveUpAsking(*v)
		return
	}
	t.s.Asked = nil
	t.launch(a.Draw)
}

func (t *turn) firstSilent(a Round) string {
	for _, g := range t.Gates {
		if !a.Answered[g.Name] {
			return g.Name
		}
	}
	return "a gate"
}

// notNow is every reason but the gates against launching the draw at this moment.
func (t *turn) notNow(d Draw) *Verdict {
	if d.Order != nil {
		return t.orderNotNow(*d.Order, d)
	}
	if v := firstNo(t.s, t.At, t.notClean, t.notStopped, t.notPaused, t.notOpen, t.notFree, t.notToday, t.notRested, t.notDue, t.notDrawn); v != nil {
		return v
	}
	if t.s.Next.ID != d.ID || t.s.Next.Attack != d.Attack {
		return refuse(AskingGates, "the draw has changed while the gates were asked")
	}
	return nil
}

// giveUpAsking closes the round. A scheduled attack is tried again at the next look.
func (t *turn) giveUpAsking(v Verdict) {
	if t.s.Asked == nil {
		return
	}
	d := t.s.Asked.Draw
	t.s.Asked = nil
	if d.Order != nil {
		t.settle(*d.Order, "", &v)
		return
	}
	t.rest(t.Schedule.CheckEvery)
}

// launch writes the intents and starts the runs; under dry run it says what it would have done.
func (t *turn) launch(d Draw) {
	if d.Order == nil {
		t.s.Next, t.s.Due = nil, time.Time{}
		t.rest(t.Schedule.CheckEvery) // two attacks at once still begin one after the other
	}
	runs := t.runs(d)
	if t.DryRun || (d.Order != nil && d.Order.DryRun) {
		t.dryRun(runs, d)
		return
	}
	for _, r := range runs {
		r.Phase, r.Since = Launching, t.At
		t.s.Running = append(t.s.Running, r)
		t.note(Record{Kind: Intent, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, By: r.By, Door: r.Door, Intent: &r, Text: fmt.Sprintf("%s on %s for %s, by %s", r.Attack.Name, r.Host.Name, Span(r.For), r.Trigger)})
		t.do(Launch{Run: r})
	}
	if d.Order != nil {
		t.settle(*d.Order, d.ID, nil)
	}
	t.drawAhead()
}

// runs are what a draw becomes: one for each host, numbered where there are several.
func (t *turn) runs(d Draw) []Run {
	hosts := d.hosts()
	runs, who := make([]Run, len(hosts)), t.onCall()
	for i, host := range hosts {
		runs[i] = t.run(d, host, t.At)
		runs[i].OnCall = who
		if len(hosts) > 1 {
			runs[i].ID, runs[i].Of, runs[i].Together = fmt.Sprintf("%s-%03d", d.ID, i+1), d.ID, d.Order.Together
		}
	}
	return runs
}

func (p Plan) run(d Draw, name string, now time.Time) Run {
	host, _ := p.Roster.Find(name)
	attack, _ := p.Attack(d.Attack)
	r := Run{ID: d.ID, Host: host, Attack: attack, For: attack.For, Trigger: BySchedule, By: "schedule", Started: now}
	if o := d.Order; o != nil {
		r.Trigger, r.Order, r.By, r.Door, r.Reason, r.Approved = ByOrder, o.ID, o.By, o.Door, o.Reason, o.Approved
		if o.For > 0 {
			r.For = o.For
		}
		if len(o.Params) > 0 {
			r.Attack.Params = maps.Clone(attack.Params)
			for k, v := range o.Params {
				r.Attack.Params = put(r.Attack.Params, k, v)
			}
		}
	}
	return r
}

// dryRun is the cause of an outcome that says what would have been.
const dryRun = "dry run"

func (t *turn) dryRun(runs []Run, d Draw) {
	for _, r := range runs {
		t.note(closed(r, Outcome{Effect: Refused, Cause: dryRun, At: t.At, Detail: "dry run: nothing was sent to the host"}))
	}
	if d.Order == nil {
		t.rest(t.Schedule.Wait)
		t.drawAhead()
		return
	}
	v := refuse(DryRun, "dry run: would have run %s on %s for %s", d.Attack, d.on(), Span(runs[0].For))
	if d.Order.DryRun {
		v = nil
	}
	t.settle(*d.Order, d.ID, v)
}
