package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/pagerduty/fake"
	"github.com/chaoscat/chaoscat/engine/web"
)

// world is a fleet with its gates and its disk.
type world struct {
	mu    sync.Mutex
	stuck chan struct{} // while it is there, the disk does not come back
	dirty bool          // hosts are not proven clean
	lost  bool          // hosts are lost during the attack
}

func (w *world) set(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) is(what *bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *what
}

func (w *world) Inspect(context.Context, engine.Host, []engine.Attack) engine.Facts {
	return engine.Facts{}
}

func (w *world) Attack(ctx context.Context, r engine.Run, stop <-chan string, tell func(engine.Advanced), _ func(string)) engine.Outcome {
	tell(engine.Advanced{Phase: engine.Injecting})
	tell(engine.Advanced{Phase: engine.Holding})
	o := engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: "deadline", Figures: engine.Figures{Text: "cpu busy 4 → 81 → 5 %"}}
	select {
	case <-time.After(r.For):
	case o.Cause = <-stop:
	case <-ctx.Done():
	}
	if w.is(&w.lost) {
		tell(engine.Advanced{Phase: engine.Lost, Until: time.Now().Add(15 * time.Second)})
		time.Sleep(time.Minute)
	}
	if w.is(&w.dirty) {
		o.Undo, o.Detail = engine.Residue, "a process is left"
	}
	return o
}

func (w *world) Reconcile(context.Context, engine.Run) engine.Reconciled {
	return engine.Reconciled{Clean: !w.is(&w.dirty), Text: "looked"}
}

func (w *world) Sweep(context.Context, engine.Host, bool) (engine.Reconciled, []string) {
	return engine.Reconciled{Clean: true}, nil
}

func (w *world) Run(ctx context.Context, tell func(string, engine.GateAnswer)) {
	for ctx.Err() == nil {
		tell("site", w.AskNow(ctx, "site"))
		tell("rota", w.AskNow(ctx, "rota"))
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
		}
	}
}

func (w *world) AskNow(context.Context, string) engine.GateAnswer {
	return engine.GateAnswer{OK: true, Text: "well", Who: []string{"ada"}}
}

func (w *world) AppendAll([]engine.Page) error {
	w.mu.Lock()
	stuck := w.stuck
	w.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return nil
}

func (w *world) Set(engine.Latch) error { return nil }
func (w *world) Clear() error           { return nil }

func plan(t *testing.T) engine.Plan {
	t.Helper()
	p, err := engine.NewPlan(engine.Plan{
		Name:     "test",
		Schedule: engine.Schedule{Location: time.UTC, Days: [7]bool{true, true, true, true, true, true, true}, Hours: []engine.HourRange{{Start: 0, End: 1440}}, CheckEvery: time.Minute, Wait: time.Hour},
		Safety:   engine.Safety{MaxConcurrent: 1, MaxDuration: time.Hour, Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour},
		Attacks:  []engine.Attack{{Name: "cpu", Kind: "cpu", Weight: 1, For: 5 * time.Minute, Reversible: true}},
		Gates: []engine.Gate{{Name: "site", Kind: engine.Health, Interval: 10 * time.Second, Timeout: time.Second, HealthyAfter: 1},
			{Name: "rota", Kind: engine.OnCall, Interval: 10 * time.Second, Timeout: time.Second, HealthyAfter: 1}},
		Roster: engine.NewRoster([]engine.Host{{Name: "web-1", Address: "10.0.0.1", Port: 22}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// direct sends to the fake without a network, which stands still where time is not real.
type direct struct {
	fake *fake.Server
	mu   sync.Mutex
	down bool
}

func (d *direct) send(_ context.Context, e event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return errors.New("no route to host")
	}
	text, err := json.Marshal(struct {
		RoutingKey string `json:"routing_key"`
		event
	}{fake.Key, e})
	if err != nil {
		return err
	}
	w := httptest.NewRecorder()
	d.fake.ServeHTTP(w, httptest.NewRequest("POST", e.path(), bytes.NewReader(text)))
	if w.Code != 202 {
		return &web.StatusError{Status: w.Code, Text: w.Body.String()}
	}
	return nil
}

func (d *direct) goes(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// sent is what was sent so far, in short.
func (d *direct) sent() (all []string) {
	for _, e := range d.fake.Events() {
		all = append(all, strings.TrimSpace(strings.Join([]string{e.Action, e.Payload.Summary}, " ")))
	}
	return all
}

// life is an engine with an outlet, in a bubble.
func life(t *testing.T, w *world, pd *fake.Server, check func(e *local.Engine, d *direct)) *direct {
	t.Helper()
	d := &direct{fake: pd}
	synctest.Test(t, func(t *testing.T) {
		dice := uint64(0)
		e := local.New(local.Options{Plan: plan(t), Fittings: local.Fittings{Carrier: w, Gates: w}, Journal: w, Latch: w, Undo: 2 * time.Minute,
			Dice: func() uint64 { dice += 0x9e3779b97f4a7c15; return dice }})
		out, err := New(Options{Account: Account{Events: pd.URL, KeyFile: pd.KeyFile}, Name: "test", Machine: "ctl-1", Changes: true, Alerts: true,
			Silence: 4 * time.Minute, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		out.events = d
		live, end := context.WithCancel(t.Context())
		doorway, shut := context.WithCancel(t.Context())
		ran, told := make(chan error, 1), make(chan struct{})
		go func() { ran <- e.Run(live) }()
		go func() {
			defer close(told)
			out.Run(doorway, e, control.Guest{Engine: e, Peer: control.Peer{Name: "pagerduty", Role: engine.Stopper}, Door: "pagerduty"})
		}()
		check(e, d)
		end()
		<-ran
		shut()
		<-told
	})
	return d
}

// alive ends the alert about a dead scheduler, should there be one of an earlier life.
const alive = "resolve"

func TestRespondersSeeWhereAnAttackBeginsAndEnds(t *testing.T) {
	pd := fake.New(t)
	d := life(t, &world{}, pd, func(*local.Engine, *direct) { time.Sleep(15 * time.Minute) })
	expect(t, d.sent(), "chaoscat began cpu on web-1 for 5m", alive, "chaoscat ended cpu on web-1: effective, restored, cpu busy 4 → 81 → 5 %")
	begun, ended := pd.Events()[0], pd.Events()[2]
	if !begun.Change || begun.Payload.Source != "web-1" || begun.Payload.Details["on call"] != "ada" || begun.Payload.Details["by"] != "schedule" || begun.Payload.Details["how to stop"] == nil {
		t.Errorf("%+v", begun)
	}
	if ended.Payload.Details["measured"] != "cpu busy 4 → 81 → 5 %" || ended.Payload.Details["outcome"] != "effective" || ended.Payload.Details["lasted"] != "5m" {
		t.Errorf("%+v", ended)
	}
}

func TestResidueIsAnAlertThatEndsWhenTheHostIsClean(t *testing.T) {
	w := &world{dirty: true}
	d := life(t, w, fake.New(t), func(e *local.Engine, d *direct) {
		time.Sleep(8 * time.Minute)
		expect(t, d.sent()[2:], "trigger RESIDUE on web-1: a process is left", "chaoscat ended cpu on web-1: effective, residue, cpu busy 4 → 81 → 5 % (a process is left)")
		w.set(func() { w.dirty = false })
		time.Sleep(2 * time.Minute)
	})
	expect(t, d.sent()[4:], "resolve")
}

func TestAResidueAlertGetsThroughHoweverLongPagerDutyIsAway(t *testing.T) {
	d := life(t, &world{dirty: true}, fake.New(t), func(e *local.Engine, d *direct) {
		d.goes(true)
		time.Sleep(3 * time.Hour)
		d.goes(false)
		time.Sleep(longestPause + time.Second)
		expect(t, d.sent(), "trigger RESIDUE on web-1: a process is left", "resolve") // and the change events are too old
	})
	expect(t, d.sent()[2:])
}

func TestAHostThatDoesNotComeBackIsAnAlert(t *testing.T) {
	d := life(t, &world{lost: true}, fake.New(t), func(e *local.Engine, d *direct) { time.Sleep(15 * time.Minute) })
	sent := d.sent()
	if len(sent) != 5 || !strings.HasPrefix(sent[2], "trigger web-1 did not come back: no contact since ") || !strings.HasPrefix(strings.Join(sent[3:], "; "), "resolve; chaoscat ended cpu") {
		t.Errorf("%q", sent)
	}
}

func TestASchedulerThatStandsStillIsAnAlertUntilItGoesOn(t *testing.T) {
	w := &world{}
	d := life(t, w, fake.New(t), func(e *local.Engine, d *direct) {
		time.Sleep(15 * time.Minute)
		free := make(chan struct{})
		w.set(func() { w.stuck = free })
		go e.Order(context.Background(), engine.Order{ID: "1", Kind: engine.Remark, By: "ada", Reason: "the disk hangs"})
		time.Sleep(4*time.Minute + 10*time.Second)
		if sent := d.sent(); len(sent) != 4 || !strings.HasPrefix(sent[3], "trigger chaoscat test on ctl-1 gives no sign of life since ") {
			t.Errorf("%q", sent)
		}
		w.set(func() { w.stuck = nil })
		close(free)
		time.Sleep(time.Minute)
	})
	expect(t, d.sent()[4:], "resolve")
}

func TestAnEngineThatIsToldToEndIsNoAlertNorDoesAShortLifeEndOne(t *testing.T) {
	d := life(t, &world{}, fake.New(t), func(*local.Engine, *direct) { time.Sleep(30 * time.Second) })
	expect(t, d.sent())
}

func TestAnEngineThatEndsByItselfIsAnAlert(t *testing.T) {
	pd := fake.New(t)
	d := &direct{fake: pd}
	synctest.Test(t, func(t *testing.T) {
		out, err := New(Options{Account: Account{Events: pd.URL, KeyFile: pd.KeyFile}, Name: "test", Machine: "ctl-1", Alerts: true, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		out.events = d
		doorway, shut := context.WithCancel(t.Context())
		told := make(chan struct{})
		go func() { defer close(told); out.Run(doorway, gone{}, nil) }()
		synctest.Wait()
		shut()
		<-told
	})
	expect(t, d.sent(), "trigger chaoscat test on ctl-1 has ended by itself")
}

// gone is an engine whose loop has broken.
type gone struct{}

func (gone) Snapshot() engine.Snapshot { return engine.Snapshot{} }
func (gone) History(context.Context, uint64) ([]engine.Record, error) {
	return nil, nil
}
func (gone) Watch(context.Context) <-chan engine.Snapshot {
	views := make(chan engine.Snapshot)
	close(views)
	return views
}

func TestWhatIsStillToBeSaidAtTheEndIsSaid(t *testing.T) {
	d := life(t, &world{}, fake.New(t), func(e *local.Engine, d *direct) {
		time.Sleep(3 * time.Minute) // an attack is on
		d.goes(true)
		go func() { time.Sleep(3 * time.Second); d.goes(false) }()
	})
	sent := d.sent()
	if last := sent[len(sent)-1]; !strings.HasPrefix(last, "chaoscat ended cpu on web-1") {
		t.Errorf("%q", sent)
	}
}

// The main path over a real network, with everything that PagerDuty does to those who ask too often.
func TestEventsGetThroughLimitsAndFailuresInTheirOrder(t *testing.T) {
	pd := fake.New(t)
	pd.Fail("/v2/change", 1, 429, "1")
	pd.Fail("/v2/", 1, 503, "")
	out, err := New(Options{Account: Account{Events: pd.URL, KeyFile: pd.KeyFile}, Name: "test", Changes: true, Alerts: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); out.sending(ctx) }()
	out.mu.Lock()
	out.began = time.Now()
	for n := range 3 {
		out.put(event{Payload: &payload{Summary: fmt.Sprint("change ", n), Timestamp: timestamp(time.Now())}})
	}
	out.consider()
	out.mu.Unlock()
	for deadline := time.Now().Add(20 * time.Second); len(pd.Events()) < 3 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	expect(t, (&direct{fake: pd}).sent(), "change 0", "change 1", "change 2")
}

func TestADeadProcessIsAlarmedByWhoeverSeesIt(t *testing.T) {
	pd := fake.New(t)
	pd.Fail("/v2/", 1, 500, "")
	o := Options{Account: Account{Events: pd.URL, KeyFile: pd.KeyFile}, Name: "prod", Machine: "ctl-1"}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Died(ctx, o, "has died (signal)"); err != nil {
		t.Fatal(err)
	}
	if e := pd.Events(); len(e) != 1 || e[0].Key != "chaoscat/prod/engine" || e[0].Payload.Summary != "chaoscat prod on ctl-1 has died (signal)" {
		t.Errorf("%+v", e)
	}
}

// A reload of the configuration puts a new outlet into the place of the old one.
func TestAnOutletThatTakesOverEndsWhatTheOneBeforeHasBegunAndNotesNothingTwice(t *testing.T) {
	tales := newStories("")
	r := engine.Run{ID: "r", Host: engine.Host{Name: "web-1"}, Attack: engine.Attack{Name: "cpu"}, Phase: engine.Holding, Started: noon}
	if begun := tales.recall([]engine.Run{r}); len(begun) != 1 || begun[0].name() != "cpu on web-1" {
		t.Errorf("%+v", begun)
	}
	if _, ended := tales.hear(engine.Record{Kind: engine.Closed, Run: "r", Outcome: &engine.Outcome{Effect: engine.Effective}, At: noon}); ended == nil {
		t.Error("the end is not told")
	}

	w, s, book := watching(t)
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	attacked(w, "run-1", began)
	id := s.Open(checkout, "x", began.Add(time.Second))
	w.recall(recorded{engine.Record{Order: &engine.Order{ID: "pagerduty-" + id + "-1", Kind: engine.Remark}}})
	w.round(t.Context())
	expect(t, book.new())
	s.Acknowledge(id, began.Add(2*time.Second))
	w.round(t.Context())
	expect(t, book.new(), "incident #1001 (checkout: x) opened 1s after latency on web-1 began, acknowledged after 1s")
}

// recorded is an engine with a past.
type recorded []engine.Record

func (r recorded) Snapshot() engine.Snapshot                                { return engine.Snapshot{} }
func (r recorded) History(context.Context, uint64) ([]engine.Record, error) { return r, nil }
func (r recorded) Watch(context.Context) <-chan engine.Snapshot             { return nil }
