package tui

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// roster is the pane of hosts. It draws the rows that are seen and touches no others, so that it does not
// matter how many there are; and its selection is a host, not a row.
type roster struct {
	source  *engine.Roster
	version uint64

	needle string          // normal words that a host must all have; "" shows every host
	index  index           // what the needle is looked for in; made when first needed
	found  []int32         // positions in the roster that the needle found; meaningless without one
	rows   []int32         // positions in the roster as they are shown; nil: all of it, by name
	order  order           // by which they are shown
	marks  map[string]bool // hosts that are marked, by name

	selected  string // name of the host under the cursor
	displaced string // the host that a filter took the selection from; it goes back as soon as it can
	led       string // the host of an attack that has begun: it is kept in view, and the cursor need not be
	cursor    int    // its row
	top       int    // first row shown
	shown     int    // how many rows were, last time
	headless  int    // 1 where there was no room for the heads of the columns
}

// learn takes over a new roster. The cursor stays with its host; if the host has left the inventory the
// cursor stays in its place with nothing selected, so that no key acts on a host that slid under it. The
// command makes the roster searchable, away from the event loop; who searches earlier waits for it.
func (r *roster) learn(source *engine.Roster, version uint64) tea.Cmd {
	if r.source == source && r.version == version {
		return nil
	}
	first := r.source.Len() == 0
	r.source, r.version, r.index, r.order.hosts = source, version, index{}, nil
	r.forgetMarks()
	r.sift(nil)
	if first {
		r.place(0)
	}
	return func() tea.Msg { return indexedMsg{source, newIndex(source.Hosts())} }
}

func (r *roster) indexed(msg indexedMsg) {
	if msg.source == r.source && r.index.empty() {
		r.index = msg.index
	}
}

// filter shows the hosts that contain every word of the text in name, address, groups or tags.
func (r *roster) filter(text string) {
	needle := normal(text)
	if needle == r.needle {
		return
	}
	var among []int32
	if r.needle != "" && strings.Contains(needle, r.needle) {
		among = r.found // more was typed: only hosts that are still there can match
	}
	r.needle, r.led = needle, ""
	r.sift(among)
}

// sift finds the rows anew and follows the selected host to its new row.
func (r *roster) sift(among []int32) {
	r.found = nil
	if r.needle != "" {
		if r.index.empty() {
			r.index = newIndex(r.source.Hosts())
		}
		r.found = r.index.findAll(strings.Fields(r.needle), among)
	}
	r.line()
}

// line puts what was found into its order.
func (r *roster) line() {
	switch {
	case r.order.hosts == nil && r.needle == "":
		r.rows = nil
	case r.order.hosts == nil:
		r.rows = r.found
	case r.needle == "":
		r.rows = r.order.hosts
	default:
		r.rows = r.order.among(r.found)
	}
	if row, found := r.rowOf(r.displaced); found && r.displaced != "" {
		r.place(row)
	}
	row, found := r.rowOf(r.selected)
	switch {
	case found:
		r.cursor = row
	case r.needle != "" && r.count() > 0 && r.known(r.selected):
		was := cmp.Or(r.displaced, r.selected) // the person typed the selected host away
		r.place(0)
		r.displaced = was
	default:
		r.selected = ""
		r.cursor = max(0, min(r.cursor, r.count()-1))
	}
}

func (r *roster) known(name string) bool {
	_, known := r.source.Find(name)
	return known
}

func (r *roster) count() int {
	if r.rows == nil && r.needle == "" {
		return r.source.Len()
	}
	return len(r.rows)
}

// at is the host in a row.
func (r *roster) at(row int) engine.Host {
	if r.rows != nil {
		row = int(r.rows[row])
	}
	return r.source.At(row)
}

// rowOf is the row of a host: without another order the rows are in that of the names.
func (r *roster) rowOf(name string) (int, bool) {
	if name == "" {
		return 0, false
	}
	if r.order.hosts == nil {
		row := sort.Search(r.count(), func(i int) bool { return r.at(i).Name >= name })
		return row, row < r.count() && r.at(row).Name == name
	}
	host := sort.Search(r.source.Len(), func(i int) bool { return r.source.At(i).Name >= name })
	row := slices.Index(r.rows, int32(host))
	return max(0, row), row >= 0 && r.at(row).Name == name
}

// place puts the cursor on a row, and the selection on its host.
func (r *roster) place(row int) {
	r.cursor, r.selected, r.displaced = 0, "", ""
	if r.count() > 0 {
		r.cursor = max(0, min(row, r.count()-1))
		r.selected = r.at(r.cursor).Name
	}
}

func (r *roster) move(m motion) {
	r.led = ""
	r.place(m.apply(r.cursor, r.shown, r.count()-1))
}

func (r *roster) view(k *look, s *scene, box rect) pane {
	w, h := box.w-2, box.h-2
	p := pane{title: r.title(s)}
	columns := hostColumns(w, s.Survey != nil)
	if h >= 3 {
		p.rows = append(p.rows, r.hostHeads(k, columns, w))
	}
	r.headless = 1 - len(p.rows)
	r.shown = max(0, h-len(p.rows))
	r.top = max(0, min(r.top, r.count()-r.shown))
	seen := r.cursor
	if row, found := r.rowOf(r.led); found {
		seen = row
	}
	r.top = min(max(r.top, seen-r.shown+1), seen)
	end := min(r.count(), r.top+r.shown)
	for row := r.top; row < end; row++ {
		p.rows = append(p.rows, r.hostRow(k, s, columns, r.at(row), w))
	}
	if r.count() > 0 {
		p.note = fmt.Sprintf("%s-%s of %s", thousands(r.top+1), thousands(end), thousands(r.count()))
	} else if s.known {
		p.rows = append(p.rows, k.fill([]remark{{k.warn, r.whyEmpty()}}, w, h-len(p.rows))...)
	}
	return p
}

func (r *roster) whyEmpty() string {
	if r.source.Len() == 0 {
		return "There are no hosts: the inventory is empty. From any shell: chaoscat hosts; and see [[inventory]] in chaoscat.toml"
	}
	return "no host matches; Esc clears the filter"
}

// wants is how many lines the pane could fill. A filter does not change it: panes that jump while
// somebody types cannot be read.
func (r *roster) wants() int { return 1 + r.source.Len() }

func (r *roster) title(s *scene) string {
	title := "2 Hosts"
	if s.known {
		title += fmt.Sprintf("  %s of %s eligible", thousands(s.Eligible), thousands(s.Total))
	}
	if s.lost && s.known {
		title += "  as of " + s.at(s.At)
	}
	if r.needle != "" {
		title += fmt.Sprintf("  /%s  %s/%s", r.needle, thousands(r.count()), thousands(r.source.Len()))
	}
	if n := len(r.marks); n > 0 {
		title += fmt.Sprintf("  %s marked", thousands(n))
	}
	return title + r.order.title()
}

// hostColumn is one column of the roster.
type hostColumn struct {
	head  string
	width int
	cell  func(k *look, s *scene, h shownHost) (string, ink)
}

// shownHost is a host in a row, with what is known of it, found once for all columns.
type shownHost struct {
	engine.Host
	status engine.HostStatus
	why    string
	seen   engine.Sighting
	looked bool // the background look has been there
	room   int  // of the column
}

// hostColumns are the columns that have room, in the order in which they stand. How a host is reached is shown
// where somebody looks; what it has, on wide screens.
func hostColumns(w int, surveyed bool) []hostColumn {
	room := w - 3
	host := hostColumn{"HOST", max(16, min(36, room*20/100)), nameCell}
	state := hostColumn{"STATE", 13, stateCell}
	groups := hostColumn{"GROUPS", max(8, min(20, room*11/100)), groupsCell}
	zone := hostColumn{"ZONE", max(6, min(14, room*7/100)), zoneCell}
	last := hostColumn{"LAST ATTACK", max(12, min(24, room*15/100)), lastCell}
	reach := hostColumn{"REACH", 13, reachCell}
	has := hostColumn{"FACTS", max(24, min(40, room*17/100)), factsCell}
	why := hostColumn{"NOTE", 0, whyCell}
	columns := []hostColumn{host, groups, zone, state, last, why}
	switch {
	case w < 70:
		columns = []hostColumn{host, groups, state, why}
	case surveyed && w < twoColumns:
		reach.width, groups.width = 11, 6
		columns = []hostColumn{host, groups, state, reach, last, why}
	case surveyed && w < allColumns:
		columns = []hostColumn{host, groups, zone, state, reach, last, why}
	case surveyed:
		columns = []hostColumn{host, groups, zone, state, reach, has, last, why}
	}
	used := 0
	for _, c := range columns {
		used += c.width + 1
	}
	columns[len(columns)-1].width = max(0, room-used)
	return columns
}

// hostHeads are the names of the columns; that by which the rows are in order has a sign for the direction.
func (r *roster) hostHeads(k *look, columns []hostColumn, w int) string {
	l := k.newLine(w).to(3)
	for _, c := range columns {
		head := c.head
		if head == r.order.by.head() && (r.order.by != byName || r.order.reversed) {
			head += " " + r.order.sign()
		}
		l.cell(k.dim, head, c.width)
	}
	return l.String()
}

func (r *roster) hostRow(k *look, s *scene, columns []hostColumn, h engine.Host, w int) string {
	l := k.newLine(w)
	if h.Name == r.selected {
		l = k.row(w, k.selected).put(ink{}, " "+k.pick)
	}
	if r.marks[h.Name] {
		l.to(2).put(k.strong, k.marked)
	}
	l.to(3)
	row := shownHost{Host: h}
	row.status, row.why = s.status(h.Name)
	row.seen, row.looked = s.Survey.Find(h.Name)
	for _, c := range columns {
		row.room = c.width
		text, in := c.cell(k, s, row)
		l.cell(in, text, c.width)
	}
	return l.String()
}

func nameCell(_ *look, _ *scene, h shownHost) (string, ink) { return h.Name, ink{} }
func groupsCell(_ *look, _ *scene, h shownHost) (string, ink) {
	return strings.Join(h.Groups, ","), ink{}
}
func zoneCell(_ *look, _ *scene, h shownHost) (string, ink) { return h.Tags["zone"], ink{} }

func stateCell(k *look, _ *scene, h shownHost) (string, ink) {
	glyph, in := k.host(h.status)
	return glyph + " " + string(h.status), in
}

func lastCell(_ *look, s *scene, h shownHost) (string, ink) {
	a, was := s.Hosts.Attacked[h.Name]
	if !was {
		return "-", ink{}
	}
	text := a.Attack + " " + span(s.now.Sub(a.At))
	if len(text)+4 <= h.room {
		text += " ago"
	}
	return text, ink{}
}

func whyCell(k *look, s *scene, h shownHost) (string, ink) {
	why := h.why
	if x, out := s.Hosts.Excluded[h.Name]; out && !x.Until.IsZero() {
		why += ", until " + s.at(x.Until)
	}
	return why, k.dim
}
