package gameday

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// patience is how long after an attack the expected gate may take to answer once more. What an attack does to
// others shows with a delay; a gate that is silent for so long tells nothing.
const patience = 2 * time.Minute

// judge holds a step that has ended against its hypothesis, as soon as the gate has answered once since.
func (s Session) judge(i int, now engine.Snapshot, at time.Time) Next {
	p, e := s.Steps[i], s.Plan.Steps[i].Expect
	by := p.Ended.Add(patience)
	if e.Gate != "" && p.felt() && !s.saidNo(i) && !answeredSince(now, e.Gate, p.Ended) && at.Before(by) {
		return Next{Do: Until, At: by, Why: e.Gate + " has not answered since the attack ended"}
	}
	held, why := s.verdict(i)
	return Next{Do: Give, Order: s.note(line{step: i + 1, word: map[Held]word{Holds: wordHeld, Fails: wordFailed, Undecided: wordOpen}[held], why: why})}
}

func answeredSince(now engine.Snapshot, gate string, since time.Time) bool {
	i := slices.IndexFunc(now.Gates, func(g engine.GateView) bool { return g.Name == gate })
	return i < 0 || now.Gates[i].At.After(since) // of a gate that is gone, no answer will come
}

// verdict is what the record says of the hypothesis.
func (s Session) verdict(i int) (Held, string) {
	p, e := s.Steps[i], s.Plan.Steps[i].Expect
	turned, no := s.turned(i)
	switch {
	case s.Plan.Rehearsal || p.dry():
		return Undecided, "dry run: nothing was injected"
	case p.Why == "" && !p.applied():
		return Undecided, "nothing was tested: " + p.Effects()
	case e.Gate != "" && no && e.Turns:
		return Holds, fmt.Sprintf("%s turned: %s", e.Gate, turned)
	case e.Gate != "" && no:
		return Fails, fmt.Sprintf("%s turned: %s", e.Gate, turned)
	case p.Why != "":
		return Undecided, p.Why
	case p.cutShort() != "":
		return Undecided, "it was ended early: " + p.cutShort()
	case !p.felt() && p.unmeasured():
		return Undecided, "it could not be measured whether the hosts suffered: " + p.Effects()
	case !p.felt():
		return Undecided, "nothing was tested: " + p.Effects()
	case e.Gate == "":
		return Undecided, "no gate was named, so people judge: " + p.Effects()
	case e.Turns:
		return Fails, fmt.Sprintf("%s stayed clear; %s", e.Gate, p.Effects())
	}
	return Holds, fmt.Sprintf("%s stayed clear; %s", e.Gate, p.Effects())
}

// turned is what the expected gate said when it said no, during the step or until it was judged.
func (s Session) turned(i int) (text string, no bool) {
	for _, m := range s.Moments {
		if m.Gate == s.Plan.Steps[i].Expect.Gate && m.Gate != "" && !m.OK && !m.At.Before(s.Steps[i].Began) {
			return m.Text, true
		}
	}
	return "", false
}

// Turned is what the gate that a step names said when it said no, since the step began; steps count from 1.
func (s Session) Turned(step int) (text string, no bool) {
	if s.Steps[step-1].Began.IsZero() {
		return "", false
	}
	return s.turned(step - 1)
}

func (s Session) saidNo(i int) bool { _, no := s.turned(i); return no }

// felt tells whether any host was measured to suffer.
func (p Progress) felt() bool {
	return slices.ContainsFunc(p.Parts, func(x Part) bool {
		return x.Outcome != nil && (x.Outcome.Effect == engine.Effective || x.Outcome.Effect == engine.Weak)
	})
}

// unmeasured tells whether the effect on some host is not known.
func (p Progress) unmeasured() bool {
	return slices.ContainsFunc(p.Parts, func(x Part) bool { return x.Outcome != nil && x.Outcome.Effect == engine.Unverifiable })
}

// applied tells whether any host may have felt anything.
func (p Progress) applied() bool {
	return slices.ContainsFunc(p.Parts, func(x Part) bool { return x.Outcome != nil && x.Outcome.Applied })
}

func (p Progress) dry() bool {
	return slices.ContainsFunc(p.Parts, func(x Part) bool { return x.Outcome != nil && x.Outcome.Cause == dryRun })
}

// cutShort is what ended the attack before its time on some host; nothing where it ran its course.
func (p Progress) cutShort() string {
	for _, x := range p.Parts {
		if o := x.Outcome; o != nil && o.Applied && o.Cause != "deadline" {
			if o.Detail != "" {
				return o.Cause + ", " + o.Detail
			}
			return o.Cause
		}
	}
	return ""
}

// Effects counts how the hosts ended: "2 effective, 1 refused".
func (p Progress) Effects() string {
	counts, order := map[engine.Effect]int{}, []engine.Effect{}
	for _, x := range p.Parts {
		if x.Outcome == nil {
			continue
		}
		if counts[x.Outcome.Effect] == 0 {
			order = append(order, x.Outcome.Effect)
		}
		counts[x.Outcome.Effect]++
	}
	if len(order) == 0 {
		return "no host has an outcome"
	}
	words := make([]string, len(order))
	for i, effect := range order {
		words[i] = fmt.Sprintf("%d %s", counts[effect], effect)
	}
	return strings.Join(words, ", ")
}

// Summary counts how the hypotheses came out: "3 steps: 1 held, 1 failed, 1 skipped".
func (s Session) Summary() string {
	counts := map[string]int{}
	for _, p := range s.Steps {
		switch {
		case p.State == Skipped:
			counts["skipped"]++
		case p.Held == Unjudged:
			counts["not reached"]++
		default:
			counts[string(p.Held)]++
		}
	}
	text := fmt.Sprintf("%d steps", len(s.Steps))
	if len(s.Steps) == 1 {
		text = "1 step"
	}
	sign := ": "
	for _, word := range []string{"held", "failed", "undecided", "skipped", "not reached"} {
		if counts[word] > 0 {
			text += fmt.Sprintf("%s%d %s", sign, counts[word], word)
			sign = ", "
		}
	}
	return text
}
