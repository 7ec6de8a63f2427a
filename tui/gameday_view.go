package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

// dayList is how far the steps are scrolled. The step whose turn it is stays in view until somebody moves.
type dayList struct {
	top, shown, length int
	moved              bool
}

func (l *dayList) follow() { l.moved = false }

func (l *dayList) move(mo motion) {
	l.moved = true
	l.top = mo.apply(l.top, l.shown, max(0, l.length-l.shown))
}

// dayWord is how a step stands: a character, words, and a colour.
type dayWord struct {
	glyph string
	ink   ink
	text  string
}

// dayLines is how many lines the pane could fill.
func (m *root) dayLines() int {
	wants := len(m.day.session.Steps) + 8
	if len(m.scene.Running) > 0 {
		wants += m.attack.wants(&m.scene)
	}
	return wants
}

// dayView is the pane of the game day: every step in a line, and more about the one whose turn it is. On the whole
// screen it tells as much of every step, and what else happened.
func (m *root) dayView(k *look, r rect, whole bool) pane {
	d := m.day
	p := pane{title: "1 Game day", note: m.dayNote()}
	if turn := d.session.Turn(); turn > 0 {
		p.title += fmt.Sprintf("  step %d of %d", turn, len(d.session.Steps))
	}
	if d.session.Plan.Rehearsal {
		p.title += "  REHEARSAL"
	}
	p.title += "  " + d.session.Plan.Name
	w, h := r.w-2, r.h-2
	rows, at, end := m.dayRows(k, w, h, whole)
	l := &d.lines
	l.shown, l.length = h, len(rows)
	if !l.moved {
		if l.top = at; at > 0 && end-at < h {
			l.top-- // and how the one before came out
		}
	}
	l.top = max(0, min(l.top, l.length-h))
	p.rows = rows[l.top:]
	return p
}

// dayNote is what there is to wait for.
func (m *root) dayNote() string {
	d, s := m.day, &m.scene
	switch {
	case d.session.Over():
		return "over"
	case !d.known || s.lost:
		return ""
	case len(m.stepRuns()) > 0:
		own := *s
		own.Running = m.stepRuns()
		return undoIn(&own)
	case len(s.Running) > 0:
		return alsoRunning(s.Running)
	case d.next.Do == gameday.Until:
		return "in " + brief(d.next.At.Sub(s.now))
	case d.session.WaitsForOthers() != "":
		return "waits for other people"
	case d.next.Do == gameday.Ask:
		return "asks for approval"
	}
	return ""
}

// stepRuns are the attacks of the step whose turn it is. The engine may run others: its schedule goes on.
func (m *root) stepRuns() (own []engine.Run) {
	d := m.day
	turn := d.session.Turn()
	if turn == 0 || d.session.Steps[turn-1].Run == "" {
		return nil
	}
	run := d.session.Steps[turn-1].Run
	for _, r := range m.scene.Running {
		if r.ID == run || r.Of == run {
			own = append(own, r)
		}
	}
	return own
}

// alsoRunning names what runs and is not the game day's.
func alsoRunning(runs []engine.Run) string {
	if len(runs) > 1 {
		return "also running: " + plural(len(runs), "attack")
	}
	r := runs[0]
	whose := "schedule"
	if r.Trigger != engine.BySchedule {
		whose = cmp.Or(r.By, "an order")
	}
	return fmt.Sprintf("also running: %s on %s (%s)", r.Attack.Name, r.Host.Name, whose)
}

// dayRows are all lines, and where those of the step whose turn it is begin and end.
func (m *root) dayRows(k *look, w, h int, whole bool) (rows []string, at, end int) {
	d := m.day
	p := &page{look: k, w: w}
	if over := m.dayOver(); over != "" {
		p.put(k.strong, over)
	}
	turn := d.session.Turn()
	for n := 1; n <= len(d.session.Steps); n++ {
		began := len(p.rows)
		p.rows = append(p.rows, m.stepRow(k, n, w))
		if n == turn || whole {
			m.stepPart(p, n, whole)
		}
		if n == turn {
			at = began
			if d.session.Steps[n-1].State == gameday.Running {
				others := min(len(d.session.Steps)-n, 3)
				m.runPart(p, max(3, h-(len(p.rows)-began)-others))
			}
			end = len(p.rows)
		}
	}
	if whole {
		m.meanwhilePart(p)
	}
	return p.rows, at, end
}

func (m *root) dayOver() string {
	d := m.day
	switch {
	case !d.session.Over():
		return ""
	case d.session.Aborted:
		return "The game day was aborted: " + d.session.Summary() + ". q leaves and prints the report."
	}
	return "The game day is over: " + d.session.Summary() + ". q leaves and prints the report."
}

// stepRow is one step in a line.
func (m *root) stepRow(k *look, n, w int) string {
	d, word := m.day, m.stepWord(n)
	mark, in := " ", ink{}
	if n == d.session.Turn() {
		mark, in = k.pick, k.strong
		if m.tooLong(word, w) { // the rest is said below
			word.text, _, _ = strings.Cut(word.text, ": ")
		}
	}
	l := k.newLine(w).put(ink{}, " ").cell(in, mark, 1).cell(in, fmt.Sprintf("%2d", n), 2).cell(word.ink, word.glyph, 1)
	return l.cell(in, d.session.Plan.Steps[n-1].Name, min(32, w*3/10)).put(word.ink, word.text).String()
}

// tooLong tells whether the line of a step has no room for how it stands.
func (m *root) tooLong(word dayWord, w int) bool { return columns(word.text) > w-10-min(32, w*3/10) }

// stepWord is how a step stands.
func (m *root) stepWord(n int) dayWord {
	d, k := m.day, m.look
	p := d.session.Steps[n-1]
	switch {
	case p.State == gameday.Running && m.scene.lost:
		return dayWord{k.doubt, k.warn, "was running when the link was lost"}
	case p.State == gameday.Running:
		return dayWord{k.fire, k.hot, "running: " + m.runsWord()}
	case p.State == gameday.Skipped:
		return dayWord{k.off, k.dim, "skipped by " + p.By + because(p.Why)}
	case p.Held == gameday.Holds:
		return dayWord{k.yes, k.good, "held: " + p.Verdict}
	case p.Held == gameday.Fails:
		return dayWord{k.broken, k.bad, "NOT HELD: " + p.Verdict}
	case p.Held == gameday.Undecided:
		return dayWord{k.doubt, k.warn, "undecided: " + p.Verdict}
	case p.State == gameday.Done:
		return dayWord{k.wait, k.warn, "done, not judged yet" + because(d.next.Why)}
	case n != d.session.Turn() || d.session.Over():
		return dayWord{k.off, k.dim, "ahead: " + awaits(d.session.Plan.Steps[n-1].Wait)}
	}
	return m.turnWord(p)
}

// turnWord is how the step stands whose turn it is and that has not begun.
func (m *root) turnWord(p gameday.Progress) dayWord {
	d, s, k := m.day, &m.scene, m.look
	switch {
	case s.lost:
		return dayWord{k.doubt, k.warn, "no link; it does not begin without one"}
	case d.trouble != "":
		return dayWord{k.doubt, k.warn, "the record cannot be read: " + d.trouble}
	case !d.known:
		return dayWord{k.doubt, k.warn, "the record is being read"}
	case d.session.Begun.IsZero():
		return dayWord{k.wait, k.warn, "not begun"}
	case s.Stopped != nil:
		return dayWord{k.no, k.bad, d.next.Why}
	case p.Others != "":
		return dayWord{k.wait, k.hot, "waits for other people: " + p.Others}
	case p.Approved:
		return dayWord{k.wait, k.strong, "approved by " + p.By + ": every gate is asked"}
	case p.Refusal != nil:
		return dayWord{k.no, k.bad, "refused: " + p.Refusal.Sentence}
	case d.next.Do == gameday.Until:
		return dayWord{k.wait, k.strong, fmt.Sprintf("waiting for %s (in %s)", s.at(d.next.At), brief(d.next.At.Sub(s.now)))}
	case d.next.Do == gameday.Ask:
		return dayWord{k.wait, k.strong, "waiting for approval" + because(d.next.Why)}
	}
	return dayWord{k.wait, k.strong, "its turn: every gate is asked"}
}

// awaits is what a step that is ahead will wait for.
func awaits(w gameday.Wait) string {
	switch w.Kind {
	case gameday.AfterBefore:
		return "begins " + w.String() + " after the step before"
	case gameday.AtTime:
		return "begins at " + w.String()
	}
	return "begins when approved"
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// runsWord is how far the running step is.
func (m *root) runsWord() string {
	s, mine := &m.scene, m.stepRuns()
	switch len(mine) {
	case 0:
		return "waiting for its outcome"
	case 1:
		if gone, whole := s.elapsed(mine[0]); whole > 0 {
			return fmt.Sprintf("%s %s / %s", mine[0].Phase, brief(gone), brief(whole))
		}
		return fmt.Sprintf("%s for %s", mine[0].Phase, span(s.now.Sub(mine[0].Since)))
	}
	return "on " + plural(len(mine), "host")
}

// stepPart is what there is to know about a step, the most urgent first.
func (m *root) stepPart(p *page, n int, whole bool) {
	d, k := m.day, p.look
	step, state := d.session.Plan.Steps[n-1], d.session.Steps[n-1]
	if n == d.session.Turn() {
		m.turnPart(p)
	}
	_, planned := m.scene.chance(step.Attack)
	if state.State == gameday.Ahead || whole {
		p.item("runs", step.What(planned), ink{})
	}
	text, in := m.expected(n)
	if state.State == gameday.Running { // what may end it comes before what was believed
		p.item("expects", text, in)
		p.item("hypothesis", step.Hypothesis, ink{})
	} else {
		p.item("hypothesis", step.Hypothesis, ink{})
		p.item("expects", text, in)
	}
	if !whole {
		return
	}
	if state.State == gameday.Ahead {
		p.item("waits for", awaits(step.Wait), k.dim)
	}
	if state.State != gameday.Skipped {
		p.item("approved", by(state.By), k.dim)
	}
	if state.Refusal != nil {
		p.item("refused", plural(state.Tries, "time")+", at last: "+state.Refusal.Sentence, k.warn)
	}
	for _, x := range state.Parts {
		p.item(m.scene.at(x.Began), cmp.Or(x.Text, x.Host+": no outcome yet"), ink{})
	}
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return "by " + who
}

// item is a name and what it is, below the row of a step.
func (p *page) item(name, what string, in ink) {
	const indent = 19
	if what == "" {
		return
	}
	for i, line := range p.look.wrap(what, p.w-indent-1, 3) {
		l := p.look.newLine(p.w).to(7)
		if i == 0 {
			l.put(p.look.dim, name)
		}
		p.rows = append(p.rows, l.to(indent).put(in, line).String())
	}
}

// turnPart says in full what the line of a step may have cut, and which keys answer.
func (m *root) turnPart(p *page) {
	d, k := m.day, p.look
	step, waits := d.session.Waiting()
	if word := m.stepWord(d.session.Turn()); m.tooLong(word, p.w) {
		_, why, cut := strings.Cut(word.text, ": ")
		if !cut {
			why = word.text
		}
		p.item("state", why, word.ink)
	}
	switch {
	case m.scene.lost || !waits:
	case m.options.ReadOnly:
		p.item("answer", "this console is read-only; elsewhere: chaoscat gameday approve "+d.plan.File, k.warn)
	case d.barred != "":
		p.item("answer", d.barred+"; elsewhere: chaoscat gameday approve "+d.plan.File, k.warn)
	case m.scene.Stopped != nil:
		p.item("answer", fmt.Sprintf("%s, then y, resumes; %s leaves the step out", m.keyOf("pause"), m.keyOf("leave-out-step")), k.strong)
	case !d.session.Steps[step-1].Approved:
		begins := "begins it"
		if d.next.Do == gameday.Until {
			begins += " now"
		}
		p.item("answer", fmt.Sprintf("%s, then y, %s; %s leaves it out", m.keyOf("begin-step"), begins, m.keyOf("leave-out-step")), k.strong)
	}
}

// keyOf is the key that an action has here.
func (m *root) keyOf(name string) string {
	i := slices.IndexFunc(m.commands(browsing), func(c command) bool { return c.name == name })
	return m.commands(browsing)[i].Help().Key
}

// expected is the gate that a step names: what it should do, what it says now, and what it did since the step began.
func (m *root) expected(n int) (string, ink) {
	d, s, k := m.day, &m.scene, m.look
	e := d.session.Plan.Steps[n-1].Expect
	state := d.session.Steps[n-1]
	if e.Gate == "" {
		return "no gate is named: people judge", ink{}
	}
	text, in := e.Wish(), ink{}
	i := slices.IndexFunc(s.Gates, func(g engine.GateView) bool { return g.Name == e.Gate })
	switch {
	case state.Held != gameday.Unjudged || state.State == gameday.Skipped:
		return text, in
	case i < 0:
		return text + ": " + k.doubt + " the engine has no such gate", k.warn
	case s.lost:
		return text + ": " + k.doubt + " unknown, no link for " + span(s.age), k.warn
	case s.Gates[i].At.IsZero():
		return text + ": " + k.doubt + " not asked yet", k.warn
	}
	g := s.Gates[i]
	glyph, in := k.gate(g)
	word := map[bool]string{true: "clear", false: "NOT CLEAR"}[g.Clear]
	text += " (now " + glyph + " " + word + ", " + g.Text + ", " + span(s.now.Sub(g.At)) + " ago)"
	if state.Began.IsZero() {
		return text, in
	}
	if said, no := d.session.Turned(n); no {
		return text + "; it turned since the step began: " + said, k.bad
	}
	return text + "; clear since the step began", in
}

// runPart is what runs, as the pane of an attack shows it.
func (m *root) runPart(p *page, h int) {
	if len(m.scene.Running) == 0 {
		return
	}
	h = min(h, m.attack.wants(&m.scene))
	p.rows = append(p.rows, m.attack.view(p.look, &m.scene, rect{p.w + 2, h + 2}).rows...)
}

// meanwhilePart is what else happened while the game day went on.
func (m *root) meanwhilePart(p *page) {
	d := m.day
	if d.session.Begun.IsZero() {
		return
	}
	p.head("Meanwhile")
	p.item(m.scene.at(d.session.Begun), "begun by "+d.session.By, ink{})
	for _, x := range d.session.Moments {
		text, in := x.Text, ink{}
		if x.Note {
			text, in = x.By+": "+x.Text, p.look.strong
		}
		p.item(m.scene.at(x.At), strings.TrimSpace(text), in)
	}
	if n := d.session.Continued; n > 0 {
		p.item("", "taken up again "+plural(n, "time"), p.look.dim)
	}
}
