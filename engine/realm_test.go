package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Those of the realm are databases; the others are web servers.
var databases = []engine.Selector{{"group:db"}}

func TestWhoHasARealmOrdersAttacksOnItsHostsOnly(t *testing.T) {
	for _, row := range []struct {
		why   string
		order engine.Order
		says  string // "" lets it through
		hosts int
	}{
		{"a host of their own", engine.Order{Host: "db-2"}, "", 1},
		{"somebody else's", engine.Order{Host: "web-1"}, "web-1 is none of the hosts that ada may order attacks on (group:db)", 0},
		{"one of each", engine.Order{Hosts: []string{"db-2", "web-1"}}, "web-1 is none of the hosts", 0},
		{"a group of their own", engine.Order{Within: databases, Count: 3}, "", 3},
		{"somebody else's group", engine.Order{Within: []engine.Selector{{"group:web"}}}, "none of these hosts is one that ada may order attacks on (group:db)", 0},
		{"any, and so many of their own", engine.Order{Count: 5}, "", 5},
		{"more than are their own", engine.Order{Count: 6}, "6 hosts are wanted and 5 are eligible: of 5 hosts that it could mean", 0},
		{"a part of all is a part of their own", engine.Order{Percent: 40}, "", 2},
		{"force goes beyond no realm", engine.Order{Host: "web-1", Force: true, Role: engine.Admin}, "web-1 is none of the hosts", 0},
		{"a group that nobody has", engine.Order{Within: []engine.Selector{{"group:wbe"}}}, "nothing never means everything", 0},
	} {
		t.Run(row.why, func(t *testing.T) {
			w := many(t)
			row.order.Attack, row.order.Realm = "cpu", databases
			r := w.order(row.order)
			switch {
			case row.says == "" && r.Refusal != nil:
				t.Errorf("refused: %s", r.Refusal.Sentence)
			case row.says != "" && (r.Refusal == nil || !strings.Contains(r.Refusal.Sentence, row.says)):
				t.Errorf("not refused with %q: %+v", row.says, r.Refusal)
			}
			if len(w.launched) != row.hosts {
				t.Errorf("%d hosts are attacked", len(w.launched))
			}
			for _, run := range w.launched {
				if !run.Host.In("db") {
					t.Errorf("%s is attacked", run.Host.Name)
				}
			}
		})
	}
}

// What the schedule has drawn is taken only if it is theirs; else it stays, and the order draws among theirs.
func TestAnOrderThatLeavesAllToChanceStaysInTheRealm(t *testing.T) {
	for seed := range uint64(12) {
		w := many(t)
		for w.state.Next != nil && uint64(len(w.replies)) < seed%4 { // other draws before it
			w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint("skip ", len(w.replies)), Kind: engine.Skip, By: "bob"}})
			w.until(w.now.Add(2 * time.Minute))
		}
		next := w.state.Next
		realm := databases
		if seed%2 == 1 {
			realm = []engine.Selector{{"web-1"}, {"group:web", "!web-3"}}
		}
		r := w.order(engine.Order{Realm: realm})
		if r.Refusal != nil {
			t.Fatalf("refused: %s", r.Refusal.Sentence)
		}
		run := w.launched[len(w.launched)-1]
		if !realm[0].Selects(run.Host) && !realm[len(realm)-1].Selects(run.Host) {
			t.Errorf("%s is not in %v", run.Host.Name, realm)
		}
		if next != nil && run.Host.Name != next.Host && w.state.Next != nil && w.state.Next.ID != next.ID {
			t.Errorf("the draw of the schedule, %s, was thrown away", next.Host)
		}
	}
}

func TestWhoHasARealmTakesOutAndLetsInItsHostsOnly(t *testing.T) {
	for _, kind := range []engine.OrderKind{engine.Exclude, engine.Include, engine.Clear} {
		for host, theirs := range map[string]bool{"db-2": true, "web-1": false, "gone-9": false} {
			w := many(t)
			w.happen(engine.Ordered{Order: engine.Order{ID: "x", Kind: kind, By: "ada", Host: host, Realm: databases}})
			v := w.replies[len(w.replies)-1].Refusal
			if outside := v != nil && v.Name == engine.NotAllowed; outside == theirs {
				t.Errorf("%s %s: %+v", kind, host, v)
			}
		}
	}
}

// A stop is everybody's, and what belongs to no host is any operator's.
func TestARealmKeepsNobodyFromStoppingPausingOrSkipping(t *testing.T) {
	for _, kind := range []engine.OrderKind{engine.Stop, engine.PauseIt, engine.Resume, engine.Skip, engine.Remark} {
		w := many(t)
		w.happen(engine.Ordered{Order: engine.Order{ID: "x", Kind: kind, By: "ada", Reason: "why", Realm: databases}})
		if v := w.replies[len(w.replies)-1].Refusal; v != nil {
			t.Errorf("%s: %s", kind, v.Sentence)
		}
	}
}

// The draw that an order with a realm made can be derived again from the journal, as any other.
func TestADrawWithinARealmIsExplained(t *testing.T) {
	w := many(t)
	o := engine.Order{Kind: engine.RunOnce, By: "ada", Count: 3, Attack: "cpu", Realm: databases}
	s, _ := w.plan.Step(w.state, engine.Event{Stamp: engine.Stamp{At: w.now, Draw: 77}, What: engine.Ordered{Order: o}})
	if e := engine.Explain(s.Asked.Draw, w.plan.Pool()); !e.Agrees {
		t.Error(e.Why)
	}
}

// A stop that comes between what somebody sees and the key they press stands.
func TestAResumeLiftsNoStopThatItsGiverHasNotSeen(t *testing.T) {
	w := many(t)
	give := func(o engine.Order) *engine.Verdict {
		o.ID = fmt.Sprint("order ", len(w.replies))
		w.happen(engine.Ordered{Order: o})
		return w.replies[len(w.replies)-1].Refusal
	}
	give(engine.Order{Kind: engine.PauseIt, By: "ada"})
	give(engine.Order{Kind: engine.Stop, By: "bob"})
	seen := w.state.Stopped.At
	if v := give(engine.Order{Kind: engine.Resume, By: "ada", Lifts: &time.Time{}}); v == nil || !strings.Contains(v.Sentence, "bob has stopped everything at") {
		t.Errorf("who saw a pause only lifted the stop: %+v", v)
	}
	for _, by := range []string{"carol", "bob"} { // only whose own it is, where not every host is theirs
		v := give(engine.Order{Kind: engine.Resume, By: by, Realm: databases, Lifts: &seen})
		if refused := v != nil; refused != (by == "carol") {
			t.Errorf("%s, who may attack databases: %+v", by, v)
		}
	}
	if w.state.Stopped != nil || w.state.Paused != nil {
		t.Errorf("resumed, and still %+v %+v", w.state.Stopped, w.state.Paused)
	}
	w.until(w.now.Add(time.Minute))
	give(engine.Order{Kind: engine.Stop, By: "bob"})
	if v := give(engine.Order{Kind: engine.Resume, By: "ada", Lifts: &seen}); v == nil {
		t.Error("a yes about one stop lifted the next")
	}
	if v := give(engine.Order{Kind: engine.Resume, By: "ada"}); v != nil || w.state.Stopped != nil {
		t.Errorf("a resume that means whatever there is: %+v", v)
	}
}

func TestAStopIsNotRefusedForItsWordsOfWhichSomeAreKept(t *testing.T) {
	w := many(t)
	w.happen(engine.Ordered{Order: engine.Order{ID: "stop", Kind: engine.Stop, By: "bob", Reason: strings.Repeat("ü", 30_000)}})
	if w.state.Stopped == nil || len(w.state.Stopped.Reason) > 1010 || !strings.HasSuffix(w.state.Stopped.Reason, "üü…") {
		t.Errorf("%+v", w.state.Stopped)
	}
}
