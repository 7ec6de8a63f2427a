package engine

import (
	"encoding/json"
	"fmt"
	"time"
)

// Stamp carries what the core may not make for itself.
type Stamp struct {
	At   time.Time `json:"at"`
	Draw uint64    `json:"draw"` // fresh entropy, used by at most one draw
}

// Event is something that happened, when it happened, and the dice for what follows from it.
type Event struct {
	Stamp
	What What
}

// What is one of the kinds of happening below.
type What interface{ kind() string }

type (
	// Started opens every life of an engine. The driver has read the journal by then.
	Started struct {
		Open []Run `json:"open,omitempty"` // intents without a proven undo
		Torn bool  `json:"torn,omitempty"` // the journal lost its tail: any host may have been attacked
	}
	// Woke says that the time asked for by [Wake] has come.
	Woke struct{}
	// PlanChanged says that from here on another plan steps: the fleet was refreshed, the file reloaded.
	PlanChanged struct {
		Text string `json:"text"`
		// Anew says that also what is asked and how hosts are reached may be other than before: no answer that came
		// earlier counts any more.
		Anew bool `json:"anew,omitempty"`
		// Kept says that another plan was offered and could not be taken: it is still the old one that steps.
		Kept bool `json:"kept,omitempty"`
	}
	// ShuttingDown says that this engine ends: what runs is undone and nothing new begins.
	ShuttingDown struct {
		Cause string `json:"cause"`
	}
	// ClockJumped says that the wall clock moved against the monotonic one (suspend, step).
	ClockJumped struct {
		By time.Duration `json:"by"`
	}
	// Ordered is a person's order.
	Ordered struct {
		Order Order `json:"order"`
	}
	// GateAnswered is one answer of one gate. Round is that of the [AskGates] action that caused it,
	// 0 for the regular asking.
	GateAnswered struct {
		Gate  string `json:"gate"`
		Round uint64 `json:"round,omitempty"`
		GateAnswer
	}
	// HostInspected is what a look at a host found.
	HostInspected struct {
		Host string `json:"host"`
		Facts
	}
	// Advanced says that a run has entered a phase, or measured something.
	Advanced struct {
		Run   string `json:"run"`
		Phase Phase  `json:"phase,omitempty"`
		Text  string `json:"text,omitempty"`
		Guard *Guard `json:"guard,omitempty"`
		// Until is by when the host undoes by itself, for a run that is lost.
		Until   time.Time `json:"until,omitzero"`
		Figures *Figures  `json:"figures,omitempty"`
	}
	// Ended is the carrier's last word on a run.
	Ended struct {
		Run     string  `json:"run"`
		Outcome Outcome `json:"outcome"`
	}
	// Reconciled is what was found of a run or of a host after the fact.
	Reconciled struct {
		Run   string `json:"run,omitempty"`
		Host  string `json:"host"`
		Clean bool   `json:"clean"`
		// Unreached says that nobody could look: nothing is known, and it is tried again soon.
		Unreached bool   `json:"unreached,omitempty"`
		Text      string `json:"text,omitempty"` // what was found, or why it could not be looked at
	}
	// Sighted says which hosts the background look has found to be out of reach, and which are back.
	Sighted struct {
		Unreachable map[string]string `json:"unreachable,omitempty"` // host → why
		Back        []string          `json:"back,omitempty"`
	}
	// SweptAll says that every host has been looked at after a torn journal.
	SweptAll struct {
		Failed  []string          `json:"failed,omitempty"`  // hosts that could not be looked at
		Residue map[string]string `json:"residue,omitempty"` // hosts that are not clean, and what is there
	}
)

func (Started) kind() string       { return "started" }
func (Woke) kind() string          { return "woke" }
func (PlanChanged) kind() string   { return "plan-changed" }
func (ShuttingDown) kind() string  { return "shutting-down" }
func (ClockJumped) kind() string   { return "clock-jumped" }
func (Ordered) kind() string       { return "ordered" }
func (GateAnswered) kind() string  { return "gate-answered" }
func (HostInspected) kind() string { return "host-inspected" }
func (Advanced) kind() string      { return "advanced" }
func (Ended) kind() string         { return "ended" }
func (Reconciled) kind() string    { return "reconciled" }
func (Sighted) kind() string       { return "sighted" }
func (SweptAll) kind() string      { return "swept-all" }

type wireEvent struct {
	Stamp
	Kind string          `json:"kind"`
	What json.RawMessage `json:"what"`
}

// MarshalJSON writes {at, draw, kind, what}.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.What == nil {
		return nil, fmt.Errorf("engine: an event without content")
	}
	what, err := json.Marshal(e.What)
	if err != nil {
		return nil, err
	}
	return json.Marshal(wireEvent{e.Stamp, e.What.kind(), what})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w wireEvent
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	var err error
	switch w.Kind {
	case Started{}.kind():
		e.What, err = decode[Started](w.What)
	case Woke{}.kind():
		e.What, err = decode[Woke](w.What)
	case PlanChanged{}.kind():
		e.What, err = decode[PlanChanged](w.What)
	case ShuttingDown{}.kind():
		e.What, err = decode[ShuttingDown](w.What)
	case ClockJumped{}.kind():
		e.What, err = decode[ClockJumped](w.What)
	case Ordered{}.kind():
		e.What, err = decode[Ordered](w.What)
	case GateAnswered{}.kind():
		e.What, err = decode[GateAnswered](w.What)
	case HostInspected{}.kind():
		e.What, err = decode[HostInspected](w.What)
	case Advanced{}.kind():
		e.What, err = decode[Advanced](w.What)
	case Ended{}.kind():
		e.What, err = decode[Ended](w.What)
	case Reconciled{}.kind():
		e.What, err = decode[Reconciled](w.What)
	case Sighted{}.kind():
		e.What, err = decode[Sighted](w.What)
	case SweptAll{}.kind():
		e.What, err = decode[SweptAll](w.What)
	default:
		err = fmt.Errorf("engine: unknown event %q", w.Kind)
	}
	e.Stamp = w.Stamp
	return err
}

func decode[T What](data []byte) (What, error) {
	var v T
	err := json.Unmarshal(data, &v)
	return v, err
}
