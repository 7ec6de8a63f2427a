package webhook

import "github.com/chaoscat/chaoscat/engine"

// worth is how hard a record is held on to when there are too many. The zero value goes first.
type worth int

const (
	ordinary worth = iota
	telling        // what was done to hosts, and who said so
	lasting        // a host that needs a person
)

func worthOf(r engine.Record) worth {
	switch r.Kind {
	case engine.ResidueNew, engine.Cleared:
		return lasting
	case engine.Closed:
		if r.Outcome != nil && r.Outcome.Undo == engine.Residue {
			return lasting
		}
		return telling
	case engine.Intent, engine.OrderGiven:
		return telling
	}
	return ordinary
}

// queue is what still has to be told, oldest first, and never more than its size.
type queue struct {
	size    int
	waiting []engine.Record
}

// push takes a record in. Where there is no room, the oldest of those worth least goes, which may be the new one.
func (q *queue) push(r engine.Record) (dropped int) {
	if len(q.waiting) >= q.size {
		least := q.least()
		if worthOf(r) < worthOf(q.waiting[least]) {
			return 1
		}
		q.waiting = append(q.waiting[:least], q.waiting[least+1:]...)
		dropped = 1
	}
	q.waiting = append(q.waiting, r)
	return dropped
}

func (q *queue) least() (at int) {
	for i, r := range q.waiting {
		if worthOf(r) < worthOf(q.waiting[at]) {
			at = i
		}
		if worthOf(q.waiting[at]) == ordinary {
			break
		}
	}
	return at
}

func (q *queue) pop() (engine.Record, bool) {
	if len(q.waiting) == 0 {
		return engine.Record{}, false
	}
	r := q.waiting[0]
	q.waiting[0] = engine.Record{}
	q.waiting = q.waiting[1:]
	return r, true
}
