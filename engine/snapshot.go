package engine

import "time"

// Mood is the one word for what the engine is doing.
type Mood string

// The moods; the words are a contract (status --json).
const (
	MoodClosed    Mood = "closed"
	MoodArmed     Mood = "armed"
	MoodHeld      Mood = "held"
	MoodPaused    Mood = "paused"
	MoodAttacking Mood = "attacking"
	MoodUndoing   Mood = "undoing"
	MoodStopped   Mood = "stopped"
)

// Snapshot is everything a screen or a script may know, at one moment. The roster is shared, not
// copied; everything else is the receiver's own.
type Snapshot struct {
	At       time.Time  `json:"at"`
	Name     string     `json:"name"`
	Version  string     `json:"version,omitempty"`
	Demo     bool       `json:"demo,omitempty"`
	DryRun   bool       `json:"dry_run"`
	Mood     Mood       `json:"state"`
	Verdict  Verdict    `json:"verdict"`
	Stopped  *Latch     `json:"stopped"`
	Sweeping bool       `json:"sweeping,omitempty"` // every host is being looked at before anything else
	Warning  string     `json:"warning,omitempty"`  // what an operator must know besides the verdict
	Paused   *Pause     `json:"paused,omitempty"`
	Zone     string     `json:"zone"`
	Window   WindowView `json:"window"`
	Next     *Draw      `json:"next"`
	NextAt   time.Time  `json:"next_at,omitzero"`
	Chances  []Chance   `json:"chances"`
	Running  []Run      `json:"running"`
	Gates    []GateView `json:"gates"`
	Recent   []Record   `json:"recent,omitempty"` // last outcomes, newest first
	Total    int        `json:"total"`            // hosts in the roster
	Eligible int        `json:"eligible"`
	Hosts    HostFacts  `json:"hosts"`
	LastSeq  uint64     `json:"last_seq"` // newest record there is
	Roster   *Roster    `json:"-"`
	RosterID uint64     `json:"roster_id"`           // changes when the roster does
	Survey   *Survey    `json:"-"`                   // what the background look knows of the hosts; shared, nil before the first
	Shapes   []Shape    `json:"-"`                   // of the plan's attacks; shared, travels with the roster
	SurveyID uint64     `json:"survey_id,omitempty"` // changes when the survey does
	Attacks  []Attack   `json:"attacks,omitempty"`
	Pending  []Pending  `json:"pending,omitempty"` // orders that wait for other people, oldest first
	Limits   Limits     `json:"limits,omitzero"`   // zero from an engine that does not tell them
	// LinkLost is when a remote engine was last heard of; zero while the link is up.
	LinkLost time.Time `json:"link_lost,omitzero"`
}

// Limits is how far the plan lets an order go; of the groups that count, HostFacts tells. Zero sets none.
type Limits struct {
	MaxConcurrent int           `json:"max_concurrent,omitempty"`
	MaxPerGroup   int           `json:"max_per_group,omitempty"`
	LeavePerGroup int           `json:"leave_per_group,omitempty"`
	MaxDuration   time.Duration `json:"max_duration,omitempty"`
}

// WindowView is the business hours seen from one moment.
type WindowView struct {
	Open   bool      `json:"open"`
	Opens  time.Time `json:"opens,omitzero"`  // next opening, when closed
	Closes time.Time `json:"closes,omitzero"` // end of the open window
	Text   string    `json:"text,omitempty"`  // "Mon-Fri 10:00-16:00 Europe/Paris"
}

// Chance is an attack with its share of the next draw over the whole eligible fleet.
type Chance struct {
	Attack   string  `json:"attack"`
	Weight   int64   `json:"weight"`
	Chance   float64 `json:"chance"`   // 0 to 1
	Eligible int     `json:"eligible"` // hosts that it may hit
	Note     string  `json:"note,omitempty"`
}

// GateView is a gate with its last answer.
type GateView struct {
	Name  string    `json:"name"`
	Kind  GateKind  `json:"kind"`
	Clear bool      `json:"clear"`
	Text  string    `json:"text"`          // value and limit, or why not
	Who   []string  `json:"who,omitempty"` // who is on call
	At    time.Time `json:"at,omitzero"`
}

// HostFacts is what is known of hosts beyond the roster: only those about which there is something.
type HostFacts struct {
	GroupBy    string               `json:"group_by,omitempty"`    // tag whose values count as groups; "": the groups themselves
	FullGroups []string             `json:"full_groups,omitempty"` // groups without a host to spare, sorted
	Closed     []ClosedHosts        `json:"closed,omitempty"`      // hosts whose own hours are over
	OffHours   map[string]string    `json:"off_hours,omitempty"`   // attacks outside their own hours, and what those are
	Unswept    []string             `json:"unswept,omitempty"`     // hosts not looked at since the journal lost its tail, sorted
	Cooldown   time.Duration        `json:"cooldown"`              // rest of a host after an attack
	FactsFor   time.Duration        `json:"facts_for"`             // how long Facts are believed
	Attacked   map[string]Attacked  `json:"attacked,omitempty"`
	Excluded   map[string]Exclusion `json:"excluded,omitempty"`
	Residue    map[string]Leftover  `json:"residue,omitempty"`
	Facts      map[string]Facts     `json:"facts,omitempty"`
}

// HostStatus is the one word for a host.
type HostStatus string

// The words.
const (
	HostReady       HostStatus = "ready"
	HostAttacking   HostStatus = "ATTACKING"
	HostCooldown    HostStatus = "cooldown"
	HostExcluded    HostStatus = "excluded"
	HostResidue     HostStatus = "RESIDUE"
	HostUnreachable HostStatus = "unreachable"
	HostUnfit       HostStatus = "unfit"
	HostKept        HostStatus = "kept free" // its group has no host to spare
	HostClosed      HostStatus = "closed"    // it has hours of its own
)
