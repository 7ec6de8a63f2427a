// Package journal is the record of what happened, on disk before anything is done about it.
//
// The driver hands over each step (the event and its notes) and performs the step's actions only after
// [Journal.Append] has returned nil: what is acknowledged survives SIGKILL and a power cut. At start,
// [Open] reads everything back and says where the last life left off.
//
//	j, found, err := journal.Open(dir, journal.Options{Now: clock.Now, Boot: journal.BootID()})
//	var held *journal.LockedError // another engine works on this directory: exit 9
//	...
//	err = j.Append(&event, notes) // nil: durable. Otherwise: perform no action that begins an attack.
//
// # What is in the directory
//
//	lock                   held (flock) by the one engine; names its pid and host
//	journal                one entry a line: crc32c (8 hex) SP json LF
//	journal.head           seq:hash of the last entry, so that a tail cut exactly between two lines shows
//	journal.torn-TIME      a tail that was no entry, cut off at a start
//	journal.corrupt-TIME   a journal that was damaged in its middle, set aside
//	journal.until-SEQ      a full journal, set aside; the chain goes on in the next file
//	stopped                the stop latch, see [StopFile]
//
// Each entry carries the first 16 bytes of the SHA-256 of the entry before it, so that none can be
// changed, dropped or moved without notice. The first entry of a file that follows a set-aside one
// carries what was known by then ([Recovered]), so a start reads one file only.
//
// # What is refused, and what is assumed
//
// A line at the end that does not check, or an end before the place that the head vouches for, is a torn
// tail: a possible attack, never a parse error. [Recovery].Torn is then true, and stays true over
// restarts until an entry with the event [engine.SweptAll] that names no failed host has been appended. A line that does not check
// with a sound one after it, or a sound one that does not follow the one before, is corruption:
// [Recovery].Corrupt names the place, the file is set aside, and a new chain begins with a stop order of
// the journal itself, so that the engine is stopped until an operator resumes.
//
// An [Journal.Append] that fails returns a [WriteError] and leaves no entry behind: the next one opens
// the file anew, verifies its end, cuts off what was never acknowledged, and only then writes. Nothing is
// ever written again through a descriptor on which a write or a sync has failed.
//
// # What the records mean to the next life
//
// [Recovered] is the fold over all records, by kind:
//
//	Intent      Record.Intent is the run; it is open from here on. Settles Run.Order.
//	PhaseNew    the open run of Record.Run is now in Record.Phase, since Record.At
//	Closed      Record.Outcome closes the open run if the undo is proven: restored, or nothing was applied.
//	            With undo = residue, or applied and no word on the undo, the run stays open, as Settled;
//	            residue also sets the host's Residue. Applied sets Attacked and counts for the day.
//	            A record without an outcome closes nothing.
//	ResidueNew  sets Residue of Record.Host, unless there is some already
//	Cleared     Record.Host is proven clean: every open run there is closed and its residue gone.
//	            With a run and no host: that run is closed.
//	OrderGiven  by Record.Order.Kind, and only if not refused (Record.Verdict nil or Ready):
//	            stop        Stopped = Record.Latch (made from the order if missing; never refused)
//	            resume      Stopped and Paused are lifted
//	            pause       Paused = Record.Pause
//	            exclude     Excluded[Record.Host, else Order.Host] = Record.Exclude
//	            include     that exclusion is gone
//	            run-once    Orders[id] is settled with Record.Run, or with the refusal (also when refused)
//	            clear, skip nothing: only a Cleared record clears
//
// All other kinds mean nothing to the next life.
package journal
