package tui

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// attack is the pane of what runs: how far it has come, what stands ready to undo it, what was measured.
type attack struct {
	crowd
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

// see takes over what runs, and drops what is known of runs that have ended.
func (a *attack) see(s *scene) {
	a.crowd.learn(s)
	running := make(map[string]bool, len(s.Running))
	for i := range s.Running {
		running[s.Running[i].ID] = true
	}
	for id := range a.reached {
		if !running[id] {
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

// crowded tells whether the runs get a line each in place of their details: where those have no room, where one
// order attacks several hosts, and as long as a stop of several is under way.
func (a *attack) crowded(s *scene, h int) bool {
	n := len(s.Running)
	return n > 1 && (h < 4*n || len(a.rows) > n) || len(a.stopping) > 1
}

func (a *attack) view(k *look, s *scene, r rect) pane {
	p := pane{title: "1 Attack", note: undoIn(s)}
	w, h := r.w-2, r.h-2
	switch n := len(s.Running); {
	case a.crowded(s, h):
		p.rows = a.crowd.view(k, s, w, h)
		p.title += "s  " + thousands(n) + " running" + a.place()
	case n == 1:
		id := s.Running[0].ID
		if w < 66 { // the countdown beside it matters more
			id = shortID(id)
		}
		p.title += " " + id
		p.rows = a.details(k, s, s.Running[0], w, h)
	default:
		for _, run := range s.Running {
			p.rows = append(p.rows, a.details(k, s, run, w, 4)...)
		}
	}
	return p
}

// undoIn is the latest end of all faults that are held.
func undoIn(s *scene) string {
	var until time.Time
	for i := range s.Running {
		if r := &s.Running[i]; r.Until.After(until) && r.Phase != engine.Lost {
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
	if left, has := s.Hosts.Residue[r.Host.Name]; has && left.Run == r.ID {
		return append(rows, k.fill([]remark{{k.alarm, "NEEDS A PERSON: " + left.Text}, {k.strong, r.Figures.Text}}, w, h-1)...)
	}
	switch {
	case h >= len(steps)+3:
		rows = append(rows, a.ladder(k, s, r, w)...)
	case h == 2 && step(r.Phase) >= 0:
		return append(rows, a.inALine(k, s, r, w))
	default:
		rows = append(rows, a.strip(k, s, r, w))
	}
	rows = rows[:min(len(rows), h)]
	said := []remark{ready(k, s, a, r)}
	if s.lost {
		said = append(said, remark{k.warn, unanswered(s)}) // and what ends it early does not, where there is no engine
	} else {
		said = append(said, figures(k, r, h-len(rows)-1)...)
	}
	return append(rows, k.fill(said, w, h-len(rows))...)
}

// inALine is the phase, what stands ready to undo it and what was measured, where there is no more room than that.
func (a *attack) inALine(k *look, s *scene, r engine.Run, w int) string {
	at := step(r.Phase)
	l := k.newLine(w).put(ink{}, fmt.Sprintf(" %d/%d ", at+1, len(steps))).put(k.hot, k.fire+" "+steps[at].word)
	switch latest := a.latest(r); {
	case r.Guard == nil && at < step(engine.Injecting):
		l.put(k.dim, "  undo not armed yet")
	case r.Guard != nil && !latest.IsZero():
		l.put(k.good, "  "+k.yes+" undo by "+s.at(latest))
	case r.Guard != nil:
		l.put(k.good, "  "+k.yes+" undo armed")
	}
	return l.put(k.strong, "  "+r.Figures.Text).String()
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
func (a *attack) strip(k *look, s *scene, r engine.Run, w int) string {
	at := step(r.Phase)
	if at < 0 {
		return k.newLine(w).put(k.alarm, " "+offPath(s, r)).String()
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
func offPath(s *scene, r engine.Run) string {
	switch {
	case r.Phase == engine.Lost && r.Until.After(s.now):
		return "contact lost: the host undoes it by itself by " + s.at(r.Until) + "; looking for it"
	case r.Phase == engine.Lost && !r.Until.IsZero():
		return "contact lost: the host was to undo it by itself by " + s.at(r.Until) + "; looking for it"
	case r.Phase == engine.Lost:
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
		rows = append(rows, k.newLine(w).put(k.alarm, " "+offPath(s, r)).String())
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
		case st.phase == engine.Undoing && !r.Until.IsZero() && r.Stopping == "":
			l.cell(k.dim, s.at(r.Until), 9).put(k.dim, "due")
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
	case !r.Attack.Reversible:
		return remark{k.warn, "has no undo: nothing ends it"}
	case r.Stopping != "":
		text := "being undone"
		if at := a.latest(r); !at.IsZero() {
			text += ", by the host itself at " + s.at(at) + " at the latest"
		}
		return remark{k.warn, text + ": " + r.Stopping}
	case r.Guard == nil && r.Phase != engine.Lost && step(r.Phase) < step(engine.Injecting):
		return remark{k.dim, "undo not armed yet: nothing is injected before it is"}
	case r.Guard == nil:
		return remark{k.warn, "what stands on the host to undo it is not known here"}
	}
	text := k.yes + " undo armed"
	if s.lost {
		text = "the undo needs no link: armed"
	}
	if at := a.latest(r); !at.IsZero() {
		text += ", by itself at " + s.at(at) + " at the latest"
	}
	return remark{k.good, text + ": " + byLayers(r.Guard)}
}

// byLayers is who undoes on the host, and how long it waits for a word of ours.
func byLayers(g *engine.Guard) string {
	text := strings.Join(g.Layers, " + ")
	if g.Lease > 0 {
		text += ", lease " + span(g.Lease)
	}
	return text
}

// latest is when the host has undone the fault by itself, whatever becomes of us: counted from the end of
// arming, as far as it was seen.
func (a *attack) latest(r engine.Run) time.Time {
	for _, p := range []engine.Phase{engine.Measuring, engine.Arming} {
		if armed, seen := a.reached[r.ID][p]; seen && r.Guard != nil && r.Guard.Deadline > 0 {
			return armed.At.Add(r.Guard.Deadline)
		}
	}
	return time.Time{}
}

// figures is what was measured and what ends the attack early, in one line where there is only one.
func figures(k *look, r engine.Run, rows int) (said []remark) {
	ends := remark{k.dim, "ends early on: gate, closing time, lost contact, s"}
	if text := r.Figures.Text; text != "" && rows < 2 && r.Stopping == "" && r.Attack.Reversible {
		return []remark{{k.strong, text + "; " + ends.text}}
	}
	all := r.Figures.Parts
	if len(all) == 0 || rows < 1+len(all) {
		all = []engine.Figures{r.Figures}
	}
	for _, f := range all {
		if text := measuredInWords(f); text != "" {
			said = append(said, remark{k.strong, text})
		}
	}
	if r.Stopping == "" && r.Attack.Reversible {
		said = append(said, ends)
	}
	return said
}

// measuredInWords is a figure before, during and after; as the engine writes it where it has no such figures.
func measuredInWords(f engine.Figures) string {
	if f.Before == nil && f.During == nil && f.After == nil {
		return f.Text
	}
	name := f.Name
	if f.About != "" {
		name += " " + f.About
	}
	number := func(n *float64) string {
		if n == nil {
			return "-"
		}
		return strings.TrimSpace(strconv.FormatFloat(math.Round(*n*10)/10, 'f', -1, 64) + " " + f.Unit)
	}
	return strings.TrimSpace(fmt.Sprintf("%s: before %s, during %s, after %s", cmp.Or(name, "figure"), number(f.Before), number(f.During), number(f.After)))
}
