package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schedule says when attacks may happen at all.
type Schedule struct {
	Location   *time.Location
	Days       [7]bool // by time.Weekday
	Hours      []HourRange
	Closures   []Closure
	CheckEvery time.Duration // how often the engine looks, normally 1m
	Wait       time.Duration // rest after an attack, normally 10m
	MaxPerDay  int           // 0 means no limit
	Groups     []HostHours   // hosts with hours of their own; a host in several must be in the hours of each
	// PerHostMean is how often each host is attacked, on average, by the calendar; only open time counts towards it. The
	// pauses between attacks are then drawn, and Wait is the shortest. 0 attacks again after each Wait.
	PerHostMean time.Duration

	text string // the line of String, made once by NewPlan
}

// Hours are days of the week and times of those days, in the schedule's zone.
type Hours struct {
	Days   [7]bool     `json:"days"` // by time.Weekday
	Ranges []HourRange `json:"ranges"`
}

// HostHours are the only time, within the schedule's, in which some hosts may be attacked.
type HostHours struct {
	Hosts Selector
	Hours Hours
}

// HourRange is half-open wall-clock time, in minutes after midnight. An end at or before the start is
// on the following day, and the range belongs to the day on which it starts; 1440 is the midnight that
// ends the day.
type HourRange struct{ Start, End int }

// Closure takes time away from the windows, half-open: a freeze, a holiday.
type Closure struct {
	From, To time.Time
	Name     Reason // Frozen or Holiday
	Reason   string
}

func (c Closure) covers(t time.Time) bool { return !t.Before(c.From) && t.Before(c.To) }

// Window is a half-open stretch of time in which attacks may happen.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Contains tells whether t is in the window; its end is not.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.Start) && t.Before(w.End) }

const (
	horizon = 400 // days ahead in which the next opening is looked for: longer than any sane freeze
	// horizonYears away is no end that anybody has written: what closes for so long closes until it is mended.
	horizonYears = 100
	adjoined     = 8 // days ahead over which adjoining windows count as one
)

// Open is the window that t is in, with adjoining windows joined up to a week ahead.
func (s Schedule) Open(t time.Time) (Window, bool) {
	if _, closed := s.Closure(t); closed {
		return Window{}, false
	}
	var w Window
	for i := -1; i <= adjoined; i++ {
		open := !w.End.IsZero()
		grown := false
		for d := range s.day(t, i) {
			switch {
			case !open && d.Contains(t):
				w, open, grown = d, true, true
			case open && !d.Start.After(w.End) && d.End.After(w.End):
				w.End, grown = d.End, true
			}
		}
		if i > 0 && !grown {
			break // today and yesterday have been seen, and nothing adjoins
		}
	}
	return s.shorten(w, t), !w.End.IsZero()
}

// shorten takes away from an open window what closures before and after t leave.
func (s Schedule) shorten(w Window, t time.Time) Window {
	for _, c := range s.Closures {
		if c.From.After(t) && c.From.Before(w.End) {
			w.End = c.From
		}
		if !c.To.After(t) && c.To.After(w.Start) {
			w.Start = c.To
		}
	}
	return w
}

// NextOpening is the first moment after t at which a window opens; false if none does within 400 days.
func (s Schedule) NextOpening(t time.Time) (first time.Time, found bool) {
	for i := -1; i < horizon; i++ {
		seen := found
		for d := range s.day(t, i) {
			for _, w := range s.cut([]Window{d}) {
				if w.Start.After(t) && (!found || w.Start.Before(first)) {
					first, found = w.Start, true
				}
			}
		}
		if seen { // one day more, since a closure may end inside an overnight window
			break
		}
	}
	return first, found
}

// Closure is the freeze or holiday that t is in.
func (s Schedule) Closure(t time.Time) (Closure, bool) {
	for _, c := range s.Closures {
		if c.covers(t) {
			return c, true
		}
	}
	return Closure{}, false
}

// Windows lists the windows that end after from and begin on the day of to or earlier, in order, joined
// where one ends as the next begins, with closures cut out.
func (s Schedule) Windows(from, to time.Time) []Window {
	var found []Window
	for i := -1; !s.date(from, i).After(s.date(to, 0)); i++ {
		for w := range s.day(from, i) {
			if w.End.After(from) {
				found = append(found, w)
			}
		}
	}
	slices.SortFunc(found, func(a, b Window) int { return a.Start.Compare(b.Start) })
	return s.cut(join(found))
}

// date is the i-th day after that of t in the schedule's zone, as noon UTC.
func (s Schedule) date(t time.Time, i int) time.Time {
	y, m, d := t.In(s.Location).Date()
	return time.Date(y, m, d+i, 12, 0, 0, 0, time.UTC)
}

// day yields the windows that begin on the i-th day after that of t, before closures.
func (s Schedule) day(t time.Time, i int) func(yield func(Window) bool) {
	date := s.date(t, i)
	return func(yield func(Window) bool) {
		if !s.Days[date.Weekday()] {
			return
		}
		for _, h := range s.Hours {
			w := Window{wall(s.Location, date, h.Start), wall(s.Location, date, h.End)}
			if h.End <= h.Start {
				w.End = wall(s.Location, date.AddDate(0, 0, 1), h.End)
			}
			if w.End.After(w.Start) && !yield(w) { // it is not so where the clocks skip the whole range
				return
			}
		}
	}
}

func join(sorted []Window) []Window {
	var joined []Window
	for _, w := range sorted {
		if n := len(joined); n > 0 && !w.Start.After(joined[n-1].End) {
			if w.End.After(joined[n-1].End) {
				joined[n-1].End = w.End
			}
			continue
		}
		joined = append(joined, w)
	}
	return joined
}

func (s Schedule) cut(windows []Window) []Window {
	if len(windows) == 0 {
		return nil
	}
	first, last := windows[0].Start, windows[0].End
	for _, w := range windows {
		last = later(last, w.End)
	}
	for _, c := range s.Closures {
		if !c.From.Before(last) || !c.To.After(first) {
			continue // there may be thousands, and few of them matter
		}
		var left []Window
		for _, w := range windows {
			if !c.From.Before(w.End) || !c.To.After(w.Start) {
				left = append(left, w)
				continue
			}
			if w.Start.Before(c.From) {
				left = append(left, Window{w.Start, c.From})
			}
			if c.To.Before(w.End) {
				left = append(left, Window{c.To, w.End})
			}
		}
		windows = left
	}
	return windows
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// longest is the longest window of a week without closures.
func (s Schedule) longest() (most time.Duration) {
	s.Closures = nil
	monday := time.Date(2026, 1, 5, 0, 0, 0, 0, s.Location) // any week without a change of the clocks
	for _, w := range s.Windows(monday, monday.AddDate(0, 0, 8)) {
		most = max(most, w.End.Sub(w.Start))
	}
	return most
}

// wall is the first instant at which the clocks of loc show the minute of that day. A minute that the
// clocks skip is the instant of the change; one that they show twice is its first showing. So a window
// never grows into time that the wall clock does not promise.
func wall(loc *time.Location, day time.Time, minute int) time.Time {
	want := time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, time.UTC)
	guess := time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, loc)
	start, end := guess.ZoneBounds()
	switch shown := asUTC(guess); {
	case shown.After(want):
		return start // skipped, and the guess lies behind the change
	case shown.Before(want):
		return end // skipped, and the guess lies before it
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if earlier := want.Add(-time.Duration(before) * time.Second); earlier.Before(start) {
			return earlier.In(loc) // shown twice
		}
	}
	return guess
}

func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// String is the schedule in one line: "Mon-Fri 10:00-16:00 Europe/Paris".
func (s Schedule) String() string {
	if s.text != "" {
		return s.text
	}
	var hours []string
	for _, h := range s.Hours {
		hours = append(hours, fmt.Sprintf("%02d:%02d-%02d:%02d", h.Start/60, h.Start%60, h.End/60, h.End%60))
	}
	zone := "no zone"
	if s.Location != nil {
		zone = s.Location.String()
	}
	return s.dayNames() + " " + strings.Join(hours, ",") + " " + zone
}

// dayNames folds runs of three days or more, the week beginning on Monday.
func (s Schedule) dayNames() string {
	name := func(i int) string { return time.Weekday((i + 1) % 7).String()[:3] }
	on := func(i int) bool { return i < 7 && s.Days[(i+1)%7] }
	var parts []string
	for i := 0; i < 7; i++ {
		if !on(i) {
			continue
		}
		last := i
		for on(last + 1) {
			last++
		}
		if last-i >= 2 {
			parts = append(parts, name(i)+"-"+name(last))
			i = last
		} else {
			parts = append(parts, name(i))
		}
	}
	return strings.Join(parts, ",")
}
