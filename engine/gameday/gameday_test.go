package gameday_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

var ten = time.Date(2026, 7, 23, 10, 0, 0, 0, time.UTC)

// engineRoom is an engine that keeps its record and can be made to crash between any two of its lines.
type engineRoom struct {
	t       *testing.T
	now     time.Time
	records []engine.Record
	running map[string]bool
	answers map[string]bool // run-once orders that were answered, by id
	begun   map[string]int  // how often an attack began, by step's order id
	refuse  map[string]engine.Verdict
	stopped *engine.Latch
	gates   []engine.GateView
	hosts   int
	effect  engine.Effect
	hold    bool // attacks do not end by themselves
}

func room(t *testing.T) *engineRoom {
	t.Helper()
	return &engineRoom{t: t, now: ten, running: map[string]bool{}, answers: map[string]bool{}, begun: map[string]int{},
		refuse: map[string]engine.Verdict{}, gates: []engine.GateView{{Name: "site", Kind: engine.Health, Clear: true, At: ten}}, hosts: 2, effect: engine.Effective}
}

func (e *engineRoom) note(r engine.Record) {
	r.At, r.Seq = e.now, uint64(len(e.records)+1)
	e.records = append(e.records, r)
}

func (e *engineRoom) view() engine.Snapshot {
	s := engine.Snapshot{At: e.now, Stopped: e.stopped, Gates: e.gates, LastSeq: uint64(len(e.records))}
	for run := range e.running {
		s.Running = append(s.Running, engine.Run{ID: run + "-001", Of: run})
	}
	return s
}

// order is the engine's side of a door: a repeated run-once is answered once.
func (e *engineRoom) order(o engine.Order, role engine.Role) {
	o.By, o.Role = "ada", role
	given := engine.Record{Kind: engine.OrderGiven, Order: &o, By: o.By, Text: o.Reason}
	switch {
	case o.Kind == engine.Stop:
		e.stopped = &engine.Latch{By: o.By}
		e.note(given)
		for run := range e.running {
			e.finish(run, "stop")
		}
	case o.Kind == engine.Resume:
		e.stopped = nil
		e.note(given)
	case o.Kind != engine.RunOnce:
		e.note(given)
	case e.answers[o.ID]:
	case e.refuse[o.ID].Name != "":
		v := e.refuse[o.ID]
		given.Verdict, e.answers[o.ID] = &v, true
		e.note(given)
	default:
		e.attack(o, given)
	}
}

func (e *engineRoom) attack(o engine.Order, given engine.Record) {
	run := "run-" + o.ID
	e.note(engine.Record{Kind: engine.Drawn, Run: run, Draw: &engine.Draw{ID: run, Order: &o}})
	e.answers[o.ID] = true
	if o.DryRun {
		for n := range e.hosts {
			e.close(run, n, engine.Outcome{Effect: engine.Refused, Cause: "dry run"})
		}
		given.Run = run
		e.note(given)
		return
	}
	e.begun[o.ID]++
	e.running[run] = true
	for n := range e.hosts {
		id := fmt.Sprintf("%s-%03d", run, n+1)
		e.note(engine.Record{Kind: engine.Intent, Run: id, Of: run, Host: fmt.Sprintf("web-%d", n+1), Intent: &engine.Run{ID: id, Order: o.ID}})
	}
	given.Run = run
	e.note(given)
	if !e.hold {
		e.now = e.now.Add(time.Minute)
		e.finish(run, "deadline")
	}
}

func (e *engineRoom) finish(run, cause string) {
	for n := range e.hosts {
		e.close(run, n, engine.Outcome{Effect: e.effect, Undo: engine.Restored, Applied: true, Cause: cause})
	}
	delete(e.running, run)
}

func (e *engineRoom) close(run string, n int, o engine.Outcome) {
	e.note(engine.Record{Kind: engine.Closed, Run: fmt.Sprintf("%s-%03d", run, n+1), Of: run, Host: fmt.Sprintf("web-%d", n+1), Outcome: &o, Text: string(o.Effect)})
}

func (e *engineRoom) turn(gate string, ok bool) {
	word := map[bool]string{true: "ok", false: "no"}[ok]
	e.note(engine.Record{Kind: engine.GateTurned, Text: "health " + gate + ": " + word + ", 7 % errors"})
}

func (e *engineRoom) answer() {
	for i := range e.gates {
		e.gates[i].At = e.now
	}
}

func plan(t *testing.T, steps ...gameday.Step) gameday.Plan {
	t.Helper()
	for i := range steps {
		steps[i].Attack, steps[i].Hypothesis = "cpu", "nobody notices"
	}
	p, err := gameday.NewPlan(gameday.Plan{Name: "checkout", Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// console is a driver that does what a session wants, one thing at a time, and says yes to every question.
type console struct {
	*engineRoom
	plan    gameday.Plan
	session gameday.Session
	asked   []string
}

func attach(e *engineRoom, p gameday.Plan) *console {
	c := &console{engineRoom: e, plan: p}
	s, there := gameday.Replay(p, e.records)
	if c.session = s; !there || s.Over() {
		c.session = s.Begin(e.now)
	}
	return c
}

func (c *console) read() {
	for _, r := range c.records {
		c.session.Take(r)
	}
}

// once does one thing, and returns what it was.
func (c *console) once() gameday.Next {
	c.read()
	next := c.session.Next(c.view(), c.now)
	switch next.Do {
	case gameday.Give:
		c.order(next.Order, engine.Operator)
	case gameday.Ask:
		c.asked = append(c.asked, fmt.Sprintf("%d %s", next.Step, next.Why))
		c.order(c.session.Approve(), engine.Operator)
	case gameday.Until:
		c.now = next.At
		c.answer()
	}
	c.read()
	return next
}

// play goes on until the session is over or wants nothing.
func (c *console) play() {
	c.t.Helper()
	for range 200 {
		if next := c.once(); next.Do == gameday.Finished || next.Do == gameday.Watch {
			return
		}
	}
	c.t.Fatal("the session never comes to rest")
}

func (c *console) verdicts() string {
	var words []string
	for _, p := range c.session.Steps {
		words = append(words, fmt.Sprintf("%s %s: %s", p.State, p.Held, p.Verdict))
	}
	return strings.Join(words, "; ")
}

func TestStepsRunOneAfterTheOtherEachAfterItsApproval(t *testing.T) {
	c := attach(room(t), plan(t, gameday.Step{Name: "one"}, gameday.Step{Name: "two", Expect: gameday.Expect{Gate: "site"}}))
	c.play()
	if got := strings.Join(c.asked, "; "); got != "1 ; 2 " {
		t.Errorf("asked %q", got)
	}
	want := "done undecided: no gate was named, so people judge: 2 effective; done held: site stayed clear; 2 effective"
	if got := c.verdicts(); got != want || !c.session.Over() {
		t.Errorf("got %s", got)
	}
	if got, want := c.session.Summary(), "2 steps: 1 held, 1 undecided"; got != want {
		t.Errorf("got %s", got)
	}
	if last := c.records[len(c.records)-1].Order.Reason; last != "game day checkout [20260723-100000-"+c.plan.Digest[:8]+"]: ended: 2 steps: 1 held, 1 undecided" {
		t.Errorf("the record ends with %q", last)
	}
}

func TestAnotherSessionBeginsOnlyWhenTheLastIsOver(t *testing.T) {
	e, p := room(t), plan(t, gameday.Step{})
	c := attach(e, p)
	c.once()
	if again := attach(e, p); again.session.ID != c.session.ID {
		t.Error("a second console began a session of its own")
	}
	c.play()
	e.now = e.now.Add(time.Hour)
	again := attach(e, p)
	if again.once(); again.session.ID == c.session.ID || again.session.Steps[0].State != gameday.Ahead {
		t.Errorf("the new session is the old one: %+v", again.session)
	}
	if other := attach(e, plan(t, gameday.Step{Name: "another"})); !other.session.Begun.IsZero() {
		t.Error("a session of another plan was taken up")
	}
}

func TestAStepWaitsForItsTime(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore, After: 5 * time.Minute}}, gameday.Step{Wait: gameday.Wait{Kind: gameday.AtTime, Minute: 11 * 60}}))
	c.once()
	if next := c.once(); next.Do != gameday.Until || !next.At.Equal(ten.Add(5*time.Minute)) {
		t.Fatalf("got %+v", next)
	}
	c.play()
	if len(c.asked) != 0 || !c.session.Steps[1].Began.Equal(ten.Add(time.Hour)) || !c.session.Over() {
		t.Errorf("asked %v, the second step began %s", c.asked, c.session.Steps[1].Began)
	}
}

func TestATimeOfDayThatHasPassedAsks(t *testing.T) {
	c := attach(room(t), plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AtTime, Minute: 9 * 60}}))
	c.play()
	if got := strings.Join(c.asked, ";"); got != "1 its time, 09:00, has passed" {
		t.Errorf("asked %q", got)
	}
}

func TestAPersonMayBeginATimedStepBeforeItsTimeOrLeaveItOut(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore, After: time.Hour}}, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore, After: time.Hour}}))
	c.once()
	e.order(c.session.Approve(), engine.Operator)
	c.once()
	if p := c.session.Steps[0]; !p.Began.Equal(ten) {
		t.Errorf("the approved step: %+v", p)
	}
	c.once() // its verdict
	e.order(c.session.Skip("too late"), engine.Operator)
	c.play()
	if p := c.session.Steps[1]; p.State != gameday.Skipped || p.Why != "too late" || p.By != "ada" || e.begun["gameday-"+c.session.ID+"-2"] != 0 {
		t.Errorf("the skipped step: %+v", p)
	}
}

func TestARefusedStepIsRetriedOnlyWhenApprovedAnew(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore}}))
	e.refuse["gameday-"+c.session.ID+"-1"] = engine.Verdict{Name: engine.OutsideHours, Sentence: "outside business hours"}
	c.once()
	c.once()
	if len(c.asked) != 0 || c.session.Steps[0].Tries != 1 {
		t.Fatalf("asked %v, %+v", c.asked, c.session.Steps[0])
	}
	stale := c.session.Approve()
	stale.Reason = strings.Replace(stale.Reason, ", try 2", "", 1) // a yes to the question before the refusal
	e.order(stale, engine.Operator)
	if next := c.once(); next.Do != gameday.Ask || next.Why != "it was refused: outside business hours" {
		t.Fatalf("a late yes was taken: %+v", next)
	}
	c.play()
	if e.begun["gameday-"+c.session.ID+"-1-try2"] != 1 || !c.session.Over() {
		t.Errorf("began %v", e.begun)
	}
}

// An attack that several people must want: the order waits, and is not refused before it is given up.
func TestAStepThatOthersMustWantWaitsForThem(t *testing.T) {
	given := func(t *testing.T) (*console, engine.Order) {
		e := room(t)
		c := attach(e, plan(t, gameday.Step{}))
		c.once()
		c.order(c.session.Approve(), engine.Operator)
		c.read()
		o := c.session.Next(c.view(), c.now).Order
		c.note(engine.Record{Kind: engine.OrderGiven, Order: &o, Text: "waits for approval: 1 more person must say so; asked by ada (game day x; asked by noone)"})
		c.read()
		return c, o
	}
	t.Run("until they do", func(t *testing.T) {
		c, o := given(t)
		if next := c.session.Next(c.view(), c.now); next.Do != gameday.Watch || next.Why != "it waits for other people: 1 more person must say so" {
			t.Fatalf("it wants %+v", next)
		}
		c.order(c.session.Skip("we do not wait"), engine.Operator) // and then somebody approves
		c.read()
		if _, waiting := c.session.Waiting(); waiting || c.session.Steps[0].State != gameday.Ahead {
			t.Errorf("it can be left out while it may begin: %+v", c.session.Steps[0])
		}
		c.attack(o, engine.Record{Kind: engine.OrderGiven, Order: &o})
		if c.play(); c.session.Steps[0].State != gameday.Done || c.session.Steps[0].Tries != 0 || c.session.WaitsForOthers() != "" {
			t.Errorf("it ended as %+v", c.session.Steps[0])
		}
	})
	t.Run("until it is given up", func(t *testing.T) {
		c, o := given(t)
		c.note(engine.Record{Kind: engine.OrderGiven, Order: &o, Verdict: &engine.Verdict{Name: engine.NeedsApproval, Sentence: "nobody else has approved it"}})
		c.read()
		if next := c.session.Next(c.view(), c.now); next.Do != gameday.Ask || next.Why != "it was refused: nobody else has approved it" {
			t.Fatalf("it wants %+v", next)
		}
		if c.play(); c.begun[o.ID] != 0 || c.begun[o.ID+"-try2"] != 1 {
			t.Errorf("began: %v", c.begun)
		}
	})
}

func TestAStepTurnedAwayAtTheDoorIsRefusedToo(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{}))
	c.once()
	e.order(c.session.Approve(), engine.Operator)
	c.read()
	e.order(c.session.Refuse(1, "latency may\nlast 10m at most"), engine.Operator)
	if next := c.once(); next.Do != gameday.Ask || next.Why != "it was refused: latency may last 10m at most" {
		t.Errorf("got %+v", next)
	}
}

func TestAStopHoldsTheSessionUntilSomebodyResumesAndApproves(t *testing.T) {
	e := room(t)
	e.hold = true
	timed := gameday.Wait{Kind: gameday.AfterBefore}
	c := attach(e, plan(t, gameday.Step{Wait: timed, Expect: gameday.Expect{Gate: "site"}}, gameday.Step{Wait: timed}))
	c.play()
	if !e.running["run-gameday-"+c.session.ID+"-1"] {
		t.Fatal("nothing runs")
	}
	e.order(engine.Order{Kind: engine.Stop}, engine.Stopper)
	e.hold = false
	c.play()
	if next := c.once(); next.Do != gameday.Watch || !strings.Contains(next.Why, "stopped by ada") || e.begun["gameday-"+c.session.ID+"-2"] != 0 {
		t.Errorf("a stopped session goes on: %+v", next)
	}
	e.order(engine.Order{Kind: engine.Resume}, engine.Operator)
	c.play()
	if got := strings.Join(c.asked, ";"); got != "2 it was resumed by ada" {
		t.Errorf("asked %q", got)
	}
	if got := c.session.Steps[0]; got.Held != gameday.Undecided || got.Verdict != "it was ended early: stop" {
		t.Errorf("the stopped step: %+v", got)
	}
}

func TestOnlyWhoMayAttackMayApprove(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{}))
	c.once()
	e.order(c.session.Approve(), engine.Stopper)
	e.order(c.session.Skip(""), engine.Stopper)
	c.read()
	if next := c.session.Next(e.view(), e.now); next.Do != gameday.Ask || next.Step != 1 {
		t.Errorf("a stopper approved or skipped: %+v", next)
	}
	e.order(c.session.Abort("enough"), engine.Stopper)
	c.read()
	if !c.session.Over() || !c.session.Aborted {
		t.Error("a stopper could not abort")
	}
}

func TestWhoeverTakesASessionUpAgainIsAskedBeforeTheNextStep(t *testing.T) {
	e, p := room(t), plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore, After: time.Minute}})
	attach(e, p).once()
	c := attach(e, p)
	e.order(c.session.Continue(), engine.Operator)
	e.now = e.now.Add(24 * time.Hour)
	c.play()
	if got := strings.Join(c.asked, ";"); got != "1 the game day was taken up again" || c.session.Continued != 1 {
		t.Errorf("asked %q", got)
	}
}

func TestAHypothesisIsHeldAgainstWhatTheGateDid(t *testing.T) {
	for _, row := range []struct {
		name   string
		expect gameday.Expect
		effect engine.Effect
		no     bool
		cause  string
		want   string
	}{
		{"stays clear and stayed", gameday.Expect{Gate: "site"}, engine.Effective, false, "deadline", "held: site stayed clear; 2 effective"},
		{"stays clear and turned", gameday.Expect{Gate: "site"}, engine.Effective, true, "gate", "failed: site turned: health site: no, 7 % errors"},
		{"turns and turned", gameday.Expect{Gate: "site", Turns: true}, engine.Effective, true, "gate", "held: site turned: health site: no, 7 % errors"},
		{"turns and stayed clear", gameday.Expect{Gate: "site", Turns: true}, engine.Weak, false, "deadline", "failed: site stayed clear; 2 weak"},
		{"an attack without effect tests nothing", gameday.Expect{Gate: "site"}, engine.NoEffect, false, "deadline", "undecided: nothing was tested: 2 no-effect"},
		{"what could not be measured proves nothing", gameday.Expect{Gate: "site"}, engine.Unverifiable, false, "deadline", "undecided: it could not be measured whether the hosts suffered: 2 unverifiable"},
		{"an attack cut short proves no health", gameday.Expect{Gate: "site"}, engine.Effective, false, "window", "undecided: it was ended early: window"},
		{"without a gate people judge", gameday.Expect{}, engine.Effective, false, "deadline", "undecided: no gate was named, so people judge: 2 effective"},
		{"another gate does not count", gameday.Expect{Gate: "rota"}, engine.Effective, true, "deadline", "held: rota stayed clear; 2 effective"},
	} {
		e := room(t)
		e.hold, e.effect = true, row.effect
		c := attach(e, plan(t, gameday.Step{Expect: row.expect}))
		c.play()
		if row.no {
			e.turn("site", false)
		}
		e.finish("run-gameday-"+c.session.ID+"-1", row.cause)
		c.play()
		if p := c.session.Steps[0]; string(p.Held)+": "+p.Verdict != row.want {
			t.Errorf("%s: got %s: %s", row.name, p.Held, p.Verdict)
		}
	}
}

func TestTheVerdictWaitsForTheGateToAnswerOnceMore(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Expect: gameday.Expect{Gate: "site"}}))
	c.once()
	c.once()
	c.once()
	next := c.session.Next(e.view(), e.now)
	if next.Do != gameday.Until || next.Why != "site has not answered since the attack ended" {
		t.Fatalf("got %+v", next)
	}
	e.now = e.now.Add(time.Second)
	e.turn("site", false) // late, and still its doing
	c.play()
	if p := c.session.Steps[0]; p.Held != gameday.Fails {
		t.Errorf("got %s: %s", p.Held, p.Verdict)
	}
}

func TestARehearsalIsASessionOfItsOwnAndTestsNothing(t *testing.T) {
	e, p := room(t), plan(t, gameday.Step{})
	rehearsal, err := gameday.NewPlan(gameday.Plan{Name: p.Name, Steps: p.Steps, Rehearsal: true})
	if err != nil {
		t.Fatal(err)
	}
	c := attach(e, rehearsal)
	c.play()
	if got := c.verdicts(); got != "done undecided: dry run: nothing was injected" || !c.session.Over() {
		t.Errorf("got %s", got)
	}
	if real := attach(e, p); !real.session.Begun.IsZero() {
		t.Error("the rehearsal was taken for the game day")
	}
}

// eventful is a session with everything in it: two hosts, a refusal, a stop, a skip, a note, a second console.
func eventful(t *testing.T) (*engineRoom, gameday.Plan) {
	t.Helper()
	e := room(t)
	timed := gameday.Wait{Kind: gameday.AfterBefore, After: time.Minute}
	p := plan(t, gameday.Step{Expect: gameday.Expect{Gate: "site"}}, gameday.Step{Wait: timed}, gameday.Step{}, gameday.Step{Wait: timed, Expect: gameday.Expect{Gate: "site", Turns: true}})
	c := attach(e, p)
	e.refuse["gameday-"+c.session.ID+"-1"] = engine.Verdict{Name: engine.Unhealthy, Sentence: "site: no"}
	for c.session.Steps[1].State != gameday.Done {
		c.once()
	}
	e.order(engine.Order{Kind: engine.Remark, Reason: "dashboards are red"}, engine.Stopper)
	e.order(engine.Order{Kind: engine.Stop}, engine.Viewer)
	e.order(engine.Order{Kind: engine.Resume}, engine.Operator)
	c.once()
	e.order(c.session.Skip("lunch"), engine.Operator)
	c = attach(e, p)
	e.order(c.session.Continue(), engine.Operator)
	e.turn("site", true)
	c.play()
	if !c.session.Over() {
		t.Fatalf("not over: %s", c.verdicts())
	}
	return e, p
}

// Whatever line the record ends with when everything dies, a console that comes back neither orders an attack that
// is in the record with its answer, nor lets one begin twice, and gets to the end.
func TestAfterACrashAtAnyLineOfTheRecordNothingIsRepeated(t *testing.T) {
	e, p := eventful(t)
	for n := range len(e.records) + 1 {
		after := room(t)
		after.records = append(after.records, e.records[:n]...)
		if n > 0 {
			after.now = e.records[n-1].At
		}
		after.recall()
		c := attach(after, p)
		if !c.session.Begun.IsZero() && !c.session.Over() {
			after.order(c.session.Continue(), engine.Operator)
		}
		for range 100 {
			c.read()
			next := c.session.Next(after.view(), after.now)
			if next.Do == gameday.Give && after.answers[next.Order.ID] {
				t.Fatalf("after %d records %s is ordered again", n, next.Order.ID)
			}
			if next = c.once(); next.Do == gameday.Finished {
				break
			}
			if next.Do == gameday.Watch { // what ran when all died is given its end by the engine's next life
				for run := range after.running {
					after.finish(run, "crash")
				}
				if after.stopped != nil {
					after.order(engine.Order{Kind: engine.Resume}, engine.Operator)
				}
			}
		}
		if !c.session.Over() {
			t.Fatalf("after %d records the session does not end: %s", n, c.verdicts())
		}
		for id, times := range after.begun {
			if times > 1 {
				t.Fatalf("after %d records %s began %d times", n, id, times)
			}
		}
	}
}

// recall is what an engine knows again from its journal.
func (e *engineRoom) recall() {
	ended := map[string]bool{}
	for _, r := range e.records {
		switch {
		case r.Kind == engine.Intent:
			e.begun[r.Intent.Order]++
			e.answers[r.Intent.Order] = true
			e.running[r.Of] = true
		case r.Kind == engine.Closed:
			ended[r.Run] = true
		case r.Kind == engine.OrderGiven && r.Order.Kind == engine.RunOnce:
			e.answers[r.Order.ID] = true
		case r.Kind == engine.OrderGiven && r.Order.Kind == engine.Stop:
			e.stopped = &engine.Latch{By: r.By}
		case r.Kind == engine.OrderGiven && r.Order.Kind == engine.Resume:
			e.stopped = nil
		}
	}
	for id := range e.begun { // both hosts of an attack are written down at once
		e.begun[id] = 1
	}
	for run := range e.running {
		if ended[run+"-001"] && ended[run+"-002"] {
			delete(e.running, run)
		}
	}
}

// The numbers of output are given anew by the engine's next life, which remembers nothing of the one before.
func TestASessionGoesOnInAnotherLifeOfItsEngine(t *testing.T) {
	e := room(t)
	e.hold = true
	c := attach(e, plan(t, gameday.Step{}, gameday.Step{}))
	c.play()
	id := c.session.ID
	durable := uint64(len(e.records))
	for i := range 50 {
		c.session.Take(engine.Record{Seq: durable + uint64(i) + 1, At: e.now, Kind: engine.Line, Text: "output"})
	}
	next := []engine.Record{{Seq: durable + 1, At: e.now.Add(time.Minute), Kind: engine.Lifecycle, Text: "started"}}
	for n := range 2 {
		next = append(next, engine.Record{Seq: durable + 2 + uint64(n), At: e.now.Add(time.Minute), Kind: engine.Closed, Run: fmt.Sprintf("run-gameday-%s-1-%03d", id, n+1), Of: "run-gameday-" + id + "-1",
			Outcome: &engine.Outcome{Effect: engine.Unverifiable, Undo: engine.Restored, Applied: true, Cause: "crash"}})
	}
	c.session.GoOn(next)
	c.session.GoOn(next) // the same life once more
	if p := c.session.Steps[0]; c.session.ID != id || p.State != gameday.Done || len(p.Parts) != 2 {
		t.Errorf("after another life: %+v", c.session)
	}
}

func TestAStepOfWhichNothingWillBeHeardIsGivenUpAndNotRepeated(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{}, gameday.Step{}))
	c.once()
	e.answers["gameday-"+c.session.ID+"-1"] = true // long ago
	e.order(c.session.Approve(), engine.Operator)
	c.read()
	e.order(c.session.Lose(1, gameday.Unheard), engine.Operator)
	c.once()
	if p := c.session.Steps[0]; p.State != gameday.Done || p.Held != gameday.Undecided || e.begun["gameday-"+c.session.ID+"-1"] != 0 {
		t.Errorf("the step: %+v", p)
	}
	if next := c.session.Next(e.view(), e.now); next.Step != 2 || next.Do != gameday.Ask {
		t.Errorf("then %+v", next)
	}
}

func TestWhatAConsoleHasAgainstGoingOnByItselfOutlivesTheBeginning(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore}}))
	c.session.Fresh = "earlier records cannot be read"
	c.play()
	if got := strings.Join(c.asked, ";"); got != "1 earlier records cannot be read" {
		t.Errorf("asked %q", got)
	}
}

func TestTakingTheSameRecordTwiceChangesNothing(t *testing.T) {
	e, p := eventful(t)
	once, _ := gameday.Replay(p, e.records)
	twice, _ := gameday.Replay(p, append(append([]engine.Record{}, e.records...), e.records...))
	if fmt.Sprintf("%+v", once) != fmt.Sprintf("%+v", twice) {
		t.Errorf("once  %+v\ntwice %+v", once, twice)
	}
}

func TestADigestIsOfWhatIsDone(t *testing.T) {
	a, b := plan(t, gameday.Step{Name: "a"}), plan(t, gameday.Step{Name: "a"})
	if a.Digest != b.Digest || a.Digest == plan(t, gameday.Step{Name: "a", Count: 2}).Digest {
		t.Error("the digest does not follow the steps")
	}
	for _, bad := range []gameday.Plan{{}, {Name: "x"}, {Name: "x [1]: y", Steps: []gameday.Step{{Attack: "cpu"}}}, {Name: "x", Steps: []gameday.Step{{}}}} {
		if _, err := gameday.NewPlan(bad); err == nil {
			t.Errorf("%+v is a plan", bad)
		}
	}
}

func FuzzANoteOfAnybodyNeverBreaksASession(f *testing.F) {
	f.Add("game day checkout [20260723-100000-00000000]: step 2 approved", uint8(9))
	f.Add("game day checkout [20260723-100000-00000000]: step 999 hypothesis held: x", uint8(30))
	f.Add("game day checkout [20260723-100000-00000000]: begun: 4 steps", uint8(3))
	f.Fuzz(func(t *testing.T, words string, at uint8) {
		e, p := eventful(t)
		words = strings.ReplaceAll(words, "00000000", p.Digest[:8])
		n := int(at) % len(e.records)
		after := room(t)
		after.records = append(after.records, e.records[:n]...)
		after.recall()
		after.order(engine.Order{Kind: engine.Remark, Reason: words}, engine.Operator)
		c := attach(after, p)
		before := c.session.Next(after.view(), after.now)
		if before.Do == gameday.Give && after.answers[before.Order.ID] {
			t.Fatalf("%q makes it repeat %s", words, before.Order.ID)
		}
	})
}

// A plan may mean any host; who may attack some of them cannot begin a step on the others by approving it.
func TestANoteFromSomebodyWhoMayNotAttackEveryHostApprovesNothing(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{}))
	c.once()
	c.read()
	for _, o := range []engine.Order{c.session.Approve(), c.session.Skip("why not")} {
		o.Realm = []engine.Selector{{"group:db"}}
		e.order(o, engine.Operator)
	}
	if next := c.session.Next(c.view(), c.now); next.Do != gameday.Ask || c.session.Steps[0].State != gameday.Ahead {
		t.Errorf("got %+v", next)
	}
	c.read()
	if next := c.session.Next(c.view(), c.now); next.Do != gameday.Ask {
		t.Errorf("got %+v", next)
	}
}

func TestASessionThatIsBegunAnewBeforeItIsOverAsksFirst(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore}}))
	c.once()
	e.now = e.now.Add(time.Minute)
	again := gameday.Session{Plan: c.plan}.Begin(e.now)
	e.order(again.Next(e.view(), e.now).Order, engine.Operator)
	c.read()
	if next := c.session.Next(c.view(), c.now); next.Do != gameday.Ask || !strings.Contains(next.Why, "begun anew by ada") {
		t.Errorf("got %+v", next)
	}
}

func TestAnAttackThatIsNoStepIsAmongWhatHappenedMeanwhile(t *testing.T) {
	e := room(t)
	c := attach(e, plan(t, gameday.Step{}))
	c.play()
	c = attach(e, plan(t, gameday.Step{Wait: gameday.Wait{Kind: gameday.AfterBefore, After: time.Hour}}))
	c.once()
	applied := &engine.Outcome{Applied: true, Cause: "deadline"}
	e.note(engine.Record{Kind: engine.Closed, Run: "before", Outcome: applied, Text: "it had begun before"})
	e.note(engine.Record{Kind: engine.Intent, Run: "theirs", Intent: &engine.Run{ID: "theirs"}, Text: "memory on web-020 for 2m, by schedule"})
	e.note(engine.Record{Kind: engine.Closed, Run: "theirs", Outcome: &engine.Outcome{Cause: "refused"}, Text: "memory on web-020: refused"})
	e.note(engine.Record{Kind: engine.Closed, Run: "dry", Outcome: &engine.Outcome{Cause: "dry run"}, Text: "nothing was injected"})
	c.read()
	var told []string
	for _, m := range c.session.Moments {
		told = append(told, m.Text)
	}
	want := "ended: it had begun before; began: memory on web-020 for 2m, by schedule; ended: memory on web-020: refused"
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("meanwhile: %s", got)
	}
	for c.session.Turn() > 0 && c.session.Steps[0].State != gameday.Done {
		e.now = e.now.Add(time.Hour)
		c.once()
	}
	if n := len(c.session.Moments); n != len(told) {
		t.Errorf("a step is told as something else: %+v", c.session.Moments[len(told):])
	}
}
