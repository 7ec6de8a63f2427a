package main

import (
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestEveryEndOfAnAttackHasItsExitCode(t *testing.T) {
	for _, row := range []struct {
		why  string
		o    engine.Outcome
		want int
	}{
		{"ran and restored", engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "deadline"}, 0},
		{"weak is an effect", engine.Outcome{Applied: true, Effect: engine.Weak, Undo: engine.Restored, Cause: "deadline"}, 0},
		{"could not be measured", engine.Outcome{Applied: true, Effect: engine.Unverifiable, Undo: engine.Restored, Cause: "deadline"}, 0},
		{"no effect", engine.Outcome{Applied: true, Effect: engine.NoEffect, Undo: engine.Restored, Cause: "deadline"}, 5},
		{"the injection failed", engine.Outcome{Applied: true, Effect: engine.Unverifiable, Undo: engine.Restored, Cause: "error"}, 5},
		{"contact was lost", engine.Outcome{Applied: true, Effect: engine.Unverifiable, Undo: engine.Restored, Cause: "lost"}, 5},
		{"residue beats everything", engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Residue, Cause: "stop"}, 6},
		{"residue of a guard that was never told to go", engine.Outcome{Effect: engine.Refused, Undo: engine.Residue, Cause: "error"}, 6},
		{"stopped while held", engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "stop"}, 7},
		{"stopped while dialling", engine.Outcome{Effect: engine.Refused, Cause: "stop"}, 7},
		{"a gate turned red", engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "gate site: no, 500"}, 7},
		{"closing time", engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "window: outside business hours"}, 7},
		{"infeasible", engine.Outcome{Effect: engine.Infeasible, Cause: "host"}, 4},
		{"unreachable", engine.Outcome{Effect: engine.Refused, Cause: "error"}, 4},
		{"no durable intent", engine.Outcome{Effect: engine.Refused, Cause: "journal"}, 4},
		{"dry run", engine.Outcome{Effect: engine.Refused, Cause: "dry run"}, 0},
	} {
		if got := codeOfOutcome(row.o); got != row.want {
			t.Errorf("%s: exit %d, want %d", row.why, got, row.want)
		}
	}
}
