package engine

import (
	"errors"
	"fmt"
	"time"
)

// Plan is what the operators have decided: when, what, where, within which limits. It never changes;
// a reload makes a new one. Build it with [NewPlan], which checks it and indexes the fleet.
type Plan struct {
	Name     string
	DryRun   bool
	Schedule Schedule
	Safety   Safety
	Attacks  []Attack
	Gates    []Gate
	Roster   *Roster

	pool *pool // who may be drawn at all, see draw.go
}

// Safety is the blast radius and the patience of a plan.
type Safety struct {
	MaxConcurrent int           // attacks in flight at once, at least 1
	MaxPerGroup   int           // attacks in flight in one group; 0 means no limit
	LeavePerGroup int           // hosts of each group that must stay free of attacks; 0 means no limit
	GroupBy       string        // tag whose values count as groups for the two limits; "" uses the groups themselves
	HostCooldown  time.Duration // rest of a host after an attack
	MaxDuration   time.Duration // no attack is longer
	Irreversible  bool          // attacks without an undo may be planned, and ordered by an admin
	Lease         time.Duration // a host undoes by itself when it has not heard of us for so long
	Margin        time.Duration // time for undo and proof that must still fit in the window after an attack
	AbortAfter    int           // failed answers of a gate in a row that undo a running attack
	FactsFor      time.Duration // how long what was learned of a host (feasible, reachable) is believed
}

// Attack is one entry of the plan: an attack of the catalogue with its parameters, weight and hosts.
type Attack struct {
	Name       string            `json:"name"`             // unique in the plan
	Kind       string            `json:"kind"`             // name in the catalogue
	Family     string            `json:"family,omitempty"` // resource, network, state
	Weight     int64             `json:"weight"`           // relative; 0 is never drawn, only run by order
	For        time.Duration     `json:"for"`              // how long the fault is held
	Params     map[string]string `json:"params,omitempty"`
	Hosts      Selector          `json:"hosts,omitempty"`
	Reversible bool              `json:"reversible"`
	// Hours are the only time in which it may happen, within the schedule's; nil is all of that.
	Hours *Hours `json:"hours,omitempty"`
	// Tolerate are patterns of the causes of a no that the attack itself may bring about, such as alerts: they do not
	// abort it. They hold back every new attack as ever.
	Tolerate []string `json:"tolerate,omitempty"`
	// Approval is how many people must want it, whoever orders included; the schedule never draws it then. 0 and 1 ask
	// for nobody else.
	Approval int `json:"approval,omitempty"`
}

// GateKind is the question that a gate asks.
type GateKind string

// The two questions.
const (
	Health GateKind = "health" // is every system well?
	OnCall GateKind = "oncall" // is somebody surely there?
)

// Gate is an outside system that must say yes before, and keep saying yes during, an attack. The core
// knows only its name and its rules; asking is the driver's business.
type Gate struct {
	Name         string
	Kind         GateKind
	Interval     time.Duration // how often it is asked anyway
	Timeout      time.Duration // an answer later than this is a failure
	HealthyAfter int           // passes in a row that make it clear, at least 1
}

// NewPlan checks the plan and indexes the fleet. All that is wrong is reported at once.
func NewPlan(p Plan) (Plan, error) {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	say(p.Name == "", "the plan has no name")
	say(p.Roster.Len() == 0, "the inventory is empty: nothing can be attacked, and nothing never means everything")
	say(len(p.Attacks) == 0, "no attack is configured")
	say(len(p.Attacks) > maxAttacks, "%d attacks are configured: at most %d", len(p.Attacks), maxAttacks)
	say(p.Safety.MaxConcurrent < 1, "safety.max_concurrent is %d: at least 1", p.Safety.MaxConcurrent)
	say(p.Safety.AbortAfter < 1, "safety.abort_after is %d: at least 1", p.Safety.AbortAfter)
	say(p.Schedule.Location == nil, "the schedule has no time zone")
	say(p.Schedule.CheckEvery <= 0, "schedule.check_every must be positive")
	say(len(p.Schedule.Groups) > maxHostHours, "%d groups of hosts have hours of their own: at most %d", len(p.Schedule.Groups), maxHostHours)
	say(p.Schedule.PerHostMean < 0, "schedule.per_host_mean is negative")
	health, oncall, total := 0, 0, int64(0)
	for _, g := range p.Gates {
		say(g.Interval <= 0 || g.Timeout <= 0 || g.HealthyAfter < 1, "gate %s: interval, timeout and healthy_after must be positive", g.Name)
		switch g.Kind {
		case Health:
			health++
		case OnCall:
			oncall++
		}
	}
	say(health == 0, "no health check is configured: without one, health is unknown and nothing is ever attacked")
	say(oncall == 0, "no on-call check is configured: without one, nobody is known to be there and nothing is ever attacked")
	for _, a := range p.Attacks {
		say(a.Weight < 0, "attack %s: the weight is negative", a.Name)
		say(a.Weight > maxWeight, "attack %s: the weight is above %d", a.Name, int64(maxWeight))
		say(a.For < time.Second, "attack %s lasts %s: at least 1s", a.Name, a.For)
		say(p.Safety.MaxDuration > 0 && a.For > p.Safety.MaxDuration, "attack %s lasts %s, above safety.max_duration %s", a.Name, a.For, p.Safety.MaxDuration)
		say(p.tooLong(a), "attack %s lasts %s and has %s for its undo: that never fits into its hours", a.Name, Span(a.For), Span(p.Safety.Margin))
		say(!a.Reversible && !p.Safety.Irreversible, "attack %s has no undo: it can be planned only with safety.irreversible", a.Name)
		total += max(0, min(a.Weight, maxWeight))
	}
	say(len(p.Attacks) > 0 && total == 0, "every attack has weight 0: nothing could ever be drawn")
	if err := errors.Join(wrong...); err != nil {
		return Plan{}, err
	}
	p.pool = newPool(p)
	p.Schedule.text = p.Schedule.String()
	return p, nil
}

// tooLong tells whether no window of a week has room for the attack.
func (p Plan) tooLong(a Attack) bool {
	if p.Schedule.Location == nil {
		return false // said already
	}
	longest := p.Schedule.longest()
	if a.Hours != nil {
		longest = min(longest, p.Schedule.only(*a.Hours).longest())
	}
	return a.For+p.Safety.Margin > longest
}

const (
	maxWeight  = 1_000_000 // keeps the sum of all weights far from overflow
	maxAttacks = 64        // a host's attacks are a set of bits, see draw.go
)

// Attack finds an attack of the plan by name.
func (p Plan) Attack(name string) (Attack, bool) {
	for _, a := range p.Attacks {
		if a.Name == name {
			return a, true
		}
	}
	return Attack{}, false
}

// Gate finds a gate of the plan by name.
func (p Plan) Gate(name string) (Gate, bool) {
	for _, g := range p.Gates {
		if g.Name == name {
			return g, true
		}
	}
	return Gate{}, false
}
