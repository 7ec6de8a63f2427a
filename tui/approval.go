package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// Orders that wait for other people: an attack that several must want was ordered by one.

func morePeople(n int) string {
	if n == 1 {
		return "1 more person"
	}
	return thousands(n) + " more people"
}

// ordered is what an order would attack: "cpu on web-1", "cpu on 20 % of group:web, left to chance".
func ordered(o engine.Order) string {
	if named := o.Targets(); len(named) == 1 {
		return o.Attack + " on " + named[0]
	} else if len(named) > 1 {
		return onHosts(o.Attack, len(named)) + ": " + someOf(named, 3)
	}
	many := plural(max(1, o.Count), "host")
	if o.Percent > 0 {
		many = fmt.Sprintf("%d %% of the hosts", o.Percent)
	}
	for _, within := range o.Within {
		many += " of " + strings.Join(within, " ")
	}
	return o.Attack + " on " + many + ", left to chance"
}

// waiting says what waits for other people; nothing where nothing does, or where what is shown is old.
func waiting(k *look, s *scene) remark {
	if len(s.Pending) == 0 || s.lost {
		return remark{}
	}
	p := s.Pending[0]
	text := fmt.Sprintf("waits for %s: %s by %s", morePeople(p.Missing()), ordered(p.Order), p.Order.By)
	if !s.readOnly {
		text += "; A approves"
	}
	text += ", until " + s.at(p.Until)
	switch more := len(s.Pending) - 1; {
	case more == 1:
		text += "; 1 more order waits"
	case more > 1:
		text += fmt.Sprintf("; %d more orders wait", more)
	}
	return remark{k.hot, text}
}

// waits tells whether an order was put aside for other people, rather than refused.
func waits(err error) bool {
	var refusal *engine.Refusal
	return errors.As(err, &refusal) && refusal.Name == engine.NeedsApproval
}

func whyNotApproval(r *root) string {
	if why := whyNoOrder(r); why != "" {
		return why
	}
	if len(r.scene.Pending) == 0 {
		return "no order waits for other people"
	}
	return ""
}

// askApproval asks for the yes to the order that waits longest; asked again, for the one after it.
func (m *root) askApproval() tea.Cmd {
	pending := m.scene.Pending
	at := (slices.IndexFunc(pending, func(p engine.Pending) bool { return p.Order.ID == m.approving.Order.ID }) + 1) % len(pending)
	m.approving = pending[at]
	title := "Approve this attack?"
	if len(pending) > 1 {
		title = fmt.Sprintf("Approve this attack? (%d of %d; Esc, A: the next)", at+1, len(pending))
	}
	return m.ask(question{
		title: title, lines: m.approvalLines(m.approving), bars: gone(m.approving),
		order: engine.Order{Kind: engine.Approve, Approves: m.approving.Order.ID},
	})
}

// gone tells why the order that the dialog names does not wait any more.
func gone(asked engine.Pending) func(*root) string {
	return func(r *root) string {
		if why := whyNotApproval(r); why != "" {
			return why
		}
		same := func(p engine.Pending) bool { return p.Order.ID == asked.Order.ID && p.At.Equal(asked.At) }
		if !slices.ContainsFunc(r.scene.Pending, same) {
			return "that order waits no more: it was carried out, given up or stopped; nothing was done"
		}
		return ""
	}
}

// approvalLines are what somebody must know who says yes. On a small screen what is less than the deed gives way.
func (m *root) approvalLines(p engine.Pending) []string {
	s, o := &m.scene, p.Order
	const width = 50 // fits the least screen that has dialogs
	held := o.For
	if held == 0 {
		_, held = s.chance(o.Attack)
	}
	lines := m.look.wrap(fmt.Sprintf("%s for %s", ordered(o), span(held)), width, 3)
	last := []string{"Every gate is asked first; any of them may refuse.", "", "y approves   Esc or n cancels   Enter does nothing"}
	lines = append(lines, fmt.Sprintf("ordered by %s (%s) at %s", o.By, o.Door, s.at(p.At)))
	lines = append(lines, fmt.Sprintf("wanted by %d of %d people; given up at %s", p.Needs-p.Missing(), p.Needs, s.at(p.Until)))
	room := m.h - 7 - len(last)
	if with := withParams(o); with != "" && room > len(lines) {
		lines = slices.Insert(lines, 1, m.look.wrap("with "+with, width, min(3, room-len(lines)))...)
	}
	if o.Reason != "" && room > len(lines) {
		lines = append(lines, m.look.wrap("reason: "+o.Reason, width, min(3, room-len(lines)))...)
	}
	return append(lines, last...)
}

// withParams is what the order sets otherwise than the plan.
func withParams(o engine.Order) string {
	var set []string
	for name, value := range o.Params {
		set = append(set, name+"="+value)
	}
	slices.Sort(set)
	return strings.Join(set, ", ")
}

// approvedText is said when an approval was taken: of the last one, the engine has asked every gate by then.
func (m *root) approvedText(o engine.Order) string {
	p := m.approving
	if p.Order.ID != o.Approves {
		return "approved"
	}
	if n := p.Missing() - 1; n > 0 {
		return fmt.Sprintf("approved: %s waits for %s", ordered(p.Order), morePeople(n))
	}
	return "approved: " + ordered(p.Order) + " begins"
}
