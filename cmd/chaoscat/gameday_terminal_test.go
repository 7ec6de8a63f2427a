package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

const gameDayDrill = `name = "drill"
[[step]]
name = "one slow host"
attack = "latency"
hosts = ["web-001"]
for = "20s"
hypothesis = "nobody notices"
[[step]]
name = "not today"
attack = "cpu"
hypothesis = "it is left out"
[[step]]
name = "a long one"
attack = "cpu"
hosts = ["web-002"]
for = "9m"
hypothesis = "somebody stops it"
[[step]]
name = "another long one"
attack = "cpu"
hosts = ["api-001"]
for = "9m"
hypothesis = "its console is killed meanwhile"
[[step]]
name = "the last"
attack = "cpu"
hypothesis = "it is left out, too"
`

// seat is a person at a terminal of 120 columns and 40 lines, before the program itself.
type seat struct {
	t    *testing.T
	ptmx *os.File
	cmd  *exec.Cmd
	errs bytes.Buffer  // to be read after the program has ended
	read chan struct{} // closed when all that it wrote has been read

	mu  sync.Mutex
	out bytes.Buffer
}

func sitDown(t *testing.T, program string, args ...string) *seat {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal on this machine: %v", err)
	}
	if err := pty.Setsize(ptmx, &pty.Winsize{Cols: 120, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	p := &seat{t: t, ptmx: ptmx, cmd: exec.Command(program, args...), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8", "HOME="+t.TempDir())
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, &p.errs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	go func() {
		defer close(p.read)
		buf := make([]byte, 64<<10)
		for {
			n, err := ptmx.Read(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.out.Write(buf[:n])
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		ptmx.Close()
		<-p.read
	})
	return p
}

// screen is what the terminal shows.
func (p *seat) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := vt.NewEmulator(120, 40)
	e.Write(p.out.Bytes())
	return e.String()
}

func (p *seat) types(keys string) {
	p.t.Helper()
	if _, err := p.ptmx.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// sees waits until the screen shows all of these.
func (p *seat) sees(words ...string) {
	p.t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; <-time.After(50 * time.Millisecond) {
		shown, missing := p.screen(), ""
		for _, w := range words {
			if !strings.Contains(shown, w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the screen never shows %q:\n%s\n%s", missing, shown, p.errs.String())
		}
	}
}

// approves begins the step that waits: b, and y as soon as the question has been there long enough to be read.
func (p *seat) approves(step string) {
	p.t.Helper()
	p.types("b")
	p.sees("Begin step " + step)
	p.answers("Begin step " + step)
}

// answers says y until the question is gone.
func (p *seat) answers(question string) {
	p.t.Helper()
	for range 50 {
		<-time.After(200 * time.Millisecond)
		if !strings.Contains(p.screen(), question) {
			return
		}
		p.types("y")
	}
	p.t.Fatalf("y is no answer to %q:\n%s", question, p.screen())
}

// ends waits for the program, and says how it ended and what it left on the terminal.
func (p *seat) ends() (code int, said string) {
	p.t.Helper()
	over := make(chan struct{})
	go func() { p.cmd.Wait(); <-p.read; close(over) }()
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the program does not end:\n%s", p.screen())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, said, _ = strings.Cut(p.out.String(), "\x1b[?1049l")
	return p.cmd.ProcessState.ExitCode(), said + p.errs.String()
}

// Somebody carries a game day out on a real terminal, before an engine that runs elsewhere: begins a step, leaves one
// out, stops one in the middle, quits and comes back, and is killed while a step runs.
func TestAGameDayOnARealTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("carries out a game day on the demo's fleet")
	}
	dir := t.TempDir()
	self, err := os.Executable() // the test binary is the program, under the program's name
	if err != nil {
		t.Fatal(err)
	}
	program, socket, plan := filepath.Join(dir, "chaoscat"), filepath.Join(dir, "sock"), filepath.Join(dir, "plan.toml")
	if err := errors.Join(os.Symlink(self, program), os.WriteFile(plan, []byte(gameDayDrill), 0o600)); err != nil {
		t.Fatal(err)
	}
	runs := func(args ...string) (string, error) {
		out, err := exec.Command(program, append([]string{"--socket", socket}, args...)...).CombinedOutput()
		return string(out), err
	}
	daemon := exec.Command(program, "demo", "--daemon", "--speed", "10", "--hosts", "12", "--seed", "5", "--socket", socket)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Process.Signal(syscall.SIGINT); daemon.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		out, err := runs("pause")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the demo does not answer: %s", out)
		}
	}

	p := sitDown(t, program, "--socket", socket, "gameday", plan)
	p.sees("1 Game day  step 1 of 5  drill", "waiting for approval", "hypothesis  nobody notices", "2 Hosts", "3 Output", "s STOP ALL", "OK 1/1")
	p.types("\x1b[200~by\r\x1b[201~b\r") // a paste does nothing, and Enter is no answer
	p.sees("Begin step 1 of 5", "Enter is no answer")
	p.answers("Begin step 1")
	p.sees("running: ", "[ATTACKING]")
	p.sees("step 2 of 5", "undecided: no gate was named", "waiting for approval")
	p.types("L")
	p.sees("left out because:", "ctrl+c STOP ALL")
	p.types("no time today\r")
	p.sees("skipped by", "no time today", "step 3 of 5")
	p.approves("3")
	p.sees("running: holding", "web-002")
	p.types("s")
	p.sees("undecided: it was ended early: stop", "step 4 of 5", "[STOPPED]")
	p.types("p")
	p.sees("Arm the schedule again?")
	p.answers("Arm the schedule")
	p.sees("it was resumed by")
	p.types("p") // the schedule of the demo is not what is tried here
	p.sees("[PAUSED]")
	p.types("q")
	if code, said := p.ends(); code != 0 || !strings.Contains(said, "the game day is not over\n  to go on:   chaoscat --socket "+socket+" gameday "+plan+"\n  to end it:  chaoscat --socket "+socket+" gameday abort "+plan+"\n") {
		t.Errorf("leaving: %d, %q", code, said)
	}

	p = sitDown(t, program, "--socket", socket, "gameday", plan)
	p.sees("step 4 of 5", "waiting for approval", "the game day was taken up")
	p.approves("4")
	p.sees("running: holding", "api-001")
	p.cmd.Process.Kill()
	p.cmd.Wait()

	p = sitDown(t, program, "--socket", socket, "gameday", plan)
	p.sees("step 4 of 5", "running: holding", "api-001")
	p.types("q")
	p.sees("An attack is running", "Stay")
	p.types("\r")
	p.sees("1 Game day")
	p.types("s")
	p.sees("step 5 of 5", "[STOPPED]")
	p.types("L")
	p.sees("left out because:")
	p.types("enough\r")
	p.sees("The game day is over: 5 steps: 3 undecided, 2 skipped")
	p.types("q")
	code, said := p.ends()
	if code != exitStopped || !strings.Contains(said, "5 steps: 3 undecided, 2 skipped") || strings.Count(said, "cpu on api-001") != 1 || strings.Count(said, "latency on web-001") != 1 {
		t.Errorf("the end: %d, %s", code, said)
	}
	if out, err := runs("gameday", "report", plan, "--json"); err != nil || !strings.Contains(out, `"continued":2`) || strings.Count(out, `"host":"api-001"`) != 1 {
		t.Errorf("the report: %v %s", err, out)
	}
}

const gameDayConfig = `name = "t"
[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
[ssh]
user = "root"
agent = false
identity_files = ["key"]
known_hosts = ["known_hosts"]
survey_rate = 0
[[inventory]]
type = "static"
hosts = [{ name = "web-001", address = "198.51.100.1", groups = ["web"] }]
[oncall]
type = "command"
command = ["echo", "ada"]
[[attack]]
name = "cpu"
[[health]]
type = "command"
name = "site"
interval = "1s"
command = ["true"]
`

const gameDayAlone = `name = "alone"
[[step]]
attack = "cpu"
hosts = ["web-001"]
hypothesis = "nobody notices"
gate = "site"
[[step]]
attack = "cpu"
hypothesis = "it is left out"
wait = "23h"
`

// Where no engine runs, the console brings one whose schedule stands still. Killed with it, the journal knows how far
// the game day was; a plan that fits nothing that there is opens no console.
func TestAGameDayOnARealTerminalWithAnEngineOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a program on a pseudo-terminal")
	}
	in := gameDayPlace(t)
	open := func(plan string) *seat {
		return sitDown(t, in("chaoscat"), "--config", in("chaoscat.toml"), "--state-dir", in("state"), "gameday", in(plan))
	}

	p := open("wrong.toml")
	if code, said := p.ends(); code != exitConfig || !strings.Contains(p.screen()+said, `no gate is called "sit"; did you mean "site"?`) || strings.Contains(p.out.String(), "\x1b[?1049h") {
		t.Errorf("a plan that does not fit: %d %s %s", code, p.screen(), said)
	}
	p = open("plan.toml")
	p.sees("step 1 of 2  alone", "waiting for approval", "no schedule: this engine carries out a game day", "site to stay clear (now ✓ clear")
	p.leavesOut("no time")
	p.sees("step 2 of 2", "(in 22:59:")
	p.cmd.Process.Kill()
	p.cmd.Wait()

	p = open("plan.toml")
	p.sees("step 2 of 2", "the game day was taken up")
	p.leavesOut("no time either")
	p.sees("The game day is over: 2 steps: 2 skipped")
	p.types("q")
	p.sees("The engine runs in this console")
	p.types("j\r")
	if code, said := p.ends(); code != 0 || !strings.Contains(said, "step 1  cpu: skipped by") || !strings.Contains(said, "(no time either)") {
		t.Errorf("the end: %d %s", code, said)
	}
}

// The engine underneath is killed and started again, while a step waits for its time.
func TestAGameDayOnARealTerminalOutlivesItsEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs, one of them on a pseudo-terminal")
	}
	in := gameDayPlace(t)
	engine := func() *exec.Cmd {
		cmd := exec.Command(in("chaoscat"), "--config", in("chaoscat.toml"), "--state-dir", in("state"), "--daemon")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		for deadline := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
			out, err := exec.Command(in("chaoscat"), "--state-dir", in("state"), "status").CombinedOutput()
			if err == nil {
				return cmd
			}
			if time.Now().After(deadline) {
				t.Fatalf("the engine does not answer: %s", out)
			}
		}
	}
	first := engine()
	for what, args := range map[string][]string{"with its journal": {"--state-dir", in("state")}, "without": {"--socket", filepath.Join(in("state"), "chaoscat.sock")}} {
		p := sitDown(t, in("chaoscat"), append(args, "gameday", in("plan.toml"))...)
		p.sees("step 1 of 2  alone", "waiting for approval")
		p.leavesOut("no time")
		p.sees("step 2 of 2", "(in 22:59:")
		first.Process.Kill()
		first.Wait()
		p.sees("DISCONNECTED", "no link")
		first = engine()
		p.sees("step 2 of 2", "the game day was taken up")
		p.leavesOut("no time either")
		p.sees("The game day is over: 2 steps: 2 skipped")
		p.types("q")
		if code, said := p.ends(); code != 0 || !strings.Contains(said, "(no time either)") {
			t.Errorf("%s: %d %s", what, code, said)
		}
	}
}

// leavesOut skips the step that waits.
func (p *seat) leavesOut(why string) {
	p.t.Helper()
	p.types("L")
	p.sees("left out because:")
	p.types(why + "\r")
}

// gameDayPlace is a directory with the program, its configuration and two plans, of which one does not fit.
func gameDayPlace(t *testing.T) (in func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	in = func(name string) string { return filepath.Join(dir, name) }
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in("key")).CombinedOutput(); err != nil {
		t.Skipf("ssh-keygen makes the key of this test: %v %s", err, out)
	}
	public, err := os.ReadFile(in("key.pub"))
	write := func(name, text string) error { return os.WriteFile(in(name), []byte(text), 0o600) }
	if err := errors.Join(err, os.Symlink(self, in("chaoscat")), write("known_hosts", "198.51.100.1 "+string(public)), write("chaoscat.toml", gameDayConfig),
		write("plan.toml", gameDayAlone), write("wrong.toml", strings.ReplaceAll(gameDayAlone, "site", "sit"))); err != nil {
		t.Fatal(err)
	}
	return in
}
