package tui

import (
	"fmt"

	"github.com/chaoscat/chaoscat/engine"
)

// gates is the pane of the outside systems that must say yes. Where there is room for all of them each has its state,
// its age, its answer in full, which is the value and the limit, and a curve of what it has said; else a line.
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
	if h := r.h - 2; len(s.Gates) > 0 && h >= 2*len(s.Gates) {
		p.note += fmt.Sprintf(", last %d min", trendMinutes)
	}
	if r.w < leastWidth/2 {
		return p // it is not shown
	}
	w, h, n := r.w-2, r.h-2, len(s.Gates)
	width := max(0, min(trendWidth, w-4))
	ran := t.ran(k, s.now, width)
	spare := h - 3*n // lines beyond a head, a line of answer and a curve for each
	if ran != "" {
		spare--
	}
	names := 0
	for _, g := range s.Gates {
		names = max(names, min(16, w/4, columns(g.Name)))
	}
	for _, g := range s.Gates {
		switch {
		case h < 3*n:
			p.rows = append(p.rows, gateRow(k, s, g, names, w))
		default:
			lines := k.wrap(saidBy(g), w-4, 1+max(0, spare))
			spare -= max(0, len(lines)-1)
			p.rows = append(p.rows, gateHead(k, s, g, w))
			for _, line := range lines {
				p.rows = append(p.rows, k.newLine(w).to(3).put(ink{}, line).String())
			}
		}
		if h >= 2*n {
			p.rows = append(p.rows, k.newLine(w).to(3).put(ink{}, t.curve(k, g.Name, s.now, width)).String())
		}
	}
	if h >= 2*n && ran != "" {
		p.rows = append(p.rows, k.newLine(w).to(3).put(k.hot, ran).String())
	}
	if n > 0 && h >= 2*n && len(p.rows) < h {
		p.rows = append(p.rows, k.newLine(w).to(3).put(k.dim, legend(k, width, ran != "")).String())
	}
	return p
}

// legend is the time axis of the curves, and what the signs mean.
func legend(k *look, width int, ran bool) string {
	text := fmt.Sprintf("%dm ago  %s no", trendMinutes, k.no)
	if ran {
		text += "  " + k.fire + " an attack"
	}
	return fmt.Sprintf("%s%*s", text, max(1, width-columns(text)), "now")
}

// gateState is the character, the word, the ink and the age of a gate.
func gateState(k *look, s *scene, g engine.GateView) (glyph, word string, in ink, age string) {
	glyph, in = k.gate(g)
	word, age = "NO", "not asked"
	switch {
	case g.At.IsZero():
		word = "unknown"
	case g.Clear:
		word = "clear"
	}
	if !g.At.IsZero() {
		age = span(s.now.Sub(g.At)) + " ago"
	}
	if s.lost {
		glyph, in, word = k.doubt, k.warn, "unknown"
		if !g.At.IsZero() {
			age = span(s.now.Sub(g.At)+s.age) + " ago"
		}
	}
	return glyph, word, in, age
}

func saidBy(g engine.GateView) string {
	if g.Kind == engine.OnCall {
		return "on call: " + g.Text
	}
	return g.Text
}

func gateHead(k *look, s *scene, g engine.GateView, w int) string {
	glyph, word, in, age := gateState(k, s, g)
	l := k.newLine(w).put(ink{}, " ").put(in, glyph+" "+word).put(ink{}, "  ").put(k.strong, k.shorten(k.clean(g.Name), w-columns(word)-len(age)-7))
	return l.to(w-len(age)-1).put(k.dim, age).String()
}

func gateRow(k *look, s *scene, g engine.GateView, names, w int) string {
	glyph, word, in, age := gateState(k, s, g)
	l := k.newLine(w).put(ink{}, " ").put(in, glyph+" "+word+" ").cell(k.strong, g.Name, names)
	return l.cell(ink{}, saidBy(g), w-l.used-len(age)-2).to(w-len(age)-1).put(k.dim, age).String()
}
