// Package calendar knows the days on which nothing may happen, and who is on call by a calendar: public holidays by country
// (rickar/cal), bridge days, and the events of iCalendar files and addresses.
//
//	s, err := calendar.New(calendar.Options{Path: "freeze.ics", Refresh: time.Minute, StaleAfter: 24 * time.Hour})
//	c := calendar.Closings{Nations: []string{"de-by"}, BridgeDays: true, Sources: []*calendar.Source{s}, Home: location}
//	err = c.Refresh(ctx, clock.Now)
//	schedule.Closures = append(freezes, c.At(now)...)
//	go c.Watch(ctx, calendar.Watching{...}) // reads again and again, and says when any closing has changed
//
// A calendar that nobody can read might say anything, so it closes everything, and the reason names it: one that was never
// read, one that has not been readable for too long (its last good copy counts until then, and is kept over a restart), and
// at once one that came and cannot be understood. Understood is all of RFC 5545 that decides when an event takes place:
// recurrence rules with every part, RDATE, EXDATE, single occurrences that were moved or cancelled, whole days and floating
// times (those of the schedule's zone), zones by their IANA or Windows names, durations. What is not (EXRULE, periods,
// RANGE=THISANDFUTURE, a zone that nobody knows) is refused with its event's name; it is never left out.
//
//   - Cancelled events do not take place. Events marked as free time (TRANSP:TRANSPARENT) do not close, unless asked to.
//   - A date without an end is that day. A time without an end, or that ends as it begins, is the rest of its day; on call it
//     is nobody.
//   - An event that recurs over a change of the clocks may be meant to last as long as the first, or until the clocks show
//     the same: it closes until the later of these ends, and is on call until the sooner. A DURATION is as long as it says.
//   - The library that reads iCalendar for others, apognu/gocal, is not used: it gives 10 of the 39 recurrences of the RFC as
//     the RFC does and the others differently, without an error, and drops what it cannot read. Here that would be open
//     time.
//
// Everything is bounded: bytes, events, nesting, and the days that all recurrence rules together make it look at.
package calendar
