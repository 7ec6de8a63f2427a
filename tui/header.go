package tui

import (
	"fmt"

	"github.com/chaoscat/chaoscat/engine"
)

// header is the first two lines: what this is and how it stands, then why.
func header(k *look, s *scene, width int) []string {
	return []string{titleLine(k, s, width), reasonLine(k, s, width)}
}

func titleLine(k *look, s *scene, width int) string {
	left := []part{{k.strong, "chaoscat", 0}, {ink{}, s.Version, 8}, {ink{}, s.Name, 1}, {stateInk(k, s), "[" + s.word() + "]", 0}}
	if s.Demo {
		left = append(left, part{k.warn, "DEMO", 1})
	}
	if s.DryRun {
		left = append(left, part{k.warn, "DRY RUN", 1})
	}
	if n := len(s.Hosts.Residue); n > 0 {
		left = append(left, part{k.alarm, fmt.Sprintf("RESIDUE %d", n), 1})
	}
	if s.attacking() {
		left = append(left, part{k.hot, "s = STOP NOW", 0})
	}
	right := []part{{ink{}, s.Window.Text, 9}, {ink{}, s.window(), 5}}
	if s.known {
		right = append(right, part{k.dim, s.now.In(s.zone).Format("15:04:05 MST"), 6})
	}
	return k.spread(width, left, right)
}

func stateInk(k *look, s *scene) ink {
	if s.lost || !s.known {
		return k.alarm
	}
	return k.mood(s.Mood)
}

func reasonLine(k *look, s *scene, width int) string {
	if s.warning != "" {
		return k.spread(width, []part{{k.alarm, s.warning, 0}}, nil)
	}
	left := health(k, s)
	if s.attacking() {
		left = append(left, progress(k, s, width)...)
	} else if s.known {
		left = append(left, part{ink{}, s.Verdict.Sentence, 0})
	} else {
		left = append(left, part{ink{}, "waiting for the engine", 0})
	}
	return k.spread(width, left, nil)
}

// health is the gates in a few words; who is on call is mentioned when nobody is known to be.
func health(k *look, s *scene) []part {
	if !s.known {
		return nil
	}
	parts := make([]part, 0, 2)
	clear, all, first := s.gates(engine.Health)
	if clear == all && all > 0 {
		parts = append(parts, part{k.good, fmt.Sprintf("HEALTH %s OK %d/%d", k.yes, clear, all), 0})
	} else {
		parts = append(parts, part{k.bad, fmt.Sprintf("HEALTH %s %d/%d %s", k.no, clear, all, first), 0})
	}
	if clear, all, first := s.gates(engine.OnCall); clear < all || all == 0 {
		parts = append(parts, part{k.bad, "ON CALL " + k.no + " " + first, 3})
	}
	return parts
}

// progress is the running attack in one line.
func progress(k *look, s *scene, width int) []part {
	parts := []part{{k.hot, s.runsOn(), 0}}
	if len(s.Running) != 1 {
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
