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
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for i, row := range rows {
		if i == 0 && a.quiet {
			continue
		}
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = printable.Printable(cell)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return w.Flush()
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
