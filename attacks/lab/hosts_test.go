//go:build linux && lab

package lab

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// This file is the program on hosts that are not as one would wish.

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
	b.tidied()
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
	b.tidied()
	b.compare(before)
}
