package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// errBroken is why a console ends whose engine has ended under it. What broke is said by the engine's own error.
var errBroken = errors.New("its engine ended by itself")

// run is the engine's, with a panic as its error: a console on the same terminal has to put that back before anybody
// can read about it. What was injected is undone by the hosts' own guards, which hear nothing more.
func (h *house) run(live context.Context, breaks context.CancelCauseFunc, log *slog.Logger) (err error) {
	defer func() {
		if bad := recover(); bad != nil {
			err = fmt.Errorf("the engine broke: %v; hosts undo by themselves what it had injected; the log has the stack", bad)
			log.Error(err.Error(), "stack", string(debug.Stack()))
		}
		if live.Err() == nil { // nobody has told it to end
			breaks(errBroken)
		}
	}()
	return h.engine.Run(live)
}

// life is how long a console is shown: signals end it by the console's own hand, the end of its engine by this.
func (a *app) life(ctx context.Context) context.Context {
	if a.broken != nil {
		return a.broken
	}
	return context.WithoutCancel(ctx)
}
