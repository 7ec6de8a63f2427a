package chat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	firstRest   = time.Second // between two connections
	longestWait = 30 * time.Second
	steady      = time.Minute // a connection that has lasted so long is followed by another at once
	longestRead = 1 << 20     // of one envelope
)

// connect keeps a connection to Slack until ctx ends. Whatever becomes of one, the next follows, with the tokens that
// are in the files then. Slack replaces connections all day long.
func (c *Chat) connect(ctx context.Context) {
	rest := firstRest
	for ctx.Err() == nil {
		began := time.Now()
		up, err := c.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if up && time.Since(began) > steady {
			c.o.Log.Info("the connection to Slack has ended; there will be another", "why", err)
			rest = firstRest
			continue
		}
		wait := atLeast(rest, err)
		c.o.Log.Warn("there is no connection to Slack; chaoscat stop works on its machine", "error", err, "again_in", wait)
		sleep(ctx, wait)
		rest = min(2*rest, longestWait)
	}
}

// atLeast is that time, or as long as Slack wants to be left alone.
func atLeast(wait time.Duration, err error) time.Duration {
	var limit *slack.RateLimitedError
	if errors.As(err, &limit) {
		return min(max(wait, limit.RetryAfter), longestRest)
	}
	return wait
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

var errGone = errors.New("Slack has closed the connection")

// session is one connection, from its beginning to its end, and why it ended.
func (c *Chat) session(ctx context.Context) (up bool, err error) {
	me, _, err := c.api.me(ctx)
	if err != nil {
		return false, err
	}
	client, secrets, err := c.api.client()
	if err != nil {
		return false, err
	}
	socket := socketmode.New(client, socketmode.OptionReadLimit(longestRead), socketmode.OptionLog(log.New(io.Discard, "", 0)),
		socketmode.OptionDialer(&websocket.Dialer{HandshakeTimeout: answerWithin, WriteBufferSize: 32 << 10})) // Slack drops what comes in pieces
	ctx, end := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer end()
	over := make(chan error, 1)
	work.Go(func() { over <- socket.RunContext(ctx) })
	work.Go(func() { c.acknowledge(ctx, socket) })
	for {
		select {
		case e := <-socket.Events:
			switch e.Type {
			case socketmode.EventTypeConnecting:
				if up { // the library would try again at once, and for ever
					return up, errGone
				}
			case socketmode.EventTypeConnected:
				c.o.Log.Info("connected to Slack")
				up = true
			case socketmode.EventTypeConnectionError:
				return up, cleaned(e.Data.(*slack.ConnectionErrorEvent).ErrorObj, secrets)
			default:
				c.receive(e, me)
			}
		case err := <-over:
			return up, cleaned(err, secrets)
		}
	}
}

// receive has an envelope acknowledged, and what it says heard. It waits for neither.
func (c *Chat) receive(e socketmode.Event, me string) {
	if id := envelope(e); id != "" {
		select {
		case c.acks <- id:
		default: // Slack delivers it again, and it is known then
		}
	}
	now := c.o.Now()
	if h, says := listen(e, me, now); says {
		h.got = now
		c.hear(h)
	}
}

// envelope is what to acknowledge. What the library does not understand is acknowledged too: it would only come again.
func envelope(e socketmode.Event) string {
	if e.Request != nil {
		return e.Request.EnvelopeID
	}
	var r socketmode.Request
	if bad, is := e.Data.(*socketmode.ErrorBadMessage); is && json.Unmarshal(bad.Message, &r) == nil {
		return r.EnvelopeID
	}
	return ""
}

// acknowledge tells Slack what has arrived, at the pace of the connection.
func (c *Chat) acknowledge(ctx context.Context, socket *socketmode.Client) {
	for {
		select {
		case id := <-c.acks:
			_ = socket.AckCtx(ctx, id, nil) // not told, it is delivered again
		case <-ctx.Done():
			return
		}
	}
}
