package remote

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

// realSSHD is OpenSSH's own server on loopback, in a mount namespace whose /run is its own tmpfs. Nothing
// but that tmpfs is ever written.
type realSSHD struct {
	host    engine.Host
	run     string // its /run, seen from here
	options func(*Options)
}

func newRealSSHD(t *testing.T) realSSHD {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
			t.Skip("needs OpenSSH's sshd")
		}
		sshd = "/usr/sbin/sshd"
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to give sshd a /run of its own")
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine makes no mount namespaces: %s", out)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	hostKey, public := writePair(t, dir, "host_key")
	user, userPublic := writePair(t, dir, "id")
	write(t, dir, "authorized_keys", ssh.MarshalAuthorizedKey(userPublic))
	port := freePort(t)
	config := write(t, dir, "sshd_config", fmt.Appendf(nil, "ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s/authorized_keys\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nPidFile none\n", port, hostKey, dir))
	start := exec.Command("unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && exec "$0" -D -e -f "$1"`, sshd, config)
	start.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log bytes.Buffer
	start.Stderr = &log
	if err := start.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		start.Process.Kill()
		start.Wait()
		if t.Failed() {
			t.Logf("sshd said:\n%s", log.String())
		}
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	eventually(t, "sshd listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	known := write(t, dir, "known_hosts", []byte(knownhosts.Line([]string{addr}, public)+"\n"))
	return realSSHD{
		host: engine.Host{Name: "real", Address: "127.0.0.1", Port: port, User: "root"},
		run:  fmt.Sprintf("/proc/%d/root/run", start.Process.Pid),
		options: func(o *Options) {
			o.KnownHosts, o.IdentityFiles, o.Runner = []string{known}, []string{user}, fixture(t)
			o.ConnectTimeout, o.CommandTimeout = 20*time.Second, 30*time.Second
		},
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func writePair(t *testing.T, dir, name string) (string, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name, pem.EncodeToMemory(block)), key
}

func fixture(t *testing.T) attacks.Runner {
	t.Helper()
	text, err := os.ReadFile("testdata/runner.sh")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return attacks.Runner{Text: text, Digest: hex.EncodeToString(sum[:])}
}

// untouched fails if anything is left in the server's /run/chaoscat.
func (r realSSHD) untouched(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(r.run + "/chaoscat/*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestARealSSHDIsAttackedMeasuredAndLeftWithoutATrace(t *testing.T) {
	r := newRealSSHD(t)
	c := newCarrier(t, nil, r.options)
	c.pace = usualPace
	out, w := attackOn(t, c, aRun("r1", r.host, "cpu", time.Second), "")
	if out.Effect != engine.Effective || out.Undo != engine.Restored || out.Cause != "deadline" {
		t.Errorf("%+v\n%s", out, w.all())
	}
	if out.Facts == nil || !strings.Contains(out.Facts.Summary, "peer 127.0.0.1 ") {
		t.Errorf("the host does not know its controller: %+v", out.Facts)
	}
	r.untouched(t)
}

func TestAStopReachesAFaultBehindARealSSHDAtOnce(t *testing.T) {
	r := newRealSSHD(t)
	c := newCarrier(t, nil, r.options)
	c.pace = usualPace
	stop := make(chan string, 1)
	var told, undone time.Time
	w := &watcher{at: map[engine.Phase]func(){
		engine.Holding:   func() { told = time.Now(); stop <- "stop" },
		engine.Verifying: func() { undone = time.Now() },
	}}
	out := c.Attack(t.Context(), aRun("r1", r.host, "cpu", time.Hour), stop, w.tell, w.line)
	if out.Undo != engine.Restored || out.Cause != "stop" {
		t.Errorf("%+v", out)
	}
	t.Logf("from the stop to the acknowledged undo: %s", undone.Sub(told).Round(time.Millisecond))
	if undone.Sub(told) > time.Second {
		t.Errorf("the stop took %s", undone.Sub(told))
	}
	r.untouched(t)
}

// F10: the server's process for our session dies.
func TestTheDeathOfTheRealServersSessionEndsCleanOnANewConnection(t *testing.T) {
	r := newRealSSHD(t)
	c := newCarrier(t, nil, r.options)
	c.pace = usualPace
	w := &watcher{at: map[engine.Phase]func(){engine.Holding: func() {
		text, err := os.ReadFile(r.run + "/chaoscat/r1/parent")
		if err != nil {
			t.Error(err)
			return
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid < 2 {
			t.Errorf("parent %q", text)
			return
		}
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.TrimSpace(string(name)) != "sshd" {
			t.Logf("the guard's parent is %q, the login shell: its death ends the session as well", name)
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}}}
	out := c.Attack(t.Context(), aRun("r1", r.host, "cpu", time.Hour), nil, w.tell, w.line)
	if out.Undo != engine.Restored || out.Cause != "lost" {
		t.Errorf("%+v", out)
	}
	r.untouched(t)
}

func TestTheRealRunnerAnswersThroughARealSSHD(t *testing.T) {
	r := newRealSSHD(t)
	defs := attacks.Builtin()
	c := newCarrier(t, nil, r.options, func(o *Options) {
		o.Runner, o.Attacks = attacks.Bundle(defs, attacks.BundleOptions{}), defs
	})
	c.pace = usualPace
	facts := c.Inspect(t.Context(), r.host, []engine.Attack{{Name: "burn", Kind: "cpu"}, {Name: "wrong", Kind: "cpu", Params: map[string]string{"load": "900"}}})
	if facts.Unreachable != "" || !strings.Contains(facts.Summary, "kernel ") {
		t.Fatalf("%+v", facts)
	}
	if _, no := facts.Infeasible["burn"]; no || facts.Infeasible["wrong"] == "" {
		t.Errorf("%+v", facts)
	}
	if found := c.Reconcile(t.Context(), aRun("nothing-there", r.host, "cpu", time.Minute)); !found.Clean || found.Text != "nothing was left" {
		t.Errorf("%+v", found)
	}
	if swept, lines := c.Sweep(t.Context(), r.host, false); !swept.Clean {
		t.Errorf("%+v %q", swept, lines)
	}
	r.untouched(t)
}
