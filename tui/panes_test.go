package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

func names(r *roster) []string {
	var all []string
	for i := range r.count() {
		all = append(all, r.at(i).Name)
	}
	return all
}

func TestTheSelectionStaysWithItsHostWhenTheRosterChanges(t *testing.T) {
	var r roster
	r.learn(smallFleet(), 1)
	r.place(5)
	if r.selected != "web-002" {
		t.Fatalf("selected %s", r.selected)
	}
	hosts := slices.Clone(smallFleet().Hosts())
	for i := range 3 {
		hosts = append(hosts, engine.Host{Name: fmt.Sprintf("aaa-%d", i)})
	}
	r.learn(engine.NewRoster(hosts), 2)
	if r.selected != "web-002" || r.at(r.cursor).Name != "web-002" {
		t.Errorf("selected %s, the cursor is on %s", r.selected, r.at(r.cursor).Name)
	}
	r.filter("web")
	if r.at(r.cursor).Name != "web-002" {
		t.Errorf("after filtering the cursor is on %s", r.at(r.cursor).Name)
	}
}

// The lesson of htop: a key must not act on what slid under the cursor.
func TestWhenTheSelectedHostLeavesTheInventoryNothingIsSelected(t *testing.T) {
	d := newDesk(nil).show(armed()).keys(down)
	if d.m.roster.selected != "api-007" {
		t.Fatal(d.m.roster.selected)
	}
	s := armed()
	hosts := slices.DeleteFunc(slices.Clone(s.Roster.Hosts()), func(h engine.Host) bool { return h.Name == "api-007" })
	s.Roster, s.RosterID = engine.NewRoster(hosts), 2
	d.show(s).keys(char('x'))
	wantOrders(t, d)
	wantScreen(t, d, "no host is selected")
	d.keys(down, char('x'))
	if got := d.con.given(); len(got) != 1 || got[0] == "exclude api-007" {
		t.Errorf("the engine was given %q", got)
	}
}

func TestAFilterLooksIntoNameAddressGroupsAndTagsOfAnyCase(t *testing.T) {
	r := roster{}
	r.learn(engine.NewRoster([]engine.Host{
		{Name: "a", Address: "10.0.0.1", Groups: []string{"Web"}},
		{Name: "B.example", Address: "10.0.0.22", Tags: map[string]string{"zone": "eu-1b"}},
		{Name: "c", Address: "10.0.1.1", Groups: []string{"db", "linux"}},
	}), 1)
	for needle, want := range map[string][]string{
		"":          {"B.example", "a", "c"},
		"10.0.0.":   {"B.example", "a"},
		"web":       {"a"},
		"LINUX":     {"c"},
		"zone=eu":   {"B.example"},
		"b.ex":      {"B.example"},
		"nothing":   nil,
		"dblinux":   nil, // words do not run into each other
		"10.0.0.1b": nil, // nor hosts
	} {
		r.filter("")
		r.filter(needle)
		if got := names(&r); !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", needle, got, want)
		}
	}
}

// Narrowing letter by letter searches what is left; it must find what searching everything finds.
func TestAFilterTypedLetterByLetterFindsTheSame(t *testing.T) {
	source := fleet(3000)
	for _, needle := range []string{"web-0001", "eu-1b", "10.0.7.", "payments", "zzz"} {
		var slow, quick roster
		slow.learn(source, 1)
		quick.learn(source, 1)
		quick.filter(needle)
		for i := range needle {
			slow.filter(needle[:i+1])
		}
		if !slices.Equal(slow.rows, quick.rows) {
			t.Errorf("%q: %d hosts letter by letter, %d at once", needle, len(slow.rows), len(quick.rows))
		}
		for i := len(needle); i >= 0; i-- {
			slow.filter(needle[:i])
		}
		if slow.count() != source.Len() {
			t.Errorf("%q: taken away again leaves %d hosts", needle, slow.count())
		}
	}
}

func TestFilterKeysNarrowKeepAndClear(t *testing.T) {
	d := newDesk(nil).show(armed()).runes("/").runes("web-00")
	if d.m.roster.count() != 6 {
		t.Fatalf("%d hosts", d.m.roster.count())
	}
	d.keys(enter, down)
	if d.m.roster.selected != "web-002" || d.m.mode != browsing {
		t.Errorf("selected %s in mode %v", d.m.roster.selected, d.m.mode)
	}
	d.keys(esc)
	if d.m.roster.count() != 12 || d.m.roster.selected != "web-002" {
		t.Errorf("%d hosts, selected %s", d.m.roster.count(), d.m.roster.selected)
	}
	d.runes("/x").keys(tea.KeyMsg{Type: tea.KeyBackspace}, tea.KeyMsg{Type: tea.KeyBackspace})
	if d.m.mode != browsing {
		t.Error("backspace in an empty field does not leave it")
	}
}

func lines(from, to int) []engine.Record {
	var all []engine.Record
	for i := from; i < to; i++ {
		all = append(all, engine.Record{Seq: uint64(i), At: noon, Kind: engine.Line, Host: "web-001", Text: fmt.Sprintf("line %d", i)})
	}
	return all
}

func seen(o *output) []string {
	s := scene{zone: time.UTC}
	p := o.view(newLook(true, true, ""), &s, rect{60, 7})
	var all []string
	for _, row := range p.rows {
		if _, text, ok := strings.Cut(row, "line "); ok {
			all = append(all, strings.TrimSpace(text))
		}
	}
	return append(all, strings.TrimPrefix(p.title, "3 Output  "))
}

func TestOutputFollowsUntilSomebodyScrollsUp(t *testing.T) {
	o := &output{}
	o.learn(lines(0, 100), 0)
	want := func(w ...string) {
		t.Helper()
		if got := seen(o); !slices.Equal(got, w) {
			t.Errorf("seen %q, want %q", got, w)
		}
	}
	want("95", "96", "97", "98", "99", "following")
	o.move(lineUp)
	want("94", "95", "96", "97", "98", "PAUSED, 1 line below, G follows")
	o.learn(lines(100, 137), 0)
	want("94", "95", "96", "97", "98", "PAUSED, 38 lines below, G follows")
	o.move(toBottom)
	want("132", "133", "134", "135", "136", "following")
	o.move(toTop)
	want("0", "1", "2", "3", "4", "PAUSED, 132 lines below, G follows")
	o.move(pageDown)
	want("5", "6", "7", "8", "9", "PAUSED, 127 lines below, G follows")
	o.toggle()
	want("132", "133", "134", "135", "136", "following")
	o.toggle()
	o.learn(lines(137, 138), 0)
	want("132", "133", "134", "135", "136", "PAUSED, 1 line below, G follows")
}

func TestOutputKeepsTheNewestLinesAndSaysWhichAreMissing(t *testing.T) {
	o := &output{}
	o.learn(lines(0, 10), 0)
	o.move(lineUp)
	seen(o)
	o.move(toTop)
	o.learn(lines(10, keep+50), 0)
	if got := seen(o); got[0] != "50" {
		t.Errorf("the reader's lines are gone, the oldest that is kept should be shown: %q", got)
	}
	o.follow()
	o.learn(lines(0, 2), 312)
	o.shown = 5
	p := o.view(newLook(true, true, ""), &scene{zone: time.UTC}, rect{60, 7})
	if !strings.Contains(p.rows[2], "312 lines not shown") {
		t.Errorf("rows %q", p.rows)
	}
}

func TestCountdownsGoOnBetweenSnapshots(t *testing.T) {
	d := newDesk(func(o *Options) { o.Plain = true }).show(armed())
	wantScreen(t, d, "in 23:10")
	d.wait(10 * time.Second)
	wantScreen(t, d, "in 23:00")
	wantScreen(t, d, "closes in 04:11:57")
}

func TestALostLinkShowsHowOldTheScreenIs(t *testing.T) {
	d := newDesk(nil).show(armed()).wait(5 * time.Second)
	d.m.Update(newsMsg{lost: true})
	d.wait(36 * time.Second)
	wantScreen(t, d, "[DISCONNECTED 41s]")
	d.show(armed())
	wantScreen(t, d, "[ARMED]")

	s := armed()
	s.LinkLost = d.time.Add(-7 * time.Second)
	d.show(s)
	wantScreen(t, d, "[DISCONNECTED 7s]")
}

// Every way that a text from outside can reach the screen, with everything that could steer a terminal.
func TestNoTextFromOutsideSteersTheTerminal(t *testing.T) {
	evil := "a\x1b[2J\x1b]52;c;eA==\x07\r\n\t\b\x00\x7f\u009b31m\u202e\u200d\ufe0f\xff\xc3z\u3000\U000e0041"
	s := attacking()
	s.Name, s.Version, s.Window.Text, s.Verdict.Sentence = evil, evil, evil, evil
	s.Gates[0].Name, s.Gates[0].Text = evil, evil
	s.Running[0].ID, s.Running[0].By, s.Running[0].Figures.Text, s.Running[0].Attack.Name = evil, evil, evil, evil
	s.Running[0].Reason, s.Running[0].Guard.Layers = evil, []string{evil}
	s.Recent[0].Host, s.Recent[0].Attack = evil, evil
	s.Roster = engine.NewRoster([]engine.Host{{Name: evil, Groups: []string{evil}, Tags: map[string]string{"zone": evil}, Barred: evil}})
	d := newDesk(nil).show(s, engine.Record{At: noon, Kind: engine.Line, Host: evil, Text: evil}, engine.Record{At: noon, Kind: engine.PhaseNew, Run: evil, Phase: engine.Arming, Text: evil})
	d.con.refuse(evil)
	for _, size := range sizes {
		for _, keys := range []string{"", "q", "?", "p", "s"} {
			d.m.mode = browsing
			checkScreen(t, d.runes(keys).screen(size.w, size.h), size.w, size.h, false, false)
		}
		next := armed()
		next.Next.Host, next.Next.Attack, next.Chances[0].Attack, next.Chances[0].Note = evil, evil, evil, evil
		d.show(next).runes("r")
		checkScreen(t, d.screen(size.w, size.h), size.w, size.h, false, false)
		d.m.mode = browsing
		d.show(s)
	}
}

func FuzzNoLineIsWiderThanTheScreen(f *testing.F) {
	f.Add("web-001", "größe 負荷 \x1b[31m", 80, 24)
	f.Add("👩‍👩‍👧‍👦", "e\u0301\u0301\u0301", 61, 17)
	f.Fuzz(func(t *testing.T, host, text string, w, h int) {
		w, h = 1+abs(w)%250, 1+abs(h)%80
		s := attacking()
		s.Verdict.Sentence, s.Running[0].Host.Name = text, host
		s.Roster = engine.NewRoster([]engine.Host{{Name: host, Address: text}})
		d := newDesk(nil).show(s, engine.Record{Kind: engine.Line, Host: host, Text: text})
		for _, keys := range []string{"", "?", "q", "\x1b2\r", "\x1be/" + text, "\x1b\x1bc", "\x1b3wtz", "\x1b\x1boi" + text} {
			for _, k := range keys {
				switch k {
				case '\x1b':
					d.read(esc)
				case '\r':
					d.read(enter)
				case 's', 'S': // stops, and closes what is to be looked at
				default:
					d.read(char(k))
				}
			}
			for i, l := range strings.Split(d.screen(w, h), "\n") {
				if n := ansi.StringWidth(l); n > w || i >= h {
					t.Fatalf("line %d of %d takes %d columns of %d: %q", i+1, h, n, w, l)
				}
			}
		}
	})
}

func abs(n int) int { return max(n, -n, 0) }

func TestTheScreenIsDrawnAnewOnlyWhenSomethingHappened(t *testing.T) {
	d := newDesk(nil).show(armed())
	first := d.m.View()
	d.m.frame = "kept"
	d.m.Update(struct{}{})
	if d.m.View() != "kept" {
		t.Error("an event that means nothing redraws the screen")
	}
	d.wait(0)
	if d.m.View() != first {
		t.Error("the same moment looks different")
	}
}
