package tui

import (
	"strings"

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
	line, focus, side                             string // borders
	topLeft, topRight, bottomLeft, bottomRight    string
	focusLeft, focusRight                         string // corners beside the focus line
	full, empty, cut                              string
}

// look is how everything looks: made once from the options, handed to every view. It uses the 16
// colours of the terminal's theme and no background of its own, so that any theme decides.
type look struct {
	glyphs
	ascii                                              bool
	strong, dim, good, warn, bad, alarm, hot, selected ink
}

func newLook(plain, ascii bool) *look {
	k := &look{glyphs: unicodeGlyphs, ascii: ascii}
	if ascii {
		k.glyphs = asciiGlyphs
	}
	if plain {
		return k
	}
	set := func(s ansi.Style) ink { return ink{s.String(), ansi.ResetStyle} }
	var s ansi.Style
	k.strong = set(s.Bold())
	k.dim = set(s.Faint())
	k.good = set(s.ForegroundColor(ansi.Green))
	k.warn = set(s.ForegroundColor(ansi.Yellow))
	k.bad = set(s.Bold().ForegroundColor(ansi.Red))
	k.alarm = set(s.Bold().Reverse(true).ForegroundColor(ansi.Red))
	k.hot = set(s.Bold().ForegroundColor(ansi.Magenta))
	k.selected = set(s.Reverse(true))
	return k
}

var asciiGlyphs = glyphs{
	yes: "+", fire: "*", wait: "~", off: "-", no: "!", broken: "x", doubt: "?", pick: ">",
	line: "-", focus: "=", side: "|", topLeft: "+", topRight: "+", focusLeft: "+", focusRight: "+", bottomLeft: "+", bottomRight: "+",
	full: "#", empty: ".", cut: "~",
}

var unicodeGlyphs = glyphs{
	yes: "✓", fire: "▲", wait: "~", off: "·", no: "!", broken: "✗", doubt: "?", pick: ">",
	line: "─", focus: "═", side: "│", topLeft: "┌", topRight: "┐", focusLeft: "╒", focusRight: "╕", bottomLeft: "└", bottomRight: "┘",
	full: "█", empty: "░", cut: "…",
}

// host is the character and the ink of a host's state.
func (k *look) host(s engine.HostStatus) (string, ink) {
	switch s {
	case engine.HostReady:
		return k.yes, k.good
	case engine.HostAttacking:
		return k.fire, k.hot
	case engine.HostCooldown, engine.HostKept:
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
