package engine

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// Reason is the name of a verdict.
type Reason string

// The reasons. Ready is the only one that lets an attack begin; the zero value does not.
const (
	Unknown          Reason = ""
	Ready            Reason = "Ready"
	Reconciling      Reason = "Reconciling"
	ResidueLeft      Reason = "Residue"
	IsStopped        Reason = "Stopped"
	IsPaused         Reason = "Paused"
	OutsideHours     Reason = "OutsideHours"
	Holiday          Reason = "Holiday"
	Frozen           Reason = "Freeze"
	AtLimit          Reason = "AtLimit" // as many attacks in flight as allowed
	Settling         Reason = "Settling"
	DailyLimit       Reason = "DailyLimit"
	NoEligibleHost   Reason = "NoEligibleHost"
	NoFeasibleAttack Reason = "NoFeasibleAttack"
	WouldNotFit      Reason = "WouldNotFit"
	NobodyOnCall     Reason = "NobodyOnCall"
	Unhealthy        Reason = "Unhealthy"
	AskingGates      Reason = "AskingGates"
	DryRun           Reason = "DryRun"
	BadOrder         Reason = "BadOrder" // the order names something that does not exist or is not allowed
	HostNotEligible  Reason = "HostNotEligible"
	NotAllowed       Reason = "NotAllowed"    // the role does not reach
	NeedsApproval    Reason = "NeedsApproval" // other people must want it too
)

// Verdict is why nothing is attacked just now, or Ready.
type Verdict struct {
	Name     Reason    `json:"name"`
	Sentence string    `json:"sentence"`
	Until    time.Time `json:"until,omitzero"` // when it may change by itself
}

// Refusal is the error that carries a verdict to whoever gave an order.
type Refusal struct{ Verdict }

func (r *Refusal) Error() string { return r.Sentence }

func refuse(name Reason, format string, args ...any) *Verdict {
	return &Verdict{Name: name, Sentence: fmt.Sprintf(format, args...)}
}

// verdict is the first reason why the scheduled attack d may not begin, or Ready. The gates are judged
// by their regular answers; they are asked once more before anything is launched.
func (p Plan) verdict(s State, now time.Time) Verdict {
	if v := firstNo(s, now, p.notClean, p.notStopped, p.notPaused, p.notOpen, p.notFree, p.notToday, p.notClear, p.notRested, p.notDue, p.notDrawn); v != nil {
		return *v
	}
	return Verdict{Name: Ready, Sentence: fmt.Sprintf("ready: %s on %s", s.Next.Attack, s.Next.Host)}
}

// firstNo asks for reasons in order, and stops at the first.
func firstNo(s State, now time.Time, reasons ...func(State, time.Time) *Verdict) *Verdict {
	for _, reason := range reasons {
		if v := reason(s, now); v != nil {
			return v
		}
	}
	return nil
}

// notClean: the past comes first.
func (p Plan) notClean(s State, _ time.Time) *Verdict {
	switch {
	case !s.Began:
		return refuse(Reconciling, "starting")
	case s.Ending != "":
		return p.ending(s)
	case len(s.Residue) > 0:
		host, left := firstLeftover(s.Residue)
		return refuse(ResidueLeft, "%s needs a person: %s; look at it, then run: chaoscat sweep --host %s", host, left.Text, host)
	case s.Sweeping:
		return refuse(Reconciling, "the journal lost its tail, so every host is being looked at before anything new")
	case len(s.Open) > 0:
		r := s.Open[0]
		return refuse(Reconciling, "looking for what %s of an earlier run may have left on %s", r.Attack.Name, r.Host.Name)
	}
	return nil
}

func (p Plan) ending(s State) *Verdict {
	return refuse(IsStopped, "this engine is shutting down (%s)", s.Ending)
}

func firstLeftover(residue map[string]Leftover) (string, Leftover) {
	names := make([]string, 0, len(residue))
	for host := range residue {
		names = append(names, host)
	}
	sort.Strings(names)
	return names[0], residue[names[0]]
}

// notStopped: a stop binds everybody.
func (p Plan) notStopped(s State, _ time.Time) *Verdict {
	if s.Stopped == nil {
		return nil
	}
	return p.stopped(s)
}

// notPaused: a pause, or no schedule at all, binds the schedule only.
func (p Plan) notPaused(s State, now time.Time) *Verdict {
	if s.Idle != "" {
		return refuse(IsPaused, "no schedule: %s", s.Idle)
	}
	if s.Paused.holds(now) {
		v := refuse(IsPaused, "paused by %s%s", s.Paused.By, because(s.Paused.Reason))
		if v.Until = s.Paused.Until; !v.Until.IsZero() {
			v.Sentence += " until " + p.clock(v.Until, now)
		}
		return v
	}
	return nil
}

func (p Plan) stopped(s State) *Verdict {
	return refuse(IsStopped, "stopped by %s%s; nothing runs until somebody resumes", s.Stopped.By, because(s.Stopped.Reason))
}

func (x *Pause) holds(now time.Time) bool {
	return x != nil && (x.Until.IsZero() || now.Before(x.Until))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// notOpen: business hours, holidays, freezes.
func (p Plan) notOpen(_ State, now time.Time) *Verdict {
	if _, open := p.Schedule.Open(now); open {
		return nil
	}
	v := refuse(OutsideHours, "outside business hours (%s)", p.Schedule)
	if c, closed := p.Schedule.Closure(now); closed {
		v = refuse(c.Name, "%s%s", strings.ToLower(string(c.Name)), because(c.Reason))
	}
	if next, ok := p.Schedule.NextOpening(now); ok {
		v.Until = next
		v.Sentence += "; opens " + p.clock(next, now)
	} else if c, closed := p.Schedule.Closure(now); !closed || c.To.Before(now.AddDate(horizonYears, 0, 0)) {
		v.Sentence += "; it does not open within a year"
	} // else the reason says what to do about it
	return v
}

// notFree: the limit of attacks in flight.
func (p Plan) notFree(s State, _ time.Time) *Verdict { return p.notFreeFor(s, 1) }

func (p Plan) notFreeFor(s State, n int) *Verdict {
	switch {
	case len(s.Running)+n <= p.Safety.MaxConcurrent:
		return nil
	case n > 1:
		return refuse(AtLimit, "%d more would make %d hosts under attack at once; safety.max_concurrent is %d", n, len(s.Running)+n, p.Safety.MaxConcurrent)
	}
	r := s.Running[0]
	return refuse(AtLimit, "%s is running on %s (%d of %d at once)", r.Attack.Name, r.Host.Name, len(s.Running), p.Safety.MaxConcurrent)
}

// notToday: the limit of a day, which binds orders as well.
func (p Plan) notToday(s State, now time.Time) *Verdict { return p.notTodayFor(s, now, 1) }

func (p Plan) notTodayFor(s State, now time.Time, n int) *Verdict {
	today := len(s.Running)
	if s.Day == p.day(now) {
		today += s.Today
	}
	switch {
	case p.Schedule.MaxPerDay == 0 || today+n <= p.Schedule.MaxPerDay:
		return nil
	case n > 1:
		return refuse(DailyLimit, "%d attacks today and %d more would be %d; schedule.max_per_day is %d", today, n, today+n, p.Schedule.MaxPerDay)
	}
	return refuse(DailyLimit, "%d attacks today, as many as schedule.max_per_day allows", today)
}

// notRested: the wait after an attack.
func (p Plan) notRested(s State, now time.Time) *Verdict {
	if now.Before(s.Rest) {
		v := refuse(Settling, "resting until %s", p.clock(s.Rest, now))
		if v.Until = s.Rest; s.Next == nil { // nobody need wait for it to learn that nothing will come of it
			v.Sentence += "; no host is eligible now: " + p.whyNobody(s, now)
		}
		return v
	}
	return nil
}

func (p Plan) day(now time.Time) string { return now.In(p.Schedule.Location).Format(time.DateOnly) }

// notDrawn: there must be somebody to attack, and time enough for it.
func (p Plan) notDrawn(s State, now time.Time) *Verdict {
	if s.Next == nil {
		return refuse(NoEligibleHost, "no host is eligible: %s", p.whyNobody(s, now))
	}
	a, _ := p.Attack(s.Next.Attack)
	host, _ := p.Roster.Find(s.Next.Host)
	return p.notInTime(a, host, a.For, now)
}

// notInTime: they must end inside the hours of the attack and of the host, too.
func (p Plan) notInTime(a Attack, h Host, last time.Duration, now time.Time) *Verdict {
	if v := p.notFitting(now, last); v != nil {
		return v
	}
	return p.notInTheirHours(a, h, last, now)
}

// notFitting: attack, undo and margin must end inside the window.
func (p Plan) notFitting(now time.Time, last time.Duration) *Verdict {
	w, _ := p.Schedule.Open(now)
	if need := last + p.Safety.Margin; now.Add(need).After(w.End) {
		return refuse(WouldNotFit, "an attack of %s with %s for its undo does not fit: the window closes %s", Span(last), Span(p.Safety.Margin), p.clock(w.End, now))
	}
	return nil
}

// notClear: every gate must have said yes often enough, and lately.
func (p Plan) notClear(s State, now time.Time) *Verdict {
	for _, g := range p.Gates {
		if why := g.why(s.Gates[g.Name], now); why != "" {
			return refuse(g.reason(), "%s: %s", g.Name, why)
		}
	}
	return nil
}

func (g Gate) reason() Reason {
	if g.Kind == OnCall {
		return NobodyOnCall
	}
	return Unhealthy
}

// why the gate is not clear; empty when it is. An old answer is no answer.
func (g Gate) why(st GateState, now time.Time) string {
	switch age := now.Sub(st.At); {
	case st.At.IsZero():
		return "has not answered yet"
	case age > 2*g.Interval+g.Timeout:
		return fmt.Sprintf("has not answered for %s", age.Round(time.Second))
	case !st.OK && st.Text == "":
		return "says no"
	case !st.OK:
		return st.Text
	case st.Passes < g.needs(st):
		return fmt.Sprintf("passes in a row: %d of %d", st.Passes, g.needs(st))
	}
	return ""
}

// needs is how many passes in a row make the gate clear. One that has said no must say yes twice at least: what flaps
// never opens.
func (g Gate) needs(st GateState) int {
	if st.SaidNo {
		return max(2, g.HealthyAfter)
	}
	return g.HealthyAfter
}

// clock shows a moment in the schedule's zone: the time today, the day and time otherwise.
func (p Plan) clock(t, now time.Time) string {
	t, now = t.In(p.Schedule.Location), now.In(p.Schedule.Location)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Mon 2 Jan 15:04")
}

// Span writes a duration as people do: "2m", "1h30m", "45s".
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
