package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

func TestAStopClaimsNothingBeforeTheEngineHasTakenIt(t *testing.T) {
	d := newDesk(nil).show(attacking())
	_, answer := d.m.Update(char('s')) // ordered, not answered
	wantScreen(t, d, "STOP: on its way; the engine has not confirmed it yet")
	d.carryOut(answer)
	wantScreen(t, d, "what runs is being undone; p, then y, resumes")

	d = newDesk(nil).show(armed()).runes("s")
	if strings.Contains(d.m.toast.text, "undone") {
		t.Errorf("nothing ran, and yet: %q", d.m.toast.text)
	}
}

func TestAStopWithoutALinkSaysThatItIsOnlyBeingTried(t *testing.T) {
	d := newDesk(nil).show(attacking())
	d.m.Update(newsMsg{lost: true})
	d.con.refuse("dial unix: connection refused")
	for range 2 {
		d.runes("s")
		wantScreen(t, d, "STOP: delivery is being tried; the engine cannot be reached")
		wantScreen(t, d, "STOP NOT DELIVERED (try 1)")
	}
}

func TestLeavingWithAStopThatWasNotDeliveredIsAnError(t *testing.T) {
	d := newDesk(func(o *Options) { o.Attached = true }).show(armed())
	if err := d.m.delivery.undelivered(); err != nil {
		t.Fatalf("nothing was ordered: %v", err)
	}
	d.con.refuse("connection refused")
	d.runes("s").keys(char('q'))
	err := d.m.delivery.undelivered()
	if !d.quit || !errors.Is(err, ErrStopNotDelivered) || !strings.Contains(err.Error(), "your STOP was not delivered") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("quit %v with %v", d.quit, err)
	}
	d = newDesk(nil).show(armed()).runes("s")
	if err := d.m.delivery.undelivered(); err != nil {
		t.Errorf("it was delivered: %v", err)
	}
}

// The demo's engine lives sixty times as fast; the person at the keyboard does not.
func TestReactionsAreTimedByTheClockOfThePerson(t *testing.T) {
	wall := noon
	d := newDesk(func(o *Options) { o.Wall = func() time.Time { return wall } }).show(armed())
	d.runes("r").wait(time.Minute).runes("y")
	wantOrders(t, d)
	wantScreen(t, d, "y once more does it")
	wall = wall.Add(reading)
	d.wait(time.Minute)
	if d.m.toast.text == "" {
		t.Error("the message is gone before anybody could read it")
	}
	d.runes("y")
	wantOrders(t, d, "run-once cpu-burn web-002")
	d.read(ctrlC)
	wall = wall.Add(time.Second)
	d.wait(time.Minute).read(ctrlC)
	if !d.quit {
		t.Error("ctrl+c twice within a second of the person does not quit")
	}
}

func TestWithoutALinkNothingIsHealthyAndNothingCountsDown(t *testing.T) {
	d := newDesk(func(o *Options) { o.Plain = true }).show(attacking())
	d.m.Update(newsMsg{lost: true})
	d.wait(30 * time.Second)
	before := d.screen(200, 60)
	for _, want := range []string{"HEALTH ? unknown, last heard 30s ago", "undo was due at 16:48:12", "window closes at", "as of 16:47:53", "? unknown  shop", "00:41 / 01:00"} {
		if !strings.Contains(before, want) {
			t.Errorf("no %q in\n%s", want, before)
		}
	}
	if strings.Contains(before, "HEALTH ✓") {
		t.Error("it still claims to be healthy")
	}
	d.wait(time.Second)
	if after := strings.ReplaceAll(d.m.View(), "31s", "30s"); !strings.Contains(after, "00:41 / 01:00") || !strings.Contains(after, "as of 16:47:53") {
		t.Errorf("a countdown went on:\n%s", after)
	}
}

func TestSuspendIsRefusedWhereTheEngineWouldStandStill(t *testing.T) {
	for _, c := range []struct {
		attached bool
		snapshot engine.Snapshot
		want     string
	}{
		{false, attacking(), "the attack is run from here"},
		{false, armed(), "the engine runs in this console"},
		{true, attacking(), ""},
		{true, armed(), ""},
	} {
		d := newDesk(func(o *Options) { o.Attached = c.attached }).show(c.snapshot)
		suspended := false
		d.m.suspend = func() tea.Cmd { suspended = true; return nil }
		d.read(tea.KeyMsg{Type: tea.KeyCtrlZ})
		if suspended != c.attached || !strings.Contains(d.m.toast.text, c.want) {
			t.Errorf("attached %v: suspended %v, %q", c.attached, suspended, d.m.toast.text)
		}
	}
}

func TestTheMomentOfTheUndoComesFirstAndIsWrappedWhereThereIsRoom(t *testing.T) {
	s := attacking()
	s.Running[0].Figures.Text = "cpu busy 4.1 -> 81.3 % of 8 cores, load 0.31 -> 7.92, temperature 48 -> 71 C"
	d := newDesk(func(o *Options) { o.Plain = true }).show(s, story()...)
	screen := d.screen(160, 50)
	for _, want := range []string{"undo armed, by itself at 16:48:26 at the latest:", "kernel + guard + systemd, lease 15s", "ends early on: gate, closing time, lost contact, s", "71 C", "effective undone"} {
		if !strings.Contains(screen, want) {
			t.Errorf("no %q in\n%s", want, screen)
		}
	}
}

func TestAPhaseIsNamedOnce(t *testing.T) {
	d := newDesk(func(o *Options) { o.Plain = true }).show(attacking(), story()...)
	if screen := d.screen(160, 50); !strings.Contains(screen, "connect  16:47:10  to 10.0.0.2:22 ") || !strings.Contains(screen, "inspect  16:47:10    ") {
		t.Error(screen)
	}
}

func TestInASCIISignsAreSpelledAndAQuestionMarkStaysForWhatIsNotKnown(t *testing.T) {
	k := newLook(true, true, "")
	if got := k.clean("4 → 81 % … a · b – “x” ≥ 3 µs ?"); got != `4 -> 81 % ... a - b - "x" >= 3 us ?` {
		t.Errorf("%q", got)
	}
	if got := newLook(true, false, "").clean("4 → 81 % …"); got != "4 → 81 % …" {
		t.Errorf("and without ASCII mode: %q", got)
	}
}

func TestTheColumnOfNamesFitsTheLongestOneUpToALimit(t *testing.T) {
	var o output
	for _, c := range []struct {
		host      string
		w80, w120 int
	}{{"web-1", 9, 9}, {"payments-web-01", 15, 15}, {"payments-web-00123.prod.example", 20, 24}, {"a", 20, 24}} {
		o.learn([]engine.Record{{Kind: engine.Line, Host: c.host, Text: "x"}}, 0)
		if got, wide := o.nameWidth(78), o.nameWidth(118); got != c.w80 || wide != c.w120 {
			t.Errorf("after %s: %d and %d, want %d and %d", c.host, got, wide, c.w80, c.w120)
		}
	}
}

func TestAStoppedConsoleTellsTheWayOut(t *testing.T) {
	d := newDesk(nil).show(stopped())
	for _, size := range sizes[1:] {
		screen := d.screen(size.w, size.h)
		if !strings.Contains(screen, "p, then y, resumes") || !strings.Contains(screen, "p re-arm") {
			t.Errorf("at %dx%d:\n%s", size.w, size.h, screen)
		}
	}
	d.screen(50, 8)
	d.runes("s")
	screen := d.m.View()
	if !strings.Contains(screen, "enlarge to 60x16 to re-arm") || strings.Contains(screen, "p, then") {
		t.Errorf("a key is named that does nothing here:\n%s", screen)
	}
}

func TestTheDemoIsMarkedAlsoWhereThereIsNoRoom(t *testing.T) {
	d := newDesk(nil).show(dryRun())
	if first, _, _ := strings.Cut(d.screen(50, 8), "\n"); !strings.Contains(first, "DEMO") {
		t.Errorf("%q", first)
	}
}

func TestAGateIsNamedOnceInTheSecondLine(t *testing.T) {
	s := armed()
	s.Gates[0].Clear = false
	s.Verdict = engine.Verdict{Name: engine.Unhealthy, Sentence: "shop: passed 1 times in a row, 3 are needed"}
	d := newDesk(func(o *Options) { o.Plain = true }).show(s)
	line := strings.Split(d.screen(120, 40), "\n")[1]
	if strings.Count(line, "shop") != 1 {
		t.Errorf("%q", line)
	}
}

func TestPausingWhileAttackingSaysWhatComesAfter(t *testing.T) {
	s := attacking()
	s.Paused = &engine.Pause{By: "ada"}
	wantScreen(t, newDesk(nil).show(s), "then PAUSED")
}

func TestAFilterOfSeveralWordsNeedsThemAll(t *testing.T) {
	var r roster
	r.learn(smallFleet(), 1)
	r.filter("  EU-1c  web ")
	if got := fmt.Sprint(names(&r)); got != "[web-003 web-009]" {
		t.Errorf("it finds %s", got)
	}
	r.filter("web eu-1c 9")
	if got := fmt.Sprint(names(&r)); got != "[web-009]" {
		t.Errorf("narrowed, it finds %s", got)
	}
}

func TestAFilterIsForThePaneWithTheFocus(t *testing.T) {
	d := newDesk(nil).show(attacking(), story()...).runes("3").runes("&").runes("web cpu")
	if d.m.roster.count() != 12 || len(d.m.output.found) != 3 {
		t.Errorf("%d hosts, %d lines", d.m.roster.count(), len(d.m.output.found))
	}
	d.keys(enter)
	d.show(attacking(), engine.Record{Seq: 13, At: noon, Kind: engine.Line, Host: "web-004", Text: "CPU is hot"}, engine.Record{Seq: 14, At: noon, Kind: engine.Line, Host: "db-005", Text: "cpu"})
	wantScreen(t, d, "CPU is hot")
	if len(d.m.output.found) != 4 {
		t.Errorf("%d lines with those that came later", len(d.m.output.found))
	}
	d.keys(esc)
	if d.m.output.needle != "" {
		t.Error("Esc does not clear it")
	}
	d.runes("1/db")
	if d.m.roster.count() != 2 || d.m.focus != onRoster {
		t.Errorf("from the attack: %d hosts, focus on %d", d.m.roster.count(), d.m.focus)
	}
}

// A filtered output scrolls by the lines it shows, and forgets those that are no longer kept.
func TestAFilteredOutputScrollsByItsOwnLines(t *testing.T) {
	o := &output{}
	o.learn(lines(0, 100), 0)
	o.filter("9")
	if got := fmt.Sprint(seen(o)); !strings.HasPrefix(got, "[95 96 97 98 99") {
		t.Errorf("seen %s", got)
	}
	o.move(toTop)
	if got := fmt.Sprint(seen(o)); !strings.HasPrefix(got, "[9 19 29 39 49") {
		t.Errorf("seen %s", got)
	}
	o.learn(lines(100, keep+50), 0)
	if got := fmt.Sprint(seen(o)); !strings.HasPrefix(got, "[59 69 79 89 90") {
		t.Errorf("seen %s", got)
	}
	o.filter("")
	if len(o.ring) != o.end()-o.first() {
		t.Errorf("%d lines of %d", o.end()-o.first(), len(o.ring))
	}
}

func TestAfterEscTheSelectionReturnsToWhereItWas(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(down, down) // db-005
	d.runes("/").runes("web")
	if d.m.roster.selected == "db-005" {
		t.Fatal("the filter does not hide it")
	}
	d.keys(esc)
	if d.m.roster.selected != "db-005" || d.m.roster.at(d.m.roster.cursor).Name != "db-005" {
		t.Errorf("selected %s", d.m.roster.selected)
	}
}

func TestAnAttackedHostComesIntoViewAndTheSelectionStays(t *testing.T) {
	shows := func(d *desk) bool { return strings.Contains(ansi.Strip(d.screen(80, 24)), "▲ ATTACKING") }
	d := newDesk(nil).show(armed())
	d.screen(80, 24)
	d.show(attacking())
	if !shows(d) || d.m.roster.selected != "api-006" {
		t.Errorf("selected %s:\n%s", d.m.roster.selected, d.m.View())
	}
	d.keys(down)
	if shows(d) || d.m.roster.selected != "api-007" {
		t.Errorf("the person cannot move away from it:\n%s", d.m.View())
	}

	d = newDesk(nil).show(armed()).keys(down).wait(reader - time.Second).show(attacking())
	if shows(d) {
		t.Error("the rows moved under the eyes of somebody who reads them")
	}
	d = newDesk(nil).show(armed()).keys(down).wait(reader).show(attacking())
	if !shows(d) {
		t.Error("ten seconds later they do not move either")
	}
}

// With a socket or a configuration of its own, "chaoscat stop" would stop another engine.
func TestWhatIsToBeTypedInAShellMeansThisEngine(t *testing.T) {
	named := func(o *Options) { o.Command = "chaoscat --socket /run/other.sock" }
	d := newDesk(named).show(attacking())
	d.con.refuse("connection refused")
	d.runes("s")
	d.wait(time.Second)
	if screen := d.screen(120, 40); !strings.Contains(screen, "from any shell: chaoscat --socket /run/other.sock stop") {
		t.Errorf("an undelivered stop:\n%s", screen)
	}
	lost := newDesk(named).show(armed())
	lost.m.Update(newsMsg{lost: true})
	if screen := lost.screen(120, 40); !strings.Contains(screen, "--socket /run/other.sock stop. What runs") {
		t.Errorf("a lost link:\n%s", screen)
	}
	if screen := newDesk(named).show(residue()).screen(120, 40); !strings.Contains(screen, "chaoscat --socket /run/other.sock sweep --host") {
		t.Errorf("residue:\n%s", screen)
	}
}
