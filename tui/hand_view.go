package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// handView draws the dialog: the form, what it would do, and the way out.
func (m *root) handView(w, h int) []string {
	k, d := m.look, &m.hand
	width := min(w, 110)
	lines := d.lines()
	form, last := lines[:len(lines)-2], lines[len(lines)-2:]
	if d.at > d.cancelLine() { // about to be confirmed: the preview tells the parameters, and needs the room
		form = slices.DeleteFunc(form, func(l handLine) bool { return l.detail && l.why() == "" })
	}
	inside := h - 2
	ends := m.handEnd(last, width-2)
	if inside < 14 {
		ends = ends[1:]
	}
	formRoom := max(2, min(len(form), inside-len(ends)-max(3, min(7, inside/3))))
	d.top = max(min(d.top, d.at), d.at-formRoom+1, 0)
	if d.at >= len(form) {
		d.top = 0 // what is about to be confirmed: attack and hosts
	}
	d.top = max(0, min(d.top, len(form)-formRoom))
	p := pane{title: "Attack by hand", note: "Esc cancels", focused: true}
	if formRoom < len(form) {
		p.title += fmt.Sprintf("  lines %d-%d of %d", d.top+1, d.top+formRoom, len(form))
	}
	for i := d.top; i < d.top+formRoom; i++ {
		p.rows = append(p.rows, m.handRow(form[i], i == d.at, width-2))
		if i == d.at {
			free := inside - formRoom - len(ends) - len(m.handItems())
			p.rows = append(p.rows, m.handHint(form[i], width-2, free)...)
		}
	}
	room := max(0, inside-len(p.rows)-len(ends))
	if room >= 9 && len(p.rows) == formRoom { // the hint of a line needs the room more
		p.rows, room = append(p.rows, k.newLine(width-2).String()), room-1
	}
	preview := m.handPreview(width-2, room)
	p.rows = append(p.rows, preview[:min(len(preview), room)]...)
	for len(p.rows) < inside-len(ends) {
		p.rows = append(p.rows, k.newLine(width-2).String())
	}
	p.rows = append(p.rows, ends...)
	return k.centred(k.box(rect{width, h}, p), width, w)
}

// centred puts lines into the middle of the screen.
func (k *look) centred(lines []string, width, w int) []string {
	margin := strings.Repeat(" ", (w-width)/2)
	for i := range lines {
		lines[i] = margin + lines[i] + strings.Repeat(" ", w-width-len(margin))
	}
	return lines
}

func (m *root) handRow(l handLine, focused bool, w int) string {
	k := m.look
	row, mark, in := k.newLine(w), " ", ink{}
	if focused {
		mark, in = k.pick, k.strong
	}
	row.put(in, " "+mark+" ").cell(in, l.name, m.hand.nameRoom())
	row.put(in, m.handValue(l, focused, w)).put(ink{}, "  ")
	text, in := m.hint(l, focused)
	return row.put(in, k.atWord(k.clean(text), w-row.used)).String()
}

// hint is what stands behind a line: what is wrong with it, or what it takes, and on the line with the focus what it is.
func (m *root) hint(l handLine, focused bool) (string, ink) {
	switch why := l.why(); {
	case why != "":
		return m.look.no + " " + why, m.look.bad
	case focused && l.help != "" && l.help != l.note:
		return strings.TrimPrefix(l.note+"; "+l.help, "; "), m.look.dim
	}
	return l.note, m.look.dim
}

// handHint is the hint of the line with the focus in full below it, where the line cuts it and rows are free.
func (m *root) handHint(l handLine, w, free int) (rows []string) {
	const indent = 4
	text, in := m.hint(l, true)
	before := indent + m.hand.nameRoom() + columns(m.handValue(l, true, w)) + 2
	if free < 1 || before+columns(m.look.clean(text)) <= w {
		return nil
	}
	for _, part := range m.look.wrap(text, w-indent-2, min(free, 3)) {
		rows = append(rows, m.look.newLine(w).to(indent+2).put(in, part).String())
	}
	return rows
}

// handValue is what a line has: chosen, or typed.
func (m *root) handValue(l handLine, focused bool, w int) string {
	if l.field == nil {
		return "< " + l.shown + " >"
	}
	return "[" + m.tail(l.field.text, max(8, w/3)) + caret(focused) + "]"
}

// nameRoom is the width of the names: wider for those of a compound attack, which begin with the part they belong to.
func (h *hand) nameRoom() int {
	room := 12
	for _, p := range h.params {
		room = max(room, min(24, columns(p.label)))
	}
	return room
}

func caret(focused bool) string {
	if focused {
		return "_"
	}
	return ""
}

// tail is the end of a text, which is where it is typed.
func (m *root) tail(text string, width int) string {
	all := []rune(m.look.clean(text))
	for columns(string(all)) > width {
		all = all[1:]
	}
	return string(all)
}

// item is one thing to be said of what would happen: in full, or in a line where there is no room.
type item struct {
	name, brief, full string
	ink               ink
}

// handPreview is exactly what would happen, the most important first: in a line each, or in full and with the text
// of what runs where there is room.
func (m *root) handPreview(w, room int) []string {
	p := &page{look: m.look, w: w}
	p.rows = m.look.items(m.handItems(), w, room)
	if left := room - len(p.rows) - 2; left >= 4 {
		runs := ""
		if shape := m.hand.shape(); shape != nil {
			runs = shape.Runs
		}
		p.script("The very text that runs on the host", cmp.Or(runs, "not known here: chaoscat attacks "+m.hand.attack().Name), left, ink{})
	}
	return p.rows
}

// items gives each a line, the first ones first, and what is left over to those that have more to say.
func (k *look) items(all []item, w, room int) (rows []string) {
	const indent = 19
	all = all[:min(len(all), max(0, room))]
	spare := room - len(all)
	for _, one := range all {
		lines := k.wrap(cmp.Or(one.full, one.brief), w-indent-2, 20)
		if len(lines) > 1+spare {
			lines = k.wrap(cmp.Or(one.brief, one.full), w-indent-2, 1+spare)
		}
		spare -= max(0, len(lines)-1)
		for i, line := range lines {
			l := k.newLine(w).put(ink{}, "  ")
			if i == 0 {
				l.put(k.dim, one.name)
			}
			rows = append(rows, l.to(indent).put(one.ink, line).String())
		}
	}
	return rows
}

func (m *root) handItems() (all []item) {
	k, d := m.look, &m.hand
	say := func(name, brief, full string, in ink) {
		if brief != "" || full != "" {
			all = append(all, item{name, brief, full, in})
		}
	}
	in := k.strong
	if d.target.trouble != "" {
		in = k.bad
	}
	say("Hits", "", m.handHits(), in)
	if n := d.attack().Approval; n > 1 {
		say("Waits", "", fmt.Sprintf("for other people: %d must want it, you included", n), k.warn)
	}
	undo, ends, summary := "as the plan has it, by guards on the host too", "", ""
	if shape := d.shape(); shape != nil {
		undo, ends, summary = shape.Undoes, strings.Join(shape.Layers, "; "), shape.Summary
	}
	if d.forGood() {
		say("Undone by", "", noUndo+": a person must mend what it does", k.alarm)
	} else {
		say("Undone by", "", undo, ink{})
		say("If chaoscat dies", whoEnds(d.shape()), ends, ink{})
	}
	if m.scene.DryRun {
		say("Dry run", "", "it is recorded, nothing is injected", k.warn)
	}
	say("Touches", "", d.portions(), ink{})
	say("Does", "", summary, ink{})
	say("With", "", d.withParams(), ink{})
	if d.forGood() {
		return all
	}
	if _, why := d.holds(); why != "" {
		say("Ends", "-", "", ink{})
		return all
	}
	say("Ends", "after "+d.held.text, "after "+d.held.text+"; earlier by s, by a gate that turns red, at closing time or when contact is lost", ink{})
	return all
}

// whoEnds is the layers by name.
func whoEnds(shape *engine.Shape) string {
	if shape == nil || len(shape.Layers) == 0 {
		return ""
	}
	names := make([]string, len(shape.Layers))
	for i, layer := range shape.Layers {
		names[i], _, _ = strings.Cut(layer, ": ")
	}
	return strings.Join(names, ", ")
}

// handHits is whom it hits, how many of how many, and how they stand.
func (m *root) handHits() string {
	d := &m.hand
	n, _ := d.count()
	switch t := d.target; {
	case t.trouble != "":
		return "nobody: " + t.trouble
	case len(t.named) == 1:
		status, why := m.scene.status(t.named[0])
		glyph, _ := m.look.host(status)
		return strings.TrimSuffix(t.named[0]+" "+glyph+" "+string(status)+": "+why, ": ")
	case len(t.named) > 1:
		return plural(n, "host") + ": " + someOf(t.named, 3) + t.standing(0)
	case t.size == 0:
		return "nobody"
	case len(t.within) == 0:
		return fmt.Sprintf("%s of %s (%s) by chance%s", thousands(n), plural(t.size, "host"), percent(n, t.size), t.standing(n))
	default:
		return fmt.Sprintf("%s of %s in %s (%s) by chance%s", thousands(n), thousands(t.size), strings.Join(t.within, " "), percent(n, t.size), t.standing(n))
	}
}

func percent(n, of int) string {
	if of == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%d %%", (100*n+of/2)/of)
}

// standing is how many of them are in which state; where more are wanted than can be drawn just now, that first.
func (t target) standing(wanted int) string {
	if t.states == nil {
		return ""
	}
	ready := t.states[engine.HostReady]
	parts := []string{fmt.Sprintf("; %s ready now", thousands(ready))}
	if wanted > ready {
		parts[0] = fmt.Sprintf("; only %s ready now: the engine would refuse", thousands(ready))
	}
	for _, status := range urgency {
		if n := t.states[status]; n > 0 && status != engine.HostReady {
			parts = append(parts, thousands(n)+" "+string(status))
		}
	}
	return strings.Join(parts, ", ")
}

// portions are the groups that lose hosts, and what stays of them: the first ones, which lose most.
func (h *hand) portions() string {
	n, _ := h.count()
	var parts []string
	for _, g := range h.target.groups[:min(3, len(h.target.groups))] {
		hit, least, most := g.meant, "", ""
		switch {
		case len(h.target.named) > 0 || n >= h.target.size:
		case g.meant == h.target.size: // whoever is drawn is in it
			hit = n
		default:
			hit, most, least = min(g.meant, n), "at most ", "at least "
		}
		parts = append(parts, fmt.Sprintf("%s %s%s of %s, %s%s left", g.group, most, thousands(hit), thousands(g.all), least, thousands(g.all-hit)))
	}
	parts = append(parts, fmt.Sprintf("inventory %s of %s (%s)", thousands(n), thousands(h.roster.Len()), percent(n, h.roster.Len())))
	return strings.Join(parts, "; ")
}

// withParams is every parameter that is set, as it is written in a configuration.
func (h *hand) withParams() string {
	var set []string
	for _, p := range h.params {
		if text := strings.TrimSpace(p.text); text != "" {
			set = append(set, p.label+"="+text)
		}
	}
	return strings.Join(set, ", ")
}

// script is a text line by line, as it stands where it is written.
func (p *page) script(title, text string, most int, in ink) *page {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\t", "    ")), "\n")
	p.head(title)
	if len(lines) > most {
		lines = append(lines[:most-1:most-1], "... "+plural(len(lines)-most+1, "line")+" more")
	}
	for _, line := range lines {
		p.raw(in, "   "+line)
	}
	return p
}

// handEnd is the last lines: what went wrong, Cancel, and where it is confirmed.
func (m *root) handEnd(last []handLine, w int) []string {
	k, d := m.look, &m.hand
	rows := []string{k.newLine(w).String()}
	switch {
	case d.sent != "":
		rows = append(rows, k.newLine(w).put(k.hot, "  asking every gate; s or ctrl+c stops everything").String())
	case d.trouble != "":
		for _, text := range k.wrap(d.trouble, w-4, 2) {
			rows = append(rows, k.newLine(w).put(k.bad, "  "+k.no+" "+text).String())
		}
	case d.types():
		rows = append(rows, k.newLine(w).put(k.dim, "  s types in this line: STOP is ctrl+c").String())
	default:
		rows = append(rows, k.newLine(w).put(k.dim, "  s stops everything here; Tab goes through the lines").String())
	}
	mark, in := " ", ink{}
	if d.at == d.cancelLine() {
		mark, in = k.pick, k.strong
	}
	rows = append(rows, k.newLine(w).put(in, " "+mark+" [ Cancel ]").String())
	mark, in = " ", ink{}
	if d.at > d.cancelLine() {
		mark, in = k.pick, k.strong
	}
	l := k.newLine(w).put(in, " "+mark+" "+last[1].name+" ").put(in, "["+m.tail(d.confirm.text, max(8, w/3))+caret(d.at > d.cancelLine())+"]")
	return append(rows, l.put(k.dim, "  "+last[1].note).String())
}
