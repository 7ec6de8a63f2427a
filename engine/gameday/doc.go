// Package gameday decides what comes next in a game day: a plan of steps, each an attack with a hypothesis, carried
// out one after the other, each when a person approves or when its time has come.
//
// A session of a plan has no state of its own. Whatever it does is an order to the engine, whatever it knows is in
// the engine's record, and this package is the fold between the two:
//
//	session, found := gameday.Replay(plan, records)
//	if !found || session.Over() {
//		session = session.Begin(now)
//	}
//	next := session.Next(snapshot, now) // one thing: give this order, ask for approval, wait until then, ...
//	session.Take(record)                // whatever has come of it
//
// Attacks are run-once orders whose id is made of session, step and try; the beginning, an approval, a skip, the
// verdict on a hypothesis and the end are notes that a person can read and [Session.Take] can parse. So nothing is
// done twice, whoever crashes: a step that is in the record is not ordered again, and an order that was on its way
// when somebody died is given again under its old id, to which the engine gives its old answer.
//
// What it refuses: to begin a step because its time came while nobody watched. After a stop, after a refusal, and
// whenever a console takes the session up again, the next step needs an approval of its own, whatever the plan
// says. An approval counts only from somebody who may order attacks.
//
// Where the engine's files cannot be read, a console has only what it has seen itself and what the engine remembers:
// [Session.GoOn] takes that in, also when the engine has begun another life. A step whose order turns out to have been
// answered in a life that nothing is known of is given up ([Session.Lose]), never repeated.
//
// The package imports the standard library and the engine's words; it reads no clock and does no I/O.
package gameday
