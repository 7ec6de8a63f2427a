package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/journal"
)

// gameDayOptions is how a game day is carried out.
type gameDayOptions struct {
	check     bool
	example   bool
	rehearsal bool
	yes       bool
	plain     bool
}

func (a *app) gameDayCommand() *cobra.Command {
	o := gameDayOptions{}
	c := &cobra.Command{
		Use: "gameday PLAN", Short: "Carry out a game-day plan, step by step",
		Long: `gameday runs the steps of a plan one after the other. Each is an attack with a hypothesis: it is shown, waits
for an approval or for its time, runs inside all gates and limits like any other order, is measured, and is
held against the gate that it names. At the end, or at any time with "report", there is a record of it all.

At a terminal it opens the console with the game day in its first pane, on the running engine if there is one, else
with one of its own whose schedule stands still: b, then y, begins a step, L leaves it out, i takes a note, z shows
all, s stops everything, q leaves: with the report when the game day is over, else with the commands that go on with
it and that end it. On an engine that was running already the schedule goes on beside the game day; chaoscat pause
holds it until chaoscat resume, and the report lists what else ran under "meanwhile". It goes line by line with --plain, --yes, --json or
--no-input and without a terminal: then y approves, s skips, q leaves, stop ends every attack at once, and a line of
several words is a note; where nobody can type it waits for: chaoscat gameday approve PLAN, or skip PLAN, from
anywhere. With --yes every step is approved by itself, so that only times are waited for; a step that is
refused then ends it, with exit code 4.

Everything is in the engine's journal. Started again after a crash, or after q, it goes on where it was, asks
before the next step whatever the plan says, and never repeats a step that has begun. The same holds when the engine
itself is started again. A stop holds it until somebody has resumed and approved.

Exit code: 6 if a host needs a person; else 5 if a hypothesis failed, or an attack failed or had no effect; else
7 if it was stopped or aborted; 4 if a step was refused and nobody was there to say more; else 0.`,
		Example: "  chaoscat gameday --example >plan.toml\n  chaoscat gameday plan.toml --check\n  chaoscat gameday plan.toml --dry-run\n  chaoscat gameday plan.toml\n  chaoscat gameday report plan.toml --json\n\n" +
			"  the plan of --example on the demo, from a second terminal:\n  chaoscat demo --daemon --at-once 10 --socket /tmp/demo.sock\n  chaoscat --socket /tmp/demo.sock gameday plan.toml",
		Args: func(cmd *cobra.Command, args []string) error {
			if o.example && len(args) == 0 {
				return nil
			}
			return onePlan(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.example {
				_, err := fmt.Fprint(a.out, config.ExampleGameDay)
				return err
			}
			return a.gameDay(cmd.Context(), args[0], o)
		},
	}
	c.Flags().BoolVar(&o.check, "check", false, "hold the plan against the configuration and the inventory, and run nothing")
	c.Flags().BoolVar(&o.example, "example", false, "print a plan to begin with")
	c.Flags().BoolVar(&o.rehearsal, "dry-run", false, "rehearse: draw, ask every gate, inject nothing")
	c.Flags().BoolVar(&o.yes, "yes", false, "approve every step; a time is still waited for")
	c.Flags().BoolVar(&o.plain, "plain", false, "line by line, also at a terminal")
	a.looks.flags(c)
	c.AddCommand(a.gameDayApproveCommand(), a.gameDaySkipCommand(), a.gameDayAbortCommand(), a.gameDayReportCommand())
	return c
}

var onePlan = oneArgument("the file of a game-day plan")

func (a *app) gameDayApproveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "approve PLAN", Short: "Let the step whose turn it is begin", Args: onePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.sayOfGameDay(cmd.Context(), args[0], a.askRunning, func(s gameday.Session) (engine.Order, error) { return s.Approve(), notWaiting(s) })
		},
	}
}

func (a *app) gameDaySkipCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "skip PLAN", Short: "Leave out the step whose turn it is", Args: onePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.sayOfGameDay(cmd.Context(), args[0], a.askRunning, func(s gameday.Session) (engine.Order, error) { return s.Skip(reason), notWaiting(s) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`WHY`, for the record")
	return c
}

func (a *app) gameDayAbortCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "abort PLAN", Short: "End a game day early; what runs is ended by: chaoscat stop", Args: onePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			abort := func(s gameday.Session) (engine.Order, error) { return s.Abort(reason), nil }
			err := a.sayOfGameDay(cmd.Context(), args[0], a.askRunning, abort)
			if errors.Is(err, control.ErrNoEngine) { // its console is gone, and will not take it up again
				err = a.sayOfGameDay(cmd.Context(), args[0], func(f func(asker) error) error { return a.withOwnEngine(cmd.Context(), f, false) }, abort)
			}
			return err
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`WHY`, for the record")
	return c
}

// notWaiting is why no step can be approved or skipped now; nil if one can.
func notWaiting(s gameday.Session) error {
	if _, ok := s.Waiting(); ok {
		return nil
	}
	if others := s.WaitsForOthers(); others != "" {
		return fail(exitRefused, fmt.Errorf("the step waits for other people: %s; chaoscat stop gives it up", others))
	}
	for i, p := range s.Steps {
		if p.State == gameday.Running || p.State == gameday.Done && p.Held == gameday.Unjudged {
			return fail(exitRefused, fmt.Errorf("step %d has begun and is not over yet; chaoscat stop ends it", i+1))
		}
	}
	return fail(exitRefused, errors.New("no step waits"))
}

// sayOfGameDay puts one note of a person about the unfinished session of a plan into the record. An approval needs an
// engine that runs: without one there is no console that could act on it.
func (a *app) sayOfGameDay(ctx context.Context, path string, with func(func(asker) error) error, note func(gameday.Session) (engine.Order, error)) error {
	plans, err := a.gameDayPlans(path)
	if err != nil {
		return err
	}
	return with(func(e asker) error {
		s, err := a.newestSession(ctx, e, plans)
		if err != nil {
			return err
		}
		if s.Begun.IsZero() || s.Over() {
			return fail(exitRefused, fmt.Errorf("no game day of this plan is under way; begin one with: chaoscat gameday %s", path))
		}
		o, err := note(s)
		if err != nil {
			return err
		}
		o.By, o.Door = a.user, "command"
		if _, err := e.Ask(ctx, o); err != nil {
			return err
		}
		_, said, _ := strings.Cut(o.Reason, "]: ")
		a.say("%s", said)
		return nil
	})
}

// loadGameDay reads a plan; what is wrong with it is said like the mistakes of a configuration.
func (a *app) loadGameDay(path string, rehearsal bool) (*config.GameDay, gameday.Plan, error) {
	written, err := config.LoadGameDay(path, config.Disk(a.home))
	if err != nil {
		return nil, gameday.Plan{}, a.mistakesIn(path, err)
	}
	plan, err := gameday.NewPlan(gameday.Plan{Name: written.Name, Steps: written.Steps, Rehearsal: rehearsal})
	return written, plan, fail(exitConfig, err)
}

// gameDayPlans are the two ways to carry out what a file says: for real, and as a rehearsal.
func (a *app) gameDayPlans(path string) (plans []gameday.Plan, err error) {
	for _, rehearsal := range []bool{false, true} {
		_, plan, err := a.loadGameDay(path, rehearsal)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// mistakesIn says all that is wrong with a plan. It is no mistake of the configuration, whose words do not fit.
func (a *app) mistakesIn(path string, errs ...error) error {
	var lines []string
	n := 0
	for _, err := range errs {
		switch {
		case err == nil:
			continue
		case errors.Is(err, config.ErrNotFound): // one, however much there is to say about it
			n++
		default:
			n += len(strings.Split(err.Error(), "\n"))
		}
		lines = append(lines, err.Error())
	}
	if n == 0 {
		return nil
	}
	return fail(exitConfig, fmt.Errorf("%s in the plan or in what it needs; nothing was started. Mend and run: %s --check\n%s",
		counted(n, "mistake"), a.again("gameday "+shellWord(path)), strings.Join(lines, "\n")))
}

// onDisk gives every record in the journal's files. Of a damaged one it tells all that can be read, then that it is
// damaged.
func (a *app) onDisk(take func(engine.Record)) error {
	return journal.Read(a.dir(), func(entry journal.Entry) error {
		for _, r := range entry.Records {
			take(r)
		}
		return nil
	})
}

// readable tells whether the files of that engine can be read here. They cannot where they belong to another
// installation, or to somebody else. Without an engine, they are all there is.
func (a *app) readable(e asker) bool {
	if e == nil {
		return true
	}
	if _, own := e.(inHouse); a.elsewhere() && !own {
		return false
	}
	enough := errors.New("one entry is enough")
	return !errors.Is(journal.Read(a.dir(), func(journal.Entry) error { return enough }), fs.ErrPermission)
}

// past gives every record there is to take: those on disk, then those that the engine has in memory. Without an
// engine, and where its files cannot be read, there is only the other half.
func (a *app) past(ctx context.Context, e asker, take func(engine.Record)) (seen uint64, err error) {
	tell := func(r engine.Record) {
		seen = max(seen, r.Seq)
		take(r)
	}
	if a.readable(e) {
		err := a.onDisk(tell)
		var corrupt *journal.CorruptError
		switch {
		case errors.As(err, &corrupt): // all that can be read has been told
			a.say("the journal is damaged, and what follows may not be all: %v", err)
		case err != nil:
			return seen, err
		}
	}
	if e == nil {
		return seen, nil
	}
	recent, err := e.History(ctx, seen)
	for _, r := range recent {
		tell(r)
	}
	return seen, err
}

// newestSession is the unfinished session of one of the plans, else the one that began last.
func (a *app) newestSession(ctx context.Context, e asker, plans []gameday.Plan) (newest gameday.Session, err error) {
	sessions := make([]gameday.Session, len(plans))
	for i, p := range plans {
		sessions[i].Plan = p
	}
	_, err = a.past(ctx, e, func(r engine.Record) {
		for i := range sessions {
			sessions[i].Take(r)
		}
	})
	for _, s := range sessions {
		better := newest.Begun.IsZero() || newest.Over() && !s.Over() || newest.Over() == s.Over() && s.Begun.After(newest.Begun)
		if !s.Begun.IsZero() && better {
			newest = s
		}
	}
	return newest, err
}

func (a *app) gameDayReportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "report PLAN", Short: "What was done and found, of the newest session of a plan", Args: onePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			plans, err := a.gameDayPlans(args[0])
			if err != nil {
				return err
			}
			var s gameday.Session
			zone := a.zone()
			err = a.askRunning(func(e asker) error {
				now, err := present(cmd.Context(), e)
				if err != nil {
					return err
				}
				if its, err := time.LoadLocation(now.Zone); now.Zone != "" && err == nil { // the schedule is that engine's
					zone = its
				}
				s, err = a.newestSession(cmd.Context(), e, plans)
				return err
			})
			if errors.Is(err, control.ErrNoEngine) && !a.elsewhere() {
				s, err = a.newestSession(cmd.Context(), nil, plans)
			}
			if err != nil {
				return err
			}
			if s.Begun.IsZero() {
				return fail(exitUsage, errors.New("the record has no session of this plan as it is now written"))
			}
			return a.reportGameDay(s, zone)
		},
	}
}
