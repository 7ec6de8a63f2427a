package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// frequency is the period of a rule.
type frequency int

const (
	secondly frequency = iota
	minutely
	hourly
	daily
	weekly
	monthly
	yearly
)

var frequencies = map[string]frequency{
	"SECONDLY": secondly, "MINUTELY": minutely, "HOURLY": hourly, "DAILY": daily, "WEEKLY": weekly, "MONTHLY": monthly, "YEARLY": yearly,
}

// seconds of the periods whose length the calendar does not change.
var seconds = map[frequency]int64{secondly: 1, minutely: 60, hourly: 3600, daily: 86400, weekly: 7 * 86400}

var weekdays = map[string]time.Weekday{
	"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday, "TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday,
}

// nth is a weekday of BYDAY; n counts within the month or year, from its end where it is negative; 0 is every one.
type nth struct {
	n   int
	day time.Weekday
}

// rule is a recurrence rule (RFC 5545, 3.3.10). Each of its parts takes days away from a period; what is left are the
// occurrences. So a day that does not exist, such as 30 February, is never one.
type rule struct {
	freq     frequency
	interval int
	count    int // 0: without end
	until    *stamp
	days     []nth
	by       map[string][]int // BYMONTH, BYMONTHDAY, ... → sorted
	wkst     time.Weekday
}

// limits of the numbers in the parts; negative ones count from the end where signed says so.
var parts = map[string]struct {
	low, high int
	signed    bool
}{
	"BYMONTH": {1, 12, false}, "BYMONTHDAY": {1, 31, true}, "BYYEARDAY": {1, 366, true}, "BYWEEKNO": {1, 53, true},
	"BYSETPOS": {1, 366, true}, "BYHOUR": {0, 23, false}, "BYMINUTE": {0, 59, false}, "BYSECOND": {0, 59, false},
}

// parseRule reads a rule of an event that starts then. A part that is not known is an error: without it the rule would
// mean something else.
func parseRule(text string, start stamp) (rule, error) {
	r, said := rule{freq: -1, interval: 1, by: map[string][]int{}, wkst: time.Monday}, map[string]bool{}
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if said[name] {
			return r, fmt.Errorf("%s is there twice", name)
		}
		said[name] = true
		if err := r.part(name, value); err != nil {
			return r, err
		}
	}
	switch {
	case r.freq < 0:
		return r, errors.New("FREQ is missing")
	case said["COUNT"] && said["UNTIL"]:
		return r, errors.New("it has both COUNT and UNTIL")
	case r.freq < monthly && slices.ContainsFunc(r.days, func(d nth) bool { return d.n != 0 }):
		return r, errors.New("BYDAY counts weekdays of a month or year, and the rule is of neither")
	case start.day && (r.freq < daily || said["BYHOUR"] || said["BYMINUTE"] || said["BYSECOND"]):
		return r, errors.New("it has times of the day, and the event has none")
	}
	r.fill(start.civil)
	return r, nil
}

func (r *rule) part(name, value string) (err error) {
	switch limits, known := parts[name]; {
	case known:
		r.by[name], err = numbers(name, value, limits.low, limits.high, limits.signed)
	case name == "FREQ":
		if f, known := frequencies[value]; known {
			r.freq = f
			return nil
		}
		err = fmt.Errorf("FREQ %.20q is not known", value)
	case name == "INTERVAL":
		r.interval, err = number(name, value, 1, 10_000)
	case name == "COUNT":
		r.count, err = number(name, value, 1, 1_000_000)
	case name == "UNTIL":
		s, wrong := parseStamp(property{name: name}, value)
		r.until, err = &s, wrong
	case name == "WKST":
		var known bool
		if r.wkst, known = weekdays[value]; !known {
			err = fmt.Errorf("WKST %.20q is no weekday", value)
		}
	case name == "BYDAY":
		err = r.byDay(value)
	default:
		err = fmt.Errorf("%.20q is not understood", name)
	}
	return err
}

func (r *rule) byDay(value string) error {
	for text := range strings.SplitSeq(value, ",") {
		d, known := nth{}, false
		if len(text) >= 2 {
			d.day, known = weekdays[text[len(text)-2:]]
		}
		if !known {
			return fmt.Errorf("BYDAY %.20q is no weekday", text)
		}
		if count := text[:len(text)-2]; count != "" {
			n, err := numbers("BYDAY", count, 1, 53, true)
			if err != nil {
				return err
			}
			d.n = n[0]
		}
		r.days = append(r.days, d)
	}
	return nil
}

func number(name, text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return low, fmt.Errorf("%s %.20q is no number from %d to %d", name, text, low, high)
	}
	return n, nil
}

func numbers(name, text string, low, high int, signed bool) (list []int, err error) {
	for item := range strings.SplitSeq(text, ",") {
		digits, negative := strings.CutPrefix(item, "-")
		n, err := number(name, digits, low, high)
		if err != nil || negative && !signed {
			return nil, fmt.Errorf("%s %.20q is no number from %d to %d", name, item, low, high)
		}
		if negative {
			n = -n
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// fill takes from the start of the event what the rule leaves open.
func (r *rule) fill(start time.Time) {
	given := len(r.days) > 0 || r.by["BYWEEKNO"] != nil || r.by["BYYEARDAY"] != nil || r.by["BYMONTHDAY"] != nil
	switch {
	case r.freq == weekly && !given, r.freq == yearly && r.by["BYWEEKNO"] != nil && len(r.days) == 0:
		r.days = []nth{{day: start.Weekday()}}
	case r.freq == yearly && !given && r.by["BYMONTH"] == nil:
		r.by["BYMONTH"], r.by["BYMONTHDAY"] = []int{int(start.Month())}, []int{start.Day()}
	case r.freq >= monthly && !given:
		r.by["BYMONTHDAY"] = []int{start.Day()}
	}
	for name, std := range map[string]int{"BYHOUR": start.Hour(), "BYMINUTE": start.Minute(), "BYSECOND": start.Second()} {
		if r.by[name] == nil && r.widens(name) {
			r.by[name] = []int{std}
		}
	}
}

// widens tells whether the part of the day is shorter than the rule's period, and so may give it several occurrences.
func (r rule) widens(part string) bool {
	return r.freq >= map[string]frequency{"BYHOUR": daily, "BYMINUTE": hourly, "BYSECOND": minutely}[part]
}

// errTooMany is a rule that has more to it than a calendar of people.
var errTooMany = errors.New("it recurs too often to be followed")

// walk yields the civil times of the rule that are not before start, in order, until it is told to stop. Those before
// skip may be left out, and those after end are. steps is what it may still look at, for all rules of a calendar together.
func (r rule) walk(start, skip, end time.Time, steps *int, yield func(time.Time) bool) error {
	inDay := max(1, len(r.by["BYHOUR"])) * max(1, len(r.by["BYMINUTE"])) * max(1, len(r.by["BYSECOND"]))
	for i := r.first(start, skip); ; i++ {
		first, days := r.period(start, i)
		if first.After(end) {
			return nil
		}
		if *steps -= days * inDay; *steps < 0 {
			return errTooMany
		}
		for _, t := range r.expand(first, days) {
			if !t.Before(start) && !yield(t) {
				return nil
			}
		}
	}
}

// first is a period that begins before skip. A rule that counts must be counted from its start.
func (r rule) first(start, skip time.Time) int64 {
	n := int64(0)
	switch length, fixed := seconds[r.freq]; {
	case r.count > 0:
	case fixed:
		n = (skip.Unix() - start.Unix()) / length
	case r.freq == monthly:
		n = int64(12*(skip.Year()-start.Year())) + int64(skip.Month()-start.Month())
	default:
		n = int64(skip.Year() - start.Year())
	}
	return max(0, n/int64(r.interval)-1)
}

// period is the i-th period: the day, or the time, that it begins with, and how many days it has.
func (r rule) period(start time.Time, i int64) (first time.Time, days int) {
	n := int(i) * r.interval
	switch r.freq {
	case yearly:
		first = date(start.Year()+n, 1, 1)
		return first, daysBetween(first, first.AddDate(1, 0, 0))
	case monthly:
		first = date(start.Year(), start.Month()+time.Month(n), 1)
		return first, daysBetween(first, first.AddDate(0, 1, 0))
	case weekly:
		back := (int(start.Weekday()) - int(r.wkst) + 7) % 7
		return date(start.Date()).AddDate(0, 0, 7*n-back), 7
	case daily:
		return date(start.Date()).AddDate(0, 0, n), 1
	}
	return time.Unix(start.Unix()+int64(n)*seconds[r.freq], 0).UTC(), 1
}

func daysBetween(from, to time.Time) int { return int((to.Unix() - from.Unix()) / 86400) }

// expand are the occurrences within a period.
func (r rule) expand(first time.Time, days int) (found []time.Time) {
	for d := range days {
		if day := first.AddDate(0, 0, d); r.has(day) {
			found = r.times(day, found)
		}
	}
	if r.by["BYSETPOS"] == nil {
		return found
	}
	var chosen []time.Time
	for i, t := range found {
		if slices.Contains(r.by["BYSETPOS"], i+1) || slices.Contains(r.by["BYSETPOS"], i-len(found)) {
			chosen = append(chosen, t)
		}
	}
	return chosen
}

// times adds those of one day. A part shorter than the period widens it, a longer one narrows it.
func (r rule) times(day time.Time, found []time.Time) []time.Time {
	within := func(name string, at int) []int {
		switch list := r.by[name]; {
		case r.widens(name):
			return list
		case list == nil || slices.Contains(list, at):
			return []int{at}
		}
		return nil
	}
	for _, h := range within("BYHOUR", day.Hour()) {
		for _, m := range within("BYMINUTE", day.Minute()) {
			for _, s := range within("BYSECOND", day.Second()) {
				found = append(found, time.Date(day.Year(), day.Month(), day.Day(), h, m, s, 0, time.UTC))
			}
		}
	}
	return found
}

// has tells whether no part takes the day away.
func (r rule) has(day time.Time) bool {
	month := daysBetween(date(day.Year(), day.Month(), 1), date(day.Year(), day.Month()+1, 1))
	year := daysBetween(date(day.Year(), 1, 1), date(day.Year()+1, 1, 1))
	return r.lets("BYMONTH", int(day.Month()), 12) && r.lets("BYMONTHDAY", day.Day(), month) &&
		r.lets("BYYEARDAY", day.YearDay(), year) && r.letsWeek(day) && r.letsWeekday(day, month, year)
}

// lets tells whether the part has the number n, or, from the end, the n-th of so many.
func (r rule) lets(part string, n, of int) bool {
	list := r.by[part]
	return list == nil || slices.Contains(list, n) || slices.Contains(list, n-of-1)
}

// letsWeek counts weeks as ISO 8601 does, but from the day that the rule's weeks begin with: the first of a year is the
// one with four days in it.
func (r rule) letsWeek(day time.Time) bool {
	if r.by["BYWEEKNO"] == nil {
		return true
	}
	middle := func(t time.Time) time.Time { return t.AddDate(0, 0, 3-(int(t.Weekday())-int(r.wkst)+7)%7) }
	number := func(t time.Time) int { return (middle(t).YearDay()-1)/7 + 1 }
	last := date(middle(day).Year(), 12, 28) // always in the last week
	return r.lets("BYWEEKNO", number(day), number(last))
}

// letsWeekday counts within the month, where the rule is of months or names some, and else within the year.
func (r rule) letsWeekday(day time.Time, month, year int) bool {
	at, of := day.YearDay(), year
	if r.freq == monthly || r.by["BYMONTH"] != nil {
		at, of = day.Day(), month
	}
	fits := func(d nth) bool {
		return d.day == day.Weekday() && (d.n == 0 || d.n == (at-1)/7+1 || d.n == -((of-at)/7+1))
	}
	return len(r.days) == 0 || slices.ContainsFunc(r.days, fits)
}
