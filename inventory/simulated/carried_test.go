package simulated_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

// told is what a fleet must know of an attack of the catalogue.
func told(d attacks.Definition) simulated.Attack {
	a := simulated.Attack{Kind: d.Name, Family: d.Family, Figure: d.Figure.Name, Unit: d.Figure.Unit, Needs: d.Needs, Supervised: d.Supervised}
	for _, p := range d.Params {
		a.Params = append(a.Params, simulated.Param{Name: p.Name, Kind: string(p.Kind), Required: p.Required, Min: p.Min, Max: p.Max, Choices: p.Choices})
	}
	for _, part := range d.Parts {
		a.Parts = append(a.Parts, told(part))
	}
	return a
}

func allTold(defs []attacks.Definition) (all []simulated.Attack) {
	for _, d := range defs {
		all = append(all, told(d))
	}
	return all
}

// carrier is the one that attacks real hosts.
func carrier(t *testing.T, f *simulated.Fleet, clk clock.Clock, defs []attacks.Definition) *remote.Carrier {
	t.Helper()
	c, err := remote.New(remote.Options{
		Runner: attacks.Bundle(defs, attacks.BundleOptions{}), Attacks: defs, User: "root", Clock: clk, Lease: time.Hour,
		IdentityFiles: []string{f.IdentityFile()}, KnownHosts: []string{f.KnownHosts()}, Dial: f.Dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// some is a value for a parameter of each kind, as an operator would write it.
var some = map[attacks.Kind]string{
	attacks.Int: "2", attacks.Percent: "50", attacks.Share: "30", attacks.Millis: "90s", attacks.Bool: "true", attacks.Size: "256MiB", attacks.Rate: "1mbit",
	attacks.Peers: "10.1.2.3", attacks.Ports: "443", attacks.Device: "eth1", attacks.Path: "/var/tmp", attacks.Domains: "example.net",
	attacks.Process: "worker --queue", attacks.Text: "text",
}

// paramsFor is what has to be said to the attack on that host.
func paramsFor(d attacks.Definition, unit string) map[string]string {
	said := map[string]string{}
	for _, p := range d.Params {
		switch {
		case len(said) == 0 && len(d.AnyOf) > 0 && p.Name == d.AnyOf[0]:
			said[p.Name] = some[p.Kind]
		case !p.Required || p.Default != "":
		case p.Kind == attacks.Unit:
			said[p.Name] = unit
		case p.Kind == attacks.Word:
			said[p.Name] = p.Choices[0]
		default:
			said[p.Name] = some[p.Kind]
		}
	}
	return said
}

// attack carries one out and returns when the host is left.
func attack(t *testing.T, c *remote.Carrier, h engine.Host, d attacks.Definition, params map[string]string) engine.Outcome {
	t.Helper()
	run := engine.Run{
		ID: fmt.Sprintf("run-%s", d.Name), Host: h, For: min(d.Max, 2*time.Minute),
		Attack: engine.Attack{Name: d.Name, Kind: d.Name, Family: d.Family, Reversible: d.Reversible, Params: params},
	}
	return c.Attack(t.Context(), run, make(chan string), func(engine.Advanced) {}, func(string) {})
}

// The promise of a demo: whatever the catalogue has can be tried there, with the outcome that it should have on a
// host where nothing is in its way.
func TestEveryBuiltInAttackIsCarriedToTheEndThatItPromises(t *testing.T) {
	clk := clock.Fast(time.Now(), noon, 200)
	catalogue := attacks.Builtin()
	f := newFleet(t, func(o *simulated.Options) {
		o.Hosts, o.Plain, o.Clock, o.Attacks = 10+2*len(catalogue), true, clk, allTold(catalogue)
	})
	c := carrier(t, f, clk, catalogue)
	hosts := slices.DeleteFunc(f.Hosts(), func(h engine.Host) bool { return h.Tags["role"] != "web" && h.Tags["role"] != "api" })
	var all sync.WaitGroup
	turn := make(chan struct{}, 8)
	for i, d := range catalogue {
		h := hosts[i]
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			unit := map[string]string{"web": "nginx.service", "api": "api.service"}[h.Tags["role"]]
			out := attack(t, c, h, d, paramsFor(d, unit))
			switch {
			case d.Name == "halt":
				if out.Undo == engine.Restored || out.Effect == engine.Refused || out.Effect == engine.Infeasible {
					t.Errorf("halt: %+v", out)
				}
			case out.Effect != engine.Effective || out.Undo != engine.Restored && d.Reversible:
				t.Errorf("%s: %s, %s: %s (%s)", d.Name, out.Effect, out.Undo, out.Detail, out.Figures.Text)
			}
			t.Logf("%-14s %s", d.Name, out.Figures.Text)
		})
	}
	all.Wait()
	for _, left := range f.Applied() {
		t.Errorf("still applied: %+v", left)
	}
}

func TestAHostWithoutWhatAnAttackNeedsSaysSoAndOthersGoOn(t *testing.T) {
	clk := clock.Fast(time.Now(), noon, 100)
	catalogue := attacks.Builtin()
	f := newFleet(t, func(o *simulated.Options) { o.Clock, o.Attacks = clk, allTold(catalogue) })
	c := carrier(t, f, clk, catalogue)
	needing := func(what string) (names []engine.Attack) {
		for _, d := range catalogue {
			if slices.ContainsFunc(d.Needs, func(n string) bool { return strings.Contains(n, what) }) {
				names = append(names, engine.Attack{Name: d.Name, Kind: d.Name, Params: paramsFor(d, "ssh-agent.service")})
			}
		}
		return names
	}
	for quirk, what := range map[simulated.Quirk]string{simulated.NoNetem: "netem", simulated.NoSystemd: "systemd"} {
		wanted := needing(what)
		facts := c.Inspect(t.Context(), quirky(t, f, quirk), wanted)
		if len(wanted) == 0 || len(facts.Infeasible) != len(wanted) {
			t.Errorf("%s: of %d attacks that need %s these are infeasible: %v", quirk, len(wanted), what, facts.Infeasible)
		}
	}
	if got := c.Inspect(t.Context(), quirky(t, f, simulated.NoSystemd), nil).Summary; !strings.Contains(got, "busybox") {
		t.Errorf("facts of a small machine: %s", got)
	}
}

func TestAWholeOfSeveralAttacksSaysAFigureForEach(t *testing.T) {
	clk := clock.Fast(time.Now(), noon, 100)
	latency, _ := attacks.Find("latency")
	cpu, _ := attacks.Find("cpu")
	both, err := attacks.Compound("slow-and-busy", []attacks.Definition{latency, cpu}, 0)
	if err != nil {
		t.Fatal(err)
	}
	catalogue := append(attacks.Builtin(), both)
	f := newFleet(t, func(o *simulated.Options) { o.Clock, o.Attacks = clk, allTold(catalogue) })
	c := carrier(t, f, clk, catalogue)
	out := attack(t, c, ordinary(t, f, "cache"), both, map[string]string{"c1_delay": "300ms", "c1_targets": "10.0.0.7"})
	if out.Effect != engine.Effective || out.Undo != engine.Restored || len(out.Figures.Parts) != 2 {
		t.Fatalf("%+v", out)
	}
	if to := out.Figures.Parts[0].About; to != "to 10.0.0.7" {
		t.Errorf("the first part was measured %q: %s", to, out.Figures.Text)
	}
	t.Log(out.Figures.Text)
	if facts := c.Inspect(t.Context(), quirky(t, f, simulated.NoNetem), []engine.Attack{{Name: both.Name, Kind: both.Name, Params: map[string]string{"c1_delay": "300ms"}}}); !strings.HasPrefix(facts.Infeasible[both.Name], "latency: ") {
		t.Errorf("without netem: %v", facts.Infeasible)
	}
}
