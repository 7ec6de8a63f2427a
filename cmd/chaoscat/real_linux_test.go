package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/tui/person"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// bench is a host and a controller as near to the real ones as namespaces come: OpenSSH's own server in namespaces
// of its own, with its own /run, and the program itself in another network, a cable apart. Nothing that is done to
// the host leaves its namespaces, and both end with the test.
type bench struct {
	t          *testing.T
	dir        string
	program    string
	host       int // a process within
	controller int
}

const benchAddress = "10.78.0.1"

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network, mount and pid namespaces")
	}
	for _, tool := range []string{"unshare", "nsenter", "ip", "/usr/sbin/sshd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	if out, err := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine makes no namespaces: %s", out)
	}
	b := &bench{t: t, dir: t.TempDir()}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable() // the test binary is the program, under the program's name
	if err != nil {
		t.Fatal(err)
	}
	b.program = filepath.Join(b.dir, "chaoscat")
	if err := os.Symlink(self, b.program); err != nil {
		t.Fatal(err)
	}
	config := b.keys()
	b.host = b.start(`mount -t tmpfs -o size=8m tmpfs /run && mkdir -p /run/sshd && ip link set lo up && echo up; while [ ! -e /run/go ]; do sleep 0.05; done; exec /usr/sbin/sshd -D -e -f `+config, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
	b.controller = b.start("ip link set lo up; echo up; exec sleep 1000", "--net", "--fork", "--kill-child")
	b.cable()
	return b
}

// start runs a script in namespaces of its own, and waits until it has said "up". It returns its process id.
func (b *bench) start(script string, namespaces ...string) int {
	b.t.Helper()
	cmd := exec.Command("unshare", append(namespaces, "sh", "-c", script)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if b.t.Failed() {
			b.t.Logf("the host said:\n%s", said.String())
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
		b.t.Skipf("the namespace did not come up: %q %v", line, err)
	}
	own := strconv.Itoa(cmd.Process.Pid)
	children, err := os.ReadFile("/proc/" + own + "/task/" + own + "/children")
	if err != nil || len(bytes.Fields(children)) != 1 {
		b.t.Fatalf("the namespace has no first process: %q %v", children, err)
	}
	pid, _ := strconv.Atoi(string(bytes.Fields(children)[0]))
	return pid
}

func (b *bench) cable() {
	b.t.Helper()
	for _, line := range []string{
		"nsenter -t %[1]d -n ip link add eth0 type veth peer name eth0 netns %[2]d",
		"nsenter -t %[1]d -n ip addr add " + benchAddress + "/24 dev eth0",
		"nsenter -t %[1]d -n ip link set eth0 up",
		"nsenter -t %[2]d -n ip addr add 10.78.0.2/24 dev eth0",
		"nsenter -t %[2]d -n ip link set eth0 up",
		"nsenter -t %[1]d -m touch /run/go",
	} {
		if out, err := exec.Command("sh", "-c", fmt.Sprintf(line, b.host, b.controller)).CombinedOutput(); err != nil {
			b.t.Skipf("the namespaces cannot be connected: %s: %s", line, out)
		}
	}
	b.eventually("sshd listens", func() bool {
		return exec.Command("nsenter", "-t", strconv.Itoa(b.controller), "-n", "bash", "-c", "exec 3<>/dev/tcp/"+benchAddress+"/22").Run() == nil
	})
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	for until := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(until) {
			b.t.Fatalf("not in time: %s", what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// keys writes what both ends need to know each other, and returns the server's configuration.
func (b *bench) keys() string {
	hostKey, public := b.pair("host_key")
	_, user := b.pair("id")
	b.write("authorized_keys", string(ssh.MarshalAuthorizedKey(user)))
	b.write("known_hosts", knownhosts.Line([]string{benchAddress}, public)+"\n")
	return b.write("sshd_config", fmt.Sprintf("ListenAddress 0.0.0.0:22\nHostKey %s\nAuthorizedKeysFile %s/authorized_keys\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nPidFile none\nSetEnv HOME=%s\n", hostKey, b.dir, b.dir))
}

func (b *bench) pair(name string) (string, ssh.PublicKey) {
	b.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		b.t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.write(name, string(pem.EncodeToMemory(block))), key
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// command is the program at the controller, in its directory.
func (b *bench) command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(b.controller), "-n", b.program, "--state-dir", filepath.Join(b.dir, "state")}, args...)...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "HOME="+b.dir, "SSH_AUTH_SOCK=", "XDG_CONFIG_HOME="+b.dir)
	return cmd
}

// runs is what somebody types at the controller.
func (b *bench) runs(args ...string) (stdout, stderr string, code int) {
	b.t.Helper()
	cmd := b.command(args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run() // the code says it
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// left is what is in the host's /run.
func (b *bench) left() string {
	out, _ := exec.Command("nsenter", "-t", strconv.Itoa(b.host), "-m", "sh", "-c", "find /run -mindepth 1 ! -name sshd ! -name go").CombinedOutput()
	return string(out)
}

const benchConfig = `dry_run = false
[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
[safety]
settle = "5s"
[ssh]
user = "root"
agent = false
identity_files = ["id"]
known_hosts = ["known_hosts"]
survey_rate = 0
[[inventory]]
type = "static"
hosts = [{ name = "web-1", address = "` + benchAddress + `" }]
[oncall]
type = "command"
command = ["echo", "ada"]
[[health]]
type = "command"
command = ["true"]
[[attack]]
name = "cpu"
for = "3s"
params = { load = 30, workers = 1 }
[[attack]]
name = "storm"
weight = 0
for = "5s"
compound = ["cpu", "stale-cache"]
params = { c1_load = 30, c1_workers = 1, c2_word = "wind" }
`

func TestAnAttackOfOnesOwnIsWrittenTriedStepByStepAndLeavesNoTrace(t *testing.T) {
	b := newBench(t)
	snippet, said, code := b.runs("attack", "new", "stale-cache")
	if code != 0 || !strings.Contains(said, "chaoscat attack test stale-cache") {
		t.Fatalf("attack new: %d %s", code, said)
	}
	b.write("chaoscat.toml", benchConfig+snippet)
	if out, said, code := b.runs("check", "--offline"); code != 0 {
		t.Fatalf("the skeleton is no configuration: %d %s %s", code, out, said)
	}
	out, said, code := b.runs("attack", "test", "stale-cache", "--host", "web-1", "--for", "2s", "--param", "word=old")
	if code != 0 {
		t.Fatalf("attack test: %d\n%s\n%s", code, out, said)
	}
	at := 0
	for _, step := range []string{"begins", "connecting", "inspecting", "arming", "measuring", "markers 0, expected to rise by 1", "injecting", ".marker", "proving", "holding", "undoing", "verifying",
		"verdict     effective: it moved as expected", "markers 0 → 1 → 0", "undo        restored: the host has compared", "again       the undo was ordered once more: nothing was left"} {
		if step == ".marker" {
			step = "says old"
		}
		i := strings.Index(out[at:], step)
		if i < 0 {
			t.Fatalf("%q is not told, or not in its turn:\n%s", step, out)
		}
		at += i
	}
	if left := b.left(); left != "" {
		t.Errorf("left on the host:\n%s", left)
	}
}

func TestACompoundOfTheCatalogueAndOnesOwnIsTriedLikeAnyOther(t *testing.T) {
	b := newBench(t)
	snippet, _, _ := b.runs("attack", "new", "stale-cache")
	b.write("chaoscat.toml", benchConfig+snippet)
	out, said, code := b.runs("attack", "test", "storm", "--host", "web-1", "--for", "20s")                             // two parts are measured one after the other, also on a busy machine
	if code != 0 && code != 5 || !strings.Contains(out, "cpu busy ") || !strings.Contains(out, "; markers 0 → 1 → 0") { // 5: this machine may be busy
		t.Fatalf("%d\n%s\n%s", code, out, said)
	}
	for _, step := range []string{"part 1 of 2: cpu", "part 2 of 2: stale-cache", "says wind", "restored"} {
		if !strings.Contains(out, step) {
			t.Errorf("%q is not told:\n%s", step, out)
		}
	}
	if left := b.left(); left != "" {
		t.Errorf("left on the host:\n%s", left)
	}
	out, said, code = b.runs("history", "--json")
	if code != 0 || !strings.Contains(out, `"attack":"storm"`) || !strings.Contains(out, `"parts":[{"name":"cpu busy"`) {
		t.Errorf("%d %s %s", code, out, said)
	}
}

// What another tool has left is named by check and by sweep, is a reason not to attack, and is never touched.
func TestWhatOtherToolsHaveLeftIsAReasonNotToAttackAndIsLeftAlone(t *testing.T) {
	b := newBench(t)
	inside := func(line string) (string, error) {
		out, err := exec.Command("nsenter", "-t", strconv.Itoa(b.host), "-n", "-m", "-p", "sh", "-c", line).CombinedOutput()
		return string(out), err
	}
	if out, err := inside("nft add table inet chaosmonkey"); err != nil {
		t.Skipf("needs nft: %s", out)
	}
	b.write("chaoscat.toml", benchConfig[:strings.LastIndex(benchConfig, "[[attack]]")]+"[[attack]]\nname = \"blackhole\"\nparams = { targets = \"group:lost, web-1\" }\n")
	out, said, code := b.runs("check", "--all")
	if code != 3 || !strings.Contains(out, "not attacked while this is there: nft table inet chaosmonkey") {
		t.Errorf("check: %d\n%s\n%s", code, out, said)
	}
	if !strings.Contains(out, "x WRONG  attack blackhole") || !strings.Contains(out, "group:lost") {
		t.Errorf("check does not say which name leads nowhere:\n%s", out)
	}
	out, said, code = b.runs("sweep")
	if code != 0 || !strings.Contains(out, "not ours, left alone: nft table inet chaosmonkey; the host is not attacked while it is there") || !strings.Contains(said, "on 1 of them other tools have left faults") {
		t.Errorf("sweep: %d\n%s\n%s", code, out, said)
	}
	if out, said, code = b.runs("run-once", "--attack", "cpu", "--host", "web-1"); code != 4 || !strings.Contains(said, "chaosmonkey") {
		t.Errorf("run-once: %d\n%s\n%s", code, out, said)
	}
	if out, _ = inside("nft list tables"); !strings.Contains(out, "chaosmonkey") {
		t.Errorf("it was touched: %s", out)
	}
}

// Proves console.md 4.16, number 3, on a real host: however the console ends that runs the engine, what it had injected
// is undone before the program is over, and the record says so. A console that is killed can undo nothing any more:
// the host does, when its lease is over.
func TestHoweverTheConsoleEndsTheHostIsAsBefore(t *testing.T) {
	b := newBench(t)
	config := benchConfig[:strings.LastIndex(benchConfig, "[[attack]]")]
	config = strings.Replace(config, "[safety]", "[safety]\nlease = \"5s\"\nhost_cooldown = \"0s\"", 1)
	b.write("chaoscat.toml", strings.Replace(config, `for = "3s"`, `for = "90s"`, 1))
	for _, c := range []struct {
		what  string
		end   func(*person.Person)
		code  int
		cause string
	}{
		{"hangup", func(p *person.Person) { p.Signals(syscall.SIGHUP) }, 0, "the process was told to end"},
		{"dropped connection", func(p *person.Person) { p.HangsUp() }, 0, "the process was told to end"},
		{"term", func(p *person.Person) { p.Signals(syscall.SIGTERM) }, 0, "the process was told to end"},
		{"interrupt", func(p *person.Person) { p.Signals(syscall.SIGINT) }, 0, "the process was told to end"},
		{"kill -9", func(p *person.Person) { p.Signals(syscall.SIGKILL) }, -1, "crash"},
	} {
		t.Run(c.what, func(t *testing.T) {
			cmd := b.command()
			cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "NO_COLOR=")
			p := person.Starts(t, cmd, 120, 40)
			p.ExpectsThat("the console is there", func(screen string) bool {
				return strings.Contains(screen, "[ARMED]") || strings.Contains(screen, "[PAUSED]")
			})
			if strings.Contains(p.Screen(), "[ARMED]") { // the pause outlives the console that ordered it
				p.Presses("p")
			}
			p.Expects("[PAUSED]", "HEALTH ✓ OK")
			p.Presses("a")
			p.Expects("Attack by hand", "< cpu >")
			p.Presses(person.Tab, "web-1", person.Enter)
			p.Expects("[ATTACKING]", "cpu busy", "hold")
			p.ExpectsThat("the fault is on", func(string) bool { return b.left() != "" })
			c.end(p)
			p.Ends(c.code)
			if c.code == 0 {
				if left := b.left(); left != "" {
					t.Errorf("the program is over, and left on the host:\n%s", left)
				}
			}
			b.eventually("the host has undone it by itself", func() bool { return b.left() == "" })
		})
	}
	out, said, code := b.runs("history", "--json")
	if n := strings.Count(out, `"undo":"restored","cause":"the process was told to end"`); code != 0 || n != 4 {
		t.Errorf("%d of 4 are on record as restored: %d %s %s", n, code, out, said)
	}
}

// Proves console.md 4.16, number 3, of an engine that panics in the console's own process: the terminal is as before,
// and then the person reads what broke.
func TestWhenItsEngineBreaksTheConsoleLeavesTheTerminalAsBefore(t *testing.T) {
	b := newBench(t)
	broken := filepath.Join(b.dir, "chaoscat-that-breaks")
	if err := os.Symlink(b.program, broken); err != nil {
		t.Fatal(err)
	}
	b.program = broken
	config := strings.Replace(benchConfig[:strings.LastIndex(benchConfig, "[[attack]]")], `settle = "5s"`, `settle = "1h"`, 1)
	b.write("chaoscat.toml", strings.Replace(config, "dry_run = false", "dry_run = true", 1))
	cmd := b.command()
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "NO_COLOR=")
	p := person.Starts(t, cmd, 120, 40)
	p.Expects("[ARMED]", "next cpu on web-1", "drawn")
	b.write("break", "")
	p.Presses(">")
	p.Ends(exitUnexpected)
	p.FindsTheTerminalAsBefore()
	if said := p.Said(); !strings.Contains(said, "the engine broke: the dice are loaded") {
		t.Errorf("it says %q", said)
	}
}
