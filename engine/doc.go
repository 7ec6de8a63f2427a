// Package engine is chaoscat's pure core: it decides and does nothing else.
//
// Everything that happens to chaoscat arrives as an [Event] that carries its own time and its own dice
// ([Stamp]). [Plan.Step] answers with the state that follows and with the [Action]s that a driver must
// perform: ask the gates, inspect a host, launch an attack, revert one, wake me then, write this down.
//
//	state, actions := plan.Step(state, event)
//	// the driver journals event and notes, with fsync, before it performs a single action
//
// The core imports the standard library only, reads no clock, rolls no dice of its own, starts no
// goroutine and does no I/O. The same state and the same event always give the same answer, so a
// journal line is enough to reproduce a decision, and the same core runs under any driver.
//
// What it refuses has a name. Each minute in which nothing is attacked has exactly one [Verdict] and one
// sentence, and that sentence is what the console, the command line, the log and the tests all say.
package engine
