package tui

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

const (
	stopPatience  = 5 * time.Second // for one try to deliver a stop
	stopRetry     = time.Second     // between two tries
	orderPatience = time.Minute     // for any other order: gates may be asked first
)

// orderedMsg is the engine's answer to an order.
type orderedMsg struct {
	order engine.Order
	err   error
}

// retryMsg says that it is time to deliver the stop again.
type retryMsg struct{}

// delivery is a stop on its way to the engine.
type delivery struct {
	order    engine.Order
	tries    int
	err      error // of the last try
	underway bool  // ordered and not yet confirmed
	inFlight bool  // a try is waiting for its answer
}

// order makes an order of this console.
func (m *root) order(o engine.Order) engine.Order {
	m.orders++
	o.By, o.Door = m.options.By, "console"
	if m.options.NewID != nil {
		o.ID = m.options.NewID()
	} else {
		o.ID = fmt.Sprintf("%s-%s-%d", o.By, m.options.Now().UTC().Format("20060102T150405.000000000"), m.orders)
	}
	return o
}

// send carries an order to the engine, away from the event loop.
func (m *root) send(o engine.Order, patience time.Duration) tea.Cmd {
	return func() (answer tea.Msg) {
		defer m.end.guard("ordering " + string(o.Kind))
		ctx, cancel := context.WithTimeout(m.ctx, patience)
		defer cancel()
		return orderedMsg{o, m.options.Console.Order(ctx, o)}
	}
}

// stop orders everything to stop and be undone, without a question. A stop that is under way is not
// ordered twice: it is delivered until it is confirmed.
func (m *root) stop() tea.Cmd {
	m.stopped = true
	if m.mode != leaving {
		m.mode = browsing
	}
	if m.delivery.underway {
		m.say(m.look.hot, m.delivery.progress(m.scene.lost))
		return nil
	}
	m.delivery = delivery{order: m.order(engine.Order{Kind: engine.Stop}), underway: true}
	m.say(m.look.hot, m.delivery.progress(m.scene.lost))
	return m.deliver()
}

func (m *root) deliver() tea.Cmd {
	if !m.delivery.underway || m.delivery.inFlight {
		return nil
	}
	m.delivery.inFlight = true
	m.delivery.tries++
	return m.send(m.delivery.order, stopPatience)
}

// answered tells the person how an order fared.
func (m *root) answered(msg orderedMsg) tea.Cmd {
	if msg.order.Kind == engine.Stop {
		return m.stopAnswered(msg)
	}
	if msg.order.ID == m.hand.sent && m.mode == choosing {
		return m.handAnswered(msg)
	}
	if waits(msg.err) {
		m.say(m.look.strong, "it waits: "+msg.err.Error())
		return nil
	}
	if msg.err != nil {
		m.say(m.look.warn, "not done: "+msg.err.Error())
		return nil
	}
	switch o := msg.order; o.Kind {
	case engine.Skip:
		m.say(m.look.good, "skipped; drawing again")
		m.skipped = m.drawnID()
	case engine.PauseIt:
		m.say(m.look.good, "paused: no new attack starts until p")
	case engine.Resume:
		m.say(m.look.good, "resumed: the schedule is armed again")
	case engine.Exclude:
		m.say(m.look.good, o.Host+" is excluded until somebody includes it")
	case engine.Include:
		m.say(m.look.good, o.Host+" is included again")
	case engine.Approve:
		m.say(m.look.good, m.approvedText(o))
	case engine.Remark:
		m.say(m.look.good, "noted in the record: "+o.Reason)
	default:
		m.say(m.look.good, "accepted: "+string(o.Kind)+" "+o.Attack+" "+o.Host)
	}
	return nil
}

func (m *root) stopAnswered(msg orderedMsg) tea.Cmd {
	m.delivery.inFlight = false
	if msg.err == nil {
		m.delivery = delivery{}
		m.say(m.look.good, m.stopConfirmed())
		m.toast.now = m.stopConfirmed
	} else {
		m.delivery.err = msg.err
		if m.delivery.tries == 1 {
			m.say(m.look.hot, m.delivery.progress(m.scene.lost))
		}
	}
	if m.exit == StopThenQuit && m.mode == leaving {
		return tea.Quit
	}
	if msg.err == nil {
		return nil
	}
	return tea.Tick(stopRetry, func(time.Time) tea.Msg { return retryMsg{} })
}

// stopConfirmed is said once the engine has taken the stop.
func (m *root) stopConfirmed() string {
	text := "stopped, and it stays so"
	if m.scene.attacking() {
		text += "; what runs is being undone"
	}
	return text + "; " + wayOut(&m.scene)
}

// wayOut is how a stop is lifted from this screen.
func wayOut(s *scene) string {
	if s.readOnly {
		return "another console resumes: this one is read-only"
	}
	if s.small {
		return fmt.Sprintf("enlarge to %dx%d to re-arm", leastWidth, leastHeight)
	}
	return "p, then y, resumes"
}

// progress is how far a stop has come. It never claims that anything is stopped: the engine has not said so.
func (d delivery) progress(lost bool) string {
	switch {
	case lost:
		return "STOP: delivery is being tried; the engine cannot be reached"
	case d.err != nil:
		return "STOP: not delivered yet; it is tried every second"
	}
	return "STOP: on its way; the engine has not confirmed it yet"
}

// undelivered is the error of leaving while a stop is not confirmed.
func (d delivery) undelivered() error {
	switch {
	case !d.underway:
		return nil
	case d.err != nil:
		return fmt.Errorf("%w (%w)", ErrStopNotDelivered, d.err)
	}
	return ErrStopNotDelivered
}

// warning is what stays on the screen while a stop could not be delivered.
func (d delivery) warning(command string) string {
	if d.err == nil {
		return ""
	}
	return fmt.Sprintf("STOP NOT DELIVERED (try %d); from any shell: %s (%v)", d.tries, command, d.err)
}

// question is a dialog that y answers with an order, or with one for each of several hosts. It keeps to the host and the attack that it names,
// whatever is drawn or selected meanwhile.
type question struct {
	title  string
	lines  []string
	order  engine.Order
	hosts  []string // the order is given for each of them, if there are any
	opened time.Time
	bars   func(*root) string  // asked again when it is answered
	does   func(*root) tea.Cmd // in place of the order, if it is set
}

// reading is the least time for reading a question: a y that arrives earlier was not an answer to it but
// the rest of something typed or pasted into the wrong window.
const reading = 150 * time.Millisecond

func (m *root) ask(q question) tea.Cmd {
	q.opened = m.options.Wall()
	m.question, m.mode, m.asked = q, asking, true
	return nil
}

// agree is y. It does not count in the read that opened the question.
func (m *root) agree() tea.Cmd {
	q := m.question
	if m.asked || m.options.Wall().Sub(q.opened) < reading {
		m.say(m.look.warn, "that y came with the key before it; y once more does it")
		return nil
	}
	m.mode = browsing
	if why := q.bars(m); why != "" {
		m.say(m.look.warn, why)
		return nil
	}
	if q.does != nil {
		return q.does(m)
	}
	if len(q.hosts) == 0 {
		return m.send(m.order(q.order), orderPatience)
	}
	var all []tea.Cmd
	for _, q.order.Host = range q.hosts {
		all = append(all, m.send(m.order(q.order), orderPatience))
	}
	m.roster.marks = nil
	return tea.Batch(all...)
}

// askRun offers the drawn attack for now; without a draw, the engine draws.
func (m *root) askRun() tea.Cmd {
	s := &m.scene
	q := question{title: "Run one attack now?", order: engine.Order{Kind: engine.RunOnce}, bars: whyNotRun}
	if d := s.Next; d != nil {
		q.order.Host, q.order.Attack = d.Host, d.Attack
		c, held := s.chance(d.Attack)
		q.lines = append(q.lines, fmt.Sprintf("%s on %s for %s", d.Attack, d.Host, span(held)),
			fmt.Sprintf("drawn from %s; weight %d", plural(d.Eligible, "eligible host"), c.Weight))
	} else {
		q.lines = append(q.lines, "nothing is drawn: the engine draws host and attack")
	}
	q.lines = append(q.lines, "Every gate is asked first; any of them may refuse.")
	if s.DryRun {
		q.lines = append(q.lines, "Dry run: it is recorded, nothing is injected.")
	}
	q.lines = append(q.lines, "", "y runs it   Esc or n cancels   Enter does nothing")
	return m.ask(q)
}

func (m *root) skip() tea.Cmd {
	return m.send(m.order(engine.Order{Kind: engine.Skip}), orderPatience)
}

func (m *root) drawnID() string {
	if m.scene.Next == nil {
		return "none"
	}
	return m.scene.Next.ID
}

// pause pauses, resumes, or asks before it lifts a stop.
func (m *root) pause() tea.Cmd {
	s := &m.scene
	if s.Stopped != nil {
		return m.ask(question{
			title: "Arm the schedule again?",
			lines: []string{
				fmt.Sprintf("Stopped by %s at %s. %s", s.Stopped.By, s.at(s.Stopped.At), s.Stopped.Reason),
				"Attacks begin again by themselves, inside hours and gates.",
				"", "y arms it   Esc or n cancels   Enter does nothing",
			},
			order: engine.Order{Kind: engine.Resume, Lifts: &s.Stopped.At}, bars: whyNoOrder,
		})
	}
	o := engine.Order{Kind: engine.PauseIt}
	if s.Paused != nil {
		o = engine.Order{Kind: engine.Resume, Lifts: new(time.Time)}
	}
	return m.send(m.order(o), orderPatience)
}

// exclude takes the selected host out at once, and asks before it lets one back in.
func (m *root) exclude() tea.Cmd {
	name := m.roster.selected
	if len(m.roster.marks) > 0 {
		return m.excludeMarked()
	}
	x, out := m.scene.Hosts.Excluded[name]
	if !out {
		return m.send(m.order(engine.Order{Kind: engine.Exclude, Host: name}), orderPatience)
	}
	return m.ask(question{
		title: "Include the host again?",
		lines: []string{
			fmt.Sprintf("%s was excluded by %s. %s", name, x.By, x.Reason),
			"It may be drawn again from now on.",
			"", "y includes it   Esc or n cancels   Enter does nothing",
		},
		order: engine.Order{Kind: engine.Include, Host: name}, bars: whyNoOrder,
	})
}

// excludeMarked asks before it takes several hosts out: the marks may be of yesterday.
func (m *root) excludeMarked() tea.Cmd {
	names := m.roster.marked()
	return m.ask(question{
		title: "Exclude the marked hosts?",
		lines: []string{
			plural(len(names), "host") + ": " + someOf(names, 3),
			"What runs on them is stopped and undone.",
			"", "y excludes them   Esc or n cancels   Enter does nothing",
		},
		order: engine.Order{Kind: engine.Exclude}, hosts: names, bars: whyNoOrder,
	})
}
