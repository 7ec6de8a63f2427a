package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

// subject is what a sheet is about.
type subject int

const (
	ofNothing subject = iota
	ofEvents          // the durable records; it is drawn and used as the output is
	ofGates
	ofHost
	ofDraw
	ofPast
)

// sheet is a page over the panes, to read: it is written anew from the scene at every frame, so that what it
// tells is as fresh as the panes are. It keeps to the host or the draw that it was opened for.
type sheet struct {
	subject subject
	host    string
	draw    *engine.Draw
	top     int // first line shown
	shown   int
	length  int
}

func (m *root) open(s sheet) tea.Cmd {
	m.mode, m.sheet = viewing, s
	return nil
}

func (m *root) openEvents() tea.Cmd { return m.open(sheet{subject: ofEvents}) }

func (m *root) openGates() tea.Cmd { return m.open(sheet{subject: ofGates}) }

func (m *root) openPast() tea.Cmd { return m.open(sheet{subject: ofPast}) }

// details opens what there is to know of what is selected: a host, or the draw behind the next or running attack.
func (m *root) details() tea.Cmd {
	switch {
	case m.focus == onRoster && m.roster.selected != "":
		return m.open(sheet{subject: ofHost, host: m.roster.selected})
	case m.focus == onRoster:
		m.say(m.look.warn, "no host is selected: j and k select")
	case m.focus == onOutput:
		m.say(m.look.warn, "Enter tells about a host (2), or why it was drawn (1)")
	default:
		return m.openDraw()
	}
	return nil
}

// openDraw explains how the next attack came about, or the one that runs.
func (m *root) openDraw() tea.Cmd {
	d := m.scene.Next
	if len(m.scene.Running) > 0 {
		r := &m.scene.Running[0]
		if d = m.draws.find(cmp.Or(r.Of, r.ID)); d == nil {
			m.say(m.look.warn, "the draw of "+r.ID+" was not seen from here: chaoscat explain "+r.ID)
			return nil
		}
	}
	if d == nil {
		m.say(m.look.warn, "nothing is drawn: "+m.scene.Verdict.Sentence)
		return nil
	}
	return m.open(sheet{subject: ofDraw, draw: d})
}

// draws are the last ones that were seen, for the attacks that come of them.
type draws []*engine.Draw

const drawsKept = 100

func (d *draws) learn(draw *engine.Draw) {
	if draw == nil || d.find(draw.ID) == draw {
		return
	}
	*d = append(slices.DeleteFunc(*d, func(known *engine.Draw) bool { return known.ID == draw.ID }), draw)
	if len(*d) > drawsKept {
		*d = (*d)[1:]
	}
}

func (d draws) find(id string) *engine.Draw {
	for _, known := range d {
		if known.ID == id {
			return known
		}
	}
	return nil
}

// page is lines being written.
type page struct {
	look *look
	w    int
	rows []string
}

func (p *page) put(in ink, text string) *page {
	for _, line := range p.look.wrap(text, p.w-4, 20) {
		p.rows = append(p.rows, p.look.newLine(p.w).put(ink{}, "  ").put(in, line).String())
	}
	return p
}

func (p *page) head(text string) *page {
	if len(p.rows) > 0 {
		p.rows = append(p.rows, p.look.newLine(p.w).String())
	}
	p.rows = append(p.rows, p.look.newLine(p.w).put(ink{}, " ").put(p.look.strong, text).String())
	return p
}

// pair is a name and what it is, which goes on below itself.
func (p *page) pair(name, what string, in ink) *page {
	if what == "" {
		return p
	}
	const indent = 15
	for i, line := range p.look.wrap(what, p.w-indent-2, 20) {
		l := p.look.newLine(p.w).put(ink{}, "  ")
		if i == 0 {
			l.put(p.look.dim, name)
		}
		p.rows = append(p.rows, l.to(indent).put(in, line).String())
	}
	return p
}

// raw is a line whose characters keep their columns.
func (p *page) raw(in ink, text string) *page {
	p.rows = append(p.rows, p.look.newLine(p.w).put(in, text).String())
	return p
}

// sheetPane is the open sheet.
func (m *root) sheetPane(k *look, r rect) pane {
	if m.sheet.subject == ofEvents {
		return m.events.view(k, &m.scene, r)
	}
	title, rows := m.sheetRows(k, r.w-2)
	s := &m.sheet
	s.shown, s.length = r.h-2, len(rows)
	s.top = max(0, min(s.top, s.length-s.shown))
	p := pane{title: title, note: "Esc closes", rows: rows[s.top:]}
	if s.length > s.shown {
		p.title += fmt.Sprintf("  %d-%d of %d", s.top+1, min(s.length, s.top+s.shown), s.length)
	}
	return p
}

func (m *root) sheetRows(k *look, w int) (title string, rows []string) {
	p := &page{look: k, w: w}
	switch m.sheet.subject {
	case ofGates:
		title = "Gates"
		m.gatesPage(p)
	case ofHost:
		title = "Host " + m.sheet.host
		m.hostPage(p, m.sheet.host)
	case ofDraw:
		title = "Why " + m.sheet.draw.Host
		m.drawPage(p, m.sheet.draw)
	case ofPast:
		title = "Recent attacks"
		m.pastPage(p)
	}
	return title, p.rows
}

func (m *root) gatesPage(p *page) {
	k, s := p.look, &m.scene
	width := min(trendWidth, p.w-4)
	for _, g := range s.Gates {
		glyph, in := k.gate(g)
		age := "not asked yet"
		if !g.At.IsZero() {
			age = "asked " + span(s.now.Sub(g.At)) + " ago"
		}
		word := "clear"
		if !g.Clear {
			word = "NOT CLEAR"
		}
		kind := "health"
		if g.Kind == engine.OnCall {
			kind = "on call"
		}
		if s.lost {
			glyph, in, word, age = k.doubt, k.warn, "unknown", age+", no link for "+span(s.age)
		}
		p.head(g.Name).put(in, glyph+" "+word+", "+kind+", "+age).put(ink{}, g.Text)
		p.raw(ink{}, "  "+m.trend.curve(k, g.Name, s.now, width))
		if ran := m.trend.ran(k, s.now, width); ran != "" {
			p.raw(k.hot, "  "+ran)
		}
	}
	p.head("How to read this")
	p.put(ink{}, fmt.Sprintf("Each curve is the last %d minutes, now at its right end; from before this console looked on it has yes and no alone.", trendMinutes))
	p.put(ink{}, k.no+" is a no, "+k.levels[0]+" a yes; where a gate measures something the curve rises with it. "+k.fire+" below: an attack ran.")
	p.put(ink{}, "An attack begins only while every gate is clear, and ends early when one is not.")
}

// hostPage is everything that is known of a host.
func (m *root) hostPage(p *page, name string) {
	k, s := p.look, &m.scene
	h, known := s.Roster.Find(name)
	if !known {
		p.put(k.warn, name+" is not in the inventory any more.")
		return
	}
	status, why := s.status(name)
	glyph, in := k.host(status)
	p.put(in, strings.TrimSuffix(glyph+" "+string(status)+": "+why, ": "))
	for i := range s.Running {
		if r := s.Running[i]; r.Host.Name == name {
			p.head("Running now")
			p.rows = append(p.rows, m.attack.details(k, s, r, p.w, len(steps)+8)...)
		}
	}
	p.head("Where")
	p.pair("address", fmt.Sprintf("%s port %d", h.Address, h.Port), ink{}).pair("user", h.User, ink{}).pair("by way of", h.Jump, ink{})
	p.pair("groups", strings.Join(h.Groups, ", "), ink{}).pair("tags", tagList(h.Tags), ink{})
	m.reachPart(p, name)
	p.head("May it be attacked?")
	m.mayPart(p, h)
	p.head("Attacks that select it")
	m.attacksPart(p, h)
	p.head("Last attacks")
	m.endedPart(p, name)
}

func tagList(tags map[string]string) string {
	all := make([]string, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, name+"="+tags[name])
	}
	return strings.Join(all, ", ")
}

func (m *root) reachPart(p *page, name string) {
	k, s := p.look, &m.scene
	seen, looked := s.Survey.Find(name)
	p.head("Last look")
	if !looked {
		p.put(k.dim, "Nobody has looked at it since the engine started.")
		return
	}
	text, in := reached(k, seen)
	p.pair("reach", text+", "+span(s.now.Sub(seen.At))+" ago", in).pair("", seen.Unreachable, ink{})
	if seen.Facts != nil {
		p.pair("has", seen.Facts.Summary, ink{})
		p.pair("busy", seen.Facts.Busy, k.warn)
	}
}

// mayPart is what stands against an attack on the host, each with when it ends.
func (m *root) mayPart(p *page, h engine.Host) {
	k, s, against := p.look, &m.scene, 0
	say := func(name, what string, in ink) {
		against++
		p.pair(name, what, in)
	}
	if left, has := s.Hosts.Residue[h.Name]; has {
		say("residue", left.Text+" (since "+s.at(left.Since)+"); look, then run: "+s.shell("sweep --host "+h.Name), k.alarm)
	}
	if h.Barred != "" {
		say("configuration", h.Barred, k.warn)
	}
	if x, out := s.Hosts.Excluded[h.Name]; out {
		text := "excluded by " + x.By
		if x.Reason != "" {
			text += ": " + x.Reason
		}
		if !x.Until.IsZero() {
			text += ", until " + s.at(x.Until)
		}
		say("excluded", text, k.warn)
	}
	if a, was := s.Hosts.Attacked[h.Name]; was && s.now.Before(a.At.Add(s.Hosts.Cooldown)) {
		say("cooldown", fmt.Sprintf("until %s, after %s", s.at(a.At.Add(s.Hosts.Cooldown)), a.Attack), k.warn)
	}
	if f, looked := s.Hosts.Facts[h.Name]; looked && s.now.Before(f.At.Add(s.Hosts.FactsFor)) {
		if f.Unreachable != "" {
			say("out of reach", f.Unreachable, k.bad)
		}
		if f.Busy != "" {
			say("busy", f.Busy, k.warn)
		}
	}
	status, why := s.status(h.Name)
	switch {
	case against == 0 && status == engine.HostReady:
		p.put(k.good, k.yes+" Yes: nothing that is known of it stands against it.")
	case against == 0:
		p.put(k.warn, strings.TrimSpace(string(status)+": "+why))
	}
}

// attacksPart is what could be drawn there, with its chance once the host is drawn, and what takes an order.
func (m *root) attacksPart(p *page, h engine.Host) {
	k, s, sum := p.look, &m.scene, int64(0)
	facts := s.Hosts.Facts[h.Name]
	var drawn []engine.Attack
	var ordered []string
	for _, a := range s.Attacks {
		switch {
		case !a.Hosts.Selects(h):
		case facts.Infeasible[a.Name] != "":
			p.pair(k.shorten(a.Name, 12), k.no+" not here: "+facts.Infeasible[a.Name], k.warn)
		case a.Weight == 0:
			ordered = append(ordered, a.Name)
		default:
			drawn, sum = append(drawn, a), sum+a.Weight
		}
	}
	for _, a := range drawn {
		p.pair(k.shorten(a.Name, 12), fmt.Sprintf("%.0f%% when this host is drawn (weight %d of %d), for %s", 100*float64(a.Weight)/float64(sum), a.Weight, sum, engine.Span(a.For)), ink{})
	}
	p.pair("by order", strings.Join(ordered, ", "), k.dim)
	if len(drawn)+len(ordered) == 0 {
		p.put(k.dim, "None of the plan that is feasible there.")
	}
}

func (m *root) endedPart(p *page, name string) {
	k, s, any := p.look, &m.scene, false
	for _, r := range m.past.of(name) {
		any = true
		glyph, in := k.outcome(*r.Outcome)
		effect, undo := brieflyEnded(*r.Outcome)
		text := glyph + " " + r.Attack + ", " + effect + " " + undo
		if what := cmp.Or(r.Outcome.Figures.Text, r.Outcome.Detail); what != "" {
			text += ": " + what
		}
		p.pair(s.at(r.At), text, in)
	}
	if !any {
		p.put(k.dim, "None among the records that this console has read; all of them: chaoscat history")
	}
}

// pastShown is how many outcomes the page of them has.
const pastShown = 200

// pastPage is the last outcomes with what was measured, newest first, for screens on which their pane has no room.
func (m *root) pastPage(p *page) {
	k, s, n := p.look, &m.scene, 0
	for _, r := range slices.Backward(m.past.ended) {
		if n++; n > pastShown {
			p.put(k.dim, "Older ones: chaoscat history")
			return
		}
		glyph, in := k.outcome(*r.Outcome)
		effect, undo := brieflyEnded(*r.Outcome)
		text := strings.TrimSpace(glyph + " " + r.Attack + " on " + r.Host + ": " + effect + " " + undo)
		if what := cmp.Or(r.Outcome.Figures.Text, r.Outcome.Detail); what != "" {
			text += ", " + what
		}
		p.pair(s.at(r.At), text, in)
	}
	if n == 0 {
		p.put(k.dim, "None among the records that this console has read; all of them: chaoscat history")
	}
}

// drawPage tells how host and attack were drawn, so that it can be said aloud in a review.
func (m *root) drawPage(p *page, d *engine.Draw) {
	k, s := p.look, &m.scene
	p.put(k.strong, d.Attack+" on "+drawnOn(d))
	p.pair("drawn", s.at(d.At)+", id "+d.ID, ink{})
	if o := d.Order; o != nil {
		p.pair("ordered", "by "+o.By+" ("+o.Door+")", ink{}).pair("", o.Reason, ink{})
	}
	p.head("1  Who could be hit")
	p.pair("pool", plural(d.Pool, "host")+" that the configuration lets in", ink{})
	p.pair("kept out", plural(d.KeptOut(), "host")+" just then", ink{})
	for _, reason := range blockedBy(s, d.Blocked) {
		p.pair("", reason, k.dim)
	}
	if d.Order != nil && len(d.Order.Within) > 0 {
		p.pair("ordered", "only hosts in "+inWords(d.Order.Within), ink{})
	}
	p.pair("eligible", plural(d.Eligible, "host")+", each as likely as any other", ink{})
	p.head("2  Which host")
	switch {
	case d.Kept:
		p.put(ink{}, d.Host+" was kept from the draw before: only the attack was drawn again, because the first was not feasible there.")
	case d.Order != nil && len(d.Order.Targets()) > 0:
		p.put(ink{}, drawnOn(d)+", because the order names it.")
	default:
		p.put(ink{}, fmt.Sprintf("The dice said %s of %s, counted from 1 by name: %s.", thousands(d.Pick+1), thousands(d.Eligible), d.Host))
		if n := len(d.Hosts); n > 1 {
			p.put(ink{}, fmt.Sprintf("%s more were drawn in the same way from those that were left.", thousands(n-1)))
		}
	}
	if n := len(d.Passed); n > 0 {
		p.put(ink{}, fmt.Sprintf("Passed over, since a limit of their group kept them out: %s.", someOf(d.Passed, 5)))
	}
	p.head("3  Which attack")
	m.weightsPart(p, d)
	m.leftOutPart(p, d)
	p.head("Again")
	p.pair("dice", fmt.Sprintf("%016x", d.Draw), ink{}).pair("pool hash", d.PoolHash, ink{})
	p.put(k.dim, "The same dice and pool give the same draw: chaoscat explain "+d.ID)
}

// inWords is selectors as people write them.
func inWords(all []engine.Selector) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = strings.Join(s, " ")
	}
	return strings.Join(words, " and in ")
}

func drawnOn(d *engine.Draw) string {
	if len(d.Hosts) > 1 {
		return fmt.Sprintf("%s hosts (%s)", thousands(len(d.Hosts)), someOf(d.Hosts, 3))
	}
	return d.Host
}

func someOf(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %s more", thousands(len(names)-most))
}

func (m *root) weightsPart(p *page, d *engine.Draw) {
	k, sum := p.look, int64(0)
	for _, w := range d.Weights {
		sum += w
	}
	switch o := d.Order; {
	case o != nil && o.Attack != "":
		p.put(ink{}, d.Attack+", because the order names it.")
		return
	case d.Taken:
		p.put(ink{}, "The order took the attack that the schedule had drawn.")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Weights)) {
		mark, in, chance := " ", ink{}, ""
		if name == d.Attack {
			mark, in = k.pick, k.strong
		}
		if w := d.Weights[name]; sum > 0 {
			chance = fmt.Sprintf("weight %d of %d, %.0f%%", w, sum, 100*float64(w)/float64(sum))
		}
		l := k.newLine(p.w).put(in, " "+mark+" ").cell(in, name, 18).put(in, chance)
		p.rows = append(p.rows, l.String())
	}
	if len(d.Weights) == 1 {
		p.put(k.dim, "It was the only one that could be carried out there.")
	}
	if w := d.Weights[d.Attack]; sum > 0 && d.Order == nil && !d.Kept && d.Eligible > 0 {
		p.put(k.dim, fmt.Sprintf("So the chance of exactly this was 1 in %s times %d in %d: %.2g %%.", thousands(d.Eligible), w, sum, 100*float64(w)/float64(sum)/float64(d.Eligible)))
	}
}

// leftOutPart is the attacks of the plan that select the host and were not among those weighed, each with why.
func (m *root) leftOutPart(p *page, d *engine.Draw) {
	host, known := m.scene.Roster.Find(d.Host)
	if !known || d.Order != nil && d.Order.Attack != "" {
		return
	}
	var reasons []string
	byOrder := 0
	for _, a := range m.scene.Attacks {
		_, weighed := d.Weights[a.Name]
		why := m.scene.Hosts.Facts[d.Host].Infeasible[a.Name]
		switch {
		case weighed || !a.Hosts.Selects(host):
		case a.Weight == 0 || !a.Reversible:
			byOrder++
		case why != "":
			reasons = append(reasons, a.Name+" ("+why+")")
		}
	}
	if len(reasons) > 0 {
		p.pair("not there", strings.Join(reasons, ", "), ink{})
	}
	if byOrder > 0 {
		p.pair("by order", plural(byOrder, "more attack")+" of the plan, which the schedule never draws", p.look.dim)
	}
}

// blockedBy counts the hosts that were kept out by what keeps them out now: the reason of that moment is not
// recorded, and it rarely changes while an attack is next.
func blockedBy(s *scene, blocked []string) []string {
	counts, first := map[engine.HostStatus]int{}, map[engine.HostStatus]string{}
	for _, name := range blocked {
		status, _ := s.status(name)
		if counts[status]++; counts[status] == 1 {
			first[status] = name
		}
	}
	var reasons []string
	for _, status := range urgency {
		switch n := counts[status]; {
		case n == 0:
		case status == engine.HostReady:
			reasons = append(reasons, plural(n, "host")+" ready again since ("+first[status]+")")
		case status == engine.HostKept:
			_, why := s.status(first[status])
			reasons = append(reasons, fmt.Sprintf("%s that a limit keeps free (%s: %s)", plural(n, "host"), first[status], why))
		case n == 1:
			reasons = append(reasons, first[status]+" "+string(status))
		default:
			reasons = append(reasons, fmt.Sprintf("%s %s (%s and others)", thousands(n), status, first[status]))
		}
	}
	return reasons
}

// of is what ended on a host, newest first.
func (p *past) of(host string) (records []engine.Record) {
	for _, r := range slices.Backward(p.ended) {
		if r.Host == host {
			records = append(records, r)
		}
		if len(records) == 10 {
			break
		}
	}
	return records
}

// endedKept is how many outcomes are remembered for the details of hosts.
const endedKept = 5000

func (p *past) keep(r engine.Record) {
	if r.Kind != engine.Closed || r.Outcome == nil {
		return
	}
	if p.ended = append(p.ended, r); len(p.ended) > endedKept+endedKept/4 {
		p.ended = slices.Clone(p.ended[len(p.ended)-endedKept:])
	}
}

// durable tells a record that the journal keeps from what a host printed.
func durable(r engine.Record) bool { return r.Kind != engine.Line }

// textOf is rows as a person would copy them: without colours and without the blanks at their ends.
func textOf(rows []string) string {
	var all strings.Builder
	for _, row := range rows {
		all.WriteString(strings.TrimRight(ansi.Strip(row), " ") + "\n")
	}
	return all.String()
}

// stamp is a moment as it stands in a file.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }
