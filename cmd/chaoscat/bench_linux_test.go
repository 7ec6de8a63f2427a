package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// What is promised of the console's speed, measured on the program as it is installed, on a real pseudo-terminal:
// `make bench`. The console is attached to an engine in another process, so that what is measured is the console:
// neither the engine nor, in the demo, the hosts. htop, where it is installed, is measured in the same seconds.
const (
	wide, high  = 200, 60
	benchHosts  = 10_000
	linesPerSec = 10_000
)

func benches(t *testing.T) {
	t.Helper()
	if os.Getenv("CHAOSCAT_BENCH") == "" {
		t.Skip("measures speed: run `make bench`")
	}
}

// promise is one line of the table: a figure that must not be above its limit.
type promise struct {
	what  string
	limit float64 // 0: nothing is promised, it is there to compare with
	is    float64
	unit  string
}

func compare(t *testing.T, title string, promises ...promise) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, with load %s\n  %-58s %10s %10s %8s\n", title, load(), "", "promised", "measured", "ratio")
	for _, p := range promises {
		limit, ratio := "-", "-"
		if p.limit > 0 {
			limit, ratio = fmt.Sprintf("%.4g", p.limit), fmt.Sprintf("%.2f", p.is/p.limit)
		}
		fmt.Fprintf(&b, "  %-58s %10s %10.4g %8s %s\n", p.what, limit, p.is, ratio, p.unit)
		if p.limit > 0 && p.is > p.limit {
			t.Errorf("%s: %.4g %s, more than %.4g", p.what, p.is, p.unit, p.limit)
		}
	}
	t.Log(b.String())
}

// load is the machine's, over the last minute: figures of time mean little without it.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return cmp.Or(strings.Join(strings.Fields(string(text))[:1], ""), "?")
}

// built is the program, stripped like the one that `make build` makes.
func built(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "chaoscat")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return binary
}

// measured is a program on a pseudo-terminal.
type measured struct {
	t    *testing.T
	ptmx *os.File
	cmd  *exec.Cmd

	mu    sync.Mutex
	bytes int
	head  bytes.Buffer // what was written first
}

func onScreen(t *testing.T, argv ...string) *measured {
	t.Helper()
	s := &measured{t: t, cmd: exec.Command(argv[0], argv[1:]...)}
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "NO_COLOR=", "HOME="+t.TempDir())
	var err error
	if s.ptmx, err = pty.StartWithSize(s.cmd, &pty.Winsize{Cols: wide, Rows: high}); err != nil {
		t.Fatalf("starting %s: %v", argv[0], err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.ptmx.Close()
	})
	return s
}

// drain reads what the program writes, from now on.
func (s *measured) drain() *measured {
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := s.ptmx.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.bytes += n; s.head.Len() < 1<<20 {
				s.head.Write(buf[:n])
			}
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *measured) written() (head string, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head.String(), s.bytes
}

// shows waits until the program has written all of these.
func (s *measured) shows(words ...string) *measured {
	s.t.Helper()
	missing := words[0]
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		head, _ := s.written()
		i := slices.IndexFunc(words, func(w string) bool { return !strings.Contains(head, w) })
		if i < 0 {
			return s
		}
		missing = words[i]
	}
	head, _ := s.written()
	s.t.Fatalf("%s never shows %q, but %.3000q", s.cmd.Path, missing, head)
	return nil
}

// use is what a program has used so far.
type use struct {
	at       time.Time
	cpu      time.Duration
	switches int
	bytes    int
}

func (s *measured) use() use {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	u := use{at: time.Now()}
	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &spent); err != nil { // the processor time of that process
		s.t.Fatalf("the processor time of %s: %v", s.cmd.Path, err)
	}
	u.cpu = time.Duration(spent.Nano())
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for line := range strings.Lines(string(text)) {
			if name, n, _ := strings.Cut(line, ":"); strings.HasSuffix(name, "ctxt_switches") {
				count, _ := strconv.Atoi(strings.TrimSpace(n))
				u.switches += count
			}
		}
	}
	_, u.bytes = s.written()
	return u
}

// rate is what was used in each second of a while.
type rate struct{ core, wakeups, bytes float64 }

func (u use) until(v use) rate {
	seconds := v.at.Sub(u.at).Seconds()
	return rate{100 * (v.cpu - u.cpu).Seconds() / seconds, float64(v.switches-u.switches) / seconds, float64(v.bytes-u.bytes) / seconds}
}

// spend measures programs in the same whiles, and returns the median of each.
func spend(whiles int, each time.Duration, programs ...*measured) []rate {
	all := make([][]rate, len(programs))
	for range whiles {
		before := make([]use, len(programs))
		for i, p := range programs {
			before[i] = p.use()
		}
		time.Sleep(each)
		for i, p := range programs {
			all[i] = append(all[i], before[i].until(p.use()))
		}
	}
	medians := make([]rate, len(programs))
	for i, rates := range all {
		median := func(of func(rate) float64) float64 {
			slices.SortFunc(rates, func(a, b rate) int { return cmp.Compare(of(a), of(b)) })
			return of(rates[len(rates)/2])
		}
		medians[i] = rate{median(func(r rate) float64 { return r.core }), median(func(r rate) float64 { return r.wakeups }), median(func(r rate) float64 { return r.bytes })}
	}
	return medians
}

// demoDaemon is a demo in a process of its own, at the pace of the clock on the wall, and where it listens.
func demoDaemon(t *testing.T, binary string, flags ...string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cb") // a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	cmd := exec.Command(binary, append([]string{"demo", "--daemon", "--quiet", "--socket", socket}, flags...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		os.RemoveAll(dir)
	})
	client := control.NewClient(socket)
	defer client.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if s, err := client.Snapshot(t.Context()); err == nil && s.Total > 0 {
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatal("the demo does not listen")
		}
	}
}

func TestBenchAnIdleConsoleOfTenThousandHostsCostsNoMoreThanHtop(t *testing.T) {
	benches(t)
	binary := built(t)
	socket := demoDaemon(t, binary, "--speed", "1", "--hosts", strconv.Itoa(benchHosts))
	client := control.NewClient(socket)
	t.Cleanup(client.Close)
	programs := []*measured{onScreen(t, binary, "--socket", socket).drain().shows("[ARMED]", "Hosts")}
	htop, err := exec.LookPath("htop")
	if err == nil {
		programs = append(programs, onScreen(t, htop, "--delay=10").drain().shows("Load average"))
	}
	time.Sleep(2 * time.Second) // the first survey, and the caches
	rates := spend(3, 10*time.Second, programs...)
	if s, err := client.Snapshot(t.Context()); err != nil || len(s.Running) > 0 || s.Mood != engine.MoodArmed {
		t.Fatalf("it was not idle: %s, %d attacks, %v", s.Mood, len(s.Running), err)
	}
	ours := rates[0]
	table := []promise{
		{"idle, 10,000 hosts, armed, looked at: processor", 0.5, ours.core, "% of a core"},
		{"wake-ups (voluntary and not, of all threads)", 120, ours.wakeups, "/s"},
		{"written to the terminal", 400, ours.bytes, "bytes/s"},
	}
	if err != nil {
		t.Log("htop IS NOT INSTALLED HERE (Debian: apt-get install htop): not compared")
	} else {
		table = append(table, promise{"processor, against htop in the same seconds", rates[1].core, ours.core, "% of a core"},
			promise{"htop wakes up", 0, rates[1].wakeups, "/s"}, promise{"htop writes", 0, rates[1].bytes, "bytes/s"})
	}
	compare(t, "Idle at 200x60", table...)
}

func TestBenchTheFirstFrameIsThereAtOnce(t *testing.T) {
	benches(t)
	binary := built(t)
	socket := demoDaemon(t, binary, "--speed", "1", "--hosts", strconv.Itoa(benchHosts))
	var frames, whole []float64
	for range 7 {
		began := time.Now()
		s := onScreen(t, binary, "--socket", socket).drain().shows("chaoscat", "STOP")
		frames = append(frames, time.Since(began).Seconds()*1000)
		s.shows("[ARMED]", "api-0")
		whole = append(whole, time.Since(began).Seconds()*1000)
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
	}
	slices.Sort(frames)
	slices.Sort(whole)
	compare(t, "From the start of the program, median of 7", promise{"first frame", 100, frames[3], "ms"},
		promise{"frame with all 10,000 hosts of another process", 0, whole[3], "ms"})
}

// talker is an engine one of whose hosts says ten thousand lines a second. It publishes as the real one does.
type talker struct {
	roster *engine.Roster
	began  time.Time
	stops  chan time.Time
}

const presses = 300

const published = 50 * time.Millisecond

func newTalker() *talker {
	hosts := make([]engine.Host, benchHosts)
	for i := range hosts {
		hosts[i] = engine.Host{Name: fmt.Sprintf("web-%05d", i), Address: "10.0.0.1", Groups: []string{"web"}}
	}
	return &talker{engine.NewRoster(hosts), time.Now(), make(chan time.Time, 1)}
}

func (k *talker) said() uint64 { return uint64(time.Since(k.began).Seconds() * linesPerSec) }

func (k *talker) Snapshot() engine.Snapshot {
	host, _ := k.roster.Find("web-00007")
	run := engine.Run{ID: "20261123-101500-00000001", Host: host, Attack: engine.Attack{Name: "cpu", Kind: "cpu"}, For: time.Hour, Phase: engine.Holding, Since: k.began, Until: k.began.Add(time.Hour)}
	return engine.Snapshot{At: time.Now(), Name: "talker", Mood: engine.MoodAttacking, Zone: "UTC", Roster: k.roster, RosterID: 1,
		Total: k.roster.Len(), Running: []engine.Run{run}, LastSeq: k.said()}
}

func (k *talker) Watch(ctx context.Context) <-chan engine.Snapshot {
	out := make(chan engine.Snapshot)
	go func() {
		defer close(out)
		tick := time.NewTicker(published)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case out <- k.Snapshot():
			case <-ctx.Done():
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return out
}

func (k *talker) History(_ context.Context, after uint64) ([]engine.Record, error) {
	last := k.said()
	after = max(after, last-min(last, 20_000))
	records := make([]engine.Record, 0, last-after)
	for seq := after + 1; seq <= last; seq++ {
		records = append(records, engine.Record{Seq: seq, At: k.began.Add(time.Duration(seq) * time.Second / linesPerSec), Kind: engine.Line,
			Run: "20261123-101500-00000001", Host: "web-00007", Attack: "cpu", Text: fmt.Sprintf("request %d answered 200 in %d ms, %d bytes", seq, seq%97, seq*31%9973)})
	}
	return records, nil
}

func (k *talker) Ask(_ context.Context, o engine.Order) (string, error) {
	if o.Kind == engine.Stop {
		k.stops <- time.Now()
	}
	return "", nil
}

// listen opens the engine's door.
func (k *talker) listen(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cb")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	server, err := control.Listen(socket, control.Options{Engine: k, Who: func(uid int) control.Peer { return control.Peer{UID: uid, Name: "ada", Role: engine.Admin} }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- server.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-over; os.RemoveAll(dir) })
	return socket
}

func TestBenchAKeyIsAHandledStopWhileTenThousandLinesASecondArrive(t *testing.T) {
	benches(t)
	k := newTalker()
	s := onScreen(t, built(t), "--socket", k.listen(t)).drain().shows("[ATTACKING]", "answered 200")
	time.Sleep(3 * time.Second) // what was said before the console came has been read
	r := spend(3, 5*time.Second, s)[0]
	var took []time.Duration
	again := 0 // keys that found the stop before not answered yet: to them the console says how far that is
	for i := 0; len(took) < presses; i++ {
		time.Sleep(60*time.Millisecond + time.Duration(i*7919%40)*time.Millisecond) // never in step with the batches
		began := time.Now()
		if _, err := s.ptmx.WriteString("s"); err != nil {
			t.Fatal(err)
		}
		select {
		case at := <-k.stops:
			took = append(took, at.Sub(began))
		case <-time.After(time.Second):
			if again++; again > presses/20 {
				t.Fatalf("of %d keys %d were not a stop", i+1, again)
			}
		}
	}
	t.Logf("%d keys were pressed, of which %d while the stop before was under way", presses+again, again)
	slices.Sort(took)
	inMS := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	compare(t, "10,000 lines/s into an attached console at 200x60",
		promise{"processor", 5, r.core, "% of a core"},
		promise{"written to the terminal", 60, r.bytes / 1000, "KB/s"},
		promise{"key to the stop in the engine's hands, p99 of 300", 5, inMS(took[presses*99/100]), "ms"},
		promise{"the same, median", 0, inMS(took[presses/2]), "ms"},
		promise{"the same, worst", 0, inMS(took[presses-1]), "ms"})
}

// The engine is in the console's own process here: that is where a terminal could hold it up. What is asked of it is
// answered by its loop and needs no disk; its longest answer is the longest time for which it stood still.
func TestBenchATerminalThatDoesNotDrainDelaysNeitherTheEngineNorAStopByAnotherDoor(t *testing.T) {
	benches(t)
	binary := built(t)
	dir, err := os.MkdirTemp("", "cb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	s := onScreen(t, binary, "demo", "--hosts", "1000", "--speed", "60", "--socket", socket) // its first frame alone is more than a pseudo-terminal holds
	client := control.NewClient(socket)
	t.Cleanup(client.Close)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := client.Snapshot(t.Context()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	longest := func(while time.Duration) (worst time.Duration) {
		for end := time.Now().Add(while); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			began := time.Now()
			if _, err := client.Ask(t.Context(), engine.Order{ID: newID(), Kind: engine.RunOnce, Attack: "no such attack"}); err == nil {
				t.Fatal("an attack that is not there was accepted")
			}
			worst = max(worst, time.Since(began))
		}
		return worst
	}
	stalled := longest(10 * time.Second) // nobody reads
	began := time.Now()
	if out, err := exec.Command(binary, "--socket", socket, "stop").CombinedOutput(); err != nil {
		t.Errorf("stop by another door: %v\n%s", err, out)
	}
	stopped := time.Since(began)
	if v, err := client.Snapshot(t.Context()); err != nil || v.Mood != engine.MoodStopped {
		t.Errorf("after the stop the engine is %s, %v", v.Mood, err)
	}
	s.drain().shows("[STOPPED]")
	draining := longest(10 * time.Second)
	compare(t, "A terminal that takes nothing for 10 s",
		promise{"longest answer of the engine, more than while it drains", 100, max(0, stalled-draining).Seconds() * 1000, "ms"},
		promise{"longest answer meanwhile", 0, stalled.Seconds() * 1000, "ms"},
		promise{"longest answer while the terminal drains", 0, draining.Seconds() * 1000, "ms"},
		promise{"`chaoscat stop` from another terminal meanwhile, all undone", 0, stopped.Seconds() * 1000, "ms"})
}
