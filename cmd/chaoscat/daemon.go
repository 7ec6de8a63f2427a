package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
)

// errTerminated is why an engine ends when its process is told to.
var errTerminated = errors.New("the process was told to end")

// runDaemon is the engine without a screen. TERM and INT undo what runs and end it; the schedule goes on
// with the next start. HUP reads the configuration anew.
func (a *app) runDaemon(ctx context.Context) error {
	hangup := make(chan os.Signal, 1) // from here on no HUP ends the process, and one that comes early is not lost
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return err
	}
	log := a.logger(g.config.Log)
	for _, notice := range g.notices {
		log.Info(notice)
	}
	wishes, dog := make(wishes), a.watchdog()
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), opening{
		log: log, socket: a.socketPath(), ssh: true, reload: wishes.wish, beat: dog.beat, beatEvery: dog.every,
	})
	if err != nil {
		g.carrier.Close()
		return err
	}
	defer func() { h.graph.Load().carrier.Close() }()
	told, untold := context.WithCancel(context.WithoutCancel(ctx))
	defer untold()
	a.notify(daemon.SdNotifyReady)
	go dog.report(told, h.engine.Watch(told), a.notify)
	log.Info("serving", "socket", a.socketPath(), "state", a.dir(), "dry_run", g.config.DryRun, "attacks", reality(g.config.DryRun))
	return a.serve(ctx, h, hangup, wishes, log)
}

// reality says, for whoever reads the log, what an attack is here.
func reality(dry bool) string {
	if dry {
		return "dry run: nothing is attacked"
	}
	return "attacks are real"
}

// serve does what is asked of a running daemon, one thing after the other, until it is told to end.
func (a *app) serve(ctx context.Context, h *house, hangup <-chan os.Signal, wishes wishes, log *slog.Logger) error {
	r := reloading{app: a, house: h, log: log, dir: a.dir(), socket: a.socketPath()}
	defer context.AfterFunc(ctx, func() { h.end(errTerminated) })() // also in the middle of a reload
	for {
		select {
		case <-ctx.Done():
			a.notify(daemon.SdNotifyStopping)
			return h.close(errTerminated)
		case err := <-h.over:
			if ctx.Err() != nil { // it has ended as it was told to, during a reload
				h.over <- err
				continue
			}
			h.over <- nil
			return errors.Join(fmt.Errorf("the engine ended by itself: %w", err), h.close(errTerminated))
		case <-hangup:
			_ = r.reload(ctx, "HUP") // logged
		case w := <-wishes:
			w.done <- r.reload(ctx, w.by)
		}
	}
}
