package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

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

// plainTable writes aligned columns without a heading.
func (a *app) plainTable(rows [][]string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = printable.Printable(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
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
