package tui

import (
	"fmt"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// header is the first two lines: what this is and how it stands, then why.
func header(k *look, s *scene, all *crowd, width int) []string {
	return []string{titleLine(k, s, width), reasonLine(k, s, all, width)}
}

func titleLine(k *look, s *scene, width int) string {
	left := []part{{k.strong, "chaoscat", 0}, {ink{}, s.Version, 8}, {ink{}, s.Name, 1}, {stateInk(k, s), "[" + s.word() + "]", 0}}
	if s.Demo {
		left = append(left, part{k.warn, "DEMO", 1})
	}
	if s.DryRun {
		left = append(left, part{k.warn, "DRY RUN", 1})
	}
	if s.readOnly {
		left = append(left, part{k.warn, "READ-ONLY", 1})
	}
	if n := len(s.Hosts.Residue); n > 0 {
		left = append(left, part{k.alarm, fmt.Sprintf("RESIDUE %d", n), 1})
	}
	if n := len(s.Pending); n > 0 && !s.lost {
		left = append(left, part{k.hot, fmt.Sprintf("WAITING %d", n), 2})
	}
	switch {
	case s.attacking() && s.Stopped != nil && !s.lost: // it is not to be hit again and again
		left = append(left, part{k.hot, "STOP taken", 0}, part{k.warn, after(s), 2})
	case s.attacking():
		left = append(left, part{k.hot, s.stopKey() + " = STOP NOW", 0}, part{k.warn, after(s), 2})
	}
	right := []part{{ink{}, s.Window.Text, 9}, {ink{}, s.window(), 5}}
	if s.known {
		right = append(right, part{k.dim, asOf(s) + s.now.In(s.zone).Format("15:04:05 MST"), 6})
	}
	return k.spread(width, left, right)
}

// stopKey is the key that stops just now.
func (s *scene) stopKey() string {
	if s.typing {
		return "ctrl+c"
	}
	return "s"
}

// after is what follows the running attack when nothing else will.
func after(s *scene) string {
	switch {
	case s.Stopped != nil:
		return "undoing, then STOPPED"
	case s.Paused != nil:
		return "then PAUSED"
	}
	return ""
}

// asOf marks a time that stands still.
func asOf(s *scene) string {
	if s.lost {
		return "as of "
	}
	return ""
}

func stateInk(k *look, s *scene) ink {
	if s.lost || !s.known {
		return k.alarm
	}
	return k.mood(s.Mood)
}

// reasonLine is why it stands so, in a sentence, and what to do or to expect at its end. Where it is narrow, what
// is well goes first, and the sentence is cut last.
func reasonLine(k *look, s *scene, all *crowd, width int) string {
	switch {
	case s.warning != "":
		return k.spread(width, []part{{k.alarm, s.warning, 0}}, nil)
	case !s.known && s.lost:
		return k.spread(width, []part{{k.bad, "the engine does not answer; it is tried again by itself", 0}}, nil)
	case !s.known:
		return k.spread(width, []part{{ink{}, "waiting for the engine's first word", 0}}, nil)
	case s.Warning != "" && !s.lost:
		return k.spread(width, []part{{k.alarm, k.no + " " + k.atWord(k.clean(s.Warning), width-25), 0}}, []part{{k.strong, nextStep(s, 0), 1}})
	case s.attacking():
		return k.spread(width, append(health(k, s), progress(k, s, all, width)...), nil)
	}
	left, ends := append(health(k, s), part{ink{}, lastKnown(s) + s.Verdict.Sentence, 0}), []part{{k.strong, nextStep(s, width), 0}}
	if total(left, 1<<10)+total(ends, 1<<10) > width-1 && len(left) > 1 && !s.lost {
		left = left[len(left)-1:] // the panes tell of the gates, the key c does, and the sentence names the one that matters
	}
	verdict := &left[len(left)-1]
	room := width - 1 - total(left[:len(left)-1], 1<<10) - total(ends, 1<<10) - 2
	if verdict.text = k.atWord(k.clean(verdict.text), room); room < 20 {
		verdict.text = s.word()
	}
	return k.spread(width, left, ends)
}

func lastKnown(s *scene) string {
	if s.lost {
		return "last known: "
	}
	return ""
}

// nextStep is the end of the line: the key or the command that changes how it stands, else when the next attack begins.
func nextStep(s *scene, width int) string {
	left := s.residue()
	switch {
	case s.lost:
		return ""
	case s.Stopped != nil, s.readOnly && s.Mood == engine.MoodPaused:
		return wayOut(s)
	case s.small:
		return ""
	case len(left) > 0:
		return s.shell("sweep --host " + left[0])
	case s.Mood == engine.MoodPaused:
		return "p resumes"
	case s.heldByGate():
		return "c shows the gates"
	case len(s.Pending) > 0 && !s.readOnly:
		return "A approves what waits"
	}
	return upcoming(s, width)
}

// heldByGate tells that it goes on by itself as soon as a gate says yes.
func (s *scene) heldByGate() bool {
	return s.Mood == engine.MoodHeld && (s.Verdict.Name == engine.Unhealthy || s.Verdict.Name == engine.NobodyOnCall)
}

// upcoming is the countdown to the next attack; nothing while something else holds it up.
func upcoming(s *scene, width int) string {
	if s.Mood != engine.MoodArmed || s.Next == nil || s.NextAt.IsZero() {
		return ""
	}
	what := "next"
	if width >= twoColumns {
		what += " " + s.Next.Attack + " on " + s.Next.Host
	}
	return what + " " + countdown(s)
}

// health is the gates in a few words; who is on call is mentioned when nobody is known to be. A gate that
// the verdict names is not named twice, and without a link nothing is known.
func health(k *look, s *scene) []part {
	switch {
	case !s.known:
		return nil
	case s.lost:
		return []part{{k.warn, fmt.Sprintf("HEALTH %s unknown, last heard %s ago", k.doubt, span(s.age)), 3}}
	}
	parts := make([]part, 0, 2)
	clear, all, first := s.gates(engine.Health)
	if clear == all && all > 0 {
		parts = append(parts, part{k.good, fmt.Sprintf("HEALTH %s OK %d/%d", k.yes, clear, all), 3})
	} else {
		parts = append(parts, part{k.bad, strings.TrimSpace(fmt.Sprintf("HEALTH %s %d/%d %s", k.no, clear, all, s.unnamed(first))), 0})
	}
	if clear, all, first := s.gates(engine.OnCall); clear < all || all == 0 {
		parts = append(parts, part{k.bad, strings.TrimSpace("ON CALL " + k.no + " " + s.unnamed(first)), 3})
	}
	return parts
}

// unnamed is the name of a gate unless the verdict, which stands beside it, begins with it.
func (s *scene) unnamed(gate string) string {
	if !s.attacking() && strings.HasPrefix(s.Verdict.Sentence, gate+":") {
		return ""
	}
	return gate
}

// lostInWords is a run without contact, in the few words that the header has for it.
func lostInWords(s *scene, r engine.Run) string {
	switch {
	case r.Until.IsZero():
		return "contact lost"
	case r.Until.After(s.now):
		return "contact lost, undo by " + s.at(r.Until)
	}
	return "contact lost, undo was due at " + s.at(r.Until)
}

// progress is the running attack in one line.
func progress(k *look, s *scene, all *crowd, width int) []part {
	parts := []part{{k.hot, s.runsOn(), 0}}
	if len(s.Running) > 1 {
		sum := all.sum(k, s, false)
		return append(parts, part{sum.ink, sum.text, 2})
	}
	if len(s.Running) == 0 {
		return parts
	}
	r := s.Running[0]
	gone, whole := s.elapsed(r)
	if r.Phase == engine.Lost {
		return append(parts, part{k.alarm, lostInWords(s, r), 0})
	}
	if whole == 0 {
		return append(parts, part{ink{}, fmt.Sprintf("%s for %s", r.Phase, span(s.now.Sub(r.Since))), 0})
	}
	return append(parts,
		part{ink{}, brief(gone) + " / " + brief(whole), 0},
		part{k.hot, "[" + k.bar(gone, whole, min(20, width/5)) + "]", 4})
}
