package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// perform starts what the core asked for. Nothing here waits: results come back as events.
func (e *Engine) perform(life context.Context, a engine.Action) {
	switch a := a.(type) {
	case engine.AskGates:
		for _, gate := range a.Gates {
			e.with(func(t *tenure) {
				e.tell(answered{engine.GateAnswered{Gate: gate, Round: a.Round, GateAnswer: t.Gates.AskNow(life, gate)}, t})
			})
		}
	case engine.Inspect:
		attacks := e.plan.Attacks
		e.with(func(t *tenure) { e.inspect(life, t, a.Host, attacks) })
	case engine.Launch:
		stop := e.stops[a.Run.ID]
		e.with(func(t *tenure) { e.launch(life, t, a.Run, stop) })
	case engine.Reconcile:
		e.with(func(t *tenure) { e.reconcile(life, t, a.Run) })
	case engine.SweepAll:
		e.with(func(t *tenure) { e.sweepAll(life, t, a.Hosts) })
	case engine.Wake:
		e.wake = a.At
	case engine.Reply:
		e.answer(a)
	}
}

// inspectWithin bounds a look at a host.
const inspectWithin = 30 * time.Second

func (e *Engine) inspect(life context.Context, t *tenure, h engine.Host, attacks []engine.Attack) {
	ctx, cancel := context.WithTimeout(life, inspectWithin)
	defer cancel()
	e.tell(inspected{engine.HostInspected{Host: h.Name, Facts: t.Carrier.Inspect(ctx, h, attacks)}, t})
}

// launch carries one run. A panic in the carrier is an outcome, not the end of the engine: the host's own
// guard undoes the fault, and the host counts as residue until that has been proven.
func (e *Engine) launch(life context.Context, t *tenure, r engine.Run, stop chan string) {
	outcome := engine.Outcome{Effect: engine.Refused, Cause: "error"}
	defer func() {
		if bad := recover(); bad != nil {
			outcome.Detail = fmt.Sprintf("the carrier failed: %v", bad)
		}
		e.tell(engine.Ended{Run: r.ID, Outcome: outcome})
	}()
	if t.Announce != nil {
		if err := t.Announce(life, r); err != nil { // nothing has been sent to the host
			outcome = engine.Outcome{Effect: engine.Refused, Cause: "announcement", Detail: "not attempted: it could not be announced: " + err.Error()}
			return
		}
	}
	outcome = engine.Outcome{Effect: engine.Unverifiable, Undo: engine.Residue, Applied: true, Cause: "error"}
	outcome = t.Carrier.Attack(life, r, stop,
		func(a engine.Advanced) { a.Run = r.ID; e.tell(a) },
		func(text string) { e.log.line(e.o.Clock.Now(), r, text) })
}

func (e *Engine) reconcile(life context.Context, t *tenure, r engine.Run) {
	ctx, cancel := context.WithTimeout(life, inspectWithin)
	defer cancel()
	found := t.Carrier.Reconcile(ctx, r)
	found.Run, found.Host = r.ID, r.Host.Name
	e.tell(found)
}

// sweepers is how many hosts are looked at side by side after a torn journal.
const sweepers = 16

func (e *Engine) sweepAll(life context.Context, t *tenure, hosts []engine.Host) {
	var (
		mu    sync.Mutex
		swept engine.SweptAll
		work  sync.WaitGroup
		queue = make(chan engine.Host)
	)
	for range min(sweepers, len(hosts)) {
		work.Go(func() {
			for h := range queue {
				found := e.sweep(life, t, h)
				mu.Lock()
				note(&swept, h.Name, found)
				mu.Unlock()
			}
		})
	}
	for _, h := range hosts {
		queue <- h
	}
	close(queue)
	work.Wait()
	e.tell(swept)
}

func note(swept *engine.SweptAll, host string, found engine.Reconciled) {
	switch {
	case found.Clean:
	case found.Unreached:
		swept.Failed = append(swept.Failed, host)
	default:
		if swept.Residue == nil {
			swept.Residue = map[string]string{}
		}
		swept.Residue[host] = found.Text
	}
}

func (e *Engine) sweep(life context.Context, t *tenure, h engine.Host) engine.Reconciled {
	ctx, cancel := context.WithTimeout(life, inspectWithin)
	defer cancel()
	found, lines := t.Carrier.Sweep(ctx, h, false)
	for _, text := range lines {
		e.log.line(e.o.Clock.Now(), engine.Run{Host: h}, text)
	}
	return found
}
