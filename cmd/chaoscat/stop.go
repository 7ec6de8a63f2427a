package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
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

// stopAll orders the stop, and watches until every host is proven clean. With no engine, or one that ends
// meanwhile, the stop is latched on disk first, which needs no configuration and no host; then an engine of
// our own takes over from the journal.
func (a *app) stopAll(ctx context.Context, o engine.Order) error {
	pending := map[string]engine.Run{}
	stop := func(e asker) error { return a.stop(ctx, e, o, pending) }
	err := a.askRunning(stop)
	if a.served != nil {
		return err // the engine that ends undoes what runs; its directory is nobody else's
	}
	for until := time.Now().Add(undoWithin); ; a.pauseFor(ctx, 200*time.Millisecond) { // another engine may be letting go of its lock
		if !errors.Is(err, control.ErrNoEngine) && !errors.Is(err, errEngineGone) && !isLocked(err) {
			return err
		}
		if err := a.latch(o); err != nil {
			return err
		}
		if err = a.askRunning(stop); !errors.Is(err, control.ErrNoEngine) && time.Now().Before(until) {
			continue
		}
		if err = a.withOwnEngine(ctx, stop, true); err == nil || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		if !isLocked(err) && !errors.Is(err, errEngineGone) {
			return a.latchedOnly(err)
		}
	}
}

func (a *app) pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// askRunning gives f the engine behind the socket, without asking it anything first.
func (a *app) askRunning(f func(asker) error) error {
	client := a.client()
	defer client.Close()
	return f(client)
}

// latch puts the stop on disk, where every later engine finds it.
func (a *app) latch(o engine.Order) error {
	if err := os.MkdirAll(a.dir(), 0o700); err != nil {
		return fmt.Errorf("the stop could not be written to disk: %w", err)
	}
	latch := engine.Latch{At: a.now(), By: o.By, Door: o.Door, Reason: o.Reason}
	if err := journal.NewStopFile(a.dir(), nil).Set(latch); err != nil {
		return fmt.Errorf("the stop could not be written to disk: %w", err)
	}
	return nil
}

// latchedOnly is the end of a stop that nobody could carry to the hosts.
func (a *app) latchedOnly(err error) error {
	var coded *exit
	if errors.As(err, &coded) && coded.code == exitResidue {
		return err
	}
	latched := "the stop is latched: no engine attacks while " + filepath.Join(a.dir(), "stopped") + " is there"
	lifted := a.again("resume") + " lifts it"
	if errors.Is(err, config.ErrNotFound) {
		return fail(exitNoEngine, fmt.Errorf("%s\nno engine answered, and without a configuration no host was looked at; each undoes by its own guard\n%s, once there is a configuration", latched, lifted))
	}
	return fail(codeOf(err), fmt.Errorf("%s\nno host could be looked at; each undoes by its own guard\n%s\n%w", latched, lifted, err))
}

func isLocked(err error) bool {
	var held *journal.LockedError
	return errors.As(err, &held)
}

// stop orders it first and looks afterwards: nothing may stand between the order and the hosts.
func (a *app) stop(ctx context.Context, e asker, o engine.Order, pending map[string]engine.Run) error {
	if _, err := e.Ask(ctx, o); err != nil {
		if errors.Is(err, local.ErrEnded) {
			return errEngineGone
		}
		return err
	}
	a.say("stopped; undoing what runs")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := undoing{app: a, engine: e, order: o.ID, pending: pending, ended: map[string]engine.Record{}, told: map[string]bool{}}
	seen := false
	for s := range e.Watch(ctx) {
		if seen = seen || s.Stopped != nil; !seen {
			continue // a view from before the order
		}
		if err := w.look(ctx, s); err != nil {
			return err
		}
		if len(s.Hosts.Residue) > 0 && allResidue(s, pending) {
			return fail(exitResidue, a.residueError(s))
		}
		if len(pending) == 0 && !s.Sweeping {
			if s.Warning != "" {
				a.say("warning: %s", s.Warning)
			}
			a.say("nothing runs any more; %s lifts the stop", a.again("resume"))
			return nil
		}
	}
	return errEngineGone
}

// undoing prints a line for every run that a stop ends, from the record: of a thousand that end at once a view
// carries but the last few, and some may be over before the first view.
type undoing struct {
	*app
	engine  asker
	order   string                   // the stop
	record  *follower                // nil before the first look
	pending map[string]engine.Run    // seen running
	ended   map[string]engine.Record // ended since the stop
	told    map[string]bool          // runs of which it was said that they wait for their own host
}

func (w *undoing) look(ctx context.Context, s engine.Snapshot) error {
	if err := w.listen(ctx, s.LastSeq); err != nil {
		return err
	}
	running := map[string]bool{}
	for _, r := range s.Running {
		running[r.ID], w.pending[r.ID] = true, r
		w.waits(s, r)
	}
	over := map[string]stopLine{}
	for id, r := range w.pending {
		over[id] = stopLine{schema, r.Host.Name, id, r.Attack.Name, "unknown", "see chaoscat history"}
	}
	for id, r := range w.ended {
		over[id] = stopLine{schema, r.Host, id, r.Attack, orNothing(r.Outcome.Undo), r.Text}
	}
	for _, id := range sortedKeys(over) {
		if running[id] {
			continue // also one with an outcome may still have its host looked at
		}
		delete(w.pending, id)
		delete(w.ended, id)
		if err := w.printStopped(over[id]); err != nil {
			return err
		}
	}
	return nil
}

// lookBack is how many records before the newest a stop is looked for first: the whole record may be long.
const lookBack = 2000

// listen takes in the outcomes since the stop.
func (w *undoing) listen(ctx context.Context, last uint64) error {
	begins := w.record == nil
	if begins {
		w.record = &follower{w.engine, last - min(last, lookBack)}
	}
	news, err := w.record.news(ctx)
	if begins && err == nil {
		since := w.ordered(news)
		if since < 0 && last > lookBack {
			w.record.seen = 0
			news, err = w.record.news(ctx)
			since = w.ordered(news)
		}
		if news = news[max(0, since):]; since < 0 {
			news = nil
		}
	}
	for _, r := range news {
		if r.Kind == engine.Closed && r.Outcome != nil {
			w.ended[r.Run] = r
		}
	}
	return err
}

// ordered finds the stop among records.
func (w *undoing) ordered(records []engine.Record) int {
	return slices.IndexFunc(records, func(r engine.Record) bool {
		return r.Kind == engine.OrderGiven && r.Order != nil && r.Order.ID == w.order
	})
}

// waits says once of a host that cannot be reached by when it undoes by itself.
func (w *undoing) waits(s engine.Snapshot, r engine.Run) {
	if r.Phase != engine.Lost || r.Until.IsZero() || w.told[r.ID] {
		return
	}
	w.told[r.ID] = true
	if !r.Attack.Reversible {
		w.say("%s is out of reach, and nothing undoes %s; bring it back, then: %s", r.Host.Name, r.Attack.Name, w.again("sweep --host "+r.Host.Name))
		return
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.Local
	}
	w.say("%s is out of reach; its own guard undoes %s by %s at the latest", r.Host.Name, r.Attack.Name, r.Until.In(zone).Format("15:04:05 MST"))
}

// residueError says which hosts need a person, and why.
func (a *app) residueError(s engine.Snapshot) error {
	lines := []error{fmt.Errorf("to be looked at by a person, %s; then run: %s", counted(len(s.Hosts.Residue), "host"), a.again("sweep"))}
	for _, host := range sortedKeys(s.Hosts.Residue) {
		lines = append(lines, fmt.Errorf("  %s: %s", host, printable.Printable(s.Hosts.Residue[host].Text)))
	}
	return errors.Join(lines...)
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
