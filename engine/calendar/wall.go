package calendar

import "time"

// wall is the moment at which the clocks of the place show the time that civil's fields say, as RFC 5545 has it: of two
// moments the first; a time that the clocks skip counts as if they had not changed yet.
func wall(place *time.Location, civil time.Time) time.Time {
	before := civil.Add(-offset(place, civil.Add(-24*time.Hour)))
	after := civil.Add(-offset(place, civil.Add(24*time.Hour)))
	if !shows(place, before, civil) && shows(place, after, civil) {
		return after.In(place)
	}
	return before.In(place)
}

func offset(place *time.Location, t time.Time) time.Duration {
	_, seconds := t.In(place).Zone()
	return time.Duration(seconds) * time.Second
}

// shows tells whether the clocks of the place show that time at t.
func shows(place *time.Location, t, civil time.Time) bool { return fields(t.In(place)).Equal(civil) }

// fields are what a clock shows, as a time in UTC: civil time, to be reckoned with without any zone.
func fields(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// date is a civil day: its midnight, in no zone.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
