package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// many is a world in which an order may hit several hosts, with every gate clear.
func many(t *testing.T, options ...func(*engine.Plan)) *world {
	t.Helper()
	options = append([]func(*engine.Plan){func(p *engine.Plan) {
		p.Safety.MaxConcurrent = 10
		p.Roster = engine.NewRoster(fleet(10))
	}}, options...)
	w := newWorld(t, testPlan(t, options...), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(30 * time.Second))
	return w
}

// order gives a run-once and lets the gates answer.
func (w *world) order(o engine.Order) engine.Reply {
	w.t.Helper()
	o.Kind, o.By = engine.RunOnce, "ada"
	if o.ID == "" {
		o.ID = fmt.Sprint("order ", len(w.replies))
	}
	before := len(w.replies)
	w.happen(engine.Ordered{Order: o})
	w.until(w.now.Add(3 * time.Second))
	if len(w.replies) != before+1 {
		w.t.Fatalf("%d answers to one order", len(w.replies)-before)
	}
	return w.replies[before]
}

func TestAnOrderAttacksEveryHostThatItNamesUnderOneRun(t *testing.T) {
	w := many(t)
	r := w.order(engine.Order{Hosts: []string{"web-3", "db-2", "web-1"}, Attack: "cpu"})
	if r.Refusal != nil || len(w.launched) != 3 {
		t.Fatalf("%+v, launched %d", r, len(w.launched))
	}
	for i, host := range []string{"web-3", "db-2", "web-1"} {
		run := w.launched[i]
		if run.Host.Name != host || run.Of != r.Run || run.ID != fmt.Sprintf("%s-%03d", r.Run, i+1) || run.Together {
			t.Errorf("part %d is %+v of %s", i, run, r.Run)
		}
	}
	w.until(w.now.Add(5 * time.Minute))
	if n := len(w.state.Running); n != 0 || w.state.Today < 3 {
		t.Errorf("%d still run, %d count for today", n, w.state.Today)
	}
	w.mustSee("ordered by ada: cpu on 3 hosts (web-3, db-2, web-1)")
}

func TestACountOrAPercentageIsDrawnFromThoseWithin(t *testing.T) {
	web := engine.Selector{"group:web"}
	for _, row := range []struct {
		order engine.Order
		want  int
		group string
	}{
		{engine.Order{Within: []engine.Selector{web}}, 1, "web"},
		{engine.Order{Within: []engine.Selector{web}, Count: 3}, 3, "web"},
		{engine.Order{Within: []engine.Selector{web}, Percent: 60}, 3, "web"},
		{engine.Order{Within: []engine.Selector{web}, Percent: 1}, 1, "web"}, // rounded down, but never nobody
		{engine.Order{Within: []engine.Selector{web}, Percent: 100}, 5, "web"},
		{engine.Order{Within: []engine.Selector{web, {"*-1", "*-3"}}, Count: 2}, 2, "web"}, // in every one of the selectors
		{engine.Order{Count: 7}, 7, ""},
	} {
		w := many(t)
		row.order.Attack = "cpu"
		if r := w.order(row.order); r.Refusal != nil {
			t.Errorf("%+v: refused: %s", row.order, r.Refusal.Sentence)
			continue
		}
		if len(w.launched) != row.want {
			t.Errorf("%+v: %d hosts, want %d", row.order, len(w.launched), row.want)
		}
		for _, run := range w.launched {
			if row.group != "" && !run.Host.In(row.group) {
				t.Errorf("%+v: hit %s", row.order, run.Host.Name)
			}
		}
	}
}

func TestTheBlastRadiusHoldsAndIsRefusedWithItsNumbers(t *testing.T) {
	limit := func(change func(*engine.Safety)) func(*engine.Plan) {
		return func(p *engine.Plan) { change(&p.Safety) }
	}
	for _, row := range []struct {
		why   string
		plan  func(*engine.Plan)
		order engine.Order
		name  engine.Reason
		says  string
	}{
		{"more at once than allowed", limit(func(s *engine.Safety) { s.MaxConcurrent = 2 }), engine.Order{Count: 3}, engine.AtLimit, "3 more would make 3 hosts under attack at once; safety.max_concurrent is 2"},
		{"more of a group than allowed, by name", limit(func(s *engine.Safety) { s.MaxPerGroup = 1 }), engine.Order{Hosts: []string{"web-1", "web-3"}}, engine.AtLimit, "web-3 would be one too many of group web, with 1 of its 5 hosts under attack (safety.max_per_group 1)"},
		{"more of a group than allowed, by chance", limit(func(s *engine.Safety) { s.MaxPerGroup = 2 }), engine.Order{Within: []engine.Selector{{"group:db"}}, Count: 3}, engine.AtLimit, "3 hosts are wanted; the limits of their groups (safety.max_per_group 2) let 2 be attacked at once"},
		{"fewer left than must be", limit(func(s *engine.Safety) { s.LeavePerGroup = 4 }), engine.Order{Hosts: []string{"web-1", "web-3"}}, engine.AtLimit, "safety.leave_per_group 4"},
		{"more in a day than allowed", func(p *engine.Plan) { p.Schedule.MaxPerDay = 2 }, engine.Order{Count: 3}, engine.DailyLimit, "0 attacks today and 3 more would be 3; schedule.max_per_day is 2"},
		{"more than there are", nil, engine.Order{Count: 11}, engine.NoEligibleHost, "11 hosts are wanted and 10 are eligible"},
		{"nobody within", nil, engine.Order{Within: []engine.Selector{{"group:wbe"}}}, engine.BadOrder, "nothing never means everything"},
		{"named and counted", nil, engine.Order{Hosts: []string{"web-1"}, Count: 2}, engine.BadOrder, "named or drawn, not both"},
		{"counted and measured", nil, engine.Order{Count: 2, Percent: 20}, engine.BadOrder, "exclude each other"},
		{"a percentage of more than all", nil, engine.Order{Percent: 101}, engine.BadOrder, "1 to 100"},
		{"less than nobody", nil, engine.Order{Count: -1}, engine.BadOrder, "at least 1"},
		{"twice the same", nil, engine.Order{Hosts: []string{"web-1", "web-1"}}, engine.BadOrder, "web-1 is named twice"},
		{"a stranger", nil, engine.Order{Hosts: []string{"web-1", "web-2"}}, engine.BadOrder, `no host is called "web-2"`},
		{"force without the role", nil, engine.Order{Count: 1, Force: true, Role: engine.Operator}, engine.NotAllowed, "takes the role admin"},
	} {
		t.Run(row.why, func(t *testing.T) {
			w := many(t, func(p *engine.Plan) {
				if row.plan != nil {
					row.plan(p)
				}
			})
			row.order.Attack = "cpu"
			r := w.order(row.order)
			if r.Refusal == nil || r.Refusal.Name != row.name || !strings.Contains(r.Refusal.Sentence, row.says) {
				t.Errorf("%+v", r.Refusal)
			}
			if len(w.launched) > 0 {
				t.Errorf("launched on %d hosts", len(w.launched))
			}
		})
	}
}

func TestAnAdminMayForceTheLimitsButNothingElse(t *testing.T) {
	w := newWorld(t, testPlan(t, func(p *engine.Plan) {
		p.Safety.MaxPerGroup, p.Schedule.MaxPerDay = 1, 1
		p.Safety.MaxConcurrent = 100 // the simulated driver holds this one
		p.Roster = engine.NewRoster(fleet(6))
	}), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(30 * time.Second))
	w.plan.Safety.MaxPerGroup = 1
	forced := engine.Order{Count: 6, Attack: "cpu", Force: true, Role: engine.Admin}
	plan := w.plan
	s, _ := plan.Step(w.state, engine.Event{Stamp: engine.Stamp{At: w.now, Draw: 9}, What: engine.Ordered{Order: withKind(forced)}})
	if s.Asked == nil || len(s.Asked.Draw.Hosts) != 6 {
		t.Fatalf("the forced order was not accepted: %+v", s.LastVerdict)
	}
	w.happen(engine.Ordered{Order: engine.Order{ID: "s", Kind: engine.Stop, By: "bob"}})
	if r := w.order(forced); r.Refusal == nil || r.Refusal.Name != engine.IsStopped {
		t.Errorf("force went beyond a stop: %+v", r)
	}
}

func withKind(o engine.Order) engine.Order {
	o.ID, o.Kind, o.By = "forced", engine.RunOnce, "root"
	return o
}

func TestAnAttackWithoutUndoIsOrderedByAnAdminOnlyWhereThePlanAllowsIt(t *testing.T) {
	halting := func(p *engine.Plan) {
		p.Attacks = append(p.Attacks, engine.Attack{Name: "halt", Kind: "halt", For: time.Minute})
		p.Safety.Irreversible = true
	}
	w := many(t, halting)
	if r := w.order(engine.Order{Attack: "halt", Host: "web-1", Role: engine.Operator}); r.Refusal == nil || r.Refusal.Name != engine.NotAllowed {
		t.Errorf("an operator: %+v", r)
	}
	if r := w.order(engine.Order{Attack: "halt", Host: "web-1", Role: engine.Admin}); r.Refusal != nil || len(w.launched) != 1 {
		t.Errorf("an admin: %+v", r)
	}
	w = many(t, halting, func(p *engine.Plan) { p.Attacks[2].Weight = 1_000_000 })
	for i := range 20 { // neither by chance nor by the schedule
		if r := w.order(engine.Order{Host: "db-2", Role: engine.Operator, For: time.Second}); r.Refusal == nil && w.launched[len(w.launched)-1].Attack.Name == "halt" {
			t.Fatalf("order %d, which left the attack to chance, got a halt", i)
		}
		w.until(w.now.Add(10 * time.Minute))
	}
	for _, r := range w.launched {
		if r.Attack.Name == "halt" {
			t.Fatalf("the schedule drew a halt for %s", r.Host.Name)
		}
	}
	p := w.plan
	p.Safety.Irreversible = false
	if _, err := engine.NewPlan(p); err == nil || !strings.Contains(err.Error(), "safety.irreversible") {
		t.Errorf("a plan that does not allow it: %v", err)
	}
}

func TestAFailingPartLeavesTheOthersOrUndoesThemAllAsOrdered(t *testing.T) {
	for _, together := range []bool{false, true} {
		w := many(t)
		w.infeasible["db-2"] = map[string]string{"cpu": "no /proc/stat"}
		w.order(engine.Order{Hosts: []string{"web-1", "db-2", "web-3"}, Attack: "cpu", Together: together})
		w.until(w.now.Add(5 * time.Second))
		undone := 0
		for _, line := range w.told {
			if strings.Contains(line, "undoing: all or nothing: db-2 ended: infeasible, no /proc/stat") {
				undone++
			}
		}
		running := len(w.state.Running)
		if together && (undone != 2 || running != 0) || !together && (undone != 0 || running != 2) {
			t.Errorf("together %v: %d undone, %d run on", together, undone, running)
		}
	}
}

func TestAPartThatIsLostEndsTheOthersOfAllOrNothingAtOnce(t *testing.T) {
	w := many(t)
	w.order(engine.Order{Hosts: []string{"web-1", "db-2"}, Attack: "cpu", Together: true})
	until := w.now.Add(12 * time.Second)
	w.happen(engine.Advanced{Run: w.launched[0].ID, Phase: engine.Lost, Text: "no answer", Until: until})
	if r := w.state.Running[0]; r.Phase != engine.Lost || !r.Until.Equal(until) {
		t.Errorf("by when the host undoes by itself is not known: %+v", r)
	}
	w.mustSee("undoing: all or nothing: web-1 is lost")
}

func TestEveryHostIsAsLikelyAsAnyOtherAmongSeveral(t *testing.T) {
	const rounds, hosts, count = 6_000, 10, 3
	w := many(t)
	rng := rand.New(rand.NewPCG(3, 3))
	counts, expected := map[string]int{}, map[string]float64{}
	for range rounds {
		s, _ := w.plan.Step(w.state, engine.Event{Stamp: engine.Stamp{At: w.now, Draw: rng.Uint64()}, What: engine.Ordered{Order: engine.Order{Kind: engine.RunOnce, By: "ada", Count: count, Attack: "cpu"}}})
		for _, host := range s.Asked.Draw.Hosts {
			counts[host]++
		}
		if e := engine.Explain(s.Asked.Draw, w.plan.Pool()); !e.Agrees {
			t.Fatalf("the draw cannot be derived again: %s", e.Why)
		}
	}
	for _, h := range fleet(hosts) {
		expected[h.Name] = rounds * count / float64(hosts)
	}
	// 9 degrees of freedom: 27.9 is exceeded once in a thousand by independent fair draws; these are without repeats, which is tighter.
	if x := chiSquare(counts, expected); x > 27.9 {
		t.Errorf("chi-square %.1f: %v", x, counts)
	}
}

func TestWhoALimitKeptOutIsExplained(t *testing.T) {
	w := many(t, func(p *engine.Plan) { p.Safety.MaxPerGroup = 2 })
	for seed := range uint64(50) {
		s, _ := w.plan.Step(w.state, engine.Event{Stamp: engine.Stamp{At: w.now, Draw: seed * 77}, What: engine.Ordered{Order: engine.Order{Kind: engine.RunOnce, By: "ada", Count: 4, Attack: "cpu"}}})
		d := s.Asked.Draw
		if e := engine.Explain(d, nil); !e.Agrees {
			t.Fatalf("seed %d: %s", seed, e.Why)
		}
		d.Hosts = slices.Clone(d.Hosts)
		d.Hosts[0], d.Hosts[1] = d.Hosts[1], d.Hosts[0]
		if e := engine.Explain(d, nil); e.Agrees {
			t.Fatalf("seed %d: a forged order of hosts agrees", seed)
		}
	}
}

func TestAHostOutOfReachIsNotDrawnUntilItIsBack(t *testing.T) {
	w := many(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(2)) })
	w.happen(engine.Sighted{Unreachable: map[string]string{"web-1": "no answer", "gone-9": "left the inventory"}})
	if next := w.state.Next; next == nil || next.Host != "db-2" {
		t.Errorf("next is %+v", next)
	}
	if status, why := w.plan.Describe(w.state, w.now).Host("web-1"); status != engine.HostUnreachable || why != "no answer" {
		t.Errorf("web-1 is %s: %s", status, why)
	}
	w.happen(engine.Sighted{Back: []string{"web-1"}})
	if status, _ := w.plan.Describe(w.state, w.now).Host("web-1"); status != engine.HostReady {
		t.Errorf("web-1 is %s though it is back", status)
	}
}

func TestARefusalSpeaksOfTheHostsThatTheOrderMeans(t *testing.T) {
	forDB := func(p *engine.Plan) { p.Attacks[1].Hosts = engine.Selector{"group:db"} }
	w := many(t, forDB)
	w.happen(engine.Sighted{Unreachable: map[string]string{"db-2": "no answer"}})
	web := []engine.Selector{{"group:web"}}
	for _, row := range []struct {
		order engine.Order
		says  string
	}{
		{engine.Order{Attack: "latency", Within: web, Count: 2}, "2 hosts are wanted and 0 are eligible: of 5 hosts that it could mean, 5 not planned for latency (group:db)"},
		{engine.Order{Attack: "cpu", Within: web, Count: 7}, "7 hosts are wanted and 5 are eligible: of 5 hosts that it could mean"},
		{engine.Order{Attack: "latency", Host: "web-1"}, "the plan has latency for group:db only, and web-1 is not among them"},
	} {
		if r := w.order(row.order); r.Refusal == nil || !strings.Contains(r.Refusal.Sentence, row.says) {
			t.Errorf("%+v: %+v", row.order, r.Refusal)
		}
	}
}

func TestWhereOneHostIsKnownToBeUnfitTheOthersGoOnUnlessItIsAllOrNothing(t *testing.T) {
	for _, together := range []bool{false, true} {
		w := many(t)
		w.infeasible["db-2"] = map[string]string{"cpu": "no /proc/stat"}
		w.happen(engine.HostInspected{Host: "db-2", Facts: engine.Facts{Infeasible: w.infeasible["db-2"]}})
		r := w.order(engine.Order{Hosts: []string{"web-1", "db-2"}, Attack: "cpu", Together: together})
		if together && (r.Refusal == nil || !strings.Contains(r.Refusal.Sentence, "cpu is infeasible on db-2: no /proc/stat")) {
			t.Errorf("all or nothing: %+v", r.Refusal)
		}
		if !together && (r.Refusal != nil || len(w.launched) != 2) {
			t.Errorf("continue: %+v, launched %d", r.Refusal, len(w.launched))
		}
	}
}

func TestAnOutcomeSaysWhatEndedTheFaultBeforeItsTime(t *testing.T) {
	w := many(t)
	w.order(engine.Order{Host: "web-1", Attack: "cpu"})
	w.happen(engine.Ordered{Order: engine.Order{ID: "s", Kind: engine.Stop, By: "bob"}})
	w.until(w.now.Add(5 * time.Second))
	w.mustSee("cpu on web-1: effective, restored, ended early: stop")
}
