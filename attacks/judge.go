package attacks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// Expect is what an attack says of its figure: which way it should move, and how far.
type Expect struct {
	Way Way
	By  float64 // in the figure's unit; without meaning for Change
}

// Way is a direction.
type Way string

// The ways. The zero value expects nothing, so that nothing can be proven.
const (
	Nowhere Way = ""
	Up      Way = "up"
	Down    Way = "down"
	Change  Way = "change"
)

// ParseExpect reads what follows "expect" on the wire: "up 200", "down 1", "change".
func ParseExpect(text string) (Expect, error) {
	way, by, _ := strings.Cut(text, " ")
	switch Way(way) {
	case Change:
		if by == "" {
			return Expect{Way: Change}, nil
		}
	case Up, Down:
		if n, err := strconv.ParseFloat(by, 64); err == nil && n >= 0 && !math.IsInf(n, 0) {
			return Expect{Way(way), n}, nil
		}
	}
	return Expect{}, fmt.Errorf("the host expects %q, which is neither up N, down N nor change", text)
}

// The shares of the expected move that count: nothing on a real host is exact.
const (
	enough = 0.7
	some   = 0.2
)

// Judge compares a figure before and during an attack with what was expected. The expectation to hand in is
// that of the measurement before, which knows how much room there was. A figure that was not measured, a
// figure that had no room to fall, or no expectation make it unverifiable.
func Judge(expect Expect, before, during *float64) engine.Effect {
	if before == nil || during == nil {
		return engine.Unverifiable
	}
	moved := *during - *before
	switch expect.Way {
	case Change:
		if moved != 0 {
			return engine.Effective
		}
		return engine.NoEffect
	case Down:
		if *before <= 0 {
			return engine.Unverifiable
		}
		return share(-moved, min(expect.By, *before))
	case Up:
		return share(moved, expect.By)
	}
	return engine.Unverifiable
}

func share(moved, expected float64) engine.Effect {
	switch {
	case expected <= 0 || math.IsNaN(moved):
		return engine.Unverifiable
	case moved >= enough*expected:
		return engine.Effective
	case moved >= some*expected:
		return engine.Weak
	}
	return engine.NoEffect
}

// Worst is what the effects of the parts of a compound attack add up to: it is effective only if every part
// was. One that was measured to do nothing weighs more than one that could not be measured.
func Worst(effects ...engine.Effect) engine.Effect {
	for _, bad := range []engine.Effect{engine.NoEffect, engine.Weak, engine.Unverifiable} {
		if slices.Contains(effects, bad) {
			return bad
		}
	}
	if len(effects) == 0 {
		return engine.Unverifiable
	}
	return engine.Effective
}

// Describe is the one line an operator reads: "cpu busy 4 → 81 → 5 %", "round trip to 10.0.0.7 0.4 → 201 → 0.4 ms".
// What was not measured is a "?"; with nothing measured the line is empty. The parts of a compound attack stand
// one after the other.
func Describe(f engine.Figures) string {
	if len(f.Parts) > 0 {
		return describeParts(f.Parts)
	}
	if f.Before == nil && f.During == nil && f.After == nil {
		return ""
	}
	numbers := []string{number(f.Before, f.Unit), number(f.During, f.Unit), number(f.After, f.Unit)}
	words := []string{f.Name, f.About, strings.Join(numbers, " → "), f.Unit}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Foretell is the line that an operator reads before the fault: what was measured, and what is expected of it. why
// is the host's own sentence where nothing could be measured.
func Foretell(f engine.Figures, expect Expect, why string) string {
	if f.Before == nil {
		if why == "" {
			return ""
		}
		return "the effect cannot be measured: " + why
	}
	with := func(n string) string { return strings.TrimSpace(n + " " + f.Unit) }
	now := strings.TrimSpace(strings.TrimSpace(f.Name+" "+f.About) + " " + with(number(f.Before, f.Unit)))
	by := with(number(&expect.By, f.Unit))
	switch expect.Way {
	case Up:
		return now + ", expected to rise by " + by
	case Down:
		return now + ", expected to fall by " + by
	case Change:
		return now + ", expected to change"
	}
	return now + "; nothing is expected of it, so nothing can be proven"
}

func describeParts(parts []engine.Figures) string {
	var lines []string
	for _, p := range parts {
		if line := Describe(p); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// number is short: one decimal below ten, and below a hundred for a share, where it may be what matters; none
// above.
func number(n *float64, unit string) string {
	if n == nil {
		return "?"
	}
	if math.Abs(*n) >= 100 || math.Abs(*n) >= 10 && unit != "%" {
		return strconv.FormatFloat(math.Round(*n), 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(*n*10)/10, 'f', -1, 64)
}
