package engine_test

import (
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
