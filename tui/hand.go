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
	marked  []string       // hosts, by name
	groupBy string         // tag whose values count as groups; "": the groups themselves
	sizes   map[string]int // of the groups; made when first asked for
	status  func(host string) (engine.HostStatus, string)

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
	label string // as the line is called: of a compound attack with the part that it belongs to
}

// target is the hosts that a text means, and how they stood when it was typed.
type target struct {
	named   []string        // these and no others
	within  engine.Selector // or so many of those that are in it; empty: of all
	size    int             // hosts that are meant, less those that the configuration bars and those that the attack spares
	groups  []portion       // that they are in, the one that is meant most first
	states  map[engine.HostStatus]int
	trouble string
}

// portion is a group with how many of its hosts are meant.
type portion struct {
	group      string
	meant, all int
}

// handLine is one line of the dialog.
type handLine struct {
	name   string
	field  *field        // nil where the line is chosen and not typed
	shown  string        // what is chosen
	note   string        // bounds, or what the text means
	help   string        // what it is, for the line with the focus
	turn   func(by int)  // left and right
	wrong  func() string // why the line cannot stay so; nil: it can
	detail bool          // a parameter: the plan has said what it is
}

// openHand opens the dialog on the selected host, with the focus where nothing can happen.
func (m *root) openHand() tea.Cmd {
	s := &m.scene
	h := hand{attacks: slices.Clone(s.Attacks), shapes: s.Shapes, roster: s.Roster, marked: m.roster.marked(), groupBy: s.Hosts.GroupBy, status: s.status}
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
			h.params = append(h.params, param{engine.ShapeParam{Name: name, Value: a.Params[name]}, field{text: a.Params[name]}, name})
		}
		return
	}
	for _, p := range shape.Params {
		h.params = append(h.params, param{p, field{text: p.Value}, label(p.Name, shape.Parts)})
	}
}

// label is the name of a parameter as people say it: c2_load of a compound attack is that of its second part.
func label(name string, parts []string) string {
	for i, part := range parts {
		if own, of := strings.CutPrefix(name, fmt.Sprintf("c%d_", i+1)); of {
			return fmt.Sprintf("%d %s %s", i+1, part, own)
		}
	}
	return name
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
	switch host, known := h.roster.Find(text); {
	case text == markedWord && len(h.marked) > 0:
		h.target = h.given(h.marked)
	case known && host.Barred != "":
		h.target = h.given([]string{text})
		h.target.trouble = text + " is kept out by the configuration: " + host.Barred
	case known:
		h.target = h.given([]string{text})
	default:
		h.target = h.drawn(engine.Selector(strings.Fields(text)))
	}
}

// given is a target that is named host by host.
func (h *hand) given(names []string) target {
	t := target{named: names, size: len(names)}
	var hosts []engine.Host
	spared := 0
	for _, name := range names {
		host, known := h.roster.Find(name)
		if hosts = append(hosts, host); known && !h.attack().Hosts.Selects(host) {
			spared++
		}
	}
	switch {
	case spared > 0 && len(names) == 1:
		t.trouble = h.onlyFor() + ", and " + names[0] + " is not among them"
	case spared > 0:
		t.trouble = h.onlyFor() + ", and " + thousands(spared) + " of these are not among them"
	}
	h.weigh(&t, hosts)
	return t
}

// onlyFor says whom the plan has the attack for.
func (h *hand) onlyFor() string {
	return "the plan has " + h.attack().Name + " for " + strings.Join(h.attack().Hosts, " ") + " alone"
}

// drawn is a target of which chance chooses.
func (h *hand) drawn(within engine.Selector) target {
	t := target{within: within}
	if err := within.Check(); err != nil {
		t.trouble = err.Error()
		return t
	}
	var hosts []engine.Host
	spared := 0
	for _, host := range h.roster.Hosts() {
		switch {
		case host.Barred != "" || !within.Selects(host):
		case !h.attack().Hosts.Selects(host):
			spared++
		default:
			hosts = append(hosts, host)
		}
	}
	t.size = len(hosts)
	switch {
	case t.size == 0 && spared > 0:
		t.trouble = h.onlyFor() + ", and none of these is among them"
	case t.size == 0:
		t.trouble = "no host matches; write a name, web-*, group:NAME or tag:NAME=VALUE"
	}
	h.weigh(&t, hosts)
	return t
}

// statesMost is how many hosts are looked at one by one; more would be felt at every key.
const statesMost = 5000

// weigh counts in which groups and states the hosts are.
func (h *hand) weigh(t *target, hosts []engine.Host) {
	if h.sizes == nil {
		h.sizes = map[string]int{}
		for _, host := range h.roster.Hosts() {
			for _, g := range h.groupsOf(host) {
				h.sizes[g]++
			}
		}
	}
	meant := map[string]int{}
	for _, host := range hosts {
		for _, g := range h.groupsOf(host) {
			meant[g]++
		}
	}
	for g, n := range meant {
		t.groups = append(t.groups, portion{g, n, h.sizes[g]})
	}
	slices.SortFunc(t.groups, func(a, b portion) int {
		return cmp.Or(cmp.Compare(b.meant*a.all, a.meant*b.all), cmp.Compare(b.meant, a.meant), strings.Compare(a.group, b.group))
	})
	if len(hosts) > statesMost {
		return
	}
	t.states = map[engine.HostStatus]int{}
	for _, host := range hosts {
		status, _ := h.status(host.Name)
		t.states[status]++
	}
}

// groupsOf are the groups that the limits count, as the engine does.
func (h *hand) groupsOf(host engine.Host) []string {
	if h.groupBy == "" {
		return host.Groups
	}
	if value, has := host.Tags[h.groupBy]; has {
		return []string{value}
	}
	return nil
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

const hostsHelp = "left and right offer groups; or a name, web-*, group:NAME, tag:NAME=VALUE"

// lines are those of the form, from top to bottom.
func (h *hand) lines() []handLine {
	n, tooMany := h.count()
	place := fmt.Sprintf("%d of %d", h.chosen+1, len(h.attacks))
	if h.forGood() {
		place += ", " + noUndo
	}
	lines := []handLine{
		{name: "Attack", shown: h.attack().Name, note: place, help: "left and right choose", turn: h.choose},
		{name: "Hosts", field: &h.hosts, note: h.target.note(h), help: hostsHelp, turn: h.suggest, wrong: func() string { return h.target.trouble }},
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
	l := handLine{name: p.label, field: &p.field, note: cmp.Or(p.Bounds, p.Help), help: p.Help, detail: true}
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
			return p.label + " must be given: " + l.note
		case len(p.Choices) > 0 && p.text != "" && !slices.Contains(p.Choices, p.text):
			return p.label + ": one of " + strings.Join(p.Choices, ", ")
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
	if h.hosts.text != before.hosts.text || h.chosen != before.chosen {
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

// why is what is wrong with the line; "" if nothing is.
func (l *handLine) why() string {
	if l.wrong == nil {
		return ""
	}
	return l.wrong()
}

// wrong is everything that stands against running it.
func (h *hand) wrong() string {
	var all []string
	for _, l := range h.lines() {
		if why := l.why(); why != "" {
			all = append(all, why)
		}
	}
	if len(all) > 0 {
		return strings.Join(all, "; ")
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
	if msg.err != nil && !waits(msg.err) {
		h.trouble, h.confirm.text = "not run: "+msg.err.Error(), ""
		return nil
	}
	m.mode = browsing
	m.roster.marks = nil
	if waits(msg.err) {
		m.say(m.look.strong, "it waits: "+msg.err.Error())
		return nil
	}
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
