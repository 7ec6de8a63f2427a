package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// rebooted is what is known of a supervised attack: the boot id decides, nothing else.
type rebooted struct {
	known   bool // a boot id was read after the fault
	changed bool
	down    bool // it has not been seen since, and nothing but a person brings it back
	proven  bool // it went because it was ordered to, and was meant to stay away
	text    string
}

func (r rebooted) effect() engine.Effect {
	switch {
	case r.down && r.proven:
		return engine.Effective
	case r.down || !r.known:
		return engine.Unverifiable
	case r.changed:
		return engine.Effective
	}
	return engine.NoEffect
}

// limit is how long the host may be away, on the carrier's clock: the parameter "limit", in milliseconds
// on the wire, or else the time of the attack.
func (a *attack) limit() time.Duration {
	if ms, err := strconv.ParseInt(a.wire["limit"], 10, 64); err == nil && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return a.run.For
}

// awaitReboot waits for the session to drop, which is expected, and then for the host to come back with
// another boot id.
func (a *attack) awaitReboot() (cause, detail string) {
	a.phase(engine.Holding, "waiting for the host to go down and come back")
	ctx, cancel := context.WithTimeout(a.halt, a.c.Clock.Real(a.limit())-time.Since(a.began))
	defer cancel()
	select {
	case <-a.link.gone:
	case <-a.g.ended:
	case <-ctx.Done():
		if a.halt.Err() != nil {
			return a.interrupted(context.Cause(a.halt))
		}
		a.rebooted = rebooted{known: true, text: "the host did not go down"}
		return "deadline", fmt.Sprintf("%s did not go down within %s", a.host.Name, a.limit())
	}
	<-a.g.ended                                                                                 // at hand: the connection is gone, or it was this that happened
	if why := a.g.why(); a.g.exit.known && why != "" && !strings.Contains(why, "told to end") { // as a host that shuts down tells all
		return a.byHost()
	}
	return a.awaitBoot(ctx, time.Now())
}

// awaitBoot looks for the host at an unhurried pace, so that its SSH server does not take us for an
// intruder.
func (a *attack) awaitBoot(ctx context.Context, down time.Time) (cause, detail string) {
	last := a.link.lost()
	for {
		switch err := a.seeBoot(ctx); {
		case err != nil:
			if ctx.Err() == nil {
				last, a.rebooted.known = err, false // what was seen before it went says nothing
			}
		case a.rebooted.changed:
			back := a.onClock(time.Since(down))
			a.rebooted.text = fmt.Sprintf("boot id changed, back in %.1f s", back.Seconds())
			return "deadline", ""
		}
		select {
		case <-time.After(max(a.c.Clock.Real(a.c.pace.poll), 10*time.Millisecond)):
			continue
		case <-ctx.Done():
		}
		if a.halt.Err() != nil {
			return a.interrupted(context.Cause(a.halt))
		}
		if !a.rebooted.known && !a.def.Reversible {
			return "deadline", a.staysAway(last)
		}
		if a.rebooted.known {
			return "deadline", fmt.Sprintf("the boot id of %s has not changed within %s", a.host.Name, a.limit())
		}
		return "lost", fmt.Sprintf("%s did not come back within %s: %v", a.host.Name, a.limit(), last)
	}
}

// staysAway is what is known of a host that has not come back and is not proven to be up. A login that was
// refused, or another host key, is an answer: then it is not off.
func (a *attack) staysAway(last error) (detail string) {
	a.rebooted.down, a.rebooted.text = true, "the host has not been seen since"
	a.rebooted.proven = a.def.StaysDown && a.ordered && !answered(last)
	if a.rebooted.proven {
		a.rebooted.text = "the host went down and stays down"
		return a.host.Name + " is down as ordered and needs a person to start it again"
	}
	return fmt.Sprintf("%s did not come back within %s and needs a person: %v", a.host.Name, a.limit(), last)
}

// answered tells whether somebody was there, and would not let us in.
func answered(err error) bool {
	return unwelcome(err) || errors.As(err, new(*SudoRefused)) || errors.As(err, new(*NotOurs))
}

// leftDown is the end of an attack that was meant to leave the host down: all that it did is as ordered,
// and nothing is as it was.
func (a *attack) leftDown(cause, detail string) engine.Outcome {
	a.leave(false)
	a.figures.Text = a.rebooted.text
	return engine.Outcome{Applied: true, Effect: a.rebooted.effect(), Undo: engine.Residue, Cause: cause, Detail: detail, Figures: a.figures}
}

// seeBoot logs in and reads the boot id.
func (a *attack) seeBoot(ctx context.Context) error {
	if err := a.connect(ctx, forAttack); err != nil {
		return err
	}
	f, err := a.inspect(ctx, nil)
	if err != nil {
		return err
	}
	if f.boot == "" || a.boot == "" {
		return fmt.Errorf("%s does not tell its boot id", a.host.Name)
	}
	a.rebooted.known, a.rebooted.changed = true, f.boot != a.boot
	return nil
}

// compareBoot reads the boot id once more if it is not settled yet: after a stop, the host may have
// rebooted all the same.
func (a *attack) compareBoot(ctx context.Context) {
	if a.rebooted.text != "" {
		return
	}
	f, err := a.inspect(ctx, nil)
	if err != nil || f.boot == "" || a.boot == "" {
		return
	}
	a.rebooted = rebooted{known: true, changed: f.boot != a.boot, text: "boot id unchanged"}
	if a.rebooted.changed {
		a.rebooted.text = "boot id changed"
	}
}
