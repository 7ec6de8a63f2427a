package calendar

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// stamp is a DATE or a DATE-TIME: what clocks show, and where.
type stamp struct {
	civil time.Time      // the fields, see [fields]
	place *time.Location // nil is a floating time: that of whoever reads it
	day   bool           // a DATE
}

// at is the moment of the stamp, for a reader at home.
func (s stamp) at(home *time.Location) time.Time {
	if s.place != nil && !s.day {
		home = s.place
	}
	return wall(home, s.civil)
}

// span is how long something lasts: days by the calendar, which the clocks may make longer or shorter, and then seconds.
type span struct {
	days    int
	seconds int64
}

func (l span) after(s stamp, home *time.Location) time.Time {
	s.civil = s.civil.AddDate(0, 0, l.days)
	return later(s.at(home), l.seconds)
}

// later is so many seconds after t, which may be more than a [time.Duration] holds.
func later(t time.Time, seconds int64) time.Time {
	return time.Unix(t.Unix()+seconds, 0).In(t.Location())
}

// event is a VEVENT, understood.
type event struct {
	uid       string
	summary   string
	free      bool // TRANSP:TRANSPARENT
	cancelled bool
	tentative bool
	start     stamp
	end       *stamp // DTEND, if it is a time after the start
	endless   bool   // no end is written for a time
	lasts     span   // with an end, or none, no more than about as long
	rules     []rule
	more      []stamp // RDATE
	except    []stamp // EXDATE
	instead   *stamp  // RECURRENCE-ID: the occurrence that it stands for
}

// understand reads a VEVENT. What would change when it is, and is not understood here, is an error.
func understand(c component) (e event, err error) {
	e = event{uid: c.text("UID"), summary: c.text("SUMMARY")}
	e.free = strings.EqualFold(c.text("TRANSP"), "TRANSPARENT")
	e.cancelled = strings.EqualFold(c.text("STATUS"), "CANCELLED")
	e.tentative = strings.EqualFold(c.text("STATUS"), "TENTATIVE")
	start, found, err := c.only("DTSTART")
	switch {
	case err != nil:
		return e, err
	case !found:
		return e, errors.New("it has no DTSTART")
	case len(c.all("EXRULE")) > 0:
		return e, errors.New("EXRULE is not understood; write EXDATE")
	}
	if e.start, err = parseStamp(start, start.value); err != nil {
		return e, err
	}
	if err := e.readEnd(c); err != nil {
		return e, err
	}
	for _, p := range c.all("RRULE") {
		r, err := parseRule(p.value, e.start)
		if err != nil {
			return e, fmt.Errorf("RRULE: %w", err)
		}
		e.rules = append(e.rules, r)
	}
	return e, e.readOthers(c)
}

// readOthers reads the occurrences that no rule has, those that there are not, and the one that it stands for.
func (e *event) readOthers(c component) (err error) {
	if e.more, err = stamps(c.all("RDATE")); err != nil {
		return err
	}
	if e.except, err = stamps(c.all("EXDATE")); err != nil {
		return err
	}
	id, found, err := c.only("RECURRENCE-ID")
	if err != nil || !found {
		return err
	}
	if id.params["RANGE"] != "" {
		return errors.New("RECURRENCE-ID with a RANGE is not understood; write the rule anew")
	}
	s, err := parseStamp(id, id.value)
	e.instead = &s
	return err
}

// readEnd reads DTEND or DURATION. A date without either is that day; a time without either, or that ends as it begins,
// is taken for the rest of its day: whoever writes such an event into a calendar of freezes means something by it.
func (e *event) readEnd(c component) error {
	end, ended, err := c.only("DTEND")
	length, lasting, err2 := c.only("DURATION")
	switch {
	case errors.Join(err, err2) != nil:
		return errors.Join(err, err2)
	case ended && lasting:
		return errors.New("it has both DTEND and DURATION")
	case ended:
		return e.until(end)
	case lasting:
		if e.lasts, err = parseDuration(length.value); err != nil {
			return err
		}
	}
	if e.lasts == (span{}) {
		e.restOfDay()
	}
	return nil
}

func (e *event) until(p property) error {
	end, err := parseStamp(p, p.value)
	switch {
	case err != nil:
		return err
	case end.day != e.start.day:
		return errors.New("of DTSTART and DTEND one is a date and the other a time")
	case !end.day && (end.place == nil) != (e.start.place == nil):
		return errors.New("of DTSTART and DTEND one has a time zone and the other none")
	case end.day:
		e.lasts.days = int((end.civil.Unix() - e.start.civil.Unix()) / 86400)
	default:
		e.end, e.lasts.seconds = &end, end.at(time.UTC).Unix()-e.start.at(time.UTC).Unix()
	}
	if e.lasts.days < 0 || e.lasts.seconds < 0 {
		return errors.New("it ends before it begins")
	}
	if e.lasts == (span{}) {
		e.restOfDay()
	}
	return nil
}

func (e *event) restOfDay() {
	e.lasts, e.end, e.endless = span{days: 1}, nil, !e.start.day
}

// ends are the soonest and the latest end that an occurrence may mean. They differ where an event with a DTEND recurs over
// a change of the clocks: by RFC 5545 it is as long as the first, and people mean the end that they read on the clock. What
// closes does so until the latest; who is on call is so until the soonest.
func (e event) ends(at stamp, home *time.Location) (soonest, latest time.Time) {
	begins := at.at(home)
	soonest, latest = begins, begins
	switch {
	case e.endless:
	case e.end == nil:
		soonest = e.lasts.after(at, home)
		latest = soonest
	default:
		soonest, latest = later(begins, e.end.at(home).Unix()-e.start.at(home).Unix()), e.endOnTheClock(at, home)
		if latest.Before(soonest) {
			soonest, latest = latest, soonest
		}
	}
	if !latest.After(begins) { // no end is written, or the clocks skip all of it
		return begins, wall(begins.Location(), date(begins.Date()).AddDate(0, 0, 1))
	}
	return soonest, latest
}

// endOnTheClock is the DTEND of an occurrence: what the clocks there show, moved as far as those at the start have.
func (e event) endOnTheClock(at stamp, home *time.Location) time.Time {
	begins := at.civil
	if at.place != e.start.place { // an RDATE may be written by other clocks
		begins = fields(at.at(home).In(e.start.at(home).Location()))
	}
	end := *e.end
	end.civil = later(end.civil, begins.Unix()-e.start.civil.Unix())
	return end.at(home)
}

// parseStamp reads one value of a property that has dates or times.
func parseStamp(p property, value string) (s stamp, err error) {
	form := "20060102T150405"
	switch kind := strings.ToUpper(p.params["VALUE"]); {
	case kind == "DATE" || kind == "" && len(value) == 8:
		form, s.day = "20060102", true
	case kind != "" && kind != "DATE-TIME":
		return s, fmt.Errorf("%s: the form %.40q is not understood", p.name, kind)
	case strings.HasSuffix(value, "Z"):
		value, s.place = strings.TrimSuffix(value, "Z"), time.UTC
	case p.params["TZID"] != "":
		if s.place, err = zone(p.params["TZID"]); err != nil {
			return s, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if s.civil, err = time.Parse(form, value); err != nil || len(value) != len(form) {
		return s, fmt.Errorf("%s: %.40q is no date or time", p.name, value)
	}
	return s, nil
}

// stamps are the values of properties that may have several each.
func stamps(props []property) (all []stamp, err error) {
	for _, p := range props {
		if strings.EqualFold(p.params["VALUE"], "PERIOD") {
			return nil, fmt.Errorf("%s: periods are not understood; write events of their own", p.name)
		}
		for value := range strings.SplitSeq(p.value, ",") {
			s, err := parseStamp(p, strings.TrimSpace(value))
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	return all, nil
}

var durationForm = regexp.MustCompile(`^\+?P(?:(\d{1,5})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?)$`)

// parseDuration reads a DURATION: P2W, P1DT12H. Days and weeks are those of the calendar.
func parseDuration(text string) (span, error) {
	parts := durationForm.FindStringSubmatch(strings.ToUpper(text))
	if parts == nil || strings.HasSuffix(parts[0], "P") || strings.HasSuffix(parts[0], "T") {
		return span{}, fmt.Errorf("DURATION: %.40q is no length of time from now on", text)
	}
	n := func(i int) int { v, _ := strconv.Atoi(parts[i]); return v } // the form lets nothing but digits through
	return span{days: 7*n(1) + n(2), seconds: int64(3600*n(3) + 60*n(4) + n(5))}, nil
}
