package tui

import (
	"cmp"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// helpColumns are the groups of keys as they stand side by side where there is room.
var helpColumns = [2][]string{{"EMERGENCY", "GAME DAY", "SCHEDULE", "HOSTS", "FIND"}, {"MOVE", "OUTPUT", "OTHER"}}

// helpText is the keys by group. It is made of the commands themselves, so that it cannot tell of a key
// that is not there. Where it would be too high it goes without blank lines.
func (m *root) helpText(w, h int) []string {
	rows := m.helpBeside(w, true)
	if len(rows) > h {
		rows = m.helpBeside(w, false)
	}
	return rows
}

func (m *root) helpBeside(w int, airy bool) []string {
	k, left, right := m.look, m.helpRows(helpColumns[0], airy), m.helpRows(helpColumns[1], airy)
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

func (m *root) helpRows(groups []string, airy bool) []string {
	var rows []string
	for _, group := range groups {
		if group == "GAME DAY" && m.day == nil {
			continue
		}
		lines := m.helpLines(group)
		if len(lines) == 0 {
			continue
		}
		if rows != nil && airy {
			rows = append(rows, "")
		}
		rows = append(rows, " "+group)
		for _, line := range lines {
			first, more, goesOn := strings.Cut(line.help, "\n")
			if rows = append(rows, fmt.Sprintf("   %-9s %s", line.keys, first)); goesOn {
				rows = append(rows, fmt.Sprintf("   %-9s %s", "", more))
			}
		}
	}
	return rows
}

// helpLine is one or several keys and what they do.
type helpLine struct{ keys, help string }

func (m *root) helpLines(group string) (lines []helpLine) {
	for _, c := range m.commands(browsing) {
		switch last := len(lines) - 1; {
		case c.group != group:
		case m.never(c):
			if c.help == andBefore && last >= 0 { // the line of the one before ends with what this one does
				lines[last].help, _, _ = strings.Cut(lines[last].help, ";")
			}
		case c.help == andBefore:
			lines[last].keys = lines[last].keys + " " + firstWord(c.Help().Key)
		default:
			shown := c.Help().Key
			if _, own := strings.CutPrefix(shown, firstWord(shown)+" "); own && m.options.Keys[c.name] == "" && c.group == "MOVE" {
				shown = firstWord(shown)
			}
			lines = append(lines, helpLine{shown, cmp.Or(c.help, c.Help().Desc)})
		}
	}
	return lines
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

func (m *root) helpView(w, h int) []string {
	k := m.look
	var rows []string
	for _, text := range m.helpText(w-2, h-2) {
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
