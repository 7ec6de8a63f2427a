package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// Asked is a gate with its rules: the core's name, interval and time-out for it, and how it is asked.
type Asked struct {
	engine.Gate
	By Gate
}

// Runner asks every gate at its interval. The answers of one gate come one after the other; those of
// different gates may come at once.
type Runner struct {
	gates   []*asker
	clock   clock.Clock
	deliver func(gate string, a engine.GateAnswer)
}

// NewRunner makes a runner; [Runner.Run] starts it. Intervals are of the given clock, time-outs are real.
// deliver may be called by several goroutines at once, one for each gate; while it blocks, that gate is not asked.
func NewRunner(gates []Asked, c clock.Clock, deliver func(gate string, a engine.GateAnswer)) (*Runner, error) {
	r := &Runner{clock: c, deliver: deliver}
	var wrong []error
	for _, g := range gates {
		switch {
		case r.find(g.Name) != nil:
			wrong = append(wrong, fmt.Errorf("two gates are named %s", g.Name))
		case g.Interval <= 0 || g.Timeout <= 0:
			wrong = append(wrong, fmt.Errorf("gate %s: interval and timeout must be positive", g.Name))
		case g.By == nil:
			wrong = append(wrong, fmt.Errorf("gate %s has nobody to ask", g.Name))
		}
		r.gates = append(r.gates, &asker{Asked: g, free: make(chan struct{}, 1)})
	}
	return r, errors.Join(wrong...)
}

// Run asks each gate at once and then at its interval, until ctx ends. No answer is delivered after it has returned.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, g := range r.gates {
		all.Go(func() { r.poll(ctx, g) })
	}
	all.Wait()
}

func (r *Runner) poll(ctx context.Context, g *asker) {
	next := time.NewTicker(max(r.clock.Real(g.Interval), time.Millisecond))
	defer next.Stop()
	for {
		a := g.inTurn(ctx)
		if ctx.Err() != nil {
			return
		}
		r.deliver(g.Name, a)
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

// AskNow asks one gate out of turn, and returns its fresh answer within its time-out. It may be called by
// anybody at any time.
func (r *Runner) AskNow(ctx context.Context, gate string) engine.GateAnswer {
	g := r.find(gate)
	if g == nil {
		return shown(No("there is no gate named %s", gate))
	}
	return g.ask(ctx, func() {})
}

func (r *Runner) find(name string) *asker {
	for _, g := range r.gates {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// asker asks one gate.
type asker struct {
	Asked
	free chan struct{} // holds a token while a question in turn is out
}

// grace is for a gate to say in its own words why it was late.
const grace = 250 * time.Millisecond

// inTurn never has two questions out: a gate that does not come back although its time is over is not asked again.
func (g *asker) inTurn(ctx context.Context) engine.GateAnswer {
	select {
	case g.free <- struct{}{}:
		return g.ask(ctx, func() { <-g.free })
	default:
		return No("the gate has not come back from the question before this one")
	}
}

// ask puts the question, and does not wait for an answer longer than it may take.
func (g *asker) ask(ctx context.Context, returned func()) engine.GateAnswer {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	answer := make(chan engine.GateAnswer, 1)
	go func() {
		a := safely(ctx, g.By)
		returned() // first: who has the answer may ask again at once
		answer <- a
	}()
	select {
	case a := <-answer:
		return inTime(ctx, a, g.Timeout)
	case <-ctx.Done():
	}
	select {
	case a := <-answer:
		return inTime(ctx, a, g.Timeout)
	case <-time.After(grace):
		return late(g.Timeout)
	}
}

// inTime turns a yes that came too late into a no.
func inTime(ctx context.Context, a engine.GateAnswer, within time.Duration) engine.GateAnswer {
	if a.OK && ctx.Err() != nil {
		return late(within)
	}
	return shown(a)
}

func late(within time.Duration) engine.GateAnswer { return No("no answer within %s", within) }

// safely makes a panic an answer.
func safely(ctx context.Context, g Gate) (a engine.GateAnswer) {
	defer func() {
		if p := recover(); p != nil {
			a = shown(No("the gate itself failed: %v", p))
		}
	}()
	return g.Ask(ctx)
}
