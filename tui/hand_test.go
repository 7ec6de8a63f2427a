package tui

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

var (
	backspace = tea.KeyMsg{Type: tea.KeyBackspace}
	leftKey   = tea.KeyMsg{Type: tea.KeyLeft}
	rightKey  = tea.KeyMsg{Type: tea.KeyRight}
	shiftTab  = tea.KeyMsg{Type: tea.KeyShiftTab}
)

func paste(text string) tea.KeyMsg {
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true}
}

// line goes to the line of that name.
func (d *desk) line(t *testing.T, name string) *desk {
	t.Helper()
	for range d.m.hand.lines() {
		if l := d.m.hand.lines()[d.m.hand.at]; l.name == name || name == "Cancel" && l.shown == name || name == "confirm" && l.field == &d.m.hand.confirm {
			return d
		}
		d.keys(tabKey)
	}
	t.Fatalf("the dialog has no line %q", name)
	return d
}

// write puts a text in place of what a line has.
func (d *desk) write(t *testing.T, name, text string) *desk {
	t.Helper()
	d.line(t, name).keys(tea.KeyMsg{Type: tea.KeyCtrlU})
	if text != "" {
		d.wait(time.Second).runes(text)
	}
	return d
}

func TestAnAttackByHandSaysExactlyWhatWasTyped(t *testing.T) {
	d := newDesk(nil).show(shaped()).runes("a").line(t, "Attack").runes("l")
	d.write(t, "Hosts", "web-010").write(t, "For", "90s").write(t, "delay", "350ms").write(t, "Reason", "session 3")
	d.line(t, "direction").keys(rightKey)
	wantOrders(t, d)
	d.write(t, "confirm", "web-010").keys(enter)
	if len(d.con.orders) != 1 {
		t.Fatalf("the engine was given %q: %s", d.con.given(), d.m.hand.trouble)
	}
	o := d.con.orders[0]
	o.ID = ""
	want := engine.Order{Kind: engine.RunOnce, By: "ada", Door: "console", Attack: "latency", Host: "web-010", For: 90 * time.Second, Reason: "session 3",
		Params: map[string]string{"delay": "350ms", "direction": "both"}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("ordered\n%+v, want\n%+v", o, want)
	}
	if d.m.mode != browsing {
		t.Error("the dialog stays after the order was taken")
	}
}

func TestAnAttackByHandOnManyIsConfirmedByTheirNumber(t *testing.T) {
	for _, c := range []struct {
		what, hosts, many, word string
		marks                   []string
		want                    engine.Order
	}{
		{"a group", "group:web", "3", "3", nil, engine.Order{Within: []engine.Selector{{"group:web"}}, Count: 3, Together: true}},
		// web-011 is barred, so seven of the eight web hosts count; half of them is three.
		{"a percentage becomes the number that was typed", "group:web", "50%", "3", nil, engine.Order{Within: []engine.Selector{{"group:web"}}, Count: 3, Together: true}},
		{"several terms", "group:db tag:zone=eu-1a", "4", "4", nil, engine.Order{Within: []engine.Selector{{"group:db", "tag:zone=eu-1a"}}, Count: 4, Together: true}},
		{"any", "", "2", "2", nil, engine.Order{Count: 2, Together: true}},
		{"the marked ones", markedWord, "", "2", []string{"db-005", "api-006"}, engine.Order{Hosts: []string{"api-006", "db-005"}, Together: true}},
		{"one left to chance, by the attack's name", "group:db", "1", "cpu-burn", nil, engine.Order{Within: []engine.Selector{{"group:db"}}, Count: 1}},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := newDesk(nil).show(shaped())
			for _, name := range c.marks {
				d.m.roster.selected = name
				d.m.mark()
			}
			d.runes("a").write(t, "Hosts", c.hosts)
			if c.many != "" {
				d.write(t, "How many", c.many)
			}
			if c.want.Together {
				d.line(t, "If one fails").keys(rightKey)
			}
			d.write(t, "confirm", "1").keys(enter)
			wantOrders(t, d)
			d.write(t, "confirm", c.word).keys(enter)
			if len(d.con.orders) != 1 {
				t.Fatalf("nothing was ordered: %q", d.m.hand.trouble)
			}
			o := d.con.orders[0]
			got := engine.Order{Host: o.Host, Hosts: o.Hosts, Within: o.Within, Count: o.Count, Percent: o.Percent, Together: o.Together}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("ordered %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestADialogBeginsWhereEnterDoesNothing(t *testing.T) {
	d := newDesk(nil).show(shaped()).keys(char('a'), enter)
	if d.m.mode != browsing {
		t.Error("Enter did not cancel")
	}
	wantOrders(t, d)
	d = newDesk(nil).show(shaped()).keys(char('a'))
	for _, k := range []rune("ry1xq>p") {
		d.keys(char(k))
	}
	wantOrders(t, d)
	if d.m.mode != choosing {
		t.Error("a key of the panes closed the dialog")
	}
}

func TestWhatWasTypedToConfirmCountsForNothingAfterAChange(t *testing.T) {
	for name, change := range map[string]func(*desk){
		"attack": func(d *desk) { d.line(t, "Attack").keys(rightKey) },
		"hosts":  func(d *desk) { d.write(t, "Hosts", "web-002") },
		"param":  func(d *desk) { d.write(t, "load", "100") },
	} {
		d := newDesk(nil).show(shaped()).runes("a").write(t, "Hosts", "web-010").write(t, "confirm", "web-010")
		change(d)
		d.line(t, "confirm").keys(enter)
		wantOrders(t, d)
		if d.m.hand.trouble == "" {
			t.Errorf("%s: it does not say why nothing ran", name)
		}
	}
}

// The roster reorders, a host leaves, another is drawn: the dialog names what it named.
func TestADialogKeepsToTheHostItNames(t *testing.T) {
	d := newDesk(nil).show(shaped()).runes("a").write(t, "Hosts", "web-010").write(t, "confirm", "web-010")
	other := shaped()
	other.Roster, other.RosterID = fleet(50), 9
	other.Next = &engine.Draw{ID: "other", Host: "db-00001", Attack: "reboot"}
	d.show(other).keys(enter)
	wantOrders(t, d, "run-once cpu-burn web-010")
}

func TestARefusalIsSaidInTheDialog(t *testing.T) {
	d := newDesk(nil).show(shaped())
	d.con.refuse("web-010 is resting for 3h more")
	d.runes("a").write(t, "Hosts", "web-010").write(t, "confirm", "web-010").keys(enter)
	wantScreen(t, d, "not run: web-010 is resting for 3h more")
	if d.m.mode != choosing || d.m.hand.confirm.text != "" {
		t.Error("after a refusal the dialog is not as before")
	}
}

func TestADialogSaysWhatIsWrongBeforeTheEngineMust(t *testing.T) {
	for _, c := range []struct{ line, text, want string }{
		{"Hosts", "nobody", "no host matches"},
		{"Hosts", "web-011", "kept out by the configuration"},
		{"Hosts", "tag:zone", "tag:NAME=VALUE"},
		{"For", "1h", "10m at most"},
		{"For", "soon", "a time like 90s"},
	} {
		d := newDesk(nil).show(shaped()).runes("a").write(t, c.line, c.text)
		word, _ := d.m.hand.word()
		d.write(t, "confirm", word).keys(enter)
		wantOrders(t, d)
		if !strings.Contains(d.m.hand.trouble, c.want) {
			t.Errorf("%s %q: it says %q", c.line, c.text, d.m.hand.trouble)
		}
	}
}

func TestInADialogSTypesInTextAloneAndControlCStopsEverywhere(t *testing.T) {
	d := newDesk(nil).show(shaped()).runes("a").runes("s")
	wantOrders(t, d, "stop")
	d = newDesk(nil).show(shaped()).runes("a").write(t, "Reason", "sss")
	wantOrders(t, d)
	wantScreen(t, d, "ctrl+c STOP ALL")
	d.read(ctrlC)
	wantOrders(t, d, "stop")
	if d.m.mode != browsing {
		t.Error("the dialog stays open after a stop")
	}
}

func TestADialogIsLockedWhileAttackingAndOnASmallScreen(t *testing.T) {
	d := newDesk(nil).show(attacking()).runes("a")
	if d.m.mode != browsing {
		t.Error("opened while an attack runs")
	}
	d = newDesk(nil).show(shaped()).runes("a").write(t, "Hosts", "web-010").write(t, "confirm", "web-010")
	d.show(attacking()).keys(enter)
	wantOrders(t, d)
	d.screen(50, 8)
	if d.m.mode != browsing {
		t.Error("it stays on a screen that is too small")
	}
}

func TestAPasteGoesIntoTheLineAndNothingElse(t *testing.T) {
	d := newDesk(nil).show(shaped()).runes("a").read(paste("web-010\n"))
	wantOrders(t, d)
	d.write(t, "Hosts", "").read(paste("web-010\ny"))
	if d.m.hand.hosts.text != "web-010y" {
		t.Errorf("the line has %q", d.m.hand.hosts.text)
	}
	wantOrders(t, d)
}

func TestSuggestionsAreTheGroupsAndTagsThatSeveralShare(t *testing.T) {
	d := newDesk(nil).show(shaped()).runes("a").line(t, "Hosts")
	var seen []string
	for range 8 {
		d.keys(rightKey)
		seen = append(seen, d.m.hand.hosts.text)
	}
	want := "[group:api group:db group:web tag:zone=eu-1a tag:zone=eu-1b tag:zone=eu-1c api-006 group:api]"
	if got := fmt.Sprint(seen); got != want {
		t.Errorf("suggested %s, want %s", got, want)
	}
	d.keys(leftKey, shiftTab, backspace)
	wantOrders(t, d)
}
