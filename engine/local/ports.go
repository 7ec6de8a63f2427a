package local

import (
	"context"

	"github.com/chaoscat/chaoscat/engine"
)

// Carrier brings attacks to hosts and back.
type Carrier interface {
	// Inspect looks at a host; it changes nothing there.
	Inspect(ctx context.Context, h engine.Host, attacks []engine.Attack) engine.Facts
	// Attack carries one run from connection to proof. A cause on stop, or the end of ctx, undoes it at once.
	Attack(ctx context.Context, r engine.Run, stop <-chan string, tell func(engine.Advanced), line func(text string)) engine.Outcome
	// Reconcile undoes and proves what a run may have left.
	Reconcile(ctx context.Context, r engine.Run) engine.Reconciled
	// Sweep clears what is left of any run on a host, and reports line by line what it saw.
	Sweep(ctx context.Context, h engine.Host, force bool) (engine.Reconciled, []string)
}

// Surveyor looks at the whole roster in the background, within a budget of its own, and never at the cost of
// an attack or a stop.
type Surveyor interface {
	// Survey goes on until ctx ends. The roster and the attacks are asked for anew each time round; tell gets what was
	// found, many hosts at once.
	Survey(ctx context.Context, roster func() *engine.Roster, attacks func() []engine.Attack, tell func(map[string]engine.Sighting))
}

// Gates are the outside systems that are asked before and during an attack.
type Gates interface {
	// Run asks each gate at its interval until ctx ends.
	Run(ctx context.Context, tell func(gate string, a engine.GateAnswer))
	// AskNow asks one gate afresh; no answer in time is an answer.
	AskNow(ctx context.Context, gate string) engine.GateAnswer
}

// Journal makes records durable before it returns.
type Journal interface {
	AppendAll(pages []engine.Page) error
}

// Latch keeps a stop on disk beside the journal.
type Latch interface {
	Set(engine.Latch) error
	Clear() error
}
