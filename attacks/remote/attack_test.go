package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestAnAttackGoesThroughItsPhasesAndComesBackMeasuredAndRestored(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	out, w := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Second, "load=80"), "")
	if out.Effect != engine.Effective || out.Undo != engine.Restored || !out.Applied || out.Cause != "deadline" {
		t.Errorf("outcome %+v", out)
	}
	if out.Figures.Text != "cpu busy 4 → 80 → 4 %" {
		t.Errorf("figures %q", out.Figures.Text)
	}
	want := []engine.Phase{engine.Connecting, engine.Inspecting, engine.Arming, engine.Measuring, engine.Injecting, engine.Proving, engine.Holding, engine.Undoing, engine.Verifying}
	if !slices.Equal(w.went(), want) {
		t.Errorf("phases %v", w.went())
	}
	if w.guard == nil || !slices.Equal(w.guard.Layers, []string{"kernel", "guard"}) || w.guard.Lease != 6*time.Second {
		t.Errorf("guard %+v", w.guard)
	}
	if !strings.Contains(w.all(), "tc qdisc add dev eth0") {
		t.Errorf("the host's output was not shown: %q", w.all())
	}
	f.mu.Lock()
	head, byes := f.headers["guard"], f.byes
	f.mu.Unlock()
	for key, value := range map[string]string{"id": "r1", "kind": "cpu", "p.load": "80", "hold": "1", "ttl": "3", "lease": "6", "supervised": "0"} {
		if head[key] != value {
			t.Errorf("header %s=%q, want %q", key, head[key], value)
		}
	}
	if byes != 1 {
		t.Errorf("the runner was taken along %d times", byes)
	}
	f.clean(t)
}

func TestStopTakesEffectInEveryPhaseAndLeavesTheHostClean(t *testing.T) {
	for _, phase := range []engine.Phase{engine.Connecting, engine.Inspecting, engine.Arming, engine.Measuring, engine.Injecting, engine.Proving, engine.Holding, engine.Undoing, engine.Verifying} {
		t.Run(string(phase), func(t *testing.T) {
			f := newFakeHost(t)
			c := newCarrier(t, []*fakeHost{f})
			hold := time.Minute
			if phase == engine.Undoing || phase == engine.Verifying {
				hold = time.Second
			}
			began := time.Now()
			out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", hold), phase)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if hold == time.Minute && out.Cause != "stop" {
				t.Errorf("cause %q, detail %q", out.Cause, out.Detail)
			}
			if out.Applied != (out.Undo == engine.Restored) || out.Undo == engine.Residue {
				t.Errorf("outcome %+v", out)
			}
			f.clean(t)
		})
	}
}

func TestStopIsHeardWhileDiallingAHostThatNeverAnswers(t *testing.T) {
	f := newFakeHost(t)
	dialling := make(chan struct{})
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) {
		o.ConnectTimeout = time.Minute
		o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			close(dialling)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	stop := make(chan string)
	go func() { <-dialling; stop <- "window" }()
	w := &watcher{}
	began := time.Now()
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), stop, w.tell, w.line)
	if out.Effect != engine.Refused || out.Cause != "window" || out.Undo != "" || out.Applied {
		t.Errorf("outcome %+v", out)
	}
	if time.Since(began) > 2*time.Second {
		t.Errorf("took %s", time.Since(began))
	}
}

func TestTheEndOfTheControllerUndoesLikeAStop(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	ctx, cancel := context.WithCancel(t.Context())
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: cancel}}
	out := c.Attack(ctx, aRun("r1", f.host("web-1"), "cpu", time.Minute), nil, w.tell, w.line)
	if out.Undo != engine.Restored || out.Cause != "shutdown" || !out.Applied {
		t.Errorf("outcome %+v", out)
	}
	f.clean(t)
}

// F20: whatever the moment, after a stop nothing is left, and it does not take long.
func TestAStopAtAnyOf500RandomMomentsLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("500 attacks over loopback; not with -short")
	}
	dice := rand.New(rand.NewPCG(20, 500))
	f := make([]*fakeHost, 8)
	for i := range f {
		f[i] = newFakeHost(t)
	}
	c := newCarrier(t, f)
	var group sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	rounds := 500 / len(f)
	for i, host := range f {
		moments := make([]time.Duration, rounds+1)
		for j := range moments {
			// on loopback all phases before the hold are over in some 15 ms: half of the stops fall there
			moments[j] = time.Duration(dice.Int64N(int64([]time.Duration{15, 200}[j%2] * time.Millisecond)))
		}
		group.Go(func() {
			for j, moment := range moments {
				stop := make(chan string, 1)
				var told time.Time
				timer := time.AfterFunc(moment, func() { told = time.Now(); stop <- "stop" })
				w := &watcher{}
				out := c.Attack(context.Background(), aRun(fmt.Sprintf("r%d-%d", i, j), host.host("h"), "cpu", time.Hour), stop, w.tell, w.line)
				timer.Stop()
				if out.Applied != (out.Undo == engine.Restored) || out.Cause != "stop" {
					t.Errorf("stopped after %s: %+v", moment, out)
				}
				host.mu.Lock()
				if host.applied || host.claimed != "" {
					t.Errorf("stopped after %s: applied %v, claim %q; %+v", moment, host.applied, host.claimed, out)
				}
				host.mu.Unlock()
				mu.Lock()
				slowest = max(slowest, time.Since(told))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d stops, the slowest took %s until the outcome", len(f)*(rounds+1), slowest.Round(time.Millisecond))
	if slowest > 30*time.Second { // two hundred times the usual, on a machine that does much else
		t.Errorf("the slowest stop took %s", slowest)
	}
}

func TestALostConnectionIsFoundAgainAndTheUndoProven(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: f.cutAll}}
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), nil, w.tell, w.line)
	if out.Cause != "lost" || out.Undo != engine.Restored || !out.Applied {
		t.Errorf("outcome %+v", out)
	}
	if !slices.Contains(w.went(), engine.Lost) {
		t.Errorf("phases %v", w.went())
	}
	f.clean(t)
}

// cutter is a dialler whose connections can all be cut, half-open, at once.
type cutter struct {
	mu  sync.Mutex
	cut chan struct{}
}

func (k *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	k.mu.Lock()
	defer k.mu.Unlock()
	return &cuttable{Conn: conn, cut: k.cut, once: new(sync.Once), over: make(chan struct{})}, err
}

// sever cuts all connections there are; those made later work.
func (k *cutter) sever() {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.cut)
	k.cut = make(chan struct{})
}

func TestAHalfOpenConnectionIsFoundByTheKeepAlive(t *testing.T) {
	f := newFakeHost(t)
	k := &cutter{cut: make(chan struct{})}
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) {
		// nothing else may find out first
		o.Dial, o.KeepAlive, o.ConnectTimeout, o.CommandTimeout = k.dial, 100*time.Millisecond, time.Minute, time.Minute
	})
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: k.sever}}
	began := time.Now()
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), nil, w.tell, w.line)
	if out.Cause != "lost" || out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to find out", took)
	}
	f.clean(t)
}

func TestAStopOnAHalfOpenConnectionClimbsTheLadderToANewOne(t *testing.T) {
	f := newFakeHost(t)
	k := &cutter{cut: make(chan struct{})}
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Dial, o.KeepAlive, o.ConnectTimeout = k.dial, time.Minute, 500*time.Millisecond })
	stop := make(chan string, 1)
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: func() { k.sever(); stop <- "stop" }}}
	began := time.Now()
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), stop, w.tell, w.line)
	if out.Cause != "stop" || out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("took %s", took)
	}
	f.clean(t)
}

func TestTheLeaseIsRenewedForAsLongAsTheFaultIsHeld(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Lease = time.Second })
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", 3*time.Second), "")
	if out.Cause != "deadline" || out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
}

func TestAHostThatLostTheLeaseHasUndoneByItself(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = func(s *fakeSession) int {
		s.claimed = s.head["id"]
		s.say("armed layers=kernel,guard boot=x")
		for {
			line, _ := s.in.ReadString('\n')
			s.heed(strings.TrimSuffix(line, "\n"), true)
			if strings.HasPrefix(line, "ping") {
				return s.takeBack("lost lease")
			}
		}
	}
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "cpu", time.Minute), "")
	if out.Cause != "lost" || out.Undo != engine.Restored || !strings.Contains(out.Detail, "lost lease") {
		t.Errorf("outcome %+v", out)
	}
}

func TestAHostThatStaysAwayIsResidueWithTheTimeOfItsOwnUndo(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Lease = time.Second })
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: func() {
		f.goDown()
		f.cutAll()
	}}}
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Second), nil, w.tell, w.line)
	if out.Undo != engine.Residue || out.Cause != "lost" || !strings.Contains(out.Detail, "by its own lease and deadline the host undoes by") {
		t.Errorf("outcome %+v", out)
	}
}

func TestResidueIsTriedOnceMoreAndThenReported(t *testing.T) {
	f := newFakeHost(t)
	f.leftover = "qdisc netem on eth0 is still there\x1b[2J"
	c := newCarrier(t, []*fakeHost{f})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
	if out.Undo != engine.Residue || !strings.Contains(out.Detail, `web-1 still has residue: qdisc netem on eth0 is still there\x1b[2J`) {
		t.Errorf("outcome %+v", out)
	}
	if f.byes != 0 {
		t.Error("the runner was taken from a host that still needs it")
	}
}

func TestResidueThatGoesAwayAtTheSecondTryIsRestored(t *testing.T) {
	f := newFakeHost(t)
	f.leftover = "not yet"
	f.verbs["undo"] = func(s *fakeSession) int {
		s.mu.Lock()
		s.leftover = ""
		s.mu.Unlock()
		return s.undoVerb()
	}
	c := newCarrier(t, []*fakeHost{f})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
	if out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
}

func TestOnlyTheExitStatusAcknowledgesAStop(t *testing.T) {
	// the guard says restored and then hangs: words do not count, the second session does
	f := newFakeHost(t)
	hung := make(chan struct{})
	f.verbs["guard"] = func(s *fakeSession) int {
		s.claimed = s.head["id"]
		s.say("armed layers=guard,twin boot=x")
		for {
			line, err := s.in.ReadString('\n')
			if err != nil || line == "\n" {
				break
			}
			s.heed(strings.TrimSuffix(line, "\n"), true)
		}
		s.say("restored")
		<-hung
		return -1
	}
	asked := make(chan struct{}, 1)
	f.verbs["undo"] = func(s *fakeSession) int {
		offer(asked, struct{}{})
		return s.undoVerb()
	}
	c := newCarrier(t, []*fakeHost{f})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
	close(hung)
	select {
	case <-asked:
	default:
		t.Error("the host's word was taken for the proof")
	}
	if out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
}

func TestAGuardThatIgnoresTheStopIsSignalled(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = func(s *fakeSession) int {
		s.claimed = s.head["id"]
		s.say("armed layers=guard,twin boot=x")
		s.work.Go(func() {
			for {
				line, err := s.in.ReadString('\n')
				if err != nil {
					return
				}
				if line != "\n" {
					s.heed(strings.TrimSuffix(line, "\n"), true)
				}
			}
		})
		if got := <-s.signals; got != "TERM" {
			s.t.Errorf("signal %q", got)
		}
		return s.takeBack("signal")
	}
	c := newCarrier(t, []*fakeHost{f})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
	if out.Undo != engine.Restored {
		t.Errorf("outcome %+v", out)
	}
	f.clean(t)
}

func TestALockedOutControllerUndoesAtOnce(t *testing.T) {
	f := newFakeHost(t)
	var k sync.Mutex
	locked := false
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) {
		o.ConnectTimeout = 300 * time.Millisecond
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			k.Lock()
			defer k.Unlock()
			if locked {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	w := &watcher{at: map[engine.Phase]func(){engine.Proving: func() { k.Lock(); locked = true; k.Unlock() }}}
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), nil, w.tell, w.line)
	if out.Undo != engine.Restored || out.Cause != "error" || !strings.Contains(out.Detail, "control path lost after injection") {
		t.Errorf("outcome %+v", out)
	}
	if slices.Contains(w.went(), engine.Holding) {
		t.Error("it was held all the same")
	}
}

func TestWithoutLifelineTheControlPathIsNotProvenAndThereIsNoLease(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	out, w := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Second, "lifeline=0"), "")
	if out.Undo != engine.Restored || slices.Contains(w.went(), engine.Proving) || f.headers["guard"]["lease"] != "0" {
		t.Errorf("outcome %+v, phases %v, header %v", out, w.went(), f.headers["guard"])
	}
}

func TestAFailedInjectionIsUndoneAndNamed(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = func(s *fakeSession) int {
		s.claimed = s.head["id"]
		s.say("armed layers=kernel,guard boot=x")
		s.in.ReadString('\n')
		s.say("injecting")
		s.say("injected 2")
		return s.takeBack("failed")
	}
	c := newCarrier(t, []*fakeHost{f})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), "")
	if out.Undo != engine.Restored || !out.Applied || out.Cause != "error" || out.Effect != engine.Unverifiable || !strings.Contains(out.Detail, "failed with status 2") {
		t.Errorf("outcome %+v", out)
	}
}

func TestWhatTheHostRefusesIsNotAttemptedAndLeavesUndoEmpty(t *testing.T) {
	for _, c := range []struct {
		name   string
		host   func(*fakeHost)
		effect engine.Effect
		detail string
	}{
		{"infeasible by inspect", func(f *fakeHost) {
			f.verbs["inspect"] = func(s *fakeSession) int {
				s.say("infeasible %s the kernel has no netem", s.head["label"])
				s.say("done")
				return 0
			}
		}, engine.Infeasible, "the kernel has no netem"},
		{"busy by inspect", func(f *fakeHost) { f.claimed = "other" }, engine.Refused, "web-1 is busy: a fault is on (run other, for 3 s)"},
		{"busy by the guard", func(f *fakeHost) {
			f.verbs["guard"] = func(s *fakeSession) int { s.say("busy other somebody was faster"); return 4 }
		}, engine.Refused, "web-1 is busy: other somebody was faster"},
		{"refused by the guard", func(f *fakeHost) {
			f.verbs["guard"] = func(s *fakeSession) int { s.say("refused fewer than two layers"); return 4 }
		}, engine.Refused, "fewer than two layers"},
		{"infeasible by the guard", func(f *fakeHost) {
			f.verbs["guard"] = func(s *fakeSession) int { s.say("infeasible no tc"); return 4 }
		}, engine.Infeasible, "no tc"},
		{"sudo wants a password", func(f *fakeHost) {
			f.verbs["inspect"] = func(s *fakeSession) int {
				fmt.Fprintln(s.ch.Stderr(), "sudo: a password is required")
				return 1
			}
		}, engine.Infeasible, "chaoscat sudoers"},
		{"sudo wants a terminal", func(f *fakeHost) {
			f.verbs["inspect"] = func(s *fakeSession) int {
				fmt.Fprintln(s.ch.Stderr(), "sudo: sorry, you must have a tty to run sudo")
				return 1
			}
		}, engine.Infeasible, "you must have a tty"},
		{"a forced command", func(f *fakeHost) {
			f.any = func(s *fakeSession) (int, bool) { fmt.Fprintln(s.ch, "This account is for backups."); return 0, true }
		}, engine.Refused, "forced command"},
		{"a read-only /run", func(f *fakeHost) {
			f.any = func(s *fakeSession) (int, bool) {
				fmt.Fprintln(s.ch.Stderr(), "mkdir: Permission denied")
				return 1, true
			}
		}, engine.Refused, "the user must be root, or set ssh.sudo = true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost(t)
			c.host(f)
			out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "cpu", time.Minute), "")
			if out.Effect != c.effect || out.Undo != "" || out.Applied || !strings.Contains(out.Detail, c.detail) {
				t.Errorf("outcome %+v", out)
			}
			if out.Facts == nil {
				t.Error("nothing was learned")
			}
		})
	}
}

func TestNothingFromAPlanReachesAShellUnquoted(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	for _, value := range []string{"a;reboot", "$(id)", "`id`", "a'b", "a\nb", "a\x00b", "a|b", "a>b", "*", "größe", strings.Repeat("x", 2000)} {
		out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute, "note="+value), "")
		if out.Effect != engine.Infeasible || f.logins.Load() != 0 {
			t.Errorf("%q: %+v", value, out)
		}
	}
	for _, id := range []string{"", "a b", "../x", "-x", "a;b", "Ab"} {
		if out, _ := attackOn(t, c, aRun(id, f.host("web-1"), "cpu", time.Minute), ""); out.Effect != engine.Refused || f.logins.Load() != 0 {
			t.Errorf("id %q: %+v", id, out)
		}
	}
}

func TestASupervisedRebootIsProvenByANewBootID(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = rebootsWith(f, "boot-2")
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "reboot", time.Minute), "")
	if out.Effect != engine.Effective || out.Undo != engine.Restored || !strings.HasPrefix(out.Figures.Text, "boot id changed, back in ") {
		t.Errorf("outcome %+v", out)
	}
}

func TestARebootThatDidNotHappenHasNoEffect(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = rebootsWith(f, "boot-1")
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "reboot", time.Minute, "limit=1s"), "")
	if out.Effect != engine.NoEffect || out.Undo != engine.Restored || !strings.Contains(out.Detail, "has not changed within 1s") {
		t.Errorf("outcome %+v", out)
	}
}

func TestAHostThatDoesNotComeBackFromItsRebootIsResidue(t *testing.T) {
	f := newFakeHost(t)
	reboots := rebootsWith(f, "boot-2")
	f.verbs["guard"] = func(s *fakeSession) int {
		f.goDown()
		return reboots(s)
	}
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "reboot", time.Minute, "limit=1s"), "")
	if out.Undo != engine.Residue || !strings.Contains(out.Detail, "did not come back within 1s") || !out.Applied {
		t.Errorf("outcome %+v", out)
	}
}

// rebootsWith is a guard that goes down with its host at go, and comes up with that boot id.
func rebootsWith(f *fakeHost, boot string) func(*fakeSession) int {
	return func(s *fakeSession) int {
		s.say("armed layers=guard,systemd boot=boot-1")
		for line := ""; line != "go\n"; {
			var err error
			if line, err = s.in.ReadString('\n'); err != nil {
				return 0
			}
		}
		s.say("injecting")
		s.say("injected 0")
		f.mu.Lock()
		f.boot, f.claimed, f.applied = boot, "", false
		f.mu.Unlock()
		f.cutAll()
		return -1
	}
}

func TestNoGoroutineIsLeftAfterAHundredAttacks(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	for i := range 100 {
		phase := []engine.Phase{engine.Arming, engine.Injecting, engine.Holding}[i%3]
		if out, _ := attackOn(t, c, aRun(fmt.Sprint("r", i), f.host("web-1"), "cpu", time.Minute), phase); out.Undo == engine.Residue {
			t.Fatalf("%+v", out)
		}
	}
	// TestMain fails if anything of it still runs
}
