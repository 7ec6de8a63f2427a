package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

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
	if err := a.looks.check(); err != nil {
		return err
	}
	client := a.client()
	defer client.Close()
	_, err := client.Snapshot(ctx)
	if err == nil {
		_, err = a.show(ctx, client, true, a.ownScreen())
		return err
	}
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.ownConsole(ctx, opening{ssh: true}, func(e console, attached bool, s screen) (tui.Exit, error) {
		return a.show(ctx, e, attached, s)
	})
}

// showing is how a console is shown on an engine.
type showing func(e console, attached bool, s screen) (tui.Exit, error)

// ownConsole runs an engine of this process, and the console onto it: what runs when somebody leaves is undone, unless
// the terminal went away and the configuration lets it run.
func (a *app) ownConsole(ctx context.Context, o opening, show showing) error {
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
	o.log, o.socket = log, a.socketPath()
	h, err := open(context.WithoutCancel(ctx), a.world, g, a.dir(), o)
	if err != nil {
		return err
	}
	a.broken = h.broken
	exit, err := show(inHouse{h.engine, h.owner}, false, screen{g.config.UI, g.config.File})
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

// looks is what the flags of a console say about its screen.
type looks struct {
	theme    string
	ascii    bool
	readOnly bool
}

func (x *looks) flags(c *cobra.Command) {
	c.Flags().StringVar(&x.theme, "theme", "", "colours of the console: `NAME`, one of auto, "+strings.Join(tui.Themes(), ", "))
	c.Flags().BoolVar(&x.ascii, "ascii", false, "draw the console with ASCII characters alone")
	c.Flags().BoolVar(&x.readOnly, "read-only", false, "of all orders the console gives stop alone")
}

// check refuses a theme that is none.
func (x *looks) check() error {
	if err := tui.CheckTheme(x.theme); err != nil {
		return fail(exitUsage, fmt.Errorf("--%w%s", err, meant(x.theme, append(tui.Themes(), "auto"))))
	}
	return nil
}

// screen is what a configuration says about the console, and which one that is; the zero value is none.
type screen struct {
	config.UI
	file string
}

// ownScreen is the [ui] of the person's own configuration, if there is one: how a console looks is not the business
// of the engine that it shows. What is wrong there is said and left out, since nobody is to be kept from a console,
// and from its stop, by a typo in a colour.
func (a *app) ownScreen() screen {
	path, err := a.configPath()
	if err != nil {
		return screen{} // without one it works, too
	}
	ui, err := config.PeekUI(path, config.Disk(a.home))
	if err != nil && (a.configFile != "" || !errors.Is(err, fs.ErrPermission)) {
		a.say("left out of the console's settings:\n%v", err)
	}
	return screen{ui, path}
}

// options is how the console looks and what it does, by flags, environment and configuration, in this order. A theme
// that somebody has chosen for themselves is a wish for colour that NO_COLOR, which speaks to all programs, gives way to.
func (a *app) options(s screen) tui.Options {
	return tui.Options{
		Theme: a.theme(s), Plain: a.colourless(s), ASCII: a.plainGlyphs(s), Keys: s.Keys, Mouse: s.Mouse, SaveDir: s.SaveDir,
		ReadOnly: a.looks.readOnly || s.ReadOnly, Getenv: a.env, Command: strings.TrimSpace(a.again("")),
	}
}

func wished(theme string) bool { return theme != "" && theme != "auto" }

func (a *app) theme(s screen) string {
	switch theme := orElse(a.looks.theme, s.Theme); {
	case wished(theme):
		return theme
	case a.lightTerminal():
		return "light"
	}
	return "auto"
}

func (a *app) colourless(s screen) bool {
	switch {
	case a.noColor, a.env("TERM") == "dumb":
		return true
	case wished(a.looks.theme):
		return false
	case a.env("CHAOSCAT_NO_COLOR") != "":
		return true
	case wished(s.Theme) && s.file != config.SystemFile:
		return false
	}
	return a.env("NO_COLOR") != ""
}

func (a *app) plainGlyphs(s screen) bool {
	switch {
	case a.looks.ascii, s.Glyphs == config.ASCIIGlyphs:
		return true
	case s.Glyphs == config.UnicodeGlyphs:
		return false
	}
	return a.ascii()
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
		return errors.Join(left, a.notDelivered(err))
	case err != nil:
		return errors.Join(besidesTheStop(left), a.notDelivered(err))
	}
	return left
}

// notDelivered says what to do about a stop that has reached nobody.
func (a *app) notDelivered(why error) error {
	return fmt.Errorf("your STOP was not delivered: the engine did not confirm it\n  %w\n  from any shell: %s", why, a.again("stop"))
}

// besidesTheStop is what else the console says on leaving.
func besidesTheStop(left error) (others error) {
	joined, is := left.(interface{ Unwrap() []error }) // tui.Run joins
	if !is {
		return nil
	}
	for _, err := range joined.Unwrap() {
		if !errors.Is(err, tui.ErrStopNotDelivered) {
			others = errors.Join(others, err)
		}
	}
	return others
}

// show runs the console until somebody leaves it. Signals are caught here, since the console must restore
// the terminal before anything else happens.
func (a *app) show(ctx context.Context, c tui.Console, attached bool, s screen) (tui.Exit, error) {
	if attached {
		a.onlyLooks()
	}
	hangup, terminate := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(hangup)
	defer signal.Stop(terminate)
	o := a.options(s)
	o.Console, o.Attached, o.Hangup, o.Terminate = c, attached, hangup, terminate
	o.In, _ = a.in.(*os.File) // whoever is shown a console has a terminal
	o.Out, _ = a.out.(*os.File)
	o.Now, o.Wall, o.By, o.NewID, o.GameDay = a.now, time.Now, a.user, newID, a.day
	exit, err := tui.Run(a.life(ctx), o)
	if undelivered := errors.Is(err, tui.ErrStopNotDelivered); undelivered || exit == tui.StopThenQuit {
		err = a.stopOnLeaving(ctx, c, err, undelivered)
	}
	if err != nil {
		return exit, fmt.Errorf("the console: %w", err)
	}
	return exit, nil
}
