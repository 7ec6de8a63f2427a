package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// schema numbers the JSON shapes; it rises when a key changes its meaning, not when one is added.
const schema = 1

// lines writes one JSON object a line.
func (a *app) lines(rows ...any) error {
	encoder := json.NewEncoder(a.out)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// table writes aligned columns; the first row is the heading.
func (a *app) table(rows [][]string) error {
	if a.quiet && len(rows) > 0 {
		rows = rows[1:]
	}
	return a.plainTable(rows)
}

// plainTable writes aligned columns without a heading, within the width of the terminal if it goes to one. Whoever
// reads it otherwise finds each row in one line.
func (a *app) plainTable(rows [][]string) error {
	clean := make([][]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			clean[i] = append(clean[i], printable.Printable(cell))
		}
	}
	for _, line := range aligned(clean, a.columns()) {
		if _, err := fmt.Fprintln(a.out, line); err != nil {
			return err
		}
	}
	return nil
}

// columns is how wide the terminal is that output goes to; 0 is no terminal, where nothing is too wide.
func (w world) columns() int {
	f, is := w.out.(*os.File)
	if !is {
		return 0
	}
	width, _, err := term.GetSize(f.Fd())
	if err != nil {
		return 0
	}
	return width
}

// narrow tells whether the terminal has no room for tables of many columns.
func (w world) narrow() bool {
	n := w.columns()
	return n > 0 && n < 120
}

// between is the room between two columns, and narrowest what a column is not squeezed below.
const between, narrowest = 2, 10

// aligned sets rows in columns. What does not fit into the width is broken over several lines, the widest columns
// first; with a width of 0, and where even that is in vain, every row is one line.
func aligned(rows [][]string, width int) (lines []string) {
	widths := squeezed(widthsOf(rows), width)
	for _, row := range rows {
		cells, deep := make([][]string, len(row)), 1
		for i, cell := range row {
			cells[i] = wrapped(cell, widths[i])
			deep = max(deep, len(cells[i]))
		}
		for j := range deep {
			var line strings.Builder
			for i := range cells {
				text := ""
				if j < len(cells[i]) {
					text = cells[i][j]
				}
				line.WriteString(text + strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(text))+between))
			}
			lines = append(lines, strings.TrimRight(line.String(), " "))
		}
	}
	return lines
}

// wrapped breaks a text at its blanks, and a word only where it is wider than the whole.
func wrapped(text string, width int) (lines []string) {
	if ansi.StringWidth(text) <= width {
		return []string{text}
	}
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && ansi.StringWidth(line)+1+ansi.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		}
		parts := strings.Split(ansi.Hardwrap(word, max(1, width), false), "\n")
		lines, line = append(lines, parts[:len(parts)-1]...), strings.TrimPrefix(line+" "+parts[len(parts)-1], " ")
	}
	return append(lines, line)
}

func widthsOf(rows [][]string) (widths []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	return widths
}

// squeezed takes from the widest columns until all fit.
func squeezed(widths []int, width int) []int {
	total := between * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	fitting := slices.Clone(widths)
	for ; width > 0 && total > width; total-- {
		widest := 0
		for i, w := range fitting {
			if w >= fitting[widest] { // of several the last, which is where sentences stand
				widest = i
			}
		}
		if fitting[widest] <= narrowest {
			return widths
		}
		fitting[widest]--
	}
	return fitting
}

// counted is a number with its noun: 1 host, 2 hosts.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// moment is a time for JSON: null where it is not known.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ago is an age as people say it.
func ago(then, now time.Time) string {
	if then.IsZero() {
		return "never"
	}
	return engine.Span(now.Sub(then).Round(time.Second)) + " ago"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
