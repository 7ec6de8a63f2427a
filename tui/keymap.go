package tui

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/bubbles/key"
)

// Keys can be given other keys than their own, by the name of the action: "skip" = "K", or several separated by
// blanks. Stop can only gain keys.

const stopName = "stop"

// opens are the actions that a question or a dialog follows: their key must not be one that answers.
var opens = []string{"run-once", "by-hand", "pause", "exclude", "quit", "approve", "begin-step", "leave-out-step"}

// keyNames are the keys that have a name rather than a character.
var keyNames = []string{"tab", "shift+tab", "enter", "esc", "space", "up", "down", "left", "right", "pgup", "pgdown", "home", "end",
	"insert", "delete", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12"}

// usable says why a name is no key that can be bound; "" if it can.
func usable(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	letter, control := strings.CutPrefix(name, "ctrl+")
	switch {
	case size == len(name) && unicode.IsPrint(r) && r != utf8.RuneError, slices.Contains(keyNames, name):
		return ""
	case control && len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'z':
		if strings.Contains("him", letter) {
			return "terminals send " + map[string]string{"h": "backspace", "i": "tab", "m": "enter"}[letter] + " for it"
		}
		return ""
	case strings.HasPrefix(name, "alt+"):
		return "terminals send Esc and the key for it"
	}
	return "it is no key: write a character, ctrl+a to ctrl+z, or one of " + strings.Join(keyNames, " ")
}

// asPressed is the name of a key as Bubble Tea says it.
func asPressed(name string) string {
	if name == "space" {
		return " "
	}
	return name
}

// Actions are the names that keys can be given to, sorted.
func Actions() []string {
	seen := map[string]bool{}
	for m := browsing; m <= cramped; m++ {
		for _, c := range commands(m) {
			seen[c.name] = true
		}
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// KeyMistake is one thing that is wrong with [Options].Keys.
type KeyMistake struct {
	Action  string // whose keys they are, as it was written
	Unknown bool   // there is no such action; see [Actions]
	Why     string // a sentence about what was given
}

// Error is the sentence with what it is about.
func (m *KeyMistake) Error() string { return "keys: " + m.Why }

// CheckKeys says everything that is wrong with [Options].Keys: actions that do not exist, keys that do not, keys
// that two actions would have, and keys that would make an emergency stop or a confirmation unreliable.
func CheckKeys(keys map[string]string) error {
	var wrong []error
	actions := Actions()
	for _, m := range KeyMistakes(keys) {
		if m.Unknown {
			m.Why += nearest(m.Action, actions)
		}
		wrong = append(wrong, &m)
	}
	return errors.Join(wrong...)
}

// KeyMistakes is [CheckKeys] for who knows where each action was written, and what is near an unknown one.
func KeyMistakes(keys map[string]string) (wrong []KeyMistake) {
	actions := Actions()
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(actions, name) {
			wrong = append(wrong, KeyMistake{name, true, fmt.Sprintf("there is no action %q", name)})
			continue
		}
		given := strings.Fields(keys[name])
		if len(given) == 0 {
			wrong = append(wrong, KeyMistake{name, false, name + " has no key"})
		}
		for _, k := range given {
			if why := usable(k); why != "" {
				wrong = append(wrong, KeyMistake{name, false, fmt.Sprintf("%s = %q: %s", name, k, why)})
			}
			if slices.Contains(opens, name) && slices.Contains([]string{"y", "n", "enter", "esc", "space"}, k) {
				wrong = append(wrong, KeyMistake{name, false, fmt.Sprintf("%s = %q: it answers the question that %s asks", name, k, name)})
			}
		}
	}
	return append(wrong, clashes(keys)...)
}

// clashes are the keys that two actions of one mode would have, each told once, where it was written.
func clashes(keys map[string]string) (wrong []KeyMistake) {
	told := map[string]bool{}
	for m := browsing; m <= cramped; m++ {
		owner := map[string]command{}
		for _, c := range rebound(commands(m), keys) {
			name := cmp.Or(c.name, c.Help().Desc)
			for _, k := range c.Keys() {
				other, taken := owner[k]
				clash := fmt.Sprintf("%q is both %s and %s", strings.ReplaceAll(k, " ", "space"), cmp.Or(other.name, other.Help().Desc), name)
				if taken && !told[clash] {
					told[clash] = true
					wrong = append(wrong, KeyMistake{writer(keys, c.name, other.name), false, clash})
				}
				owner[k] = c
			}
		}
	}
	return wrong
}

// writer is the first of the actions that was given keys: the other has those that it always had.
func writer(keys map[string]string, actions ...string) string {
	for _, name := range actions {
		if _, given := keys[name]; given {
			return name
		}
	}
	return ""
}

// nearest suggests what may have been meant.
func nearest(name string, actions []string) string {
	for _, a := range actions {
		if strings.HasPrefix(a, name) || strings.HasPrefix(name, a) || strings.Contains(a, name) {
			return fmt.Sprintf("; did you mean %q?", a)
		}
	}
	return "; there are: " + strings.Join(actions, ", ")
}

// rebound is the commands with other keys. Stop keeps its own and gains the others; where text is typed, it
// gains those alone that do not type.
func rebound(all []command, keys map[string]string) []command {
	if len(keys) == 0 {
		return all
	}
	typing := slices.ContainsFunc(all, func(c command) bool { return c.name == stopName && !slices.Contains(c.Keys(), "s") })
	for i := range all {
		c := &all[i]
		given := strings.Fields(keys[c.name])
		if c.name == "" || len(given) == 0 {
			continue
		}
		shown := strings.Join(given, " ")
		for j := range given {
			given[j] = asPressed(given[j])
		}
		if c.name == stopName {
			if typing {
				given = slices.DeleteFunc(given, func(k string) bool { return utf8.RuneCountInString(k) == 1 })
			}
			c.Binding = bind(append(c.Keys(), given...), c.Help().Key, c.Help().Desc)
			continue
		}
		c.Binding = key.NewBinding(key.WithKeys(given...), key.WithHelp(shown, c.Help().Desc))
	}
	return all
}

// commands are those of a mode under the person's own keys; made once, since every key and every frame asks.
func (m *root) commands(of mode) []command {
	if m.keymap == nil {
		m.keymap = map[mode][]command{}
	}
	if m.keymap[of] == nil {
		m.keymap[of] = rebound(commands(of), m.options.Keys)
	}
	return m.keymap[of]
}
