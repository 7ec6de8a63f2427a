package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/printable"
)

func (a *app) runOnceCommand() *cobra.Command {
	o, params, wait, x := engine.Order{Kind: engine.RunOnce}, []string{}, false, aim{}
	c := &cobra.Command{
		Use: "run-once", Short: "Attack now, inside all gates, one host or several", Args: cobra.NoArgs,
		Long: `run-once attacks one host now, or several at once. What is left open is drawn: the hosts uniformly, the
attack by weight. Business hours, health, on-call, the limits of the blast radius and a stop hold as they
do for the schedule; its wait and a pause do not. With no engine running, the attack runs in the foreground.

Hosts are named with --host, or drawn: --group, --tag and --zone say among which, --count or --percent how
many. More than the limits of the plan allow is refused, with the numbers.

An attack that several people must want waits for them: exit 4, with the id that chaoscat approve takes. With
--wait, run-once waits for them too.

With --wait there is a line for each host as it ends. Where hosts end differently, the exit code is 6 if any
needs a person; else 5 if on any the attack failed, had no effect, or was refused while it ran on others;
else 7 if any was stopped; 4 if it was refused on all; else 0.`,
		Example: `  chaoscat run-once --wait
  chaoscat run-once --attack latency --host web-3 --param delay=300ms --wait
  chaoscat run-once --attack cpu --group web --count 3 --for 30s --wait
  chaoscat run-once --attack cpu --group role=web --zone eu-1 --percent 20`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Params, err = splitParams(params); err != nil {
				return fail(exitUsage, err)
			}
			if err := x.order(&o, cmd.Flags().Changed); err != nil {
				return fail(exitUsage, err)
			}
			o.ID, o.By, o.Door = newID(), a.user, "command"
			return a.runOnce(cmd.Context(), o, wait)
		},
	}
	c.Flags().StringVar(&o.Attack, "attack", "", "`NAME` of an attack of the plan (default: drawn by weight)")
	x.flags(c)
	spanVar(c.Flags(), &o.For, "for", 0, "how long `D` the fault is held (default: the plan's)")
	c.Flags().StringArrayVar(&params, "param", nil, "`K=V` instead of the plan's parameter; may be repeated")
	c.Flags().StringVar(&o.Reason, "reason", "", "`WHY`, for the record")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "draw, ask every gate, and say what would have run")
	c.Flags().BoolVar(&wait, "wait", false, "wait for every host's outcome (always so with no engine running)")
	return c
}

// runOnce asks the running engine, or is one for a single attack.
func (a *app) runOnce(ctx context.Context, o engine.Order, wait bool) error {
	err := a.askRunning(func(e asker) error { return a.attackThere(ctx, e, o, wait) })
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, func(e asker) error {
		if err := a.settleGates(ctx, e); err != nil {
			return err
		}
		return a.attackHere(ctx, e, o)
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

// attackHere has an engine of this process attack: an interrupt ends what it does.
func (a *app) attackHere(ctx context.Context, e asker, o engine.Order) error {
	stopped := context.AfterFunc(ctx, func() { a.stopBecause(e) }) // also while the gates are asked
	defer stopped()
	return a.attack(context.WithoutCancel(ctx), e, o, true)
}

// attackThere has a running engine attack. It serves others, too: an interrupt ends the waiting and nothing else.
func (a *app) attackThere(ctx context.Context, e asker, o engine.Order, wait bool) error {
	err := a.attack(ctx, e, o, wait)
	if errors.Is(err, errLeftWaiting) {
		return fail(exitUnexpected, err)
	}
	if ctx.Err() != nil && err != nil {
		return fail(exitUnexpected, fmt.Errorf("no longer waiting; what has begun goes on: %s ends everything that has an undo, %s tells how it went", a.again("stop"), a.again("history")))
	}
	return err
}

func (a *app) attack(ctx context.Context, e asker, o engine.Order, wait bool) error {
	watching, enough := context.WithCancel(ctx)
	defer enough()
	run, record, err := order(watching, e, o)
	if wait && waits(err) {
		run, record, err = a.waitForOthers(watching, e, o, record, err)
	}
	if err != nil {
		return err
	}
	p := newParts(run, func(r engine.Record) error { return a.printOutcome(run, r) })
	if !o.DryRun {
		news, err := record.news(watching)
		if err := errors.Join(err, p.hear(news)); err != nil {
			return err
		}
		a.say("%s", p.andItsEnd(a.again("stop")))
	}
	if !wait && !o.DryRun {
		return a.printBegun(run, p)
	}
	if err := a.await(watching, e, p, record); err != nil {
		return err
	}
	return a.concluded(p)
}

// order gives an order to attack, and follows the record from before it.
func order(ctx context.Context, e asker, o engine.Order) (run string, record follower, err error) {
	before, err := present(ctx, e)
	if err != nil {
		return "", follower{}, err
	}
	if err := misnamed(before, o); err != nil {
		return "", follower{}, err
	}
	run, err = e.Ask(ctx, o)
	return run, follower{engine: e, seen: before.LastSeq}, err
}

// present is the view that a watch begins with. A watch does not say why it does not begin, so somebody else is asked.
func present(ctx context.Context, e asker) (engine.Snapshot, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s, open := <-e.Watch(ctx); open {
		return s, nil
	}
	_, err := e.History(ctx, math.MaxUint64)
	if err == nil {
		err = control.ErrNoEngine
	}
	return engine.Snapshot{}, err
}

// await follows the parts until each has its outcome.
func (a *app) await(ctx context.Context, e asker, p *parts, record follower) error {
	for s := range e.Watch(ctx) {
		news, err := record.news(ctx)
		if err := errors.Join(err, p.hear(news)); err != nil {
			return err
		}
		if p.over() {
			return nil
		}
		// a view from before they began knows nothing of them
		if len(p.begun) > 0 && s.LastSeq >= p.latest && !p.running(s) && s.LastSeq <= record.seen {
			return fail(exitUnexpected, fmt.Errorf("an outcome is no longer in the engine's memory; see: chaoscat history --run %s", p.run))
		}
	}
	return fail(exitUnexpected, errors.New("the engine ended before the attack did; chaoscat stop looks for what is left"))
}

// concluded says how it went, and ends with the code for it.
func (a *app) concluded(p *parts) error {
	code := codeOfOutcomes(p.outcomes())
	if len(p.begun) == 1 {
		return fail(code, outcomeError(p.ended[p.begun[0]]))
	}
	if code != exitDone {
		return fail(code, errors.New(p.summary()))
	}
	a.say("%s", p.summary())
	return nil
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

// ranShape is one host of a run-once: an id of its own, and the run that it is part of.
type ranShape struct {
	Schema  int             `json:"schema"`
	ID      string          `json:"id"`
	Run     string          `json:"run"`
	Host    string          `json:"host,omitempty"`
	Attack  string          `json:"attack,omitempty"`
	Outcome *engine.Outcome `json:"result,omitempty"`
}

func (a *app) printOutcome(run string, r engine.Record) error {
	if a.json {
		return a.lines(ranShape{schema, r.Run, run, r.Host, r.Attack, r.Outcome})
	}
	_, err := fmt.Fprintln(a.out, printable.Printable(r.Text))
	return err
}

// printBegun is all there is to say without waiting: the id, or as JSON every host with its own.
func (a *app) printBegun(run string, p *parts) error {
	if !a.json {
		_, err := fmt.Fprintln(a.out, run)
		return err
	}
	for _, id := range p.begun {
		r := p.host[id]
		if err := a.lines(ranShape{schema, id, run, r.Host, r.Attack, nil}); err != nil {
			return err
		}
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
