package tui

import (
	"cmp"
	"fmt"
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

	needle string  // normal words that a host must all have; "" shows every host
	index  index   // what the needle is looked for in; made when first needed
	rows   []int32 // positions in the roster that the needle found; meaningless without one

	selected  string // name of the host under the cursor
	displaced string // the host that a filter took the selection from; it goes back as soon as it can
	led       string // the host of an attack that has begun: it is kept in view, and the cursor need not be
	cursor    int    // its row
	top       int    // first row shown
	shown     int    // how many rows were, last time
}

// learn takes over a new roster. The cursor stays with its host; if the host has left the inventory the
// cursor stays in its place with nothing selected, so that no key acts on a host that slid under it. The
// command makes the roster searchable, away from the event loop; who searches earlier waits for it.
func (r *roster) learn(source *engine.Roster, version uint64) tea.Cmd {
	if r.source == source && r.version == version {
		return nil
	}
	first := r.source.Len() == 0
	r.source, r.version, r.index = source, version, index{}
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
		among = r.rows // more was typed: only hosts that are still there can match
	}
	r.needle, r.led = needle, ""
	r.sift(among)
}

// sift finds the rows anew and follows the selected host to its new row.
func (r *roster) sift(among []int32) {
	r.rows = nil
	if r.needle != "" {
		if r.index.empty() {
			r.index = newIndex(r.source.Hosts())
		}
		r.rows = r.index.findAll(strings.Fields(r.needle), among)
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
	if r.needle == "" {
		return r.source.Len()
	}
	return len(r.rows)
}

// at is the host in a row.
func (r *roster) at(row int) engine.Host {
	if r.needle != "" {
		row = int(r.rows[row])
	}
	return r.source.At(row)
}

// rowOf is the row of a host. The rows are in the order of the names.
func (r *roster) rowOf(name string) (int, bool) {
	row := sort.Search(r.count(), func(i int) bool { return r.at(i).Name >= name })
	return row, row < r.count() && r.at(row).Name == name
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
	columns := hostColumns(w)
	if h >= 3 {
		p.rows = append(p.rows, hostHeads(k, columns, w))
	}
	r.shown = max(0, h-len(p.rows))
	r.top = max(0, min(r.top, r.count()-r.shown))
	seen := r.cursor
	if row, found := r.rowOf(r.led); found && r.led != "" {
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
		p.rows = append(p.rows, k.newLine(w).put(k.warn, "   no host matches; Esc clears the filter").String())
	}
	return p
}

// wants is how many lines the pane could fill. A filter does not change it: panes that jump while
// somebody types cannot be read.
func (r *roster) wants() int { return 1 + r.source.Len() }

func (r *roster) title(s *scene) string {
	title := "2 Hosts"
	if s.known {
		title += fmt.Sprintf("  %s eligible", thousands(s.Eligible))
	}
	if r.needle != "" {
		title += fmt.Sprintf("  /%s  %s/%s", r.needle, thousands(r.count()), thousands(r.source.Len()))
	}
	return title
}

// hostColumn is one column of the roster.
type hostColumn struct {
	head  string
	width int
	cell  func(k *look, s *scene, h engine.Host) (string, ink)
}

// hostColumns are the columns that have room, in the order in which they stand.
func hostColumns(w int) []hostColumn {
	room := w - 3
	host := hostColumn{"HOST", max(16, min(36, room*20/100)), nameCell}
	state := hostColumn{"STATE", 13, stateCell}
	groups := hostColumn{"GROUPS", max(8, min(20, room*11/100)), groupsCell}
	zone := hostColumn{"ZONE", max(6, min(14, room*7/100)), zoneCell}
	last := hostColumn{"LAST ATTACK", max(12, min(24, room*15/100)), lastCell}
	why := hostColumn{"NOTE", 0, whyCell}
	columns := []hostColumn{host, groups, zone, state, last, why}
	if w < 70 {
		columns = []hostColumn{host, groups, state, why}
	}
	used := 0
	for _, c := range columns {
		used += c.width + 1
	}
	columns[len(columns)-1].width = max(0, room-used)
	return columns
}

func hostHeads(k *look, columns []hostColumn, w int) string {
	l := k.newLine(w).to(3)
	for _, c := range columns {
		l.cell(k.dim, c.head, c.width)
	}
	return l.String()
}

func (r *roster) hostRow(k *look, s *scene, columns []hostColumn, h engine.Host, w int) string {
	l := k.newLine(w)
	if h.Name == r.selected {
		l = k.row(w, k.selected).put(ink{}, " "+k.pick)
	}
	l.to(3)
	for _, c := range columns {
		text, in := c.cell(k, s, h)
		l.cell(in, text, c.width)
	}
	return l.String()
}

func nameCell(_ *look, _ *scene, h engine.Host) (string, ink) { return h.Name, ink{} }
func groupsCell(_ *look, _ *scene, h engine.Host) (string, ink) {
	return strings.Join(h.Groups, ","), ink{}
}
func zoneCell(_ *look, _ *scene, h engine.Host) (string, ink) { return h.Tags["zone"], ink{} }

func stateCell(k *look, s *scene, h engine.Host) (string, ink) {
	status, _ := s.Host(h.Name)
	glyph, in := k.host(status)
	return glyph + " " + string(status), in
}

func lastCell(_ *look, s *scene, h engine.Host) (string, ink) {
	a, was := s.Hosts.Attacked[h.Name]
	if !was {
		return "-", ink{}
	}
	return a.Attack + " " + span(s.now.Sub(a.At)), ink{}
}

func whyCell(k *look, s *scene, h engine.Host) (string, ink) {
	_, why := s.Host(h.Name)
	if x, out := s.Hosts.Excluded[h.Name]; out && !x.Until.IsZero() {
		why += ", until " + s.at(x.Until)
	}
	return why, k.dim
}
