package journal

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func ordered(o engine.Order, change ...func(*engine.Record)) engine.Record {
	r := engine.Record{At: noon, Kind: engine.OrderGiven, Order: &o, Host: o.Host}
	for _, c := range change {
		c(&r)
	}
	return r
}

func refused(r *engine.Record) {
	r.Verdict = &engine.Verdict{Name: engine.Unhealthy, Sentence: "no"}
}

func TestAnIntentStaysOpenUntilItsUndoIsProven(t *testing.T) {
	phase := engine.Record{Kind: engine.PhaseNew, Run: "a", Phase: engine.Holding, At: noon.Add(time.Minute)}
	for _, c := range []struct {
		name  string
		after []engine.Record
		open  bool
	}{
		{"nothing more is known", nil, true},
		{"restored", []engine.Record{closed(2, "a", "h", restored())}, false},
		{"nothing was applied", []engine.Record{closed(2, "a", "h", engine.Outcome{Effect: engine.Refused})}, false},
		{"residue", []engine.Record{closed(2, "a", "h", engine.Outcome{Effect: engine.Weak, Undo: engine.Residue, Applied: true})}, true},
		{"applied, and no word on the undo", []engine.Record{closed(2, "a", "h", engine.Outcome{Effect: engine.Weak, Applied: true})}, true},
		{"an outcome that is missing", []engine.Record{{Kind: engine.Closed, Run: "a"}}, true},
		{"the outcome of another run", []engine.Record{closed(2, "b", "h", restored())}, true},
		{"residue, then its run reconciled", []engine.Record{closed(2, "a", "h", engine.Outcome{Undo: engine.Residue}), {Kind: engine.Cleared, Run: "a", Host: "h"}}, false},
		{"its run reconciled, host unnamed", []engine.Record{{Kind: engine.Cleared, Run: "a"}}, false},
		{"another run reconciled, host unnamed", []engine.Record{{Kind: engine.Cleared, Run: "b"}}, true},
		{"its host proven clean", []engine.Record{{Kind: engine.Cleared, Host: "h"}}, false},
		{"another host proven clean", []engine.Record{{Kind: engine.Cleared, Host: "g"}}, true},
		{"an order to clear alone proves nothing", []engine.Record{ordered(engine.Order{Kind: engine.Clear, Host: "h"})}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Replay(append([]engine.Record{intent(1, "a", "h"), phase}, c.after...))
			if got := slices.Contains(openIDs(r), "a"); got != c.open {
				t.Fatalf("open: %v", got)
			}
			if c.open && (r.Open[0].Phase != engine.Holding || !r.Open[0].Since.Equal(phase.At)) {
				t.Errorf("phase %s since %s", r.Open[0].Phase, r.Open[0].Since)
			}
			hasOutcome := len(c.after) > 0 && c.after[0].Outcome != nil && c.after[0].Run == "a"
			if c.open && r.Open[0].Settled != hasOutcome {
				t.Errorf("settled: %v", r.Open[0].Settled)
			}
		})
	}
}

func TestResidueBlocksTheHostUntilThatResidueIsCleared(t *testing.T) {
	left := closed(2, "a", "h", engine.Outcome{Effect: engine.Weak, Undo: engine.Residue, Applied: true, Detail: "a qdisc is left"})
	found := engine.Record{Kind: engine.ResidueNew, Host: "h", Run: "b", At: noon, Text: "RESIDUE on h: a file is left"}
	for _, c := range []struct {
		name    string
		records []engine.Record
		want    map[string]engine.Leftover
	}{
		{"an outcome with residue", []engine.Record{intent(1, "a", "h"), left}, map[string]engine.Leftover{"h": {Since: noon, Run: "a", Text: "a qdisc is left"}}},
		{"found later", []engine.Record{found}, map[string]engine.Leftover{"h": {Since: noon, Run: "b", Text: "a file is left"}}},
		{"its run reconciled", []engine.Record{left, {Kind: engine.Cleared, Run: "a", Host: "h"}}, map[string]engine.Leftover{}},
		{"found twice", []engine.Record{found, left}, map[string]engine.Leftover{"h": {Since: noon, Run: "b", Text: "a file is left"}}},
		{"another host reconciled", []engine.Record{found, {Kind: engine.Cleared, Run: "b", Host: "g"}}, map[string]engine.Leftover{"h": {Since: noon, Run: "b", Text: "a file is left"}}},
		{"the host swept", []engine.Record{found, {Kind: engine.Cleared, Host: "h"}}, map[string]engine.Leftover{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Replay(c.records).Residue; !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestOrdersAreFoldedUnlessTheyWereRefused(t *testing.T) {
	latch := &engine.Latch{At: noon, By: "ann"}
	stop := ordered(engine.Order{Kind: engine.Stop, By: "ann"}, func(r *engine.Record) { r.Latch = latch })
	pause := ordered(engine.Order{Kind: engine.PauseIt}, func(r *engine.Record) { r.Pause = &engine.Pause{By: "ben"} })
	exclude := ordered(engine.Order{Kind: engine.Exclude, Host: "h"}, func(r *engine.Record) { r.Exclude = &engine.Exclusion{By: "eve"} })

	r := Replay([]engine.Record{stop, pause, exclude})
	if r.Stopped == nil || *r.Stopped != *latch || r.Paused.By != "ben" || r.Excluded["h"].By != "eve" {
		t.Fatalf("%+v", r)
	}
	r = Replay([]engine.Record{stop, pause, exclude, ordered(engine.Order{Kind: engine.Resume}, refused), ordered(engine.Order{Kind: engine.Include, Host: "h"}, refused)})
	if r.Stopped == nil || r.Paused == nil || len(r.Excluded) != 1 {
		t.Errorf("a refused order did something: %+v", r)
	}
	r = Replay([]engine.Record{stop, pause, exclude, ordered(engine.Order{Kind: engine.Resume}), ordered(engine.Order{Kind: engine.Include, Host: "h"})})
	if r.Stopped != nil || r.Paused != nil || len(r.Excluded) != 0 {
		t.Errorf("%+v", r)
	}
	r = Replay([]engine.Record{ordered(engine.Order{Kind: engine.Stop, By: "ann", Reason: "now"}, refused)})
	if r.Stopped == nil || r.Stopped.By != "ann" || r.Stopped.Reason != "now" {
		t.Errorf("a stop without a latch, and even a refused one, stops: %+v", r.Stopped)
	}
}

func TestARunOnceOrderIsSettledWithItsFirstAnswerOnly(t *testing.T) {
	order := engine.Order{ID: "o1", Kind: engine.RunOnce}
	run := intent(1, "a", "h")
	run.Intent.Order = "o1"
	r := Replay([]engine.Record{run, ordered(order, refused)})
	if got := r.Orders["o1"]; got.Run != "a" || got.Refusal != nil {
		t.Errorf("%+v", got)
	}
	r = Replay([]engine.Record{ordered(order, refused), ordered(order, func(r *engine.Record) { r.Run = "b" })})
	if got := r.Orders["o1"]; got.Run != "" || got.Refusal == nil {
		t.Errorf("%+v", got)
	}
	var many []engine.Record
	for i := range 3 * keptOrders {
		o := ordered(engine.Order{ID: fmt.Sprint(i), Kind: engine.RunOnce}, refused)
		o.At = noon.Add(time.Duration(i) * time.Second)
		many = append(many, o)
	}
	r = Replay(many)
	if _, has := r.Orders[fmt.Sprint(3*keptOrders-1)]; !has || len(r.Orders) > 2*keptOrders {
		t.Errorf("%d orders kept, the latest %v", len(r.Orders), has)
	}
}

func TestOnlyAHostThatFeltAnAttackCountsAsAttacked(t *testing.T) {
	r := Replay([]engine.Record{
		closed(1, "a", "refused", engine.Outcome{Effect: engine.Refused}),
		closed(2, "b", "infeasible", engine.Outcome{Effect: engine.Infeasible}),
		closed(3, "c", "felt", engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, At: noon.Add(time.Hour)}),
		closed(4, "d", "half", engine.Outcome{Effect: engine.Refused, Undo: engine.Restored, Applied: true}),
	})
	want := map[string]engine.Attacked{
		"felt": {At: noon.Add(time.Hour), Run: "c", Attack: "cpu", Effect: engine.Effective},
		"half": {At: noon, Run: "d", Attack: "cpu", Effect: engine.Refused},
	}
	if !reflect.DeepEqual(r.Attacked, want) {
		t.Errorf("%+v", r.Attacked)
	}
}

func TestTodayIsCountedInTheZoneOfTheScheduleAndOnlyWhatAHostFelt(t *testing.T) {
	var records []engine.Record
	for i, at := range []string{"2026-02-20T10:00:00Z", "2026-03-01T14:30:00Z", "2026-03-01T15:30:00Z", "2026-03-02T09:00:00Z", "2026-03-02T15:30:00Z"} {
		r := closed(uint64(i), fmt.Sprint(i), "h", restored())
		r.At, _ = time.Parse(time.RFC3339, at)
		records = append(records, r, closed(0, "no", "h", engine.Outcome{Effect: engine.Refused, At: r.At}))
	}
	r, tokyo := Replay(records), time.FixedZone("JST", 9*3600)
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if there, utc := r.Today(now, tokyo), r.Today(now, time.UTC); there != 2 || utc != 2 || len(r.Ended) != 4 {
		t.Errorf("in Tokyo %d, in UTC %d of %d", there, utc, len(r.Ended))
	}
	if got := r.Today(time.Date(2026, 3, 1, 23, 0, 0, 0, tokyo), tokyo); got != 1 {
		t.Errorf("the day before %d", got)
	}
}

func TestWhatIsCarriedIntoANewFileIsWhatWasKnown(t *testing.T) {
	r := Replay([]engine.Record{intent(1, "a", "h"), closed(2, "b", "g", engine.Outcome{Undo: engine.Residue, Applied: true, Effect: engine.Weak}),
		ordered(engine.Order{Kind: engine.Stop, By: "ann"}), ordered(engine.Order{ID: "x", Kind: engine.RunOnce}, refused)})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Recovered
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%v\n%+v\n%+v", err, r, again)
	}
}
