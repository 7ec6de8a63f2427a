package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// world is a driver without I/O: it performs the engine's actions on hosts and gates that are a few
// maps, in simulated time, and checks the core's promises after every step.
type world struct {
	t     *testing.T
	plan  engine.Plan
	state engine.State
	now   time.Time
	queue []due
	wake  time.Time
	seed  uint64

	gates      map[string]engine.GateAnswer
	infeasible map[string]map[string]string // host → attack → why
	residue    map[string]bool              // hosts whose undo cannot be proven
	muted      bool                         // gates do not answer any more
	last       time.Duration                // how long a carrier needs beyond the hold
	told       []string                     // what a reader of the scenario sees
	launched   []engine.Run
	replies    []engine.Reply
}

type due struct {
	at   time.Time
	what engine.What
}

func newWorld(t *testing.T, plan engine.Plan, start time.Time) *world {
	t.Helper()
	w := &world{t: t, plan: plan, now: start, seed: 1, gates: map[string]engine.GateAnswer{},
		infeasible: map[string]map[string]string{}, residue: map[string]bool{}, last: 5 * time.Second}
	for _, g := range plan.Gates {
		w.gates[g.Name] = engine.GateAnswer{OK: true, Text: "fine"}
	}
	return w
}

func (w *world) start(s engine.Started) {
	w.t.Helper()
	w.happen(s)
	for _, g := range w.plan.Gates {
		w.later(time.Second, engine.GateAnswered{Gate: g.Name})
	}
}

func (w *world) later(d time.Duration, what engine.What) {
	w.queue = append(w.queue, due{w.now.Add(d), what})
	slices.SortStableFunc(w.queue, func(a, b due) int { return a.at.Compare(b.at) })
}

// happen steps the engine once at the present moment and performs what it asks for.
func (w *world) happen(what engine.What) {
	w.t.Helper()
	w.seed = w.seed*6364136223846793005 + 1442695040888963407
	e := engine.Event{Stamp: engine.Stamp{At: w.now, Draw: w.seed}, What: what}
	before, _ := json.Marshal(w.state)
	state, actions := w.plan.Step(w.state, e)
	if after, _ := json.Marshal(w.state); string(before) != string(after) {
		w.t.Fatalf("Step changed the state it was given\nbefore %s\nafter  %s", before, after)
	}
	w.check(state, actions, what)
	w.state = state
	for _, a := range actions {
		w.perform(a)
	}
}

func (w *world) perform(a engine.Action) {
	switch a := a.(type) {
	case engine.Wake:
		w.wake = a.At
	case engine.Note:
		w.tell("%s: %s", a.Record.Kind, a.Record.Text)
	case engine.AskGates:
		if w.muted {
			return
		}
		for _, name := range a.Gates {
			w.later(time.Second, engine.GateAnswered{Gate: name, Round: a.Round})
		}
	case engine.Inspect:
		w.later(2*time.Second, engine.HostInspected{Host: a.Host.Name, Facts: engine.Facts{Infeasible: w.infeasible[a.Host.Name]}})
	case engine.Launch:
		w.launched = append(w.launched, a.Run)
		w.launch(a.Run)
	case engine.Revert:
		w.queue = slices.DeleteFunc(w.queue, func(d due) bool { return runOf(d.what) == a.Run })
		w.later(time.Second, engine.Ended{Run: a.Run, Outcome: w.outcome(a.Run, a.Reason)})
	case engine.Reconcile:
		w.later(2*time.Second, engine.Reconciled{Run: a.Run.ID, Host: a.Run.Host.Name, Clean: !w.residue[a.Run.Host.Name], Text: "looked"})
	case engine.SweepAll:
		w.later(3*time.Second, engine.SweptAll{})
	case engine.Reply:
		w.replies = append(w.replies, a)
		if a.Refusal != nil {
			w.tell("REFUSED %s: %s", a.Refusal.Name, a.Refusal.Sentence)
		}
	}
}

func (w *world) launch(r engine.Run) {
	w.tell("LAUNCH %s on %s for %s", r.Attack.Name, r.Host.Name, r.For)
	if why := w.infeasible[r.Host.Name][r.Attack.Name]; why != "" {
		w.later(time.Second, engine.Ended{Run: r.ID, Outcome: engine.Outcome{Effect: engine.Infeasible, Detail: why}})
		return
	}
	for i, phase := range []engine.Phase{engine.Connecting, engine.Arming, engine.Injecting, engine.Holding} {
		w.later(time.Duration(i+1)*time.Second/4, engine.Advanced{Run: r.ID, Phase: phase})
	}
	w.later(r.For+w.last, engine.Ended{Run: r.ID, Outcome: w.outcome(r.ID, "deadline")})
}

func (w *world) outcome(run, cause string) engine.Outcome {
	o := engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: cause}
	for _, r := range w.state.Running {
		if r.ID == run && w.residue[r.Host.Name] {
			o.Undo, o.Detail = engine.Residue, "the rule is still there"
		}
	}
	return o
}

func runOf(what engine.What) string {
	switch what := what.(type) {
	case engine.Ended:
		return what.Run
	case engine.Advanced:
		return what.Run
	}
	return ""
}

// until lets time pass: due events and wake-ups in order, gates answering as often as they are asked.
func (w *world) until(end time.Time) {
	w.t.Helper()
	for {
		next, what := w.wake, engine.What(engine.Woke{})
		if len(w.queue) > 0 && !w.queue[0].at.After(next) {
			next, what = w.queue[0].at, w.queue[0].what
		}
		if next.After(end) {
			w.now = end
			return
		}
		if _, woke := what.(engine.Woke); !woke {
			w.queue = w.queue[1:]
		}
		if !next.Before(w.now) {
			w.now = next
		}
		if g, ok := what.(engine.GateAnswered); ok {
			g.GateAnswer = w.gates[g.Gate]
			what = g
			if g.Round == 0 {
				gate, _ := w.plan.Gate(g.Gate)
				w.later(gate.Interval, engine.GateAnswered{Gate: g.Gate})
			}
		}
		w.happen(what)
	}
}

func (w *world) mute() { w.muted, w.queue = true, nil }

func (w *world) tell(format string, args ...any) {
	w.told = append(w.told, w.now.In(w.plan.Schedule.Location).Format("Mon 15:04:05 ")+fmt.Sprintf(format, args...))
}

// check holds every step against the promises that the core alone can keep.
func (w *world) check(s engine.State, actions []engine.Action, what engine.What) {
	w.t.Helper()
	wakes, intents := 0, map[string]bool{}
	for _, a := range actions {
		switch a := a.(type) {
		case engine.Wake:
			wakes++
			if !a.At.After(w.now) {
				w.t.Fatalf("a wake-up at %s is not after %s", a.At, w.now)
			}
		case engine.Note:
			if a.Record.Kind == engine.Intent {
				intents[a.Record.Run] = true
			}
		case engine.Launch:
			w.checkLaunch(s, a.Run, intents)
		}
	}
	if wakes != 1 {
		w.t.Fatalf("a step asked for %d wake-ups after %T", wakes, what)
	}
	if len(s.Running) > w.plan.Safety.MaxConcurrent {
		w.t.Fatalf("%d attacks run at once, the limit is %d", len(s.Running), w.plan.Safety.MaxConcurrent)
	}
	if s.Next != nil {
		if status, why := w.plan.Describe(s, w.now).Host(s.Next.Host); status != engine.HostReady {
			w.t.Fatalf("%s is drawn next, though it is %s: %s", s.Next.Host, status, why)
		}
	}
	if limit := w.plan.Safety.MaxPerGroup; limit > 0 {
		groups := map[string]int{}
		for _, r := range s.Running {
			if g := r.Host.Groups[0]; groups[g] == limit {
				w.t.Fatalf("more than %d attacks in group %s", limit, g)
			} else {
				groups[g]++
			}
		}
	}
	hosts := map[string]bool{}
	for _, r := range append(slices.Clone(s.Running), s.Open...) {
		if hosts[r.Host.Name] && slices.ContainsFunc(s.Running, func(x engine.Run) bool { return x.Host.Name == r.Host.Name }) {
			w.t.Fatalf("two attacks on %s", r.Host.Name)
		}
		hosts[r.Host.Name] = true
	}
	if s.Stopped != nil {
		for _, r := range s.Running {
			if r.Stopping == "" {
				w.t.Fatalf("stopped, but %s is not being undone", r.ID)
			}
		}
	}
}

func (w *world) checkLaunch(s engine.State, r engine.Run, intents map[string]bool) {
	w.t.Helper()
	window, open := w.plan.Schedule.Open(w.now)
	switch {
	case !intents[r.ID]:
		w.t.Fatalf("%s was launched before its intent was noted", r.ID)
	case w.plan.DryRun:
		w.t.Fatal("launched under dry run")
	case s.Stopped != nil:
		w.t.Fatal("launched while stopped")
	case len(s.Residue) > 0:
		w.t.Fatal("launched while a host has residue")
	case len(s.Open) > 0 || s.Sweeping:
		w.t.Fatal("launched while an earlier run is not reconciled")
	case !open:
		w.t.Fatalf("launched outside the window at %s", w.now)
	case w.now.Add(r.For + w.plan.Safety.Margin).After(window.End):
		w.t.Fatalf("%s at %s does not fit before %s", r.For, w.now, window.End)
	case r.Host.Barred != "":
		w.t.Fatalf("%s is barred", r.Host.Name)
	}
	if x, out := s.Excluded[r.Host.Name]; out && (x.Until.IsZero() || w.now.Before(x.Until)) {
		w.t.Fatalf("%s is excluded", r.Host.Name)
	}
	named := map[string]bool{r.By: r.Order != ""}
	for _, by := range r.Approved {
		named[by] = true
	}
	if len(r.Approved) > 0 && len(named) < r.Attack.Approval || len(r.Approved) == 0 && r.Attack.Approval > 1 {
		w.t.Fatalf("%s by %s, approved by %v, was launched without %d people", r.Attack.Name, r.By, r.Approved, r.Attack.Approval)
	}
	w.checkHours(r)
	for _, g := range w.plan.Gates {
		st := s.Gates[g.Name]
		if !st.OK || st.Passes < g.HealthyAfter || w.now.Sub(st.At) > g.Timeout+5*time.Second {
			w.t.Fatalf("launched at %s though gate %s last said %+v", w.now, g.Name, st)
		}
	}
}

// checkHours holds a launch against the hours of its attack and of its host.
func (w *world) checkHours(r engine.Run) {
	w.t.Helper()
	var own []engine.Hours
	if r.Attack.Hours != nil {
		own = append(own, *r.Attack.Hours)
	}
	for _, group := range w.plan.Schedule.Groups {
		if group.Hosts.Selects(r.Host) {
			own = append(own, group.Hours)
		}
	}
	for _, h := range own {
		alone := engine.Schedule{Location: w.plan.Schedule.Location, Days: h.Days, Hours: h.Ranges}
		window, open := alone.Open(w.now)
		if !open || w.now.Add(r.For+w.plan.Safety.Margin).After(window.End) {
			w.t.Fatalf("%s on %s was launched at %s, outside its hours", r.Attack.Name, r.Host.Name, w.now)
		}
	}
}

// testPlan is a small fleet in ordinary business hours; options change it before it is checked.
func testPlan(t *testing.T, options ...func(*engine.Plan)) engine.Plan {
	t.Helper()
	p := engine.Plan{
		Name:     "test",
		Schedule: engine.Schedule{Location: location(t, "Europe/Paris"), Days: weekdays, Hours: hours(600, 960), CheckEvery: time.Minute, Wait: 10 * time.Minute},
		Safety: engine.Safety{MaxConcurrent: 1, HostCooldown: 24 * time.Hour, MaxDuration: 10 * time.Minute, Lease: 15 * time.Second,
			Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour},
		Attacks: []engine.Attack{
			{Name: "cpu", Kind: "cpu", Weight: 3, For: time.Minute, Reversible: true},
			{Name: "latency", Kind: "latency", Weight: 1, For: 2 * time.Minute, Reversible: true},
		},
		Gates: []engine.Gate{
			{Name: "site", Kind: engine.Health, Interval: 30 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1},
			{Name: "rota", Kind: engine.OnCall, Interval: time.Minute, Timeout: 5 * time.Second, HealthyAfter: 1},
		},
		Roster: engine.NewRoster(fleet(4)),
	}
	for _, change := range options {
		change(&p)
	}
	plan, err := engine.NewPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func fleet(n int) []engine.Host {
	hosts := make([]engine.Host, n)
	for i := range hosts {
		group := []string{"web", "db"}[i%2]
		hosts[i] = engine.Host{Name: fmt.Sprintf("%s-%d", group, i+1), Address: fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), Port: 22, Groups: []string{group}}
	}
	return hosts
}

func (w *world) saw(text string) bool {
	return slices.ContainsFunc(w.told, func(line string) bool { return strings.Contains(line, text) })
}

func (w *world) mustSee(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !w.saw(text) {
			w.t.Errorf("nothing said %q in:\n%s", text, strings.Join(w.told, "\n"))
		}
	}
}
