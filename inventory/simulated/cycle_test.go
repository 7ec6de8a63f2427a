package simulated_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryReversibleAttackMovesItsFigureAsExpectedAndIsUndone(t *testing.T) {
	f := newFleet(t)
	for _, test := range []struct {
		kind, role  string
		params      []string
		least, most float64 // how far the figure moves
	}{
		{"latency", "web", []string{"p.delay=200", "p.jitter=20"}, 185, 215},
		{"latency", "api", []string{"p.delay=500", "p.jitter="}, 495, 505},
		{"cpu", "cache", []string{"p.load=80"}, 50, 80},
		{"blackhole", "api", []string{"p.targets=10.1.2.0/24", "p.ports=5432", "p.direction=both", "p.lifeline=1"}, 1, 1e6},
		{"blackhole", "web", []string{"p.lifeline=1"}, -100, -100},
		{"service-stop", "db", []string{"p.unit=postgresql.service"}, -1, -1},
	} {
		t.Run(test.kind+" on "+test.role, func(t *testing.T) {
			c := login(t, f, ordinary(t, f, test.role))
			id := "run-" + test.kind
			g := c.guard(t, order(id, test.kind, test.params...)...)
			before, expect := c.figure(t, id, test.kind, test.params...)
			g.tell(t, "go")
			g.await(t, "injected 0")
			during, _ := c.figure(t, id, test.kind, test.params...)
			g.tell(t, "stop")
			end := g.end(t)
			after, _ := c.figure(t, id, test.kind, test.params...)

			if moved := during - before; moved < test.least || moved > test.most || judge(t, expect, moved) < 0.8 {
				t.Errorf("figure %g → %g, moved by %g, want %g to %g; the host expects %s", before, during, moved, test.least, test.most, expect)
			}
			if rest := after - before; rest < -10 || rest > 10 {
				t.Errorf("figure %g before and %g after the undo", before, after)
			}
			if end.status != 0 || end.said[len(end.said)-1] != "restored" {
				t.Errorf("end %+v", end)
			}
			if left := f.Applied(); len(left) > 0 {
				t.Errorf("still applied: %+v", left)
			}
		})
	}
}

// judge says which share of what the host expected has come true; catalogue and core call 0.7 effective
// and 0.2 weak.
func judge(t *testing.T, expect string, moved float64) float64 {
	t.Helper()
	var way string
	var by float64
	if _, err := fmt.Sscanf(expect, "%s %g", &way, &by); err != nil || by <= 0 {
		t.Fatalf("expect %q: %v", expect, err)
	}
	if way == "down" {
		moved = -moved
	}
	return moved / by
}

func TestTheGuardTellsItsStoryInOrder(t *testing.T) {
	f := newFleet(t)
	h := ordinary(t, f, "web")
	c := login(t, f, h)
	boot, _ := c.verb(t, "inspect").has("fact boot_id ")
	g := c.guard(t, order("run-1", "cpu", "p.load=50", "p.workers=2")...)
	for _, line := range []string{"renew", "ping 42", "gehe", "go"} {
		g.tell(t, line)
	}
	g.await(t, "injected")
	g.tell(t, "")
	end := g.end(t)
	want := []string{"armed layers=kernel,guard,systemd boot=" + boot, "renewed", "pong 42", "injecting", "injected 0", "undoing stop", "restored"}
	if !slices.Equal(end.said, want) {
		t.Errorf("said\n%q, want\n%q", end.said, want)
	}
	if len(end.shown) < 3 {
		t.Errorf("little is shown: %q", end.shown)
	}
	for _, line := range end.shown {
		if !strings.HasPrefix(line, "[sim] ") {
			t.Errorf("%q could be taken for the real thing", line)
		}
	}
}

func TestAStopByteUndoesWithinMillisecondsAndIsAcknowledgedByExitStatus(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "db"))
	g := c.guard(t, order("run-1", "latency", "p.delay=100")...)
	g.tell(t, "go")
	g.await(t, "injecting")
	began := time.Now()
	g.tell(t, "")
	if end := g.end(t); end.status != 0 {
		t.Errorf("end %+v", end)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stop took %s", took)
	}
	if left := f.Applied(); len(left) > 0 {
		t.Errorf("still applied: %+v", left)
	}
}

// Whatever happens to the controller, nothing stays.
func TestTheGuardUndoesByItself(t *testing.T) {
	for name, test := range map[string]struct {
		lease, ttl, cause string
		then              func(t *testing.T, c *controller, g *held)
	}{
		"at the end of its input":     {"lease=15", "ttl=600", "contact lost", func(_ *testing.T, _ *controller, g *held) { g.stdin.Close() }},
		"when the lease has run out":  {"lease=15", "ttl=86400", "lost lease", func(*testing.T, *controller, *held) {}},
		"at the deadline":             {"lease=3600", "ttl=20", "deadline", func(*testing.T, *controller, *held) {}},
		"on a signal":                 {"lease=3600", "ttl=86400", "told to end", func(_ *testing.T, _ *controller, g *held) { g.session.Signal("TERM") }},
		"when another session did it": {"lease=3600", "ttl=86400", "another guard was faster", func(t *testing.T, c *controller, _ *held) { c.verb(t, "undo", "id=run-1") }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, func(o *simulated.Options) { o.LeaseAtLeast = 0 })
			c := login(t, f, ordinary(t, f, "web"))
			g := c.guard(t, "id=run-1", "kind=cpu", "hold=10", "supervised=0", test.lease, test.ttl, "p.load=50")
			g.tell(t, "go")
			g.await(t, "injecting")
			test.then(t, c, g)
			end := g.end(t)
			if got, _ := end.has("undoing "); got != test.cause || end.status != 0 {
				t.Errorf("undoing %q, want %q: %+v", got, test.cause, end)
			}
			if left := f.Applied(); len(left) > 0 {
				t.Errorf("still applied: %+v", left)
			}
		})
	}
}

func TestADeadControllerLeavesNothingBehind(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "web"))
	g := c.guard(t, order("run-1", "latency", "p.delay=100")...)
	g.tell(t, "go")
	g.await(t, "injected")
	if len(f.Applied()) != 1 {
		t.Fatalf("applied %+v", f.Applied())
	}
	c.Close()
	eventually(t, "the fault is gone", func() bool { return len(f.Applied()) == 0 })
}

func TestRenewalsKeepTheLease(t *testing.T) {
	f := newFleet(t, func(o *simulated.Options) {
		o.LeaseAtLeast, o.Clock = 0, clock.Fast(time.Now(), noon, 30) // a lease of half a second
	})
	c := login(t, f, ordinary(t, f, "web"))
	g := c.guard(t, order("run-1", "cpu", "p.load=50")...)
	g.tell(t, "go")
	g.await(t, "injected")
	for end := time.Now().Add(1100 * time.Millisecond); time.Now().Before(end); {
		g.tell(t, "renew")
		g.await(t, "renewed")
	}
	g.tell(t, "stop")
	if end := g.end(t); end.said[len(end.said)-2] != "undoing stop" {
		t.Errorf("said %q", end.said[len(end.said)-2:])
	}
}

func TestARebootCutsEveryConnectionAndComesBackWithANewBootID(t *testing.T) {
	f := newFleet(t, func(o *simulated.Options) { o.Clock = clock.Fast(time.Now(), noon, 20) })
	h := ordinary(t, f, "cache")
	c := login(t, f, h)
	old, _ := c.verb(t, "inspect").has("fact boot_id ")
	uptime, _ := c.verb(t, "inspect").has("fact uptime ")
	if why, _ := c.verb(t, "measure", "id=run-1", "kind=reboot").has("unverifiable "); why == "" {
		t.Error("a reboot has a figure")
	}
	g := c.guard(t, "id=run-1", "kind=reboot", "ttl=600", "hold=300", "lease=15", "supervised=1", "p.limit=120000")
	g.tell(t, "go")
	g.await(t, "injected 0")
	if end := g.end(t); end.status != -1 {
		t.Errorf("the session ended with %+v, not with the connection", end)
	}
	if _, err := dial(t, f, h, clientKey(t, f)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial while it is away: %v", err)
	}
	eventually(t, "the host answers again", func() bool {
		_, err := dial(t, f, h, clientKey(t, f))
		return err == nil
	})
	back, _ := dial(t, f, h, clientKey(t, f))
	fresh := &controller{back, c.digest}
	if a := fresh.verb(t, "inspect"); a.status != 127 {
		t.Errorf("the runner outlived the boot: %+v", a)
	}
	c = login(t, f, h)
	a := c.verb(t, "inspect")
	if boot, _ := a.has("fact boot_id "); boot == old || len(boot) != 36 {
		t.Errorf("boot id %q, before the reboot %q", boot, old)
	}
	if _, busy := a.has("busy "); busy {
		t.Errorf("a claim outlived the boot: %q", a.said)
	}
	if now, _ := a.has("fact uptime "); len(now) > 3 || len(uptime) < 6 {
		t.Errorf("up for %s s before and %s s after", uptime, now)
	}
}

func TestARebootThatHasNotBegunCanBeCalledBack(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "web"))
	g := c.guard(t, order("run-1", "reboot")...)
	g.tell(t, "stop")
	if end := g.end(t); end.status != 0 {
		t.Errorf("end %+v", end)
	}
	if a := c.verb(t, "inspect"); a.status != 0 {
		t.Errorf("it rebooted all the same: %+v", a)
	}
}

func TestTheSecondControllerIsToldThatTheHostIsBusy(t *testing.T) {
	f := newFleet(t)
	h := ordinary(t, f, "web")
	first, second := login(t, f, h), login(t, f, h)
	g := first.guard(t, order("run-1", "cpu", "p.load=50")...)
	refused := second.guard(t, order("run-2", "cpu", "p.load=50")...).end(t)
	if who, _ := refused.has("busy "); !strings.HasPrefix(who, "run-1 ") || refused.status != 4 {
		t.Errorf("refused with %+v", refused)
	}
	if who, _ := second.verb(t, "inspect").has("busy "); !strings.HasPrefix(who, "run-1 ") {
		t.Errorf("inspect says busy %q", who)
	}
	if a := second.verb(t, "sweep", "force=0"); a.said[0] != "kept run-1 a cpu attack is on this host" {
		t.Errorf("sweep said %q", a.said)
	}
	if a := second.verb(t, "sweep", "force=1"); a.said[0] != "cleared run-1" {
		t.Errorf("forced sweep said %q", a.said)
	}
	if end := g.end(t); end.status != 0 {
		t.Errorf("the guard that was swept: %+v", end)
	}
	if a := second.verb(t, "undo", "id=run-1"); a.said[0] != "clean" {
		t.Errorf("undo after the fact said %q", a.said)
	}
}

func TestABlackholeWithoutLifelineSilencesTheHostUntilTheKernelEndsIt(t *testing.T) {
	f := newFleet(t)
	h := ordinary(t, f, "web")
	c := login(t, f, h)
	g := c.guard(t, "id=run-1", "kind=blackhole", "ttl=100", "hold=60", "lease=0", "supervised=0", "p.lifeline=0")
	began := time.Now()
	g.tell(t, "go")
	end := g.end(t) // nothing passes before 100 s / 200 = 0.5 s
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("the control path was open: the guard ended after %s", took)
	}
	if cause, _ := end.has("undoing "); cause != "deadline" || end.status != 0 {
		t.Errorf("end %+v", end)
	}
	if _, err := dial(t, f, h, clientKey(t, f)); err != nil {
		t.Errorf("a fresh login after the deadline: %v", err)
	}
}

func TestQuirks(t *testing.T) {
	f := newFleet(t)
	t.Run("an unreachable host refuses", func(t *testing.T) {
		_, err := dial(t, f, quirky(t, f, simulated.Unreachable), clientKey(t, f))
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial: %v", err)
		}
	})
	t.Run("without netem latency is infeasible and nothing is claimed", func(t *testing.T) {
		c := login(t, f, quirky(t, f, simulated.NoNetem))
		end := c.guard(t, order("run-1", "latency", "p.delay=100")...).end(t)
		if _, ok := end.has("infeasible the kernel has no netem"); !ok || end.status != 4 {
			t.Errorf("end %+v", end)
		}
		if a := c.verb(t, "inspect"); len(a.said) == 0 || slices.ContainsFunc(a.said, func(s string) bool { return strings.HasPrefix(s, "busy") }) {
			t.Errorf("inspect said %q", a.said)
		}
	})
	t.Run("a small machine has a twin of the guard in place of systemd's", func(t *testing.T) {
		c := login(t, f, quirky(t, f, simulated.NoSystemd))
		g := c.guard(t, order("run-1", "cpu", "p.load=50")...)
		if armed, _ := g.has("armed "); !strings.HasPrefix(armed, "layers=kernel,guard,twin ") {
			t.Errorf("armed %q", armed)
		}
		g.tell(t, "stop")
		g.end(t)
	})
	t.Run("a capped host gives the workers too little", func(t *testing.T) {
		c := login(t, f, quirky(t, f, simulated.CPUCapped))
		g := c.guard(t, order("run-1", "cpu", "p.load=80")...)
		before, expect := c.figure(t, "run-1", "cpu", "p.load=80")
		g.tell(t, "go")
		g.await(t, "injected")
		during, _ := c.figure(t, "run-1", "cpu", "p.load=80")
		if got := judge(t, expect, during-before); got < 0.25 || got > 0.6 {
			t.Errorf("cpu %g → %g is %g of the expected: not weak", before, during, got)
		}
	})
	t.Run("a slow host takes its time before the first word", func(t *testing.T) {
		f := newFleet(t, func(o *simulated.Options) { o.Clock = clock.Fast(time.Now(), noon, 10) })
		began := time.Now()
		login(t, f, quirky(t, f, simulated.SlowBanner))
		if took := time.Since(began); took < 290*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("a sticky undo leaves residue, stays busy, and works at the second time", func(t *testing.T) {
		h := quirky(t, f, simulated.StickyUndo)
		c := login(t, f, h)
		g := c.guard(t, order("run-1", "cpu", "p.load=80")...)
		g.tell(t, "go")
		g.await(t, "injected")
		g.tell(t, "stop")
		end := g.end(t)
		if _, ok := end.has("residue "); !ok || end.status != 6 {
			t.Errorf("end %+v", end)
		}
		left := f.Applied()
		if len(left) == 0 || !slices.ContainsFunc(left, func(a simulated.Applied) bool { return a.Host == h.Name && !a.Guarded }) {
			t.Errorf("applied %+v", left)
		}
		if who, ok := c.verb(t, "inspect").has("busy run-1 "); !ok {
			t.Errorf("not busy: %q", who)
		}
		if a := c.verb(t, "undo", "id=run-1"); a.said[0] != "restored" || a.status != 0 {
			t.Errorf("the second undo said %q", a.said)
		}
		if a := c.verb(t, "undo", "id=run-1"); a.said[0] != "clean" {
			t.Errorf("the third undo said %q", a.said)
		}
	})
}

func TestInspectionTellsWhatIsFeasibleWhere(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "db"))
	a := c.verb(t, "inspect",
		"label=slow", "kind=latency", "p.delay=200",
		"label=nginx", "kind=service-stop", "p.unit=nginx.service",
		"label=ssh", "kind=service-stop", "p.unit=ssh.service",
		"label=bad", "kind=cpu", "p.load=101",
		"label=own", "kind=my-own-attack", "p.colour=red")
	want := []string{"feasible slow",
		"infeasible nginx there is no unit nginx.service on this host",
		"infeasible ssh ssh.service belongs to the control path and is never stopped",
		`infeasible bad parameter load: "101" is not a number from 1 to 100`,
		`infeasible own a simulated host does not know the attack "my-own-attack"`,
		"done"}
	if got := a.said[len(a.said)-len(want):]; !slices.Equal(got, want) {
		t.Errorf("said\n%q, want\n%q", got, want)
	}
}

// carriersUpload is what package attacks/remote sends, byte for byte, with the digest of the tests' runner.
var carriersUpload = fmt.Sprintf("/bin/sh -c 'umask 077; set -C; f=/run/chaoscat/runner-%x; t=$f.$$; mkdir -p /run/chaoscat && chmod 700 /run/chaoscat && "+
	"cat >$t && [ $(wc -c <$t) -eq %d ] && chmod 600 $t && mv -f $t $f || { rm -f $t; exit 1; }'", runnerSum[:8], len(runner))

var runnerSum = sha256.Sum256([]byte(runner))

func TestWhatIsNotUnderstoodIsRefusedWithNothingApplied(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "web"))
	for name, test := range map[string]struct {
		command, stdin string
		status         int
	}{
		"an unknown command":         {"rm -rf /", "", 127},
		"an unknown verb":            {c.command("format"), heading(), 127},
		"an unknown header key":      {c.command("guard"), heading("id=x", "colour=red"), 4},
		"a header key twice":         {c.command("guard"), heading("id=x", "id=y"), 4},
		"an order without a lease":   {c.command("guard"), heading("id=x", "kind=cpu", "hold=1", "lease=0", "ttl=60"), 4},
		"a cut for too long":         {c.command("guard"), heading("id=x", "kind=blackhole", "hold=1", "lease=0", "ttl=301", "p.lifeline=0"), 4},
		"a runner that is not there": {strings.ReplaceAll(c.command("inspect"), c.digest, "ffffffffffffffff"), heading(), 127},
		"a header without a nonce":   {c.command("guard"), "id=x\n.\n", 4},
		"a header cut short":         {c.command("guard"), "nonce=" + nonce + "\nid=x\n", 4},
		"a value with a quote":       {c.command("guard"), heading("id=x", "p.unit=a';reboot"), 4},
		"an order without deadline":  {c.command("guard"), heading("id=x", "kind=cpu", "hold=1", "lease=15", "ttl=0"), 4},
		"a parameter out of bounds":  {c.command("guard"), heading(order("x", "cpu", "p.load=0")...), 4},
		"a damaged upload":           {"cat > /run/chaoscat/runner-" + c.digest, "something else", 1},
		"true":                       {"true", "", 0},
		"the carrier's upload":       {carriersUpload, runner, 0},
		"the runner under sudo":      {"sudo -n /dev/shm/chaoscat-runner-" + c.digest + ` sweep "$SSH_CONNECTION"`, heading("force=0"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if a := c.exec(t, test.command, test.stdin); a.status != test.status || test.status != 0 && len(a.said)+len(a.shown) == 0 {
				t.Errorf("%+v, want status %d and a reason", a, test.status)
			}
		})
	}
	if a := c.verb(t, "bye"); a.status != 0 {
		t.Errorf("bye: %+v", a)
	}
	if a := c.verb(t, "inspect"); a.status != 127 {
		t.Errorf("the runner is there after bye: %+v", a)
	}
	if left := f.Applied(); len(left) > 0 {
		t.Errorf("applied: %+v", left)
	}
}

func TestOnlyTheDemosOwnKeyIsLetIn(t *testing.T) {
	f, other := newFleet(t), newFleet(t)
	h := find(t, f, func(h engine.Host) bool { return h.Tags["quirk"] == "" })
	if _, err := dial(t, f, h, clientKey(t, other)); err == nil {
		t.Error("a key of another fleet was let in")
	}
}
