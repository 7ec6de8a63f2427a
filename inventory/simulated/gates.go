package simulated

import (
	"fmt"
	"time"
)

// Where the simulated health source draws the line.
const (
	errorLimit = 2.0   // per cent
	p99Limit   = 500.0 // ms
)

// Health answers as a monitoring system of the fleet would at that moment: ok and the figures with their
// limits. It knows nothing of attacks; it turns red because what users see got worse. Which attacks do
// that depends on the host's role and, by the seed, on how fragile that host is: taking a database off the
// network always does, a busy web server hardly ever.
func (f *Fleet) Health(now time.Time) (ok bool, text string) {
	errors, p99 := f.weather(now)
	text = fmt.Sprintf("error rate %.2f %% (limit %g %%), p99 %.0f ms (limit %g ms)", errors, errorLimit, p99, p99Limit)
	return errors <= errorLimit && p99 <= p99Limit, text
}

// OnCall says who is on call: always the same, as simulated people do not sleep.
func (f *Fleet) OnCall(time.Time) (ok bool, text string) { return true, "ada (simulated)" }

// fleetWide is the host number under which the fleet's own noise is drawn.
const fleetWide = -1

func (f *Fleet) weather(now time.Time) (errors, p99 float64) {
	w := f.world
	errors, slow := w.felt(now)
	errors += 0.22 + 0.08*w.noise(fleetWide, noiseErrors, now, 20*time.Second)
	p99 = 182 + 24*w.noise(fleetWide, noiseP99, now, 15*time.Second) + slow
	return errors, p99
}
