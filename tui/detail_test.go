package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// read is a screen as it is read.
func read(d *desk, w, h int) string { return unwrapped(d.screen(w, h)) }

func plainDesk() *desk { return newDesk(func(o *Options) { o.Plain = true }) }

func wantRead(t *testing.T, screen string, wanted ...string) {
	t.Helper()
	for _, text := range wanted {
		if !strings.Contains(screen, text) {
			t.Errorf("no %q in\n%s", text, screen)
		}
	}
}

func number(n float64) *float64 { return &n }

func TestAFigureIsToldBeforeDuringAndAfterAndPartByPart(t *testing.T) {
	s := attacking()
	s.Running[0].Figures = engine.Figures{Text: "round trip 0.3 → 200.2 → ? ms; cpu busy 4.1 → 81 → ? %", Parts: []engine.Figures{
		{Name: "round trip", About: "to 10.0.0.7", Unit: "ms", Before: number(.3124), During: number(200.21)},
		{Name: "cpu busy", Unit: "%", Before: number(4.1), During: number(81)},
	}}
	wantRead(t, read(plainDesk().show(s), 120, 50), "round trip to 10.0.0.7: before 0.3 ms, during 200.2 ms, after -", "cpu busy: before 4.1 %, during 81 %, after -")
}

func TestAnAttackWithoutAnUndoIsNotSaidToEnd(t *testing.T) {
	s := attacking()
	s.Running[0].Attack.Name, s.Running[0].Attack.Reversible = "reboot", false
	screen := read(plainDesk().show(s), 120, 50)
	wantRead(t, screen, "has no undo: nothing ends it")
	if strings.Contains(screen, "undo armed") || strings.Contains(screen, "ends early on") {
		t.Error(screen)
	}
}

func TestAGateTellsItsStateInAWordItsValueItsLimitAndItsAge(t *testing.T) {
	s := armed()
	s.Gates = s.Gates[:2]
	s.Gates[0].Text, s.Gates[0].Clear = "error rate 3.10 % (limit 2 %), p99 191 ms (limit 500 ms)", false
	wantRead(t, read(plainDesk().show(s), 120, 40), "! NO shop", "3s ago", "error rate 3.10 % (limit 2 %)", "p99 191 ms", "(limit 500 ms)", "✓ clear orders", "last 15 min")
}

func TestEveryCandidateIsThereWithItsWeightItsChanceAndItsHosts(t *testing.T) {
	s := armed()
	s.Chances = nil
	for i := range 29 {
		s.Chances = append(s.Chances, engine.Chance{Attack: fmt.Sprintf("attack-%02d", i), Eligible: i, Note: "only by order"})
	}
	s.Chances[0] = engine.Chance{Attack: "cpu-burn", Weight: 10, Chance: 1, Eligible: 9}
	d := plainDesk().show(s)
	d.screen(80, 24)
	d.runes("1z")
	seen := read(d, 80, 24)
	wantRead(t, seen, "ATTACK WEIGHT CHANCE HOSTS NOTE", "> cpu-burn 10 100% ████████████ 9", "attack-12 0 - 12 only by order")
	d.runes("G")
	wantRead(t, read(d, 80, 24), "attack-28 0 - 28 only by order")
}

// On a screen that is too narrow for their pane, a key shows what has ended.
func TestWhatHasEndedIsOneKeyAwayOnEveryScreen(t *testing.T) {
	d := plainDesk().show(armed(), ends()[995:]...)
	d.screen(80, 24)
	d.runes("H")
	wantRead(t, read(d, 80, 24), "Recent attacks", "blackhole on db-", ": weak undone", ": effective undone")
	wantRead(t, read(plainDesk().show(armed()), 120, 40), "Recent attacks", "✓ latency web-007 effective undone", "Wed ✗ reboot db-005 weak residue")
}

func TestADrawIsExplainedInNumbersWithWhomALimitKeptFree(t *testing.T) {
	s := drawnOften()
	s.Hosts.FullGroups = []string{"api"}
	s.Next.Blocked = append([]string{"api-006", "api-007"}, s.Next.Blocked...)
	s.Next.Pool, s.Next.Passed = 13, []string{"web-010"}
	s.Attacks[3].Reversible, s.Attacks[4].Reversible = true, true
	s.Hosts.Facts["web-002"] = engine.Facts{At: noon, Infeasible: map[string]string{"reboot": "no systemd"}}
	d := plainDesk().show(s).runes("1").keys(enter)
	wantRead(t, read(d, 120, 50), "2 hosts that a limit keeps free (api-006: group api has no host to spare", "Passed over, since a limit of their group kept them out: web-010",
		"1 in 7 times 10 in 21: 6.8 %", "not there reboot (no systemd)", "by order 1 more attack of the plan")
}

func TestTheDetailsOfAHostFollowTheAttackThatRunsOnItAmongMany(t *testing.T) {
	d := plainDesk().show(thousand(), story()...)
	d.runes("2").m.roster.place(3)
	d.keys(enter)
	wantRead(t, read(d, 120, 50), "Running now", "blackhole on api-00011.prod-eu.example.net", "▲ hold", "undo armed", "kernel + guard + systemd, lease 15s", "pings answered 100 -> 0 %")
}

func TestAnAttackByHandTellsTheBlastRadiusInNumbers(t *testing.T) {
	d := plainDesk().show(shaped()).runes("a").write(t, "Hosts", "group:web").write(t, "How many", "5")
	wantRead(t, read(d, 120, 40), "5 of 7 in group:web (71 %) by chance; only 4 ready now: the engine would refuse, 1 unreachable, 1 cooldown, 1 excluded",
		"web 5 of 8, 3 left; inventory 5 of 12 (42 %)", "kernel; guard; second guard")
	d.write(t, "How many", "50%")
	wantRead(t, read(d, 120, 40), "3 of 7 in group:web (43 %) by chance; 4 ready now")
	d.write(t, "Hosts", "web-010")
	wantRead(t, read(d, 120, 40), "web-010 ✓ ready", "web 1 of 8, 7 left; inventory 1 of 12 (8 %)")
}

// The plan has an attack for some hosts only: that is said before it is typed out and refused.
func TestAnAttackByHandKnowsWhomThePlanHasItFor(t *testing.T) {
	s := shaped()
	s.Attacks[0].Hosts = engine.Selector{"group:db"}
	d := plainDesk().show(s).runes("a").write(t, "Hosts", "web-010")
	wantRead(t, read(d, 120, 40), "nobody: the plan has cpu-burn for group:db alone, and web-010 is not among them")
	d.write(t, "Hosts", "group:web")
	wantRead(t, read(d, 120, 40), "the plan has cpu-burn for group:db alone, and none of these is among them")
	d.write(t, "Hosts", "")
	wantRead(t, read(d, 120, 40), "1 of 2 hosts (50 %) by chance")
	d.line(t, "Attack").keys(rightKey)
	wantRead(t, read(d, 120, 40), "1 of 11 hosts (9 %) by chance")
	wantOrders(t, d)
}

func TestACompoundAttackNamesThePartOfEachParameter(t *testing.T) {
	s := shaped()
	s.Shapes[0] = engine.Shape{Attack: "cpu-burn", Kind: "rush-hour", Summary: "at once: latency, cpu", Max: time.Minute, Parts: []string{"latency", "cpu"},
		Params: []engine.ShapeParam{{Name: "c1_delay", Value: "150ms", Bounds: "1ms to 1h", Help: "latency: how long a packet waits"}, {Name: "c2_load", Value: "70", Bounds: "1 to 100 %"}},
		Runs:   "# part 1: latency\ninject() { shaper_inject; }", Undoes: "in reverse order: cpu: killed; latency: taken off", Layers: []string{"the kernel: it ends the fault"}}
	d := plainDesk().show(s).runes("a").write(t, "Hosts", "web-010").line(t, "1 latency delay")
	wantRead(t, read(d, 120, 40), "> 1 latency delay [150ms_] 1ms to 1h; latency: how long a packet waits", "2 cpu load [70]", "1 latency delay=150ms, 2 cpu load=70",
		"in reverse order: cpu: killed", "the kernel: it ends the fault", "# part 1: latency")
	d.write(t, "2 cpu load", "50").write(t, "confirm", "web-010")
	if screen := read(d, 80, 24); strings.Contains(screen, "[150ms]") {
		t.Errorf("what is about to be confirmed leaves no room for what it does:\n%s", screen)
	}
	d.keys(enter)
	if got := d.con.orders[0].Params; len(got) != 1 || got["c2_load"] != "50" {
		t.Errorf("ordered with %v", got)
	}
}
