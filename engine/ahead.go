package engine

import (
	"fmt"
	"maps"
	"time"
)

// The next attack is drawn ahead of its time, so that everybody can see it, and looked at while there is time.

// drawAhead keeps a drawn next attack in sight, and draws again what has stopped being possible.
func (t *turn) drawAhead() {
	if t.s.Next != nil && !t.stillPossible(*t.s.Next) {
		if again, ok := t.redrawKept(*t.s.Next); ok {
			t.setNext(again)
			return
		}
		t.s.Next = nil
	}
	if t.s.Next == nil && !t.s.Sweeping {
		if d, ok := t.drawNext(t.s, t.Stamp); ok {
			t.setNext(d)
		}
	}
	t.inspectNext()
}

func (t *turn) stillPossible(d Draw) bool {
	position, in := t.position(d.Host)
	if !in {
		return false
	}
	if t.isBlocked(t.s, position, t.At) {
		return false
	}
	_, feasible := t.weights(t.fit(t.s, t.closings(t.At, 0), position, t.At))[d.Attack]
	return feasible
}

// redrawKept draws another attack on the same host, if the host itself is still eligible.
func (t *turn) redrawKept(d Draw) (Draw, bool) {
	if position, in := t.position(d.Host); in && t.isBlocked(t.s, position, t.At) {
		return Draw{}, false
	}
	return t.redrawAttack(t.s, d, t.Stamp)
}

func (t *turn) setNext(d Draw) {
	t.s.Next = &d
	t.note(Record{Kind: Drawn, Run: d.ID, Host: d.Host, Attack: d.Attack, Draw: &d, Text: fmt.Sprintf("next: %s on %s, 1 of %d eligible hosts", d.Attack, d.Host, d.Eligible)})
	t.s.Inspected = time.Time{}
	t.inspectNext()
}

// inspectAgain is how long an answer about the drawn host is waited for before it is asked again.
const inspectAgain = 2 * time.Minute

// inspectNext has the drawn host looked at while there is time, so that an infeasible attack is found
// before its turn; never outside the window, and never while stopped.
func (t *turn) inspectNext() {
	if t.s.Next == nil || t.s.Stopped != nil || t.s.Ending != "" || t.At.Before(t.s.Inspected.Add(inspectAgain)) {
		return
	}
	if f, known := t.s.Facts[t.s.Next.Host]; known && t.believed(f, t.At) {
		return
	}
	if _, open := t.Schedule.Open(t.At); !open {
		return
	}
	host, _ := t.Roster.Find(t.s.Next.Host)
	t.s.Inspected = t.At
	t.do(Inspect{Host: host})
}

// sighted keeps those who are out of reach out of the draw. Of a host that is back nothing is believed but
// what it says itself when it is drawn.
func (t *turn) sighted(w Sighted) {
	facts := maps.Clone(t.s.Facts)
	if facts == nil {
		facts = map[string]Facts{}
	}
	for host, why := range w.Unreachable {
		f := facts[host]
		f.At, f.Unreachable = t.At, why
		facts[host] = f
	}
	for _, host := range w.Back {
		if f := facts[host]; f.Unreachable != "" {
			delete(facts, host)
		}
	}
	t.s.Facts = facts
}

func (t *turn) learn(host string, f Facts) {
	if f.At.IsZero() {
		f.At = t.At
	}
	t.s.Facts = put(t.s.Facts, host, f)
}
