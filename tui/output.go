package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

// entry is one line of output.
type entry struct {
	at   time.Time
	host string
	text string
	kind engine.RecordKind
	end  *engine.Outcome
}

// output is the pane of what happened. It keeps the last [keep] lines in a ring, draws those that are
// seen, and follows until somebody scrolls up. A filter shows those lines alone that have all its words; a search
// marks lines and goes from one to the next.
type output struct {
	ring    []entry
	added   int    // lines ever added
	needle  string // normal words that a line must all have; "" shows every line
	found   []int  // numbers of the kept lines that have them; meaningless without a needle
	passed  int    // lines found and no longer kept
	longest int    // columns of the longest name seen
	reading bool   // scrolled up: nothing moves under the reader's eyes
	bottom  int    // while reading: number of the line below the last one shown, among those that match
	shown   int    // how many lines were shown, last time
	trouble string

	name     string // what the title calls it
	search   search
	wrapped  bool // long lines go on below
	timeless bool // lines begin without their time
	left     int  // columns scrolled away to the left
}

// learn adds records, and says where some are missing.
func (o *output) learn(records []engine.Record, dropped int) {
	if dropped > 0 {
		o.add(entry{text: fmt.Sprintf("... %s not shown", plural(dropped, "line"))})
	}
	for _, r := range records {
		o.add(entry{at: r.At, host: speaker(r), text: sentence(r), kind: r.Kind, end: r.Outcome})
	}
}

// sumUp adds a line for what one order did to many hosts, below the lines of each.
func (o *output) sumUp(ended []*whole) {
	for _, w := range ended {
		o.add(entry{at: w.at, host: fmt.Sprintf("×%s", thousands(w.hosts)), text: w.sentence() + "  [" + shortID(w.of) + "]", kind: engine.Closed, end: &w.worst})
	}
}

func (o *output) add(e entry) {
	if len(o.ring) < keep {
		o.ring = append(o.ring, e)
	} else {
		o.ring[o.added%keep] = e
	}
	if o.matches(e) {
		if o.needle != "" {
			o.found = append(o.found, o.added)
		}
		o.search.offer(o.added, e)
	}
	o.added++
	for len(o.found) > 0 && o.found[0] < o.oldest() {
		o.found, o.passed = o.found[1:], o.passed+1
	}
	o.search.forget(o.oldest())
	o.longest = max(o.longest, columns(e.host))
}

// has tells whether the line has every word, in the name or in the text.
func (e entry) has(words []string) bool {
	line := strings.ToLower(e.host + "\n" + e.text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
}

// matches tells whether the line is shown at all.
func (o *output) matches(e entry) bool { return o.needle == "" || e.has(strings.Fields(o.needle)) }

// filter shows the lines that have every word of the text, and follows them.
func (o *output) filter(text string) {
	needle := normal(text)
	if needle == o.needle {
		return
	}
	o.needle, o.found, o.passed, o.reading = needle, nil, 0, false
	words := strings.Fields(needle)
	for i := o.oldest(); i < o.added && needle != ""; i++ {
		if o.ring[i%keep].has(words) {
			o.found = append(o.found, i)
		}
	}
	o.lookFor(o.search.needle)
}

// first and end bound the numbers of the lines that match; line is the one with such a number.

func (o *output) first() int {
	if o.needle != "" {
		return o.passed
	}
	return o.oldest()
}

func (o *output) end() int {
	if o.needle != "" {
		return o.passed + len(o.found)
	}
	return o.added
}

func (o *output) line(i int) entry { return o.ring[o.number(i)%keep] }

// number is the number of a line among all that were ever added.
func (o *output) number(i int) int {
	if o.needle != "" {
		return o.found[i-o.passed]
	}
	return i
}

// speaker is who a line is about: the host, or the part of the engine that speaks.
func speaker(r engine.Record) string {
	switch {
	case r.Host != "":
		return r.Host
	case r.By != "":
		return r.By
	}
	return string(r.Kind)
}

// sentence is the text of a record; one without a text is told by what it is. A run that is one of many begins
// with the short id that they all have.
func sentence(r engine.Record) string {
	if r.Of != "" && r.Run != "" && r.Kind != engine.Line {
		id := "[" + partID(r.Run, r.Of) + "] "
		r.Of = ""
		return id + sentence(r)
	}
	if text, is := gameday.Said(r); is { // without what everybody here knows, and no line has room for
		return "game day: " + text
	}
	if r.Text != "" {
		return r.Text
	}
	return strings.Join(strings.Fields(strings.Join([]string{string(r.Kind), r.Attack, string(r.Phase), r.Run}, " ")), " ")
}

// oldest is the number of the first line that is still kept.
func (o *output) oldest() int { return o.added - len(o.ring) }

func (o *output) follow() { o.reading = false }

// toggle is the key that follows, and that holds still when it already does.
func (o *output) toggle() { o.bottom, o.reading = o.end(), !o.reading }

// move scrolls. Going up stops following; arriving at the end follows again.
func (o *output) move(m motion) {
	if !o.reading {
		o.bottom = o.end()
	}
	top := o.first() + min(o.shown, o.end()-o.first())
	o.bottom = top + m.apply(o.bottom-top, o.shown, o.end()-top)
	o.reading = o.bottom < o.end()
}

func (o *output) view(k *look, s *scene, r rect) pane {
	w, h := r.w-2, r.h-2
	end := o.end()
	if o.reading {
		o.bottom = max(o.bottom, min(end, o.first()+h))
		end = o.bottom
	}
	p := pane{title: o.title(end), note: plural(o.added, "line")}
	name := o.nameWidth(w)
	blocks, room := make([][]string, 0, h), h // from the bottom upwards
	for i := end - 1; i >= o.first() && room > 0; i-- {
		block := o.rows(k, s, i, name, w)
		blocks = append(blocks, block[max(0, len(block)-room):])
		room -= len(block)
	}
	o.shown = len(blocks)
	if o.shown == end-o.first() {
		o.shown = h // all there is: more would have room
	}
	for _, block := range slices.Backward(blocks) {
		p.rows = append(p.rows, block...)
	}
	if o.needle != "" && len(o.found) == 0 {
		p.rows = append(p.rows, k.newLine(w).put(k.warn, "   no line matches; Esc clears the filter").String())
	}
	return p
}

func (o *output) title(end int) string {
	title := cmp.Or(o.name, "3 Output") + "  following"
	if o.reading {
		title = fmt.Sprintf("%s  PAUSED, %s below, G follows", cmp.Or(o.name, "3 Output"), plural(o.end()-end, "line"))
	}
	if o.needle != "" {
		title += fmt.Sprintf("  &%s  %s/%s", o.needle, thousands(len(o.found)), thousands(len(o.ring)))
	}
	title += o.search.title()
	if o.left > 0 {
		title += fmt.Sprintf("  h: %d columns left", o.left)
	}
	if o.trouble != "" {
		title += "  (" + o.trouble + ")"
	}
	return title
}

// nameWidth is the column of names: wide enough for the longest that was seen, and no wider than leaves the
// text its share.
func (o *output) nameWidth(w int) int {
	most := min(20, w/3)
	if w >= twoColumns {
		most = 24
	}
	return max(9, min(o.longest, most))
}

// rows are those of one line: one, or as many as it takes where long lines go on below. A line that the search
// has found begins with a mark, since colour may be missing.
func (o *output) rows(k *look, s *scene, i, name, w int) []string {
	e, in := o.line(i), ink{}
	mark := " "
	switch number := o.number(i); {
	case number == o.search.hit && o.search.any():
		mark, in = k.pick, k.strong
	case o.search.has(number):
		mark, in = k.marked, k.strong
	}
	l := k.newLine(w).put(in, mark)
	if !o.timeless {
		if !e.at.IsZero() {
			l.put(k.dim, e.at.In(s.zone).Format("15:04:05"))
		}
		l.to(10)
	}
	glyph, in := entryMark(k, e)
	l.cell(ink{}, e.host, name).cell(in, glyph, 1)
	begins, text := l.used, k.clean(e.text)
	if !o.wrapped {
		return []string{o.search.paint(l, in, ansi.TruncateLeft(text, o.left, "")).String()}
	}
	var rows []string
	for part := range strings.SplitSeq(ansi.Wrap(text, max(8, w-begins), ""), "\n") {
		rows = append(rows, o.search.paint(l.to(begins), in, part).String())
		l = k.newLine(w)
	}
	return rows
}

// entryMark is what sets a line apart from the output of hosts.
func entryMark(k *look, e entry) (string, ink) {
	switch e.kind {
	case engine.Closed:
		if e.end != nil {
			return k.outcome(*e.end)
		}
	case engine.ResidueNew:
		return strings.ToUpper(k.broken), k.alarm
	case engine.Cleared:
		return k.yes, k.good
	case engine.OrderGiven:
		return k.pick, k.strong
	case engine.Intent, engine.PhaseNew:
		return k.fire, ink{}
	case engine.VerdictNew, engine.GateTurned:
		return k.wait, k.warn
	case engine.Line:
		return "", ink{}
	}
	return "", k.dim
}
