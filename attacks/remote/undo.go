package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// turnBack ends a run that has applied nothing. If a guard was ever asked for, the host must still be
// proven clean.
func (a *attack) turnBack(err error) engine.Outcome {
	out := engine.Outcome{Effect: engine.Refused, Cause: "error", Detail: err.Error()}
	no, told, sudo := (*refusal)(nil), halted(""), (*SudoRefused)(nil)
	switch {
	case errors.As(err, &no):
		out.Effect, out.Cause = no.effect, "host"
	case errors.As(err, &told):
		out.Cause, out.Detail = string(told), "nothing was applied"
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
	a.phase(engine.Undoing, "taking the guard back; nothing was applied")
	p, err := a.takeBack(string(told) == "shutdown")
	a.leave(err == nil && p.clean)
	if err != nil || !p.clean {
		out.Undo = engine.Residue
		out.Detail += "; " + a.unproven(p, err)
	}
	return out
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
	a.phase(engine.Undoing, cause)
	p, err := a.takeBack(cause == "shutdown")
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
	a.phase(engine.Verifying, "")
	ctx, cancel := context.WithTimeout(context.Background(), a.c.CommandTimeout)
	defer cancel()
	if a.def.Supervised {
		a.compareBoot(ctx)
		return
	}
	if f, err := a.measure(ctx); err == nil {
		a.figures.After = f.value
		a.report()
	}
}

// effect is what the figures say, or for a supervised attack the boot id.
func (a *attack) effect() engine.Effect {
	if a.def.Supervised {
		return a.rebooted.effect()
	}
	return attacks.Judge(a.expect, a.figures.Before, a.figures.During)
}

// takeBack is the ladder: the stop byte on the guard's own session, a signal, an undo on a second session,
// an undo on a new connection, again and again until the host's own deadline has long passed. Each rung
// has its own time limit, and none waits for a reply that a dead connection cannot give.
func (a *attack) takeBack(hurry bool) (proof, error) {
	until := a.giveUp(hurry)
	if a.link != nil {
		if p, ok := a.stopGuard(); ok {
			if p.clean {
				return p, nil
			}
			return a.again(p)
		}
		if p, err := a.undoHere(); err == nil {
			return p, nil
		}
	}
	a.phase(engine.Lost, "connection lost; the host undoes by itself, looking for it")
	return a.undoAnew(until)
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

// stopGuard is the first two rungs. The exit status alone is the acknowledgement; ok is false without one.
func (a *attack) stopGuard() (p proof, ok bool) {
	g := a.g
	a.link.run(func() { g.finish(stopLine) })
	undoing, signalled := g.undoing, false
	timer := time.NewTimer(a.c.pace.patience)
	defer timer.Stop()
	for {
		select {
		case <-g.exited:
			return a.acknowledged()
		case <-a.link.gone:
			return a.acknowledged()
		case <-undoing:
			undoing = nil
			timer.Reset(a.c.undoLimit(a.run.Attack))
		case <-timer.C:
			if undoing == nil || signalled {
				return proof{}, false
			}
			signalled = true
			a.link.run(func() { g.signal("TERM") })
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

// undoHere asks on a second session of the same connection.
func (a *attack) undoHere() (proof, error) {
	select {
	case <-a.link.gone:
		return proof{}, a.link.lost()
	default:
	}
	return a.undo(context.Background(), a.run.ID, a.c.undoLimit(a.run.Attack))
}

// undoAnew connects until the host answers, or until there is no more reason to.
func (a *attack) undoAnew(until time.Time) (proof, error) {
	ctx, cancel := context.WithDeadline(context.Background(), until)
	defer cancel()
	var last error
	for pause := a.c.pace.retry; ; pause = min(2*pause, a.c.pace.retryMax) {
		err := a.connect(ctx)
		if err == nil {
			var p proof
			if p, err = a.undo(ctx, a.run.ID, a.c.undoLimit(a.run.Attack)); err == nil {
				return p, nil
			}
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

// unproven is the sentence for a host that is not known to be clean.
func (a *attack) unproven(p proof, err error) string {
	if err == nil {
		return fmt.Sprintf("%s still has residue: %s", a.host.Name, p.text)
	}
	end := a.c.Clock.Now().Add(-a.onClock(time.Since(a.hostEnd(true))))
	return fmt.Sprintf("the undo on %s is not proven (%v); by its own lease and deadline the host undoes by %s at the latest", a.host.Name, err, end.UTC().Format("15:04:05 MST"))
}

// onClock is a stretch of real time as the carrier's clock counts it.
func (a *attack) onClock(real time.Duration) time.Duration {
	second := a.c.Clock.Real(time.Second)
	return time.Duration(float64(real) * float64(time.Second) / float64(second))
}
