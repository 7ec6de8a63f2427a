package remote

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// The benches of what is promised, all in one run, side by side with what others do on the same hosts: `make
// bench`. Times on a shared machine move by a third, so what is compared is ratios of medians.
const (
	benchEnv  = "CHAOSCAT_BENCH"       // 1 runs the benches
	peersEnv  = "CHAOSCAT_BENCH_PEERS" // 0 leaves the other tools out, which take most of the time
	fleetSize = 1000
	rounds    = 4                // before the other tools, and as many after
	peerLimit = 60 * time.Second // for one tool
)

// memoryLimit is what a process that must fit in 512 MiB tells Go: without it, the collector lets garbage
// grow to as much as there is of the rest.
const memoryLimit = 440 << 20

func benches(t *testing.T) {
	t.Helper()
	if os.Getenv(benchEnv) == "" {
		t.Skip("measures speed: run `make bench`")
	}
}

// row is one line of the table.
type row struct {
	what  string
	took  []time.Duration // of each round, or one
	note  string
	bound bool // it was cut off: it took at least so long
}

func (r row) median() time.Duration {
	sorted := slices.Sorted(slices.Values(r.took))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

func (r row) missing() bool { return len(r.took) == 0 }

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// table prints what was measured, and how much more than ours it is.
func table(t *testing.T, title string, ours row, others ...row) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", title)
	for _, r := range append([]row{ours}, others...) {
		if r.missing() {
			fmt.Fprintf(&b, "  %-44s %12s %9s  %s\n", r.what, "-", "-", r.note)
			continue
		}
		sign := " "
		if r.bound {
			sign = ">"
		}
		fmt.Fprintf(&b, "  %-44s %1s%11s %8.2fx  %s\n", r.what, sign, r.median().Round(100*time.Microsecond), float64(r.median())/float64(ours.median()), r.note)
	}
	t.Log(b.String())
}

// benchCarrier knows a fleet and carries the real runner, at its full length.
func benchCarrier(t *testing.T, hosts []engine.Host, change ...func(*Options)) *Carrier {
	t.Helper()
	change = append([]func(*Options){knowingFleet(t, hosts), func(o *Options) {
		o.Runner = attacks.Bundle(attacks.Builtin(), attacks.BundleOptions{})
		o.Lease, o.ConnectTimeout, o.CommandTimeout = 30*time.Second, 60*time.Second, 60*time.Second
		o.KeepAlive = 15 * time.Second // both sides of a thousand connections share this machine with others
	}}, change...)
	c := newCarrier(t, nil, change...)
	c.pace = usualPace
	return c
}

// assault is one attack on each of the hosts, all held until they are stopped.
type assault struct {
	stops  []chan string
	began  time.Time
	held   time.Duration   // until the last one was on and proven
	undone []time.Duration // from the stop to each acknowledged undo
	over   sync.WaitGroup
	all    chan struct{} // closed when the last one is held, and measured once

	mu       sync.Mutex
	holding  int
	measured int
	stopped  time.Time
	wrong    []string
}

func attackAll(c *Carrier, hosts []engine.Host, id string) *assault {
	a := &assault{began: time.Now(), all: make(chan struct{})}
	for i, h := range hosts {
		stop := make(chan string, 1)
		a.stops = append(a.stops, stop)
		a.over.Go(func() {
			tell := func(e engine.Advanced) { a.hear(e, len(hosts)) }
			out := c.Attack(context.Background(), aRun(fmt.Sprintf("%s-%d", id, i), h, "cpu", time.Hour), stop, tell, func(string) {})
			if out.Undo != engine.Restored || out.Cause != "stop" {
				a.mu.Lock()
				a.wrong = append(a.wrong, fmt.Sprintf("%s: %+v", h.Name, out))
				a.mu.Unlock()
			}
		})
	}
	return a
}

func (a *assault) hear(e engine.Advanced, of int) {
	first := e.Figures != nil && e.Figures.During != nil && e.Figures.After == nil
	if e.Phase != engine.Holding && e.Phase != engine.Verifying && !first {
		return
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Phase == engine.Verifying {
		a.undone = append(a.undone, now.Sub(a.stopped))
		return
	}
	if first {
		if a.measured++; a.measured == of {
			close(a.all)
		}
		return
	}
	if a.holding++; a.holding == of {
		a.held = now.Sub(a.began)
	}
}

// stop stops them all, and returns how long each undo took to be proven, sorted.
func (a *assault) stop() []time.Duration {
	a.mu.Lock()
	a.stopped = time.Now()
	a.mu.Unlock()
	for _, stop := range a.stops {
		stop <- "stop"
	}
	a.over.Wait()
	slices.Sort(a.undone)
	return a.undone
}

// echoes are bare sessions on connections of their own: what SSH costs, and nothing else.
type echoes struct {
	conns    []ssh.Conn
	channels []ssh.Channel
}

func openEchoes(t *testing.T, c *Carrier, hosts []engine.Host) *echoes {
	t.Helper()
	e := &echoes{}
	for _, h := range hosts {
		l, err := c.dial(t.Context(), h, forUndo)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.close)
		ch, reqs, err := l.conn.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(reqs)
		if _, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{"echo-bytes"})); err != nil {
			t.Fatal(err)
		}
		e.channels = append(e.channels, ch)
	}
	return e
}

// trip sends a byte on each and waits for all of them to come back.
func (e *echoes) trip(t *testing.T) time.Duration {
	var work sync.WaitGroup
	ready := make(chan struct{})
	for _, ch := range e.channels {
		work.Go(func() {
			var back [1]byte
			<-ready
			if _, err := ch.Read(back[:]); err != nil {
				t.Error(err)
			}
		})
	}
	began := time.Now()
	close(ready)
	for _, ch := range e.channels {
		if _, err := ch.Write([]byte{'x'}); err != nil {
			t.Error(err)
		}
	}
	work.Wait()
	return time.Since(began)
}

func TestBenchAStopReachesAThousandHostsAboutAsFastAsTheNetwork(t *testing.T) {
	benches(t)
	port := aFleetApart(t)
	hosts := hostsAt(fleetSize, port)
	c := benchCarrier(t, hosts)
	floor := openEchoes(t, c, hosts)
	stop, bare, cold := row{what: "chaoscat: stop of 1000 attacks in flight"}, row{what: "floor: 1 byte and echo on 1000 open sessions"}, row{what: "chaoscat: 1000 attacks, cold, on and proven"}
	var spread []string
	var ratios []float64 // of each round to the floor just before it
	floor.trip(t)        // once for the caches
	round := func(i int) {
		a := attackAll(c, hosts, fmt.Sprint("r", i))
		<-a.all
		trips := make([]time.Duration, 5)
		for i := range trips {
			trips[i] = floor.trip(t)
		}
		undone := a.stop()
		if len(undone) != len(hosts) || len(a.wrong) > 0 {
			t.Fatalf("%d of %d were undone: %q", len(undone), len(hosts), a.wrong[:min(3, len(a.wrong))])
		}
		stop.took = append(stop.took, undone[len(undone)-1])
		bare.took = append(bare.took, row{took: trips}.median())
		ratios = append(ratios, float64(undone[len(undone)-1])/float64(row{took: trips}.median()))
		cold.took = append(cold.took, a.held)
		spread = append(spread, fmt.Sprintf("%s/%s/%s", ms(quantile(undone, 0.5)), ms(quantile(undone, 0.99)), ms(undone[len(undone)-1])))
	}
	for i := range rounds {
		round(i)
	}
	p := newPeers(t, hosts)
	rivals := p.stopEverywhere()
	clush := p.run("clush: true, cold", p.clush("true"))
	for i := range rounds { // and once more: the machine may have more, or less, to do by now
		round(rounds + i)
	}
	slices.Sort(ratios)
	bare.note = fmt.Sprintf("the stop is %.2f times that, by round %.2f", ratios[len(ratios)/2], ratios)
	stop.note = "p50/p99/max ms: " + strings.Join(spread, " ")
	table(t, "Stop: from the order to the last proven undo", stop, append([]row{bare}, rivals...)...)
	table(t, "Cold: 1000 hosts connected, inspected, armed, measured, injected, proven", cold, clush)
	for _, want := range []struct {
		cold bool
		by   float64
	}{{true, 100}, {false, 40}} {
		if r, ok := fastest(rivals, want.cold); ok && float64(r.median()) < want.by*float64(stop.median()) {
			t.Errorf("%s took %s, the stop %s: less than %v times", r.what, r.median(), stop.median(), want.by)
		}
	}
	if ratio := ratios[len(ratios)/2]; ratio > 3 {
		t.Errorf("the stop took %.2f times the floor: more than 3 times", ratio)
	}
	if !clush.missing() && cold.median() > clush.median() {
		t.Errorf("1000 attacks took %s until they were on, clush %s for nothing", cold.median(), clush.median())
	}
}

func ms(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e6, 'f', 0, 64) }

func fastest(rows []row, cold bool) (best row, ok bool) {
	for _, r := range rows {
		if r.missing() || strings.Contains(r.what, "ControlMaster") == cold {
			continue
		}
		if !ok || r.median() < best.median() {
			best, ok = r, true
		}
	}
	return best, ok
}

// peers are the other tools on the same hosts.
type peers struct {
	t     *testing.T
	dir   string
	hosts []engine.Host
	skip  string
}

func newPeers(t *testing.T, hosts []engine.Host) *peers {
	p := &peers{t: t, dir: t.TempDir(), hosts: hosts}
	if os.Getenv(peersEnv) == "0" {
		p.skip = peersEnv + "=0: not measured"
	}
	key := writeKey(t, p.dir, "id")
	// the socket's path has a limit of some hundred bytes
	control, err := os.MkdirTemp("", "cm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(control) })
	config := fmt.Sprintf("Host *\n Port %d\n User chaos\n IdentityFile %s\n IdentitiesOnly yes\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n GlobalKnownHostsFile /dev/null\n LogLevel ERROR\n BatchMode yes\n", hosts[0].Port, key)
	write(t, p.dir, "cold", []byte(config))
	write(t, p.dir, "warm", []byte(config+" ControlMaster auto\n ControlPersist 120\n ControlPath "+control+"/%h\n"))
	write(t, p.dir, "ansible.cfg", []byte("[defaults]\n"))
	var names strings.Builder
	for _, h := range hosts {
		fmt.Fprintln(&names, h.Address)
	}
	write(t, p.dir, "hosts", []byte(names.String()))
	return p
}

// killing is what a person would type. There is nothing to kill for it: the hosts answer at once, which is
// the best case for whoever sends it.
const killing = "kill -TERM 12345"

func (p *peers) stopEverywhere() []row {
	rows := []row{
		p.run("clush -f 64: kill, cold", p.clush(killing)),
		p.run("parallel-ssh -p 64: kill, cold", []string{"parallel-ssh", "-h", p.dir + "/hosts", "-p", "64", "-t", "120", "-x", "-F " + p.dir + "/cold", killing}),
		p.run("ansible -m raw -f 64: kill, cold", []string{"ansible", "all", "-i", p.dir + "/hosts", "-m", "raw", "-a", killing, "-f", "64", "--ssh-common-args", "-F " + p.dir + "/cold"}),
	}
	return append(rows, p.warm())
}

func (p *peers) clush(command string) []string {
	return []string{"clush", "--hostfile", p.dir + "/hosts", "-f", "64", "-q", "-o", "-F " + p.dir + "/cold", command}
}

// warm is ssh over masters that were opened before.
func (p *peers) warm() row {
	each := func(rest ...string) []string {
		return append([]string{"xargs", "-a", p.dir + "/hosts", "-P", "64", "-I{}", "ssh", "-F", p.dir + "/warm"}, rest...)
	}
	if opened := p.run("opening", each("-f", "-N", "-n", "{}")); opened.missing() || opened.bound {
		return row{what: "ssh -O ControlMaster, xargs -P64: kill, warm", note: first(opened.note, "the masters could not be opened")}
	}
	defer p.run("closing", each("-O", "exit", "{}"))
	return p.run("ssh with ControlMaster, xargs -P64: kill, warm", each("-n", "{}", killing))
}

// run is one tool, once, bounded. Whatever keeps it from running is said in its row.
func (p *peers) run(what string, command []string) row {
	r := row{what: what}
	if p.skip != "" {
		r.note = p.skip
		return r
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		r.note = command[0] + " IS NOT INSTALLED HERE: not measured"
		return r
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), peerLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_CONFIG="+p.dir+"/ansible.cfg", "ANSIBLE_SSH_ARGS=", "ANSIBLE_LOCAL_TEMP="+p.dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_SSH_USETTY=False")
	cmd.Dir = p.dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	began := time.Now()
	err := cmd.Run()
	r.took = []time.Duration{time.Since(began)}
	switch {
	case ctx.Err() != nil:
		r.bound, r.note = true, fmt.Sprintf("cut off after %s", peerLimit)
	case err != nil && !isWaitDelay(err):
		lines := strings.TrimSpace(said.String())
		r.took, r.note = nil, fmt.Sprintf("FAILED: %v: %.200s", err, lines)
	}
	return r
}

func isWaitDelay(err error) bool { return err == exec.ErrWaitDelay }

// The memory and the descriptors of this process.
func resident(t *testing.T) (mib float64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("needs /proc")
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func open(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestBenchATenThousandHostRosterIsSurveyedAndKeptWithin512MiB(t *testing.T) {
	benches(t)
	const n = 10_000
	if descriptors() < 2*n {
		t.Skipf("needs %d descriptors, and this process may have %d", 2*n, descriptors())
	}
	port := aFleetApart(t)
	hosts := hostsAt(n, port)
	roster := engine.NewRoster(hosts)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	debug.FreeOSMemory()
	before := resident(t)
	c := benchCarrier(t, hosts, func(o *Options) { o.Survey = Survey{PerSecond: 100_000, Keep: n, Every: 5 * time.Second} })

	// the floor: logins and nothing else, as many at once
	floor, some := time.Now(), hosts[:2000]
	var work sync.WaitGroup
	gate := make(chan struct{}, cap(c.lanes.survey))
	for _, h := range some {
		work.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if l, err := c.dial(t.Context(), h, forUndo); err == nil {
				l.close()
			}
		})
	}
	work.Wait()
	bare := float64(len(some)) / time.Since(floor).Seconds()

	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	seen, tells, biggest, rounds := map[string]int{}, 0, 0, 0
	first := make(chan struct{})
	again := make(chan struct{})
	began := time.Now()
	var lap, pinged time.Duration
	var survey sync.WaitGroup
	survey.Go(func() {
		c.Survey(ctx, func() *engine.Roster { return roster }, func() []engine.Attack { return nil }, func(found map[string]engine.Sighting) {
			mu.Lock()
			defer mu.Unlock()
			tells, biggest = tells+1, max(biggest, len(found))
			for name, s := range found {
				if s.Unreachable != "" {
					t.Errorf("%s: %s", name, s.Unreachable)
				}
				seen[name]++
				if seen[name] == 2 {
					rounds++
				}
			}
			if len(seen) == n && lap == 0 {
				lap = time.Since(began)
				close(first)
			}
			if rounds == n && pinged == 0 {
				pinged = time.Since(began)
				close(again)
			}
		})
	})
	<-first
	peak := resident(t)
	<-again
	if kept := c.kept.len(); kept != n {
		t.Errorf("%d of %d logins are kept", kept, n)
	}
	runtime.GC()
	debug.FreeOSMemory()
	rest := resident(t)
	ping := time.Now()
	for _, h := range hosts {
		work.Go(func() {
			if l := c.kept.find(c.room(h)); l != nil {
				l.ping(time.Minute)
			}
		})
	}
	work.Wait()
	all := time.Since(ping)
	goroutines := runtime.NumGoroutine()
	cancel()
	survey.Wait()
	t.Logf("\nSurvey of %d hosts (login, upload, inspect, bye; then kept open)\n"+
		"  first look at all of them        %s: %.0f hosts/s; bare logins alone %.0f/s (the handshake's CPU, both sides on this machine)\n"+
		"  resident: before %.0f MiB, peak %.0f MiB, at rest %.0f MiB: %.1f KiB for each open login, %d goroutines\n"+
		"  a sign of life from all of them  %s\n"+
		"  told in %d batches of at most %d\n",
		n, lap.Round(time.Millisecond), float64(n)/lap.Seconds(), bare, before, peak, rest, (rest-before)*1024/n, goroutines, all.Round(time.Millisecond), tells, biggest)
	if peak > 512 {
		t.Errorf("%.0f MiB were resident", peak)
	}
}

func TestBenchNothingIsLeftAfterAThousandAttacks(t *testing.T) {
	benches(t)
	port := aFleetApart(t)
	hosts := hostsAt(fleetSize, port)
	c := benchCarrier(t, hosts)
	once := func(id string) {
		a := attackAll(c, hosts, id)
		<-a.all
		a.stop()
		if len(a.wrong) > 0 {
			t.Errorf("%q", a.wrong[:min(3, len(a.wrong))])
		}
	}
	once("warm") // what the process needs but once: buffers, pools
	runtime.GC()
	debug.FreeOSMemory()
	files, memory, goroutines := open(t), resident(t), runtime.NumGoroutine()
	once("r")
	runtime.GC()
	debug.FreeOSMemory()
	t.Logf("\nAfter %d attacks: descriptors %d → %d, goroutines %d → %d, resident %.0f → %.0f MiB\n",
		fleetSize, files, open(t), goroutines, runtime.NumGoroutine(), memory, resident(t))
	if open(t) > files || runtime.NumGoroutine() > goroutines {
		t.Error("something is left")
	}
	if grew := resident(t) - memory; grew > 0.25*memory+16 {
		t.Errorf("%.0f MiB more are resident", grew)
	}
}
