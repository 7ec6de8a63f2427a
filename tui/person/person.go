// Package person is somebody at a terminal, for tests: a program runs on a pseudo-terminal of its own, an emulator
// shows what a person would see, and the person presses keys, expects words, selects lines and drags the corner of
// the window.
//
//	p := person.Starts(t, exec.Command("chaoscat", "demo"), 120, 40)
//	p.Expects("[ARMED]", "s STOP ALL")
//	p.Presses("r")
//	p.Expects("Run one attack now?")
//	p.Presses("y")
//	p.Expects("[ATTACKING]")
//	p.Presses("q")
//	p.Selects(person.Down, "Stop the attack")
//	p.Presses(person.Enter)
//	p.Ends(0)
//	p.FindsTheTerminalAsBefore()
//
// Nothing here waits for a while: whatever is expected is looked for until it is there, or until [Patience] is over,
// and then the test fails with the screen as it was last.
package person

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Patience is how long an expectation may take, on a machine that has other things to do.
const Patience = 30 * time.Second

// often is how often the screen is looked at.
const often = 10 * time.Millisecond

// Keys as a terminal sends them.
const (
	Up, Down, Enter, Esc, Tab = "\x1b[A", "\x1b[B", "\r", "\x1b", "\t"
	ControlC, ControlZ        = "\x03", "\x1a"
)

// Paste is text as a terminal sends it that was pasted.
func Paste(text string) string { return "\x1b[200~" + text + "\x1b[201~" }

// Person sits at a terminal on which a program runs. The methods are for the goroutine of the test.
type Person struct {
	t      testing.TB
	cmd    *exec.Cmd
	ptmx   *os.File
	tty    *os.File
	before *term.State
	looked chan struct{} // closed when nothing can be read any more
	over   chan struct{} // closed when the program has ended

	mu     sync.Mutex
	raw    bytes.Buffer
	screen *vt.Emulator
	said   lockedBuffer
}

// Starts starts a program on a terminal and looks at it.
func Starts(t testing.TB, cmd *exec.Cmd, columns, rows int) *Person {
	t.Helper()
	p := LooksAway(t, cmd, columns, rows)
	p.Looks()
	return p
}

// LooksAway starts a program on a terminal that swallows nothing until [Person.Looks] is called. The program is
// killed when the test ends. Its errors are kept for [Person.Said], unless the command has a place for them.
func LooksAway(t testing.TB, cmd *exec.Cmd, columns, rows int) *Person {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a program on a pseudo-terminal")
	}
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal on this machine: %v", err)
	}
	p := &Person{t: t, cmd: cmd, ptmx: ptmx, tty: tty, looked: make(chan struct{}), over: make(chan struct{}), screen: vt.NewEmulator(columns, rows)}
	p.Resizes(columns, rows)
	if p.before, err = term.GetState(tty.Fd()); err != nil {
		t.Fatal(err)
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout = tty, tty
	if cmd.Stderr == nil {
		cmd.Stderr = &p.said
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.over); cmd.Wait() }() // its code is asked of ProcessState
	go io.Copy(io.Discard, p.screen)                // a terminal answers questions; nobody here waits for the answers
	t.Cleanup(p.leaves)
	return p
}

func (p *Person) leaves() {
	p.cmd.Process.Kill()
	<-p.over
	if said := p.Said(); strings.Contains(said, "DATA RACE") || strings.Contains(said, "goroutine ") {
		p.t.Errorf("the program complained:\n%s", said)
	}
	p.ptmx.Close()
	p.tty.Close()
	p.screen.InputPipe().(io.Closer).Close() // nobody reads the emulator's answers any more
}

// Looks makes the terminal swallow what the program writes, from now on.
func (p *Person) Looks() {
	go func() {
		defer close(p.looked)
		buf := make([]byte, 64<<10)
		for {
			n, err := p.ptmx.Read(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.raw.Write(buf[:n])
			p.screen.Write(buf[:n])
			p.mu.Unlock()
		}
	}()
}

// Presses sends keys. What is in one string arrives in one read, if the program is not busy.
func (p *Person) Presses(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		if _, err := p.ptmx.WriteString(k); err != nil {
			p.t.Fatal(err)
		}
	}
}

// Resizes drags the corner of the window.
func (p *Person) Resizes(columns, rows int) {
	p.t.Helper()
	p.mu.Lock()
	p.screen.Resize(columns, rows)
	p.mu.Unlock()
	if err := pty.Setsize(p.ptmx, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		p.t.Fatal(err)
	}
}

// Screen is what a person sees just now, without colours.
func (p *Person) Screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// Written is every byte that the program has written to the terminal so far.
func (p *Person) Written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// Said is what the program has written to its standard error.
func (p *Person) Said() string { return p.said.String() }

// Expects waits until the screen shows all of these words at once.
func (p *Person) Expects(words ...string) {
	p.t.Helper()
	p.ExpectsThat(fmt.Sprintf("the screen shows %q", words), func(screen string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(screen, w) })
	})
}

// ExpectsGone waits until the screen shows none of these words.
func (p *Person) ExpectsGone(words ...string) {
	p.t.Helper()
	p.ExpectsThat(fmt.Sprintf("the screen does not show %q", words), func(screen string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(screen, w) })
	})
}

// ExpectsThat waits until something holds of the screen.
func (p *Person) ExpectsThat(what string, holds func(screen string) bool) {
	p.t.Helper()
	for deadline, ended := time.Now().Add(Patience), false; !holds(p.Screen()); <-time.After(often) {
		switch {
		case time.Now().After(deadline):
			p.t.Fatalf("within %v it never came that %s; at last:\n%s\n%s", Patience, what, p.Screen(), p.Said())
		case p.Ended() && !ended: // what it wrote last may still be on its way
			ended, deadline = true, time.Now().Add(time.Second)
		}
	}
}

// ExpectsWritten waits until the program has written these bytes, seen or not.
func (p *Person) ExpectsWritten(bytes string) {
	p.t.Helper()
	p.ExpectsThat(fmt.Sprintf("%q is written", bytes), func(string) bool { return strings.Contains(p.Written(), bytes) })
}

// Selects presses a key again and again until the line with these words is the one that is marked.
func (p *Person) Selects(key, words string) {
	p.t.Helper()
	const most = 100
	for range most {
		var marked []string
		p.ExpectsThat("a line is marked", func(screen string) bool { marked = marks(screen); return len(marked) > 0 })
		if slices.ContainsFunc(marked, func(line string) bool { return strings.HasPrefix(line, words) }) {
			return
		}
		p.Presses(key)
		p.ExpectsThat("a key moves the mark towards "+words, func(screen string) bool { return !slices.Equal(marks(screen), marked) })
	}
	p.t.Fatalf("after %d times %q the line with %q is not selected:\n%s", most, key, words, p.Screen())
}

var mark = regexp.MustCompile(`[│|] {1,2}> +(\S+(?: \S+)*)`)

// marks are the lines that are marked, each from its mark to the next gap: what follows may change by itself.
func marks(screen string) (lines []string) {
	for _, m := range mark.FindAllStringSubmatch(screen, -1) {
		lines = append(lines, m[1])
	}
	return lines
}

// Signals sends a signal to the program.
func (p *Person) Signals(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// HangsUp takes the terminal away, as a dropped connection does.
func (p *Person) HangsUp() {
	p.tty.Close()
	p.ptmx.Close()
}

// Ended tells whether the program has ended.
func (p *Person) Ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// Waits waits for the end of the program and returns its code, or -1 after a signal.
func (p *Person) Waits() int {
	p.t.Helper()
	select {
	case <-p.over:
	case <-time.After(Patience):
		p.cmd.Process.Signal(syscall.SIGQUIT)
		<-p.over
		p.t.Fatalf("the program does not end; it was doing this:\n%s\nand shows:\n%s", p.Said(), p.Screen())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Ends waits for the end of the program, with this code.
func (p *Person) Ends(code int) {
	p.t.Helper()
	if got := p.Waits(); got != code {
		p.t.Errorf("the program ended with %d, want %d:\n%s\n%s", got, code, p.Said(), p.Screen())
	}
}

// FindsTheTerminalAsBefore checks, after the end, that the terminal is as it was: its flags, and every mode that
// was switched.
func (p *Person) FindsTheTerminalAsBefore() {
	p.t.Helper()
	after, err := term.GetState(p.tty.Fd())
	if err != nil {
		p.t.Fatal(err)
	}
	if fmt.Sprint(after) != fmt.Sprint(p.before) {
		p.t.Error("the terminal's flags are not what they were")
	}
	p.tty.Close() // the last to hold it: reading ends when all that was written has been read
	select {
	case <-p.looked:
	case <-time.After(Patience):
		p.t.Fatal("the terminal is still held open by somebody")
	}
	out := p.Written()
	for mode, back := range map[string][2]string{
		"alternate screen": {"\x1b[?1049h", "\x1b[?1049l"}, "bracketed paste": {"\x1b[?2004h", "\x1b[?2004l"}, "hidden cursor": {"\x1b[?25l", "\x1b[?25h"},
	} {
		if on, off := strings.LastIndex(out, back[0]), strings.LastIndex(out, back[1]); off < on {
			p.t.Errorf("%s: last switched on at %d, off at %d of %d bytes", mode, on, off, len(out))
		}
	}
	if strings.LastIndex(out, "\x1b[?1002h") > strings.LastIndex(out, "\x1b[?1002l") || strings.Contains(out, "\x1b[?1003h") {
		p.t.Error("the mouse stays on")
	}
}

// lockedBuffer takes what one goroutine writes while another reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
