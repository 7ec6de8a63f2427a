package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/inventory"
	"github.com/chaoscat/chaoscat/tui"
)

// UI is how a console looks, and by which keys it goes. It is a person's own: a console that attaches to an engine
// elsewhere reads it from the configuration here.
type UI struct {
	Theme    string            // auto, one of [tui.Themes], or colour-blind, which is the older name of deuteranopia
	Glyphs   Glyphs            // the characters of borders and states
	Keys     map[string]string // other keys of actions, fit for [tui.CheckKeys]
	ReadOnly bool              // of all orders only stop is given from here
	Mouse    bool              // on from the start
	SaveDir  string            // where panes are written to; "" is the working directory
	OnHangup HangUp

	ascii bool // the older way to say glyphs = "ascii"
}

// Glyphs is which characters a console draws with.
type Glyphs string

// The three ways.
const (
	AutoGlyphs    Glyphs = "auto" // as the locale and the terminal allow
	UnicodeGlyphs Glyphs = "unicode"
	ASCIIGlyphs   Glyphs = "ascii"
)

// HangUp is what happens to running attacks when the terminal of a console goes away.
type HangUp string

// The two ways.
const (
	StopOnHangup  HangUp = "stop"
	LeaveOnHangup HangUp = "leave" // they run to their end, and the host undoes them
)

// DefaultUI is a console that nobody has said anything about.
func DefaultUI() UI { return UI{Theme: "auto", Glyphs: AutoGlyphs, OnHangup: StopOnHangup} }

func uiKeys(u *UI) []key {
	themes := append(append([]string{"auto"}, tui.Themes()...), "colour-blind")
	return []key{
		entry("theme", oneOf(&u.Theme, themes...), "colours; another than auto also overrides NO_COLOR"),
		entry("glyphs", oneOf(&u.Glyphs, AutoGlyphs, UnicodeGlyphs, ASCIIGlyphs), "characters of borders and states; auto looks at the locale"),
		entry("ascii", toggle(&u.ascii), `the older way to say glyphs = "ascii"`),
		entry("keys", actionKeys(&u.Keys), `other keys for actions: { skip = "K" }; stop only gains keys`),
		entry("read_only", toggle(&u.ReadOnly), "of all orders the console gives stop alone"),
		entry("mouse", toggle(&u.Mouse), "the mouse selects and scrolls from the start; m switches it"),
		entry("save_dir", file(&u.SaveDir, nil), "where W writes a pane to; otherwise the working directory"),
		entry("on_hangup", oneOf(&u.OnHangup, StopOnHangup, LeaveOnHangup), "running attacks when the terminal goes away"),
	}
}

// actionKeys takes a table of keys by action. One that is not right leaves every action its own keys: half of a
// person's keys is not what anybody's fingers know.
func actionKeys(into *map[string]string) value {
	return value{kind: "a table of keys by action", take: func(r *reading, at spot, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.wrongType(at, `a table: { skip = "K" }`, v)
			return
		}
		before, given := len(r.mistakes), map[string]string{}
		for _, action := range slices.Sorted(maps.Keys(m)) {
			if keys, ok := m[action].(string); ok {
				given[action] = keys
			} else {
				r.wrongType(at.key(action), "a string in quotes, with a blank between several keys", m[action])
			}
		}
		for _, m := range tui.KeyMistakes(given) {
			r.wrongKey(at.key(m.Action), m)
		}
		if len(r.mistakes) == before {
			*into = given
		}
	}}
}

func (r *reading) wrongKey(at spot, m tui.KeyMistake) {
	wrong := r.wrong(at, "%s", m.Why)
	if !m.Unknown {
		return
	}
	wrong.Message = fmt.Sprintf("there is no action %s", show(m.Action))
	if wrong.Nearest = inventory.Nearest(m.Action, tui.Actions()); wrong.Nearest == "" {
		wrong.Hint = "there are: " + strings.Join(tui.Actions(), ", ")
	}
}

// checkUI joins the two ways to ask for plain characters.
func (r *reading) checkUI(u *UI) {
	switch {
	case !u.ascii:
	case u.Glyphs == UnicodeGlyphs:
		r.wrong(r.at("ui.ascii"), `is true, and glyphs = "unicode"`).Hint = "remove one of the two"
	default:
		u.Glyphs = ASCIIGlyphs
	}
}

// PeekUI reads the [ui] of a configuration alone: a person whose engine runs elsewhere may have written nothing
// else, and mistakes in other places must not keep anybody from a console. The error is [*Mistakes] when something
// in it is not right; then what is returned has everything that is.
func PeekUI(path string, files Files) (UI, error) {
	u := DefaultUI()
	data, stat, err := files.Read(path)
	if err != nil {
		return u, fmt.Errorf("reading the configuration: %w", err)
	}
	r := &reading{file: path, base: files.folder(path), files: files}
	if tree := r.parse(data, stat); tree["ui"] != nil {
		r.table(spot{place: r.root}.key("ui"), tree["ui"], uiKeys(&u))
		r.checkUI(&u)
	}
	return u, Collect(r.mistakes)
}
