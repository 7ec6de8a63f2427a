package remote

import (
	"context"
	"fmt"
	"math"
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
	tale tale
	*brake

	*visit
	g       *guard
	boot    string    // the host's boot id when it was armed
	lease   int       // seconds; 0 for a fault that may cut its own control path
	ttl     int       // seconds after go by which the host has undone by itself
	began   time.Time // real time of go
	facts   *engine.Facts
	applied bool
	ordered bool // the host has said that the fault is on

	figures  engine.Figures
	expected figure // the measurement before, which knows how much room there is
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
	brake, release := listen(ctx, stop, &c.stops)
	defer release()
	a := &attack{c: c, run: run, tale: tale{hear: tell}, brake: brake}
	defer a.tale.end()
	a.figures = blank(c.defs[run.Attack.Kind])
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
	if a.def, a.wire, err = a.c.define(a.halt, a.run.Attack); err != nil {
		return &refusal{engine.Infeasible, err.Error()}
	}
	if a.def.Max > 0 && a.run.For > a.def.Max {
		return &refusal{engine.Refused, fmt.Sprintf("%s may last %s at most, not %s", a.def.Name, engine.Span(a.def.Max), engine.Span(a.run.For))}
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
	return attacks.Cuts(a.def, a.wire)
}

// approach is everything before the fault. When it returns nil, the host is armed and measured.
func (a *attack) approach(show func(string)) (err error) {
	a.c.rush.enter()
	defer a.c.rush.leave()
	a.phase(engine.Connecting, "")
	if a.visit, err = a.c.visit(a.halt, a.run.Host, forAttack, show); err != nil {
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
		a.begin(f)
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
	if a.g, err = a.visit.guard(a.halt, head, a.brake.on); err != nil {
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

// tell has the listener hear it before the attack goes on, unless the fault must go: then nothing waits for
// a listener any more.
func (a *attack) tell(e engine.Advanced) {
	select {
	case <-a.tale.add(e):
	case <-a.halt.Done():
	}
}

func (a *attack) phase(p engine.Phase, text string) {
	a.tell(engine.Advanced{Run: a.run.ID, Phase: p, Text: text})
}

// note is phase for those who cannot wait in any case.
func (a *attack) note(p engine.Phase, text string) {
	a.tale.add(engine.Advanced{Run: a.run.ID, Phase: p, Text: text})
}

// report tells what has been measured so far.
func (a *attack) report() {
	a.figures.Text = a.describe()
	f := a.figures
	a.tell(engine.Advanced{Run: a.run.ID, Figures: &f})
}
