package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
)

// errTerminated is why an engine ends when its process is told to.
var errTerminated = errors.New("the process was told to end")

// runDaemon is the engine without a screen. TERM and INT undo what runs and end it; the schedule goes on
// with the next start.
func (a *app) runDaemon(ctx context.Context) error {
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return err
	}
	defer g.carrier.Close()
	log := a.logger(g.config.Log.Level)
	for _, notice := range g.notices {
		log.Info(notice)
	}
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), opening{log: log, socket: a.socketPath(), ssh: true})
	if err != nil {
		return err
	}
	a.notify(daemon.SdNotifyReady)
	log.Info("serving", "socket", a.socketPath(), "state", a.dir(), "dry_run", g.config.DryRun)
	select {
	case <-ctx.Done():
	case err := <-h.over:
		h.over <- nil
		return errors.Join(fmt.Errorf("the engine ended by itself: %w", err), h.close(errTerminated))
	}
	a.notify(daemon.SdNotifyStopping)
	return h.close(errTerminated)
}

// notify tells systemd, where systemd started us; elsewhere it does nothing.
func (a *app) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.say("systemd could not be told %q: %v", state, err)
	}
}
