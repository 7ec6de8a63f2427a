package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

// drill is a game day of four steps, one for each thing that a step can wait for.
func drill() *GameDay {
	plan, err := gameday.NewPlan(gameday.Plan{Name: "checkout survives a slow afternoon", Steps: []gameday.Step{
		{Name: "one busy web host", Attack: "cpu-burn", Hosts: []string{"web-002"}, For: time.Minute, Params: map[string]string{"load": "80"},
			Hypothesis: "the balancer moves work away from a busy host, and nobody notices", Expect: gameday.Expect{Gate: "shop"}},
		{Name: "half of the web tier is slow", Attack: "latency", Within: []engine.Selector{{"group:web"}}, Percent: 50, Hypothesis: "requests are slower, none fails",
			Expect: gameday.Expect{Gate: "orders"}, Wait: gameday.Wait{Kind: gameday.AfterBefore, After: 10 * time.Minute}},
		{Name: "a database is out of reach", Attack: "blackhole", Count: 1, Hypothesis: "orders fail within half a minute, and somebody is paged",
			Expect: gameday.Expect{Gate: "orders", Turns: true}, Wait: gameday.Wait{Kind: gameday.AtTime, Minute: 18 * 60}},
		{Name: "a reboot", Attack: "reboot", Count: 1, Hypothesis: "people judge how it feels"},
	}})
	if err != nil {
		panic(err)
	}
	return &GameDay{Plan: plan, File: "plan.toml"}
}

// theatre is a desk with a game day, and an engine that keeps its record.
type theatre struct {
	*desk
	records []engine.Record
	files   bool            // what the engine has kept on disk can be read
	memory  int             // records before this one are on disk alone
	role    engine.Role     // of whoever orders
	refused map[string]bool // orders that are turned away at the door
	several bool            // an attack waits for other people
	answers map[string]bool // run-once orders that were answered
	begun   map[string]int
	stopped *engine.Latch
	running []engine.Run
	dead    bool // nobody answers
	asked   int  // questions, so far
	dies    int  // at which of them the engine ends; 0: never
	done    bool // it has done by then what it was asked
	now     func(*engine.Snapshot)
}

func opening(with func(*theatre)) *theatre {
	x := &theatre{files: true, role: engine.Operator, refused: map[string]bool{}, answers: map[string]bool{}, begun: map[string]int{}}
	if with != nil {
		with(x)
	}
	x.open()
	return x
}

// open is a console that is opened on the engine, whatever became of the one before.
func (x *theatre) open() {
	at := noon
	if x.desk != nil {
		at = x.time
	}
	x.seat(newDesk(func(o *Options) { o.Attached = true }))
	x.time = at
}

// seat puts the game day on a desk.
func (x *theatre) seat(d *desk) {
	plan := drill()
	if x.files {
		plan.OnDisk = func(take func(engine.Record)) error {
			for _, r := range x.records {
				if r.Kind != engine.Line {
					take(r)
				}
			}
			return nil
		}
	}
	x.desk, d.patience = d, 10*time.Second
	d.m.day, d.m.focus = newDay(plan), onNext
	d.con.obey = func(_ context.Context, o engine.Order) { x.order(o) }
	d.con.history = func(after uint64) (list []engine.Record, err error) {
		if x.question() {
			return nil, errors.New("no engine is running here")
		}
		for _, r := range x.records[x.memory:] {
			if r.Seq > after {
				list = append(list, r)
			}
		}
		return list, nil
	}
}

// question counts, and tells whether nobody is there to answer it.
func (x *theatre) question() bool {
	if x.dead {
		return true
	}
	x.asked++
	x.dead = x.asked == x.dies
	return x.dead
}

// revive is another life of the engine. Output is not kept, and the memory begins anew.
func (x *theatre) revive() {
	x.dead = false
	x.records = slices.DeleteFunc(x.records, func(r engine.Record) bool { return r.Kind == engine.Line })
	x.memory = len(x.records)
	x.note(engine.Record{Kind: engine.Lifecycle, Text: "started"})
	x.finish("crash", engine.Unverifiable)
}

func (x *theatre) note(r engine.Record) {
	r.At, r.Seq = noon, uint64(len(x.records)+1)
	if x.desk != nil {
		r.At = x.time
	}
	if n := len(x.records); n > 0 && x.records[n-1].Seq >= r.Seq {
		r.Seq = x.records[n-1].Seq + 1
	}
	x.records = append(x.records, r)
}

// order is the engine's side of the door.
func (x *theatre) order(o engine.Order) {
	x.con.answer = nil
	if x.question() {
		x.con.answer = errors.New("unexpected EOF")
		if x.asked != x.dies || !x.done {
			return
		}
	}
	switch {
	case x.refused[o.ID]:
		x.con.answer = &engine.Refusal{Verdict: engine.Verdict{Name: engine.BadOrder, Sentence: "cpu may last 30s at most"}}
		return
	}
	o.Role = x.role
	given := engine.Record{Kind: engine.OrderGiven, Order: &o, By: o.By, Text: "note by " + o.By + ": " + o.Reason}
	switch {
	case o.Kind == engine.Stop:
		x.stopped, given.Text = &engine.Latch{At: x.time, By: o.By, Door: "console"}, "STOP by "+o.By
		x.note(given)
		x.finish("stop", engine.Effective)
		return
	case o.Kind == engine.Resume:
		x.stopped = nil
	case o.Kind == engine.RunOnce && x.answers[o.ID]:
		return
	case o.Kind == engine.RunOnce && x.several:
		people := o.Attack + " must be wanted by 2 people: 1 more person must say: chaoscat approve " + o.ID
		x.con.answer = &engine.Refusal{Verdict: engine.Verdict{Name: engine.NeedsApproval, Sentence: people}}
		given.Text = "waits for approval: " + people + "; asked by " + o.By
	case o.Kind == engine.RunOnce:
		x.begin(o, given)
		return
	}
	x.note(given)
}

func (x *theatre) begin(o engine.Order, given engine.Record) {
	x.answers[o.ID] = true
	x.begun[o.ID]++
	host, _ := armed().Roster.Find("web-002")
	run := engine.Run{ID: "run-" + o.ID, Order: o.ID, Host: host, Attack: engine.Attack{Name: o.Attack, For: time.Minute, Reversible: true}, For: time.Minute, By: o.By, Reason: o.Reason,
		Trigger: engine.ByOrder, Started: x.time, Phase: engine.Holding, Since: x.time, Until: x.time.Add(time.Minute),
		Guard:   &engine.Guard{Layers: []string{"kernel", "guard", "systemd"}, Lease: 15 * time.Second, Deadline: 75 * time.Second},
		Figures: engine.Figures{Text: "cpu busy 4 -> 81 %"}}
	x.running = append(x.running, run)
	x.note(engine.Record{Kind: engine.Drawn, Run: run.ID, Draw: &engine.Draw{ID: run.ID, Order: &o}, Text: "drawn"})
	x.note(engine.Record{Kind: engine.Intent, Run: run.ID, Host: host.Name, Attack: o.Attack, Intent: &run, Text: o.Attack + " on web-002 for 60s, by " + o.By})
	given.Run, given.Text = run.ID, "run-once by "+o.By
	x.note(given)
}

// finish ends what runs.
func (x *theatre) finish(cause string, effect engine.Effect) {
	for _, r := range x.running {
		x.note(engine.Record{Kind: engine.Closed, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, Text: r.Attack.Name + " on web-002: " + string(effect) + ", restored, cpu busy 4 → 81 → 4 %",
			Outcome: &engine.Outcome{Effect: effect, Undo: engine.Restored, Applied: true, Cause: cause}})
	}
	x.running = nil
}

func (x *theatre) view() engine.Snapshot {
	s := armed()
	s.At, s.LastSeq, s.Stopped = x.time, 0, x.stopped
	if n := len(x.records); n > 0 {
		s.LastSeq = x.records[n-1].Seq
	}
	s.Running = slices.Clone(x.running)
	for i := range s.Gates {
		s.Gates[i].At = x.time.Add(-3 * time.Second)
	}
	switch {
	case len(x.running) > 0:
		s.Mood, s.Verdict = engine.MoodAttacking, engine.Verdict{Name: engine.AtLimit, Sentence: "1 attack is running, as many as allowed"}
	case x.stopped != nil:
		s.Mood, s.Verdict = engine.MoodStopped, engine.Verdict{Name: engine.IsStopped, Sentence: "stopped by " + x.stopped.By + " (console)"}
	}
	if x.now != nil {
		x.now(&s)
	}
	return s
}

// news is what the feed brings: the engine as it is now, with all that it has recorded.
func (x *theatre) news() *theatre { return x.brought(newsMsg{records: x.records[x.memory:]}) }

func (x *theatre) brought(n newsMsg) *theatre {
	s := x.view()
	if !n.lost {
		n.snapshot, n.heard = &s, x.time
	}
	day := x.m.day
	x.m.day = nil // its commands are carried out below, one after the other
	x.m.hear(n)
	x.m.day = day
	x.tick()
	return x.then(x.m.dayHears(n))
}

// then carries commands of the game day out.
func (x *theatre) then(cmd tea.Cmd) *theatre {
	for cmd != nil {
		_, cmd = x.m.Update(cmd())
	}
	return x
}

// later lets time pass before a person who watches.
func (x *theatre) later(t time.Duration) *theatre {
	for ; t > unwatched; t -= unwatched {
		x.look(unwatched)
	}
	return x.look(t)
}

// look lets time pass, with a second that ticks at its end alone.
func (x *theatre) look(t time.Duration) *theatre {
	x.wait(t)
	x.m.scene.Snapshot, x.m.heard = x.view(), x.time
	return x.then(x.m.dayTick())
}

// answer is a question and the y to it.
func (x *theatre) approve() *theatre {
	x.keys(char('b'), char('y'))
	return x.news()
}

func (x *theatre) leaveOut(why string) *theatre {
	x.keys(char('L'))
	x.wait(time.Second).runes(why)
	x.keys(enter)
	return x.news()
}

// stands is each step in a word or two.
func (x *theatre) stands() string {
	var words []string
	for n := range x.m.day.session.Steps {
		word, _, _ := strings.Cut(x.m.stepWord(n+1).text, ":")
		words = append(words, word)
	}
	return strings.Join(words, "; ")
}

func wantSteps(t *testing.T, x *theatre, want string) {
	t.Helper()
	if got := x.stands(); got != want {
		t.Errorf("the steps stand so:\n%s, want\n%s", got, want)
	}
}

// runs is how often each step was begun, by the end of the order's id.
func (x *theatre) runs() string {
	var all []string
	for id, n := range x.begun {
		all = append(all, fmt.Sprintf("%s x%d", strings.TrimPrefix(id, "gameday-"+x.m.day.session.ID), n))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const aheadAll = "ahead; ahead; ahead"

func TestAStepIsBegunByItsKeyAndThenYAndByNothingElse(t *testing.T) {
	x := opening(nil).news()
	wantSteps(t, x, "waiting for approval; "+aheadAll)
	paste := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("by"), Paste: true}
	for what, keys := range map[string][]tea.KeyMsg{
		"its own key twice": {char('b'), char('b')}, "Enter": {char('b'), enter}, "y alone": {char('y')}, "space": {char('b'), {Type: tea.KeySpace, Runes: []rune{' '}}},
		"pasted text": {paste}, "a pasted answer": {char('b'), {Type: tea.KeyRunes, Runes: []rune("y"), Paste: true}}, "both in one read": {{Type: tea.KeyRunes, Runes: []rune("by")}},
		"Enter on the pane": {char('1'), enter},
	} {
		x.keys(keys...).keys(esc)
		x.news()
		if got := x.runs(); got != "" {
			t.Fatalf("%s began %s", what, got)
		}
	}
	x.approve()
	if got := x.runs(); got != "-1 x1" {
		t.Errorf("b, then y: %s", got)
	}
	wantSteps(t, x, "running; "+aheadAll)
	x.news().later(time.Second).news()
	if got := x.runs(); got != "-1 x1" {
		t.Errorf("it was given again: %s", got)
	}
}

func TestTheQuestionNamesTheStepAndKeepsToIt(t *testing.T) {
	x := opening(nil).news()
	x.keys(char('b'))
	for _, want := range []string{"Begin step 1 of 4 now?", "one busy web host", "cpu-burn on web-002 for 1m, load=80", "nobody notices", "y begins it"} {
		wantScreen(t, x.desk, want)
	}
	skip := x.m.day.session.Skip("lunch") // from elsewhere, while it is being read
	skip.By = "bob"
	x.order(skip)
	x.news()
	x.keys(char('y'))
	x.news()
	if got := x.runs(); got != "" {
		t.Errorf("a yes to step 1 began %s", got)
	}
	wantSteps(t, x, "skipped by bob; waiting for 16; ahead; ahead")
}

func TestAStepIsLeftOutWithAReason(t *testing.T) {
	x := opening(nil).news()
	x.read(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("L")}).keys(enter)
	wantScreen(t, x.desk, "say why step 1 is left out")
	wantScreen(t, x.desk, "ctrl+c STOP ALL")
	x.keys(esc)
	wantSteps(t, x.news(), "waiting for approval; "+aheadAll)
	x.leaveOut("no time today")
	wantSteps(t, x, "skipped by ada; waiting for 16; ahead; ahead")
	if why := x.m.day.session.Steps[0].Why; why != "no time today" {
		t.Errorf("because %q", why)
	}
}

func TestAStepBeginsByItselfWhenItsTimeHasCome(t *testing.T) {
	x := opening(nil).news().leaveOut("x")
	x.later(9 * time.Minute)
	if got := x.runs(); got != "" {
		t.Fatalf("before its time: %s", got)
	}
	x.later(2 * time.Minute).news()
	if got := x.runs(); got != "-2 x1" {
		t.Errorf("at its time: %s", got)
	}
}

// The console was suspended, or its machine asleep.
func TestAStepDoesNotBeginBecauseItsTimeCameWhileNobodyWatched(t *testing.T) {
	x := opening(nil).news().leaveOut("x").look(time.Second)
	x.look(time.Hour).news().later(time.Minute).news()
	if got := x.runs(); got != "" {
		t.Errorf("begun: %s", got)
	}
	wantSteps(t, x, "skipped by ada; waiting for approval; ahead; ahead")
	x.approve()
	if got := x.runs(); got != "-2 x1" {
		t.Errorf("approved: %s", got)
	}
}

func TestAVerdictIsWrittenDownAndTheNextStepHasItsTurn(t *testing.T) {
	x := opening(nil).news().approve()
	x.wait(time.Minute)
	x.finish("deadline", engine.Effective)
	x.wait(5 * time.Second)
	x.news().news()
	wantSteps(t, x, "held; waiting for 16; ahead; ahead")
	if got := x.m.day.session.Steps[0].Verdict; got != "shop stayed clear; 1 effective" {
		t.Error(got)
	}
}

func TestAStopHoldsTheGameDayUntilSomebodyResumesAndApproves(t *testing.T) {
	x := opening(nil).news().approve()
	x.runes("s")
	x.news().later(3 * time.Minute).news()
	wantSteps(t, x, "undecided; stopped by ada; it goes on when somebody has resumed and approved; ahead; ahead")
	x.keys(char('b'))
	wantScreen(t, x.desk, "p, then y, resumes; then approve")
	x.later(20 * time.Minute)
	if got := x.runs(); got != "-1 x1" {
		t.Errorf("stopped, it went on: %s", got)
	}
	x.keys(char('p'), char('y'))
	x.news().later(time.Second)
	wantSteps(t, x, "undecided; waiting for approval; ahead; ahead")
	x.approve()
	if got := x.runs(); got != "-1 x1 -2 x1" {
		t.Errorf("resumed and approved: %s", got)
	}
}

// A stop that has not been confirmed: the engine does not know of it yet.
func TestNoStepBeginsWhileAStopIsOnItsWay(t *testing.T) {
	x := opening(nil).news().leaveOut("x")
	x.m.delivery = delivery{underway: true}
	x.later(11 * time.Minute)
	if got := x.runs(); got != "" {
		t.Errorf("begun: %s", got)
	}
}

func TestAStepThatOthersMustWantWaitsAndIsNeitherGivenAgainNorLeftOut(t *testing.T) {
	x := opening(nil).news()
	x.several = true
	x.approve().news()
	id := "gameday-" + x.m.day.session.ID + "-1"
	if screen := x.screen(120, 40); !strings.Contains(screen, "waits for other people") || strings.Contains(screen, "refused") {
		t.Errorf("it is not said:\n%s", screen)
	}
	for range 3 {
		x.look(time.Second)
	}
	x.keys(char('b')).keys(char('y'))
	x.keys(char('L')).runes("no time").keys(enter)
	given := 0
	for _, o := range x.con.orders {
		if o.ID == id {
			given++
		}
	}
	if p := x.m.day.session.Steps[0]; given != 1 || p.State != gameday.Ahead || p.Tries != 0 {
		t.Fatalf("given %d times; the step is %+v", given, p)
	}
	x.several = false // somebody else approves
	x.begin(engine.Order{ID: id, Kind: engine.RunOnce, By: "ada", Attack: x.m.day.session.Plan.Steps[0].Attack}, engine.Record{Kind: engine.OrderGiven, Order: &engine.Order{ID: id, Kind: engine.RunOnce}})
	x.news().news()
	if p := x.m.day.session.Steps[0]; p.State != gameday.Running {
		t.Errorf("the step is %+v", p)
	}
}

func TestAnAttackThatIsTurnedAwayAtTheDoorIsARefusalAndAsks(t *testing.T) {
	x := opening(nil).news()
	x.refused["gameday-"+x.m.day.session.ID+"-1"] = true
	x.approve()
	wantSteps(t, x, "refused; "+aheadAll)
	wantScreen(t, x.desk, "cpu may last 30s at most")
	x.approve()
	if got := x.runs(); got != "-1-try2 x1" {
		t.Errorf("the second try: %s", got)
	}
}

func TestAnOrderWithoutAnAnswerIsGivenAgainUnderItsOldID(t *testing.T) {
	x := opening(nil).news()
	x.con.obey = func(_ context.Context, o engine.Order) { // it arrives, its answer does not
		x.order(o)
		x.con.answer = errors.New("unexpected EOF")
	}
	x.keys(char('b'), char('y'))
	x.seatedAgain()
	x.news().later(time.Second).news().later(time.Second).news()
	if got := x.runs(); got != "-1 x1" {
		t.Errorf("begun: %s", got)
	}
	wantSteps(t, x, "running; "+aheadAll)
}

// seatedAgain lets the engine answer once more.
func (x *theatre) seatedAgain() {
	x.con.obey = func(_ context.Context, o engine.Order) { x.order(o) }
}

// The console dies after any number of the engine's lines, with the engine going on; another is opened.
func TestAConsoleThatIsOpenedAgainGoesOnWhereItWasAndRepeatsNothing(t *testing.T) {
	whole := opening(nil).news().approve()
	whole.wait(time.Minute)
	whole.finish("deadline", engine.Effective)
	whole.wait(5 * time.Second)
	whole.news().news().leaveOut("no time")
	for n := range len(whole.records) + 1 {
		x := opening(nil)
		x.time = whole.time
		for _, r := range whole.records[:n] {
			x.records = append(x.records, r)
			if r.Kind == engine.Intent {
				x.answers[r.Intent.Order], x.begun[r.Intent.Order] = true, 1
				x.running = []engine.Run{*r.Intent}
			}
			if r.Kind == engine.Closed {
				x.running = nil
			}
		}
		x.news().news()
		before := x.runs()
		x.later(time.Hour).news()
		if after := x.runs(); after != before {
			t.Errorf("after %d lines, a step begins by itself: %q, then %q", n, before, after)
		}
		x.approve()
		for id, times := range x.begun {
			if times > 1 {
				t.Errorf("after %d lines %s began %d times", n, id, times)
			}
		}
		if n > 0 && x.m.day.session.ID != whole.m.day.session.ID {
			t.Errorf("after %d lines it is another session", n)
		}
	}
}

func TestALostLinkHoldsTheStepAndItGoesOnWhenApproved(t *testing.T) {
	x := opening(nil).news().leaveOut("x")
	x.dead = true
	x.brought(newsMsg{lost: true, cut: true})
	wantSteps(t, x, "skipped by ada; no link; it does not begin without one; ahead; ahead")
	x.wait(time.Hour)
	x.then(x.m.dayTick())
	x.dead = false
	x.news().later(time.Hour).news()
	if got := x.runs(); got != "" {
		t.Errorf("its time came while nobody watched: %s", got)
	}
	wantSteps(t, x, "skipped by ada; waiting for approval; ahead; ahead")
	wantScreen(t, x.desk, "the game day was taken up again")
	x.approve()
	if got := x.runs(); got != "-2 x1" {
		t.Errorf("approved: %s", got)
	}
}

// The engine has begun another life, whose memory begins where its files ended: below what was seen of its output.
func TestAnEngineThatWasRestartedUnderneathIsTakenUpAgain(t *testing.T) {
	for _, files := range []bool{true, false} {
		x := opening(func(x *theatre) { x.files = files }).news().approve()
		for range 50 {
			x.note(engine.Record{Kind: engine.Line, Text: "output"})
		}
		x.news()
		id := x.m.day.session.ID
		x.revive()
		x.brought(newsMsg{cut: true, records: x.records[x.memory:]}) // so quickly that no screen showed it lost
		x.news().later(3 * time.Minute).news()
		if got := x.m.day.session.ID; got != id {
			t.Errorf("files %v: another session was begun: %s after %s", files, got, id)
		}
		if got := x.runs(); got != "-1 x1" {
			t.Errorf("files %v: begun: %s", files, got)
		}
		wantSteps(t, x, "undecided; waiting for approval; ahead; ahead")
	}
}

// played carries the whole drill out, with a yes to every question, and says how many seconds it took.
func (x *theatre) played() int {
	for n := range 300 {
		switch s := x.m.day.session; {
		case x.dead:
			x.brought(newsMsg{lost: true, cut: true})
			x.revive()
		case s.Over():
			return n
		case len(x.running) > 0:
			for range 10 {
				x.note(engine.Record{Kind: engine.Line, Text: "output"})
			}
			x.finish("deadline", engine.Effective)
		default:
			x.keys(char('b'), char('y'))
		}
		x.news().later(time.Second)
	}
	return 300
}

// However the engine goes underneath, and at whatever question, the console goes on with the same session, and no
// step begins twice.
func TestAGameDaySurvivesItsEngineAtEveryQuestion(t *testing.T) {
	undisturbed := opening(nil)
	if n := undisturbed.played(); n == 300 || undisturbed.runs() != "-1 x1 -2 x1 -3 x1 -4 x1" {
		t.Fatalf("undisturbed it takes %d rounds: %s; %s", n, undisturbed.stands(), undisturbed.runs())
	}
	for _, files := range []bool{true, false} {
		for _, done := range []bool{true, false} {
			for n := 1; n <= undisturbed.asked; n++ {
				x := opening(func(x *theatre) { x.files, x.done, x.dies = files, done, n })
				if rounds := x.played(); rounds == 300 || x.runs() != "-1 x1 -2 x1 -3 x1 -4 x1" {
					t.Fatalf("files %v, done %v, question %d of %d: %d rounds, %s; %s", files, done, n, undisturbed.asked, rounds, x.stands(), x.runs())
				}
			}
		}
	}
}

// A view may be older than what was read together with the answer to an order.
func TestAnOldViewIsNoLostLink(t *testing.T) {
	x := stale(opening(nil).news())
	x.approve()
	wantSteps(t, x, "running; "+aheadAll)
	if n := x.m.day.session.Continued; n != 0 {
		t.Errorf("taken up again %d times", n)
	}
}

// stale makes every view of the engine two records older than its record.
func stale(x *theatre) *theatre {
	x.now = func(s *engine.Snapshot) { s.LastSeq = max(2, s.LastSeq) - 2 }
	return x
}

func TestRecordsThatTheFeedLeftOutAreFetched(t *testing.T) {
	x := opening(nil).news()
	skip := x.m.day.session.Skip("lunch")
	x.order(skip)
	for range 5 {
		x.note(engine.Record{Kind: engine.Line, Text: "output"})
	}
	x.brought(newsMsg{records: x.records[len(x.records)-2:], dropped: 4})
	wantSteps(t, x, "skipped by ; waiting for 16; ahead; ahead")
}

func TestWhatNobodyMayConductIsShownAndNotAskedForInVain(t *testing.T) {
	x := opening(func(x *theatre) { x.role = engine.Stopper }).news()
	for range 5 {
		x.later(time.Second).news()
	}
	if n := len(x.records); n != 1 {
		t.Errorf("%d notes", n)
	}
	x.keys(char('b'))
	wantScreen(t, x.desk, "with the role operator")

	y := opening(nil)
	y.m.options.ReadOnly = true
	y.news().later(time.Second).news()
	if len(y.records) != 0 {
		t.Errorf("a read-only console gave %v", y.con.given())
	}
}

// Two consoles carry out the same plan: whatever both of them order, the engine does once.
func TestTwoConsolesOfOnePlanBeginAStepOnce(t *testing.T) {
	x := opening(nil).news()
	other := &theatre{files: true, role: engine.Operator, refused: x.refused, answers: x.answers, begun: x.begun, records: x.records}
	other.open()
	other.news()
	x.records = other.records
	x.news()
	x.keys(char('b'), char('y'))
	other.records, other.running = x.records, x.running
	other.news().later(time.Second).news()
	if got := x.runs(); got != "-1 x1" {
		t.Errorf("begun: %s", got)
	}
	wantSteps(t, other, "running; "+aheadAll)
}

func TestAConsoleWithoutThePlanShowsTheNotesOfAGameDay(t *testing.T) {
	x := opening(nil).news().leaveOut("no time today")
	d := newDesk(nil).show(x.view(), x.records...)
	for _, want := range []string{"begun: 4 steps", "step 1 skipped: no time today"} {
		wantScreen(t, d, want)
	}
	d.runes("b")
	wantScreen(t, d, "no game day is carried out here")
}

func TestTheWholeGameDayCanBeWrittenToAFile(t *testing.T) {
	x := opening(nil)
	overScene(x)
	name, text := x.m.content()
	for _, want := range []string{"a database is out of reach", "expects     orders to turn red", "approved    by ada", "skipped by ada: no time", "bob: the pager is silent"} {
		if !strings.Contains(text(), want) {
			t.Errorf("%s lacks %q:\n%s", name, want, text())
		}
	}
	if name != "gameday" || strings.ContainsRune(text(), '\x1b') {
		t.Errorf("%s: %q", name, text())
	}
}

// Whatever a plan or a host says, nothing of it steers the terminal.
func TestNothingInAPlanSteersTheTerminal(t *testing.T) {
	x := opening(nil).news()
	evil := "a\x1b[2J\x1b]52;c;eA==\x07\r\n\u009b31m\u202e\xff"
	plan := x.m.day.session.Plan
	plan.Name, plan.Steps = evil, slices.Clone(plan.Steps)
	for i := range plan.Steps {
		s := &plan.Steps[i]
		s.Name, s.Hypothesis, s.Attack, s.Hosts, s.Params = evil, evil, evil, []string{evil}, map[string]string{evil: evil}
	}
	x.m.day.session.Plan = plan
	x.m.day.session.Steps[0] = gameday.Progress{State: gameday.Skipped, By: evil, Why: evil}
	x.m.day.session.Steps[1] = gameday.Progress{Refusal: &engine.Verdict{Sentence: evil}, Tries: 1}
	x.m.day.session.Steps[2] = gameday.Progress{State: gameday.Done, Held: gameday.Fails, Verdict: evil, Parts: []gameday.Part{{Text: evil}}}
	x.m.day.session.Moments = []gameday.Moment{{Text: evil, By: evil, Note: true}}
	for _, keys := range []string{"", "z", "zb"} {
		x.m.options.Plain, x.m.look = true, newLook(true, false, "")
		x.runes(keys)
		checkScreen(t, x.screen(120, 40), 120, 40, true, false)
	}
}

// dayScenes are the states of a game day.
var dayScenes = []struct {
	name string
	set  func(*theatre)
}{
	{"asks", func(x *theatre) { x.news() }},
	{"approve", func(x *theatre) { x.news().keys(char('b')) }},
	{"leave out", func(x *theatre) { x.news().keys(char('L')).runes("no time") }},
	{"running", func(x *theatre) { x.news().approve().wait(41 * time.Second); x.news() }},
	{"zoomed running", func(x *theatre) { x.news().approve().wait(41 * time.Second); x.news().runes("1z") }},
	{"waits", func(x *theatre) {
		x.news().approve().wait(time.Minute)
		x.finish("deadline", engine.Effective)
		x.wait(5 * time.Second)
		x.news().news()
	}},
	{"refused", func(x *theatre) {
		x.news()
		x.refused["gameday-"+x.m.day.session.ID+"-1"] = true
		x.approve()
	}},
	{"waits for others", func(x *theatre) {
		x.several = true
		x.news().approve().news()
	}},
	{"stopped", func(x *theatre) {
		x.news().approve().runes("s")
		x.wait(3 * time.Minute)
		x.news().news()
	}},
	{"disconnected", func(x *theatre) {
		x.news().approve().wait(41 * time.Second)
		x.brought(newsMsg{lost: true, cut: true})
	}},
	{"over", overScene},
	{"zoomed over", func(x *theatre) { overScene(x); x.runes("1z") }},
}

func overScene(x *theatre) {
	x.news().approve().wait(time.Minute)
	x.order(engine.Order{Kind: engine.Remark, By: "bob", Reason: "the pager is silent"})
	x.finish("deadline", engine.Effective)
	x.wait(5 * time.Second)
	x.news().news().leaveOut("no time")
	x.leaveOut("the databases are being moved")
	x.approve().wait(time.Minute)
	x.note(engine.Record{Kind: engine.GateTurned, Text: "health shop: no, 503 in 2.1s"})
	x.finish("deadline", engine.NoEffect)
	x.wait(5 * time.Second)
	x.news().news()
}

func TestTheGameDayLooksAsItDid(t *testing.T) {
	for _, sc := range dayScenes {
		looksAsItDid(t, sc.name, "gameday-"+strings.ReplaceAll(sc.name, " ", "-"), func(d *desk) {
			x := &theatre{files: true, role: engine.Operator, refused: map[string]bool{}, answers: map[string]bool{}, begun: map[string]int{}}
			x.seat(d)
			sc.set(x)
		})
	}
}

// The schedule goes on beside a game day: its attack is named as such, and the countdown is the step's alone.
func TestAnAttackOfTheScheduleIsNotTakenForTheStep(t *testing.T) {
	x := opening(nil)
	other := engine.Run{ID: "theirs", Host: engine.Host{Name: "web-020"}, Attack: engine.Attack{Name: "memory"}, Trigger: engine.BySchedule, Phase: engine.Holding}
	x.now = func(s *engine.Snapshot) {
		other.Until = x.time.Add(time.Hour)
		s.Running = append(s.Running, other)
	}
	x.news()
	if got := x.m.dayNote(); got != "also running: memory on web-020 (schedule)" {
		t.Errorf("before the step: %q", got)
	}
	x.approve().wait(20 * time.Second)
	x.news()
	if got := x.m.dayNote(); !strings.HasPrefix(got, "undo in ") || strings.Contains(got, "59:") || strings.Contains(got, "1:00:00") {
		t.Errorf("while the step runs: %q", got)
	}
}

func TestWhatAStepWaitsForIsSaidOnce(t *testing.T) {
	x := opening(nil).news()
	x.seatedAgain()
	x.news()
	for _, w := range []int{80, 120} {
		if n := strings.Count(x.screen(w, 30), "waiting for approval"); n != 1 {
			t.Errorf("said %d times at %d columns:\n%s", n, w, x.screen(w, 30))
		}
	}
}
