package engine_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// FuzzNoSequenceOfEventsBreaksAPromise turns bytes into happenings: time passes, gates turn, hosts fail,
// people order, the engine crashes. world.check holds every single step against the promises.
func FuzzNoSequenceOfEventsBreaksAPromise(f *testing.F) {
	f.Add([]byte{0, 40, 1, 40, 2, 40, 3, 40, 4, 40})
	f.Add([]byte("the quick brown fox jumps over the lazy dog, and stops everything"))
	f.Add([]byte{7, 200, 9, 0, 7, 200, 6, 3, 8, 90, 7, 255, 10, 1, 7, 255})
	f.Fuzz(func(t *testing.T, script []byte) { play(t, script[:min(len(script), 400)]) })
}

var runs = flag.Int("runs", 150, "how many random schedules to play")

// TestNoRandomScheduleBreaksAPromise is properties P1 to P8: orders, crashes, restarts, stops, health, clocks
// and hosts as they come. A failure names its seed; with -runs 10000 it is the whole soak.
func TestNoRandomScheduleBreaksAPromise(t *testing.T) {
	for seed := range *runs {
		rng := rand.New(rand.NewPCG(uint64(seed), 0))
		script := make([]byte, 20+rng.IntN(380))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		if !t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { play(t, script) }) {
			return
		}
	}
}

// play turns a script into happenings and lets everything come to its end.
func play(t *testing.T, script []byte) {
	t.Helper()
	plan := testPlan(t, func(p *engine.Plan) {
		p.Safety.MaxConcurrent, p.Safety.MaxPerGroup, p.Safety.HostCooldown = 2, 1, time.Hour
		p.Schedule.Wait = time.Minute
		p.Attacks = append(p.Attacks, engine.Attack{Name: "reset", Kind: "reset", Weight: 2, For: time.Minute, Reversible: true, Approval: 2})
		p.Attacks[1].Hours = &engine.Hours{Days: everyDay, Ranges: hours(660, 780)}
		p.Attacks[0].Tolerate = []string{"t*"}
		p.Schedule.Groups = []engine.HostHours{{Hosts: engine.Selector{"db-4"}, Hours: engine.Hours{Days: weekdays, Ranges: hours(700, 900)}}}
		p.Roster = engine.NewRoster(fleet(6))
	})
	w := newWorld(t, plan, at(t, "2026-07-01T09:30:00+02:00"))
	w.start(engine.Started{})
	for i := 0; i+1 < len(script); i += 2 {
		w.fuzz(i, script[i]%18, script[i+1])
	}
	w.everythingEnds()
}

func (w *world) fuzz(i int, what, how byte) {
	host := fleet(6)[how%6].Name
	order := func(k engine.OrderKind) {
		w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: k, By: "ada", Host: host, For: time.Duration(how) * time.Second}})
	}
	switch what {
	case 0:
		w.gates["site"] = engine.GateAnswer{OK: how%3 > 0, Text: "t", Causes: [][]string{nil, {"tic"}, {"tic", "other"}}[how/3%3]}
	case 1:
		w.gates["rota"] = engine.GateAnswer{OK: how%3 > 0}
	case 2:
		w.infeasible[host] = map[string]string{[]string{"cpu", "latency"}[how%2]: "no"}
	case 3:
		w.residue[host] = how%2 == 0
	case 4:
		order(engine.Stop)
	case 5:
		order(engine.Resume)
	case 6:
		order(engine.RunOnce)
	case 7, 8:
		w.until(w.now.Add(time.Duration(how) * 3 * time.Second))
	case 9:
		order([]engine.OrderKind{engine.PauseIt, engine.Skip, engine.Exclude, engine.Include, engine.Clear, "nonsense"}[how%6])
	case 10:
		w.restart(how%2 == 0)
	case 11:
		w.now = w.now.Add(time.Duration(how) * time.Minute)
		w.happen(engine.ClockJumped{By: time.Duration(how) * time.Minute})
	case 12:
		w.happen(engine.Reconciled{Host: host, Clean: how%2 == 0, Text: "x"})
	case 13:
		w.throughJSON()
	case 14:
		w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: engine.RunOnce, By: "ada", Count: int(how % 4), Together: how%8 > 3, Within: within(how / 8)}})
	case 15:
		w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: engine.RunOnce, By: "ada", Hosts: []string{host, fleet(6)[how/6%6].Name}, Attack: "cpu", Together: how%2 == 0}})
	case 17:
		kind := []engine.OrderKind{engine.RunOnce, engine.Approve}[how%2]
		w.happen(engine.Ordered{Order: engine.Order{ID: fmt.Sprint(i), Kind: kind, By: []string{"ada", "bob", "eve"}[how/2%3], Named: how/6%3 > 0, Role: engine.Operator, Attack: "reset"}})
	case 16:
		w.happen(engine.Sighted{Unreachable: map[string]string{host: "no answer"}, Back: []string{fleet(6)[how/6%6].Name}})
	}
}

func within(how byte) []engine.Selector {
	return [][]engine.Selector{nil, {{"group:web"}}, {{"group:w*", "db-2"}, {"!web-1"}}, {{"group:none"}}}[how%4]
}

func (w *world) restart(torn bool) {
	old := w.state
	w.queue = nil
	w.state = engine.State{Stopped: old.Stopped, Paused: old.Paused, Attacked: old.Attacked, Excluded: old.Excluded, Residue: old.Residue}
	w.start(engine.Started{Open: append(old.Running, old.Open...), Torn: torn})
}

func (w *world) throughJSON() {
	text, err := json.Marshal(w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	var read engine.State
	if err := json.Unmarshal(text, &read); err != nil {
		w.t.Fatal(err)
	}
	w.state = read
}

// everythingEnds: after a stop, with hosts that can be undone, no run stays open.
func (w *world) everythingEnds() {
	clear(w.residue)
	w.happen(engine.Ordered{Order: engine.Order{ID: "last", Kind: engine.Stop, By: "fuzz"}})
	launched := len(w.launched)
	w.until(w.now.Add(2 * time.Hour))
	if len(w.state.Running)+len(w.state.Open) > 0 || len(w.launched) != launched {
		w.t.Fatalf("after the stop %d runs are left, %d were launched", len(w.state.Running)+len(w.state.Open), len(w.launched)-launched)
	}
}
