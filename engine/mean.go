package engine

import (
	"fmt"
	"math"
	"time"
)

// The mean-time option: pauses between scheduled attacks are drawn, so that each host is attacked about once in
// Schedule.PerHostMean. Only open time counts. An exponential pause has no memory: whatever restarts, refreshes and
// reloads come between, the rate stays what was promised.

// meanStream keeps the dice of a pause apart from those of the draw of the same event.
const meanStream uint64 = 3

// farthest is how many times the mean a drawn pause is followed; a longer one comes once in 10^13 draws.
const farthest = 30

// notDue: with the mean-time option, the next scheduled attack has a drawn moment.
func (p Plan) notDue(s State, now time.Time) *Verdict {
	if p.Schedule.PerHostMean == 0 || s.Due.IsZero() || !now.Before(s.Due) {
		return nil
	}
	v := refuse(Settling, "each host is attacked about once in %s; the next attack is due %s", days(p.Schedule.PerHostMean), p.clock(s.Due, now))
	v.Until = s.Due
	return v
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return Span(d)
}

// drawDue draws the moment of the next scheduled attack where there is none, or where it was drawn for another fleet
// or schedule.
func (t *turn) drawDue() {
	if t.Schedule.PerHostMean == 0 {
		t.s.Due = time.Time{}
		return
	}
	if t.s.Due.IsZero() && len(t.pool.members) > 0 {
		t.s.Due = t.due(t.At, dice(t.Draw, meanStream).Float64())
	}
}

// due is the moment after which the open time drawn by u, from [0,1), has gone by.
func (p Plan) due(now time.Time, u float64) time.Time {
	mean := p.Schedule.PerHostMean
	open := p.Schedule.openTime(now, now.Add(mean))
	if open <= 0 { // as over a weekend: it is counted from the next opening
		next, ok := p.Schedule.NextOpening(now)
		if !ok {
			return now.Add(mean)
		}
		now, open = next, p.Schedule.openTime(next, next.Add(mean))
	}
	left := time.Duration(-math.Log(1-u) * float64(open) / float64(len(p.pool.members)))
	for range farthest {
		end := now.Add(mean)
		for _, w := range p.Schedule.clipped(now, end) {
			if length := w.End.Sub(w.Start); left < length {
				return w.Start.Add(left).Truncate(time.Second)
			} else {
				left -= length
			}
		}
		now = end
	}
	return now
}

// clipped are the windows between two moments, cut at both.
func (s Schedule) clipped(from, to time.Time) (windows []Window) {
	for _, w := range s.Windows(from, to) {
		if w.Start.Before(from) {
			w.Start = from
		}
		if w.End.After(to) {
			w.End = to
		}
		if w.Start.Before(w.End) {
			windows = append(windows, w)
		}
	}
	return windows
}

// openTime is how long attacks may happen between two moments.
func (s Schedule) openTime(from, to time.Time) (sum time.Duration) {
	for _, w := range s.clipped(from, to) {
		sum += w.End.Sub(w.Start)
	}
	return sum
}
