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
	if told, ok := a.told(); ok {
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
	if told, ok := a.told(); ok {
		return string(told), ""
	}
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
	limit := first(a.def.InjectIn, a.c.CommandTimeout)
	if a.cuts() {
		limit = min(limit, a.c.Clock.Real(a.run.For))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case status := <-a.g.injected:
		a.ordered = status == 0
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
	if told, ok := a.told(); ok {
		return string(told), ""
	}
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
		case <-a.g.ended:
			return fmt.Errorf("the guard on %s %s", a.host.Name, a.g.exit)
		case <-timer.C:
			return fmt.Errorf("control path lost after injection: no answer on the session within %s", a.c.ConnectTimeout)
		}
	}
	trip := time.Since(began)
	a.link.trip.CompareAndSwap(0, int64(trip)) // so that a stop knows how long an answer takes here
	if err := a.loginAgain(); err != nil {
		return err
	}
	a.phase(engine.Proving, fmt.Sprintf("control path is open: session %s, new login %s", trip.Round(time.Millisecond), (time.Since(began)-trip).Round(time.Millisecond)))
	return nil
}

func (a *attack) loginAgain() error {
	l, err := a.c.dial(a.halt, a.run.Host, forAttack)
	if err == nil {
		l.attend(a.c.KeepAlive)
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
	defer cancel()
	figures := make(chan figure)
	a.link.run(func() { a.remeasure(ctx, figures) })

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
			a.enter(f, during)
			if extended {
				return "deadline", ""
			}
		case <-end.C:
			if extended || felt(a.figures) || figures == nil || a.cuts() {
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
		if err != nil || !f.known() {
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
