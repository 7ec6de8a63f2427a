// Package local drives the core in this process: it does and decides nothing.
//
// One goroutine owns the state. Whatever happens (a timer, a gate's answer, a run's progress, a person's
// order) reaches it as an event; each event is stepped, the notes are made durable, and only then are the
// actions performed, each in a goroutine of its own that reports back as an event. There is one exception
// to the order: undoing is performed first, because it is always safe and must never wait for a disk.
//
//	e := local.New(options)
//	err := e.Run(ctx)      // returns when ctx has ended and everything that ran has been undone
//
// The engine is also the console's view ([Engine.Watch], [Engine.History], [Engine.Order]). It never
// waits for a reader: snapshots go into slots that hold the newest one only.
package local
