package main

import (
	"context"
	"errors"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/journal"
)

// The exit codes are a contract: scripts depend on them.
const (
	exitDone       = 0
	exitUnexpected = 1
	exitUsage      = 2
	exitConfig     = 3
	exitRefused    = 4 // nothing was done; the verdict is on stderr
	exitNoEffect   = 5 // attack failed or had no effect, restored
	exitResidue    = 6 // a host needs a person
	exitStopped    = 7 // stopped, restored
	exitNoEngine   = 8
	exitLocked     = 9
)

// exit is an error with the code that the program ends with. A nil err says nothing more.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exit{code, err}
}

// codeOf finds the code for an error, by what it is.
func codeOf(err error) int {
	var (
		coded    *exit
		mistakes *config.Mistakes
		held     *journal.LockedError
		refusal  *engine.Refusal
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &mistakes), errors.Is(err, config.ErrNotFound):
		return exitConfig
	case errors.As(err, &held):
		return exitLocked
	case errors.As(err, &refusal) && refusal.Name == engine.BadOrder:
		return exitUsage // no plan, gate or hour would ever allow it
	case errors.As(err, &refusal):
		return exitRefused
	case errors.Is(err, control.ErrNoEngine):
		return exitNoEngine
	case errors.Is(err, context.Canceled):
		return exitStopped
	}
	return exitUnexpected
}

// codeOfOutcome is how run-once ends.
func codeOfOutcome(o engine.Outcome) int {
	switch {
	case o.Undo == engine.Residue:
		return exitResidue
	case o.Cause == "dry run":
		return exitDone
	case endedEarly(o.Cause):
		return exitStopped
	case !o.Applied:
		return exitRefused
	case o.Cause != "deadline", o.Effect == engine.NoEffect:
		return exitNoEffect
	}
	return exitDone
}

// codeOfOutcomes is how run-once ends on several hosts: a host that needs a person weighs most. A refusal on some
// while others were attacked is a failure of the whole, since "refused" says that nothing was done.
func codeOfOutcomes(outcomes []engine.Outcome) int {
	seen := map[int]bool{}
	for _, o := range outcomes {
		seen[codeOfOutcome(o)] = true
	}
	if len(seen) > 1 && seen[exitRefused] {
		seen[exitNoEffect] = true
	}
	for _, code := range []int{exitResidue, exitNoEffect, exitStopped, exitRefused} {
		if seen[code] {
			return code
		}
	}
	return exitDone
}

// endedEarly tells whether somebody or something of ours ended the attack: a stop, a gate, closing time, an
// exclusion, a shutdown. What remains is its own end, a host that said no, and what went wrong.
func endedEarly(cause string) bool {
	switch cause {
	case "", "deadline", "lost", "error", "host", "journal", "crash":
		return false
	}
	return true
}
