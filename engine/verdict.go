package engine

import "time"

// Reason is the name of a verdict.
type Reason string

// The reasons. Ready is the only one that lets an attack begin; the zero value does not.
const (
	Unknown          Reason = ""
	Ready            Reason = "Ready"
	Reconciling      Reason = "Reconciling"
	ResidueLeft      Reason = "Residue"
	IsStopped        Reason = "Stopped"
	IsPaused         Reason = "Paused"
	OutsideHours     Reason = "OutsideHours"
	Holiday          Reason = "Holiday"
	Frozen           Reason = "Freeze"
	AtLimit          Reason = "AtLimit" // as many attacks in flight as allowed
	Settling         Reason = "Settling"
	DailyLimit       Reason = "DailyLimit"
	NoEligibleHost   Reason = "NoEligibleHost"
	NoFeasibleAttack Reason = "NoFeasibleAttack"
	WouldNotFit      Reason = "WouldNotFit"
	NobodyOnCall     Reason = "NobodyOnCall"
	Unhealthy        Reason = "Unhealthy"
	AskingGates      Reason = "AskingGates"
	DryRun           Reason = "DryRun"
	BadOrder         Reason = "BadOrder" // the order names something that does not exist or is not allowed
	HostNotEligible  Reason = "HostNotEligible"
)

// Verdict is why nothing is attacked just now, or Ready.
type Verdict struct {
	Name     Reason    `json:"name"`
	Sentence string    `json:"sentence"`
	Until    time.Time `json:"until,omitzero"` // when it may change by itself
}
