package tui

import (
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// reads is a keyboard whose bytes arrive in these reads. Before each, and after the last, the program is told which
// one it is, so that it is known what was made of it.
type reads struct {
	program *tea.Program
	all     [][]byte
	next    int
}

type readMsg int

func (r *reads) Read(p []byte) (int, error) {
	r.program.Send(readMsg(r.next))
	if r.next == len(r.all) {
		return 0, io.EOF
	}
	n := copy(p, r.all[r.next])
	r.next++
	return n, nil
}

// listener keeps what Bubble Tea makes of the reads.
type listener struct {
	heard [][]tea.Msg
	reads int
}

func (l *listener) Init() tea.Cmd { return nil }
func (l *listener) View() string  { return "" }
func (l *listener) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case readMsg:
		if int(msg) == l.reads {
			return l, tea.Quit
		}
		l.heard = append(l.heard, nil)
	case tea.KeyMsg, tea.MouseMsg:
		last := len(l.heard) - 1
		l.heard[last] = append(l.heard[last], msg)
	}
	return l, nil
}

// parsed is what the program gets of bytes that arrive in these reads, read by read: Bubble Tea's own reading of them.
func parsed(t *testing.T, all [][]byte) [][]tea.Msg {
	t.Helper()
	all = slices.DeleteFunc(slices.Clone(all), func(b []byte) bool { return len(b) == 0 })
	keyboard, l, clock := &reads{all: all}, &listener{reads: len(all)}, noon
	slowly := func() time.Time { clock = clock.Add(pasteStalls); return clock }
	keyboard.program = tea.NewProgram(l, tea.WithInput(newInlet(keyboard, slowly)), tea.WithOutput(io.Discard), tea.WithoutRenderer(), tea.WithoutSignals(), tea.WithContext(t.Context()))
	if _, err := keyboard.program.Run(); err != nil {
		t.Fatal(err)
	}
	return l.heard
}

// cutInto cuts bytes into reads as long as the cuts say. None is longer than a read is here.
func cutInto(bytes, cuts []byte) (all [][]byte) {
	const most = 250
	for len(bytes) > 0 {
		n := min(most, len(bytes))
		if len(cuts) > 0 {
			n, cuts = min(n, 1+int(cuts[0])), cuts[1:]
		}
		all, bytes = append(all, bytes[:n]), bytes[n:]
	}
	return all
}

// meant tells whether these reads can be a person who confirms this order: r, and y in a later read; or a for the
// dialog, then every letter of what is to be typed there, in its order, then Enter. What was pasted counts as typed
// into a line, and never as a key.
func meant(o engine.Order, all [][]byte) bool {
	keys, into := "", "" // what was pressed, reads apart; the same with what was pasted
	pasting := false
	for _, read := range all {
		text := string(read)
		for len(text) > 0 {
			switch {
			case !pasting && strings.HasPrefix(text, pasteBegins), pasting && strings.HasPrefix(text, pasteEnds):
				pasting, text = !pasting, text[len(pasteEnds):]
				continue
			case !pasting:
				keys += text[:1]
				into += text[:1]
			case text[0] >= ' ':
				into += text[:1]
			}
			text = text[1:]
		}
		keys += "|"
	}
	confirm := o.Host
	if n := max(len(o.Hosts), o.Count); n > 0 {
		confirm = strconv.Itoa(n)
	}
	return inOrder("r|y", keys) || inOrder("a\r", keys) && inOrder("a"+confirm+"\r", into)
}

// inOrder tells whether the letters of a word stand in a text one after the other, with whatever between them.
func inOrder(word, text string) bool {
	for i := range len(word) {
		at := strings.IndexByte(text, word[i])
		if at < 0 {
			return false
		}
		text = text[at+1:]
	}
	return true
}

// typesAll presses what was parsed, slowly enough that every question could have been read.
func typesAll(d *desk, heard [][]tea.Msg) {
	for _, read := range heard {
		for _, msg := range read {
			if d.quit {
				return
			}
			_, cmd := d.m.Update(msg)
			d.carryOut(cmd)
		}
		d.wait(reading)
	}
}

// FuzzKeyboard holds the console to its two promises about keys, whatever bytes arrive and however they are cut into
// reads: nothing is injected that nobody confirmed, and the key that the screen names for it stops everything.
func FuzzKeyboard(f *testing.F) {
	for _, seed := range []struct{ bytes, cuts string }{
		{"ry", ""}, {"ry", "\x01"}, {"rsy", "\x01\x01"}, {"a\tweb-002\r", "\x01\x01\x07"}, {"aaaa\x1b[B\x1b[B\r", "\x01\x02\x03"},
		{"\x1b[200~ry\x1b[201~r", "\x03\x08"}, {"\x1b[200~ry", "\x09"}, {"\x1b[201~\x1b[200~", "\x03"}, {"/s\x1b[A\x1bs", "\x02"}, {"\x1b[M   s", "\x03"},
		{"q\x1b[B\r", "\x01\x03"}, {"2\r/web\rs", ""}, {"i\x1b\x1b[", "\x02"}, {"\xff\xe2s\x00", "\x02"}, {"\x1b[<0;10;10M\x1b[<64;1;1m", "\x05"}, {"TTTm\x1bOP\x1b[15~", "\x04"},
	} {
		for situation := range byte(4) {
			f.Add([]byte(seed.bytes), []byte(seed.cuts), situation)
		}
	}
	f.Fuzz(holdsBothPromises)
}

// The same with words that the console knows, put together by chance.
func TestNoKeysAtRandomInjectOrKeepFromStopping(t *testing.T) {
	words := []string{"r", "y", "a", "\t", "\r", "s", "S", "p", "x", ">", "q", "j", "k", " ", "1", "2", "3", "/", "&", "i", "e", "c", "?", "z", "o", "T", "m", "n", "g", "G", "l", "h",
		"\x1b", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[Z", "\x1b[5~", "\x03", "\x1a", "\x04", "\x7f", "web-002", "api-006", "group:web", "50%", pasteBegins, pasteEnds, "\x1b[<0;10;10M", "\xc3", "ü"}
	chance := rand.New(rand.NewPCG(4, 16))
	for range 2000 {
		var keys, cuts []byte
		for range 1 + chance.IntN(30) {
			keys = append(keys, words[chance.IntN(len(words))]...)
			cuts = append(cuts, byte(chance.IntN(1+chance.IntN(8))))
		}
		if holdsBothPromises(t, keys, cuts, byte(chance.IntN(4))); t.Failed() {
			return
		}
	}
}

func holdsBothPromises(t *testing.T, bytes, cuts []byte, situation byte) {
	t.Helper()
	if len(bytes) > 2000 {
		return
	}
	all := cutInto(bytes, cuts)
	d := newDesk(func(o *Options) { o.Attached = situation&1 != 0; o.SaveDir = NoFiles })
	d.m.suspend = func() tea.Cmd { return nil }
	if d.show(shaped(), story()...); situation&2 != 0 {
		d.show(attacking(), story()...)
	}
	typesAll(d, parsed(t, all))
	for _, o := range d.con.orders {
		if o.Kind == engine.RunOnce && !meant(o, all) {
			t.Fatalf("%q in reads %q ordered %s on %s%v without a confirmation", bytes, cuts, o.Attack, o.Host, o.Hosts)
		}
	}
	if d.quit {
		return
	}
	stop := "s"
	if screen := d.screen(120, 40); strings.Contains(screen, "ctrl+c STOP ALL") {
		stop = "\x03"
	} else if !strings.Contains(screen, "s STOP ALL") {
		t.Fatalf("no key is named that stops:\n%s", screen)
	}
	before := len(d.con.orders)
	heard := parsed(t, append(slices.Clone(all), []byte(stop)))
	typesAll(d, heard[len(heard)-1:])
	if given := d.con.given()[before:]; !slices.Contains(given, "stop") {
		t.Fatalf("%q does not stop after %q in reads %q; given %q", stop, bytes, cuts, given)
	}
}

// The end of a paste can get lost, with the connection it came over or in a terminal that is broken.
func TestAPasteWhoseEndGotLostSwallowsNoStop(t *testing.T) {
	for _, c := range []struct {
		reads []string
		want  string
	}{
		{[]string{"\x1b[200~ry", "s"}, "stop"},
		{[]string{"\x1b[200~ry", "\x03"}, "stop"},
		{[]string{"\x1b[20", "0~ry", "sss"}, "stop"},
		{[]string{"\x1b[200~ry", "more s of the text", "\x1b[201~"}, ""},
		{[]string{"\x1b[200~ry\x1b[201~", "x\x1b[201~"}, "exclude api-006"}, // the end of no paste
	} {
		var all [][]byte
		for _, r := range c.reads {
			all = append(all, []byte(r))
		}
		d := newDesk(nil).show(attacking())
		typesAll(d, parsed(t, all))
		if got := strings.Join(d.con.given(), ", "); got != c.want {
			t.Errorf("%q: %q was ordered, want %q", c.reads, got, c.want)
		}
	}
}

// A paste that is on its way in several reads is not cut in two by a letter that stops.
func TestAPasteInSeveralReadsStaysOne(t *testing.T) {
	r, w := io.Pipe()
	in := newInlet(r, func() time.Time { return noon })
	for _, part := range []string{"\x1b[200~r", "s", "\x03", "y\x1b[201~", "s"} {
		go w.Write([]byte(part))
		p := make([]byte, 256)
		if n, err := in.Read(p); err != nil || string(p[:n]) != part {
			t.Errorf("%q is read as %q, %v", part, p[:n], err)
		}
	}
}
