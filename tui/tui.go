package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// The panes that can have the focus.
const (
	onNext = iota
	onRoster
	onOutput
	panes
)

// root is the whole console. It routes: keys to commands, news to the panes, panes to their places. It is
// owned by Bubble Tea's event loop.
type root struct {
	ctx      context.Context
	options  Options
	end      *ending
	feed     *feed
	caughtUp <-chan struct{} // the terminal swallows again after frames were dropped

	look  *look
	w, h  int
	scene scene
	heard time.Time // when the snapshot came, by our clock

	mode  mode
	focus int

	next    next
	attack  *attack
	day     *day // nil where no game day is carried out
	roster  roster
	output  output
	events  output // the durable records alone
	past    past
	trend   trend
	draws   draws
	field   field
	sheet   sheet
	hand    hand
	helpTop int
	zoomed  bool // the pane with the focus has the whole body
	mouse   bool // the mouse is ours
	keymap  map[mode][]command
	clip    func(string) // to the terminal, past the frames; nil: there is no way

	question    question
	approving   engine.Pending // what somebody was last asked to approve
	asked       bool           // the question was opened by a key of the read that is being handled
	stopped     bool           // a stop was ordered by a key of that read
	choice      int
	toast       toast
	delivery    delivery
	orders      int
	skipped     string // id of the draw that was skipped, until the next one is known
	interrupted time.Time
	moved       time.Time      // when the person last moved in the roster
	suspend     func() tea.Cmd // gives the terminal back to the shell for a while
	exit        Exit

	paint func(screen string, width int) // to the terminal at once; nil: when Bubble Tea's clock ticks
	frame string                         // what View returned last
	stale bool                           // something has changed since
}

func newRoot(ctx context.Context, o Options, end *ending, caughtUp <-chan struct{}) *root {
	if o.Wall == nil {
		o.Wall = o.Now
	}
	return &root{
		ctx: ctx, options: o, end: end, caughtUp: caughtUp,
		feed: newFeed(o.Console, o.Now, end.guard),
		look: newLook(o.Plain, o.ASCII, themeOf(o.Theme)), attack: newAttack(),
		events: output{name: "Events"}, day: newDay(o.GameDay),
		scene: scene{zone: time.UTC, attached: o.Attached, readOnly: o.ReadOnly, command: o.Command},
		focus: firstFocus(o), stale: true, mouse: o.Mouse,
	}
}

type (
	tickMsg     struct{} // a second has passed
	caughtUpMsg struct{}
	indexedMsg  struct { // a roster can be searched
		source *engine.Roster
		index  index
	}
)

// Init starts what comes by itself: news, the clock, and word from the outlet.
func (m *root) Init() tea.Cmd {
	return tea.Batch(m.feed.next(m.ctx, 0), m.tick(), m.awaitTerminal(), m.firstMouse())
}

// tick comes at each full second of our clock: countdowns change then, and nothing needs more.
func (m *root) tick() tea.Cmd {
	now := m.options.Now()
	return tea.Tick(now.Truncate(time.Second).Add(time.Second).Sub(now), func(time.Time) tea.Msg { return tickMsg{} })
}

func (m *root) awaitTerminal() tea.Cmd {
	return func() tea.Msg {
		select {
		case <-m.ctx.Done():
			return nil
		case <-m.caughtUp:
			return caughtUpMsg{}
		}
	}
}

// Update is Bubble Tea's; a panic in it ends the console with the terminal restored.
func (m *root) Update(msg tea.Msg) (model tea.Model, cmd tea.Cmd) {
	model = m
	defer m.end.guard("handling what happened")
	m.stale = true
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		cmd = m.keys(msg)
	case newsMsg:
		m.stale = !m.scene.calm(msg)
		cmd = m.hear(msg)
	case tickOnce:
		if m.mouse { // coming back from the shell restores everything else
			cmd = tea.EnableMouseCellMotion
		}
	case tickMsg:
		cmd = tea.Batch(m.tick(), m.dayTick())
	case orderedMsg:
		cmd = m.answered(msg)
	case dayReadMsg:
		cmd = m.dayRead(msg)
	case dayNewsMsg:
		cmd = m.dayFetched(msg)
	case dayOrderedMsg:
		cmd = m.dayOrdered(msg)
	case retryMsg:
		cmd = m.deliver()
	case indexedMsg:
		m.roster.indexed(msg)
	case orderedHostsMsg:
		cmd = m.sorted(msg)
	case savedMsg:
		cmd = m.saved(msg)
	case tea.MouseMsg:
		m.pointed(msg)
	case caughtUpMsg:
		cmd = tea.Batch(tea.ClearScreen, m.awaitTerminal())
	default:
		m.stale = false
	}
	m.refresh()
	return m, cmd
}

// resize closes what has no room on a small screen.
func (m *root) resize(w, h int) {
	m.w, m.h = w, h
	if tooSmall(w, h) && m.mode != leaving {
		m.mode = browsing
	}
}

// hear takes in what the feed brought.
func (m *root) hear(n newsMsg) tea.Cmd {
	if n.over {
		return nil
	}
	m.output.trouble = n.trouble
	m.output.learn(n.records, n.dropped)
	for _, r := range n.records {
		m.attack.learn(r)
		m.past.learn(r)
		m.past.keep(r)
		m.draws.learn(r.Draw)
		if durable(r) {
			m.events.learn([]engine.Record{r}, 0)
		}
	}
	m.scene.lost = n.lost
	next := m.feed.next(m.ctx, batch)
	if n.snapshot != nil {
		next = tea.Batch(next, m.see(n))
	}
	for _, r := range n.records {
		m.trend.recall(r)
	}
	return tea.Batch(next, m.dayHears(n))
}

// see takes over a snapshot.
func (m *root) see(n newsMsg) tea.Cmd {
	s := &m.scene
	before := s.Running
	if !s.known || s.Zone != n.snapshot.Zone {
		s.zone = zone(n.snapshot.Zone, n.snapshot.At)
	}
	s.Snapshot, s.known, m.heard = *n.snapshot, true, n.heard
	index := m.roster.learn(s.Roster, s.RosterID)
	s.gather()
	m.trend.learn(n.snapshot)
	m.draws.learn(s.Next)
	m.followAttack(before)
	m.attack.see(s)
	m.output.sumUp(m.past.over(s))
	if m.skipped != "" && s.Next != nil && s.Next.ID != m.skipped {
		m.say(m.look.good, "drawn instead: "+s.Next.Attack+" on "+s.Next.Host)
		m.skipped = ""
	}
	return tea.Batch(index, m.reorder())
}

// reader is how long the roster stays where the person moved it, whatever happens elsewhere in it.
const reader = 10 * time.Second

// followAttack brings the host of an attack that has just begun into view. The selection stays where it is.
func (m *root) followAttack(before []engine.Run) {
	if len(m.scene.Running) == 0 {
		m.roster.led = ""
	}
	known := make(map[string]bool, len(before))
	for i := range before {
		known[before[i].ID] = true
	}
	for i := range m.scene.Running {
		r := &m.scene.Running[i]
		if !known[r.ID] && (m.moved.IsZero() || m.options.Wall().Sub(m.moved) >= reader) {
			m.roster.led = r.Host.Name
			return
		}
	}
}

// zone is the schedule's, for showing times in it. A name that this machine does not know leaves the
// offset that the engine's own time came with.
func zone(name string, at time.Time) *time.Location {
	if l, err := time.LoadLocation(name); err == nil && name != "" {
		return l
	}
	return at.Location()
}

// refresh brings the scene to the present moment.
func (m *root) refresh() {
	now := m.options.Now()
	s := &m.scene
	s.now = s.At.Add(now.Sub(m.heard))
	heard := m.heard
	if !s.LinkLost.IsZero() {
		s.lost, heard = true, s.LinkLost
	}
	s.age, s.warning, s.small = now.Sub(heard), m.delivery.warning(s.shell("stop")), tooSmall(m.w, m.h)
	s.typing = m.current().textual()
	if s.lost {
		s.now = s.At // what is not known does not count down
	}
	m.age()
}

// current is the mode that has the keys.
func (m *root) current() mode {
	switch {
	case tooSmall(m.w, m.h) && m.mode != leaving:
		return cramped
	case m.mode == choosing && m.hand.types():
		return typing
	}
	return m.mode
}

// keys handles all that arrived in one read, key by key. If one of them stops, only the stop counts: what
// came before it has not been carried out yet, and what came after it is not looked at.
func (m *root) keys(msg tea.KeyMsg) tea.Cmd {
	m.refresh()
	if msg.Paste {
		return m.pasted(msg.Runes)
	}
	m.asked, m.stopped = false, false
	var cmds []tea.Cmd
	for _, k := range split(msg) {
		cmd := m.press(k)
		if m.stopped {
			return cmd
		}
		cmds = append(cmds, cmd)
	}
	return tea.Batch(cmds...)
}

// pasted text is text: it goes into a text field or nowhere.
func (m *root) pasted(text []rune) tea.Cmd {
	switch m.current() {
	case filtering:
		m.field.paste(text)
		m.sift()
	case typing:
		m.hand.paste(text)
	default:
		m.say(m.look.warn, "pasted text is ignored")
	}
	return nil
}

// pressed is a key for the key bindings.
type pressed string

func (p pressed) String() string { return string(p) }

// press finds the command of a key. A key that does not apply says why.
func (m *root) press(k string) tea.Cmd {
	all := m.commands(m.current())
	i := slices.IndexFunc(all, func(c command) bool { return key.Matches(pressed(k), c.Binding) })
	switch {
	case i < 0 && m.current() == filtering:
		return m.typed(k)
	case i < 0 && m.current() == typing:
		m.hand.edit(k)
		return nil
	case i < 0:
		return nil
	}
	if c := all[i]; c.bars != nil {
		if why := c.bars(m); why != "" {
			m.say(m.look.warn, why)
			return nil
		}
	}
	m.acted()
	return all[i].do(m)
}

// dismiss closes whatever is open.
func (m *root) dismiss() tea.Cmd {
	m.mode, m.exit = browsing, Terminated
	return nil
}

func (m *root) moveFocused(mo motion) {
	if m.mode == viewing || m.mode == filtering && m.field.back == viewing {
		if m.sheet.subject == ofEvents {
			m.events.move(mo)
			return
		}
		m.sheet.top = mo.apply(m.sheet.top, m.sheet.shown, max(0, m.sheet.length-m.sheet.shown))
		return
	}
	switch m.focus {
	case onNext:
		if m.day != nil {
			m.day.lines.move(mo)
			return
		}
		if len(m.scene.Running) > 0 {
			m.attack.move(mo)
			return
		}
		m.next.move(mo)
	case onRoster:
		m.moved = m.options.Wall()
		m.roster.move(mo)
	case onOutput:
		m.output.move(mo)
	}
}

// View is the screen as a string; it is made anew only when something has changed.
func (m *root) View() (frame string) {
	defer m.end.guard("drawing the screen")
	if m.stale && m.w > 0 && m.h > 0 {
		m.frame, m.stale = strings.Join(m.screen(), "\n"), false
		if m.paint != nil {
			m.paint(m.frame, m.w)
		}
	}
	return m.frame
}

func (m *root) screen() []string {
	m.stale = false
	l := m.arranged()
	if l.small {
		return m.crampedView(m.w, m.h)
	}
	lines := append(header(m.look, &m.scene, &m.attack.crowd, m.w), m.body(l)...)
	over := m.toast.view(m.look, m.w)
	copy(lines[len(lines)-len(over):], over)
	return append(lines, m.keyBar(m.w))
}

func (m *root) arranged() layout {
	return arrange(m.w, m.h, m.topWants(), m.roster.wants(), m.day != nil)
}

func (m *root) topWants() int {
	if m.day != nil {
		return m.dayLines()
	}
	if len(m.scene.Running) > 0 {
		return m.attack.wants(&m.scene)
	}
	return max(4, m.next.wants(&m.scene))
}

// body is what stands between the header and the key bar.
func (m *root) body(l layout) []string {
	w, h := l.screen.w, l.screen.h-3
	switch m.mode {
	case asking:
		return m.questionView(w, h)
	case leaving:
		return m.leavingView(w, h)
	case helping:
		return m.helpView(w, h)
	case choosing:
		return m.handView(w, h)
	}
	k, s := m.look, &m.scene
	if m.mode == viewing || m.mode == filtering && m.field.back == viewing {
		p := m.sheetPane(k, rect{w, h})
		p.focused = true
		return k.box(rect{w, h}, p)
	}
	if m.zoomed {
		return m.zoomedView(rect{w, h})
	}
	first := m.next.view(k, s, l.next)
	switch {
	case m.day != nil:
		first = m.dayView(k, l.next, false)
	case len(s.Running) > 0:
		first = m.attack.view(k, s, l.next)
	}
	hosts, out := m.roster.view(k, s, l.roster), m.output.view(k, s, l.output)
	first.focused, hosts.focused, out.focused = m.focus == onNext, m.focus == onRoster, m.focus == onOutput
	asked, past := k.box(l.gates, gates(k, s, &m.trend, l.gates)), k.box(l.recent, m.past.view(k, s, l.recent))
	if l.recent.h < l.next.h {
		asked, past = append(asked, past...), nil
	}
	body := beside(k.box(l.next, first), asked, past)
	return append(append(body, k.box(l.roster, hosts)...), k.box(l.output, out)...)
}

// zoom gives the pane with the focus the whole body, or takes it back.
func (m *root) zoom() tea.Cmd {
	m.zoomed = !m.zoomed
	return nil
}

func (m *root) zoomedView(r rect) []string {
	k, s, p := m.look, &m.scene, pane{}
	switch {
	case m.focus == onRoster:
		p = m.roster.view(k, s, r)
	case m.focus == onOutput:
		p = m.output.view(k, s, r)
	case m.day != nil:
		p = m.dayView(k, r, true)
	case len(s.Running) > 0:
		p = m.attack.view(k, s, r)
	default:
		p = m.next.view(k, s, r)
	}
	p.focused, p.title = true, p.title+"  zoomed: z shows all"
	return k.box(r, p)
}
