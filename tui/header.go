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
	if s.attacking() {
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
		return "then STOPPED"
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

func reasonLine(k *look, s *scene, all *crowd, width int) string {
	if s.warning != "" {
		return k.spread(width, []part{{k.alarm, s.warning, 0}}, nil)
	}
	left := health(k, s)
	if s.attacking() {
		left = append(left, progress(k, s, all, width)...)
	} else if s.known {
		return k.withWayOut(s, width, append(left, part{ink{}, lastKnown(s) + s.Verdict.Sentence, 0}))
	} else {
		left = append(left, part{ink{}, "waiting for the engine", 0})
	}
	return k.spread(width, left, nil)
}

func lastKnown(s *scene) string {
	if s.lost {
		return "last known: "
	}
	return ""
}

// withWayOut ends the line with how a stop is lifted; the sentence before it is cut first.
func (k *look) withWayOut(s *scene, width int, left []part) string {
	if s.Stopped == nil || s.lost {
		return k.spread(width, left, nil)
	}
	if s.small {
		left = left[len(left)-1:]
	}
	hint := part{k.strong, wayOut(s), 0}
	verdict := &left[len(left)-1]
	room := width - total(append(left[:len(left)-1:len(left)-1], hint), 1) - 2
	if verdict.text = k.shorten(k.clean(verdict.text), room); room < 20 {
		verdict.text = s.word()
	}
	return k.spread(width, append(left, hint), nil)
}

// health is the gates in a few words; who is on call is mentioned when nobody is known to be. A gate that
// the verdict names is not named twice, and without a link nothing is known.
func health(k *look, s *scene) []part {
	switch {
	case !s.known:
		return nil
	case s.lost:
		return []part{{k.warn, fmt.Sprintf("HEALTH %s unknown, last heard %s ago", k.doubt, span(s.age)), 0}}
	}
	parts := make([]part, 0, 2)
	clear, all, first := s.gates(engine.Health)
	if clear == all && all > 0 {
		parts = append(parts, part{k.good, fmt.Sprintf("HEALTH %s OK %d/%d", k.yes, clear, all), 0})
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

// progress is the running attack in one line.
func progress(k *look, s *scene, all *crowd, width int) []part {
	parts := []part{{k.hot, s.runsOn(), 0}}
	if len(s.Running) > 1 {
		sum := all.sum(k, s, false)
		return append(parts, part{sum.ink, sum.text, 3})
	}
	if len(s.Running) == 0 {
		return parts
	}
	r := s.Running[0]
	gone, whole := s.elapsed(r)
	if whole == 0 {
		return append(parts, part{ink{}, fmt.Sprintf("%s for %s", r.Phase, span(s.now.Sub(r.Since))), 0})
	}
	return append(parts,
		part{ink{}, brief(gone) + " / " + brief(whole), 0},
		part{k.hot, "[" + k.bar(gone, whole, min(20, width/5)) + "]", 4})
}
