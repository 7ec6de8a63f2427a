package engine_test

import (
	"slices"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

// renamed is the plan with the first host under another name.
func renamed(t *testing.T, p engine.Plan, name string) engine.Plan {
	t.Helper()
	hosts := slices.Clone(p.Roster.Hosts())
	hosts[0].Name = name
	p.Roster = engine.NewRoster(hosts)
	p, err := engine.NewPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnExcludedHostStaysOutUnderEveryNameThatTheInventoryGivesIt(t *testing.T) {
	for what, event := range map[string]engine.What{"a refresh": engine.PlanChanged{Text: "inventory refreshed"}, "a restart": engine.Started{}} {
		w := armed(t)
		old := w.plan.Roster.At(0).Name
		w.happen(order("1", engine.Exclude, func(o *engine.Order) { o.Host = old }))
		w.plan = renamed(t, w.plan, "aaa-other")
		w.happen(event)
		if _, still := w.state.Excluded[old]; still || w.state.Excluded["aaa-other"].By != "ada" {
			t.Errorf("after %s are excluded: %v", what, w.state.Excluded)
		}
		w.mustSee("excluded aaa-other, as " + old + " was by ada")
		w.happen(order("2", engine.Include, func(o *engine.Order) { o.Host = "aaa-other" }))
		w.happen(event)
		if len(w.state.Excluded) > 0 {
			t.Errorf("after %s and an include are excluded: %v", what, w.state.Excluded)
		}
	}
}
