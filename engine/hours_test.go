package engine_test

import (
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestHoursOfOnesOwnLieWithinTheSchedules(t *testing.T) {
	for _, row := range []struct {
		why      string
		schedule []engine.HourRange
		own      string
		at       string
		launches bool
	}{
		{"in both", hours(600, 960), "10:00-12:00", "11:00", true},
		{"in the schedule's only", hours(600, 960), "10:00-12:00", "13:00", false},
		{"in one's own only", hours(600, 960), "08:00-12:00", "09:00", false},
		{"its end is not in it", hours(600, 960), "10:00-12:00", "12:00", false},
		{"too late for attack and undo", hours(600, 960), "10:00-12:00", "11:56", false},
		{"both over midnight", []engine.HourRange{{Start: 1320, End: 360}}, "23:00-02:00", "23:30", true},
		{"over midnight, on the day after", []engine.HourRange{{Start: 1320, End: 360}}, "23:00-02:00", "01:00", true},
		{"one's own only over midnight", []engine.HourRange{{Start: 0, End: 1440}}, "23:00-02:00", "12:00", false},
		{"the part after midnight of both", []engine.HourRange{{Start: 1320, End: 360}}, "00:00-02:00", "01:00", true},
		{"the part before midnight of hours from midnight on", []engine.HourRange{{Start: 1320, End: 360}}, "00:00-02:00", "23:00", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			plan := testPlan(t, func(p *engine.Plan) {
				p.Schedule.Days, p.Schedule.Hours = everyDay, row.schedule
				p.Attacks = p.Attacks[1:] // latency, 2m with 1m for its undo
				p.Attacks[0].Hours = &engine.Hours{Days: everyDay, Ranges: ranges(row.own)}
			})
			w := newWorld(t, plan, at(t, "2026-07-01T"+row.at+":00+02:00"))
			w.start(engine.Started{})
			w.until(w.now.Add(75 * time.Second))
			if launched := len(w.launched) > 0; launched != row.launches {
				t.Errorf("launched: %t\n%s", launched, w.told)
			}
		})
	}
}

// The part of a range after midnight belongs to the day on which the range begins.
func TestAnOwnNightBelongsToTheDayOnWhichItBegins(t *testing.T) {
	for _, row := range []struct {
		days     [7]bool
		at       string
		launches bool
	}{
		{[7]bool{time.Friday: true}, "2026-07-03T01:00:00+02:00", false}, // a Friday
		{[7]bool{time.Friday: true}, "2026-07-04T01:00:00+02:00", true},
		{weekdays, "2026-07-06T01:00:00+02:00", false}, // a Monday
		{weekdays, "2026-07-07T01:00:00+02:00", true},
	} {
		plan := testPlan(t, func(p *engine.Plan) {
			p.Schedule.Days, p.Schedule.Hours = everyDay, []engine.HourRange{{Start: 0, End: 1440}}
			p.Attacks = p.Attacks[:1]
			p.Attacks[0].Hours = &engine.Hours{Days: row.days, Ranges: ranges("23:00-02:00")}
		})
		w := newWorld(t, plan, at(t, row.at))
		w.start(engine.Started{})
		w.until(w.now.Add(75 * time.Second))
		if launched := len(w.launched) > 0; launched != row.launches {
			t.Errorf("%v at %s: launched %t", row.days, row.at, launched)
		}
	}
}

func TestTheEndOfTheHoursOfAnAttackOrAHostUndoesWhatStillRuns(t *testing.T) {
	for _, change := range []func(*engine.Plan){
		func(p *engine.Plan) { p.Attacks[0].Hours = &engine.Hours{Days: weekdays, Ranges: hours(600, 604)} },
		func(p *engine.Plan) {
			p.Schedule.Groups = []engine.HostHours{{Hosts: engine.Selector{"*"}, Hours: engine.Hours{Days: weekdays, Ranges: hours(600, 604)}}}
		},
	} {
		w := running(t, func(p *engine.Plan) { p.Attacks = p.Attacks[:1] }, change)
		w.queue = nil // the carrier does not come back by itself
		for _, g := range w.plan.Gates {
			w.later(time.Second, engine.GateAnswered{Gate: g.Name})
		}
		w.until(at(t, "2026-07-01T10:03:59+02:00"))
		if w.state.Running[0].Stopping != "" {
			t.Fatalf("undone too early: %s", w.state.Running[0].Stopping)
		}
		w.until(at(t, "2026-07-01T10:04:00+02:00"))
		w.mustSee("10:04:00 phase: undoing: window: the hours of")
	}
}

func TestAnOrderIsBoundByTheHoursOfAttackAndHost(t *testing.T) {
	plan := testPlan(t, func(p *engine.Plan) {
		p.Attacks[0].Hours = &engine.Hours{Days: weekdays, Ranges: hours(600, 720)}
		p.Schedule.Groups = []engine.HostHours{{Hosts: engine.Selector{"group:db"}, Hours: engine.Hours{Days: weekdays, Ranges: hours(840, 960)}}}
	})
	for _, row := range []struct{ at, host, attack, says string }{
		{"11:00", "web-1", "cpu", ""},
		{"13:00", "web-1", "cpu", "cpu has hours of its own (Mon-Fri 10:00-12:00 Europe/Paris); they begin Thu 2 Jul 10:00"},
		{"11:00", "db-2", "latency", "db-2 is closed: its hours are Mon-Fri 14:00-16:00 Europe/Paris"},
		{"14:30", "db-2", "latency", ""},
		{"11:59", "web-1", "cpu", "does not fit: the hours of cpu close 12:00:00"},
	} {
		w := newWorld(t, plan, at(t, "2026-07-01T"+row.at+":00+02:00"))
		w.happen(engine.Started{})
		w.happen(engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.RunOnce, By: "ada", Role: engine.Operator, Host: row.host, Attack: row.attack}})
		if row.says == "" {
			if w.state.Asked == nil {
				t.Errorf("%+v: the gates are not asked\n%s", row, w.told)
			}
			continue
		}
		w.mustSee(row.says)
	}
}

func TestADrawUnderHoursOfTheirOwnIsExplained(t *testing.T) {
	plan := testPlan(t, func(p *engine.Plan) {
		p.Attacks[0].Hours = &engine.Hours{Days: weekdays, Ranges: hours(600, 720)}
		p.Schedule.Groups = []engine.HostHours{{Hosts: engine.Selector{"group:db"}, Hours: engine.Hours{Days: weekdays, Ranges: hours(840, 960)}}}
		p.Roster = engine.NewRoster(fleet(40))
	})
	for _, start := range []string{"11:00", "13:00", "14:30", "08:00"} {
		w := newWorld(t, plan, at(t, "2026-07-01T"+start+":00+02:00"))
		w.happen(engine.Started{})
		if e := engine.Explain(*w.state.Next, plan.Pool()); !e.Agrees {
			t.Errorf("%s: %s", start, e.Why)
		}
		snap := plan.Describe(w.state, w.now)
		ready := 0
		for _, h := range plan.Roster.Hosts() {
			if status, _ := snap.Host(h.Name); status == engine.HostReady {
				ready++
			}
		}
		if start != "08:00" && ready != snap.Eligible { // before the window the draw is for its opening
			t.Errorf("%s: %d hosts are shown as ready, %d are eligible", start, ready, snap.Eligible)
		}
	}
}
