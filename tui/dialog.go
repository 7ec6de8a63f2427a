package tui

import (
	"fmt"
	"strings"
)

// dialog draws a box in the middle of the space between header and key bar.
func (k *look) dialog(w, h int, title string, lines []string, inks []ink) []string {
	width := min(w-4, 66)
	p := pane{title: title, focused: true}
	p.rows = append(p.rows, strings.Repeat(" ", width-2))
	for i, text := range lines {
		p.rows = append(p.rows, k.newLine(width-2).put(ink{}, "  ").put(inks[i%len(inks)], text).String())
	}
	box := k.box(rect{width, min(len(lines)+4, h)}, p)
	margin := strings.Repeat(" ", (w-width)/2)
	screen := make([]string, 0, h)
	for range (h - len(box)) / 2 {
		screen = append(screen, strings.Repeat(" ", w))
	}
	for _, line := range box {
		screen = append(screen, margin+line+strings.Repeat(" ", w-width-len(margin)))
	}
	for len(screen) < h {
		screen = append(screen, strings.Repeat(" ", w))
	}
	return screen
}

func (m *root) questionView(w, h int) []string {
	q := m.question
	return m.look.dialog(w, h, q.title, q.lines, []ink{{}})
}

func (m *root) leavingView(w, h int) []string {
	if m.exit == StopThenQuit {
		return m.look.dialog(w, h, "Leaving", []string{"The stop is on its way; the console ends when it is confirmed.", "", "ctrl+c leaves at once; the undo goes on."}, []ink{{}})
	}
	title, lines, inks := m.leavingLines()
	last := "ctrl+c twice quits."
	if m.scene.attacking() {
		last = "ctrl+c twice stops, undoes and quits."
	}
	lines = append(lines, "", "Up and down choose, Enter does it, Esc stays.", last)
	return m.look.dialog(w, h, title, lines, append(inks, ink{}, ink{}, ink{}))
}

// leavingLines are the choices, the chosen one marked.
func (m *root) leavingLines() (title string, lines []string, inks []ink) {
	title, all := choices(&m.scene)
	if m.scene.attacking() {
		line := m.scene.runsOn()
		if note := undoIn(&m.scene); note != "" {
			line += ", " + note
		}
		lines, inks = append(lines, line, ""), append(inks, m.look.hot, ink{})
	}
	for i, c := range all {
		mark, in := " ", ink{}
		if i == m.choice {
			mark, in = m.look.pick, m.look.selected
		}
		lines, inks = append(lines, mark+" "+c.text), append(inks, in)
	}
	return title, lines, inks
}

// demoMark tells a demonstration from what could hurt somebody.
func demoMark(s *scene) string {
	if s.Demo {
		return "DEMO"
	}
	return ""
}

// crampedView is the console where there is no room for it.
func (m *root) crampedView(w, h int) []string {
	k, s := m.look, &m.scene
	put := func(in ink, text string) string { return k.newLine(w).put(in, " "+text).String() }
	lines := []string{k.spread(w, []part{{k.hot, "s STOP", 0}, {stateInk(k, s), "[" + s.word() + "]", 0}, {k.warn, demoMark(s), 1}, {k.strong, "chaoscat", 2}, {ink{}, s.Name, 3}}, nil)}
	if m.mode == leaving {
		_, choices, inks := m.leavingLines()
		for i, c := range choices {
			if c != "" {
				lines = append(lines, put(inks[i], c))
			}
		}
	} else {
		lines = append(lines, reasonLine(k, s, &m.attack.crowd, w),
			put(ink{}, fmt.Sprintf("%dx%d: too small for panes, attack keys are off", m.w, m.h)),
			put(ink{}, fmt.Sprintf("s stop  q quit  (needs %dx%d)", leastWidth, leastHeight)))
		if m.toast.text != "" {
			lines[2] = put(m.toast.ink, m.toast.text)
		}
	}
	return lines[:min(len(lines), max(1, h))]
}
