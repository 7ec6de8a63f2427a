package chat

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// post is something to be said.
type post struct {
	message
	topic  *topic // the thread that it belongs to; nil is none, or message.thread
	opens  bool   // it is the beginning of its topic, and is written when its turn comes
	weight weight
	from   asker
	tries  int
}

// topic is a thread: that of one run, or of all runs of one order.
type topic struct {
	ts     string // the time stamp of its beginning, once that has been posted
	posted chan struct{}
	text   func() (string, []button) // what its beginning says
	gather time.Duration             // how long its beginning waits: more may come to be said in it
	ready  time.Time                 // when it has waited
	said   error                     // why there is no beginning
	late   bool                      // nobody waits for its beginning any more
}

// outbox says things one after the other, each channel at the pace that Slack takes. Time is the machine's own here,
// also where that of the engine runs faster: Slack's limits do not.
type outbox struct {
	send  func(ctx context.Context, m message) (ts string, err error)
	pace  time.Duration // between two messages in one channel
	again time.Duration // before the second try; twice as long before each further one
	log   *slog.Logger

	mu      sync.Mutex
	queue   []post
	rest    map[string]time.Time // channel → not before
	dropped int
	wake    chan struct{}
}

const (
	longestText = 2900 // Slack takes 3000 in one block
	mostTries   = 5
)

func newOutbox(send func(context.Context, message) (string, error), pace time.Duration, log *slog.Logger) *outbox {
	return &outbox{send: send, pace: pace, again: time.Second, log: log, rest: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

// say puts posts behind the others, all before any of them is delivered. It waits for nothing.
func (o *outbox) say(posts ...post) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range posts {
		o.add(p)
	}
	o.ring()
}

func (o *outbox) add(p post) {
	p.text = shorten(p.text, longestText)
	if p.opens {
		p.topic.ready = time.Now().Add(p.topic.gather)
	}
	if !o.joined(p) {
		o.queue = append(o.queue, p)
		o.fit(p.from)
	}
}

// hurry puts the beginning of a topic before all others, if it has not been said: somebody waits for it.
func (o *outbox) hurry(t *topic) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, p := range o.queue {
		if p.topic == t && p.opens {
			p.weight = awaited
			o.queue = slices.Insert(slices.Delete(o.queue, i, i+1), 0, p)
			return
		}
	}
}

// withdraw takes the beginning of a topic back, if it has not been said.
func (o *outbox) withdraw(t *topic) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.late = true
	o.queue = slices.DeleteFunc(o.queue, func(p post) bool { return p.topic == t && p.opens })
}

func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// joined makes one message of what waits for the same place.
func (o *outbox) joined(p post) bool {
	if !p.plain() {
		return false
	}
	for i := len(o.queue) - 1; i >= 0; i-- {
		q := &o.queue[i]
		if q.topic != p.topic || q.channel != p.channel || q.thread != p.thread || q.answer != p.answer {
			continue
		}
		if !q.plain() || q.tries > 0 || len(q.text)+1+len(p.text) > longestText {
			return false
		}
		q.text, q.weight, q.from = q.text+"\n"+p.text, max(q.weight, p.weight), min(q.from, p.from)
		return true
	}
	return false
}

// plain tells whether a post is words alone.
func (p post) plain() bool { return !p.opens && len(p.buttons) == 0 }

// leftOut is how much was, told once there is room again.
func (o *outbox) leftOut() (n int) {
	if len(o.queue) < longestQueue/2 {
		n, o.dropped = o.dropped, 0
	}
	return n
}

// end tells whoever waits for a post that it is not said.
func (p post) end(err error) {
	if p.opens {
		p.topic.said = err
		close(p.topic.posted)
	}
}

// run says what there is to say until ctx ends, or, once enough is closed, until there is nothing more.
func (o *outbox) run(ctx context.Context, enough <-chan struct{}) {
	for ctx.Err() == nil {
		p, wait := o.next(time.Now())
		if wait == 0 {
			o.deliver(ctx, p)
			continue
		}
		if wait == nothing && closed(enough) {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-o.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// nothing is how long to wait where there is nothing to say.
const nothing = time.Hour

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// next takes out the first post whose channel is ready, or says how long to wait for one.
func (o *outbox) next(now time.Time) (post, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	soon := nothing
	held := map[*topic]bool{} // what belongs to a topic waits for its beginning
	for i, p := range o.queue {
		if held[p.topic] {
			continue
		}
		wait := o.rest[p.place()].Sub(now)
		if p.opens {
			wait = max(wait, p.topic.ready.Sub(now))
			held[p.topic] = true
		}
		if wait <= 0 {
			o.queue = slices.Delete(o.queue, i, i+1)
			return p, 0
		}
		soon = min(soon, wait)
	}
	return post{}, soon
}

// place is what has a pace of its own.
func (p post) place() string {
	if p.answer != "" {
		return p.answer
	}
	return p.channel
}

// deliver says one thing, and puts it back where there is hope.
func (o *outbox) deliver(ctx context.Context, p post) {
	if p.opens {
		p.text, p.buttons = p.topic.text()
		p.text = shorten(p.text, longestText)
	} else if p.topic != nil {
		p.thread = p.topic.ts // none, where its beginning could not be posted: then it stands by itself
	}
	ts, err := o.send(ctx, p.message)
	given, left := o.after(p, ts, err)
	if given {
		o.log.Warn("Slack has not been told", "error", err)
	}
	if left > 0 {
		o.log.Warn("Slack was told less than there was to say", "left_out", left)
	}
}

// after takes in what has become of a post: whether it was given up, and what else was left out. Nothing is logged here:
// whoever hears a stop may wait for the lock, and must not wait for a log.
func (o *outbox) after(p post, ts string, err error) (given bool, left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pause(p.place(), o.pace)
	switch {
	case err == nil && p.opens:
		p.topic.ts = ts
		close(p.topic.posted)
	case err == nil:
	case !o.retry(&p, err) || p.opens && p.topic.late:
		p.end(err)
		given = true
	default:
		o.queue = slices.Insert(o.queue, 0, p)
	}
	return given, o.leftOut()
}

// pause keeps a channel quiet. Answers to slash commands have an address each, which need not be kept for long.
func (o *outbox) pause(place string, d time.Duration) {
	now := time.Now()
	for name, until := range o.rest {
		if now.After(until) {
			delete(o.rest, name)
		}
	}
	o.rest[place] = now.Add(d)
}

// retry tells whether a post that failed is tried again, and keeps its channel quiet until then.
func (o *outbox) retry(p *post, err error) bool {
	var limit *slack.RateLimitedError
	var refused slack.SlackErrorResponse
	switch {
	case errors.As(err, &limit):
		o.pause(p.place(), max(limit.RetryAfter, o.again))
		return limit.RetryAfter <= longestRest
	case errors.As(err, &refused) && !strings.Contains(refused.Err, "error") && refused.Err != "ratelimited":
		return false // Slack has understood it, and does not want it
	}
	if p.tries++; p.tries >= mostTries {
		return false
	}
	o.pause(p.place(), o.again<<(p.tries-1))
	return true
}

// longestRest is how long Slack may ask for silence before what waits is out of date.
const longestRest = 5 * time.Minute
