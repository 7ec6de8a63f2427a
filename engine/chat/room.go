package chat

import (
	"errors"
	"slices"
)

// weight is what a post is worth where there is no room for all. Of two that weigh the same the older goes.
type weight int

// The weights. Whoever misses an answer asks again, and the end of a run tells what its progress was; but nobody asks
// for an alarm that they have not heard.
const (
	reply    weight = iota // an answer
	progress               // on the way of a run
	result                 // what came of a run or of a stop, and what binds everybody
	awaited                // the beginning of a run that waits for it
	halting                // a stop
	alarm                  // a person must look
)

// asker is for whom a post is.
type asker int

// Those for whom posts are.
const (
	everybody asker = iota // nobody has asked for it
	known
	stranger // somebody who may stop, and nothing else
)

const longestQueue = 256

// shares are how much may wait for each asker, so that nobody crowds anything out by asking.
var shares = map[asker]int{everybody: longestQueue, known: 64, stranger: 16}

// fit leaves out the least of what is too much: for those who ask, and altogether.
func (o *outbox) fit(from asker) {
	theirs := 0
	for _, p := range o.queue {
		if p.from == from {
			theirs++
		}
	}
	if theirs > shares[from] {
		o.leaveOut(func(p post) bool { return p.from == from })
	}
	if len(o.queue) > longestQueue {
		o.leaveOut(func(post) bool { return true })
	}
}

// leaveOut takes out the lightest, and of these the oldest.
func (o *outbox) leaveOut(among func(post) bool) {
	least := -1
	for i, p := range o.queue {
		if among(p) && (least < 0 || p.weight < o.queue[least].weight) {
			least = i
		}
	}
	o.queue[least].end(errors.New("too much is waiting to be said"))
	o.queue = slices.Delete(o.queue, least, least+1)
	o.dropped++
}
