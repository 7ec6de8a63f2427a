package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/local"
)

// asker is an engine that takes orders: one behind the socket, or one of our own.
type asker interface {
	Ask(ctx context.Context, o engine.Order) (run string, err error)
	Watch(ctx context.Context) <-chan engine.Snapshot
	History(ctx context.Context, after uint64) ([]engine.Record, error)
}

// inHouse is an engine in this process. Whoever could start it may do everything with it; at the socket, the server
// asks the kernel who is there. The owner is called as at the other doors, where the configuration knows them.
type inHouse struct {
	*local.Engine
	owner control.Peer
}

// Ask gives the order with the role that a door in this process has.
func (e inHouse) Ask(ctx context.Context, o engine.Order) (run string, err error) {
	o.Role, o.Realm, o.Attacks, o.Named = engine.Admin, nil, nil, e.owner.Named
	if e.owner.Named {
		o.By = e.owner.Name
	}
	return e.Engine.Ask(ctx, o)
}

// Order is Ask for who does not need to know which run has begun.
func (e inHouse) Order(ctx context.Context, o engine.Order) error {
	_, err := e.Ask(ctx, o)
	return err
}

// withEngine gives f the running engine. With none running it opens one whose schedule stands still,
// under the same lock, journal and gates, and closes it afterwards.
func (a *app) withEngine(ctx context.Context, f func(asker) error) error {
	if err := a.askRunning(f); !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, f, false)
}

// withOwnEngine runs an engine for f. Where no host need be reached, keys and known hosts may be wrong.
func (a *app) withOwnEngine(ctx context.Context, f func(asker) error, reach bool) error {
	if a.served != nil {
		return control.ErrNoEngine // the one behind the door has ended
	}
	g, err := a.loadGraph(ctx)
	if err == nil {
		if err = g.connect(a.world); err != nil && !reach {
			g.carrier, err = outOfReach{err}, nil
		}
	}
	if err != nil {
		return fmt.Errorf("no engine is running, and none can be started for this: %w", err)
	}
	return a.withGraph(ctx, g, f)
}

// withGraph runs an engine whose schedule stands still, for f. The graph is connected, and closed afterwards.
func (a *app) withGraph(ctx context.Context, g *graph, f func(asker) error) error {
	defer g.carrier.Close()
	log := slog.New(slog.DiscardHandler)
	if a.verbose {
		log = a.logger(config.Log{Level: "debug"})
	}
	if err := g.askCalendars(ctx); err != nil {
		return err
	}
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), opening{log: log, socket: a.socketPath(), idle: "no schedule: started by a single command"})
	if err != nil {
		return err
	}
	return errors.Join(f(inHouse{h.engine, h.owner}), h.close(errors.New("the command is done")))
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
	return a.order("pause", "Schedule nothing, for a time or until resumed; what runs goes on", engine.PauseIt, "paused%.0s",
		func(c *cobra.Command, o *engine.Order) {
			c.Args = noSpan
			spanVar(c.Flags(), &o.For, "for", 0, "how long `D`, such as 2h (default: until resumed)")
		})
}

// noSpan takes no argument, and tells who writes how long without the flag, as in Slack, what was meant.
func noSpan(c *cobra.Command, args []string) error {
	if len(args) == 1 && (span{new(time.Duration)}).Set(args[0]) == nil {
		return fmt.Errorf("%s takes no argument; did you mean: %s --for %s", c.CommandPath(), c.CommandPath(), args[0])
	}
	return cobra.NoArgs(c, args)
}

func (a *app) excludeCommand() *cobra.Command {
	return a.order("exclude HOST", "Keep a host out; an attack on it is undone", engine.Exclude, "excluded %s", func(c *cobra.Command, o *engine.Order) {
		c.Args = oneArgument("the name of a host")
		spanVar(c.Flags(), &o.For, "for", 0, "how long `D`, such as 2h (default: until included)")
	})
}

func (a *app) includeCommand() *cobra.Command {
	return a.order("include HOST", "Let an excluded host back in", engine.Include, "included %s", func(c *cobra.Command, _ *engine.Order) {
		c.Args = oneArgument("the name of a host")
	})
}
