package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// A reload changes what is asked and whom: nothing that was answered before it may count after it, and nothing that
// runs is touched by it.
func TestAReloadForgetsEveryAnswerAndTouchesNothingThatRuns(t *testing.T) {
	w := armed(t)
	w.happen(order("1", engine.RunOnce))
	w.until(w.now.Add(10 * time.Second))
	if len(w.state.Running) != 1 {
		t.Fatalf("%d attacks run", len(w.state.Running))
	}
	running := w.state.Running[0].ID
	w.happen(engine.PlanChanged{Text: "the configuration was reloaded", Anew: true})
	s := w.state
	if len(s.Gates) > 0 || len(s.Facts) > 0 || s.Asked != nil {
		t.Errorf("after a reload is known: gates %v, hosts %v, a round %v", s.Gates, s.Facts, s.Asked)
	}
	if len(s.Running) != 1 || s.Running[0].ID != running || s.Running[0].Stopping != "" {
		t.Errorf("after a reload runs %+v", s.Running)
	}
	w.mustSee("changed: the configuration was reloaded")
}

func TestAnOfferThatWasNotTakenIsOnRecordAndChangesNothing(t *testing.T) {
	w := armed(t)
	before := w.state
	w.happen(engine.PlanChanged{Text: "3 mistakes; the old one holds", Kept: true})
	if s := w.state; len(s.Gates) != len(before.Gates) || s.Next == nil || s.Next.ID != before.Next.ID {
		t.Errorf("gates %v, next %v", s.Gates, s.Next)
	}
	w.mustSee("3 mistakes; the old one holds")
}

// Nobody has felt it yet, and whoever changed the configuration may have meant just that.
func TestWhatIsNotOnYetIsTakenBackWhenThePlanBehindItHoldsNoMore(t *testing.T) {
	changes := map[string]struct {
		anew   bool
		change func(*engine.Host)
		taken  bool
	}{
		"the configuration was reloaded": {true, func(*engine.Host) {}, true},
		"the inventory was refreshed":    {false, func(*engine.Host) {}, false},
		"its source has become stale":    {false, func(h *engine.Host) { h.Barred = "stale" }, true},
		"it has another address":         {false, func(h *engine.Host) { h.Address = "198.51.100.77" }, true},
		"it is reached by another way":   {false, func(h *engine.Host) { h.Jump = "bastion" }, true},
		"it is gone":                     {false, func(h *engine.Host) { h.Name = "elsewhere" }, true},
	}
	for name, c := range changes {
		for phase, felt := range map[engine.Phase]bool{engine.Connecting: false, engine.Measuring: false, engine.Holding: true, engine.Proving: true} {
			w := armed(t)
			hosts := slices.Clone(w.plan.Roster.Hosts())
			w.state.Running = []engine.Run{{ID: "r1", Host: hosts[0], Attack: w.plan.Attacks[0], For: time.Minute, Phase: phase}}
			c.change(&hosts[0])
			w.plan.Roster = engine.NewRoster(hosts)
			plan, err := engine.NewPlan(w.plan)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := plan.Step(w.state, engine.Event{Stamp: engine.Stamp{At: w.now, Draw: 1}, What: engine.PlanChanged{Text: name, Anew: c.anew}})
			if got := s.Running[0].Stopping != ""; got != (c.taken && !felt) {
				t.Errorf("%s, %s: it is taken back: %v", name, phase, got)
			}
		}
	}
}
