package inventory

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sh is a command source that runs a few lines of shell; only the tests need a shell.
func sh(t *testing.T, script string) Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Command{Argv: []string{path, "arg"}}
}

func TestACommandListsHostsInEitherShape(t *testing.T) {
	list, err := filepath.Abs("testdata/list.json")
	if err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		"cat " + list: shop,
		`echo '[{"name": "web-1", "address": "10.0.0.1", "port": 2222, "user": "root", "jump": "bastion", "groups": ["web"], "tags": {"zone": "eu"}}, {"name": "web-2"}]'`: "web-1 10.0.0.1:2222 user=root jump=bastion groups=web map[zone:eu]\nweb-2 web-2:22\n",
	} {
		result, err := New(Options{}, sh(t, script)).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, table(result.Roster.Hosts()), want)
	}
}

func TestACommandThatDoesNotListHostsIsAnError(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`exit 3`, `exit status 3`},
		{`echo 'no \033[2J token' >&2; exit 1`, `exit status 1; it said "no \x1b[2J token"`},
		{`echo '["web-1"]'; exit 1`, `exit status 1`}, // what a failed command printed is not believed
		{`:`, `it printed nothing`},
		{`echo Login:`, `its output is neither a JSON list of hosts nor that of ansible-inventory --list: it begins with "Login:"`},
		{`echo '[{"name": "a"}'`, `line 1: not JSON: unexpected end of JSON input`},
		{`printf '[]\n[]'`, `line 2: not JSON: invalid character '[' after top-level value`},
		{`printf '[\377]'`, `its output is not UTF-8`},
		{`echo '[{"name": "a", "adress": "b"}, {"name": 5}, {"name": "ok", "port": "22"}, "x"]'`, `host 1 of the list: unknown field "adress"
%s: host 2 of the list: "name" must be of type string, not number
%s: host 3 of the list: "port" must be of type int, not string
%s: host 4 of the list: it must be an object, {"name": ...}, not string`},
		{`kill -9 $$`, `signal: killed`},
	} {
		command := sh(t, c.script)
		_, err := command.Load(t.Context())
		wantError(t, err, command.Name()+": "+strings.ReplaceAll(c.want, "%s", command.Name()))
	}
}

func TestACommandThatIsNotThereIsAnError(t *testing.T) {
	_, err := Command{Argv: []string{"/no/such/program"}}.Load(t.Context())
	wantError(t, err, `command "/no/such/program": fork/exec /no/such/program: no such file or directory`)
	_, err = Command{}.Load(t.Context())
	wantError(t, err, `command "": no command is given`)
}

func TestACommandRunsWithoutAShell(t *testing.T) {
	command := sh(t, `printf '[{"name":"n%s"}]' "$#"`)
	command.Argv = append(command.Argv, "$(id); * >x", "two words")
	found, err := command.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Entries[0].Name; got != "n3" {
		t.Errorf("the command got %s, want 3 arguments", got)
	}
}

func TestACommandThatTalksTooMuchIsStopped(t *testing.T) {
	command := sh(t, `while :; do echo '[[[[[[[[[[[[[[[[[[[[[[[[[[[['; done`)
	command.MaxBytes = 1 << 16
	_, err := command.Load(t.Context())
	wantError(t, err, command.Name()+": its output is longer than 65536 bytes")
}

func TestACommandThatHangsIsKilledWithItsChildren(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "child")
	command := sh(t, `sleep 600 & echo $! >`+pids+`; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		waitFor(t, func() bool { text, _ := os.ReadFile(pids); return strings.HasSuffix(string(text), "\n") })
		cancel()
	}()
	_, err := command.Load(ctx)
	wantError(t, err, command.Name()+": context canceled")
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return gone(child) })
}

func TestACommandHasATimeLimit(t *testing.T) {
	command := sh(t, `sleep 600`)
	command.Timeout = 50 * time.Millisecond
	_, err := command.Load(t.Context())
	wantError(t, err, command.Name()+": no end within 50ms")
}

func TestWhatACommandLeavesBehindIsEndedAndAnError(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "child")
	command := sh(t, `sleep 600 & echo $! >`+pids+`; echo '[{"name": "a"}]'`)
	_, err := command.Load(t.Context())
	wantError(t, err, command.Name()+": it left a process behind that held its output open")
	text, _ := os.ReadFile(pids)
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return gone(child) })
}

// gone tells whether the process has ended, whether or not anybody has collected it.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// waitFor polls, because a process outside the test gives no other sign.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Error("it did not happen within 10 s")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
