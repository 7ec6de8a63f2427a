package metrics

import (
	"slices"

	"github.com/chaoscat/chaoscat/engine"
)

// other stands for every word that is not in its set, so that no series can be made from outside.
const other = "other"

// The sets of words that labels may be. A test holds them against the constants of the engine.
var (
	moods = []engine.Mood{engine.MoodClosed, engine.MoodArmed, engine.MoodHeld, engine.MoodPaused, engine.MoodAttacking, engine.MoodUndoing, engine.MoodStopped}

	reasons = []engine.Reason{engine.Ready, engine.Reconciling, engine.ResidueLeft, engine.IsStopped, engine.IsPaused, engine.OutsideHours, engine.Holiday,
		engine.Frozen, engine.AtLimit, engine.Settling, engine.DailyLimit, engine.NoEligibleHost, engine.NoFeasibleAttack, engine.WouldNotFit,
		engine.NobodyOnCall, engine.Unhealthy, engine.AskingGates, engine.DryRun, engine.BadOrder, engine.HostNotEligible, engine.NotAllowed, engine.NeedsApproval}

	kinds = []engine.RecordKind{engine.Line, engine.Lifecycle, engine.VerdictNew, engine.Drawn, engine.Intent, engine.PhaseNew, engine.Closed,
		engine.OrderGiven, engine.GateTurned, engine.ResidueNew, engine.Cleared}

	effects = []engine.Effect{engine.Effective, engine.Weak, engine.NoEffect, engine.Unverifiable, engine.Refused, engine.Infeasible}

	orders = []engine.OrderKind{engine.Stop, engine.Resume, engine.PauseIt, engine.Skip, engine.RunOnce, engine.Exclude, engine.Include, engine.Clear,
		engine.Remark, engine.Approve}

	triggers = []engine.Trigger{engine.BySchedule, engine.ByOrder}

	doors = []string{"console", "socket", "ssh", "slack", "signal", "command", "journal"}
)

// among is the word itself, or [other].
func among[T ~string](word T, words []T) string {
	if slices.Contains(words, word) {
		return string(word)
	}
	return other
}

// undoWord has a word also for runs that had nothing to undo.
func undoWord(u engine.Undo) string {
	switch u {
	case "":
		return "none"
	case engine.Restored, engine.Residue:
		return string(u)
	}
	return other
}
