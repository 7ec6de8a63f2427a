package attacks

import (
	"fmt"
	"math"
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

// Describe is the one line an operator reads: "cpu busy 4 → 81 → 5 %". What was not measured is a "?";
// with nothing measured the line is empty.
func Describe(f Figure, before, during, after *float64) string {
	if before == nil && during == nil && after == nil {
		return ""
	}
	text := strings.Join([]string{number(before), number(during), number(after)}, " → ")
	return strings.TrimSpace(strings.TrimSpace(f.Name+" "+text) + " " + f.Unit)
}

// number is short: one decimal below ten, none above.
func number(n *float64) string {
	if n == nil {
		return "?"
	}
	if math.Abs(*n) >= 10 {
		return strconv.FormatFloat(math.Round(*n), 'f', -1, 64)
	}
	return strconv.FormatFloat(math.Round(*n*10)/10, 'f', -1, 64)
}
