package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
	_ "github.com/chaoscat/chaoscat/tui/terminal" // first, so that nobody queries the terminal
)

// Console is an engine as a screen sees it: in this process, behind a socket, or anywhere else. All three
// methods may be called from several goroutines at once.
type Console interface {
	// Watch delivers snapshots, newest wins. The channel is closed when the link is lost or ctx is done;
	// watching may then be tried again.
	Watch(ctx context.Context) <-chan engine.Snapshot
	// History returns records with a higher sequence number than after, oldest first. It may return fewer
	// than there are, but never none while there are some.
	History(ctx context.Context, after uint64) ([]engine.Record, error)
	// Order carries an order to the engine. A refusal is an error whose text is the verdict's sentence. An
	// order that is repeated with the same id is carried out once.
	Order(ctx context.Context, o engine.Order) error
}

// Exit is how a person left the console, and so what the caller owes the hosts.
type Exit int

// The exits, the one that asks most of the caller first.
const (
	Terminated   Exit = iota // asked to end from outside, or by a failure: stop, undo, leave
	Hangup                   // the terminal is gone: do what is configured for that
	StopThenQuit             // the person wants everything undone before the program ends
	Quit                     // the person is done; what runs may go on if it runs elsewhere
)

func (e Exit) String() string {
	return [...]string{"terminated", "hangup", "stop then quit", "quit"}[e]
}

// Options is all the console needs of the world.
type Options struct {
	Console Console
	In, Out *os.File         // both must be terminals
	Remote  *Remote          // the terminal instead of these two, if there is one
	Now     func() time.Time // the engine's clock, for what is shown; safe for concurrent use
	// Wall is the clock of the person at the keyboard: how quickly keys follow each other, how long a message
	// stays. It differs from Now where the engine lives in a time of its own. Without it, Now serves.
	Wall func() time.Time
	By   string // the person who gives the orders
	// NewID makes order ids that no other console makes. Without it, ids are made of By, the time and a count.
	NewID    func() string
	Attached bool // the engine runs in another process and outlives this console
	Plain    bool // neither colour nor bold nor reverse: NO_COLOR, --no-color, TERM=dumb
	ASCII    bool // no character above 126: the locale is not UTF-8, or counts signs as two columns wide
	ReadOnly bool // of all orders only stop is given from here
	// Theme is one of [Themes], or empty; see [CheckTheme].
	Theme string
	// Keys gives actions other keys than their own: "skip" = "K", several separated by blanks. See [CheckKeys];
	// stop only gains keys.
	Keys  map[string]string
	Mouse bool // the mouse is on from the start; m switches it
	// SaveDir is where a pane is written to; empty is the working directory, and [NoFiles] writes nothing.
	SaveDir string
	// Getenv reads the environment of whoever sits at the terminal, to know whether tmux or screen stands between:
	// TMUX, STY and TERM. Nil knows of neither.
	Getenv func(string) string
	// Command is how the program is called in a shell so that it means the same engine; empty is chaoscat.
	Command string
	// GameDay is a plan to carry out; nil where there is none.
	GameDay *GameDay
	// Hangup and Terminate pass on the signals that the caller caught; nil where there are none. The
	// console itself handles no signal.
	Hangup    <-chan os.Signal
	Terminate <-chan os.Signal
}

// ErrStopNotDelivered is the error of [Run] when the person ordered a stop that the engine never confirmed. The
// caller tries once more or tells the person; the hosts undo their faults by their own guards either way.
var ErrStopNotDelivered = errors.New("your STOP was not delivered: the engine did not confirm it; from any shell: chaoscat stop")

// Crash is a panic in one of the console's goroutines, after the terminal was put back.
type Crash struct {
	Doing string
	Value any
	Stack []byte
}

func (c *Crash) Error() string {
	return fmt.Sprintf("the console broke while %s: %v", c.Doing, c.Value)
}

// framesPerSecond is how often Bubble Tea looks whether there is something to paint. There seldom is, since the outlet
// paints what has changed when it changes; each look wakes the machine up several times.
const framesPerSecond = 5

// drainFor is how long leaving waits for a terminal that takes no output.
const drainFor = time.Second

// Run shows the console until the person quits, a signal arrives or ctx is done, and leaves the terminal
// as it was, whatever happened. The error is nil for every exit that somebody chose; it is a [*Crash]
// after a panic, the cause of ctx when ctx ended it, and it wraps [ErrStopNotDelivered], whatever the exit,
// while a stop is ordered and not confirmed. A caller whose own goroutine panics cancels ctx,
// waits for Run and may then print.
//
// After [StopThenQuit] the stop has been ordered already, unless the engine could not be reached; to order
// it again is harmless.
func Run(ctx context.Context, o Options) (Exit, error) {
	if err := errors.Join(o.usable(), CheckKeys(o.Keys), CheckTheme(o.Theme)); err != nil {
		return Terminated, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutlet(o.screen())
	end := &ending{}
	m := newRoot(ctx, o, end, out.caughtUp)
	m.suspend = suspension{ctx, out}.cmd
	m.paint = out.paint
	m.clip = func(sequence string) { _, _ = out.Write([]byte(sequence)) }
	p := tea.NewProgram(m, tea.WithInput(newInlet(o.keyboard(end.hungUp), time.Now)), tea.WithOutput(out.asTerminal()), tea.WithAltScreen(),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
	// Quitting waits for the reader of the keyboard, killing closes its file under its hands.
	end.quit = func() { go p.Quit(); time.AfterFunc(drainFor, p.Kill) }
	var started sync.WaitGroup
	started.Go(func() { m.feed.run(ctx) })
	started.Go(func() { end.await(ctx, o, out.gone) })
	started.Go(func() { o.Remote.follow(ctx, p) })
	_, err := p.Run()
	m.day.handBack()
	end.note(m.exit, lost(err))
	cancel()
	out.close(drainFor)
	waitFor(started.Wait, drainFor)
	return end.exit, errors.Join(end.err, m.delivery.undelivered())
}

// waitFor waits for what should end, but not for ever: an engine that does not let go of a call must not
// keep its caller from undoing what runs.
func waitFor(end func(), patience time.Duration) {
	done := make(chan struct{})
	go func() { end(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// lost is what an error of Bubble Tea means: a terminal that can no longer be read is a hang-up.
func lost(err error) error {
	if errors.Is(err, syscall.EIO) {
		return errHangup
	}
	return err
}

var errHangup = errors.New("the terminal is gone")

// ending keeps the first reason to leave.
type ending struct {
	once sync.Once
	quit func() // does not wait: it may be called from the event loop that it ends
	exit Exit
	err  error
}

func (e *ending) note(exit Exit, err error) {
	e.once.Do(func() {
		e.exit, e.err = exit, err
		switch {
		case errors.Is(err, errHangup):
			e.exit, e.err = Hangup, nil
		case err != nil:
			e.exit = Terminated
		}
	})
}

// leave notes the reason and takes the program down; the terminal is restored on its way out.
func (e *ending) leave(exit Exit, err error) {
	e.note(exit, err)
	e.quit()
}

// hungUp leaves because nobody is at the terminal any more.
func (e *ending) hungUp() { e.leave(Hangup, nil) }

// guard turns a panic of the goroutine it is deferred in into a way out.
func (e *ending) guard(doing string) {
	if v := recover(); v != nil {
		e.leave(Terminated, &Crash{Doing: doing, Value: v, Stack: debug.Stack()})
	}
}

// await ends the program for reasons that do not come through the keyboard.
func (e *ending) await(ctx context.Context, o Options, gone <-chan struct{}) {
	select {
	case <-o.Hangup:
		e.leave(Hangup, nil)
	case <-gone:
		e.leave(Hangup, nil)
	case <-o.Terminate:
		e.leave(Terminated, nil)
	case <-ctx.Done():
		e.leave(Terminated, context.Cause(ctx))
	}
}
