package calendar

import (
	"strings"
	"testing"
	"time"
)

func TestAWholeDayIsThatOfTheSchedulesZone(t *testing.T) {
	text := ics("UID:1\nSUMMARY:Freeze\nDTSTART;VALUE=DATE:20260701\nDTEND;VALUE=DATE:20260703")
	equal(t, between(t, text, place(t, "Asia/Tokyo"), "2026-06-01", "2026-08-01"), "2026-07-01 00:00 +0900 - 2026-07-03 00:00 +0900 Freeze")
	equal(t, between(t, text, place(t, "America/New_York"), "2026-06-01", "2026-08-01"), "2026-07-01 00:00 -0400 - 2026-07-03 00:00 -0400 Freeze")
}

func TestAWholeDayHas23HoursOr25WhereTheClocksChange(t *testing.T) {
	text := ics("UID:1\nDTSTART;VALUE=DATE:20260329", "UID:2\nDTSTART;VALUE=DATE:20261025")
	equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-03-29 00:00 +0100 - 2026-03-30 00:00 +0200 ",
		"2026-10-25 00:00 +0200 - 2026-10-26 00:00 +0100 ")
}

// The clocks of Santiago skip the midnight that begins 6 September 2026.
func TestADayWhoseMidnightIsSkippedBeginsWithTheChange(t *testing.T) {
	equal(t, between(t, ics("UID:1\nDTSTART;VALUE=DATE:20260906"), place(t, "America/Santiago"), "2026-09-01", "2026-10-01"),
		"2026-09-06 01:00 -0300 - 2026-09-07 00:00 -0300 ")
}

func TestARecurrenceKeepsItsWallTimeAcrossTheChangeOfTheClocks(t *testing.T) {
	text := ics("UID:1\nSUMMARY:Deploy\nDTSTART;TZID=Europe/Berlin:20260327T090000\nDTEND;TZID=Europe/Berlin:20260327T100000\nRRULE:FREQ=DAILY;COUNT=4")
	equal(t, between(t, text, time.UTC, "2026-01-01", "2027-01-01"),
		"2026-03-27 08:00 +0000 - 2026-03-27 09:00 +0000 Deploy",
		"2026-03-28 08:00 +0000 - 2026-03-28 09:00 +0000 Deploy",
		"2026-03-29 07:00 +0000 - 2026-03-29 08:00 +0000 Deploy",
		"2026-03-30 07:00 +0000 - 2026-03-30 08:00 +0000 Deploy")
}

// A whole day's last date is written in three ways; none of them may lose the last day of a freeze.
func TestTheLastDayOfAWholeDayRecurrenceIsKeptHoweverUntilIsWritten(t *testing.T) {
	for _, until := range []string{"20260109", "20260109T000000Z", "20260108T230000Z"} {
		text := ics("UID:1\nSUMMARY:Freeze\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;UNTIL=" + until)
		if days := between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2026-02-01"); len(days) != 5 {
			t.Errorf("until %s: %q", until, days)
		}
	}
}

// RFC 5545, 3.3.5: a time that is skipped counts by the offset before, of two the first is meant.
func TestATimeThatIsSkippedOrShownTwiceIsThatOfTheStandard(t *testing.T) {
	text := ics("UID:1\nDTSTART;TZID=America/New_York:20070311T023000\nDURATION:PT1H", "UID:2\nDTSTART;TZID=America/New_York:20071104T013000\nDURATION:PT1H")
	equal(t, between(t, text, place(t, "America/New_York"), "2007-01-01", "2008-01-01"),
		"2007-03-11 03:30 -0400 - 2007-03-11 04:30 -0400 ",
		"2007-11-04 01:30 -0400 - 2007-11-04 01:30 -0500 ")
}

func TestDaysOfADurationAreThoseOfTheCalendar(t *testing.T) {
	text := ics("UID:1\nDTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D", "UID:2\nDTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H")
	equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-03-28 12:00 +0100 - 2026-03-29 12:00 +0200 ",
		"2026-03-28 12:00 +0100 - 2026-03-29 13:00 +0200 ")
}

func TestTheEndOfAnEventIsNotInIt(t *testing.T) {
	text := ics("UID:1\nDTSTART:20260701T100000Z\nDTEND:20260701T120000Z")
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour int) time.Time { return time.Date(2026, 7, 1, hour, 0, 0, 0, time.UTC) }
	for _, at := range []struct {
		from, to time.Time
		want     int
	}{{at(9), at(10), 0}, {at(9), at(10).Add(1), 1}, {at(12).Add(-1), at(13), 1}, {at(12), at(13), 0}} {
		if found, err := c.Between(at.from, at.to, time.UTC); err != nil || len(found) != at.want {
			t.Errorf("%v to %v: %v, %v", at.from, at.to, found, err)
		}
	}
}

func TestALeapDayRecursInLeapYearsOnly(t *testing.T) {
	equal(t, between(t, ics("UID:1\nDTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY"), time.UTC, "2024-01-01", "2033-01-01"),
		"2024-02-29 00:00 +0000 - 2024-03-01 00:00 +0000 ",
		"2028-02-29 00:00 +0000 - 2028-03-01 00:00 +0000 ",
		"2032-02-29 00:00 +0000 - 2032-03-01 00:00 +0000 ")
}

func TestAnEventWithoutAnEndLastsUntilTheEndOfItsDay(t *testing.T) {
	text := ics("UID:1\nDTSTART;TZID=Europe/Berlin:20260701T150000", "UID:2\nDTSTART;VALUE=DATE:20260702", "UID:3\nDTSTART:20260703T100000Z\nDTEND:20260703T100000Z",
		"UID:4\nDTSTART;VALUE=DATE:20260704\nDTEND;VALUE=DATE:20260704")
	equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-07-01 15:00 +0200 - 2026-07-02 00:00 +0200 ",
		"2026-07-02 00:00 +0200 - 2026-07-03 00:00 +0200 ",
		"2026-07-03 12:00 +0200 - 2026-07-04 02:00 +0200 ",
		"2026-07-04 00:00 +0200 - 2026-07-05 00:00 +0200 ")
}

func TestAnEventWithoutAnEndLastsUntilTheEndOfItsDayWhereTheClocksChange(t *testing.T) {
	text := ics("UID:1\nDTSTART;TZID=Europe/Berlin:20260329T000000", "UID:2\nDTSTART:20260329T000000",
		"UID:3\nDTSTART;TZID=Europe/Berlin:20261025T000000", "UID:4\nDTSTART:20261025T000000",
		"UID:5\nDTSTART:20261024T090000\nDURATION:PT0S\nRRULE:FREQ=DAILY;COUNT=2;BYHOUR=22")
	equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-03-29 00:00 +0100 - 2026-03-30 00:00 +0200 ",
		"2026-03-29 00:00 +0100 - 2026-03-30 00:00 +0200 ",
		"2026-10-24 09:00 +0200 - 2026-10-25 00:00 +0200 ",
		"2026-10-24 22:00 +0200 - 2026-10-25 00:00 +0200 ",
		"2026-10-25 00:00 +0200 - 2026-10-26 00:00 +0100 ",
		"2026-10-25 00:00 +0200 - 2026-10-26 00:00 +0100 ")
}

func TestAnEventEndsWhenTheClocksShowItsEndAlsoAcrossTheirChange(t *testing.T) {
	text := ics("UID:1\nSUMMARY:floating\nDTSTART:20260327T180000\nDTEND:20260330T120000",
		"UID:2\nSUMMARY:floating\nDTSTART:20261023T180000\nDTEND:20261026T120000",
		"UID:3\nSUMMARY:zoned\nDTSTART;TZID=Europe/Berlin:20261023T190000\nDTEND;TZID=Europe/Berlin:20261026T120000",
		"UID:4\nSUMMARY:of two zones\nDTSTART;TZID=Europe/Berlin:20261023T200000\nDTEND:20261026T110000Z")
	equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-03-27 18:00 +0100 - 2026-03-30 12:00 +0200 floating",
		"2026-10-23 18:00 +0200 - 2026-10-26 12:00 +0100 floating",
		"2026-10-23 19:00 +0200 - 2026-10-26 12:00 +0100 zoned",
		"2026-10-23 20:00 +0200 - 2026-10-26 12:00 +0100 of two zones")
}

// A weekly freeze from Friday to Monday, the same hours of the clock or the same length: it is the longer one that closes.
func TestARecurrenceAcrossTheChangeOfTheClocksClosesUntilTheLaterEndThatItMayMean(t *testing.T) {
	for _, text := range [][]byte{
		ics("UID:1\nDTSTART;TZID=Europe/Berlin:20260320T180000\nDTEND;TZID=Europe/Berlin:20260323T120000\nRRULE:FREQ=WEEKLY;COUNT=2\nRDATE:20261023T160000Z"),
		ics("UID:1\nDTSTART:20260320T180000\nDTEND:20260323T120000\nRRULE:FREQ=WEEKLY;COUNT=2\nRDATE;TZID=Europe/Berlin:20261023T180000"),
	} {
		equal(t, between(t, text, place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
			"2026-03-20 18:00 +0100 - 2026-03-23 12:00 +0100 ",
			"2026-03-27 18:00 +0100 - 2026-03-30 13:00 +0200 ",
			"2026-10-23 18:00 +0200 - 2026-10-26 12:00 +0100 ")
	}
}

// The clocks skip from 02:00 to 03:00: it begins at 03:30, when its end is over.
func TestAnEventWhoseHoursTheClocksSkipIsNotLost(t *testing.T) {
	equal(t, between(t, ics("UID:1\nDTSTART:20260329T023000\nDTEND:20260329T030000"), place(t, "Europe/Berlin"), "2026-01-01", "2027-01-01"),
		"2026-03-29 03:30 +0200 - 2026-03-30 00:00 +0200 ")
}

func TestAnOccurrenceMayBeMovedCancelledAddedOrLeftOut(t *testing.T) {
	series := "UID:1\nSUMMARY:weekly\nDTSTART:20260706T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=5\nRDATE:20260710T080000Z\nEXDATE:20260713T100000Z,20260801T000000Z"
	moved := "UID:1\nRECURRENCE-ID:20260720T100000Z\nSUMMARY:moved\nDTSTART:20260721T150000Z\nDURATION:PT2H"
	cancelled := "UID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260727T120000\nSTATUS:CANCELLED\nDTSTART:20260727T100000Z\nDURATION:PT1H"
	for _, text := range [][]byte{ics(series, moved, cancelled), ics(cancelled, moved, series)} {
		equal(t, between(t, text, time.UTC, "2026-01-01", "2027-01-01"),
			"2026-07-06 10:00 +0000 - 2026-07-06 11:00 +0000 weekly",
			"2026-07-10 08:00 +0000 - 2026-07-10 09:00 +0000 weekly",
			"2026-07-21 15:00 +0000 - 2026-07-21 17:00 +0000 moved",
			"2026-08-03 10:00 +0000 - 2026-08-03 11:00 +0000 weekly")
	}
}

func TestTheLastDayOfARecurrenceIsInIt(t *testing.T) {
	for _, until := range []string{"20260703", "20260703T000000Z"} { // some programs write the one, some the other
		text := ics("UID:1\nDTSTART;VALUE=DATE:20260701\nRRULE:FREQ=DAILY;UNTIL=" + until)
		for _, home := range []string{"America/New_York", "Asia/Tokyo", "UTC"} {
			if got := between(t, text, place(t, home), "2026-01-01", "2027-01-01"); len(got) != 3 {
				t.Errorf("%s at %s: %q", until, home, got)
			}
		}
	}
}

func TestARecurrenceThatBeganLongAgoIsFoundWithoutWalkingThroughAllOfIt(t *testing.T) {
	text := ics("UID:1\nSUMMARY:backup\nDTSTART:19700101T220000Z\nDURATION:PT4H\nRRULE:FREQ=HOURLY;INTERVAL=24", "UID:2\nSUMMARY:night\nDTSTART:00010101T230000\nDURATION:P2DT1H\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1")
	equal(t, between(t, text, time.UTC, "2026-07-03", "2026-07-04"),
		"2026-07-01 23:00 +0000 - 2026-07-04 00:00 +0000 night",
		"2026-07-02 22:00 +0000 - 2026-07-03 02:00 +0000 backup",
		"2026-07-03 22:00 +0000 - 2026-07-04 02:00 +0000 backup")
}

func TestZonesAreKnownByTheirNamesOfWindowsAndBehindPrefixes(t *testing.T) {
	for _, id := range []string{"Europe/Berlin", "W. Europe Standard Time", "/freeassociation.sourceforge.net/Europe/Berlin", `"Europe/Berlin"`} {
		got := between(t, ics("UID:1\nDTSTART;TZID="+id+":20260701T100000\nDURATION:PT1H"), time.UTC, "2026-01-01", "2027-01-01")
		if len(got) != 1 || !strings.HasPrefix(got[0], "2026-07-01 08:00") {
			t.Errorf("%s: %q", id, got)
		}
	}
	for name, id := range windows {
		if _, err := time.LoadLocation(id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLinesAreUnfoldedAndTextsUnescaped(t *testing.T) {
	text := ics("UID:1\nSUMMARY:Year end\\, all\n  of it\\; really\\nyes\nX-THING;X-A=\"a:b;c\":x\nDTSTART;VALUE=DATE:20260\n\t701\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT1H\nSUMMARY:wake up\nEND:VALARM")
	equal(t, between(t, text, time.UTC, "2026-01-01", "2027-01-01"), "2026-07-01 00:00 +0000 - 2026-07-02 00:00 +0000 Year end, all of it; really yes")
}

// Whatever would change when an event takes place and is not understood makes the calendar one that cannot be read.
func TestWhatIsNotUnderstoodIsRefusedAndNeverLeftOut(t *testing.T) {
	date := "UID:1\nSUMMARY:it\nDTSTART;VALUE=DATE:20260701\n"
	for text, want := range map[string]string{
		"": "BEGIN:VCALENDAR is missing",
		"<!DOCTYPE html>\n<html><body>Sign in</body></html>":                             "it is no iCalendar",
		"{\"error\": \"no\"}":                                                            "it is no iCalendar",
		"BEGIN:VEVENT\nEND:VEVENT\n":                                                     `it begins with "VEVENT"`,
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260701T100000Z\n":                      "it breaks off: END:VEVENT is missing",
		"BEGIN:VCALENDAR\nEND:VEVENT\n":                                                  "line 2: END:VEVENT ends nothing",
		"BEGIN:VCALENDAR\nnonsense\nEND:VCALENDAR\n":                                     `line 2: "nonsense" is no line of a calendar`,
		"BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR\n":                                  `of version "1.0"`,
		"BEGIN:VCALENDAR\nCALSCALE:HEBREW\nEND:VCALENDAR\n":                              `by the calendar "HEBREW"`,
		"BEGIN:VCALENDAR\nX:\xff\nEND:VCALENDAR\n":                                       "it is not UTF-8 text",
		strings.Repeat("BEGIN:VCALENDAR\n", 20):                                          "nested too deeply",
		string(ics("UID:1\nSUMMARY:it")):                                                 `event 1 ("it"): it has no DTSTART`,
		string(ics(date + "DTSTART:20260701T100000Z")):                                   "DTSTART is there 2 times",
		string(ics(date + "DTEND;VALUE=DATE:20260630")):                                  "it ends before it begins",
		string(ics(date + "DTEND:20260702T100000Z")):                                     "one is a date and the other a time",
		string(ics("DTSTART:20260701T100000\nDTEND:20260701T120000Z")):                   "one has a time zone and the other none",
		string(ics("DTSTART:20260701T100000\nDTEND;TZID=Europe/Berlin:20260701T120000")): "one has a time zone and the other none",
		string(ics("DTSTART;TZID=Europe/Berlin:20260701T100000\nDTEND:20260701T120000")): "one has a time zone and the other none",
		string(ics(date + "DURATION:-P1D")):                                              "DURATION",
		string(ics(date + "DURATION:PT")):                                                "DURATION",
		string(ics(date + "DTEND;VALUE=DATE:20260702\nDURATION:P1D")):                    "both DTEND and DURATION",
		string(ics("DTSTART;TZID=Mars/Olympus:20260701T100000")):                         `the time zone "Mars/Olympus" is not known`,
		string(ics("DTSTART:20260230T100000Z")):                                          "is no date or time",
		string(ics("DTSTART:2026-07-01")):                                                "is no date or time",
		string(ics(date + "EXRULE:FREQ=DAILY")):                                          "EXRULE is not understood",
		string(ics(date + "RDATE;VALUE=PERIOD:20260701T000000Z/P1D")):                    "periods are not understood",
		string(ics(date + "RECURRENCE-ID;RANGE=THISANDFUTURE:20260701")):                 "RANGE is not understood",
		string(ics(date + "RRULE:FREQ=FORTNIGHTLY")):                                     `FREQ "FORTNIGHTLY" is not known`,
		string(ics(date + "RRULE:BYMONTH=1")):                                            "FREQ is missing",
		string(ics(date + "RRULE:FREQ=DAILY;BYEASTER=1")):                                `"BYEASTER" is not understood`,
		string(ics(date + "RRULE:FREQ=DAILY;INTERVAL=0")):                                "INTERVAL",
		string(ics(date + "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260705")):                    "both COUNT and UNTIL",
		string(ics(date + "RRULE:FREQ=DAILY;COUNT=2;COUNT=3")):                           "COUNT is there twice",
		string(ics(date + "RRULE:FREQ=WEEKLY;BYDAY=1MO")):                                "BYDAY counts weekdays",
		string(ics(date + "RRULE:FREQ=MONTHLY;BYDAY=XX")):                                "is no weekday",
		string(ics(date + "RRULE:FREQ=HOURLY")):                                          "times of the day",
		string(ics(date + "RRULE:FREQ=YEARLY;BYMONTH=-1")):                               "BYMONTH",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120q: %v, want %q", text, err, want)
		}
	}
}

func TestACalendarWithoutEventsIsACalendar(t *testing.T) {
	equal(t, between(t, ics(), time.UTC, "2026-01-01", "2027-01-01"))
}

// A rule that somebody made to keep a machine busy is refused, after a bounded look at it.
func TestARuleMadeToKeepAMachineBusyIsRefused(t *testing.T) {
	for _, rule := range []string{
		"FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=1000000", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20;BYSECOND=0,1,2,3,4,5,6,7,8,9",
	} {
		c, err := Parse(ics("UID:1\nDTSTART:20260101T000000Z\nDURATION:PT1S\nRRULE:" + rule))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Between(day(t, time.UTC, "2026-01-01"), day(t, time.UTC, "2029-01-01"), time.UTC)
		if err == nil || !strings.Contains(err.Error(), "recurs too often") {
			t.Errorf("%s: %v", rule, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", rule, took)
		}
	}
}

func TestARuleThatNeverComesTrueEnds(t *testing.T) {
	equal(t, between(t, ics("UID:1\nDTSTART:20260101T000000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), time.UTC, "2026-01-02", "2029-01-01"))
}

// FuzzParse holds that no text makes the package panic, take long, or find what does not touch the time asked about.
func FuzzParse(f *testing.F) {
	for _, text := range [][]byte{
		ics("UID:1\nDTSTART;VALUE=DATE:20260701\nRRULE:FREQ=YEARLY;BYDAY=-1MO;BYSETPOS=1,-1;BYWEEKNO=53"),
		ics("UID:1\nDTSTART;TZID=Europe/Berlin:20260701T100000\nDTEND;TZID=Europe/Berlin:99991231T235959\nRRULE:FREQ=SECONDLY;INTERVAL=10000", "UID:1\nRECURRENCE-ID:20260701T100000\nDTSTART:00010101T000000\nDURATION:P99999W"),
		ics("DTSTART:20260701T100000Z\nRDATE:20260702T100000Z,20260703\nEXDATE:20260702T100000Z\nRRULE:FREQ=MONTHLY;COUNT=999999;BYMONTHDAY=-31,31;WKST=SU"),
		[]byte("\ufeffBEGIN:VCALENDAR\r\n X\r\nEND:VCALENDAR"),
	} {
		f.Add(text)
	}
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		found, err := c.Between(from, to, time.UTC)
		if err != nil {
			return
		}
		for _, o := range found {
			if !o.From.Before(to) || !o.To.After(from) || !o.To.After(o.From) {
				t.Errorf("%v", o)
			}
		}
	})
}
