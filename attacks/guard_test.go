//go:build linux

package attacks

import (
	"strings"
	"testing"
	"time"
)

func TestAStopUndoesAtOnceAndLeavesTheHostAsItWas(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.guard("stop-1", "blackhole", 30, 15)
		armed := s.says("armed")
		if !strings.HasPrefix(armed, "layers=kernel,guard,twin boot=") {
			t.Errorf("armed %s", armed)
		}
		if !h.answers() {
			t.Error("the fault is on before go")
		}
		s.send("go")
		s.says("injecting")
		s.says("injected 0")
		if h.answers() {
			t.Error("the neighbour still answers: nothing is dropped")
		}
		s.send("ping 7")
		s.says("pong 7")
		s.send("renew")
		s.says("renewed")
		start := time.Now()
		s.send("")
		said, status := s.ends()
		t.Logf("restored %s after the stop", time.Since(start).Round(time.Millisecond))
		if last(said) != "restored" || status != 0 || !has(said, "undoing stop") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if !h.answers() {
			t.Error("the neighbour does not answer after the undo")
		}
		h.untouched()
	})
}

// The bounds of promise 1, in seconds: a lease that ran out, and a time that is up.
const margin = 5 * time.Second

func TestAControllerThatDiesIsNoticedByTheEndOfItsInput(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("eof-1", "blackhole", 30, 15)
		s.in.Close()
		said, status := s.ends()
		if last(said) != "restored" || status != 0 || !has(said, "undoing contact lost") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if _, err := h.sh("test -e " + h.path); err == nil {
			t.Error("the runner's file is still there though no controller will say bye")
		}
		h.untouched()
	})
}

func TestASilentControllerLosesItsLease(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("lease-1", "blackhole", 60, 2)
		start := time.Now()
		said, status := s.ends()
		if took := time.Since(start); took > 2*time.Second+margin {
			t.Errorf("undone after %s", took)
		}
		if last(said) != "restored" || status != 0 || !has(said, "undoing lost lease") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestTheDeadlineHoldsHoweverOftenTheLeaseIsRenewed(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("ttl-1", "blackhole", 3, 2)
		start := time.Now()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(300 * time.Millisecond):
					s.send("renew")
				}
			}
		}()
		said, status := s.ends()
		close(stop)
		if took := time.Since(start); took < 2*time.Second || took > 3*time.Second+margin {
			t.Errorf("undone after %s", took)
		}
		if last(said) != "restored" || status != 0 || !has(said, "undoing deadline") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestRenewalsKeepTheFaultOnPastTheFirstKernelTimeout(t *testing.T) {
	h := newHost(t, "/bin/sh")
	s := h.attacked("renew-1", "blackhole", 30, 2) // the kernel's timer is set to 5 s
	for range 14 {
		<-time.After(500 * time.Millisecond)
		s.send("renew")
		s.says("renewed")
	}
	if h.answers() {
		t.Error("the fault is over though it was renewed for 7 s")
	}
	s.send("stop")
	if said, _ := s.ends(); last(said) != "restored" {
		t.Errorf("said %q", said)
	}
	h.untouched()
}

func TestWhoeverOfTheGuardsIsKilledTheOthersUndo(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for _, roles := range [][]string{{"guard"}, {"guard", "watchdog"}, {"guard", "twin"}} {
			t.Run(strings.Join(roles, "+"), func(t *testing.T) {
				h := newHost(t, shell)
				h.attacked("kill-1", "blackhole", 60, 15)
				h.kill("kill-1", roles...)
				took := h.eventually(margin+3*time.Second, "the neighbour answers again", h.answers)
				t.Logf("over %s after the kill", took.Round(time.Millisecond))
				h.eventually(margin, "the state is gone", func() bool { _, err := h.sh("test -e /run/chaoscat"); return err != nil })
				h.untouched()
			})
		}
	})
}

func TestAGuardThatLosesItsWatchdogUndoesRatherThanGoOnWithOneLayerLess(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for _, role := range []string{"watchdog", "twin"} {
			t.Run(role, func(t *testing.T) {
				h := newHost(t, shell)
				s := h.attacked("dog-1", "blackhole", 60, 15)
				h.kill("dog-1", role)
				s.send("renew")
				said, status := s.ends()
				if last(said) != "restored" || status != 0 || !has(said, "undoing the "+role) {
					t.Errorf("said %q and ended with %d", said, status)
				}
				h.untouched()
			})
		}
	})
}

func TestWithEveryGuardKilledTheKernelEndsTheFaultAndTheSweepClearsTheRest(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.attacked("all-1", "blackhole", 60, 2)
		h.kill("all-1", "watchdog", "twin", "guard")
		if h.answers() {
			t.Fatal("the fault was gone at once: nothing is shown")
		}
		took := h.eventually(2*time.Second+margin, "the neighbour answers again", h.answers)
		t.Logf("the kernel ended it after %s", took.Round(time.Millisecond))

		s := h.guard("all-2", "blackhole", 30, 15)
		if said, status := s.ends(); status != 4 || !has(said, "busy all-1 ") {
			t.Errorf("a host with leftovers said %q and ended with %d", said, status)
		}
		said, _ := h.run("sweep", "force=0")
		if !has(said, "cleared all-1") || last(said) != "done" {
			t.Errorf("the sweep said %q", said)
		}
		h.untouched()
	})
}

func TestProcessorsAreFreeAgainWhateverDies(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for name, end := range map[string]func(h *namespaceHost, s *session){
			"stop":             func(h *namespaceHost, s *session) { s.send("stop"); s.ends() },
			"every guard dies": func(h *namespaceHost, s *session) { h.kill("cpu-1", "watchdog", "twin", "guard") },
		} {
			t.Run(name, func(t *testing.T) {
				h := newHost(t, shell)
				s := h.attacked("cpu-1", "cpu", 30, 15, "load=60", "workers=2")
				h.eventually(5*time.Second, "two workers run", func() bool {
					out, _ := h.sh("cat /run/chaoscat/cpu-1/hogs")
					return strings.Count(out, "\n") == 2
				})
				pids := strings.Fields(h.must("while read -r p _; do echo $p; done </run/chaoscat/cpu-1/hogs"))
				if adj := strings.TrimSpace(h.must("cat /proc/" + pids[0] + "/oom_score_adj")); adj != "1000" {
					t.Errorf("a worker has oom_score_adj %s: the kernel would kill something else first", adj)
				}
				end(h, s)
				h.eventually(margin, "no worker runs", func() bool { return !h.lives(pids[0]) && !h.lives(pids[1]) })
				if name != "stop" {
					h.run("sweep", "force=0")
				}
				h.untouched()
			})
		}
	})
}

func TestCPULoadIsMeasured(t *testing.T) {
	h := newHost(t, "/bin/sh")
	before, _ := h.run("measure", "kind=cpu", "p.load=90", "p.workers=0")
	s := h.attacked("load-1", "cpu", 30, 15, "load=90", "workers=0")
	during, _ := h.run("measure", "kind=cpu", "p.load=90", "p.workers=0")
	s.send("stop")
	s.ends()
	t.Logf("before %q during %q", before, during)
	if !has(during, "figure ") || !has(before, "expect up ") || last(during) != "done" {
		t.Errorf("before %q during %q", before, during)
	}
	h.untouched()
}

func TestLatencyIsCleanlyInfeasibleWithoutNetem(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		said, _ := h.run("inspect", "label=slow", "kind=latency", "p.delay=200")
		if has(said, "fact netem yes") {
			t.Skip("this kernel has netem: the lab shows the rest")
		}
		if !has(said, "infeasible slow the kernel has no netem") || last(said) != "done" {
			t.Errorf("inspect said %q", said)
		}
		said, status := h.guard("lat-1", "latency", 30, 15, "delay=200").ends()
		if status != 4 || !has(said, "infeasible the kernel has no netem") {
			t.Errorf("the guard said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestServiceStopIsCleanlyInfeasibleWithoutSystemd(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		said, status := h.guard("svc-1", "service-stop", 30, 15, "unit=cron.service").ends()
		if status != 4 || !has(said, "infeasible this host is not run by systemd") {
			t.Errorf("the guard said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestInspectTellsFactsAndChangesNothing(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		said, status := h.run("inspect", "label=hole", "kind=blackhole", "p.lifeline=1", "label=burn", "kind=cpu", "p.load=80", "p.workers=0", "label=odd", "kind=nonesuch", "label=typo", "kind=cpu", "p.laod=80")
		for _, want := range []string{"fact kernel ", "fact arch ", "fact init other", "fact shell ", "fact uptime ", "fact cores ", "fact boot_id ", "fact nft yes", "feasible hole", "feasible burn",
			"infeasible odd this runner carries no attack named nonesuch", "infeasible typo cpu has no parameter laod"} {
			if !has(said, want) {
				t.Errorf("nothing begins with %q in %q", want, said)
			}
		}
		if status != 0 || last(said) != "done" {
			t.Errorf("ended with %d, saying %q", status, last(said))
		}
		h.untouched()
	})
}

func TestAFullRunDirectoryRefusesAndAppliesNothing(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		for _, left := range []string{"0", "8", "60"} { // kB that are left free
			h.must("dd if=/dev/zero of=/run/fill bs=1k 2>/dev/null; truncate -s -" + left + "k /run/fill; true")
			said, status := h.guard("full-1", "blackhole", 30, 15).ends()
			if status != 4 || !has(said, "refused ") {
				t.Errorf("with %s kB left it said %q and ended with %d", left, said, status)
			}
			h.must("rm -f /run/fill")
		}
		h.untouched()
	})
}

func TestARunDirectoryThatFillsUpDuringTheAttackDoesNotKeepTheUndo(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("fill-1", "blackhole", 60, 15)
		h.must("dd if=/dev/zero of=/run/fill bs=1k 2>/dev/null; dd if=/dev/zero of=/run/fill2 bs=1 count=5000 2>/dev/null; true")
		s.send("stop")
		said, status := s.ends()
		h.must("rm -f /run/fill /run/fill2")
		if last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestOfTwoControllersInTheSameInstantExactlyOneApplies(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		rounds := 34 // a hundred over three shells
		if testing.Short() {
			rounds = 5
		}
		for round := range rounds {
			left, right := h.guard("left", "cpu", 30, 15, "load=1", "workers=1"), h.guard("right", "cpu", 30, 15, "load=1", "workers=1")
			a, b := left.first(), right.first()
			if strings.HasPrefix(b, "armed ") {
				left, right, a, b = right, left, b, a
			}
			if !strings.HasPrefix(a, "armed ") || !strings.HasPrefix(b, "busy ") {
				t.Fatalf("round %d: one said %q, the other %q", round, a, b)
			}
			if _, status := right.ends(); status != 4 {
				t.Errorf("round %d: the loser ended with %d", round, status)
			}
			left.send("stop")
			if said, status := left.ends(); last(said) != "restored" || status != 0 {
				t.Fatalf("round %d: the winner said %q and ended with %d", round, said, status)
			}
		}
		h.untouched()
	})
}

// The next controller uploads the same runner under the same name while the guard of the last run goes.
func TestAGuardThatGoesDoesNotTakeTheNextControllersRunnerAlong(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("next-1", "blackhole", 30, 15)
		h.must("cat " + h.path + " >" + h.path + ".1 && mv -f " + h.path + ".1 " + h.path)
		s.in.Close()
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		h.eventually(margin, "the state is gone", func() bool { _, err := h.sh("test -e /run/chaoscat/.done-next-1"); return err != nil })
		h.must("test -e " + h.path)
		h.untouched()
	})
}

// Without a session of its own nothing tells what an injection has started from what it has not.
func TestWithoutSetsidAnAttackOfOnesOwnIsInfeasible(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		own := mine(t, CustomFiles{Name: "own", Inject: "echo on >/run/fault", Undo: "rm -f /run/fault"})
		def, err := Compound("storm", find(t, "cpu", "fds"), 0)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, shell, append(Builtin(), own, def)...)
		h.must("for f in /usr/bin/setsid /bin/setsid; do [ ! -e $f ] || mount --bind /dev/null $f; done; ! command -v setsid")
		for _, kind := range []string{"own", "storm"} {
			const why = "this host has no setsid"
			if said, _ := h.run("inspect", "label=x", "kind="+kind); !has(said, "infeasible x "+why) {
				t.Errorf("inspect said of %s %q", kind, said)
			}
			if said, status := h.guard("bare-1", kind, 30, 15).ends(); status != 4 || !has(said, "infeasible "+why) {
				t.Errorf("the guard said of %s %q and ended with %d", kind, said, status)
			}
		}
	})
}
