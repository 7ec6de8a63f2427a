package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// scheduled is the small configuration with more in its [schedule], and more in its [[attack]].
func scheduled(schedule, attack string) string {
	conf := strings.Replace(small, "timezone = \"Europe/Paris\"\n", "timezone = \"Europe/Paris\"\n"+schedule, 1)
	return strings.Replace(conf, "name = \"cpu\"\n", "name = \"cpu\"\n"+attack, 1)
}

func TestACalendarIsAPathAURLOrATable(t *testing.T) {
	c, err := load(scheduled(`calendars = ["freeze.ics", "https://calendar.example.com/x.ics", { path = "/etc/other.ics", stale_after = "1h" }]`+"\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range c.Closings.Calendars {
		got = append(got, o.Path+o.Web.URL+" "+o.StaleAfter.String())
	}
	want := []string{"freeze.ics 24h0m0s", "https://calendar.example.com/x.ics 24h0m0s", "/etc/other.ics 1h0m0s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhoIsOnCallMayBeInACalendar(t *testing.T) {
	conf := strings.Replace(small, "type = \"command\"\ncommand = [\"true\"]", "type = \"ical\"\ntimeout = \"3s\"\ncalendar = { url = \"https://calendar.example.com/rota.ics\", refresh = \"1m\" }", 1)
	c, err := load(conf)
	if err != nil {
		t.Fatal(err)
	}
	g := c.OnCall
	if g.Type != IcalGate || g.Calendar.Web.URL == "" || g.Calendar.Refresh != time.Minute || g.Calendar.Web.Timeout != 3*time.Second || g.Calendar.StaleAfter != time.Hour ||
		g.Calendar.Key != "oncall.calendar" || g.Zone != c.Schedule.Location {
		t.Errorf("%+v", g)
	}
}

func TestHoursLeftOutAreThoseOfTheSchedule(t *testing.T) {
	c, err := load(scheduled("[[schedule.group]]\nhosts = \"group:db\"\ndays = [\"tue\"]\n[[schedule.group]]\nhosts = \"web-*\"\nhours = [\"11:00-12:00\"]\n", "days = [\"fri\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Hours{
		{Days: [7]bool{time.Tuesday: true}, Ranges: c.Schedule.Hours},
		{Days: c.Schedule.Days, Ranges: []engine.HourRange{{Start: 660, End: 720}}},
		{Days: [7]bool{time.Friday: true}, Ranges: c.Schedule.Hours},
	}
	got := []engine.Hours{c.Schedule.Groups[0].Hours, c.Schedule.Groups[1].Hours, *c.Attacks[0].Hours}
	for i := range want {
		if got[i].Days != want[i].Days || !slices.Equal(got[i].Ranges, want[i].Ranges) {
			t.Errorf("%d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestTimeAboutWhichAHostIsAttackedIsInDaysAndWeeks(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "1w1d12h": 204 * time.Hour, "36h": 36 * time.Hour} {
		c, err := load(scheduled("per_host_mean = \""+text+"\"\n", ""))
		if err != nil || c.Schedule.PerHostMean != want {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}

func TestMistakesOfTheCalendarAreReportedAtOnce(t *testing.T) {
	got := mistakes(t, scheduled(`holidays = ["jp", "uk", "de-xy", "jp"]
bridge_days = "yes"
per_host_mean = "90"
calendars = ["ftp://x/y.ics", "a.ics", "a.ics", 7, {}, { path = "b.ics", url = "https://x/" }, { path = "c.ics", token_file = "t" }, { path = "d.ics", stale_aftr = "1h" }]
[[schedule.group]]
hosts = []
hours = ["10:00-11:00"]
[[schedule.group]]
hosts = "web-1"
[[schedule.group]]
hosts = "web-1"
hours = ["16:00-20:00"]
`, "days = [\"sat\"]\nhours = [\"11:00-12:00\"]\n"))
	want := []string{
		`chaoscat.toml:3: schedule.holidays: there are no holidays "uk"; did you mean "gb"?`,
		`chaoscat.toml:3: schedule.holidays: there are no holidays "de-xy"; did you mean "de-by"?`,
		`chaoscat.toml:3: schedule.holidays: "jp" is there twice`,
		`chaoscat.toml:4: schedule.bridge_days: is the string "yes"; it must be true or false, without quotes`,
		`chaoscat.toml:5: schedule.per_host_mean: "90" has no unit; write "90d" or "90h" (units: h, d, w)`,
		`chaoscat.toml:6: schedule.calendars: "ftp://x/y.ics" is asked by "ftp"; only http and https are`,
		`chaoscat.toml:6: schedule.calendars: is there twice`,
		`chaoscat.toml:6: schedule.calendars: is the whole number 7; it must be a calendar: a path, a URL or a table`,
		`chaoscat.toml:6: schedule.calendars: must have either path or url; write { path = "freeze.ics" } or { url = "https://..." }`,
		`chaoscat.toml:6: schedule.calendars: must have either path or url; write { path = "freeze.ics" } or { url = "https://..." }`,
		`chaoscat.toml:6: schedule.calendars.stale_aftr: unknown key; did you mean "stale_after"?`,
		`chaoscat.toml:6: schedule.calendars.token_file: is for a calendar that has a url, and this is a file`,
		`chaoscat.toml:8: schedule.group.hosts: the selection is empty, and nothing never means everything; leave the key out, or name hosts: "web-*", "group:db", "tag:zone=eu-1"`,
		`chaoscat.toml:10: schedule.group: has neither days nor hours, and so changes nothing; name either, or remove the group`,
		`chaoscat.toml:14: schedule.group.hours: is never within the hours of the schedule: nothing could ever happen then; choose days and hours of which some are in [schedule], too`,
		`chaoscat.toml:21: attack.hours: is never within the hours of the schedule: nothing could ever happen then; choose days and hours of which some are in [schedule], too`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHoursMeetOverMidnightAndTheWeekend(t *testing.T) {
	day := func(d time.Weekday) (days [7]bool) { days[d] = true; return days }
	night := []engine.HourRange{{Start: 22 * 60, End: 2 * 60}}
	early := []engine.HourRange{{Start: 60, End: 120}}
	for _, c := range []struct {
		what string
		a, b engine.Hours
		want bool
	}{
		{"a night and the morning after it", engine.Hours{Days: day(time.Saturday), Ranges: night}, engine.Hours{Days: day(time.Sunday), Ranges: early}, true},
		{"a night and the morning before it", engine.Hours{Days: day(time.Saturday), Ranges: night}, engine.Hours{Days: day(time.Saturday), Ranges: early}, false},
		{"touching ranges share no minute", engine.Hours{Days: day(time.Monday), Ranges: early}, engine.Hours{Days: day(time.Monday), Ranges: []engine.HourRange{{Start: 120, End: 180}}}, false},
	} {
		if got := meet(c.a, c.b); got != c.want || meet(c.b, c.a) != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
