package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/calendar"
	"github.com/chaoscat/chaoscat/inventory"
)

// Closings is what closes the schedule besides its freezes.
type Closings struct {
	Holidays   []string // codes that the calendar package knows
	BridgeDays bool
	Calendars  []calendar.Options
}

// nations takes codes of countries, some with a region.
func nations(into *[]string) value {
	return value{kind: "a list of strings", take: func(r *reading, at spot, v any) {
		list, ok := r.strings(at, v, "countries")
		for i, code := range list {
			if ok && slices.Contains(list[:i], code) {
				r.wrong(at.item(i), "%s is there twice", show(code))
			}
			if ok && !slices.Contains(calendar.Nations(), code) {
				r.noSuchNation(at.item(i), code)
			}
		}
		*into = list
	}}
}

func (r *reading) noSuchNation(at spot, code string) {
	m := r.wrong(at, "there are no holidays %s", show(code))
	var regions []string
	for _, known := range calendar.Nations() {
		if strings.HasPrefix(known, strings.ToLower(code)+"-") {
			regions = append(regions, known)
		}
	}
	switch {
	case code == "uk":
		m.Nearest = "gb"
	case len(regions) > 0 && !slices.Contains(calendar.Nations(), strings.ToLower(code)):
		m.Hint = "they are known by region: " + strings.Join(regions, ", ")
	default:
		if m.Nearest = inventory.Nearest(code, calendar.Nations()); m.Nearest == "" {
			m.Hint = "known are: " + strings.Join(calendar.Nations(), ", ")
		}
	}
}

func blankCalendar() calendar.Options {
	return calendar.Options{Refresh: 5 * time.Minute, StaleAfter: 24 * time.Hour}
}

// blankRota is trusted for less long: who was on call yesterday may be asleep.
func blankRota() calendar.Options {
	o := blankCalendar()
	o.StaleAfter = time.Hour
	return o
}

func calendarKeys(o *calendar.Options) []key {
	return []key{
		entry("path", file(&o.Path, readable), "an iCalendar file; or"),
		entry("url", web(&o.Web.URL), "where it is asked for"),
		entry("name", text(&o.Name, empty, longerThan(64)), "what it is called; otherwise as its file or host"),
		entry("token_file", file(&o.Web.TokenFile, secret), "a bearer token, readable by its owner alone"),
		entry("header_files", headerFiles(&o.Web.HeaderFiles), "headers whose values are secrets, each in a file"),
		entry("ca_file", file(&o.Web.CAFile, readable), "PEM file of the authorities to trust"),
		entry("refresh", span(&o.Refresh, 10*time.Second, 24*time.Hour), "how often it is read again"),
		entry("stale_after", span(&o.StaleAfter, time.Minute, 31*24*time.Hour), "how long its last good copy counts while it cannot be read"),
		entry("free", toggle(&o.Free), "count events too that are marked as free time"),
	}
}

// calendarAt reads one calendar into what holds by default: a path, a URL, or a table.
func (r *reading) calendarAt(at spot, v any, o calendar.Options) calendar.Options {
	o.Key = withoutIndexes(at.path)
	if s, ok := v.(string); ok {
		if strings.Contains(s, "://") {
			web(&o.Web.URL).take(r, at, s)
		} else {
			file(&o.Path, readable).take(r, at, s)
		}
		return o
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.wrongType(at, "a calendar: a path, a URL or a table", v)
		return o
	}
	r.table(at, m, calendarKeys(&o))
	_, path := m["path"]
	_, url := m["url"]
	switch {
	case path == url:
		r.wrong(at, "must have either path or url").Hint = `write { path = "freeze.ics" } or { url = "https://..." }`
	case path:
		for _, name := range []string{"token_file", "header_files", "ca_file"} {
			if m[name] != nil {
				r.wrong(at.key(name), "is for a calendar that has a url, and this is a file")
			}
		}
	}
	return o
}

// oneCalendar takes the calendar of who is on call.
func oneCalendar(into *calendar.Options) value {
	o := blankRota()
	return value{kind: "a path, a URL or a table", under: calendarKeys(&o), take: func(r *reading, at spot, v any) { *into = r.calendarAt(at, v, blankRota()) }}
}

// calendars takes a list of calendars, of which no two are the same.
func calendars(into *[]calendar.Options) value {
	o := blankCalendar()
	return value{kind: "a list of paths, URLs or tables", under: calendarKeys(&o), take: func(r *reading, at spot, v any) {
		var items []any
		switch v := v.(type) {
		case []any:
			items = v
		case []map[string]any:
			for _, m := range v {
				items = append(items, m)
			}
		default:
			r.wrongType(at, `a list of calendars: ["freeze.ics", { url = "https://..." }]`, v)
			return
		}
		if len(items) == 0 {
			r.wrong(at, "the list is empty").Hint = "leave the key out, or name calendars"
		}
		for i, item := range items {
			o := r.calendarAt(at.item(i), item, blankCalendar())
			same := func(other calendar.Options) bool {
				return other.Path == o.Path && other.Web.URL == o.Web.URL && o.Path+o.Web.URL != ""
			}
			if slices.ContainsFunc(*into, same) {
				r.wrong(at.item(i), "is there twice")
			}
			*into = append(*into, o)
		}
	}}
}

var daysFirst = regexp.MustCompile(`^(?:([0-9]{1,4})w)?(?:([0-9]{1,5})d)?(.*)$`)

// longSpan takes a duration that people count in weeks and days: "90d", "2w", "1d12h". A day is 24 hours.
func longSpan(into *time.Duration, low, high time.Duration) value {
	v := span(into, low, high)
	hours := v.take
	v.kind = "a duration, also in days (d) and weeks (w)"
	v.take = func(r *reading, at spot, x any) {
		if s, ok := x.(string); ok {
			parts := daysFirst.FindStringSubmatch(s)
			weeks, _ := strconv.Atoi(parts[1]) // the form lets nothing but digits through, or nothing at all
			days, _ := strconv.Atoi(parts[2])
			if days += 7 * weeks; days > 0 {
				x = fmt.Sprintf("%dh%s", 24*days, parts[3])
			} else if _, why, _ := parseSpan(s); why != "" {
				r.wrong(at, "%s %s", show(s), why).Hint = inDays(s)
				return
			}
		}
		hours(r, at, x)
	}
	return v
}

// inDays is what to write for a long duration that nobody can read.
func inDays(s string) string {
	if n := strings.TrimLeft(s, "+"); bareNumber.MatchString(n) && !strings.HasPrefix(n, "-") {
		return fmt.Sprintf(`write "%sd" or "%sh" (units: h, d, w)`, n, n)
	}
	return `write it like "90d", "2w" or "36h" (units: h, d, w)`
}

// groupKeys are those of hosts with hours of their own. What is left out is the schedule's.
func groupKeys(g *engine.HostHours) []key {
	return []key{
		entry("hosts", selector(&g.Hosts), "hosts that may be attacked in these hours only").required(),
		entry("days", weekdays(&g.Hours.Days), "days on which attacks on them may begin; otherwise the schedule's"),
		entry("hours", hours(&g.Hours.Ranges, &g.Hours.Days), "ranges of the day, within the schedule's; otherwise those"),
	}
}

// checkRota tells a calendar of who is on call how long it may take, and where its whole days are.
func checkRota(g *Gate, zone *time.Location) {
	if g.Type == IcalGate {
		g.Calendar.Web.Timeout, g.Zone = g.Timeout, zone
	}
}

// checkHours reports hours of attacks and groups in which nothing could ever happen, and fills in what they leave to the
// schedule.
func (r *reading) checkHours(c *Config) {
	all := engine.Hours{Days: c.Schedule.Days, Ranges: c.Schedule.Hours}
	for i := range c.Schedule.Groups {
		key := fmt.Sprintf("schedule.group[%d]", i)
		if under := r.root.find(key).under; under["days"] == nil && under["hours"] == nil {
			r.wrong(r.at(key), "has neither days nor hours, and so changes nothing").Hint = "name either, or remove the group"
		}
		r.within(key, &c.Schedule.Groups[i].Hours, all)
	}
	for i := range c.Attacks {
		a := &c.Attacks[i]
		if under := r.root.find(a.Key).under; under["days"] != nil || under["hours"] != nil {
			r.within(a.Key, &a.when, all)
			a.Hours = &a.when
		}
	}
}

// within fills in what the hours at the key leave to all, and wants them to meet.
func (r *reading) within(key string, h *engine.Hours, all engine.Hours) {
	under := r.root.find(key).under
	if under["days"] == nil {
		h.Days = all.Days
	}
	if under["hours"] == nil {
		h.Ranges = all.Ranges
	}
	at := key
	for _, name := range []string{"days", "hours"} {
		if under[name] != nil {
			at = key + "." + name
		}
	}
	if len(h.Ranges) > 0 && len(all.Ranges) > 0 && !meet(*h, all) {
		r.wrong(r.at(at), "is never within the hours of the schedule: nothing could ever happen then").Hint = "choose days and hours of which some are in [schedule], too"
	}
}

// meet tells whether there is a minute of the week that is in both.
func meet(a, b engine.Hours) bool {
	for day := range 7 {
		for _, move := range []int{-1, 0, 1} {
			if !a.Days[day] || !b.Days[(day+move+7)%7] {
				continue
			}
			for _, x := range a.Ranges {
				if slices.ContainsFunc(b.Ranges, func(y engine.HourRange) bool { return share(x, y, move*dayMinutes) }) {
					return true
				}
			}
		}
	}
	return false
}
