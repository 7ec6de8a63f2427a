package tui

import (
	"fmt"

	"github.com/chaoscat/chaoscat/engine"
)

// gates is the pane of the outside systems that must say yes.
func gates(k *look, s *scene, r rect) pane {
	clear := 0
	for _, g := range s.Gates {
		if g.Clear {
			clear++
		}
	}
	p := pane{title: "Gates", note: fmt.Sprintf("%d/%d clear", clear, len(s.Gates))}
	for _, g := range s.Gates {
		p.rows = append(p.rows, gateRow(k, s, g, r.w-2))
	}
	return p
}

func gateRow(k *look, s *scene, g engine.GateView, w int) string {
	glyph, in := k.gate(g)
	l := k.newLine(w).put(ink{}, " ").cell(in, glyph, 1).cell(ink{}, g.Name, min(16, w/3))
	age := "not asked"
	if !g.At.IsZero() {
		age = span(s.now.Sub(g.At)) + " ago"
	}
	text := g.Text
	if g.Kind == engine.OnCall {
		text = "on call: " + text
	}
	return l.cell(ink{}, text, w-l.used-len(age)-2).to(w-len(age)-1).put(k.dim, age).String()
}

// recent is the pane of the last outcomes, newest first.
func recent(k *look, s *scene, r rect) pane {
	p := pane{title: "Recent attacks"}
	for _, rec := range s.Recent {
		if rec.Outcome != nil {
			p.rows = append(p.rows, recentRow(k, s, rec, r.w-2))
		}
	}
	return p
}

func recentRow(k *look, s *scene, rec engine.Record, w int) string {
	glyph, in := k.outcome(*rec.Outcome)
	l := k.newLine(w).put(ink{}, " ").cell(k.dim, s.at(rec.At), 9).cell(in, glyph, 1)
	l.cell(ink{}, rec.Attack, min(14, w/6)).cell(ink{}, rec.Host, min(20, w/5))
	return l.put(in, string(rec.Outcome.Effect)).put(ink{}, " "+string(rec.Outcome.Undo)).String()
}
