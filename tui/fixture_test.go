package tui

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
)

// fakeConsole is an engine that remembers what it was told.
type fakeConsole struct {
	mu      sync.Mutex
	orders  []engine.Order
	answer  error                               // what orders are answered with
	obey    func(context.Context, engine.Order) // called for each order, if set
	watch   func(context.Context) <-chan engine.Snapshot
	history func(after uint64) ([]engine.Record, error)
}

func (f *fakeConsole) Watch(ctx context.Context) <-chan engine.Snapshot {
	if f.watch != nil {
		return f.watch(ctx)
	}
	never := make(chan engine.Snapshot)
	context.AfterFunc(ctx, func() { close(never) })
	return never
}

func (f *fakeConsole) History(_ context.Context, after uint64) ([]engine.Record, error) {
	if f.history != nil {
		return f.history(after)
	}
	return nil, nil
}

func (f *fakeConsole) Order(ctx context.Context, o engine.Order) error {
	if f.obey != nil {
		f.obey(ctx, o)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, o)
	return f.answer
}

// given is the orders so far, each as its kind with host and attack.
func (f *fakeConsole) given() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, o := range f.orders {
		text := string(o.Kind)
		for _, s := range []string{o.Attack, o.Host} {
			if s != "" {
				text += " " + s
			}
		}
		all = append(all, text)
	}
	return all
}

func (f *fakeConsole) refuse(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = nil
	if why != "" {
		f.answer = errors.New(why)
	}
}

// desk is a console with a person at it: keys go in, the screen comes out, time passes when told. There
// is no terminal and no goroutine; commands are carried out at once, except those that wait.
type desk struct {
	m    *root
	con  *fakeConsole
	time time.Time
	quit bool

	patience time.Duration // with commands that may be waiting; where none waits, it may be long
}

var noon = time.Date(2026, 7, 23, 14, 47, 53, 0, time.UTC)

func newDesk(with func(*Options)) *desk {
	d := &desk{con: &fakeConsole{}, time: noon}
	o := Options{Console: d.con, Now: func() time.Time { return d.time }, By: "ada"}
	if with != nil {
		with(&o)
	}
	d.m = newRoot(context.Background(), o, &ending{quit: func() {}}, nil)
	d.m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

// show makes the console see a snapshot.
func (d *desk) show(s engine.Snapshot, records ...engine.Record) *desk {
	d.m.hear(newsMsg{snapshot: &s, heard: d.time, records: records})
	d.m.Update(tickMsg{})
	return d
}

// read is one read of the terminal.
func (d *desk) read(msg tea.KeyMsg) *desk {
	_, cmd := d.m.Update(msg)
	d.carryOut(cmd)
	return d
}

// runes is runes that arrive together.
func (d *desk) runes(text string) *desk {
	return d.read(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)})
}

// type_ is keys one after the other, each a moment after the one before.
func (d *desk) keys(names ...tea.KeyMsg) *desk {
	for _, n := range names {
		d.wait(time.Second).read(n)
	}
	return d
}

func (d *desk) wait(t time.Duration) *desk {
	d.time = d.time.Add(t)
	d.tick()
	return d
}

// tick is a second that has passed. What it means for a game day, the test of that says itself.
func (d *desk) tick() {
	day := d.m.day
	d.m.day = nil
	d.m.Update(tickMsg{})
	d.m.day = day
}

// carryOut runs commands as Bubble Tea would, and feeds back their answers. Only orders and quitting are
// of interest here; whatever waits for time or news is left alone.
func (d *desk) carryOut(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := promptly(cmd, max(d.patience, 50*time.Millisecond)).(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			d.carryOut(c)
		}
	case tea.QuitMsg:
		d.quit = true
	case orderedMsg, dayReadMsg, dayNewsMsg, dayOrderedMsg:
		_, next := d.m.Update(msg)
		d.carryOut(next)
	}
}

// promptly is the answer of a command, or nothing if it has none at once.
func promptly(cmd tea.Cmd, patience time.Duration) tea.Msg {
	answer := make(chan tea.Msg, 1)
	go func() { answer <- cmd() }()
	select {
	case msg := <-answer:
		return msg
	case <-time.After(patience):
		return nil
	}
}

func (d *desk) screen(w, h int) string {
	d.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	screen := d.m.View()
	var crash *Crash
	if errors.As(d.m.end.err, &crash) { // the console recovers and leaves; a test must not overlook it
		panic(fmt.Sprintf("%v\n%s", crash, crash.Stack))
	}
	return screen
}

var (
	enter  = tea.KeyMsg{Type: tea.KeyEnter}
	esc    = tea.KeyMsg{Type: tea.KeyEsc}
	ctrlC  = tea.KeyMsg{Type: tea.KeyCtrlC}
	up     = tea.KeyMsg{Type: tea.KeyUp}
	down   = tea.KeyMsg{Type: tea.KeyDown}
	tabKey = tea.KeyMsg{Type: tea.KeyTab}
)

func char(r rune) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}} }

// fleet is hosts in three roles and zones.
func fleet(n int) *engine.Roster {
	roles := []string{"web", "db", "api"}
	hosts := make([]engine.Host, n)
	for i := range hosts {
		role := roles[i%3]
		hosts[i] = engine.Host{
			Name:    fmt.Sprintf("%s-%05d.prod-eu.example.net", role, i),
			Address: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), Port: 22,
			Groups: []string{role, "linux"}, Tags: map[string]string{"zone": "eu-1" + string(rune('a'+i%3)), "team": "payments"},
		}
	}
	return engine.NewRoster(hosts)
}

func smallFleet() *engine.Roster {
	var hosts []engine.Host
	for i, role := range []string{"web", "web", "web", "web", "db", "api", "api", "web", "web", "web", "web", "db"} {
		hosts = append(hosts, engine.Host{
			Name: fmt.Sprintf("%s-%03d", role, i+1), Address: fmt.Sprintf("10.0.0.%d", i+1), Port: 22,
			Groups: []string{role}, Tags: map[string]string{"zone": "eu-1" + string(rune('a'+i%3))},
		})
	}
	hosts[10].Barred = "exclude: web-011"
	return engine.NewRoster(hosts)
}

func armed() engine.Snapshot {
	facts := map[string]engine.Facts{"web-009": {At: noon.Add(-time.Minute), Unreachable: "ssh: connect timed out after 5s"}}
	return engine.Snapshot{
		At: noon, Name: "prod-eu", Version: "0.1.0", Mood: engine.MoodArmed, Zone: "Europe/Paris",
		Verdict: engine.Verdict{Name: engine.Settling, Sentence: "resting until 17:11:03 after the last attack"},
		Window:  engine.WindowView{Open: true, Closes: noon.Add(4*time.Hour + 12*time.Minute + 7*time.Second), Text: "Mon-Fri 10:00-21:00 Europe/Paris"},
		Next: &engine.Draw{ID: "20260723-0008", At: noon.Add(-6 * time.Minute), Eligible: 9, Host: "web-002", Attack: "cpu-burn",
			Weights: map[string]int64{"cpu-burn": 10, "latency": 6}},
		NextAt: noon.Add(23*time.Minute + 10*time.Second),
		Chances: []engine.Chance{
			{Attack: "cpu-burn", Weight: 10, Chance: .38, Eligible: 9}, {Attack: "latency", Weight: 6, Chance: .23, Eligible: 9},
			{Attack: "kill-nginx", Weight: 5, Chance: .19, Eligible: 6}, {Attack: "reboot", Weight: 5, Chance: .20, Eligible: 9},
			{Attack: "blackhole", Weight: 0, Eligible: 9, Note: "only by order"},
		},
		Attacks: []engine.Attack{
			{Name: "cpu-burn", Weight: 10, For: time.Minute, Reversible: true}, {Name: "latency", Weight: 6, For: 2 * time.Minute, Reversible: true},
			{Name: "kill-nginx", Weight: 5, For: time.Minute, Hosts: engine.Selector{"group:web"}, Reversible: true}, {Name: "reboot", Weight: 5, For: 5 * time.Minute, Reversible: true},
			{Name: "blackhole", For: time.Minute, Reversible: true},
		},
		Gates: []engine.GateView{
			{Name: "shop", Kind: engine.Health, Clear: true, Text: "200 in 31ms", At: noon.Add(-3 * time.Second)},
			{Name: "orders", Kind: engine.Health, Clear: true, Text: "0 errors of at most 5", At: noon.Add(-21 * time.Second)},
			{Name: "rota", Kind: engine.OnCall, Clear: true, Text: "grace", At: noon.Add(-50 * time.Second)},
		},
		Recent: []engine.Record{
			{At: noon.Add(-2 * time.Hour), Kind: engine.Closed, Host: "web-007", Attack: "latency", Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true}},
			{At: noon.Add(-26 * time.Hour), Kind: engine.Closed, Host: "db-005", Attack: "reboot", Outcome: &engine.Outcome{Effect: engine.Weak, Undo: engine.Residue, Applied: true}},
		},
		Total: 12, Eligible: 9, Roster: smallFleet(), RosterID: 1, LastSeq: 12,
		Hosts: engine.HostFacts{
			Cooldown: 24 * time.Hour, FactsFor: time.Hour, Facts: facts,
			Attacked: map[string]engine.Attacked{"web-008": {At: noon.Add(-2 * time.Hour), Attack: "latency"}, "web-001": {At: noon.Add(-6 * 24 * time.Hour), Attack: "cpu-burn"}},
			Excluded: map[string]engine.Exclusion{"web-003": {By: "ops", Reason: "migration", Until: noon.Add(70 * time.Minute)}},
		},
	}
}

func attacking() engine.Snapshot {
	s := armed()
	host, _ := s.Roster.Find("web-002")
	s.Mood, s.Next, s.NextAt = engine.MoodAttacking, nil, time.Time{}
	s.Verdict = engine.Verdict{Name: engine.AtLimit, Sentence: "1 attack is running, as many as allowed"}
	s.Running = []engine.Run{{
		ID: "20260723-0008", Host: host, Attack: s.Attacks[0], For: time.Minute, Trigger: engine.BySchedule,
		Started: noon.Add(-43 * time.Second), Phase: engine.Holding, Since: noon.Add(-41 * time.Second), Until: noon.Add(19 * time.Second),
		Guard:   &engine.Guard{Layers: []string{"kernel", "guard", "systemd"}, Lease: 15 * time.Second, Deadline: 75 * time.Second},
		Figures: engine.Figures{Text: "cpu busy 4 -> 81 %"},
	}}
	return s
}

func undoing() engine.Snapshot {
	s := attacking()
	s.Mood = engine.MoodUndoing
	s.Stopped = &engine.Latch{At: noon.Add(-time.Second), By: "ada", Door: "console"}
	s.Verdict = engine.Verdict{Name: engine.IsStopped, Sentence: "stopped by ada (console) at 16:47:52"}
	s.Running[0].Phase, s.Running[0].Since, s.Running[0].Stopping = engine.Undoing, noon.Add(-time.Second), "stopped by ada (console)"
	return s
}

func stopped() engine.Snapshot {
	s := armed()
	s.Mood, s.NextAt = engine.MoodStopped, time.Time{}
	s.Stopped = &engine.Latch{At: noon.Add(-time.Minute), By: "ada", Door: "console", Reason: "p99 looks odd"}
	s.Verdict = engine.Verdict{Name: engine.IsStopped, Sentence: "stopped by ada (console) at 16:46:53: p99 looks odd; chaoscat resume arms it again"}
	return s
}

func closed() engine.Snapshot {
	s := armed()
	s.Mood = engine.MoodClosed
	s.Window.Open, s.Window.Closes, s.Window.Opens = false, time.Time{}, noon.Add(63*time.Hour)
	s.NextAt = s.Window.Opens
	s.Verdict = engine.Verdict{Name: engine.OutsideHours, Sentence: "outside hours (Mon-Fri 10:00-21:00 Europe/Paris); the next window opens Mon 10:00"}
	return s
}

func residue() engine.Snapshot {
	s := armed()
	s.Mood = engine.MoodHeld
	s.Hosts.Residue = map[string]engine.Leftover{"db-005": {Since: noon.Add(-26 * time.Hour), Text: "qdisc netem still on eth0"}}
	s.Gates[0].Clear, s.Gates[0].Text = false, "503 in 2.1s"
	s.Verdict = engine.Verdict{Name: engine.ResidueLeft, Sentence: "db-005 may still carry a fault: qdisc netem still on eth0; look, then clear it"}
	return s
}

func dryRun() engine.Snapshot {
	s := armed()
	s.DryRun, s.Demo = true, true
	return s
}

// crowded is three attacks at once.
func crowded() engine.Snapshot {
	s := attacking()
	for i, name := range []string{"db-005", "api-006"} {
		r := s.Running[0]
		r.Host, _ = s.Roster.Find(name)
		r.ID, r.Attack = fmt.Sprintf("20260723-00%02d", 9+i), s.Attacks[1]
		r.Phase = []engine.Phase{engine.Connecting, engine.Lost}[i]
		r.Until, r.Guard = time.Time{}, nil
		s.Running = append(s.Running, r)
	}
	return s
}

// thousand is one order on a thousand hosts, and a scheduled attack beside it.
func thousand() engine.Snapshot {
	s := attacking()
	s.Roster, s.Total, s.Eligible, s.RosterID = fleet(1500), 1500, 499, 2
	of := "20260723-144711-7f3a91c2"
	single := s.Running[0]
	single.Host, _ = s.Roster.Find("web-01200.prod-eu.example.net")
	s.Running = []engine.Run{single}
	for i := range 1000 {
		r := single
		r.ID, r.Of, r.Host = fmt.Sprintf("%s-%03d", of, i+1), of, s.Roster.At(i)
		r.Attack, r.By, r.Reason, r.Trigger = engine.Attack{Name: "blackhole", Reversible: true}, "ada", "game day", engine.ByOrder
		r.Figures = engine.Figures{Text: "pings answered 100 -> 0 %"}
		s.Running = append(s.Running, r)
	}
	for i := range 3 {
		s.Running[100+i].Phase, s.Running[100+i].Until = engine.Undoing, time.Time{}
	}
	s.Running[7].Phase, s.Running[7].Until = engine.Lost, noon.Add(11*time.Second)
	return s
}

// thousandStopped is the same order some moments after a stop: three hosts are out of reach, one was left with residue.
func thousandStopped() engine.Snapshot {
	s := thousand()
	s.Mood = engine.MoodUndoing
	s.Stopped = &engine.Latch{At: noon.Add(-time.Second), By: "ada", Door: "console"}
	s.Verdict = engine.Verdict{Name: engine.IsStopped, Sentence: "stopped by ada (console) at 16:47:52"}
	left := s.Running[400]
	left.Phase, left.Settled, left.Stopping = engine.Verifying, true, "stopped by ada (console)"
	s.Hosts.Residue = map[string]engine.Leftover{left.Host.Name: {Since: noon, Run: left.ID, Text: "qdisc netem still on eth0"}}
	var running []engine.Run
	for i, r := range s.Running[5:10] {
		r.Phase, r.Since, r.Stopping = engine.Undoing, noon, "stopped by ada (console)"
		if i < 4 {
			r.Phase, r.Until = engine.Lost, noon.Add(time.Duration(9+i)*time.Second)
		}
		running = append(running, r)
	}
	s.Running = append(running, left)
	return s
}

// stoppedNow is a snapshot in which a stop has just been latched.
func stoppedNow(s engine.Snapshot) engine.Snapshot {
	s.Mood, s.Stopped = engine.MoodUndoing, &engine.Latch{At: noon, By: "ada", Door: "console"}
	for i := range s.Running {
		s.Running[i].Stopping = "stopped by ada (console)"
	}
	return s
}

// ends are the outcomes of that order.
func ends() (records []engine.Record) {
	for i, r := range thousand().Running[1:] {
		o := &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true}
		switch {
		case i == 500:
			o = &engine.Outcome{Effect: engine.Refused}
		case i > 996:
			o.Effect = engine.Weak
		}
		records = append(records, engine.Record{Seq: uint64(100 + i), At: noon.Add(time.Duration(i) * time.Millisecond), Kind: engine.Closed, Run: r.ID, Of: r.Of,
			Host: r.Host.Name, Attack: "blackhole", Outcome: o, Text: "blackhole on " + r.Host.Name + ": " + string(o.Effect) + ", " + string(o.Undo)})
	}
	return records
}

// over is the moment after.
func over() engine.Snapshot {
	s := armed()
	s.Roster, s.Total, s.Eligible, s.RosterID = fleet(1500), 1500, 499, 2
	all := ends()
	for i := range 18 {
		s.Recent = append([]engine.Record{all[982+i]}, s.Recent...)
	}
	return s
}

// shaped is a snapshot that tells what its attacks do.
func shaped() engine.Snapshot {
	s := surveyed()
	for i := range s.Attacks {
		s.Attacks[i].Reversible = s.Attacks[i].Name != "reboot"
	}
	s.Attacks[1].Params = map[string]string{"delay": "200ms"}
	s.Shapes = []engine.Shape{
		{Attack: "cpu-burn", Kind: "cpu", Family: "resource", Summary: "keeps processors busy", Max: 10 * time.Minute,
			Params: []engine.ShapeParam{{Name: "load", Value: "80", Bounds: "1 to 100 %"}, {Name: "cores", Bounds: "1 to all of them"}},
			Figure: "cpu busy", Runs: "for i in 1 2 3 4\ndo\n  busy $load &\ndone", Undoes: "kill what is in the group of the attack", Layers: []string{"kernel", "guard", "second guard"}},
		{Attack: "latency", Kind: "latency", Family: "network", Summary: "delays what the host sends", Max: 5 * time.Minute,
			Params: []engine.ShapeParam{{Name: "delay", Value: "200ms", Bounds: "1ms to 10s", Required: true}, {Name: "direction", Value: "out", Bounds: "in, out or both", Choices: []string{"in", "out", "both"}},
				{Name: "jitter", Bounds: "0ms to 5s"}, {Name: "to", Bounds: "addresses, names, group:NAME"}},
			Runs: "tc qdisc add dev $dev root netem delay $delay", Undoes: "tc qdisc del dev $dev root", Layers: []string{"guard", "second guard"}},
		{Attack: "reboot", Kind: "reboot", Family: "state", Summary: "restarts the host", Max: 10 * time.Minute, Runs: "systemctl reboot"},
	}
	return s
}

// surveyed is a fleet that has been looked at in the background, with a host for each thing that a look can find.
func surveyed() engine.Snapshot {
	s := armed()
	facts := &engine.Facts{At: noon.Add(-2 * time.Minute), Summary: "kernel 6.1.0-18-cloud-amd64, arch x86_64, init systemd, cores 8, root yes, tc yes, nft yes, netem yes"}
	small := &engine.Facts{At: noon.Add(-2 * time.Minute), Summary: "kernel 5.15.0, arch aarch64, init busybox, cores 2, root yes, tc no, nft yes"}
	seen := map[string]engine.Sighting{
		"api-006": {At: noon.Add(-3 * time.Second), RoundTrip: 412 * time.Microsecond, Facts: facts},
		"api-007": {At: noon.Add(-9 * time.Second), RoundTrip: 12 * time.Millisecond, Facts: small},
		"db-005":  {At: noon.Add(-9 * time.Second), RoundTrip: 1204 * time.Millisecond, Facts: facts},
		"db-012":  {At: noon.Add(-41 * time.Minute), RoundTrip: 12 * time.Millisecond, Facts: facts},
		"web-001": {At: noon, Unreachable: "connecting to web-001: the host key of 10.0.0.1:22 has changed: it shows ssh-ed25519 SHA256:abc, known is SHA256:def"},
		"web-002": {At: noon, Unreachable: "connecting to web-002: 10.0.0.2:22 does not answer within 10s", Facts: facts},
		"web-003": {At: noon, Unreachable: "connecting to web-003: the host key of 10.0.0.3:22 is not known: it shows ssh-ed25519 SHA256:abc"},
		"web-004": {At: noon, Unreachable: "connecting to web-004: 10.0.0.4:22 refuses user root with 1 key(s) tried; add the key"},
		"web-008": {At: noon.Add(-2 * time.Hour), Unreachable: "connecting to web-008: no route to host"},
		"web-010": {At: noon},
	}
	s.Survey, s.SurveyID = &engine.Survey{Hosts: seen}, 3
	return s
}

// story is records of an attack, with text from a host that means harm.
func story() []engine.Record {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds-60) * time.Second) }
	id := "20260723-0008"
	return []engine.Record{
		{Seq: 1, At: at(0), Kind: engine.Lifecycle, Text: "chaoscat 0.1.0 started, 12 hosts, 5 attacks"},
		{Seq: 2, At: at(1), Kind: engine.VerdictNew, Text: "Settling: resting until 17:11:03"},
		{Seq: 3, At: at(2), Kind: engine.OrderGiven, By: "ada", Door: "console", Text: "ada (console): skip -> drawing again"},
		{Seq: 4, At: at(17), Kind: engine.Intent, Run: id, Host: "web-002", Attack: "cpu-burn", Text: "cpu-burn on web-002 for 60s, by schedule"},
		{Seq: 5, At: at(17), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Connecting, Text: "connecting: to 10.0.0.2:22"},
		{Seq: 6, At: at(17), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Inspecting, Text: "inspecting"},
		{Seq: 7, At: at(18), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Arming, Text: "arming: kernel, guard, systemd"},
		{Seq: 8, At: at(18), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Measuring, Text: "measuring: cpu busy 4 %"},
		{Seq: 9, At: at(18), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Injecting, Text: "injecting: 4 workers at 80 %"},
		{Seq: 10, At: at(19), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Proving, Text: "proving: round trip 3ms, fresh login 41ms"},
		{Seq: 11, At: at(19), Kind: engine.PhaseNew, Run: id, Host: "web-002", Phase: engine.Holding, Text: "holding: cpu busy 81 %"},
		{Seq: 12, At: at(20), Kind: engine.Line, Run: id, Host: "web-002", Text: "load \x1b[2J\x1b]0;owned\x07 1.97\r\n負荷 \u202edlrow \x9b31m"},
	}
}
