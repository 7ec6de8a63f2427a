package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// turnBack ends a run that has applied nothing. If a guard was ever asked for, the host must still be
// proven clean.
func (a *attack) turnBack(err error) engine.Outcome {
	out := engine.Outcome{Effect: engine.Refused, Cause: "error", Detail: err.Error()}
	no, sudo := (*refusal)(nil), (*SudoRefused)(nil)
	told, stopped := a.told()
	switch {
	case errors.As(err, &no):
		out.Effect, out.Cause = no.effect, "host"
	case stopped:
		out.Cause, out.Detail = string(told), "nothing was applied: "+string(told)
	case errors.As(err, &sudo):
		out.Effect = engine.Infeasible
		a.unreachable(err)
	case a.g == nil:
		a.unreachable(err)
	}
	if a.visit == nil {
		return out
	}
	if a.g == nil || errors.As(err, &no) {
		a.leave(a.g == nil || a.settled())
		return out
	}
	p, err := a.takeBack("taking the guard back; nothing was applied", string(told) == "shutdown")
	a.leave(err == nil && p.clean)
	if err != nil || !p.clean {
		out.Undo = engine.Residue
		out.Detail += "; " + a.unproven(p, err)
	}
	return out
}

// leave ends the visit. Whatever stop there was is over by then.
func (a *attack) leave(tidy bool) {
	a.settle()
	a.visit.leave(tidy)
}

func (a *attack) unreachable(err error) {
	a.facts = &engine.Facts{At: a.c.Clock.Now(), Unreachable: err.Error()}
}

// settled waits for a guard that has said no to be gone.
func (a *attack) settled() bool {
	timer := time.NewTimer(a.c.pace.patience)
	defer timer.Stop()
	select {
	case <-a.g.ended:
		return true
	case <-timer.C:
		return false
	}
}

// finish takes the fault back, proves that it is gone, measures once more and closes the run.
func (a *attack) finish(cause, detail string) engine.Outcome {
	if a.rebooted.down {
		return a.leftDown(cause, detail)
	}
	p, err := a.takeBack(cause, cause == "shutdown")
	clean := err == nil && p.clean
	out := engine.Outcome{Applied: true, Cause: cause, Detail: detail, Undo: engine.Restored}
	if !clean {
		out.Undo = engine.Residue
		out.Detail = joined(detail, a.unproven(p, err))
	}
	if clean && cause != "shutdown" {
		a.verify()
	}
	out.Effect = a.effect()
	a.leave(clean)
	a.figures.Text = first(a.rebooted.text, a.describe())
	out.Figures = a.figures
	return out
}

func joined(one, other string) string {
	if one == "" {
		return other
	}
	return one + "; " + other
}

// verify measures the host once more, now that the fault is gone. The proof of the undo is the host's
// comparison; this is for the operator.
func (a *attack) verify() {
	a.note(engine.Verifying, "")
	a.c.stops.yield(a.c.pace.yield)
	a.link.over.speak()
	ctx, cancel := context.WithTimeout(context.Background(), a.c.CommandTimeout)
	defer cancel()
	if a.def.Supervised {
		a.compareBoot(ctx)
		return
	}
	if f, err := a.measure(ctx); err == nil {
		a.enter(f, after)
	}
}

// effect is what the figures say, or for a supervised attack the boot id.
func (a *attack) effect() engine.Effect {
	if a.def.Supervised {
		return a.rebooted.effect()
	}
	return judge(a.expected, a.figures)
}

// takeBack is the ladder: the stop byte on the guard's own session, a signal, an undo on a second session,
// an undo on a new connection, again and again until the host's own deadline has long passed. Each rung
// has its own time limit, and none waits for a reply that a dead connection cannot give. The first rung
// comes before everything else; after a stop it has been taken already.
func (a *attack) takeBack(why string, hurry bool) (proof, error) {
	a.count()
	defer a.settle()
	until := a.giveUp(hurry)
	if a.link != nil && !a.g.stopping.Load() {
		a.link.run(a.g.stop)
	}
	a.tale.later(engine.Advanced{Run: a.run.ID, Phase: engine.Undoing, Text: why})
	if a.link != nil {
		if p, ok := a.stopGuard(); ok {
			if p.clean {
				return p, nil
			}
			a.link.over.speak()
			return a.again(p)
		}
		a.link.over.speak()
		if p, err := a.undoHere(); err == nil {
			return p, nil
		}
	}
	a.tellLost()
	return a.undoAnew(until)
}

// tellLost says that nothing more can be done than to look for the host, and when it ends the fault by
// itself. From here on the run is nobody's reason to wait: it may take as long as the lease.
func (a *attack) tellLost() {
	end := a.endsItself()
	a.tale.add(engine.Advanced{Run: a.run.ID, Phase: engine.Lost, Until: end,
		Text: fmt.Sprintf("no contact; the host undoes by itself by %s at the latest; looking for it on a new connection", end.UTC().Format("15:04:05 MST"))})
	a.settle()
}

// endsItself is when the host, no longer heard of us, begins the undo by itself, on the carrier's clock.
func (a *attack) endsItself() time.Time {
	return a.c.Clock.Now().Add(a.onClock(time.Until(a.hostEnd(true))))
}

// giveUp is when to stop looking for the host. In a hurry, which is when we shut down, that is when the
// lease must have run out.
func (a *attack) giveUp(hurry bool) time.Time {
	end := a.hostEnd(hurry)
	if now := time.Now(); end.Before(now) {
		end = now
	}
	return end.Add(a.c.undoLimit(a.run.Attack))
}

// hostEnd is when the host begins the undo by itself at the latest, in real time: at its deadline, or, if
// nobody renews it any more, when the lease has run out.
func (a *attack) hostEnd(unrenewed bool) time.Time {
	now := time.Now()
	end := now.Add(a.c.Clock.Real(time.Duration(a.ttl) * time.Second))
	if a.applied {
		end = a.began.Add(a.c.Clock.Real(time.Duration(a.ttl) * time.Second))
	}
	if lease := now.Add(a.c.Clock.Real(time.Duration(a.lease) * time.Second)); a.lease > 0 && lease.Before(end) && (unrenewed || !a.applied) {
		end = lease
	}
	return end
}

// stopGuard waits for the first rung, and climbs the second. The exit status alone is the acknowledgement;
// ok is false without one. While it waits the connection has nothing else to say, so that the answers to a
// thousand stops need not share the network with the small talk of the protocol.
func (a *attack) stopGuard() (p proof, ok bool) {
	signalled, undoing := false, false
	timer := time.NewTimer(a.link.roundTrip() + a.c.pace.nudge)
	defer timer.Stop()
	for {
		select {
		case <-a.g.exited:
			return a.acknowledged()
		case <-a.link.gone:
			return a.acknowledged()
		case <-timer.C:
		}
		a.tale.begin()
		a.link.over.speak()
		switch {
		case !undoing && a.g.why() != "": // it undoes, which may take its time
			undoing = true
			timer.Reset(a.c.undoLimit(a.run.Attack))
		case undoing || signalled:
			return proof{}, false
		case !a.g.written():
			a.link.fail(a.host.Name + " has not taken the stop: the connection is stuck")
		default:
			signalled = true
			a.link.run(func() { a.g.signal("TERM") })
			timer.Reset(a.c.pace.patience)
		}
	}
}

// The exit statuses of a guard that are part of the wire.
const (
	exitRestored = 0
	exitRefused  = 4
	exitResidue  = 6
)

func (a *attack) acknowledged() (proof, bool) {
	select {
	case <-a.g.exited:
	default:
		return proof{}, false
	}
	switch e := a.g.exit; {
	case !e.known:
		return proof{}, false
	case e.status == exitRestored, e.status == exitRefused && !a.applied:
		return proof{clean: true, text: "undone and proven"}, true
	case e.status == exitResidue:
		<-a.g.ended
		return proof{text: first(a.g.left().rest, "the host does not say what is left")}, true
	}
	return proof{}, false
}

// again gives a host that has reported residue one more try, at once.
func (a *attack) again(before proof) (proof, error) {
	p, err := a.undoHere()
	if err != nil {
		return before, nil
	}
	return p, nil
}

// undoHere asks on a second session of the same connection, if that still gives a sign of life. Where the
// fault may cut it none is expected, and the session is tried for as long as a connection would be.
func (a *attack) undoHere() (proof, error) {
	if a.link.broken() {
		return proof{}, a.link.lost()
	}
	if !a.link.deaf.Load() {
		if err := a.link.ping(a.link.roundTrip() + a.c.pace.patience); err != nil {
			return proof{}, err
		}
	}
	return a.undo(context.Background(), a.run.ID, a.c.undoLimit(a.run.Attack))
}

// undoAnew connects until the host answers, or until there is no more reason to. It waits for nobody.
func (a *attack) undoAnew(until time.Time) (proof, error) {
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	var last error
	for pause := a.c.pace.retry; ; pause = min(2*pause, a.c.pace.retryMax) {
		p, err := a.undoOnNew(ctx)
		if err == nil {
			return p, nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return proof{}, last
		}
	}
}

// undoOnNew trusts that the runner is still there, to save the time of sending it: a host that has lost it
// says so at once, and gets it again.
func (a *attack) undoOnNew(ctx context.Context) (proof, error) {
	if err := a.dial(ctx, forUndo); err != nil {
		return proof{}, err
	}
	p, err := a.undo(ctx, a.run.ID, a.c.undoLimit(a.run.Attack))
	if err == nil || !missing(err) {
		return p, err
	}
	if err := a.c.upload(ctx, a.link, a.show); err != nil {
		return proof{}, err
	}
	return a.undo(ctx, a.run.ID, a.c.undoLimit(a.run.Attack))
}

// unproven is the sentence for a host that is not known to be clean.
func (a *attack) unproven(p proof, err error) string {
	if err == nil {
		return fmt.Sprintf("%s still has residue: %s", a.host.Name, p.text)
	}
	return fmt.Sprintf("the undo on %s is not proven (%v); by its own lease and deadline the host undoes by %s at the latest", a.host.Name, err, a.endsItself().UTC().Format("15:04:05 MST"))
}

// onClock is a stretch of real time as the carrier's clock counts it.
func (a *attack) onClock(real time.Duration) time.Duration {
	second := a.c.Clock.Real(time.Second)
	return time.Duration(float64(real) * float64(time.Second) / float64(second))
}
