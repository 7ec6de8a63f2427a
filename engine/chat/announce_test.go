package chat

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func aRun(id, of, host string) engine.Run {
	return engine.Run{ID: id, Of: of, Host: engine.Host{Name: host}, Attack: engine.Attack{Name: "latency"}, For: 5 * time.Minute,
		Trigger: engine.BySchedule, OnCall: []string{"bob", "carol"}, Started: noon}
}

func intent(r engine.Run) engine.Record {
	return engine.Record{Kind: engine.Intent, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, Intent: &r}
}

func phase(r engine.Run, p engine.Phase, text string) engine.Record {
	return engine.Record{Kind: engine.PhaseNew, Run: r.ID, Of: r.Of, Host: r.Host.Name, Phase: p, Text: text}
}

func outcome(r engine.Run, o engine.Outcome) engine.Record {
	return engine.Record{Kind: engine.Closed, Run: r.ID, Of: r.Of, Host: r.Host.Name, Attack: r.Attack.Name, Outcome: &o, Text: o.Sentence(r)}
}

// A run is announced, measured, stopped by the button, and ends; all in one thread.
func TestARunIsOneThreadFromItsBeginningToItsEnd(t *testing.T) {
	s := newScene(t, nil).open(t)
	r, before, during := aRun("r1", "", "web-01"), 1.0, 201.0
	s.happen(nil, intent(r), phase(r, engine.Connecting, "connecting"), phase(r, engine.Holding, "holding"))
	begun := s.answered("latency on web-01")
	r.Figures = engine.Figures{Before: &before, During: &during, Text: "round trip 1 → 201 ms"}
	s.happen(func(now *engine.Snapshot) { now.Running = []engine.Run{r} })
	s.answered("Measured")
	s.stage.answer = func(o engine.Order) (string, error) { return "", nil }
	s.send(press("p", mallory, general, begun.ts, stopButton, "", time.Now()))
	s.answered("Stopped.")
	latch := engine.Latch{At: noon, By: mallory + " (slack)", Door: "slack"}
	s.happen(nil,
		engine.Record{Kind: engine.OrderGiven, By: latch.By, Door: "slack", Order: &engine.Order{Kind: engine.Stop}, Latch: &latch, Text: "STOP by " + latch.By},
		phase(r, engine.Undoing, "undoing: stop"))
	s.answered("Aborted")
	s.happen(func(now *engine.Snapshot) { now.Running = nil }, outcome(r, engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: "stop", Figures: r.Figures}))
	s.answered("restored")
	golden(t, "run.golden", s.transcript())
	if s.answered("Measured").thread != begun.ts || s.answered("restored").thread != begun.ts {
		t.Error("not in the thread")
	}
}

// The order of the posts is fixed by one beginning before all else; what follows within a moment is one message.
func TestAnOrderOnManyHostsIsOneThreadWithASummary(t *testing.T) {
	s := newScene(t, nil)
	s.open(t)
	var runs []engine.Run
	var news []engine.Record
	for i := range 1000 {
		r := aRun(fmt.Sprintf("r%d", i), "r0", fmt.Sprintf("web-%03d", i))
		r.Trigger, r.By, r.Reason = engine.ByOrder, "ada", "game day <!here>"
		runs, news = append(runs, r), append(news, intent(r))
	}
	s.happen(nil, news...)
	s.answered("latency on 1000 hosts")
	news = nil
	for i, r := range runs {
		o := engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: "stop"}
		if i%100 == 7 {
			o = engine.Outcome{Effect: engine.Refused, Detail: "the host did not answer"}
		}
		news = append(news, phase(r, engine.Undoing, "undoing: gate site: 3 alerts"), phase(r, engine.Lost, "lost: no contact"), outcome(r, o))
	}
	s.happen(nil, news...)
	s.answered("has ended")
	golden(t, "many.golden", s.transcript())
}

func TestWhatBindsEverybodyIsSaidAloud(t *testing.T) {
	s := newScene(t, nil)
	s.stage.now.Hosts.Residue = map[string]engine.Leftover{"db-00": {Text: "before us"}}
	s.open(t)
	order := func(kind engine.OrderKind, text string, v *engine.Verdict) engine.Record {
		return engine.Record{Kind: engine.OrderGiven, By: "ada", Order: &engine.Order{Kind: kind}, Verdict: v, Text: text}
	}
	said := func(text string, change func(*engine.Snapshot), news ...engine.Record) {
		t.Helper()
		s.happen(change, news...)
		s.answered(text)
	}
	said("STOP", nil, order(engine.Stop, "STOP by ada (<!channel> it burns)", nil), order(engine.Skip, "skipped x by ada", nil),
		order(engine.Resume, "refused resume", &engine.Verdict{Name: engine.NotAllowed}), engine.Record{Kind: engine.VerdictNew, Text: "stopped"})
	said("resumed", nil, order(engine.Resume, "resumed by ada", nil))
	said("paused", nil, order(engine.PauseIt, "paused for 2h by ada", nil))
	said("RESIDUE", nil, engine.Record{Kind: engine.ResidueNew, Host: "db-01", Text: "RESIDUE on db-01: a table"}, engine.Record{Kind: engine.ResidueNew, Host: "db-02", Text: "RESIDUE on db-02: a table"})
	said("db-01 is proven clean", nil, engine.Record{Kind: engine.Cleared, Host: "db-01", Text: "db-01 is proven clean"}, engine.Record{Kind: engine.Cleared, Host: "web-77", Text: "web-77 is proven clean"})
	said("db-00 is proven clean", nil, engine.Record{Kind: engine.Cleared, Host: "db-00", Text: "db-00 is proven clean"})
	said("waits until", func(now *engine.Snapshot) {
		now.Pending = []engine.Pending{{Order: engine.Order{ID: "slack-1", Kind: engine.RunOnce, Attack: "disk-fill", Host: "db-03", By: "ada", Reason: "drill"}, Until: noon.Add(15 * time.Minute), Needs: 2}}
	})
	said("would have run", nil, outcome(aRun("r9", "", "web-09"), engine.Outcome{Effect: engine.Refused, Cause: "dry run", Detail: "dry run: nothing was sent to the host"}))
	golden(t, "aloud.golden", s.transcript())
	s.send(press("p", ada, general, "1503435956.000007", approveButton, "slack-1", time.Now()))
	s.until("an approval", func() bool {
		o := s.orders()
		return len(o) == 1 && o[0].Kind == engine.Approve && o[0].Approves == "slack-1" && o[0].Named
	})
}

func TestARequiredAnnouncementIsThereBeforeTheLaunchAndOnce(t *testing.T) {
	s := newScene(t, nil).open(t)
	var told []chan error
	for i := range 100 {
		r := aRun(fmt.Sprintf("r%d", i), "r0", fmt.Sprintf("web-%03d", i))
		told = append(told, make(chan error, 1))
		go func() { told[i] <- s.chat.Announce(t.Context(), r) }()
		s.happen(nil, intent(r))
	}
	for i := range told {
		if err := <-told[i]; err != nil {
			t.Error(err)
		}
	}
	s.fakeSlack.mu.Lock()
	defer s.fakeSlack.mu.Unlock()
	if len(s.posts) != 1 || !strings.Contains(s.posts[0].text, "100 hosts") {
		t.Errorf("said was %+v", s.posts)
	}
}

// Whatever Slack does instead of taking the announcement, nothing begins, and within the time.
func TestWithoutItsAnnouncementNothingBegins(t *testing.T) {
	for name, answer := range map[string]func(string) (int, string){
		"an error":       func(string) (int, string) { return http.StatusOK, `{"ok":false,"error":"channel_not_found"}` },
		"a wrong status": func(string) (int, string) { return http.StatusInternalServerError, "oh no" },
		"no JSON":        func(string) (int, string) { return http.StatusOK, "<html>" },
		"half a body":    func(string) (int, string) { return http.StatusOK, `{"ok":tr` },
		"nothing at all": func(string) (int, string) { return http.StatusOK, "{}" },
		"a limit":        func(string) (int, string) { return http.StatusTooManyRequests, "slow down" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			s.chat.patient = 2 * time.Second
			s.open(t)
			s.fakeSlack.mu.Lock()
			s.down = answer
			s.fakeSlack.mu.Unlock()
			began := time.Now()
			err := s.chat.Announce(t.Context(), aRun("r1", "", "web-01"))
			if err == nil || strings.Contains(err.Error(), "canary") || time.Since(began) > 20*time.Second {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

func TestAnAnnouncementThatComesTooLateIsTakenBack(t *testing.T) {
	s := newScene(t, nil)
	s.chat.patient = 50 * time.Millisecond
	s.hold = make(chan struct{})
	s.open(t)
	s.chat.out.say(post{message: message{channel: general, text: "in the way"}})
	s.until("a message on its way", func() bool { return s.taking > 0 })
	r := aRun("r1", "", "web-01")
	if err := s.chat.Announce(t.Context(), r); err == nil {
		t.Error("it was announced while Slack took nothing")
	}
	close(s.hold)
	s.happen(nil, intent(r), outcome(r, engine.Outcome{Effect: engine.Refused, Cause: "announcement", Detail: "not attempted: it could not be announced"}))
	s.answered("not attempted")
	s.fakeSlack.mu.Lock()
	defer s.fakeSlack.mu.Unlock()
	if s.count("To stop everything") != 0 {
		t.Errorf("said was %+v", s.posts)
	}
}

func TestTheLastWordsAreStillSaid(t *testing.T) {
	s := newScene(t, nil)
	s.open(t)
	s.chat.out.pace = 20 * time.Millisecond
	for i := range 20 {
		s.chat.out.say(post{message: message{channel: general, text: fmt.Sprint("word ", i), buttons: []button{{stopButton, "", "Stop"}}}})
	}
	s.end()
	s.answered("word 19")
}

func TestWhateverElseThereIsToSayResidueStopAndRequiredBeginningsAreSaid(t *testing.T) {
	s := newScene(t, nil)
	s.hold = make(chan struct{})
	s.open(t)
	s.chat.out.say(post{message: message{channel: general, text: "in the way"}})
	s.until("a message on its way", func() bool { return s.taking > 0 })
	s.happen(nil, engine.Record{Kind: engine.ResidueNew, Host: "db-01", Text: "RESIDUE on db-01"}, engine.Record{Kind: engine.OrderGiven, By: "ada", Order: &engine.Order{Kind: engine.Stop}, Text: "STOP by ada"})
	told := make(chan error, 1)
	go func() { told <- s.chat.Announce(t.Context(), aRun("r1", "", "web-01")) }()
	s.until("all three", func() bool {
		s.chat.out.mu.Lock()
		defer s.chat.out.mu.Unlock()
		return len(s.chat.out.queue) == 3
	})
	for i := range 2 * longestQueue {
		s.chat.out.say(inThread(i, result, everybody))
		s.chat.answer(heard{user: mallory, channel: general, thread: fmt.Sprint(i)}, result, "Stopped.")
	}
	close(s.hold)
	if err := <-told; err != nil {
		t.Error(err)
	}
	s.answered("A PERSON MUST LOOK")
	s.answered("STOP by ada")
}
