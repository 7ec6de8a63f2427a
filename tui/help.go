package tui

import (
	"cmp"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
)

// helpColumns are the groups of keys as they stand side by side where there is room.
var helpColumns = [2][]string{{"EMERGENCY", "SCHEDULE", "HOSTS", "OUTPUT"}, {"MOVE", "OTHER"}}

// helpText is the keys by group. It is made of the commands themselves, so that it cannot tell of a key
// that is not there.
func helpText(k *look, w int) []string {
	left, right := helpRows(helpColumns[0]), helpRows(helpColumns[1])
	if w < 76 {
		return append(append(left, ""), right...)
	}
	both := make([]string, max(len(left), len(right)))
	for i := range both {
		l := k.newLine(w)
		if i < len(left) {
			l.cell(ink{}, left[i], w/2-1)
		}
		if i < len(right) {
			l.to(w/2).put(ink{}, right[i])
		}
		both[i] = l.String()
	}
	return both
}

func helpRows(groups []string) []string {
	var rows []string
	for _, group := range groups {
		if rows != nil {
			rows = append(rows, "")
		}
		rows = append(rows, " "+group)
		for _, c := range commands(browsing) {
			if c.group == group {
				rows = append(rows, fmt.Sprintf("   %-9s %s", c.Help().Key, cmp.Or(c.help, c.Help().Desc)))
			}
		}
	}
	return rows
}

func (m *root) helpView(w, h int) []string {
	k := m.look
	var rows []string
	for _, text := range helpText(k, w-2) {
		rows = append(rows, k.newLine(w-2).put(ink{}, text).String())
	}
	m.helpTop = max(0, min(m.helpTop, len(rows)-(h-2)))
	p := pane{title: "Keys", note: "? or Esc closes", focused: true, rows: rows[m.helpTop:]}
	if len(rows) > h-2 {
		p.title = fmt.Sprintf("Keys  %d-%d of %d", m.helpTop+1, m.helpTop+h-2, len(rows))
	}
	return k.box(rect{w, h}, p)
}

func (m *root) openHelp() tea.Cmd { m.mode, m.helpTop = helping, 0; return nil }
func (m *root) helpDown() tea.Cmd { m.helpTop += 5; return nil }
func (m *root) helpUp() tea.Cmd   { m.helpTop = max(0, m.helpTop-5); return nil }
