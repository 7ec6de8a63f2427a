package health

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

type gateFunc func(ctx context.Context) engine.GateAnswer

func (f gateFunc) Ask(ctx context.Context) engine.GateAnswer { return f(ctx) }

func asked(name string, interval, timeout time.Duration, f gateFunc) Asked {
	return Asked{engine.Gate{Name: name, Kind: engine.Health, Interval: interval, Timeout: timeout, HealthyAfter: 1}, f}
}

// heard collects what is delivered, with the time since the start of the bubble.
type heard struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func (h *heard) deliver(name string, a engine.GateAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%s %s %v %s", time.Since(h.began), name, a.OK, a.Text))
}

func (h *heard) is(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.lines, want) {
		t.Errorf("heard\n  %s\nwant\n  %s", strings.Join(h.lines, "\n  "), strings.Join(want, "\n  "))
	}
}

// runFor lets the gates be asked for a while, and then gives what is still out the time to end.
func runFor(t *testing.T, d time.Duration, c clock.Clock, gates ...Asked) *heard {
	t.Helper()
	h := &heard{began: time.Now()}
	r, err := NewRunner(gates, c, h.deliver)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r.Run(ctx)
	time.Sleep(time.Minute) // gates that do not care about ctx come back
	return h
}

func well(context.Context) engine.GateAnswer { return Yes("well") }

func TestEachGateIsAskedAtOnceAndThenExactlyAtItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context) engine.GateAnswer { time.Sleep(3 * time.Second); return Yes("slow") }
		h := runFor(t, 25*time.Second, clock.Clock{}, asked("slow", 10*time.Second, 5*time.Second, slow))
		h.is(t, "3s slow true slow", "13s slow true slow", "23s slow true slow")
		h = runFor(t, 21*time.Second, clock.Clock{}, asked("a", 10*time.Second, time.Second, well))
		h.is(t, "0s a true well", "10s a true well", "20s a true well")
	})
}

func TestOnAFastClockTheIntervalShrinksAndTheTimeoutDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast := clock.Fast(time.Now(), time.Now(), 60)
		slow := func(context.Context) engine.GateAnswer { time.Sleep(900 * time.Millisecond); return Yes("well") }
		h := runFor(t, 2500*time.Millisecond, fast, asked("a", time.Minute, time.Second, slow))
		h.is(t, "900ms a true well", "1.9s a true well")
	})
}

func TestAGateThatHangsIsANoAtItsTimeoutAndIsNeverAskedTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		out, most := 0, 0
		deaf := func(context.Context) engine.GateAnswer {
			mu.Lock()
			out++
			most = max(most, out)
			mu.Unlock()
			time.Sleep(12 * time.Second)
			mu.Lock()
			out--
			mu.Unlock()
			return Yes("at last")
		}
		h := runFor(t, 19*time.Second, clock.Clock{}, asked("deaf", 5*time.Second, time.Second, deaf))
		h.is(t, "1.25s deaf false no answer within 1s",
			"5s deaf false the gate has not come back from the question before this one",
			"10s deaf false the gate has not come back from the question before this one",
			"16.25s deaf false no answer within 1s")
		mu.Lock()
		defer mu.Unlock()
		if most != 1 {
			t.Errorf("%d questions at once", most)
		}
	})
}

func TestAYesAfterTheTimeoutIsANo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(ctx context.Context) engine.GateAnswer { <-ctx.Done(); return Yes("well") }
		r, err := NewRunner([]Asked{asked("late", time.Minute, time.Second, late)}, clock.Clock{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := r.AskNow(t.Context(), "late"); !reflect.DeepEqual(a, No("no answer within 1s")) {
			t.Errorf("%+v", a)
		}
	})
}

func TestAPanicInAGateIsAnAnswerThatSaysNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runFor(t, 6*time.Second, clock.Clock{}, asked("mad", 5*time.Second, time.Second, func(context.Context) engine.GateAnswer { panic("ou\x1bch") }), asked("sane", 5*time.Second, time.Second, well))
		slices.Sort(h.lines)
		h.is(t, `0s mad false the gate itself failed: ou\x1bch`, "0s sane true well", `5s mad false the gate itself failed: ou\x1bch`, "5s sane true well")
	})
}

func TestAnAnswerIsMadeFitToShowWhateverTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runFor(t, time.Second, clock.Clock{}, asked("a", time.Minute, time.Second, func(context.Context) engine.GateAnswer { return engine.GateAnswer{} }))
		h.is(t, "0s a false the gate said no and gave no reason")
	})
}

func TestTheLastMomentRoundIsFreshAndMayRunBesideTheRegularAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var mu sync.Mutex
		count := func(context.Context) engine.GateAnswer {
			mu.Lock()
			n++
			mine := n
			mu.Unlock()
			time.Sleep(2 * time.Second)
			return Yes("answer %d", mine)
		}
		h := &heard{began: time.Now()}
		r, err := NewRunner([]Asked{asked("a", time.Minute, 5*time.Second, count)}, clock.Clock{}, h.deliver)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		time.Sleep(time.Second)
		if a := r.AskNow(ctx, "a"); !reflect.DeepEqual(a, Yes("answer 2")) || time.Since(h.began) != 3*time.Second {
			t.Errorf("%+v after %s", a, time.Since(h.began))
		}
		h.is(t, "2s a true answer 1")
		if a := r.AskNow(ctx, "b"); a.OK || !strings.Contains(a.Text, "no gate named b") {
			t.Errorf("%+v", a)
		}
		cancel()
		<-done
		if a := r.AskNow(ctx, "a"); a.OK {
			t.Errorf("after the end: %+v", a)
		}
		time.Sleep(time.Minute)
		h.is(t, "2s a true answer 1")
	})
}

func TestRulesThatCannotBeKeptAreRefused(t *testing.T) {
	_, err := NewRunner([]Asked{asked("a", 0, time.Second, well), asked("a", time.Second, time.Second, well), {Gate: engine.Gate{Name: "c", Interval: 1, Timeout: 1}}}, clock.Clock{}, nil)
	for _, want := range []string{"gate a: interval", "two gates are named a", "gate c has nobody to ask"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}
