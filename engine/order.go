package engine

import "time"

// Order is what a person asks for, at whichever door.
type Order struct {
	ID     string            `json:"id"` // unique; a repeated id is answered with the first outcome
	Kind   OrderKind         `json:"kind"`
	By     string            `json:"by"`
	Door   string            `json:"door"` // console, socket, signal, ...
	Reason string            `json:"reason,omitempty"`
	Host   string            `json:"host,omitempty"`   // run-once on one host, exclude, include, clear
	Attack string            `json:"attack,omitempty"` // run-once
	For    time.Duration     `json:"for,omitempty"`    // run-once, pause, exclude
	Params map[string]string `json:"params,omitempty"`
	DryRun bool              `json:"dry_run,omitempty"`

	// Run-once on several hosts: those named, or so many of the hosts that are in every selector of Within.
	Hosts   []string   `json:"hosts,omitempty"`
	Within  []Selector `json:"within,omitempty"`
	Count   int        `json:"count,omitempty"`   // hosts to draw; 0 means one, unless Percent says otherwise
	Percent int        `json:"percent,omitempty"` // of the hosts within, rounded down, at least one
	// Together is all-or-nothing: where the attack cannot be carried out on one of the hosts, it is undone on all.
	Together bool `json:"together,omitempty"`
	// Force goes beyond the limits of the blast radius, never beyond stop, hours, gates or residue. It takes an admin.
	Force bool `json:"force,omitempty"`
	// Lifts is the stop that whoever resumes has seen, by its time; the zero time, if they saw none and mean a pause.
	// An engine that was stopped anew since refuses. Nil lifts whatever there is.
	Lifts *time.Time `json:"lifts,omitempty"`
	// Role is what the door knows of whoever orders. Doors overwrite what came in.
	Role Role `json:"role,omitempty"`
	// Realm is the hosts that whoever orders may attack, take out and let in again: those in any of the selectors,
	// none of which is empty. No realm at all is every host. Doors overwrite what came in.
	Realm []Selector `json:"realm,omitempty"`
	// Attacks are those that whoever orders may order, by the plan's names; none at all is every attack. Doors overwrite
	// what came in.
	Attacks []string `json:"attacks,omitempty"`
	// Named says that By is a [[person]] of the configuration, under the same name at every door: only such people count
	// where two are needed. Doors overwrite what came in.
	Named bool `json:"named,omitempty"`
	// Limited says that there are attacks or hosts that whoever orders may not order, even where Realm and Attacks cannot
	// tell which. Doors overwrite what came in.
	Limited bool `json:"limited,omitempty"`
	// Approved and Answers are the core's own: who else wanted it, and the approval that is answered along with it.
	Approved []string `json:"approved,omitempty"`
	Answers  string   `json:"answers,omitempty"`
	// Approves is the id of the order that an approval is for; "" is the only one that waits.
	Approves string `json:"approves,omitempty"`
}

// Targets are the hosts that the order names.
func (o Order) Targets() []string {
	if len(o.Hosts) == 0 && o.Host != "" {
		return []string{o.Host}
	}
	return o.Hosts
}

// OrderKind is what is asked for.
type OrderKind string

// The orders.
const (
	Stop    OrderKind = "stop"     // undo everything now and stay stopped
	Resume  OrderKind = "resume"   // lift stop and pause
	PauseIt OrderKind = "pause"    // no new attacks, for a time or until resumed
	Skip    OrderKind = "skip"     // draw again
	RunOnce OrderKind = "run-once" // attack now, inside all gates
	Exclude OrderKind = "exclude"  // keep a host out; undo what runs there
	Include OrderKind = "include"  // let it back in
	Clear   OrderKind = "clear"    // a person has looked: the residue of this host is gone
	Remark  OrderKind = "note"     // put the reason, a person's words, into the record
	Approve OrderKind = "approve"  // be one more who wants an attack that several must want
)

// Role is what a person may do. The zero value may do nothing.
type Role int

// The roles, each including those before it.
const (
	Nobody Role = iota
	Viewer
	Stopper
	Operator
	Admin
)

func (r Role) String() string {
	return [...]string{"nobody", "viewer", "stopper", "operator", "admin"}[r]
}

// Needs is the least role for the order. Whoever reaches a door may stop.
func (k OrderKind) Needs() Role {
	switch k {
	case Stop:
		return Viewer
	case Remark:
		return Stopper
	}
	return Operator
}
