package gameday

import (
	"fmt"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Do is the one thing that a session wants done.
type Do string

// The things. The zero value does nothing until something changes.
const (
	Watch    Do = ""         // something runs, or holds: look again when there is news
	Give     Do = "give"     // hand over Next.Order; the same again is harmless
	Ask      Do = "ask"      // a person must approve Next.Step, or skip it
	Until    Do = "until"    // wait until Next.At, unless a person approves before
	Finished Do = "finished" // there is nothing left
)

// Next is what a session wants.
type Next struct {
	Do    Do
	Step  int // from 1; 0: none
	Order engine.Order
	At    time.Time
	Why   string // in words: why it asks, waits or holds
}

// Next decides the one next thing from what has happened, what is so now, and the time. The time's zone is the one
// in which the plan's times of day are meant.
func (s Session) Next(now engine.Snapshot, at time.Time) Next {
	switch {
	case s.Over():
		return Next{Do: Finished}
	case s.Begun.IsZero():
		return Next{Do: Give, Order: s.note(line{word: wordBegun, why: fmt.Sprintf("%d steps%s", len(s.Steps), rehearsal(s.Plan.Rehearsal))})}
	}
	i := s.turn()
	if i == len(s.Steps) {
		return Next{Do: Give, Order: s.note(line{word: wordEnded, why: s.Summary()})}
	}
	n := s.step(i, now, at)
	n.Step = i + 1
	return n
}

func rehearsal(is bool) string {
	if is {
		return ", a rehearsal: nothing is injected"
	}
	return ""
}

func (s Session) step(i int, now engine.Snapshot, at time.Time) Next {
	p := s.Steps[i]
	switch {
	case p.State == Running:
		return s.running(i, now)
	case p.State == Done:
		return s.judge(i, now, at)
	case now.Stopped != nil:
		return Next{Why: fmt.Sprintf("stopped by %s; it goes on when somebody has resumed and approved", now.Stopped.By)}
	case p.Others != "":
		return Next{Why: "it waits for other people: " + p.Others}
	case p.Approved:
		return Next{Do: Give, Order: s.order(i)}
	case p.Refusal != nil:
		return Next{Do: Ask, Why: "it was refused: " + p.Refusal.Sentence, At: p.Refusal.Until}
	case s.Fresh != "":
		return Next{Do: Ask, Why: s.Fresh}
	}
	return s.waiting(i, at)
}

// order is the step as it is given now.
func (s Session) order(i int) engine.Order {
	o := s.Plan.Steps[i].Order(s.Plan.Rehearsal)
	o.ID = s.orderID(i+1, s.Steps[i].Tries+1)
	o.Reason = oneLine(fmt.Sprintf("game day %s, step %d: %s", s.Plan.Name, i+1, s.Plan.Steps[i].Name))
	return o
}

// running goes on until every host has its outcome. One that nobody knows of any more has none to come.
func (s Session) running(i int, now engine.Snapshot) Next {
	p := s.Steps[i]
	known := slices.ContainsFunc(now.Running, func(r engine.Run) bool { return r.ID == p.Run || r.Of == p.Run })
	if known || now.LastSeq != s.seq { // an older view does not know it yet
		return Next{Why: "it runs"}
	}
	return Next{Do: Give, Order: s.Lose(i+1, "the engine knows nothing of it any more; see chaoscat history")}
}

// waiting is a step whose turn it is, with nothing against it.
func (s Session) waiting(i int, at time.Time) Next {
	due, passed := s.due(i, at)
	switch {
	case due.IsZero():
		return Next{Do: Ask}
	case passed:
		return Next{Do: Ask, Why: fmt.Sprintf("its time, %s, has passed", s.Plan.Steps[i].Wait)}
	case at.Before(due):
		return Next{Do: Until, At: due}
	}
	return Next{Do: Give, Order: s.order(i)}
}

// punctual is how late a step may begin at its time of day without being asked about: the step before it may have
// taken a little longer.
const punctual = 5 * time.Minute

// due is when the step begins by itself; zero where it waits for a person. passed says that its time of day went by
// before its turn came.
func (s Session) due(i int, at time.Time) (due time.Time, passed bool) {
	before := s.Begun
	if i > 0 {
		before = s.Steps[i-1].Ended
	}
	switch w := s.Plan.Steps[i].Wait; w.Kind {
	case AfterBefore:
		return before.Add(w.After), false
	case AtTime:
		day := s.Begun.In(at.Location())
		due = time.Date(day.Year(), day.Month(), day.Day(), w.Minute/60, w.Minute%60, 0, 0, at.Location())
		return due, before.Sub(due) > punctual
	}
	return time.Time{}, false
}

// The notes of people. They are given through a door, which says whose they are.

// Approve is the note that lets the step whose turn it is begin.
func (s Session) Approve() engine.Order {
	i := s.turn()
	return s.note(line{step: i + 1, word: wordApproved, try: s.Steps[i].Tries + 1})
}

// Skip is the note that leaves out the step whose turn it is.
func (s Session) Skip(why string) engine.Order {
	return s.note(line{step: s.turn() + 1, word: wordSkipped, why: why})
}

// Abort is the note that ends the session before its time.
func (s Session) Abort(why string) engine.Order { return s.note(line{word: wordAborted, why: why}) }

// Continue is the note of a console that takes the session up again.
func (s Session) Continue() engine.Order { return s.note(line{word: wordContinued}) }

// Refuse is the note on a step that was turned away at the door, of which the engine itself keeps no record.
func (s Session) Refuse(step int, why string) engine.Order {
	return s.note(line{step: step, word: wordRefused, try: s.Steps[step-1].Tries + 1, why: why})
}

// Lose is the note on a step of which no outcome will be heard: the engine has answered its order, in records that
// cannot be read.
func (s Session) Lose(step int, why string) engine.Order {
	return s.note(line{step: step, word: wordLost, why: why})
}

// Unheard is why a step is given up whose order was answered while nothing of it was recorded where it can be read.
const Unheard = "it was carried out, and what was recorded of it cannot be read from here; see chaoscat history"

// Unread is why the first step of a session asks that begins where what the engine recorded before cannot be read: it
// may go on from one that is under way.
const Unread = "the engine's earlier records cannot be read from here"

// Judges is who may do with a game day more than look at it and end it.
var Judges = fmt.Sprintf("a game day is begun, approved and judged by somebody with the role %s", engine.Operator)

// Turn is the step whose turn it is, from 1: it waits, runs, or lacks its verdict; 0 when none is left.
func (s Session) Turn() int {
	if i := s.turn(); i < len(s.Steps) {
		return i + 1
	}
	return 0
}

// Waiting tells whether a step could be approved or skipped now, and which: its turn has come, it has not begun, and its
// order is not waiting for other people, who could let it begin after it was skipped.
func (s Session) Waiting() (step int, ok bool) {
	i := s.turn()
	if s.Begun.IsZero() || s.Over() || i == len(s.Steps) || s.Steps[i].State != Ahead || s.Steps[i].Others != "" {
		return 0, false
	}
	return i + 1, true
}

// WaitsForOthers is what other people must do before the step whose turn it is begins; "" where it does not wait for
// any.
func (s Session) WaitsForOthers() string {
	if i := s.turn(); i < len(s.Steps) {
		return s.Steps[i].Others
	}
	return ""
}
