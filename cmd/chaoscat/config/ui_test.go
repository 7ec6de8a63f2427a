package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/tui"
)

func TestWhateverIsWrongWithTheConsoleIsRefusedAtItsLine(t *testing.T) {
	for _, c := range []struct{ name, ui, want string }{
		{"a theme that is none", `theme = "deuteranopa"`, `15: ui.theme: "deuteranopa" is not known; did you mean "deuteranopia"?`},
		{"the same word without its hyphen", `theme = "colourblind"`, `15: ui.theme: "colourblind" is not known; did you mean "colour-blind"?`},
		{"a theme like no other", `theme = "solarized"`, `15: ui.theme: "solarized" is not known; it must be "auto" or "dark" or "light" or "deuteranopia" or "tritanopia" or "mono" or "colour-blind"`},
		{"a misspelt action", `keys = { skpi = "K" }`, `15: ui.keys.skpi: there is no action "skpi"; did you mean "skip"?`},
		{"an action like no other", `keys = { frobnicate = "K" }`, `15: ui.keys.frobnicate: there is no action "frobnicate"; there are: ` + strings.Join(tui.Actions(), ", ")},
		{"a key that no terminal sends", `keys = { skip = "alt+k" }`, `15: ui.keys.skip: skip = "alt+k": terminals send Esc and the key for it`},
		{"a key that is stop's", "keys = { zoom = \"Z\",\nskip = \"s\" }", `16: ui.keys.skip: "s" is both stop and skip`},
		{"a key that another action has by itself", `keys = { skip = "w" }`, `15: ui.keys.skip: "w" is both skip and wrap`},
		{"a key that answers its own question", `keys = { by-hand = "y", copy = "Y" }`, `15: ui.keys.by-hand: by-hand = "y": it answers the question that by-hand asks`},
		{"no key at all", `keys = { skip = "" }`, `15: ui.keys.skip: skip has no key`},
		{"a list", `keys = { skip = ["K"] }`, `15: ui.keys.skip: is a list; it must be a string in quotes, with a blank between several keys`},
		{"a key instead of a table", `keys = "K"`, `15: ui.keys: is the string "K"; it must be a table: { skip = "K" }`},
		{"both ways to say it, and not the same", "ascii = true\nglyphs = \"unicode\"", `15: ui.ascii: is true, and glyphs = "unicode"; remove one of the two`},
		{"glyphs that are none", `glyphs = "utf-8"`, `15: ui.glyphs: "utf-8" is not known; it must be "auto" or "unicode" or "ascii"`},
		{"a word for a switch", `read_only = "yes"`, `15: ui.read_only: is the string "yes"; it must be true or false, without quotes`},
		{"another's home", `save_dir = "~root/x"`, `15: ui.save_dir: "~root/x": only ~/ is understood, not another user's home`},
		{"a key of the table that is none", `readonly = true`, `15: ui.readonly: unknown key; did you mean "read_only"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mistakes(t, small+"[ui]\n"+c.ui+"\n")
			if want := []string{"chaoscat.toml:" + c.want}; !slices.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), want[0])
			}
			u, err := PeekUI("chaoscat.toml", memory("[ui]\n"+c.ui+"\n", nil))
			if err == nil || tui.CheckKeys(u.Keys) != nil || tui.CheckTheme(u.Theme) != nil {
				t.Errorf("alone it reads as %+v, %v", u, err)
			}
		})
	}
}

func TestMistakesInKeysComeAtOnceWithAllOthers(t *testing.T) {
	got := mistakes(t, with(attackLine, attackLine+"weight = -1\n")+"[ui]\ntheme = \"drak\"\nkeys = { skpi = \"K\", zoom = \"s\" }\n")
	want := []string{
		`chaoscat.toml:8: attack.weight: is -1; it must not be negative`,
		`chaoscat.toml:16: ui.theme: "drak" is not known; did you mean "dark"?`,
		`chaoscat.toml:17: ui.keys.skpi: there is no action "skpi"; did you mean "skip"?`,
		`chaoscat.toml:17: ui.keys.zoom: "s" is both stop and zoom`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryThemeOfTheConsoleMayBeWritten(t *testing.T) {
	for _, theme := range append([]string{"auto", "colour-blind"}, tui.Themes()...) {
		c, err := load(small + fmt.Sprintf("[ui]\ntheme = %q\n", theme))
		if err != nil || c.UI.Theme != theme || tui.CheckTheme(theme) != nil {
			t.Errorf("%s: %v", theme, err)
		}
	}
}

func TestEveryActionIsNamedInTheExample(t *testing.T) {
	_, ui, _ := strings.Cut(example(t), "[ui]\n")
	words := strings.FieldsFunc(ui, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	for _, action := range tui.Actions() {
		if !slices.Contains(words, action) {
			t.Errorf("%s is not there", action)
		}
	}
}

// Whoever only looks at an engine elsewhere need not describe hosts and gates.
func TestTheConsoleAloneCanBeConfigured(t *testing.T) {
	own := DefaultUI()
	own.Theme, own.Keys = "light", map[string]string{"skip": "K"}
	for name, c := range map[string]struct {
		conf string
		want UI
	}{
		"nothing but [ui]":          {"[ui]\ntheme = \"light\"\nkeys = { skip = \"K\" }\n", own},
		"mistakes elsewhere":        {"nmae = 1\n[schedule]\n[ui]\ntheme = \"light\"\nkeys.skip = \"K\"\n", own},
		"no [ui]":                   {small, DefaultUI()},
		"a whole one":               {small + "[ui]\ntheme = \"light\"\nkeys = { skip = \"K\" }\n", own},
		"the older word for glyphs": {"[ui]\nascii = true\n", UI{Theme: "auto", Glyphs: ASCIIGlyphs, ascii: true, OnHangup: StopOnHangup}},
	} {
		if got, err := PeekUI("chaoscat.toml", memory(c.conf, nil)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestWhatIsRightAboutAConsoleIsKeptBesideWhatIsNot(t *testing.T) {
	u, err := PeekUI("chaoscat.toml", memory("[ui]\ntheme = \"light\"\nkeys = { skip = \"K\", zoom = \"s\" }\n", nil))
	var wrong *Mistakes
	if !errors.As(err, &wrong) || len(wrong.List) != 1 || wrong.List[0].Line != 3 {
		t.Errorf("mistakes %v", err)
	}
	if u.Theme != "light" || u.Keys != nil {
		t.Errorf("read as %+v", u)
	}
	for name, conf := range map[string]string{"no TOML": "[ui\n", "empty": "", "no table": "ui = 1\n"} {
		if u, err := PeekUI("chaoscat.toml", memory(conf, nil)); err == nil || !reflect.DeepEqual(u, DefaultUI()) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
}
