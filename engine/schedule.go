package engine

import "time"

// Schedule says when attacks may happen at all.
type Schedule struct {
	Location   *time.Location
	Days       [7]bool // by time.Weekday
	Hours      []HourRange
	Closures   []Closure
	CheckEvery time.Duration // how often the engine looks, normally 1m
	Wait       time.Duration // rest after an attack, normally 10m
	MaxPerDay  int           // 0 means no limit
}

// HourRange is half-open wall-clock time, in minutes after midnight. An end at or before the start is
// on the following day; an end of 1440 is midnight at the end of the day.
type HourRange struct{ Start, End int }

// Closure takes time away from the windows, half-open: a freeze, a holiday.
type Closure struct {
	From, To time.Time
	Name     Reason // Frozen or Holiday
	Reason   string
}

// Window is a half-open stretch of time in which attacks may happen.
type Window struct{ Start, End time.Time }
