// Package printable makes text from outside harmless: the output of a host, a name from an inventory, the
// words of an error that quotes either.
//
// It escapes and does not strip, so that what was there can still be read, and so that nothing can hide in
// what a stripper takes for ordinary text: C1 controls written as UTF-8, carriage returns, backspaces,
// bidirectional overrides, zero-width and tag characters, line feeds that forge a second line. Do it once,
// at the edge where the bytes come in; doing it twice changes nothing.
//
//	printable.Printable("ok\x1b]52;c;cHduZWQ=\x07")   ok\x1b]52;c;cHduZWQ=\x07, as those letters
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Columns is the most that a line may take on a screen, the mark of the cut included.
	Columns = 512
	// marks is how many combining characters one cell may carry; more pile up over the neighbouring lines.
	marks = 3
	// cut stands where a line went on.
	cut = '…'
)

// Printable is s as one line that any terminal and any log may show: printable characters as they are, a
// tab as a space, everything else as \xNN (a byte that is not UTF-8, or a character below 0x100), \uNNNN or
// \UNNNNNNNN. It takes at most [Columns] columns and is idempotent. A backslash stays a backslash: the
// result is for reading, not for decoding.
func Printable(s string) string {
	if plain(s) {
		return s
	}
	var line builder
	for len(s) > 0 && !line.full {
		r, size := utf8.DecodeRuneInString(s)
		line.put(r, s[:size])
		s = s[size:]
	}
	return line.String()
}

// Short is the beginning of what is longer than so many characters, and all of what is not.
func Short(s string, most int) string {
	n := 0
	for at := range s {
		if n == most {
			return s[:at] + string(cut)
		}
		n++
	}
	return s
}

// plain spares the usual case, a short line of ASCII, every allocation.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= Columns
}

// builder is a line in the making. It remembers where it would have to be cut, so that the sign of the cut
// still fits.
type builder struct {
	strings.Builder
	columns int
	room    int  // bytes of the line that leave a column for the sign of the cut
	marks   int  // combining characters in the last cell
	bearing bool // whether the last cell may carry any: not at the start of a line, not after an escape
	full    bool
}

func (b *builder) put(r rune, raw string) {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		b.escape(fmt.Sprintf(`\x%02x`, raw[0]))
	case r == '\t':
		b.add(" ", 1, true)
	case !visible(r):
		b.escape(escape(r))
	case !unicode.Is(unicode.M, r):
		b.add(raw, columns(r), true)
	case b.bearing && b.marks < marks:
		b.mark(raw)
	default:
		b.escape(escape(r))
	}
}

func (b *builder) escape(text string) { b.add(text, len(text), false) }

func (b *builder) add(text string, width int, bearing bool) {
	if b.columns+width > Columns {
		b.cut()
		return
	}
	b.WriteString(text)
	b.columns += width
	b.marks, b.bearing = 0, bearing
	b.keep()
}

func (b *builder) mark(text string) {
	b.marks++
	b.WriteString(text)
	b.keep()
}

// keep remembers the longest beginning after which there is still a column for the sign of the cut.
func (b *builder) keep() {
	if b.columns < Columns {
		b.room = b.Len()
	}
}

func (b *builder) cut() {
	kept := b.String()[:b.room]
	b.Reset()
	b.WriteString(kept)
	b.WriteRune(cut)
	b.full = true
}

func escape(r rune) string {
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// visible tells whether the character leaves ink, or is a plain space. Besides what Unicode calls
// unprintable, these are the letters and marks that are drawn as nothing.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(blank, r)
}

// blank are characters that IsPrint lets pass although they show nothing: fillers, joiners, and variation
// selectors, which can carry hidden text.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1},
		{Lo: 0x115f, Hi: 0x1160, Stride: 1},
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1},
		{Lo: 0x2800, Hi: 0x2800, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1},
	},
}

// columns is how many cells the character takes at most. Terminals differ; two for everything that may be
// wide keeps the bound true on all of them.
func columns(r rune) int {
	if r >= 0x1100 {
		return 2
	}
	return 1
}
