package chat

import (
	"fmt"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

const helpText = "Mention me first, write to me alone, or use the slash command:\n" +
	"`stop [REASON]`  undo everything and stay stopped; anybody, at any time\n" +
	"`status`  `why`  `next`  `history`  how it stands, why nothing is attacked, what is drawn, what was\n" +
	"`run-once [ATTACK] [on HOST] [for TIME]`  attack now, inside all gates\n" +
	"`skip [REASON]`  draw again      `pause [TIME] [REASON]`  no new attacks, for 2h or until resumed\n" +
	"`resume [REASON]`  lift stop and pause      `approve [ORDER]`  want an attack that several must want\n" +
	"`note TEXT`  put words into the record"

// show answers a question.
func (c *Chat) show(s engine.Snapshot, w word) string {
	switch w {
	case why:
		return clean(s.Verdict.Sentence) + "."
	case next:
		return c.nextOf(s)
	case history:
		return c.historyOf(s)
	}
	return c.statusOf(s)
}

const mostLines = 10 // of anything in an answer

func (c *Chat) statusOf(s engine.Snapshot) string {
	first := fmt.Sprintf("*%s: %s*", clean(s.Name), s.Mood)
	if s.DryRun {
		first += " (dry run: nothing is ever sent to a host)"
	}
	lines := []string{first, clean(s.Verdict.Sentence) + "."}
	if s.Warning != "" {
		lines = append(lines, "*Warning:* "+clean(s.Warning))
	}
	for _, r := range s.Running[:min(len(s.Running), mostLines)] {
		line := fmt.Sprintf("%s on %s: %s", r.Attack.Name, r.Host.Name, r.Phase)
		if !r.Until.IsZero() {
			line += " until " + c.clock(r.Until)
		}
		lines = append(lines, clean(line))
	}
	if more := len(s.Running) - mostLines; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more attacks", more))
	}
	for _, p := range s.Pending {
		lines = append(lines, clean(fmt.Sprintf("waiting for approval: %s, asked for by %s: approve %s", wanted(p.Order), p.Order.By, p.Order.ID)))
	}
	if s.Next != nil {
		lines = append(lines, c.nextOf(s))
	}
	return strings.Join(lines, "\n")
}

func (c *Chat) nextOf(s engine.Snapshot) string {
	if s.Next == nil {
		return "Nothing is drawn: " + clean(s.Verdict.Sentence) + "."
	}
	text := clean(fmt.Sprintf("Next: %s on %s", s.Next.Attack, s.Next.Host))
	if !s.NextAt.IsZero() {
		text += ", not before " + c.clock(s.NextAt)
	}
	return text + "."
}

func (c *Chat) historyOf(s engine.Snapshot) string {
	if len(s.Recent) == 0 {
		return "Nothing has been attacked lately."
	}
	var lines []string
	for _, r := range s.Recent[:min(len(s.Recent), mostLines)] {
		lines = append(lines, c.clock(r.At)+"  "+clean(r.Text))
	}
	return strings.Join(lines, "\n")
}

// clock is a moment as people say it, with the day where it is another.
func (c *Chat) clock(t time.Time) string {
	t, now := t.In(c.o.Zone), c.o.Now().In(c.o.Zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Mon 2 Jan 15:04")
}
