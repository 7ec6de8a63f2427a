package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

func sh(script string) CommandOptions {
	return CommandOptions{Argv: []string{"/bin/sh", "-c", script}, Timeout: 5 * time.Second}
}

func askCommand(t *testing.T, o CommandOptions) engine.GateAnswer {
	t.Helper()
	g, err := Command(o)
	if err != nil {
		t.Fatal(err)
	}
	a := g.Ask(context.Background())
	if a.Text != printable.Printable(a.Text) || a.Text == "" {
		t.Errorf("not fit to show: %q", a.Text)
	}
	return a
}

func TestACommandSaysYesByItsExitAndItsFirstLineIsTheText(t *testing.T) {
	t.Setenv("CANARY", "leaked")
	for _, c := range []struct {
		name string
		o    CommandOptions
		want engine.GateAnswer
	}{
		{"exit 0", sh("true"), Yes("sh: exit 0")},
		{"exit 0 with a line", sh("echo; echo '  error_rate 0.03 < 0.5 '; echo more"), Yes("error_rate 0.03 < 0.5")},
		{"exit 3 with a line", sh("echo too slow; exit 3"), No("sh: exit status 3: too slow")},
		{"exit 3 with a complaint", sh("echo broken >&2; exit 3"), No("sh: exit status 3: broken")},
		{"killed", sh("kill -9 $$"), No("sh: signal: killed")},
		{"escapes in the line", sh(`printf 'a\033[2Jb\n'`), Yes(`a\x1b[2Jb`)},
		{"its environment is its own", sh(`echo "${CANARY-none} $PATH $LC_ALL $PWD"`), Yes("none %s C /", defaultPath)},
		{"what it is given arrives", CommandOptions{Argv: []string{"printf", "%s|", "a b", "$(id)", ""}}, Yes("a b|$(id)||")},
		{"its environment can be extended", CommandOptions{Argv: []string{"sh", "-c", "echo $TEAM"}, Env: []string{"TEAM=sre"}}, Yes("sre")},
		{"not there", CommandOptions{Argv: []string{"/does/not/exist"}}, No("running exist: fork/exec /does/not/exist: no such file or directory")},
		{"not in the path", CommandOptions{Argv: []string{"no-such-thing"}, Path: "/bin"}, No("the command no-such-thing is not in /bin")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := askCommand(t, c.o); !reflect.DeepEqual(a, c.want) {
				t.Errorf("%+v, want %+v", a, c.want)
			}
		})
	}
}

func TestWhoIsOnCallIsWhatTheCommandPrintsAndNothingMeansNobody(t *testing.T) {
	for script, want := range map[string]engine.GateAnswer{
		"echo ann":               Yes("ann"),
		"true":                   No("nobody is on call: sh printed nothing"),
		"echo '   '":             No("nobody is on call: sh printed nothing"),
		"echo ann >&2":           No("nobody is on call: sh printed nothing"),
		"echo ann; exit 1":       No("sh: exit status 1: ann"),
		"echo; echo; echo 'ben'": Yes("ben"),
	} {
		o := sh(script)
		o.OnCall = true
		if a := askCommand(t, o); !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v, want %+v", script, a, want)
		}
	}
}

func TestACommandThatHangsIsKilledWithItsChildren(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	o := sh(fmt.Sprintf("sleep 600 & echo $! $$ >%s.new; mv %s.new %s; wait", pids, pids, pids))
	o.Timeout = time.Second
	began := time.Now()
	a := askCommand(t, o)
	if took := time.Since(began); a.OK || !strings.Contains(a.Text, "did not end within 1s and was killed") || took > 4*time.Second {
		t.Errorf("%+v after %s", a, took)
	}
	mustBeGone(t, pids)
}

func TestACommandThatLeavesAProcessBehindIsNotTrustedAndTheProcessIsKilled(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	a := askCommand(t, sh(fmt.Sprintf("sleep 600 & echo $! >%s; echo fine", pids)))
	if a.OK || !strings.Contains(a.Text, "left a process behind") {
		t.Errorf("%+v", a)
	}
	mustBeGone(t, pids)
}

func mustBeGone(t *testing.T, pids string) {
	t.Helper()
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, _ := strconv.Atoi(field)
		for deadline := time.Now().Add(5 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
		}
	}
}

// alive does not count a zombie that its new parent has not yet collected.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !os.IsNotExist(err)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestACommandThatPrintsWithoutEndIsCutOff(t *testing.T) {
	o := sh("head -c 50000000 /dev/zero | tr '\\0' x")
	o.Timeout = 20 * time.Second
	if a := askCommand(t, o); !a.OK || len(a.Text) > 2000 {
		t.Errorf("%d bytes, ok %v", len(a.Text), a.OK)
	}
}

func TestACommandThatIsNotSpelledOutIsRefused(t *testing.T) {
	for _, argv := range [][]string{nil, {""}, {"./here"}, {"sub/dir"}, {"/bin/sh", "a\x00b"}} {
		if _, err := Command(CommandOptions{Argv: argv}); err == nil {
			t.Errorf("%q is accepted", argv)
		}
	}
}

func TestACommandSomewhereElseIsJudgedAsOneHere(t *testing.T) {
	for _, c := range []struct {
		ended Ended
		want  engine.GateAnswer
	}{
		{Ended{Out: "\n all is well \nmore\n"}, Yes("all is well")},
		{Ended{}, No("nobody is on call: check printed nothing")},
		{Ended{Out: "half of it", Status: 2}, No("check: exit status 2: half of it")},
		{Ended{Err: "no \x1b[2Jdatabase\n", Status: 1}, No(`check: exit status 1: no \x1b[2Jdatabase`)},
		{Ended{Out: "ada", Failed: errors.New("connecting to mon-1: refused")}, No("running check: connecting to mon-1: refused")},
	} {
		g, err := Command(CommandOptions{Argv: []string{"/opt/check", "-v"}, OnCall: true, Run: func(_ context.Context, argv []string) Ended {
			if !slices.Equal(argv, []string{"/opt/check", "-v"}) {
				t.Errorf("ran %q", argv)
			}
			return c.ended
		}})
		if err != nil {
			t.Fatal(err)
		}
		if a := g.Ask(t.Context()); !reflect.DeepEqual(a, c.want) {
			t.Errorf("%+v, want %+v", a, c.want)
		}
	}
}

func TestACommandSomewhereElseThatComesBackTooLateIsANo(t *testing.T) {
	g, err := Command(CommandOptions{Argv: []string{"check"}, Timeout: 10 * time.Millisecond, Run: func(ctx context.Context, _ []string) Ended {
		<-ctx.Done()
		return Ended{Out: "well"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if a := g.Ask(t.Context()); a.OK || !strings.Contains(a.Text, "check did not end within") {
		t.Errorf("%+v", a)
	}
}
