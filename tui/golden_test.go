package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scenes are the screens that have a golden file: how to get there.
var scenes = []struct {
	name string
	set  func(*desk)
}{
	{"armed", func(d *desk) { d.show(armed(), story()[:3]...) }},
	{"closed", func(d *desk) { d.show(closed(), story()[:3]...) }},
	{"attacking", func(d *desk) { d.show(attacking(), story()...) }},
	{"crowded", func(d *desk) { d.show(crowded(), story()...) }},
	{"thousand", func(d *desk) { d.show(thousand(), story()...) }},
	{"thousand scrolled", func(d *desk) { d.show(thousand(), story()...).screen(80, 24); d.runes("1"); d.runes("jjjj") }},
	{"thousand stopped", func(d *desk) {
		d.show(thousand(), story()...)
		d.show(stoppedNow(thousand()))
		d.show(thousandStopped())
	}},
	{"thousand over", func(d *desk) { d.show(thousand()); d.show(over(), ends()...) }},
	{"surveyed", func(d *desk) { d.show(surveyed(), story()[:3]...) }},
	{"paused while attacking", func(d *desk) {
		s := attacking()
		s.Paused = &engine.Pause{By: "ada"}
		d.show(s, story()...)
	}},
	{"undoing", func(d *desk) { d.show(undoing(), story()...) }},
	{"stopped", func(d *desk) { d.show(stopped(), story()[:3]...) }},
	{"residue", func(d *desk) { d.show(residue(), story()[:3]...) }},
	{"dry run", func(d *desk) { d.show(dryRun(), story()[:3]...) }},
	{"disconnected", func(d *desk) {
		d.show(attacking(), story()...).wait(41 * time.Second)
		d.m.Update(newsMsg{lost: true})
	}},
	{"connecting", func(*desk) {}},
	{"never connected", func(d *desk) { d.m.Update(newsMsg{lost: true}) }},
	{"held", func(d *desk) { d.show(heldByAGate(), story()[:3]...) }},
	{"paused", func(d *desk) { d.show(paused(), story()[:3]...) }},
	{"out of contact", func(d *desk) { d.show(outOfContact(), story()...) }},
	{"no hosts", func(d *desk) { d.show(noHosts(), story()[:3]...) }},
	{"help", func(d *desk) { d.show(armed()).runes("?") }},
	{"quit while attacking", func(d *desk) { d.m.scene.attached = true; d.show(attacking()).runes("q") }},
	{"quit while armed", func(d *desk) { d.show(armed()).runes("q") }},
	{"filter", func(d *desk) { d.show(armed(), story()[:3]...).runes("/"); d.runes("web-00"); d.keys(down, down) }},
	{"filter output", func(d *desk) { d.show(attacking(), story()...).runes("3&"); d.runes("web cpu") }},
	{"search output", func(d *desk) { d.show(attacking(), story()...).runes("3/"); d.runes("web") }},
	{"wrapped output", func(d *desk) {
		d.show(attacking(), story()...)
		d.show(attacking(), engine.Record{Seq: 13, At: noon, Kind: engine.Line, Host: "web-002", Text: strings.Repeat("one long line of output, ", 12)}).runes("3wtz")
	}},
	{"sorted and marked", func(d *desk) { d.show(surveyed()).runes("o"); d.runes("j j") }},
	{"zoomed", func(d *desk) { d.show(attacking(), story()...).runes("1z") }},
	{"events", func(d *desk) { d.show(attacking(), story()...).runes("e") }},
	{"gates", func(d *desk) { looking(d).runes("c") }},
	{"gates beside", func(d *desk) { looking(d) }},
	{"host", func(d *desk) { d.show(surveyed(), ends()[:3]...).runes("2Gk"); d.keys(enter) }},
	{"host excluded", func(d *desk) { d.show(residue()).runes("2"); d.m.roster.place(2); d.keys(enter) }},
	{"why", func(d *desk) { d.show(drawnOften()).runes("1"); d.keys(enter) }},
	{"note", func(d *desk) { d.show(attacking(), story()...).runes("i"); d.runes("the dashboards are red") }},
	{"read only", func(d *desk) { d.m.options.ReadOnly, d.m.scene.readOnly = true, true; d.show(armed()).runes("r") }},
	{"by hand", func(d *desk) { d.show(shaped()).runes("a") }},
	{"by hand on many", func(d *desk) {
		d.show(shaped()).runes("a")
		d.keys(tabKey, tabKey).runes("l").keys(tabKey)
		d.m.hand.hosts.text = ""
		d.runes("group:web").keys(tabKey).keys(tea.KeyMsg{Type: tea.KeyBackspace}).runes("50%")
	}},
	{"by hand wrong", func(d *desk) { d.show(shaped()).runes("a"); d.keys(tabKey).runes("api-00"); d.keys(enter) }},
	{"by hand without undo", func(d *desk) {
		d.show(shaped()).runes("a")
		d.keys(tabKey, tabKey).runes("lll")
	}},
	{"run once", func(d *desk) { d.show(armed()).runes("r") }},
	{"include", func(d *desk) { d.show(armed()).runes("2"); d.m.roster.place(6); d.runes("x") }},
	{"exclude marked", func(d *desk) { d.show(armed()).runes("2   x") }},
	{"leaving", func(d *desk) { d.show(attacking()); d.m.leave(StopThenQuit) }},
	{"arm again", func(d *desk) { d.show(stopped()).runes("p") }},
	{"locked", func(d *desk) { d.show(attacking(), story()...).runes("r") }},
	{"paused output", func(d *desk) {
		d.show(attacking(), story()...).runes("3k")
		d.show(attacking(), story()[3:6]...)
	}},
	{"waiting for others", func(d *desk) { d.show(withPending(armed(), pendingCPU(), pendingMany()), story()[:3]...) }},
	{"waiting while attacking", func(d *desk) { d.show(withPending(attacking(), pendingCPU()), story()...) }},
	{"approve", func(d *desk) { d.show(withPending(armed(), pendingCPU(), pendingMany())).runes("A") }},
	{"stop not delivered", func(d *desk) {
		d.con.refuse("dial unix /run/chaoscat.sock: connection refused")
		d.show(attacking(), story()...).runes("s")
	}},
}

var sizes = []struct{ w, h int }{{50, 8}, {60, 16}, {80, 24}, {120, 40}, {200, 60}}

// Each scene is drawn at every size, in three looks with a file each: what a person sees who has NO_COLOR set, which
// must tell everything; the same in ASCII; and what the dark theme adds to it, ink by ink. With the words taken from
// the first file, the third is the whole coloured screen. Proves console.md 4.16, number 5.
func TestScreensLookAsTheyDid(t *testing.T) {
	for _, sc := range scenes {
		looksAsItDid(t, sc.name, strings.ReplaceAll(sc.name, " ", "-"), sc.set)
	}
}

func looksAsItDid(t *testing.T, name, file string, set func(*desk)) {
	t.Helper()
	for _, look := range []struct {
		name  string
		ascii bool
	}{{"unicode", false}, {"ascii", true}} {
		t.Run(name+"/"+look.name, func(t *testing.T) {
			plain, coloured := drawAll(t, set, true, look.ascii), drawAll(t, set, false, look.ascii)
			if ansi.Strip(coloured) != plain {
				t.Error("the screen says something else in colour")
			}
			golden(t, file+"."+look.name+".txt", plain)
			if !look.ascii {
				golden(t, file+".dark.txt", inks(t, coloured))
			}
		})
	}
}

// inkNames are the switches that the console may use: the 16 colours as text and four more. Everything else is not of
// the terminal's own theme, or is a background.
var inkNames = map[string]string{
	"1": "bold", "2": "faint", "4": "underlined", "7": "reverse", "30": "black", "31": "red", "32": "green", "33": "yellow", "34": "blue",
	"35": "magenta", "36": "cyan", "37": "white", "90": "grey", "91": "bright red", "92": "bright green", "93": "bright yellow", "94": "bright blue",
	"95": "bright magenta", "96": "bright cyan", "97": "bright white",
}

var (
	painted = regexp.MustCompile(`\x1b\[([0-9;]*)m`)
	aSize   = regexp.MustCompile(`^[0-9]+x[0-9]+$`)
)

// inks says for each line of the screens what is painted on it and how, from left to right.
func inks(t *testing.T, screens string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.SplitSeq(screens, "\n") {
		switch {
		case aSize.MatchString(line):
			fmt.Fprintln(&all, line)
		case strings.Contains(line, "\x1b"):
			fmt.Fprintln(&all, " "+paintOf(t, line))
		}
	}
	return all.String()
}

// paintOf is the painted stretches of a line: "bold green[ARMED] faint[16:47:53 CEST]".
func paintOf(t *testing.T, line string) string {
	t.Helper()
	var words []string
	on, at := "", 0
	for _, code := range painted.FindAllStringSubmatchIndex(line, -1) {
		if text := line[at:code[0]]; on != "" && strings.TrimSpace(text) != "" {
			words = append(words, on+"["+strings.TrimSpace(text)+"]")
		}
		at = code[1]
		var names []string
		for number := range strings.SplitSeq(line[code[2]:code[3]], ";") {
			switch name := inkNames[number]; {
			case number == "" || number == "0":
				names = nil
			case name == "":
				t.Errorf("the console paints with %q: %q", number, line)
			default:
				names = append(names, name)
			}
		}
		on = strings.Join(names, " ")
	}
	return strings.Join(words, " ")
}

func drawAll(t *testing.T, set func(*desk), plain, ascii bool) string {
	t.Helper()
	var all strings.Builder
	for _, size := range sizes {
		d := newDesk(func(o *Options) { o.Plain, o.ASCII = plain, ascii })
		d.screen(80, 24)
		set(d)
		screen := d.screen(size.w, size.h)
		checkScreen(t, screen, size.w, size.h, plain, ascii)
		fmt.Fprintf(&all, "%dx%d\n%s\n\n", size.w, size.h, screen)
	}
	return all.String()
}

// checkScreen is what every screen must keep.
func checkScreen(t *testing.T, screen string, w, h int, plain, ascii bool) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) > h {
		t.Errorf("%d lines on a screen of %d", len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n > w {
			t.Errorf("line %d takes %d columns of %d: %q", i+1, n, w, l)
		}
		if plain && strings.ContainsRune(l, '\x1b') {
			t.Errorf("line %d has an escape code without colours: %q", i+1, l)
		}
		for _, r := range ansi.Strip(l) {
			if !unicode.IsPrint(r) || ascii && r > unicode.MaxASCII {
				t.Errorf("line %d has %q: %q", i+1, r, l)
				break
			}
		}
	}
	if !strings.Contains(screen, "s STOP") && !strings.Contains(screen, "ctrl+c STOP") {
		t.Error("the key that stops is not on the screen")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make it with go test ./tui -update", err)
	}
	if string(want) != got {
		t.Errorf("%s differs; look at it with go test ./tui -update and git diff:\n%s", name, got)
	}
}

// The states of a host, as characters and words: what is left without colour must tell them apart.
func TestEveryStateIsToldByACharacterAndAWord(t *testing.T) {
	for _, ascii := range []bool{true, false} {
		k, seen := newLook(true, ascii, ""), map[string]bool{}
		for _, s := range []engine.HostStatus{engine.HostReady, engine.HostAttacking, engine.HostCooldown, engine.HostExcluded,
			engine.HostResidue, engine.HostUnreachable, engine.HostUnfit} {
			glyph, _ := k.host(s)
			if ansi.StringWidth(glyph) != 1 {
				t.Errorf("%s: %q is not one column wide", s, glyph)
			}
			if text := glyph + " " + string(s); seen[text] {
				t.Errorf("%q stands for two states", text)
			} else {
				seen[text] = true
			}
		}
	}
}

// looking is a console that has looked on for ten minutes, in which an attack ran and a gate turned red.
func looking(d *desk) *desk {
	for i := range 60 {
		s := armed()
		s.At = noon.Add(time.Duration(i-60) * 10 * time.Second)
		if i > 20 && i < 30 {
			s = attacking()
			s.At = noon.Add(time.Duration(i-60) * 10 * time.Second)
		}
		for j := range s.Gates {
			s.Gates[j].At = s.At
		}
		s.Gates[1].Text = fmt.Sprintf("%d errors of at most 5", (i*i/7)%6)
		if i == 27 {
			s.Gates[0].Clear, s.Gates[0].Text = false, "503 in 2.1s"
		}
		d.show(s)
	}
	return d.show(armed(), story()[:3]...)
}

// drawnOften is a snapshot whose draw has something to explain.
func drawnOften() engine.Snapshot {
	s := residue()
	s.Next = &engine.Draw{ID: "20260723-144153-7f3a91c2", At: noon.Add(-6 * time.Minute), Draw: 0x7f3a91c2d00df00d, Pool: 11, PoolHash: "9f86d081884c7d65",
		Blocked: []string{"db-005", "web-003", "web-008", "web-009"}, Eligible: 7, Pick: 4, Host: "web-002", Attack: "cpu-burn",
		Weights: map[string]int64{"cpu-burn": 10, "latency": 6, "kill-nginx": 5}}
	return s
}
