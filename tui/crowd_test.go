package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// seenRuns are the hosts of the rows of the attack pane that are seen, from the top.
func seenRuns(d *desk) (hosts []string) {
	c := &d.m.attack.crowd
	for _, row := range c.rows[c.offset:min(len(c.rows), c.offset+c.shown)] {
		if row.size == 0 {
			hosts = append(hosts, c.all[row.run].Host.Name)
		}
	}
	return hosts
}

func TestOfAThousandRunsTheMostUrgentStandFirst(t *testing.T) {
	s := thousand()
	left := &s.Running[900]
	s.Hosts.Residue = map[string]engine.Leftover{left.Host.Name: {Run: left.ID}}
	s.Running[901].Phase = engine.Injecting
	s.Running[902].Stopping = "excluded by ops"
	d := newDesk(nil).show(s)
	d.screen(200, 60)
	want := []string{left.Host.Name, s.Running[7].Host.Name, s.Running[902].Host.Name, s.Running[100].Host.Name, s.Running[101].Host.Name, s.Running[102].Host.Name}
	if got := seenRuns(d)[:6]; !slices.Equal(got, want) {
		t.Errorf("seen %q, want %q", got, want)
	}
	if want := "1 WITH RESIDUE, 1 waiting for its lease until 16:48:04, 1 told to stop, 3 undoing, 994 holding, 1 beginning"; !strings.Contains(squeezed(d), want) {
		t.Errorf("%q is not there: %s", want, squeezed(d)[:200])
	}
}

// Two orders and a scheduled attack: each order is one block, and a block stands where its most urgent run does.
func TestTheRunsOfAnOrderStayTogether(t *testing.T) {
	s := thousand()
	for i := range 200 {
		s.Running[1+i].Of, s.Running[1+i].Attack = "20260723-144712-00000001", engine.Attack{Name: "latency"}
		s.Running[1+i].Phase, s.Running[1+i].Until = engine.Holding, noon.Add(time.Second)
	}
	s.Running[0].Phase = engine.Undoing
	s.Running[500].Phase = engine.Lost
	c := &newDesk(nil).show(s).m.attack.crowd
	var heads []string
	for _, row := range c.rows {
		if r := c.all[row.run]; row.size > 0 || r.Of == "" {
			heads = append(heads, fmt.Sprintf("%s %d", r.Attack.Name, row.size))
		}
	}
	if want := []string{"blackhole 800", "cpu-burn 0", "latency 200"}; !slices.Equal(heads, want) {
		t.Errorf("%q, want %q", heads, want)
	}
}

func TestTheKeysScrollThroughAThousandRuns(t *testing.T) {
	d := newDesk(nil).show(thousand())
	d.screen(80, 24)
	first := seenRuns(d)[0]
	d.runes("1").runes("G").screen(80, 24)
	if got := seenRuns(d); len(got) == 0 || got[len(got)-1] != "web-01200.prod-eu.example.net" && slices.Contains(got, first) {
		t.Errorf("at the bottom %q", got)
	}
	wantScreen(t, d, "of 1,002 lines")
	d.runes("g").screen(80, 24)
	if got := seenRuns(d)[0]; got != first {
		t.Errorf("back at the top %q, not %q", got, first)
	}
	s := thousand()
	s.Running = s.Running[:3]
	d.runes("G").show(s).screen(80, 24) // what has scrolled away has ended: something is seen all the same
	if len(seenRuns(d)) == 0 {
		t.Error("nothing is seen after most have ended")
	}
}

func TestAStopCountsWhatIsUndoneAndNamesWhoWaitsForTheirLease(t *testing.T) {
	d := newDesk(nil).show(thousand()).show(stoppedNow(thousand()))
	d.screen(200, 60)
	wantScreen(t, d, "undone 0 of 1,001")
	some := stoppedNow(thousand())
	some.Running = slices.Clone(some.Running[5:8])
	for i := range some.Running {
		some.Running[i].Phase, some.Running[i].Until = engine.Lost, noon.Add(time.Duration(20-i)*time.Second)
	}
	d.show(some)
	d.screen(200, 60)
	for _, want := range []string{"undone 998 of 1,001", "3 waiting for their lease", "until 16:48:11"} {
		if !strings.Contains(squeezed(d), want) {
			t.Errorf("%q is not on the screen:\n%s", want, d.m.View())
		}
	}
	at := func(i int) int { return strings.Index(squeezed(d), some.Running[i].Host.Name+" until") }
	if !(at(2) < at(1) && at(1) < at(0)) {
		t.Error("they are not named in the order in which their leases end")
	}
	gone := thousand().Running[500]
	some.Hosts.Residue = map[string]engine.Leftover{gone.Host.Name: {Run: gone.ID}, "web-x": {Run: "of another day"}}
	if d.show(some); !strings.Contains(squeezed(d), "undone 997 of 1,001, 1 WITH RESIDUE, 3 waiting") {
		t.Errorf("a host left with residue counts as undone: %s", squeezed(d)[:100])
	}
	d.wait(time.Minute)
	if !strings.Contains(squeezed(d), "3 past their lease and not seen again") {
		t.Errorf("leases that are over still count down:\n%s", d.m.View())
	}
	d.show(stopped())
	if d.m.attack.stopping != nil {
		t.Error("a stop that is over is still counted")
	}
}

func TestARunOutOfReachSaysByWhenItsHostHasUndoneTheFault(t *testing.T) {
	s := attacking()
	s.Running[0].Phase, s.Running[0].Until = engine.Lost, noon.Add(11*time.Second)
	d := newDesk(nil).show(s)
	wantScreen(t, d, "contact lost: the host undoes it by itself by 16:48:04; looking for it")
	d.wait(time.Minute)
	wantScreen(t, d, "the host was to undo it by itself by 16:48:04; looking for it")
}

func TestARunThatLeftResidueSaysWhatAPersonMustKnow(t *testing.T) {
	s := attacking()
	r := &s.Running[0]
	r.Phase, r.Settled = engine.Lost, true
	s.Hosts.Residue = map[string]engine.Leftover{r.Host.Name: {Run: r.ID, Text: "web-002 is down as ordered and needs a person to start it again"}}
	d := newDesk(nil).show(s)
	wantScreen(t, d, "NEEDS A PERSON: web-002 is down as ordered")
	if status, why := d.m.scene.status("web-002"); status != engine.HostResidue || !strings.Contains(why, "down as ordered") {
		t.Errorf("its row says %s, %s", status, why)
	}
}

// squeezed is the attack pane as running text.
func squeezed(d *desk) string {
	k, s := d.m.look, &d.m.scene
	return strings.Join(strings.Fields(strings.Join(d.m.attack.view(k, s, rect{200, 30}).rows, " ")), " ")
}

func TestTheOutcomesOfOneOrderAreOneInThePastAndSummedUpOnceInTheOutput(t *testing.T) {
	const sum = "blackhole on 1,000 hosts: 996 effective, 3 weak, 1 refused; restored 999"
	all := ends()
	d := newDesk(nil).show(thousand())
	d.show(over(), all[:700]...) // the records come later than the snapshot that tells of the end
	if lines := outputWith(d, "×"); len(lines) > 0 {
		t.Errorf("summed up before all is known: %q", lines)
	}
	d.show(over(), all[700:]...)
	d.show(over())
	if lines := outputWith(d, sum); len(lines) != 1 {
		t.Errorf("summed up %d times", len(lines))
	}
	if lines := outputWith(d, "[91c2-"); len(lines) != 1000 {
		t.Errorf("%d lines bear the id of their order", len(lines))
	}
	box := strings.Join(strings.Fields(strings.Join(d.m.past.view(d.m.look, &d.m.scene, rect{100, 20}).rows, " ")), " ")
	if !strings.Contains(box, sum) || strings.Count(box, "blackhole") != 1 {
		t.Errorf("the past shows\n%s", box)
	}
}

// A console that is opened later has the last few records in its snapshot, and reads of old orders that it never saw run.
func TestWhatEndedBeforeTheConsoleWasOpenedIsNotSummedUpAsNews(t *testing.T) {
	d := newDesk(nil).show(over())
	box := strings.Join(d.m.past.view(d.m.look, &d.m.scene, rect{100, 20}).rows, "\n")
	if !strings.Contains(box, "blackhole on 18 hosts: 15 effective, 3 weak; restored 18") {
		t.Errorf("before any record was read:\n%s", box)
	}
	d.show(over(), ends()...)
	if lines := outputWith(d, "×"); len(lines) > 0 {
		t.Errorf("the output has %q", lines)
	}
}

func outputWith(d *desk, part string) (lines []string) {
	for i := d.m.output.first(); i < d.m.output.end(); i++ {
		if e := d.m.output.line(i); strings.Contains(e.host+" "+e.text, part) {
			lines = append(lines, e.text)
		}
	}
	return lines
}

func TestAHostIsReachedInFewWordsAndOldOnesSayTheirAge(t *testing.T) {
	s := surveyed()
	d := newDesk(nil).show(s)
	for name, want := range map[string]string{
		"api-006": "ssh 0.4 ms", "api-007": "ssh 12 ms", "db-005": "ssh 1.2 s", "db-012": "ssh 41m ago", "web-001": "key changed", "web-002": "no answer",
		"web-003": "key unknown", "web-004": "no login", "web-008": "no answer 2h", "web-009": "-", "web-010": "ssh ok",
	} {
		h := shownHost{Host: engine.Host{Name: name}, room: 13}
		h.seen, h.looked = s.Survey.Find(name)
		if got, _ := reachCell(d.m.look, &d.m.scene, h); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, w := range []int{70, 78, 98, 118, 198} {
		columns := hostColumns(w, true)
		if !slices.ContainsFunc(columns, func(c hostColumn) bool { return c.head == "REACH" && c.width >= len("key changed") }) {
			t.Errorf("%d columns have no room for how a host is reached", w)
		}
	}
	if slices.ContainsFunc(hostColumns(198, false), func(c hostColumn) bool { return c.head == "REACH" }) {
		t.Error("a column for a look that nobody takes")
	}
}

func TestTheFactsOfAHostSayFirstWhatIsMissing(t *testing.T) {
	for summary, want := range map[string]string{
		"kernel 6.1.0-18-cloud-amd64, arch x86_64, init systemd, cores 8, root yes, tc yes, nft yes, netem yes": "tc yes, nft yes, 6.1.0, 8 cores",
		"kernel 5.15.0, init busybox, cores 2, root yes, tc no, nft yes":                                        "init busybox, tc no, nft yes, 5.15.0, 2 cores",
		"":                              "",
		"something else altogether, tc": "",
	} {
		if got := brieflyHas(summary); got != want {
			t.Errorf("%q: %q, want %q", summary, got, want)
		}
	}
}
