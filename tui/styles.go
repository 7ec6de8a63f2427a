package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

// ink switches a look on and off around a text. The zero ink writes the text alone.
type ink struct{ on, off string }

func (i ink) paint(text string) string {
	if i.on == "" || text == "" {
		return text
	}
	return i.on + text + i.off
}

// glyphs are the characters that carry a state when colour is missing. Each is one column wide.
type glyphs struct {
	yes, fire, wait, off, no, broken, doubt, pick string
	marked                                        string
	line, focus, side                             string // borders
	topLeft, topRight, bottomLeft, bottomRight    string
	focusLeft, focusRight                         string // corners beside the focus line
	full, empty, cut                              string
	levels                                        []string // of a curve, from low to high
}

// look is how everything looks: made once from the options, handed to every view. It uses the 16
// colours of the terminal's theme and no background of its own, so that any theme decides.
type look struct {
	glyphs
	ascii                                              bool
	theme                                              string
	strong, dim, good, warn, bad, alarm, hot, selected ink
}

func newLook(plain, ascii bool, theme string) *look {
	k := &look{glyphs: unicodeGlyphs, ascii: ascii, theme: theme}
	if ascii {
		k.glyphs = asciiGlyphs
	}
	if plain {
		return k
	}
	set := func(s ansi.Style) ink { return ink{s.String(), ansi.ResetStyle} }
	var s ansi.Style
	k.strong, k.dim, k.selected = set(s.Bold()), set(s.Faint()), set(s.Reverse(true))
	c := themes[0].colours
	for _, t := range themes {
		if t.name == theme {
			c = t.colours
		}
	}
	if !c.any {
		k.good, k.warn, k.bad = ink{}, set(s.Bold()), set(s.Bold().Underline(true))
		k.alarm, k.hot = set(s.Bold().Reverse(true)), set(s.Bold())
		return k
	}
	k.good, k.bad = set(s.ForegroundColor(c.good)), set(s.Bold().ForegroundColor(c.bad))
	k.warn, k.hot = set(s.ForegroundColor(c.warn)), set(s.Bold().ForegroundColor(c.hot))
	k.alarm = set(s.Bold().Reverse(true).ForegroundColor(c.bad))
	return k
}

// colours are what a theme says with colour; the character and the word beside it say the same.
type colours struct {
	any                  bool
	good, warn, bad, hot ansi.BasicColor
}

// themes are the choices, of the 16 colours that the person's terminal defines. On a light background yellow
// cannot be read; who does not tell red from green is shown blue against yellow, who does not tell blue from
// green or yellow from violet, cyan against red.
var themes = []struct {
	name string
	colours
}{
	{"dark", colours{true, ansi.Green, ansi.Yellow, ansi.Red, ansi.Magenta}},
	{"light", colours{true, ansi.Green, ansi.Blue, ansi.Red, ansi.Magenta}},
	{"deuteranopia", colours{true, ansi.BrightBlue, ansi.White, ansi.Yellow, ansi.Magenta}},
	{"tritanopia", colours{true, ansi.Cyan, ansi.White, ansi.Red, ansi.BrightRed}},
	{"mono", colours{}},
}

// Themes are the names that [Options] knows a theme by.
func Themes() []string {
	names := make([]string, len(themes))
	for i := range themes {
		names[i] = themes[i].name
	}
	return names
}

// CheckTheme says what is wrong with the name of a theme. The empty name and "auto" leave the choice to the
// console, which then takes the dark one: it has no way to ask that every terminal answers.
func CheckTheme(name string) error {
	if name == "" || name == "auto" || name == "colour-blind" || slices.Contains(Themes(), name) {
		return nil
	}
	return fmt.Errorf("theme %q is not known: auto, %s", name, strings.Join(Themes(), ", "))
}

// themeOf is the theme that a name means.
func themeOf(name string) string {
	switch {
	case name == "colour-blind":
		return "deuteranopia"
	case slices.Contains(Themes(), name):
		return name
	}
	return themes[0].name
}

// changeTheme goes on to the next theme.
func (m *root) changeTheme() tea.Cmd {
	if m.options.Plain {
		m.say(m.look.warn, "no theme: colours are off (NO_COLOR, --no-color or the terminal)")
		return nil
	}
	names := Themes()
	next := names[(slices.Index(names, m.look.theme)+1)%len(names)]
	m.look = newLook(false, m.options.ASCII, next)
	m.say(m.look.strong, "theme "+next+"; to keep it: [ui] theme = \""+next+"\"")
	return nil
}

var asciiGlyphs = glyphs{
	yes: "+", fire: "*", wait: "~", off: "-", no: "!", broken: "x", doubt: "?", pick: ">", marked: "#",
	line: "-", focus: "=", side: "|", topLeft: "+", topRight: "+", focusLeft: "+", focusRight: "+", bottomLeft: "+", bottomRight: "+",
	full: "#", empty: ".", cut: "~", levels: []string{"_", ".", "-", "=", "^"},
}

var unicodeGlyphs = glyphs{
	yes: "✓", fire: "▲", wait: "~", off: "·", no: "!", broken: "✗", doubt: "?", pick: ">", marked: "#",
	line: "─", focus: "═", side: "│", topLeft: "┌", topRight: "┐", focusLeft: "╒", focusRight: "╕", bottomLeft: "└", bottomRight: "┘",
	full: "█", empty: "░", cut: "…", levels: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇"},
}

// host is the character and the ink of a host's state.
func (k *look) host(s engine.HostStatus) (string, ink) {
	switch s {
	case engine.HostReady:
		return k.yes, k.good
	case engine.HostAttacking:
		return k.fire, k.hot
	case engine.HostCooldown, engine.HostKept, engine.HostClosed:
		return k.wait, k.warn
	case engine.HostExcluded:
		return k.off, k.dim
	case engine.HostResidue:
		return strings.ToUpper(k.broken), k.alarm
	case engine.HostUnreachable:
		return k.no, k.bad
	case engine.HostUnfit:
		return k.off, k.warn
	}
	return k.doubt, ink{}
}

// mood is the ink of the one word in the title.
func (k *look) mood(m engine.Mood) ink {
	switch m {
	case engine.MoodArmed:
		return k.good
	case engine.MoodAttacking, engine.MoodUndoing:
		return k.hot
	case engine.MoodHeld, engine.MoodPaused:
		return k.warn
	case engine.MoodStopped:
		return k.bad
	}
	return k.strong
}

// outcome is the character and the ink of how a run ended: how the host was left counts before what the
// attack did to it.
func (k *look) outcome(o engine.Outcome) (string, ink) {
	switch {
	case o.Undo == engine.Residue:
		return strings.ToUpper(k.broken), k.alarm
	case o.Effect == engine.Effective:
		return k.yes, k.good
	case o.Effect == engine.Weak, o.Effect == engine.NoEffect:
		return k.wait, k.warn
	case o.Effect == engine.Refused, o.Effect == engine.Infeasible:
		return k.off, k.dim
	}
	return k.doubt, k.warn
}

// gate is the character and the ink of a gate.
func (k *look) gate(g engine.GateView) (string, ink) {
	switch {
	case g.At.IsZero():
		return k.doubt, k.warn
	case g.Clear:
		return k.yes, k.good
	}
	return k.no, k.bad
}
