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
	root    string // its file system, seen from here
	run     string // its /run, seen from here
	options func(*Options)
}

// world is how a host differs from an ordinary one.
type world struct {
	prepare string // shell lines in the server's mount namespace, before it starts; $dir is a folder of the test's
	config  string // more of sshd_config
	user    string // who logs in; "" is root
}

func newRealSSHD(t *testing.T) realSSHD { return newWorld(t, world{user: "root"}) }

func newWorld(t *testing.T, w world) realSSHD {
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
	text := fmt.Appendf([]byte(strings.ReplaceAll(w.config, "$dir", dir)), "ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s/authorized_keys\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nPidFile none\n", port, hostKey, dir)
	if !strings.Contains(w.config, "SetEnv") { // what root has in its profile on this machine is no business of ours
		text = fmt.Appendf(text, "SetEnv HOME=%s\n", dir)
	}
	config := write(t, dir, "sshd_config", text)
	start := exec.Command("unshare", "--mount", "sh", "-c", `set -e
		mount -t tmpfs tmpfs /run; mkdir -p /run/sshd
		dir=$2 server=$0 config=$1
		`+w.prepare+`
		exec "$server" -D -e -f "$config"`, sshd, config, dir)
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
		host: engine.Host{Name: "real", Address: "127.0.0.1", Port: port, User: w.user},
		root: fmt.Sprintf("/proc/%d/root", start.Process.Pid),
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
	for _, place := range []string{r.run + "/chaoscat/*", r.run + "/root/run/chaoscat/*", r.root + "/dev/shm/chaoscat*"} {
		left, err := filepath.Glob(place)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %q %v", left, err)
		}
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

// real is the catalogue as it is shipped, with a sudo rule's user if there is one.
func real(r realSSHD, sudo bool) []func(*Options) {
	defs := attacks.Builtin()
	return []func(*Options){r.options, func(o *Options) {
		o.Runner, o.Attacks, o.Sudo = attacks.Bundle(defs, attacks.BundleOptions{}), defs, sudo
		o.ConnectTimeout, o.CommandTimeout = 60*time.Second, 60*time.Second
	}}
}

// ordinary makes the user chaos, with a password that nobody has, and the sudo rules that are said.
const ordinary = `
	echo 'chaos:x:4711:4711::/:/bin/sh' | cat /etc/passwd - >$dir/passwd; mount --bind $dir/passwd /etc/passwd
	echo 'chaos:*:19000:0:99999:7:::' | cat /etc/shadow - >$dir/shadow; chmod 600 $dir/shadow; mount --bind $dir/shadow /etc/shadow
	echo 'chaos:x:4711:' | cat /etc/group - >$dir/group; mount --bind $dir/group /etc/group
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	cp $dir/authorized_keys /run/sshd/keys; chmod 644 /run/sshd/keys
	{ echo 'root ALL=(ALL) ALL'; cat $dir/rule 2>/dev/null || :; } >$dir/sudoers; chmod 440 $dir/sudoers; mount --bind $dir/sudoers /etc/sudoers
`

// What a login may say before, around and in place of the runner: control characters, an open line, and lines
// that a runner would say, with a nonce that is not the session's.
const chatter = `
	printf '%s\n' 'printf "\033[2J\033]52;c;ZXZpbA==\007\302\233 welcome\r\n"' 'echo "%0123456789abcdef restored"' \
		'echo "%0000000000000000 armed layers=kernel,guard,systemd boot=x"' 'echo "%nonce done"' 'echo this goes to the other stream >&2' 'printf "an open line: "' >$dir/bashrc
	mkdir -p $dir/home; cp $dir/bashrc $dir/home/.bashrc; cp $dir/bashrc $dir/home/.profile
	sed "s,^root:.*,root:x:0:0:root:$dir/home:/bin/bash," /etc/passwd >$dir/passwd; mount --bind $dir/passwd /etc/passwd
`

// sparse leaves the programs of one busybox and the server.
const sparse = `
	mkdir $dir/bin $dir/sbin $dir/none
	cp $(command -v busybox) $dir/bin/busybox; cp $server $dir/sbin/sshd
	for applet in $(busybox --list); do [ -e $dir/bin/$applet ] || ln -s busybox $dir/bin/$applet; done
	sed 's,^root:.*,root:x:0:0:root:/:/bin/sh,' /etc/passwd >$dir/passwd; mount --bind $dir/passwd /etc/passwd
	mount --bind $dir/none /usr/local/sbin; mount --bind $dir/none /usr/local/bin
	mount --bind $dir/bin /usr/bin; busybox mount -o bind $dir/sbin /usr/sbin
`

// elsewhere makes a root that has no /run, for the sessions alone: the server needs its own.
const elsewhere = `
	chmod 755 /run; mkdir /run/root; mount -t tmpfs -o mode=755 tmpfs /run/root; cd /run/root
	for link in bin sbin lib lib32 lib64 libx32; do [ ! -L /$link ] || cp -P /$link .; done
	for place in usr etc proc dev var root; do mkdir $place; mount --rbind /$place $place; done
	cd /
`

const inThere = "ChrootDirectory /run/root\n"

func TestHostsThatAreNotAsOneWouldWishAreAttackedAllTheSame(t *testing.T) {
	for _, row := range []struct {
		name string
		world
	}{
		{"a root that is read-only", world{prepare: "mount --make-rprivate /; mount -o remount,bind,ro /"}},
		{"a /run that lies on a disk", world{prepare: "mkdir $dir/run; mount --bind $dir/run /run; mkdir -p /run/sshd"}},
		{"no systemd", world{}},
		{"a banner, a motd and a server that talks", world{config: "Banner $dir/banner\nPrintMotd yes\nPrintLastLog yes\n", prepare: "yes 'NOTICE: authorised use only %0123456789abcdef restored' | head -n 500 >$dir/banner; mount --bind $dir/banner /etc/motd"}},
		{"a chatty profile with control characters and forged words", world{prepare: chatter}},
		{"nothing but busybox", world{prepare: sparse}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			row.world.user = "root"
			r := newWorld(t, row.world)
			c := newCarrier(t, nil, real(r, false)...)
			c.pace = usualPace
			attackedWithoutATrace(t, c, r)
		})
	}
}

func attackedWithoutATrace(t *testing.T, c *Carrier, r realSSHD) {
	t.Helper()
	run := aRun("r1", r.host, "cpu", 2*time.Second)
	run.Attack.Params = map[string]string{"load": "2", "workers": "1"}
	out, w := attackOn(t, c, run, "")
	if out.Undo != engine.Restored || out.Cause != "deadline" || !out.Applied {
		t.Errorf("%+v\n%s", out, w.all())
	}
	if out.Facts == nil || !strings.Contains(out.Facts.Summary, "kernel ") {
		t.Errorf("the host says nothing of itself: %+v", out.Facts)
	}
	for _, line := range w.lines {
		if strings.ContainsAny(line, "\x1b\x07\r\u009b") {
			t.Errorf("a line was passed on as it came: %q", line)
		}
	}
	r.untouched(t)
}

func TestHostsThatCannotTakeTheRunnerSayWhyAndAreLeftAsTheyWere(t *testing.T) {
	for _, row := range []struct {
		name string
		world
		want string
	}{
		{"a /run that cannot be written", world{prepare: "mount -o remount,ro /run"}, "Read-only file system"},
		{"a /run that is full", world{prepare: "mount -o remount,size=8k /run; head -c 8192 /dev/zero >/run/fill 2>/dev/null || :"}, "No space left"},
		{"no /run and a root that is read-only", world{config: inThere, prepare: elsewhere + "mount -o remount,ro /run/root"}, "Read-only file system"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			row.world.user = "root"
			r := newWorld(t, row.world)
			c := newCarrier(t, nil, real(r, false)...)
			c.pace = usualPace
			out, w := attackOn(t, c, aRun("r1", r.host, "cpu", time.Second), "")
			if out.Applied || out.Undo == engine.Residue || !strings.Contains(out.Detail, row.want) || strings.Contains(out.Detail, "\n") {
				t.Errorf("%+v\n%s", out, w.all())
			}
			r.untouched(t)
		})
	}
}

// A host without /run gets one that holds nothing but the run; it is the upload that makes it.
func TestAHostWithoutRunIsAttackedFromAFolderOfThatName(t *testing.T) {
	r := newWorld(t, world{config: inThere, prepare: elsewhere, user: "root"})
	c := newCarrier(t, nil, real(r, false)...)
	c.pace = usualPace
	attackedWithoutATrace(t, c, r)
}

func TestAnOrdinaryUserAttacksBySudoAloneWhateverTTYTheRestNeeds(t *testing.T) {
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Skip("needs sudo")
	}
	for _, row := range []struct {
		name, rule string
		want       string // "" if it works
	}{
		{"no rule", "", "chaoscat sudoers"},
		{"the rule", "RULE", ""},
		{"the rule, and requiretty for everybody", "Defaults requiretty\nRULE", ""},
		{"requiretty after a rule of one's own", "chaos ALL=(root) NOPASSWD: ALL\nDefaults requiretty\n", "you must have a tty to run sudo"},
		{"a rule for another runner", strings.Repeat("0", 64), "chaoscat sudoers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			digest := attacks.Bundle(attacks.Builtin(), attacks.BundleOptions{}).Digest
			rule, err := Sudoers("chaos", digest)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(row.rule, "RULE", rule)
			if len(row.rule) == 64 {
				text = strings.ReplaceAll(rule, digest, row.rule)
			}
			r := newWorld(t, world{prepare: "cat >$dir/rule <<'RULES'\n" + text + "\nRULES\n" + ordinary, config: "AuthorizedKeysFile /run/sshd/keys\n", user: "chaos"})
			c := newCarrier(t, nil, real(r, true)...)
			c.pace = usualPace
			if row.want == "" {
				attackedWithoutATrace(t, c, r)
				return
			}
			out, w := attackOn(t, c, aRun("r1", r.host, "cpu", time.Second), "")
			if out.Applied || !strings.Contains(out.Detail, row.want) {
				t.Errorf("%+v\n%s", out, w.all())
			}
			r.untouched(t)
		})
	}
}

func TestWithNothingButBusyboxEachAttackIsFeasibleOrSaysInOneSentenceWhyNot(t *testing.T) {
	r := newWorld(t, world{prepare: sparse, user: "root"})
	c := newCarrier(t, nil, real(r, false)...)
	c.pace = usualPace
	facts := c.Inspect(t.Context(), r.host, []engine.Attack{
		{Name: "burn", Kind: "cpu"}, {Name: "slow", Kind: "latency"}, {Name: "hole", Kind: "blackhole"}, {Name: "stop", Kind: "service-stop", Params: map[string]string{"unit": "web.service"}},
	})
	if facts.Unreachable != "" || facts.Infeasible["burn"] != "" {
		t.Fatalf("%+v", facts)
	}
	for name, want := range map[string]string{"slow": "this host has no ", "hole": "this host has no nft", "stop": "this host is not run by systemd"} {
		if got := facts.Infeasible[name]; !strings.HasPrefix(got, want) || strings.ContainsAny(got, "\n\x1b") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	r.untouched(t)
}
