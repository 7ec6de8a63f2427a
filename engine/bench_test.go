package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func benchPlan(b *testing.B, hosts int) engine.Plan {
	b.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		b.Fatal(err)
	}
	plan, err := engine.NewPlan(engine.Plan{
		Name:     "bench",
		Schedule: engine.Schedule{Location: paris, Days: weekdays, Hours: hours(600, 960), CheckEvery: time.Minute, Wait: 10 * time.Minute},
		Safety:   engine.Safety{MaxConcurrent: 1, HostCooldown: 24 * time.Hour, MaxDuration: 10 * time.Minute, Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour},
		Attacks:  []engine.Attack{{Name: "cpu", Kind: "cpu", Weight: 3, For: time.Minute, Reversible: true}, {Name: "latency", Kind: "latency", Weight: 1, For: time.Minute, Reversible: true}},
		Gates: []engine.Gate{{Name: "site", Kind: engine.Health, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1},
			{Name: "rota", Kind: engine.OnCall, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1}},
		Roster: engine.NewRoster(fleet(hosts)),
	})
	if err != nil {
		b.Fatal(err)
	}
	return plan
}

// BenchmarkWakeUp: the promise is under 1 ms with 100,000 hosts, and no allocation that grows with the fleet.
func BenchmarkWakeUp(b *testing.B) {
	for _, row := range []struct {
		name  string
		hosts int
	}{{"100hosts", 100}, {"100000hosts", 100_000}} {
		b.Run(row.name, func(b *testing.B) {
			plan := benchPlan(b, row.hosts)
			now := time.Date(2026, 7, 1, 11, 0, 0, 0, plan.Schedule.Location)
			s, _ := plan.Step(engine.State{}, engine.Event{Stamp: engine.Stamp{At: now, Draw: 1}, What: engine.Started{}})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Millisecond)
				s, _ = plan.Step(s, engine.Event{Stamp: engine.Stamp{At: now, Draw: uint64(i)}, What: engine.Woke{}})
			}
		})
	}
}

// BenchmarkDraw is a wake-up that draws host and attack among 100,000, a thousand of them blocked.
func BenchmarkDraw(b *testing.B) {
	plan := benchPlan(b, 100_000)
	now := time.Date(2026, 7, 1, 11, 0, 0, 0, plan.Schedule.Location)
	s, _ := plan.Step(engine.State{}, engine.Event{Stamp: engine.Stamp{At: now, Draw: 1}, What: engine.Started{}})
	s.Attacked = map[string]engine.Attacked{}
	for i := range 1000 {
		s.Attacked[plan.Roster.At(i*7).Name] = engine.Attacked{At: now}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Next = nil
		plan.Step(s, engine.Event{Stamp: engine.Stamp{At: now, Draw: uint64(i)}, What: engine.Woke{}})
	}
}

// BenchmarkYear is a simulated year of minute ticks: under 5 s.
func BenchmarkYear(b *testing.B) {
	plan := benchPlan(b, 1000)
	for b.Loop() {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, plan.Schedule.Location)
		s, _ := plan.Step(engine.State{}, engine.Event{Stamp: engine.Stamp{At: now, Draw: 1}, What: engine.Started{}})
		for i := range 365 * 24 * 60 {
			now = now.Add(time.Minute)
			s, _ = plan.Step(s, engine.Event{Stamp: engine.Stamp{At: now, Draw: uint64(i)}, What: engine.Woke{}})
		}
	}
}

// BenchmarkDescribe is the view for a screen, with 100,000 hosts.
func BenchmarkDescribe(b *testing.B) {
	plan := benchPlan(b, 100_000)
	now := time.Date(2026, 7, 1, 11, 0, 0, 0, plan.Schedule.Location)
	s, _ := plan.Step(engine.State{}, engine.Event{Stamp: engine.Stamp{At: now, Draw: 1}, What: engine.Started{}})
	b.ReportAllocs()
	for b.Loop() {
		plan.Describe(s, now)
	}
}

// BenchmarkAThousandInFlight is one step, and one view, while a thousand hosts are under attack.
func BenchmarkAThousandInFlight(b *testing.B) {
	plan := benchPlan(b, 10_000)
	now := time.Date(2026, 7, 1, 11, 0, 0, 0, plan.Schedule.Location)
	s, _ := plan.Step(engine.State{}, engine.Event{Stamp: engine.Stamp{At: now, Draw: 1}, What: engine.Started{}})
	for i := range 1000 {
		s.Running = append(s.Running, engine.Run{ID: fmt.Sprint("run-", i), Host: plan.Roster.At(i * 7), Attack: plan.Attacks[0], For: time.Minute, Phase: engine.Holding})
	}
	b.Run("Step", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			plan.Step(s, engine.Event{Stamp: engine.Stamp{At: now, Draw: uint64(i)}, What: engine.Advanced{Run: s.Running[i%1000].ID, Phase: engine.Proving}})
		}
	})
	b.Run("Describe", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.Describe(s, now)
		}
	})
}

// BenchmarkDescribeWithHoursOfTheirOwn is a view of 100,000 hosts in 64 groups, each with hours of its own, most of them
// closed.
func BenchmarkDescribeWithHoursOfTheirOwn(b *testing.B) {
	var groups []engine.HostHours
	for g := range 64 {
		groups = append(groups, engine.HostHours{Hosts: engine.Selector{fmt.Sprintf("*%d", g%10)}, Hours: engine.Hours{Days: everyDay, Ranges: []engine.HourRange{{Start: g * 9, End: 600 + g}}}})
	}
	p := benchPlan(b, 100_000)
	p.Schedule.Groups = groups
	plan, err := engine.NewPlan(p)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 7, 1, 10, 30, 0, 0, p.Schedule.Location)
	for b.Loop() {
		plan.Describe(engine.State{Began: true}, now)
	}
}

// BenchmarkHoursOfTheirOwn is one step under a plan whose attacks and hosts have hours: with 100,000 hosts and nobody to
// attack, with a thousand under attack, and with an order for a thousand of 20,000.
func BenchmarkHoursOfTheirOwn(b *testing.B) {
	mornings := engine.Hours{Days: everyDay, Ranges: hours(600, 720)}
	plan := func(b *testing.B, hosts int) engine.Plan {
		p := benchPlan(b, hosts)
		p.Safety.MaxConcurrent = hosts
		p.Schedule.Groups = []engine.HostHours{{Hosts: engine.Selector{"web-*"}, Hours: mornings}, {Hosts: engine.Selector{"group:db"}, Hours: mornings}}
		for i := range p.Attacks {
			p.Attacks[i].Hours = &mornings
		}
		p, err := engine.NewPlan(p)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	step := func(b *testing.B, p engine.Plan, hour int, s engine.State, what engine.What) {
		s.Began = true
		for b.Loop() {
			p.Step(s, engine.Event{Stamp: engine.Stamp{At: time.Date(2026, 7, 1, hour, 0, 0, 0, p.Schedule.Location), Draw: 1}, What: what})
		}
	}
	b.Run("NobodyToAttack", func(b *testing.B) { step(b, plan(b, 100_000), 13, engine.State{}, engine.Woke{}) })
	b.Run("AThousandInFlight", func(b *testing.B) {
		p, s := plan(b, 2000), engine.State{}
		for i := range 1000 {
			s.Running = append(s.Running, engine.Run{ID: fmt.Sprint(i), Host: p.Roster.At(i), Attack: p.Attacks[0], For: time.Minute, Phase: engine.Holding})
		}
		step(b, p, 11, s, engine.Woke{})
	})
	b.Run("AnOrderForAThousand", func(b *testing.B) {
		step(b, plan(b, 20_000), 11, engine.State{}, engine.Ordered{Order: engine.Order{ID: "1", Kind: engine.RunOnce, By: "ada", Role: engine.Admin, Count: 1000, Attack: "cpu"}})
	})
}
