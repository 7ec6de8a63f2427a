package tui

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// clipMost is how much goes to the clipboard at once: terminals drop longer sequences without a word.
const clipMost = 74_000

// osc52 is the sequence that puts text into the clipboard of the person's own terminal, also through SSH. Inside
// tmux and screen it is sent wrapped, so that it reaches the terminal around them; tmux takes the bare one too.
func osc52(text, mux string) string {
	bare := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text)) + "\x07"
	switch mux {
	case "tmux":
		return bare + "\x1bPtmux;" + strings.ReplaceAll(bare, "\x1b", "\x1b\x1b") + "\x1b\\"
	case "screen":
		var wrapped strings.Builder
		for rest := bare; rest != ""; { // screen passes on 256 bytes at a time
			n := min(len(rest), 200)
			wrapped.WriteString("\x1bP" + rest[:n] + "\x1b\\")
			rest = rest[n:]
		}
		return wrapped.String()
	}
	return bare
}

// muxOf is what stands between this program and the terminal.
func muxOf(getenv func(string) string) string {
	switch {
	case getenv == nil:
		return ""
	case getenv("TMUX") != "":
		return "tmux"
	case getenv("STY") != "", strings.HasPrefix(getenv("TERM"), "screen"):
		return "screen"
	}
	return ""
}

// yank copies what the person is looking at: the selected host, the line at the bottom or under the search, or the
// whole of a sheet.
func (m *root) yank() tea.Cmd {
	what, text := m.yankable()
	switch {
	case text == "":
		m.say(m.look.warn, "there is nothing to copy here")
	case m.clip == nil:
		m.say(m.look.warn, "this console has no way to the clipboard")
	case len(text) > clipMost:
		m.say(m.look.warn, fmt.Sprintf("not copied: %s bytes, and terminals take %s; W writes it to a file", thousands(len(text)), thousands(clipMost)))
	default:
		m.clip(osc52(text, muxOf(m.options.Getenv)))
		m.say(m.look.good, "sent to the clipboard of the terminal: "+what)
	}
	return nil
}

func (m *root) yankable() (what, text string) {
	switch {
	case m.mode == viewing && m.sheet.subject != ofEvents:
		title, rows := m.sheetRows(m.look, max(leastWidth, m.w)-2)
		text = textOf(rows)
		return title + ", " + plural(len(rows), "line"), text
	case m.mode == viewing || m.focus == onOutput:
		text = m.log().current()
		return text, text
	case m.focus == onRoster:
		return m.roster.selected, m.roster.selected
	case len(m.scene.Running) > 0:
		return m.scene.Running[0].ID, m.scene.Running[0].ID
	case m.scene.Next != nil:
		return m.scene.Next.ID, m.scene.Next.ID
	}
	return "", ""
}

// current is the line that a person means: the one the search went to, or else the last one shown.
func (o *output) current() string {
	if o.search.has(o.search.hit) {
		return o.ring[o.search.hit%keep].file()
	}
	end := o.end()
	if o.reading {
		end = min(end, o.bottom)
	}
	if end <= o.first() {
		return ""
	}
	return o.line(end - 1).file()
}

// file is a line as it is written down.
func (e entry) file() string {
	if e.at.IsZero() {
		return e.text
	}
	return strings.TrimSpace(stamp(e.at) + " " + e.host + " " + e.text)
}

// savedMsg tells how writing a file went.
type savedMsg struct {
	path  string
	lines int
	err   error
}

// save writes the pane to a new file, away from the event loop: a disk may be slow.
func (m *root) save() tea.Cmd {
	if m.options.SaveDir == NoFiles {
		m.say(m.look.warn, "this console writes no files; y copies")
		return nil
	}
	name, lines := m.content()
	dir, at := cmp.Or(m.options.SaveDir, "."), m.options.Wall().UTC().Format("20060102-150405")
	return func() tea.Msg {
		defer m.end.guard("writing a file")
		text := lines()
		path, err := writeNew(dir, "chaoscat-"+name+"-"+at, text)
		return savedMsg{path, strings.Count(text, "\n"), err}
	}
}

// NoFiles is the [Options].SaveDir of a console that must not write files where it runs: one that is served to
// somebody who is elsewhere.
const NoFiles = "-"

// writeNew writes a file that was not there before, for its owner alone.
func writeNew(dir, name, text string) (path string, err error) {
	for i := 1; i < 100; i++ {
		path = filepath.Join(dir, name+".txt")
		if i > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d.txt", name, i))
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return path, err
		}
		_, err = file.WriteString(text)
		return path, errors.Join(err, file.Close())
	}
	return path, fs.ErrExist
}

func (m *root) saved(msg savedMsg) tea.Cmd {
	if msg.err != nil {
		m.say(m.look.bad, "not written: "+msg.err.Error())
		return nil
	}
	path := msg.path
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	m.say(m.look.good, plural(msg.lines, "line")+" written to "+path)
	return nil
}

// fileWidth is how wide a pane is that nobody has to see at once.
const fileWidth = 240

// content is the whole of what the person is looking at, more than fits on the screen. It is taken now, and
// written out later.
func (m *root) content() (name string, text func() string) {
	k, s := newLook(true, m.options.ASCII, ""), m.scene
	switch {
	case m.mode == viewing && m.sheet.subject != ofEvents:
		title, rows := m.sheetRows(k, 120)
		return "sheet", func() string { return title + "\n\n" + textOf(rows) }
	case m.mode == viewing:
		return "events", m.events.copied(k)
	case m.focus == onOutput:
		return "output", m.output.copied(k)
	case m.focus == onRoster:
		r := m.roster
		r.marks = nil
		return "hosts", func() string { return r.written(k, &s) }
	}
	box := rect{fileWidth, 4000}
	if m.day != nil {
		p := m.dayView(k, box, true)
		return "gameday", func() string { return p.title + "\n" + textOf(p.rows) }
	}
	p := m.next.view(k, &s, box)
	if len(s.Running) > 0 {
		p = m.attack.view(k, &s, box)
	}
	return "attack", func() string { return p.title + "  " + p.note + "\n" + textOf(p.rows) }
}

// copied is the lines that the pane would show if it were high enough.
func (o *output) copied(k *look) func() string {
	lines := make([]entry, 0, o.end()-o.first())
	for i := o.first(); i < o.end(); i++ {
		lines = append(lines, o.line(i))
	}
	return func() string {
		var all strings.Builder
		for _, e := range lines {
			all.WriteString(k.clean(e.file()) + "\n")
		}
		return all.String()
	}
}

// written is every row that the filter leaves, with the columns of a wide screen.
func (r *roster) written(k *look, s *scene) string {
	columns := hostColumns(fileWidth, s.Survey != nil)
	rows := []string{r.hostHeads(k, columns, fileWidth)}
	for i := range r.count() {
		h := r.at(i)
		rows = append(rows, r.hostRow(k, s, columns, h, fileWidth))
	}
	return textOf(rows)
}
