package gameday

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// MaxSteps is more than anybody gets through in a day.
const MaxSteps = 200

// Plan is the steps of a game day. Build it with [NewPlan], which gives it its digest.
type Plan struct {
	Name      string `json:"name"`
	Rehearsal bool   `json:"rehearsal,omitempty"` // every step is a dry run
	Steps     []Step `json:"steps"`
	// Digest is of all of the above: two plans with the same digest do the same. A remark in the file changes
	// nothing, a step that is mended makes another plan.
	Digest string `json:"-"`
}

// Step is one attack and what people believe will happen.
type Step struct {
	Name       string            `json:"name"`
	Attack     string            `json:"attack"` // of the engine's plan
	Hosts      []string          `json:"hosts,omitempty"`
	Within     []engine.Selector `json:"within,omitempty"` // as in an order: a host must be in every one
	Count      int               `json:"count,omitempty"`
	Percent    int               `json:"percent,omitempty"`
	For        time.Duration     `json:"for,omitempty"` // 0: what the engine's plan says
	Params     map[string]string `json:"params,omitempty"`
	Together   bool              `json:"together,omitempty"` // all or nothing
	Hypothesis string            `json:"hypothesis"`
	Expect     Expect            `json:"expect,omitzero"`
	Wait       Wait              `json:"wait,omitzero"`
}

// Expect is what a gate should do during the step. The zero value expects nothing of any gate: then people judge.
type Expect struct {
	Gate  string `json:"gate,omitempty"`
	Turns bool   `json:"turns,omitempty"` // it should say no; otherwise it should stay clear
}

// String is the expectation as people say it.
func (e Expect) String() string {
	switch {
	case e.Gate == "":
		return "people judge"
	case e.Turns:
		return e.Gate + " turns"
	}
	return e.Gate + " stays clear"
}

// Wish is the expectation as something that is yet to come true.
func (e Expect) Wish() string {
	switch {
	case e.Gate == "":
		return "people to judge"
	case e.Turns:
		return e.Gate + " to turn red"
	}
	return e.Gate + " to stay clear"
}

// WaitKind is what a step waits for.
type WaitKind string

// The kinds; the zero value is the cautious one.
const (
	ForApproval WaitKind = ""      // a person says go
	AfterBefore WaitKind = "after" // a time after the step before it ended, or after the beginning
	AtTime      WaitKind = "at"    // a time of the day on which the game day began
)

// Wait is when a step begins.
type Wait struct {
	Kind   WaitKind      `json:"kind,omitempty"`
	After  time.Duration `json:"after,omitempty"`
	Minute int           `json:"minute,omitempty"` // of the day, for AtTime
}

// String is the wait as it is written in a plan.
func (w Wait) String() string {
	switch w.Kind {
	case AfterBefore:
		return engine.Span(w.After)
	case AtTime:
		return fmt.Sprintf("%02d:%02d", w.Minute/60, w.Minute%60)
	}
	return "approval"
}

// Where is whom a step is to hit, as people say it.
func (s Step) Where() string {
	of := ""
	if len(s.Within) > 0 {
		groups := make([]string, len(s.Within))
		for i, selector := range s.Within {
			groups[i] = strings.Join(selector, " or ")
		}
		of = " of " + strings.Join(groups, ", and ")
	}
	switch {
	case len(s.Hosts) > 0:
		return strings.Join(s.Hosts, ", ")
	case s.Percent > 0:
		return fmt.Sprintf("%d %%%s", s.Percent, cmp.Or(of, " of all hosts"))
	case s.Count > 1:
		return fmt.Sprintf("%d hosts%s, drawn", s.Count, of)
	}
	return "1 host" + of + ", drawn"
}

// What is what a step runs where and with what, in a line; planned is how long the engine's plan holds the attack.
func (s Step) What(planned time.Duration) string {
	text := fmt.Sprintf("%s on %s for %s", s.Attack, s.Where(), engine.Span(cmp.Or(s.For, planned)))
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		text += ", " + name + "=" + s.Params[name]
	}
	return text
}

// NewPlan checks what only code could get wrong, and gives the plan its digest.
func NewPlan(p Plan) (Plan, error) {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	say(strings.TrimSpace(p.Name) == "" || strings.ContainsAny(p.Name, "[]\n"), "the game day's name %q is empty or has a bracket in it", p.Name)
	say(len(p.Steps) == 0, "a game day without a step")
	say(len(p.Steps) > MaxSteps, "%d steps: at most %d", len(p.Steps), MaxSteps)
	for i, s := range p.Steps {
		say(s.Attack == "", "step %d has no attack", i+1)
	}
	if err := errors.Join(wrong...); err != nil {
		return Plan{}, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return Plan{}, fmt.Errorf("game day %s: %w", p.Name, err)
	}
	sum := sha256.Sum256(text)
	p.Digest = hex.EncodeToString(sum[:])
	return p, nil
}

// Order is the step as the engine understands it, without an id.
func (s Step) Order(rehearsal bool) engine.Order {
	o := engine.Order{
		Kind: engine.RunOnce, Attack: s.Attack, Hosts: s.Hosts, Within: s.Within, Count: s.Count, Percent: s.Percent,
		For: s.For, Params: s.Params, Together: s.Together, DryRun: rehearsal,
	}
	if len(s.Hosts) == 1 { // as it has always been said, so that an older engine understands it
		o.Host, o.Hosts = s.Hosts[0], nil
	}
	return o
}
