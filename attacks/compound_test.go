package attacks

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func find(t *testing.T, names ...string) (defs []Definition) {
	t.Helper()
	for _, name := range names {
		d, ok := Find(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		defs = append(defs, d)
	}
	return defs
}

func mine(t *testing.T, f CustomFiles) Definition {
	t.Helper()
	d, err := Custom(f)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatHoldsOfACompoundHoldsOfEachOfItsParts(t *testing.T) {
	parts := find(t, "cpu", "latency")
	def, err := Compound("storm", parts, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if def.Max != min(parts[0].Max, parts[1].Max) || def.UndoWithin != parts[0].UndoWithin+parts[1].UndoWithin || !def.Reversible || def.Supervised {
		t.Errorf("%+v", def)
	}
	if def.InjectIn <= 5*time.Second {
		t.Errorf("switching it on may take %s, gap included", def.InjectIn)
	}
	for _, p := range []string{"c1_load", "c2_delay"} {
		if !strings.Contains(strings.Join(names(def.Params), " "), p) {
			t.Errorf("there is no parameter %s: %v", p, names(def.Params))
		}
	}
	custom := mine(t, CustomFiles{Name: "mine", Inject: "true", Irreversible: true})
	if def, err := Compound("storm", append(find(t, "cpu"), custom), 0); err != nil || def.Reversible {
		t.Errorf("one part cannot be undone, the whole says reversible %v, %v", def.Reversible, err)
	}
}

func TestACompoundThatCannotBeIsRefusedWithTheReason(t *testing.T) {
	storm, err := Compound("storm", find(t, "cpu", "latency"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		parts []Definition
		gap   time.Duration
		want  string
	}{
		{"cpu", find(t, "cpu", "latency"), 0, "that of a built-in attack"},
		{"a", find(t, "cpu"), 0, "two parts at least"},
		{"a", find(t, "latency", "blackhole"), 0, "latency, blackhole are all network attacks"},
		{"a", find(t, "cpu", "reboot"), 0, "reboot takes the whole host away"},
		{"a", append(find(t, "cpu"), storm), 0, "storm is itself a compound"},
		{"a", find(t, "cpu", "cpu", "cpu", "cpu", "cpu", "cpu", "cpu", "cpu", "cpu"), 0, "9 parts: 8 at most"},
		{"a", find(t, "cpu", "latency"), 1500 * time.Millisecond, "whole seconds"},
		{"a", find(t, "cpu", "latency"), time.Hour, "its last part begins after 1h"},
		{"a b", find(t, "cpu", "latency"), 0, "name"},
	} {
		if _, err := Compound(row.name, row.parts, row.gap); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: %v, want %q", row.name, err, row.want)
		}
	}
}

func TestEachPartJudgesItsOwnParameters(t *testing.T) {
	def, err := Compound("storm", find(t, "cpu", "latency", "service-stop"), 0)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := Check(def, map[string]string{"c1_load": "50", "c2_delay": "1.5s", "c3_unit": "nginx.service"})
	if err != nil || wire["c1_load"] != "50" || wire["c2_delay"] != "1500" || wire["c3_unit"] != "nginx.service" {
		t.Errorf("%v %v", wire, err)
	}
	_, err = Check(def, map[string]string{"c1_laod": "50", "c2_delay": "never"})
	for _, want := range []string{`did you mean c1_load?`, "part 2 of storm: latency: delay", "part 3 of storm: service-stop: unit is required"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwithout %q", err, want)
		}
	}
}

func TestNamesAmongThePeersOfAPartAreLookedUp(t *testing.T) {
	def, err := Compound("storm", find(t, "cpu", "latency"), 0)
	if err != nil {
		t.Fatal(err)
	}
	wire := map[string]string{}
	for _, p := range def.Parts[1].Params {
		if p.Kind == Peers {
			wire[PartParam(1, p.Name)] = "db-1"
			break
		}
	}
	lookup := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.7")}, nil
	}
	if err := Resolve(t.Context(), def, wire, lookup); err != nil {
		t.Fatal(err)
	}
	for name, value := range wire {
		if value != "10.0.0.7" {
			t.Errorf("%s=%s travels", name, value)
		}
	}
}

func TestThePartsOfACompoundMustBeInTheRunner(t *testing.T) {
	def, err := Compound("storm", find(t, "cpu", "latency"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit([]Definition{def}, BundleOptions{}); err == nil || !strings.Contains(err.Error(), "the part cpu, which is not there") {
		t.Errorf("%v", err)
	}
	if err := fit(append(Builtin(), def), BundleOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAPartMayGiveTheControlPathUpForAll(t *testing.T) {
	def, err := Compound("storm", find(t, "cpu", "blackhole"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if Cuts(def, map[string]string{"c2_lifeline": "1"}) || !Cuts(def, map[string]string{"c2_lifeline": "0"}) {
		t.Error("the lifeline of a part is not seen")
	}
	if Cuts(find(t, "blackhole")[0], map[string]string{}) || !Cuts(find(t, "blackhole")[0], map[string]string{"lifeline": "0"}) {
		t.Error("the lifeline of an attack alone is not seen")
	}
}
