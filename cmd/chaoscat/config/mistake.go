package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Mistake is one thing that is wrong with a configuration. The zero Line does not occur: what is missing
// altogether is reported at the table that lacks it, or at line 1.
type Mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`              // from 1
	Key     string `json:"key,omitempty"`     // "attack.weight"; empty when the whole file is meant
	Message string `json:"message"`           // what is wrong
	Nearest string `json:"nearest,omitempty"` // the known word that was probably meant
	Hint    string `json:"hint,omitempty"`    // what to write instead
}

// Error is one line, fit for a terminal: chaoscat.toml:12: attack.wieght: unknown key; did you mean "weight"?
func (m Mistake) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: ", m.File, m.Line)
	if m.Key != "" {
		fmt.Fprintf(&b, "%s: ", m.Key)
	}
	b.WriteString(m.Message)
	if m.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %q?", m.Nearest)
	}
	if m.Hint != "" {
		fmt.Fprintf(&b, "; %s", m.Hint)
	}
	return printable(b.String())
}

// Mistakes is everything that is wrong with one configuration, in the order of the file.
type Mistakes struct{ List []Mistake }

// Error has one line for each mistake.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.List))
	for i, one := range m.List {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Collect makes one error of mistakes found in several places, in the order of the file; nil if there are none.
func Collect(list []Mistake) error {
	if len(list) == 0 {
		return nil
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return &Mistakes{List: sorted}
}

// printable keeps what somebody wrote into a file from steering the terminal it is shown on.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
