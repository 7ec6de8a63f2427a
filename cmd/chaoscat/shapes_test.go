package main

import (
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

func TestWhoeverOrdersByHandIsShownBoundsValuesAndTheVeryTextThatRuns(t *testing.T) {
	d, _ := attacks.Find("cpu")
	s := attackToOrder(engine.Attack{Name: "busy", Kind: "cpu", Reversible: true, Params: map[string]string{"load": "35"}}, d)
	if s.Attack != "busy" || s.Kind != "cpu" || len(s.Params) != len(d.Params) || s.Params[0].Value != "35" || s.Params[0].Bounds != "1 to 100 %" {
		t.Errorf("%+v", s)
	}
	if !strings.HasPrefix(s.Runs, "inject() {") || !strings.Contains(d.Script, s.Runs) || !strings.HasPrefix(s.Undoes, "undo() {") {
		t.Errorf("runs %q, undoes %q", s.Runs, s.Undoes)
	}
	halt, _ := attacks.Find("halt")
	if s := attackToOrder(engine.Attack{Name: "halt", Kind: "halt"}, halt); s.Undoes != "" {
		t.Errorf("something is said to undo a halt: %s", s.Undoes)
	}
}
