package pagerduty

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// story is an attack as responders see it: the runs of one order together.
type story struct {
	id       string
	attack   string
	runs     []engine.Run
	open     map[string]bool // runs that have not ended
	began    time.Time       // when the first fault was switched on
	ended    time.Time       // when the last run was closed; zero before
	outcomes []engine.Outcome
	last     string // the sentence of the outcome of the only run
}

// stories turns the record into what is worth telling. It belongs to one goroutine.
type stories struct {
	link  string
	going map[string]*story
}

func newStories(link string) *stories { return &stories{link, map[string]*story{}} }

func storyOf(r engine.Record) string { return cmp.Or(r.Of, r.Run) }

// hear takes in one record. begun and ended are stories that have just come to that; nil mostly.
func (t *stories) hear(r engine.Record) (begun, ended *story) {
	s := t.going[storyOf(r)]
	switch {
	case r.Kind == engine.Intent && r.Intent != nil:
		t.intend(storyOf(r), *r.Intent)
	case s == nil:
	case r.Kind == engine.PhaseNew && r.Phase == engine.Injecting && s.began.IsZero():
		s.began = r.At
		return s, nil
	case r.Kind == engine.Closed && r.Outcome != nil:
		return nil, t.close(s, r)
	}
	return nil, nil
}

// recall takes in runs that are on already, and returns the stories whose faults are on.
func (t *stories) recall(running []engine.Run) (begun []*story) {
	for _, r := range running {
		id := cmp.Or(r.Of, r.ID)
		t.intend(id, r)
		if s := t.going[id]; s.began.IsZero() && felt(r) {
			s.began = r.Started
			begun = append(begun, s)
		}
	}
	return begun
}

// felt tells whether the fault of a run has been switched on.
func felt(r engine.Run) bool {
	return slices.Contains([]engine.Phase{engine.Injecting, engine.Proving, engine.Holding, engine.Undoing, engine.Verifying, engine.Lost}, r.Phase)
}

func (t *stories) intend(id string, r engine.Run) {
	s := t.going[id]
	if s == nil {
		s = &story{id: id, attack: r.Attack.Name, open: map[string]bool{}}
		t.going[id] = s
	}
	s.runs = append(s.runs, r)
	s.open[r.ID] = true
}

// close ends a run, and with the last one the story, if there ever was a fault to tell of.
func (t *stories) close(s *story, r engine.Record) *story {
	delete(s.open, r.Run)
	s.outcomes, s.last = append(s.outcomes, *r.Outcome), r.Text
	if len(s.open) > 0 {
		return nil
	}
	delete(t.going, s.id)
	if s.began.IsZero() {
		return nil
	}
	s.ended = r.At
	return s
}

// forget drops what has ended unheard, when records were missed.
func (t *stories) forget(running []engine.Run) {
	alive := map[string]bool{}
	for _, r := range running {
		alive[cmp.Or(r.Of, r.ID)] = true
	}
	maps.DeleteFunc(t.going, func(id string, _ *story) bool { return !alive[id] })
}

// name is "latency on web-1", or "latency on web-1 and 11 more hosts".
func (s *story) name() string {
	switch n := len(s.runs) - 1; n {
	case 0:
		return s.attack + " on " + s.runs[0].Host.Name
	case 1:
		return fmt.Sprintf("%s on %s and %s", s.attack, s.runs[0].Host.Name, s.runs[1].Host.Name)
	default:
		return fmt.Sprintf("%s on %s and %d more hosts", s.attack, s.runs[0].Host.Name, n)
	}
}

func (s *story) source() string { return s.runs[0].Host.Name }

// beginning is the change event at the start.
func (t *stories) beginning(s *story, onCall []string) event {
	first := s.runs[0]
	details := s.about(onCall)
	details["how to stop"] = "chaoscat stop, from anywhere, by anybody"
	return t.change(s, s.began, fmt.Sprintf("chaoscat began %s for %s", s.name(), engine.Span(first.For)), details)
}

// ending is the change event at the end, with what was measured.
func (t *stories) ending(s *story, onCall []string) event {
	details := s.about(onCall)
	details["lasted"] = engine.Span(s.ended.Sub(s.began).Round(time.Second))
	if len(s.outcomes) == 1 {
		o := s.outcomes[0]
		set(details, map[string]string{"outcome": string(o.Effect), "undo": string(o.Undo), "measured": o.Figures.Text, "ended by": o.Cause, "detail": o.Detail})
		return t.change(s, s.ended, "chaoscat ended "+s.last, details)
	}
	details["outcomes"] = tally(s.outcomes)
	return t.change(s, s.ended, fmt.Sprintf("chaoscat ended %s: %s", s.name(), details["outcomes"]), details)
}

func (t *stories) change(s *story, at time.Time, summary string, details map[string]string) event {
	e := event{Payload: &payload{Summary: clip(summary), Source: s.source(), Timestamp: timestamp(at), Details: details}}
	if t.link != "" {
		e.Links = []link{{Href: t.link, Text: "chaoscat"}}
	}
	return e
}

// about is what is known from the beginning.
func (s *story) about(onCall []string) map[string]string {
	details := aboutRun(s.runs[0])
	hosts := make([]string, len(s.runs))
	for i, r := range s.runs {
		hosts[i] = r.Host.Name
	}
	if len(hosts) > 1 {
		details["run"], details["host"] = s.id, some(hosts)
		details["hosts"] = fmt.Sprint(len(hosts))
	}
	if who := s.runs[0].OnCall; len(who) > 0 {
		onCall = who
	}
	set(details, map[string]string{"on call": strings.Join(onCall, ", ")})
	return details
}

func aboutRun(r engine.Run) map[string]string {
	details := map[string]string{}
	set(details, map[string]string{
		"attack": r.Attack.Name, "kind": r.Attack.Kind, "host": r.Host.Name, "duration": engine.Span(r.For), "run": r.ID,
		"by": r.By, "door": r.Door, "reason": r.Reason, "approved by": strings.Join(r.Approved, ", "),
	})
	for _, name := range slices.Sorted(maps.Keys(r.Attack.Params)) {
		set(details, map[string]string{"parameter " + name: r.Attack.Params[name]})
	}
	return details
}

// set leaves out what is not known.
func set(into, from map[string]string) {
	for name, value := range from {
		if value != "" {
			into[name] = clip(value)
		}
	}
}

// clip keeps a text within the 1024 characters that PagerDuty takes.
func clip(s string) string { return printable.Short(s, 1000) }

// tally is "10 effective, 2 weak; 1 residue".
func tally(outcomes []engine.Outcome) string {
	effects, residue := map[string]int{}, 0
	for _, o := range outcomes {
		effects[string(o.Effect)]++
		if o.Undo == engine.Residue {
			residue++
		}
	}
	var parts []string
	for _, effect := range slices.Sorted(maps.Keys(effects)) {
		parts = append(parts, fmt.Sprintf("%d %s", effects[effect], effect))
	}
	text := strings.Join(parts, ", ")
	if residue > 0 {
		text += fmt.Sprintf("; %d left with residue", residue)
	}
	return text
}
