package remote

import (
	"context"
	"errors"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

var _ local.Surveyor = (*Carrier)(nil)

// sights is what a survey has told.
type sights struct {
	mu     sync.Mutex
	last   map[string]engine.Sighting
	times  map[string]int
	widest int
}

func (s *sights) tell(found map[string]engine.Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.widest = max(s.widest, len(found))
	for name, at := range found {
		s.times[name]++
		s.last[name] = at
	}
}

func (s *sights) seen() map[string]engine.Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.last)
}

func (s *sights) often(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[name]
}

// surveyed runs a survey until the end of the test, over a roster that may be replaced.
func surveyed(t *testing.T, c *Carrier, hosts ...engine.Host) (*sights, func(...engine.Host)) {
	t.Helper()
	var roster atomic.Pointer[engine.Roster]
	roster.Store(engine.NewRoster(hosts))
	ctx, cancel := context.WithCancel(t.Context())
	s := &sights{last: map[string]engine.Sighting{}, times: map[string]int{}}
	var work sync.WaitGroup
	work.Go(func() {
		c.Survey(ctx, roster.Load, func() []engine.Attack { return []engine.Attack{{Name: "burn", Kind: "cpu"}} }, s.tell)
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	return s, func(hosts ...engine.Host) { roster.Store(engine.NewRoster(hosts)) }
}

func budget(perSecond, keep int, every time.Duration) func(*Options) {
	return func(o *Options) { o.Survey = Survey{PerSecond: perSecond, Keep: keep, Every: every} }
}

func TestTheSurveySeesTheWholeRosterWithinItsBudget(t *testing.T) {
	f := aFleet(t, nil)
	hosts := hostsAt(60, f.port())
	began := time.Now()
	c := newCarrier(t, nil, knowingFleet(t, hosts), budget(100, 20, 50*time.Millisecond), func(o *Options) {
		o.KeepAlive, o.ConnectTimeout = 15*time.Second, 20*time.Second // both sides share a machine with others
	})
	s, _ := surveyed(t, c, hosts...)
	eventually(t, "every host is seen", func() bool { return len(s.seen()) == len(hosts) })
	for name, at := range s.seen() {
		if at.Unreachable != "" || at.RoundTrip <= 0 || at.Facts == nil || at.Facts.Summary != "kernel 6.1" || at.At.IsZero() {
			t.Errorf("%s: %+v", name, at)
		}
	}
	eventually(t, "those that are kept are asked again", func() bool {
		n := 0
		for _, h := range hosts {
			if s.often(h.Name) > 3 {
				n++
			}
		}
		return n >= 20
	})
	logins := 0
	f.mu.Lock()
	for _, p := range f.posts {
		p.mu.Lock()
		logins += p.logins
		p.mu.Unlock()
	}
	f.mu.Unlock()
	if most := 1.2*100*time.Since(began).Seconds() + 1; float64(logins) > most {
		t.Errorf("%d logins in %s", logins, time.Since(began))
	}
	if kept := c.kept.len(); kept != 20 {
		t.Errorf("%d logins are kept", kept)
	}
}

func TestTheSurveyWithoutABudgetLooksAtNobody(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f})
	c.Survey(t.Context(), func() *engine.Roster { t.Error("it asks"); return nil }, nil, nil)
	if f.logins.Load() != 0 {
		t.Error("it logs in")
	}
}

func TestAHostThatLeavesTheRosterIsLetGo(t *testing.T) {
	f := aFleet(t, nil)
	hosts := hostsAt(4, f.port())
	c := newCarrier(t, nil, knowingFleet(t, hosts), budget(1000, 10, time.Minute))
	s, replace := surveyed(t, c, hosts...)
	eventually(t, "all are kept", func() bool { return c.kept.len() == 4 && len(s.seen()) == 4 })
	replace(hosts[:1]...)
	eventually(t, "one is kept", func() bool { return c.kept.len() == 1 })
	if c.kept.find(c.room(hosts[0])) == nil {
		t.Error("the wrong one")
	}
}

func TestTheSurveyWaitsForAttacksOnTheirWayAndForStops(t *testing.T) {
	for name, of := range map[string]func(*Carrier) *traffic{
		"arming": func(c *Carrier) *traffic { return &c.rush }, "stopping": func(c *Carrier) *traffic { return &c.stops },
	} {
		t.Run(name, func(t *testing.T) {
			f, other := newFakeHost(t), newFakeHost(t)
			c := newCarrier(t, []*fakeHost{f, other}, budget(1000, 10, 20*time.Millisecond))
			of(c).enter()
			s, replace := surveyed(t, c, f.host("web-1"))
			if facts := c.Inspect(t.Context(), other.host("web-2"), nil); facts.Unreachable != "" {
				t.Error(facts.Unreachable) // the draw does not wait
			}
			replace(f.host("web-1"), other.host("web-2"))
			if f.logins.Load() != 0 || len(s.seen()) != 0 {
				t.Error("it did not wait")
			}
			of(c).leave()
			eventually(t, "it goes on", func() bool { return len(s.seen()) == 2 })
		})
	}
}

func TestAHostThatRefusesUsIsNotAskedAgainSoon(t *testing.T) {
	f, away := newFakeHost(t), newFakeHost(t)
	var refused, failed atomic.Int64
	refuse := pipeTo(t, func(conn net.Conn) {
		config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, errors.New("no") }}
		config.AddHostKey(f.keys[0])
		ssh.NewServerConn(conn, config)
		conn.Close()
	})
	c := newCarrier(t, []*fakeHost{f, away}, budget(1000, 10, 10*time.Millisecond), func(o *Options) {
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == away.addr {
				failed.Add(1)
				return nil, syscall.ECONNREFUSED
			}
			refused.Add(1)
			return refuse(ctx, network, addr)
		}
	})
	began := time.Now()
	s, _ := surveyed(t, c, f.host("web-1"), away.host("web-2"))
	eventually(t, "the one that is away is tried again", func() bool { return failed.Load() >= 3 })
	if took := time.Since(began); failed.Load() > int64(took/sameHost)+1 {
		t.Errorf("%d attempts in %s", failed.Load(), took)
	}
	if refused.Load() != 1 {
		t.Errorf("it was asked %d times", refused.Load())
	}
	if at := s.seen()["web-1"]; !strings.Contains(at.Unreachable, "refuses user chaos") {
		t.Errorf("%+v", at)
	}
	if at := s.seen()["web-2"]; !strings.Contains(at.Unreachable, "connection refused") {
		t.Errorf("%+v", at)
	}
}

func TestAnAttackTakesTheLoginThatIsKeptAndGivesItBack(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, budget(1000, 1, time.Hour))
	surveyed(t, c, f.host("web-1"))
	eventually(t, "the login is kept", func() bool { return c.kept.len() == 1 })
	for i := range 3 {
		before := f.logins.Load()
		out, _ := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
		if out.Undo != engine.Restored || out.Cause != "stop" {
			t.Errorf("%+v", out)
		}
		if more := f.logins.Load() - before; more != 1 { // the proof of the control path is a login from nothing
			t.Errorf("attack %d logged in %d times", i, more)
		}
		if c.kept.len() != 1 {
			t.Error("it was not given back")
		}
	}
	f.clean(t)
}

func TestAKeptLoginThatIsHalfOpenIsFoundAndReplaced(t *testing.T) {
	f := newFakeHost(t)
	k := &cutter{cut: make(chan struct{})}
	c := newCarrier(t, []*fakeHost{f}, budget(1000, 1, 50*time.Millisecond), func(o *Options) { o.Dial, o.KeepAlive = k.dial, 100*time.Millisecond })
	s, _ := surveyed(t, c, f.host("web-1"))
	eventually(t, "the login is kept", func() bool { return c.kept.len() == 1 })
	old := c.kept.find(c.room(f.host("web-1")))
	k.sever()
	eventually(t, "another is kept", func() bool { l := c.kept.find(c.room(f.host("web-1"))); return l != nil && l != old })
	if at := s.seen()["web-1"]; at.Unreachable != "" {
		t.Errorf("%+v", at)
	}
}

func TestAnAttackDoesNotTrustAKeptLoginThatDoesNotAnswerOrWhoseKeyIsRevoked(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *Carrier, *fakeHost, *cutter){
		"half-open": func(_ *testing.T, _ *Carrier, _ *fakeHost, k *cutter) { k.sever() },
		"key removed": func(t *testing.T, c *Carrier, f *fakeHost, _ *cutter) {
			overwrite(t, c.KnownHosts[0], line(f.addr, newKey(t).PublicKey())+"\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost(t)
			k := &cutter{cut: make(chan struct{})}
			c := newCarrier(t, []*fakeHost{f}, budget(1000, 1, time.Hour), func(o *Options) { o.Dial = k.dial })
			surveyed(t, c, f.host("web-1"))
			eventually(t, "the login is kept", func() bool { return c.kept.len() == 1 })
			spoil(t, c, f, k)
			if l := c.take(c.room(f.host("web-1"))); l != nil {
				t.Error("it was taken all the same")
			}
		})
	}
}

func TestWhereDescriptorsAreMissingTheIdleOnesGiveTheirs(t *testing.T) {
	f, idle := newFakeHost(t), newFakeHost(t)
	var short atomic.Bool
	c := newCarrier(t, []*fakeHost{f, idle}, budget(1000, 5, time.Hour), func(o *Options) {
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if short.Swap(false) {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.EMFILE}
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	surveyed(t, c, idle.host("web-2"))
	eventually(t, "the login is kept", func() bool { return c.kept.len() == 1 })
	short.Store(true)
	if r := c.Reconcile(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute)); !r.Clean {
		t.Errorf("%+v", r)
	}
}

func TestAnUndoWaitsForNoLane(t *testing.T) {
	f := newFakeHost(t)
	c := newCarrier(t, []*fakeHost{f}, func(o *Options) { o.Descriptors = 64 })
	for _, lane := range []chan struct{}{c.lanes.attack, c.lanes.survey} {
		for range cap(lane) {
			lane <- struct{}{} // dials that never come to an end
		}
	}
	if r := c.Reconcile(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute)); !r.Clean {
		t.Errorf("%+v", r)
	}
	if r, _ := c.Sweep(t.Context(), f.host("web-1"), false); r.Unreached && strings.Contains(r.Text, "connecting") {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if facts := c.Inspect(ctx, f.host("web-1"), nil); facts.Unreachable == "" {
		t.Error("an inspection went past the lane")
	}
}
