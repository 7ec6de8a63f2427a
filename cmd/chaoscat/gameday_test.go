package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

// mortal is an engine behind a socket that dies at its n-th question, before or after it has done what was asked, and
// lives again a little later with nothing in its memory but what its new life brought.
type mortal struct {
	t       *testing.T
	dies    int   // at which question; 0: never
	after   bool  // it has done what was asked, and only the answer is missing
	how     error // what whoever asked is told
	asked   int
	records []engine.Record // all of its lives
	memory  int             // where this one begins
	answers map[string]bool
	begun   map[string]int
	gone    chan struct{} // closed when it dies; nil while it is dead
}

func newMortal(t *testing.T) *mortal {
	m := &mortal{t: t, answers: map[string]bool{}, begun: map[string]int{}}
	m.live()
	return m
}

func (m *mortal) live() {
	m.gone = make(chan struct{})
	kept := m.records[:0:0]
	for _, r := range m.records {
		if r.Kind != engine.Line {
			kept = append(kept, r)
		}
	}
	m.records, m.memory = kept, len(kept)
	m.note(engine.Record{Kind: engine.Lifecycle, Text: "started"})
}

func (m *mortal) note(r engine.Record) {
	r.At, r.Seq = time.Now(), 1
	if n := len(m.records); n > 0 {
		r.Seq = m.records[n-1].Seq + 1
	}
	m.records = append(m.records, r)
}

// question counts, and tells whether it is the last one of this life.
func (m *mortal) question() bool {
	m.asked++
	return m.asked == m.dies
}

func (m *mortal) die() error {
	close(m.gone)
	m.gone = nil
	return m.how
}

func (m *mortal) dead() error {
	if m.gone == nil {
		return control.ErrNoEngine
	}
	return nil
}

func (m *mortal) Watch(ctx context.Context) <-chan engine.Snapshot {
	views := make(chan engine.Snapshot, 1)
	if m.gone == nil {
		m.live() // somebody has started it again
	}
	gone := m.gone
	go func() {
		defer close(views)
		for tick := time.NewTicker(time.Second); ; {
			select {
			case views <- engine.Snapshot{At: time.Now(), Attacks: []engine.Attack{{Name: "cpu"}}, Roster: engine.NewRoster([]engine.Host{{Name: "web-1"}}), LastSeq: m.records[len(m.records)-1].Seq}:
			default:
			}
			select {
			case <-ctx.Done():
				return
			case <-gone:
				return
			case <-tick.C:
			}
		}
	}()
	return views
}

func (m *mortal) History(_ context.Context, after uint64) (list []engine.Record, err error) {
	if err := m.dead(); err != nil {
		return nil, err
	}
	if m.question() {
		return nil, m.die()
	}
	for _, r := range m.records[m.memory:] {
		if r.Seq > after {
			list = append(list, r)
		}
	}
	return list, nil
}

func (m *mortal) Ask(_ context.Context, o engine.Order) (string, error) {
	if err := m.dead(); err != nil {
		return "", err
	}
	last := m.question()
	if last && !m.after {
		return "", m.die()
	}
	m.obey(o)
	if last {
		return "", m.die()
	}
	return "run-" + o.ID, nil
}

func (m *mortal) obey(o engine.Order) {
	o.Role = engine.Operator
	given := engine.Record{Kind: engine.OrderGiven, Order: &o, By: o.By}
	if o.Kind != engine.RunOnce {
		m.note(given)
		return
	}
	if m.answers[o.ID] {
		return
	}
	m.answers[o.ID] = true
	m.begun[o.ID[len(o.ID)-1:]]++
	run := "run-" + o.ID
	m.note(engine.Record{Kind: engine.Intent, Run: run, Host: "web-1", Intent: &engine.Run{ID: run, Order: o.ID}})
	given.Run = run
	m.note(given)
	for range 20 { // output takes numbers, and is not kept
		m.note(engine.Record{Kind: engine.Line, Run: run, Text: "output"})
	}
	m.note(engine.Record{Kind: engine.Closed, Run: run, Host: "web-1", Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: "deadline"}})
}

// drilled carries out a plan of two steps line by line on the engine, and says how the game day ended.
func drilled(t *testing.T, m *mortal) (said string, err error) {
	t.Helper()
	dir := t.TempDir()
	plan := dir + "/plan.toml"
	text := "name = \"drill\"\n" + strings.Repeat("[[step]]\nattack = \"cpu\"\nhosts = [\"web-1\"]\nhypothesis = \"x\"\n", 2)
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	a := &app{world: world{in: null, out: &out, err: &errs, env: func(string) string { return "" }, home: dir, user: "ada", clock: clock.Clock{}}, socket: dir + "/elsewhere.sock"}
	written, p, err := a.loadGameDay(plan, false)
	if err != nil {
		t.Fatal(err)
	}
	c := &conductor{app: a, file: plan, yes: true, written: written, session: gameday.Session{Plan: p}, text: &out}
	err = c.conduct(t.Context(), m)
	return out.String() + errs.String(), err
}

// However an engine goes underneath, and at whatever question, the game day waits for the next one, goes on where it
// was, and begins nothing twice: also where the journal cannot be read, and all that is known of the session is what
// its console has seen itself.
func TestAGameDayLineByLineSurvivesItsEngineAtEveryQuestion(t *testing.T) {
	ways := []error{
		io.ErrUnexpectedEOF, fmt.Errorf("reading the engine's answer: %w", syscall.ECONNRESET), local.ErrEnded, control.ErrNoEngine,
		context.DeadlineExceeded, errors.New("http: server closed idle connection"), http.ErrServerClosed,
	}
	questions := 0
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(t)
		if said, err := drilled(t, m); err != nil {
			t.Fatalf("undisturbed: %v\n%s", err, said)
		}
		questions = m.asked
	})
	for n := 2; n <= questions; n++ { // at the first there is no session yet that could be lost
		for i, how := range ways {
			for _, after := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					m := newMortal(t)
					m.dies, m.how, m.after = n, how, after
					said, err := drilled(t, m)
					if err != nil || m.begun["1"] != 1 || m.begun["2"] != 1 {
						t.Fatalf("question %d, way %d (%v), done %v: begun %v, %v\n%s", n, i, how, after, m.begun, err, said)
					}
				})
			}
		}
	}
}

// The plan that is printed fits the demo as README starts it. With less room, the check says so before the day.
func TestTheExampleOfAGameDayFitsTheDemoThatReadmeStarts(t *testing.T) {
	catalogue, err := demoCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := simulated.New(simulated.Options{Hosts: 60, Seed: 1, Clock: clock.Clock{}, Dir: t.TempDir(), Attacks: simulatedAttacks(catalogue)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	file := t.TempDir() + "/plan.toml"
	if err := os.WriteFile(file, []byte(config.ExampleGameDay), 0o600); err != nil {
		t.Fatal(err)
	}
	written, err := config.LoadGameDay(file, config.Disk(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit func(*engine.Safety)
		want  string
	}{
		{func(*engine.Safety) {}, ""},
		{func(s *engine.Safety) { s.MaxConcurrent = 1 }, "safety.max_concurrent is 1"},
		{func(s *engine.Safety) { s.MaxPerGroup = 2 }, "the limits of their groups (safety.max_per_group 2, safety.leave_per_group 1) let 2 be attacked at once"},
		{func(s *engine.Safety) { s.LeavePerGroup = len(fleet.Hosts()) }, "let 0 be attacked at once"},
		{func(s *engine.Safety) { s.MaxDuration = 90 * time.Second }, "2m is longer than safety.max_duration, which is 1m30s"},
	} {
		p := demoPlan(fleet, catalogue, 10)
		c.limit(&p.Safety)
		for i := range p.Attacks {
			p.Attacks[i].For = min(p.Attacks[i].For, 90*time.Second)
		}
		plan, err := engine.NewPlan(p)
		if err != nil {
			t.Fatal(err)
		}
		x := groundIn(plan.Describe(engine.State{Began: true}, time.Now()))
		if why := x.wrongOf(written, 1); (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("step 2: %q, want %q", why, c.want)
		}
		if wrong := x.against(written); c.want == "" && len(wrong) > 0 {
			t.Errorf("%v", wrong)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil || !strings.Contains(string(readme), "chaoscat demo --daemon --at-once 10 --socket") {
		t.Errorf("README starts another demo (%v)", err)
	}
}

// Named hosts are held against the limits of their groups, too.
func TestTheCheckOfAGameDayCountsNamedHostsByGroup(t *testing.T) {
	hosts := []engine.Host{{Name: "a", Groups: []string{"db"}}, {Name: "b", Groups: []string{"db"}}, {Name: "c"}}
	x := ground{attacks: []engine.Attack{{Name: "cpu", Weight: 1, Reversible: true}}, hosts: hosts, safety: engine.Safety{LeavePerGroup: 1}}
	said := ""
	x.named(gameday.Step{Attack: "cpu", Hosts: []string{"c", "a", "b"}}, x.attacks[0], func(key, _, format string, args ...any) {
		said += key + ": " + fmt.Sprintf(format, args...)
	})
	if said != "hosts[2]: b would be one too many of group db, which lets 1 be attacked at once (safety.leave_per_group 1)" {
		t.Error(said)
	}
}

// All times of a report are in the zone of the schedule, and each command to go on is a line with the flags of this one.
func TestAGameDayIsReportedInTheZoneOfItsSchedule(t *testing.T) {
	at, zone := time.Date(2026, 7, 23, 8, 0, 0, 0, time.UTC), time.FixedZone("CEST", 7200)
	p := gameday.Plan{Steps: []gameday.Step{{Attack: "cpu"}}}
	s := gameday.Session{Plan: p, Begun: at, Ended: at, Steps: []gameday.Progress{{Began: at, Ended: at, Parts: []gameday.Part{{Began: at, Ended: at}}}},
		Moments: []gameday.Moment{{At: at, Text: "ended: memory on web-020"}}}
	var out, errs strings.Builder
	a := &app{world: world{out: &out, err: &errs}, socket: "/tmp/a b.sock", configFile: "c.toml"}
	if err := a.reportGameDay(s, zone); err != nil {
		t.Fatal(err)
	}
	a.json = true
	if err := a.reportGameDay(s, zone); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "meanwhile\n  10:00:00  ended: memory on web-020") || strings.Contains(said, "08:00:00") || strings.Contains(said, "Z\"") {
		t.Error(said)
	}
	(&conductor{app: a, file: "plan.toml"}).sayHowToGoOn("left")
	want := "left\n  to go on:   chaoscat -c c.toml --socket '/tmp/a b.sock' gameday plan.toml\n  to end it:  chaoscat -c c.toml --socket '/tmp/a b.sock' gameday abort plan.toml\n"
	if errs.String() != want {
		t.Error(errs.String())
	}
}
