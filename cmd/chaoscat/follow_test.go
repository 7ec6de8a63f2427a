package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func closedAs(seq uint64, of, run, host string, o engine.Outcome) engine.Record {
	return engine.Record{Seq: seq, Kind: engine.Closed, Run: run, Of: of, Host: host, Attack: "cpu", Outcome: &o, Text: "cpu on " + host}
}

func begunAs(seq uint64, of, run, host string) engine.Record {
	return engine.Record{Seq: seq, Kind: engine.Intent, Run: run, Of: of, Host: host, Attack: "cpu"}
}

func TestWhoBeginsAnAttackWithoutAnUndoIsNotToldThatAStopEndsIt(t *testing.T) {
	for reversible, want := range map[bool]string{true: "cpu on a has begun (r); chaoscat stop ends it", false: "cpu on a has begun (r); it has no undo: nothing ends it"} {
		p, begun := newParts("r", nil), begunAs(1, "", "r", "a")
		begun.Intent = &engine.Run{Attack: engine.Attack{Name: "cpu", Reversible: reversible}}
		if err := p.hear([]engine.Record{begun}); err != nil || p.andItsEnd("chaoscat stop") != want {
			t.Error(err, p.andItsEnd("chaoscat stop"))
		}
	}
}

var fine = engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "deadline"}

func TestTheHostsOfOneOrderAreFollowedToTheLast(t *testing.T) {
	var told []string
	p := newParts("r", func(r engine.Record) error { told = append(told, r.Host); return nil })
	hear := func(records ...engine.Record) {
		if err := p.hear(records); err != nil {
			t.Fatal(err)
		}
	}
	hear(begunAs(1, "r", "r-001", "a"), begunAs(2, "r", "r-002", "b"), begunAs(3, "x", "x-001", "c"), begunAs(4, "", "y", "d"))
	hear(closedAs(5, "r", "r-002", "b", fine), closedAs(6, "x", "x-001", "c", fine))
	if p.over() || fmt.Sprint(told) != "[b]" {
		t.Errorf("over %v after %v", p.over(), told)
	}
	if !p.running(engine.Snapshot{Running: []engine.Run{{ID: "r-001", Of: "r"}}}) || p.running(engine.Snapshot{Running: []engine.Run{{ID: "r-002", Of: "r"}, {ID: "y"}}}) {
		t.Error("who runs is taken for another")
	}
	hear(closedAs(7, "r", "r-001", "a", engine.Outcome{Effect: engine.Infeasible, Cause: "host"}), closedAs(8, "r", "r-002", "b", fine))
	if !p.over() || fmt.Sprint(told) != "[b a]" || p.summary() != "2 hosts: 1 effective, 1 infeasible; 1 restored" {
		t.Errorf("over %v after %v: %s", p.over(), told, p.summary())
	}
	single := newParts("y", func(engine.Record) error { return nil })
	if err := single.hear([]engine.Record{begunAs(4, "", "y", "d"), closedAs(9, "", "y", "d", fine)}); err != nil || !single.over() {
		t.Error("a single run is not followed")
	}
	dry := newParts("z", func(engine.Record) error { return nil })
	would := engine.Outcome{Effect: engine.Refused, Cause: dryRun}
	if err := dry.hear([]engine.Record{closedAs(9, "z", "z-001", "a", would), closedAs(10, "z", "z-002", "b", would)}); err != nil || !dry.over() || dry.summary() != "2 hosts: 2 would have run" {
		t.Errorf("a dry run has no intents: %s", dry.summary())
	}
}

func TestTheWorstHostDecidesHowAnOrderEnds(t *testing.T) {
	residue := engine.Outcome{Applied: true, Undo: engine.Residue, Cause: "stop"}
	none := engine.Outcome{Applied: true, Effect: engine.NoEffect, Undo: engine.Restored, Cause: "deadline"}
	stopped := engine.Outcome{Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "stop"}
	refused := engine.Outcome{Effect: engine.Infeasible, Cause: "host"}
	for _, row := range []struct {
		why  string
		o    []engine.Outcome
		want int
	}{
		{"all well", []engine.Outcome{fine, fine}, 0},
		{"one needs a person", []engine.Outcome{fine, stopped, none, refused, residue}, 6},
		{"one had no effect, others were stopped", []engine.Outcome{stopped, none}, 5},
		{"one was stopped", []engine.Outcome{fine, stopped}, 7},
		{"refused on all: nothing was done", []engine.Outcome{refused, refused}, 4},
		{"refused on one, done on the other: that is no refusal", []engine.Outcome{fine, refused}, 5},
		{"all or nothing: one could not, the other was undone", []engine.Outcome{refused, {Applied: true, Effect: engine.Effective, Undo: engine.Restored, Cause: "all or nothing: web-2 cannot"}}, 5},
		{"nothing known", nil, 0},
	} {
		if got := codeOfOutcomes(row.o); got != row.want {
			t.Errorf("%s: exit %d, want %d", row.why, got, row.want)
		}
	}
}

// crowd is an engine that undoes a thousand attacks between two views.
type crowd struct {
	views   chan engine.Snapshot
	records []engine.Record
}

func (c *crowd) Ask(_ context.Context, o engine.Order) (string, error) {
	c.records = append(c.records, engine.Record{Seq: uint64(len(c.records) + 1), Kind: engine.OrderGiven, Order: &o})
	for i := range 1000 {
		run := fmt.Sprintf("r-%04d", i+1)
		c.records = append(c.records, closedAs(uint64(len(c.records)+1), "r", run, "web-"+run[2:], fine))
	}
	last := uint64(len(c.records))
	c.views = make(chan engine.Snapshot, 1)
	c.views <- engine.Snapshot{Stopped: &engine.Latch{}, LastSeq: last, Recent: c.records[last-20:]}
	return "", nil
}

func (c *crowd) Watch(context.Context) <-chan engine.Snapshot { return c.views }

func (c *crowd) History(_ context.Context, after uint64) ([]engine.Record, error) {
	return c.records[min(after, uint64(len(c.records))):], nil
}

func TestAStopPrintsALineForEachOfAThousandHostsHoweverFastTheyEnd(t *testing.T) {
	for _, earlier := range []int{0, 5000} { // records before the stop
		c := &crowd{}
		for i := range earlier {
			c.records = append(c.records, closedAs(uint64(i+1), "", fmt.Sprint("old-", i), "old", fine))
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var said bytes.Buffer
		a := &app{world: world{out: out, err: &said}}
		if err := a.stop(t.Context(), c, engine.Order{ID: "stop", Kind: engine.Stop}, map[string]engine.Run{}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out.Name())
		if n := strings.Count(string(text), ": restored ("); err != nil || n != 1000 || strings.Contains(string(text), "old") || !strings.HasPrefix(string(text), "web-0001: restored (cpu on web-0001)\n") {
			t.Errorf("after %d records: %d lines, %v\n%.200s", earlier, n, err, text)
		}
	}
}

func TestAStopSaysByWhenAHostOutOfReachUndoesByItself(t *testing.T) {
	c := &crowd{views: make(chan engine.Snapshot, 1)}
	until := time.Date(2026, 7, 1, 8, 15, 30, 0, time.UTC) // said in the schedule's zone
	var said bytes.Buffer
	w := undoing{app: &app{world: world{err: &said}}, engine: c, order: "stop", pending: map[string]engine.Run{}, ended: map[string]engine.Record{}, told: map[string]bool{}}
	lost := engine.Run{ID: "r", Host: engine.Host{Name: "web-1"}, Attack: engine.Attack{Name: "cpu", Reversible: true}, Phase: engine.Lost, Until: until}
	for range 2 {
		if err := w.look(t.Context(), engine.Snapshot{Zone: "Europe/Paris", Running: []engine.Run{lost}}); err != nil {
			t.Fatal(err)
		}
	}
	if said.String() != "web-1 is out of reach; its own guard undoes cpu by 10:15:30 CEST at the latest\n" {
		t.Errorf("%q", said.String())
	}
}

func TestThePartsOfARunLeadToItsDraw(t *testing.T) {
	for id, want := range map[string]bool{"20260701-101500-0a0b0c0d": true, "20260701-101500-0a0b0c0d-001": true, "20260701-101500-0a0b0c0d-1000": true,
		"20260701-101500-0a0b0c0d-1": false, "20260701-101500-0a0b0c0e": false, "": false, "20260701-101500-0a0b0c0d-001-001": false} {
		if drawOf(id, "20260701-101500-0a0b0c0d") != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
	rows := []historyShape{{ID: "a-001", Run: "a"}, {ID: "a-002", Run: "a"}, {ID: "b", Run: "b"}}
	if got := partsOf(append([]historyShape{}, rows...), "a"); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if got := partsOf(append([]historyShape{}, rows...), "a-002"); len(got) != 1 || got[0].ID != "a-002" {
		t.Errorf("%+v", got)
	}
}

func TestADrawOfSeveralHostsIsExplainedWithThoseThatALimitKeptOut(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a := &app{world: world{out: out}}
	e := engine.Explanation{Agrees: true, Draw: engine.Draw{
		ID: "r", At: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC), Draw: 7, Host: "web-3", Hosts: []string{"web-3", "web-9"}, Passed: []string{"web-4"}, Eligible: 12,
		Weights: map[string]int64{"cpu": 1}, Attack: "cpu", Order: &engine.Order{By: "ada", Attack: "cpu", Count: 2},
	}}
	if err := a.printExplanation(e); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(out.Name())
	for _, want := range []string{"hosts   web-3, web-9, 2 of 12 that the order of ada left to chance\n", "passed  web-4: drawn too, and kept out by a limit of their groups\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s\nwithout %s", text, want)
		}
	}
}

func TestTheRosterShowsWhoAnswersOnceSomebodyHasLooked(t *testing.T) {
	s := engine.Snapshot{Roster: engine.NewRoster([]engine.Host{{Name: "a", Address: "10.0.0.1"}, {Name: "b", Address: "10.0.0.2"}, {Name: "c", Address: "10.0.0.3"}}), Total: 3, Attacks: []engine.Attack{{Name: "cpu", Weight: 1, Reversible: true}}}
	show := func(json bool) string {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var said bytes.Buffer
		if err := (&app{world: world{out: out, err: &said}, json: json}).printHosts(s); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(out.Name())
		return string(text)
	}
	if text := show(false); strings.Contains(text, "SSH") {
		t.Errorf("nobody has looked:\n%s", text)
	}
	s.Survey = &engine.Survey{Hosts: map[string]engine.Sighting{
		"a": {RoundTrip: 12 * time.Millisecond, Facts: &engine.Facts{Infeasible: map[string]string{"latency": "this host has no tc"}}},
		"b": {Unreachable: "connection refused"},
	}}
	want := "HOST  ADDRESS   GROUPS  STATE  SSH    WHY\n" +
		"a     10.0.0.1          ready  12 ms\n" +
		"b     10.0.0.2          ready  no     connection refused\n" +
		"c     10.0.0.3          ready  -\n"
	if text := show(false); text != want {
		t.Errorf("\n%s\nwant\n%s", text, want)
	}
	if text := show(true); !strings.Contains(text, `"seen":{"at":"0001-01-01T00:00:00Z","ssh_ms":12,"infeasible":{"latency":"this host has no tc"}}`) {
		t.Errorf("%s", text)
	}
}

// staged is an engine that shows views and records that somebody wrote beforehand.
type staged struct {
	asker
	views   []engine.Snapshot
	records [][]engine.Record
}

func (s *staged) Watch(context.Context) <-chan engine.Snapshot {
	views := make(chan engine.Snapshot, len(s.views))
	for _, v := range s.views {
		views <- v
	}
	close(views)
	return views
}

func (s *staged) History(context.Context, uint64) ([]engine.Record, error) {
	if len(s.records) == 0 {
		return nil, nil
	}
	next := s.records[0]
	s.records = s.records[1:]
	return next, nil
}

func TestAViewFromBeforeARunBeganDoesNotLoseItsOutcome(t *testing.T) {
	e := &staged{
		views:   []engine.Snapshot{{LastSeq: 5}, {LastSeq: 12}},
		records: [][]engine.Record{{begunAs(9, "", "y", "d")}, {closedAs(12, "", "y", "d", fine)}},
	}
	p := newParts("y", func(engine.Record) error { return nil })
	if err := (&app{}).await(t.Context(), e, p, follower{engine: e, seen: 4}); err != nil {
		t.Error(err)
	}
	e = &staged{views: []engine.Snapshot{{LastSeq: 5}, {LastSeq: 12}}, records: [][]engine.Record{{begunAs(9, "", "y", "d")}, {{Seq: 12}}}}
	p = newParts("y", func(engine.Record) error { return nil })
	if err := (&app{}).await(t.Context(), e, p, follower{engine: e, seen: 4}); err == nil || !strings.Contains(err.Error(), "no longer in the engine's memory") {
		t.Errorf("an outcome that is gone: %v", err)
	}
}
