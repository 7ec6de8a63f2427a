package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/inventory"
)

// A running daemon under another configuration. The new one is built and checked whole, beside the old one; then all
// of it is taken, or nothing.

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Have the daemon read its configuration anew", Args: cobra.NoArgs,
		Long: `reload has the running daemon read its configuration anew, as a HUP does, and says what came of it. It
is taken whole or not at all: with a mistake anywhere the old one holds, and every mistake is printed.

A fault that is on ends as it was begun, one that is not on yet is taken back. Every gate must answer
anew before anything else is attacked. Where an engine lives (state_dir, control.socket,
control.ssh_listen), and log.format, change with a restart only.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := control.NewClient(a.socketPath())
			defer client.Close()
			before, _ := client.Snapshot(cmd.Context()) // without one, what the reload says of the engine is enough
			if err := a.cameOf(client.Reload(cmd.Context())); err != nil {
				return err
			}
			after, err := client.Snapshot(cmd.Context())
			if err != nil {
				before, after = engine.Snapshot{}, engine.Snapshot{}
			}
			a.say("reloaded%s", turned(before.DryRun, after.DryRun))
			return nil
		},
	}
}

// cameOf says what came of a reload.
func (a *app) cameOf(err error) error {
	var not *control.NotTaken
	switch {
	case errors.As(err, &not) && strings.HasPrefix(not.Mistakes, unreadNow):
		return fail(exitUnexpected, fmt.Errorf("not taken, the old configuration holds:\n%s", onLines(not.Mistakes)))
	case errors.As(err, &not):
		return fail(exitConfig, fmt.Errorf("not taken, the old configuration holds:\n%s", onLines(not.Mistakes)))
	case errors.Is(err, control.ErrNoReload):
		return fail(exitRefused, fmt.Errorf("%w; end it and start it again", err))
	case errors.Is(err, control.ErrNoEngine):
		return fmt.Errorf("%w; if the configuration has another state_dir or control.socket than the engine began with, that one listens where it did until it is restarted", err)
	}
	return err
}

// turned says that attacks have become real, or are so no more.
func turned(was, is bool) string {
	switch {
	case was && !is:
		return "; DRY RUN IS OFF: attacks are real from now on"
	case !was && is:
		return "; dry run is on: nothing is attacked"
	}
	return ""
}

// onLines is what an engine elsewhere says on several lines, fit for a terminal.
func onLines(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = printable.Printable(line)
	}
	return strings.Join(all, "\n")
}

// wishes are the reloads that people ask for at the socket, one after the other.
type wishes chan wish

type wish struct {
	by   string
	done chan error
}

// wish asks for a reload and waits for what comes of it.
func (w wishes) wish(ctx context.Context, by string) error {
	mine := wish{by, make(chan error, 1)}
	select {
	case w <- mine:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-mine.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reloading is a daemon that can be given another configuration.
type reloading struct {
	*app
	house       *house
	log         *slog.Logger
	dir, socket string // where it lives
}

// reload takes the configuration as it is written now, or keeps the old one and says why: in the log, in the record and
// in every view.
func (r reloading) reload(ctx context.Context, by string) error {
	r.notifyReloading()
	defer r.notify(daemon.SdNotifyReady)
	next, others, err := r.prepare(ctx)
	real := ""
	if err == nil {
		real = turned(r.house.graph.Load().config.DryRun, next.config.DryRun)
		err = r.house.refit(next, others, "the configuration was reloaded by "+by+real, r.log)
	}
	switch {
	case err == nil:
		r.logLevel(next.config.Log.Level)
		r.log.Info("the configuration was reloaded"+real, "by", by, "file", next.config.File, "dry_run", next.config.DryRun)
	case ctx.Err() != nil || errors.Is(err, local.ErrEnded):
		return fmt.Errorf("not reloaded: chaoscat ends")
	default:
		r.keep(by, err)
	}
	return err
}

// keep says that the old configuration holds.
func (r reloading) keep(by string, why error) {
	said := strings.Split(why.Error(), "\n")
	for _, line := range said {
		r.log.Error("the configuration was not taken", "by", by, "mistake", line)
	}
	short, first := "the configuration was changed and not taken: "+counted(len(said), "mistake"), said[0]
	if inventory.Unread(why) {
		short, first = "the configuration was not taken: a source of the inventory, new or changed, cannot be read now", said[min(1, len(said)-1)]
	}
	short += "; the old one holds"
	r.house.engine.Keep(printable.Printable(short+"; by "+by+"; first: "+first), short)
}

// prepare builds everything that the configuration stands for now, and finds all that is wrong with it.
func (r reloading) prepare(ctx context.Context) (next *graph, others map[string]outlet, err error) {
	cfg, err := r.load()
	if err != nil {
		return nil, nil, err
	}
	if next, err = rebuild(ctx, r.world, cfg, r.house.graph.Load().inventory); err != nil {
		return nil, nil, err
	}
	if err := errors.Join(r.moved(next), next.checkPeople(r.world), next.connect(r.world)); err != nil {
		next.leave()
		return nil, nil, err
	}
	if others, err = r.house.others(next, r.world, r.log); err != nil {
		next.leave()
		return nil, nil, err
	}
	return next, others, nil
}

// moved is what cannot change while the engine runs.
func (r reloading) moved(next *graph) error {
	var wrong []config.Mistake
	for _, at := range []struct{ key, was, is string }{
		{"state_dir", r.dir, r.app.dir()},
		{"control.socket", r.socket, r.socketPath()},
		{"log.format", string(r.house.graph.Load().config.Log.Format), string(next.config.Log.Format)},
		{"control.ssh_listen", r.house.graph.Load().config.Control.SSHListen, next.config.Control.SSHListen},
	} {
		if at.was != at.is {
			m := next.config.Wrong(at.key, "changes from %q to %q, which a running engine cannot follow", at.was, at.is)
			m.Hint = "restart chaoscat for that, or take it back"
			wrong = append(wrong, m)
		}
	}
	return config.Collect(wrong)
}

// leave lets go of a graph that is not taken up.
func (g *graph) leave() {
	if g.carrier != nil {
		g.carrier.Close()
	}
}

// refit goes on under another configuration. Whatever brings news into the plan of the old one has ended before, so
// that none of it comes into the new one.
func (h *house) refit(next *graph, others map[string]outlet, text string, log *slog.Logger) error {
	h.unwatch()
	old := h.graph.Load()
	if !h.planner.replace(next.plan, func() bool {
		h.graph.Store(next) // first: no order comes to the new plan with the rights of the old one
		return h.engine.Refit(next.plan, text, next.fittings(true), old.carrier.Close)
	}) {
		h.graph.Store(old)
		next.leave()
		return local.ErrEnded
	}
	for _, notice := range next.notices {
		log.Info(notice)
	}
	h.watch(next, log)
	h.lodge(next, others)
	return nil
}
