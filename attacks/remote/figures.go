package remote

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// figure is one measurement on the host; a nil value could not be had.
type figure struct {
	value  *float64
	expect attacks.Expect
	about  string   // what was measured: "to 10.0.0.7"
	why    string   // why nothing could be measured
	parts  []figure // of a compound attack
}

// known tells whether anything was measured at all.
func (f figure) known() bool {
	return f.value != nil || slices.ContainsFunc(f.parts, figure.known)
}

// measure runs the measure verb on a session of its own.
func (a *attack) measure(ctx context.Context) (figure, error) {
	f := figure{parts: make([]figure, len(a.def.Parts))}
	head := append([]field{{"id", a.run.ID}, {"kind", a.run.Attack.Kind}}, fields(a.wire)...)
	of := &f // whose lines these are
	err := a.c.call(ctx, a.link, a.c.CommandTimeout, "measure", head, a.show, func(word, rest string) {
		if word == "part" {
			of = f.part(rest)
			return
		}
		of.heed(word, rest)
	})
	if err != nil {
		return figure{}, err
	}
	return f, nil
}

// part is the figure of the part with that number, from 1; of one that there is not, nothing is kept.
func (f *figure) part(which string) *figure {
	n, err := strconv.Atoi(which)
	if err != nil || n < 1 || n > len(f.parts) {
		return &figure{}
	}
	return &f.parts[n-1]
}

func (f *figure) heed(word, rest string) {
	switch word {
	case "figure":
		if f.why == "" { // what cannot be trusted is no figure, whatever is said of it besides
			f.value = number(rest)
		}
	case "expect":
		f.expect, _ = attacks.ParseExpect(rest) // what is not understood expects nothing, and proves nothing
	case "about":
		f.about = rest
	case "unverifiable":
		f.value, f.why = nil, rest
	}
}

// number is a host's figure: decimal, finite, or nothing at all.
func number(text string) *float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(text, "xXpP_") {
		return nil
	}
	return &n
}

// blank is the record of what an attack will measure, before anything was.
func blank(def attacks.Definition) engine.Figures {
	f := engine.Figures{Name: def.Figure.Name, Unit: def.Figure.Unit}
	for _, p := range def.Parts {
		f.Parts = append(f.Parts, blank(p))
	}
	return f
}

// The three moments of a measurement.
func before(f *engine.Figures) **float64 { return &f.Before }
func during(f *engine.Figures) **float64 { return &f.During }
func after(f *engine.Figures) **float64  { return &f.After }

// enter writes a measurement down at its moment, and tells of it.
func (a *attack) enter(f figure, when func(*engine.Figures) **float64) {
	a.figures.Parts = slices.Clone(a.figures.Parts) // those that were told of before are not ours any more
	f.into(&a.figures, when)
	a.report()
}

// begin writes the measurement before the fault down, and tells what is expected.
func (a *attack) begin(f figure) {
	a.expected = f
	a.enter(f, before)
	if text := foretell(f, a.figures); text != "" {
		a.show("chaoscat: " + text)
	}
}

func foretell(f figure, of engine.Figures) string {
	if len(f.parts) == 0 {
		return attacks.Foretell(of, f.expect, f.why)
	}
	var lines []string
	for i, p := range f.parts {
		if line := foretell(p, of.Parts[i]); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// into writes what was measured down. A look that saw nothing takes back nothing that an earlier one saw.
func (f figure) into(to *engine.Figures, when func(*engine.Figures) **float64) {
	if f.value != nil {
		*when(to) = f.value
	}
	if f.about != "" {
		to.About = f.about
	}
	for i, p := range f.parts {
		p.into(&to.Parts[i], when)
	}
}

// felt tells whether anything was measured while the fault was on.
func felt(f engine.Figures) bool { return f.During != nil || slices.ContainsFunc(f.Parts, felt) }

// judge compares what was measured with what the measurement before the fault had said to expect.
func judge(expected figure, f engine.Figures) engine.Effect {
	if len(f.Parts) == 0 {
		return attacks.Judge(expected.expect, f.Before, f.During)
	}
	effects := make([]engine.Effect, len(f.Parts))
	for i, p := range f.Parts {
		if i < len(expected.parts) {
			effects[i] = judge(expected.parts[i], p)
		} else {
			effects[i] = engine.Unverifiable
		}
	}
	return attacks.Worst(effects...)
}

// describe is the line that an operator reads: "cpu busy 4 → 81 → 5 %".
func (a *attack) describe() string { return attacks.Describe(a.figures) }
