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
	filtering      // a text field: s types there, ctrl+c stops
	asking         // a question that y answers
	leaving        // the choice of how to quit
	helping
	cramped // too small for panes: only stop and quit
)

// command is a key with what it does, and with why it does not when it does not.
type command struct {
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
	stop := command{bind(keys("s", "S"), "s", "STOP ALL"), "EMERGENCY", "stop and undo everything", 1, (*root).stop, nil}
	suspend := command{bind(keys("ctrl+z"), "ctrl+z", "suspend"), "OTHER", "to the shell; fg returns", 0, func(r *root) tea.Cmd { return r.suspend() }, whyNotSuspend}
	interrupt := command{bind(keys("ctrl+c"), "ctrl+c", "stop; idle, twice: quit"), "EMERGENCY", "", 0, (*root).interrupt, nil}
	switch m {
	case filtering:
		typed := command{bind(keys("ctrl+c"), "ctrl+c", "STOP ALL"), "EMERGENCY", "", 1, (*root).stop, nil}
		return []command{typed, suspend,
			{bind(keys("enter"), "Enter", "keep the filter"), "FIND", "", 3, (*root).keepFilter, nil},
			{bind(keys("esc"), "Esc", "clear it"), "FIND", "", 2, (*root).clearFilter, nil},
			{bind(keys("up"), "up", "previous row"), "FIND", "", 0, moves(lineUp), nil},
			{bind(keys("down"), "down", "next row"), "FIND", "", 0, moves(lineDown), nil},
		}
	case asking:
		return []command{stop, interrupt, suspend,
			{bind(keys("y"), "y", "yes"), "ANSWER", "", 2, (*root).agree, nil},
			{bind(keys("n", "esc", "q"), "n Esc", "cancel"), "ANSWER", "", 2, (*root).dismiss, nil},
			{bind(keys("enter", " "), "Enter", "does nothing"), "ANSWER", "", 0, nil, enterIsNoAnswer},
		}
	case leaving:
		return []command{stop, interrupt, suspend,
			{bind(keys("up", "k"), "k", "up"), "ANSWER", "", 4, (*root).choiceUp, nil},
			{bind(keys("down", "j", "tab"), "j", "down"), "ANSWER", "", 4, (*root).choiceDown, nil},
			{bind(keys("enter"), "Enter", "do it"), "ANSWER", "", 3, (*root).choose, nil},
			{bind(keys("esc", "n"), "Esc", "stay"), "ANSWER", "", 2, (*root).dismiss, nil},
		}
	case helping:
		return []command{stop, interrupt, suspend,
			{bind(keys("?", "esc", "q", "enter"), "? Esc", "back"), "HELP", "", 2, (*root).dismiss, nil},
			{bind(keys("j", "down", "pgdown", " "), "j", "down"), "HELP", "", 4, (*root).helpDown, nil},
			{bind(keys("k", "up", "pgup"), "k", "up"), "HELP", "", 4, (*root).helpUp, nil},
		}
	case cramped:
		return []command{stop, interrupt, suspend, {bind(keys("q"), "q", "quit"), "OTHER", "", 2, (*root).quit, nil}}
	}
	return append(append([]command{stop, interrupt}, browsingCommands()...), suspend)
}

func browsingCommands() []command {
	return []command{
		{bind(keys("r"), "r", "run once"), "SCHEDULE", "run the drawn one, then y", 4, (*root).askRun, whyNotRun},
		{bind(keys(">"), ">", "skip"), "SCHEDULE", "skip it and draw again", 8, (*root).skip, whyNotSkip},
		{bind(keys("p"), "p", "pause/resume"), "SCHEDULE", "pause, resume, re-arm: y", 5, (*root).pause, whyNoOrder},
		{bind(keys("x"), "x", "exclude/include"), "HOSTS", "exclude; include, then y", 10, (*root).exclude, whyNotExclude},
		{bind(keys("/"), "/", "filter"), "HOSTS", "filter pane by words", 6, (*root).openFilter, nil},
		{bind(keys("f"), "f", "follow"), "OUTPUT", "follow or hold still", 11, (*root).follow, nil},
		{bind(keys("tab"), "Tab", "pane"), "MOVE", "next pane", 9, focuses(+1), nil},
		{bind(keys("shift+tab"), "shift+Tab", "pane before"), "MOVE", "", 0, focuses(-1), nil},
		{bind(keys("1"), "1", "next attack"), "MOVE", "", 0, focusOn(onNext), nil},
		{bind(keys("2"), "2", "hosts"), "MOVE", "", 0, focusOn(onRoster), nil},
		{bind(keys("3"), "3", "output"), "MOVE", "", 0, focusOn(onOutput), nil},
		{bind(keys("j", "down"), "j down", "down"), "MOVE", "", 0, moves(lineDown), nil},
		{bind(keys("k", "up"), "k up", "up"), "MOVE", "", 0, moves(lineUp), nil},
		{bind(keys("ctrl+d"), "ctrl+d", "half a page down"), "MOVE", "", 0, moves(halfDown), nil},
		{bind(keys("ctrl+u"), "ctrl+u", "half a page up"), "MOVE", "", 0, moves(halfUp), nil},
		{bind(keys("pgdown", " "), "PgDn", "page down"), "MOVE", "", 0, moves(pageDown), nil},
		{bind(keys("pgup"), "PgUp", "page up"), "MOVE", "", 0, moves(pageUp), nil},
		{bind(keys("g", "home"), "g", "top"), "MOVE", "", 0, moves(toTop), nil},
		{bind(keys("G", "end"), "G", "bottom, follow"), "MOVE", "", 0, moves(toBottom), nil},
		{bind(keys("esc"), "Esc", "clear its filter"), "HOSTS", "", 0, (*root).clearFilter, nil},
		{bind(keys("?"), "?", "help"), "OTHER", "", 2, (*root).openHelp, nil},
		{bind(keys("q"), "q", "quit"), "OTHER", "quit; asks while it runs", 3, (*root).quit, nil},
	}
}

func moves(m motion) func(*root) tea.Cmd {
	return func(r *root) tea.Cmd { r.moveFocused(m); return nil }
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
	case r.scene.lost:
		return "the engine cannot be reached; only stop is tried anyway"
	}
	return ""
}

func whyNotRun(r *root) string {
	if why := whyNoOrder(r); why != "" {
		return why
	}
	switch {
	case r.scene.attacking():
		return "locked while an attack runs; s stops it"
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
		return "locked while an attack runs; s stops it"
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
	case !known:
		return "no host is selected: j and k select"
	case host.Barred != "":
		return host.Name + " is kept out by the configuration: " + host.Barred
	}
	return ""
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
