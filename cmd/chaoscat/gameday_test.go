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

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/local"
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
