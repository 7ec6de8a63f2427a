package main

import (
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

// Whoever has read of an attack can try it in the demo by its name alone.
func TestTheDemoPlansEveryAttackOfTheCatalogueWithWhatItNeedsToBeTold(t *testing.T) {
	catalogue, err := demoCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := simulated.New(simulated.Options{Hosts: 40, Seed: 1, Clock: clock.Clock{}, Dir: t.TempDir(), Attacks: simulatedAttacks(catalogue)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	plan, err := engine.NewPlan(demoPlan(fleet, catalogue, 1))
	if err != nil {
		t.Fatal(err)
	}
	planned := map[string]engine.Attack{}
	for _, a := range plan.Attacks {
		planned[a.Kind] = a
	}
	for _, d := range catalogue {
		a, there := planned[d.Name]
		if !there {
			t.Errorf("the demo has no %s", d.Name)
			continue
		}
		if _, err := attacks.Check(d, a.Params); err != nil {
			t.Errorf("%v", err)
		}
		if a.For > d.Max {
			t.Errorf("%s is held for %s, and may be for %s", d.Name, a.For, d.Max)
		}
	}
	if len(planned) != len(plan.Attacks) {
		t.Errorf("%d attacks in the plan, of %d kinds", len(plan.Attacks), len(planned))
	}
}
