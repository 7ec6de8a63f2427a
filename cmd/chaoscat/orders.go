package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// asker is an engine that takes orders: one behind the socket, or one of our own.
type asker interface {
	Ask(ctx context.Context, o engine.Order) (run string, err error)
	Watch(ctx context.Context) <-chan engine.Snapshot
}

// withEngine gives f the running engine. With none running it opens one whose schedule stands still,
// under the same lock, journal and gates, and closes it afterwards.
func (a *app) withEngine(ctx context.Context, f func(asker) error) error {
	client := a.client()
	defer client.Close()
	_, err := client.Snapshot(ctx)
	if err == nil {
		return f(client)
	}
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, f)
}

func (a *app) withOwnEngine(ctx context.Context, f func(asker) error) error {
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return fmt.Errorf("no engine is running, and none can be started for this: %w", err)
	}
	defer g.carrier.Close()
	log := slog.New(slog.DiscardHandler)
	if a.verbose {
		log = a.logger("debug")
	}
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), opening{log: log, socket: a.socketPath(), idle: "no schedule: started by a single command"})
	if err != nil {
		return err
	}
	return errors.Join(f(h.engine), h.close(errors.New("the command is done")))
}

// order is a command that hands over one order and says that it was carried out.
func (a *app) order(use, short string, kind engine.OrderKind, done string, more func(*cobra.Command, *engine.Order)) *cobra.Command {
	o := engine.Order{Kind: kind}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID, o.By, o.Door = newID(), a.user, "command"
			if len(args) > 0 {
				o.Host = args[0]
			}
			return a.withEngine(cmd.Context(), func(e asker) error {
				if _, err := e.Ask(cmd.Context(), o); err != nil {
					return err
				}
				a.say(done, o.Host)
				return nil
			})
		},
	}
	c.Flags().StringVar(&o.Reason, "reason", "", "`WHY`, for the record")
	if more != nil {
		more(c, &o)
	}
	return c
}

func (a *app) resumeCommand() *cobra.Command {
	return a.order("resume", "Lift a stop and a pause", engine.Resume, "resumed%.0s", nil)
}

func (a *app) skipCommand() *cobra.Command {
	return a.order("skip", "Skip the drawn attack and draw again", engine.Skip, "skipped%.0s", nil)
}

func (a *app) pauseCommand() *cobra.Command {
	return a.order("pause", "Start no attack on schedule, for a time or until resumed; what runs goes on", engine.PauseIt, "paused%.0s",
		func(c *cobra.Command, o *engine.Order) {
			c.Flags().DurationVar(&o.For, "for", 0, "how long `D`, such as 2h (default: until resumed)")
		})
}

func (a *app) excludeCommand() *cobra.Command {
	return a.order("exclude HOST", "Keep a host out; an attack on it is undone", engine.Exclude, "excluded %s", func(c *cobra.Command, o *engine.Order) {
		c.Args = cobra.ExactArgs(1)
		c.Flags().DurationVar(&o.For, "for", 0, "how long `D`, such as 2h (default: until included)")
	})
}

func (a *app) includeCommand() *cobra.Command {
	return a.order("include HOST", "Let an excluded host back in", engine.Include, "included %s", func(c *cobra.Command, _ *engine.Order) {
		c.Args = cobra.ExactArgs(1)
	})
}

func (a *app) stopCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "stop", Short: "Stop everything now: undo, prove it host by host, and stay stopped", Args: cobra.NoArgs,
		Long: `stop begins the undo of every attack at once, waits until every host is proven clean, prints a line
per host, and keeps chaoscat stopped, also over restarts, until somebody runs: chaoscat resume

With no engine running it undoes what the journal says may still be there, itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := engine.Order{ID: newID(), Kind: engine.Stop, By: a.user, Door: "command", Reason: reason}
			return a.withEngine(cmd.Context(), func(e asker) error { return a.stop(cmd.Context(), e, o) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`WHY`, for the record")
	return c
}

type stopLine struct {
	Schema int    `json:"schema"`
	Host   string `json:"host"`
	ID     string `json:"id,omitempty"`
	Attack string `json:"attack,omitempty"`
	Undo   string `json:"undo"`
	Text   string `json:"text,omitempty"`
}

// stop orders it first and looks afterwards: nothing may stand between the order and the hosts.
func (a *app) stop(ctx context.Context, e asker, o engine.Order) error {
	if _, err := e.Ask(ctx, o); err != nil {
		return err
	}
	a.say("stopped; undoing what runs")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pending := map[string]engine.Run{}
	for s := range e.Watch(ctx) {
		if s.Stopped == nil {
			continue // a view from before the order
		}
		for _, r := range s.Running {
			pending[r.ID] = r
		}
		if err := a.reportUndone(s, pending); err != nil {
			return err
		}
		if len(s.Hosts.Residue) > 0 && allResidue(s, pending) {
			return fail(exitResidue, fmt.Errorf("%d hosts need a person; look at them, then run: chaoscat sweep", len(s.Hosts.Residue)))
		}
		if len(pending) == 0 {
			a.say("nothing runs any more; chaoscat resume lifts the stop")
			return nil
		}
	}
	return fail(exitUnexpected, errors.New("the engine ended before every host was proven clean; run chaoscat stop again"))
}

// reportUndone prints a line for every run that is over.
func (a *app) reportUndone(s engine.Snapshot, pending map[string]engine.Run) error {
	running := map[string]bool{}
	for _, r := range s.Running {
		running[r.ID] = true
	}
	for id, r := range pending {
		if running[id] {
			continue
		}
		delete(pending, id)
		line := stopLine{Schema: schema, Host: r.Host.Name, ID: id, Attack: r.Attack.Name, Undo: string(engine.Restored)}
		for _, record := range s.Recent {
			if record.Run == id && record.Outcome != nil {
				line.Undo, line.Text = orNothing(record.Outcome.Undo), record.Text
			}
		}
		if err := a.printStopped(line); err != nil {
			return err
		}
	}
	return nil
}

func orNothing(u engine.Undo) string {
	if u == "" {
		return "nothing was applied"
	}
	return string(u)
}

func (a *app) printStopped(l stopLine) error {
	if a.json {
		return a.lines(l)
	}
	fmt.Fprintf(a.out, "%s: %s (%s)\n", l.Host, l.Undo, printable.Printable(l.Text))
	return nil
}

// allResidue tells whether everything that is still pending waits for a person.
func allResidue(s engine.Snapshot, pending map[string]engine.Run) bool {
	for _, r := range pending {
		if _, left := s.Hosts.Residue[r.Host.Name]; !left {
			return false
		}
	}
	return true
}

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
	client := a.client()
	defer client.Close()
	if _, err := client.Snapshot(ctx); err == nil {
		return a.attack(ctx, client, o, wait)
	} else if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, func(e asker) error {
		if err := a.settleGates(ctx, e); err != nil {
			return err
		}
		return a.attack(ctx, e, o, true)
	})
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
	run, err := e.Ask(ctx, o)
	if err != nil {
		return err
	}
	if !o.DryRun {
		a.say("%s has begun; chaoscat stop ends it", run)
	}
	if !wait && !o.DryRun {
		return a.printRun(run, nil)
	}
	stopped := context.AfterFunc(ctx, func() { a.stopBecause(e) })
	defer stopped()
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
