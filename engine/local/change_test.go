package local_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

// within waits until it is so; a minute of fake time is no time at all.
func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 600 {
		if so() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("not within a minute: %s", what)
}

func attacking(e *local.Engine) bool { return mood(e) == engine.MoodAttacking }

func TestWhatRunsEndsWithTheCarrierItWasBegunWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := &fakes{}, &fakes{}
		e, end := started(t, before, nil)
		defer end()
		time.Sleep(2 * time.Minute)
		within(t, "an attack runs", func() bool { return attacking(e) })
		var left atomic.Bool
		p := plan(t)
		p.Name = "another"
		if !e.Refit(p, "reloaded", local.Fittings{Carrier: after, Gates: after}, func() { left.Store(true) }) {
			t.Fatal("the engine has ended")
		}
		if e.Snapshot().Name != "another" || !attacking(e) || left.Load() {
			t.Errorf("after the change: %s, %s, the old carrier is free: %v", e.Snapshot().Name, mood(e), left.Load())
		}
		within(t, "the gates of the new plan are asked", func() bool { return e.Snapshot().Verdict.Name != engine.AskingGates })
		time.Sleep(10 * time.Minute)
		if !before.saw("undo") || after.saw("undo") && !after.saw("attack") || !left.Load() {
			t.Errorf("before: %q, after: %q, the old carrier is free: %v", before.did, after.did, left.Load())
		}
		time.Sleep(20 * time.Minute)
		if !after.saw("attack") {
			t.Errorf("nothing was attacked with the new carrier: %q", after.did)
		}
	})
}

// stubborn is a gate that says yes to whoever asked it before the change, long after it.
type stubborn struct{ *fakes }

func (s stubborn) Run(ctx context.Context, tell func(string, engine.GateAnswer)) {
	<-ctx.Done()
	time.Sleep(30 * time.Second)
	tell("site", engine.GateAnswer{OK: true, Text: "late"})
	tell("rota", engine.GateAnswer{OK: true, Text: "late"})
}

func TestTheYesOfAGateThatIsNoMoreOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, silent := &fakes{}, &fakes{silent: true}
		e, end := started(t, before, func(o *local.Options) { o.Gates = stubborn{before} })
		defer end()
		time.Sleep(time.Minute)
		left := make(chan struct{})
		e.Refit(plan(t), "reloaded", local.Fittings{Carrier: silent, Gates: silent}, func() { close(left) })
		<-left
		time.Sleep(time.Minute)
		for _, g := range e.Snapshot().Gates {
			if g.Clear || !g.At.IsZero() {
				t.Errorf("%s is taken for %v, %q", g.Name, g.Clear, g.Text)
			}
		}
		if before.saw("attack") || silent.saw("attack") {
			t.Error("something was attacked")
		}
	})
}

func TestAChangeForgetsWhatTheGatesHaveSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, silent := &fakes{}, &fakes{silent: true}
		e, end := started(t, f, nil)
		defer end()
		within(t, "every gate says yes", func() bool { return e.Snapshot().Gates[0].Clear && e.Snapshot().Gates[1].Clear })
		e.Refit(plan(t), "reloaded", local.Fittings{Carrier: f, Gates: silent}, func() {})
		if s := e.Snapshot(); s.Gates[0].Clear || s.Gates[1].Clear {
			t.Errorf("an answer of before still counts: %+v", s.Gates)
		}
		time.Sleep(time.Hour)
		if f.saw("attack") {
			t.Error("something was attacked")
		}
	})
}

func TestAChangeWhileTheGatesAreAskedLaunchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, slow := &fakes{}, &fakes{}
		e, end := started(t, f, func(o *local.Options) { o.Gates = pensive{f} })
		defer end()
		within(t, "every gate says yes", func() bool { return e.Snapshot().Gates[0].Clear && e.Snapshot().Gates[1].Clear })
		answer := make(chan error, 1)
		go func() {
			answer <- e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce, By: "ada", Role: engine.Admin})
		}()
		synctest.Wait()
		e.Refit(plan(t), "reloaded", local.Fittings{Carrier: slow, Gates: slow}, func() {})
		var refusal *engine.Refusal
		if err := <-answer; !errors.As(err, &refusal) || refusal.Sentence != "the configuration was changed while the gates were asked" {
			t.Errorf("the order is answered by %v", err)
		}
		time.Sleep(20 * time.Second) // the answers arrive
		if f.saw("attack") || slow.saw("attack") {
			t.Errorf("attacked on the answers of before: %q %q", f.did, slow.did)
		}
	})
}

// pensive is a gate that says yes, after a while when it is asked out of turn.
type pensive struct{ *fakes }

func (p pensive) AskNow(ctx context.Context, gate string) engine.GateAnswer {
	time.Sleep(3 * time.Second)
	return p.fakes.AskNow(ctx, gate)
}

func TestAChangeThatIsNotTakenIsOnRecordAndInEveryViewUntilOneIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		defer end()
		within(t, "every gate says yes", func() bool { return e.Snapshot().Gates[0].Clear && e.Snapshot().Gates[1].Clear })
		e.Keep("changed and not taken: line 3", "not taken")
		if s := e.Snapshot(); s.Warning != "not taken" || !s.Gates[0].Clear {
			t.Errorf("the view warns %q, and the gates are %+v", s.Warning, s.Gates)
		}
		e.SetPlan(plan(t), "the fleet has changed")
		if s := e.Snapshot(); s.Warning != "not taken" {
			t.Error("another fleet has taken the warning away")
		}
		e.Refit(plan(t), "reloaded", local.Fittings{Carrier: f, Gates: f}, func() {})
		if s := e.Snapshot(); s.Warning != "" {
			t.Errorf("after a change that was taken the view warns %q", s.Warning)
		}
		records, _ := e.History(t.Context(), 0)
		var told []string
		for _, r := range records {
			if r.Kind == engine.Lifecycle {
				told = append(told, r.Text)
			}
		}
		if len(told) != 4 || told[1] != "changed and not taken: line 3" || told[3] != "changed: reloaded: test, hosts known: 40, may be drawn: 40" {
			t.Errorf("on record: %q", told)
		}
	})
}

func TestAChangeToAnEngineThatHasEndedIsSaidToBeNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(time.Second)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if e.Refit(plan(t), "reloaded", local.Fittings{Carrier: f, Gates: f}, func() { t.Error("it was taken") }) {
			t.Error("it is said to be taken")
		}
	})
}

// frozen is a disk that stops answering.
type frozen struct {
	*fakes
	from chan struct{}
}

func (d frozen) AppendAll(pages []engine.Page) error {
	select {
	case <-d.from:
		time.Sleep(time.Hour)
	default:
	}
	return d.fakes.AppendAll(pages)
}

func TestALoopThatHangsBeatsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		disk := frozen{f, make(chan struct{})}
		var beats atomic.Int32
		e, end := started(t, f, func(o *local.Options) {
			o.Journal, o.BeatEvery, o.Beat = disk, 5*time.Second, func() { beats.Add(1) }
		})
		time.Sleep(time.Minute + time.Second)
		if n := beats.Load(); n < 11 || n > 12 {
			t.Errorf("%d beats in a minute, of one in 5 s", n)
		}
		close(disk.from)
		e.Keep("something to write", "")
		synctest.Wait() // the loop may have been about to beat
		hung := beats.Load()
		time.Sleep(30 * time.Minute)
		if n := beats.Load(); n != hung {
			t.Errorf("%d beats of a loop that hangs", n-hung)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}
