package pagerduty

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// drained sends all that is to be sent, and tells what that was.
func drained(b *outbox, now time.Time) (sent []string) {
	for range 100 {
		e, some := b.next(now)
		if !some {
			return sent
		}
		sent = append(sent, told1(e))
		b.done(e, taken, now)
	}
	return append(sent, "and so on for ever")
}

func told1(e event) string {
	if e.Payload == nil {
		return e.Action + " " + e.Key
	}
	return strings.TrimSpace(e.Action + " " + e.Payload.Summary)
}

func change(summary string) event { return event{Payload: &payload{Summary: summary}} }

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func TestAlertsComeBeforeChangeEventsAndThoseInTheirOrder(t *testing.T) {
	b := newOutbox()
	b.put(change("began"), noon)
	b.put(change("ended"), noon)
	b.want(map[string]alert{"k": {summary: "RESIDUE on web-1"}})
	expect(t, drained(b, noon), "trigger RESIDUE on web-1", "began", "ended")
	expect(t, drained(b, noon))
	b.want(map[string]alert{"k": {summary: "RESIDUE on web-1, and worse"}})
	expect(t, drained(b, noon), "trigger RESIDUE on web-1, and worse")
	b.want(nil)
	expect(t, drained(b, noon), "resolve k")
	expect(t, drained(b, noon))
}

func TestAnAlertOfAnEarlierLifeIsEndedUnlessItHoldsStill(t *testing.T) {
	b := newOutbox()
	b.assume("over")
	b.assume("still")
	b.want(map[string]alert{"still": {summary: "RESIDUE on web-1"}})
	expect(t, drained(b, noon), "trigger RESIDUE on web-1", "resolve over")
}

func TestAnAlertIsNeverDroppedHoweverManyChangeEventsWait(t *testing.T) {
	b := newOutbox()
	b.want(map[string]alert{"k": {summary: "RESIDUE"}})
	for n := range mostWaiting + 7 {
		b.put(change(fmt.Sprint(n)), noon)
	}
	if len(b.changes) != mostWaiting || b.gone() != 7 {
		t.Errorf("%d wait", len(b.changes))
	}
	e, _ := b.next(noon.Add(patience + time.Second))
	if told1(e) != "trigger RESIDUE" {
		t.Errorf("%q comes first", told1(e))
	}
	b.done(e, taken, noon)
	if e, some := b.next(noon.Add(patience + time.Second)); some || b.gone() != mostWaiting {
		t.Errorf("%q is sent half an hour late", told1(e))
	}
}

func TestAnAlertThatIsRefusedIsTriedAgainLaterAndHoldsNothingUp(t *testing.T) {
	b := newOutbox()
	b.want(map[string]alert{"k": {summary: "RESIDUE"}})
	b.put(change("began"), noon)
	e, _ := b.next(noon)
	b.done(e, refused, noon)
	e, _ = b.next(noon)
	b.done(e, refused, noon)
	if told1(e) != "began" {
		t.Errorf("%q is next", told1(e))
	}
	if e, some := b.next(noon.Add(sulk - time.Second)); some {
		t.Errorf("%q is tried again too soon", told1(e))
	}
	if e, some := b.next(noon.Add(sulk)); !some || told1(e) != "trigger RESIDUE" {
		t.Error("the alert is forgotten")
	}
}

func TestAnEventThatWasPushedOutWhileItWasSentTakesNoOtherWithIt(t *testing.T) {
	b := newOutbox()
	for n := range mostWaiting {
		b.put(change(fmt.Sprint(n)), noon)
	}
	e, _ := b.next(noon)
	b.put(change("one more"), noon)
	b.done(e, taken, noon)
	if got := b.changes[0].Payload.Summary; got != "1" {
		t.Errorf("%s is next", got)
	}
}

func TestEveryHostThatNeedsAPersonIsAlarmedAndABadDayIsNoStorm(t *testing.T) {
	lost := engine.Run{ID: "r1", Host: engine.Host{Name: "db-1"}, Attack: engine.Attack{Name: "blackhole"}, For: time.Minute, Phase: engine.Lost, Since: noon, Until: noon.Add(15 * time.Second)}
	s := engine.Snapshot{Running: []engine.Run{lost}, Hosts: engine.HostFacts{Residue: map[string]engine.Leftover{"web-1": {Since: noon.Add(-time.Hour), Run: "r0", Text: "a qdisc is left"}}}}
	summaries := func(now time.Time) map[string]string {
		all := map[string]string{}
		for key, a := range needing("prod", s, now) {
			all[key] = a.summary
		}
		return all
	}
	want := map[string]string{"chaoscat/prod/host/web-1": "RESIDUE on web-1: a qdisc is left"}
	if got := summaries(noon.Add(15 * time.Second)); !reflect.DeepEqual(got, want) {
		t.Errorf("a host that may still undo by itself is alarmed: %v", got)
	}
	want["chaoscat/prod/host/db-1"] = "db-1 did not come back: no contact since 12:00:00 UTC, during blackhole"
	if got := summaries(noon.Add(16 * time.Second)); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	for n := range 100 {
		s.Hosts.Residue[fmt.Sprintf("app-%03d", n)] = engine.Leftover{Since: noon.Add(time.Duration(n) * time.Second), Text: "x"}
	}
	got := summaries(noon.Add(time.Hour))
	if len(got) != mostHosts+1 || got["chaoscat/prod/host/web-1"] == "" || !strings.HasPrefix(got["chaoscat/prod/hosts"], "92 more hosts need a person: app-008, app-009, ") {
		t.Errorf("%d alerts: %v", len(got), got)
	}
}

func TestAKeyFitsHoweverLongTheNames(t *testing.T) {
	if k := dedup(strings.Repeat("a", 200), strings.Repeat("b", 200)); len(k) > 255 || !strings.HasPrefix(k, "chaoscat/") {
		t.Error(k)
	}
}

func TestAnOrderOnManyHostsIsOneAttackToResponders(t *testing.T) {
	tales := newStories("https://wiki.example/chaoscat")
	run := func(n int) engine.Run {
		return engine.Run{ID: fmt.Sprintf("d-%03d", n), Of: "d", Host: engine.Host{Name: fmt.Sprintf("web-%d", n)}, Attack: engine.Attack{Name: "latency", Kind: "latency"}, For: time.Minute, By: "ada", OnCall: []string{"bob"}}
	}
	var sent []string
	hear := func(r engine.Record) {
		begun, ended := tales.hear(r)
		if begun != nil {
			sent = append(sent, told1(tales.beginning(begun, nil)))
		}
		if ended != nil {
			e := tales.ending(ended, nil)
			sent = append(sent, told1(e))
			if e.Payload.Details["host"] != "web-1, web-2, web-3" || e.Payload.Details["on call"] != "bob" || e.Payload.Details["run"] != "d" || len(e.Links) != 1 {
				t.Errorf("%+v", e.Payload)
			}
		}
	}
	for n := 1; n <= 3; n++ {
		r := run(n)
		hear(engine.Record{Kind: engine.Intent, Run: r.ID, Of: r.Of, Intent: &r, At: noon})
	}
	for n := 1; n <= 2; n++ {
		hear(engine.Record{Kind: engine.PhaseNew, Phase: engine.Injecting, Run: run(n).ID, Of: "d", At: noon})
	}
	for n, o := range []engine.Outcome{{Effect: engine.Effective, Undo: engine.Restored, Applied: true}, {Effect: engine.Effective, Undo: engine.Residue, Applied: true}, {Effect: engine.Refused}} {
		hear(engine.Record{Kind: engine.Closed, Run: run(n + 1).ID, Of: "d", Outcome: &o, At: noon.Add(time.Minute)})
	}
	expect(t, sent, "chaoscat began latency on web-1 and 2 more hosts for 1m", "chaoscat ended latency on web-1 and 2 more hosts: 2 effective, 1 refused; 1 left with residue")
	if len(tales.going) != 0 {
		t.Error("what is over is kept")
	}
}

func TestAnAttackThatNeverBeganIsNoNewsAndWhatWasMissedIsForgotten(t *testing.T) {
	tales := newStories("")
	r := engine.Run{ID: "r", Host: engine.Host{Name: "web-1"}, Attack: engine.Attack{Name: "cpu"}}
	tales.hear(engine.Record{Kind: engine.Intent, Run: "r", Intent: &r})
	if b, e := tales.hear(engine.Record{Kind: engine.Closed, Run: "r", Outcome: &engine.Outcome{Effect: engine.Refused}}); b != nil || e != nil {
		t.Error("a refusal is told")
	}
	tales.hear(engine.Record{Kind: engine.Intent, Run: "r", Intent: &r})
	tales.forget([]engine.Run{{ID: "x"}})
	if len(tales.going) != 0 {
		t.Error("a run whose end was missed is kept")
	}
}

func TestAnIncidentFallsToTheAttackThatBeganLastBeforeIt(t *testing.T) {
	spans := []span{
		{run: "a", began: noon, ended: noon.Add(time.Minute)},
		{run: "b", began: noon.Add(5 * time.Minute)},
	}
	for after, want := range map[time.Duration]string{
		-time.Second: "", 0: "a", 4 * time.Minute: "a", 5 * time.Minute: "b", time.Hour: "b",
	} {
		if got, _ := attribute(spans, noon.Add(after), 30*time.Minute); got.run != want {
			t.Errorf("opened %s after noon: %q, want %q", after, got.run, want)
		}
	}
	if _, ok := attribute(spans[:1], noon.Add(32*time.Minute), 30*time.Minute); ok {
		t.Error("an incident half an hour after the end falls to the attack")
	}
}
