package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// hand is the dialog of an attack by hand: which, with what, on whom, for how long and why. It keeps to what it was
// opened with: attacks, marks and roster as they were then, hosts by their names. Nothing happens before the
// person has typed what it says, and what was typed counts for nothing once anything above it has changed.
type hand struct {
	attacks []engine.Attack
	shapes  []engine.Shape
	roster  *engine.Roster
	marked  []string // hosts, by name

	chosen   int // index into attacks
	hosts    field
	target   target // what hosts means
	many     field
	held     field
	params   []param
	together bool
	reason   field
	confirm  field

	at       int      // the line with the focus
	top      int      // first line shown
	suggests []string // for the hosts; made when first asked for
	trouble  string   // why it was not run
	sent     string   // id of the order that waits for its answer
}

// param is a parameter of the attack with what is typed for it.
type param struct {
	engine.ShapeParam
	field
}

// target is the hosts that a text means.
type target struct {
	named   []string        // these and no others
	within  engine.Selector // or so many of those that are in it; empty: of all
	size    int             // hosts that are meant, less those that the configuration bars
	trouble string
}

// handLine is one line of the dialog.
type handLine struct {
	name  string
	field *field        // nil where the line is chosen and not typed
	shown string        // what is chosen
	note  string        // bounds, or what the text means
	turn  func(by int)  // left and right
	wrong func() string // why the line cannot stay so; nil: it can
}

// openHand opens the dialog on the selected host, with the focus where nothing can happen.
func (m *root) openHand() tea.Cmd {
	s := &m.scene
	h := hand{attacks: slices.Clone(s.Attacks), shapes: s.Shapes, roster: s.Roster, marked: m.roster.marked()}
	h.hosts.text, h.many.text, h.reason.most = m.roster.selected, "1", longestNote
	if len(h.marked) > 0 {
		h.hosts.text = markedWord
	}
	if s.Next != nil {
		h.chosen = max(0, slices.IndexFunc(h.attacks, func(a engine.Attack) bool { return a.Name == s.Next.Attack }))
	}
	m.mode, m.hand = choosing, h
	m.hand.choose(0)
	m.hand.aim()
	m.hand.at = m.hand.cancelLine()
	return nil
}

// markedWord stands for the hosts that were marked when the dialog was opened.
const markedWord = "marked"

func whyNotByHand(r *root) string {
	if why := whyNotRun(r); why != "" {
		return why
	}
	if len(r.scene.Attacks) == 0 {
		return "the plan has no attack"
	}
	return ""
}

// choose goes on by so many attacks, and fills in what the plan says of it.
func (h *hand) choose(by int) {
	n := len(h.attacks)
	h.chosen = ((h.chosen+by)%n + n) % n
	a, shape := h.attack(), h.shape()
	h.held.text, h.params = engine.Span(a.For), nil
	if shape == nil {
		for _, name := range slices.Sorted(maps.Keys(a.Params)) {
			h.params = append(h.params, param{engine.ShapeParam{Name: name, Value: a.Params[name]}, field{text: a.Params[name]}})
		}
		return
	}
	for _, p := range shape.Params {
		h.params = append(h.params, param{p, field{text: p.Value}})
	}
}

func (h *hand) attack() engine.Attack { return h.attacks[h.chosen] }

// shape is what is known of the attack; nil when this engine does not tell.
func (h *hand) shape() *engine.Shape {
	i := slices.IndexFunc(h.shapes, func(s engine.Shape) bool { return s.Attack == h.attack().Name })
	if i < 0 {
		return nil
	}
	return &h.shapes[i]
}

// aim finds out what the hosts' text means.
func (h *hand) aim() {
	text := strings.TrimSpace(h.hosts.text)
	h.target = target{}
	switch host, known := h.roster.Find(text); {
	case text == markedWord && len(h.marked) > 0:
		h.target = target{named: h.marked, size: len(h.marked)}
	case known && host.Barred != "":
		h.target = target{named: []string{text}, size: 1, trouble: text + " is kept out by the configuration: " + host.Barred}
	case known:
		h.target = target{named: []string{text}, size: 1}
	default:
		h.target = h.drawn(engine.Selector(strings.Fields(text)))
	}
}

func (h *hand) drawn(within engine.Selector) target {
	t := target{within: within}
	if err := within.Check(); err != nil {
		t.trouble = err.Error()
		return t
	}
	for _, host := range h.roster.Hosts() {
		if host.Barred == "" && within.Selects(host) {
			t.size++
		}
	}
	if t.size == 0 {
		t.trouble = "no host matches; write a name, web-*, group:NAME or tag:NAME=VALUE"
	}
	return t
}

// count is how many hosts are hit. A percentage becomes a number here, so that what was typed to confirm it is
// what is ordered, whatever the fleet does meanwhile.
func (h *hand) count() (n int, trouble string) {
	if len(h.target.named) > 0 {
		return len(h.target.named), ""
	}
	text, percent := strings.CutSuffix(strings.TrimSpace(h.many.text), "%")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil || n < 1:
		return 0, "how many: a number from 1 on, or 1% to 100%"
	case percent && n > 100:
		return 0, "how many: 100% at most"
	case percent:
		return max(1, h.target.size*n/100), ""
	case n > h.target.size:
		return n, fmt.Sprintf("how many: %s are wanted, and there are %s", thousands(n), thousands(h.target.size))
	}
	return n, ""
}

// word is what must be typed before it runs: the name of the one host, or the number of them; where one host is
// left to chance, the name of the attack.
func (h *hand) word() (word, what string) {
	switch n, _ := h.count(); {
	case len(h.target.named) == 1:
		return h.target.named[0], "the host"
	case n > 1:
		return strconv.Itoa(n), "how many hosts"
	}
	return h.attack().Name, "the attack"
}

func (h *hand) holds() (time.Duration, string) {
	d, err := time.ParseDuration(strings.TrimSpace(h.held.text))
	switch shape := h.shape(); {
	case err != nil || d < time.Second:
		return 0, "for: a time like 90s or 5m, at least 1s"
	case shape != nil && shape.Max > 0 && d > shape.Max:
		return d, "for: " + engine.Span(shape.Max) + " at most"
	}
	return d, ""
}

const noUndo = "NOTHING TAKES IT BACK"

// forGood tells of an attack that has no undo.
func (h *hand) forGood() bool {
	shape := h.shape()
	return !h.attack().Reversible && (shape == nil || shape.Undoes == "")
}

// lines are those of the form, from top to bottom.
func (h *hand) lines() []handLine {
	n, tooMany := h.count()
	place := fmt.Sprintf("%d of %d", h.chosen+1, len(h.attacks))
	if h.forGood() {
		place += ", " + noUndo
	}
	lines := []handLine{
		{name: "Attack", shown: h.attack().Name, note: place, turn: h.choose},
		{name: "Hosts", field: &h.hosts, note: h.target.note(h), turn: h.suggest, wrong: func() string { return h.target.trouble }},
	}
	if len(h.target.named) == 0 {
		lines = append(lines, handLine{name: "How many", field: &h.many, note: fmt.Sprintf("of %s, a number or a percentage", thousands(h.target.size)), wrong: func() string { return tooMany }})
	}
	lines = append(lines, handLine{name: "For", field: &h.held, note: h.longest(), wrong: func() string { _, why := h.holds(); return why }})
	for i := range h.params {
		lines = append(lines, h.params[i].line())
	}
	if n > 1 {
		shown := "go on with the others"
		if h.together {
			shown = "undo it on all: all or nothing"
		}
		lines = append(lines, handLine{name: "If one fails", shown: shown, turn: func(int) { h.together = !h.together }})
	}
	word, what := h.word()
	return append(lines, handLine{name: "Reason", field: &h.reason, note: "for the record"},
		handLine{name: "", shown: "Cancel"},
		handLine{name: "Type " + word, field: &h.confirm, note: what + "; Enter runs it"})
}

// cancelLine is the last but one; the last is where it is confirmed.
func (h *hand) cancelLine() int { return len(h.lines()) - 2 }

func (h *hand) longest() string {
	if shape := h.shape(); shape != nil && shape.Max > 0 {
		return "at most " + engine.Span(shape.Max)
	}
	return ""
}

func (t target) note(h *hand) string {
	switch {
	case t.trouble != "":
		return ""
	case len(t.named) == 1:
		return "this host alone"
	case len(t.named) > 1:
		return plural(len(t.named), "host") + ": " + someOf(t.named, 2)
	case len(t.within) == 0:
		return "any of " + plural(t.size, "host")
	}
	return plural(t.size, "host") + ", left to chance"
}

func (p *param) line() handLine {
	l := handLine{name: p.Name, field: &p.field, note: cmp.Or(p.Bounds, p.Help)}
	if len(p.Choices) > 0 {
		l.note = cmp.Or(p.Bounds, strings.Join(p.Choices, ", "))
		l.turn = func(by int) {
			i, n := slices.Index(p.Choices, p.text), len(p.Choices)
			p.text = p.Choices[((i+by)%n+n)%n]
		}
	}
	l.wrong = func() string {
		switch {
		case p.Required && strings.TrimSpace(p.text) == "":
			return p.Name + " must be given: " + l.note
		case len(p.Choices) > 0 && p.text != "" && !slices.Contains(p.Choices, p.text):
			return p.Name + ": one of " + strings.Join(p.Choices, ", ")
		}
		return ""
	}
	return l
}

// suggest goes through what hosts could be meant: the marked ones, then the groups and the tags that several share.
func (h *hand) suggest(by int) {
	if h.suggests == nil {
		h.suggests = h.candidates()
	}
	i, n := slices.Index(h.suggests, h.hosts.text), len(h.suggests)
	if n == 0 {
		return
	}
	h.hosts.text = h.suggests[((i+by)%n+n)%n]
}

const suggestionsMost = 500

func (h *hand) candidates() (all []string) {
	counts := map[string]int{}
	for _, host := range h.roster.Hosts() {
		for _, g := range host.Groups {
			counts["group:"+g] += 2 // a group of one is a group
		}
		for name, value := range host.Tags {
			if len(counts) < 10*suggestionsMost {
				counts["tag:"+name+"="+value]++
			}
		}
	}
	for term, n := range counts {
		if n > 1 && !strings.Contains(term, " ") {
			all = append(all, term)
		}
	}
	slices.Sort(all)
	all = all[:min(len(all), suggestionsMost)]
	if len(h.marked) > 0 {
		all = slices.Insert(all, 0, markedWord)
	} else if len(h.target.named) == 1 {
		all = slices.Insert(all, 0, h.target.named[0])
	}
	return all
}

// types tells whether the line with the focus takes text.
func (h *hand) types() bool {
	lines := h.lines()
	return h.at < len(lines) && lines[h.at].field != nil
}

// change does something to the line with the focus, and draws the conclusions. What was typed to confirm it was
// typed for something else.
func (h *hand) change(with func(*handLine)) {
	lines := h.lines()
	line := &lines[min(h.at, len(lines)-1)]
	before := *h
	with(line)
	h.trouble = ""
	if h.hosts.text != before.hosts.text {
		h.aim()
	}
	if line.field != &h.confirm {
		h.confirm.text = ""
	}
	h.at = min(h.at, len(h.lines())-1)
}

func (h *hand) edit(k string) {
	if h.sent != "" {
		return
	}
	h.change(func(l *handLine) {
		switch {
		case (k == "left" || k == "right") && l.turn != nil:
			l.turn(map[string]int{"left": -1, "right": +1}[k])
		case l.field != nil:
			l.field.edit(k)
		}
	})
}

func (h *hand) paste(text []rune) {
	if h.sent == "" {
		h.change(func(l *handLine) { l.field.paste(text) })
	}
}

func (m *root) handLeft() tea.Cmd  { m.hand.edit("left"); return nil }
func (m *root) handRight() tea.Cmd { m.hand.edit("right"); return nil }

func (m *root) handNext() tea.Cmd   { return m.handMove(+1) }
func (m *root) handBefore() tea.Cmd { return m.handMove(-1) }

func (m *root) handMove(by int) tea.Cmd {
	n := len(m.hand.lines())
	m.hand.at = ((m.hand.at+by)%n + n) % n
	return nil
}

func (m *root) handCancel() tea.Cmd {
	m.mode = browsing
	if m.hand.sent != "" {
		m.say(m.look.warn, "the order was given already; s stops what it started")
	}
	return nil
}

// handEnter cancels on Cancel, runs on the last line, and goes on from every other.
func (m *root) handEnter() tea.Cmd {
	h := &m.hand
	switch h.at {
	case h.cancelLine():
		return m.handCancel()
	case h.cancelLine() + 1:
		return m.handRun()
	}
	return m.handNext()
}

// wrong is the first thing that stands against running it.
func (h *hand) wrong() string {
	for _, l := range h.lines() {
		if l.wrong != nil {
			if why := l.wrong(); why != "" {
				return why
			}
		}
	}
	if word, what := h.word(); strings.TrimSpace(h.confirm.text) != word {
		return fmt.Sprintf("nothing was run: type %s (%s) here, then Enter; Esc cancels", word, what)
	}
	return ""
}

func (m *root) handRun() tea.Cmd {
	h := &m.hand
	if h.sent != "" {
		return nil
	}
	if why := whyNotByHand(m); why != "" {
		h.trouble = why + "; what is written here stays, Enter tries again"
		return nil
	}
	if h.trouble = h.wrong(); h.trouble != "" {
		return nil
	}
	o := m.order(h.order())
	h.sent = o.ID
	return m.send(o, orderPatience)
}

func (h *hand) order() engine.Order {
	held, _ := h.holds()
	o := engine.Order{Kind: engine.RunOnce, Attack: h.attack().Name, For: held, Reason: strings.TrimSpace(h.reason.text)}
	for _, p := range h.params {
		if text := strings.TrimSpace(p.text); text != p.Value {
			if o.Params == nil {
				o.Params = map[string]string{}
			}
			o.Params[p.Name] = text
		}
	}
	n, _ := h.count()
	switch named := h.target.named; {
	case len(named) == 1:
		o.Host = named[0]
	case len(named) > 1:
		o.Hosts = named
	default:
		o.Count = n
		if len(h.target.within) > 0 {
			o.Within = []engine.Selector{h.target.within}
		}
	}
	o.Together = h.together && n > 1
	return o
}

// handAnswered closes the dialog when the order was taken, and says in it why it was not.
func (m *root) handAnswered(msg orderedMsg) tea.Cmd {
	h := &m.hand
	h.sent = ""
	if msg.err != nil {
		h.trouble, h.confirm.text = "not run: "+msg.err.Error(), ""
		return nil
	}
	m.mode = browsing
	m.roster.marks = nil
	m.say(m.look.good, "accepted: "+h.attack().Name+" on "+h.on())
	return nil
}

// on is whom it hits, in a few words.
func (h *hand) on() string {
	n, _ := h.count()
	switch {
	case len(h.target.named) > 0:
		return someOf(h.target.named, 3)
	case len(h.target.within) == 0:
		return plural(n, "host") + " left to chance"
	}
	return plural(n, "host") + " of " + strings.Join(h.target.within, " ") + ", left to chance"
}

// handView draws the dialog: the form, what it would do, and the way out.
func (m *root) handView(w, h int) []string {
	k, d := m.look, &m.hand
	width := min(w, 110)
	lines := d.lines()
	form, last := lines[:len(lines)-2], lines[len(lines)-2:]
	inside := h - 2
	ends := m.handEnd(last, width-2)
	least := len(m.handPreview(width-2, 0)) + 1
	formRoom := max(2, min(len(form), inside-len(ends)-min(least, max(3, inside/3))))
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
	}
	room := max(0, inside-len(p.rows)-len(ends))
	if room >= 5 {
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
	row.put(in, " "+mark+" ").cell(in, l.name, 12)
	value := "< " + l.shown + " >"
	if l.field != nil {
		value = "[" + m.tail(l.field.text, max(8, w/3)) + caret(focused) + "]"
	}
	row.put(in, value).put(ink{}, "  ")
	if l.wrong != nil && l.wrong() != "" {
		return row.put(k.bad, k.no+" "+l.wrong()).String()
	}
	return row.put(k.dim, l.note).String()
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

// handPreview is exactly what would happen: in a few lines, or with the text of what runs where there is room.
func (m *root) handPreview(w, room int) []string {
	k, d := m.look, &m.hand
	p := &page{look: k, w: w}
	n, _ := d.count()
	hits := fmt.Sprintf("%s of %s in the inventory", plural(n, "host"), thousands(d.roster.Len()))
	switch within := d.target.within; {
	case len(d.target.named) == 1:
		status, why := m.scene.status(d.target.named[0])
		glyph, _ := k.host(status)
		hits = strings.TrimSuffix(d.target.named[0]+" "+glyph+" "+string(status)+": "+why, ": ")
	case len(d.target.named) == 0 && len(within) > 0:
		hits = fmt.Sprintf("%s of %s in %s; the inventory has %s", thousands(n), thousands(d.target.size), strings.Join(within, " "), thousands(d.roster.Len()))
	}
	p.pair("Hits", hits, k.strong)
	if m.scene.DryRun {
		p.pair("Dry run", "it is recorded, nothing is injected", k.warn)
	}
	runs, undo, ends := "its commands are not known here: chaoscat attacks "+d.attack().Name, "as the plan has it, by guards on the host too", ""
	if shape := d.shape(); shape != nil {
		p.pair("Does", shape.Summary, ink{})
		runs, undo = cmp.Or(shape.Runs, runs), shape.Undoes
		if len(shape.Layers) > 0 && undo != "" {
			ends = "even if chaoscat dies: " + strings.Join(shape.Layers, ", ")
		}
	}
	in := ink{}
	if d.forGood() {
		undo, in = noUndo, k.alarm
	}
	p.pair("Ends", ends, ink{})
	if each := (room - len(p.rows) - 4) / 2; each >= 4 {
		p.script("Takes it back", undo, each, in)
		return p.script("Runs on the host", runs, max(each, room-len(p.rows)-2), ink{}).rows
	}
	most := 2 * (w - 17)
	return p.pair("Undone by", brieflyOf(undo, most), in).pair("Runs", brieflyOf(runs, most), ink{}).rows
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

// brieflyOf is the beginning of a text that may be a whole script.
func brieflyOf(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if columns(text) <= most {
		return text
	}
	cut := []rune(text)
	return string(cut[:min(len(cut), max(0, most-3))]) + "..."
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
