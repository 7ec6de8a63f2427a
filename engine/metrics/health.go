package metrics

import (
	"cmp"
	"fmt"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

// schema is the version of what the health endpoints say.
const schema = 1

// condition is one thing that must be right, as it is told.
type condition struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// health is the body of /healthz and /readyz.
type health struct {
	Schema int         `json:"schema"`
	OK     bool        `json:"ok"`
	Checks []condition `json:"checks"`
}

func healthOf(checks ...condition) health {
	h := health{Schema: schema, OK: true, Checks: checks}
	for _, c := range checks {
		h.OK = h.OK && c.OK
	}
	return h
}

// alive: whether the loop goes round. A program whose loop does not is to be started anew.
func (k known) alive(now time.Time, quiet time.Duration) condition {
	c := condition{Name: "engine"}
	switch age := now.Sub(k.heard); {
	case k.ended:
		c.Text = "the engine has ended"
	case k.heard.IsZero():
		c.Text = "nothing was heard of the engine yet"
	case age > quiet:
		c.Text = fmt.Sprintf("the engine has not stepped for %s; it should every %s or sooner", age.Round(time.Second), engine.Span(quiet))
	default:
		c.OK, c.Text = true, fmt.Sprintf("stepped %s ago", max(age, 0).Round(100*time.Millisecond))
	}
	return c
}

// ready: whether orders and the schedule could be carried out, as far as that is up to chaoscat itself. A gate that says
// no, a stop and residue are not: they are what it is there for.
func (k known) ready(now time.Time, quiet time.Duration) health {
	return healthOf(k.alive(now, quiet), k.begun(), k.journal(), k.configured())
}

func (k known) begun() condition {
	if k.Verdict.Name == engine.Reconciling || k.Verdict.Name == engine.Unknown {
		return condition{"reconciled", false, cmp.Or(k.Verdict.Sentence, "starting")}
	}
	return condition{"reconciled", true, "nothing of an earlier life is open"}
}

func (k known) journal() condition {
	switch {
	case k.Stopped != nil && k.Stopped.Door == "journal":
		return condition{"journal", false, "stopped, since it could not be written: " + k.Stopped.Reason}
	case k.Warning == local.Unsaved:
		return condition{"journal", false, k.Warning}
	}
	return condition{"journal", true, fmt.Sprintf("written up to record %d", k.LastSeq)}
}

// refused tells whether another configuration was written than the one that holds.
func (k known) refused() bool { return k.Warning != "" && k.Warning != local.Unsaved }

// configured is a word to whoever looks, and always right: an engine whose old configuration holds can work.
func (k known) configured() condition {
	if k.refused() {
		return condition{"configuration", true, k.Warning}
	}
	return condition{"configuration", true, "as it was written when it was last read"}
}
