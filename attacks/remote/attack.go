package remote

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// attack is one run in flight. The goroutine that called [Carrier.Attack] owns it.
type attack struct {
	c    *Carrier
	run  engine.Run
	def  attacks.Definition
	wire map[string]string
	tell func(engine.Advanced)
	halt context.Context // ends, with a [halted], when the fault must go

	*visit
	g       *guard
	boot    string    // the host's boot id when it was armed
	lease   int       // seconds; 0 for a fault that may cut its own control path
	ttl     int       // seconds after go by which the host has undone by itself
	began   time.Time // real time of go
	facts   *engine.Facts
	applied bool

	figures  engine.Figures
	expect   attacks.Expect // of the measurement before, which knows how much room there is
	rebooted rebooted
}

// halted is the cause of a stop: "stop", "window", "gate ...", "shutdown".
type halted string

func (h halted) Error() string { return "told to end: " + string(h) }

// refusal is a host's no, before anything was applied.
type refusal struct {
	effect engine.Effect
	text   string
}

func (r *refusal) Error() string { return r.text }

// Attack carries one attack to its host and back, and returns when the host has been left as the outcome
// says. A cause received from stop, or the end of ctx, ends it early, in whichever phase it is; the undo
// that follows has time limits of its own and does not depend on ctx. tell hears of every phase, line of
// everything the host prints, harmless and one call at a time; neither is called after the return.
func (c *Carrier) Attack(ctx context.Context, run engine.Run, stop <-chan string, tell func(engine.Advanced), line func(text string)) engine.Outcome {
	ctx, end := c.begin(ctx)
	defer end()
	halt, release := listen(ctx, stop)
	defer release()
	a := &attack{c: c, run: run, tell: tell, halt: halt}
	a.figures.Name, a.figures.Unit = c.defs[run.Attack.Kind].Figure.Name, c.defs[run.Attack.Kind].Figure.Unit
	var one sync.Mutex
	out := a.carry(func(text string) {
		one.Lock()
		defer one.Unlock()
		line(text)
	})
	out.At, out.Facts = c.Clock.Now(), a.facts
	out.Detail = printable.Printable(out.Detail)
	return out
}

// listen turns the two ways to be told to end into one. It takes in every further cause, so that nobody
// waits to give one.
func listen(ctx context.Context, stop <-chan string) (context.Context, func()) {
	halt, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ended := ctx.Done()
		for {
			select {
			case cause, more := <-stop:
				if !more {
					cause, stop = "stop", nil
				}
				cancel(halted(first(cause, "stop")))
			case <-ended:
				ended = nil
				cancel(halted("shutdown"))
			case <-over:
				return
			}
		}
	}()
	return halt, func() {
		close(over)
		<-done
		cancel(nil)
	}
}

func (a *attack) carry(show func(string)) engine.Outcome {
	err := a.check()
	if err == nil {
		err = a.approach(show)
	}
	if err != nil {
		return a.turnBack(err)
	}
	cause, detail := a.apply()
	return a.finish(cause, detail)
}

// check refuses what no host need be asked about.
func (a *attack) check() error {
	if !nameShape.MatchString(a.run.ID) {
		return &refusal{engine.Refused, fmt.Sprintf("%q is not the id of a run", a.run.ID)}
	}
	if a.run.For < time.Second {
		return &refusal{engine.Refused, fmt.Sprintf("the attack lasts %s: at least 1s", a.run.For)}
	}
	var err error
	if a.def, a.wire, err = a.c.define(a.run.Attack); err != nil {
		return &refusal{engine.Infeasible, err.Error()}
	}
	a.lease = seconds(a.c.Lease)
	if a.cuts() {
		a.lease = 0
	}
	a.ttl = seconds(a.run.For + a.c.pace.grace)
	if a.def.Supervised {
		a.ttl = seconds(a.limit())
	}
	return nil
}

// seconds rounds up: a host is never told to be faster than the operator said.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// cuts tells whether the operator has given the control path up for the time of the fault.
func (a *attack) cuts() bool {
	lifeline, set := a.wire["lifeline"]
	return set && slices.Contains([]string{"0", "false"}, lifeline)
}

// approach is everything before the fault. When it returns nil, the host is armed and measured.
func (a *attack) approach(show func(string)) (err error) {
	a.phase(engine.Connecting, "")
	if a.visit, err = a.c.visit(a.halt, a.run.Host, show); err != nil {
		return err
	}
	a.phase(engine.Inspecting, "")
	if err := a.look(); err != nil {
		return err
	}
	a.phase(engine.Arming, "")
	if err := a.arm(); err != nil {
		return err
	}
	a.measureBefore()
	return a.standing()
}

// measureBefore takes the figure to compare with. Without one the attack goes on and is unverifiable; with
// a boot id to compare, there is nothing to measure.
func (a *attack) measureBefore() {
	if a.def.Supervised {
		return
	}
	a.phase(engine.Measuring, "")
	ctx, cancel := context.WithTimeout(a.halt, goWithin)
	defer cancel()
	if f, err := a.measure(ctx); err == nil {
		a.figures.Before, a.expect = f.value, f.expect
		a.report()
	}
}

// standing is why the fault may not be switched on after all: told to end, or the guard has gone.
func (a *attack) standing() error {
	select {
	case <-a.halt.Done():
		return context.Cause(a.halt)
	case <-a.link.gone:
		return a.link.lost()
	case <-a.g.undoing:
		return fmt.Errorf("the guard on %s gave up before the fault was switched on: %s", a.host.Name, a.g.why())
	case <-a.g.exited:
		return fmt.Errorf("the guard on %s %s before the fault was switched on", a.host.Name, a.g.exit)
	default:
		return nil
	}
}

// look asks what the host is, whether it can, and whether it is free.
func (a *attack) look() error {
	f, err := a.inspect(a.halt, []engine.Attack{a.run.Attack})
	if err != nil {
		return err
	}
	facts := f.Facts(a.c.Clock.Now())
	a.facts = &facts
	if why, no := f.infeasible[a.run.Attack.Name]; no {
		return &refusal{engine.Infeasible, why}
	}
	if f.busy != "" {
		return &refusal{engine.Refused, a.host.Name + " is busy: " + f.busy}
	}
	return nil
}

// arm has the host take the undo, before there is anything to undo.
func (a *attack) arm() (err error) {
	head := append([]field{
		{"id", a.run.ID}, {"kind", a.run.Attack.Kind},
		{"ttl", strconv.Itoa(a.ttl)}, {"hold", strconv.Itoa(seconds(a.run.For))},
		{"lease", strconv.Itoa(a.lease)}, {"supervised", flag(a.def.Supervised)},
	}, fields(a.wire)...)
	if a.g, err = a.guard(a.halt, head); err != nil {
		return err
	}
	timer := time.NewTimer(a.c.CommandTimeout)
	defer timer.Stop()
	select {
	case first := <-a.g.armed:
		return a.heedArmed(first)
	case <-a.g.ended:
	case <-timer.C:
		return fmt.Errorf("the guard on %s did not arm within %s", a.host.Name, a.c.CommandTimeout)
	case <-a.halt.Done():
		return context.Cause(a.halt)
	}
	select {
	case first := <-a.g.armed:
		return a.heedArmed(first)
	default:
		return a.g.ear.verdict(a.host.Name, "guard", a.g.exit)
	}
}

func (a *attack) heedArmed(said answer) error {
	switch said.word {
	case "armed":
	case "busy":
		a.facts.Busy = said.rest
		return &refusal{engine.Refused, a.host.Name + " is busy: " + said.rest}
	case "infeasible":
		a.facts.Infeasible = map[string]string{a.run.Attack.Name: said.rest}
		return &refusal{engine.Infeasible, said.rest}
	default:
		return &refusal{engine.Refused, said.rest}
	}
	g := &engine.Guard{Lease: time.Duration(a.lease) * time.Second, Deadline: time.Duration(a.ttl) * time.Second}
	g.Layers, a.boot = layers(said.rest)
	a.tell(engine.Advanced{Run: a.run.ID, Phase: engine.Arming, Guard: g, Text: "armed: " + strings.Join(g.Layers, ", ")})
	if a.lease > 0 {
		every := a.c.Clock.Real(g.Lease) / 3
		a.link.run(func() { a.g.renew(max(every, time.Millisecond)) })
	}
	return nil
}

// apply switches the fault on and keeps it for its time. It returns why it must go.
func (a *attack) apply() (cause, detail string) {
	a.phase(engine.Injecting, "")
	a.link.deaf.Store(a.cuts())
	a.applied, a.began = true, time.Now()
	send := func() (struct{}, error) { return struct{}{}, a.g.send([]byte("go\n")) }
	if _, err := bounded(a.halt, a.link, a.c.ConnectTimeout, "injecting", send, nil); err != nil {
		return a.interrupted(err)
	}
	if cause, detail := a.injected(); cause != "" {
		return cause, detail
	}
	if a.def.Supervised {
		return a.awaitReboot()
	}
	if !a.cuts() {
		a.phase(engine.Proving, "")
		if err := a.prove(); err != nil {
			return a.interrupted(err)
		}
	}
	a.phase(engine.Holding, "")
	return a.hold()
}

// interrupted sorts out why something did not come to its end.
func (a *attack) interrupted(err error) (cause, detail string) {
	if told := halted(""); errors.As(err, &told) {
		return string(told), ""
	}
	select {
	case <-a.link.gone:
		return "lost", a.link.lost().Error()
	default:
	}
	if why := a.g.why(); why != "" {
		return a.byHost()
	}
	return "error", err.Error()
}

// byHost is the end that the host itself has made.
func (a *attack) byHost() (cause, detail string) {
	why := a.g.why()
	for _, c := range []struct{ word, cause, detail string }{
		{"deadline", "deadline", ""},
		{"lease", "lost", "the host has not heard of us in time: " + why},
		{"contact", "lost", "the host has not heard of us in time: " + why},
		{"eof", "lost", "the host has not heard of us in time: " + why},
	} {
		if strings.Contains(why, c.word) {
			return c.cause, c.detail
		}
	}
	return "error", "the host ended it by itself: " + why
}

// injected waits for the host to say that the fault is on. Where the fault cuts the path, that word may
// never come, and the fault counts as on.
func (a *attack) injected() (cause, detail string) {
	limit := a.c.CommandTimeout
	if a.cuts() {
		limit = min(limit, a.c.Clock.Real(a.run.For))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case status := <-a.g.injected:
		if status != 0 {
			return "error", fmt.Sprintf("injecting on %s failed with status %d", a.host.Name, status)
		}
		return "", ""
	case <-a.halt.Done():
		return a.interrupted(context.Cause(a.halt))
	case <-a.g.undoing:
		return a.byHost()
	case <-a.link.gone:
	case <-a.g.ended:
	case <-timer.C:
		if a.cuts() {
			return "", ""
		}
		return "error", fmt.Sprintf("injecting on %s took longer than %s", a.host.Name, limit)
	}
	if a.def.Supervised {
		return "", "" // it went down before it could say so
	}
	return a.broken()
}

// broken is the end of the guard's session while the fault is on.
func (a *attack) broken() (cause, detail string) {
	if a.g.why() != "" {
		return a.byHost()
	}
	if a.g.flooded() {
		return "error", "the guard's session: " + errFlood.Error()
	}
	return "lost", fmt.Sprintf("the guard's session on %s broke off", a.host.Name)
}

// prove shows that the fault has not locked us out: a round trip on the session that stops it, and a
// login from nothing with a command.
func (a *attack) prove() error {
	began := time.Now()
	token := strconv.FormatInt(began.UnixNano()%1_000_000, 10)
	ping := func() (struct{}, error) { return struct{}{}, a.g.send([]byte("ping " + token + "\n")) }
	if _, err := bounded(a.halt, a.link, a.c.ConnectTimeout, "proving the control path", ping, nil); err != nil {
		return err
	}
	timer := time.NewTimer(a.c.ConnectTimeout)
	defer timer.Stop()
	for heard := ""; heard != token; {
		select {
		case heard = <-a.g.pong:
		case <-a.halt.Done():
			return context.Cause(a.halt)
		case <-a.g.exited:
			return errors.New("the guard ended")
		case <-timer.C:
			return fmt.Errorf("control path lost after injection: no answer on the session within %s", a.c.ConnectTimeout)
		}
	}
	trip := time.Since(began)
	if err := a.loginAgain(); err != nil {
		return err
	}
	a.phase(engine.Proving, fmt.Sprintf("control path is open: session %s, new login %s", trip.Round(time.Millisecond), (time.Since(began)-trip).Round(time.Millisecond)))
	return nil
}

func (a *attack) loginAgain() error {
	l, err := a.c.dial(a.halt, a.run.Host)
	if err == nil {
		err = a.c.call(a.halt, l, a.c.CommandTimeout, "inspect", nil, func(string) {}, ignore)
		l.close()
	}
	if err == nil || errors.As(err, new(halted)) {
		return err
	}
	return fmt.Errorf("control path lost after injection: a new login failed: %w", err)
}

// hold keeps the fault for its time and measures it, at least once if it lasts long enough.
func (a *attack) hold() (cause, detail string) {
	ctx, cancel := context.WithCancel(a.halt)
	figures := make(chan figure)
	var measuring sync.WaitGroup
	measuring.Go(func() { a.remeasure(ctx, figures) })
	defer measuring.Wait()
	defer cancel()

	end := time.NewTimer(a.c.Clock.Real(a.run.For) - time.Since(a.began))
	defer end.Stop()
	extended := false
	for {
		select {
		case f, more := <-figures:
			if !more {
				figures = nil
				continue
			}
			a.figures.During = f.value
			a.report()
			if extended {
				return "deadline", ""
			}
		case <-end.C:
			if extended || a.figures.During != nil || figures == nil || a.cuts() {
				return "deadline", ""
			}
			extended = true
			end.Reset(a.c.Clock.Real(a.c.pace.grace / 2))
		case <-a.halt.Done():
			return a.interrupted(context.Cause(a.halt))
		case <-a.g.undoing:
			return a.byHost()
		case <-a.g.ended:
			return a.broken()
		case <-a.link.gone:
			return a.broken()
		}
	}
}

// remeasure measures again and again. It closes the channel when there is nothing to measure.
func (a *attack) remeasure(ctx context.Context, to chan<- figure) {
	defer close(to)
	for {
		f, err := a.measure(ctx)
		if err != nil || f.value == nil {
			return
		}
		select {
		case to <- f:
		case <-ctx.Done():
			return
		}
		pause := time.NewTimer(a.c.Clock.Real(a.c.pace.measure))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

func (a *attack) phase(p engine.Phase, text string) {
	a.tell(engine.Advanced{Run: a.run.ID, Phase: p, Text: text})
}

// report tells what has been measured so far.
func (a *attack) report() {
	a.figures.Text = a.describe()
	f := a.figures
	a.tell(engine.Advanced{Run: a.run.ID, Figures: &f})
}
