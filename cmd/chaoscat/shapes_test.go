package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

func TestWhoeverOrdersByHandIsShownBoundsValuesAndTheVeryTextThatRuns(t *testing.T) {
	d, _ := attacks.Find("cpu")
	s := attackToOrder(engine.Attack{Name: "busy", Kind: "cpu", Reversible: true, Params: map[string]string{"load": "35"}}, d, 15*time.Second)
	if s.Attack != "busy" || s.Kind != "cpu" || len(s.Params) != len(d.Params) || s.Params[0].Value != "35" || s.Params[0].Bounds != "1 to 100 %" {
		t.Errorf("%+v", s)
	}
	if !strings.HasPrefix(s.Runs, d.Source("inject")) || !strings.Contains(s.Runs, d.Source("workers")) || !strings.HasPrefix(s.Undoes, "the workers are killed") {
		t.Errorf("runs %q, undoes %q", s.Runs, s.Undoes)
	}
}

func TestWhoeverOrdersByHandIsToldWhoEndsItIfChaoscatDies(t *testing.T) {
	for kind, want := range map[string][]string{
		"latency":      {"the kernel", "a guard on the host", "a second guard"},
		"service-stop": {"a guard on the host", "a second guard"},
		"reboot":       {"the host"},
		"halt":         nil,
	} {
		d, _ := attacks.Find(kind)
		s := attackToOrder(engine.Attack{Name: kind, Kind: kind, Reversible: d.Reversible}, d, 20*time.Second)
		var names []string
		for _, l := range s.Layers {
			name, how, _ := strings.Cut(l, ": ")
			if names = append(names, name); how == "" || name == "a guard on the host" && !strings.Contains(how, "20s without a word") {
				t.Errorf("%s: %q", kind, l)
			}
		}
		if !slices.Equal(names, want) || (s.Undoes == "") != (want == nil) {
			t.Errorf("%s: %q, undone by %q", kind, names, s.Undoes)
		}
	}
}

func TestACompoundAttackShowsItsParts(t *testing.T) {
	all, err := demoCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	d := all[len(all)-1]
	s := attackToOrder(engine.Attack{Name: d.Name, Kind: d.Name, Reversible: true}, d, 15*time.Second)
	if !slices.Equal(s.Parts, []string{"latency", "cpu"}) || !strings.Contains(s.Runs, "# part 2: cpu") || !strings.HasPrefix(s.Undoes, "in reverse order: cpu:") {
		t.Errorf("%+v", s)
	}
}
