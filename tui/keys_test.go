package tui

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

func wantOrders(t *testing.T, d *desk, want ...string) {
	t.Helper()
	if got := d.con.given(); !slices.Equal(got, want) {
		t.Errorf("the engine was given %q, want %q", got, want)
	}
}

func wantScreen(t *testing.T, d *desk, want string) {
	t.Helper()
	if screen := d.m.View(); !strings.Contains(screen, want) {
		t.Errorf("the screen does not say %q:\n%s", want, screen)
	}
}

// Proves console.md 4.16, number 1.
func TestStopNeedsNoQuestionHoweverItsBytesArrive(t *testing.T) {
	for _, c := range []struct {
		what string
		hit  func(*desk)
	}{
		{"s", func(d *desk) { d.runes("s") }},
		{"Caps Lock", func(d *desk) { d.runes("S") }},
		{"hit five times over a slow link", func(d *desk) { d.runes("sssss") }},
		{"after movements in one read", func(d *desk) { d.runes("jjjs") }},
		{"before other keys in one read", func(d *desk) { d.runes("sjq") }},
		{"Esc and s in one read, which is the same as alt+s", func(d *desk) {
			d.read(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("s"), Alt: true})
		}},
		{"in one read with an arrow", func(d *desk) { d.read(up).runes("s") }},
		{"in the help", func(d *desk) { d.runes("?").runes("s") }},
		{"in a question", func(d *desk) { d.m.scene.Running = nil; d.show(armed()).runes("r").runes("s") }},
		{"in the choice of how to quit", func(d *desk) { d.runes("q").runes("s") }},
		{"where the screen is too small", func(d *desk) { d.screen(50, 8); d.runes("s") }},
		{"with the engine out of reach", func(d *desk) { d.m.Update(newsMsg{lost: true}); d.runes("s") }},
		{"ctrl+c while attacking", func(d *desk) { d.read(ctrlC) }},
		{"ctrl+c in a text field", func(d *desk) { d.runes("/").read(ctrlC) }},
		{"ctrl+c in a text field, after Esc in one read", func(d *desk) {
			d.runes("/").read(tea.KeyMsg{Type: tea.KeyCtrlC, Alt: true})
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := newDesk(nil).show(attacking())
			c.hit(d)
			wantOrders(t, d, "stop")
			if d.quit {
				t.Error("and the console quit")
			}
		})
	}
}

func TestBeforeAnythingIsKnownOfTheEngineStopIsOrderedAnyway(t *testing.T) {
	d := newDesk(nil).runes("s")
	wantOrders(t, d, "stop")
}

func TestInATextFieldSTypes(t *testing.T) {
	d := newDesk(nil).show(attacking()).runes("/s").runes("sS")
	wantOrders(t, d)
	if d.m.field.text != "ssS" {
		t.Errorf("the field has %q", d.m.field.text)
	}
	wantScreen(t, d, "ctrl+c STOP ALL")
}

// Whatever came in the same read as a stop is not carried out, on either side of it.
func TestOfOneReadWithAStopOnlyTheStopCounts(t *testing.T) {
	for _, burst := range []string{"xs", ">s", "ps", "ry s", "spy", "sp y", "s>", "rys"} {
		d := newDesk(nil).show(armed()).runes(burst)
		wantOrders(t, d, "stop")
		if d.m.mode != browsing {
			t.Errorf("%q left mode %v open", burst, d.m.mode)
		}
	}
}

// Proves console.md 4.16, number 1: a paste does nothing, whatever is in it.
func TestPastedTextNeverActs(t *testing.T) {
	paste := func(text string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true} }
	d := newDesk(nil).show(armed())
	for _, text := range []string{"s", "ry", "r", "y", ">", "x", "q", "p\ny"} {
		d.read(paste(text))
	}
	wantOrders(t, d)
	if d.quit || d.m.mode != browsing {
		t.Errorf("pasting quit (%v) or opened something (%v)", d.quit, d.m.mode)
	}
	d.runes("r").wait(time.Second).read(paste("y"))
	wantOrders(t, d)

	d.keys(esc).runes("/").read(paste("web\x1b[2J\ns"))
	if want := "web[2Js"; d.m.field.text != want {
		t.Errorf("the field has %q, want the printable part, %q", d.m.field.text, want)
	}
	wantOrders(t, d)
}

func TestNoSingleReadInjectsAFault(t *testing.T) {
	d := newDesk(nil).show(armed()).runes("ry")
	wantOrders(t, d)
	wantScreen(t, d, "y once more does it")
	d.wait(reading).runes("y")
	wantOrders(t, d, "run-once cpu-burn web-002")
}

// Text typed or pasted into the wrong window comes in several reads, but without the time to read.
func TestAnAnswerThatComesBeforeTheQuestionCouldBeReadIsNone(t *testing.T) {
	d := newDesk(nil).show(armed()).runes("r").wait(reading - time.Millisecond).runes("y")
	wantOrders(t, d)
	d.wait(time.Millisecond).runes("y")
	wantOrders(t, d, "run-once cpu-burn web-002")
}

func TestRunOnceIsAnsweredByYAlone(t *testing.T) {
	for name, answer := range map[string]tea.KeyMsg{
		"enter": enter, "space": {Type: tea.KeySpace, Runes: []rune{' '}}, "r again": char('r'), "esc": esc, "n": char('n'), "q": char('q'), "Y": char('Y'),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(nil).show(armed()).keys(char('r'), answer)
			wantOrders(t, d)
		})
	}
	d := newDesk(nil).show(armed()).keys(char('r'), char('y'))
	wantOrders(t, d, "run-once cpu-burn web-002")
	if o := d.con.orders[0]; o.By != "ada" || o.Door != "console" || o.ID == "" {
		t.Errorf("the order does not say who gave it where: %+v", o)
	}
}

// Proves console.md 4.16, number 8, with TestADialogKeepsToTheHostItNames for the dialog.
func TestAQuestionKeepsToTheHostItNames(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(char('r'))
	other := armed()
	other.Next = &engine.Draw{ID: "20260723-0009", Host: "db-005", Attack: "reboot"}
	d.show(other)
	wantScreen(t, d, "cpu-burn on web-002")
	d.keys(char('y'))
	wantOrders(t, d, "run-once cpu-burn web-002")
}

func TestAQuestionIsNotCarriedOutOnceItsReasonIsGone(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(char('r')).show(stopped()).keys(char('y'))
	wantOrders(t, d)
	wantScreen(t, d, "stopped by ada")
}

func TestAStopIsLiftedOnlyByPThenY(t *testing.T) {
	d := newDesk(nil).show(stopped()).keys(char('p'))
	wantOrders(t, d)
	d.keys(char('p'), enter)
	wantOrders(t, d)
	d.keys(char('y'))
	wantOrders(t, d, "resume")
}

func TestPauseAndResumeAreOneKey(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(char('p'))
	s := armed()
	s.Mood, s.Paused = engine.MoodPaused, &engine.Pause{By: "ada"}
	d.show(s).keys(char('p'))
	wantOrders(t, d, "pause", "resume")
}

func TestSkipTellsWhatWasDrawnInstead(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(char('>'))
	wantOrders(t, d, "skip")
	s := armed()
	s.Next = &engine.Draw{ID: "20260723-0009", Host: "db-005", Attack: "reboot"}
	d.show(s)
	wantScreen(t, d, "drawn instead: reboot on db-005")
}

func TestExcludeTakesTheSelectedHostAndIncludeAsks(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(down, char('x'))
	wantOrders(t, d, "exclude api-007")
	d.m.roster.place(6) // web-003, excluded by hand
	d.keys(char('x'))
	wantOrders(t, d, "exclude api-007")
	d.keys(char('y'))
	wantOrders(t, d, "exclude api-007", "include web-003")
}

func TestAKeyThatDoesNotApplySaysWhy(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(*desk)
		want string
	}{
		{"run once while attacking", func(d *desk) { d.show(attacking()).runes("r") }, "locked while an attack runs"},
		{"skip while attacking", func(d *desk) { d.show(attacking()).runes(">") }, "locked while an attack runs"},
		{"run once when stopped", func(d *desk) { d.show(stopped()).runes("r") }, "p, then y, resumes"},
		{"run once outside hours", func(d *desk) { d.show(closed()).runes("r") }, "outside hours"},
		{"run once with residue", func(d *desk) { d.show(residue()).runes("r") }, "db-005 may still carry a fault"},
		{"skip without a draw", func(d *desk) { s := armed(); s.Next = nil; d.show(s).runes(">") }, "nothing is drawn"},
		{"exclude from another pane", func(d *desk) { d.show(armed()).runes("3x") }, "go to the hosts first"},
		{"exclude what configuration excludes", func(d *desk) { d.show(armed()).runes("Gx") }, "web-011"},
		{"anything before the first snapshot", func(d *desk) { d.runes("p") }, "nothing is known of the engine yet"},
		{"anything without a link", func(d *desk) { d.show(armed()); d.m.Update(newsMsg{lost: true}); d.runes("p") }, "cannot be reached"},
		{"Enter in a question", func(d *desk) { d.show(armed()).keys(char('r'), enter) }, "Enter is no answer"},
		{"a refusal of the engine", func(d *desk) {
			d.con.refuse("outside hours until Mon 10:00")
			d.show(armed()).keys(char('r'), char('y'))
		}, "outside hours until Mon 10:00"},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := newDesk(nil)
			c.do(d)
			if got := d.m.toast.text; !strings.Contains(got, c.want) {
				t.Errorf("the answer is %q, want %q in it", got, c.want)
			}
			d.m.mode = browsing
			d.wait(toastFor)
			if d.m.toast.text != "" {
				t.Error("and it does not go away")
			}
		})
	}
}

func TestNoTwoKeysOfAModeAreTheSame(t *testing.T) {
	for m := browsing; m <= cramped; m++ {
		owner := map[string]string{}
		for _, c := range commands(m) {
			for _, k := range c.Keys() {
				if other, twice := owner[k]; twice {
					t.Errorf("mode %d: %s is both %q and %q", m, k, other, c.Help().Desc)
				}
				owner[k] = c.Help().Desc
			}
			if c.do == nil && c.bars == nil {
				t.Errorf("mode %d: %s does nothing and does not say why", m, c.Help().Key)
			}
		}
		if owner["ctrl+c"] == "" {
			t.Errorf("mode %d has no ctrl+c", m)
		}
		if !m.textual() && owner["s"] != "STOP ALL" {
			t.Errorf("mode %d: s does not stop", m)
		}
	}
}

func TestOnASmallScreenOnlyStopAndQuitWork(t *testing.T) {
	d := newDesk(nil).show(armed())
	d.keys(char('r'))
	d.screen(50, 8)
	d.keys(char('y'), char('r'), char('y'), char('>'), char('p'), char('x'), char('/'))
	wantOrders(t, d)
	d.keys(char('q'))
	if d.m.mode != leaving {
		t.Error("q does not quit")
	}
}

func TestAnUndeliveredStopIsSentAgainUntilItIsDelivered(t *testing.T) {
	d := newDesk(nil).show(attacking())
	d.con.refuse("connection refused")
	d.runes("s")
	wantScreen(t, d, "STOP NOT DELIVERED (try 1)")
	d.runes("s") // the person hits it again: one stop, one delivery
	again := func() { _, cmd := d.m.Update(retryMsg{}); d.carryOut(cmd) }
	again()
	wantScreen(t, d, "STOP NOT DELIVERED (try 2)")
	d.con.refuse("")
	again()
	wantOrders(t, d, "stop", "stop", "stop")
	if ids := d.con.orders; ids[0].ID != ids[2].ID {
		t.Error("the stop was repeated under another id")
	}
	if d.m.delivery.warning("") != "" {
		t.Error("the warning stays after delivery")
	}
	d.runes("s")
	if given := d.con.orders; len(given) != 4 || given[3].ID == given[0].ID {
		t.Error("a later stop is not a new order")
	}
}

func TestQuitAsksWhileSomethingRunsAndStayHasTheFocus(t *testing.T) {
	for _, c := range []struct {
		what     string
		attached bool
		snapshot engine.Snapshot
		keys     []tea.KeyMsg
		quit     bool
		exit     Exit
		orders   []string
	}{
		{"attacking, Enter stays", false, attacking(), []tea.KeyMsg{char('q'), enter}, false, 0, nil},
		{"attacking, Esc stays", false, attacking(), []tea.KeyMsg{char('q'), down, esc}, false, 0, nil},
		{"attacking, q is no answer", false, attacking(), []tea.KeyMsg{char('q'), char('q')}, false, 0, nil},
		{"attacking, stop and quit", false, attacking(), []tea.KeyMsg{char('q'), down, enter}, true, StopThenQuit, []string{"stop"}},
		{"attacking, attached, leave it to the daemon", true, attacking(), []tea.KeyMsg{char('q'), down, down, enter}, true, Quit, nil},
		{"attacking, in this process, nobody could go on", false, attacking(), []tea.KeyMsg{char('q'), down, down, enter}, false, 0, nil},
		{"armed in this process, Enter stays", false, armed(), []tea.KeyMsg{char('q'), enter}, false, 0, nil},
		{"armed in this process, quit", false, armed(), []tea.KeyMsg{char('q'), down, enter}, true, Quit, nil},
		{"armed, attached", true, armed(), []tea.KeyMsg{char('q')}, true, Quit, nil},
		{"stopped in this process", false, stopped(), []tea.KeyMsg{char('q')}, true, Quit, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := newDesk(func(o *Options) { o.Attached = c.attached }).show(c.snapshot).keys(c.keys...)
			if d.quit != c.quit || d.quit && d.m.exit != c.exit {
				t.Errorf("quit %v as %v, want %v as %v", d.quit, d.m.exit, c.quit, c.exit)
			}
			wantOrders(t, d, c.orders...)
		})
	}
}

func TestControlCTwiceWithinTwoSecondsQuits(t *testing.T) {
	d := newDesk(nil).show(armed()).read(ctrlC).wait(twice).read(ctrlC)
	if d.quit {
		t.Fatal("two that are too far apart quit")
	}
	d.wait(twice - time.Millisecond).read(ctrlC)
	if !d.quit || d.m.exit != Quit {
		t.Errorf("quit %v as %v", d.quit, d.m.exit)
	}
	wantOrders(t, d)
}

func TestControlCWhileAttackingStopsThenQuits(t *testing.T) {
	d := newDesk(nil).show(attacking()).read(ctrlC)
	if d.quit {
		t.Fatal("the first one quit")
	}
	d.wait(time.Second).read(ctrlC)
	if !d.quit || d.m.exit != StopThenQuit {
		t.Errorf("quit %v as %v", d.quit, d.m.exit)
	}
}

// An engine that does not answer must not keep a person in the console.
func TestControlCLeavesAlsoWhenTheStopIsNotAnswered(t *testing.T) {
	d := newDesk(nil).show(attacking())
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	d.con.obey = func(context.Context, engine.Order) { <-hung }
	d.keys(char('q'), down, enter)
	if d.quit {
		t.Fatal("it left before the stop was answered")
	}
	wantScreen(t, d, "ctrl+c leaves at once")
	d.read(ctrlC)
	if !d.quit || d.m.exit != StopThenQuit {
		t.Errorf("quit %v as %v", d.quit, d.m.exit)
	}
}

func TestAStopThatWasNotConfirmedIsHandedToTheCallerOnQuitting(t *testing.T) {
	d := newDesk(func(o *Options) { o.Attached = true }).show(armed())
	d.con.refuse("connection refused")
	d.runes("s").keys(char('q'))
	if !d.quit || d.m.exit != StopThenQuit {
		t.Errorf("quit %v as %v", d.quit, d.m.exit)
	}
}
