package remote

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

func TestAStopIsOnItsWayBeforeAnybodyWhoListensHasHeardOfIt(t *testing.T) {
	for _, phase := range []engine.Phase{engine.Measuring, engine.Injecting, engine.Proving, engine.Holding} {
		t.Run(string(phase), func(t *testing.T) {
			f := newFakeHost(t)
			c := newCarrier(t, []*fakeHost{f})
			stop, journal := make(chan string, 1), make(chan struct{})
			w := &watcher{at: map[engine.Phase]func(){phase: func() {
				stop <- "stop"
				<-journal // a disk that takes its time
			}}}
			var out engine.Outcome
			done := make(chan struct{})
			go func() {
				defer close(done)
				out = c.Attack(context.Background(), aRun("r1", f.host("web-1"), "cpu", time.Minute), stop, w.tell, w.line)
			}()
			eventually(t, "the host was taken back", func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.headers["guard"] != nil && !f.applied && f.claimed == ""
			})
			close(journal)
			<-done
			if out.Cause != "stop" || out.Undo == engine.Residue {
				t.Errorf("%+v", out)
			}
		})
	}
}

func TestTwoStopsAreOne(t *testing.T) {
	f := newFakeHost(t)
	f.restless = 50 * time.Millisecond
	c := newCarrier(t, []*fakeHost{f})
	stop := make(chan string, 2)
	w := &watcher{at: map[engine.Phase]func(){
		engine.Holding: func() { stop <- "stop"; stop <- "again" },
		engine.Undoing: func() { stop <- "and again" },
	}}
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), stop, w.tell, w.line)
	if out.Cause != "stop" || out.Undo != engine.Restored {
		t.Errorf("%+v", out)
	}
	f.clean(t)
}

// clogged is a connection that takes nothing any more, once told so: every write blocks until it is closed.
type clogged struct {
	net.Conn
	full atomic.Bool
	over chan struct{}
	once sync.Once
}

func (c *clogged) Write(p []byte) (int, error) {
	if c.full.Load() {
		<-c.over
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *clogged) Close() error {
	c.once.Do(func() { close(c.over) })
	return c.Conn.Close()
}

func TestARenewalThatIsStuckOnADeadConnectionDelaysNoStop(t *testing.T) {
	f := newFakeHost(t)
	var mu sync.Mutex
	var conns []*clogged
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) {
		o.Lease, o.KeepAlive, o.ConnectTimeout = time.Second, time.Minute, 30*time.Second
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, &clogged{Conn: conn, over: make(chan struct{})})
			return conns[len(conns)-1], err
		}
	})
	stop := make(chan string, 1)
	renewed := make(chan struct{})
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: func() {
		mu.Lock()
		for _, conn := range conns {
			conn.full.Store(true)
		}
		mu.Unlock()
		time.AfterFunc(500*time.Millisecond, func() { close(renewed); stop <- "stop" }) // the lease is renewed each 333 ms
	}}}
	began := time.Now()
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), stop, w.tell, w.line)
	<-renewed
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if out.Undo != engine.Restored {
		t.Errorf("%+v", out)
	}
	f.clean(t)
}

func TestAHostOutOfContactIsToldWithTheTimeOfItsOwnUndo(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Lease = 2 * time.Second })
	var lost []engine.Advanced
	stop := make(chan string, 1)
	var at time.Time
	tell := func(e engine.Advanced) {
		switch e.Phase {
		case engine.Holding:
			f.goDown()
			f.cutAll()
			at = time.Now()
			stop <- "stop"
		case engine.Lost:
			lost = append(lost, e)
		}
	}
	out := c.Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Second), stop, tell, func(string) {})
	if len(lost) != 1 || lost[0].Until.Before(at) || lost[0].Until.After(at.Add(8*time.Second)) || !strings.Contains(lost[0].Text, lost[0].Until.UTC().Format("15:04:05")) {
		t.Errorf("%+v", lost)
	}
	if out.Undo != engine.Residue {
		t.Errorf("%+v", out)
	}
}

func TestTheRunnerIsNotSentAgainToAHostThatHasIt(t *testing.T) {
	for name, c := range map[string]struct {
		gone    bool
		uploads int
	}{"it is there": {false, 1}, "it is gone": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost(t)
			f.verbs["undo"] = func(s *fakeSession) int {
				s.mu.Lock()
				missing := c.gone && s.uploads == 1
				s.mu.Unlock()
				if missing {
					fmt.Fprintln(s.ch.Stderr(), "sh: 0: cannot open runner: No such file")
					return 127
				}
				return s.undoVerb()
			}
			w := &watcher{at: map[engine.Phase]func(){engine.Holding: f.cutAll}}
			out := newCarrier(t, []*fakeHost{f}).Attack(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute), nil, w.tell, w.line)
			f.mu.Lock()
			defer f.mu.Unlock()
			if out.Undo != engine.Restored || f.uploads != c.uploads {
				t.Errorf("%d uploads, %+v", f.uploads, out)
			}
		})
	}
}

func TestAnInjectionMayTakeAsLongAsItsDefinitionSays(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = func(s *fakeSession) int {
		s.claimed = s.head["id"]
		s.say("armed layers=kernel,guard boot=x")
		for {
			line, err := s.in.ReadString('\n')
			if err != nil || line == "\n" {
				return s.takeBack("stop")
			}
		}
	}
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) {
		o.CommandTimeout = time.Minute
		o.Attacks[0].InjectIn = 50 * time.Millisecond
	})
	out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), "")
	if out.Undo != engine.Restored || !strings.Contains(out.Detail, "took longer than 50ms") {
		t.Errorf("%+v", out)
	}
}

// halting is a catalogue with an attack after which a host stays down.
func halting(o *Options) {
	o.Attacks = append(o.Attacks, attacks.Definition{
		Name: "halt", Figure: attacks.Figure{Name: "boot id"}, UndoWithin: 2 * time.Second, Supervised: true, StaysDown: true,
		Params: []attacks.Param{{Name: "limit", Kind: attacks.Millis, Min: 1, Max: 3_600_000}},
	})
}

func TestAHostThatWasHaltedIsDownAsOrderedAndNeedsAPerson(t *testing.T) {
	f := newFakeHost(t)
	halts := rebootsWith(f, "boot-2")
	f.verbs["guard"] = func(s *fakeSession) int {
		f.goDown()
		return halts(s)
	}
	out, w := attackOn(t, newCarrier(t, []*fakeHost{f}, halting), aRun("r1", f.host("web-1"), "halt", time.Minute, "limit=500ms"), "")
	if out.Effect != engine.Effective || out.Undo != engine.Residue || !out.Applied || !strings.HasPrefix(out.Detail, "web-1 is down as ordered and needs a person") {
		t.Errorf("%+v, phases %v", out, w.went())
	}
}

func TestAHostThatVanishedWithoutHavingTakenTheOrderIsNotCalledHalted(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = func(s *fakeSession) int {
		s.say("armed layers=kernel,guard boot=boot-1")
		s.in.ReadString('\n')
		f.goDown() // before it could say that the order was given
		return 255
	}
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}, halting), aRun("r1", f.host("web-1"), "halt", time.Minute, "limit=500ms"), "")
	if out.Effect != engine.Unverifiable || out.Undo != engine.Residue || !strings.Contains(out.Detail, "did not come back within 500ms and needs a person") {
		t.Errorf("%+v", out)
	}
}

func TestAHostThatWasHaltedAndComesBackIsRestored(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = rebootsWith(f, "boot-2")
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}, halting), aRun("r1", f.host("web-1"), "halt", time.Minute, "limit=5s"), "")
	if out.Effect != engine.Effective || out.Undo != engine.Restored {
		t.Errorf("%+v", out)
	}
}

func TestAHostThatWasToHaltAndAnswersStillHasNotHalted(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = rebootsWith(f, "boot-1")
	out, _ := attackOn(t, newCarrier(t, []*fakeHost{f}, halting), aRun("r1", f.host("web-1"), "halt", time.Minute, "limit=300ms"), "")
	if out.Effect != engine.NoEffect || out.Undo != engine.Restored {
		t.Errorf("%+v", out)
	}
}

// Hosts that fall silent at each step must not keep the others from being attacked, or from being stopped.
func TestHostsThatHangAtEveryStepKeepNoOtherFromAnything(t *testing.T) {
	n := 1000
	if testing.Short() || raced { // the detector makes every handshake twenty times as dear
		n = 100
	}
	steps := []string{"connect", "inspect", "guard", "measure", "undo", "bye"}
	var healed atomic.Bool
	hangs := func(host int) string {
		if host%10 == 0 && !healed.Load() {
			return steps[host/10%len(steps)]
		}
		return ""
	}
	f := aFleet(t, hangs)
	hosts := hostsAt(n, f.port())
	c := newCarrier(t, nil, knowingFleet(t, hosts), func(o *Options) {
		o.ConnectTimeout, o.CommandTimeout, o.KeepAlive, o.Lease = 60*time.Second, 60*time.Second, 30*time.Second, time.Minute
	})
	healthy := n - n/10
	var held, undone, tied atomic.Int64
	stops := make([]chan string, n)
	var all, good sync.WaitGroup
	good.Add(healthy)
	for i, h := range hosts {
		stops[i] = make(chan string, 1)
		hung := hangs(i + 1)
		all.Go(func() {
			tell := func(e engine.Advanced) {
				if hung == "" && e.Phase == engine.Holding {
					held.Add(1)
				}
			}
			out := c.Attack(context.Background(), aRun(fmt.Sprintf("r%d", i), h, "cpu", time.Hour), stops[i], tell, func(string) {})
			if hung != "" {
				tied.Add(1)
				return
			}
			if out.Undo == engine.Restored && out.Cause == "stop" {
				undone.Add(1)
			}
			good.Done()
		})
	}
	deadline := time.Now().Add(50 * time.Second)
	for held.Load() < int64(healthy) && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if held.Load() != int64(healthy) || tied.Load() != 0 {
		t.Errorf("%d of %d are held while %d of those that hang have ended", held.Load(), healthy, tied.Load())
	}
	for _, stop := range stops {
		stop <- "stop"
	}
	good.Wait()
	if undone.Load() != int64(healthy) {
		t.Errorf("%d of %d were undone", undone.Load(), healthy)
	}
	healed.Store(true)
	f.cut()
	c.end()
	all.Wait()
}
