//go:build linux

package attacks

import (
	"strings"
	"testing"
	"time"
)

// marker is a part that leaves a file, and an account of what was called when.
func marker(t *testing.T, name string) Definition {
	t.Helper()
	return custom(t, CustomFiles{
		Name: name, Params: []string{"word"}, Figure: Figure{Name: name},
		Inject:  `[ "$P_word" != fail ] || { echo half >/run/` + name + `; exit 1; }; echo "$P_word" >/run/` + name + `; echo "inject ` + name + ` $UID_" >>/run/orders`,
		Undo:    `rm -f /run/` + name + `; echo "undo ` + name + ` $UID_" >>/run/orders`,
		Measure: `if [ -e /run/` + name + ` ]; then echo "figure 1"; else echo "figure 0"; fi; echo "expect up 1"; echo "about $P_word"`,
	})
}

func storm(t *testing.T, shell string, gap time.Duration) *namespaceHost {
	t.Helper()
	parts := []Definition{marker(t, "one"), find(t, "cpu")[0], marker(t, "two")}
	def, err := Compound("storm", parts, gap)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, shell, append(Builtin(), parts[0], parts[2], def)...)
	h.must(": >/run/orders")
	h.settle()
	return h
}

// orders is what the markers were told, in order; it is taken away.
func (h *namespaceHost) orders() string {
	h.t.Helper()
	text := h.must("cat /run/orders")
	h.must(": >/run/orders")
	return strings.TrimSpace(text)
}

func TestAStormBeginsInOrderIsMeasuredByPartsAndIsUndoneInReverse(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := storm(t, shell, 0)
		params := []string{"c1_word=a", "c2_load=20", "c2_workers=1", "c3_word=b"}
		said, rc := h.run("inspect", append([]string{"label=x", "kind=storm"}, prefixed(params)...)...)
		if rc != 0 || !has(said, "feasible x") {
			t.Fatalf("%v", said)
		}
		s := h.attacked("a-storm", "storm", 60, 30, params...)
		if got := h.must("cat /run/one /run/two"); got != "a\nb\n" {
			t.Errorf("the parts left %q", got)
		}
		said, _ = h.run("measure", append([]string{"id=a-storm", "kind=storm"}, prefixed(params)...)...)
		if text := strings.Join(said, "\n"); !strings.Contains(text, "part 1\nfigure 1\nexpect up 1\nabout a\npart 2\n") || !strings.Contains(text, "part 3\nfigure 1\nexpect up 1\nabout b") {
			t.Errorf("measured:\n%s", text)
		}
		s.send("stop")
		s.says("restored")
		s.ends()
		if got, want := h.orders(), "inject one a_storm_1\ninject two a_storm_3\nundo two a_storm_3\nundo one a_storm_1"; got != want {
			t.Errorf("in order:\n%s\nwant\n%s", got, want)
		}
		h.untouched()
	})
}

func TestTheFirstPartThatFailsTakesTheOthersBack(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := storm(t, shell, 0)
		s := h.guard("b-storm", "storm", 60, 30, "c1_word=a", "c2_load=20", "c2_workers=1", "c3_word=fail")
		s.says("armed")
		s.send("go")
		s.says("injected 1")
		s.says("restored")
		s.ends()
		if got, want := h.orders(), "inject one b_storm_1\nundo two b_storm_3\nundo one b_storm_1"; got != want {
			t.Errorf("in order:\n%s\nwant\n%s", got, want)
		}
		h.untouched()
	})
}

func TestAStopBetweenTwoPartsDoesNotWaitForTheNext(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := storm(t, shell, 30*time.Second)
		s := h.guard("c-storm", "storm", 100, 30, "c1_word=a", "c2_load=20", "c3_word=b")
		s.says("armed")
		s.send("go")
		h.eventually(10*time.Second, "the first part is on", func() bool { _, err := h.sh("test -e /run/one"); return err == nil })
		began := time.Now()
		s.send("stop")
		s.says("restored")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the stop waited %s for a gap of 30 s", took)
		}
		s.ends()
		if got, want := h.orders(), "inject one c_storm_1\nundo two c_storm_3\nundo one c_storm_1"; got != want {
			t.Errorf("in order:\n%s\nwant\n%s", got, want)
		}
		h.untouched()
	})
}

// A part that cannot be taken back does not keep the others, and the residue names it.
func TestEveryPartIsUndoneEvenIfAnotherCannotBe(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		stuck := mine(t, CustomFiles{Name: "stuck", Inject: "true", Undo: "test -e /run/let-go || { echo 'it holds fast'; exit 1; }"})
		parts := []Definition{marker(t, "one"), stuck}
		def, err := Compound("storm", parts, 0)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, shell, append(Builtin(), parts[0], stuck, def)...)
		s := h.attacked("d-storm", "storm", 60, 30, "c1_word=a")
		s.send("stop")
		if why := s.says("residue"); !strings.Contains(why, "it holds fast") {
			t.Errorf("the residue says %q", why)
		}
		s.ends()
		if _, err := h.sh("test -e /run/one"); err == nil {
			t.Error("the other part was not undone")
		}
		h.must("touch /run/let-go")
		if said, _ := h.run("undo", "id=d-storm"); !has(said, "restored") {
			t.Errorf("%v", said)
		}
		h.must("rm -f /run/let-go /run/orders")
		h.untouched()
	})
}

func TestAGuardThatDiesIsReplacedForEveryPart(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := storm(t, shell, 0)
		h.attacked("e-storm", "storm", 60, 30, "c1_word=a", "c2_load=20", "c2_workers=1", "c3_word=b")
		h.kill("e-storm", "guard")
		h.eventually(20*time.Second, "everything is back", func() bool {
			_, err := h.sh("test -e /run/one || test -e /run/two || test -d /run/chaoscat/e-storm")
			return err != nil
		})
		h.orders()
		h.untouched()
	})
}

func prefixed(params []string) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = "p." + p
	}
	return out
}

// What the kernel ends by itself goes on for as long as it is renewed, each part for itself, also while the parts
// after it have not begun; and ends with no process of ours alive.
func TestAStormIsRenewedPartByPartAndEndsWithEveryGuardDead(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		parts := find(t, "blackhole", "cpu")
		def, err := Compound("storm", parts, 6*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, shell, append(Builtin(), def)...)
		if said, _ := h.run("inspect", "label=x", "kind=storm", "p.c1_targets="+peerAddress); !has(said, "feasible x") {
			t.Skipf("this machine cannot: %v", said)
		}
		s := h.guard("f-storm", "storm", 60, 4, "c1_targets="+peerAddress, "c1_direction=both", "c1_lifeline=1", "c2_load=20", "c2_workers=1")
		if layers := s.says("armed"); !strings.Contains(layers, "kernel") {
			t.Errorf("the kernel is no layer: %s", layers)
		}
		s.send("go")
		h.eventually(10*time.Second, "the first part is on", func() bool { return !h.answers() })
		both := func() bool { return strings.Contains(strings.Join(s.seen, "\n"), "injected 0") }
		for began := time.Now(); time.Since(began) < 10*time.Second || !both(); { // longer than the lease of 4 s, and than the gap
			s.send("renew")
			s.says("renewed")
			if h.answers() || time.Since(began) > 40*time.Second {
				t.Fatalf("after %s, renewed all the time, the fault is over or not wholly on:\n%s", time.Since(began), strings.Join(s.seen, "\n"))
			}
		}
		if out := strings.Join(s.seen, "\n"); strings.Contains(out, "could not be renewed") {
			t.Errorf("a part was renewed before it began:\n%s", out)
		}
		h.kill("f-storm", "watchdog", "twin", "guard")
		h.eventually(30*time.Second, "the kernel has ended it", h.answers)
		if said, _ := h.run("undo", "id=f-storm"); !has(said, "restored") {
			t.Errorf("%v", said)
		}
		h.untouched()
	})
}

// A part that hangs is killed alone when its own time is over; the parts that began before it come back all the same.
func TestAPartWhoseUndoHangsKeepsNoOtherPart(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		hangs := mine(t, CustomFiles{Name: "hangs", Inject: "true", Undo: "test -e /run/let-go || (sleep 1000; true)"})
		hangs.UndoWithin = 2 * time.Second
		parts := []Definition{marker(t, "one"), hangs, marker(t, "two")}
		def, err := Compound("storm", parts, 0)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, shell, append(Builtin(), append(parts, def)...)...)
		s := h.attacked("g-storm", "storm", 60, 30, "c1_word=a", "c3_word=b")
		s.send("stop")
		if why := s.says("residue"); !strings.Contains(why, "hangs: it could not be taken back within 2 s") || strings.Contains(why, "one") || strings.Contains(why, "two") {
			t.Errorf("the residue says %q", why)
		}
		if left, _ := h.sh("ls /run/one /run/two 2>/dev/null"); left != "" {
			t.Errorf("of the other parts there is still %q", left)
		}
		s.ends()
		h.must("touch /run/let-go")
		if said, _ := h.run("undo", "id=g-storm"); !has(said, "restored") && !has(said, "clean") {
			t.Errorf("%v", said)
		}
		h.must("rm -f /run/let-go /run/orders")
		h.untouched()
	})
}

// What has no process of its own goes on when the injection's first process is killed: the stop ends that, too.
func TestAStormWhoseInjectionWasKilledDoesNotComeOnAfterItsUndo(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		slow := mine(t, CustomFiles{Name: "slow", Inject: "touch /run/begun; sleep 2; sleep 1; echo on >/run/fault", Undo: "rm -f /run/fault /run/begun"})
		parts := []Definition{slow, marker(t, "two")}
		def, err := Compound("storm", parts, 0)
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, shell, append(Builtin(), append(parts, def)...)...)
		for id, kind := range map[string]string{"h-slow": "slow", "h-storm": "storm"} {
			h.upload(h.runner)
			s := h.guard(id, kind, 60, 30, map[string][]string{"storm": {"c2_word=b"}}[kind]...)
			s.says("armed")
			s.send("go")
			h.eventually(10*time.Second, "the injection has begun", func() bool { _, err := h.sh("test -e /run/begun"); return err == nil })
			pid := strings.Fields(h.must("cat /run/chaoscat/" + id + "/inject"))[0]
			h.must("kill -KILL " + pid)
			h.eventually(10*time.Second, "its first process is dead", func() bool { return !h.lives(pid) })
			s.send("stop")
			s.says("restored")
			s.ends()
			if left, err := h.sh("kill -0 -" + pid); err == nil {
				t.Errorf("after the undo of %s some of it still runs %s", kind, left)
			}
			h.sh("rm -f /run/orders")
		}
		h.untouched()
	})
}
