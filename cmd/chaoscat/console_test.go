package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/tui/person"
)

// stage is a directory of its own in which the program is started as people start it: this test binary under the
// program's name, the demo's fleet in place of hosts. Nothing that is done here leaves the machine.
type stage struct {
	t       *testing.T
	dir     string
	program string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	if testing.Short() {
		t.Skip("plays sessions at a terminal")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "chaoscat-stage-") // short: a socket's path has at most a hundred characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &stage{t: t, dir: dir, program: filepath.Join(dir, "chaoscat")}
	if err := os.Symlink(self, s.program); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "SSH_AUTH_SOCK=", "TMPDIR="+s.dir, "LC_ALL=C.UTF-8", "NO_COLOR=", "TMUX=", "STY=", "PATH="+s.dir+":"+os.Getenv("PATH"))
	return cmd
}

func (s *stage) socket() string { return filepath.Join(s.dir, "sock") }

// demo is what is typed to see the demo: a small fleet, the same draws each time, a clock that is quick and leaves
// time to press keys.
func (s *stage) demo(more ...string) *exec.Cmd {
	return s.command(append([]string{"demo", "--hosts", "12", "--seed", "5", "--speed", "20", "--socket", s.socket()}, more...)...)
}

// daemon starts the demo's engine without a screen, and waits until it answers.
func (s *stage) daemon() *exec.Cmd {
	s.t.Helper()
	cmd := s.demo("--daemon")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if cmd.Wait(); strings.Contains(said.String(), "DATA RACE") || strings.Contains(said.String(), "goroutine ") {
			s.t.Errorf("the engine complained:\n%s", said.String())
		}
	})
	s.eventually("the engine answers", func() bool { return s.shell("status") == nil })
	return cmd
}

// shell is a second terminal, at which one command is typed.
func (s *stage) shell(args ...string) error {
	_, err := s.tells(args...)
	return err
}

func (s *stage) tells(args ...string) (string, error) {
	out, err := s.command(append([]string{"--socket", s.socket()}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(person.Patience); !holds(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came that %s", what)
		}
	}
}

// orders gives an order from the shell until the gates let it pass: the demo's health is shaken by attacks.
func (s *stage) orders(args ...string) {
	s.t.Helper()
	var err error
	s.eventually("the engine takes "+strings.Join(args, " "), func() bool { err = s.shell(args...); return err == nil })
}

// agrees answers the question that is on the screen. Whoever answers before it could be read is asked once more.
func agrees(p *person.Person, question string) {
	p.Expects(question)
	p.Presses("y")
	p.ExpectsThat("the answer is taken", func(screen string) bool {
		if strings.Contains(screen, "y once more does it") && strings.Contains(screen, question) {
			p.Presses("y")
		}
		return !strings.Contains(screen, question)
	})
}

// attackByHand orders an attack by hand, again whenever a gate says no.
func attackByHand(p *person.Person, host string) {
	p.Expects("HEALTH ✓ OK 1/1")
	p.Presses("a")
	p.Expects("Attack by hand", "[ Cancel ]")
	p.Selects(person.Tab, "Attack")
	for chosen := ""; chosen != "< latency >"; {
		if chosen != "" {
			p.Presses("l")
		}
		p.ExpectsThat("another attack is offered", func(screen string) bool {
			before := chosen
			chosen = regexp.MustCompile(`< \S+ >`).FindString(screen)
			return chosen != "" && chosen != before
		})
	}
	p.Selects(person.Tab, "Type")
	for refused := true; refused; {
		p.Presses(host)
		p.Expects("[" + host + "_]") // as typed; what was said before is gone with the first letter
		p.Presses(person.Enter)
		p.ExpectsThat("it is accepted or refused", func(screen string) bool {
			refused = strings.Contains(screen, "not run:")
			return refused || strings.Contains(screen, "accepted:")
		})
	}
	p.Expects("[ATTACKING]", "▲ holding")
}

// attacking is a person at the demo, whose attack by hand has just begun.
func (s *stage) attacking() *person.Person {
	s.t.Helper()
	p := person.Starts(s.t, s.demo(), 120, 40)
	p.Expects("[ARMED]")
	p.Presses("p")
	p.Expects("[PAUSED]")
	attackByHand(p, "api-001")
	return p
}

// What somebody does who tries it: look, pause, attack by hand, stop, arm again, let one run as it was drawn, leave.
func TestASessionFromTheFirstLookToLeaving(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p := person.Starts(t, s.demo(), 120, 40)
	p.Expects("[ARMED]", "DEMO", "1 Next attack", "2 Hosts", "3 Output", "s STOP ALL")
	p.Presses("p")
	p.Expects("[PAUSED]")
	attackByHand(p, "api-001")
	p.Expects("s = STOP NOW", "latency on api-001", "1 Attack")
	p.Presses("s")
	p.Expects("[STOPPED]", "STOP by", "restored")
	p.Presses("p")
	agrees(p, "Arm the schedule again?")
	p.ExpectsGone("[STOPPED]")
	p.Expects("HEALTH ✓ OK 1/1")
	p.Presses("?")
	p.Expects("EMERGENCY", "stop and undo everything")
	p.Presses("?", "q")
	p.Expects("> Stay")
	p.Selects(person.Down, "Quit;")
	p.Presses(person.Enter)
	p.Ends(0)
	p.FindsTheTerminalAsBefore()
}

// Proves console.md 4.16, number 3, of the program itself: however it ends while it attacks, the terminal is as
// before, what ran has been undone, and the code says how it was.
func TestHoweverASessionEndsWhileAttackingTheTerminalIsAsBefore(t *testing.T) {
	for _, c := range []struct {
		what string
		end  func(*person.Person)
	}{
		{"hangup", func(p *person.Person) { p.Signals(syscall.SIGHUP) }},
		{"term", func(p *person.Person) { p.Signals(syscall.SIGTERM) }},
		{"interrupt from outside", func(p *person.Person) { p.Signals(syscall.SIGINT) }},
		{"ctrl+c twice", func(p *person.Person) { p.Presses(person.ControlC); p.Expects("stop"); p.Presses(person.ControlC) }},
		{"stop, then quit", func(p *person.Person) {
			p.Presses("q")
			p.Expects("> Stay", "An attack is running")
			p.Selects(person.Down, "Stop the attack")
			p.Presses(person.Enter)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			p := s.attacking()
			c.end(p)
			p.Ends(0)
			p.FindsTheTerminalAsBefore()
			if left, _ := filepath.Glob(filepath.Join(s.dir, "chaoscat-demo-*")); len(left) > 0 {
				t.Errorf("the demo leaves %q", left)
			}
		})
	}
}

// A connection that drops takes the terminal with it: nothing can be said any more, and the program ends all the same.
func TestADroppedConnectionEndsASession(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p := s.attacking()
	p.HangsUp()
	p.Ends(0)
}

// While an attack runs the window becomes tiny and huge. Stop stays on the screen and works at every size.
func TestWhileAttackingTheWindowMayTakeAnySize(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.daemon()
	s.orders("pause")
	p := person.Starts(t, s.command("--socket", s.socket()), 80, 24)
	p.Expects("[PAUSED]")
	s.orders("run-once", "--attack", "latency", "--host", "api-001", "--for", "10m")
	p.Expects("[ATTACKING]")
	for _, size := range []struct {
		columns, rows int
		words         []string
	}{
		{20, 5, nil}, {300, 100, []string{"1 Attack", "2 Hosts", "3 Output", "Gates", "Recent"}}, {59, 16, []string{"too small"}}, {60, 16, []string{"1 Attack", "2 Hosts"}},
		{300, 5, []string{"too small"}}, {20, 100, nil}, {99, 30, []string{"2 Hosts"}}, {160, 50, []string{"Gates", "Recent"}}, {20, 5, nil},
	} {
		p.Resizes(size.columns, size.rows)
		p.Expects(append(size.words, "s STOP")...)
		if n := strings.Count(strings.TrimRight(p.Screen(), "\n"), "\n") + 1; n > size.rows {
			t.Errorf("%d lines at %dx%d", n, size.columns, size.rows)
		}
	}
	p.Presses("r", "y", "a", ">") // on a screen this small they do nothing
	p.Presses("s")
	s.eventually("the engine is stopped", func() bool { out, _ := s.tells("status", "--json"); return strings.Contains(out, `"state":"stopped"`) })
	p.Resizes(120, 40)
	p.Expects("[STOPPED]", "restored", "p, then y, resumes")
}

// Proves console.md 4.16, number 2, of the program itself: nobody drains the terminal, and meanwhile attacks begin
// and end, a gate that turns red stops one, and a stop by another door is carried out. Then the screen is whole.
func TestATerminalThatSwallowsNothingHoldsNeitherTheEngineNorAStopUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p := person.LooksAway(t, s.demo(), 200, 60)
	s.eventually("the engine answers", func() bool { return s.shell("status") == nil })
	s.eventually("a red gate stops an attack", func() bool {
		return strings.Contains(s.history(), `"cause":"gate`)
	})
	s.orders("stop", "--reason", "nobody looks")
	if p.Ended() {
		t.Fatalf("the console ended:\n%s", p.Said())
	}
	p.Looks()
	p.Expects("[STOPPED]", "1 Next attack", "2 Hosts", "3 Output", "nobody looks", "s STOP ALL")
	p.Signals(syscall.SIGTERM)
	p.Ends(0)
	p.FindsTheTerminalAsBefore()
}

// Two people sit at two terminals, a third comes later. All see the same, and who ordered what; one console that is
// killed takes nothing with it. Proves console.md 4.16, number 11, with TestSessions/daemon: where an engine runs, a
// console attaches to it, and a second engine ends with 9.
func TestSeveralConsolesSeeTheSameAndWhoOrderedIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.daemon()
	ada, bo := person.Starts(t, s.command("--socket", s.socket()), 120, 40), person.Starts(t, s.command("--socket", s.socket()), 200, 60)
	both := func(words ...string) { t.Helper(); ada.Expects(words...); bo.Expects(words...) }
	both("[ARMED]", "2 Hosts")
	ada.Presses("p")
	both("[PAUSED]")
	bo.Selects("j", "db-002")
	bo.Presses("x")
	both("excluded db-002 by "+thisWorld().user, "· excluded")
	attackByHand(ada, "api-001")
	both("[ATTACKING]", "latency on api-001")
	ada.Signals(syscall.SIGKILL)
	ada.Ends(-1)
	bo.Expects("[ATTACKING]", "latency on api-001")
	cy := person.Starts(t, s.command("--socket", s.socket()), 80, 24)
	cy.Expects("[ATTACKING]", "s = STOP NOW")
	bo.Presses("s")
	cy.Expects("[STOPPED]", "stopped by "+thisWorld().user)
	cy.Presses("q")
	cy.Ends(0) // it is not its engine: nothing is asked
	cy.FindsTheTerminalAsBefore()
	if out, _ := s.tells("status"); !strings.Contains(out, "stopped") {
		t.Errorf("the engine is %s", out)
	}
}

// cable is a socket in front of the engine's that can be pulled.
type cable struct {
	t        *testing.T
	path, to string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newCable(t *testing.T, path, to string) *cable {
	c := &cable{t: t, path: path, to: to}
	c.plugs()
	t.Cleanup(c.pulls)
	return c
}

func (c *cable) plugs() {
	c.t.Helper()
	l, err := net.Listen("unix", c.path)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.listener = l
	c.mu.Unlock()
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", c.to)
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.open = append(c.open, near, far)
			c.mu.Unlock()
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
}

func (c *cable) pulls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listener.Close()
	for _, end := range c.open {
		end.Close()
	}
	c.open = nil
}

// A lost link is a state on the screen, with the age of what is shown. The console comes back by itself, and then has
// every record of the time between.
func TestALostLinkIsShownMendsItselfAndNothingIsMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.daemon()
	s.orders("pause")
	link := newCable(t, filepath.Join(s.dir, "link"), s.socket())
	p := person.Starts(t, s.command("--socket", link.path), 120, 40)
	p.Expects("[PAUSED]", "3 Output")
	link.pulls()
	p.Expects("[DISCONNECTED", "HEALTH ? unknown, last heard")
	p.Presses("p")
	p.Expects("the engine cannot be reached")
	s.orders("run-once", "--attack", "latency", "--host", "api-001", "--for", "20s", "--wait")
	s.orders("exclude", "db-002", "--reason", "while nobody saw")
	p.Expects("[DISCONNECTED")
	link.plugs()
	p.Expects("[PAUSED]", "latency on api-001: effective, restored", "while nobody saw")
	p.Presses("3", "W") // every record of the run is there, from the first
	p.Expects("written to")
	files, _ := filepath.Glob(filepath.Join(s.dir, "chaoscat-output-*.txt"))
	if len(files) != 1 {
		t.Fatalf("written: %q", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, step := range []string{"connecting", "inspecting", "arming", "measuring", "injecting", "proving", "holding", "undoing", "verifying", "latency on api-001: effective, restored", "while nobody saw"} {
		i := strings.Index(string(text[at:]), step)
		if i < 0 {
			t.Fatalf("%q is missing, or not in its turn, in\n%s", step, text)
		}
		at += i
	}
	link.pulls()
	p.Expects("[DISCONNECTED")
	p.Presses("s")
	p.Expects("STOP NOT DELIVERED")
	link.plugs()
	p.Expects("[STOPPED]") // it is delivered as soon as there is a way
	p.ExpectsGone("STOP NOT DELIVERED")
}

// history is what the demo's journal tells, line by line, the oldest run first.
func (s *stage) history() string {
	s.t.Helper()
	states, _ := filepath.Glob(filepath.Join(s.dir, "chaoscat-demo-*", "state"))
	if len(states) == 0 {
		s.t.Fatal("the demo has no state directory")
	}
	out, err := s.command("history", "--json", "--state-dir", states[len(states)-1]).CombinedOutput()
	if err != nil {
		s.t.Fatalf("history: %v: %s", err, out)
	}
	return string(out)
}

// The engine dies under a console, and another begins in its place: the console says so, waits, and shows the new one.
func TestAConsoleOutlivesTheEngineItWatches(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	engine := s.daemon()
	p := person.Starts(t, s.command("--socket", s.socket()), 120, 40)
	p.Expects("[ARMED]")
	engine.Process.Kill()
	p.Expects("[DISCONNECTED", "s STOP ALL")
	s.daemon()
	p.Expects("[ARMED]")
	s.orders("pause")
	p.Expects("[PAUSED]")
	p.Presses("q")
	p.Ends(0)
	p.FindsTheTerminalAsBefore()
}

// ctrl+z at a shell: a console that only looks gives the terminal back and returns with fg; one that runs the engine
// stays, because everything would stand still.
func TestControlZAtAShell(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	s := newStage(t)
	s.daemon()
	shell := func() *person.Person {
		cmd := s.command()
		cmd.Path, cmd.Args = bash, []string{"bash", "-c", "PS1='ready> ' exec bash --norc --noprofile -i 2>&1"} // it prompts on stderr
		cmd.Env = append(cmd.Env, "HISTFILE=")
		p := person.Starts(t, cmd, 120, 40)
		p.Expects("ready>")
		return p
	}
	p := shell()
	p.Presses("chaoscat --socket " + s.socket() + "\r")
	p.Expects("[ARMED]", "s STOP ALL")
	p.Presses(person.ControlZ)
	p.Expects("Stopped", "ready>")
	p.Presses("echo still $((40+2))\r")
	p.Expects("still 42")
	p.Presses("fg\r")
	p.Expects("[ARMED]", "2 Hosts", "s STOP ALL")
	p.Presses("q")
	p.Expects("ready>", "still 42")
	p.Presses("echo code $?\r")
	p.Expects("code 0")
	p.Presses("chaoscat demo --hosts 12\r")
	p.Expects("[ARMED]", "s STOP ALL")
	p.Presses(person.ControlZ)
	p.Expects("not suspended")
	p.Presses("q")
	p.Expects("> Stay")
	p.Selects(person.Down, "Quit;")
	p.Presses(person.Enter)
	p.Expects("ready>", "code 0")
}

// Proves console.md 4.16, number 4, with TestCommandsOnASilentTerminalAnswerAtOnceWithoutAnEscape: a terminal that
// answers nothing holds up neither a look at a running engine nor an engine without a screen, and neither writes an
// escape code to it.
func TestBesideTheConsoleNothingAsksTheTerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	silent := func(cmd *exec.Cmd, until string) {
		t.Helper()
		began := time.Now()
		p := person.Starts(t, cmd, 80, 24)
		out := ""
		p.ExpectsThat(until+" is said", func(string) bool { out = p.Written() + p.Said(); return strings.Contains(out, until) })
		if took := time.Since(began); took > 4*time.Second { // whoever asks waits for five
			t.Errorf("%q took %v", cmd.Args, took)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%q writes %q", cmd.Args, out)
		}
	}
	silent(s.demo("--daemon"), "DEMO, headless")
	s.eventually("the engine answers", func() bool { return s.shell("status") == nil })
	silent(s.command("--socket", s.socket(), "status"), "demo:")
	silent(s.command("--socket", s.socket(), "gates"), "error-rate")
	silent(s.command("--daemon"), "no configuration found")
}

// breaks is the program with an engine that panics at the first draw after a file with this name is there.
func breaks() {
	w := thisWorld()
	w.dice = func() uint64 {
		if _, err := os.Stat("break"); err == nil {
			panic("the dice are loaded")
		}
		return entropy()
	}
	os.Exit(run(w))
}
