package tui

import (
	"fmt"
	"slices"
	"strings"
)

// search is what is looked for among the lines of a pane, and where it was found. It keeps up with lines that
// come and go, so that neither drawing nor counting looks at all of them.
type search struct {
	needle string // lower case; "" looks for nothing
	hits   []int  // numbers of the lines that have it, oldest first
	hit    int    // the one that was gone to last
}

func (s *search) any() bool { return len(s.hits) > 0 }

func (s *search) has(number int) bool {
	_, found := slices.BinarySearch(s.hits, number)
	return found
}

// offer looks at a new line.
func (s *search) offer(number int, e entry) {
	if s.needle != "" && e.contains(s.needle) {
		s.hits = append(s.hits, number)
	}
}

// forget drops what is no longer kept.
func (s *search) forget(oldest int) {
	for len(s.hits) > 0 && s.hits[0] < oldest {
		s.hits = s.hits[1:]
	}
}

// contains tells whether the line has the text, in its name or behind it.
func (e entry) contains(needle string) bool {
	return strings.Contains(strings.ToLower(e.text), needle) || strings.Contains(strings.ToLower(e.host), needle)
}

// title tells where the search stands.
func (s *search) title() string {
	switch {
	case s.needle == "":
		return ""
	case !s.any():
		return "  /" + s.needle + "  not found"
	}
	at, _ := slices.BinarySearch(s.hits, s.hit)
	return fmt.Sprintf("  /%s  %s of %s", s.needle, thousands(min(at+1, len(s.hits))), thousands(len(s.hits)))
}

// paint puts the text on the line, what is looked for reversed.
func (s *search) paint(l *line, in ink, text string) *line {
	lower := strings.ToLower(text)
	for s.needle != "" && len(lower) == len(text) {
		at := strings.Index(lower, s.needle)
		if at < 0 {
			break
		}
		end := at + len(s.needle)
		l.put(in, text[:at]).put(l.look.selected, text[at:end])
		text, lower = text[end:], lower[end:]
	}
	return l.put(in, text)
}

// lookFor finds all lines that have the text, and goes to the newest.
func (o *output) lookFor(text string) {
	o.search = search{needle: strings.ToLower(strings.TrimSpace(text)), hit: -1}
	for i := o.first(); i < o.end() && o.search.needle != ""; i++ {
		o.search.offer(o.number(i), o.line(i))
	}
	if o.search.any() {
		o.goTo(len(o.search.hits) - 1)
	}
}

// another goes to the next line that was found, or to the one before; after the last comes the first.
func (o *output) another(by int) {
	n := len(o.search.hits)
	if n == 0 {
		return
	}
	at, here := slices.BinarySearch(o.search.hits, o.search.hit)
	if !here && by > 0 {
		at-- // the line is gone; the next one stands in its place
	}
	o.goTo((at + by + n) % n)
}

// goTo brings a line that was found into the middle, and holds still there.
func (o *output) goTo(hit int) {
	o.search.hit = o.search.hits[hit]
	at := o.search.hit
	if o.needle != "" {
		i, _ := slices.BinarySearch(o.found, at)
		at = o.passed + i
	}
	o.bottom = min(o.end(), at+1+max(0, o.shown/2))
	o.reading = o.bottom < o.end()
}
