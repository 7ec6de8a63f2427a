package engine_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// The promises of the design that the core can keep, each by its name. world.check holds every step of
// every test against them as well.

func running(t *testing.T, options ...func(*engine.Plan)) *world {
	t.Helper()
	w := newWorld(t, testPlan(t, options...), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(80 * time.Second))
	if len(w.state.Running) != 1 {
		t.Fatalf("no attack is running:\n%s", strings.Join(w.told, "\n"))
	}
	return w
}

func TestStopMeansStop(t *testing.T) {
	w := running(t)
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.Stop, By: "anybody"}})
	if w.state.Running[0].Stopping == "" {
		t.Error("the running attack is not being undone")
	}
	launched := len(w.launched)
	w.happen(engine.Ordered{Order: engine.Order{ID: "2", Kind: engine.RunOnce, By: "ada"}})
	w.until(w.now.Add(48 * time.Hour))
	if len(w.launched) != launched {
		t.Error("something was launched after the stop")
	}
	w.mustSee("REFUSED Stopped")
}

func TestStopWhileTheGatesAreAskedLaunchesNothing(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(10 * time.Second))
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.RunOnce, By: "ada"}})
	if w.state.Asked == nil {
		t.Fatal("the gates are not being asked")
	}
	w.happen(engine.Ordered{Order: engine.Order{ID: "2", Kind: engine.Stop, By: "bob"}})
	w.until(w.now.Add(time.Hour))
	if len(w.launched) > 0 {
		t.Error("launched after the stop")
	}
	w.mustSee("REFUSED Stopped: stopped by bob")
}

func TestShuttingDownUndoesAndStartsNothing(t *testing.T) {
	w := running(t)
	w.happen(engine.ShuttingDown{Cause: "terminated"})
	w.until(w.now.Add(3 * time.Hour))
	if len(w.launched) != 1 || len(w.state.Running) != 0 {
		t.Errorf("launched %d, still running %d", len(w.launched), len(w.state.Running))
	}
}

func TestAHostOutOfReachAfterACrashIsLookedForBeforeItIsResidue(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	host, _ := w.plan.Roster.Find("db-2")
	w.start(engine.Started{Open: []engine.Run{{ID: "old", Host: host, Attack: w.plan.Attacks[0]}}})
	looks := 0
	for w.now.Before(at(t, "2026-07-01T10:01:50+02:00")) {
		w.queue = nil // nobody answers but us
		w.happen(engine.Reconciled{Run: "old", Host: "db-2", Unreached: true, Text: "connection refused"})
		if len(w.state.Residue) > 0 {
			t.Fatalf("residue after %d looks at %s", looks, w.now)
		}
		w.now, looks = w.wake, looks+1
	}
	w.now = at(t, "2026-07-01T10:02:30+02:00")
	w.happen(engine.Reconciled{Run: "old", Host: "db-2", Unreached: true, Text: "connection refused"})
	if _, is := w.state.Residue["db-2"]; !is || looks < 10 {
		t.Errorf("after two minutes and %d looks it is residue: %v", looks, is)
	}
}

func TestResidueOnAHostThatHasLeftTheFleetCanBeCleared(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.state.Residue = map[string]engine.Leftover{"gone-1": {Text: "a rule"}}
	w.start(engine.Started{})
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.Clear, Host: "gone-2", By: "ada"}})
	w.happen(engine.Ordered{Order: engine.Order{ID: "2", Kind: engine.Clear, Host: "gone-1", By: "ada"}})
	w.mustSee(`REFUSED BadOrder: no host is called "gone-2"`)
	if len(w.state.Residue) != 0 {
		t.Error("it is still held for residue")
	}
}

func TestFailClosed(t *testing.T) {
	for _, row := range []struct {
		why  string
		prep func(*world)
		want engine.Reason
	}{
		{"health never answers", func(w *world) { w.mute() }, engine.Unhealthy},
		{"health is an error", func(w *world) { w.gates["site"] = engine.GateAnswer{Text: "connection refused"} }, engine.Unhealthy},
		{"nobody is on call", func(w *world) { w.gates["rota"] = engine.GateAnswer{Text: "nobody"} }, engine.NobodyOnCall},
		{"the gates go silent", func(w *world) {
			w.until(w.now.Add(30 * time.Second))
			w.mute()
		}, engine.Unhealthy},
	} {
		w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
		w.start(engine.Started{})
		row.prep(w)
		w.until(w.now.Add(3 * time.Hour))
		if len(w.launched) > 0 {
			t.Errorf("%s: an attack was launched", row.why)
		}
		if got := w.plan.Describe(w.state, w.now).Verdict.Name; got != row.want {
			t.Errorf("%s: verdict %s, want %s", row.why, got, row.want)
		}
	}
}

func TestASlowAnswerDoesNotLaunchAfterClosingTime(t *testing.T) {
	plan := testPlan(t, func(p *engine.Plan) {
		p.Schedule.Hours = hours(600, 602)
		p.Attacks = p.Attacks[:1]
		p.Attacks[0].For, p.Safety.Margin = time.Second, time.Second
		p.Gates[0].Timeout = 3 * time.Minute
	})
	w := newWorld(t, plan, at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(59 * time.Second))
	w.state.Rest = time.Time{}
	w.happen(engine.Woke{})
	if w.state.Asked == nil {
		t.Fatal("the gates are not being asked")
	}
	round := w.state.Asked.ID
	w.now, w.queue = at(t, "2026-07-01T10:01:59+02:00"), nil
	for _, gate := range []string{"rota", "site"} {
		w.happen(engine.GateAnswered{Gate: gate, Round: round, GateAnswer: engine.GateAnswer{OK: true}})
	}
	if len(w.launched) > 0 {
		t.Error("launched one second before closing time")
	}
}

func TestASilentGateAtTheLastMomentLaunchesNothing(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(50 * time.Second))
	w.state.Rest = time.Time{}
	w.happen(engine.Woke{})
	w.queue = nil
	w.until(w.now.Add(30 * time.Second))
	if len(w.launched) > 0 || w.state.Asked != nil {
		t.Errorf("launched %d, still asking: %v", len(w.launched), w.state.Asked != nil)
	}
}

func TestAClockJumpMakesEveryGateAnswerAnew(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(50 * time.Second))
	w.now = w.now.Add(24 * time.Hour)
	w.queue = nil
	w.happen(engine.ClockJumped{By: 24 * time.Hour})
	w.until(w.now.Add(10 * time.Minute))
	if len(w.launched) > 0 {
		t.Error("attacked on answers from before the jump")
	}
}

func TestTheAttackMustFitInTheWindow(t *testing.T) {
	w := newWorld(t, testPlan(t, func(p *engine.Plan) {
		p.Schedule.Hours = hours(600, 603)
		p.Attacks = p.Attacks[1:] // latency: two minutes, and one for its undo
	}), at(t, "2026-07-01T10:00:01+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(10 * time.Minute))
	if len(w.launched) > 0 {
		t.Error("launched an attack that ends after closing time")
	}
	w.mustSee("does not fit")
}

func TestARefreshedFleetTakesTheDrawnHostAway(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	gone := w.state.Next.Host
	w.plan = testPlan(t, func(p *engine.Plan) {
		var left []engine.Host
		for _, h := range fleet(4) {
			if h.Name != gone {
				left = append(left, h)
			}
		}
		p.Roster = engine.NewRoster(left)
	})
	w.happen(engine.PlanChanged{Text: "fleet refreshed"})
	if w.state.Next == nil || w.state.Next.Host == gone {
		t.Errorf("the next attack is still on %s, which has left the fleet", gone)
	}
}

func TestTheStateSurvivesJSONAtEveryMomentOfADay(t *testing.T) {
	w := newWorld(t, testPlan(t, func(p *engine.Plan) { p.Safety.MaxConcurrent = 2 }), at(t, "2026-07-01T09:50:00+02:00"))
	w.start(engine.Started{})
	for range 400 {
		w.until(w.now.Add(17 * time.Second))
		text, err := json.Marshal(w.state)
		if err != nil {
			t.Fatal(err)
		}
		var read engine.State
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		e := engine.Event{Stamp: engine.Stamp{At: w.now.Add(time.Second), Draw: 42}, What: engine.Woke{}}
		s1, a1 := w.plan.Step(w.state, e)
		s2, a2 := w.plan.Step(read, e)
		t1, _ := json.Marshal(s1)
		t2, _ := json.Marshal(s2)
		if string(t1) != string(t2) || len(a1) != len(a2) {
			t.Fatalf("after JSON the engine decides otherwise:\n%s\n%s", t1, t2)
		}
	}
}

func TestEventsSurviveJSON(t *testing.T) {
	now := at(t, "2026-07-01T10:00:00Z")
	for _, what := range []engine.What{
		engine.Started{Torn: true, Open: []engine.Run{{ID: "x", Host: engine.Host{Name: "web-1"}}}}, engine.Woke{}, engine.PlanChanged{Text: "t"}, engine.ShuttingDown{Cause: "c"},
		engine.ClockJumped{By: time.Second}, engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.Stop}},
		engine.GateAnswered{Gate: "site", Round: 3, GateAnswer: engine.GateAnswer{OK: true, Text: "x"}},
		engine.HostInspected{Host: "web-1", Facts: engine.Facts{Unreachable: "no"}},
		engine.Advanced{Run: "x", Phase: engine.Holding}, engine.Ended{Run: "x", Outcome: engine.Outcome{Effect: engine.Weak}},
		engine.Reconciled{Host: "web-1", Clean: true}, engine.SweptAll{Failed: []string{"a"}},
	} {
		e := engine.Event{Stamp: engine.Stamp{At: now, Draw: 1<<63 + 5}, What: what}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var read engine.Event
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e, read) {
			t.Errorf("%T comes back as %+v", what, read)
		}
	}
}

func TestAPlanTellsAllThatIsWrongAtOnce(t *testing.T) {
	_, err := engine.NewPlan(engine.Plan{Attacks: []engine.Attack{{Name: "cpu", Weight: -1}}})
	if err == nil {
		t.Fatal("an empty plan was accepted")
	}
	for _, want := range []string{"no name", "inventory is empty", "max_concurrent", "time zone", "health check", "on-call check", "negative", "at least 1s", "weight 0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing said about %q in:\n%v", want, err)
		}
	}
}

func TestAGateThatFlapsNeverOpens(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.gates["site"] = engine.GateAnswer{Text: "down"}
	w.start(engine.Started{})
	for i := range 400 {
		w.gates["site"] = engine.GateAnswer{OK: i%2 == 0, Text: "up and down"}
		w.until(w.now.Add(30 * time.Second))
	}
	if len(w.launched) > 0 {
		t.Errorf("%d attacks, although the gate said no every other time", len(w.launched))
	}
	w.gates["site"] = engine.GateAnswer{OK: true}
	w.until(w.now.Add(2 * time.Minute))
	if len(w.launched) != 1 {
		t.Errorf("%d attacks after it had said yes twice", len(w.launched))
	}
}

func TestAskingAgainAndAgainOpensNoGateSooner(t *testing.T) {
	for _, row := range []struct {
		after int
		no    bool
		wait  time.Duration // the earliest that the gate may be clear
	}{{1, true, 15 * time.Second}, {5, false, 60 * time.Second}, {5, true, 60 * time.Second}} {
		w := newWorld(t, testPlan(t, func(p *engine.Plan) { p.Gates[0].HealthyAfter = row.after }), at(t, "2026-07-01T10:00:00+02:00"))
		w.happen(engine.Started{})
		w.happen(engine.GateAnswered{Gate: "rota", GateAnswer: engine.GateAnswer{OK: true}})
		if row.no {
			w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{Text: "red"}})
		}
		began := w.now
		for i := range 300 {
			w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: engine.RunOnce, By: "ada", Role: engine.Operator, Attack: "cpu"}})
			if w.until(w.now.Add(1500 * time.Millisecond)); len(w.launched) > 0 {
				break
			}
		}
		if took := w.now.Sub(began); took < row.wait || len(w.launched) == 0 {
			t.Errorf("%+v: %d launched after %s", row, len(w.launched), took)
		}
	}
}

func TestNeitherAReloadNorAClockThatJumpsTakesBackTheNoOfAGate(t *testing.T) {
	for _, anew := range []engine.What{engine.PlanChanged{Text: "reloaded", Anew: true}, engine.ClockJumped{By: time.Minute}} {
		w := running(t)
		w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{Text: "red"}})
		w.happen(anew)
		w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{Text: "red"}})
		if w.state.Running[0].Stopping == "" {
			t.Errorf("%T between two noes: the attack goes on", anew)
		}
		w.happen(anew)
		w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{OK: true}})
		for _, g := range w.plan.Describe(w.state, w.now).Gates {
			if g.Name == "site" && g.Clear {
				t.Errorf("%T: one yes after a no makes the gate clear", anew)
			}
		}
	}
}

func TestWhoMayNotOrderEverythingLiftsNobodyElsesStop(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.Stop, By: "ada"}})
	w.happen(engine.Ordered{Order: engine.Order{ID: "2", Kind: engine.Resume, By: "bob", Role: engine.Operator, Limited: true}})
	w.mustSee("REFUSED NotAllowed: the stop is ada's")
	w.happen(engine.Ordered{Order: engine.Order{ID: "3", Kind: engine.Resume, By: "ada", Role: engine.Operator, Limited: true}})
	if w.state.Stopped != nil {
		t.Error("ada could not lift her own")
	}
}

func TestAHostThatWasNotSweptIsNotForgottenWhenItLeavesForAMoment(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.happen(engine.Started{Torn: true})
	w.queue = nil
	w.happen(engine.SweptAll{Failed: []string{"web-1"}})
	whole := w.plan
	w.plan = testPlan(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(4)[1:]) })
	w.happen(engine.PlanChanged{Text: "web-1 has gone"})
	w.queue = nil
	w.until(w.now.Add(30 * time.Minute))
	w.plan = whole
	w.happen(engine.PlanChanged{Text: "web-1 is back"})
	if status, why := w.plan.Describe(w.state, w.now).Host("web-1"); status != engine.HostUnreachable {
		t.Errorf("web-1 is %s: %s", status, why)
	}
}
