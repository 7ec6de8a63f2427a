package pagerduty

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// span is the time of one attack, in which and soon after which an incident may be its doing.
type span struct {
	run   string
	host  string
	name  string // "latency on web-1"
	began time.Time
	ended time.Time // zero while it runs
}

// alive tells whether incidents that open at that time may still be the attack's doing.
func (s span) alive(at time.Time, after time.Duration) bool {
	return s.ended.IsZero() || at.Sub(s.ended) <= after
}

// covers tells whether an incident that was opened then falls to the attack.
func (s span) covers(opened time.Time, after time.Duration) bool {
	return !opened.Before(s.began) && s.alive(opened, after)
}

// done tells whether nothing about the attack can be found any more: the last look came after its time. Where nobody
// answers for a day, that is given up.
func (s span) done(looked, now time.Time, after time.Duration) bool {
	return !s.alive(looked, after) || !s.alive(now, after+followFor)
}

// attribute finds the attack that an incident falls to: of several the one that began last.
func attribute(spans []span, opened time.Time, after time.Duration) (found span, ok bool) {
	for _, s := range spans {
		if s.covers(opened, after) && (!ok || s.began.After(found.began)) {
			found, ok = s, true
		}
	}
	return found, ok
}

// stage is how far an incident has come. Each is noted once, at most.
type stage int

// The stages, in order.
const (
	nothing stage = iota
	opened
	acknowledged
	resolved
	givenUp // still open when nobody follows it any more
)

// followed is an incident that falls to an attack.
type followed struct {
	incident
	span  span
	acked time.Time // by our clock, as all of them; zero: not, or not known
	fixed time.Time
	noted stage
}

// stage is how far it has come by now.
func (f *followed) stage(now time.Time) stage {
	switch {
	case f.Status == "resolved":
		return resolved
	case now.Sub(f.Created) > followFor:
		return givenUp
	case !f.acked.IsZero():
		return acknowledged
	}
	return opened
}

// over tells whether nothing more can come.
func (s stage) over() bool { return s == resolved || s == givenUp }

// notePrefix begins the id of every note of ours.
const notePrefix = "pagerduty-"

// order is the note about an incident that has come to that stage. Its sentence is whole by itself; the same is there
// once more for machines.
func (f *followed) order(s stage) engine.Order {
	figures := map[string]string{
		"incident": fmt.Sprint(f.Number), "service": f.Service.name(), "run": f.span.run, "detect": took(f.Created.Sub(f.span.began)),
	}
	text := fmt.Sprintf("incident #%d (%s) opened %s after %s began", f.Number, f.cause(), figures["detect"], f.span.name)
	if !f.acked.IsZero() {
		figures["acknowledge"] = took(f.acked.Sub(f.Created))
		text += ", acknowledged after " + figures["acknowledge"]
	}
	switch s {
	case resolved:
		figures["resolve"] = took(f.fixed.Sub(f.Created))
		text += ", resolved after " + figures["resolve"]
	case givenUp:
		text += ", still open after " + took(followFor) + " and not followed any longer"
	}
	return engine.Order{ID: fmt.Sprintf("%s%s-%d", notePrefix, short(f.ID), s), Kind: engine.Remark, Host: f.span.host, Reason: cut(text), Params: figures}
}

// cut keeps a note within the bytes that the engine takes, however long the names in it are.
func cut(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// took is a duration as people say it; clocks that differ by a little make none negative.
func took(d time.Duration) string { return engine.Span(max(0, d).Round(time.Second)) }

// logEntry is one event in the life of an incident.
type logEntry struct {
	Type string    `json:"type"`
	At   time.Time `json:"created_at"`
}

// first is when such an entry was first made; zero if never.
func first(log []logEntry, kind string) (at time.Time) {
	for _, e := range log {
		if e.Type == kind && (at.IsZero() || e.At.Before(at)) {
			at = e.At
		}
	}
	return at
}

// last is the same for the latest.
func last(log []logEntry, kind string) (at time.Time) {
	for _, e := range log {
		if e.Type == kind && e.At.After(at) {
			at = e.At
		}
	}
	return at
}

// acknowledgedAt is when somebody first took an open incident on.
func (i incident) acknowledgedAt() (at time.Time) {
	for _, a := range i.Acknowledgements {
		if at.IsZero() || a.At.Before(at) {
			at = a.At
		}
	}
	if at.IsZero() && i.Status == "acknowledged" {
		at = i.Changed
	}
	return at
}

// skew is by how much another clock is ahead of ours. A little is the second that its header rounds to, and the way.
func skew(theirs, ours time.Time) time.Duration {
	const little = 5 * time.Second
	if d := theirs.Sub(ours); d.Abs() > little {
		return d
	}
	return 0
}

// earliest is since when incidents may fall to any of the attacks.
func earliest(spans []span) time.Time {
	return slices.MinFunc(spans, func(a, b span) int { return a.began.Compare(b.began) }).began
}
