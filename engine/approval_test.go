package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// waiting is an engine with an order of ada's for cpu on web-1 that needs so many people.
func waiting(t *testing.T, people int, change func(*engine.Order)) *world {
	t.Helper()
	w := newWorld(t, testPlan(t, func(p *engine.Plan) { p.Attacks[0].Approval, p.Schedule.Wait = people, time.Hour }), at(t, "2026-07-01T12:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(20 * time.Second))
	o := engine.Order{ID: "asked", Kind: engine.RunOnce, By: "ada", Named: true, Role: engine.Operator, Attack: "cpu", Host: "web-1"}
	if change != nil {
		change(&o)
	}
	w.happen(engine.Ordered{Order: o})
	return w
}

func (w *world) approve(by string, change func(*engine.Order)) {
	w.t.Helper()
	o := engine.Order{ID: "by " + by, Kind: engine.Approve, By: by, Named: true, Role: engine.Operator}
	if change != nil {
		change(&o)
	}
	w.happen(engine.Ordered{Order: o})
	w.until(w.now.Add(10 * time.Second))
}

func TestWhatSeveralPeopleMustWantRunsOnlyWhenTheyDo(t *testing.T) {
	for _, row := range []struct {
		why     string
		people  int
		order   func(*engine.Order)
		approve func(w *world)
		runs    bool
	}{
		{"nobody else", 2, nil, func(*world) {}, false},
		{"another person", 2, nil, func(w *world) { w.approve("bob", nil) }, true},
		{"the same person at another door", 2, nil, func(w *world) { w.approve("ada", func(o *engine.Order) { o.Door = "slack" }) }, false},
		{"an admin alone", 2, func(o *engine.Order) { o.Role = engine.Admin }, func(w *world) { w.approve("ada", nil) }, false},
		{"somebody whom nobody knows by name", 2, nil, func(w *world) { w.approve("U123", func(o *engine.Order) { o.Named = false }) }, false},
		{"somebody who may only stop", 2, nil, func(w *world) { w.approve("eve", func(o *engine.Order) { o.Role = engine.Stopper }) }, false},
		{"somebody with other hosts", 2, nil, func(w *world) { w.approve("bob", func(o *engine.Order) { o.Realm = databases }) }, false},
		{"somebody with other attacks", 2, nil, func(w *world) { w.approve("bob", func(o *engine.Order) { o.Attacks = []string{"latency"} }) }, false},
		{"one of two", 3, nil, func(w *world) { w.approve("bob", nil) }, false},
		{"one of two twice", 3, nil, func(w *world) { w.approve("bob", nil); w.approve("bob", nil) }, false},
		{"both", 3, nil, func(w *world) { w.approve("bob", nil); w.approve("eve", nil) }, true},
		{"root and one person", 2, func(o *engine.Order) { o.By, o.Named = "root", false }, func(w *world) { w.approve("bob", nil) }, false},
		{"root and two people", 2, func(o *engine.Order) { o.By, o.Named = "root", false }, func(w *world) { w.approve("bob", nil); w.approve("eve", nil) }, true},
		{"an order that brings its own approval", 2, func(o *engine.Order) { o.Approved = []string{"bob"} }, func(*world) {}, false},
		{"a dry run needs nobody", 2, func(o *engine.Order) { o.DryRun = true }, func(*world) {}, false},
		{"after a stop", 2, nil, func(w *world) {
			w.happen(engine.Ordered{Order: engine.Order{ID: "s", Kind: engine.Stop, By: "eve"}})
			w.approve("bob", nil)
		}, false},
		{"too late", 2, nil, func(w *world) { w.until(w.now.Add(15 * time.Minute)); w.approve("bob", nil) }, false},
		{"a host left to chance, by somebody who may not reach all", 2, func(o *engine.Order) { o.Host = "" },
			func(w *world) { w.approve("bob", func(o *engine.Order) { o.Realm = databases }) }, false},
	} {
		t.Run(row.why, func(t *testing.T) {
			w := waiting(t, row.people, row.order)
			row.approve(w)
			ran := false
			for _, r := range w.launched {
				if r.Attack.Name == "cpu" {
					ran = true
					if len(r.Approved) < row.people-1 {
						t.Errorf("the record names %v", r.Approved)
					}
				}
			}
			if ran != row.runs {
				t.Errorf("it ran: %t\n%s", ran, strings.Join(w.told, "\n"))
			}
		})
	}
}

func TestTheScheduleNeverDrawsWhatSeveralPeopleMustWant(t *testing.T) {
	w := newWorld(t, testPlan(t, func(p *engine.Plan) { p.Attacks[0].Approval, p.Safety.HostCooldown = 2, 0 }), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(at(t, "2026-07-01T16:00:00+02:00"))
	for _, r := range w.launched {
		if r.Attack.Name == "cpu" {
			t.Fatal("the schedule ran cpu")
		}
	}
	if len(w.launched) < 10 {
		t.Errorf("only %d attacks", len(w.launched))
	}
}

func TestBothWhoAskedAndWhoApprovedHearWhatCameOfIt(t *testing.T) {
	w := waiting(t, 2, nil)
	w.gates["site"] = engine.GateAnswer{Text: "down"}
	w.approve("bob", nil)
	refused := map[string]bool{}
	for _, r := range w.replies {
		refused[r.Order] = r.Refusal != nil && r.Refusal.Name == engine.Unhealthy
	}
	if !refused["asked"] || !refused["by bob"] {
		t.Errorf("%+v", w.replies)
	}
}

func TestWhoIsOnCallStandsInTheRecordOfARun(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	w.gates["rota"] = engine.GateAnswer{OK: true, Text: "ada (level 1), bob (level 2)", Who: []string{"ada", "bob"}}
	w.start(engine.Started{})
	w.until(w.now.Add(80 * time.Second))
	if len(w.launched) != 1 || strings.Join(w.launched[0].OnCall, ",") != "ada,bob" {
		t.Errorf("%+v", w.launched)
	}
	for _, g := range w.plan.Describe(w.state, w.now).Gates {
		if g.Kind == engine.OnCall && strings.Join(g.Who, ",") != "ada,bob" {
			t.Errorf("shown: %+v", g)
		}
	}
}

func TestWhoMayOrderSomeAttacksOrdersThoseOnly(t *testing.T) {
	order := func(o engine.Order) *world {
		w := newWorld(t, testPlan(t), at(t, "2026-07-01T12:00:00+02:00"))
		w.start(engine.Started{})
		w.until(w.now.Add(20 * time.Second))
		o.ID, o.Kind, o.By, o.Role, o.Attacks = "1", engine.RunOnce, "ada", engine.Operator, []string{"latency"}
		w.happen(engine.Ordered{Order: o})
		w.until(w.now.Add(20 * time.Second))
		return w
	}
	order(engine.Order{Attack: "cpu"}).mustSee("REFUSED NotAllowed: ada may order latency only, and cpu is not among them")
	for range 10 {
		if w := order(engine.Order{}); len(w.launched) != 1 || w.launched[0].Attack.Name != "latency" {
			t.Errorf("left to chance: %+v", w.launched)
		}
	}
	if w := order(engine.Order{Attack: "latency", Host: "web-1"}); len(w.launched) != 1 {
		t.Errorf("their own: %s", w.told)
	}
}

func TestAnOrderThatWaitsDoesNotOutliveTheConfigurationItWasMeantUnder(t *testing.T) {
	w := waiting(t, 2, nil)
	w.plan = testPlan(t, func(p *engine.Plan) {
		p.Attacks[0].Approval, p.Attacks[0].Kind, p.Schedule.Wait = 3, "reboot", time.Hour
	})
	w.happen(engine.PlanChanged{Text: "reloaded", Anew: true})
	for _, g := range w.plan.Gates {
		w.happen(engine.GateAnswered{Gate: g.Name, GateAnswer: engine.GateAnswer{OK: true}})
	}
	w.approve("bob", nil)
	w.mustSee("given up cpu: the configuration was changed", "REFUSED BadOrder: no order waits for approval")
}

func TestAnAdminsLibertiesAreApprovedByAdminsOnly(t *testing.T) {
	far := func(o *engine.Order) { o.Role, o.Force = engine.Admin, true }
	w := waiting(t, 2, far)
	w.approve("bob", nil)
	w.mustSee("REFUSED NotAllowed: the order goes as far as an admin may (beyond the limits of the blast radius), and bob is none")
	w.approve("eve", func(o *engine.Order) { o.Role = engine.Admin })
	if len(w.launched) != 1 {
		t.Errorf("launched %d", len(w.launched))
	}
}
