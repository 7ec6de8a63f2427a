package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/printable"
)

type gameDayShape struct {
	Schema    int             `json:"schema"`
	Name      string          `json:"name"`
	Session   string          `json:"session"`
	Rehearsal bool            `json:"rehearsal"`
	By        string          `json:"by"`
	Begun     time.Time       `json:"begun"`
	Ended     *time.Time      `json:"ended"`
	Aborted   bool            `json:"aborted"`
	Continued int             `json:"continued"` // how often a console took it up again
	Summary   string          `json:"summary"`
	Steps     []gameDayStep   `json:"steps"`
	Moments   []gameDayMoment `json:"moments"` // gates that turned, notes, stops, other orders and other attacks meanwhile
}

type gameDayStep struct {
	Step       int               `json:"step"`
	Name       string            `json:"name"`
	Attack     string            `json:"attack"`
	Params     map[string]string `json:"params"`
	Hypothesis string            `json:"hypothesis"`
	Expect     string            `json:"expect"`
	Wait       string            `json:"wait"`
	State      string            `json:"state"` // ahead, running, done, skipped
	By         string            `json:"by"`    // who approved or skipped it
	Refused    int               `json:"refused"`
	Refusal    *engine.Verdict   `json:"refusal,omitempty"`
	Run        string            `json:"run"`
	Began      *time.Time        `json:"began"`
	Ended      *time.Time        `json:"ended"`
	Why        string            `json:"why,omitempty"`
	Held       string            `json:"held"` // held, failed, undecided; "" before the verdict
	Verdict    string            `json:"verdict"`
	Hosts      []gameDayHost     `json:"hosts"`
}

type gameDayHost struct {
	ID       string         `json:"id"`
	Host     string         `json:"host"`
	Began    time.Time      `json:"began"`
	Ended    *time.Time     `json:"ended"`
	Outcome  engine.Effect  `json:"outcome"`
	Undo     engine.Undo    `json:"undo"`
	Cause    string         `json:"cause"`
	Detail   string         `json:"detail,omitempty"`
	Measured engine.Figures `json:"measured"`
}

type gameDayMoment struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// gameDayRow is a session as JSON, its times in the zone of the schedule like those on the screen.
func gameDayRow(s gameday.Session, zone *time.Location) gameDayShape {
	row := gameDayShape{Schema: schema, Name: s.Plan.Name, Session: s.ID, Rehearsal: s.Plan.Rehearsal, By: s.By, Begun: s.Begun.In(zone),
		Ended: momentIn(s.Ended, zone), Aborted: s.Aborted, Continued: s.Continued, Summary: s.Summary(), Steps: []gameDayStep{}, Moments: []gameDayMoment{}}
	for i, p := range s.Steps {
		row.Steps = append(row.Steps, stepRow(i, s.Plan.Steps[i], p, zone))
	}
	for _, m := range s.Moments {
		row.Moments = append(row.Moments, gameDayMoment{m.At.In(zone), string(m.Kind), m.By, m.Text})
	}
	return row
}

func momentIn(t time.Time, zone *time.Location) *time.Time {
	if t.IsZero() {
		return nil
	}
	return moment(t.In(zone))
}

func stepRow(i int, s gameday.Step, p gameday.Progress, zone *time.Location) gameDayStep {
	row := gameDayStep{Step: i + 1, Name: s.Name, Attack: s.Attack, Params: nonNilMap(s.Params), Hypothesis: s.Hypothesis, Expect: s.Expect.String(), Wait: s.Wait.String(),
		State: orElse(string(p.State), "ahead"), By: p.By, Refused: p.Tries, Refusal: p.Refusal, Run: p.Run, Began: momentIn(p.Began, zone), Ended: momentIn(p.Ended, zone),
		Why: p.Why, Held: string(p.Held), Verdict: p.Verdict, Hosts: []gameDayHost{}}
	for _, x := range p.Parts {
		h := gameDayHost{ID: x.Run, Host: x.Host, Began: x.Began.In(zone), Ended: momentIn(x.Ended, zone)}
		if o := x.Outcome; o != nil {
			h.Outcome, h.Undo, h.Cause, h.Detail, h.Measured = o.Effect, o.Undo, o.Cause, o.Detail, o.Figures
		}
		row.Hosts = append(row.Hosts, h)
	}
	return row
}

// reportGameDay tells a session: when, who, what, where, the figures, the verdicts, and what happened meanwhile.
func (a *app) reportGameDay(s gameday.Session, zone *time.Location) error {
	if a.json {
		return a.lines(gameDayRow(s, zone))
	}
	put := func(format string, args ...any) {
		fmt.Fprintln(a.out, printable.Printable(fmt.Sprintf(format, args...)))
	}
	clock := func(t time.Time) string { return t.In(zone).Format("15:04:05") }
	put("game day %s%s, begun %s by %s%s", s.Plan.Name, rehearsed(s), s.Begun.In(zone).Format("Mon 2 Jan 2006 15:04:05 MST"), s.By, endedText(s, clock))
	for i, p := range s.Steps {
		step := s.Plan.Steps[i]
		put("")
		put("step %d  %s: %s", i+1, step.Name, stepState(p))
		put("  hypothesis  %s", step.Hypothesis)
		if p.Held != gameday.Unjudged {
			put("  verdict     %s: %s", p.Held, p.Verdict)
		}
		if p.By != "" && p.State != gameday.Skipped {
			put("  approved    by %s", p.By)
		}
		if p.Refusal != nil {
			put("  refused     %s, at last: %s", counted(p.Tries, "time"), p.Refusal.Sentence)
		}
		for _, x := range p.Parts {
			put("  %s - %s  %s", clock(x.Began), endClock(x.Ended, clock), orElse(x.Text, x.Host+": no outcome yet"))
		}
	}
	if len(s.Moments) > 0 {
		put("")
		put("meanwhile")
	}
	for _, m := range s.Moments {
		put("  %s  %s", clock(m.At), momentText(m))
	}
	put("")
	put("%s", s.Summary())
	return nil
}

func rehearsed(s gameday.Session) string {
	if s.Plan.Rehearsal {
		return " (rehearsal)"
	}
	return ""
}

func endedText(s gameday.Session, clock func(time.Time) string) string {
	switch {
	case s.Aborted:
		return ", aborted " + clock(s.Ended)
	case s.Over():
		return ", ended " + clock(s.Ended)
	}
	return ", not over"
}

func endClock(t time.Time, clock func(time.Time) string) string {
	if t.IsZero() {
		return "..."
	}
	return clock(t)
}

func stepState(p gameday.Progress) string {
	switch p.State {
	case gameday.Ahead:
		return "not reached"
	case gameday.Skipped:
		if p.Why != "" {
			return "skipped by " + p.By + " (" + p.Why + ")"
		}
		return "skipped by " + p.By
	}
	return string(p.State)
}

func momentText(m gameday.Moment) string {
	if !m.Note {
		return m.Text
	}
	return m.By + ": " + m.Text
}

// codeOfGameDay is how a session ends: a host that needs a person weighs most. A gate that turned as the hypothesis
// has it ends an attack early, and that is as it should be.
func codeOfGameDay(s gameday.Session) error {
	codes := map[int]bool{exitStopped: s.Aborted}
	for _, p := range s.Steps {
		codes[exitNoEffect] = codes[exitNoEffect] || p.Held == gameday.Fails
		for _, x := range p.Parts {
			if x.Outcome == nil {
				continue
			}
			code := codeOfOutcome(*x.Outcome)
			foreseen := code == exitStopped && p.Held == gameday.Holds && x.Outcome.Cause != "stop"
			codes[code] = codes[code] || !foreseen
		}
	}
	for _, code := range []int{exitResidue, exitNoEffect, exitStopped, exitRefused} {
		if codes[code] {
			return fail(code, errors.New(s.Summary()))
		}
	}
	return nil
}
