package config

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the binary needs no time-zone files

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

//go:embed zones.txt
var zoneNames string // every IANA name, one a line; only to find the nearest

// Zones are the names of all time zones.
func Zones() []string { return strings.Fields(zoneNames) }

// zone takes an IANA time-zone name. What a machine happens to be set to is never used: the same file
// must mean the same hours everywhere.
func zone(into **time.Location) value {
	return value{kind: "a time zone", take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a time zone in quotes", v)
			return
		}
		const hint = `write an IANA name: "Europe/Paris", "America/New_York", "UTC"`
		if s == "" || s == "Local" {
			r.wrong(at, "%s is whatever this machine is set to; the zone must be named", show(s)).Hint = hint
			return
		}
		location, err := time.LoadLocation(s)
		if err != nil || !isZoneName(s) {
			m := r.wrong(at, "%s is not a known time zone", show(s))
			if m.Nearest = inventory.Nearest(s, Zones()); m.Nearest == "" {
				m.Hint = hint
			}
			return
		}
		*into = location
	}}
}

// isZoneName refuses files of the zone database that are no names of zones, some of which count leap
// seconds or follow the machine.
func isZoneName(s string) bool {
	head, _, _ := strings.Cut(s, "/")
	return !slices.Contains([]string{"posix", "right", "localtime", "posixrules", "Factory"}, head)
}

var dayNames = []string{
	"sun", "mon", "tue", "wed", "thu", "fri", "sat",
	"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
}

// weekdays takes a list of days.
func weekdays(into *[7]bool) value {
	var std []string
	for i, on := range *into {
		if on {
			std = append(std, dayNames[i])
		}
	}
	return value{kind: "a list of days", std: quoteAll(std), take: func(r *reading, at spot, v any) {
		list, ok := r.strings(at, v, "days", badDay)
		if !ok {
			return
		}
		var days [7]bool
		for i, s := range list {
			day := slices.Index(dayNames, strings.ToLower(s)) % 7
			if days[day] {
				r.wrong(at.item(i), "%q is there twice", dayNames[day])
			}
			days[day] = true
		}
		*into = days
	}}
}

func badDay(s string) string {
	if slices.Contains(dayNames, strings.ToLower(s)) {
		return ""
	}
	if nearest := inventory.Nearest(s, dayNames); nearest != "" {
		return fmt.Sprintf("is not a day; did you mean %q?", nearest)
	}
	return `is not a day; write "mon", "tue", "wed", "thu", "fri", "sat" or "sun", one by one`
}

const dayMinutes = 24 * 60

// hours takes a list of ranges of the day, of which no two share time on the days.
func hours(into *[]engine.HourRange, days *[7]bool) value {
	return value{kind: "a list of hours", std: quoteAll(rangeTexts(*into)), take: func(r *reading, at spot, v any) {
		list, ok := r.strings(at, v, "hours")
		if !ok {
			return
		}
		ranges := make([]engine.HourRange, 0, len(list))
		for i, s := range list {
			h, why, hint := parseHours(s)
			if why != "" {
				r.wrong(at.item(i), "%s %s", show(s), why).Hint = hint
				continue
			}
			if other, found := overlap(ranges, h, *days); found {
				r.wrong(at.item(i), "%s overlaps \"%s-%s\"", show(s), clockText(other.Start), clockText(other.End)).Hint = "write one range, or two that do not meet"
			}
			ranges = append(ranges, h)
		}
		*into = ranges
	}}
}

func rangeTexts(ranges []engine.HourRange) (texts []string) {
	for _, h := range ranges {
		texts = append(texts, clockText(h.Start)+"-"+clockText(h.End))
	}
	return texts
}

var (
	hoursForm = regexp.MustCompile(`^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$`)
	hoursHint = `write "HH:MM-HH:MM", like "10:00-16:00"`
)

// parseHours reads one range of the day, or says why it is none. A range that ends at or before its
// start goes over midnight; one that would then last more than half a day is taken for two swapped
// times rather than for a night.
func parseHours(s string) (h engine.HourRange, why, hint string) {
	parts := hoursForm.FindStringSubmatch(s)
	if parts == nil {
		return h, "is not a range of hours", hoursHint
	}
	start, ok := minutes(parts[1], parts[2])
	end, ok2 := minutes(parts[3], parts[4])
	switch {
	case !ok || !ok2:
		return h, "has a time that does not exist", hoursHint + "; a day ends at 24:00"
	case start == dayMinutes:
		return h, "starts at 24:00, when the day is over", `write "00:00" for the start of a day`
	case start == end:
		return h, "is empty: it ends when it starts", `a whole day is "00:00-24:00"`
	case start > end && start-end < dayMinutes/2:
		return h, fmt.Sprintf("goes over midnight and lasts %s", engine.Span(time.Duration(dayMinutes-start+end)*time.Minute)),
			fmt.Sprintf(`write "%s-%s" for the day; a night as long as that is "%s-24:00" and "00:00-%s"`, clockText(end), clockText(start), clockText(start), clockText(end))
	}
	return engine.HourRange{Start: start, End: end}, "", ""
}

// minutes after midnight; 24:00 is the end of the day.
func minutes(hour, minute string) (int, bool) {
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	total := h*60 + m
	return total, m < 60 && total <= dayMinutes
}

func clockText(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// overlap finds the first of the ranges that shares time with the new one, also over midnight where the
// days follow one another. No days are days that are not known yet: any may follow.
func overlap(ranges []engine.HourRange, h engine.HourRange, days [7]bool) (engine.HourRange, bool) {
	follow := days == [7]bool{}
	for d := range 7 {
		follow = follow || days[d] && days[(d+1)%7]
	}
	for _, other := range ranges {
		if share(other, h, 0) || follow && (share(other, h, dayMinutes) || share(other, h, -dayMinutes)) {
			return other, true
		}
	}
	return engine.HourRange{}, false
}

// share tells whether the ranges have time in common when b is moved by so many minutes.
func share(a, b engine.HourRange, move int) bool {
	end := func(h engine.HourRange) int {
		if h.End <= h.Start {
			return h.End + dayMinutes
		}
		return h.End
	}
	return a.Start < end(b)+move && b.Start+move < end(a)
}

// moment takes a point in time. Without an offset it is in the schedule's zone; a date alone is its
// first moment, or, where it closes a freeze, the end of that day: people mean the last day too.
func moment(into *time.Time, zone **time.Location, closes bool) value {
	return value{kind: "a date, with or without a time", take: func(r *reading, at spot, v any) {
		location := *zone
		if location == nil { // the missing zone is reported where it is missing
			location = time.UTC
		}
		switch v := v.(type) {
		case time.Time:
			if v.Location().String() == "time-local" {
				r.wrong(at, "is a time without a date").Hint = momentHint
				return
			}
			*into = fromTOML(v, location, closes)
		case string:
			t, ok := parseMoment(v, location, closes)
			if !ok {
				r.wrong(at, "%s is not a date or a time", show(v)).Hint = momentHint
				return
			}
			*into = t
		default:
			r.wrongType(at, "a date or a time", v).Hint = momentHint
		}
	}}
}

const momentHint = `write "2026-12-20", "2026-12-20 18:00" or "2026-12-20T18:00:00+01:00"`

// fromTOML puts a date or time of TOML into the zone; the library marks local ones by these names.
func fromTOML(t time.Time, location *time.Location, closes bool) time.Time {
	switch t.Location().String() {
	case "date-local":
		return day(t, location, closes)
	case "datetime-local":
		return civil(t, location, closes)
	}
	return t.In(location)
}

func parseMoment(s string, location *time.Location, closes bool) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.In(location), true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return day(t, location, closes), true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return civil(t, location, closes), true
		}
	}
	return time.Time{}, false
}

// day is the first moment of the date, or of the next one.
func day(t time.Time, location *time.Location, closes bool) time.Time {
	if closes {
		t = t.AddDate(0, 0, 1)
	}
	return civil(t, location, closes)
}

// civil is the moment at which the clocks of the place show that time. Where they show it twice, a
// freeze takes both: it begins at the first and ends at the second.
func civil(t time.Time, location *time.Location, closes bool) time.Time {
	moment := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), location)
	for _, shift := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
		other := moment.Add(shift)
		if other.Format(time.DateTime) == moment.Format(time.DateTime) && other.After(moment) == closes {
			return other
		}
	}
	return moment
}
