package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestANoteGoesIntoTheRecordWithItsTimeAndWhoseItIs(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T12:34:56+02:00"))
	w.start(engine.Started{})
	before := w.state
	w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.Remark, By: "ada", Reason: "dashboards are red, pager silent"}})
	w.mustSee("Wed 12:34:56 order: note by ada: dashboards are red, pager silent")
	if before.Stopped != w.state.Stopped || len(w.state.Running) != 0 {
		t.Error("a note did more than note")
	}
	for _, words := range []string{"", strings.Repeat("a", 1001)} {
		w.until(w.now.Add(time.Second))
		w.happen(engine.Ordered{Order: engine.Order{ID: "2" + words[:min(1, len(words))], Kind: engine.Remark, By: "ada", Reason: words}})
		if last := w.replies[len(w.replies)-1]; last.Refusal == nil || last.Refusal.Name != engine.BadOrder {
			t.Errorf("a note of %d characters: %+v", len(words), last)
		}
	}
}
