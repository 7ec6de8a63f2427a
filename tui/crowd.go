package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// stage is how far a run has come, seen by whoever must decide whether to do something: the first is the most
// urgent.
type stage int

const (
	withResidue stage = iota // needs a person
	outOfReach               // contact lost: the host's own lease undoes it
	toldToStop               // and not yet heard of again
	beingUndone
	held
	beginning // being switched on or proven
	preparing // nothing of it is on the host
	stages
)

// words of a stage, for a count and for one run.
var stageWords = [stages]string{"WITH RESIDUE", "out of reach", "told to stop", "undoing", "holding", "beginning", "preparing"}

func (s *scene) stage(r *engine.Run) stage {
	left, has := s.Hosts.Residue[r.Host.Name]
	switch {
	case has && left.Run == r.ID:
		return withResidue
	case r.Phase == engine.Lost:
		return outOfReach
	case r.Phase == engine.Undoing || r.Phase == engine.Verifying:
		return beingUndone
	case r.Stopping != "":
		return toldToStop
	case r.Phase == engine.Holding:
		return held
	case r.Phase == engine.Injecting || r.Phase == engine.Proving:
		return beginning
	}
	return preparing
}

// mark is the character and the ink of a stage.
func (k *look) stage(s stage) (string, ink) {
	switch s {
	case withResidue:
		return strings.ToUpper(k.broken), k.alarm
	case outOfReach:
		return k.no, k.alarm
	case toldToStop:
		return k.doubt, k.warn
	case beingUndone:
		return k.wait, k.warn
	case held:
		return k.fire, k.hot
	case beginning:
		return k.fire, ink{}
	}
	return k.off, k.dim
}

// crowd is everything that runs, put into the order of urgency once for each snapshot, so that drawing it costs
// what is seen of it and no more.
type crowd struct {
	all    []engine.Run // of the snapshot; shared
	rows   []crowdRow
	counts [stages]int
	until  [stages]time.Time // the latest end of those of a stage
	late   []int32           // out of reach, those first that are over first
	offset int               // first row shown
	shown  int               // how many were, last time

	names int           // columns of the longest host name
	armed int           // runs whose undo stands ready on the host
	guard *engine.Guard // one of those, to tell by whom

	stopping map[string]bool // ids of all that ran since the stop that is under way
	undone   int             // of them, those that have ended without residue
}

// crowdRow is a run, or the head of a group of them.
type crowdRow struct {
	run  int32 // index into all; of a head, the first of its group
	size int32 // of a head: how many hosts; 0 for a run
}

// learn takes over what runs.
func (c *crowd) learn(s *scene) {
	c.all, c.rows, c.late = s.Running, c.rows[:0], c.late[:0]
	c.counts, c.until = [stages]int{}, [stages]time.Time{}
	c.names, c.armed, c.guard = 0, 0, nil
	at := make([]stage, len(c.all))
	first := map[string]stage{} // of a group: its most urgent
	for i := range c.all {
		r := &c.all[i]
		at[i] = s.stage(r)
		c.counts[at[i]]++
		c.names = max(c.names, columns(r.Host.Name))
		if r.Guard != nil && at[i] >= outOfReach {
			c.armed, c.guard = c.armed+1, r.Guard
		}
		if r.Until.After(c.until[at[i]]) {
			c.until[at[i]] = r.Until
		}
		if at[i] == outOfReach {
			c.late = append(c.late, int32(i))
		}
		if was, known := first[r.Of]; r.Of != "" && (!known || at[i] < was) {
			first[r.Of] = at[i]
		}
	}
	slices.SortStableFunc(c.late, func(a, b int32) int { return c.all[a].Until.Compare(c.all[b].Until) })
	c.line(at, first)
	c.follow(s)
}

// line puts the runs into their order: groups stay together and stand where their most urgent run does.
func (c *crowd) line(at []stage, first map[string]stage) {
	order := make([]int32, len(c.all))
	for i := range order {
		order[i] = int32(i)
	}
	urgent := func(i int32) stage {
		if of := c.all[i].Of; of != "" {
			return first[of]
		}
		return at[i]
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(urgent(a), urgent(b)), strings.Compare(c.all[a].Of, c.all[b].Of), cmp.Compare(at[a], at[b]),
			strings.Compare(c.all[a].Host.Name, c.all[b].Host.Name))
	})
	head, of := -1, ""
	for _, i := range order {
		switch group := c.all[i].Of; {
		case group == "":
			head = -1
		case group != of || head < 0:
			head = len(c.rows)
			c.rows = append(c.rows, crowdRow{i, 1})
		default:
			c.rows[head].size++
		}
		of = c.all[i].Of
		c.rows = append(c.rows, crowdRow{run: i})
	}
}

// follow counts what a stop has to undo, from the moment on in which it is seen. What has ended with residue is
// not undone, though it does not run any more.
func (c *crowd) follow(s *scene) {
	if len(c.all) == 0 || s.Stopped == nil {
		c.stopping = nil
		return
	}
	if c.stopping == nil {
		c.stopping = make(map[string]bool, len(c.all))
	}
	for i := range c.all {
		c.stopping[c.all[i].ID] = true
	}
	c.undone = len(c.stopping) - len(c.all)
	for host, left := range s.Hosts.Residue {
		if _, runs := s.runOn[host]; !runs && c.stopping[left.Run] {
			c.undone--
			c.counts[withResidue]++
		}
	}
}

func (c *crowd) move(m motion) {
	c.offset = m.apply(c.offset, c.shown, max(0, len(c.rows)-c.shown))
}

// view is the counts, and as many of the rows as there is room for.
func (c *crowd) view(k *look, s *scene, w, h int) []string {
	rows := k.fill([]remark{c.sum(k, s, true)}, w, min(h, max(2, 1+h/4)))
	c.shown = max(0, h-len(rows))
	c.offset = max(0, min(c.offset, len(c.rows)-c.shown))
	for _, row := range c.rows[c.offset:min(len(c.rows), c.offset+c.shown)] {
		if row.size > 0 {
			rows = append(rows, c.headRow(k, s, row, w))
		} else {
			rows = append(rows, c.runRow(k, s, &c.all[row.run], w))
		}
	}
	return rows
}

// place tells which rows are seen, where that is not all of them.
func (c *crowd) place() string {
	if c.shown >= len(c.rows) || c.shown == 0 {
		return ""
	}
	return fmt.Sprintf("  %s-%s of %s lines", thousands(c.offset+1), thousands(c.offset+c.shown), thousands(len(c.rows)))
}

// sum is everything in one sentence, what is most urgent first; in full it names the hosts that are out of reach.
func (c *crowd) sum(k *look, s *scene, full bool) remark {
	var said []string
	in := k.hot
	if n := len(c.stopping); n > 0 {
		said, in = append(said, fmt.Sprintf("undone %s of %s", thousands(c.undone), thousands(n))), k.warn
	}
	for st := range stages {
		switch n := c.counts[st]; {
		case n == 0:
		case st == outOfReach:
			said, in = append(said, c.waiting(s, full)), k.alarm
		default:
			said = append(said, thousands(n)+" "+stageWords[st])
		}
	}
	if c.counts[withResidue] > 0 {
		in = k.alarm
	}
	if full && c.armed > 0 && len(c.stopping) == 0 {
		said = append(said, "undo armed on "+thousands(c.armed)+": "+byLayers(c.guard))
	}
	return remark{in, strings.Join(said, ", ")}
}

// waiting says until when which hosts undo the fault by themselves.
func (c *crowd) waiting(s *scene, full bool) string {
	n, until := len(c.late), c.until[outOfReach]
	its := "their lease"
	if n == 1 {
		its = "its lease"
	}
	text := thousands(n) + " out of reach"
	switch {
	case until.After(s.now):
		text = thousands(n) + " waiting for " + its
	case !until.IsZero():
		text = fmt.Sprintf("%s past %s and not seen again", thousands(n), its)
	}
	if !full || until.IsZero() {
		return text
	}
	if n == 1 && len(c.stopping) == 0 {
		return text + " until " + s.at(until)
	}
	const named = 3
	var names []string
	for _, i := range c.late[:min(n, named)] {
		names = append(names, lease(s, &c.all[i]))
	}
	if n > named {
		names = append(names, "…")
	}
	return text + ": " + strings.Join(names, ", ")
}

// lease is a host that is out of reach, with the time by which it has undone the fault by itself.
func lease(s *scene, r *engine.Run) string {
	if r.Until.IsZero() {
		return r.Host.Name
	}
	return r.Host.Name + " until " + s.at(r.Until)
}

// headRow is what one order does to many hosts.
func (c *crowd) headRow(k *look, s *scene, row crowdRow, w int) string {
	r := &c.all[row.run]
	glyph, in := k.stage(s.stage(r))
	l := k.newLine(w).put(ink{}, " ").put(in, glyph).put(k.strong, " "+onHosts(r.Attack.Name, int(row.size)))
	l.put(ink{}, " for "+span(r.For)+"   by "+cmp.Or(r.By, string(r.Trigger)))
	if r.Together {
		l.put(ink{}, ", all or none")
	}
	if r.Reason != "" {
		l.put(ink{}, ": "+r.Reason)
	}
	return l.put(k.dim, "   "+shortID(r.Of)).String()
}

func (c *crowd) runRow(k *look, s *scene, r *engine.Run, w int) string {
	st := s.stage(r)
	glyph, in := k.stage(st)
	l := k.newLine(w).put(ink{}, " ")
	if r.Of == "" {
		l.cell(in, glyph, 1).cell(ink{}, r.Attack.Name, 14).cell(ink{}, r.Host.Name, max(14, w/4))
	} else {
		l.put(ink{}, "  ").cell(in, glyph, 1).cell(ink{}, r.Host.Name, max(8, min(c.names, 36, w/3)))
	}
	figures := strings.TrimPrefix(r.Figures.Text, r.Figures.Name+" ") // the attack says which figure
	l.cell(in, phaseWord(r, st), 13)
	return l.put(ink{}, strings.Join(slices.DeleteFunc([]string{due(s, r, st), figures, r.Stopping}, func(t string) bool { return t == "" }), "  ")).String()
}

// phaseWord is the phase of a run, or what is more urgent than its phase.
func phaseWord(r *engine.Run, st stage) string {
	if st <= toldToStop {
		return stageWords[st]
	}
	return string(r.Phase)
}

// due is when the fault ends.
func due(s *scene, r *engine.Run, st stage) string {
	switch {
	case r.Until.IsZero():
		return ""
	case st == outOfReach && r.Until.After(s.now):
		return "its lease ends at " + s.at(r.Until)
	case st == outOfReach:
		return "its lease ended at " + s.at(r.Until) + ", looking for it"
	case st == held:
		return dueUndo(s, r.Until)
	}
	return ""
}

// onHosts is an attack with its hosts: "blackhole on 1,000 hosts".
func onHosts(attack string, n int) string { return attack + " on " + plural(n, "host") }

// shortID is what tells the runs of a screen apart: the end of the id, which is chance.
func shortID(id string) string { return id[max(0, len(id)-4):] }

// partID is a run that is one of many: the short id of the whole, and its number.
func partID(run, of string) string { return shortID(of) + strings.TrimPrefix(run, of) }
