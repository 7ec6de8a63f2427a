package tui

import tea "github.com/charmbracelet/bubbletea"

// toggleMouse gives the mouse to the console or back to the terminal. Unless asked otherwise it is the terminal's at
// first, since that is how people select text to copy.
func (m *root) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.say(m.look.strong, "mouse on: the wheel scrolls, a click selects and never acts; m gives it back")
		return tea.EnableMouseCellMotion
	}
	m.say(m.look.strong, "mouse off: the terminal selects text again")
	return tea.DisableMouse
}

// firstMouse takes the mouse at once, for who has asked for that.
func (m *root) firstMouse() tea.Cmd {
	if !m.mouse {
		return nil
	}
	return tea.EnableMouseCellMotion
}

// pointed is what the mouse did. It moves and selects; nothing that a key must be pressed for happens by it.
func (m *root) pointed(e tea.MouseMsg) {
	if !m.mouse || m.current() != browsing && m.current() != viewing && m.current() != helping {
		return
	}
	switch {
	case e.Button == tea.MouseButtonWheelUp && e.Action == tea.MouseActionPress:
		m.wheel(e, lineUp)
	case e.Button == tea.MouseButtonWheelDown && e.Action == tea.MouseActionPress:
		m.wheel(e, lineDown)
	case e.Button == tea.MouseButtonLeft && e.Action == tea.MouseActionPress && m.mode == browsing:
		m.click(e.X, e.Y)
	}
}

const notches = 3 // lines for a turn of the wheel

func (m *root) wheel(e tea.MouseMsg, way motion) {
	if m.mode == helping {
		m.helpTop = max(0, m.helpTop+map[motion]int{lineUp: -notches, lineDown: notches}[way])
		return
	}
	if m.mode == browsing {
		m.focus = m.paneAt(e.X, e.Y)
	}
	for range notches {
		m.moveFocused(way)
	}
}

// paneAt is the pane under the pointer that can have the focus.
func (m *root) paneAt(x, y int) int {
	if m.zoomed {
		return m.focus
	}
	l := m.arranged()
	switch y -= 2; {
	case y < l.next.h && x < l.next.w:
		return onNext
	case y < l.next.h:
		return m.focus // gates and recent attacks are only for looking at
	case y < l.next.h+l.roster.h:
		return onRoster
	}
	return onOutput
}

// click gives the focus to a pane, and in the roster selects the host under the pointer.
func (m *root) click(x, y int) {
	if y < 2 || y >= m.h-1 {
		return
	}
	m.focus = m.paneAt(x, y)
	if m.focus != onRoster {
		return
	}
	row := y - 2 - 2 // the lines above: header, lid and the heads of the columns
	if !m.zoomed {
		row -= m.arranged().next.h
	}
	if row += m.roster.headless; row >= 0 && row < m.roster.shown && m.roster.top+row < m.roster.count() {
		m.moved = m.options.Wall()
		m.roster.led = ""
		m.roster.place(m.roster.top + row)
	}
}
