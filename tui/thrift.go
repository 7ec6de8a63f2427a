package tui

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// thrift makes frames short. Bubble Tea writes a changed line whole, two hundred columns for the last digit of a
// clock; of a frame with few changed lines, thrift writes the cells that are not on the screen yet. It remembers
// each line as it was last written, and forgets all of them when anything else is written, a clearing of the screen
// among it. What it does not understand it passes on as it came.
type thrift struct {
	lines []string
	width int // of the screen that was painted last
}

const (
	home = "\x1b[H"
	// fewLines is how many changed lines are worth the comparison: in output that scrolls, cells differ anyway.
	fewLines = 12
	// fewCells is the longest run of unchanged cells that is written again rather than jumped over.
	fewCells = 6
	// fewFeeds is the longest run of line feeds that is not longer than the sequence for it.
	fewFeeds = 4
)

// spare is what is left to be written of what was to be written.
func (t *thrift) spare(p []byte) []byte {
	tail := bytes.LastIndex(p, []byte("\x1b["))
	if !isFrame(p) || tail < len(home) || p[len(p)-1] != 'H' {
		t.lines = nil
		return p
	}
	return t.shorten(p, tail)
}

// shorten spares the lines of a frame, which end where its tail puts the cursor to its place. A frame in which
// every line is written is one that does not trust what the screen shows, so neither does thrift.
func (t *thrift) shorten(frame []byte, tail int) []byte {
	lines := strings.Split(string(frame[len(home):tail]), "\n")
	kept, changed := min(len(t.lines), len(lines)), 0
	t.lines = slices.Grow(t.lines[:kept], len(lines)-kept)[:len(lines)]
	clear(t.lines[kept:])
	for _, l := range lines {
		if l != "" {
			changed++
		}
	}
	sparing := changed <= fewLines && changed < len(lines)
	for i, l := range lines {
		if l == "" {
			continue
		}
		text := strings.TrimSuffix(l, "\r")
		switch {
		case changed < len(lines) && text == t.lines[i]:
			lines[i] = ""
			changed--
		case sparing:
			lines[i] = difference(t.lines[i], text) + l[len(text):]
		}
		t.lines[i] = text
	}
	if changed == 0 {
		return nil
	}
	return append(append([]byte(home), jumped(lines)...), frame[tail:]...)
}

// frame is what is written for a screen that is painted at once: of its lines those that are not there yet. On a
// screen of another size nothing is sure.
func (t *thrift) frame(screen string, width int) []byte {
	lines := strings.Split(screen, "\n")
	if len(lines) != len(t.lines) || width != t.width {
		t.lines = make([]string, len(lines))
	}
	t.width = width
	for i, l := range lines {
		if lines[i] = ""; strings.TrimSuffix(t.lines[i], ansi.EraseLineRight) == l && t.lines[i] != "" {
			continue
		}
		if ansi.StringWidth(l) < width { // behind the last column it would erase that
			l += ansi.EraseLineRight
		}
		lines[i] = l + "\r"
	}
	lines[len(lines)-1] = strings.TrimSuffix(lines[len(lines)-1], "\r")
	frame := home + strings.Join(lines, "\n")
	return t.shorten([]byte(frame+"\x1b["+strconv.Itoa(len(lines))+";H"), len(frame))
}

// jumped joins the lines, and goes down over many unchanged ones at once.
func jumped(lines []string) []byte {
	var out []byte
	feeds := 0
	flush := func() {
		if feeds > fewFeeds {
			out = append(out, "\x1b["+strconv.Itoa(feeds)+"B"...)
		} else {
			out = append(out, "\n\n\n\n"[:feeds]...)
		}
		feeds = 0
	}
	for i, l := range lines {
		if l != "" {
			flush()
			out = append(out, l...)
		}
		if i < len(lines)-1 {
			feeds++
		}
	}
	flush()
	return out
}

// cell is one column of a line: what it shows, and every change of style since the last return to none.
type cell struct {
	sign  rune
	style string
}

const plainStyle = "\x1b[m"

// difference is what turns a line on the screen into another, or the other line whole where that is not sure.
func difference(before, after string) string {
	was, wasSure := cells(before)
	is, sure := cells(after)
	if !wasSure || !sure || len(was) != len(is) || before == "" {
		return after
	}
	var b strings.Builder
	style := ""
	for i := 0; i < len(is); i++ {
		if was[i] == is[i] {
			continue
		}
		b.WriteString("\x1b[" + strconv.Itoa(i+1) + "G")
		for end := runEnd(was, is, i); i < end; i++ {
			if is[i].style != style {
				b.WriteString(plainStyle + is[i].style)
				style = is[i].style
			}
			b.WriteRune(is[i].sign)
		}
	}
	if style != "" {
		b.WriteString(plainStyle)
	}
	return b.String()
}

// runEnd is where the changed cells that begin at i end, with short unchanged runs between them.
func runEnd(was, is []cell, i int) int {
	end := i + 1
	for same := 0; i < len(is) && same <= fewCells; i++ {
		if same++; was[i] != is[i] {
			same, end = 0, i+1
		}
	}
	return end
}

// cells reads a line, and says whether it is sure of the column of each: of a line with other sequences than those
// of style, or with a sign that is not one column wide, it is not. Where a short line ends, the screen is empty.
func cells(line string) (all []cell, sure bool) {
	line = strings.TrimSuffix(line, ansi.EraseLineRight)
	style := ""
	for len(line) > 0 {
		if line[0] == '\x1b' {
			sequence, rest, found := strings.Cut(line, "m")
			if !found || !strings.HasPrefix(sequence, "\x1b[") || strings.Trim(sequence[2:], "0123456789;") != "" {
				return nil, false
			}
			if line = rest; sequence == "\x1b[" || sequence == "\x1b[0" {
				style = ""
			} else {
				style += sequence + "m"
			}
			continue
		}
		sign, size := utf8.DecodeRuneInString(line)
		if sign < ' ' || sign == utf8.RuneError || sign > '~' && ansi.StringWidth(line[:size]) != 1 {
			return nil, false
		}
		all, line = append(all, cell{sign, style}), line[size:]
	}
	return all, true
}
