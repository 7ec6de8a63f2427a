package tui

import (
	"fmt"

	"github.com/chaoscat/chaoscat/engine"
)

// gates is the pane of the outside systems that must say yes, with a curve of what each has said where there is
// room for all of them.
func gates(k *look, s *scene, t *trend, r rect) pane {
	clear := 0
	for _, g := range s.Gates {
		if g.Clear {
			clear++
		}
	}
	p := pane{title: "Gates", note: fmt.Sprintf("%d/%d clear", clear, len(s.Gates))}
	if s.lost {
		p.note = "unknown"
	}
	width := min(trendWidth, r.w-2-4)
	curves := width > 0 && r.h-2 >= 2*len(s.Gates)+1
	for _, g := range s.Gates {
		p.rows = append(p.rows, gateRow(k, s, g, r.w-2))
		if curves {
			p.rows = append(p.rows, k.newLine(r.w-2).to(3).put(ink{}, t.curve(k, g.Name, s.now, width)).String())
		}
	}
	if !curves {
		return p
	}
	if ran := t.ran(k, s.now, width); ran != "" {
		p.rows = append(p.rows, k.newLine(r.w-2).to(3).put(k.hot, ran).String())
	}
	return p
}

func gateRow(k *look, s *scene, g engine.GateView, w int) string {
	glyph, in := k.gate(g)
	age := "not asked"
	if !g.At.IsZero() {
		age = span(s.now.Sub(g.At)) + " ago"
	}
	if s.lost && !g.At.IsZero() {
		glyph, in, age = k.doubt, k.warn, span(s.now.Sub(g.At)+s.age)+" ago"
	}
	l := k.newLine(w).put(ink{}, " ").cell(in, glyph, 1).cell(ink{}, g.Name, min(16, w/3))
	text := g.Text
	if g.Kind == engine.OnCall {
		text = "on call: " + text
	}
	return l.cell(ink{}, text, w-l.used-len(age)-2).to(w-len(age)-1).put(k.dim, age).String()
}
