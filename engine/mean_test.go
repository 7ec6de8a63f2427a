package engine_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func meanPlan(t *testing.T, hosts int, mean time.Duration) engine.Plan {
	t.Helper()
	return testPlan(t, func(p *engine.Plan) {
		p.Schedule.PerHostMean, p.Schedule.CheckEvery = mean, time.Hour
		p.Safety.HostCooldown = 0
		p.Safety.FactsFor = 1000 * time.Hour
		p.Roster = engine.NewRoster(fleet(hosts))
		for i := range p.Gates {
			p.Gates[i].Interval = time.Hour
		}
	})
}

// A year of 40 hosts, each attacked about once in 30 days, in which there are 22 days of 6 hours: 487 attacks are to be
// expected, and 5 standard deviations of a Poisson process either way are generous.
func TestEachHostIsAttackedAboutOnceInTheMeanTime(t *testing.T) {
	w := newWorld(t, meanPlan(t, 40, 30*24*time.Hour), at(t, "2026-01-01T00:00:00+01:00"))
	w.start(engine.Started{})
	w.until(at(t, "2027-01-01T00:00:00+01:00"))
	want := 40 * 365.0 / 30
	if got := float64(len(w.launched)); math.Abs(got-want) > 5*math.Sqrt(want) {
		t.Errorf("%v attacks in a year, %.0f were to be expected", got, want)
	}
}

// Whatever restarts an engine or changes its fleet, the rate stays: the pause has no memory.
func TestRestartsDoNotChangeTheMeanTime(t *testing.T) {
	w := newWorld(t, meanPlan(t, 40, 30*24*time.Hour), at(t, "2026-01-01T00:00:00+01:00"))
	w.start(engine.Started{})
	for day := range 365 {
		if w.until(w.now.Add(24 * time.Hour)); day%2 == 0 {
			w.restart(false)
		} else {
			w.happen(engine.PlanChanged{Text: "another host"})
		}
	}
	want := 40 * 365.0 / 30
	if got := float64(len(w.launched)); math.Abs(got-want) > 5*math.Sqrt(want) {
		t.Errorf("%v attacks in a year, %.0f were to be expected", got, want)
	}
}

func TestTheDrawnMomentIsInOpenTimeAndSaid(t *testing.T) {
	w := newWorld(t, meanPlan(t, 4, 90*24*time.Hour), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(61 * time.Minute))
	if _, open := w.plan.Schedule.Open(w.state.Due); !open || !w.state.Due.After(w.now) {
		t.Errorf("due %s", w.state.Due)
	}
	snap := w.plan.Describe(w.state, w.now)
	if snap.Verdict.Name != engine.Settling || !snap.NextAt.Equal(w.state.Due) {
		t.Errorf("%+v, next at %s, due %s", snap.Verdict, snap.NextAt, w.state.Due)
	}
	if want := "each host is attacked about once in 90 days; the next attack is due"; !strings.HasPrefix(snap.Verdict.Sentence, want) {
		t.Errorf("it says %q", snap.Verdict.Sentence)
	}
}

func TestOverAWeekendTheMomentIsDrawnFromTheNextOpening(t *testing.T) {
	moments := map[time.Time]bool{}
	for seed := range uint64(10) {
		w := newWorld(t, meanPlan(t, 4, 24*time.Hour), at(t, "2026-07-03T20:00:00+02:00")) // a Friday evening
		w.seed = seed
		w.start(engine.Started{})
		if !w.state.Due.After(at(t, "2026-07-06T10:00:00+02:00")) {
			t.Errorf("due %s, before the window opens", w.state.Due)
		}
		moments[w.state.Due] = true
	}
	if len(moments) < 8 {
		t.Errorf("ten draws lead to %d moments", len(moments))
	}
}

func TestAMomentThatHasComeIsNotThrownAway(t *testing.T) {
	w := newWorld(t, meanPlan(t, 4, 24*time.Hour), at(t, "2026-07-01T10:00:00+02:00"))
	w.gates["site"] = engine.GateAnswer{Text: "down"}
	w.start(engine.Started{})
	w.until(w.state.Due.Add(time.Minute))
	due := w.state.Due
	w.plan = meanPlan(t, 5, 24*time.Hour)
	for _, change := range []engine.PlanChanged{{Text: "a host"}, {Text: "anew", Anew: true}, {Text: "not taken", Kept: true}} {
		if w.happen(change); !w.state.Due.Equal(due) {
			t.Errorf("%+v: due %s instead of %s", change, w.state.Due, due)
		}
	}
}

func TestAPersonsOrderDoesNotWaitForTheMeanTime(t *testing.T) {
	w := newWorld(t, meanPlan(t, 4, 9000*time.Hour), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(2 * time.Minute))
	due := w.state.Due
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.RunOnce, By: "ada", Role: engine.Operator}})
	w.until(w.now.Add(5 * time.Minute))
	if len(w.launched) != 1 || !w.state.Due.Equal(due) {
		t.Errorf("launched %d, due %s instead of %s", len(w.launched), w.state.Due, due)
	}
}
