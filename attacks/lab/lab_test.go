//go:build linux && lab

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// told is a Writer into the test's log.
type told struct{ t *testing.T }

func (w told) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

func start(t *testing.T, o Options) *Lab {
	t.Helper()
	if err := Available(); err != nil {
		t.Fatalf("the lab was asked for and cannot be had: %v", err)
	}
	o.Log = told{t}
	began := time.Now()
	l, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d hosts answer SSH after %.1f s", len(l.Hosts), time.Since(began).Seconds())
	return l
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func run(t testing.TB, l *Lab, h *Host, script string) string {
	t.Helper()
	out, err := l.Run(within(t, time.Minute), h, script)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func residue(t testing.TB, l *Lab, h *Host) string {
	t.Helper()
	began := time.Now()
	text, err := l.Residue(within(t, time.Minute), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("residue of %s: %d bytes in %.1f s", h.Name, len(text), time.Since(began).Seconds())
	return text
}

// ssh runs a command on the host as an operator would, with the host key verified.
func ssh(l *Lab, ctx context.Context, user, address, script string) (string, error) {
	out, err := l.Command(ctx, "ssh", "-i", l.KeyFile, "-o", "UserKnownHostsFile="+l.KnownHosts, "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5", user+"@"+address, script).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// ping returns the round-trip time from the controller to an address.
func ping(t *testing.T, l *Lab, address string) time.Duration {
	t.Helper()
	out, err := l.Command(within(t, 10*time.Second), "ping", "-n", "-c", "1", "-W", "3", address).CombinedOutput()
	found := regexp.MustCompile(`time=([0-9.]+) ms`).FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("ping %s: %v: %s", address, err, out)
	}
	ms, _ := strconv.ParseFloat(string(found[1]), 64)
	return time.Duration(ms * float64(time.Millisecond))
}

func bootID(t testing.TB, l *Lab, h *Host) string {
	t.Helper()
	return run(t, l, h, "cat /proc/sys/kernel/random/boot_id")
}

// eventually asks until it is so or the time is up.
func eventually(t testing.TB, limit time.Duration, what string, so func() bool) {
	t.Helper()
	end := time.After(limit)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-end:
			t.Fatalf("not within %s: %s", limit, what)
		case <-again.C:
		}
	}
}

func TestRealHosts(t *testing.T) {
	l := start(t, Options{})
	first, second, third := l.Hosts[0], l.Hosts[1], l.Hosts[2]

	t.Run("EveryHostIsItselfAndTakesTheKeyOfRootAndOfAUserWithoutPrivilege", func(t *testing.T) {
		var ids []string
		for _, h := range l.Hosts {
			out, err := ssh(l, within(t, 30*time.Second), "root", h.Address, "hostname; id -un; cat /etc/machine-id")
			if words := strings.Fields(out); err != nil || len(words) != 3 || words[0] != h.Name || words[1] != "root" {
				t.Fatalf("%s says %q, %v", h.Name, out, err)
			}
			ids = append(ids, out)
			if out, err := ssh(l, within(t, 30*time.Second), "chaos", h.Address6, "id -un; sudo -n true && echo privileged"); !strings.HasPrefix(out, "chaos") ||
				strings.Contains(out, "privileged") {
				t.Errorf("%s over IPv6 as chaos says %q, %v", h.Name, out, err)
			}
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 3 {
			t.Errorf("hosts share a machine id: %q", ids)
		}
	})

	t.Run("ASessionHasAScopeOfItsOwnAndHostsStartWithoutAFailedUnit", func(t *testing.T) {
		began := time.Now()
		out, err := ssh(l, within(t, 30*time.Second), "root", first.Address, "cat /proc/self/cgroup")
		if err != nil || !strings.Contains(out, "/user.slice/user-0.slice/session-") {
			t.Errorf("a session lives in %q, %v", out, err)
		}
		t.Logf("a login takes %d ms", time.Since(began).Milliseconds())
		if failed := run(t, l, first, "systemctl --failed --no-legend"); failed != "" {
			t.Errorf("failed: %s", failed)
		}
		t.Log(run(t, l, first, "systemd-analyze; free -m"))
	})

	t.Run("ADialledConnectionIsAnOrdinaryOneFromTheControllersAddress", func(t *testing.T) {
		conn, err := l.Dial(within(t, 10*time.Second), "tcp", "lab-2:8080")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if from := conn.LocalAddr().String(); !strings.HasPrefix(from, l.Controller+":") {
			t.Errorf("the connection comes from %s", from)
		}
		fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Errorf("the web service says %q, %v", line, err)
		}
		if _, err := l.Dial(within(t, time.Second), "tcp", "localhost:22"); err == nil {
			t.Error("a name that is no host of the lab was dialled")
		}
	})

	t.Run("ScriptsTellTheirStatusAndErrorsAndCarryMegabytes", func(t *testing.T) {
		out, err := l.Run(within(t, 10*time.Second), first, "echo said; echo complained >&2; exit 7")
		if failed := new(Failed); !errors.As(err, &failed) || failed.Status != 7 || failed.Stderr != "complained\n" || out != "said\n" {
			t.Errorf("out %q, error %v", out, err)
		}
		long := "# " + strings.Repeat("x", 1<<20) + "\nhead -c 3000000 /dev/zero | tr '\\0' y"
		if out := run(t, l, first, long); len(out) != 3000000 {
			t.Errorf("%d bytes came of 3000000", len(out))
		}
	})

	t.Run("ASlowScriptHoldsUpNobodyAndOneInTheBackgroundIsNotWaitedFor", func(t *testing.T) {
		slow := make(chan error, 1)
		ctx, cancel := context.WithCancel(within(t, time.Minute))
		go func() {
			_, err := l.Run(ctx, first, "sleep 600")
			slow <- err
		}()
		run(t, l, first, "sleep 600 & echo $!")
		cancel()
		if err := <-slow; !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled script ends with %v", err)
		}
		run(t, l, first, "pkill -x sleep")
	})

	t.Run("TwoResiduesOfAnIdleHostAreEqualAlsoAcrossLogins", func(t *testing.T) {
		before := residue(t, l, third)
		if _, err := ssh(l, within(t, 30*time.Second), "root", third.Address, "true"); err != nil {
			t.Fatal(err)
		}
		if diff := Diff(before, residue(t, l, third)); diff != "" {
			t.Errorf("an idle host differs from itself:\n%s", diff)
		}
	})

	t.Run("AResidueTellsEachKindOfLeftover", func(t *testing.T) {
		before := residue(t, l, third)
		run(t, l, third, `tc qdisc add dev vec0 root handle 1: prio
			nft add table inet chaoscat_x
			iptables-legacy -N CHAOSCAT
			ip address add 10.99.0.1/32 dev lo
			mkdir -p /run/chaoscat/x /mnt/x && mount -t tmpfs none /mnt/x
			systemctl stop lab-web; systemctl --runtime mask systemd-hostnamed 2>/dev/null
			systemd-run --quiet --unit chaoscat-x sleep 6000
			systemd-run --quiet --unit chaoscat-y --setenv CHAOSCAT=1 sleep 7000
			echo changed >>/etc/motd; echo new >/srv/new
			mkdir /sys/fs/cgroup/chaoscat
			date -s '+1 day' >/dev/null`)
		diff := Diff(before, residue(t, l, third))
		for _, part := range []string{"qdisc: +", "nft: +", "iptables: +", "addresses: +", "mounts: + ", "masked: +", "units: -",
			"unit-files: +", "volatile: +", "processes: + /usr/bin/sleep 6000", "processes: + ours: /usr/bin/sleep 7000", "etc: +", "disk-files: + /srv/new", "cgroups: +", "clock: + 86"} {
			if !strings.Contains(diff, part) {
				t.Errorf("nothing told of %q", part)
			}
		}
		if t.Failed() {
			t.Logf("told was\n%s", diff)
		}
		run(t, l, third, `tc qdisc del dev vec0 root; nft delete table inet chaoscat_x; iptables-legacy -X CHAOSCAT
			ip address del 10.99.0.1/32 dev lo; umount /mnt/x
			rmdir /run/chaoscat/x /run/chaoscat /mnt/x /sys/fs/cgroup/chaoscat
			systemctl stop chaoscat-x chaoscat-y; systemctl --runtime unmask systemd-hostnamed 2>/dev/null; systemctl start lab-web
			rm /srv/new; date -s '-1 day' >/dev/null`)
		diff = Diff(before, residue(t, l, third))
		for line := range strings.Lines(diff) {
			if !strings.Contains(line, "/etc/motd") {
				t.Errorf("still there after the clean-up: %s", line)
			}
		}
	})

	t.Run("WithTheControllerCutOffTheHostsSeeEachOtherAndTheSerialLineWorks", func(t *testing.T) {
		if err := l.CutController(t.Context()); err != nil {
			t.Fatal(err)
		}
		if conn, err := l.Dial(within(t, 2*time.Second), "tcp", first.Address+":22"); err == nil {
			conn.Close()
			t.Error("the controller still reaches a host")
		}
		run(t, l, first, "ping -c 1 -W 3 "+second.Address+" && ping -c 1 -W 3 "+gatewayAddress)
		if err := l.RestoreController(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "the controller reaches the host again", func() bool { return l.greets(t.Context(), first) })
	})

	t.Run("WithSSHDKilledTheSerialLineWorksAndSSHDComesBack", func(t *testing.T) {
		session := l.Command(within(t, time.Minute), "ssh", "-i", l.KeyFile, "-o", "UserKnownHostsFile="+l.KnownHosts,
			"root@"+second.Address, "echo in; exec sleep 600")
		out, err := session.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("no session: %v", err)
		}
		if err := l.KillSSHListener(within(t, time.Minute), second); err != nil {
			t.Fatal(err)
		}
		if l.greets(t.Context(), second) {
			t.Error("the listener still greets")
		}
		if session.Process.Signal(syscall.Signal(0)) != nil {
			t.Error("the open session went with the listener")
		}
		if err := l.KillSSHD(within(t, time.Minute), second); err != nil {
			t.Fatal(err)
		}
		if err := session.Wait(); err == nil {
			t.Error("the session outlived its sshd")
		}
		run(t, l, second, "pkill -x sleep")
		if err := l.StartSSHD(within(t, time.Minute), second); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("NetemDelaysAndATimedNftSetEndsByItself", func(t *testing.T) {
		base := ping(t, l, first.Address)
		run(t, l, first, `set -e
			tc qdisc add dev vec0 root handle 1: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
			tc qdisc add dev vec0 parent 1:4 handle 40: netem delay 200ms
			tc filter add dev vec0 parent 1: handle 0x77 fw flowid 1:4
			nft -f - <<-END
				table inet probe {
					set live { type ipv4_addr; flags timeout; }
					chain out { type filter hook output priority 0; ip daddr @live meta mark set 0x77; }
				}
			END
			nft add element inet probe live '{ `+l.Controller+` timeout 4s }'`)
		began := time.Now()
		slow := ping(t, l, first.Address)
		if slow < 200*time.Millisecond {
			t.Errorf("netem: %s before, %s with 200 ms of delay", base, slow)
		}
		eventually(t, 8*time.Second, "the delay ends with the set's element", func() bool { return ping(t, l, first.Address) < 150*time.Millisecond })
		t.Logf("%s, then %s, over after %.1f s", base, slow, time.Since(began).Seconds())
		run(t, l, first, "nft delete table inet probe; tc qdisc del dev vec0 root")
	})

	t.Run("ARebootIsARealOneAndTheHostComesBackAsItWas", func(t *testing.T) {
		before, was := residue(t, l, first), bootID(t, l, first)
		run(t, l, first, "tc qdisc add dev vec0 root netem delay 50ms; ip link set vec0 txqueuelen 500; mkdir /run/chaoscat")
		for range 2 { // the second shows that the first closed its tap
			began := time.Now()
			if err := l.Reboot(within(t, 2*time.Minute), first); err != nil {
				t.Fatal(err)
			}
			now := bootID(t, l, first)
			if now == was {
				t.Error("the boot id is the old one")
			}
			was = now
			t.Logf("down and up in %.1f s", time.Since(began).Seconds())
			if _, err := ssh(l, within(t, 30*time.Second), "root", first.Address, "true"); err != nil {
				t.Errorf("no login with the host key of before: %v", err)
			}
		}
		if diff := Diff(before, residue(t, l, first)); diff != "" {
			t.Errorf("a rebooted host differs:\n%s", diff)
		}
	})

	t.Run("APowerCutIsSuddenAndTheDiskSurvivesIt", func(t *testing.T) {
		run(t, l, second, "echo kept >/srv/kept; sync")
		was := bootID(t, l, second)
		l.PowerCut(second)
		if l.greets(t.Context(), second) {
			t.Error("a host without power greets")
		}
		if err := l.Boot(within(t, 2*time.Minute), second); err != nil {
			t.Fatal(err)
		}
		if got := run(t, l, second, "cat /srv/kept"); got != "kept" || bootID(t, l, second) == was {
			t.Errorf("after the power cut /srv/kept holds %q", got)
		}
		if err := l.Boot(within(t, time.Second), second); err == nil {
			t.Error("a host that runs was booted again")
		}
	})

	t.Run("CloseLeavesNothingBehind", func(t *testing.T) {
		pids := machinePids(l)
		if len(pids) < 3 {
			t.Fatalf("found %d processes of three hosts; the search is broken", len(pids))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, l, pids)
	})
}

// machinePids are the processes of this machine whose command line names the lab's folder.
func machinePids(l *Lab) []int { return pidsNaming(l.Folder + "/") }

func pidsNaming(text string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// alive is false for a process that is dead and only waits for its parent, or the machine's init, to take note.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

func nothingLeft(t *testing.T, l *Lab, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	if left := machinePids(l); len(left) > 0 {
		t.Errorf("processes %v still name the lab", left)
	}
	for _, path := range []string{filepath.Join(namespaceFolder, l.Namespace), filepath.Join(namespaceFolder, l.Namespace+"-net"), l.Folder} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
	if out, err := exec.Command("ip", "-o", "link").Output(); err != nil || strings.Contains(string(out), "tap1:") {
		t.Errorf("a tap is left on the machine: %s %v", out, err)
	}
}

func TestALabEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l, err := Start(ctx, Options{Hosts: 1})
	if err != nil {
		t.Fatal(err)
	}
	pids := machinePids(l)
	cancel()
	eventually(t, 10*time.Second, "the folder is gone", func() bool {
		_, err := os.Stat(l.Folder)
		return errors.Is(err, os.ErrNotExist)
	})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, l, pids)
}

// holdEnv makes the test binary a test that is about to be killed.
const holdEnv = "LAB_TEST_HOLD"

func TestHostsDieWithATestThatIsKilledAndTheNextOneSweepsUp(t *testing.T) {
	if os.Getenv(holdEnv) != "" {
		l, err := Start(context.Background(), Options{Hosts: 1})
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("up", l.Folder)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), holdEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder string
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		folder, _ = strings.CutPrefix(lines.Text(), "up ")
		if folder == lines.Text() {
			folder = ""
		}
	}
	pids := pidsNaming(folder + "/")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if folder == "" || len(pids) == 0 {
		t.Fatalf("the other test did not boot: folder %q, processes %v", folder, pids)
	}
	eventually(t, 5*time.Second, "every process of its host is dead", func() bool { return !slices.ContainsFunc(pids, alive) })
	sweep(os.TempDir())
	nothingLeft(t, &Lab{Folder: folder, Namespace: filepath.Base(folder)}, pids)
}

func TestThePackagedKernelIsAHostWithoutNft(t *testing.T) {
	const kernel, modules = "/usr/bin/linux.uml", "/usr/lib/uml/modules"
	if _, err := os.Stat(kernel); err != nil {
		t.Skipf("no packaged user-mode Linux: %v; install the package user-mode-linux", err)
	}
	l := start(t, Options{Hosts: 1, Kernel: kernel, Modules: modules})
	h := l.Hosts[0]
	t.Log(run(t, l, h, "uname -r; lsmod | head -5"))
	if out, err := l.Run(within(t, time.Minute), h, "nft add table inet x"); err == nil {
		t.Errorf("this host has nft: %s", out)
	}
	run(t, l, h, "tc qdisc add dev vec0 root netem delay 100ms")
	if slow := ping(t, l, h.Address); slow < 100*time.Millisecond {
		t.Errorf("netem delays %s of 100 ms", slow)
	}
	run(t, l, h, "tc qdisc del dev vec0 root; iptables-legacy -N CHAOSCAT && iptables-legacy -A CHAOSCAT -m recent --rcheck --seconds 5 -j DROP && iptables-legacy -F && iptables-legacy -X")
	before := residue(t, l, h)
	if err := l.Reboot(within(t, 2*time.Minute), h); err != nil {
		t.Fatal(err)
	}
	if diff := Diff(before, residue(t, l, h)); diff != "" {
		t.Errorf("a rebooted host differs:\n%s", diff)
	}
}
