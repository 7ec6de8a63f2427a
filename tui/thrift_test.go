package tui

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/vt"
)

// twin is a terminal that is written to sparingly, beside one that gets everything.
type twin struct {
	thrift         thrift
	whole, sparing *vt.Emulator
	wrote, spent   int
}

func newTwin(w, h int) *twin {
	t := &twin{whole: vt.NewEmulator(w, h), sparing: vt.NewEmulator(w, h)}
	go io.Copy(io.Discard, t.whole)
	go io.Copy(io.Discard, t.sparing)
	return t
}

func (t *twin) Write(p []byte) (int, error) {
	t.whole.Write(p)
	left := t.thrift.spare(p)
	t.sparing.Write(left)
	t.wrote, t.spent = t.wrote+len(p), t.spent+len(left)
	return len(p), nil
}

func (t *twin) equal() bool { return t.whole.Render() == t.sparing.Render() }

// frame is what Bubble Tea v1.3.10 writes on the alternate screen: each changed line whole.
func frame(before, after []string) []byte {
	var b strings.Builder
	b.WriteString(home)
	for i, l := range after {
		if before == nil || before[i] != l {
			b.WriteString(l + "\x1b[K")
			if i < len(after)-1 {
				b.WriteByte('\r')
			}
		}
		if i < len(after)-1 {
			b.WriteByte('\n')
		}
	}
	return fmt.Appendf([]byte(b.String()), "\x1b[%d;H", len(after))
}

func TestASparingTerminalShowsWhatAWastefulOneShows(t *testing.T) {
	pieces := []string{"a", "0", "9", " ", "     ", "──────────", "✓", "▲", "\x1b[m", "\x1b[1m", "\x1b[31m", "\x1b[7m", "\x1b[2;34m", "web-001", "é", "漢", "e\u0301"}
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 0))
		line := func() string {
			var b strings.Builder
			for range dice.IntN(9) {
				b.WriteString(pieces[dice.IntN(len(pieces))])
			}
			return b.String() + "\x1b[m"
		}
		screen := newTwin(100, 20)
		var shown []string
		for range 30 {
			next := make([]string, 20)
			for i := range next {
				if next[i] = line(); shown != nil && dice.IntN(8) > 0 {
					next[i] = shown[i]
				} else if shown != nil && dice.IntN(2) == 0 {
					next[i] = strings.Replace(shown[i], "0", "9", 1)
				}
			}
			if dice.IntN(10) == 0 {
				screen.Write([]byte("\x1b[2J"))
				screen.Write([]byte(home))
				shown = nil
			}
			if dice.IntN(2) == 0 { // painted at once; what Bubble Tea writes later of it is there already
				screen.sparing.Write(screen.thrift.frame(strings.Join(next, "\n"), 100))
			}
			screen.Write(frame(shown, next))
			if shown = next; !screen.equal() {
				t.Fatalf("seed %d: the screens differ:\n%q\n%q", seed, screen.whole.Render(), screen.sparing.Render())
			}
		}
	}
}

// What passes from second to second costs the digits that change, not the lines they stand in.
func TestASecondThatPassesCostsFewBytes(t *testing.T) {
	d := newDesk(nil)
	d.m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	d.show(armed(), lines(0, 40)...)
	screen := newTwin(200, 60)
	shown := strings.Split(d.m.View(), "\n")
	screen.Write(frame(nil, shown))
	first := screen.spent
	for range 10 {
		d.time = d.time.Add(time.Second)
		d.m.Update(tickMsg{})
		next := strings.Split(d.m.View(), "\n")
		screen.Write(frame(shown, next))
		shown = next
	}
	if !screen.equal() {
		t.Error("the screens differ")
	}
	if spent, wrote := screen.spent-first, screen.wrote-first; spent > 10*400 || spent*2 > wrote {
		t.Errorf("ten seconds cost %d bytes, of %d", spent, wrote)
	} else {
		t.Logf("ten seconds cost %d bytes, of %d", spent, wrote)
	}
}
