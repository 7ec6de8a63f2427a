package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

// mailbox takes messages, and remembers when.
type mailbox struct {
	began time.Time
	got   []string
	fail  func(n int, m message) error // the answer to the n-th
	n     int
}

func (b *mailbox) send(_ context.Context, m message) (string, error) {
	if b.n++; b.fail != nil {
		if err := b.fail(b.n, m); err != nil {
			return "", err
		}
	}
	b.got = append(b.got, fmt.Sprintf("%4.1fs %s%s %s", time.Since(b.began).Seconds(), m.channel, m.thread, strings.ReplaceAll(m.text, "\n", "|")))
	return fmt.Sprintf("/%d", b.n), nil
}

// inBubble runs an outbox while say fills it, for so long.
func inBubble(t *testing.T, fail func(int, message) error, long time.Duration, say func(o *outbox)) (got []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &mailbox{began: time.Now(), fail: fail}
		o := newOutbox(b.send, time.Second, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		go o.run(ctx, nil)
		say(o)
		time.Sleep(long)
		cancel()
		synctest.Wait()
		got = b.got
	})
	return got
}

func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("said was\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func textTo(channel, text string) post { return post{message: message{channel: channel, text: text}} }

func TestOneMessageASecondGoesToAChannelAndWhatWaitsIsOneMessage(t *testing.T) {
	got := inBubble(t, nil, time.Minute, func(o *outbox) {
		for i := range 3 {
			o.say(textTo("A", fmt.Sprint("a", i)))
			o.say(textTo("B", fmt.Sprint("b", i)))
			synctest.Wait()
		}
	})
	compare(t, got, " 0.0s A a0", " 0.0s B b0", " 1.0s A a1|a2", " 1.0s B b1|b2")
}

func TestWhatSlackWantsToWaitForIsWaitedFor(t *testing.T) {
	limit := func(n int, _ message) error {
		if n == 3 { // the first "two"
			return &slack.RateLimitedError{RetryAfter: 30 * time.Second}
		}
		return nil
	}
	got := inBubble(t, limit, 2*time.Minute, func(o *outbox) {
		for _, text := range []string{"one", "two", "three"} {
			o.say(post{message: message{channel: "A", text: text, buttons: []button{{}}}})
		}
		o.say(textTo("B", "elsewhere"))
	})
	compare(t, got, " 0.0s A one", " 0.0s B elsewhere", "31.0s A two", "32.0s A three")
}

func TestAThreadIsSaidInOrderHoweverOftenItsBeginningFails(t *testing.T) {
	fail := func(n int, _ message) error {
		if n <= 2 {
			return errors.New("connection refused")
		}
		return nil
	}
	got := inBubble(t, fail, time.Minute, func(o *outbox) {
		topic := &topic{posted: make(chan struct{}), text: func() (string, []button) { return "begins", nil }}
		o.say(post{message: message{channel: "A"}, topic: topic, opens: true})
		o.say(post{message: message{channel: "A", text: "goes on"}, topic: topic})
		o.say(post{message: message{channel: "A", text: "ends"}, topic: topic})
	})
	compare(t, got, " 3.0s A begins", " 4.0s A/3 goes on|ends")
}

// A thread without its beginning is better than silence.
func TestWhatCannotBeSaidIsGivenUpAndTheRestIsSaid(t *testing.T) {
	fail := func(_ int, m message) error {
		if m.text == "begins" {
			return slack.SlackErrorResponse{Err: "msg_too_long"}
		}
		return nil
	}
	got := inBubble(t, fail, time.Minute, func(o *outbox) {
		topic := &topic{posted: make(chan struct{}), text: func() (string, []button) { return "begins", nil }}
		o.say(post{message: message{channel: "A"}, topic: topic, opens: true})
		o.say(post{message: message{channel: "A", text: "ends"}, topic: topic})
		<-topic.posted
		if topic.said == nil {
			t.Error("nobody was told that there is no beginning")
		}
	})
	compare(t, got, " 1.0s A ends")
}

func TestTheQueueIsBoundedAndLeavesOutProgressFirst(t *testing.T) {
	got := inBubble(t, nil, time.Hour, func(o *outbox) {
		for i := range 10_000 {
			o.say(post{message: message{channel: fmt.Sprint("C", i), text: strings.Repeat("x", 10_000)}})
			o.say(post{message: message{channel: "A", text: fmt.Sprint("residue ", i), buttons: []button{{}}}, weight: map[bool]weight{true: alarm}[i < 100]})
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.queue) > longestQueue {
			t.Errorf("%d posts wait", len(o.queue))
		}
	})
	residue := 0
	for _, g := range got {
		if len(g) > longestText+100 {
			t.Errorf("a message has %d bytes", len(g))
		}
		if strings.Contains(g, "residue") {
			residue++
		}
	}
	if residue < 100 {
		t.Errorf("only %d of what must be said was said", residue)
	}
}

func inThread(n int, w weight, from asker) post {
	return post{message: message{channel: "A", thread: fmt.Sprint("t", n), text: fmt.Sprint("text ", n)}, weight: w, from: from}
}

// full is an outbox that nobody empties.
func full(posts ...post) *outbox {
	o := newOutbox(nil, time.Second, slog.New(slog.DiscardHandler))
	o.say(posts...)
	return o
}

func (o *outbox) waiting(text string) (n int) {
	for _, p := range o.queue {
		if strings.Contains(p.text, text) {
			n++
		}
	}
	return n
}

func TestAnAlarmIsNotLeftOutForLesserThings(t *testing.T) {
	for _, lesser := range []weight{reply, progress, result, awaited, halting} {
		o := full(post{message: message{channel: "A", text: "A PERSON MUST LOOK", buttons: []button{{}}}, weight: alarm})
		for i := range 2 * longestQueue {
			o.say(inThread(i, lesser, everybody))
		}
		if o.waiting("A PERSON MUST LOOK") != 1 || len(o.queue) != longestQueue || o.waiting(fmt.Sprint("text ", 2*longestQueue-1)) != 1 {
			t.Errorf("of weight %d: %d posts wait", lesser, len(o.queue))
		}
	}
}

func TestABeginningThatIsWaitedForIsNotLeftOut(t *testing.T) {
	o, waited := full(), &topic{posted: make(chan struct{})}
	for i := range 200 {
		o.say(inThread(i, result, everybody))
	}
	o.say(post{message: message{channel: "A"}, topic: waited, opens: true, weight: result})
	o.hurry(waited)
	for i := range 2 * longestQueue {
		o.say(inThread(i, result, everybody))
	}
	if closed(waited.posted) {
		t.Error(waited.said)
	}
	if !o.queue[0].opens || len(o.queue) != longestQueue {
		t.Errorf("%d posts wait, and first %+v", len(o.queue), o.queue[0])
	}
}

func TestAnswersGoBeforeProgressAndProgressBeforeResults(t *testing.T) {
	o := full()
	say := func(what string, n int, w weight) {
		for i := range n {
			o.say(post{message: message{channel: "A", thread: fmt.Sprint(what, i), text: what}, weight: w})
		}
	}
	say("outcome", longestQueue-10, result)
	say("on its way", 5, progress)
	say("as asked", 5, reply)
	say("STOP", 7, halting)
	if o.waiting("outcome") != longestQueue-10 || o.waiting("on its way") != 3 || o.waiting("as asked") != 0 || o.waiting("STOP") != 7 {
		t.Errorf("%d outcomes, %d of progress, %d answers and %d stops wait", o.waiting("outcome"), o.waiting("on its way"), o.waiting("as asked"), o.waiting("STOP"))
	}
}

func TestWhoeverAsksCrowdsNobodyOut(t *testing.T) {
	o := full(inThread(0, progress, everybody), inThread(1, reply, known))
	for i := range 1000 {
		o.say(inThread(10_000+i, reply, stranger), inThread(20_000+i, result, stranger))
	}
	if o.waiting("text 0") != 1 || o.waiting("text 1") < 1 || len(o.queue) != 2+shares[stranger] {
		t.Errorf("%d posts wait", len(o.queue))
	}
	for i := range 1000 {
		o.say(inThread(30_000+i, reply, known))
	}
	if len(o.queue) != 1+shares[stranger]+shares[known] || o.waiting("text 30999") != 1 {
		t.Errorf("%d posts wait", len(o.queue))
	}
}
