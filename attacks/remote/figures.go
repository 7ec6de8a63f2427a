package remote

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/attacks"
)

// figure is one measurement on the host; a nil value could not be had.
type figure struct {
	value  *float64
	expect attacks.Expect
}

// measure runs the measure verb on a session of its own.
func (a *attack) measure(ctx context.Context) (figure, error) {
	var f figure
	head := append([]field{{"id", a.run.ID}, {"kind", a.run.Attack.Kind}}, fields(a.wire)...)
	err := a.c.call(ctx, a.link, a.c.CommandTimeout, "measure", head, a.show, func(word, rest string) {
		switch word {
		case "figure":
			f.value = number(rest)
		case "expect":
			f.expect, _ = attacks.ParseExpect(rest) // what is not understood expects nothing, and proves nothing
		case "unverifiable":
			f.value = nil
		}
	})
	if err != nil {
		return figure{}, err
	}
	return f, nil
}

// number is a host's figure: decimal, finite, or nothing at all.
func number(text string) *float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(text, "xXpP_") {
		return nil
	}
	return &n
}

// describe is the line that an operator reads: "cpu busy 4 → 81 → 5 %".
func (a *attack) describe() string {
	return attacks.Describe(a.def.Figure, a.figures.Before, a.figures.During, a.figures.After)
}
