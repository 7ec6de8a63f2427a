package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// lane is a way on which orders are carried out one after the other, so that none waits for those of another.
type lane string

// The lanes. A stop waits for nothing but stops, and a pause for no attack whose gates are still being asked.
const (
	stops   lane = "stops"
	pauses  lane = "pauses"
	changes lane = "changes"
	looks   lane = "looks"
)

func (w word) lane() lane {
	switch {
	case w == stop:
		return stops
	case w == pause:
		return pauses
	case orders[w] != "":
		return changes
	}
	return looks
}

// job is something heard and understood, to be carried out.
type job struct {
	heard
	command
}

// hear takes in what somebody said, and waits for nothing.
func (c *Chat) hear(h heard) {
	if !c.seen.first(h.key) {
		return
	}
	if h.beside {
		c.answer(h, "Did you mean me? I obey what begins with my name. To stop everything: mention me first, then stop.")
		return
	}
	cmd, err := parse(h.text)
	if err != nil {
		c.answer(h, escape(err.Error())+".")
		return
	}
	select {
	case c.lanes[cmd.word.lane()] <- job{h, cmd}:
	default: // of stops: as many are about to be carried out
		c.answer(h, "Too much is asked of me at once. Try again in a moment.")
	}
}

// work carries out what comes on a lane, until ctx ends. A stop that has come by then is still carried out.
func (c *Chat) work(ctx context.Context, l lane, e control.Engine) {
	for {
		select {
		case j := <-c.lanes[l]:
			c.answer(j.heard, c.obey(ctx, e, j))
		case <-ctx.Done():
			for l == stops && len(c.lanes[stops]) > 0 {
				j := <-c.lanes[stops]
				c.answer(j.heard, c.obey(ctx, e, j))
			}
			return
		}
	}
}

// answer says something to somebody, where they have spoken.
func (c *Chat) answer(h heard, text string) {
	m := message{channel: h.channel, thread: h.thread, text: text}
	if trusted(h.answer, c.o.URL) {
		m.answer = h.answer
	}
	c.out.say(post{message: m, weighty: true})
}

// obeyWithin bounds an order that is no stop: the gates are asked before an attack begins.
const obeyWithin = time.Minute

// obey does what is asked, if whoever asks may have it done, and says what came of it.
func (c *Chat) obey(ctx context.Context, e control.Engine, j job) string {
	if j.word == stop {
		return c.stop(ctx, e, j)
	}
	if j.word == help {
		return helpText
	}
	peer, text := c.person(ctx, j.user)
	if peer.Role == engine.Nobody {
		return text
	}
	if kind, is := orders[j.word]; is {
		ctx, cancel := context.WithTimeout(ctx, obeyWithin)
		defer cancel()
		return c.order(ctx, control.Guest{Engine: e, Peer: peer, Door: "slack"}, kind, j) + text
	}
	return c.show(e.Snapshot(), j.word) + text
}

// person is who has spoken. The text is for them.
func (c *Chat) person(ctx context.Context, user string) (control.Peer, string) {
	in, err := c.groups.of(ctx, user)
	peer, text := c.o.Who(user, in), ""
	if peer.Role == engine.Nobody {
		text = fmt.Sprintf("I do not know you, so you may stop everything, and nothing else. Whoever runs chaoscat can add your Slack user id, %s.", escape(user))
	}
	if err != nil {
		c.o.Log.Warn("the user groups cannot be read, so nobody is in any", "error", err)
		text += "\n(The user groups cannot be read just now, so they do not count.)"
	}
	return peer, text
}

// stop asks nobody but the engine. Whoever can speak to us may stop, from any channel, however late.
func (c *Chat) stop(ctx context.Context, e control.Engine, j job) string {
	peer := c.o.Who(j.user, nil)
	peer.Role = max(peer.Role, engine.Viewer)
	before := e.Snapshot()
	_, err := control.Guest{Engine: e, Peer: peer, Door: "slack"}.Ask(context.WithoutCancel(ctx), engine.Order{ID: j.id(), Kind: engine.Stop, Reason: j.reason})
	if err != nil {
		c.o.Log.Error("a stop from Slack was not carried out", "by", peer.Name, "error", err)
		return "*NOT STOPPED*: " + clean(err.Error()) + ". Use another door: `chaoscat stop` on its machine."
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

// order gives an order other than stop.
func (c *Chat) order(ctx context.Context, g control.Guest, kind engine.OrderKind, j job) string {
	if why := c.notHere(j); why != "" {
		return why
	}
	o := engine.Order{ID: j.id(), Kind: kind, Reason: j.reason, Attack: j.attack, Host: j.host, For: j.length, Approves: j.command.order}
	now := g.Snapshot()
	if kind == engine.Resume {
		o.Lifts = &time.Time{}
		if s := now.Stopped; s != nil {
			if s.At.After(j.at) {
				return fmt.Sprintf("Not done: %s has stopped everything after you wrote that. Look again, and say it again.", clean(s.By))
			}
			o.Lifts = &s.At
		}
	}
	run, err := g.Ask(ctx, o)
	var refusal *engine.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Name == engine.NeedsApproval:
		return "Not yet: " + clean(refusal.Sentence) + "."
	case errors.As(err, &refusal):
		return "Not done: " + clean(refusal.Sentence) + "."
	case err != nil:
		return "It is not known whether this was done: " + clean(err.Error()) + ". Ask me for the status."
	case run != "":
		return "Begun, as " + clean(run) + "."
	}
	return "Done."
}

// notHere is why an order is not taken from this channel, or at this age; "" takes it.
func (c *Chat) notHere(j job) string {
	if len(c.o.CommandsIn) > 0 && !slices.Contains(c.o.CommandsIn, j.channel) && !(j.pressed && j.channel == c.o.Channel) {
		return "Not done: orders are taken in other channels than this one. Stop, and questions, everywhere."
	}
	if !slices.Contains([]word{runOnce, skip, resume, approve}, j.word) {
		return ""
	}
	switch age := c.o.Now().Sub(j.at); {
	case age > c.o.MaxAge:
		return fmt.Sprintf("Not done: you said that %s ago, and it may be meant for then. Say it again if you still mean it.", engine.Span(age.Round(time.Second)))
	case age < -c.o.MaxAge:
		return fmt.Sprintf("Not done: by the clock of chaoscat you said that %s from now. One of the clocks is wrong.", engine.Span(-age.Round(time.Second)))
	}
	return ""
}
