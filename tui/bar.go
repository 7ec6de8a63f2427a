package tui

import "time"

// toastFor is how long a message stays.
const toastFor = 6 * time.Second

// toast is a message that goes away by itself. It lies over the last lines of the output and leaves the
// key bar alone: the stop key is always on the screen.
type toast struct {
	ink   ink
	text  string
	until time.Time
	now   func() string // what it says by now, where that changes; nil: what it said
}

func (m *root) say(in ink, text string) {
	m.toast = toast{ink: in, text: text, until: m.options.Wall().Add(toastFor)}
}

// age takes the message away when its time is over, and else keeps it true.
func (m *root) age() {
	switch t := &m.toast; {
	case t.text == "":
	case !m.options.Wall().Before(t.until):
		*t = toast{}
	case t.now != nil:
		t.text = t.now()
	}
}

// acted takes the message away because something else is done: what that does is to be seen. A stop that nobody has
// confirmed yet goes on being told.
func (m *root) acted() {
	if !m.delivery.underway {
		m.toast = toast{}
	}
}

// view is the message in as many lines as it needs, three at most.
func (t toast) view(k *look, w int) []string {
	var lines []string
	for _, text := range k.wrap(t.text, w-4, 3) {
		lines = append(lines, k.newLine(w).put(ink{}, " "+k.pick+" ").put(t.ink, text).String())
	}
	return lines
}

// keyBar is the last line: the keys that do something just now. When it is narrow they go by rank; the
// stop key stays longest, and help with it.
func (m *root) keyBar(w int) string {
	k := m.look
	var left, right []part
	if m.current() == filtering {
		left = append(left, part{k.strong, m.fieldShown(w), 1})
	}
	for _, c := range m.commands(m.current()) {
		if c.rank == 0 || c.bars != nil && c.bars(m) != "" {
			continue
		}
		p := part{ink{}, c.Help().Key + " " + m.now(c), c.rank}
		switch {
		case c.rank == 1:
			p.ink, p.rank = k.hot, 0
			left = append(left, p)
		case c.group == "OTHER":
			right = append(right, p)
		default:
			left = append(left, p)
		}
	}
	return k.spread(w, left, right)
}

// fieldShown is the end of what is typed, as much as leaves room for the key that stops.
func (m *root) fieldShown(w int) string {
	text := []rune(m.look.clean(m.field.text))
	for columns(string(text)) > w-30-len(m.field.into.prompt()) && len(text) > 0 {
		text = text[1:]
	}
	return m.field.into.prompt() + string(text) + "_"
}

// now is what a key does just now, where that is less than what it can do.
func (m *root) now(c command) string {
	switch {
	case c.name != "pause":
		return c.Help().Desc
	case m.scene.Stopped != nil:
		return "re-arm"
	case m.scene.Paused != nil:
		return "resume"
	}
	return "pause"
}
