package pagerduty

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/pagerduty/fake"
)

// notebook keeps what the watcher notes.
type notebook struct {
	notes []engine.Order
	full  error
}

func (n *notebook) Order(_ context.Context, o engine.Order) error {
	if n.full == nil {
		n.notes = append(n.notes, o)
	}
	return n.full
}

// new is what was noted since it was last asked.
func (n *notebook) new() (texts []string) {
	for _, o := range n.notes {
		texts = append(texts, o.Reason)
	}
	n.notes = nil
	return texts
}

var checkout = fake.Ref{ID: "PIJ90N7", Summary: "checkout"}

func watching(t *testing.T) (*watcher, *fake.Server, *notebook) {
	t.Helper()
	s, book := fake.New(t), &notebook{}
	out, err := New(Options{
		Account:  Account{API: s.URL, TokenFile: s.TokenFile},
		Services: []string{checkout.ID}, WatchFor: 30 * time.Minute, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	out.watcher.note = book.Order
	return out.watcher, s, book
}

// attacked tells the watcher of an attack that began then, and lasts.
func attacked(w *watcher, run string, began time.Time) *story {
	s := &story{id: run, attack: "latency", runs: []engine.Run{{ID: run, Host: engine.Host{Name: "web-1"}}}, began: began}
	w.begin(s)
	return s
}

func TestAnIncidentOfAnAttackIsNotedWithItsTimesEachOnce(t *testing.T) {
	w, s, book := watching(t)
	s.PageSize(1)
	began := time.Now().Add(-20 * time.Minute).Truncate(time.Second)
	attacked(w, "run-1", began)
	s.Open(checkout, "before", began.Add(-time.Second))
	s.Open(fake.Ref{ID: "PELSE", Summary: "else"}, "another service", began.Add(time.Minute))
	s.Name(s.Open(checkout, "RESIDUE on web-1", began.Add(time.Minute)), "chaoscat/prod/host/web-1")
	id := s.Open(checkout, "High\x1blatency", began.Add(42*time.Second))
	if wait := w.round(t.Context()); wait != watchEvery {
		t.Errorf("it looks again in %s", wait)
	}
	o := book.notes[0]
	if o.Kind != engine.Remark || o.Host != "web-1" || o.ID != "pagerduty-PINC004-1" || o.Params["detect"] != "42s" || o.Params["service"] != "checkout" || o.Params["run"] != "run-1" {
		t.Errorf("%+v", o)
	}
	expect(t, book.new(), `incident #1004 (checkout: High\x1blatency) opened 42s after latency on web-1 began`)
	w.round(t.Context())
	expect(t, book.new())
	s.Acknowledge(id, began.Add(42*time.Second+70*time.Second))
	w.round(t.Context())
	w.round(t.Context())
	expect(t, book.new(), `incident #1004 (checkout: High\x1blatency) opened 42s after latency on web-1 began, acknowledged after 1m10s`)
	s.Resolve(id, began.Add(42*time.Second+482*time.Second))
	w.round(t.Context())
	w.round(t.Context())
	expect(t, book.new(), `incident #1004 (checkout: High\x1blatency) opened 42s after latency on web-1 began, acknowledged after 1m10s, resolved after 8m2s`)
}

func TestAnIncidentThatIsOverWhenItIsFirstSeenIsNotedWholeFromItsLog(t *testing.T) {
	w, s, book := watching(t)
	began := time.Now().Add(-20 * time.Minute).Truncate(time.Second)
	attacked(w, "run-1", began)
	id := s.Open(checkout, "down", began.Add(time.Minute))
	s.Acknowledge(id, began.Add(2*time.Minute))
	s.Resolve(id, began.Add(4*time.Minute))
	s.Fail("/incidents/", 1, http.StatusInternalServerError, "") // its log, once
	w.round(t.Context())
	expect(t, book.new())
	w.round(t.Context())
	expect(t, book.new(), "incident #1001 (checkout: down) opened 1m after latency on web-1 began, acknowledged after 1m, resolved after 3m")
}

func TestAnIncidentIsFollowedBeyondTheWatchAndNobodyIsAskedAfterwards(t *testing.T) {
	w, s, book := watching(t)
	began := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	tale := attacked(w, "run-1", began)
	tale.ended = began.Add(time.Minute)
	w.end(tale)
	late := s.Open(checkout, "late", began.Add(30*time.Minute))
	s.Open(checkout, "too late", began.Add(32*time.Minute))
	w.round(t.Context()) // nobody could ask for two hours: what opened meanwhile is found all the same
	expect(t, book.new(), "incident #1001 (checkout: late) opened 30m after latency on web-1 began")
	if wait := w.round(t.Context()); wait != followEvery {
		t.Errorf("it looks again in %s", wait)
	}
	s.Resolve(late, began.Add(time.Hour))
	w.round(t.Context())
	expect(t, book.new(), "incident #1001 (checkout: late) opened 30m after latency on web-1 began, resolved after 30m")
	asked := len(s.Asked())
	if wait := w.round(t.Context()); wait != 0 || len(s.Asked()) != asked {
		t.Errorf("somebody is still asked, and again in %s", wait)
	}
}

func TestAnIncidentThatNobodyEndsIsFollowedForADay(t *testing.T) {
	w, s, book := watching(t)
	began := time.Now().Add(-25 * time.Hour).Truncate(time.Second)
	attacked(w, "run-1", began)
	s.Open(checkout, "old", began.Add(time.Minute))
	w.round(t.Context())
	w.round(t.Context())
	expect(t, book.new(), "incident #1001 (checkout: old) opened 1m after latency on web-1 began, still open after 24h and not followed any longer")
}

func TestANoteThatTheEngineDoesNotTakeIsMadeLater(t *testing.T) {
	w, s, book := watching(t)
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	attacked(w, "run-1", began)
	s.Open(checkout, "x", began.Add(time.Second))
	book.full = errors.New("the engine is busy")
	w.round(t.Context())
	book.full = nil
	w.round(t.Context())
	expect(t, book.new(), "incident #1001 (checkout: x) opened 1s after latency on web-1 began")
}

func TestANoteFitsHoweverLongTheNamesInIt(t *testing.T) {
	w, s, book := watching(t)
	tale := &story{id: "run-1", attack: strings.Repeat("a", 63), runs: []engine.Run{{Host: engine.Host{Name: strings.Repeat("h", 253)}}}, began: time.Now().Add(-time.Minute)}
	w.begin(tale)
	s.Open(fake.Ref{ID: checkout.ID, Summary: strings.Repeat("猫", 300)}, strings.Repeat("火", 300), time.Now())
	w.round(t.Context())
	if got := book.new(); len(got) != 1 || len(got[0]) > 1000 || !strings.HasPrefix(got[0], "incident #1001 (猫") {
		t.Errorf("%q", got)
	}
}

func TestAClockThatIsAnHourAheadDoesNotMoveWhatItTells(t *testing.T) {
	w, s, book := watching(t)
	s.Ahead(time.Hour)
	began := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	attacked(w, "run-1", began)
	s.Open(checkout, "x", began.Add(time.Hour+5*time.Minute))
	w.round(t.Context())
	if got := book.new(); len(got) != 1 || !strings.Contains(got[0], "opened 5m0s after") && !strings.Contains(got[0], "opened 5m after") && !strings.Contains(got[0], "opened 5m1s after") && !strings.Contains(got[0], "opened 4m59s after") {
		t.Errorf("%q", got)
	}
}

func TestPagerDutyIsLeftAloneForAsLongAsItAsks(t *testing.T) {
	w, s, _ := watching(t)
	attacked(w, "run-1", time.Now())
	s.Fail("/incidents", 1, http.StatusTooManyRequests, "120")
	if wait := w.round(t.Context()); wait != 2*time.Minute {
		t.Errorf("it asks again in %s", wait)
	}
	s.Fail("/incidents", 1, http.StatusInternalServerError, "")
	if wait := w.round(t.Context()); wait != watchEvery {
		t.Errorf("it asks again in %s", wait)
	}
}
