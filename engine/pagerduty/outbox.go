package pagerduty

import (
	"maps"
	"slices"
	"time"
)

const (
	mostWaiting = 1000             // change events
	patience    = 30 * time.Minute // for a change event: one that comes later helps nobody
	sulk        = 5 * time.Minute  // before an alert that PagerDuty has refused is tried again
)

// outbox decides what is sent next. It is not safe for several goroutines, and knows no clock.
type outbox struct {
	changes []waiting
	wanted  map[string]alert     // what should be alarmed, by key
	told    map[string]string    // what PagerDuty has been told, by key: the summary
	refused map[string]time.Time // alerts that it would not take, and when that was
	lost    int                  // change events given up since somebody has asked
}

type waiting struct {
	event
	since time.Time
}

func newOutbox() *outbox {
	return &outbox{wanted: map[string]alert{}, told: map[string]string{}, refused: map[string]time.Time{}}
}

// want says what should be alarmed from now on: all of it.
func (b *outbox) want(alerts map[string]alert) { b.wanted = alerts }

// assume says that PagerDuty may know an alert by that key from an earlier life, so that it is resolved if it is not
// wanted.
func (b *outbox) assume(key string) {
	if _, known := b.told[key]; !known {
		b.told[key] = ""
	}
}

// put adds a change event behind the others. Of too many the oldest go.
func (b *outbox) put(e event, now time.Time) {
	if len(b.changes) == mostWaiting {
		b.changes = b.changes[1:]
		b.lost++
	}
	b.changes = append(b.changes, waiting{e, now})
}

// next is what to send now: alerts before change events, those in the order in which they came.
func (b *outbox) next(now time.Time) (event, bool) {
	for _, key := range slices.Sorted(maps.Keys(b.wanted)) {
		if a := b.wanted[key]; b.told[key] != clip(a.summary) && !b.sulking(key, now) {
			return a.trigger(key), true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.told)) {
		if _, wanted := b.wanted[key]; !wanted && !b.sulking(key, now) {
			return resolve(key), true
		}
	}
	for len(b.changes) > 0 && now.Sub(b.changes[0].since) > patience {
		b.changes = b.changes[1:]
		b.lost++
	}
	if len(b.changes) > 0 {
		return b.changes[0].event, true
	}
	return event{}, false
}

func (b *outbox) sulking(key string, now time.Time) bool {
	at, is := b.refused[key]
	return is && now.Sub(at) < sulk
}

// done takes in what has become of the event that was next.
func (b *outbox) done(e event, f fate, now time.Time) {
	switch {
	case f == again:
	case e.Action == "":
		if len(b.changes) > 0 && b.changes[0].Payload == e.Payload { // else it was pushed out meanwhile, by a younger one
			b.changes = b.changes[1:]
		}
	case f == refused:
		b.refused[e.Key] = now
	case e.Action == "trigger":
		b.told[e.Key] = e.Payload.Summary
		delete(b.refused, e.Key)
	default:
		delete(b.told, e.Key)
		delete(b.refused, e.Key)
	}
}

// gone is how many change events were given up since it was last asked.
func (b *outbox) gone() int {
	n := b.lost
	b.lost = 0
	return n
}
