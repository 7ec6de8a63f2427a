// Package clock is the clock that is handed to everything that does rather than decides.
//
// The zero [Clock] is the machine's own. A fast one makes a demonstration of a day fit into a coffee
// break: its time runs Speed times as fast, so a timer for a duration d of it must be set to Real(d).
// Time-outs of real networks and processes are never scaled.
//
//	timer := time.NewTimer(c.Real(10 * time.Minute))
package clock

import "time"

// Clock tells the time. It is a value and may be copied.
type Clock struct {
	speed float64
	began time.Time // real moment at which the fast clock was at start
	start time.Time
}

// Fast is a clock that shows start at the real moment now and from then on runs speed times as fast.
// A speed of 1 or less gives a clock that keeps the pace of the machine's.
func Fast(now, start time.Time, speed float64) Clock {
	return Clock{speed: max(speed, 1), began: now, start: start}
}

// Now is the time on this clock. Differences between two readings of a real clock are monotonic.
func (c Clock) Now() time.Time {
	if c.speed == 0 {
		return time.Now()
	}
	return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// Real is how long the machine must wait for d to pass on this clock.
func (c Clock) Real(d time.Duration) time.Duration {
	if c.speed == 0 {
		return d
	}
	return time.Duration(float64(d) / c.speed)
}
