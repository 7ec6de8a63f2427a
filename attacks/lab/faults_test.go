//go:build linux && lab

package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// This file is the ring of real hosts: the program as it is shipped attacks hosts of the lab, everything that
// can die or be cut is killed and cut, and each time the host must be as before within the time of promise 1.
// The witness is the host's serial line, which needs neither the network nor sshd.

const (
	hold  = 20 * time.Second // how long a fault is to be held
	lease = 5 * time.Second  // the shortest that the configuration takes
	slack = 5 * time.Second  // promise 1: deadline + 5 s, or lease + 5 s after contact is lost
)

// trial is one row of the table: an attack, what happens to it, and what must follow.
type trial struct {
	attack   string
	params   []string
	fault    string
	expected string
	within   time.Duration      // from the fault to the host being well again
	provoke  func(*bench) error // nil: nothing happens, the attack ends by itself
	mend     func(*bench) error // after the host is well, before it is compared
	exits    []int              // codes that the controller may end with; nil: it was killed
	alone    bool               // disturbs the other hosts, or is disturbed by them
}

// bench is a host under trial with a controller of its own.
type bench struct {
	*trial
	t       *testing.T
	l       *Lab
	h       *Host
	folder  string
	process *exec.Cmd
	out     bytes.Buffer
	ended   chan error
	id      string
	user    string // who logs in; "" is root
}

func TestEveryAttackIsUndoneWhateverDies(t *testing.T) {
	needBinary(t)
	l := start(t, Options{})
	table := &table{}
	queue := make(chan *trial)
	slots := make(chan struct{}, 2) // trials at once: more than this machine has processors only slow each other down
	var exclusive sync.RWMutex
	var workers sync.WaitGroup
	for _, h := range l.Hosts {
		workers.Go(func() {
			for tr := range queue {
				slots <- struct{}{}
				t.Run(tr.attack+"/"+tr.fault, func(t *testing.T) {
					if tr.alone {
						exclusive.Lock()
						defer exclusive.Unlock()
					} else {
						exclusive.RLock()
						defer exclusive.RUnlock()
					}
					b := &bench{trial: tr, t: t, l: l, h: h, folder: t.TempDir(), ended: make(chan error, 1)}
					table.add(b.run())
				})
				<-slots
			}
		})
	}
	for _, tr := range trials() {
		queue <- tr
	}
	close(queue)
	workers.Wait()
	t.Log("\n" + table.String())
}

func trials() (all []*trial) {
	sound := []int{0}
	stopped := []int{7}
	for _, attack := range []struct {
		name   string
		params []string
	}{{"latency", nil}, {"blackhole", nil}, {"cpu", nil}, {"service-stop", []string{"unit=lab-web.service"}}} {
		loads := attack.name == "cpu" // the hosts share the processors of this machine, and so what is measured
		all = append(all,
			&trial{attack: attack.name, params: attack.params, fault: "none", expected: "deadline reverts", within: hold + slack, exits: sound, alone: loads},
			&trial{attack: attack.name, params: attack.params, fault: "stop", expected: "undone at once", within: slack, provoke: (*bench).stop, exits: stopped, alone: loads},
			&trial{attack: attack.name, params: attack.params, fault: "SIGKILL controller", expected: "lease reverts", within: lease + slack, provoke: (*bench).killController, mend: (*bench).restart, alone: loads},
		)
	}
	for _, attack := range []string{"latency", "blackhole"} {
		all = append(all,
			&trial{attack: attack, fault: "SIGKILL guard", expected: "second guard reverts", within: lease + slack, provoke: (*bench).killGuard, exits: []int{0, 5, 7}},
			&trial{attack: attack, fault: "SIGKILL all guards and controller", expected: "kernel ends it", within: lease + slack, provoke: (*bench).killEverything, mend: (*bench).restart},
			&trial{attack: attack, fault: "SIGSTOP controller 20 s", expected: "lease reverts, not applied again", within: lease + slack, provoke: (*bench).freezeController, mend: (*bench).thawController, exits: []int{0, 5, 7}},
			&trial{attack: attack, fault: "controller's network cut", expected: "lease reverts", within: lease + slack, provoke: (*bench).cut, mend: (*bench).uncut, exits: []int{0, 5, 7}, alone: true},
			&trial{attack: attack, fault: "sshd killed", expected: "guard reverts", within: lease + slack, provoke: (*bench).killSSHD, mend: (*bench).startSSHD, exits: []int{0, 5, 7}},
			&trial{attack: attack, fault: "sshd listener killed, stop", expected: "stop on the open session", within: slack, provoke: (*bench).killListenerAndStop, mend: (*bench).startSSHD, exits: stopped},
			&trial{attack: attack, fault: "host rebooted", expected: "nothing left", within: 90 * time.Second, provoke: (*bench).reboot, exits: []int{0, 5, 6, 7}},
			&trial{attack: attack, fault: "root disk full before", expected: "armed and reverted", within: hold + slack, exits: sound},
		)
	}
	return append(all,
		&trial{attack: "blackhole", params: []string{"lifeline=false"}, fault: "SIGKILL controller, SSH itself cut", expected: "kernel and deadline revert", within: hold + 15*time.Second, provoke: (*bench).killController, mend: (*bench).restart},
		&trial{attack: "reboot", fault: "none", expected: "a new boot id", within: 2 * time.Minute, exits: sound},
	)
}

// run is one trial: apply, see it, break it, see it gone, compare.
func (b *bench) run() row {
	b.t.Helper()
	r := row{b.attack + " " + strings.Join(b.params, " "), b.fault, b.expected, "", 0}
	if b.fault == "root disk full before" {
		run(b.t, b.l, b.h, "dd if=/dev/zero of=/var/tmp/fill bs=1M 2>/dev/null; sync; true")
		defer run(b.t, b.l, b.h, "rm -f /var/tmp/fill")
	}
	b.login() // the first one after a boot leaves traces of its own
	before := residue(b.t, b.l, b.h)
	boot := bootID(b.t, b.l, b.h)
	b.launch()
	if b.attack == "reboot" {
		began := time.Now()
		eventually(b.t, b.within, "the controller ends", func() bool { return b.over() })
		r.seen, r.seconds = "boot id changed", time.Since(began).Seconds()
		if bootID(b.t, b.l, b.h) == boot {
			b.t.Errorf("the host has not rebooted: %s", b.out.String())
		}
	} else {
		b.awaitHolding()
		if !b.ill() {
			b.t.Fatalf("the fault does not show on the host: %s", b.out.String())
		}
		b.controlPathAlive()
		began := time.Now()
		if b.provoke != nil {
			if err := b.provoke(b); err != nil {
				b.t.Fatal(err)
			}
		}
		eventually(b.t, b.within, "the host is well again", func() bool { return !b.ill() })
		r.seen, r.seconds = "well", time.Since(began).Seconds()
	}
	if b.mend != nil {
		if err := b.mend(b); err != nil {
			b.t.Error(err)
		}
	}
	b.checkExit()
	swept := b.compare(before)
	switch {
	case b.t.Failed():
		r.seen = "FAILED"
	case swept:
		r.seen += ", zero residue once the sweep has been there"
	default:
		r.seen += ", zero residue"
	}
	if figures := b.figures(); figures != "" {
		r.seen += ", " + figures
	}
	return r
}

func (b *bench) config() string {
	return fmt.Sprintf(`name = "lab"
dry_run = false
[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
[safety]
lease = %q
host_cooldown = "0s"
settle = "5s"
[ssh]
user = %q
sudo = %t
agent = false
identity_files = [%q]
known_hosts = [%q]
keep_alive = "5s"
connect_timeout = "15s"
[[inventory]]
type = "static"
hosts = [{ name = %q, address = %q, groups = ["lab"] }]
[[attack]]
name = "latency"
[[attack]]
name = "blackhole"
[[attack]]
name = "cpu"
[[attack]]
name = "service-stop"
params = { unit = "lab-web.service" }
[[attack]]
name = "reboot"
[[health]]
type = "command"
command = ["true"]
[oncall]
type = "command"
command = ["echo", "the lab"]
`, lease, cmp.Or(b.user, "root"), b.user != "", b.l.KeyFile, b.l.KnownHosts, b.h.Name, b.h.Address)
}

// chaoscat is a command of the program under test, with this bench's configuration and state.
func (b *bench) chaoscat(ctx context.Context, args ...string) *exec.Cmd {
	global := []string{"-c", filepath.Join(b.folder, "chaoscat.toml"), "--state-dir", b.folder, "--no-color"}
	return b.l.Command(ctx, b.binary(), append(global, args...)...)
}

func needBinary(t *testing.T) {
	t.Helper()
	if os.Getenv("CHAOSCAT_BINARY") == "" {
		t.Fatal("CHAOSCAT_BINARY must name the program under test; make lab does that")
	}
}

func (b *bench) configure() {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.folder, "chaoscat.toml"), []byte(b.config()), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) binary() string { return os.Getenv("CHAOSCAT_BINARY") }

func (b *bench) launch() {
	b.t.Helper()
	b.configure()
	args := []string{"run-once", "--verbose", "--attack", b.attack, "--host", b.h.Name, "--wait", "--json"}
	if b.attack != "reboot" {
		args = append(args, "--for", hold.String())
	}
	for _, p := range b.params {
		args = append(args, "--param", p)
	}
	b.process = b.chaoscat(within(b.t, 5*time.Minute), args...)
	b.process.Stdout, b.process.Stderr = &b.out, &b.out
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { b.ended <- b.process.Wait(); close(b.ended) }()
	b.t.Cleanup(func() {
		_ = b.process.Process.Signal(syscall.SIGCONT)
		_ = b.process.Process.Kill()
	})
}

func (b *bench) over() bool {
	select {
	case err := <-b.ended:
		done := make(chan error, 1)
		done <- err
		b.ended = done
		return true
	default:
		return false
	}
}

// awaitHolding asks the controller's own socket.
func (b *bench) awaitHolding() {
	b.t.Helper()
	eventually(b.t, time.Minute, "the fault is held", func() bool {
		if b.over() {
			b.t.Fatalf("the controller ended before the fault was held: %s", b.out.String())
		}
		out, err := b.chaoscat(within(b.t, 10*time.Second), "status", "--json").Output()
		var s struct {
			Running []struct{ ID, Phase string }
		}
		if err != nil || json.Unmarshal(out, &s) != nil || len(s.Running) == 0 {
			return false
		}
		b.id = s.Running[0].ID
		if b.cutsItself() { // from "go" on, the controller hears nothing any more
			return slices.Contains([]string{"injecting", "holding", "lost"}, s.Running[0].Phase) && b.ill()
		}
		return s.Running[0].Phase == "holding"
	})
}

// ill asks the host itself whether it feels the fault.
func (b *bench) ill() bool {
	b.t.Helper()
	script := map[string]string{
		"latency":      "ping -n -c 1 -W 3 " + gatewayAddress + " | sed -n 's/.*time=\\([0-9]*\\).*/\\1/p' | { read -r ms && [ $ms -lt 150 ]; }",
		"blackhole":    "ping -n -c 1 -W 1 " + gatewayAddress + " >/dev/null",
		"cpu":          `busy() { read -r _ u n s i w q r t _ </proc/stat; b=$((u+n+s+q+r)); a=$((b+i+w+t)); }; busy; x=$b y=$a; sleep 1; busy; [ $(( (b-x)*100/(a-y) )) -lt 50 ]`,
		"service-stop": "systemctl is-active --quiet lab-web",
	}[b.attack]
	_, err := b.l.Run(within(b.t, 30*time.Second), b.h, script)
	var failed *Failed
	if err != nil && !errors.As(err, &failed) {
		return true // the host does not answer on its serial line: it is not well
	}
	return err != nil
}

// controlPathAlive is a login as an operator's, beside the session that carries the attack.
func (b *bench) controlPathAlive() {
	b.t.Helper()
	if !b.cutsItself() {
		b.login()
	}
}

func (b *bench) cutsItself() bool { return slices.Contains(b.params, "lifeline=false") }

func (b *bench) login() {
	b.t.Helper()
	if out, err := ssh(b.l, within(b.t, 20*time.Second), "root", b.h.Address, "true"); err != nil {
		b.t.Errorf("a new login on %s: %v %s", b.h.Name, err, out)
	}
}

func (b *bench) stop() error {
	out, err := b.chaoscat(within(b.t, time.Minute), "stop").CombinedOutput()
	if err != nil {
		return fmt.Errorf("chaoscat stop: %w: %s", err, out)
	}
	return nil
}

func (b *bench) killController() error { return b.process.Process.Kill() }

// restart is the next life of the controller: it must find the run, prove the host clean and say so.
func (b *bench) restart() error {
	<-b.ended
	if err := b.stop(); err != nil {
		return err
	}
	out, err := b.chaoscat(within(b.t, time.Minute), "history", "--json").Output()
	if err != nil || !bytes.Contains(out, []byte(`"undo":"restored"`)) {
		return fmt.Errorf("after the restart the record says %s, %v", out, err)
	}
	return nil
}

func (b *bench) killGuard() error { return b.killOnHost("guard") }

func (b *bench) killOnHost(roles ...string) error {
	var kills []string
	for _, role := range roles {
		kills = append(kills, "read -r pid _ </run/chaoscat/"+b.id+"/pid."+role+" && kill -KILL $pid")
	}
	_, err := b.l.Run(within(b.t, 30*time.Second), b.h, strings.Join(kills, "\n"))
	return err
}

// killEverything leaves nobody who could undo: what is over by then, the kernel has ended.
func (b *bench) killEverything() error {
	if err := b.killController(); err != nil {
		return err
	}
	_, err := b.l.Run(within(b.t, 30*time.Second), b.h, `for role in watchdog systemd twin guard; do
		pid=; { read -r pid _ </run/chaoscat/`+b.id+`/pid.$role; } 2>/dev/null && kill -KILL $pid; done; true`)
	return err
}

func (b *bench) freezeController() error { return b.process.Process.Signal(syscall.SIGSTOP) }

// thawController waits until the controller would have had a reason to act, lets it go on, and sees that it
// does not apply the fault again.
func (b *bench) thawController() error {
	if err := b.process.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	end := time.Now().Add(10 * time.Second)
	for time.Now().Before(end) && !b.over() {
		if b.ill() {
			return errors.New("the fault came back after the controller woke up")
		}
	}
	return nil
}

func (b *bench) cut() error   { return b.l.CutController(b.t.Context()) }
func (b *bench) uncut() error { return b.l.RestoreController(b.t.Context()) }

func (b *bench) killSSHD() error  { return b.l.KillSSHD(within(b.t, time.Minute), b.h) }
func (b *bench) startSSHD() error { return b.l.StartSSHD(within(b.t, time.Minute), b.h) }

func (b *bench) killListenerAndStop() error {
	if err := b.l.KillSSHListener(within(b.t, time.Minute), b.h); err != nil {
		return err
	}
	return b.stop()
}

func (b *bench) reboot() error { return b.l.Reboot(within(b.t, 2*time.Minute), b.h) }

// checkExit waits for a controller that was not killed; it must come to its own, right end.
func (b *bench) checkExit() {
	b.t.Helper()
	if b.exits == nil {
		return
	}
	eventually(b.t, 2*time.Minute, "the controller ends", b.over)
	code := 0
	var failed *exec.ExitError
	if err := <-b.ended; errors.As(err, &failed) {
		code = failed.ExitCode()
	}
	if code == 6 && slices.Contains(b.exits, 6) { // it stayed away longer than the controller waits: looked for again
		if err := b.stop(); err != nil {
			b.t.Errorf("the host came back and could not be proven clean: %v", err)
		}
	}
	if !slices.Contains(b.exits, code) {
		b.t.Errorf("the controller ended with %d, want one of %v: %s", code, b.exits, b.out.String())
	}
}

// compare waits until the host is exactly as before. Promise 1 gives that once a guard or the sweep has been
// there, so a host that the guard alone has not cleaned (an upload that a cut connection delivered late, say) is
// swept as an operator would, and the table says so.
func (b *bench) compare(before string) (swept bool) {
	b.t.Helper()
	var diff string
	sweepAt := time.Now().Add(25 * time.Second)
	deadline := time.Now().Add(90 * time.Second)
	for {
		after, err := b.l.Residue(within(b.t, 40*time.Second), b.h)
		if err == nil {
			diff = Diff(before, after)
		} else {
			diff = "unknown"
		}
		if diff == "" {
			return swept
		}
		if !swept && err == nil && time.Now().After(sweepAt) {
			swept = true
			if out, err := b.chaoscat(within(b.t, time.Minute), "sweep", "--host", b.h.Name).CombinedOutput(); err != nil {
				b.t.Errorf("chaoscat sweep: %v: %s", err, out)
			}
		}
		if time.Now().After(deadline) {
			b.t.Errorf("the host is not as before: %v\n%s\nthe controller said:\n%s", err, diff, b.out.String())
			return swept
		}
	}
}

// figures is what the controller measured, where it lived to say so.
func (b *bench) figures() string {
	for _, line := range strings.Split(b.out.String(), "\n") {
		var r struct {
			Result struct {
				Outcome  string
				Measured struct{ Text string }
			}
		}
		if json.Unmarshal([]byte(line), &r) == nil && r.Result.Outcome != "" {
			return r.Result.Outcome + " " + r.Result.Measured.Text
		}
	}
	return ""
}

type row struct {
	attack, fault, expected, seen string
	seconds                       float64
}

// table is what the closing of the lab shows.
type table struct {
	mu   sync.Mutex
	rows []row
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.rows, func(a, b row) int {
		return strings.Compare(a.attack+a.fault, b.attack+b.fault)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %-36s %-34s %8s  %s\n", "ATTACK", "FAULT", "EXPECTED", "SECONDS", "SEEN")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "%-26s %-36s %-34s %8s  %s\n", r.attack, r.fault, r.expected, strconv.FormatFloat(r.seconds, 'f', 1, 64), r.seen)
	}
	return b.String()
}

// once runs one attack in the foreground and returns all it said and its exit code.
func (b *bench) once(args ...string) (string, int) {
	b.t.Helper()
	out, err := b.chaoscat(within(b.t, 3*time.Minute), append([]string{"run-once", "--wait", "--json", "--host", b.h.Name}, args...)...).CombinedOutput()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return string(out), 0
	case errors.As(err, &failed):
		return string(out), failed.ExitCode()
	}
	b.t.Fatal(err)
	return "", 0
}

func TestAnOrdinaryUserNeedsTheOneSudoRuleAndNoMore(t *testing.T) {
	needBinary(t)
	l := start(t, Options{Hosts: 1})
	b := &bench{t: t, l: l, h: l.Hosts[0], folder: t.TempDir(), user: "chaos"}
	b.configure()
	if out, code := b.once("--attack", "cpu", "--for", "5s"); code != 4 || !strings.Contains(out, "chaoscat sudoers") {
		t.Errorf("without the rule: exit %d, want 4 with the hint: %s", code, out)
	}
	rule, err := b.chaoscat(within(t, time.Minute), "sudoers").Output()
	if err != nil {
		t.Fatal(err)
	}
	run(t, l, b.h, "cat >/etc/sudoers.d/chaoscat <<'END'\n"+string(rule)+"END\nchmod 0440 /etc/sudoers.d/chaoscat && visudo -cf /etc/sudoers.d/chaoscat")
	if out, err := ssh(l, within(t, 30*time.Second), "chaos", b.h.Address, "sudo -n id -u"); err == nil {
		t.Errorf("the rule allows more than the runner: %s", out)
	}
	before := residue(t, l, b.h)
	for _, attack := range [][]string{{"--attack", "cpu", "--for", "10s"}, {"--attack", "latency", "--for", "10s"}} {
		if out, code := b.once(attack...); code != 0 || !strings.Contains(out, `"undo":"restored"`) {
			t.Errorf("%v with the rule: exit %d: %s", attack, code, out)
		}
	}
	b.compare(before)
}

func TestAHostWithoutNftSaysSoAndCanStillBeMadeBusy(t *testing.T) {
	needBinary(t)
	const kernel, modules = "/usr/bin/linux.uml", "/usr/lib/uml/modules"
	if _, err := os.Stat(kernel); err != nil {
		t.Skipf("no packaged user-mode Linux: %v; install the package user-mode-linux", err)
	}
	l := start(t, Options{Hosts: 1, Kernel: kernel, Modules: modules})
	b := &bench{t: t, l: l, h: l.Hosts[0], folder: t.TempDir()}
	b.configure()
	b.login()
	before := residue(t, l, b.h)
	for _, attack := range []string{"latency", "blackhole"} {
		if out, code := b.once("--attack", attack, "--for", "10s"); code != 4 || !strings.Contains(out, "infeasible") {
			t.Errorf("%s: exit %d, want 4 and infeasible: %s", attack, code, out)
		}
	}
	if out, code := b.once("--attack", "cpu", "--for", "10s"); code != 0 {
		t.Errorf("cpu: exit %d: %s", code, out)
	}
	b.compare(before)
}
