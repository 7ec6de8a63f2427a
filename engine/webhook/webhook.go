// Package webhook tells another system over HTTP what chaoscat has done, one signed message for each record. It decides
// what is still worth telling when the other side does not listen, and when to try again; it never makes the engine wait.
//
//	hook, err := webhook.New(webhook.Options{Name: "audit", Sender: "prod-eu", Client: client, SecretFile: path, ...})
//	go hook.Run(ctx)
//	hook.Hear(records, missed)
//
// Messages arrive in order, each at least once: an id that the receiver has seen before is a repetition. What is signed
// is the text "ID.TIMESTAMP.BODY", by HMAC-SHA256, as Standard Webhooks describe it (standardwebhooks.com), so that their
// libraries verify it. A receiver that fails is tried again, later and later; one that says that it is gone (410) is
// never asked again in this life; a message that it does not want (400, 413, 422 and alike) is given up at once, so that
// those behind it arrive. Too many messages push out the ordinary ones first, what was done to hosts after them, and hosts that need a person
// last; the next message that arrives says how many are missing.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
)

const (
	longestWait = 5 * time.Minute
	// keptFor bounds how long one message is tried while the other side fails.
	keptFor = 24 * time.Hour
)

// Options is all that a hook needs. Everything is required.
type Options struct {
	Name       string // of this hook, for people
	Sender     string // of this chaoscat, for the receiver
	Client     *web.Client
	SecretFile string              // read at each try
	Kinds      []engine.RecordKind // what is told
	Queue      int                 // records that may wait
	First      time.Duration       // wait after the first failure, twice as long after each further one
	Last       time.Duration       // how long the last words are tried when all ends
	Now        func() time.Time
	Dice       func() uint64 // for waits that are not all alike
	Log        *slog.Logger
}

// Stats is what became of the records so far.
type Stats struct {
	Delivered uint64
	Failed    uint64 // tries
	Dropped   uint64 // records that never arrived
	Waiting   int
	Gone      bool // the receiver wants no more
}

// Hook is one receiver. Make it with [New].
type Hook struct {
	o    Options
	news chan struct{} // filled when something waits

	mu      sync.Mutex
	queue   queue
	stats   Stats
	missing uint64 // records dropped since the last delivery
}

// New makes a hook that is silent until [Hook.Run].
func New(o Options) *Hook {
	return &Hook{o: o, news: make(chan struct{}, 1), queue: queue{size: o.Queue}}
}

// Name is what people call the hook.
func (h *Hook) Name() string { return h.o.Name }

// Stats is what became of the records so far.
func (h *Hook) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Waiting = len(h.queue.waiting)
	return s
}

// Hear takes records in, and how many others nobody could hear. It never waits.
func (h *Hook) Hear(records []engine.Record, missed uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lose(missed)
	for _, r := range records {
		if slices.Contains(h.o.Kinds, r.Kind) {
			h.take(r)
		}
	}
	select {
	case h.news <- struct{}{}:
	default: // it knows already
	}
}

func (h *Hook) take(r engine.Record) {
	if h.stats.Gone {
		h.stats.Dropped++
		return
	}
	h.lose(uint64(h.queue.push(r)))
}

func (h *Hook) lose(n uint64) {
	h.stats.Dropped += n
	h.missing += n
}

// Run delivers until ctx ends, then for Options.Last at most what is still waiting.
func (h *Hook) Run(ctx context.Context) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(h.o.Last, end) })()
	for {
		h.mu.Lock()
		next, some := h.queue.pop()
		h.mu.Unlock()
		switch {
		case some:
			if !h.deliver(ctx, life, next) {
				h.leave()
				return
			}
		case ctx.Err() != nil:
			return
		default:
			select {
			case <-ctx.Done():
			case <-h.news:
			}
		}
	}
}

// deliver tries one record until it is settled; false, once nothing more can be.
func (h *Hook) deliver(ctx, life context.Context, r engine.Record) bool {
	began := h.o.Now()
	for failures := 0; ; {
		err := h.try(life, r)
		if err == nil {
			h.delivered(failures)
			return true
		}
		failures++
		switch h.failed(err, failures, h.o.Now().Sub(began)) {
		case gone:
			return false
		case giveUp:
			return true
		}
		if !h.pause(ctx, life, wait(err, h.o.First, failures, h.o.Dice())) {
			h.settle(func() { h.lose(1) })
			return false
		}
	}
}

func (h *Hook) try(life context.Context, r engine.Record) error {
	secret, err := web.ReadSecret(h.o.SecretFile)
	if err != nil {
		return err
	}
	key, err := keyOf(secret)
	if err != nil {
		return err
	}
	h.mu.Lock()
	missing := h.missing
	h.mu.Unlock()
	request, err := request(h.o.Sender, r, missing, h.o.Now(), key)
	if err != nil {
		return err
	}
	if err := h.o.Client.JSON(life, request, nil); err != nil {
		return err
	}
	h.settle(func() { h.missing -= missing })
	return nil
}

// pause waits before the next try. When all ends it waits little, and not at all once the last words are over.
func (h *Hook) pause(ctx, life context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	if ctx.Err() == nil {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
		}
	}
	timer.Reset(min(d, h.o.First))
	select {
	case <-timer.C:
		return true
	case <-life.Done():
		return false
	}
}

func (h *Hook) delivered(failures int) {
	h.settle(func() { h.stats.Delivered++ })
	if failures > 0 {
		h.o.Log.Info(fmt.Sprintf("webhook %s answers again", h.o.Name), "failures", failures)
	}
}

// failed counts a failure, says what people must know of it, once, and what becomes of the message.
func (h *Hook) failed(err error, failures int, since time.Duration) fate {
	what := judge(err, since)
	h.settle(func() {
		h.stats.Failed++
		if what != again {
			h.lose(1)
		}
		h.stats.Gone = what == gone
	})
	switch {
	case what == gone:
		h.o.Log.Error(fmt.Sprintf("the receiver of webhook %s is gone for good (410); nothing more is sent to it before the next start", h.o.Name))
	case what == giveUp:
		h.o.Log.Error(fmt.Sprintf("webhook %s does not take a message; it is dropped", h.o.Name), "error", err)
	case failures == 1:
		h.o.Log.Warn(fmt.Sprintf("webhook %s failed; it is tried again, and records wait", h.o.Name), "error", err)
	}
	return what
}

// leave counts what nobody will deliver any more.
func (h *Hook) leave() {
	lost := 0
	h.settle(func() {
		lost = len(h.queue.waiting)
		h.queue.waiting = nil
		h.lose(uint64(lost))
	})
	if lost > 0 {
		h.o.Log.Warn(fmt.Sprintf("webhook %s was not told everything", h.o.Name), "records", lost)
	}
}

func (h *Hook) settle(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// fate is what becomes of a message that did not arrive.
type fate int

const (
	again fate = iota
	giveUp
	gone
)

// judge tells a receiver that fails from a message that it does not want. A wrong secret or address is the former:
// somebody will mend it, and nothing is lost meanwhile.
func judge(err error, since time.Duration) fate {
	var status *web.StatusError
	if errors.As(err, &status) {
		switch status.Status {
		case http.StatusGone:
			return gone
		case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
			return giveUp
		}
	}
	if since > keptFor {
		return giveUp
	}
	return again
}

// wait doubles from the first one on, is spread over its upper half so that many senders do not come back together, and
// is never shorter than what the receiver asks for.
func wait(err error, first time.Duration, failures int, draw uint64) time.Duration {
	d := min(first<<min(failures-1, 20), longestWait)
	d = d/2 + time.Duration(draw%uint64(d/2+1))
	var status *web.StatusError
	if errors.As(err, &status) {
		d = max(d, status.RetryAfter)
	}
	return d
}
