package tui

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/chaoscat/chaoscat/engine"
)

func TestASearchMarksLinesAndGoesFromOneToTheNext(t *testing.T) {
	o := &output{}
	o.learn(lines(0, 100), 0)
	seen(o)
	o.lookFor("line 7") // 7 and 70 to 79
	if len(o.search.hits) != 11 || o.search.hit != 79 {
		t.Fatalf("%d hits, at %d", len(o.search.hits), o.search.hit)
	}
	for _, c := range []struct{ by, want int }{{-1, 78}, {+1, 79}, {+1, 7}, {-1, 79}} {
		if o.another(c.by); o.search.hit != c.want {
			t.Errorf("%+d goes to %d, want %d", c.by, o.search.hit, c.want)
		}
		if got := seen(o); !slices.Contains(got, fmt.Sprint(c.want)) {
			t.Errorf("line %d is not on the screen: %q", c.want, got)
		}
	}
	o.learn(lines(700, 701), 0)
	if len(o.search.hits) != 12 {
		t.Error("a line that came later is not found")
	}
	o.learn(lines(0, keep), 0)
	if o.search.hits[0] < o.oldest() {
		t.Error("it finds lines that are gone")
	}
	o.another(+1)
}

func TestASearchWithinAFilterFindsShownLinesAlone(t *testing.T) {
	o := &output{}
	o.learn(lines(0, 100), 0)
	seen(o)
	o.filter("9")
	o.lookFor("line 5")
	if got := fmt.Sprint(o.search.hits); got != "[59]" {
		t.Errorf("found %s", got)
	}
	o.filter("")
	if len(o.search.hits) != 11 {
		t.Errorf("without the filter %d", len(o.search.hits))
	}
}

func TestKeysOfTheOutput(t *testing.T) {
	long := engine.Record{At: noon, Kind: engine.Line, Host: "web-002", Text: strings.Repeat("abcdefghij", 20) + "END"}
	d := newDesk(func(o *Options) { o.Plain = true }).show(attacking(), long).runes("3")
	if strings.Contains(d.m.View(), "END") {
		t.Fatal("the line is not long enough")
	}
	d.runes("w")
	wantScreen(t, d, "END")
	d.runes("w")
	d.keys(slices.Repeat([]tea.KeyMsg{rightKey}, 20)...)
	wantScreen(t, d, "END")
	wantScreen(t, d, "160 columns left")
	d.keys(slices.Repeat([]tea.KeyMsg{leftKey}, 20)...)
	wantScreen(t, d, "16:47:53 web-002")
	d.runes("t")
	if screen := d.m.View(); strings.Contains(screen, "16:47:53 web-002") {
		t.Error("the time is still there")
	}
	d.runes("/").runes("ABC").keys(enter)
	wantScreen(t, d, "/abc  1 of 1")
	d.runes("n")
	d.keys(esc)
	if d.m.output.search.needle != "" {
		t.Error("Esc does not end the search")
	}
	d.runes("n")
	wantScreen(t, d, "nothing is looked for")
}

func TestZoomGivesThePaneWithTheFocusTheScreen(t *testing.T) {
	d := newDesk(nil).show(armed(), story()...).runes("3z")
	if got := d.m.View(); strings.Contains(got, "2 Hosts") || !strings.Contains(got, "3 Output") {
		t.Error("not the output alone")
	}
	d.keys(tabKey)
	wantScreen(t, d, "1 Next attack")
	d.keys(esc)
	wantScreen(t, d, "2 Hosts")
}

func TestCopyingWrapsWhatStandsBetweenAndKeepsToWhatTerminalsTake(t *testing.T) {
	var sent []string
	env := map[string]string{}
	d := newDesk(func(o *Options) { o.Getenv = func(name string) string { return env[name] } }).show(armed(), story()...)
	d.runes("y")
	wantScreen(t, d, "this console has no way to the clipboard")
	d.m.clip = func(s string) { sent = append(sent, s) }
	d.runes("y")
	bare := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("api-006")) + "\x07"
	if len(sent) != 1 || sent[0] != bare {
		t.Fatalf("sent %q", sent)
	}
	wantScreen(t, d, "sent to the clipboard of the terminal: api-006")
	env["TMUX"] = "/tmp/tmux-0/default,1,0"
	d.runes("y")
	if want := bare + "\x1bPtmux;\x1b" + bare + "\x1b\\"; sent[1] != want {
		t.Errorf("in tmux %q, want %q", sent[1], want)
	}
	delete(env, "TMUX")
	env["STY"] = "1.pts-0"
	d.m.output.add(entry{at: noon, host: "web-001", text: strings.Repeat("x", 600)})
	d.runes("3y")
	for part := range strings.SplitSeq(sent[2], "\x1b\\") {
		if len(part) > 250 || part != "" && !strings.HasPrefix(part, "\x1bP") {
			t.Errorf("in screen a part of %d bytes: %q", len(part), part)
		}
	}
	d.m.output.add(entry{text: strings.Repeat("x", clipMost+1)})
	d.runes("y")
	if len(sent) != 3 {
		t.Error("more was sent than terminals take")
	}
	wantScreen(t, d, "not copied: 74,001 bytes")
}

// keysThenFile is the file that W wrote.
func written(t *testing.T, d *desk, dir string) string {
	t.Helper()
	_, cmd := d.m.Update(char('W'))
	msg, is := cmd().(savedMsg)
	if batch, many := cmd().(tea.BatchMsg); many {
		msg, is = batch[0]().(savedMsg)
	}
	if !is {
		t.Fatalf("W answers %T", cmd())
	}
	d.m.Update(msg)
	if msg.err != nil {
		t.Fatal(msg.err)
	}
	text, err := os.ReadFile(msg.path)
	if err != nil {
		t.Fatal(err)
	}
	wantScreen(t, d, " written to")
	if screen := strings.NewReplacer("\n", "", ">", "", " ", "").Replace(ansi.Strip(d.m.View())); !strings.Contains(screen, filepath.Base(msg.path)) {
		t.Errorf("the whole name is not on the screen:\n%s", d.m.View())
	}
	if filepath.Dir(msg.path) != dir {
		t.Errorf("written to %s", msg.path)
	}
	return string(text)
}

func TestAPaneIsWrittenToANewFileForItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(func(o *Options) { o.SaveDir = dir }).show(surveyed(), story()...)
	d.runes("/").runes("web-00").keys(enter)
	hosts := written(t, d, dir)
	if n := strings.Count(hosts, "web-00"); n < 6 || strings.Contains(hosts, "db-005") || strings.Contains(hosts, "\x1b") {
		t.Errorf("hosts:\n%s", hosts)
	}
	if out := written(t, d.runes("3"), dir); !strings.Contains(out, "cpu-burn on web-002 for 60s, by schedule") || strings.Contains(out, "\x1b") {
		t.Errorf("output:\n%s", out)
	}
	if why := written(t, d.runes("c"), dir); !strings.Contains(why, "0 errors of at most 5") {
		t.Errorf("gates:\n%s", why)
	}
	if a := written(t, d.keys(esc).runes("1"), dir); !strings.Contains(a, "blackhole") {
		t.Errorf("next attack:\n%s", a)
	}
	written(t, d, dir)
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
			if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
		}
		return err
	})
	if err != nil || files < 7 { // each is called for twice, and none of them was overwritten
		t.Errorf("%d files, %v", files, err)
	}
	d = newDesk(func(o *Options) { o.SaveDir = NoFiles }).show(armed()).runes("W")
	wantScreen(t, d, "writes no files")
	d = newDesk(func(o *Options) { o.SaveDir = filepath.Join(dir, "missing") }).show(armed())
	d.m.saved(savedMsg{err: fs.ErrNotExist})
	wantScreen(t, d, "not written: file does not exist")
}

func TestTheEventLogHasWhatIsKeptAndNoOutput(t *testing.T) {
	d := newDesk(nil).show(attacking(), story()...).runes("e")
	wantScreen(t, d, "holding: cpu busy 81 %")
	if d.m.events.added != 11 || d.m.output.added != 12 {
		t.Errorf("%d events, %d lines", d.m.events.added, d.m.output.added)
	}
	d.runes("/").runes("arming").keys(enter)
	wantScreen(t, d, "/arming  1 of 1")
	d.keys(esc)
	wantScreen(t, d, "Events")
	d.keys(esc)
	wantScreen(t, d, "3 Output")
}

func TestStopWorksOverEverySheetAndWhileANoteIsTyped(t *testing.T) {
	for _, open := range []string{"e", "c", "2\r", "1\r"} {
		d := newDesk(nil).show(armed(), story()...)
		for _, k := range open {
			if k == '\r' {
				d.keys(enter)
			} else {
				d.runes(string(k))
			}
		}
		if d.m.mode != viewing {
			t.Errorf("%q opens nothing", open)
		}
		d.runes("s")
		wantOrders(t, d, "stop")
	}
	d := newDesk(nil).show(attacking()).runes("i").runes("s").read(ctrlC)
	wantOrders(t, d, "stop")
}

func TestTheDetailsOfAHostTellWhyItMayOrMayNotBeAttacked(t *testing.T) {
	s := surveyed()
	s.Hosts.Facts = map[string]engine.Facts{"web-004": {At: noon, Infeasible: map[string]string{"latency": "no tc"}}}
	s.Hosts.Residue = map[string]engine.Leftover{"db-012": {Since: noon, Text: "qdisc netem still on eth0"}}
	last := engine.Record{Seq: 1, At: noon.Add(-time.Hour), Kind: engine.Closed, Host: "web-008", Attack: "latency",
		Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Figures: engine.Figures{Text: "rtt 1 -> 201 -> 1 ms"}}}
	d := newDesk(nil).show(s, last)
	for host, wants := range map[string][]string{
		"web-004": {"! not here: no tc", "10.0.0.4 port 22", "zone=eu-1a", "refuses user root", "nothing that is known of it"},
		"web-003": {"excluded by ops: migration, until 17:57:53"},
		"web-008": {"until Fri 14:47, after latency", "latency, effective undone: rtt 1 -> 201 -> 1 ms"},
		"web-011": {"exclude: web-011"},
		"db-012":  {"qdisc netem still on eth0"},
		"web-010": {"None among the records"},
	} {
		row, _ := d.m.roster.rowOf(host)
		d.m.roster.place(row)
		d.runes("2").keys(enter)
		screen := d.screen(120, 60)
		for _, want := range wants {
			if !strings.Contains(screen, want) {
				t.Errorf("%s: no %q in\n%s", host, want, screen)
			}
		}
		d.keys(esc)
	}
}

func TestWhyThisHostAlsoForTheOneThatRuns(t *testing.T) {
	draw := drawnOften().Next
	draw.ID = "20260723-0008"
	d := newDesk(nil).show(attacking(), engine.Record{Seq: 1, At: noon, Kind: engine.Drawn, Draw: draw}).runes("1").keys(enter)
	wantScreen(t, d, "The dice said 5 of 7")
	d = newDesk(nil).show(attacking()).runes("1").keys(enter)
	wantScreen(t, d, "was not seen from here: chaoscat explain")
}

func TestTheCurveOfAGateShowsTheWorstAndWhenAttacksRan(t *testing.T) {
	d := looking(newDesk(nil))
	k := newLook(true, true, "")
	curve, ran := d.m.trend.curve(k, "shop", noon, 90), d.m.trend.ran(k, noon, 90)
	if strings.Count(curve, "!") != 1 || strings.Count(ran, "*") < 9 || strings.Index(curve, "!") < strings.Index(ran, "*") {
		t.Errorf("\n%s\n%s", curve, ran)
	}
	if high := d.m.trend.curve(k, "orders", noon, 90); !strings.Contains(high, "^") || !strings.Contains(high, "_") {
		t.Errorf("a gate that measures is flat: %s", high)
	}
	s := armed()
	for i := range 3 * answersKept {
		s.At = s.At.Add(time.Second)
		s.Gates[0].At = s.At
		s.Running = attacking().Running[:i%2]
		d.m.trend.learn(&s)
	}
	if len(d.m.trend.gates["shop"].all) > answersKept || len(d.m.trend.attacks) > attacksKept {
		t.Error("it grows without end")
	}
}

// A console that is opened during an incident shows what was before it.
func TestTheCurveOfAGateHasWhatTheRecordsTellOfTheTimeBefore(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	d := newDesk(nil).show(armed(),
		engine.Record{Seq: 1, At: at(-14), Kind: engine.GateTurned, Text: "health shop: ok, 200 in 31ms"},
		engine.Record{Seq: 2, At: at(-10), Kind: engine.Intent, Run: "7", Host: "web-001"},
		engine.Record{Seq: 3, At: at(-9), Kind: engine.GateTurned, Text: "health shop: no, 503"},
		engine.Record{Seq: 4, At: at(-8), Kind: engine.Closed, Run: "7", Host: "web-001", Outcome: &engine.Outcome{}},
		engine.Record{Seq: 5, At: at(-6), Kind: engine.GateTurned, Text: "health shop: ok, 200 in 33ms"},
		engine.Record{Seq: 6, At: at(-5), Kind: engine.GateTurned, Text: "health gone: ok"},
		engine.Record{Seq: 7, At: at(+1), Kind: engine.GateTurned, Text: "health shop: no, later than the snapshot"})
	k := newLook(true, true, "")
	if curve, ran := d.m.trend.curve(k, "shop", noon, 15), d.m.trend.ran(k, noon, 15); curve != "_____!!!_______" || ran != "    ***        " {
		t.Errorf("\n%q\n%q", curve, ran)
	}
}

func TestMeasuredIsOnlyWhatStandsBesideALimit(t *testing.T) {
	for text, want := range map[string]string{
		"0 errors of at most 5": "0 true", "data.errors 3 < 5": "3 true", "p99 231ms <= 400ms": "231 true", "p99 231ms (limit 400ms)": "231 true",
		"status 200": "0 false", "200 in 31ms": "0 false", "": "0 false", "<": "0 false", "grace": "0 false", "a -> b": "0 false",
	} {
		value, is := measured(text)
		if got := fmt.Sprint(value, is); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestANoteGoesToTheEngineAsItWasTyped(t *testing.T) {
	d := newDesk(nil).show(attacking()).runes("i").runes("dashboards are red, ").read(paste("see #42\n")).keys(enter)
	if len(d.con.orders) != 1 || d.con.orders[0].Kind != engine.Remark || d.con.orders[0].Reason != "dashboards are red, see #42" || d.con.orders[0].Host != "" {
		t.Errorf("ordered %+v", d.con.orders)
	}
	wantScreen(t, d, "noted in the record")
	d.runes("i").keys(enter).runes("i").runes("nothing").keys(esc)
	if len(d.con.orders) != 1 {
		t.Error("an empty or abandoned note was sent")
	}
	d.runes("2").keys(enter).runes("i").runes("odd").keys(enter)
	if o := d.con.orders[1]; o.Host != "api-006" || o.Reason != "odd" {
		t.Errorf("over the details of a host: %+v", o)
	}
	d.runes("i").read(paste(strings.Repeat("ü", 2000))).keys(enter)
	if o := d.con.orders[2]; len(o.Reason) > 1000 {
		t.Errorf("%d bytes, more than the engine takes", len(o.Reason))
	}
}

func TestTheMouseIsTheTerminalsUntilAskedForAndNeverActs(t *testing.T) {
	click := func(x, y int) tea.MouseMsg {
		return tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress}
	}
	d := newDesk(nil).show(armed(), lines(0, 100)...)
	d.m.Update(click(10, 11))
	if d.m.roster.selected != "api-006" {
		t.Error("a click counts while the mouse is off")
	}
	d.runes("m")
	for y := range 24 {
		for x := 0; x < 80; x += 7 {
			d.m.Update(click(x, y))
		}
	}
	wantOrders(t, d)
	d.m.View()
	d.m.Update(click(10, 11)) // header 2, next attack 6, lid 1, heads 1: the second host
	if d.m.roster.selected != "api-007" || d.m.focus != onRoster {
		t.Errorf("selected %s in pane %d", d.m.roster.selected, d.m.focus)
	}
	d.m.Update(tea.MouseMsg{X: 10, Y: 20, Button: tea.MouseButtonWheelUp, Action: tea.MouseActionPress})
	if !d.m.output.reading {
		t.Error("the wheel does not scroll the output")
	}
	d.runes("r")
	d.m.Update(click(40, 12))
	wantOrders(t, d)
	if d.m.mode != asking {
		t.Error("a click answered a question")
	}
}

func TestThemesUseTheSixteenColoursAndSayTheSame(t *testing.T) {
	screens := map[string]string{}
	for _, name := range append(Themes(), "", "auto", "colour-blind") {
		if err := CheckTheme(name); err != nil {
			t.Error(err)
		}
		d := newDesk(func(o *Options) { o.Theme = name }).show(residue(), story()...)
		screen := d.screen(120, 40)
		if strings.Contains(screen, "38;") || strings.Contains(screen, "48;") || strings.Contains(screen, "\x1b[4") && strings.Contains(screen, "\x1b[41m") {
			t.Errorf("%s uses more than the 16 colours, or a background", name)
		}
		screens[name] = screen
		if ansi.Strip(screen) != ansi.Strip(screens["dark"]) {
			t.Errorf("%s says something else", name)
		}
	}
	if screens["dark"] == screens["deuteranopia"] || screens["mono"] == screens["light"] || screens["colour-blind"] != screens["deuteranopia"] {
		t.Error("themes look alike that should not, or the other way round")
	}
	if err := CheckTheme("solarized"); err == nil || !strings.Contains(err.Error(), "tritanopia") {
		t.Errorf("an unknown theme: %v", err)
	}
	d := newDesk(nil).show(armed()).runes("T")
	wantScreen(t, d, "theme light")
	d = newDesk(func(o *Options) { o.Plain = true }).show(armed()).runes("T")
	wantScreen(t, d, "colours are off")
}

// Whoever does not tell red from green must not need to.
func TestNoThemeForTheColourBlindRestsOnRedAgainstGreen(t *testing.T) {
	for _, th := range themes {
		if th.any && th.name != "dark" && th.name != "light" && th.good == ansi.Green {
			t.Errorf("%s shows what is good in green", th.name)
		}
	}
}

func TestSortingFollowsTheHostAndGoesBothWays(t *testing.T) {
	d := newDesk(nil).show(surveyed())
	d.m.roster.place(5)
	name := d.m.roster.selected
	for range int(sortable) {
		for range 2 {
			if got := d.m.roster.at(d.m.roster.cursor).Name; got != name || d.m.roster.selected != name {
				t.Fatalf("by %v the cursor is on %s, selected %s", d.m.roster.order.by, got, d.m.roster.selected)
			}
			if d.m.roster.count() != 12 {
				t.Errorf("%d hosts", d.m.roster.count())
			}
			d.runes("O")
		}
		d.runes("o")
	}
	if !d.m.roster.order.plain() || d.m.roster.rows != nil {
		t.Error("it does not come back to the names")
	}
	d.runes("o") // by state
	if got := d.m.roster.at(0).Name; got != "web-009" {
		t.Errorf("the first by state is %s, want the host that is out of reach", got)
	}
	d.runes("/").runes("db").keys(enter)
	if got := fmt.Sprint(names(&d.m.roster)); got != "[db-005 db-012]" {
		t.Errorf("filtered %s", got)
	}
	d.keys(esc).runes("O")
	if got := d.m.roster.at(11).Name; got != "web-009" {
		t.Errorf("reversed, the last is %s", got)
	}
	s := surveyed()
	s.Roster, s.RosterID = engine.NewRoster(s.Roster.Hosts()[3:]), 7
	d.show(s)
	if d.m.roster.count() != 9 {
		t.Errorf("after the inventory changed %d hosts", d.m.roster.count())
	}
}

func TestALargeRosterIsSortedAwayFromTheEventLoop(t *testing.T) {
	s := armed()
	s.Roster, s.RosterID = fleet(3*atOnce), 4
	d := newDesk(nil).show(s)
	cmd := d.m.nextColumn()
	if d.m.roster.order.hosts != nil || cmd == nil {
		t.Fatal("it was sorted at once")
	}
	d.m.Update(cmd().(orderedHostsMsg))
	if len(d.m.roster.order.hosts) != 3*atOnce || d.m.roster.count() != 3*atOnce {
		t.Errorf("%d hosts in order", len(d.m.roster.order.hosts))
	}
	late := d.m.nextColumn()
	d.m.nextColumn()
	d.m.Update(late().(orderedHostsMsg))
	if o := d.m.roster.order; o.hosts != nil {
		t.Error("an order that nobody wants any more was taken over")
	}
}

func TestMarksAreOfHostsAndAreAskedAbout(t *testing.T) {
	space := tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	d := newDesk(nil).show(armed()).keys(space, down, space)
	wantScreen(t, d, "2 marked")
	d.keys(char('x'))
	wantOrders(t, d)
	wantScreen(t, d, "2 hosts: api-006, db-005")
	d.keys(char('y'))
	if got := d.con.given(); len(got) != 2 || !slices.Contains(got, "exclude api-006") || !slices.Contains(got, "exclude db-005") {
		t.Errorf("the engine was given %q", got)
	}
	d.keys(space)
	s := armed()
	s.Roster, s.RosterID = fleet(3), 5
	d.show(s)
	if len(d.m.roster.marks) != 0 {
		t.Error("a mark stays when its host has left")
	}
}

func TestAReadOnlyConsoleGivesNoOrderButStop(t *testing.T) {
	d := newDesk(func(o *Options) { o.ReadOnly = true }).show(shaped())
	wantScreen(t, d, "READ-ONLY")
	for _, k := range "ry>pxai" {
		d.keys(char(k))
	}
	d.keys(enter)
	wantOrders(t, d)
	if d.m.mode != browsing && d.m.mode != viewing {
		t.Errorf("something was opened: mode %v", d.m.mode)
	}
	d.show(stopped()).keys(char('p'), char('y'))
	wantOrders(t, d)
	d.runes("s")
	wantOrders(t, d, "stop")
}

func TestKeysCanBeReboundAndStopCannotBeLost(t *testing.T) {
	mine := map[string]string{"skip": "K", "run-once": "R f5", "stop": "X f12", "wrap": "ctrl+w"}
	if err := CheckKeys(mine); err != nil {
		t.Fatal(err)
	}
	d := newDesk(func(o *Options) { o.Keys = mine }).show(armed()).keys(char('>'), char('K'))
	wantOrders(t, d, "skip")
	d.keys(char('r'))
	if d.m.mode != browsing {
		t.Error("the old key still works")
	}
	for _, k := range []tea.KeyMsg{char('s'), char('S'), char('X'), {Type: tea.KeyF12}} {
		d := newDesk(func(o *Options) { o.Keys = mine }).show(attacking()).read(k)
		wantOrders(t, d, "stop")
	}
	d = newDesk(func(o *Options) { o.Keys = mine }).show(attacking()).runes("/").runes("X")
	if wantOrders(t, d); d.m.field.text != "X" {
		t.Error("in a text field a character does not type")
	}
	d.read(tea.KeyMsg{Type: tea.KeyF12})
	wantOrders(t, d, "stop")
	d = newDesk(func(o *Options) { o.Keys = mine }).show(armed()).runes("?")
	if screen := d.screen(120, 60); !strings.Contains(screen, "   K         skip it") || !strings.Contains(screen, "R f5") {
		t.Errorf("the help tells of other keys:\n%s", screen)
	}
}

func TestEverythingThatIsWrongWithKeysIsSaidAtOnce(t *testing.T) {
	err := CheckKeys(map[string]string{"stopp": "X", "skip": "s", "zoom": "alt+z", "by-hand": "y", "sort": "", "wrap": "t", "pause": "ctrl+i"})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		`no action "stopp"; did you mean "stop"?`, `"s" is both stop and skip`, `zoom = "alt+z": terminals send Esc`, `by-hand = "y": it answers the question`,
		"sort has no key", `"t" is both wrap and times`, `"ctrl+i": terminals send tab`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if err := CheckKeys(map[string]string{"wrap": "t", "times": "w"}); err != nil {
		t.Errorf("two keys cannot be exchanged: %v", err)
	}
	if err := CheckKeys(nil); err != nil {
		t.Errorf("the console's own keys: %v", err)
	}
}

func TestTheHelpTellsEveryKeyThatHasAName(t *testing.T) {
	d := newDesk(func(o *Options) { o.GameDay, o.Attached = drill(), true }).show(armed())
	text := strings.Join(d.m.helpText(200, 60), "\n")
	for _, c := range commands(browsing) {
		if !strings.Contains(text, " "+firstWord(c.Help().Key)+" ") {
			t.Errorf("the help does not tell of %s", c.Help().Key)
		}
	}
}

// Every text from outside that a sheet, a dialog or a copy shows, with everything that could steer a terminal.
func TestNoTextFromOutsideSteersTheTerminalFromASheet(t *testing.T) {
	evil := "a\x1b[2J\x1b]52;c;eA==\x07\r\n\t\b\x00\x7f\u009b31m\u202e\u200d\ufe0f\xff\xc3z\u3000\U000e0041"
	s := shaped()
	s.Roster = engine.NewRoster([]engine.Host{{Name: evil, Address: evil, User: evil, Jump: evil, Groups: []string{evil}, Tags: map[string]string{evil: evil, "zone": evil}, Barred: evil}})
	s.RosterID = 9
	s.Hosts.Residue = map[string]engine.Leftover{evil: {Text: evil}}
	s.Hosts.Excluded = map[string]engine.Exclusion{evil: {By: evil, Reason: evil}}
	s.Hosts.Facts = map[string]engine.Facts{evil: {At: noon, Unreachable: evil, Busy: evil, Infeasible: map[string]string{evil: evil}}}
	s.Survey = &engine.Survey{Hosts: map[string]engine.Sighting{evil: {At: noon, Unreachable: evil, Facts: &engine.Facts{Summary: evil, Busy: evil}}}}
	s.Gates[0].Name, s.Gates[0].Text = evil, evil
	s.Attacks[0].Name, s.Shapes[0].Attack, s.Attacks[0].Hosts = evil, evil, nil
	s.Next = &engine.Draw{ID: evil, Host: evil, Hosts: []string{evil, evil}, Passed: []string{evil}, Attack: evil, PoolHash: evil, Blocked: []string{evil},
		Weights: map[string]int64{evil: 1}, Order: &engine.Order{By: evil, Door: evil, Reason: evil}}
	shape := &s.Shapes[0]
	shape.Summary, shape.Runs, shape.Undoes, shape.Layers = evil, evil, evil, []string{evil}
	shape.Params = []engine.ShapeParam{{Name: evil, Value: evil, Bounds: evil, Choices: []string{evil}, Help: evil}}
	ended := engine.Record{Seq: 1, At: noon, Kind: engine.Closed, Host: evil, Attack: evil, Text: evil, Outcome: &engine.Outcome{Detail: evil}}
	for _, size := range sizes {
		for _, open := range []string{"e", "c", "2\r", "1\r", "a", "i", "2 x", "3w", "3/a"} {
			for _, plain := range []bool{true, false} {
				d := newDesk(func(o *Options) { o.Plain = plain }).show(s, ended)
				for _, k := range open {
					if k == '\r' {
						d.keys(enter)
					} else {
						d.runes(string(k))
					}
				}
				d.read(paste(evil))
				checkScreen(t, d.screen(size.w, size.h), size.w, size.h, plain, false)
			}
		}
	}
	d := newDesk(func(o *Options) { o.SaveDir = t.TempDir() }).show(s, ended)
	for _, focus := range []string{"1", "2", "3"} {
		d.runes(focus)
		if _, text := d.m.content(); strings.ContainsAny(text(), "\x1b\x07\u009b\u202e") {
			t.Errorf("the file of pane %s would steer a terminal", focus)
		}
	}
}
