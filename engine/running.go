package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// What happens to runs: their progress, their end, and what is left behind.

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
		t.note(Record{Kind: PhaseNew, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, Phase: Undoing, Text: "undoing: " + reason})
		t.do(Revert{Run: r.ID, Reason: reason})
	}
}

func (t *turn) advanced(w Advanced) {
	i := slices.IndexFunc(t.s.Running, func(r Run) bool { return r.ID == w.Run })
	if i < 0 {
		return
	}
	r := &t.s.Running[i]
	if notYetFelt(*r) && w.Phase != "" && r.Stopping == "" {
		if v := t.notInTime(r.Attack, r.Host, r.For, t.At); v != nil { // the approach took too long
			t.revertWhere("window: "+v.Sentence, func(x Run) bool { return x.ID == w.Run })
		}
	}
	if w.Guard != nil {
		r.Guard = w.Guard
	}
	if !w.Until.IsZero() {
		r.Until = w.Until
	}
	if w.Figures != nil {
		r.Figures = *w.Figures
	}
	again := w.Phase == r.Phase
	if w.Phase == "" || (again && w.Text == "") {
		return
	}
	if !again {
		r.Phase, r.Since = w.Phase, t.At
	}
	if w.Phase == Injecting && !again { // from here on the host may feel it
		r.Until = t.At.Add(r.For)
	}
	if w.Phase == Undoing && r.Stopping != "" {
		return // said when it was ordered
	}
	text := string(w.Phase)
	if w.Text != "" {
		text += ": " + w.Text
	}
	t.note(Record{Kind: PhaseNew, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, Phase: w.Phase, Text: text})
	if w.Phase == Lost {
		t.allOrNothing(*r, "is lost")
	}
}

// allOrNothing undoes the other parts of a run of which one could not be carried out.
func (t *turn) allOrNothing(r Run, what string) {
	if r.Together {
		t.revertWhere(fmt.Sprintf("all or nothing: %s %s", r.Host.Name, what), func(x Run) bool { return x.Of == r.Of && x.ID != r.ID })
	}
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
	if o.Cause != "deadline" {
		t.allOrNothing(r, "ended: "+o.why())
	}
	if o.Facts != nil {
		t.learn(r.Host.Name, t.s.Facts[r.Host.Name].with(*o.Facts))
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

// with adds newer facts, which may be about one attack only, to what is known.
func (f Facts) with(newer Facts) Facts {
	for attack, why := range f.Infeasible {
		if _, said := newer.Infeasible[attack]; !said {
			newer.Infeasible = put(newer.Infeasible, attack, why)
		}
	}
	return newer
}

// notYetFelt tells whether the fault of a run is not on yet.
func notYetFelt(r Run) bool {
	return slices.Contains([]Phase{Launching, Connecting, Inspecting, Arming, Measuring}, r.Phase)
}

func closed(r Run, o Outcome) Record {
	return Record{Kind: Closed, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, By: r.By, Door: r.Door, Outcome: &o, Text: o.Sentence(r)}
}

// why is what ended a run before its time, in the fewest words.
func (o Outcome) why() string {
	if o.Detail != "" {
		return string(o.Effect) + ", " + o.Detail
	}
	return string(o.Effect) + ", " + o.Cause
}

// Sentence is the outcome as an operator reads it.
func (o Outcome) Sentence(r Run) string {
	if o.Cause == dryRun {
		return fmt.Sprintf("%s on %s: would have run for %s (%s)", r.Attack.Name, r.Host.Name, Span(r.For), o.Detail)
	}
	text := fmt.Sprintf("%s on %s: %s", r.Attack.Name, r.Host.Name, o.Effect)
	if o.Undo != "" {
		text += ", " + string(o.Undo)
	}
	if o.Figures.Text != "" {
		text += ", " + o.Figures.Text
	}
	if early := o.early(); early != "" {
		text += ", " + early
	}
	if o.Detail != "" {
		text += " (" + o.Detail + ")"
	}
	return text
}

// early says what ended a fault that was on before its time; other causes are told by the detail.
func (o Outcome) early() string {
	switch {
	case !o.Applied || o.Cause == "" || slices.Contains([]string{"deadline", "lost", "error", "host", "crash"}, o.Cause):
		return ""
	}
	return "ended early: " + o.Cause
}

// notAttempted makes sure that the same host and attack are not drawn again at once.
func (t *turn) notAttempted(r Run, o Outcome) {
	t.rest(t.Schedule.CheckEvery)
	f := t.s.Facts[r.Host.Name]
	if o.Facts != nil || o.Cause == "stop" || r.Stopping != "" || r.Trigger == ByOrder {
		return // nothing that the schedule should learn from
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

const (
	retryAfter = 30 * time.Second // rest between two looks at a host that was not clean
	lookAgain  = 5 * time.Second  // rest after a look that did not reach the host
	// lookFor is how long a host may stay out of reach before it counts as residue. By then its own guard
	// has undone whatever there was; that nobody can prove it is what a person must know.
	lookFor = 2 * time.Minute
)

// reconcileLater keeps a run open until its host has been proven clean.
func (t *turn) reconcileLater(r Run, after time.Duration) {
	r.Phase, r.Since, r.Retry = Lost, t.At, t.At.Add(after)
	if after == 0 {
		r.Retry = t.At.Add(2 * retryAfter) // one look may take long; two at once would answer for each other
		t.do(Reconcile{Run: r})
	}
	t.s.Open = append(t.s.Open, r)
}

func (t *turn) reconciled(w Reconciled) {
	_, held := t.s.Residue[w.Host]
	if open := slices.ContainsFunc(t.s.Open, func(r Run) bool { return r.Host.Name == w.Host }); !open && !held {
		return // an answer from before: whatever is on the host now is not its business
	}
	switch {
	case w.Unreached && t.waitFor(w.Host):
	case !w.Clean:
		t.residue(w.Host, Leftover{Since: t.At, Run: w.Run, Text: w.Text})
		for i, r := range t.s.Open {
			if r.Host.Name == w.Host {
				t.s.Open[i].Retry = t.At.Add(retryAfter)
			}
		}
	default:
		t.provenClean(w)
	}
}

// provenClean closes the run that was looked for. Its host is clean once none of its runs is open.
func (t *turn) provenClean(w Reconciled) {
	others := slices.DeleteFunc(slices.Clone(t.s.Open), func(r Run) bool { return r.Host.Name != w.Host || w.Run == "" || r.ID == w.Run })
	if len(others) > 0 {
		t.s.Open = slices.DeleteFunc(t.s.Open, func(r Run) bool { return r.ID == w.Run })
		return
	}
	t.closeOpen(w.Host, Outcome{Effect: Unverifiable, Undo: Restored, Applied: true, Cause: "crash",
		Detail: "the engine ended before the attack did; the host was found clean afterwards"})
	t.clear(w.Host, Record{Kind: Cleared, Run: w.Run, Host: w.Host, Text: w.Host + " is proven clean" + because(w.Text)})
}

// waitFor has a host that could not be reached looked at again soon; false once that has been tried for
// long enough.
func (t *turn) waitFor(host string) (waiting bool) {
	for i, r := range t.s.Open {
		if r.Host.Name == host && t.At.Sub(r.Since) < lookFor {
			t.s.Open[i].Retry = t.At.Add(lookAgain)
			waiting = true
		}
	}
	return waiting
}

// closeOpen gives the runs of an earlier life on the host the outcome that they never had.
func (t *turn) closeOpen(host string, o Outcome) {
	for _, r := range t.s.Open {
		if r.Host.Name != host || r.Settled {
			continue
		}
		o.At, o.Applied, o.Figures = t.At, true, r.Figures
		t.note(closed(r, o))
		t.s.Attacked = put(t.s.Attacked, host, Attacked{At: t.At, Run: r.ID, Attack: r.Attack.Name, Effect: o.Effect})
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

// sweptAll: what was found unclean needs a person; what could not be reached stays out and is looked at again.
func (t *turn) sweptAll(w SweptAll) {
	t.s.Sweeping = false
	for _, host := range slices.Sorted(maps.Keys(w.Residue)) {
		t.residue(host, Leftover{Since: t.At, Text: w.Residue[host]})
	}
	gone := slices.DeleteFunc(slices.Clone(t.s.Unswept), func(host string) bool { _, known := t.Roster.Find(host); return known })
	t.s.Unswept = slices.Compact(slices.Sorted(slices.Values(append(gone, w.Failed...))))
	t.s.SweepAt = t.At.Add(2 * retryAfter)
	text := "every host has been swept"
	if n := len(w.Failed); n > 0 {
		text = fmt.Sprintf("all but %d hosts have been swept; those are kept out and looked at again", n)
	}
	t.note(Record{Kind: Lifecycle, Text: text})
}

// sweepAgain looks at the hosts that were out of reach.
func (t *turn) sweepAgain() {
	if t.s.Sweeping || len(t.s.Unswept) == 0 || t.At.Before(t.s.SweepAt) {
		return
	}
	t.s.SweepAt = t.At.Add(20 * retryAfter) // unless an answer comes before
	var hosts []Host
	for _, name := range t.s.Unswept {
		if h, known := t.Roster.Find(name); known {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) > 0 { // who has left the inventory may come back, and is looked at then
		t.do(SweepAll{Hosts: hosts})
	}
}

func (t *turn) closeWindow() {
	if len(t.s.Running) == 0 {
		return
	}
	if v := t.notOpen(t.s, t.At); v != nil {
		t.revertAll("window: " + v.Sentence)
	}
	t.overtime()
}

func (t *turn) retryOpen() {
	for i, r := range t.s.Open {
		if !t.At.Before(r.Retry) {
			t.s.Open[i].Retry = t.At.Add(2 * retryAfter)
			t.do(Reconcile{Run: r})
		}
	}
}
