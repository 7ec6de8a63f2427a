package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// pendingCPU is an order of ada's that somebody else must want.
func pendingCPU() engine.Pending {
	return engine.Pending{
		Order: engine.Order{ID: "5f0c9a77e2d41b38", Kind: engine.RunOnce, By: "ada", Door: "slack", Attack: "cpu-burn", Host: "web-002", Named: true,
			For: 30 * time.Second, Params: map[string]string{"load": "90", "cores": "2"}, Reason: "to see the autoscaler"},
		At: noon.Add(-3 * time.Minute), Until: noon.Add(12 * time.Minute), Needs: 2,
	}
}

// pendingMany is one that nobody counts for yet.
func pendingMany() engine.Pending {
	return engine.Pending{Order: engine.Order{ID: "gameday-1-2", Kind: engine.RunOnce, By: "uid 1007", Door: "socket", Attack: "latency",
		Within: []engine.Selector{{"group:web", "!web-1"}}, Percent: 20}, At: noon, Until: noon.Add(15 * time.Minute), Needs: 3}
}

// withPending is a snapshot in which orders wait.
func withPending(s engine.Snapshot, pending ...engine.Pending) engine.Snapshot {
	s.Pending = pending
	return s
}

func TestWhatWaitsForOthersIsToBeSeenAndCanBeApproved(t *testing.T) {
	d := newDesk(nil).show(withPending(armed(), pendingCPU()))
	if screen := d.screen(120, 40); !strings.Contains(screen, "waits for 1 more person: cpu-burn on web-002 by ada; A approves") || !strings.Contains(screen, "WAITING 1") {
		t.Errorf("it is not on the screen:\n%s", screen)
	}
	d.runes("A").wait(time.Second)
	screen := d.screen(80, 24)
	for _, want := range []string{"cpu-burn on web-002 for 30s", "cores=2, load=90", "ordered by ada (slack)", "wanted by 1 of 2 people", "reason: to see the autoscaler"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the question does not say %q:\n%s", want, screen)
		}
	}
	if d.runes("y"); len(d.con.orders) != 1 || d.con.orders[0].Kind != engine.Approve || d.con.orders[0].Approves != "5f0c9a77e2d41b38" {
		t.Fatalf("given: %+v", d.con.orders)
	}
	if screen := d.screen(80, 24); !strings.Contains(screen, "approved: cpu-burn on web-002 begins") {
		t.Errorf("it is not said:\n%s", screen)
	}
}

// Another order may wait under the same id by the time of the yes, and a console must not approve what nobody has read.
func TestAnApprovalKeepsToWhatWasAskedAbout(t *testing.T) {
	other := pendingCPU()
	other.At, other.Order.Host, other.Order.Hosts = noon, "", []string{"db-001", "db-004"}
	later := pendingMany()
	for name, now := range map[string]engine.Snapshot{
		"nothing waits": armed(), "another waits": withPending(armed(), later), "another under the same id": withPending(armed(), other), "stopped": stopped(),
	} {
		d := newDesk(nil).show(withPending(armed(), pendingCPU()))
		d.runes("A").wait(time.Second).show(now).runes("y")
		if len(d.con.orders) != 0 {
			t.Errorf("%s: given %+v", name, d.con.orders)
		}
	}
}

func TestOfSeveralThatWaitEachCanBeApproved(t *testing.T) {
	d := newDesk(nil).show(withPending(armed(), pendingCPU(), pendingMany()))
	for _, want := range []string{"5f0c9a77e2d41b38", "gameday-1-2", "5f0c9a77e2d41b38"} {
		d.runes("A").wait(time.Second)
		if got := d.m.question.order.Approves; got != want {
			t.Errorf("asked about %s, want %s", got, want)
		}
		d.keys(esc)
	}
	d.runes("A").wait(time.Second).runes("y").wait(time.Second)
	if screen := d.screen(80, 24); !strings.Contains(screen, "latency on 20 % of the hosts of group:web !web-1") || !strings.Contains(screen, "2 more people") {
		t.Errorf("what is still missing is not said:\n%s", screen)
	}
}

func TestNothingIsApprovedByOneKeyNorWhereNothingWaitsNorReadOnly(t *testing.T) {
	d := newDesk(nil).show(armed()).runes("A")
	if d.m.mode != browsing || !strings.Contains(d.screen(80, 24), "no order waits for other people") {
		t.Errorf("A asks about nothing:\n%s", d.screen(80, 24))
	}
	d.show(withPending(armed(), pendingCPU())).runes("Ay")
	d.keys(enter)
	if len(d.con.orders) != 0 {
		t.Errorf("one read approved: %v", d.con.given())
	}
	reading := newDesk(func(o *Options) { o.ReadOnly = true })
	if reading.show(withPending(armed(), pendingCPU())).runes("A").wait(time.Second).runes("y"); len(reading.con.orders) != 0 {
		t.Error("a read-only console approves")
	}
	if screen := reading.screen(120, 40); !strings.Contains(screen, "waits for 1 more person") || strings.Contains(screen, "A approves") {
		t.Errorf("a read-only console offers it:\n%s", screen)
	}
}

func TestAnOrderThatWaitsIsNotSaidToBeRefused(t *testing.T) {
	waits := &engine.Refusal{Verdict: engine.Verdict{Name: engine.NeedsApproval, Sentence: "cpu-burn must be wanted by 2 people: 1 more person must say: chaoscat approve 5f"}}
	d := newDesk(nil).show(armed())
	d.con.answer = waits
	d.runes("r").wait(time.Second).runes("y")
	if screen := d.screen(80, 24); !strings.Contains(screen, "it waits: cpu-burn must be wanted by 2 people") || strings.Contains(screen, "not done") {
		t.Errorf("run once:\n%s", screen)
	}
	s := shaped()
	for i := range s.Attacks {
		s.Attacks[i].Approval = 2
	}
	d = newDesk(nil).show(s)
	d.con.answer = waits
	d.runes("a")
	if screen := d.screen(80, 24); !strings.Contains(screen, "for other people: 2 must want it, you included") {
		t.Errorf("the dialog does not say so before:\n%s", screen)
	}
	word, _ := d.m.hand.word()
	d.m.hand.confirm.text, d.m.hand.at = word, d.m.hand.cancelLine()+1
	d.keys(enter)
	if screen := d.screen(80, 24); d.m.mode != browsing || !strings.Contains(screen, "it waits: cpu-burn must be wanted by 2 people") {
		t.Errorf("by hand: %v\n%s", slices.Collect(slices.Values(d.con.given())), screen)
	}
}

// Every key of every mode, each followed by every answer, on screens on which every key has something to do.
func TestAReadOnlyConsoleGivesStopAloneWhateverIsPressed(t *testing.T) {
	for what, s := range map[string]engine.Snapshot{"armed": withPending(shaped(), pendingCPU()), "stopped": stopped(), "paused": paused(), "attacking": attacking()} {
		for _, pane := range []string{"1", "2", "3"} {
			for m := browsing; m <= cramped; m++ {
				for _, c := range commands(m) {
					d := newDesk(func(o *Options) { o.ReadOnly, o.SaveDir = true, NoFiles }).show(s).runes(pane)
					for _, k := range c.Keys() {
						if len([]rune(k)) != 1 || c.name == stopName {
							continue
						}
						d.runes(k).wait(time.Second).runes("y").wait(time.Second)
						d.keys(enter, esc)
					}
					if given := d.con.given(); len(given) > 0 {
						t.Errorf("%s, pane %s: %q gives %v", what, pane, c.Keys(), given)
					}
					if d.m.mode = browsing; len(d.runes("s").con.given()) != 1 {
						t.Errorf("%s, pane %s: after %q, s does not stop", what, pane, c.Keys())
					}
				}
			}
		}
	}
}
