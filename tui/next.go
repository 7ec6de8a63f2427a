package tui

import (
	"fmt"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// next is the pane of what would be attacked: the drawn host and attack, and all candidates with their
// share of the next draw.
type next struct {
	offset int // first candidate shown
	shown  int // how many were, last time
	count  int // how many there are
}

// wants is how many lines the pane could fill.
func (n *next) wants(s *scene) int { return 2 + len(s.Chances) }

func (n *next) view(k *look, s *scene, r rect) pane {
	p := pane{title: "1 Next attack", note: countdown(s)}
	if !s.known {
		return p
	}
	w, h := r.w-2, r.h-2
	p.rows = append(p.rows, drawn(k, s, w))
	if h >= 5 {
		l := k.newLine(w)
		p.rows = append(p.rows, candidate(l, k.dim, [6]string{"", "ATTACK", "WEIGHT", "CHANCE", "HOSTS", "NOTE"}, ""))
	}
	n.shown, n.count = max(0, h-len(p.rows)), len(s.Chances)
	n.offset = min(n.offset, max(0, n.count-n.shown))
	if n.shown < n.count {
		p.title += fmt.Sprintf("  %d-%d of %d", n.offset+1, n.offset+n.shown, n.count)
	}
	for _, c := range s.Chances[n.offset:min(n.count, n.offset+n.shown)] {
		p.rows = append(p.rows, candidateRow(k, s, c, w))
	}
	return p
}

// countdown is the time to the drawn attack. Nothing counts down while something else holds it up.
func countdown(s *scene) string {
	switch {
	case !s.known || s.Next == nil || s.NextAt.IsZero():
		return ""
	case s.Mood == engine.MoodPaused || s.Mood == engine.MoodHeld:
		return string(s.Mood)
	case s.lost:
		return "was due at " + s.at(s.NextAt)
	case s.NextAt.After(s.now):
		return "in " + brief(s.NextAt.Sub(s.now))
	}
	return "now"
}

// drawn says who is next, or why nobody is.
func drawn(k *look, s *scene, w int) string {
	l := k.newLine(w)
	if s.Next == nil {
		return l.put(ink{}, " nothing is drawn: "+s.Verdict.Sentence).String()
	}
	l.put(ink{}, " ").put(k.strong, s.Next.Attack+" on "+s.Next.Host)
	if _, held := s.chance(s.Next.Attack); held > 0 {
		l.put(ink{}, " for "+span(held))
	}
	l.put(k.dim, fmt.Sprintf("   drawn %s from %s", s.at(s.Next.At), plural(s.Next.Eligible, "eligible host")))
	return l.String()
}

func candidateRow(k *look, s *scene, c engine.Chance, w int) string {
	mark, in := "", ink{}
	if s.Next != nil && s.Next.Attack == c.Attack {
		mark, in = k.pick, k.strong
	}
	share := "-"
	if c.Chance > 0 {
		share = fmt.Sprintf("%.0f%%", 100*c.Chance)
	}
	note := c.Note
	if note == "" {
		if _, held := s.chance(c.Attack); held > 0 {
			note = span(held)
		}
	}
	bar := ""
	if c.Chance > 0 {
		bar = k.bar(time.Duration(c.Chance*1000), 1000, 12)
	}
	return candidate(k.newLine(w), in, [6]string{mark, c.Attack, fmt.Sprint(c.Weight), share, thousands(c.Eligible), note}, bar)
}

// candidate puts one row of the table into its columns; the bar is the first to go when it is narrow.
func candidate(l *line, in ink, cells [6]string, bar string) string {
	l.put(ink{}, " ").cell(in, cells[0], 1)
	l.cell(in, cells[1], min(18, l.width/4))
	l.cell(in, right(cells[2], 6), 6).cell(in, right(cells[3], 6), 6)
	if l.width >= 66 {
		l.cell(l.look.hot, bar, 12)
	}
	return l.cell(in, right(cells[4], 7), 7).put(ink{}, " ").put(in, cells[5]).String()
}

func right(text string, width int) string { return fmt.Sprintf("%*s", width, text) }

func (n *next) move(m motion) {
	n.offset = m.apply(n.offset, n.shown, max(0, n.count-n.shown))
}
