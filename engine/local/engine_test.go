package local_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakes is a fleet, its gates and a disk that remember what was done, in order.
type fakes struct {
	mu      sync.Mutex
	did     []string
	red     bool
	full    error // what the journal answers
	silent  bool  // gates hang
	panics  bool
	dirty   bool // Reconcile finds something
	running int
	most    int
	writes  int // how often somebody waited for the disk
}

func (f *fakes) do(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, fmt.Sprintf(format, args...))
}

func (f *fakes) saw(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.did, func(d string) bool { return strings.Contains(d, what) })
}

func (f *fakes) before(t *testing.T, first, second string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.did, func(d string) bool { return strings.HasPrefix(d, first) })
	j := slices.IndexFunc(f.did, func(d string) bool { return strings.HasPrefix(d, second) })
	if i < 0 || j < 0 || i > j {
		t.Errorf("%q (%d) should come before %q (%d) in\n%s", first, i, second, j, strings.Join(f.did, "\n"))
	}
}

func (f *fakes) Inspect(context.Context, engine.Host, []engine.Attack) engine.Facts {
	return engine.Facts{}
}

func (f *fakes) Attack(ctx context.Context, r engine.Run, stop <-chan string, tell func(engine.Advanced), line func(string)) engine.Outcome {
	f.do("attack %s", r.Host.Name)
	if f.panics {
		panic("a nil map")
	}
	tell(engine.Advanced{Phase: engine.Holding})
	line("hello from " + r.Host.Name)
	hold := time.NewTimer(r.For)
	defer hold.Stop()
	o := engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true}
	select {
	case <-hold.C:
		o.Cause = "deadline"
	case o.Cause = <-stop:
	case <-ctx.Done():
		o.Cause = "ended"
	}
	f.do("undo %s: %s", r.Host.Name, o.Cause)
	time.Sleep(time.Second)
	return o
}

func (f *fakes) Reconcile(_ context.Context, r engine.Run) engine.Reconciled {
	f.do("reconcile %s", r.Host.Name)
	return engine.Reconciled{Clean: !f.dirty, Text: "looked"}
}

func (f *fakes) Sweep(_ context.Context, h engine.Host, _ bool) (engine.Reconciled, []string) {
	f.mu.Lock()
	f.running++
	f.most = max(f.most, f.running)
	f.mu.Unlock()
	time.Sleep(time.Second)
	f.mu.Lock()
	f.running--
	f.mu.Unlock()
	f.do("sweep %s", h.Name)
	return engine.Reconciled{Clean: true}, nil
}

func (f *fakes) Run(ctx context.Context, tell func(string, engine.GateAnswer)) {
	for {
		for _, gate := range []string{"site", "rota"} {
			if !f.silent {
				tell(gate, f.AskNow(ctx, gate))
			}
		}
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
			return
		}
	}
}

func (f *fakes) AskNow(ctx context.Context, gate string) engine.GateAnswer {
	if f.silent {
		<-ctx.Done()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return engine.GateAnswer{OK: !f.red, Text: gate}
}

func (f *fakes) AppendAll(pages []engine.Page) error {
	time.Sleep(time.Millisecond) // a disk
	f.mu.Lock()
	f.writes++
	f.mu.Unlock()
	for _, p := range pages {
		for _, r := range p.Records {
			f.do("journal %s", r.Kind)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full
}

func (f *fakes) Set(engine.Latch) error {
	f.mu.Lock()
	full := f.full
	f.mu.Unlock()
	if full == nil {
		f.do("latch set")
	}
	return full
}
func (f *fakes) Clear() error { f.do("latch cleared"); return nil }

func plan(t *testing.T) engine.Plan {
	t.Helper()
	hosts := make([]engine.Host, 40)
	for i := range hosts {
		hosts[i] = engine.Host{Name: fmt.Sprintf("web-%02d", i), Address: fmt.Sprintf("10.0.0.%d", i+1), Port: 22}
	}
	p, err := engine.NewPlan(engine.Plan{
		Name:     "test",
		Schedule: engine.Schedule{Location: time.UTC, Days: [7]bool{true, true, true, true, true, true, true}, Hours: []engine.HourRange{{Start: 0, End: 1440}}, CheckEvery: time.Minute, Wait: 10 * time.Minute},
		Safety:   engine.Safety{MaxConcurrent: 1, MaxDuration: time.Hour, Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour},
		Attacks:  []engine.Attack{{Name: "cpu", Kind: "cpu", Weight: 1, For: 5 * time.Minute, Reversible: true}},
		Gates: []engine.Gate{{Name: "site", Kind: engine.Health, Interval: 10 * time.Second, Timeout: time.Second, HealthyAfter: 1},
			{Name: "rota", Kind: engine.OnCall, Interval: 10 * time.Second, Timeout: time.Second, HealthyAfter: 1}},
		Roster: engine.NewRoster(hosts),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// started runs an engine over the fakes and gives back the way to end it.
func started(t *testing.T, f *fakes, change func(*local.Options)) (e *local.Engine, end func() error) {
	t.Helper()
	dice := uint64(0)
	o := local.Options{Plan: plan(t), Fittings: local.Fittings{Carrier: f, Gates: f}, Journal: f, Latch: f, Undo: time.Minute,
		Dice: func() uint64 { dice += 0x9e3779b97f4a7c15; return dice }}
	if change != nil {
		change(&o)
	}
	e = local.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return e, func() error { cancel(); return <-done }
}

func mood(e *local.Engine) engine.Mood { return e.Snapshot().Mood }

func TestTheMainJobGoesRoundByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(2 * time.Minute)
		if mood(e) != engine.MoodAttacking {
			t.Errorf("after two minutes the mood is %s: %s", mood(e), e.Snapshot().Verdict.Sentence)
		}
		time.Sleep(30 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		f.before(t, "journal intent", "attack ")
		if n := len(e.Snapshot().Recent); n < 2 {
			t.Errorf("%d outcomes in half an hour", n)
		}
	})
}

func TestNoAttackWithoutADurableIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(30 * time.Second)
		f.mu.Lock()
		f.full = errors.New("no space left on device")
		f.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if f.saw("attack ") {
			t.Error("attacked though the intent could not be written")
		}
		if s := e.Snapshot(); s.Stopped == nil || !strings.Contains(s.Stopped.Reason, "no space left") {
			t.Errorf("not stopped by the full disk: %+v", s.Stopped)
		}
		_ = end()
	})
}

func TestAFullDiskDoesNotKeepAStopFromUndoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(2 * time.Minute)
		f.mu.Lock()
		f.full = errors.New("no space left on device")
		f.mu.Unlock()
		if err := e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.Stop, By: "ada"}); err != nil {
			t.Errorf("the stop was refused: %v", err)
		}
		synctest.Wait()
		if !f.saw("undo ") {
			t.Error("nothing is being undone")
		}
		_ = end()
	})
}

func TestAStopOnAFullDiskIsWrittenAsSoonAsThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{full: errors.New("no space left on device")}
		e, end := started(t, f, nil)
		time.Sleep(time.Second)
		if err := e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.Stop, By: "ada"}); err != nil {
			t.Error(err)
		}
		if f.saw("latch set") || e.Snapshot().Warning == "" {
			t.Errorf("nothing warns that the stop is not on disk")
		}
		f.mu.Lock()
		f.full = nil
		f.mu.Unlock()
		time.Sleep(time.Minute)
		if !f.saw("latch set") || e.Snapshot().Warning != "" {
			t.Error("the stop was never written")
		}
		_ = end()
	})
}

func TestAnOrderThatTheCatalogueForbidsIsRefusedBeforeAnythingIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, func(o *local.Options) {
			o.Check = func(engine.Order) error { return errors.New("load must be 1 to 100") }
		})
		var refusal *engine.Refusal
		if err := e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce}); !errors.As(err, &refusal) || refusal.Name != engine.BadOrder {
			t.Errorf("%v", err)
		}
		_ = end()
	})
}

func TestStopUndoesBeforeItIsWrittenAndHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(2 * time.Minute)
		began := time.Now()
		if err := e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.Stop, By: "ada"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !f.saw("undo ") || time.Since(began) >= time.Second {
			t.Errorf("undo had not begun after %s", time.Since(began))
		}
		f.before(t, "journal order", "latch set")
		time.Sleep(5 * time.Hour)
		if mood(e) != engine.MoodStopped || len(e.Snapshot().Recent) != 1 {
			t.Errorf("mood %s, %d outcomes", mood(e), len(e.Snapshot().Recent))
		}
		if err := e.Order(t.Context(), engine.Order{ID: "2", Kind: engine.Resume, By: "ada"}); err != nil || !f.saw("latch cleared") {
			t.Errorf("resume: %v", err)
		}
		_ = end()
	})
}

func TestARedGateDuringAnAttackUndoesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		_, end := started(t, f, nil)
		time.Sleep(2 * time.Minute)
		f.mu.Lock()
		f.red = true
		f.mu.Unlock()
		time.Sleep(25 * time.Second)
		if !f.saw("undo web") || !f.saw(": gate ") {
			t.Errorf("two red answers did not undo it: %v", f.did)
		}
		_ = end()
	})
}

func TestAHangingGateDelaysNothingAndAttacksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{silent: true}
		e, end := started(t, f, nil)
		time.Sleep(time.Hour)
		if f.saw("attack ") {
			t.Error("attacked without an answer")
		}
		if err := e.Order(t.Context(), engine.Order{ID: "1", Kind: engine.Stop, By: "ada"}); err != nil {
			t.Error(err)
		}
		_ = end()
	})
}

func TestAnOpenIntentIsReconciledBeforeAnythingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{dirty: true}
		host, _ := plan(t).Roster.Find("web-07")
		e, end := started(t, f, func(o *local.Options) {
			o.Started = engine.Started{Open: []engine.Run{{ID: "old", Host: host, Attack: o.Plan.Attacks[0]}}}
		})
		time.Sleep(time.Hour)
		if f.saw("attack ") || !f.saw("reconcile web-07") {
			t.Error("something new was attacked beside an open intent")
		}
		if v := e.Snapshot().Verdict.Name; v != engine.ResidueLeft {
			t.Errorf("verdict %s", v)
		}
		f.mu.Lock()
		f.dirty = false
		f.mu.Unlock()
		time.Sleep(time.Hour)
		if !f.saw("attack ") {
			t.Error("nothing was attacked after the host was proven clean")
		}
		_ = end()
	})
}

func TestATornJournalSweepsEveryHostFirstAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		_, end := started(t, f, func(o *local.Options) { o.Started.Torn = true })
		time.Sleep(time.Hour)
		swept := 0
		for _, d := range f.did {
			if strings.HasPrefix(d, "sweep") {
				swept++
			}
			if strings.HasPrefix(d, "attack") && swept < 40 {
				t.Fatal("attacked before every host was swept")
			}
		}
		if swept != 40 || f.most > 16 {
			t.Errorf("%d hosts swept, %d at once", swept, f.most)
		}
		_ = end()
	})
}

func TestTheEndOfTheEngineUndoesWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		time.Sleep(2 * time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		if !f.saw("undo ") || len(e.Snapshot().Running) != 0 {
			t.Error("an attack was left running")
		}
		if err := e.Order(t.Context(), engine.Order{ID: "late", Kind: engine.Stop}); !errors.Is(err, local.ErrEnded) {
			t.Errorf("an order after the end: %v", err)
		}
	})
}

func TestAPanicInTheCarrierIsResidueNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{panics: true}
		e, end := started(t, f, nil)
		time.Sleep(90 * time.Second)
		if len(e.Snapshot().Recent) == 0 || !strings.Contains(e.Snapshot().Recent[0].Text, "a nil map") {
			t.Errorf("nothing tells of the panic: %+v", e.Snapshot().Recent)
		}
		if !f.saw("journal residue") {
			t.Error("the host does not count as residue")
		}
		_ = end()
	})
}

func TestAJumpOfTheClockMakesTheGatesAnswerAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		began, lost := time.Now(), time.Duration(0)
		var mu sync.Mutex
		e, end := started(t, f, func(o *local.Options) {
			o.Elapsed = func() time.Duration { mu.Lock(); defer mu.Unlock(); return time.Since(began) - lost }
		})
		time.Sleep(30 * time.Second)
		mu.Lock()
		lost = time.Hour // as if the wall clock had gone an hour ahead of the monotonic one
		mu.Unlock()
		time.Sleep(20 * time.Second)
		records, _ := e.History(t.Context(), 0)
		if !slices.ContainsFunc(records, func(r engine.Record) bool { return strings.Contains(r.Text, "clock jumped by 1h") }) {
			t.Error("nothing told of the jump")
		}
		_ = end()
	})
}

func TestASlowWatcherMissesViewsButNeverDelaysTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		ctx, cancel := context.WithCancel(t.Context())
		slot := e.Watch(ctx)
		time.Sleep(time.Hour)
		if s := <-slot; e.Snapshot().At.Sub(s.At) > time.Minute {
			t.Errorf("the slot holds a view of %s, it is %s", s.At, e.Snapshot().At)
		}
		cancel()
		for range slot {
		}
		_ = end()
	})
}

func TestHistoryMissesNothingBetweenTwoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		e, end := started(t, f, nil)
		var seen uint64
		for range 200 {
			time.Sleep(13 * time.Second)
			records, _ := e.History(t.Context(), seen)
			for _, r := range records {
				if r.Seq != seen+1 {
					t.Fatalf("record %d follows %d", r.Seq, seen)
				}
				seen = r.Seq
			}
		}
		if seen == 0 || seen != e.Snapshot().LastSeq {
			t.Errorf("seen %d of %d", seen, e.Snapshot().LastSeq)
		}
		_ = end()
	})
}
