package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// clean makes text harmless to a terminal: what is not printable becomes a question mark, and every
// space is a plain one. Texts were cleaned where they came in; this is the last door before the screen.
// In ASCII mode everything else goes too, because a terminal that does not speak UTF-8 may take the second
// byte of a letter for a control code.
func (k *look) clean(text string) string {
	if harmless(text) {
		return text
	}
	if k.ascii {
		text = inASCII.Replace(text)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r), unicode.Is(unicode.Variation_Selector, r):
			return '?'
		case k.ascii && r > unicode.MaxASCII:
			return '?'
		}
		return r
	}, text)
}

// inASCII spells the signs that our own texts and those of people use; a question mark means not known.
var inASCII = strings.NewReplacer(
	"→", "->", "←", "<-", "⇒", "=>", "…", "...", "·", "-", "•", "*", "–", "-", "—", "--", "−", "-",
	"‘", "'", "’", "'", "“", "\"", "”", "\"", "„", "\"", "«", "<<", "»", ">>", "×", "x", "≥", ">=", "≤", "<=", "≠", "!=", "±", "+-", "≈", "~",
	"µ", "u", "μ", "u", "°", " deg", "✓", "+", "✔", "+", "✗", "x", "✘", "x", "▲", "*", "█", "#", "░", ".",
	"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "é", "e", "è", "e", "à", "a", "ç", "c", "ñ", "n",
)

func harmless(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// columns is how much of a line the text takes.
func columns(text string) int {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return ansi.StringWidth(text)
		}
	}
	return len(text)
}

// shorten makes the text fit the columns; what was cut is marked.
func (k *look) shorten(text string, width int) string {
	switch {
	case width <= 0:
		return ""
	case columns(text) <= width:
		return text
	}
	return ansi.Truncate(text, width, k.cut)
}

// atWord is shorten for a sentence: it ends with a whole word, where there is one.
func (k *look) atWord(text string, width int) string {
	short := k.shorten(text, width)
	if short == text {
		return text
	}
	kept := strings.TrimSuffix(short, k.cut)
	next, _, _ := strings.Cut(strings.TrimPrefix(text, kept), " ")
	if i := strings.LastIndexByte(kept, ' '); i > 0 && strings.Trim(next, ",;:.") != "" {
		kept = kept[:i]
	}
	return strings.TrimRight(kept, " ,;:") + k.cut
}

// line is one row being written: it cleans what is put in and cannot become wider than it was made.
type line struct {
	look  *look
	width int
	used  int
	whole ink // one ink for the whole row, in place of the parts' own
	text  strings.Builder
}

func (k *look) newLine(width int) *line { return &line{look: k, width: max(0, width)} }

// row is a line in one ink for its whole width.
func (k *look) row(width int, in ink) *line {
	l := k.newLine(width)
	l.whole = in
	l.text.WriteString(in.on)
	return l
}

func (l *line) put(in ink, text string) *line {
	text = l.look.shorten(l.look.clean(text), l.width-l.used)
	l.used += columns(text)
	if l.whole.on != "" {
		in = ink{}
	}
	l.text.WriteString(in.paint(text))
	return l
}

// cell puts text into a column of that width, followed by a blank.
func (l *line) cell(in ink, text string, width int) *line {
	start := l.used
	l.put(in, l.look.shorten(l.look.clean(text), width))
	return l.to(start + width + 1)
}

// to pads with blanks up to a column.
func (l *line) to(column int) *line {
	if n := min(column, l.width) - l.used; n > 0 {
		l.text.WriteString(strings.Repeat(" ", n))
		l.used += n
	}
	return l
}

// String is the row, padded to its full width.
func (l *line) String() string {
	l.to(l.width)
	return l.text.String() + l.whole.off
}

// wrap breaks text at blanks into lines of at most that width, and of at most that number. A word that is longer
// than a line, a path for one, goes on in the next.
func (k *look) wrap(text string, width, limit int) []string {
	var lines []string
	for word := range strings.FieldsSeq(pieces(k.clean(text), width)) {
		last := len(lines) - 1
		switch {
		case last >= 0 && columns(lines[last])+1+columns(word) <= width:
			lines[last] += " " + word
		case len(lines) < limit:
			lines = append(lines, k.shorten(word, width))
		default:
			lines[last] = k.shorten(lines[last]+" "+word, width)
			if columns(lines[last]) >= width {
				return lines
			}
		}
	}
	return lines
}

// pieces cuts words that are longer than a line.
func pieces(text string, width int) string {
	if columns(text) <= width || width < 8 {
		return text
	}
	words := strings.Fields(text)
	for i, word := range words {
		if columns(word) > width {
			words[i] = ansi.Hardwrap(word, width, false)
		}
	}
	return strings.Join(words, " ")
}

// clock is a countdown: 04:12:07, or 00:19 below an hour where short is asked for.
func clock(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	if d >= 100*time.Hour {
		return fmt.Sprintf("%dd %02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%02d:%02d:%02d", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
}

// brief is a countdown of something that takes minutes.
func brief(d time.Duration) string {
	if d >= time.Hour {
		return clock(d)
	}
	d = max(0, d).Round(time.Second)
	return fmt.Sprintf("%02d:%02d", d/time.Minute, d%time.Minute/time.Second)
}

// span is a length of time in one number: 41s, 5m, 2h, 6d.
func span(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// thousands writes 12,481.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
