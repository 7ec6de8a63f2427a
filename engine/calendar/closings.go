package calendar

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Closings are all that closes a schedule besides the freezes that are written into it.
type Closings struct {
	Nations    []string // whose holidays; see [Nations]
	BridgeDays bool
	Sources    []*Source
	Home       *time.Location // the schedule's zone
}

// At is what closes the years around now: last year, this one, and the next two. It changes from one moment to the next
// only where a calendar does, and at the turn of the year.
func (c Closings) At(now time.Time) []engine.Closure {
	year := now.In(c.Home).Year()
	return c.Between(now, wall(c.Home, date(year-1, 1, 1)), wall(c.Home, date(year+3, 1, 1)))
}

// Between is what closes the time between from and to, as it is known now, in the order of the configuration. Where all of
// time is closed the other reasons do not matter, and are left out.
func (c Closings) Between(now, from, to time.Time) []engine.Closure {
	all := Holidays(c.Nations, c.BridgeDays, from, to, c.Home)
	for _, s := range c.Sources {
		all = append(all, s.Closures(now, from, to, c.Home)...)
	}
	if slices.ContainsFunc(all, Unknown) {
		return slices.DeleteFunc(all, func(c engine.Closure) bool { return !Unknown(c) })
	}
	return all
}

// Refresh reads every calendar anew, side by side.
func (c Closings) Refresh(ctx context.Context, now func() time.Time) error {
	errs := make([]error, len(c.Sources))
	var reading sync.WaitGroup
	for i, s := range c.Sources {
		reading.Go(func() { errs[i] = s.Refresh(ctx, now) })
	}
	reading.Wait()
	return errors.Join(errs...)
}

// RefreshFiles reads those calendars anew that are files: it contacts nobody.
func (c Closings) RefreshFiles(now func() time.Time) error {
	files := c
	files.Sources = nil
	for _, s := range c.Sources {
		if s.client == nil {
			files.Sources = append(files.Sources, s)
		}
	}
	return files.Refresh(context.Background(), now)
}

// Watching is what [Closings.Watch] needs.
type Watching struct {
	Clock   clock.Clock
	Draw    func() uint64                                // dice, so that many readers do not come at once
	Last    []engine.Closure                             // what is known already
	Changed func(closures []engine.Closure, text string) // gets all closures whenever any is not what it was
	Failed  func(error)                                  // gets why a calendar cannot be read, once for each reason
	Back    func(name string)                            // gets the name of one that failed and can be read again
}

// patience is how often it is looked at least whether a copy has become stale, and a calendar that failed is read again.
const patience = time.Minute

// Watch reads every calendar at its interval until ctx ends, all of them at once to begin with. It keeps their last good
// copies: the folder is that of an engine, which watches, and of nobody else.
func (c Closings) Watch(ctx context.Context, w Watching) {
	for _, s := range c.Sources {
		s.mu.Lock()
		s.keeps = true
		s.mu.Unlock()
	}
	turns := make([]turn, len(c.Sources))
	for ctx.Err() == nil {
		now := w.Clock.Now()
		c.refreshDue(ctx, w, now, turns)
		if ctx.Err() != nil {
			return
		}
		closures := c.At(w.Clock.Now())
		if text := change(w.Last, closures); text != "" {
			w.Last = closures
			w.Changed(closures, text)
		}
		next := now.Add(patience)
		for _, t := range turns {
			if t.due.Before(next) {
				next = t.due
			}
		}
		pause(ctx, w.Clock.Real(next.Sub(w.Clock.Now())))
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// turn is when a calendar is to be read again, and what was said last of why it cannot be.
type turn struct {
	due  time.Time
	told string
}

// refreshDue reads the calendars whose time has come, side by side.
func (c Closings) refreshDue(ctx context.Context, w Watching, now time.Time, turns []turn) {
	var reading sync.WaitGroup
	errs := make([]error, len(c.Sources))
	due := func(i int) bool { return !turns[i].due.After(now) }
	for i, s := range c.Sources {
		if due(i) {
			reading.Go(func() { errs[i] = s.Refresh(ctx, w.Clock.Now) })
		}
	}
	reading.Wait()
	for i, s := range c.Sources {
		if due(i) && ctx.Err() == nil {
			turns[i] = w.next(s, errs[i], turns[i])
		}
	}
}

// next is the turn of a calendar that has just been read, or not.
func (w Watching) next(s *Source, err error, last turn) turn {
	t := turn{due: w.Clock.Now().Add(s.wait(err, w.Draw()))}
	if err == nil {
		if last.told != "" {
			w.Back(s.Name())
		}
		return t
	}
	if t.told = wordsOf(err); t.told != last.told {
		w.Failed(err)
	}
	return t
}

// wait is the time until the calendar is read again: its interval, give or take a tenth. One that could not be reached is
// tried again sooner; a server that has said no is left alone.
func (s *Source) wait(err error, draw uint64) time.Duration {
	d := s.o.Refresh
	if _, said := errors.AsType[*web.StatusError](err); err != nil && !said {
		d = min(d, patience)
	}
	return d - d/10 + time.Duration(draw%1024)*(d/5)/1024
}

// Together makes one closure of those that several calendars have of the same event.
func Together(closures []engine.Closure) (list []engine.Closure) {
	for _, c := range closures {
		i := slices.IndexFunc(list, func(other engine.Closure) bool {
			return other.From.Equal(c.From) && other.To.Equal(c.To) && other.Name == c.Name && headOf(other) == headOf(c)
		})
		if i < 0 {
			list = append(list, c)
		} else if _, calendar, is := strings.Cut(c.Reason, byCalendar); is {
			list[i].Reason += " and " + calendar
		}
	}
	return list
}

// byCalendar stands between an event and its calendar in the reason of a closure.
const byCalendar = ", by the calendar "

func headOf(c engine.Closure) string {
	summary, _, _ := strings.Cut(c.Reason, byCalendar)
	return summary
}

// change is how the closures differ, for people; "" if they do not.
func change(before, after []engine.Closure) string {
	type same struct {
		from, to     int64
		name, reason string
	}
	left := map[same]int{}
	key := func(c engine.Closure) same { return same{c.From.Unix(), c.To.Unix(), string(c.Name), c.Reason} }
	for _, c := range before {
		left[key(c)]++
	}
	added, gone := 0, 0
	for _, c := range after {
		if left[key(c)] > 0 {
			left[key(c)]--
		} else {
			added++
		}
	}
	for _, n := range left {
		gone += n
	}
	var parts []string
	if added > 0 {
		parts = append(parts, counted(added, "closing")+" came")
	}
	if gone > 0 {
		parts = append(parts, counted(gone, "closing")+" went")
	}
	if parts == nil {
		return ""
	}
	return "calendars: " + strings.Join(parts, ", ")
}
