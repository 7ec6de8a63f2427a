package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/tui"
)

// runConsole shows the console: on the engine that is running, else on one of its own.
func (a *app) runConsole(ctx context.Context) error {
	if !a.terminal() {
		if _, err := a.load(); err != nil {
			return err
		}
		return fail(exitUsage, errors.New("the console needs a terminal; headless: chaoscat --daemon; one look: chaoscat status"))
	}
	client := a.client()
	defer client.Close()
	_, err := client.Snapshot(ctx)
	if err == nil {
		_, err = a.show(ctx, client, true, a.uiOf(nil))
		return err
	}
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.ownConsole(ctx)
}

func (a *app) ownConsole(ctx context.Context) error {
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return err
	}
	defer g.carrier.Close()
	log, closeLog, err := logFile(a.dir())
	if err != nil {
		return err
	}
	defer closeLog()
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), opening{log: log, socket: a.socketPath()})
	if err != nil {
		return err
	}
	exit, err := a.show(ctx, inHouse{h.engine}, false, g.config.UI)
	a.farewell(h, exit)
	if exit == tui.Hangup && g.config.UI.OnHangup == config.LeaveOnHangup {
		h.letRun()
	}
	return errors.Join(err, h.close(errTerminated))
}

// farewell says why the prompt does not come back at once.
func (a *app) farewell(h *house, exit tui.Exit) {
	for _, r := range h.engine.Snapshot().Running {
		if exit != tui.Hangup {
			a.say("undoing %s on %s before leaving; its own guard undoes it anyway", r.Attack.Name, r.Host.Name)
		}
	}
}

// letRun waits until nothing runs any more.
func (h *house) letRun() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for s := range h.engine.Watch(ctx) {
		if len(s.Running) == 0 {
			return
		}
	}
}

func (a *app) uiOf(cfg *config.Config) config.UI {
	if cfg == nil {
		if loaded, err := a.load(); err == nil {
			return loaded.UI
		}
		return config.UI{}
	}
	return cfg.UI
}

// stopPatience is how long a person who leaves waits for an engine that may be gone.
const stopPatience = 5 * time.Second

// stopOnLeaving orders the stop that the console was left with: it has ordered it too, but may not have got
// through. What it says last is whether the stop was delivered.
func (a *app) stopOnLeaving(ctx context.Context, c tui.Console, left error, undelivered bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	err := c.Order(ctx, engine.Order{ID: newID(), Kind: engine.Stop, By: a.user, Door: "console", Reason: "stop and quit"})
	var crash *tui.Crash
	switch {
	case err == nil && errors.As(left, &crash):
		return fmt.Errorf("%w; on leaving it was", left)
	case err == nil && undelivered:
		return nil
	case err != nil && !undelivered:
		return errors.Join(left, fmt.Errorf("%w (%w)", tui.ErrStopNotDelivered, err))
	}
	return left
}

// show runs the console until somebody leaves it. Signals are caught here, since the console must restore
// the terminal before anything else happens.
func (a *app) show(ctx context.Context, c tui.Console, attached bool, ui config.UI) (tui.Exit, error) {
	hangup, terminate := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(hangup)
	defer signal.Stop(terminate)
	exit, err := tui.Run(context.WithoutCancel(ctx), tui.Options{
		Console: c, In: a.in, Out: a.out, Now: a.now, Wall: time.Now, By: a.user, NewID: newID, Attached: attached,
		Plain: a.noColor || a.plain(), ASCII: ui.ASCII || a.ascii(), Hangup: hangup, Terminate: terminate,
	})
	if undelivered := errors.Is(err, tui.ErrStopNotDelivered); undelivered || exit == tui.StopThenQuit {
		err = a.stopOnLeaving(ctx, c, err, undelivered)
	}
	if err != nil {
		return exit, fmt.Errorf("the console: %w", err)
	}
	return exit, nil
}
