package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/calendar"
)

// plain is a plan that stands, with one host.
func plain(t *testing.T) engine.Plan {
	t.Helper()
	p, err := engine.NewPlan(engine.Plan{
		Name: "test", Safety: engine.Safety{MaxConcurrent: 1, AbortAfter: 1},
		Schedule: engine.Schedule{Location: time.UTC, Days: [7]bool{true, true, true, true, true, true, true}, Hours: []engine.HourRange{{Start: 0, End: 1440}}, CheckEvery: time.Minute},
		Attacks:  []engine.Attack{{Name: "cpu", Kind: "cpu", Weight: 1, For: time.Minute, Reversible: true}},
		Gates: []engine.Gate{{Name: "health", Kind: engine.Health, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1},
			{Name: "oncall", Kind: engine.OnCall, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1}},
		Roster: engine.NewRoster([]engine.Host{{Name: "web-1", Address: "198.51.100.1"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhoChangeThePlanAtOnceDoNotUndoEachOther(t *testing.T) {
	var last engine.Plan
	p := newPlanner(plain(t), func(plan engine.Plan, _ string) { last = plan }) // one at a time, or the race detector says it
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			p.change(func(plan *engine.Plan) string { plan.Safety.MaxPerGroup++; return "one more" })
		})
		all.Go(func() {
			p.change(func(plan *engine.Plan) string { plan.Schedule.MaxPerDay++; return "one more" })
		})
	}
	all.Wait()
	if last.Safety.MaxPerGroup != 50 || last.Schedule.MaxPerDay != 50 {
		t.Errorf("%d and %d, want 50 each", last.Safety.MaxPerGroup, last.Schedule.MaxPerDay)
	}
}

func TestAChangeThatIsNoneOrDoesNotFitIsNotHandedOver(t *testing.T) {
	p := newPlanner(plain(t), func(engine.Plan, string) { t.Error("a plan was handed over") })
	if err := p.change(func(plan *engine.Plan) string { plan.Name = "other"; return "" }); err != nil {
		t.Error(err)
	}
	if err := p.change(func(plan *engine.Plan) string { plan.Roster = nil; return "nobody is left" }); err == nil {
		t.Error("a plan without hosts was taken")
	}
	if p.last.Name != "test" || p.last.Roster.Len() != 1 {
		t.Errorf("the plan has become %+v", p.last)
	}
}

// What a calendar closes comes beside the freezes of the configuration, and leaves alone what others have changed since.
func TestACalendarComesIntoThePlanBesideEverythingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "freeze.ics")
	write := func(events string) {
		text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + events + "END:VCALENDAR\r\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	cfg := &config.Config{Schedule: plain(t).Schedule, Closings: config.Closings{
		Calendars: []calendar.Options{{Path: path, Refresh: time.Minute, StaleAfter: time.Hour, Key: "schedule.calendars"}},
	}}
	cfg.Schedule.Closures = []engine.Closure{{From: time.Unix(1, 0), To: time.Unix(2, 0), Name: engine.Frozen, Reason: "written"}}
	synctest.Test(t, func(t *testing.T) {
		g := &graph{config: cfg, gates: &gatekeeper{}}
		var err error
		if g.calendars, err = newCalendars(world{dice: func() uint64 { return 512 }}, cfg); err != nil {
			t.Fatal(err)
		}
		var said []string
		h := &house{planner: newPlanner(plain(t), func(_ engine.Plan, text string) { said = append(said, text) })}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.follow(ctx, g, slog.New(slog.NewTextHandler(io.Discard, nil)))
		}()
		time.Sleep(90 * time.Second)
		two := engine.NewRoster([]engine.Host{{Name: "web-1", Address: "198.51.100.1"}, {Name: "web-2", Address: "198.51.100.2"}})
		if err := h.planner.change(func(p *engine.Plan) string { p.Roster = two; return "hosts" }); err != nil {
			t.Fatal(err)
		}
		write("BEGIN:VEVENT\r\nSUMMARY:Freeze\r\nDTSTART;VALUE=DATE:20000102\r\nEND:VEVENT\r\n")
		time.Sleep(time.Minute)
		cancel()
		<-done
		if len(said) != 2 || said[1] != "calendars: 1 closing came" {
			t.Errorf("%q", said)
		}
		plan := h.planner.last
		if c := plan.Schedule.Closures; plan.Roster != two || len(c) != 2 || c[0].Reason != "written" || c[1].Reason != "Freeze, by the calendar freeze.ics" {
			t.Errorf("%v, %v", plan.Roster.Len(), plan.Schedule.Closures)
		}
	})
}
