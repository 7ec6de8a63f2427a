//go:build linux

package attacks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// custom makes an attack from texts that must be right.
func custom(t *testing.T, f CustomFiles) Definition {
	t.Helper()
	def, err := Custom(f)
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func TestAnInjectionThatFailsHalfWayIsUndone(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{
			Name:   "half",
			Inject: "ip link add dummy1 type veth peer name dummy2\necho first step done\nfalse || exit 3\necho never",
			Undo:   "ip link del dummy1 2>/dev/null\n! ip link show dummy1 2>/dev/null",
		}))
		s := h.guard("half-1", "half", 30, 15)
		s.says("armed")
		s.send("go")
		said, status := s.ends()
		if !has(said, "injected 3") || !has(said, "undoing the injection failed") || last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if out := strings.Join(s.seen, "\n"); !strings.Contains(out, "first step done") || strings.Contains(out, "never") {
			t.Errorf("the output was\n%s", out)
		}
		h.untouched()
	})
}

func TestAStopDuringTheInjectionEndsItAndUndoes(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{
			Name:   "slow",
			Inject: "touch /run/slow\necho begun\nsleep 600\ntouch /run/late",
			Undo:   "rm -f /run/slow /run/late",
		}))
		s := h.guard("slow-1", "slow", 60, 15)
		s.says("armed")
		s.send("go")
		h.eventually(10*time.Second, "the injection has begun", func() bool { _, err := h.sh("test -e /run/slow"); return err == nil })
		start := time.Now()
		s.send("")
		said, status := s.ends()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if last(said) != "restored" || status != 0 || has(said, "injected 0") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestAFailedUndoIsResidueIsToldAndIsTriedAgainUntilItWorks(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{
			Name:   "sticky",
			Inject: "echo x >/run/fault",
			Undo:   "echo x >>/run/tries\n[ $(wc -l </run/tries) -ge 3 ] || { echo 'the volume is busy'; exit 1; }\nrm -f /run/fault",
		}))
		s := h.attacked("sticky-1", "sticky", 60, 15)
		s.send("stop")
		said, status := s.ends()
		if last(said) != "residue the volume is busy" || status != 6 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if said, status := h.guard("next-1", "sticky", 60, 15).ends(); status != 4 || !has(said, "busy sticky-1 ") {
			t.Errorf("a host with residue said %q and ended with %d", said, status)
		}
		h.eventually(20*time.Second, "a watchdog has undone it", func() bool { _, err := h.sh("test -e /run/fault -o -e /run/chaoscat/sticky-1"); return err != nil })
		h.must("rm -f /run/tries")
		h.untouched()
	})
}

func TestAReturningControllerUndoesByIdAndLearnsWhatBecameOfIt(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		if said, _ := h.run("undo", "id=nothing-1"); strings.Join(said, "|") != "clean|done" {
			t.Errorf("for a run that was never there it said %q", said)
		}
		s := h.attacked("again-1", "blackhole", 60, 15)
		said, status := h.run("undo", "id=again-1")
		if strings.Join(said, "|") != "restored|done" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("the guard that was overtaken said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestTheSweepLeavesALivingRunAloneUnlessForced(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("other-1", "blackhole", 60, 15)
		if said, _ := h.run("sweep", "force=0"); !has(said, "kept other-1 blackhole is armed or running") || last(said) != "done" {
			t.Errorf("unforced it said %q", said)
		}
		if said, _ := h.run("inspect"); !has(said, "busy other-1 ") {
			t.Errorf("inspect said %q", said)
		}
		if h.answers() {
			t.Error("the fault is gone though nobody forced it")
		}
		if said, _ := h.run("sweep", "force=1"); !has(said, "cleared other-1") {
			t.Errorf("forced it said %q", said)
		}
		s.ends()
		h.untouched()
	})
}

func TestForeignLeftoversAreNamedAndNotTouchedAndOursWithoutAStateAreCleared(t *testing.T) {
	h := newHost(t, "/bin/sh")
	h.must("nft add table inet chaos-mesh_drop; nft add table inet chaoscat_lost_1")
	if said, _ := h.run("inspect"); !has(said, "busy foreign 0 nft table inet chaos-mesh_drop") || !has(said, "busy foreign 0 nft table inet chaoscat_lost_1 without the state of its run") {
		t.Errorf("inspect said %q", said)
	}
	if said, _ := h.run("sweep", "force=0"); !has(said, "foreign nft table inet chaos-mesh_drop") || !has(said, "cleared orphan nft table chaoscat_lost_1") {
		t.Errorf("sweep said %q", said)
	}
	h.must("nft list table inet chaos-mesh_drop && ! nft list table inet chaoscat_lost_1 2>/dev/null")
	h.must("nft delete table inet chaos-mesh_drop")
	h.untouched()
}

func TestTheLifelineLeavesTheControllersSSHAndNothingElse(t *testing.T) {
	h := newHost(t, "/bin/sh")
	s := h.attacked("line-1", "blackhole", 60, 15, "lifeline=1")
	rules := h.must("nft list ruleset")
	for _, want := range []string{"ip daddr " + controller + " tcp sport 22 accept", "ip saddr " + controller + " tcp dport 22 accept", `oifname "lo" accept`, "nd-neighbor-solicit"} {
		if !strings.Contains(rules, want) {
			t.Errorf("there is no %q in\n%s", want, rules)
		}
	}
	if strings.Index(rules, "accept\n") > strings.Index(rules, "drop") {
		t.Error("something is dropped before the lifeline")
	}
	before, _ := h.run("measure", "kind=blackhole", "p.targets="+peerAddress)
	if !has(before, "figure 0") || !has(before, "expect down 100") {
		t.Errorf("measured %q", before)
	}
	s.send("stop")
	s.ends()
	if after, _ := h.run("measure", "kind=blackhole", "p.targets="+peerAddress); !has(after, "figure 100") {
		t.Errorf("measured %q after", after)
	}
	h.untouched()
}

func TestOnlyWhatIsMeantIsDropped(t *testing.T) {
	h := newHost(t, "/bin/sh")
	s := h.attacked("meant-1", "blackhole", 60, 15, "targets="+controller+",10.9.0.0/16,fd00::/64", "ports=5432,8000-8100", "direction=out")
	rules := h.must("nft list ruleset")
	if strings.Contains(rules, "hook input") || !strings.Contains(rules, "tcp dport { 5432, 8000-8100 }") || !strings.Contains(rules, "ip6 daddr @six udp sport") {
		t.Errorf("the rules are\n%s", rules)
	}
	if !h.answers() {
		t.Error("the neighbour was not meant and does not answer")
	}
	h.sh("bash -c ': >/dev/udp/" + controller + "/5432; echo x >/dev/udp/" + controller + "/5432'")
	if during, _ := h.run("measure", "kind=blackhole", "p.ports=5432"); !has(during, "figure 1") || !has(during, "expect up 1") {
		t.Errorf("measured %q", during)
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

func TestAFaultThatCutsSSHNeedsTheKernelAndAShortTime(t *testing.T) {
	h := newHost(t, "/bin/sh")
	if said, status := h.guard("cut-1", "blackhole", 301, 0, "lifeline=0").ends(); status != 4 || !has(said, "refused a fault that cuts SSH may last 300 seconds") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	if said, status := h.guard("cut-2", "blackhole", 30, 0, "lifeline=1").ends(); status != 4 || !has(said, "refused only a fault that cuts its own control path") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	s := h.attacked("cut-3", "blackhole", 3, 0, "lifeline=0")
	if rules := h.must("nft list ruleset"); strings.Contains(rules, controller) {
		t.Errorf("there is a lifeline in\n%s", rules)
	}
	if said, status := s.ends(); last(said) != "restored" || status != 0 || !has(said, "undoing deadline") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	h.untouched()
}

func TestHostileHeadersAreRefusedAndNothingIsWritten(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		good := []string{"id=bad-1", "kind=cpu", "ttl=30", "hold=10", "lease=15", "p.load=10", "p.workers=1"}
		for _, line := range []string{
			"id=../../etc", "id=A", "id=", "id=" + strings.Repeat("a", 41), "kind=$(reboot)", "kind=nonesuch", "ttl=0", "ttl=08", "ttl=1e3", "ttl=99999999999", "ttl=-1",
			"lease=3601", "hold=", "PATH=/tmp", "p.PATH=/tmp", "p.x y=1", "p.load=1;reboot", "p.load=`id`", "p.load=\x1b[2J", "p.load=é", "p.load=a\\nb", "p.load=10\r",
			"p.nonesuch=1", "p.D=/etc", "noequals", "=x", "ttl=31", "nonce=" + nonce, "p.load=" + strings.Repeat("1", 5000),
		} {
			said, status := h.run("guard", append(good[:len(good):len(good)], line)...)
			key, _, _ := strings.Cut(line, "=")
			if fresh := []string{}; key != "ttl" { // once with the key only once, too
				for _, g := range good {
					if !strings.HasPrefix(g, key+"=") {
						fresh = append(fresh, g)
					}
				}
				if said, status := h.run("guard", append(fresh, line)...); status != 4 || len(said) != 1 {
					t.Errorf("%q alone: said %q and ended with %d", line, said, status)
				}
			}
			if status != 4 || len(said) != 1 || !strings.HasPrefix(said[0], "refused ") {
				t.Errorf("%q: said %q and ended with %d", line, said, status)
			}
		}
		if out, err := h.sh("ls /run/chaoscat | grep -v runner-"); err == nil {
			t.Errorf("something was written: %s", out)
		}
		h.untouched()
	})
}

func TestWithoutANonceNothingIsSaid(t *testing.T) {
	h := newHost(t, "/bin/sh")
	for _, first := range []string{"", "nonce=xyz", "id=a", "nonce=0123456789ABCDEF"} {
		cmd := h.command(strings.NewReader(first+"\n.\n"), "/bin/sh", h.path, "inspect", "")
		out, err := cmd.CombinedOutput()
		if err == nil || len(out) > 0 {
			t.Errorf("%q: %v, %q", first, err, out)
		}
	}
	h.untouched()
}

func TestAnUndoThatNeverEndsIsCutOffAndIsResidue(t *testing.T) {
	if testing.Short() {
		t.Skip("waits a minute for the undo's own limit")
	}
	h := newHost(t, "/bin/sh", custom(t, CustomFiles{Name: "stuck", Inject: ":", Undo: "[ -e /run/free ] || sleep 600"}))
	s := h.attacked("stuck-1", "stuck", 90, 80)
	s.send("stop")
	h.must("sleep 2; touch /run/free") // the watchdogs, who try again, get through
	said, status := s.ends()
	if !strings.HasPrefix(last(said), "residue ") || status != 6 {
		t.Errorf("said %q and ended with %d", said, status)
	}
	h.eventually(20*time.Second, "a watchdog has undone it", func() bool { _, err := h.sh("test -e /run/chaoscat/stuck-1"); return err != nil })
	h.must("rm -f /run/free")
	h.untouched()
}

func TestGoMayBeSaidOnceAndOrdersThatDoNotExistDoNothing(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{Name: "count", Inject: "echo x >>/run/count", Undo: "rm -f /run/count"}))
		s := h.attacked("count-1", "count", 60, 15)
		for _, order := range []string{"go", "GO", "undo", "ping x", "%" + nonce + " restored", "ping 1"} {
			s.send(order)
		}
		s.says("pong 1")
		if got := strings.TrimSpace(h.must("wc -l </run/count")); got != "1" {
			t.Errorf("injected %s times", got)
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		h.untouched()
	})
}

func TestByeRemovesTheRunner(t *testing.T) {
	h := newHost(t, "/bin/sh")
	if said, status := h.run("bye"); last(said) != "done" || status != 0 {
		t.Errorf("said %q and ended with %d", said, status)
	}
	if out := h.state(); out != h.before {
		t.Errorf("the host is not as before:\n%s", out)
	}
}

func TestACustomScriptSeesItsParametersAndItsOpenLastLineHidesNoControlLine(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{
			Name: "nosy", Params: []string{"word"},
			Inject: `printf 'word is <%s>, no line feed' "$P_word"`,
			Undo:   ":", Measure: "echo 41.5",
		}))
		s := h.attacked("nosy-1", "nosy", 60, 15, "word=a [b] ~ #!%")
		if out := strings.Join(s.seen, "\n"); !strings.Contains(out, "word is <a [b] ~ #!%>") {
			t.Errorf("the output was\n%s", out)
		}
		if said, _ := h.run("measure", "kind=nosy", "p.word=x"); !has(said, "figure 41.5") {
			t.Errorf("measured %q", said)
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		h.untouched()
	})
}

func ExampleDescribe() {
	before, during := 4.2, 81.0
	fmt.Println(Describe(engine.Figures{Name: "cpu busy", Unit: "%", Before: &before, During: &during}))
	// Output: cpu busy 4.2 → 81 → ? %
}

func TestThePasteableLineUndoesWhatEveryGuardsDeathHasLeft(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{Name: "flag", Inject: "echo x >/run/flag", Undo: "rm -f /run/flag"}))
		h.attacked("hand-1", "flag", 60, 15)
		h.kill("hand-1", "watchdog", "twin", "guard")
		h.must("test -e /run/flag")
		if told := h.must(`for d in /run/chaoscat/*/; do sh "$d/revert"; done`); told != "hand-1: restored\n" {
			t.Errorf("the operator is told %q", told)
		}
		if _, err := h.sh("test -e /run/flag"); err == nil {
			t.Error("the fault is still there")
		}
		h.untouched()
	})
}

func TestAStateThatVanishesWhileTheFaultIsOnIsNeverCalledRestored(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, custom(t, CustomFiles{Name: "flag", Inject: "echo x >/run/flag", Undo: "rm -f /run/flag"}))
		s := h.attacked("gone-1", "flag", 60, 15)
		h.must("rm -rf /run/chaoscat")
		if said, _ := s.ends(); !strings.HasPrefix(last(said), "residue") {
			t.Errorf("the guard said %q", said)
		}
		if _, err := h.sh("test -e /run/flag"); err == nil {
			t.Error("what could be undone without the state was not")
		}
		poll(t, 10*time.Second, "the host says busy until a person has looked", func() bool {
			_, err := h.sh("test -s /run/chaoscat/gone-1/reason")
			return err == nil
		})
	})
}
