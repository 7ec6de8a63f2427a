package chat

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestADirectCommandOfAKnownPersonActsUnderTheirName(t *testing.T) {
	s := newScene(t, nil).open(t)
	s.stage.answer = func(o engine.Order) (string, error) { return "r-1", nil }
	s.send(mention("1", ada, general, "<@"+bot+"> run-once latency on web-01 for 2m", time.Now(), ""))
	s.answered("Begun, as r-1.")
	o := s.orders()[0]
	want := engine.Order{ID: o.ID, Kind: engine.RunOnce, By: "ada", Door: "slack", Attack: "latency", Host: "web-01", For: 2 * time.Minute, Role: engine.Admin, Named: true}
	if fmt.Sprint(o) != fmt.Sprint(want) || !strings.HasPrefix(o.ID, "slack-") {
		t.Errorf("the engine was asked\n%+v, want\n%+v", o, want)
	}
}

// Each of the four ways in, and the reply where it belongs.
func TestEveryWayInIsAcknowledgedAndAnswered(t *testing.T) {
	s := newScene(t, nil).open(t)
	now := time.Now()
	s.send(mention("m", ada, general, "<@"+bot+"> why", now, ""))
	s.send(direct("d", ada, "status", now, ""))
	s.send(s.slash("s", ada, general, "history"))
	s.send(press("p", ada, general, "1503435956.000247", stopButton, "", now))
	s.send(`{"envelope_id":"odd","type":"events_api","payload":{"type":"event_callback","event":{"type":"something_new"}}}`)
	if a := s.answered("prod-eu: armed"); a.channel != private || a.thread != "" {
		t.Errorf("the answer to a direct message went to %+v", a)
	}
	if a := s.answered("Nothing has been attacked"); a.channel != "/commands/1234/5678" {
		t.Errorf("the answer to a slash command went to %+v", a)
	}
	if a := s.answered("Stopped."); a.thread != "1503435956.000247" {
		t.Errorf("the answer to a button went to %+v", a)
	}
	s.until("five acknowledgements", func() bool { return len(s.acked) == 5 })
}

func TestWhatSlackDeliversTwiceActsOnce(t *testing.T) {
	s := newScene(t, nil).open(t)
	at := time.Now()
	for i := range 3 {
		s.send(mention(fmt.Sprint("try", i), ada, general, "<@"+bot+"> skip", at, ""))
	}
	s.send(mention("another", ada, general, "<@"+bot+"> skip", at.Add(time.Second), ""))
	s.until("four acknowledgements", func() bool { return len(s.acked) == 4 })
	s.until("two orders", func() bool { return len(s.orders()) == 2 })
	if o := s.orders(); len(o) != 2 || o[0].ID == o[1].ID {
		t.Errorf("the engine was asked %v", o)
	}
}

func TestAnOldOrderIsRefusedAndAnOldStopIsNot(t *testing.T) {
	s := newScene(t, nil).open(t)
	for i, text := range []string{"run-once", "skip", "resume", "approve"} {
		s.send(mention(text, ada, general, "<@"+bot+"> "+text, time.Now().Add(time.Duration(-i-2)*time.Minute), ""))
		s.answered(fmt.Sprintf("you said that %s ago", engine.Span(time.Duration(i+2)*time.Minute)))
	}
	s.send(mention("ahead", ada, general, "<@"+bot+"> skip", time.Now().Add(time.Hour), ""))
	s.answered("One of the clocks is wrong")
	s.send(mention("stop", ada, general, "<@"+bot+"> stop", time.Now().Add(-time.Hour), ""))
	s.send(mention("pause", ada, general, "<@"+bot+"> pause 2h lunch", time.Now().Add(-time.Hour), ""))
	s.answered("Stopped.")
	s.answered("Done.")
	for _, o := range s.orders() {
		if o.Kind != engine.Stop && o.Kind != engine.PauseIt {
			t.Errorf("the engine was asked %+v", o)
		}
	}
}

func TestWhoeverIsNotKnownMayStopAndNothingElseAndIsToldSo(t *testing.T) {
	s := newScene(t, nil).open(t)
	for i, text := range []string{"status", "why", "next", "history", "run-once", "skip", "pause", "resume", "approve", "note hello"} {
		s.send(mention(text, mallory, general, "<@"+bot+"> "+text, time.Now().Add(time.Duration(i)*time.Millisecond), ""))
	}
	s.until("ten answers", func() bool {
		return s.count("you may stop everything, and nothing else") == 10
	})
	if len(s.orders()) != 0 {
		t.Errorf("the engine was asked %v", s.orders())
	}
	s.send(mention("stop", mallory, general, "<@"+bot+"> stop it burns", time.Now(), ""))
	s.answered("Stopped.")
	if o := s.orders()[0]; o.By != mallory+" (slack)" || o.Reason != "it burns" {
		t.Errorf("the engine was asked %+v", o)
	}
}

// bob is an operator only as a member of his group.
func TestAGroupThatCannotBeReadGivesNobodyARole(t *testing.T) {
	s := newScene(t, nil)
	var later atomic.Bool
	s.chat.groups.now = func() time.Time {
		if later.Load() {
			return time.Now().Add(groupsFor)
		}
		return time.Now()
	}
	s.open(t)
	s.send(mention("1", bob, general, "<@"+bot+"> skip", time.Now(), ""))
	s.answered("Done.")
	s.fakeSlack.mu.Lock()
	later.Store(true)
	s.down = func(path string) (int, string) {
		if path == "/usergroups.users.list" {
			return http.StatusOK, `{"ok":false,"error":"missing_scope","needed":"usergroups:read","provided":"chat:write"}`
		}
		return 0, ""
	}
	s.fakeSlack.mu.Unlock()
	s.send(mention("2", bob, general, "<@"+bot+"> skip", time.Now(), ""))
	s.answered("The user groups cannot be read")
	if len(s.orders()) != 1 {
		t.Errorf("the engine was asked %v", s.orders())
	}
	if !strings.Contains(s.log.String(), "the app lacks the scope usergroups:read") {
		t.Error(s.log.String())
	}
}

func TestOrdersAreTakenInTheirChannelsAndStopEverywhere(t *testing.T) {
	s := newScene(t, func(o *Options) { o.CommandsIn = []string{"C0ORDERS"} }).open(t)
	s.send(mention("1", ada, general, "<@"+bot+"> pause", time.Now(), ""))
	s.send(direct("2", ada, "resume", time.Now(), ""))
	s.until("two refusals", func() bool { return s.count("orders are taken in other channels") == 2 })
	s.send(mention("3", ada, general, "<@"+bot+"> status", time.Now(), ""))
	s.answered("armed")
	s.send(mention("4", ada, general, "<@"+bot+"> stop", time.Now(), ""))
	s.answered("Stopped.")
	s.send(mention("5", ada, "C0ORDERS", "<@"+bot+"> pause", time.Now(), ""))
	s.answered("Done.")
	if o := s.orders(); len(o) != 2 || o[0].Kind != engine.Stop || o[1].Kind != engine.PauseIt {
		t.Errorf("the engine was asked %v", o)
	}
}

// What looks like a command and is none.
func TestOnlyADirectCommandActs(t *testing.T) {
	s := newScene(t, nil).open(t)
	at, n := time.Now(), 0
	in := func(text, more string) {
		n++
		s.send(mention(fmt.Sprint(n), ada, general, text, at.Add(time.Duration(n)*time.Millisecond), more))
	}
	in("I asked <@"+bot+"> to run-once yesterday", "")
	in("&gt; <@"+bot+"> run-once", "")
	in("```<@"+bot+"> run-once```", "")
	in("<@"+ada+"> <@"+bot+"> run-once", "")
	in("<@"+bot+">\n&gt; run-once", "")
	in("<@"+bot+"> `run-once`", "")
	in("<@"+bot+"> ```\nrun-once\n```", "")
	in("<@"+bot+"> what does run-once do?", "")
	in("<@"+bot+"> run-once latency\nweb-01", "")
	in("<@"+bot+"> run-once <@"+bob+">", "")
	in("<@"+bot+"> run-once "+strings.Repeat("x", 40_000), "")
	in("<@"+bot+"> run-once", `,"edited":{"user":"`+ada+`","ts":"1458170917.000000"}`)
	in("<@"+bot+"> run-once", `,"bot_id":"B123"`)
	in("<@"+bot+"X> run-once", "")
	in("please <@"+bot+"> stop", "")
	message := func(text, more string) {
		n++
		s.send(direct(fmt.Sprint(n), ada, text, at.Add(time.Duration(n)*time.Millisecond), more))
	}
	message("run-once", `,"subtype":"bot_message","bot_id":"B1"`)
	message("run-once", `,"bot_id":"B1"`)
	message("", `,"subtype":"message_changed","message":{"type":"message","user":"`+ada+`","text":"run-once","edited":{"user":"`+ada+`","ts":"1.0"},"ts":"1355517523.000005"}`)
	message("run-once", `,"edited":{"user":"`+ada+`","ts":"1458170917.000000"}`)
	message("run-once", `,"subtype":"me_message"`)
	s.until("an acknowledgement of each", func() bool { return len(s.acked) == n })
	s.send(mention("end", ada, general, "<@"+bot+"> why", at, ""))
	s.answered("Did you mean me?")
	if o := s.orders(); len(o) != 0 {
		t.Errorf("the engine was asked %+v", o)
	}
}

func TestAStopIsCarriedOutWhileSlackHangsAndEverythingElseIsFull(t *testing.T) {
	s := newScene(t, nil)
	blocked := make(chan struct{})
	s.stage.answer = nil
	s.fakeSlack.hold = make(chan struct{})
	s.open(t)
	s.chat.groups.mu.Lock() // whoever asks for a group hangs
	go func() { <-blocked; s.chat.groups.mu.Unlock() }()
	for i := range 3 * mostJobs {
		s.send(mention(fmt.Sprint(i), ada, general, "<@"+bot+"> skip", time.Now().Add(time.Duration(i)*time.Millisecond), ""))
	}
	s.send(mention("stop", ada, general, "<@"+bot+"> *STOP!* now", time.Now(), ""))
	s.until("a stop", func() bool { o := s.orders(); return len(o) == 1 && o[0].Kind == engine.Stop && o[0].Reason == "now" })
	s.until("an acknowledgement of each", func() bool { return len(s.acked) == 3*mostJobs+1 })
	close(s.fakeSlack.hold)
	close(blocked)
}

// The clock of Slack may be ahead by as much as a message may be late, here a minute.
func TestResumeDoesNotLiftAStopThatItsWriterHasNotSeen(t *testing.T) {
	s := newScene(t, nil).open(t)
	now := time.Now()
	stop := func(ago time.Duration) time.Time {
		at := now.Add(-ago)
		s.happen(func(now *engine.Snapshot) { now.Stopped = &engine.Latch{At: at, By: "bob"} })
		return at
	}
	for i, c := range []struct{ stopped, written time.Duration }{ // ago, each by its own clock
		{5 * time.Second, 15 * time.Second},
		{15 * time.Second, 5 * time.Second},
		{15 * time.Second, -40 * time.Second},
		{80 * time.Second, 30 * time.Second},
	} {
		stop(c.stopped)
		s.send(mention(fmt.Sprint(i), ada, general, "<@"+bot+"> resume", now.Add(-c.written), ""))
		s.until("a refusal", func() bool { return s.count("bob has stopped everything at") == i+1 })
	}
	stop(15 * time.Second)
	s.send(s.slash("slash", ada, general, "resume"))
	s.until("a refusal", func() bool { return s.count("bob has stopped everything at") == 5 })
	stopped := stop(2 * time.Minute)
	s.send(mention("seen", ada, general, "<@"+bot+"> resume all is well", now.Add(-10*time.Second), ""))
	s.answered("Done.")
	if o := s.orders(); len(o) != 1 || o[0].Lifts == nil || !o[0].Lifts.Equal(stopped) || o[0].Reason != "all is well" {
		t.Errorf("the engine was asked %+v", o)
	}
}

func TestAnApprovalWithoutAnIDApprovesWhatItsWriterHasSeen(t *testing.T) {
	s := newScene(t, nil).open(t)
	now := time.Now()
	pending := func(ago ...time.Duration) {
		var list []engine.Pending
		for i, d := range ago {
			list = append(list, engine.Pending{Order: engine.Order{ID: fmt.Sprintf("order@%d", i+1), Attack: "latency", Host: "web-01", By: "bob"}, At: now.Add(-d), Until: now.Add(time.Hour), Needs: 2})
		}
		s.happen(func(now *engine.Snapshot) { now.Pending = list })
	}
	said := func(id, text string) {
		t.Helper()
		s.send(mention(id, ada, general, "<@"+bot+"> approve", now.Add(-20*time.Second), ""))
		s.answered(text)
	}
	said("none", "no order waits")
	pending(10 * time.Second)
	now = now.Add(time.Microsecond)
	said("later", "it is not certain which order you mean. Say one of these:\napprove order@1 (latency on web-01, asked for by bob)")
	pending(time.Minute, 30*time.Second)
	now = now.Add(time.Microsecond)
	said("two", "\napprove order@2 (latency")
	if o := s.orders(); len(o) != 0 {
		t.Errorf("the engine was asked %+v", o)
	}
	pending(time.Minute, 10*time.Second)
	now = now.Add(time.Microsecond)
	said("one", "Done.")
	if o := s.orders(); len(o) != 1 || o[0].Kind != engine.Approve || o[0].Approves != "order@1" {
		t.Errorf("the engine was asked %+v", o)
	}
}

// The console and others name orders as they like, within what the socket takes.
func TestTheApproveButtonWorksForAnOrderOfAnyDoor(t *testing.T) {
	s := newScene(t, nil).open(t)
	s.happen(func(now *engine.Snapshot) {
		now.Pending = []engine.Pending{{Order: engine.Order{ID: longID, Attack: "latency", By: "bob"}, At: noon, Until: noon, Needs: 2}}
	})
	if waits := s.answered("people must want it"); !strings.Contains(waits.blocks, longID) {
		t.Error(waits.blocks)
	}
	s.send(press("p", ada, general, "1503435956.000001", approveButton, longID, time.Now()))
	s.answered("Done.")
	if o := s.orders(); len(o) != 1 || o[0].Approves != longID {
		t.Errorf("the engine was asked %+v", o)
	}
}

// An engine whose loop hangs takes a stop and does not answer.
func TestAStopWithoutAnAnswerIsSaidToBeNoneAndSaidAgainWhenItIsDone(t *testing.T) {
	s := newScene(t, nil)
	s.chat.prompt = 20 * time.Millisecond
	s.stage.hang = make(chan struct{})
	s.open(t)
	at := time.Now()
	const many = 20
	for i := range many {
		s.send(mention(fmt.Sprint(i), eve, general, "<@"+bot+"> stop", at.Add(time.Duration(i)*time.Millisecond), ""))
	}
	s.until("an answer to each", func() bool { return s.count("*NOT YET STOPPED*") >= many })
	if a := s.answered("*NOT YET STOPPED*"); !strings.Contains(a.text, "`chaoscat stop`") || a.thread == "" {
		t.Errorf("said was %+v", a)
	}
	close(s.stage.hang)
	s.until("the end of each", func() bool { return s.count("Stopped. Nothing was running.") == many })
}

func TestTheDoorClosesThoughTheEngineHangsAndSaysThatNothingWasStopped(t *testing.T) {
	c, err := New(Options{AppToken: secretFile(t, appToken), BotToken: secretFile(t, botToken), Who: who, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		began, deaf, ctx := time.Now(), make(chan struct{}), t.Context()
		c.hear(heard{key: "1", user: ada, channel: general, text: "stop"})
		close(deaf)
		c.halt(ctx, deaf, &stage{hang: make(chan struct{})})
		if took := time.Since(began); took != lastWords {
			t.Errorf("it took %s", took)
		}
	})
	if len(c.out.queue) != 1 || c.out.waiting("*NOT YET STOPPED*: the engine has not answered for 3s") != 1 || c.out.waiting("*NOT STOPPED*: the Slack door was closed before the engine answered") != 1 {
		t.Errorf("to be said is %+v", c.out.queue)
	}
}

func TestMoreStopsThanAnEngineThatHangsCanHoldAreAnsweredToo(t *testing.T) {
	s := newScene(t, nil)
	s.stage.hang = make(chan struct{})
	s.open(t)
	at := time.Now()
	for i := range mostStops + 1 {
		s.send(mention(fmt.Sprint(i), ada, general, "<@"+bot+"> stop", at.Add(time.Duration(i)*time.Millisecond), ""))
	}
	s.answered("*NOT STOPPED*: the engine owes an answer to 256 stops")
	close(s.stage.hang)
}

func TestAMessageWithAFileOrShownInTheChannelTooIsObeyed(t *testing.T) {
	s := newScene(t, nil).open(t)
	at := time.Now()
	s.send(direct("file", ada, "stop it burns", at, `,"subtype":"file_share","files":[{"id":"F2147483697","name":"screenshot.png"}],"upload":true`))
	s.send(direct("broadcast", ada, "skip", at.Add(time.Second), `,"subtype":"thread_broadcast","thread_ts":"1503435956.000247","root":{"user":"`+bob+`","text":"pause","ts":"1503435956.000247"}`))
	s.answered("Stopped.")
	if a := s.answered("Done."); a.thread != "1503435956.000247" {
		t.Errorf("the answer went to %+v", a)
	}
	s.until("two orders", func() bool { return len(s.orders()) == 2 })
	for _, o := range s.orders() {
		if o.By != "ada" || o.Kind == engine.Stop && o.Reason != "it burns" || o.Kind != engine.Stop && o.Kind != engine.Skip {
			t.Errorf("the engine was asked %+v", o)
		}
	}
}

func TestWhoeverEditsAnOrderIsToldThatItIsNotObeyed(t *testing.T) {
	s := newScene(t, nil).open(t)
	now := time.Now()
	changed := func(id, text, edited string) {
		s.send(direct(id, "", "", now, `,"subtype":"message_changed","hidden":true,"message":{"type":"message","user":"`+ada+`","text":"`+text+`"`+edited+`,"ts":"1355517523.000005"}`))
	}
	edited := func(ts string) string { return `,"edited":{"user":"` + ada + `","ts":"` + ts + `"}` }
	changed("link", "run-once latency on db.example.com", "") // Slack shows what is behind the link
	changed("question", "status", edited("1.0"))
	changed("nonsense", "lunch", edited("2.0"))
	changed("stop", "stop", edited("3.0"))
	changed("repeated", "stop", edited("3.0"))
	s.send(mention("plain", ada, general, "<@"+bot+"> status", now, ""))
	s.send(mention("edited", ada, general, "<@"+bot+"> run-once", now, edited("4.0")))
	s.send(mention("about", ada, general, "ask <@"+bot+"> to stop", now, edited("5.0")))
	s.until("an acknowledgement of each", func() bool { return len(s.acked) == 8 })
	s.until("two answers and a status", func() bool {
		return s.count("Edited messages are not obeyed; say it again.") == 2 && s.count("armed") == 1
	})
	if said := s.transcript(); len(s.orders()) != 0 || strings.Contains(said, "lunch") || strings.Contains(said, "Did you mean me") {
		t.Errorf("the engine was asked %v, and said was\n%s", s.orders(), said)
	}
}

func TestWhatIsNotYetDoneWhenTheDoorClosesIsSaidNotToBeAndAStopIsDone(t *testing.T) {
	s := newScene(t, nil)
	s.stage.hang = make(chan struct{})
	s.open(t)
	at := time.Now()
	for i, text := range []string{"skip", "skip", "pause", "pause"} { // the first of each is with the engine
		s.send(mention(fmt.Sprint(i), ada, general, "<@"+bot+"> "+text, at.Add(time.Duration(i)*time.Millisecond), ""))
	}
	s.send(mention("stop", ada, general, "<@"+bot+"> stop", at.Add(time.Second), ""))
	s.until("an acknowledgement of each", func() bool { return len(s.acked) == 5 })
	s.until("orders on their way", func() bool {
		return s.stage.hanging() == 3 && len(s.chat.lanes[changes])+len(s.chat.lanes[pauses]) == 2
	})
	time.AfterFunc(50*time.Millisecond, func() { close(s.stage.hang) })
	s.end()
	if s.count("Not done: chaoscat ends, or restarts its Slack door; say it again.") != 2 || s.count("It is not known whether this was done") != 2 || s.count("Stopped.") != 1 {
		t.Errorf("said was %+v", s.posts)
	}
	if o := s.orders(); len(o) != 1 || o[0].Kind != engine.Stop {
		t.Errorf("the engine was asked %+v", o)
	}
}

func TestARefusalIsToldInTheEnginesWords(t *testing.T) {
	s := newScene(t, nil).open(t)
	s.stage.answer = func(engine.Order) (string, error) {
		return "", &engine.Refusal{Verdict: engine.Verdict{Name: engine.Unhealthy, Sentence: "site: 3 alerts <!channel> & more"}}
	}
	s.send(mention("1", ada, general, "<@"+bot+"> run-once", time.Now(), ""))
	if a := s.answered("Not done"); a.text != "Not done: site: 3 alerts &lt;!channel&gt; &amp; more." {
		t.Error(a.text)
	}
	s.stage.mu.Lock()
	s.stage.answer = func(engine.Order) (string, error) { return "", errors.New("the engine has ended") }
	s.stage.mu.Unlock()
	s.send(mention("2", ada, general, "<@"+bot+"> stop", time.Now(), ""))
	s.answered("*NOT STOPPED*")
}

func TestTheConnectionComesBackByItself(t *testing.T) {
	s := newScene(t, nil).open(t)
	s.send(`{"type":"disconnect","reason":"warning","debug_info":{"host":"applink-7fc4fdbb64-4x5xq"}}`)
	s.until("a second connection", func() bool { return len(s.conns) == 2 })
	s.fakeSlack.mu.Lock()
	s.conns[1].Close()
	s.fakeSlack.mu.Unlock()
	s.until("a third connection", func() bool { return len(s.conns) == 3 })
	s.send(mention("1", ada, general, "<@"+bot+"> stop", time.Now(), ""))
	s.answered("Stopped.")
}

func TestASlackThatClosesEveryConnectionIsNotStormed(t *testing.T) {
	s := newScene(t, nil).open(t)
	for began := time.Now(); time.Since(began) < 1500*time.Millisecond; time.Sleep(time.Millisecond) {
		s.fakeSlack.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.fakeSlack.mu.Unlock()
	}
	s.fakeSlack.mu.Lock()
	defer s.fakeSlack.mu.Unlock()
	if len(s.conns) > 3 {
		t.Errorf("there were %d connections", len(s.conns))
	}
}

// A token that is refused is not the end: it is read again with each try.
func TestATokenThatIsRefusedIsSaidWithoutItAndTriedAgain(t *testing.T) {
	s := newScene(t, nil)
	s.down = func(path string) (int, string) {
		return http.StatusOK, `{"ok":false,"error":"invalid_auth"}`
	}
	go func() {
		s.until("a complaint", func() bool { return strings.Contains(s.log.String(), "invalid_auth") })
		s.fakeSlack.mu.Lock()
		s.down = nil
		s.fakeSlack.mu.Unlock()
	}()
	s.open(t)
	if text := s.log.String(); !strings.Contains(text, "check slack.app_token_file") || strings.Contains(text, "canary") {
		t.Error(text)
	}
}
