package engine_test

import (
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("zone %s: %v", name, err)
	}
	return loc
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

var (
	weekdays = [7]bool{false, true, true, true, true, true, false}
	everyDay = [7]bool{true, true, true, true, true, true, true}
)

func hours(ranges ...int) (h []engine.HourRange) {
	for i := 0; i < len(ranges); i += 2 {
		h = append(h, engine.HourRange{Start: ranges[i], End: ranges[i+1]})
	}
	return h
}

func TestAnAttackMayHappenOnlyInsideTheHalfOpenWindow(t *testing.T) {
	const zone = "Europe/Paris"
	for _, row := range []struct {
		why      string
		schedule engine.Schedule
		at       string
		open     bool
	}{
		{"the first minute is in", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-01T10:00:00+02:00", true},
		{"a second before is out", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-01T09:59:59+02:00", false},
		{"the end is out", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-01T16:00:00+02:00", false},
		{"the last second is in", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-01T15:59:59+02:00", true},
		{"lunch between two ranges is out", engine.Schedule{Days: weekdays, Hours: hours(600, 720, 780, 960)}, "2026-07-01T12:30:00+02:00", false},
		{"the second range is in", engine.Schedule{Days: weekdays, Hours: hours(600, 720, 780, 960)}, "2026-07-01T13:00:00+02:00", true},
		{"saturday is out", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-04T11:00:00+02:00", false},
		{"an overnight window of Friday is in on Saturday morning", engine.Schedule{Days: weekdays, Hours: hours(1320, 120)}, "2026-07-04T01:59:00+02:00", true},
		{"and ends there", engine.Schedule{Days: weekdays, Hours: hours(1320, 120)}, "2026-07-04T02:00:00+02:00", false},
		{"Monday morning is not of Sunday's night", engine.Schedule{Days: weekdays, Hours: hours(1320, 120)}, "2026-07-06T01:00:00+02:00", false},
		{"midnight as an end", engine.Schedule{Days: weekdays, Hours: hours(600, 1440)}, "2026-07-01T23:59:59+02:00", true},
		{"the clock of another zone is converted first", engine.Schedule{Days: weekdays, Hours: hours(600, 960)}, "2026-07-01T08:30:00Z", true},
	} {
		row.schedule.Location = location(t, zone)
		if _, open := row.schedule.Open(at(t, row.at)); open != row.open {
			t.Errorf("%s: at %s open = %v, want %v", row.why, row.at, open, row.open)
		}
	}
}

func TestDaylightSavingNeverStretchesAWindow(t *testing.T) {
	const spring, autumn = "2026-03-29", "2026-10-25"
	for _, row := range []struct {
		why        string
		from, to   int
		day        string
		start, end string // "" means no window that day
	}{
		{"a start in the gap is the moment of the change", 150, 300, spring, "2026-03-29T03:00:00+02:00", "2026-03-29T05:00:00+02:00"},
		{"an end in the gap, too", 60, 150, spring, "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"a window inside the gap does not exist", 125, 170, spring, "", ""},
		{"an ordinary window over the gap is an hour shorter", 60, 240, spring, "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00"},
		{"the hour that comes twice lasts two hours", 120, 180, autumn, "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"},
		{"an end in the hour that comes twice is its first showing", 60, 150, autumn, "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"},
	} {
		loc := location(t, "Europe/Paris")
		s := engine.Schedule{Location: loc, Days: everyDay, Hours: hours(row.from, row.to)}
		day, _ := time.ParseInLocation(time.DateOnly, row.day, loc)
		var got []engine.Window
		for _, w := range s.Windows(day, day) {
			if w.Start.In(loc).Format(time.DateOnly) == row.day {
				got = append(got, w)
			}
		}
		if row.start == "" {
			if len(got) != 0 {
				t.Errorf("%s: got %v", row.why, got)
			}
			continue
		}
		if len(got) != 1 || !got[0].Start.Equal(at(t, row.start)) || !got[0].End.Equal(at(t, row.end)) {
			t.Errorf("%s: got %v, want %s to %s", row.why, got, row.start, row.end)
		}
	}
}

func TestAFreezeIsCutOutOfTheWindows(t *testing.T) {
	loc := location(t, "Asia/Tokyo")
	s := engine.Schedule{Location: loc, Days: everyDay, Hours: hours(600, 960), Closures: []engine.Closure{{
		From: at(t, "2026-07-01T12:00:00+09:00"), To: at(t, "2026-07-02T11:00:00+09:00"), Name: engine.Frozen, Reason: "release",
	}}}
	got := s.Windows(at(t, "2026-07-01T00:00:00+09:00"), at(t, "2026-07-02T23:00:00+09:00"))
	want := []engine.Window{
		{Start: at(t, "2026-07-01T10:00:00+09:00"), End: at(t, "2026-07-01T12:00:00+09:00")},
		{Start: at(t, "2026-07-02T11:00:00+09:00"), End: at(t, "2026-07-02T16:00:00+09:00")},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if !got[i].Start.Equal(want[i].Start) || !got[i].End.Equal(want[i].End) {
			t.Errorf("window %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestADayAndNightScheduleIsOneLongWindow(t *testing.T) {
	s := engine.Schedule{Location: time.UTC, Days: everyDay, Hours: hours(0, 1440)}
	now := at(t, "2026-07-01T23:59:00Z")
	w, open := s.Open(now)
	if !open || w.End.Sub(now) < 7*24*time.Hour {
		t.Errorf("got %v %v, want a window that goes on for a week", w, open)
	}
}

func TestTheNextOpeningSkipsALongFreeze(t *testing.T) {
	s := engine.Schedule{Location: time.UTC, Days: weekdays, Hours: hours(600, 960), Closures: []engine.Closure{{
		From: at(t, "2026-07-01T16:00:00Z"), To: at(t, "2026-08-03T00:00:00Z"), Name: engine.Frozen,
	}}}
	next, ok := s.NextOpening(at(t, "2026-07-01T17:00:00Z"))
	if want := at(t, "2026-08-03T10:00:00Z"); !ok || !next.Equal(want) {
		t.Errorf("got %s %v, want %s", next, ok, want)
	}
}

func TestTheScheduleReadsAsOneLine(t *testing.T) {
	s := engine.Schedule{Location: time.UTC, Days: [7]bool{true, true, true, true, true}, Hours: hours(600, 720, 780, 1440)}
	if got, want := s.String(), "Mon-Thu,Sun 10:00-12:00,13:00-24:00 UTC"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
