package calendar

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// holidays are those of a year, each as "Mon 2006-01-02 name".
func holidays(codes string, bridge bool, year int) (lines []string) {
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range Holidays(strings.Fields(codes), bridge, from, from.AddDate(1, 0, 0), time.UTC) {
		lines = append(lines, c.From.Format("Mon 2006-01-02 ")+c.Reason)
	}
	return lines
}

func TestHolidaysAreThoseOfTheCountryAndOfItsRegion(t *testing.T) {
	equal(t, holidays("de", false, 2026),
		"Thu 2026-01-01 Neujahrstag (de)", "Fri 2026-04-03 Karfreitag (de)", "Mon 2026-04-06 Ostermontag (de)", "Fri 2026-05-01 Tag der Arbeit (de)",
		"Thu 2026-05-14 Christi Himmelfahrt (de)", "Mon 2026-05-25 Pfingstmontag (de)", "Sat 2026-10-03 Tag der Deutschen Einheit (de)",
		"Fri 2026-12-25 Weihnachtstag (de)", "Sat 2026-12-26 Zweiter Weihnachtsfeiertag (de)")
	if got := holidays("de-by", false, 2026); !slices.Contains(got, "Thu 2026-06-04 Fronleichnam (de-by)") {
		t.Errorf("%q", got)
	}
}

// 4 July 2026 is a Saturday, 3 May 2026 in Japan a Sunday before two holidays; 1 January 2028 is a Saturday, and is
// observed in the year before.
func TestTheDayOnWhichAHolidayIsObservedInsteadIsClosedToo(t *testing.T) {
	for _, c := range []struct {
		code string
		year int
		want []string
	}{
		{"us", 2026, []string{"Fri 2026-07-03 Independence Day, observed (us)", "Sat 2026-07-04 Independence Day (us)"}},
		{"us", 2027, []string{"Fri 2027-12-31 New Year's Day, observed (us)"}},
		{"jp", 2026, []string{"Sun 2026-05-03 Constitution Memorial Day (jp)", "Wed 2026-05-06 Constitution Memorial Day, observed (jp)"}},
	} {
		got := holidays(c.code, false, c.year)
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s %d: %q is not in %q", c.code, c.year, want, got)
			}
		}
	}
}

func TestAHolidayOfSeveralCountriesIsOneClosing(t *testing.T) {
	if got := holidays("de us", false, 2026); got[0] != "Thu 2026-01-01 Neujahrstag (de), New Year's Day (us)" {
		t.Errorf("%q", got)
	}
}

// In 2026 Ascension Day is a Thursday; in 2025 3 October is a Friday, which needs no bridge; 1 May 2025 is a Thursday.
func TestASingleWorkingDayBetweenDaysOffIsABridge(t *testing.T) {
	bridges := func(codes string, year int) (found []string) {
		for _, line := range holidays(codes, true, year) {
			if strings.Contains(line, "bridge") {
				found = append(found, line)
			}
		}
		return found
	}
	equal(t, bridges("de", 2026), "Fri 2026-01-02 bridge day after Neujahrstag (de)", "Fri 2026-05-15 bridge day after Christi Himmelfahrt (de)")
	equal(t, bridges("de", 2025), "Fri 2025-05-02 bridge day after Tag der Arbeit (de)", "Fri 2025-05-30 bridge day after Christi Himmelfahrt (de)")
	equal(t, bridges("de", 2024), "Fri 2024-05-10 bridge day after Christi Himmelfahrt (de)", "Fri 2024-10-04 bridge day after Tag der Deutschen Einheit (de)",
		"Fri 2024-12-27 bridge day after Zweiter Weihnachtsfeiertag (de)")
}

func TestAHolidayIsTheWholeCivilDayAlsoWhereTheClocksChange(t *testing.T) {
	berlin := place(t, "Europe/Berlin")
	from := time.Date(2027, 3, 28, 12, 0, 0, 0, berlin) // Easter Sunday, on which summer time begins
	for _, c := range Holidays([]string{"de-bb"}, false, from.AddDate(0, 0, -3), from.AddDate(0, 0, 3), berlin) {
		if c.From.Hour() != 0 || c.To.Hour() != 0 || c.To.Day() == c.From.Day() {
			t.Errorf("%v - %v %s", c.From, c.To, c.Reason)
		}
	}
	santiago := place(t, "America/Santiago") // skips the midnight that begins 6 September 2026
	if got := wall(santiago, date(2026, 9, 6)); got.Format(time.RFC3339) != "2026-09-06T01:00:00-03:00" {
		t.Error(got)
	}
	havana := place(t, "America/Havana") // shows the midnight that begins 1 November 2026 twice
	if got := wall(havana, date(2026, 11, 1)); got.Format(time.RFC3339) != "2026-11-01T00:00:00-04:00" {
		t.Error(got)
	}
}

func TestEveryNationHasHolidaysInEveryYearToCome(t *testing.T) {
	for _, code := range Nations() {
		for year := 2026; year < 2060; year++ {
			if got := holidays(code, false, year); len(got) < 3 {
				t.Errorf("%s %d: %q", code, year, got)
			}
		}
	}
}

func TestACodeThatIsNotKnownClosesEverything(t *testing.T) {
	got := Holidays([]string{"de", "xx"}, false, now, now.AddDate(1, 0, 0), time.UTC)
	if len(got) != 1 || !Unknown(got[0]) || got[0].Reason != `there are no holidays "xx"; write another code into schedule.holidays` {
		t.Errorf("%v", got)
	}
}

func TestWhereAllOfTimeIsClosedNoOtherReasonIsNamed(t *testing.T) {
	c := Closings{Nations: []string{"de"}, Sources: []*Source{source(t, Options{Path: "/nowhere"})}, Home: time.UTC}
	if got := c.At(now); len(got) != 1 || got[0].Reason != "the calendar company has not been read yet" || got[0].Name != engine.Frozen {
		t.Errorf("%v", got)
	}
}

// A watched calendar: what is said of it, with how long after the beginning.
type watched struct {
	t     *testing.T
	path  string
	began time.Time
	said  []string
}

func (w *watched) say(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf("%s: ", time.Since(w.began).Truncate(time.Minute))+fmt.Sprintf(format, args...))
}

func (w *watched) write(text []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// watch follows a file in a bubble while steps changes it.
func watch(t *testing.T, c Closings, first []byte, steps func(w *watched)) []string {
	t.Helper()
	w := &watched{t: t, path: filepath.Join(t.TempDir(), "freeze.ics")}
	w.write(first)
	s := source(t, Options{Path: w.path})
	c.Sources = append(c.Sources, s)
	if c.Home == nil {
		c.Home = time.UTC
	}
	synctest.Test(t, func(t *testing.T) {
		w.began = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Watch(ctx, Watching{Clock: clock.Clock{}, Draw: func() uint64 { return 512 }, Last: c.At(time.Now()),
				Changed: func(closures []engine.Closure, text string) { w.say("%s; closings now: %d", text, len(closures)) },
				Failed:  func(err error) { w.say("failed") },
				Back:    func(name string) { w.say("%s is back", name) },
			})
		}()
		steps(w)
		cancel()
		<-done
	})
	return w.said
}

func TestWhatChangesInACalendarIsSaidOnceAndOnTime(t *testing.T) {
	day := func(n int) string { return fmt.Sprintf("UID:%d\nDTSTART;VALUE=DATE:2000010%d", n, n) } // bubbles begin in 2000
	equal(t, watch(t, Closings{}, ics(day(1), day(2)), func(w *watched) {
		time.Sleep(7 * time.Minute)
		w.write(ics(day(2), day(3), day(4)))
		time.Sleep(23 * time.Minute)
	}),
		"0s: calendars: 2 closings came, 1 closing went; closings now: 2",
		"10m0s: calendars: 2 closings came, 1 closing went; closings now: 3")
}

func TestACopyThatBecomesStaleClosesByItselfAndOpensWhenItIsReadAgain(t *testing.T) {
	said := watch(t, Closings{}, ics(), func(w *watched) {
		time.Sleep(90 * time.Second)
		os.Remove(w.path)
		time.Sleep(25 * time.Hour)
		w.write(ics())
		time.Sleep(2 * time.Minute)
	})
	equal(t, said,
		"0s: calendars: 1 closing went; closings now: 0",
		"5m0s: failed",
		"24h1m0s: calendars: 1 closing came; closings now: 1",
		"25h2m0s: company is back",
		"25h2m0s: calendars: 1 closing went; closings now: 0")
}

func TestHolidaysDoNotRunOutInADaemonThatRunsForYears(t *testing.T) {
	said := watch(t, Closings{Nations: []string{"gb"}, Home: place(t, "Etc/GMT+1")}, ics(), func(w *watched) { // where 2000 begins an hour later
		time.Sleep(2 * time.Hour)
	})
	if len(said) != 2 || !strings.HasPrefix(said[1], "1h0m0s: calendars: ") {
		t.Errorf("want the first reading and the turn of the year, got\n%s", strings.Join(said, "\n"))
	}
	for year := 2026; year < 2040; year++ {
		known := Closings{Nations: []string{"gb"}, Home: time.UTC}.At(time.Date(year, 12, 31, 23, 0, 0, 0, time.UTC))
		if last := known[len(known)-1].From; last.Year() != year+2 || last.Month() != time.December {
			t.Errorf("in %d holidays are known until %v", year, last)
		}
	}
}

func TestTheSameEventOfTwoCalendarsIsOneClosing(t *testing.T) {
	at := func(reason string) engine.Closure {
		return engine.Closure{From: now, To: now.Add(time.Hour), Name: engine.Frozen, Reason: reason}
	}
	other := at("Sale, by the calendar b")
	other.To = now.Add(2 * time.Hour)
	var got []string
	for _, c := range Together([]engine.Closure{at("Sale, by the calendar a"), at("Sale, by the calendar b"), other, at("Move, by the calendar a"), at("written")}) {
		got = append(got, c.Reason)
	}
	equal(t, got, "Sale, by the calendar a and b", "Sale, by the calendar b", "Move, by the calendar a", "written")
}

func TestAFreezeOverTheWeekendOfTheClocksHoldsUntilItsLastHourOnMonday(t *testing.T) {
	berlin := place(t, "Europe/Berlin")
	for _, event := range []string{
		"UID:1\nSUMMARY:written once\nDTSTART:20261023T180000\nDTEND:20261026T120000",
		"UID:1\nSUMMARY:every week\nDTSTART;TZID=Europe/Berlin:20261016T180000\nDTEND;TZID=Europe/Berlin:20261019T120000\nRRULE:FREQ=WEEKLY",
	} {
		c, err := Parse(ics(event))
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[int]bool{11*60 + 59: false, 12 * 60: true} {
			monday := time.Date(2026, 10, 26, 0, at, 0, 0, berlin)
			schedule := engine.Schedule{Location: berlin, Days: [7]bool{1: true, 2: true, 3: true, 4: true, 5: true},
				Hours: []engine.HourRange{{Start: 10 * 60, End: 16 * 60}}, Closures: Closings{Sources: []*Source{{good: c, at: monday}}, Home: berlin}.At(monday)}
			if _, open := schedule.Open(monday); open != want {
				t.Errorf("%s: open is %t at %v", event, open, monday)
			}
		}
	}
}
