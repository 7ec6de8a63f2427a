//go:build linux

package attacks

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A namespaceHost is as near to a host of one's own as a namespace comes: its own network with a neighbour
// behind a veth pair, its own processes, its own /run, and /bin/sh being the shell under test. The fault
// never leaves it, and everything in it dies with its first process.
type namespaceHost struct {
	t      *testing.T
	init   *exec.Cmd
	path   string // of the runner, within the host
	runner []byte
	before string
	group  string // a pids cgroup into which commands are put, if there is one
}

const (
	hostAddress = "10.77.0.1"
	peerAddress = "10.77.0.2" // the neighbour, and the default gateway
	controller  = "10.77.0.3" // another address of the neighbour: where the controller is
	nonce       = "0123456789abcdef"
)

// everyShell runs a test under each shell there is.
func everyShell(t *testing.T, test func(t *testing.T, shell string)) {
	t.Helper()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			test(t, path)
		})
	}
}

func newHost(t *testing.T, shell string, defs ...Definition) *namespaceHost {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network, mount and pid namespaces")
	}
	for _, tool := range []string{"unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs the tool " + tool)
		}
	}
	if out, err := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine makes no namespaces: %s", out)
	}
	h := &namespaceHost{t: t, path: "/run/chaoscat/runner-0123456789abcdef"}
	h.boot(shell)
	h.wire()
	if len(defs) == 0 {
		defs = Builtin()
	}
	h.runner = Bundle(defs, BundleOptions{}).Text
	h.before = h.state()
	h.upload(h.runner)
	return h
}

// boot starts the host's first process, which reaps what is orphaned and ends with the test.
func (h *namespaceHost) boot(shell string) {
	h.t.Helper()
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		h.t.Skip("needs /bin/sh")
	}
	script := fmt.Sprintf(`mount -t tmpfs -o size=2m tmpfs /run && { [ %[1]s -ef %[2]s ] || mount --bind %[1]s %[2]s; } && ip link set lo up && echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad && echo up
while :; do sleep 1000; done`, shell, sh)
	h.init = exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script)
	h.init.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := h.init.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.init.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		h.init.Process.Kill()
		h.init.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
		h.t.Skipf("the namespace did not come up: %q %v", line, err)
	}
}

// pid is that of the first process, as this machine sees it: the one child of unshare.
func (h *namespaceHost) pid() string {
	h.t.Helper()
	own := strconv.Itoa(h.init.Process.Pid)
	children, err := os.ReadFile("/proc/" + own + "/task/" + own + "/children")
	if err != nil || len(bytes.Fields(children)) != 1 {
		h.t.Fatalf("the namespace has no first process: %q %v", children, err)
	}
	return string(bytes.Fields(children)[0])
}

// wire gives the host a neighbour.
func (h *namespaceHost) wire() {
	h.t.Helper()
	peer := exec.Command("unshare", "--net", "sleep", "1000")
	peer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := peer.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		peer.Process.Kill()
		peer.Wait()
	})
	there := strconv.Itoa(peer.Process.Pid)
	poll(h.t, 5*time.Second, "the neighbour's own network", func() bool {
		a, _ := os.Readlink("/proc/" + there + "/ns/net")
		b, _ := os.Readlink("/proc/self/ns/net")
		return a != "" && a != b
	})
	here := h.pid()
	for _, line := range []string{
		"nsenter -t " + here + " -n ip link add eth0 type veth peer name eth0 netns " + there,
		"nsenter -t " + here + " -n ip addr add " + hostAddress + "/24 dev eth0",
		"nsenter -t " + here + " -n ip link set eth0 up",
		"nsenter -t " + there + " -n ip addr add " + peerAddress + "/24 dev eth0",
		"nsenter -t " + there + " -n ip addr add " + controller + "/24 dev eth0",
		"nsenter -t " + there + " -n ip link set eth0 up",
		"nsenter -t " + here + " -n ip route add default via " + peerAddress,
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			h.t.Skipf("the network of the namespace cannot be set up: %s: %s", line, out)
		}
	}
	h.eventually(10*time.Second, "the neighbour answers", h.answers)
	// addresses that IPv6 finds by itself, and the neighbour table, must have settled before "before" is taken
	h.eventually(10*time.Second, "no address is tentative", func() bool { return !strings.Contains(h.must("ip -o addr"), "tentative") })
}

func (h *namespaceHost) command(stdin io.Reader, argv ...string) *exec.Cmd {
	args := append([]string{"nsenter", "-t", h.pid(), "-n", "-m", "-p", "--"}, argv...)
	if h.group != "" {
		args = append([]string{"sh", "-c", "echo $$ >" + h.group + `/cgroup.procs && exec "$@"`, "sh"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// sh runs a command line in the host and returns what it printed.
func (h *namespaceHost) sh(line string) (string, error) {
	out, err := h.command(nil, "/bin/sh", "-c", line).CombinedOutput()
	return string(out), err
}

func (h *namespaceHost) must(line string) string {
	h.t.Helper()
	out, err := h.sh(line)
	if err != nil {
		h.t.Fatalf("%s: %v: %s", line, err, out)
	}
	return out
}

// upload brings the runner as a controller does: whole, under its name, and not into the file that was there.
func (h *namespaceHost) upload(text []byte) {
	h.t.Helper()
	cmd := h.command(bytes.NewReader(text), "/bin/sh", "-c", "umask 077; cat >/run/upload.$$; until mkdir -p /run/chaoscat && mv -f /run/upload.$$ "+h.path+" 2>/dev/null; do :; done")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("upload: %v: %s", err, out)
	}
}

// state is everything that an attack could have left: rules, qdiscs, addresses, routes, processes, files.
func (h *namespaceHost) state() string {
	out, _ := h.sh(`nft list ruleset; tc qdisc show; ip -o addr; ip route; ip -6 route; ip rule; find /run | grep -v '^/run/mount' | sort; mount | grep -e ' on /run ' -e ' on /etc' -e ' on /usr' | sort
for p in /proc/[0-9]*; do tr '\0\n' '  ' <$p/cmdline; echo; done 2>/dev/null | grep -v -e '^ *$' -e '^nsenter' -e '^/bin/sh -c nft' -e '^sort' -e '^grep' -e '^tr' -e '^find' | sort`)
	return out
}

// untouched fails unless the host is as it was before the runner came, but for the runner.
func (h *namespaceHost) untouched() {
	h.t.Helper()
	h.sh("rm -f " + h.path + "; rmdir /run/chaoscat 2>/dev/null")
	var now string
	poll2(3*time.Second, func() bool { now = h.state(); return now == h.before })
	if now != h.before {
		h.t.Errorf("the host is not as before; gone:\n%s\nnew:\n%s", missing(h.before, now), missing(now, h.before))
	}
}

// missing lists the lines of one text that another has not.
func missing(from, in string) string {
	have := strings.Split(in, "\n")
	return strings.Join(slices.DeleteFunc(strings.Split(from, "\n"), func(l string) bool { return slices.Contains(have, l) }), "\n")
}

// A session is one verb of the runner, with its two ends.
type session struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	seen  []string
	done  chan struct{}
}

func (h *namespaceHost) session(verb string, header ...string) *session {
	h.t.Helper()
	cmd := h.command(nil, "/bin/sh", h.path, verb, controller+" 40000 "+hostAddress+" 22")
	in, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	s := &session{t: h.t, cmd: cmd, in: in, lines: make(chan string, 10000), done: make(chan struct{})}
	go func() {
		defer close(s.lines)
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			s.lines <- scan.Text()
		}
	}()
	h.t.Cleanup(func() { in.Close(); cmd.Process.Kill() })
	s.send("nonce=" + nonce)
	for _, line := range header {
		s.send(line)
	}
	s.send(".")
	return s
}

func (s *session) send(line string) { io.WriteString(s.in, line+"\n") }

// says waits for a control line that begins with the words, and returns the rest of it.
func (s *session) says(words string) string {
	s.t.Helper()
	after := time.After(30 * time.Second)
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("the runner ended without saying %q; it said:\n%s", words, strings.Join(s.seen, "\n"))
			}
			s.seen = append(s.seen, line)
			if rest, ok := strings.CutPrefix(line, "%"+nonce+" "+words); ok {
				return strings.TrimSpace(rest)
			}
		case <-after:
			s.t.Fatalf("the runner did not say %q within 30 s; it said:\n%s", words, strings.Join(s.seen, "\n"))
		}
	}
}

// first waits for the first control line.
func (s *session) first() string {
	s.t.Helper()
	s.says("")
	return strings.TrimPrefix(s.seen[len(s.seen)-1], "%"+nonce+" ")
}

// ends waits for the end and returns every control line and the exit status.
func (s *session) ends() ([]string, int) {
	s.t.Helper()
	timer := time.AfterFunc(60*time.Second, func() { s.cmd.Process.Kill() })
	defer timer.Stop()
	for line := range s.lines {
		s.seen = append(s.seen, line)
	}
	s.cmd.Wait()
	var said []string
	for _, line := range s.seen {
		if rest, ok := strings.CutPrefix(line, "%"+nonce+" "); ok {
			said = append(said, rest)
		}
	}
	return said, s.cmd.ProcessState.ExitCode()
}

// run is a session without a conversation.
func (h *namespaceHost) run(verb string, header ...string) ([]string, int) {
	h.t.Helper()
	return h.session(verb, header...).ends()
}

// guard arms an attack; ttl and lease in seconds.
func (h *namespaceHost) guard(id, kind string, ttl, lease int, params ...string) *session {
	h.t.Helper()
	header := []string{"id=" + id, "kind=" + kind, fmt.Sprintf("ttl=%d", ttl), fmt.Sprintf("hold=%d", ttl), fmt.Sprintf("lease=%d", lease), "supervised=0"}
	for _, p := range params {
		header = append(header, "p."+p)
	}
	return h.session("guard", header...)
}

// attacked arms an attack and injects it.
func (h *namespaceHost) attacked(id, kind string, ttl, lease int, params ...string) *session {
	h.t.Helper()
	s := h.guard(id, kind, ttl, lease, params...)
	s.says("armed")
	s.send("go")
	s.says("injected 0")
	return s
}

// kill ends one of the guards of a run by SIGKILL.
func (h *namespaceHost) kill(id string, roles ...string) {
	h.t.Helper()
	for _, role := range roles {
		pid := strings.TrimSpace(h.must("read -r pid _ </run/chaoscat/" + id + "/pid." + role + " && kill -KILL $pid && echo $pid"))
		h.eventually(10*time.Second, "the "+role+" is dead", func() bool { return !h.lives(pid) })
	}
}

// lives tells whether a process of the host runs; a zombie does not.
func (h *namespaceHost) lives(pid string) bool {
	out, err := h.sh("cat /proc/" + pid + "/stat")
	return err == nil && !strings.Contains(out, ") Z ")
}

// answers tells whether the neighbour answers a ping.
func (h *namespaceHost) answers() bool {
	_, err := h.sh("ping -c 1 -W 1 " + peerAddress)
	return err == nil
}

// eventually polls until the condition holds, and returns how long that took.
func (h *namespaceHost) eventually(within time.Duration, what string, holds func() bool) time.Duration {
	h.t.Helper()
	return poll(h.t, within, what, holds)
}

func poll(t *testing.T, within time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	took, ok := poll2(within, holds)
	if !ok {
		t.Fatalf("not within %s: %s", within, what)
	}
	return took
}

func poll2(within time.Duration, holds func() bool) (time.Duration, bool) {
	start := time.Now()
	for {
		if holds() {
			return time.Since(start), true
		}
		if time.Since(start) > within {
			return 0, false
		}
		<-time.After(20 * time.Millisecond)
	}
}

// stub puts a program of the test in front of the host's own.
func (h *namespaceHost) stub(name, text string) {
	h.t.Helper()
	h.must("mountpoint -q /usr/local/sbin || mount -t tmpfs tmpfs /usr/local/sbin")
	cmd := h.command(strings.NewReader(text), "/bin/sh", "-c", "cat >/usr/local/sbin/"+name+" && chmod 755 /usr/local/sbin/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("stub %s: %v: %s", name, err, out)
	}
}

// settle takes what the test has set up as the state to come back to.
func (h *namespaceHost) settle() {
	h.t.Helper()
	h.sh("rm -f " + h.path + "; rmdir /run/chaoscat")
	h.before = h.state()
	h.upload(h.runner)
}

func last(said []string) string {
	if len(said) == 0 {
		return ""
	}
	return said[len(said)-1]
}

func has(said []string, words string) bool {
	return slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, words) })
}
