package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// drawn lets the engine draw once with the given dice, from a fresh start inside the window.
func drawn(t *testing.T, plan engine.Plan, s engine.State, dice uint64) engine.Draw {
	t.Helper()
	s.Began, s.Next = true, nil
	state, _ := plan.Step(s, engine.Event{Stamp: engine.Stamp{At: at(t, "2026-07-01T10:30:00+02:00"), Draw: dice}, What: engine.Woke{}})
	if state.Next == nil {
		t.Fatal("nothing was drawn")
	}
	return *state.Next
}

// chiSquare sums the squared distances of the counts from what was expected.
func chiSquare(counts map[string]int, expected map[string]float64) (sum float64) {
	for name, want := range expected {
		d := float64(counts[name]) - want
		sum += d * d / want
	}
	return sum
}

func TestEveryEligibleHostIsEquallyLikely(t *testing.T) {
	const hosts, rounds = 20, 20_000
	plan := testPlan(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(hosts)) })
	blocked := engine.State{Excluded: map[string]engine.Exclusion{"db-2": {By: "ada"}, "web-11": {By: "ada"}}}
	rng := rand.New(rand.NewPCG(7, 7))
	counts, expected := map[string]int{}, map[string]float64{}
	for range rounds {
		counts[drawn(t, plan, blocked, rng.Uint64()).Host]++
	}
	for _, h := range fleet(hosts) {
		if _, out := blocked.Excluded[h.Name]; !out {
			expected[h.Name] = rounds / float64(hosts-2)
		}
	}
	if len(counts) != hosts-2 {
		t.Errorf("%d hosts were drawn, %d are eligible", len(counts), hosts-2)
	}
	// 17 degrees of freedom: 40.8 is exceeded once in a thousand by a fair draw.
	if x := chiSquare(counts, expected); x > 40.8 {
		t.Errorf("chi-square %.1f: %v", x, counts)
	}
}

func TestAttacksAreDrawnByWeightAmongTheFeasible(t *testing.T) {
	const rounds = 20_000
	plan := testPlan(t, func(p *engine.Plan) {
		p.Roster = engine.NewRoster(fleet(1))
		p.Attacks = []engine.Attack{
			{Name: "a", Kind: "cpu", Weight: 5, For: time.Minute, Reversible: true}, {Name: "b", Kind: "cpu", Weight: 3, For: time.Minute, Reversible: true},
			{Name: "c", Kind: "cpu", Weight: 2, For: time.Minute, Reversible: true}, {Name: "off", Kind: "cpu", Weight: 0, For: time.Minute, Reversible: true},
		}
	})
	rng := rand.New(rand.NewPCG(8, 8))
	for _, row := range []struct {
		why        string
		infeasible map[string]string
		expected   map[string]float64
		critical   float64 // chi-square at 0.1 %
	}{
		{"all feasible", nil, map[string]float64{"a": rounds * .5, "b": rounds * .3, "c": rounds * .2}, 13.8},
		{"without a, the weights are shared anew", map[string]string{"a": "no netem"}, map[string]float64{"b": rounds * .6, "c": rounds * .4}, 10.8},
	} {
		s := engine.State{Facts: map[string]engine.Facts{"web-1": {At: at(t, "2026-07-01T10:00:00+02:00"), Infeasible: row.infeasible}}}
		counts := map[string]int{}
		for range rounds {
			counts[drawn(t, plan, s, rng.Uint64()).Attack]++
		}
		if x := chiSquare(counts, row.expected); x > row.critical || len(counts) != len(row.expected) {
			t.Errorf("%s: chi-square %.1f: %v", row.why, x, counts)
		}
	}
}

func TestAnInfeasibleAttackDoesNotMakeItsHostRarer(t *testing.T) {
	const rounds = 4_000
	plan := testPlan(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(2)); p.Attacks[1].Weight = 3 })
	counts := map[string]int{}
	for i := range rounds {
		w := newWorld(t, plan, at(t, "2026-07-01T10:00:00+02:00"))
		w.seed = uint64(i) * 0x9e3779b97f4a7c15
		w.infeasible["web-1"] = map[string]string{"latency": "no netem"}
		w.start(engine.Started{})
		w.until(w.now.Add(30 * time.Second)) // time enough to look at the host, too early to attack
		counts[w.state.Next.Host]++
		if w.state.Next.Host == "web-1" && w.state.Next.Attack == "latency" {
			t.Fatal("an attack known to be infeasible stayed drawn")
		}
	}
	if x := chiSquare(counts, map[string]float64{"web-1": rounds / 2, "db-2": rounds / 2}); x > 10.8 {
		t.Errorf("chi-square %.1f: %v", x, counts)
	}
}

func TestExplainReDerivesEveryRecordedDraw(t *testing.T) {
	w := newWorld(t, testPlan(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(9)) }), at(t, "2026-07-01T10:00:00+02:00"))
	w.infeasible["web-3"] = map[string]string{"cpu": "broken"}
	var draws []engine.Draw
	w.start(engine.Started{})
	for i := range 40 {
		if i%5 == 0 {
			w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: engine.RunOnce, By: "ada", Attack: []string{"", "cpu"}[i/5%2]}})
			if a := w.state.Asked; a != nil {
				draws = append(draws, a.Draw)
			}
		}
		w.until(w.now.Add(7 * time.Minute))
		if w.state.Next != nil {
			draws = append(draws, *w.state.Next)
		}
	}
	for _, d := range draws {
		var read engine.Draw
		text, _ := json.Marshal(d)
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		if e := engine.Explain(read, w.plan.Pool()); !e.Agrees {
			t.Errorf("%s\n%s", e.Why, text)
		}
	}
	forged := draws[0]
	forged.Host = "db-" + "8"
	if forged.Host == draws[0].Host {
		forged.Host = "web-1"
	}
	if engine.Explain(forged, w.plan.Pool()).Agrees {
		t.Error("a draw with another host than the dice say was believed")
	}
}

func TestTheChancesOnTheScreenAddUpToOne(t *testing.T) {
	plan := testPlan(t, func(p *engine.Plan) {
		p.Attacks[1].Hosts = engine.Selector{"group:db"}
	})
	s := engine.State{Began: true, Facts: map[string]engine.Facts{"db-4": {At: at(t, "2026-07-01T10:00:00+02:00"), Infeasible: map[string]string{"cpu": "no"}}}}
	snap := plan.Describe(s, at(t, "2026-07-01T10:30:00+02:00"))
	// web-1 and web-3 can only be hit by cpu, db-2 by both (3:1), db-4 only by latency.
	want := map[string]float64{"cpu": (1 + 1 + .75) / 4, "latency": (.25 + 1) / 4}
	for _, c := range snap.Chances {
		if d := c.Chance - want[c.Attack]; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: chance %.4f, want %.4f", c.Attack, c.Chance, want[c.Attack])
		}
	}
}

// What only an order runs has no chance, and still so many hosts that an order might hit: those that are not kept out
// and can carry it out.
func TestAnAttackThatOnlyAnOrderRunsTellsHowManyHostsItMayHit(t *testing.T) {
	now := at(t, "2026-07-01T10:30:00+02:00")
	plan := testPlan(t, func(p *engine.Plan) {
		p.Attacks = append(p.Attacks, engine.Attack{Name: "fill", Kind: "disk-fill", For: time.Minute, Reversible: true},
			engine.Attack{Name: "halt", Kind: "halt", Weight: 5, For: time.Minute, Hosts: engine.Selector{"group:db"}})
		p.Safety.Irreversible = true
	})
	s := engine.State{Began: true,
		Facts:    map[string]engine.Facts{"web-1": {At: now, Infeasible: map[string]string{"fill": "no disk"}}, "db-4": {At: now, Unreachable: "no answer"}},
		Attacked: map[string]engine.Attacked{"web-3": {At: now.Add(-time.Hour)}},
	}
	got := map[string]int{}
	for _, c := range plan.Describe(s, now).Chances {
		got[c.Attack] = c.Eligible
		if (c.Attack == "fill" || c.Attack == "halt") && (c.Chance != 0 || c.Note != "only by order") {
			t.Errorf("%+v", c)
		}
	}
	// web-3 rests, db-4 does not answer; web-1 cannot be filled, and only databases are halted.
	if want := map[string]int{"cpu": 2, "latency": 2, "fill": 1, "halt": 1}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSelectors(t *testing.T) {
	h := engine.Host{Name: "web-7", Groups: []string{"web"}, Tags: map[string]string{"zone": "eu-1a"}}
	for _, row := range []struct {
		selector engine.Selector
		in       bool
	}{
		{nil, true}, {engine.Selector{"web-*"}, true}, {engine.Selector{"db-*"}, false}, {engine.Selector{"group:web"}, true},
		{engine.Selector{"tag:zone=eu-*"}, true}, {engine.Selector{"tag:zone=us-*"}, false}, {engine.Selector{"tag:role=x"}, false},
		{engine.Selector{"!web-7"}, false}, {engine.Selector{"!web-8"}, true}, {engine.Selector{"web-*", "!group:web"}, false},
	} {
		if in := row.selector.Selects(h); in != row.in {
			t.Errorf("%q selects it: %v, want %v", row.selector, in, row.in)
		}
	}
	for _, bad := range []string{"", "!", "tag:zone", "tag:=x", "web-[", "group:"} {
		if (engine.Selector{bad}).Check() == nil {
			t.Errorf("selector %q was accepted", bad)
		}
	}
}

func TestTheJournalIsToldOfAPoolOnceUntilItIsAnother(t *testing.T) {
	plan, other := testPlan(t), testPlan(t, func(p *engine.Plan) { p.Roster = engine.NewRoster(fleet(5)) })
	var s engine.State
	for i, step := range []struct {
		plan engine.Plan
		what engine.What
		told int
	}{
		{plan, engine.Started{}, 4}, {plan, engine.PlanChanged{Text: "a calendar"}, 0}, {other, engine.PlanChanged{Text: "a host"}, 5},
		{other, engine.PlanChanged{Text: "a calendar"}, 0}, {plan, engine.PlanChanged{Text: "a host less"}, 4}, {plan, engine.Started{}, 4},
	} {
		var actions []engine.Action
		s, actions = step.plan.Step(s, engine.Event{Stamp: engine.Stamp{At: at(t, "2026-07-01T10:00:00+02:00")}, What: step.what})
		told := 0
		for _, a := range actions {
			if n, ok := a.(engine.Note); ok {
				told += len(n.Record.Pool)
			}
		}
		if told != step.told {
			t.Errorf("step %d tells of %d hosts, want %d", i, told, step.told)
		}
	}
}
