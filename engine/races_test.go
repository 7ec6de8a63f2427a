package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Sequences in which something else happens between two steps of an attack. Each was once a hole.

func order(id string, k engine.OrderKind, change ...func(*engine.Order)) engine.Ordered {
	o := engine.Order{ID: id, Kind: k, By: "ada", Door: "console"}
	for _, c := range change {
		c(&o)
	}
	return engine.Ordered{Order: o}
}

func on(host string) func(*engine.Order) { return func(o *engine.Order) { o.Host = host } }

// armed is a world in business hours whose gates have answered, before the first attack.
func armed(t *testing.T, options ...func(*engine.Plan)) *world {
	t.Helper()
	w := newWorld(t, testPlan(t, options...), at(t, "2026-07-01T10:00:00+02:00"))
	w.start(engine.Started{})
	w.until(w.now.Add(10 * time.Second))
	return w
}

func TestNoOrderGivesAScheduleToAnEngineThatHasNone(t *testing.T) {
	for _, k := range []engine.OrderKind{engine.Resume, engine.PauseIt, engine.Include} {
		w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
		w.state.Idle = "started by a single command"
		w.start(engine.Started{})
		w.happen(order("1", k, func(o *engine.Order) { o.For, o.Host = time.Minute, "web-1" }))
		w.until(w.now.Add(3 * time.Hour))
		if len(w.launched) > 0 {
			t.Errorf("%s: it attacked on schedule", k)
		}
		w.happen(order("2", engine.RunOnce))
		w.until(w.now.Add(10 * time.Second))
		if len(w.launched) != 1 {
			t.Errorf("%s: an order is still carried out, %d were", k, len(w.launched))
		}
	}
}

func TestAfterATornJournalWhatIsUncleanBlocksAllAndWhatIsOutOfReachStaysOut(t *testing.T) {
	w := armed(t)
	w.state.Sweeping = true
	w.happen(engine.SweptAll{Residue: map[string]string{"web-1": "a rule"}, Failed: []string{"db-2"}})
	w.until(w.now.Add(30 * time.Minute))
	if len(w.launched) > 0 || len(w.state.Residue) != 1 {
		t.Errorf("launched %d beside residue %v", len(w.launched), w.state.Residue)
	}
	w = armed(t)
	w.state.Sweeping = true
	w.happen(engine.SweptAll{Failed: []string{"db-2", "web-1", "web-3"}})
	w.queue = nil
	w.happen(order("1", engine.RunOnce, on("db-2")))
	w.mustSee("REFUSED HostNotEligible: db-2 is unreachable: not looked at")
	if w.state.Next == nil || w.state.Next.Host != "db-4" {
		t.Errorf("drawn was %+v, only db-4 has been looked at", w.state.Next)
	}
}

func TestTheSameOrderTwiceIsOneAttackAndOneAnswer(t *testing.T) {
	w := armed(t)
	w.happen(order("twice", engine.RunOnce))
	w.happen(order("twice", engine.RunOnce))
	if len(w.replies) != 0 {
		t.Fatalf("answered before the gates: %+v", w.replies)
	}
	w.until(w.now.Add(5 * time.Second))
	if len(w.launched) != 1 || len(w.replies) != 1 || w.replies[0].Refusal != nil {
		t.Errorf("launched %d, replies %+v", len(w.launched), w.replies)
	}
}

func TestAHostBarredWhileItsOrderWaitsForTheGatesIsNotAttacked(t *testing.T) {
	w := armed(t)
	w.happen(order("1", engine.RunOnce, on("web-1")))
	w.plan = testPlan(t, func(p *engine.Plan) {
		hosts := fleet(4)
		hosts[0].Barred = `excluded by safety.exclude "web-1"`
		p.Roster = engine.NewRoster(hosts)
	})
	w.happen(engine.PlanChanged{Text: "refreshed"})
	w.until(w.now.Add(time.Minute))
	for _, r := range w.launched {
		if r.Host.Name == "web-1" {
			t.Error("attacked a barred host")
		}
	}
	w.mustSee("REFUSED HostNotEligible: web-1 is excluded")
}

func TestOneNoIsEnoughForAFaultThatIsNotOnYet(t *testing.T) {
	w := armed(t)
	w.happen(order("1", engine.RunOnce))
	w.until(w.now.Add(1100 * time.Millisecond))
	if len(w.state.Running) != 1 {
		t.Fatal("nothing was launched")
	}
	w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{Text: "500"}})
	if w.state.Running[0].Stopping == "" {
		t.Errorf("in phase %s it goes on though health says no", w.state.Running[0].Phase)
	}
}

func TestANoIsNeverOvertakenByAnEarlierYes(t *testing.T) {
	w := armed(t)
	w.happen(order("1", engine.RunOnce))
	round := w.state.Asked.ID
	w.queue = nil
	w.happen(engine.GateAnswered{Gate: "site", GateAnswer: engine.GateAnswer{Text: "500"}})
	for _, g := range []string{"site", "rota"} {
		w.happen(engine.GateAnswered{Gate: g, Round: round, GateAnswer: engine.GateAnswer{OK: true}})
	}
	if len(w.launched) > 0 {
		t.Error("launched on an answer that was asked for before the no")
	}
}

func TestAnApproachThatTakesTooLongIsTurnedBackBeforeClosingTime(t *testing.T) {
	w := armed(t, func(p *engine.Plan) { p.Schedule.Hours = hours(600, 604); p.Attacks = p.Attacks[1:] }) // two minutes and one
	w.happen(order("1", engine.RunOnce))
	w.until(w.now.Add(1100 * time.Millisecond))
	if len(w.state.Running) != 1 {
		t.Fatalf("nothing was launched: %s", strings.Join(w.told, "\n"))
	}
	w.queue, w.now = nil, at(t, "2026-07-01T10:01:10+02:00")
	w.happen(engine.Advanced{Run: w.state.Running[0].ID, Phase: engine.Measuring})
	if w.state.Running[0].Stopping == "" {
		t.Error("a fault that would be undone after closing time is switched on")
	}
}

func TestWhatIsRunningCannotBeClearedAwayFromTheRecord(t *testing.T) {
	w := running(t)
	host := w.state.Running[0].Host.Name
	w.happen(order("1", engine.Clear, on(host)))
	w.mustSee("REFUSED HostNotEligible: " + host + " is under attack")
	w.happen(engine.Reconciled{Run: "an-earlier-one", Host: host, Clean: true, Text: "late"})
	if w.saw("reconciled: " + host) {
		t.Error("a late answer about an earlier run was taken for the running one")
	}
}

func TestAHostThatLeftTheFleetUnderAttackCanStillBeExcluded(t *testing.T) {
	w := running(t)
	host := w.state.Running[0].Host.Name
	w.plan = testPlan(t, func(p *engine.Plan) {
		var left []engine.Host
		for _, h := range fleet(4) {
			if h.Name != host {
				left = append(left, h)
			}
		}
		p.Roster = engine.NewRoster(left)
	})
	w.happen(engine.PlanChanged{Text: "refreshed"})
	w.happen(order("1", engine.Exclude, on(host)))
	if w.state.Running[0].Stopping == "" {
		t.Error("its attack goes on")
	}
}

func TestTheLimitOfADayBindsOrdersToo(t *testing.T) {
	w := armed(t, func(p *engine.Plan) { p.Schedule.MaxPerDay = 1; p.Safety.HostCooldown = 0 })
	w.happen(order("1", engine.RunOnce))
	w.until(w.now.Add(10 * time.Minute))
	w.happen(order("2", engine.RunOnce))
	w.mustSee("REFUSED DailyLimit")
}

func TestOneOfTwoOpenRunsOnAHostDoesNotSpeakForTheOther(t *testing.T) {
	w := newWorld(t, testPlan(t), at(t, "2026-07-01T10:00:00+02:00"))
	host, _ := w.plan.Roster.Find("db-2")
	w.start(engine.Started{Open: []engine.Run{{ID: "a", Host: host, Attack: w.plan.Attacks[0]}, {ID: "b", Host: host, Attack: w.plan.Attacks[1]}}})
	w.queue = nil
	w.happen(engine.Reconciled{Run: "b", Host: "db-2", Text: "a qdisc is left"})
	w.happen(engine.Reconciled{Run: "a", Host: "db-2", Clean: true})
	if len(w.state.Residue) != 1 || len(w.state.Open) != 1 || w.state.Open[0].ID != "b" {
		t.Errorf("residue %v, open %d", w.state.Residue, len(w.state.Open))
	}
}
