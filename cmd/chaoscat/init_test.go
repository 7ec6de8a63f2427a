package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/tui/person"
)

// program is chaoscat itself as a command, at home in the folder.
func program(dir string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Args[0], c.Dir = "chaoscat", dir // by this name the test binary is the program
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "STATE_DIRECTORY="+filepath.Join(dir, "state"), "SSH_AUTH_SOCK=", "TERM=xterm-256color", "ACCESSIBLE=", "NO_COLOR=")
	return c
}

// dumb is the same on a terminal that knows no escapes; a person's own is a better one, so env says it last.
func dumb(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	link := filepath.Join(t.TempDir(), "chaoscat")
	self, err := filepath.Abs(os.Args[0])
	if err == nil {
		err = os.Symlink(self, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("env", append([]string{"TERM=dumb", link}, args...)...)
	c.Dir, c.Env = dir, program(dir).Env
	return c
}

func written(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInitIsAFormThatRefusesWhatWouldNotLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := person.Starts(t, program(dir, "init"), 80, 24)
	p.Expects("A first configuration, in dry run: chaoscat.toml", "Name of this installation", "ctrl+c leaves without writing")
	p.Presses("\x15", "prod-eu", person.Enter)
	p.ExpectsThat("the second line has the focus", inLine("Time zone"))
	p.Presses("\x15", "Mars/Olympus", person.Enter)
	p.Expects(`"Mars/Olympus" is not a known time zone`)
	p.Presses("\x15", "Europe/Paris", person.Enter)
	p.ExpectsThat("the third line has the focus", inLine("Business hours"))
	p.Presses("\x15", "09:00-12:00, 13:00-16:00", person.Enter)
	p.ExpectsThat("the fourth line has the focus", inLine("Hosts to attack"))
	p.Presses("\x15", "b;c", person.Enter)
	p.Expects(`"b;c"`)
	p.Presses("\x15", "web-1.example.com web-2.example.com", person.Enter)
	p.ExpectsThat("the fifth line has the focus", inLine("SSH user"))
	p.Presses("\x15", "chaos", person.Enter)
	p.ExpectsThat("the last line has the focus", inLine("URL that answers"))
	p.Presses("\x15", "https://status.example.com/", person.Enter)
	p.Ends(exitDone)
	p.FindsTheTerminalAsBefore()
	if said := p.Said(); !strings.Contains(said, "wrote chaoscat.toml: dry run is on") || !strings.Contains(said, "chaoscat check") {
		t.Errorf("it says %q", said)
	}
	conf := written(t, filepath.Join(dir, "chaoscat.toml"))
	for _, want := range []string{`name = "prod-eu"`, "dry_run = true", `timezone = "Europe/Paris"`, `hours = ["09:00-12:00", "13:00-16:00"]`, `"web-2.example.com"`, `user = "chaos"`, "sudo = true", `url = "https://status.example.com/"`} {
		if !strings.Contains(conf, want) {
			t.Errorf("%s is not in it:\n%s", want, conf)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "chaoscat.toml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info.Mode(), err)
	}
	again := person.Starts(t, program(dir, "init"), 80, 24)
	again.Ends(exitConfig)
	if !strings.Contains(again.Said(), "is not overwritten") || again.Written() != "" {
		t.Errorf("the second time it says %q and writes %q", again.Said(), again.Written())
	}
}

// inLine tells whether the line with these words is the one that is typed into.
func inLine(words string) func(string) bool {
	return func(screen string) bool {
		for line := range strings.Lines(screen) {
			if strings.Contains(line, words) {
				return strings.HasPrefix(line, "┃")
			}
		}
		return false
	}
}

func TestLeavingInitWritesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines bool
		leave func(*person.Person)
	}{
		"ctrl+c in the form":        {false, func(p *person.Person) { p.Presses("\x03") }},
		"a signal to the form":      {false, func(p *person.Person) { p.Signals(syscall.SIGTERM) }},
		"an interrupt from outside": {false, func(p *person.Person) { p.Signals(syscall.SIGINT) }},
		"ctrl+c among the lines":    {true, func(p *person.Person) { p.Presses("\x03") }},
		"ctrl+d among the lines":    {true, func(p *person.Person) { p.Presses("\x04") }},
		"ctrl+c after some answers": {true, func(p *person.Person) { p.Presses("\r\r"); p.Expects("Business hours"); p.Presses("\x03") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := program(dir, "init")
			if c.lines {
				cmd.Env = append(cmd.Env, "ACCESSIBLE=1")
			}
			p := person.Starts(t, cmd, 80, 24)
			p.Expects("Name of this")
			c.leave(p)
			p.Ends(exitStopped)
			p.FindsTheTerminalAsBefore()
			if !strings.Contains(p.Said(), "chaoscat: left; nothing was written") {
				t.Errorf("it says %q", p.Said())
			}
			if _, err := os.Stat(filepath.Join(dir, "chaoscat.toml")); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

func TestOnADumbTerminalInitAsksLineByLineWithoutAnEscape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := person.Starts(t, dumb(t, dir, "init"), 100, 40)
	for _, step := range [][2]string{
		{"Name of this installation [", "\r"}, {"Time zone of your business hours [", "Europe/Pari\r"}, {`"Europe/Pari" is not a known time zone; did you mean "Europe/Paris"?`, "Europe/Paris\r"},
		{"Business hours [10:00-16:00]:", "\r"}, {"Ansible inventory [", "hosts.ini\r"}, {"SSH user [root]:", "\r"}, {"URL that answers 200 while all is well [none yet]:", "\r"},
	} {
		p.Expects(step[0])
		p.Presses(step[1])
	}
	p.Ends(exitDone)
	if strings.Contains(p.Written(), "\x1b") {
		t.Errorf("an escape: %q", p.Written())
	}
	if conf := written(t, filepath.Join(dir, "chaoscat.toml")); !strings.Contains(conf, `name = "hosts.ini"`) {
		t.Errorf("a word without a slash is no host: %s", conf)
	}
}

func TestInitTakesAnAnsibleInventoryByItsPath(t *testing.T) {
	for text, want := range map[string]string{"./hosts.ini": "./hosts.ini", "/etc/ansible/hosts": "/etc/ansible/hosts", "~/hosts": "~/hosts", "web-1 web-2": "", "hosts.ini": ""} {
		if _, got := inventoryOf(text); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// Linking a form must not make any command ask the terminal something, nor wait for its answer.
func TestCommandsOnASilentTerminalAnswerAtOnceWithoutAnEscape(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}, {"status"}, {"attacks"}, {"--help"}, {"init", "--no-input", "-"}} {
		dir, began := t.TempDir(), time.Now()
		p := person.Starts(t, program(dir, args...), 80, 24)
		p.Waits()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%v took %v", args, took)
		}
		if strings.Contains(p.Written()+p.Said(), "\x1b") {
			t.Errorf("%v writes %q", args, p.Written())
		}
	}
}

// begins runs init without a terminal.
func begins(args ...string) (code int, out, said string) {
	var o, e bytes.Buffer
	w := thisWorld()
	w.args, w.in, w.out, w.err = append([]string{"init", "--no-input"}, args...), strings.NewReader(""), &o, &e
	w.env = func(string) string { return "" }
	return run(w), o.String(), e.String()
}

// What init writes is what the engine would take: a host that it would refuse is refused before there is a file.
func TestInitWritesNoHostThatWouldNotLoad(t *testing.T) {
	for name, c := range map[string]struct{ host, says string }{
		"a shell's words":    {"b;c", `"b;c"`},
		"a word beside them": {"a b;c", `"a b;c"`},
		"an option":          {"-oProxyCommand=x", `-oProxyCommand`},
		"half an address":    {"127.1", `"127.1"`},
		"this very machine":  {"localhost", `the machine that chaoscat runs on`},
		"a range left open":  {"web-[01:20", `web-[01:20`},
		"nothing at all":     {" ", `" "`},
	} {
		for _, flags := range [][]string{{"--host", c.host}, {"--host", "web-1", "--host", c.host}} {
			path := filepath.Join(t.TempDir(), "my dir", "chaoscat.toml")
			code, out, said := begins(append(flags, path)...)
			if code != exitConfig || out != "" || !strings.Contains(said, "nothing was written") || !strings.Contains(said, c.says) || strings.Contains(said, "chaoscat.toml") {
				t.Errorf("%s: exit %d, %s%s", name, code, out, said)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s: a file was written", name)
			}
		}
	}
	for _, host := range []string{"web-1", "10.9.8.7", "2001:db8::7", "web-[01:20].example.com"} {
		if code, out, said := begins("--host", host, "-"); code != exitDone || !strings.Contains(out, host) {
			t.Errorf("%s: exit %d, %s", host, code, said)
		}
	}
}
