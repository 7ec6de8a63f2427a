package tui

import "strings"

// The least screen that has room for panes; below it the console is four lines and two keys.
const (
	leastWidth  = 60
	leastHeight = 16
	twoColumns  = 100 // from this width the gates stand beside the next attack
	allColumns  = 160 // from this width the recent attacks do, too
	besideWants = 11  // lines that the panes beside the first can use
)

// rect is the outer size of a pane, borders included.
type rect struct{ w, h int }

// layout is where everything goes. The output always has the full width at the bottom: beside another
// pane each of its lines would make the terminal rewrite that pane as well.
type layout struct {
	small  bool
	screen rect
	next   rect // the next attack, or the running one
	gates  rect // no width: not shown
	recent rect // no width: not shown; lower than next: below the gates
	roster rect
	output rect
}

// arrange divides the screen. The two numbers are how many lines the topmost panes and the roster could
// fill; what they do not need goes to the output. A game day takes more of the screen than a draw.
func arrange(w, h, wanted, hosts int, day bool) layout {
	l := layout{screen: rect{w, h}, small: tooSmall(w, h)}
	if l.small {
		return l
	}
	body := h - 3 // two lines of header, one of keys
	share := 30
	if body >= 30 {
		share = 45
	}
	switch {
	case day && body < 20: // it is what this console is there for
		share = 55
	case day:
		share = 45
	}
	if w >= twoColumns {
		wanted = max(wanted, besideWants)
	}
	top := max(4, min(wanted+2, body*share/100))
	rest := body - top
	roster := min(rest/2, max(4, hosts+2))
	l.next, l.roster, l.output = rect{w, top}, rect{w, roster}, rect{w, rest - roster}
	switch {
	case w >= allColumns:
		l.next.w, l.recent.w = w*37/100, w*33/100
		l.gates.w = w - l.next.w - l.recent.w
	case w >= twoColumns:
		l.gates.w = w * 40 / 100
		l.next.w = w - l.gates.w
	}
	l.gates.h, l.recent.h = top, top
	if l.recent.w == 0 && l.gates.w > 0 && top >= 12 { // what has ended stands below the gates
		l.recent = rect{l.gates.w, top * 3 / 8}
		l.gates.h = top - l.recent.h
	}
	return l
}

func tooSmall(w, h int) bool { return w < leastWidth || h < leastHeight }

// pane is what one thing on the screen looks like just now.
type pane struct {
	title, note string // top left, top right
	rows        []string
	focused     bool
}

// box draws borders around a pane. Its rows must be as wide as the inside.
func (k *look) box(r rect, p pane) []string {
	if r.w < 2 || r.h < 2 {
		return nil
	}
	inside := r.w - 2
	lines := make([]string, 0, r.h)
	lines = append(lines, k.lid(inside, p))
	blank := strings.Repeat(" ", inside)
	for i := range r.h - 2 {
		row := blank
		if i < len(p.rows) {
			row = p.rows[i]
		}
		lines = append(lines, k.side+row+k.side)
	}
	return append(lines, k.bottomLeft+strings.Repeat(k.line, inside)+k.bottomRight)
}

// lid is the top border with what it says. The focused pane has a border of another character.
func (k *look) lid(inside int, p pane) string {
	edge, left, right, in := k.line, k.topLeft, k.topRight, ink{}
	if p.focused {
		edge, left, right, in = k.focus, k.focusLeft, k.focusRight, k.strong
	}
	l := k.newLine(inside)
	l.put(ink{}, edge).put(in, " "+k.shorten(k.clean(p.title), inside-4)+" ")
	note := ""
	if p.note != "" {
		note = " " + k.clean(p.note) + " " + edge
	}
	if room := inside - l.used - columns(note); room >= 0 {
		l.put(ink{}, strings.Repeat(edge, room)+note)
	}
	return left + l.put(ink{}, strings.Repeat(edge, inside-l.used)).String() + right
}

// beside puts blocks of equal height next to each other.
func beside(blocks ...[]string) []string {
	var joined []string
	for _, b := range blocks {
		if joined == nil {
			joined = b
			continue
		}
		for i := range b {
			joined[i] += b[i]
		}
	}
	return joined
}

// part is a word of a line that has more to say than room: the higher the rank, the sooner it goes.
type part struct {
	ink  ink
	text string
	rank int
}

// spread writes parts from the left and from the right edge, and leaves out by rank what has no room.
func (k *look) spread(width int, left, right []part) string {
	for _, p := range [][]part{left, right} {
		for i := range p {
			p[i].text = k.clean(p[i].text)
		}
	}
	limit := 1 << 10
	for total(left, limit)+total(right, limit) > width-1 {
		next := max(highest(left, limit), highest(right, limit))
		if next <= 0 {
			break
		}
		limit = next
	}
	l := k.newLine(width)
	l.parts(left, limit)
	l.to(max(l.used, width-total(right, limit)-1))
	return l.parts(right, limit).String()
}

func (l *line) parts(parts []part, limit int) *line {
	gap := " "
	for _, p := range parts {
		if p.rank < limit && p.text != "" {
			l.put(ink{}, gap).put(p.ink, p.text)
			gap = "  "
		}
	}
	return l
}

func total(parts []part, limit int) int {
	n := 0
	for _, p := range parts {
		if p.rank < limit && p.text != "" {
			n += columns(p.text) + 2
		}
	}
	return n
}

func highest(parts []part, limit int) int {
	top := 0
	for _, p := range parts {
		if p.rank < limit && p.text != "" {
			top = max(top, p.rank)
		}
	}
	return top
}
