package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/journal"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/printable"
)

func (a *app) stopCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "stop", Short: "Stop everything now: undo, prove it host by host, and stay stopped", Args: cobra.NoArgs,
		Long: `stop begins the undo of every attack at once, waits until every host is proven clean, prints a line
per host, and keeps chaoscat stopped, also over restarts, until somebody runs: chaoscat resume

With no engine running it undoes what the journal says may still be there, itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := engine.Order{ID: newID(), Kind: engine.Stop, By: a.user, Door: "command", Reason: reason}
			return a.stopAll(cmd.Context(), o)
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

// errEngineGone says that the engine has ended while we watched it: one that ran a single command does so
// as soon as its attack is over.
var errEngineGone = errors.New("the engine ended before every host was proven clean; run chaoscat stop again")

// stopAll orders the stop, and watches until every host is proven clean. If the engine ends meanwhile, one of
// our own takes over from its journal.
func (a *app) stopAll(ctx context.Context, o engine.Order) error {
	pending := map[string]engine.Run{}
	stop := func(e asker) error { return a.stop(ctx, e, o, pending) }
	err := a.withEngine(ctx, stop)
	for until := time.Now().Add(undoWithin); errors.Is(err, errEngineGone) || isLocked(err); {
		select {
		case <-time.After(200 * time.Millisecond): // it is letting go of its lock
		case <-ctx.Done():
			return err
		}
		if time.Now().After(until) {
			return err
		}
		err = a.withEngine(ctx, stop)
	}
	return err
}

func isLocked(err error) bool {
	var held *journal.LockedError
	return errors.As(err, &held)
}

// stop orders it first and looks afterwards: nothing may stand between the order and the hosts.
func (a *app) stop(ctx context.Context, e asker, o engine.Order, pending map[string]engine.Run) error {
	if _, err := e.Ask(ctx, o); err != nil {
		if errors.Is(err, local.ErrEnded) || errors.Is(err, control.ErrNoEngine) {
			return errEngineGone
		}
		return err
	}
	a.say("stopped; undoing what runs")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
			return fail(exitResidue, residueError(s))
		}
		if len(pending) == 0 {
			a.say("nothing runs any more; chaoscat resume lifts the stop")
			return nil
		}
	}
	return errEngineGone
}

// residueError says which hosts need a person, and why.
func residueError(s engine.Snapshot) error {
	lines := []error{fmt.Errorf("%d hosts need a person; look at them, then run: chaoscat sweep", len(s.Hosts.Residue))}
	for _, host := range sortedKeys(s.Hosts.Residue) {
		lines = append(lines, fmt.Errorf("  %s: %s", host, printable.Printable(s.Hosts.Residue[host].Text)))
	}
	return errors.Join(lines...)
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
		line := stopLine{Schema: schema, Host: r.Host.Name, ID: id, Attack: r.Attack.Name, Undo: "unknown", Text: "see chaoscat history"}
		for _, record := range s.Recent { // newest first
			if record.Run == id && record.Outcome != nil {
				line.Undo, line.Text = orNothing(record.Outcome.Undo), record.Text
				break
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
