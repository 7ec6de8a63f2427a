package tui

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// mode is who gets the keys.
type mode int

const (
	browsing  mode = iota
	filtering      // a text field in the last line: s types there, ctrl+c stops
	asking         // a question that y answers
	leaving        // the choice of how to quit
	helping
	viewing  // a sheet over the panes
	choosing // the dialog of an attack by hand, on a line that is chosen
	typing   // the same, on a line that is typed: s types there, ctrl+c stops
	cramped  // too small for panes: only stop and quit
)

// textual tells whether keys are text.
func (m mode) textual() bool { return m == filtering || m == typing }

// andBefore, as a help, puts the key into the line of the one before.
const andBefore = "+"

// command is a key with what it does, and with why it does not when it does not.
type command struct {
	name string // by which another key can be given to it; "" keeps its own
	key.Binding
	group string // heading in the help
	help  string // what it does, for the help, where that takes more words than the key bar has
	rank  int    // place in the key bar when it gets narrow: the lowest stay; 0 keeps it out
	do    func(*root) tea.Cmd
	bars  func(*root) string // why the key does not apply just now; nil or "": it does
}

func bind(keys []string, shown, what string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, what))
}

func keys(k ...string) []string { return k }

// commands is every key of the console. The first that matches acts; in no mode is there a second.
func commands(m mode) []command {
	stop := command{stopName, bind(keys("s", "S"), "s", "STOP ALL"), "EMERGENCY", "stop and undo everything", 1, (*root).stop, nil}
	suspend := command{"", bind(keys("ctrl+z"), "ctrl+z", "suspend"), "OTHER", "to the shell; fg returns", 0, func(r *root) tea.Cmd { return r.suspend() }, whyNotSuspend}
	interrupt := command{"", bind(keys("ctrl+c"), "ctrl+c", "stop; idle, twice: quit"), "EMERGENCY", "", 0, (*root).interrupt, nil}
	typed := command{stopName, bind(keys("ctrl+c"), "ctrl+c", "STOP ALL"), "EMERGENCY", "", 1, (*root).stop, nil}
	switch m {
	case filtering:
		return []command{typed, suspend,
			{"", bind(keys("enter"), "Enter", "done"), "FIND", "", 3, (*root).keepText, nil},
			{"", bind(keys("esc"), "Esc", "clear"), "FIND", "", 2, (*root).clearText, nil},
			{"", bind(keys("up"), "up", "previous row"), "FIND", "", 0, moves(lineUp), nil},
			{"", bind(keys("down"), "down", "next row"), "FIND", "", 0, moves(lineDown), nil},
		}
	case asking:
		return []command{stop, interrupt, suspend,
			{"", bind(keys("y"), "y", "yes"), "ANSWER", "", 2, (*root).agree, nil},
			{"", bind(keys("n", "esc", "q"), "n Esc", "cancel"), "ANSWER", "", 2, (*root).dismiss, nil},
			{"", bind(keys("enter", " "), "Enter", "does nothing"), "ANSWER", "", 0, nil, enterIsNoAnswer},
		}
	case leaving:
		return []command{stop, interrupt, suspend,
			{"", bind(keys("up", "k"), "k", "up"), "ANSWER", "", 4, (*root).choiceUp, nil},
			{"", bind(keys("down", "j", "tab"), "j", "down"), "ANSWER", "", 4, (*root).choiceDown, nil},
			{"", bind(keys("enter"), "Enter", "do it"), "ANSWER", "", 3, (*root).choose, nil},
			{"", bind(keys("esc", "n"), "Esc", "stay"), "ANSWER", "", 2, (*root).dismiss, nil},
		}
	case helping:
		return []command{stop, interrupt, suspend,
			{"", bind(keys("?", "esc", "q", "enter"), "? Esc", "back"), "HELP", "", 2, (*root).dismiss, nil},
			{"", bind(keys("j", "down", "pgdown", " "), "j", "down"), "HELP", "", 4, (*root).helpDown, nil},
			{"", bind(keys("k", "up", "pgup"), "k", "up"), "HELP", "", 4, (*root).helpUp, nil},
		}
	case choosing:
		return append([]command{stop, interrupt, suspend}, append(handCommands(),
			command{"", bind(keys("left", "h"), "left", "before"), "DIALOG", "", 4, (*root).handLeft, nil},
			command{"", bind(keys("right", "l", " "), "right", "change"), "DIALOG", "", 4, (*root).handRight, nil})...)
	case typing:
		return append([]command{typed, suspend}, handCommands()...)
	case cramped:
		return []command{stop, interrupt, suspend, {"quit", bind(keys("q"), "q", "quit"), "OTHER", "", 2, (*root).quit, nil}}
	case viewing:
		return append(append([]command{stop, interrupt}, viewingCommands()...), suspend)
	}
	return append(append([]command{stop, interrupt}, browsingCommands()...), suspend)
}

// handCommands are the keys of the dialog of an attack by hand, on every line of it.
func handCommands() []command {
	return []command{
		{"", bind(keys("tab", "down"), "Tab", "next line"), "DIALOG", "", 3, (*root).handNext, nil},
		{"", bind(keys("shift+tab", "up"), "shift+Tab", "line before"), "DIALOG", "", 5, (*root).handBefore, nil},
		{"", bind(keys("enter"), "Enter", "do it"), "DIALOG", "", 6, (*root).handEnter, nil},
		{"", bind(keys("esc"), "Esc", "cancel"), "DIALOG", "", 2, (*root).handCancel, nil},
	}
}

func browsingCommands() []command {
	return append([]command{
		{"run-once", bind(keys("r"), "r", "run once"), "SCHEDULE", "run the drawn one, then y", 4, (*root).askRun, whyNotRun},
		{"skip", bind(keys(">"), ">", "skip"), "SCHEDULE", "skip it and draw again", 8, (*root).skip, whyNotSkip},
		{"by-hand", bind(keys("a"), "a", "by hand"), "SCHEDULE", "attack by hand; approve", 7, (*root).openHand, whyNotByHand},
		{"approve", bind(keys("A"), "A", "approve"), "SCHEDULE", andBefore, 3, (*root).askApproval, whyNotApproval},
		{"begin-step", bind(keys("b"), "b", "begin step"), "GAME DAY", "begin the step, then y", 3, (*root).askApprove, whyNotApprove},
		{"leave-out-step", bind(keys("L"), "L", "leave out"), "GAME DAY", "leave it out, say why", 4, (*root).openLeaveOut, whyNotLeaveOut},
		{"pause", bind(keys("p"), "p", "pause/resume"), "SCHEDULE", "pause, resume, re-arm: y", 5, (*root).pause, whyNoOrder},
		{"exclude", bind(keys("x"), "x", "exclude/include"), "HOSTS", "exclude; include, then y", 12, (*root).exclude, whyNotExclude},
		{"mark", bind(keys(" "), "space", "mark"), "HOSTS", "mark; else a page down", 0, (*root).mark, nil},
		{"sort", bind(keys("o"), "o", "sort"), "HOSTS", "sort by a column, reverse", 16, (*root).nextColumn, nil},
		{"reverse", bind(keys("O"), "O", "reverse"), "HOSTS", andBefore, 0, (*root).reverse, nil},
		{"details", bind(keys("enter"), "Enter", "details"), "HOSTS", "details of the host;\nin pane 1: why this host", 11, (*root).details, nil},
		{"next-pane", bind(keys("tab"), "Tab", "pane"), "MOVE", "panes", 9, focuses(+1), nil},
		{"pane-before", bind(keys("shift+tab"), "shift+Tab", "pane before"), "MOVE", andBefore, 0, focuses(-1), nil},
		{"pane-1", bind(keys("1"), "1", "next attack"), "MOVE", andBefore, 0, focusOn(onNext), nil},
		{"pane-2", bind(keys("2"), "2", "hosts"), "MOVE", andBefore, 0, focusOn(onRoster), nil},
		{"pane-3", bind(keys("3"), "3", "output"), "MOVE", andBefore, 0, focusOn(onOutput), nil},
		{"zoom", bind(keys("z"), "z", "zoom"), "MOVE", "this pane alone", 14, (*root).zoom, nil},
		{"clear", bind(keys("esc"), "Esc", "clear"), "FIND", "clear it; leave the zoom", 0, (*root).clearFilter, nil},
		{"quit", bind(keys("q"), "q", "quit"), "OTHER", "quit; asks while it runs", 3, (*root).quit, nil},
	}, sharedCommands()...)
}

// viewingCommands are the keys of a sheet over the panes.
func viewingCommands() []command {
	return append([]command{
		{"", bind(keys("esc", "q", "enter"), "Esc", "back"), "OTHER", "", 2, (*root).closeSheet, nil},
		{"", bind(keys(" "), "space", "page down"), "MOVE", "", 0, moves(pageDown), nil},
	}, sharedCommands()...)
}

// sharedCommands are the keys that the panes and the sheets over them have in common.
func sharedCommands() []command {
	return []command{
		{"filter", bind(keys("/"), "/", "find"), "FIND", "filter hosts, find lines", 6, (*root).openFilter, whyNotLines},
		{"only", bind(keys("&"), "&", "only"), "FIND", "output: only such lines", 0, (*root).openOnly, whyNotInOutput},
		{"next-match", bind(keys("n"), "n", "next match"), "FIND", "next match, one before", 0, another(+1), whyNoMatch},
		{"match-before", bind(keys("N"), "N", "match before"), "FIND", andBefore, 0, another(-1), whyNoMatch},
		{"follow", bind(keys("f"), "f", "follow"), "OUTPUT", "follow or hold still", 13, (*root).follow, whyNotLines},
		{"wrap", bind(keys("w"), "w", "wrap"), "OUTPUT", "wrap long lines; times", 0, (*root).wrap, whyNotLines},
		{"times", bind(keys("t"), "t", "times"), "OUTPUT", andBefore, 0, (*root).times, whyNotLines},
		{"copy", bind(keys("y"), "y", "copy"), "OUTPUT", "copy line; write to file", 17, (*root).yank, nil},
		{"save", bind(keys("W"), "W", "write"), "OUTPUT", andBefore, 0, (*root).save, nil},
		{"down", bind(keys("j", "down"), "j down", "down"), "MOVE", "down, up", 0, moves(lineDown), nil},
		{"up", bind(keys("k", "up"), "k up", "up"), "MOVE", andBefore, 0, moves(lineUp), nil},
		{"left", bind(keys("h", "left"), "h left", "sideways"), "MOVE", "output sideways", 0, sideways(-8), whyNotInOutput},
		{"right", bind(keys("l", "right"), "l right", "sideways"), "MOVE", andBefore, 0, sideways(+8), whyNotInOutput},
		{"half-down", bind(keys("ctrl+d"), "ctrl+d", "half a page down"), "MOVE", "half a page", 0, moves(halfDown), nil},
		{"half-up", bind(keys("ctrl+u"), "ctrl+u", "half a page up"), "MOVE", andBefore, 0, moves(halfUp), nil},
		{"page-down", bind(keys("pgdown"), "PgDn", "page down"), "MOVE", "a page", 0, moves(pageDown), nil},
		{"page-up", bind(keys("pgup"), "PgUp", "page up"), "MOVE", andBefore, 0, moves(pageUp), nil},
		{"top", bind(keys("g", "home"), "g", "top"), "MOVE", "top; bottom, follow", 0, moves(toTop), nil},
		{"bottom", bind(keys("G", "end"), "G", "bottom, follow"), "MOVE", andBefore, 0, moves(toBottom), nil},
		{"events", bind(keys("e"), "e", "events"), "OTHER", "events; gates; past ones", 15, (*root).openEvents, nil},
		{"gates", bind(keys("c"), "c", "gates"), "OTHER", andBefore, 18, (*root).openGates, nil},
		{"past", bind(keys("H"), "H", "past ones"), "OTHER", andBefore, 19, (*root).openPast, nil},
		{"note", bind(keys("i"), "i", "note"), "OTHER", "a note into the record", 10, (*root).openNote, whyNoOrder},
		{"theme", bind(keys("T"), "T", "theme"), "OTHER", "next theme; mouse", 0, (*root).changeTheme, nil},
		{"mouse", bind(keys("m"), "m", "mouse"), "OTHER", andBefore, 0, (*root).toggleMouse, nil},
		{"help", bind(keys("?"), "?", "help"), "OTHER", "", 2, (*root).openHelp, nil},
	}
}

func moves(m motion) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { r.moveFocused(m); return nil }
}

func another(by int) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { r.log().another(by); return nil }
}

func sideways(by int) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { o := r.log(); o.left = max(0, min(o.left+by, 4000)); return nil }
}

func focuses(by int) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { r.focus = (r.focus + by + panes) % panes; return nil }
}

func focusOn(pane int) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { r.focus = pane; return nil }
}

// The reasons. Each is the sentence that the key answers with.

func whyNoOrder(r *root) string {
	switch {
	case !r.scene.known:
		return "nothing is known of the engine yet"
	case r.options.ReadOnly:
		return "this console is read-only: of all orders it gives stop alone"
	case r.scene.lost:
		return "the engine cannot be reached; only stop is tried anyway"
	}
	return ""
}

// inOutput tells whether the keys go to lines of output or of the event log.
func (m *root) inOutput() bool {
	if m.mode == viewing {
		return m.sheet.subject == ofEvents
	}
	return m.focus == onOutput
}

func whyNotInOutput(r *root) string {
	if !r.inOutput() {
		return "that is for lines: go to the output (3) or the event log (e) first"
	}
	return ""
}

// whyNotLines: among the panes these keys reach the output from everywhere.
func whyNotLines(r *root) string {
	if r.mode == viewing {
		return whyNotInOutput(r)
	}
	return ""
}

func whyNoMatch(r *root) string {
	switch o := r.log(); {
	case o.search.needle == "":
		return "nothing is looked for: go to the output (3), then /"
	case !o.search.any():
		return "nothing matches " + o.search.needle
	}
	return ""
}

func whyNotRun(r *root) string {
	if why := whyNoOrder(r); why != "" {
		return why
	}
	switch {
	case r.scene.attacking():
		return "locked while an attack runs; " + r.scene.stopKey() + " stops it"
	case r.scene.Stopped != nil:
		return "stopped by " + r.scene.Stopped.By + "; p, then y, resumes"
	case slices.Contains(bindsOrders, r.scene.Verdict.Name):
		return r.scene.Verdict.Sentence
	}
	return ""
}

// bindsOrders are the verdicts that refuse an ordered attack as they do a scheduled one: to ask for it would
// be in vain. The engine has the last word on everything else.
var bindsOrders = []engine.Reason{
	engine.ResidueLeft, engine.Reconciling, engine.IsStopped, engine.OutsideHours, engine.Holiday, engine.Frozen,
	engine.AtLimit, engine.DailyLimit,
}

// whyNotSuspend: a suspended process keeps no lease alive and hears no answer, so the engine must be elsewhere.
func whyNotSuspend(r *root) string {
	switch {
	case r.options.Remote != nil:
		return "not suspended: there is no shell behind this console; q quits"
	case r.scene.attached:
		return ""
	case r.scene.attacking():
		return "not suspended: the attack is run from here; s stops it"
	}
	return "not suspended: the engine runs in this console; q quits"
}

func whyNotSkip(r *root) string {
	if why := whyNoOrder(r); why != "" {
		return why
	}
	switch {
	case r.scene.attacking():
		return "locked while an attack runs; " + r.scene.stopKey() + " stops it"
	case r.scene.Next == nil:
		return "nothing is drawn that could be skipped: " + r.scene.Verdict.Sentence
	}
	return ""
}

func whyNotExclude(r *root) string {
	if why := whyNoOrder(r); why != "" {
		return why
	}
	host, known := r.roster.source.Find(r.roster.selected)
	switch {
	case r.focus != onRoster:
		return "x takes out the selected host: go to the hosts first (2)"
	case len(r.roster.marks) > 0:
		return ""
	case !known:
		return "no host is selected: j and k select"
	case host.Barred != "":
		return host.Name + " is kept out by the configuration: " + host.Barred
	}
	return ""
}

// never tells of a key that does nothing in this console, whatever happens.
func (m *root) never(c command) bool {
	switch c.name {
	case "run-once", "skip", "by-hand", "approve", "begin-step", "leave-out-step", "pause", "exclude", "note":
		return m.options.ReadOnly
	case "save":
		return m.options.SaveDir == NoFiles
	}
	return slices.Contains(c.Keys(), "ctrl+z") && (m.options.Remote != nil || !m.scene.attached)
}

func enterIsNoAnswer(*root) string { return "Enter is no answer here: y does it, Esc cancels" }

// split makes single keys of what arrived in one read. Bubble Tea v1 hands over runes that came together
// as one key: hitting s five times over a slow link is the one key "sssss". And it takes Esc followed by a
// key for Alt and that key, since the bytes are the same: here it is Esc, then the key.
func split(msg tea.KeyMsg) []string {
	var all []string
	if msg.Alt {
		all = append(all, "esc")
		msg.Alt = false
	}
	if msg.Type != tea.KeyRunes {
		return append(all, msg.String())
	}
	for _, r := range msg.Runes {
		all = append(all, string(r))
	}
	return all
}
