package calendar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Nations are the codes of the public holidays that are known.
func Nations() []string { return slices.Sorted(maps.Keys(nations)) }

// Holidays closes every public holiday of the codes, and the day on which it is observed instead, from its first moment
// to its last at the place; of those that touch the time between from and to. With bridge also the working days that
// bridge a holiday to other days off. A code that is not known closes everything, with the reason.
func Holidays(codes []string, bridge bool, from, to time.Time, place *time.Location) []engine.Closure {
	off := map[time.Time][]string{}
	for _, code := range codes {
		if _, known := nations[code]; !known {
			return []engine.Closure{everything(engine.Holiday, fmt.Sprintf("there are no holidays %q; write another code into schedule.holidays", code))}
		}
		for year := from.In(place).Year() - 1; year <= to.In(place).Year()+1; year++ {
			holidaysOf(code, year, off)
		}
	}
	if bridge {
		bridges(off)
	}
	var closures []engine.Closure
	for _, day := range slices.SortedFunc(maps.Keys(off), time.Time.Compare) {
		c := engine.Closure{From: wall(place, day), To: wall(place, day.AddDate(0, 0, 1)), Name: engine.Holiday, Reason: strings.Join(off[day], ", ")}
		if c.To.After(from) && c.From.Before(to) {
			closures = append(closures, c)
		}
	}
	return closures
}

// holidaysOf adds the days of one year, each with what it is called.
func holidaysOf(code string, year int, off map[time.Time][]string) {
	for _, h := range nations[code] {
		actual, observed := h.Calc(year)
		if actual.IsZero() {
			continue
		}
		add(off, civilDay(actual), fmt.Sprintf("%s (%s)", h.Name, code))
		if !observed.Equal(actual) {
			add(off, civilDay(observed), fmt.Sprintf("%s, observed (%s)", h.Name, code))
		}
	}
}

func add(off map[time.Time][]string, day time.Time, name string) {
	if !slices.Contains(off[day], name) {
		off[day] = append(off[day], name)
	}
}

// civilDay is the day that the library means: it gives midnights of the machine's zone, which a change of the clocks may
// have moved into the day before.
func civilDay(t time.Time) time.Time { return date(t.Add(12 * time.Hour).Date()) }

// bridges adds the single working days between a holiday and another day off. Days off are holidays, Saturdays and
// Sundays: a day without attacks is no day off.
func bridges(off map[time.Time][]string) {
	found := map[time.Time]string{}
	free := func(day time.Time) bool {
		return off[day] != nil || day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	}
	for holiday := range off {
		before, after := holiday.AddDate(0, 0, -1), holiday.AddDate(0, 0, 1)
		if !free(before) && free(before.AddDate(0, 0, -1)) && found[before] == "" {
			found[before] = "bridge day before " + off[holiday][0]
		}
		if !free(after) && free(after.AddDate(0, 0, 1)) {
			found[after] = "bridge day after " + off[holiday][0]
		}
	}
	for day, name := range found {
		off[day] = []string{name}
	}
}

var (
	beginning = time.Unix(0, 0).UTC()
	end       = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// everything closes all of time: what is not known must not look open.
func everything(name engine.Reason, why string) engine.Closure {
	return engine.Closure{From: beginning, To: end, Name: name, Reason: why}
}

// Unknown tells whether the closure is there because something is not known: it closes all of time.
func Unknown(c engine.Closure) bool { return c.From.Equal(beginning) && c.To.Equal(end) }
