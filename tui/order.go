package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// column is what the roster can be put in order by.
type column int

const (
	byName column = iota
	byState
	byLast
	byReach
	byGroups
	byZone
	sortable
)

// head is the heading of the column in the roster.
func (c column) head() string {
	return [...]string{"HOST", "STATE", "LAST ATTACK", "REACH", "GROUPS", "ZONE"}[c]
}

// order is the hosts of the roster by a column. It is made at once where the roster is small, and away from the
// event loop where it is not: a hundred thousand states take longer than a key may wait.
type order struct {
	by       column
	reversed bool
	hosts    []int32       // positions in the roster; nil: by name, or not known yet
	made     time.Time     // when it was asked for
	took     time.Duration // to make it
	underway bool
}

func (o *order) plain() bool { return o.by == byName && !o.reversed }

func (o *order) sign() string {
	if o.reversed {
		return "v"
	}
	return "^"
}

func (o *order) title() string {
	switch {
	case o.plain():
		return ""
	case o.hosts == nil:
		return "  sorting by " + o.by.head() + " ..."
	}
	return "  by " + o.by.head() + " " + o.sign()
}

// among puts some of the hosts into the order; they come by position.
func (o *order) among(some []int32) []int32 {
	wanted := make([]bool, len(o.hosts))
	for _, host := range some {
		wanted[host] = true
	}
	rows := make([]int32, 0, len(some))
	for _, host := range o.hosts {
		if wanted[host] {
			rows = append(rows, host)
		}
	}
	return rows
}

// orderedHostsMsg brings an order that took its time.
type orderedHostsMsg struct {
	source *engine.Roster
	by     column
	rev    bool
	hosts  []int32
	took   time.Duration
}

const (
	atOnce     = 2000 // hosts that are put in order without leaving the event loop
	reorderAt  = time.Second
	aTwentieth = 20 // the order is made anew after so many times what it took: a twentieth of a core at most
)

// sortBy changes the column or the direction.
func (m *root) sortBy(change func(*order)) tea.Cmd {
	r := &m.roster
	change(&r.order)
	r.order.hosts, r.order.made, r.order.underway = nil, time.Time{}, false
	m.say(m.look.strong, "hosts are in order of "+r.order.by.head()+" "+r.order.sign())
	cmd := m.reorder()
	r.line()
	return cmd
}

func (m *root) nextColumn() tea.Cmd {
	return m.sortBy(func(o *order) { o.by, o.reversed = (o.by+1)%sortable, false })
}

func (m *root) reverse() tea.Cmd { return m.sortBy(func(o *order) { o.reversed = !o.reversed }) }

// reorder makes the order anew when it is due. Rows do not move while somebody is moving among them.
func (m *root) reorder() tea.Cmd {
	o, now := &m.roster.order, m.options.Wall()
	late := o.made.IsZero() || o.hosts == nil ||
		now.Sub(o.made) >= max(reorderAt, aTwentieth*o.took) && (m.moved.IsZero() || now.Sub(m.moved) >= reader)
	if o.plain() || o.underway || !late || m.roster.source.Len() == 0 {
		return nil
	}
	o.made = now
	work := sorting{m.roster.source, m.scene, o.by, o.reversed}
	if m.roster.source.Len() <= atOnce {
		o.hosts = work.do()
		m.roster.line()
		return nil
	}
	o.underway = true
	return func() tea.Msg {
		defer m.end.guard("sorting hosts")
		began := time.Now()
		hosts := work.do()
		return orderedHostsMsg{work.source, work.by, work.reversed, hosts, time.Since(began)}
	}
}

// sorted takes over an order, unless the person has chosen another since or the roster has changed.
func (m *root) sorted(msg orderedHostsMsg) tea.Cmd {
	o := &m.roster.order
	o.underway, o.took = false, msg.took
	if msg.source != m.roster.source || msg.by != o.by || msg.rev != o.reversed {
		return m.reorder()
	}
	o.hosts = msg.hosts
	m.roster.line()
	return nil
}

// sorting is all that is needed to put hosts in order, none of which changes meanwhile.
type sorting struct {
	source   *engine.Roster
	scene    scene
	by       column
	reversed bool
}

// key is what a host is compared by: a number, then a word; hosts that are alike stand by name.
type sortKey struct {
	number int64
	word   string
	host   int32
}

func (w sorting) do() []int32 {
	keys := make([]sortKey, w.source.Len())
	for i := range keys {
		keys[i] = w.key(w.source.At(i))
		keys[i].host = int32(i)
	}
	slices.SortFunc(keys, func(a, b sortKey) int {
		c := cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.word, b.word))
		if w.reversed {
			c = -c
		}
		if w.by == byName && w.reversed {
			return cmp.Compare(b.host, a.host)
		}
		return cmp.Or(c, cmp.Compare(a.host, b.host))
	})
	hosts := make([]int32, len(keys))
	for i, k := range keys {
		hosts[i] = k.host
	}
	return hosts
}

// urgency is the order of states: what needs a person comes first.
var urgency = []engine.HostStatus{engine.HostResidue, engine.HostAttacking, engine.HostUnreachable, engine.HostUnfit,
	engine.HostKept, engine.HostClosed, engine.HostCooldown, engine.HostExcluded, engine.HostReady}

const never = 1 << 62

func (w sorting) key(h engine.Host) (k sortKey) {
	switch w.by {
	case byState:
		status, _ := w.scene.status(h.Name)
		k.number = int64(slices.Index(urgency, status))
	case byLast: // the latest first
		k.number = never
		if a, was := w.scene.Hosts.Attacked[h.Name]; was {
			k.number = -a.At.Unix()
		}
	case byReach: // who does not answer first, then the slowest
		seen, looked := w.scene.Survey.Find(h.Name)
		switch {
		case !looked:
			k.number = never
		case seen.Unreachable != "":
			k.number = -never
		default:
			k.number = -int64(seen.RoundTrip)
		}
	case byGroups:
		k.word = strings.Join(h.Groups, ",")
	case byZone:
		k.word = h.Tags["zone"]
	}
	return k
}

// The marks: hosts by name, for what is done to several of them. They stay with their hosts, and go with them.

func (r *roster) forgetMarks() {
	for name := range r.marks {
		if !r.known(name) {
			delete(r.marks, name)
		}
	}
}

// mark marks the selected host or takes its mark away, and goes on to the next.
func (m *root) mark() tea.Cmd {
	r := &m.roster
	if m.focus != onRoster || m.mode != browsing {
		m.moveFocused(pageDown)
		return nil
	}
	if r.selected == "" {
		m.say(m.look.warn, "no host is selected: j and k select")
		return nil
	}
	if r.marks == nil {
		r.marks = map[string]bool{}
	}
	if r.marks[r.selected] {
		delete(r.marks, r.selected)
	} else {
		r.marks[r.selected] = true
	}
	m.moveFocused(lineDown)
	return nil
}

// marked are the hosts with a mark, by name.
func (r *roster) marked() []string {
	names := make([]string, 0, len(r.marks))
	for name := range r.marks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
