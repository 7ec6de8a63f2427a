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
	if s.lost {
		p.note = "unknown"
	}
	for _, g := range s.Gates {
		p.rows = append(p.rows, gateRow(k, s, g, r.w-2))
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
	effect, undo, room := string(rec.Outcome.Effect), string(rec.Outcome.Undo), 22
	if w-l.used-room < 24 {
		effect, undo = brieflyEnded(*rec.Outcome)
		room = 17
	}
	names := max(8, (w-l.used-room-2)/2)
	l.cell(ink{}, rec.Attack, min(14, names)).cell(ink{}, rec.Host, min(20, names))
	return l.put(in, effect).put(ink{}, " "+undo).String()
}

// brieflyEnded is an outcome in words that stay whole in a narrow pane.
func brieflyEnded(o engine.Outcome) (effect, undo string) {
	effect, undo = string(o.Effect), string(o.Undo)
	switch o.Effect {
	case engine.Unverifiable:
		effect = "unproven"
	case engine.Infeasible:
		effect = "unfit"
	}
	if o.Undo == engine.Restored {
		undo = "undone"
	}
	return effect, undo
}
