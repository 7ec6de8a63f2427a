package tui

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// index holds the words of every host in lower case, each host's in one piece, so that a filter over a
// hundred thousand of them is one pass over memory.
type index struct {
	text string
	ends []int32 // of host i: where its words end
}

func (x index) empty() bool { return x.ends == nil }

// newIndex gathers name, address, groups and tags. The words are separated by a byte that no filter has.
func newIndex(hosts []engine.Host) index {
	var b strings.Builder
	b.Grow(len(hosts) * 64)
	x := index{ends: make([]int32, len(hosts))}
	for i, h := range hosts {
		words(&b, h)
		x.ends[i] = int32(b.Len())
	}
	x.text = b.String()
	return x
}

func words(b *strings.Builder, h engine.Host) {
	put := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(strings.ToLower(p))
		}
		b.WriteByte('\n')
	}
	put(h.Name)
	put(h.Address)
	for _, g := range h.Groups {
		put(g)
	}
	for name, value := range h.Tags {
		put(name, "=", value)
	}
}

// find lists the hosts whose words contain the needle; among narrows the search to those, nil means all.
func (x index) find(needle string, among []int32) []int32 {
	found := make([]int32, 0, 64)
	if among != nil {
		for _, i := range among {
			if strings.Contains(x.words(i), needle) {
				found = append(found, i)
			}
		}
		return found
	}
	// One search through everything: after a hit, go on with the next host.
	for host, from := 0, 0; ; {
		at := strings.Index(x.text[from:], needle)
		if at < 0 {
			return found
		}
		for int(x.ends[host]) <= from+at {
			host++
		}
		found = append(found, int32(host))
		from = int(x.ends[host])
	}
}

func (x index) words(i int32) string {
	if i == 0 {
		return x.text[:x.ends[0]]
	}
	return x.text[x.ends[i-1]:x.ends[i]]
}

// findAll lists the hosts whose words contain every needle.
func (x index) findAll(needles []string, among []int32) []int32 {
	for _, needle := range needles {
		among = x.find(needle, among)
	}
	return among
}

// normal is the text of a filter as it is compared: lower case, one blank between words.
func normal(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// field is a text that is being typed in the last line, and what it is for.
type field struct {
	text string
	into purpose
	back mode // what had the keys before
	most int  // bytes; 0 means 200
}

// purpose is what a text is typed for.
type purpose int

const (
	forHosts    purpose = iota // to narrow the roster
	forSearch                  // to find lines
	forLines                   // to show such lines alone
	forNote                    // to put into the record
	forLeaveOut                // to say why a step of the game day is skipped
)

// prompt stands before the text.
func (p purpose) prompt() string {
	return [...]string{"/", "/", "&", "note: ", "left out because: "}[p]
}

// edit is what a key does to the text; done tells that the key ends the editing.
func (f *field) edit(key string) (done bool) {
	switch key {
	case "backspace", "ctrl+h":
		if f.text == "" {
			return true
		}
		_, size := utf8.DecodeLastRuneInString(f.text)
		f.text = f.text[:len(f.text)-size]
	case "ctrl+u", "ctrl+w":
		f.text = ""
	default:
		f.insert(key)
	}
	return false
}

// insert adds what prints; the name of a key that does not is longer than a character.
func (f *field) insert(key string) {
	if r, size := utf8.DecodeRuneInString(key); size == len(key) && unicode.IsPrint(r) && len(f.text)+size <= cmp.Or(f.most, 200) {
		f.text += key
	}
}

// paste adds the printable part of pasted text.
func (f *field) paste(text []rune) {
	for _, r := range text {
		f.insert(string(r))
	}
}

func (m *root) typed(k string) tea.Cmd {
	if m.field.edit(k) {
		return m.clearText()
	}
	m.sift()
	return nil
}

// log is the lines that the keys go to.
func (m *root) log() *output {
	if m.mode == viewing || m.mode == filtering && m.field.back == viewing {
		return &m.events
	}
	return &m.output
}

func (m *root) openField(into purpose, text string) tea.Cmd {
	m.field = field{text: text, into: into, back: m.mode}
	m.mode = filtering
	return nil
}

// openFilter searches the output if it has the focus, and narrows the hosts otherwise.
func (m *root) openFilter() tea.Cmd {
	if m.inOutput() {
		return m.openField(forSearch, m.log().search.needle)
	}
	m.focus = onRoster
	return m.openField(forHosts, m.roster.needle)
}

func (m *root) openOnly() tea.Cmd { return m.openField(forLines, m.log().needle) }

// longestNote leaves room for characters that take several bytes; the engine takes a thousand.
const longestNote = 900

func (m *root) openNote() tea.Cmd {
	m.openField(forNote, "")
	m.field.most = longestNote
	return nil
}

// sift applies what is typed.
func (m *root) sift() {
	switch m.field.into {
	case forSearch:
		m.log().lookFor(m.field.text)
	case forLines:
		m.log().filter(m.field.text)
	case forHosts:
		m.moved = m.options.Wall()
		m.roster.filter(m.field.text)
	}
}

// keepText is Enter: the filter stays, the note is sent.
func (m *root) keepText() tea.Cmd {
	m.mode = m.field.back
	text := strings.TrimSpace(m.field.text)
	if m.field.into == forLeaveOut {
		return m.leaveOut(text)
	}
	if m.field.into != forNote || text == "" {
		return nil
	}
	if why := whyNoOrder(m); why != "" {
		m.say(m.look.warn, why)
		return nil
	}
	o := engine.Order{Kind: engine.Remark, Reason: text}
	if m.mode == viewing && m.sheet.subject == ofHost {
		o.Host = m.sheet.host
	}
	return m.send(m.order(o), orderPatience)
}

// clearText is Esc: the filter goes, the note is thrown away.
func (m *root) clearText() tea.Cmd {
	m.field.text = ""
	m.sift()
	m.mode = m.field.back
	return nil
}

// clearFilter takes away what narrows or marks the pane with the focus, or else leaves the zoom.
func (m *root) clearFilter() tea.Cmd {
	o, r := &m.output, &m.roster
	switch {
	case m.focus == onOutput && (o.needle != "" || o.search.needle != ""):
		o.lookFor("")
		o.filter("")
	case m.focus == onRoster && r.needle != "":
		m.moved = m.options.Wall()
		r.filter("")
	case m.focus == onRoster && len(r.marks) > 0:
		r.marks = nil
	default:
		m.zoomed = false
	}
	return nil
}

// closeSheet goes back to the panes; in the event log it clears the search first.
func (m *root) closeSheet() tea.Cmd {
	if o := &m.events; m.sheet.subject == ofEvents && (o.needle != "" || o.search.needle != "") {
		o.lookFor("")
		o.filter("")
		return nil
	}
	m.mode, m.sheet = browsing, sheet{}
	return nil
}

func (m *root) follow() tea.Cmd {
	o := m.log()
	o.toggle()
	m.say(m.look.strong, map[bool]string{false: "following", true: "holding still; f follows"}[o.reading])
	return nil
}

func (m *root) wrap() tea.Cmd {
	o := m.log()
	o.wrapped, o.left = !o.wrapped, 0
	m.say(m.look.strong, "wrap "+onOff(o.wrapped))
	return nil
}

func (m *root) times() tea.Cmd {
	o := m.log()
	o.timeless = !o.timeless
	m.say(m.look.strong, "times "+onOff(!o.timeless))
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
