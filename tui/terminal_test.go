package tui_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/tui"
	"github.com/chaoscat/chaoscat/tui/person"
)

// The tests of this file run the console as a program of its own on a pseudo-terminal: this test binary,
// started again with roleVariable set. What the program would tell the world it writes to descriptor 3.
const roleVariable = "CHAOSCAT_TUI_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "version":
		fmt.Println("chaoscat 0.0.0")
	default:
		console(role)
	}
}

// console is the program: an engine that attacks one host, and the console onto it.
func console(role string) {
	report := os.NewFile(3, "report")
	hup, terminate := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(terminate, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(context.Background())
	e := &childEngine{role: role, report: report, cancel: cancel}
	exit, err := tui.Run(ctx, tui.Options{
		Console: e, In: os.Stdin, Out: os.Stdout, Now: e.now, Wall: time.Now, By: "ada",
		Attached: role == "attached", Hangup: hup, Terminate: terminate,
	})
	var crash *tui.Crash
	if errors.As(err, &crash) && len(crash.Stack) == 0 {
		fmt.Fprintln(report, "crash without a stack")
	}
	e.mu.Lock()
	fmt.Fprintf(report, "longest wait of the engine %v\n", e.longest > 100*time.Millisecond)
	e.mu.Unlock()
	fmt.Fprintf(report, "exit %v, %v\n", exit, err)
}

type childEngine struct {
	role   string
	report *os.File
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	seq     uint64
	longest time.Duration
	broken  bool
}

func (e *childEngine) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken {
		panic("the clock is broken")
	}
	return time.Now()
}

func (e *childEngine) Watch(ctx context.Context) <-chan engine.Snapshot {
	out := make(chan engine.Snapshot)
	go func() {
		defer close(out)
		roster := engine.NewRoster([]engine.Host{{Name: "web-001", Address: "10.0.0.1"}})
		host, _ := roster.Find("web-001")
		run := engine.Run{ID: "1", Host: host, Attack: engine.Attack{Name: "cpu-burn"}, For: time.Minute, Phase: engine.Holding, Since: time.Now(), Until: time.Now().Add(time.Minute)}
		if e.role == "idle" {
			e.idle(ctx, out)
			return
		}
		for ctx.Err() == nil {
			e.mu.Lock()
			if e.seq += 100; e.seq == 20_000 {
				fmt.Fprintln(e.report, "talked a lot")
			}
			s := engine.Snapshot{At: time.Now(), Name: "lab", Mood: engine.MoodAttacking, Zone: "UTC", Roster: roster, RosterID: 1, Total: 1, Running: []engine.Run{run}, LastSeq: e.seq}
			e.mu.Unlock()
			start := time.Now()
			select {
			case out <- s:
			case <-ctx.Done():
				return
			}
			e.mu.Lock()
			e.longest = max(e.longest, time.Since(start))
			e.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return out
}

// idle is an engine in which nothing happens: its gates are asked now and then.
func (e *childEngine) idle(ctx context.Context, out chan<- engine.Snapshot) {
	hosts := make([]engine.Host, 10_000)
	for i := range hosts {
		hosts[i] = engine.Host{Name: fmt.Sprintf("web-%05d", i), Address: "10.0.0.1", Groups: []string{"web"}}
	}
	s := engine.Snapshot{Name: "lab", Mood: engine.MoodArmed, Zone: "UTC", Roster: engine.NewRoster(hosts), RosterID: 1, Total: len(hosts),
		Eligible: len(hosts), Attacks: []engine.Attack{{Name: "cpu-burn", Weight: 1, For: time.Minute, Reversible: true}}, Next: &engine.Draw{Host: "web-00001", Attack: "cpu-burn"},
		NextAt: time.Now().Add(time.Hour), Window: engine.WindowView{Open: true, Closes: time.Now().Add(2 * time.Hour)}}
	for ctx.Err() == nil {
		s.At = time.Now()
		select {
		case out <- s:
		case <-ctx.Done():
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

func (e *childEngine) History(_ context.Context, after uint64) ([]engine.Record, error) {
	if e.role == "panics in History" {
		panic("history is broken")
	}
	var all []engine.Record
	for seq := after + 1; seq <= after+100; seq++ {
		all = append(all, engine.Record{Seq: seq, At: time.Now(), Kind: engine.Line, Host: "web-001", Text: fmt.Sprintf("line %d %s", seq, strings.Repeat("=", int(seq%60)))})
	}
	return all, nil
}

func (e *childEngine) Order(_ context.Context, o engine.Order) error {
	fmt.Fprintf(e.report, "order %s\n", o.Kind)
	switch e.role {
	case "deaf":
		return errors.New("connection refused")
	case "panics in Order":
		panic("ordering is broken")
	case "panics in Update":
		e.mu.Lock()
		e.broken = true
		e.mu.Unlock()
	case "engine fails":
		e.cancel(errors.New("the engine failed: journal: no space left on device"))
	}
	return nil
}

const columns, rows = 200, 60

// session is a person at such a program, and what the program reports to the world.
type session struct {
	*person.Person
	t       testing.TB
	cmd     *exec.Cmd
	reports chan string
}

func start(t testing.TB, role string) *session {
	t.Helper()
	s := startAway(t, role)
	s.Looks()
	return s
}

// startAway starts the program on a terminal that swallows nothing yet.
func startAway(t testing.TB, role string) *session {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, cmd: exec.Command(os.Args[0]), reports: make(chan string, 1000)}
	s.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	s.cmd.ExtraFiles = []*os.File{w}
	t.Cleanup(func() { r.Close() })
	s.Person = person.LooksAway(t, s.cmd, columns, rows)
	w.Close()
	go func() {
		defer close(s.reports)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.reports <- lines.Text()
		}
	}()
	return s
}

// reportsThat waits for a report that begins so, and says how long it took.
func (s *session) reportsThat(start string) (line string, took time.Duration) {
	s.t.Helper()
	began, timeout := time.Now(), time.After(person.Patience)
	for {
		select {
		case line, more := <-s.reports:
			if strings.HasPrefix(line, start) {
				return line, time.Since(began)
			}
			if !more {
				s.t.Fatalf("the program ended without reporting %q; it wrote %q", start, s.Written())
			}
		case <-timeout:
			s.Signals(syscall.SIGQUIT)
			s.Waits()
			s.t.Fatalf("no report %q in time; the program was doing this:\n%s", start, s.Said())
		}
	}
}

// Proves console.md 4.16, number 3: a panic wherever it happens, an engine that fails, HUP, TERM, and leaving by hand.
func TestTheTerminalIsAsBeforeHoweverTheConsoleEnds(t *testing.T) {
	for _, c := range []struct {
		what, role string
		end        func(*session)
		want       string
	}{
		{"quit", "", func(s *session) { s.Presses("q"); s.ExpectsWritten("Stay"); s.Presses("\x1b[B\r") }, "exit stop then quit, <nil>"},
		{"stop that is not delivered, and quit", "deaf", func(s *session) {
			s.Presses("s")
			s.ExpectsWritten("STOP NOT DELIVERED")
			s.Presses("q")
			s.ExpectsWritten("Stay")
			s.Presses("\x1b[B\r")
		},
			"exit stop then quit, your STOP was not delivered: "},
		{"stop that is not delivered, and hangup", "deaf", func(s *session) {
			s.Presses("s")
			s.ExpectsWritten("STOP NOT DELIVERED")
			s.Signals(syscall.SIGHUP)
		}, "exit hangup, your STOP was not delivered: "},
		{"hangup", "", func(s *session) { s.Signals(syscall.SIGHUP) }, "exit hangup, <nil>"},
		{"hangup with the mouse on", "", func(s *session) {
			s.Presses("m")
			s.ExpectsWritten("\x1b[?1002h")
			s.Signals(syscall.SIGHUP)
		}, "exit hangup, <nil>"},
		{"panic with the mouse on", "panics in Order", func(s *session) {
			s.Presses("m")
			s.ExpectsWritten("\x1b[?1002h")
			s.Presses("p")
		}, "exit terminated, the console broke while ordering pause: ordering is broken"},
		{"term over a sheet", "", func(s *session) {
			s.Presses("e")
			s.ExpectsWritten("Events")
			s.Signals(syscall.SIGTERM)
		}, "exit terminated, <nil>"},
		{"term", "", func(s *session) { s.Signals(syscall.SIGTERM) }, "exit terminated, <nil>"},
		{"panic while an order is given", "panics in Order", func(s *session) { s.Presses("p") }, "exit terminated, the console broke while ordering pause: ordering is broken"},
		{"panic while records are read", "panics in History", func(*session) {}, "exit terminated, the console broke while reading records: history is broken"},
		{"panic in the event loop or the feed", "panics in Update", func(s *session) { s.Presses("p") }, "exit terminated, the console broke while "},
		{"the engine fails", "engine fails", func(s *session) { s.Presses("p") }, "exit terminated, the engine failed: journal: no space left on device"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			role := c.role
			if role == "" {
				role = "plain"
			}
			s := start(t, role)
			if c.role != "panics in History" {
				s.ExpectsWritten("web-001")
			}
			c.end(s)
			if line, _ := s.reportsThat("exit "); !strings.HasPrefix(line, c.want) {
				t.Errorf("%q, want %q", line, c.want)
			}
			s.Waits()
			s.FindsTheTerminalAsBefore()
		})
	}
}

func TestSuspendedTheTerminalIsTheShellsAndAfterwardsTheConsoles(t *testing.T) {
	t.Parallel()
	s := start(t, "attached")
	s.ExpectsWritten("web-001")
	s.Presses("\x1a")
	s.ExpectsWritten("\x1b[?1049l")
	s.ExpectsWritten("\x1b[?25h")
	for deadline := time.Now().Add(10 * time.Second); strings.Count(s.Written(), "\x1b[?1049h") < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("the console does not come back; it wrote %q", s.Written())
		}
		s.Signals(syscall.SIGCONT) // again and again: it may not have stopped yet
		time.Sleep(5 * time.Millisecond)
	}
	s.Presses("s")
	if line, _ := s.reportsThat("order "); line != "order stop" {
		t.Error(line)
	}
	s.Expects("[ATTACKING]", "s STOP ALL")
	s.Signals(syscall.SIGTERM)
	s.reportsThat("exit ")
	s.Waits()
	s.FindsTheTerminalAsBefore()
}

// A lost terminal is more than a signal: nothing can be written any more.
func TestAVanishedTerminalIsAHangup(t *testing.T) {
	s := start(t, "plain")
	s.ExpectsWritten("web-001")
	s.HangsUp()
	if line, _ := s.reportsThat("exit "); line != "exit hangup, <nil>" {
		t.Error(line)
	}
}

// Proves console.md 4.16, number 1, on a real terminal.
func TestStopIsOrderedAtOnceHoweverTheBytesOfItArrive(t *testing.T) {
	for _, keys := range []string{"s", "S", "sssss", "jjjs", "\x1b[As", "s\x1b[A", "\x1bs", "\x03", "/\x03",
		"es", "cs", "2\rs", "i\x03", "3&\x03", "m\x1b[<64;10;10Ms", "zs", "?s"} {
		t.Run(fmt.Sprintf("%q", keys), func(t *testing.T) {
			t.Parallel()
			s := start(t, "plain")
			s.ExpectsWritten("web-001")
			s.Presses("\x1b[200~sry>x\x1b[201~") // a paste first, which must do nothing
			s.ExpectsWritten("pasted text is ignored")
			s.Presses(keys)
			line, took := s.reportsThat("order ")
			if line != "order stop" || took > time.Second {
				t.Errorf("%q after %v", line, took)
			}
		})
	}
}

// A person orders an attack by hand, gets the name wrong once, and presses Enter where nothing may happen.
func TestAnAttackByHandOnARealTerminal(t *testing.T) {
	t.Parallel()
	s := start(t, "idle")
	s.ExpectsWritten("web-00000")
	s.Presses("a")
	s.Expects("Attack by hand", "Type web-00000")
	s.Presses("\x1b[200~web-00000\r\x1b[201~\r") // a paste does nothing there, and Enter cancels
	s.Expects("2 Hosts")
	s.Presses("a")
	s.Expects("Attack by hand")
	s.Presses("\tweb-0000\r")
	s.Expects("nothing was run: type web-00000")
	s.Presses("0\r")
	if line, _ := s.reportsThat("order "); line != "order run-once" {
		t.Error(line)
	}
	s.Expects("accepted: cpu-burn on web-00000", "s STOP ALL")
	s.Signals(syscall.SIGTERM)
	s.reportsThat("exit ")
	s.Waits()
	s.FindsTheTerminalAsBefore()
}

// The clipboard sequence reaches the terminal whole, between two frames.
func TestACopyReachesTheTerminalWhole(t *testing.T) {
	t.Parallel()
	s := start(t, "plain")
	s.ExpectsWritten("web-001")
	s.Presses("2y")
	s.ExpectsWritten("\x1b]52;c;d2ViLTAwMQ==\x07")
	s.ExpectsWritten("sent to the clipboard")
	s.Signals(syscall.SIGTERM)
	s.reportsThat("exit ")
	s.Waits()
	s.FindsTheTerminalAsBefore()
}

// The terminal takes no output while the engine talks a lot. The stop key still works, the engine is not
// held up, and when the terminal swallows again the screen is whole. Proves console.md 4.16, number 2.
func TestWithATerminalThatTakesNoOutputStopStillWorks(t *testing.T) {
	t.Parallel()
	s := startAway(t, "plain")
	s.reportsThat("talked a lot") // far more than a pseudo-terminal holds
	s.Presses("jjj")
	s.Presses("s")
	line, took := s.reportsThat("order ")
	if line != "order stop" || took > time.Second {
		t.Errorf("%q after %v", line, took)
	}
	s.Looks()
	s.ExpectsWritten("stopped, and it stays so")
	s.Expects("chaoscat", "[ATTACKING]", "1 Attack", "2 Hosts", "3 Output", "s STOP ALL")
	s.Presses("q")
	s.ExpectsWritten("Stay")
	s.Presses("\x1b[B\r")
	if line, _ := s.reportsThat("longest "); line != "longest wait of the engine false" {
		t.Error("the engine waited for the terminal more than 100ms")
	}
	s.Waits()
	s.FindsTheTerminalAsBefore()
}

// Leaving must not wait for a terminal that takes nothing, because the caller still has to undo.
func TestTerminatedWithATerminalThatTakesNoOutputTheConsoleEndsAllTheSame(t *testing.T) {
	t.Parallel()
	s := startAway(t, "plain")
	s.reportsThat("talked a lot")
	s.Signals(syscall.SIGTERM)
	line, took := s.reportsThat("exit ")
	if line != "exit terminated, <nil>" || took > 4*time.Second {
		t.Errorf("%q after %v", line, took)
	}
}

// A terminal that answers no question must not hold up a command that asks nothing of it. Proves console.md 4.16,
// number 4, of everything that links the console.
func TestABinaryThatLinksTheConsoleAsksTheTerminalNothing(t *testing.T) {
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal on this machine: %v", err)
	}
	defer ptmx.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=version", "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	tty.Close()
	buf := make([]byte, 4096)
	n, _ := ptmx.Read(buf)
	if got := string(buf[:n]); strings.TrimSpace(got) != "chaoscat 0.0.0" {
		t.Errorf("it wrote %q", got)
	}
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWithoutATerminalTheConsoleRefuses(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := tui.Run(context.Background(), tui.Options{In: file, Out: file}); err == nil || !strings.Contains(err.Error(), "needs a terminal") {
		t.Errorf("error %v", err)
	}
}

// The share of one core that the console takes while nothing happens but countdowns, at 200x60 with 10,000
// hosts. The limit is 0.5 %.
func BenchmarkIdleConsole(b *testing.B) {
	s := start(b, "idle")
	s.ExpectsWritten("web-00001")
	const whole = 10 * time.Second
	for b.Loop() {
		before := s.processorTime()
		time.Sleep(whole)
		b.ReportMetric(100*(s.processorTime()-before).Seconds()/whole.Seconds(), "%core")
	}
}

// processorTime is what the program has used so far, in user and in system mode.
func (s *session) processorTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Skipf("needs /proc: %v", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 1/100 s
}
