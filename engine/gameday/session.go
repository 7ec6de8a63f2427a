package gameday

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// State is how far a step is.
type State string

// The states of a step.
const (
	Ahead   State = ""        // not begun: waits for its turn, an approval or a time
	Running State = "running" // the engine has begun it
	Done    State = "done"
	Skipped State = "skipped"
)

// Held is the verdict on a hypothesis. The zero value says that there is none yet.
type Held string

// The verdicts.
const (
	Unjudged  Held = ""
	Holds     Held = "held"
	Fails     Held = "failed"
	Undecided Held = "undecided" // nothing was tested, or it is for people to say
)

// Session is one carrying out of a plan, as far as the record tells. Only [Session.Take] changes it.
type Session struct {
	Plan      Plan
	ID        string
	By        string
	Begun     time.Time // zero: not begun yet
	Ended     time.Time
	Aborted   bool
	Steps     []Progress
	Moments   []Moment       // what else happened meanwhile, in order
	Continued int            // how often a console took it up again
	Fresh     string         // why the next step needs an approval that is younger than this; "" says that it does not
	seq       uint64         // newest record that was taken
	at        time.Time      // when it was made
	runs      map[string]int // run, or what it is part of → index of its step
}

// Progress is what became of a step.
type Progress struct {
	State    State
	Approved bool            // for the try to come
	By       string          // who approved or skipped it
	Tries    int             // that were refused
	Refusal  *engine.Verdict // of the last of them
	Others   string          // its order was given, and waits for other people: for whom; "": it does not
	Run      string          // what the engine calls it
	Settled  bool            // the engine has said that it began
	Parts    []Part          // one for each host
	Began    time.Time
	Ended    time.Time // when the last host was done with, or when it was skipped
	Why      string    // it was skipped, or why its outcome is lost
	Held     Held
	Verdict  string // on the hypothesis, in words
}

// Part is the attack on one host.
type Part struct {
	Run     string
	Host    string
	Began   time.Time
	Ended   time.Time
	Outcome *engine.Outcome // nil while it runs
	Text    string          // the sentence
}

// Moment is something that happened during the session besides its steps: a gate that turned, a note, a stop, an attack
// of the schedule or of somebody else.
type Moment struct {
	At   time.Time
	Kind engine.RecordKind
	By   string
	Text string
	Note bool   // the words are a person's own
	Run  string // of an attack that is none of the steps
	Gate string // of a gate that turned
	OK   bool   // what it said
}

// Begin is a new session of the plan, which has not been written down yet. It stands after all that s has seen.
func (s Session) Begin(now time.Time) Session {
	return Session{Plan: s.Plan, ID: sessionID(s.Plan, now), Steps: make([]Progress, len(s.Plan.Steps)), seq: s.seq, at: s.at, runs: map[string]int{}}
}

// Replay folds records into the newest session of the plan; false if there was none.
func Replay(p Plan, records []engine.Record) (Session, bool) {
	s := Session{Plan: p}
	for _, r := range records {
		s.Take(r)
	}
	return s, !s.Begun.IsZero()
}

// GoOn takes all that an engine has in its memory, where its files cannot be read. That memory may begin anew, with
// another life of the engine, and then uses numbers again under which the life before has handed out output; what
// was taken before stays taken.
func (s *Session) GoOn(memory []engine.Record) {
	same := func(r engine.Record) bool { return r.Seq == s.seq && r.At.Equal(s.at) }
	if !slices.ContainsFunc(memory, same) {
		s.seq = 0
	}
	for _, r := range memory {
		s.Take(r)
	}
}

// Over tells whether nothing more will come.
func (s Session) Over() bool { return !s.Ended.IsZero() }

// Take adds one record. A record that it has seen already changes nothing.
func (s *Session) Take(r engine.Record) {
	if r.Seq <= s.seq && r.Seq != 0 {
		return
	}
	s.seq, s.at = r.Seq, r.At
	l, said := lineOf(r)
	switch {
	case said && l.word == wordBegun:
		s.begin(l, r)
	case s.Begun.IsZero() || s.Over():
	case said && l.session == s.ID:
		s.hear(l, r)
	case said: // of another game day
	default:
		s.happen(r)
	}
}

// begin starts over where a session of this plan begins. The same one beginning twice is one that two consoles
// began in the same second. What a console has against going on by itself outlives the note that it begins.
func (s *Session) begin(l line, r engine.Record) {
	if len(l.session) < 8 || l.session[len(l.session)-8:] != s.Plan.mark() || (l.session == s.ID && !s.Begun.IsZero()) {
		return
	}
	fresh := ""
	switch {
	case l.session == s.ID:
		fresh = s.Fresh
	case !s.Begun.IsZero() && !s.Over():
		fresh = "it was begun anew by " + r.By + " before it was over"
	}
	*s = Session{Plan: s.Plan, ID: l.session, By: r.By, Begun: r.At, Fresh: fresh, Steps: make([]Progress, len(s.Plan.Steps)), seq: r.Seq, at: r.At, runs: map[string]int{}}
}

// hear takes a note of this session.
func (s *Session) hear(l line, r engine.Record) {
	switch l.word {
	case wordContinued:
		s.Continued++
		s.hold("the game day was taken up again")
	case wordAborted:
		s.Ended, s.Aborted = r.At, true
	case wordEnded:
		s.Ended = r.At
	default:
		if l.step <= len(s.Steps) && l.step > 0 {
			s.hearOf(&s.Steps[l.step-1], l, r)
		}
	}
}

func (s *Session) hearOf(p *Progress, l line, r engine.Record) {
	turn := s.turn() == l.step-1 && p.State == Ahead
	switch l.word {
	case wordApproved:
		if turn && l.try == p.Tries+1 { // a late yes to an earlier question is no yes to this one
			p.Approved, p.By, s.Fresh = true, r.By, ""
		}
	case wordSkipped:
		if turn && p.Run == "" && p.Others == "" {
			p.State, p.By, p.Why, p.Ended, s.Fresh = Skipped, r.By, l.why, r.At, ""
		}
	case wordRefused:
		if turn && l.try == p.Tries+1 {
			p.refused(engine.Verdict{Name: engine.BadOrder, Sentence: l.why})
		}
	case wordLost:
		if turn {
			p.Began = r.At
		}
		if turn || p.State == Running {
			p.State, p.Why, p.Ended = Done, l.why, r.At
		}
	case wordHeld, wordFailed, wordOpen:
		if p.State == Done && p.Held == Unjudged {
			p.Held, p.Verdict = map[word]Held{wordHeld: Holds, wordFailed: Fails, wordOpen: Undecided}[l.word], l.why
		}
	}
}

// hold takes back what was approved and has not begun: it was approved for another moment.
func (s *Session) hold(why string) {
	s.Fresh = why
	for i := range s.Steps {
		if s.Steps[i].State == Ahead {
			s.Steps[i].Approved, s.Steps[i].Run = false, ""
		}
	}
}

func (p *Progress) refused(v engine.Verdict) {
	p.Tries, p.Refusal, p.Others, p.Approved, p.Run = p.Tries+1, &v, "", false, ""
}

// turn is the index of the step whose turn it is: the first that is not done with; len(Steps) if all are.
func (s Session) turn() int {
	for i, p := range s.Steps {
		if p.State != Skipped && (p.State != Done || p.Held == Unjudged) {
			return i
		}
	}
	return len(s.Steps)
}

// happen takes whatever else the engine has recorded.
func (s *Session) happen(r engine.Record) {
	switch r.Kind {
	case engine.Drawn:
		if i, ok := s.stepOf(r.Draw); ok {
			s.Steps[i].Run, s.runs[r.Draw.ID] = r.Draw.ID, i
		}
	case engine.Intent:
		s.intent(r)
	case engine.Closed:
		s.closed(r)
	case engine.GateTurned:
		m := Moment{At: r.At, Kind: r.Kind, Text: r.Text}
		m.Gate, m.OK = gateOf(r.Text)
		s.Moments = append(s.Moments, m)
	case engine.ResidueNew, engine.Cleared:
		s.Moments = append(s.Moments, Moment{At: r.At, Kind: r.Kind, By: r.By, Text: r.Text})
	case engine.OrderGiven:
		s.ordered(r)
	}
}

func (s Session) stepOf(d *engine.Draw) (int, bool) {
	if d == nil || d.Order == nil {
		return 0, false
	}
	return s.stepOfOrder(d.Order.ID)
}

// stepOfOrder finds the step that awaits an answer to that order. An earlier try has had its answer.
func (s Session) stepOfOrder(id string) (int, bool) {
	for i, p := range s.Steps {
		if id == s.orderID(i+1, p.Tries+1) {
			return i, true
		}
	}
	return 0, false
}

// Owns tells whether the id is of an order of this session.
func (s Session) Owns(id string) bool {
	return s.ID != "" && strings.HasPrefix(id, "gameday-"+s.ID+"-")
}

func (s *Session) intent(r engine.Record) {
	if r.Intent == nil {
		return
	}
	i, ok := s.stepOfOrder(r.Intent.Order)
	if !ok {
		if !s.Owns(r.Intent.Order) {
			s.Moments = append(s.Moments, Moment{At: r.At, Kind: r.Kind, By: r.By, Run: r.Run, Text: "began: " + r.Text})
		}
		return
	}
	p := &s.Steps[i]
	if p.State == Ahead {
		p.State, p.Began = Running, r.At
	}
	p.Run = r.Run
	if r.Of != "" {
		p.Run = r.Of
	}
	s.runs[p.Run], s.runs[r.Run] = i, i
	p.Parts = append(p.Parts, Part{Run: r.Run, Host: r.Host, Began: r.At})
}

// closed takes the end of a part. A dry run ends without having begun.
func (s *Session) closed(r engine.Record) {
	i, ok := s.runs[r.Run]
	if !ok {
		i, ok = s.runs[r.Of]
	}
	if !ok || r.Outcome == nil {
		s.closedElse(r)
		return
	}
	p := &s.Steps[i]
	for j := range p.Parts {
		if p.Parts[j].Run == r.Run {
			if p.Parts[j].Outcome == nil {
				p.Parts[j].Outcome, p.Parts[j].Ended, p.Parts[j].Text = r.Outcome, r.At, r.Text
				p.conclude(r.At)
			}
			return
		}
	}
	if r.Outcome.Cause == dryRun {
		p.Parts = append(p.Parts, Part{Run: r.Run, Host: r.Host, Began: r.At, Ended: r.At, Outcome: r.Outcome, Text: r.Text})
	}
}

// closedElse takes the end of an attack that is none of the steps. It may have begun before the session.
func (s *Session) closedElse(r engine.Record) {
	began := slices.ContainsFunc(s.Moments, func(m Moment) bool { return m.Run != "" && m.Run == r.Run })
	if r.Outcome != nil && (began || r.Outcome.Applied) {
		s.Moments = append(s.Moments, Moment{At: r.At, Kind: r.Kind, By: r.By, Run: r.Run, Text: "ended: " + r.Text})
	}
}

const dryRun = "dry run"

// conclude ends a step that has begun when all of its hosts are done with.
func (p *Progress) conclude(at time.Time) {
	if p.State != Running || !p.Settled {
		return
	}
	for _, part := range p.Parts {
		if part.Outcome == nil {
			return
		}
	}
	p.State, p.Ended = Done, at
}

// ordered takes other people's orders, and the engine's answers to ours.
func (s *Session) ordered(r engine.Record) {
	if r.Order == nil {
		return
	}
	if r.Order.Kind == engine.RunOnce {
		s.answered(r)
		return
	}
	if r.Verdict != nil {
		return // a refused order changed nothing
	}
	m := Moment{At: r.At, Kind: r.Kind, By: r.By, Text: r.Text}
	switch r.Order.Kind {
	case engine.Remark:
		m.Text, m.Note = r.Order.Reason, true
	case engine.Stop:
		s.hold("it was stopped by " + r.By)
	case engine.Resume:
		s.hold("it was resumed by " + r.By)
	}
	s.Moments = append(s.Moments, m)
}

// answered takes the engine's answer to a step. Before it answers an order that other people must want too, it says that
// the order waits for them: no run has begun then, and there is no verdict.
func (s *Session) answered(r engine.Record) {
	i, ok := s.stepOfOrder(r.Order.ID)
	if !ok || s.Steps[i].Settled {
		return
	}
	p := &s.Steps[i]
	if r.Verdict == nil && r.Run == "" {
		p.Others = waitsFor(r.Text)
		return
	}
	if r.Verdict != nil && r.Verdict.Name != engine.DryRun {
		p.refused(*r.Verdict)
		return
	}
	p.Settled, p.Refusal, p.Others = true, nil, ""
	if r.Run != "" {
		p.Run = r.Run
	}
	if p.State == Ahead {
		p.State, p.Began = Running, r.At
	}
	p.conclude(r.At)
}

// waitsFor is whom an order waits for, as the record says it.
func waitsFor(text string) string {
	people, _, _ := strings.Cut(strings.TrimPrefix(text, "waits for approval: "), "; asked by ")
	return people
}

var gateLine = regexp.MustCompile(`^(?:health|oncall) (.*?): (ok|no)(?:, .*)?$`)

// gateOf reads which gate turned, and to what.
func gateOf(text string) (gate string, ok bool) {
	m := gateLine.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], m[2] == "ok"
}
