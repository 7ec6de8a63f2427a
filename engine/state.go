package engine

import "time"

// State is all that the engine remembers between two events. It is plain data: it survives JSON, and
// [Plan.Step] never changes the one it was given.
type State struct {
	Serial      uint64               `json:"serial"`           // steps that changed something
	Began       bool                 `json:"began"`            // Started has been seen
	Ending      string               `json:"ending,omitempty"` // why this engine is shutting down
	Idle        string               `json:"idle,omitempty"`   // why this engine has no schedule; no order changes it
	Stopped     *Latch               `json:"stopped,omitempty"`
	Paused      *Pause               `json:"paused,omitempty"`
	Sweeping    bool                 `json:"sweeping,omitempty"` // every host is being looked at first
	Unswept     []string             `json:"unswept,omitempty"`  // those that were out of reach then, sorted; looked at again
	SweepAt     time.Time            `json:"sweep_at,omitzero"`  // when
	Running     []Run                `json:"running,omitempty"`
	Open        []Run                `json:"open,omitempty"` // runs of an earlier life, or lost ones, to be reconciled
	Next        *Draw                `json:"next,omitempty"`
	Noted       string               `json:"noted,omitempty"`    // hash of the pool that the journal was last told
	Inspected   time.Time            `json:"inspected,omitzero"` // when a look at the drawn host was last asked for
	Asked       *Round               `json:"asked,omitempty"`
	Rest        time.Time            `json:"rest,omitzero"` // no scheduled attack before
	Due         time.Time            `json:"due,omitzero"`  // nor before this, with the mean-time option
	Gates       map[string]GateState `json:"gates,omitempty"`
	Attacked    map[string]Attacked  `json:"attacked,omitempty"` // host → its latest attack
	Excluded    map[string]Exclusion `json:"excluded,omitempty"`
	Residue     map[string]Leftover  `json:"residue,omitempty"`
	Facts       map[string]Facts     `json:"facts,omitempty"`
	Day         string               `json:"day,omitempty"` // schedule's date that Today counts
	Today       int                  `json:"today,omitempty"`
	LastVerdict Verdict              `json:"last_verdict,omitzero"`
	Orders      map[string]Settled   `json:"orders,omitempty"`  // recent run-once orders by id
	Pending     []Pending            `json:"pending,omitempty"` // orders that other people must want too, oldest first
}

// Pending is an order that waits for other people.
type Pending struct {
	Order    Order     `json:"order"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"` // it is given up then
	Needs    int       `json:"needs"` // people in all
	Approved []string  `json:"approved,omitempty"`
}

// Round is one last-moment question to all gates, and what hangs on it.
type Round struct {
	ID       uint64          `json:"id"`
	At       time.Time       `json:"at"`
	Answered map[string]bool `json:"answered,omitempty"`
	Draw     Draw            `json:"draw"` // what is launched if all say yes
}

// Settled is how an order was answered.
type Settled struct {
	At      time.Time `json:"at"`
	Run     string    `json:"run,omitempty"`
	Refusal *Verdict  `json:"refusal,omitempty"`
}

// Attacked is the latest attack on a host.
type Attacked struct {
	At     time.Time `json:"at"` // when it ended
	Run    string    `json:"run"`
	Attack string    `json:"attack"`
	Effect Effect    `json:"outcome"`
}

// Leftover says that a host needs a person, and why.
type Leftover struct {
	Since time.Time `json:"since"`
	Run   string    `json:"run,omitempty"`
	Text  string    `json:"text"`
}

// GateAnswer is one answer of a gate. An error is an answer: it says no.
type GateAnswer struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"` // the value with its limit, who is on call, or what went wrong
	// Causes names each thing that a no is about, where the gate can tell them apart: alerts, components, incidents.
	// Empty is a no about everything.
	Causes []string `json:"causes,omitempty"`
	Who    []string `json:"who,omitempty"` // who is on call, where the gate asks for that
}

// GateState is what the answers of one gate add up to.
type GateState struct {
	GateAnswer
	At     time.Time `json:"at"`
	Passes int       `json:"passes"` // in a row
	Fails  int       `json:"fails"`  // in a row
	SaidNo bool      `json:"said_no,omitempty"`
	Passed time.Time `json:"passed,omitzero"` // when the last of the passes was counted
}
