package tui

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

// Every scene at sizes that nobody thought of, from one that shows next to nothing to one that shows everything. The
// dice fall the same way each time. With the goldens this proves console.md 4.16, number 5.
func TestAtNoSizeIsALineWiderThanTheScreen(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 300))
	for i, sc := range scenes {
		plain, ascii := i%2 == 0, i%3 == 0
		d := newDesk(func(o *Options) { o.Plain, o.ASCII = plain, ascii })
		sc.set(d)
		for _, edge := range [][2]int{{20, 5}, {300, 100}, {20, 100}, {300, 5}, {59, 16}, {60, 15}, {60, 16}, {99, 16}, {100, 16}, {159, 24}, {160, 24}} {
			checkScreen(t, d.screen(edge[0], edge[1]), edge[0], edge[1], plain, ascii)
			sc.set(d)
		}
		for range 25 {
			w, h := 20+dice.IntN(281), 5+dice.IntN(96)
			checkScreen(t, d.screen(w, h), w, h, plain, ascii)
			if t.Failed() {
				t.Fatalf("%s at %dx%d", sc.name, w, h)
			}
		}
	}
}

// told is what a person without colours reads of a snapshot, in ASCII.
func told(s engine.Snapshot, records ...engine.Record) string {
	d := newDesk(func(o *Options) { o.Plain, o.ASCII = true, true }).show(s, records...)
	return d.screen(200, 60)
}

// allDiffer holds the screens of several states against each other. A state is not told by its word alone, either:
// where its word stands, a character of its own stands before it.
func allDiffer(t *testing.T, what string, screens map[string]string) {
	t.Helper()
	seen := map[string]string{}
	for state, screen := range screens {
		if other, twice := seen[screen]; twice {
			t.Errorf("%s: %s and %s look the same without colour:\n%s", what, state, other, screen)
		}
		seen[screen] = state
	}
	if len(screens) < 2 {
		t.Errorf("%s: nothing to tell apart", what)
	}
}

// Everything that has states, in every state, as ASCII and without colour: no two look the same. Proves console.md
// 4.16, number 6.
func TestNoTwoStatesAreToldApartByColourAlone(t *testing.T) {
	moods := map[string]string{}
	for _, m := range []engine.Mood{engine.MoodClosed, engine.MoodArmed, engine.MoodHeld, engine.MoodPaused, engine.MoodAttacking, engine.MoodUndoing, engine.MoodStopped} {
		s := armed()
		s.Mood = m
		moods[string(m)] = strings.Split(told(s), "\n")[0]
	}
	lost := newDesk(func(o *Options) { o.Plain, o.ASCII = true, true }).show(armed())
	lost.m.Update(newsMsg{lost: true})
	moods["link lost"] = strings.Split(lost.screen(200, 60), "\n")[0]
	moods["not known yet"] = strings.Split(newDesk(func(o *Options) { o.Plain, o.ASCII = true, true }).screen(200, 60), "\n")[0]
	dry, demo := armed(), armed()
	dry.DryRun, demo.Demo = true, true
	moods["dry run"], moods["demo"] = strings.Split(told(dry), "\n")[0], strings.Split(told(demo), "\n")[0]
	allDiffer(t, "the mood", moods)

	gates := map[string]string{}
	for state, set := range map[string]func(*engine.GateView){
		"green": func(*engine.GateView) {}, "red": func(g *engine.GateView) { g.Clear = false }, "never asked": func(g *engine.GateView) { g.At = time.Time{} },
	} {
		s := armed()
		set(&s.Gates[0])
		gates[state] = told(s)
	}
	allDiffer(t, "a gate", gates)

	outcomes := map[string]string{}
	for _, undo := range []engine.Undo{engine.Restored, engine.Residue} {
		for _, effect := range []engine.Effect{engine.Effective, engine.Weak, engine.NoEffect, engine.Unverifiable, engine.Refused, engine.Infeasible} {
			s := armed()
			s.Recent[0].Outcome = &engine.Outcome{Effect: effect, Undo: undo, Applied: true}
			outcomes[fmt.Sprint(effect, "/", undo)] = told(s)
		}
	}
	allDiffer(t, "an outcome", outcomes)

	phases := map[string]string{}
	for _, p := range []engine.Phase{engine.Connecting, engine.Inspecting, engine.Arming, engine.Measuring, engine.Injecting, engine.Proving, engine.Holding, engine.Lost, engine.Undoing, engine.Verifying} {
		s := attacking()
		s.Running[0].Phase = p
		phases[string(p)] = told(s)
	}
	allDiffer(t, "a phase", phases)
}

// What a person does on the screen shows without colour too: what is selected, marked and has the focus, whether the
// output follows, which answer Enter would give.
func TestWhatAPersonDoesShowsWithoutColour(t *testing.T) {
	screens := map[string]string{}
	for what, do := range map[string]func(*desk){
		"nothing": func(*desk) {}, "the next host is selected": func(d *desk) { d.runes("j") }, "a host is marked": func(d *desk) { d.runes(" ").runes("k") },
		"the first pane has the focus": func(d *desk) { d.runes("1") }, "the output has the focus": func(d *desk) { d.runes("3") },
		"the output holds still": func(d *desk) { d.runes("3k") }, "the output wraps": func(d *desk) { d.runes("w") }, "the output has no times": func(d *desk) { d.runes("t") },
		"hosts are sorted": func(d *desk) { d.runes("o") }, "and the other way round": func(d *desk) { d.runes("o").runes("O") },
		"a pane is zoomed": func(d *desk) { d.runes("z") }, "hosts are filtered": func(d *desk) { d.runes("/").runes("web").keys(enter) },
		"Stay is chosen": func(d *desk) { d.runes("q") }, "leaving is chosen": func(d *desk) { d.runes("q").keys(down) },
		"Cancel is chosen": func(d *desk) { d.runes("a") }, "the line to type in is chosen": func(d *desk) { d.runes("a").keys(tabKey) },
	} {
		d := newDesk(func(o *Options) { o.Plain, o.ASCII = true, true }).show(armed(), append(lines(0, 200), engine.Record{Kind: engine.Line, At: noon, Text: strings.Repeat("a long line ", 20)})...)
		d.screen(120, 40)
		do(d)
		d.m.toast = toast{} // what it says goes away
		screens[what] = d.screen(120, 40)
	}
	allDiffer(t, "the screen", screens)
}

// Themes are made of the 16 colours that the terminal defines, in every scene, and say the same words.
func TestEveryThemePaintsEverySceneWithTheSixteenColours(t *testing.T) {
	for _, sc := range scenes {
		var words []string
		for _, theme := range Themes() {
			d := newDesk(func(o *Options) { o.Theme = theme })
			sc.set(d)
			screen := d.screen(120, 40)
			inks(t, screen)
			words = append(words, ansi.Strip(screen))
		}
		if words = slices.Compact(words); len(words) != 1 {
			t.Errorf("%s: themes say different things", sc.name)
		}
	}
}

// On white, yellow and white cannot be read, and whatever is bright fades; on black, blue and black cannot.
func TestATextOfAThemeCanBeReadOnTheBackgroundItIsFor(t *testing.T) {
	for theme, faint := range map[string][]ansi.BasicColor{
		"light": {ansi.Yellow, ansi.White, ansi.BrightYellow, ansi.BrightWhite, ansi.BrightGreen, ansi.BrightCyan},
		"dark":  {ansi.Blue, ansi.Black},
	} {
		for _, th := range themes {
			if th.name != theme {
				continue
			}
			for _, c := range []ansi.BasicColor{th.good, th.warn, th.bad, th.hot} {
				if slices.Contains(faint, c) {
					t.Errorf("%s paints with colour %d", theme, c)
				}
			}
		}
	}
}
