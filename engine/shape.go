package engine

import "time"

// Shape is what a person must know of an attack of the plan before ordering it: what may be set and within
// which bounds, what will run, and what takes it back. The core does not look at it.
type Shape struct {
	Attack  string        `json:"attack"` // its name in the plan
	Kind    string        `json:"kind"`
	Family  string        `json:"family,omitempty"`
	Summary string        `json:"summary"`
	Max     time.Duration `json:"max"` // never longer
	Params  []ShapeParam  `json:"params,omitempty"`
	Figure  string        `json:"figure,omitempty"` // what is measured
	Runs    string        `json:"runs,omitempty"`   // the text of what switches it on, for a preview
	Undoes  string        `json:"undoes,omitempty"` // what takes it back, in a sentence; empty: nothing does
	Layers  []string      `json:"layers,omitempty"` // who ends it if chaoscat dies, each "name: how", the surest first
	Parts   []string      `json:"parts,omitempty"`  // kinds of the parts of a compound attack, in order; parameters of the first are c1_NAME
}

// ShapeParam is one parameter of a [Shape].
type ShapeParam struct {
	Name     string   `json:"name"`
	Value    string   `json:"value,omitempty"` // the plan's, else the default
	Bounds   string   `json:"bounds"`          // in words: "1 to 100 %", "in, out or both", "addresses, names, group:NAME"
	Choices  []string `json:"choices,omitempty"`
	Required bool     `json:"required,omitempty"`
	Help     string   `json:"help,omitempty"`
}
