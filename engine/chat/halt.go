package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

const (
	mostStops  = 256 // without an answer of the engine
	otherDoors = "Use another door: `chaoscat stop` on its machine."
)

var errClosed = errors.New("the Slack door was closed before the engine answered")

// halt carries out stops until nothing is heard any more. None waits for another, nor for one to which the engine owes
// an answer; at the end such an answer has a few seconds.
func (c *Chat) halt(ctx context.Context, deaf <-chan struct{}, e control.Engine) {
	asking, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	var all sync.WaitGroup
	places := make(chan struct{}, mostStops)
	c.each(stops, deaf, func(j job) {
		select {
		case places <- struct{}{}:
			all.Go(func() { c.stop(asking, e, j); <-places })
		default:
			c.answer(j.heard, result, fmt.Sprintf("*NOT STOPPED*: the engine owes an answer to %d stops before yours. "+otherDoors, mostStops))
		}
	})
	defer time.AfterFunc(lastWords, func() { giveUp(errClosed) }).Stop()
	all.Wait()
}

// stop has everything stopped and says so, and does not leave its writer waiting for an engine that hangs.
func (c *Chat) stop(ctx context.Context, e control.Engine, j job) {
	done := make(chan string, 1)
	go func() { done <- c.askToStop(ctx, e, j) }()
	late := time.NewTimer(c.prompt)
	defer late.Stop()
	select {
	case text := <-done:
		c.answer(j.heard, result, text)
		return
	case <-late.C:
	}
	c.answer(j.heard, result, fmt.Sprintf("*NOT YET STOPPED*: the engine has not answered for %s. %s I go on asking, and say here when it is done.", engine.Span(c.prompt), otherDoors))
	c.o.Log.Error("the engine does not answer a stop from Slack", "user", j.user, "for", c.prompt)
	c.answer(j.heard, result, <-done)
}

// askToStop asks nobody but the engine. Whoever can speak to us may stop, from any channel, however late.
func (c *Chat) askToStop(ctx context.Context, e control.Engine, j job) string {
	peer := c.o.Who(j.user, nil)
	peer.Role = max(peer.Role, engine.Viewer)
	before := e.Snapshot()
	_, err := control.Guest{Engine: e, Peer: peer, Door: "slack"}.Ask(ctx, engine.Order{ID: j.id(), Kind: engine.Stop, Reason: j.reason})
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.o.Log.Error("a stop from Slack was not carried out", "by", peer.Name, "error", err)
		return "*NOT STOPPED*: " + clean(err.Error()) + ". " + otherDoors
	}
	switch n := len(before.Running); n {
	case 0:
		return "Stopped. Nothing was running. Nothing is attacked until somebody resumes."
	case 1:
		return "Stopped. " + clean(before.Running[0].Attack.Name+" on "+before.Running[0].Host.Name) + " is being undone. Nothing is attacked until somebody resumes."
	default:
		return fmt.Sprintf("Stopped. %d attacks are being undone. Nothing is attacked until somebody resumes.", n)
	}
}
