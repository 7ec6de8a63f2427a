package simulated_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

func TestTheSameSeedMakesTheSameFleetAndAnotherSeedAnother(t *testing.T) {
	seeded := func(seed uint64) []engine.Host {
		return newFleet(t, func(o *simulated.Options) { o.Seed = seed }).Hosts()
	}
	if !reflect.DeepEqual(seeded(3), seeded(3)) {
		t.Error("seed 3 made two different fleets")
	}
	if reflect.DeepEqual(seeded(3), seeded(4)) {
		t.Error("seeds 3 and 4 made the same fleet")
	}
}

func TestTwentyHostsHaveTheRolesOfASmallShop(t *testing.T) {
	f := newFleet(t, func(o *simulated.Options) { o.Hosts, o.Plain = 20, true })
	roster := engine.NewRoster(f.Hosts()) // panics if a name is there twice
	for group, want := range map[string]int{"web": 8, "api": 6, "db": 3, "cache": 3} {
		if got := roster.GroupSize(group); got != want {
			t.Errorf("group %s has %d hosts, want %d", group, got, want)
		}
	}
	h, ok := roster.Find("web-001")
	if !ok || h.Port != 22 || h.User != "root" || h.Tags["role"] != "web" || h.Tags["quirk"] != "" {
		t.Errorf("web-001: %+v", h)
	}
	zones := map[string]int{}
	for _, h := range f.Hosts() {
		zones[h.Tags["zone"]]++
	}
	if zones["eu-1a"] < 6 || zones["eu-1b"] < 6 || zones["eu-1c"] < 6 {
		t.Errorf("zones %v", zones)
	}
}

func TestAFewHostsOfAFleetAreSpecialAndNoneOfATinyOne(t *testing.T) {
	for hosts, each := range map[int]int{9: 0, 24: 1, 2500: 3} {
		f := newFleet(t, func(o *simulated.Options) { o.Hosts = hosts })
		count := map[string]int{}
		for _, h := range f.Hosts() {
			if q := h.Tags["quirk"]; q != "" {
				count[q]++
			}
		}
		for _, q := range []simulated.Quirk{simulated.Unreachable, simulated.NoNetem, simulated.CPUCapped, simulated.SlowBanner, simulated.StickyUndo, simulated.NoSystemd} {
			if count[string(q)] != each {
				t.Errorf("%d hosts: %d are %s, want %d", hosts, count[string(q)], q, each)
			}
		}
	}
}

func TestTenThousandHostsAreThereInASecondAndCostFewDescriptors(t *testing.T) {
	began := time.Now()
	f := newFleet(t, func(o *simulated.Options) { o.Hosts, o.Plain = 10_000, true })
	if took := time.Since(began); took > allowed(time.Second) {
		t.Errorf("New took %s", took)
	}
	hosts := f.Hosts()
	addresses := map[netip.Addr]bool{}
	for _, h := range hosts {
		addresses[netip.MustParseAddr(h.Address)] = true
	}
	if len(hosts) != 10_000 || len(addresses) != 10_000 || engine.NewRoster(hosts).Len() != 10_000 {
		t.Errorf("%d hosts with %d addresses", len(hosts), len(addresses))
	}
	before := descriptors(t)
	key, hostKeys := clientKey(t, f), known(t, f)
	var logins sync.WaitGroup
	for i := range 50 {
		logins.Go(func() {
			c, err := dialKnown(t, f, hosts[(i*7919)%len(hosts)], key, hostKeys)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := c.NewSession()
			if err != nil || s.Run("true") != nil {
				t.Errorf("true on %s: %v", hosts[i].Name, err)
			}
		})
	}
	logins.Wait()
	if more := descriptors(t) - before; more > 2*50+5 {
		t.Errorf("50 connections cost %d descriptors", more)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	return len(open)
}

func TestAnAddressOutsideTheFleetIsNeverDialled(t *testing.T) {
	f := newFleet(t)
	for _, addr := range []string{"192.0.2.1:22", "127.0.0.1:22", f.Hosts()[0].Address + ":80", "web-001:22", ""} {
		if conn, err := f.Dial(t.Context(), "tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s was dialled", addr)
		}
	}
}

func TestACutRoadLetsADialWaitUntilItsContextEnds(t *testing.T) {
	f := newFleet(t)
	h := ordinary(t, f, "api")
	c := login(t, f, h)
	g := c.guard(t, "id=run-1", "kind=blackhole", "ttl=300", "hold=250", "lease=0", "p.lifeline=0")
	g.tell(t, "go")
	eventually(t, "the fault is on", func() bool { return len(f.Applied()) == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.Dial(ctx, "tcp", h.Address+":22"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial: %v", err)
	}
}

func TestCloseEndsEverythingEvenInTheMiddleOfAnAttack(t *testing.T) {
	f := newFleet(t)
	h := ordinary(t, f, "web")
	g := login(t, f, h).guard(t, order("run-1", "cpu", "p.load=80")...)
	g.tell(t, "go")
	g.await(t, "injected")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if left := f.Applied(); len(left) > 0 {
		t.Errorf("still applied: %+v", left)
	}
	if _, err := f.Dial(t.Context(), "tcp", h.Address+":22"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dial after Close: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestTheIdentityIsForItsOwnerOnly(t *testing.T) {
	f := newFleet(t)
	for _, path := range []string{f.IdentityFile(), f.KnownHosts()} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	for name, o := range map[string]simulated.Options{
		"no hosts":         {Dir: t.TempDir()},
		"too many":         {Dir: t.TempDir(), Hosts: simulated.MostHosts + 1},
		"no directory":     {Hosts: 1},
		"a missing folder": {Hosts: 1, Dir: filepath.Join(t.TempDir(), "missing")},
		"no entropy":       {Hosts: 1, Dir: t.TempDir(), Rand: exhausted{}},
	} {
		if f, err := simulated.New(o); err == nil {
			f.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

type exhausted struct{}

func (exhausted) Read([]byte) (int, error) { return 0, errors.New("the dice are gone") }

// The answers of a host are on their way as long as it is apart, and many may be at once.
func TestAnAnswerTakesAsLongAsItsHostIsFarAway(t *testing.T) {
	const apart = 40 * time.Millisecond
	f := newFleet(t, func(o *simulated.Options) {
		o.Plain, o.RoundTrip = true, func(h engine.Host) time.Duration {
			if h.Name == "db-001" {
				return apart
			}
			return 0
		}
	})
	far := find(t, f, func(h engine.Host) bool { return h.Name == "db-001" })
	near := find(t, f, func(h engine.Host) bool { return h.Name == "db-002" })
	away, beside := login(t, f, far), login(t, f, near)
	if took := signOfLife(t, away); took < apart {
		t.Errorf("a host that is %s away answered in %s", apart, took)
	}
	quick := time.Hour
	for range 20 {
		quick = min(quick, signOfLife(t, beside))
	}
	if quick > apart/2 {
		t.Errorf("a host next door took %s", quick)
	}
	g := away.guard(t, order("run-1", "cpu", "p.load=50")...)
	began := time.Now()
	for range 20 {
		g.tell(t, "ping 1")
	}
	for range 20 {
		g.await(t, "pong")
	}
	if took := time.Since(began); took > allowed(10*apart) {
		t.Errorf("twenty answers took %s, one after the other", took)
	}
	g.tell(t, "stop")
	if end := g.end(t); end.status != 0 {
		t.Errorf("the last words are lost on the way: %+v", end)
	}
}

// signOfLife is the round trip of a keep-alive.
func signOfLife(t *testing.T, c *controller) time.Duration {
	t.Helper()
	began := time.Now()
	if _, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

func TestTheHostsOfADemoAreNotEquallyFarAway(t *testing.T) {
	f := newFleet(t)
	seen, most := map[time.Duration]bool{}, time.Duration(0)
	for _, h := range f.Hosts() {
		d := simulated.Distance(h)
		seen[d], most = true, max(most, d)
	}
	if len(seen) < 10 || most > 50*time.Millisecond || seen[0] && len(seen) == 1 {
		t.Errorf("%d distances, the greatest %s", len(seen), most)
	}
}

// A survey logs in to the whole fleet and stays there. What that costs here is what a bench of ten thousand pays
// for the other side, in the same process.
func TestAThousandIdleLoginsAreAnsweredAndCostLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand logins")
	}
	const logins = many
	f := newFleet(t, func(o *simulated.Options) { o.Hosts, o.Plain = logins, true })
	key, hostKeys, hosts := clientKey(t, f), known(t, f), f.Hosts()
	files, memory, threads := descriptors(t), heap(), runtime.NumGoroutine()
	clients := make([]*ssh.Client, logins)
	var all sync.WaitGroup
	for lane := range 8 {
		all.Go(func() {
			for i := lane; i < logins; i += 8 {
				c, err := dialKnown(t, f, hosts[i], key, hostKeys)
				if err != nil {
					t.Error(err)
					return
				}
				clients[i] = c
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	per := func(more int) int { return more / logins }
	if more := descriptors(t) - files; more > 2*logins+5 {
		t.Errorf("%d logins cost %d descriptors on both sides", logins, more)
	}
	if more := per(heap() - memory); more > 128<<10 {
		t.Errorf("a login costs %d bytes on both sides", more)
	} else {
		t.Logf("an idle login costs %d KiB and %d goroutines, both sides together", more>>10, per(runtime.NumGoroutine()-threads))
	}
	for _, c := range clients {
		if _, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// heap is what is in use of heap and stacks, when all is calm.
func heap() int {
	for range 3 { // each collection halves the stacks that have grown in a handshake
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
