package inventory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// watched loads the sources, watches them for so long, and writes down what was told and when.
func watched(t *testing.T, within time.Duration, options Options, sources ...Source) (told string, last Result) {
	t.Helper()
	var lines []string
	synctest.Test(t, func(t *testing.T) {
		hosts := New(options, sources...)
		var err error
		if last, err = hosts.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		tell := func(what, text string) {
			lines = append(lines, fmt.Sprintf("%s %s: %s", engine.Span(time.Since(begin)), what, text))
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		hosts.Watch(ctx,
			func(r Result) { last = r; tell("renewed", r.Change) },
			func(err error) { tell("failed", err.Error()) })
		if since := time.Since(begin); since != within {
			t.Errorf("Watch returned after %s, want when its context was done", since)
		}
	})
	return strings.Join(lines, "\n"), last
}

// each is a source that is read every minute and believed for so long.
func each(staleAfter time.Duration, name string, script ...func() (Listing, error)) Paced {
	return Paced{Source: &scripted{name: name, script: script}, Every: time.Minute, StaleAfter: staleAfter}
}

func TestWatchTellsWhatHasChangedAndKeepsTheLastGoodRosterThroughFailures(t *testing.T) {
	one, two, three := host("one", "10.0.0.1"), host("two", "10.0.0.2"), host("3", "10.0.0.3")
	told, last := watched(t, 6*time.Minute+30*time.Second, Options{},
		Static{Hosts: []StaticHost{{Name: "one", Address: "10.0.0.1", Where: "steady:1"}}},
		each(0, "moving",
			lists("moving", two),                         // at start
			lists("moving", two),                         // minute 1: nothing new, so nothing is said
			fails("moving: timed out"),                   // 2: kept as it was
			lists("moving"),                              // 3: an outage that looks like an empty fleet
			lists("moving", host("one", "10.0.0.9")),     // 4: contradicts the steady source
			lists("moving", two, three),                  // 5: a new host
			lists("moving", two, host("3", "127.0.0.1")), // 6: which now points at ourselves
		))
	wantText(t, told, `2m failed: its 1 hosts of the last good reading are kept: moving: timed out
3m failed: its 1 hosts of the last good reading are kept: moving lists no host: fix it or remove the source
4m failed: the hosts of moving are left as they were: host "one" has two addresses: 10.0.0.1 port 22 in steady:1, 10.0.0.9 port 22 in moving:1; give one of them another name
5m renewed: the inventory was refreshed: 1 added (3)
6m failed: the hosts of moving are left as they were: moving:2: host "3": address "127.0.0.1" is loopback, the machine that chaoscat runs on; remove it, or name it in safety.exclude`)
	wantText(t, table(last.Roster.Hosts()), "3 10.0.0.3:22\n"+table([]engine.Host{{Name: one.Name, Address: one.Address, Port: 22}, {Name: two.Name, Address: two.Address, Port: 22}}))
}

func TestTheHostsOfAStaleSourceAreBarredWithTheReasonUntilItsFirstGoodReading(t *testing.T) {
	shared, own := host("shared", "10.0.0.1"), host("own", "10.0.0.2")
	down := fails("asking consul:8500: no answer within 10s\nand more")
	told, last := watched(t, 7*time.Minute+30*time.Second, Options{Zone: time.FixedZone("", 2*3600)},
		Static{Hosts: []StaticHost{{Name: "other", Address: "10.0.0.9"}, {Name: "alias", Address: "10.0.0.1"}}},
		each(150*time.Second, "consul",
			lists("consul", shared, own),
			lists("consul", shared, own), // minute 1, the last good one
			down, down, down,             // 2 to 4: stale half-way between 3 and 4
			fails("another reason"), // 5: the text at the hosts stays
			lists("consul", shared, own), lists("consul", shared, own),
		))
	reason := "its source consul has not been readable since Sat 1 Jan 02:01: asking consul:8500: no answer within 10s"
	wantText(t, told, strings.Join([]string{
		"2m failed: its 2 hosts of the last good reading are kept: asking consul:8500: no answer within 10s\nand more",
		"3m failed: its 2 hosts of the last good reading are kept: asking consul:8500: no answer within 10s\nand more",
		"3m30s renewed: the inventory was refreshed: 1 kept out (own): " + reason,
		"4m failed: its 2 hosts of the last good reading are kept: asking consul:8500: no answer within 10s\nand more",
		"5m failed: its 2 hosts of the last good reading are kept: another reason",
		"6m renewed: the inventory was refreshed: 1 let in again (own)",
	}, "\n"))
	for _, h := range last.Roster.Hosts() {
		if h.Barred != "" {
			t.Errorf("%s is still barred: %s", h.Name, h.Barred)
		}
	}
}

func TestASourceThatHangsBecomesStaleAndHoldsNobodyUp(t *testing.T) {
	told, _ := watched(t, 4*time.Minute, Options{},
		Paced{Source: &hanging{first: listing("hangs", host("own", "10.0.0.1"))}, Every: time.Minute, StaleAfter: 150 * time.Second},
		each(0, "well", lists("well", host("a", "10.0.0.2")), lists("well", host("a", "10.0.0.2"), host("b", "10.0.0.3"))))
	wantText(t, told, `1m renewed: the inventory was refreshed: 1 added (b)
2m30s renewed: the inventory was refreshed: 1 kept out (own): its source hangs has not been readable since Sat 1 Jan 00:00: reading it has not come to an end`)
}

// hanging answers once, and then not before it is told to end.
type hanging struct {
	first Listing
	asked bool
}

func (h *hanging) Name() string { return "hangs" }

func (h *hanging) Load(ctx context.Context) (Listing, error) {
	if !h.asked {
		h.asked = true
		return h.first, nil
	}
	<-ctx.Done()
	return Listing{}, ctx.Err()
}

func TestASourceThatFailsTheChecksKeepsNoOtherFromBeingRenewed(t *testing.T) {
	bad := []func() (Listing, error){lists("bad", host("x", "10.0.0.1")), lists("bad", host("-x", "10.0.0.1"))}
	told, last := watched(t, 5*time.Minute+30*time.Second, Options{},
		each(2*time.Minute, "bad", bad...),
		each(0, "well", lists("well", host("a", "10.0.0.2")), lists("well", host("a", "10.0.0.2")), lists("well", host("a", "10.0.0.3"))))
	if want := "2m renewed: the inventory was refreshed: 1 with another address (a: 10.0.0.3:22, was 10.0.0.2:22)"; !strings.Contains(told, want) {
		t.Errorf("the well one was not renewed:\n%s", told)
	}
	if h, _ := last.Roster.Find("x"); !strings.Contains(h.Barred, `since Sat 1 Jan 00:00: bad:1: host "-x"`) {
		t.Errorf("x is barred with %q", h.Barred)
	}
}

func TestTwoSourcesThatChangeTogetherAreTakenTogether(t *testing.T) {
	moves := func(name string) []func() (Listing, error) {
		return []func() (Listing, error){lists(name, host("web", "10.0.0.1")), lists(name, host("web", "10.0.0.2"))}
	}
	_, last := watched(t, 90*time.Second, Options{}, each(0, "a", moves("a")...), each(0, "b", moves("b")...))
	wantText(t, table(last.Roster.Hosts()), "web 10.0.0.2:22\n")
}

func TestWhenEverySourceIsStaleNobodyIsLeftAndThatIsNoMistake(t *testing.T) {
	told, last := watched(t, 3*time.Minute, Options{}, each(2*time.Minute, "a", lists("a", host("web", "10.0.0.1")), func() (Listing, error) { return Listing{}, errors.New("down") }))
	if h, _ := last.Roster.Find("web"); h.Barred == "" || !strings.Contains(told, "1 kept out (web)") {
		t.Errorf("%+v\n%s", h, told)
	}
}

func TestEveryKindOfChangeIsCountedAndTheFirstFewAreNamed(t *testing.T) {
	before, after := []engine.Host{host("gone", "10.0.1.1"), host("moved", "10.0.1.2"), host("same", "10.0.1.3"), host("grouped", "10.0.1.4")},
		[]engine.Host{{Name: "moved", Address: "10.0.1.2", Jump: "bastion"}, host("same", "10.0.1.3"), host("grouped", "10.0.1.4", "web")}
	for i := range 5 {
		after = append(after, host(fmt.Sprint("new-", i), fmt.Sprint("10.0.2.", i)))
	}
	wantText(t, change(engine.NewRoster(before), engine.NewRoster(after)),
		"the inventory was refreshed: 5 added (new-0, new-1, new-2, ...); 1 removed (gone); 1 with another address (moved: 10.0.1.2:0 over bastion, was 10.0.1.2:0); 1 otherwise changed (grouped)")
}
