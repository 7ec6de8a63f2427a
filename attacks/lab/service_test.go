//go:build linux && lab

package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// This file is chaoscat as people install it: the package on one host of the lab, its service there, attacking another.

// serviceConfig attacks by order only: an hour would go by before the first look at the schedule.
const serviceConfig = `name = "%s"
dry_run = false
[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = ["00:00-24:00"]
check_every = "1h"
[safety]
lease = "5s"
host_cooldown = "0s"
settle = "5s"
[ssh]
user = "root"
agent = false
identity_files = ["key"]
known_hosts = ["known_hosts"]
keep_alive = "5s"
survey_rate = 0
[[inventory]]
type = "static"
hosts = [{ name = "%s", address = "%s" }]
[[attack]]
name = "latency"
for = "5m"
[[health]]
type = "command"
command = ["true"]
[oncall]
type = "command"
command = ["echo", "the lab"]
`

// service is the controller's host and the one that it attacks.
type service struct {
	*testing.T
	l            *Lab
	from, target *Host
	deb          string
	before       string // how the target was
}

func (s service) run(script string) string { s.Helper(); return run(s, s.l, s.from, script) }

// until waits on the host itself for a condition: asking from here each time would cost the hosts what they need
// themselves.
func (s service) until(h *Host, limit time.Duration, what, condition string) {
	s.Helper()
	script := fmt.Sprintf("for i in $(seq %d); do if %s; then exit 0; fi; sleep 1; done; exit 1", int(limit.Seconds()), condition)
	if _, err := s.l.Run(within(s, 2*limit), h, script); err != nil {
		s.Log(s.run("cat /run/attack.out; systemctl status chaoscat; journalctl --no-pager -n 40 -u chaoscat"))
		s.Fatalf("not within %s: %s", limit, what)
	}
}

// put writes a file on the controller's host.
func (s service) put(path, mode, owner string, text []byte) {
	s.Helper()
	c := s.l.Command(within(s, time.Minute), "ssh", "-i", s.l.KeyFile, "-o", "UserKnownHostsFile="+s.l.KnownHosts, "-o", "BatchMode=yes",
		"root@"+s.from.Address, fmt.Sprintf("install -m %s -o %s /dev/stdin %s", mode, owner, path))
	c.Stdin = bytes.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil {
		s.Fatalf("writing %s: %v: %s", path, err, out)
	}
}

// configure writes the configuration by which that name is attacked.
func (s service) configure(name string) {
	s.Helper()
	s.put("/etc/chaoscat/chaoscat.toml", "0644", "root", fmt.Appendf(nil, serviceConfig, name, s.target.Name, s.target.Address))
}

// on tells whether the target is under attack.
func (s service) on() bool {
	return strings.Contains(run(s, s.l, s.target, "tc qdisc show dev vec0"), "netem")
}

// attack orders one, which goes on after this has returned.
func (s service) attack() {
	s.Helper()
	s.run(fmt.Sprintf("chaoscat run-once --attack latency --host %s >/run/attack.out 2>&1 &", s.target.Name))
	s.until(s.target, 90*time.Second, "the target is under attack", "tc qdisc show dev vec0 | grep -q netem")
}

// restarted is a condition: systemd has started the service so often again, and it serves.
func restarted(times int) string {
	return fmt.Sprintf(`[ "$(systemctl show chaoscat --value --property NRestarts)" = %d ] && systemctl -q is-active chaoscat`, times)
}

func (s service) property(name string) string {
	s.Helper()
	return s.run("systemctl show chaoscat --value --property " + name)
}

func TestTheServiceOfThePackageKeepsThePromises(t *testing.T) {
	packages, err := filepath.Glob(filepath.Join(os.Getenv("CHAOSCAT_PACKAGES"), "chaoscat_*_amd64.deb"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("CHAOSCAT_PACKAGES must name a folder with one package for this processor, and has %q; make lab makes it", packages)
	}
	l := start(t, Options{Hosts: 2})
	if _, err := ssh(l, within(t, time.Minute), "root", l.Hosts[1].Address, "true"); err != nil { // the first login of all leaves a greeting
		t.Fatal(err)
	}
	before := residue(t, l, l.Hosts[1])
	for _, step := range []struct {
		promise string
		holds   func(service)
	}{
		{"APackageThatIsInstalledStartsNothing", service.installed},
		{"ItServesAsAUserOfItsOwnAndSaysHowItIs", service.serves},
		{"AReloadThatCannotBeTakenFailsAndTouchesNoAttack", service.reloaded},
		{"AHungEngineIsStartedAnewAndNoAttackSurvivesThat", service.hung},
		{"AStopHoldsOverAKillAndTheRestartAfterIt", service.stopped},
		{"APackageThatIsPurgedLeavesWhatPeopleHaveWritten", service.purged},
	} {
		if !t.Run(step.promise, func(t *testing.T) { step.holds(service{t, l, l.Hosts[0], l.Hosts[1], packages[0], before}) }) {
			return // the others stand on it
		}
	}
}

func (s service) installed() {
	deb, err := os.ReadFile(s.deb)
	if err != nil {
		s.Fatal(err)
	}
	s.put("/root/chaoscat.deb", "0600", "root", deb)
	s.Log(s.run("dpkg -i /root/chaoscat.deb 2>&1 && rm /root/chaoscat.deb"))
	s.run("systemctl start chaoscat")
	if got := s.run("systemctl is-active chaoscat; systemctl is-enabled chaoscat; true"); got != "inactive\ndisabled" {
		s.Errorf("without a configuration the service is %q", got)
	}
	s.Log(s.run("systemd-analyze --no-pager security chaoscat | tail -n 1"))
}

func (s service) serves() {
	for from, to := range map[string]string{s.l.KeyFile: "/etc/chaoscat/key", s.l.KnownHosts: "/etc/chaoscat/known_hosts"} {
		text, err := os.ReadFile(from)
		if err != nil {
			s.Fatal(err)
		}
		s.put(to, "0600", "chaoscat", text)
	}
	s.configure("first")
	s.run("mkdir -p /run/systemd/system/chaoscat.service.d; printf '[Service]\nWatchdogSec=8s\nRestartSec=1s\n' >/run/systemd/system/chaoscat.service.d/lab.conf; systemctl daemon-reload")
	s.run("systemctl enable --now chaoscat || { journalctl -n 40 --no-pager -u chaoscat >&2; exit 1; }")
	if got := s.run("systemctl is-active chaoscat; ps -o user= -p $(systemctl show chaoscat --value --property MainPID)"); got != "active\nchaoscat" {
		s.Errorf("it is %q", got)
	}
	s.until(s.from, 20*time.Second, "its status is a sentence", "systemctl show chaoscat --property StatusText | grep -q =armed")
	s.Log(s.property("StatusText"))
	if got := s.run("chaoscat status --json"); !strings.Contains(got, `"name":"first"`) {
		s.Errorf("root is told %s", got)
	}
}

func (s service) reloaded() {
	s.attack()
	s.run("echo 'colour = \"red\"' >>/etc/chaoscat/chaoscat.toml; ! systemctl reload chaoscat")
	if got := s.run("journalctl --no-pager -u chaoscat; chaoscat status 2>&1"); !strings.Contains(got, "colour: unknown key") || !strings.Contains(got, "the old one holds") {
		s.Errorf("nobody is told why:\n%s", got)
	}
	s.configure("second")
	s.run("systemctl reload chaoscat")
	if got := s.run("systemctl is-active chaoscat; chaoscat status --json"); !strings.HasPrefix(got, "active\n") || !strings.Contains(got, `"name":"second"`) {
		s.Errorf("after the reload: %s", got)
	}
	if !s.on() {
		s.Error("the reload has ended the attack")
	}
}

func (s service) hung() {
	hung := s.property("MainPID")
	s.run("kill -STOP " + hung)
	began := time.Now()
	s.until(s.from, 60*time.Second, "the watchdog has started another", restarted(1))
	s.Logf("active again after %.1f s", time.Since(began).Seconds())
	if now := s.property("MainPID"); now == hung {
		s.Error("it is still the same process")
	}
	if got := s.run("journalctl --no-pager -u chaoscat"); !strings.Contains(got, "Watchdog timeout") || !regexp.MustCompile(`goroutine [0-9]+ `).MatchString(got) {
		s.Errorf("the journal does not say where it hung:\n%s", got)
	}
	s.until(s.from, 60*time.Second, "the engine has looked and nothing runs", `chaoscat status --json | grep -q '"running":\[\]'`)
	// The new engine looks at whom it draws, and leaves nothing there either.
	s.until(s.target, 60*time.Second, "nothing of ours is on the target", "[ ! -e /run/chaoscat ]")
	if diff := Diff(s.before, residue(s, s.l, s.target)); diff != "" {
		s.Errorf("the attack has left on the target:\n%s", diff)
	}
	if got := s.run("chaoscat history"); !strings.Contains(got, "restored") {
		s.Errorf("the record says\n%s", got)
	}
}

func (s service) stopped() {
	s.attack()
	s.run("chaoscat stop --reason drill")
	if s.on() {
		s.Error("the stop is over, and the target is still under attack")
	}
	s.run("systemctl kill --signal=KILL chaoscat")
	s.until(s.from, 60*time.Second, "it runs again", restarted(2))
	if got := s.run("chaoscat status --json; ! chaoscat run-once --attack latency 2>&1"); !strings.Contains(got, `"state":"stopped"`) || !strings.Contains(got, "(drill)") {
		s.Errorf("after the restart: %s", got)
	}
}

func (s service) purged() {
	s.run("dpkg --purge chaoscat 2>&1")
	if got := s.run("systemctl is-active chaoscat; ls /var/lib/chaoscat /usr/bin/chaoscat 2>/dev/null; pgrep -x chaoscat; ls /etc/chaoscat"); got != "inactive\nchaoscat.toml\nkey\nknown_hosts" {
		s.Errorf("left is\n%s", got)
	}
	if diff := Diff(s.before, residue(s, s.l, s.target)); diff != "" {
		s.Errorf("on the target is left:\n%s", diff)
	}
}
