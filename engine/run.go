package engine

import "time"

// Trigger says what started a run.
type Trigger string

// The triggers.
const (
	BySchedule Trigger = "schedule"
	ByOrder    Trigger = "run-once"
)

// Phase is how far a run has come. The order is that of DESIGN.md, section 4.
type Phase string

// The phases, in order.
const (
	Launching  Phase = "launching"  // intent on disk, nothing sent yet
	Connecting Phase = "connecting" // SSH
	Inspecting Phase = "inspecting" // facts, requirements, clean check
	Arming     Phase = "arming"     // the guard takes the undo
	Measuring  Phase = "measuring"  // the figure before
	Injecting  Phase = "injecting"  // from here on the host may feel it
	Proving    Phase = "proving"    // control path: round trip and fresh login
	Holding    Phase = "holding"    // fault is on; measured, leased, watched
	Undoing    Phase = "undoing"    // undo has begun
	Verifying  Phase = "verifying"  // undo done, proof and the figure after
	Lost       Phase = "lost"       // contact lost; the host undoes by itself, we are looking for it
)

// Run is one attack on one host, from intent to outcome.
type Run struct {
	ID       string        `json:"id"`
	Host     Host          `json:"host"`
	Attack   Attack        `json:"attack"`
	For      time.Duration `json:"for"`
	Trigger  Trigger       `json:"trigger"`
	Order    string        `json:"order,omitempty"` // id of the order behind it
	By       string        `json:"by,omitempty"`
	Door     string        `json:"door,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Started  time.Time     `json:"started"`
	OnCall   []string      `json:"on_call,omitempty"`  // who was on call when it began
	Approved []string      `json:"approved,omitempty"` // who wanted it too, where several must
	// Of is the id of the run that this one is part of, where one order attacks several hosts; else empty.
	Of       string `json:"of,omitempty"`
	Together bool   `json:"together,omitempty"` // all-or-nothing with the other parts

	Phase    Phase     `json:"phase"`
	Since    time.Time `json:"since"`              // when the phase began
	Until    time.Time `json:"until,omitzero"`     // when the fault ends, once it is held; when lost: by when the host itself ends it
	Stopping string    `json:"stopping,omitempty"` // why it is being undone early
	Guard    *Guard    `json:"guard,omitempty"`
	Figures  Figures   `json:"figures,omitzero"`
	Settled  bool      `json:"settled,omitempty"` // has an outcome already; only its host is still looked at
	Retry    time.Time `json:"retry,omitzero"`    // next reconciliation, for an open run of an earlier life
}

// Guard is what stands on the host ready to undo.
type Guard struct {
	Layers   []string      `json:"layers"`   // kernel, guard, systemd, twin
	Lease    time.Duration `json:"lease"`    // undone when we are silent for so long; 0: no lease
	Deadline time.Duration `json:"deadline"` // undone by then, whatever happens, counted from arming
}

// Figures is what was measured on the host, in the unit of the attack.
type Figures struct {
	Name   string    `json:"name,omitempty"`  // what the figure is: "cpu busy"
	Unit   string    `json:"unit,omitempty"`  // "%", "ms", ""
	About  string    `json:"about,omitempty"` // what was measured: "to 10.0.0.7"
	Before *float64  `json:"before"`
	During *float64  `json:"during"`
	After  *float64  `json:"after"`
	Text   string    `json:"text,omitempty"`  // the one line an operator reads: "cpu busy 4 → 81 → 5 %"
	Parts  []Figures `json:"parts,omitempty"` // of a compound attack, each of its parts in order
}

// Effect is what an attack was measured to do. There is no plain "success".
type Effect string

// The effects of promise 5.
const (
	Effective    Effect = "effective"    // moved as expected
	Weak         Effect = "weak"         // moved the right way, not far enough
	NoEffect     Effect = "no-effect"    // did not move
	Unverifiable Effect = "unverifiable" // could not be measured
	Refused      Effect = "refused"      // not attempted: a gate, the host or a lock said no
	Infeasible   Effect = "infeasible"   // the host cannot do it
)

// Undo is how the host was left.
type Undo string

// The two ways; empty where nothing was applied.
const (
	Restored Undo = "restored" // proven by comparison
	Residue  Undo = "residue"  // not proven: a person or the sweep must look
)

// Outcome is the end of a run.
type Outcome struct {
	Effect  Effect    `json:"outcome"`
	Undo    Undo      `json:"undo,omitempty"`
	Applied bool      `json:"applied"`          // whether the host may have felt anything
	Cause   string    `json:"cause,omitempty"`  // what ended it: deadline, stop, gate, window, lost, error
	Detail  string    `json:"detail,omitempty"` // one sentence for the operator
	Figures Figures   `json:"measured,omitzero"`
	Facts   *Facts    `json:"facts,omitempty"` // learned on the way
	At      time.Time `json:"at,omitzero"`
}

// Facts is what is known of a host from looking at it.
type Facts struct {
	At          time.Time         `json:"at"`
	Unreachable string            `json:"unreachable,omitempty"` // why it cannot be attacked at all
	Infeasible  map[string]string `json:"infeasible,omitempty"`  // attack of the plan → why not there
	Busy        string            `json:"busy,omitempty"`        // another fault or its leftovers, by name
	Summary     string            `json:"summary,omitempty"`     // kernel, init, tools; for people
}
