package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

// GameDay is a plan that the console carries out, step by step, beside everything else that it shows.
type GameDay struct {
	Plan gameday.Plan
	File string // as the person wrote it, for the sentences that name the command
	// OnDisk gives every record that the engine has kept in its files, oldest first; what it has in memory is asked
	// of the engine. Nil where its files cannot be read: then what this console has seen itself has to do.
	OnDisk func(take func(engine.Record)) error
	// Session is how it stood when the console was left; [Run] fills it in.
	Session gameday.Session
}

// day carries out a game day. What to do is the session's to decide, and the session is nothing but the record: so
// the record is read whole before anything is done, followed without a gap, and read again whenever a record is
// missing or the engine may have been another meanwhile. Orders keep the ids that the session gives them, and
// none is given while another is on its way.
type day struct {
	plan    *GameDay
	session gameday.Session
	next    gameday.Next

	known   bool   // the record has been read, as far as seen
	reading bool   // it is being read
	behind  bool   // records have come that do not follow what was seen: those between are fetched first
	life    int    // counts the readings; an answer that belongs to an earlier one tells nothing of the record
	seen    uint64 // newest record that was taken
	trouble string // why the record cannot be read

	owes   bool            // the note that the session was taken up again
	flying map[string]bool // orders on their way, by id
	given  map[string]bool // attacks that the engine has answered since the record was read
	rests  bool            // something did not get through: the next second tries again
	barred string          // why this console carries nothing out

	looked    time.Time // when the last second ticked, by the wall
	lines     dayList
	step, try int // what the open dialog is about
	lastTurn  int // the step whose turn it was
}

func newDay(plan *GameDay) *day {
	if plan == nil {
		return nil
	}
	return &day{plan: plan, session: gameday.Session{Plan: plan.Plan, Steps: make([]gameday.Progress, len(plan.Plan.Steps))},
		flying: map[string]bool{}, given: map[string]bool{}}
}

// firstFocus is the pane that has the keys at first: the game day, where there is one.
func firstFocus(o Options) int {
	if o.GameDay != nil {
		return onNext
	}
	return onRoster
}

// handBack tells whoever gave the plan how it stands.
func (d *day) handBack() {
	if d != nil {
		d.plan.Session = d.session
	}
}

type (
	// dayReadMsg brings the whole record, as far as there is one to read.
	dayReadMsg struct {
		life    int
		session gameday.Session // what the files and the memory behind them add up to
		memory  []engine.Record // the engine's memory alone, where there are no files
		seen    uint64
		err     error
	}
	// dayNewsMsg brings the records after those that were seen.
	dayNewsMsg struct {
		life    int
		records []engine.Record
		err     error
	}
	// dayOrderedMsg is the engine's answer to an order of the game day, with what has been recorded since.
	dayOrderedMsg struct {
		order     engine.Order
		err       error
		news      dayNewsMsg
		continued int // how often the session had been taken up before
	}
)

// dayHears takes what the feed brought. A console that was cut off takes the session up again: somebody may have
// approved what nobody watches any more.
func (m *root) dayHears(n newsMsg) tea.Cmd {
	d := m.day
	if d == nil {
		return nil
	}
	if n.lost || n.cut {
		d.forget()
		d.owes = true
	}
	if d.known {
		d.behind = d.behind || !d.take(n.records)
	}
	return m.conduct()
}

// forget lets go of the record; it is read anew as soon as there is an engine.
func (d *day) forget() {
	d.known, d.behind, d.life = false, false, d.life+1
	clear(d.given)
}

// take adds what follows on what was seen; false says that a record between is missing.
func (d *day) take(records []engine.Record) bool {
	for _, r := range records {
		if r.Seq > d.seen+1 {
			return false
		}
		if r.Seq == d.seen+1 {
			d.session.Take(r)
			d.seen = r.Seq
		}
	}
	return true
}

// conduct does the one thing that the session wants, if nothing is on its way.
func (m *root) conduct() tea.Cmd {
	d, s := m.day, &m.scene
	if d == nil || !s.known || s.lost || d.reading {
		return nil
	}
	switch {
	case d.rests && (d.behind || !d.known):
		return nil
	case !d.known:
		return m.readDay()
	case d.behind:
		return m.fetchDay()
	}
	d.next = d.session.Next(s.Snapshot, m.engineTime().In(s.zone))
	m.dayTurned()
	o, wanted := m.dayWants()
	if !wanted {
		return nil
	}
	return m.giveDay(o)
}

// engineTime is the present moment by the engine's clock.
func (m *root) engineTime() time.Time { return m.scene.At.Add(m.options.Now().Sub(m.heard)) }

// dayWants is the order that is to be given now. An attack is not given while a stop is on its way, nor before the
// record is as new as the view, nor twice.
func (m *root) dayWants() (o engine.Order, wanted bool) {
	d, o := m.day, m.day.next.Order
	switch {
	case d.rests || d.barred != "" || len(d.flying) > 0 || m.options.ReadOnly:
		return o, false
	case d.owes && !d.session.Begun.IsZero() && !d.session.Over():
		return d.session.Continue(), true
	case d.next.Do != gameday.Give:
		return o, false
	case o.Kind != engine.RunOnce:
		return o, true
	}
	return o, !d.given[o.ID] && !m.delivery.underway && m.scene.LastSeq <= d.seen
}

// unwatched is how long a console may have stood still, suspended or with its machine asleep, before nobody can be
// said to have watched.
const unwatched = time.Minute

// dayTick is a second that has passed. After a long one, the session is taken up again.
func (m *root) dayTick() tea.Cmd {
	d, now := m.day, m.options.Wall()
	if d == nil {
		return nil
	}
	d.owes = d.owes || !d.looked.IsZero() && now.Sub(d.looked) > unwatched
	d.looked, d.rests = now, false
	d.behind = d.behind || d.known && m.scene.LastSeq > d.seen
	return m.conduct()
}

// readDay reads the record from its beginning, away from the event loop.
func (m *root) readDay() tea.Cmd {
	d, newest := m.day, m.scene.LastSeq
	d.reading = true
	d.life++
	msg, plan := dayReadMsg{life: d.life, session: gameday.Session{Plan: d.plan.Plan}}, d.plan
	return func() tea.Msg {
		defer m.end.guard("reading the record of the game day")
		take := func(r engine.Record) {
			msg.seen = max(msg.seen, r.Seq)
			msg.session.Take(r)
		}
		if plan.OnDisk != nil {
			msg.err = plan.OnDisk(take)
		}
		for more := true; more && msg.err == nil; more = more && msg.seen < newest {
			var records []engine.Record
			records, msg.err = m.history(msg.seen)
			for _, r := range records {
				take(r)
			}
			if more = len(records) > 0; plan.OnDisk == nil {
				msg.memory = append(msg.memory, records...)
			}
		}
		return msg
	}
}

// history asks for records for no longer than the feed does.
func (m *root) history(after uint64) ([]engine.Record, error) {
	ctx, cancel := context.WithTimeout(m.ctx, historyPatience)
	defer cancel()
	return m.options.Console.History(ctx, after)
}

// fetchDay fetches the records that are missing.
func (m *root) fetchDay() tea.Cmd {
	d := m.day
	d.reading = true
	life, after := d.life, d.seen
	return func() tea.Msg {
		defer m.end.guard("reading records of the game day")
		records, err := m.history(after)
		return dayNewsMsg{life, records, err}
	}
}

// dayFetched takes the missing records; those that the engine has in its memory no more are in its files.
func (m *root) dayFetched(msg dayNewsMsg) tea.Cmd {
	m.day.reading = false
	m.dayCatchesUp(msg)
	return m.conduct()
}

func (m *root) dayCatchesUp(msg dayNewsMsg) {
	d := m.day
	switch {
	case msg.life != d.life || !d.known:
	case msg.err != nil:
		d.rests, d.behind = true, true
	default:
		if d.behind = false; !d.take(msg.records) {
			d.forget()
		}
	}
}

// dayRead begins, or goes on, where the record says. A session that is over stays on the screen it ended on; opened
// anew, the console begins another.
func (m *root) dayRead(msg dayReadMsg) tea.Cmd {
	d := m.day
	d.reading = false
	if d.trouble = ""; msg.err != nil {
		d.trouble, d.rests = msg.err.Error(), true
		return nil
	}
	if msg.life != d.life {
		return m.conduct()
	}
	first, found := d.session.ID == "", msg.session
	switch {
	case !found.Begun.IsZero() && (!first || !found.Over()):
		d.session, d.owes = found, d.owes || first
	case first:
		d.session = found.Begin(m.engineTime())
		if len(msg.memory) > 0 && msg.memory[0].Seq > 1 {
			d.session.Fresh = gameday.Unread
		}
	default:
		d.session.GoOn(msg.memory)
	}
	d.known, d.seen = true, msg.seen
	return m.conduct()
}

// giveDay hands over an order of the session, and reads what has been recorded by the time of its answer.
func (m *root) giveDay(o engine.Order) tea.Cmd {
	d := m.day
	o.By, o.Door = m.options.By, "console"
	d.flying[o.ID] = true
	msg, after := dayOrderedMsg{order: o, news: dayNewsMsg{life: d.life}, continued: d.session.Continued}, d.seen
	return func() tea.Msg {
		defer m.end.guard("ordering " + string(o.Kind))
		ctx, cancel := context.WithTimeout(m.ctx, orderPatience)
		defer cancel()
		msg.err = m.options.Console.Order(ctx, o)
		msg.news.records, msg.news.err = m.history(after)
		return msg
	}
}

// dayOrdered draws the conclusions of an answer. Where none came, nobody knows whether the order arrived: it is given
// again under its id, to which the engine gives its old answer.
func (m *root) dayOrdered(msg dayOrderedMsg) tea.Cmd {
	d, o := m.day, msg.order
	delete(d.flying, o.ID)
	m.dayCatchesUp(msg.news)
	var refusal *engine.Refusal
	switch refused := errors.As(msg.err, &refusal); {
	case msg.err != nil && !refused:
		d.rests = true
		m.say(m.look.warn, "the game day's order did not get through: "+msg.err.Error())
	case o.Kind == engine.RunOnce:
		d.given[o.ID] = true
		if waits(msg.err) {
			m.say(m.look.strong, "the step waits: "+refusal.Sentence)
			break
		}
		if refused {
			m.say(m.look.bad, "the step was refused: "+refusal.Sentence)
		}
		switch wanted := m.stillWanted(o); {
		case wanted && refused: // turned away at the door, which keeps no record of it
			return m.giveDay(d.session.Refuse(d.session.Turn(), refusal.Sentence))
		case wanted: // an answer of long ago
			return m.giveDay(d.session.Lose(d.session.Turn(), gameday.Unheard))
		}
	case refused:
		d.barred = refusal.Sentence
	default:
		m.dayNoted(msg)
	}
	return m.conduct()
}

// stillWanted tells whether the record, as far as it is known, has nothing of the order.
func (m *root) stillWanted(o engine.Order) bool {
	d := m.day
	next := d.session.Next(m.scene.Snapshot, m.engineTime().In(m.scene.zone))
	return d.known && !d.behind && next.Do == gameday.Give && next.Order.ID == o.ID
}

// notAnOperator is why notes that were taken down count for nothing.
var notAnOperator = gameday.Judges + "; this console only shows it"

// dayNoted looks whether a note that was taken down counts, which it does from somebody who may order attacks.
func (m *root) dayNoted(msg dayOrderedMsg) {
	d, o := m.day, msg.order
	if msg.news.life != d.life || !d.known || d.behind {
		return
	}
	if d.owes && o.ID == d.session.Continue().ID {
		d.owes = false
		if d.session.Continued == msg.continued {
			d.barred = notAnOperator
		}
		return
	}
	if m.stillWanted(o) {
		d.barred = notAnOperator
	}
}

// dayTurned says what has become of the step when it is done with: the pane shows the next one by then.
func (m *root) dayTurned() {
	d := m.day
	turn := d.session.Turn()
	if last := d.lastTurn; last > 0 && last != turn && last <= len(d.session.Steps) {
		w := m.stepWord(last)
		m.say(w.ink, fmt.Sprintf("step %d: %s %s", last, w.glyph, w.text))
	}
	if d.lastTurn != turn {
		d.lastTurn = turn
		d.lines.follow()
	}
}

// The keys.

// whyNoGameDay is why neither an approval nor a skip would be taken.
func whyNoGameDay(r *root) string {
	d := r.day
	if d == nil {
		return "no game day is carried out here: chaoscat gameday PLAN"
	}
	if why := whyNoOrder(r); why != "" {
		return why
	}
	switch {
	case !d.known:
		return "the record of the game day has not been read yet"
	case d.barred != "":
		return d.barred
	case d.session.Over():
		return "the game day is over: " + d.session.Summary()
	}
	return ""
}

// whyNotApprove is why the step whose turn it is cannot be approved.
func whyNotApprove(r *root) string {
	if why := whyNoGameDay(r); why != "" {
		return why
	}
	step, waits := r.day.session.Waiting()
	switch others := r.day.session.WaitsForOthers(); {
	case others != "":
		return "the step waits for other people: " + others
	case !waits && r.day.session.Turn() == 0, r.day.session.Begun.IsZero():
		return "no step waits just now"
	case !waits:
		return fmt.Sprintf("step %d has begun and is not done with yet; %s stops it", r.day.session.Turn(), r.scene.stopKey())
	case r.scene.Stopped != nil:
		return "stopped by " + r.scene.Stopped.By + "; p, then y, resumes; then approve"
	case r.day.session.Steps[step-1].Approved:
		return fmt.Sprintf("step %d has been approved; the engine is being asked", step)
	}
	return ""
}

// whyNotLeaveOut is why the step whose turn it is cannot be skipped, which injects nothing and so can be done while
// everything is stopped.
func whyNotLeaveOut(r *root) string {
	if why := whyNoGameDay(r); why != "" {
		return why
	}
	if r.day.session.WaitsForOthers() != "" {
		return "the step waits for other people, who may let it begin at any moment; " + r.scene.stopKey() + " gives it up"
	}
	if _, waits := r.day.session.Waiting(); !waits {
		return "no step waits just now"
	}
	return ""
}

// frozen tells why the step that the open dialog names is no longer the one that waits.
func frozen(r *root) string {
	d := r.day
	step, waits := d.session.Waiting()
	if !waits || step != d.step || d.session.Steps[step-1].Tries+1 != d.try {
		return fmt.Sprintf("step %d is not what it was when you were asked; nothing was done", d.step)
	}
	return ""
}

// freeze keeps the dialog to the step that waits now.
func (d *day) freeze() (step gameday.Step) {
	n, _ := d.session.Waiting()
	d.step, d.try = n, d.session.Steps[n-1].Tries+1
	return d.session.Plan.Steps[n-1]
}

// askApprove asks for the yes to the step that waits.
func (m *root) askApprove() tea.Cmd {
	d := m.day
	step := d.freeze()
	q := question{title: fmt.Sprintf("Begin step %d of %d now?", d.step, len(d.session.Steps)), bars: func(r *root) string {
		if why := whyNotApprove(r); why != "" {
			return why
		}
		return frozen(r)
	}, does: (*root).approveStep}
	q.lines = m.approval(step)
	return m.ask(q)
}

// approval is what somebody must know who says yes. On a small screen the belief gives way, never the deed.
func (m *root) approval(step gameday.Step) []string {
	s := &m.scene
	const width = 50 // fits the least screen that has dialogs
	room := m.h - 7
	_, planned := s.chance(step.Attack)
	first := append([]string{step.Name}, m.look.wrap("runs: "+step.What(planned), width, 3)...)
	last := []string{"expects: " + step.Expect.Wish()}
	if m.day.session.Plan.Rehearsal || s.DryRun {
		last = append(last, "A rehearsal: it is recorded, nothing is injected.")
	}
	last = append(last, "Every gate is asked first; any of them may refuse.")
	if room > 9 {
		last = append(last, "")
	}
	last = append(last, "y begins it   Esc or n cancels   Enter does nothing")
	if left := room - len(first) - len(last); left > 0 {
		first = append(first, m.look.wrap("hypothesis: "+step.Hypothesis, width, min(left, 6))...)
	}
	return append(first, last...)
}

func (m *root) approveStep() tea.Cmd {
	m.say(m.look.good, fmt.Sprintf("step %d approved; every gate is asked", m.day.step))
	return m.giveDay(m.day.session.Approve())
}

// openLeaveOut takes the reason for which the step that waits is skipped.
func (m *root) openLeaveOut() tea.Cmd {
	m.day.freeze()
	m.openField(forLeaveOut, "")
	m.field.most, m.asked = longestNote/2, true
	return nil
}

// leaveOut is Enter on the reason. It does not count in the read that opened the line.
func (m *root) leaveOut(why string) tea.Cmd {
	no := frozen(m)
	switch {
	case m.asked || why == "":
		m.mode = filtering
		m.say(m.look.warn, fmt.Sprintf("say why step %d is left out, then Enter; Esc cancels", m.day.step))
		return nil
	case whyNotLeaveOut(m) != "":
		no = whyNotLeaveOut(m)
	}
	if no != "" {
		m.say(m.look.warn, no)
		return nil
	}
	return m.giveDay(m.day.session.Skip(why))
}
