package engine

import "time"

// Action is something the driver must do, after the step that asked for it is on disk.
type Action interface{ action() }

type (
	// AskGates wants a fresh answer of every gate, all marked with the round.
	AskGates struct {
		Round uint64
		Gates []string
	}
	// Inspect wants to know what is feasible on a host, and that it can be reached.
	Inspect struct{ Host Host }
	// Launch starts an attack. The intent is in the journal by the time the driver sees this.
	Launch struct{ Run Run }
	// Revert ends a running attack now. Asking twice is harmless.
	Revert struct {
		Run    string
		Reason string
	}
	// Reconcile looks for what a run may have left on its host, undoes it and proves it.
	Reconcile struct{ Run Run }
	// SweepAll looks at every host of the roster, because the journal cannot say which were attacked.
	SweepAll struct{ Hosts []Host }
	// Wake wants a [Woke] at that time, or earlier. Each step replaces the one before.
	Wake struct{ At time.Time }
	// Note is a fact to keep: it goes into the journal with the event, and to whoever watches.
	Note struct{ Record Record }
	// Reply closes an order: a nil refusal means that it was carried out, or has begun.
	Reply struct {
		Order   string
		Run     string
		Refusal *Verdict
	}
)

func (AskGates) action()  {}
func (Inspect) action()   {}
func (Launch) action()    {}
func (Revert) action()    {}
func (Reconcile) action() {}
func (SweepAll) action()  {}
func (Wake) action()      {}
func (Note) action()      {}
func (Reply) action()     {}
