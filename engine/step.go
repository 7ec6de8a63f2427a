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
	s.Running, s.Open = slices.Clone(s.Running), slices.Clone(s.Open)
	t := turn{Plan: p, s: s, Stamp: e.Stamp}
	t.take(e.What)
	t.sayVerdict(t.proceed())
	t.do(Wake{At: t.nextWake()})
	return t.s, t.actions
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
		t.notePool("changed: " + w.Text)
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
	case SweptAll:
		t.sweptAll(w)
	default:
		panic(fmt.Sprintf("engine: an event of unknown kind %T", w))
	}
}

// retryAfter is the rest between two looks at a host that was not clean.
const retryAfter = 30 * time.Second

func (t *turn) started(w Started) {
	t.s.Began = true
	t.s.Asked, t.s.Gates, t.s.Next, t.s.Ending = nil, nil, nil, ""
	t.notePool("started")
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

// notePool keeps what every later draw is explained from.
func (t *turn) notePool(what string) {
	t.note(Record{Kind: Lifecycle, Text: fmt.Sprintf("%s: %s, hosts known: %d, may be drawn: %d", what, t.Name, t.Roster.Len(), len(t.pool.members)), Pool: t.Pool()})
}

// rest puts the next scheduled attack off until at least d from now.
func (t *turn) rest(d time.Duration) {
	if until := t.At.Add(d); until.After(t.s.Rest) {
		t.s.Rest = until
	}
}

// reconcileLater keeps a run open until its host has been proven clean.
func (t *turn) reconcileLater(r Run, after time.Duration) {
	r.Phase, r.Since, r.Retry = Lost, t.At, t.At.Add(after)
	if after == 0 {
		r.Retry = t.At.Add(retryAfter)
		t.do(Reconcile{Run: r})
	}
	t.s.Open = append(t.s.Open, r)
}

func (t *turn) clockJumped(w ClockJumped) {
	t.s.Gates = nil
	t.note(Record{Kind: Lifecycle, Text: fmt.Sprintf("the clock jumped by %s: every gate must answer anew", w.By)})
	t.giveUpAsking(*refuse(AskingGates, "the clock jumped by %s while the gates were asked", w.By))
}

func (t *turn) gateAnswered(w GateAnswered) {
	g, known := t.Gate(w.Gate)
	if !known {
		return
	}
	st := t.s.Gates[g.Name]
	turned := st.At.IsZero() || st.OK != w.OK
	if w.OK {
		st.Passes, st.Fails = st.Passes+1, 0
	} else {
		st.Passes, st.Fails = 0, st.Fails+1
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
	if st.Fails >= t.Safety.AbortAfter {
		t.revertAll(fmt.Sprintf("gate %s: %s", g.Name, yesNo(w.GateAnswer)))
	}
}

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

func (t *turn) revertAll(reason string) {
	t.revertWhere(reason, func(Run) bool { return true })
}

// revertWhere undoes runs early; one that is already being undone is left to it.
func (t *turn) revertWhere(reason string, which func(Run) bool) {
	for i, r := range t.s.Running {
		if r.Stopping != "" || !which(r) {
			continue
		}
		t.s.Running[i].Stopping = reason
		t.note(Record{Kind: PhaseNew, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, Phase: Undoing, Text: "undoing: " + reason})
		t.do(Revert{Run: r.ID, Reason: reason})
	}
}

func (t *turn) learn(host string, f Facts) {
	if f.At.IsZero() {
		f.At = t.At
	}
	t.s.Facts = put(t.s.Facts, host, f)
}

func (t *turn) advanced(w Advanced) {
	i := slices.IndexFunc(t.s.Running, func(r Run) bool { return r.ID == w.Run })
	if i < 0 {
		return
	}
	r := &t.s.Running[i]
	if w.Guard != nil {
		r.Guard = w.Guard
	}
	if w.Figures != nil {
		r.Figures = *w.Figures
	}
	if w.Phase == "" || w.Phase == r.Phase {
		return
	}
	r.Phase, r.Since = w.Phase, t.At
	if w.Phase == Injecting { // from here on the host may feel it
		r.Until = t.At.Add(r.For)
	}
	text := string(w.Phase)
	if w.Text != "" {
		text += ": " + w.Text
	}
	t.note(Record{Kind: PhaseNew, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, Phase: w.Phase, Text: text})
}

func (t *turn) ended(w Ended) {
	i := slices.IndexFunc(t.s.Running, func(r Run) bool { return r.ID == w.Run })
	if i < 0 {
		return
	}
	r := t.s.Running[i]
	t.s.Running = slices.Delete(t.s.Running, i, i+1)
	o := w.Outcome
	o.At = t.At
	t.note(closed(r, o))
	if o.Facts != nil {
		t.learn(r.Host.Name, *o.Facts)
	}
	if !o.Applied {
		t.notAttempted(r, o)
		if o.Undo == Residue { // a guard was armed and could not be taken back
			t.leftBehind(r, o)
		}
		return
	}
	t.s.Attacked = put(t.s.Attacked, r.Host.Name, Attacked{At: t.At, Run: r.ID, Attack: r.Attack.Name, Effect: o.Effect})
	t.count()
	t.rest(t.Schedule.Wait)
	if o.Undo != Restored {
		t.leftBehind(r, o)
	}
}

func closed(r Run, o Outcome) Record {
	return Record{Kind: Closed, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, By: r.By, Door: r.Door, Outcome: &o, Text: o.Sentence(r)}
}

// Sentence is the outcome as an operator reads it.
func (o Outcome) Sentence(r Run) string {
	text := fmt.Sprintf("%s on %s: %s", r.Attack.Name, r.Host.Name, o.Effect)
	if o.Undo != "" {
		text += ", " + string(o.Undo)
	}
	if o.Figures.Text != "" {
		text += ", " + o.Figures.Text
	}
	if o.Detail != "" {
		text += " (" + o.Detail + ")"
	}
	return text
}

// notAttempted makes sure that the same host and attack are not drawn again at once.
func (t *turn) notAttempted(r Run, o Outcome) {
	t.rest(t.Schedule.CheckEvery)
	f := t.s.Facts[r.Host.Name]
	if o.Facts != nil || o.Cause == "stop" || r.Stopping != "" {
		return
	}
	f.At = t.At
	if o.Effect == Infeasible {
		f.Infeasible = put(f.Infeasible, r.Attack.Name, o.Detail)
	} else {
		f.Unreachable = o.Detail
	}
	t.learn(r.Host.Name, f)
}

func (t *turn) count() {
	if day := t.day(t.At); day != t.s.Day {
		t.s.Day, t.s.Today = day, 0
	}
	t.s.Today++
}

func (t *turn) leftBehind(r Run, o Outcome) {
	text := o.Detail
	if text == "" {
		text = r.Attack.Name + " could not be proven undone"
	}
	t.residue(r.Host.Name, Leftover{Since: t.At, Run: r.ID, Text: text})
	r.Settled = true
	t.reconcileLater(r, retryAfter)
}

func (t *turn) residue(host string, l Leftover) {
	if _, known := t.s.Residue[host]; known {
		return
	}
	t.s.Residue = put(t.s.Residue, host, l)
	t.note(Record{Kind: ResidueNew, Run: l.Run, Host: host, Text: "RESIDUE on " + host + ": " + l.Text})
}

func (t *turn) reconciled(w Reconciled) {
	if !w.Clean {
		t.residue(w.Host, Leftover{Since: t.At, Run: w.Run, Text: w.Text})
		for i, r := range t.s.Open {
			if r.Host.Name == w.Host {
				t.s.Open[i].Retry = t.At.Add(retryAfter)
			}
		}
		return
	}
	t.closeOpen(w.Host)
	t.clear(w.Host, Record{Kind: Cleared, Run: w.Run, Host: w.Host, Text: w.Host + " is proven clean" + because(w.Text)})
}

// closeOpen gives the runs of an earlier life, now proven undone, the outcome that they never had.
func (t *turn) closeOpen(host string) {
	for _, r := range t.s.Open {
		if r.Host.Name != host || r.Settled {
			continue
		}
		t.note(closed(r, Outcome{Effect: Unverifiable, Undo: Restored, Applied: true, Cause: "crash", At: t.At, Figures: r.Figures,
			Detail: "the engine ended before the attack did; the host was found clean afterwards"}))
		t.s.Attacked = put(t.s.Attacked, host, Attacked{At: t.At, Run: r.ID, Attack: r.Attack.Name, Effect: Unverifiable})
		t.count()
		t.rest(t.Schedule.Wait)
	}
}

// clear forgets what was left on a host and keeps the record of it.
func (t *turn) clear(host string, r Record) {
	t.s.Residue = drop(t.s.Residue, host)
	t.s.Open = slices.DeleteFunc(t.s.Open, func(r Run) bool { return r.Host.Name == host })
	t.note(r)
}

func (t *turn) sweptAll(w SweptAll) {
	t.s.Sweeping = false
	text := "every host has been swept"
	if n := len(w.Failed); n > 0 {
		text = fmt.Sprintf("all but %d hosts have been swept; those are kept out until they can be looked at", n)
		for _, host := range w.Failed {
			t.learn(host, Facts{Unreachable: "could not be swept after the journal lost its tail"})
		}
	}
	t.note(Record{Kind: Lifecycle, Text: text})
}

// proceed is what follows from time alone, whatever has happened.
func (t *turn) proceed() Verdict {
	t.forget()
	if !t.s.Began {
		return t.verdict(t.s, t.At)
	}
	t.closeWindow()
	t.retryOpen()
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
	for id, o := range t.s.Orders {
		if t.At.Sub(o.At) > 24*time.Hour {
			t.s.Orders = drop(t.s.Orders, id)
		}
	}
}

func (t *turn) closeWindow() {
	if len(t.s.Running) == 0 {
		return
	}
	if v := t.notOpen(t.s, t.At); v != nil {
		t.revertAll("window: " + v.Sentence)
	}
}

func (t *turn) retryOpen() {
	for i, r := range t.s.Open {
		if !t.At.Before(r.Retry) {
			t.s.Open[i].Retry = t.At.Add(2 * retryAfter)
			t.do(Reconcile{Run: r})
		}
	}
}

// drawAhead keeps a drawn next attack in sight, and draws again what has stopped being possible.
func (t *turn) drawAhead() {
	if t.s.Next != nil && !t.stillPossible(*t.s.Next) {
		if again, ok := t.redrawKept(*t.s.Next); ok {
			t.setNext(again)
			return
		}
		t.s.Next = nil
	}
	if t.s.Next == nil && !t.s.Sweeping {
		if d, ok := t.drawNext(t.s, t.Stamp); ok {
			t.setNext(d)
		}
	}
	t.inspectNext()
}

func (t *turn) stillPossible(d Draw) bool {
	position, in := t.position(d.Host)
	if !in {
		return false
	}
	if _, out := slices.BinarySearch(t.blocked(t.s, t.At), position); out {
		return false
	}
	_, feasible := t.weights(t.fit(t.s, position, t.At))[d.Attack]
	return feasible
}

// redrawKept draws another attack on the same host, if the host itself is still eligible.
func (t *turn) redrawKept(d Draw) (Draw, bool) {
	if position, in := t.position(d.Host); in {
		if _, out := slices.BinarySearch(t.blocked(t.s, t.At), position); out {
			return Draw{}, false
		}
	}
	return t.redrawAttack(t.s, d, t.Stamp)
}

func (t *turn) setNext(d Draw) {
	t.s.Next = &d
	t.note(Record{Kind: Drawn, Run: d.ID, Host: d.Host, Attack: d.Attack, Draw: &d, Text: fmt.Sprintf("next: %s on %s, 1 of %d eligible hosts", d.Attack, d.Host, d.Eligible)})
	t.s.Inspected = time.Time{}
	t.inspectNext()
}

// inspectAgain is how long an answer about the drawn host is waited for before it is asked again.
const inspectAgain = 2 * time.Minute

// inspectNext has the drawn host looked at while there is time, so that an infeasible attack is found
// before its turn; never outside the window, and never while stopped.
func (t *turn) inspectNext() {
	if t.s.Next == nil || t.s.Stopped != nil || t.s.Ending != "" || t.At.Before(t.s.Inspected.Add(inspectAgain)) {
		return
	}
	if f, known := t.s.Facts[t.s.Next.Host]; known && t.believed(f, t.At) {
		return
	}
	if _, open := t.Schedule.Open(t.At); !open {
		return
	}
	host, _ := t.Roster.Find(t.s.Next.Host)
	t.s.Inspected = t.At
	t.do(Inspect{Host: host})
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
	for _, ask := range []func(State, time.Time) *Verdict{t.notClean, t.notWanted, t.notOpen, t.notFree, t.notRested, t.notDrawn} {
		if v := ask(t.s, t.At); v != nil {
			return v
		}
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

// launch writes the intent and starts the run; under dry run it says what it would have done.
func (t *turn) launch(d Draw) {
	r := t.run(d)
	if d.Order == nil {
		t.s.Next = nil
		t.rest(t.Schedule.CheckEvery) // two attacks at once still begin one after the other
	}
	if t.DryRun || (d.Order != nil && d.Order.DryRun) {
		t.dryRun(r, d)
		return
	}
	r.Phase, r.Since = Launching, t.At
	t.s.Running = append(t.s.Running, r)
	t.note(Record{Kind: Intent, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, By: r.By, Door: r.Door, Intent: &r, Text: fmt.Sprintf("%s on %s for %s, by %s", r.Attack.Name, r.Host.Name, Span(r.For), r.Trigger)})
	t.do(Launch{Run: r})
	if d.Order != nil {
		t.settle(*d.Order, r.ID, nil)
	}
	t.drawAhead()
}

func (t *turn) run(d Draw) Run {
	host, _ := t.Roster.Find(d.Host)
	attack, _ := t.Attack(d.Attack)
	r := Run{ID: d.ID, Host: host, Attack: attack, For: attack.For, Trigger: BySchedule, By: "schedule", Started: t.At}
	if o := d.Order; o != nil {
		r.Trigger, r.Order, r.By, r.Door, r.Reason = ByOrder, o.ID, o.By, o.Door, o.Reason
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

func (t *turn) dryRun(r Run, d Draw) {
	o := Outcome{Effect: Refused, Cause: "dry run", At: t.At, Detail: "dry run: nothing was sent to the host"}
	t.note(closed(r, o))
	if d.Order == nil {
		t.rest(t.Schedule.Wait)
		t.drawAhead()
		return
	}
	v := refuse(DryRun, "dry run: would have run %s on %s for %s", r.Attack.Name, r.Host.Name, Span(r.For))
	if d.Order.DryRun {
		v = nil
	}
	t.settle(*d.Order, r.ID, v)
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
	if t.s.Paused != nil {
		sooner(t.s.Paused.Until)
	}
	if t.s.Asked != nil {
		sooner(t.s.Asked.At.Add(t.askingAtMost() + time.Millisecond))
	}
	for _, r := range t.s.Open {
		sooner(r.Retry)
	}
	if w, open := t.Schedule.Open(t.At); open {
		sooner(w.End)
	} else {
		sooner(t.s.LastVerdict.Until)
	}
	return next
}
