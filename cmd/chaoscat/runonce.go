package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/printable"
)

func (a *app) runOnceCommand() *cobra.Command {
	o, params, wait := engine.Order{Kind: engine.RunOnce}, []string{}, false
	c := &cobra.Command{
		Use: "run-once", Short: "Attack now, inside all gates", Args: cobra.NoArgs,
		Long: `run-once attacks one host now. What is left open is drawn: the host uniformly, the attack by weight.
Business hours, health, on-call, limits and a stop hold as they do for the schedule; its wait and a
pause do not. With no engine running, the attack runs in the foreground.`,
		Example: "  chaoscat run-once --wait\n  chaoscat run-once --attack latency --host web-3 --for 30s --param delay=300ms --wait",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Params, err = splitParams(params); err != nil {
				return fail(exitUsage, err)
			}
			o.ID, o.By, o.Door = newID(), a.user, "command"
			return a.runOnce(cmd.Context(), o, wait)
		},
	}
	c.Flags().StringVar(&o.Attack, "attack", "", "`NAME` of an attack of the plan (default: drawn by weight)")
	c.Flags().StringVar(&o.Host, "host", "", "`NAME` of a host (default: drawn uniformly)")
	c.Flags().DurationVar(&o.For, "for", 0, "how long `D` the fault is held (default: the plan's)")
	c.Flags().StringArrayVar(&params, "param", nil, "`K=V` instead of the plan's parameter; may be repeated")
	c.Flags().StringVar(&o.Reason, "reason", "", "`WHY`, for the record")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "draw, ask every gate, and say what would have run")
	c.Flags().BoolVar(&wait, "wait", false, "wait for the outcome (always so with no engine running)")
	return c
}

// runOnce asks the running engine, or is one for a single attack.
func (a *app) runOnce(ctx context.Context, o engine.Order, wait bool) error {
	err := a.askRunning(func(e asker) error { return a.attack(ctx, e, o, wait) })
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, func(e asker) error {
		if err := a.settleGates(ctx, e); err != nil {
			return err
		}
		return a.attack(ctx, e, o, true)
	}, true)
}

// settleGates waits until every gate has had the time for the passes it needs, and what an earlier life
// left has been looked at; what is still missing then is the verdict's business.
func (a *app) settleGates(ctx context.Context, e asker) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	patience := 5 * time.Second
	for _, g := range cfg.Gates() {
		patience = max(patience, time.Duration(g.HealthyAfter-1)*g.Interval+g.Timeout+time.Second)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for s := range e.Watch(ctx) {
		clear := s.Verdict.Name != engine.Reconciling
		for _, g := range s.Gates {
			clear = clear && g.Clear
		}
		if clear {
			return nil
		}
	}
	return nil
}

func (a *app) attack(ctx context.Context, e asker, o engine.Order, wait bool) error {
	stopped := context.AfterFunc(ctx, func() { a.stopBecause(e) }) // also while the gates are asked
	defer stopped()
	run, err := e.Ask(context.WithoutCancel(ctx), o)
	if err != nil {
		return err
	}
	if !o.DryRun {
		a.say("%s has begun; chaoscat stop ends it", run)
	}
	if !wait && !o.DryRun {
		return a.printRun(run, nil)
	}
	for s := range e.Watch(context.WithoutCancel(ctx)) {
		for _, r := range s.Recent {
			if r.Run == run && r.Outcome != nil {
				return errors.Join(a.printRun(run, &r), fail(codeOfOutcome(*r.Outcome), outcomeError(r)))
			}
		}
	}
	return fail(exitUnexpected, errors.New("the engine ended before the attack did; chaoscat stop looks for what is left"))
}

// stopBecause turns ctrl+c during an attack in the foreground into a stop of that attack.
func (a *app) stopBecause(e asker) {
	a.say("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), undoWithin)
	defer cancel()
	if _, err := e.Ask(ctx, engine.Order{ID: newID(), Kind: engine.Stop, By: a.user, Door: "signal", Reason: "interrupted"}); err != nil {
		a.say("the stop could not be ordered: %v; the host undoes by itself", err)
	}
}

// outcomeError is nil for an outcome that a script need not look at.
func outcomeError(r engine.Record) error {
	if codeOfOutcome(*r.Outcome) == exitDone {
		return nil
	}
	return errors.New(r.Text)
}

func (a *app) printRun(run string, r *engine.Record) error {
	if a.json {
		row := struct {
			Schema  int             `json:"schema"`
			ID      string          `json:"id"`
			Host    string          `json:"host,omitempty"`
			Attack  string          `json:"attack,omitempty"`
			Outcome *engine.Outcome `json:"result,omitempty"`
		}{Schema: schema, ID: run}
		if r != nil {
			row.Host, row.Attack, row.Outcome = r.Host, r.Attack, r.Outcome
		}
		return a.lines(row)
	}
	if r != nil {
		fmt.Fprintln(a.out, printable.Printable(r.Text))
	} else {
		fmt.Fprintln(a.out, run)
	}
	return nil
}

func splitParams(params []string) (map[string]string, error) {
	m := map[string]string{}
	for _, p := range params {
		key, value, found := strings.Cut(p, "=")
		if !found || key == "" {
			return nil, fmt.Errorf("--param %q: write it NAME=VALUE", p)
		}
		m[key] = value
	}
	return m, nil
}
