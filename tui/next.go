package tui

import (
	"fmt"
	"strings"
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
func (n *next) wants(s *scene) int { return 3 + min(1, len(s.Pending)) + len(s.Chances) }

func (n *next) view(k *look, s *scene, r rect) pane {
	p := pane{title: "1 Next attack", note: countdown(s)}
	w, h := r.w-2, r.h-2
	if !s.known {
		p.rows = k.fill([]remark{{ink{}, nothingKnown(s)}}, w, h)
		return p
	}
	if why := standing(k, s); why.text != "" {
		most := max(2, h/2)
		if s.lost {
			most = h // what follows is old
		}
		p.rows = k.fill([]remark{why}, w, most)
	}
	if waits := waiting(k, s); waits.text != "" && len(p.rows) < h {
		p.rows = append(p.rows, k.fill([]remark{waits}, w, max(1, min(3, h-len(p.rows)-1)))...)
	}
	if len(p.rows) < h {
		limit := max(1, h/4)
		if s.Next == nil {
			limit = h
		}
		p.rows = append(p.rows, k.fill([]remark{drawn(k, s)}, w, limit)...)
	}
	headed := h-len(p.rows) >= 2
	if headed {
		p.rows = append(p.rows, candidate(k.newLine(w), k.dim, [6]string{"", "ATTACK", "WEIGHT", "CHANCE", "HOSTS", "NOTE"}, ""))
	}
	n.shown, n.count = max(0, h-len(p.rows)), len(s.Chances)
	n.offset = min(n.offset, max(0, n.count-n.shown))
	if n.shown > 0 && n.shown < n.count {
		p.title += fmt.Sprintf("  %d-%d of %d", n.offset+1, n.offset+n.shown, n.count)
	}
	for _, c := range s.Chances[n.offset:min(n.count, n.offset+n.shown)] {
		if !headed {
			p.rows = append(p.rows, candidateSaid(k, s, c, w))
			continue
		}
		p.rows = append(p.rows, candidateRow(k, s, c, w))
	}
	return p
}

// nothingKnown is for somebody who looks at an empty screen.
func nothingKnown(s *scene) string {
	if s.lost {
		return "There is no link to the engine; it is tried again and again. From any shell: " + s.shell("status") + ". s is tried all the same, q quits."
	}
	return "Nothing is known yet: the engine is starting, or has not said its first word. s stops all the same, q quits."
}

// countdown is the time to the drawn attack. Nothing counts down while something else holds it up.
func countdown(s *scene) string {
	switch {
	case !s.known:
		return ""
	case s.Mood == engine.MoodPaused || s.Mood == engine.MoodHeld || s.Mood == engine.MoodStopped:
		return string(s.Mood) + ": nothing begins"
	case s.Next == nil || s.NextAt.IsZero():
		return ""
	case s.lost:
		return "was due at " + s.at(s.NextAt)
	case s.NextAt.After(s.now):
		return "in " + brief(s.NextAt.Sub(s.now))
	}
	return "now"
}

// standing is why nothing begins, while that is so: the whole sentence, of which the header has what fits.
func standing(k *look, s *scene) remark {
	why, mood := s.Verdict.Sentence, string(s.Mood)
	switch {
	case s.lost:
		return remark{k.warn, unanswered(s) + ". What runs is undone by its host's own lease or deadline."}
	case s.Mood == engine.MoodArmed || s.Next == nil:
		return remark{}
	case !strings.HasPrefix(why, mood):
		why = mood + ": " + why
	}
	if s.heldByGate() {
		why += "; it goes on by itself once that is clear"
	}
	if s.Warning != "" {
		return remark{k.alarm, k.no + " " + s.Warning + "; " + why}
	}
	return remark{k.warn, why}
}

// unanswered is what is known while nobody answers: whether there is an engine at all is not.
func unanswered(s *scene) string {
	return "Nobody answers since " + s.at(s.At) + ": the engine may be dead or cut off. This console tries again by itself; from any shell: " + s.shell("stop")
}

// drawn says who is next, or why nobody is.
func drawn(k *look, s *scene) remark {
	if s.Next == nil {
		return remark{k.warn, "nothing is drawn: " + s.Verdict.Sentence}
	}
	text := s.Next.Attack + " on " + s.Next.Host
	if _, held := s.chance(s.Next.Attack); held > 0 {
		text += " for " + span(held)
	}
	if s.DryRun {
		text += " (dry run)"
	}
	return remark{k.strong, fmt.Sprintf("%s, drawn %s from %s", text, s.at(s.Next.At), plural(s.Next.Eligible, "eligible host"))}
}

// candidateSaid is a candidate in words, where there is no room for a table with heads.
func candidateSaid(k *look, s *scene, c engine.Chance, w int) string {
	cells := candidateCells(k, s, c)
	l := k.newLine(w).put(ink{}, " ").cell(k.strong, cells[0], 1).put(ink{}, cells[1]+"  ")
	if c.Chance > 0 {
		l.put(ink{}, cells[3]+", ")
	}
	return l.put(ink{}, fmt.Sprintf("weight %d, %s, %s", c.Weight, plural(c.Eligible, "host"), cells[5])).String()
}

func candidateRow(k *look, s *scene, c engine.Chance, w int) string {
	cells, in, bar := candidateCells(k, s, c), ink{}, ""
	if cells[0] != "" {
		in = k.strong
	}
	if c.Chance > 0 {
		bar = k.bar(time.Duration(c.Chance*1000), 1000, 12)
	}
	return candidate(k.newLine(w), in, cells, bar)
}

// candidateCells are the columns of a candidate.
func candidateCells(k *look, s *scene, c engine.Chance) [6]string {
	mark := ""
	if s.Next != nil && s.Next.Attack == c.Attack {
		mark = k.pick
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
	return [6]string{mark, c.Attack, fmt.Sprint(c.Weight), share, thousands(c.Eligible), note}
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
