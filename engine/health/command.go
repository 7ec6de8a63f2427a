package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

const (
	defaultPath   = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	maxOutput     = 4 << 10     // kept of each stream; the rest is thrown away
	lastWords     = time.Second // for output that somebody still holds open after the command has ended
	defaultWithin = 10 * time.Second
)

// CommandOptions says which program to run. Exit 0 is a yes; the first line it prints is the text.
type CommandOptions struct {
	Argv    []string      // no shell: the program (absolute, or found in Path) and its arguments
	OnCall  bool          // what it prints is who is on call: printing nothing means nobody
	Path    string        // "" means the usual system directories
	Env     []string      // NAME=value; besides these it gets PATH and LC_ALL=C only
	Dir     string        // "" means /
	Timeout time.Duration // 0: 10s; it is then killed with all it has started
	// Run runs the program somewhere else, where Path, Env and Dir mean nothing; nil: here.
	Run func(ctx context.Context, argv []string) Ended
}

// Ended is what became of a program somewhere else.
type Ended struct {
	Out, Err string // the beginning of each stream
	Status   int
	Failed   error // it could not be run, or not to its end
}

type commandGate struct{ o CommandOptions }

var _ Gate = commandGate{}

// Command makes a gate of a program. Whether the program is there is found out when it is asked for.
func Command(o CommandOptions) (Gate, error) {
	if len(o.Argv) == 0 || o.Argv[0] == "" {
		return nil, errors.New("the command is empty: write it as a list, the program first")
	}
	if name := o.Argv[0]; strings.Contains(name, "/") && !filepath.IsAbs(name) {
		return nil, fmt.Errorf("the command %s is a relative path: write it from / on", name)
	}
	for _, arg := range o.Argv {
		if strings.ContainsRune(arg, 0) {
			return nil, errors.New("the command has a NUL byte in it")
		}
	}
	if o.Path == "" {
		o.Path = defaultPath
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultWithin
	}
	if o.Dir == "" {
		o.Dir = "/"
	}
	return commandGate{o}, nil
}

// Ask runs the program in a process group of its own, or somewhere else.
func (g commandGate) Ask(ctx context.Context) engine.GateAnswer {
	ctx, cancel := context.WithTimeout(ctx, g.o.Timeout)
	defer cancel()
	if g.o.Run != nil {
		return shown(g.elsewhere(ctx))
	}
	program, err := g.program()
	if err != nil {
		return shown(No("%v", err))
	}
	began := time.Now()
	out, said := &head{}, &head{}
	c := g.command(ctx, program, out, said)
	err = c.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it left behind, and keeps its group alive
	}
	if ctx.Err() != nil {
		return shown(No("%s did not end within %s and was killed", g.name(), time.Since(began).Round(100*time.Millisecond)))
	}
	return shown(g.judge(err, out.line(), said.line()))
}

func (g commandGate) name() string { return filepath.Base(g.o.Argv[0]) }

// program looks in the configured path, not in that of this process.
func (g commandGate) program() (string, error) {
	name := g.o.Argv[0]
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(g.o.Path) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("the command %s is not in %s", name, g.o.Path)
}

func (g commandGate) command(ctx context.Context, program string, out, said *head) *exec.Cmd {
	c := exec.CommandContext(ctx, program)
	c.Args = g.o.Argv
	c.Dir = g.o.Dir
	c.Env = append([]string{"PATH=" + g.o.Path, "LC_ALL=C"}, g.o.Env...)
	c.Stdout, c.Stderr = out, said
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = lastWords
	return c
}

func (g commandGate) judge(err error, out, said string) engine.GateAnswer {
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		return No("%s ended but left a process behind that holds its output", g.name())
	case errors.As(err, &exit):
		return No("%s: %s%s", g.name(), exit, because(out, said))
	case err != nil:
		return No("running %s: %v", g.name(), err)
	}
	return g.well(out)
}

func (g commandGate) elsewhere(ctx context.Context) engine.GateAnswer {
	began := time.Now()
	e := g.o.Run(ctx, g.o.Argv)
	switch {
	case ctx.Err() != nil:
		return No("%s did not end within %s", g.name(), time.Since(began).Round(100*time.Millisecond))
	case e.Failed != nil:
		return No("running %s: %v", g.name(), e.Failed)
	case e.Status != 0:
		return No("%s: exit status %d%s", g.name(), e.Status, because(firstLine(e.Out), firstLine(e.Err)))
	}
	return g.well(firstLine(e.Out))
}

// well is the answer of a program that ended with 0.
func (g commandGate) well(out string) engine.GateAnswer {
	switch {
	case g.o.OnCall && out == "":
		return No("nobody is on call: %s printed nothing", g.name())
	case out == "":
		return Yes("%s: exit 0", g.name())
	}
	return Yes("%s", out)
}

func because(out, said string) string {
	if out == "" {
		out = said
	}
	if out == "" {
		return ""
	}
	return ": " + out
}

// head keeps the beginning of a stream, and lets the rest go by.
type head struct{ kept bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	h.kept.Write(p[:min(len(p), maxOutput-h.kept.Len())])
	return len(p), nil
}

func (h *head) line() string { return firstLine(h.kept.String()) }

func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(first)
}
