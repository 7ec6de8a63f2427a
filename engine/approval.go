package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Attacks that several people must want. An order for one waits until enough people whom configuration knows by name
// have approved it, whoever orders included; each counts once, at whichever door. The wait ends by itself, and a stop
// ends all of them.

const (
	approveWithin = 15 * time.Minute // of the order; what was meant then is not meant for ever
	maxPending    = 16               // orders that wait at once
)

// wants are the people who count for the order so far.
func (p Pending) wants() []string {
	if p.Order.Named {
		return append([]string{p.Order.By}, p.Approved...)
	}
	return p.Approved
}

// Missing is how many more people must approve.
func (p Pending) Missing() int { return max(0, p.Needs-len(p.wants())) }

// Sentence is what the order waits for, and how it gets it.
func (p Pending) Sentence() string {
	n := p.Missing()
	people := "1 more person"
	if n > 1 {
		people = fmt.Sprintf("%d more people", n)
	}
	return fmt.Sprintf("%s must be wanted by %d people: %s must say: chaoscat approve %s", p.Order.Attack, p.Needs, people, p.Order.ID)
}

// waitsForOthers puts an order aside that others must want too, and answers it; false where nobody else is needed.
func (t *turn) waitsForOthers(o Order) bool {
	a, _ := t.Attack(o.Attack)
	p := Pending{Order: o, At: t.At, Until: t.At.Add(approveWithin), Needs: a.Approval, Approved: o.Approved}
	if o.DryRun || a.Approval < 2 || p.Missing() == 0 {
		return false
	}
	if i := t.pending(o.ID); i >= 0 {
		t.do(Reply{Order: o.ID, Refusal: refuse(NeedsApproval, "%s", t.s.Pending[i].Sentence())})
		return true
	}
	if len(t.s.Pending) >= maxPending {
		t.refuse(o, *refuse(AtLimit, "%d orders wait for other people already, and that is as many as may", maxPending))
		return true
	}
	t.s.Pending = append(slices.Clone(t.s.Pending), p)
	t.noteOrder(o, "waits for approval: "+p.Sentence()+"; asked", Record{}) // without a verdict: it is not answered for good
	t.do(Reply{Order: o.ID, Refusal: refuse(NeedsApproval, "%s", p.Sentence())})
	return true
}

func (t *turn) pending(id string) int {
	return slices.IndexFunc(t.s.Pending, func(p Pending) bool { return p.Order.ID == id })
}

// meant finds the order that an approval is for: the one that it names, or the only one.
func (t *turn) meant(o Order) (int, *Verdict) {
	switch i := t.pending(o.Approves); {
	case o.Approves != "" && i < 0:
		return 0, refuse(BadOrder, "no order %q waits for approval: it may have run, expired, or been stopped", o.Approves)
	case i >= 0:
		return i, nil
	case len(t.s.Pending) == 0:
		return 0, refuse(BadOrder, "no order waits for approval")
	case len(t.s.Pending) > 1:
		ids := make([]string, len(t.s.Pending))
		for i, p := range t.s.Pending {
			ids[i] = p.Order.ID
		}
		return 0, refuse(BadOrder, "%d orders wait for approval: name one (%s)", len(ids), strings.Join(ids, ", "))
	}
	return 0, nil
}

// mayApprove: whoever approves could have ordered the same, is known by name, and has not counted yet.
func (t *turn) mayApprove(o Order, p Pending) *Verdict {
	switch {
	case !o.Named:
		return refuse(NotAllowed, "%s is not known by name here, so nobody can tell that this is another person; see [[person]] in the configuration", o.By)
	case o.Role < Operator:
		return refuse(NotAllowed, "%s may not order attacks, and so may not approve any", o.By)
	case o.Role < Admin && p.Order.Role == Admin && (p.Order.Force || len(p.Order.Params) > 0):
		return refuse(NotAllowed, "the order goes as far as an admin may (%s), and %s is none", p.Order.beyond(), o.By)
	case slices.Contains(p.wants(), o.By) || o.By == p.Order.By:
		return refuse(NotAllowed, "%s wants it already; another person must want it too", o.By)
	case !o.may(p.Order.Attack):
		return refuse(NotAllowed, "%s may not order %s, and so may not approve it", o.By, p.Order.Attack)
	}
	targets := p.Order.Targets()
	if len(targets) == 0 && len(o.Realm) > 0 {
		return refuse(NotAllowed, "the order leaves its hosts to chance, and %s may order attacks on some (%s) only", o.By, o.realm())
	}
	for _, name := range targets {
		if host, known := t.Roster.Find(name); !known || !o.reaches(host) {
			return outOfReach(o, name)
		}
	}
	if a, known := t.Attack(p.Order.Attack); known {
		return notForRole(a, o)
	}
	return nil
}

// approve counts one more person, and carries the order out once they are enough.
func (t *turn) approve(o Order) {
	i, v := t.meant(o)
	if v == nil {
		v = t.mayApprove(o, t.s.Pending[i])
	}
	if v == nil && t.s.Asked != nil {
		v = refuse(AskingGates, "the gates are just being asked for another attack; try again in a moment")
	}
	if v != nil {
		t.refuse(o, *v)
		return
	}
	p := t.s.Pending[i]
	p.Approved = append(slices.Clone(p.Approved), o.By)
	about := fmt.Sprintf("approved %s of %s", p.Order.Attack, p.Order.By)
	if p.Missing() > 0 {
		t.s.Pending = slices.Clone(t.s.Pending)
		t.s.Pending[i] = p
		t.obey(o, about+": "+p.Sentence()+";")
		return
	}
	t.s.Pending = slices.Delete(slices.Clone(t.s.Pending), i, i+1)
	t.noteOrder(o, about, Record{})
	p.Order.Approved, p.Order.Answers = p.Approved, o.ID
	t.runOnce(p.Order)
}

// beyond is what in the order may go further than another's could.
func (o Order) beyond() string {
	if o.Force {
		return "beyond the limits of the blast radius"
	}
	return "parameters of its own"
}

// giveUpPending gives up all that waits.
func (t *turn) giveUpPending(why string) {
	for _, p := range t.s.Pending {
		t.givenUp(p, why)
	}
	t.s.Pending = nil
}

// forgetPending gives up what has waited too long, and what nobody may run any more.
func (t *turn) forgetPending() {
	kept := t.s.Pending[:0:0]
	for _, p := range t.s.Pending {
		switch {
		case t.s.Stopped != nil:
			t.givenUp(p, "everything is stopped")
		case !t.At.Before(p.Until):
			t.givenUp(p, "nobody else has approved it within "+Span(approveWithin))
		default:
			kept = append(kept, p)
		}
	}
	t.s.Pending = kept
}

// givenUp answers the order for good: the same id again is not asked for anew.
func (t *turn) givenUp(p Pending, why string) {
	o, v := p.Order, refuse(NeedsApproval, "%s", why)
	t.noteOrder(o, "given up "+o.Attack+": "+why+"; asked", Record{Verdict: v})
	t.s.Orders = put(t.s.Orders, o.ID, Settled{At: t.At, Refusal: v})
}
