package engine

import "time"

// RecordKind says what a record is about.
type RecordKind string

// The kinds. All but Line and Tally are durable.
const (
	Line       RecordKind = "line"       // output of a host, live only
	Lifecycle  RecordKind = "engine"     // started, plan changed, clock jumped
	VerdictNew RecordKind = "verdict"    // the reason for not attacking has changed
	Drawn      RecordKind = "drawn"      // the next host and attack
	Intent     RecordKind = "intent"     // written before anything touches the host
	PhaseNew   RecordKind = "phase"      // a run went on
	Closed     RecordKind = "outcome"    // a run ended
	OrderGiven RecordKind = "order"      // a person's order and its answer
	GateTurned RecordKind = "gate"       // a gate changed its mind
	ResidueNew RecordKind = "residue"    // a host needs a person
	Cleared    RecordKind = "reconciled" // a host was proven clean
)

// Record is one line of what happened. The journal keeps it, the console shows it, history returns it.
type Record struct {
	Seq     uint64     `json:"seq"` // given by the driver, rising without gaps within one life
	At      time.Time  `json:"at"`
	Kind    RecordKind `json:"kind"`
	Run     string     `json:"run,omitempty"`
	Of      string     `json:"of,omitempty"` // the run that this one is part of
	Host    string     `json:"host,omitempty"`
	Attack  string     `json:"attack,omitempty"`
	By      string     `json:"by,omitempty"`
	Door    string     `json:"door,omitempty"`
	Text    string     `json:"text"` // the sentence, safe to print
	Phase   Phase      `json:"phase,omitempty"`
	Order   *Order     `json:"order,omitempty"`
	Draw    *Draw      `json:"draw,omitempty"`
	Intent  *Run       `json:"intent,omitempty"`
	Outcome *Outcome   `json:"outcome,omitempty"`
	Verdict *Verdict   `json:"verdict,omitempty"`
	Latch   *Latch     `json:"latch,omitempty"`
	Pause   *Pause     `json:"pause,omitempty"`
	Exclude *Exclusion `json:"exclude,omitempty"`
	Pool    []string   `json:"pool,omitempty"` // Lifecycle: the hosts that configuration lets in, sorted
}

// Page is what one step adds to the journal.
type Page struct {
	Event   *Event // nil: none
	Records []Record
}

// Latch is a stop that holds until a person lifts it.
type Latch struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Door   string    `json:"door,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// Pause keeps new attacks from starting; a zero Until means until somebody resumes.
type Pause struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// Exclusion keeps one host out by hand; a zero Until means until somebody includes it.
type Exclusion struct {
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	Where  string    `json:"where,omitempty"` // the host is, whatever it is called: address, port and jump host
}

// Draw is how a host and an attack were chosen, with all that is needed to do it again.
type Draw struct {
	ID       string           `json:"id"` // becomes the id of the run
	At       time.Time        `json:"at"`
	Draw     uint64           `json:"draw"` // the dice of the event
	Pool     int              `json:"pool"` // hosts that configuration lets in
	PoolHash string           `json:"pool_hash"`
	Blocked  []string         `json:"blocked,omitempty"` // hosts of the pool kept out just then, sorted; none where Among tells it in fewer
	Eligible int              `json:"eligible"`
	Pick     int              `json:"pick"` // index into the eligible hosts, sorted by name
	Host     string           `json:"host"`
	Weights  map[string]int64 `json:"weights"` // the feasible attacks on that host
	Attack   string           `json:"attack"`
	Kept     bool             `json:"kept,omitempty"`   // the host is that of the draw before; only the attack was drawn again
	Taken    bool             `json:"taken,omitempty"`  // the order took the attack that the schedule had drawn
	Among    []string         `json:"among,omitempty"`  // those that could be drawn: by an order that left some to chance, or where Blocked does not tell
	Order    *Order           `json:"order,omitempty"`  // the order that fixed host or attack
	Hosts    []string         `json:"hosts,omitempty"`  // all hosts, in the order in which the dice named them, where there are several
	Passed   []string         `json:"passed,omitempty"` // those that the dice named too, and that a limit of their group kept out
}
