package gameday

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// A session speaks through notes in the record. Each is one line that a person can read and that parses back:
//
//	game day checkout [20260723-100000-1a2b3c4d]: step 2 approved
//
// The id in brackets is when the session began and the first digits of its plan's digest.

// what a note says.
type word string

const (
	wordBegun     word = "begun"
	wordContinued word = "continued"
	wordAborted   word = "aborted"
	wordEnded     word = "ended"

	wordApproved word = "approved" // of a step, as are all below
	wordSkipped  word = "skipped"
	wordRefused  word = "refused"
	wordLost     word = "lost"
	wordHeld     word = "hypothesis held"
	wordFailed   word = "hypothesis failed"
	wordOpen     word = "hypothesis undecided"
)

// line is one note of a session.
type line struct {
	session string
	step    int // from 1; 0: the session as a whole
	word    word
	try     int // of an approval: for which try of the step, from 1
	why     string
}

var (
	ours    = regexp.MustCompile(`^game day [^\[\]\n]{1,200} \[([0-9]{8}-[0-9]{6}-[0-9a-f]{8})\]: (.*)$`)
	wholly  = regexp.MustCompile(`^(begun|continued|aborted|ended)(?:: (.*))?$`)
	ofAStep = regexp.MustCompile(`^step ([1-9][0-9]{0,2}) (approved|skipped|refused|lost|hypothesis held|hypothesis failed|hypothesis undecided)(?:, try ([1-9][0-9]{0,3}))?(?:: (.*))?$`)
)

// parse reads a note; false when it is not one of a game day.
func parse(text string) (l line, ok bool) {
	found := ours.FindStringSubmatch(text)
	if found == nil {
		return l, false
	}
	l.session = found[1]
	if m := wholly.FindStringSubmatch(found[2]); m != nil {
		l.word, l.why = word(m[1]), m[2]
		return l, true
	}
	m := ofAStep.FindStringSubmatch(found[2])
	if m == nil {
		return l, false
	}
	l.step, _ = strconv.Atoi(m[1])
	l.word, l.why, l.try = word(m[2]), m[4], 1
	if m[3] != "" {
		l.try, _ = strconv.Atoi(m[3])
	}
	return l, true
}

// String is the note as it goes into the record, without the plan's name before it.
func (l line) String() string {
	text := string(l.word)
	if l.step > 0 {
		text = fmt.Sprintf("step %d %s", l.step, l.word)
	}
	if l.try > 1 {
		text += fmt.Sprintf(", try %d", l.try)
	}
	if l.why != "" {
		text += ": " + oneLine(l.why)
	}
	return text
}

// longestWhy leaves a note within what the engine takes.
const longestWhy = 600

// oneLine makes a reason fit for a note.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestWhy {
		text = strings.ToValidUTF8(text[:longestWhy], "") + "..."
	}
	return text
}

// note is the order that puts the line into the record. Its id is made of what it says, so that a note that is
// given again can be told for what it is.
func (s Session) note(l line) engine.Order {
	id := fmt.Sprintf("gameday-%s-%d-%s", s.ID, l.step, strings.ReplaceAll(string(l.word), " ", "-"))
	if l.try > 1 {
		id += fmt.Sprintf("-%d", l.try)
	}
	return engine.Order{ID: id, Kind: engine.Remark, Reason: fmt.Sprintf("game day %s [%s]: %s", s.Plan.Name, s.ID, l)}
}

// orderID names a try of a step, from 1 each.
func (s Session) orderID(step, try int) string {
	id := fmt.Sprintf("gameday-%s-%d", s.ID, step)
	if try > 1 {
		id += fmt.Sprintf("-try%d", try)
	}
	return id
}

func sessionID(p Plan, now time.Time) string {
	return now.UTC().Format("20060102-150405") + "-" + p.mark()
}

// mark tells sessions of one plan from those of others.
func (p Plan) mark() string { return p.Digest[:8] }

// Said is what a note of a game day says, without the name and the id before it, and who said it where that was a
// person's to say; false when it is not one.
func Said(r engine.Record) (text string, ok bool) {
	l, ok := lineOf(r)
	text = l.String()
	switch l.word {
	case wordBegun, wordContinued, wordAborted, wordApproved, wordSkipped:
		text += ", by " + r.By
	}
	return text, ok
}

// lineOf reads a record that may be a note of a game day, given by somebody who may order attacks on any host: a plan
// may mean every one. Who may not may end a session, nothing more.
func lineOf(r engine.Record) (line, bool) {
	if r.Kind != engine.OrderGiven || r.Order == nil || r.Order.Kind != engine.Remark || r.Verdict != nil {
		return line{}, false
	}
	l, ok := parse(r.Order.Reason)
	if (r.Order.Role < engine.Operator || len(r.Order.Realm) > 0) && l.word != wordAborted {
		return line{}, false
	}
	return l, ok
}
