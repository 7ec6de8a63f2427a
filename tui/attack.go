package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// attack is the pane of what runs: how far it has come, what stands ready to undo it, what was measured.
type attack struct {
	reached map[string]map[engine.Phase]engine.Record // run → phase → when and how it was entered
}

func newAttack() *attack { return &attack{reached: map[string]map[engine.Phase]engine.Record{}} }

// steps are the phases as people count them.
var steps = []struct {
	phase engine.Phase
	word  string
}{
	{engine.Connecting, "connect"}, {engine.Inspecting, "inspect"}, {engine.Arming, "arm"},
	{engine.Measuring, "measure"}, {engine.Injecting, "inject"}, {engine.Proving, "prove"},
	{engine.Holding, "hold"}, {engine.Undoing, "undo"}, {engine.Verifying, "verify"},
}

// learn keeps when a run entered its phases.
func (a *attack) learn(r engine.Record) {
	if r.Kind != engine.PhaseNew || r.Phase == "" {
		return
	}
	if a.reached[r.Run] == nil {
		a.reached[r.Run] = map[engine.Phase]engine.Record{}
	}
	a.reached[r.Run][r.Phase] = r
}

// forget drops what is known of runs that have ended.
func (a *attack) forget(running []engine.Run) {
	for id := range a.reached {
		if !slices.ContainsFunc(running, func(r engine.Run) bool { return r.ID == id }) {
			delete(a.reached, id)
		}
	}
}

// wants is how many lines the pane could fill.
func (a *attack) wants(s *scene) int {
	if len(s.Running) == 1 {
		return len(steps) + 7
	}
	return 4 * len(s.Running)
}

func (a *attack) view(k *look, s *scene, r rect) pane {
	p := pane{title: "1 Attack", note: undoIn(s)}
	w, h := r.w-2, r.h-2
	switch n := len(s.Running); {
	case n == 1:
		p.title += " " + s.Running[0].ID
		p.rows = a.details(k, s, s.Running[0], w, h)
	case h >= 4*n:
		for _, run := range s.Running {
			p.rows = append(p.rows, a.details(k, s, run, w, 4)...)
		}
	default:
		p.title += fmt.Sprintf("s  %d running", n)
		p.rows = crowd(k, s, w, h)
	}
	return p
}

// undoIn is the latest end of all faults that are held.
func undoIn(s *scene) string {
	var until time.Time
	for _, r := range s.Running {
		if r.Until.After(until) {
			until = r.Until
		}
	}
	switch {
	case s.Mood == engine.MoodUndoing:
		return "undoing"
	case until.IsZero():
		return ""
	}
	return dueUndo(s, until)
}

// dueUndo is when the undo begins; without a link nobody knows whether it did.
func dueUndo(s *scene, until time.Time) string {
	if s.lost {
		return "undo was due at " + s.at(until)
	}
	return "undo in " + brief(until.Sub(s.now))
}

// details are the lines on one run, the most important first; with room the phases get a line each.
func (a *attack) details(k *look, s *scene, r engine.Run, w, h int) []string {
	rows := []string{who(k, r, w)}
	if h >= len(steps)+3 {
		rows = append(rows, a.ladder(k, s, r, w)...)
	} else {
		rows = append(rows, a.strip(k, r, w))
	}
	rows = rows[:min(len(rows), h)]
	said := append([]remark{ready(k, s, a, r)}, figures(k, r, h-len(rows)-1)...)
	return append(rows, k.fill(said, w, h-len(rows))...)
}

// remark is a sentence that takes as many lines as there are for it.
type remark struct {
	ink  ink
	text string
}

// fill gives every remark a line, the first ones first, and what is left over to those that need more.
func (k *look) fill(remarks []remark, w, h int) []string {
	remarks = remarks[:min(len(remarks), max(0, h))]
	spare := h - len(remarks)
	var rows []string
	for _, r := range remarks {
		lines := k.wrap(r.text, w-2, 1+max(0, spare))
		spare -= max(0, len(lines)-1)
		for _, text := range lines {
			rows = append(rows, k.newLine(w).put(ink{}, " ").put(r.ink, text).String())
		}
	}
	return rows
}

func who(k *look, r engine.Run, w int) string {
	l := k.newLine(w).put(ink{}, " ").put(k.hot, r.Attack.Name+" on "+r.Host.Name)
	l.put(ink{}, " for "+span(r.For))
	if zone := r.Host.Tags["zone"]; zone != "" {
		l.put(ink{}, " in "+zone)
	}
	l.put(ink{}, "   by "+cmp.Or(r.By, string(r.Trigger)))
	if r.Reason != "" {
		l.put(ink{}, ": "+r.Reason)
	}
	return l.String()
}

// strip is all phases in one line; where they do not fit, the count and the word of the present one.
func (a *attack) strip(k *look, r engine.Run, w int) string {
	at := step(r.Phase)
	if at < 0 {
		return k.newLine(w).put(k.alarm, " "+offPath(r)).String()
	}
	if w < 76 {
		l := k.newLine(w).put(ink{}, fmt.Sprintf(" step %d/%d ", at+1, len(steps)))
		return l.put(k.hot, k.fire+" "+steps[at].word).String()
	}
	l := k.newLine(w)
	for i, st := range steps {
		mark, in := a.mark(k, r, i, at)
		l.put(ink{}, " ").put(in, mark+" "+st.word)
	}
	return l.String()
}

// offPath is a phase outside the ordinary order.
func offPath(r engine.Run) string {
	if r.Phase == engine.Lost {
		return "contact lost: the host undoes the fault by itself; looking for the host"
	}
	return string(r.Phase) + ": the intent is on disk, nothing has been sent yet"
}

// mark tells a phase that is over from the present one and from those to come; one that was left out by an
// early undo is neither.
func (a *attack) mark(k *look, r engine.Run, i, at int) (string, ink) {
	_, seen := a.reached[r.ID][steps[i].phase]
	switch {
	case i == at:
		return k.fire, k.hot
	case i < at && (seen || r.Stopping == ""):
		return k.yes, k.good
	}
	return " ", k.dim
}

func step(p engine.Phase) int {
	for i, st := range steps {
		if st.phase == p {
			return i
		}
	}
	return -1
}

// ladder is one line for each phase, with its time and what was said when it began.
func (a *attack) ladder(k *look, s *scene, r engine.Run, w int) []string {
	at := step(r.Phase)
	var rows []string
	if at < 0 {
		rows = append(rows, k.newLine(w).put(k.alarm, " "+offPath(r)).String())
	}
	for i, st := range steps {
		mark, in := a.mark(k, r, i, at)
		l := k.newLine(w).put(ink{}, " ").cell(in, mark, 1).cell(in, st.word, 8)
		rec, seen := a.reached[r.ID][st.phase]
		switch {
		case seen:
			l.cell(k.dim, s.at(rec.At), 9).put(ink{}, beyondPhase(rec))
		case i == at:
			l.cell(k.dim, s.at(r.Since), 9)
		}
		rows = append(rows, l.String())
	}
	return rows
}

// beyondPhase is what a record says besides the name of its phase.
func beyondPhase(r engine.Record) string {
	if name, text, more := strings.Cut(r.Text, ": "); more && name == string(r.Phase) {
		return text
	}
	return ""
}

// ready is what stands on the host to undo the fault, whatever becomes of us.
func ready(k *look, s *scene, a *attack, r engine.Run) remark {
	switch {
	case r.Stopping != "":
		return remark{k.warn, "being undone: " + r.Stopping}
	case r.Guard == nil && r.Phase != engine.Lost && step(r.Phase) < step(engine.Injecting):
		return remark{k.dim, "undo not armed yet: nothing is injected before it is"}
	case r.Guard == nil:
		return remark{k.warn, "what stands on the host to undo it is not known here"}
	}
	text := k.yes + " undo armed"
	if at := a.latest(r); !at.IsZero() {
		text += ", by itself at " + s.at(at) + " at the latest"
	}
	text += ": " + strings.Join(r.Guard.Layers, " + ")
	if r.Guard.Lease > 0 {
		text += ", lease " + span(r.Guard.Lease)
	}
	return remark{k.good, text}
}

// latest is when the host has undone the fault by itself, whatever becomes of us: counted from the end of
// arming, as far as it was seen.
func (a *attack) latest(r engine.Run) time.Time {
	for _, p := range []engine.Phase{engine.Measuring, engine.Arming} {
		if armed, seen := a.reached[r.ID][p]; seen && r.Guard.Deadline > 0 {
			return armed.At.Add(r.Guard.Deadline)
		}
	}
	return time.Time{}
}

// figures is what was measured and what ends the attack early, in one line where there is only one.
func figures(k *look, r engine.Run, rows int) []remark {
	ends := remark{k.dim, "ends early on: gate, closing time, lost contact, s"}
	switch {
	case r.Stopping != "":
		return []remark{{k.strong, r.Figures.Text}}
	case r.Figures.Text == "":
		return []remark{ends}
	case rows < 2:
		return []remark{{k.strong, r.Figures.Text + "; " + ends.text}}
	}
	return []remark{{k.strong, r.Figures.Text}, ends}
}

// crowd is one line for each of many runs.
func crowd(k *look, s *scene, w, h int) []string {
	var rows []string
	for i, r := range s.Running {
		if i == h-1 && len(s.Running) > h {
			return append(rows, k.newLine(w).put(ink{}, fmt.Sprintf("   and %d more", len(s.Running)-i)).String())
		}
		l := k.newLine(w).put(ink{}, " ").cell(k.hot, k.fire, 1)
		l.cell(ink{}, r.Attack.Name, 14).cell(ink{}, r.Host.Name, max(14, w/4)).cell(ink{}, string(r.Phase), 10)
		if !r.Until.IsZero() {
			l.put(ink{}, dueUndo(s, r.Until))
		}
		rows = append(rows, l.put(ink{}, " "+r.Stopping).String())
	}
	return rows
}
