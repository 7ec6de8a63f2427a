package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
)

// Calendar is an iCalendar text, understood. It never changes.
type Calendar struct{ events []event }

// Parse reads an iCalendar text (RFC 5545). It understands all of it or says what it does not.
func Parse(text []byte) (*Calendar, error) {
	calendars, err := parse(text)
	if err != nil {
		return nil, err
	}
	for _, c := range calendars {
		if v := c.text("VERSION"); v != "" && v != "2.0" {
			return nil, fmt.Errorf("it is of version %.10q; only 2.0 is understood", v)
		}
		if s := c.text("CALSCALE"); s != "" && !strings.EqualFold(s, "GREGORIAN") {
			return nil, fmt.Errorf("it counts days by the calendar %.20q; only the Gregorian one is understood", s)
		}
	}
	c := &Calendar{}
	for i, v := range events(calendars) {
		e, err := understand(v)
		if err != nil {
			return nil, fmt.Errorf("event %d%s: %w", i+1, called(e.summary), err)
		}
		c.events = append(c.events, e)
	}
	return c, nil
}

func called(summary string) string {
	if summary == "" {
		return ""
	}
	return fmt.Sprintf(" (%.60q)", summary)
}

// Occurrence is one time at which an event takes place, half-open.
type Occurrence struct {
	From, To  time.Time // To is the latest end that may be meant
	Surely    time.Time // the soonest: From where no end is written, and To is the end of the day
	Summary   string    // one printable line
	Free      bool      // marked as free time: TRANSP:TRANSPARENT
	Tentative bool
}

// identity is an occurrence among those of its event.
type identity struct {
	uid  string
	unix int64
	day  bool
}

func (e event) identity(s stamp, home *time.Location) identity {
	return identity{e.uid, s.at(home).Unix(), s.day}
}

// search looks for occurrences.
type search struct {
	from, to time.Time
	home     *time.Location
	steps    int               // left, of all events together
	instead  map[identity]bool // for which an event of its own stands
	found    []Occurrence
}

// Between is what takes place between from and to, in order, at home: the place of floating times and of whole days.
// Cancelled events do not take place.
func (c *Calendar) Between(from, to time.Time, home *time.Location) ([]Occurrence, error) {
	s := search{from: from, to: to, home: home, steps: maxSteps, instead: map[identity]bool{}}
	for _, e := range c.events {
		if e.instead != nil && e.uid != "" {
			s.instead[e.identity(*e.instead, home)] = true
		}
	}
	for _, e := range c.events {
		if e.cancelled {
			continue
		}
		if err := s.event(e); err != nil {
			return nil, fmt.Errorf("the event%s: %w", called(e.summary), err)
		}
	}
	slices.SortStableFunc(s.found, func(a, b Occurrence) int { return a.From.Compare(b.From) })
	return s.found, nil
}

// event adds the occurrences of one event, none twice. Its start is the first of them, whatever the rule says.
func (s *search) event(e event) error {
	seen := map[identity]bool{}
	for _, not := range e.except {
		seen[e.identity(not, s.home)] = true
	}
	add := func(at stamp) error {
		id := e.identity(at, s.home)
		if seen[id] || e.instead == nil && s.instead[id] {
			return nil
		}
		added, err := s.add(e, at)
		if added {
			seen[id] = true
		}
		return err
	}
	if err := add(e.start); err != nil {
		return err
	}
	for _, at := range e.more {
		if err := add(at); err != nil {
			return err
		}
	}
	for _, r := range e.rules {
		if err := s.rule(e, r, add); err != nil {
			return err
		}
	}
	return nil
}

// rule walks one rule of the event as far as the search goes.
func (s *search) rule(e event, r rule, add func(stamp) error) error {
	place := e.start.place
	if place == nil {
		place = s.home
	}
	skip := fields(s.from.In(place)).AddDate(0, 0, -e.lasts.days-3) // clocks have changed by a whole day, and an end has clocks of its own
	skip = time.Unix(skip.Unix()-e.lasts.seconds, 0).UTC()
	end := fields(s.to.In(place)).AddDate(0, 0, 1)
	count, failed := 0, error(nil)
	take := func(civil time.Time) bool {
		at := e.start
		at.civil = civil
		if count == 0 && r.count > 0 && civil.After(e.start.civil) {
			count++ // the start is the first, also where the rule itself does not have it
		}
		if count++; r.count > 0 && count > r.count || civil.After(end) || r.over(at, s.home) {
			return false
		}
		failed = add(at)
		return failed == nil
	}
	return errors.Join(r.walk(e.start.civil, skip, end, &s.steps, take), failed)
}

// over tells whether the occurrence is later than the rule's last.
func (r rule) over(at stamp, home *time.Location) bool {
	switch {
	case r.until == nil:
		return false
	case r.until.day || at.day: // some programs write a whole day's last date as a midnight, of UTC or of the place in UTC
		last := date(r.until.civil.Date())
		if !r.until.day && r.until.place != nil {
			if there := date(r.until.at(home).In(home).Date()); there.After(last) {
				last = there
			}
		}
		return date(at.civil.Date()).After(last)
	case r.until.place == nil:
		return at.civil.After(r.until.civil)
	}
	return at.at(home).After(r.until.at(home))
}

func (s *search) add(e event, at stamp) (added bool, err error) {
	soonest, latest := e.ends(at, s.home)
	o := Occurrence{From: at.at(s.home).In(s.home), To: latest.In(s.home), Surely: soonest, Summary: printable.Printable(strings.TrimSpace(e.summary)),
		Free: e.free, Tentative: e.tentative}
	if !o.To.After(s.from) || !o.From.Before(s.to) {
		return false, nil
	}
	if s.found = append(s.found, o); len(s.found) > maxFound {
		return false, errTooMany
	}
	return true, nil
}
