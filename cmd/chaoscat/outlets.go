package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/chaoscat/chaoscat/engine/local"
)

// outlet is a system outside that is told what happens here, and may give orders. It follows the engine's record at its
// own pace: however slow it is, the engine does not wait for it.
type outlet struct {
	name string
	run  func(ctx context.Context, e *local.Engine) // until ctx ends
}

// outlets are all that the configuration names. What is wrong with any is said before anything runs.
func (g *graph) outlets(w world, log *slog.Logger) (all []outlet, err error) {
	for _, make := range []func(world, *slog.Logger) (*outlet, error){g.slack, g.pagerduty, g.webhooks, g.metrics} {
		o, e := make(w, log)
		err = errors.Join(err, e)
		if o != nil && e == nil {
			all = append(all, *o)
		}
	}
	if err != nil {
		return nil, fail(exitConfig, err)
	}
	return all, nil
}
