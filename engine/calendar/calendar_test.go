package calendar

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// ics is a calendar of events, each given by its properties.
func ics(events ...string) []byte {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\n"
	for _, e := range events {
		text += "BEGIN:VEVENT\n" + strings.TrimSpace(e) + "\nEND:VEVENT\n"
	}
	return []byte(strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n"))
}

func place(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// between lists what takes place, in the words "2006-01-02 15:04 +0100 - 15:04 +0100 summary".
func between(t *testing.T, text []byte, home *time.Location, from, to string) []string {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Between(day(t, home, from), day(t, home, to), home)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, o := range found {
		lines = append(lines, fmt.Sprintf("%s - %s %s", o.From.In(home).Format("2006-01-02 15:04 -0700"), o.To.In(home).Format("2006-01-02 15:04 -0700"), o.Summary))
	}
	return lines
}

func day(t *testing.T, home *time.Location, text string) time.Time {
	t.Helper()
	d, err := time.ParseInLocation(time.DateOnly, text, home)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// example is one of the file's: an event, how far the document follows it, and the starts that it gives.
type example struct {
	name, event string
	to          string
	starts      []string
}

func examples(t *testing.T) (all []example) {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc5545-recurrence.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, text2, _ := strings.Cut(string(text), "\n\n")
	for block := range strings.SplitSeq(text2, "\n\n") {
		e := example{to: "1998-12"}
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			switch {
			case strings.HasPrefix(line, "# "):
				e.name = line[2:]
			case strings.HasPrefix(line, "to "):
				e.to = line[3:]
			case strings.HasPrefix(line, "= "):
				e.starts = append(e.starts, starts(t, line[2:])...)
			default:
				e.event += line + "\n"
			}
		}
		if len(e.to) == 4 {
			e.to += "-12"
		}
		all = append(all, e)
	}
	return all
}

// starts reads "1997-09: 2-5 7" and "1997-09-02: 09:00 09:20".
func starts(t *testing.T, line string) (all []string) {
	t.Helper()
	head, list, _ := strings.Cut(line, ": ")
	for _, item := range strings.Fields(list) {
		var first, last int
		if strings.Contains(item, ":") {
			all = append(all, head+" "+item)
			continue
		}
		if n, _ := fmt.Sscanf(item, "%d-%d", &first, &last); n == 1 {
			last = first
		}
		for d := first; d <= last; d++ {
			all = append(all, fmt.Sprintf("%s-%02d 09:00", head, d))
		}
	}
	return all
}

func TestTheRecurrencesOfTheStandardAreThoseThatItSays(t *testing.T) {
	newYork := place(t, "America/New_York")
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			c, err := Parse(ics("UID:1\n" + e.event + "DURATION:PT1H"))
			if err != nil {
				t.Fatal(err)
			}
			end, _ := time.Parse("2006-01", e.to)
			found, err := c.Between(day(t, newYork, "1990-01-01"), end.AddDate(0, 1, 0), place(t, "Asia/Tokyo"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range found {
				got = append(got, o.From.In(newYork).Format("2006-01-02 15:04"))
			}
			equal(t, got, e.starts...)
		})
	}
}
