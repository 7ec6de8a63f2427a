package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	h.known = c.o.Who(h.user, nil).Role != engine.Nobody
	if h.beside {
		c.answer(h, reply, "Did you mean me? I obey what begins with my name. To stop everything: mention me first, then stop.")
		return
	}
	cmd, err := parse(h.text)
	switch {
	case h.edited && (err != nil || orders[cmd.word] == ""):
	case h.edited:
		c.answer(h, result, "Edited messages are not obeyed; say it again.")
	case err != nil:
		c.answer(h, reply, escape(err.Error())+".")
	default:
		c.take(job{h, cmd})
	}
}

// take puts a job on its lane.
func (c *Chat) take(j job) {
	select {
	case c.lanes[j.word.lane()] <- j:
	default: // of stops: as many are about to be carried out
		c.answer(j.heard, reply, "Too much is asked of me at once. Try again in a moment.")
	}
}

// each hands on what comes on a lane, until nothing is heard any more and nothing is left.
func (c *Chat) each(l lane, deaf <-chan struct{}, do func(job)) {
	for {
		select {
		case j := <-c.lanes[l]:
			do(j)
		case <-deaf:
			for len(c.lanes[l]) > 0 {
				do(<-c.lanes[l])
			}
			return
		}
	}
}

// answer says something to somebody, where they have spoken.
func (c *Chat) answer(h heard, w weight, text string) {
	p := post{message: message{channel: h.channel, thread: h.thread, text: text}, weight: w, from: stranger}
	if trusted(h.answer, c.o.URL) {
		p.answer = h.answer
	}
	if h.known {
		p.from = known
	}
	c.out.say(p)
}

// obeyWithin bounds an order that is no stop: the gates are asked before an attack begins.
const obeyWithin = time.Minute

// obey does what is asked, if whoever asks may have it done, and says what came of it.
func (c *Chat) obey(ctx context.Context, e control.Engine, j job) {
	if j.word == help {
		c.answer(j.heard, reply, helpText)
		return
	}
	peer, text := c.person(ctx, j.user)
	j.known = peer.Role != engine.Nobody
	kind, is := orders[j.word]
	switch {
	case ctx.Err() != nil: // whoever it was
		text = "Not done: chaoscat ends, or restarts its Slack door; say it again."
	case !j.known:
	case is:
		text = c.order(ctx, control.Guest{Engine: e, Peer: peer, Door: "slack"}, kind, j) + text
	default:
		text = c.show(e.Snapshot(), j.word) + text
	}
	c.answer(j.heard, reply, text)
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

// order gives an order other than stop.
func (c *Chat) order(ctx context.Context, g control.Guest, kind engine.OrderKind, j job) string {
	if why := c.notHere(j); why != "" {
		return why
	}
	o := engine.Order{ID: j.id(), Kind: kind, Reason: j.reason, Attack: j.attack, Host: j.host, For: j.length, Approves: j.command.order}
	if why := c.bind(&o, g.Snapshot(), j); why != "" {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, obeyWithin)
	defer cancel()
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

// bind has an order mean what its writer has seen, or says why that is not known.
func (c *Chat) bind(o *engine.Order, now engine.Snapshot, j job) (why string) {
	switch {
	case o.Kind == engine.Resume:
		o.Lifts, why = c.lifts(now.Stopped, j.heard)
	case o.Kind == engine.Approve && o.Approves == "":
		o.Approves, why = meant(now.Pending, j.written())
	}
	return why
}

// lifts is the stop that a resume means. The clock of Slack may be ahead, and a message may come late, so that a stop
// counts as seen only once it has been there for the longest that is taken of either.
func (c *Chat) lifts(stopped *engine.Latch, h heard) (*time.Time, string) {
	switch {
	case stopped == nil:
		return &time.Time{}, ""
	case stopped.At.After(h.written().Add(-c.o.MaxAge)):
		return nil, fmt.Sprintf("Not done: %s has stopped everything at %s, which you may not have seen when you wrote that. Look again, and say it again after %s.",
			clean(stopped.By), c.clock(stopped.At), c.clock(stopped.At.Add(c.o.MaxAge)))
	}
	return &stopped.At, ""
}

// meant is the order that an approval without an id is for: the only one that waited when it was written.
func meant(pending []engine.Pending, written time.Time) (id, why string) {
	ways, before := make([]string, len(pending)), 0
	for i, p := range pending {
		ways[i] = clean(fmt.Sprintf("approve %s (%s, asked for by %s)", p.Order.ID, wanted(p.Order), p.Order.By))
		if p.At.Before(written) {
			id, before = p.Order.ID, before+1
		}
	}
	switch {
	case len(pending) == 0:
		return "", "Not done: no order waits for approval."
	case before != 1:
		return "", "Not done: it is not certain which order you mean. Say one of these:\n" + strings.Join(ways, "\n")
	}
	return id, ""
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
