//go:build linux

package attacks

// What this machine has not (systemd, netem, a host that may be rebooted) is played by small programs within
// the namespace. They show that the scripts ask and act in the right order; that the real ones do as told is
// shown in the lab.

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeSystemctl keeps the active units as files under /usr/local/sbin/units.
const fakeSystemctl = `#!/bin/bash
units=/usr/local/sbin/units
case $1 in
show)
	prop=$3 unit=$5
	case $prop-$unit in
	LoadState-*) v=not-found; [ -e $units/$unit ] && v=loaded ;;
	ActiveState-*) read -r v <$units/$unit 2>/dev/null || v=inactive ;;
	Names-*) v=$unit ;;
	BoundBy-db.service) v=web.service ;;
	RequisiteOf-db.service) v=reqi.service ;;
	PropagatesStopTo-db.service) v=follower.service ;;
	RequiredBy-web.service) v=db.service ;;
	RequiredBy-hurried.service) v=slow.service ;;
	BoundBy-wanted.service) v=manual.service ;;
	CanStart-manual.service) v=no ;;
	CanStart-db.service) v=yes ;;
	Transient-passing.service) v=yes ;;
	Transient-db.service) v=no ;;
	RequiredBy-lifeline.service) v=sshd.service ;;
	TriggeredBy-db.service) v=db.socket ;;
	esac
	echo "$prop=$v" ;;
stop) shift; for u; do echo inactive >$units/$u; [ $u = db.service ] && for w in web reqi follower; do echo inactive >$units/$w.service; done; echo "stop $u" >>/run/orders; done ;;
start)
	echo "start $3" >>/run/orders
	case $3 in *.socket) read -r v <$units/${3%.socket}.service; [ $v != active ] || exit 1 ;; esac # as systemd refuses it
	echo active >$units/$3 ;;
reset-failed) ;;
*) exit 1 ;;
esac
exit 0
`

const fakeSystemdRun = `#!/bin/bash
echo "$@" >>/run/orders
while [ "$1" != /bin/sh ]; do shift; done
setsid "$@" </dev/null >/dev/null 2>&1 &
`

func withSystemd(t *testing.T, shell string) *namespaceHost {
	h := newHost(t, shell)
	h.must("mkdir -p /run/systemd/system")
	h.stub("systemctl", fakeSystemctl)
	h.stub("systemd-run", fakeSystemdRun)
	h.must("cd /usr/local/sbin && mkdir units && cd units && for u in db web reqi lifeline sshd hurried wanted manual passing; do echo active >$u.service; done; echo active >db.socket; echo reloading >follower.service; echo activating >slow.service; echo inactive >idle.service; : >/run/orders")
	h.settle()
	return h
}

func TestAStoppedServiceComesBackWithAllThatStoppedWithIt(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := withSystemd(t, shell)
		s := h.guard("svc-1", "service-stop", 60, 15, "unit=db.service")
		if armed := s.says("armed"); !strings.HasPrefix(armed, "layers=guard,systemd ") {
			t.Errorf("armed %s", armed)
		}
		if said, _ := h.run("measure", "kind=service-stop", "p.unit=db.service"); !has(said, "figure 1") || !has(said, "expect down 1") {
			t.Errorf("measured %q before", said)
		}
		s.send("go")
		s.says("injected 0")
		if said, _ := h.run("measure", "kind=service-stop", "p.unit=db.service"); !has(said, "figure 0") {
			t.Errorf("measured %q during", said)
		}
		s.send("stop")
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		orders := h.must("cat /run/orders")
		for _, want := range []string{"--unit=chaoscat-svc-1", "RuntimeMaxSec=105", "OOMScoreAdjust=-1000", "--collect", "stop db.socket\nstop db.service\n", "start db.socket\nstart db.service\n", "start web.service\n", "start reqi.service\n", "start follower.service\n"} {
			if !strings.Contains(orders, want) {
				t.Errorf("nobody ordered %q in\n%s", want, orders)
			}
		}
		h.must(": >/run/orders")
		h.untouched()
	})
}

func TestServicesThatMustNotBeStoppedAreInfeasibleOnTheHostToo(t *testing.T) {
	h := withSystemd(t, "/bin/sh")
	for unit, want := range map[string]string{
		"sshd.service":     "sshd.service would be stopped",
		"lifeline.service": "sshd.service would be stopped", // sshd requires it
		"idle.service":     "idle.service is inactive",
		"none.service":     "there is no unit none.service",
		"passing.service":  "passing.service is transient",
		"wanted.service":   "manual.service would be stopped, and may not be started by hand",
		"hurried.service":  "slow.service would be stopped while it is starting",
	} {
		if said, status := h.guard("svc-2", "service-stop", 60, 15, "unit="+unit).ends(); status != 4 || !has(said, "infeasible "+want) {
			t.Errorf("%s: said %q and ended with %d", unit, said, status)
		}
	}
	h.must(": >/run/orders")
	h.untouched()
}

func TestASystemdThatDoesNotStartTheSecondGuardMeansNoAttack(t *testing.T) {
	h := withSystemd(t, "/bin/sh")
	h.stub("systemd-run", "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
	said, status := h.guard("bus-1", "cpu", 60, 15, "load=10", "workers=1").ends()
	if status != 4 || !has(said, "refused the systemd guard did not start: Failed to connect to bus") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	h.untouched()
}

func TestARebootIsOrderedAfterItWasReportedAndAStopTakesItBack(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.stub("reboot", "#!/bin/sh\necho now >/run/rebooted\n")
		h.settle()
		s := h.attacked("boot-1", "reboot", 60, 15)
		h.eventually(10*time.Second, "the order is given", func() bool { _, err := h.sh("test -e /run/rebooted"); return err == nil })
		s.send("stop")
		s.ends()
		h.must("rm /run/rebooted")

		h.upload(h.runner)
		s = h.attacked("boot-2", "reboot", 60, 15)
		s.send("stop") // within the second that the order waits
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		h.untouched() // which waits longer than that second
	})
}

// fakeTC keeps one word for each interface: the root it has.
const fakeTC = `#!/bin/bash
args=" $* "
dev=eth0
case $args in *' dev lo '*) dev=lo ;; esac
file=/usr/local/sbin/root.$dev
case $args in
' qdisc show '*)
	read -r root <$file 2>/dev/null || root='noqueue 0: root refcnt 2'
	echo "qdisc $root" ;;
*' lo '*) ;;
*' add '*' root '*) echo "prio cca: root refcnt 2 bands 4" >$file; echo "$args" >>/run/orders ;;
*' add '*) echo "$args" >>/run/orders ;;
*' del '*' root '*) rm $file; echo "$args" >>/run/orders ;;
esac
`

func withNetem(t *testing.T, shell string) *namespaceHost {
	h := newHost(t, shell)
	h.stub("tc", fakeTC)
	h.must(": >/run/orders")
	h.settle()
	return h
}

func TestOnlyMarkedPacketsEnterTheBandThatDelays(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := withNetem(t, shell)
		s := h.attacked("lat-1", "latency", 60, 15, "delay=200", "jitter=20", "targets="+peerAddress, "ports=80,443")
		rules := h.must("nft list ruleset")
		accept, mark := strings.Index(rules, "ip daddr "+controller+" tcp sport 22 accept"), strings.Index(rules, "meta priority set cca:4")
		if accept < 0 || mark < accept || !strings.Contains(rules, `oifname "eth0" meta nfproto @live ip daddr @four tcp dport { 80, 443 }`) {
			t.Errorf("the rules are\n%s", rules)
		}
		orders := h.must("cat /run/orders")
		for _, want := range []string{"root handle cca: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1", "parent cca:4 handle ccb: netem limit 100000 delay 200ms 20ms", "parent cca:3 pfifo"} {
			if !strings.Contains(orders, want) {
				t.Errorf("nobody ordered %q in\n%s", want, orders)
			}
		}
		s.send("stop")
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.must(": >/run/orders")
		h.untouched()
	})
}

func TestAQdiscThatCouldNotBePutBackMakesLatencyInfeasible(t *testing.T) {
	h := withNetem(t, "/bin/sh")
	for root, want := range map[string]string{
		"htb 1: root refcnt 2 r2q 10":        "interface eth0 has a htb qdisc that could not be put back exactly",
		"fq_codel 8001: root refcnt 2":       "interface eth0 has a fq_codel",
		"netem 1: root refcnt 2 limit 1000 ": "interface eth0 has a netem qdisc",
	} {
		h.must("echo '" + root + "' >/usr/local/sbin/root.eth0")
		if said, status := h.guard("lat-2", "latency", 60, 15, "delay=200").ends(); status != 4 || !has(said, "infeasible "+want) {
			t.Errorf("%s: said %q and ended with %d", root, said, status)
		}
	}
	h.must("rm /usr/local/sbin/root.eth0")
	if said, status := h.guard("lat-3", "latency", 60, 15, "delay=200", "targets="+hostAddress).ends(); status != 4 || !has(said, "infeasible "+hostAddress+" is this host itself") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	if said, status := h.guard("lat-4", "latency", 60, 15, "delay=200", "targets=fd99::1").ends(); status != 4 || !has(said, "infeasible there is no route to fd99::1") {
		t.Errorf("said %q and ended with %d", said, status)
	}
	h.untouched()
}

func TestAGuardThatIsStoppedInItsTracksIsOvertaken(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.attacked("froz-1", "blackhole", 60, 2)
		pid := strings.TrimSpace(h.must("read -r pid _ </run/chaoscat/froz-1/pid.guard && kill -STOP $pid && echo $pid"))
		h.eventually(2*time.Second+margin+3*time.Second, "the state is gone", func() bool { _, err := h.sh("test -e /run/chaoscat/froz-1"); return err != nil })
		h.eventually(margin, "the frozen guard is gone", func() bool { return !h.lives(pid) })
		h.untouched()
	})
}

// F15: no process can be started on the host from the middle of the attack on.
func TestWithoutAFreePidTheUndoWaitsAndThenHappens(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		group := filepath.Join("/sys/fs/cgroup/pids", "chaoscat-test-"+strconv.Itoa(os.Getpid())+"-"+filepath.Base(shell))
		h := newHost(t, shell, custom(t, CustomFiles{Name: "flag", Inject: "echo x >/run/flag", Undo: "rm -f /run/flag"}))
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Skip("needs a pids cgroup (v1) of its own: ", err)
		}
		t.Cleanup(func() {
			poll2(5*time.Second, func() bool { return os.Remove(group) == nil })
		})
		s := h.attacked("pids-1", "flag", 4, 15)
		for _, pid := range h.realPids("pids-1") {
			if err := os.WriteFile(group+"/cgroup.procs", []byte(pid), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(group+"/pids.max", []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		s.send("stop")
		s.says("undoing")
		if _, ok := poll2(3*time.Second, func() bool { _, err := h.sh("test -e /run/flag"); return err != nil }); ok {
			t.Fatal("the undo needed no process after all: nothing is shown")
		}
		if err := os.WriteFile(group+"/pids.max", []byte("max"), 0); err != nil {
			t.Fatal(err)
		}
		h.eventually(margin, "the flag is gone", func() bool { _, err := h.sh("test -e /run/flag"); return err != nil })
		s.ends()
		h.eventually(margin, "the state is gone", func() bool { _, err := h.sh("test -e /run/chaoscat/pids-1"); return err != nil })
		h.untouched()
	})
}

// crowded gives the host a pids cgroup of its own, in which so many processes may run.
func (h *namespaceHost) crowded(limit int) {
	h.t.Helper()
	group := filepath.Join("/sys/fs/cgroup/pids", "chaoscat-test-"+strconv.Itoa(os.Getpid())+"-"+h.pid())
	if err := os.Mkdir(group, 0o755); err != nil {
		h.t.Skip("needs a pids cgroup (v1) of its own: ", err)
	}
	h.t.Cleanup(func() { poll2(5*time.Second, func() bool { return os.Remove(group) == nil }) })
	if err := os.WriteFile(group+"/pids.max", []byte(strconv.Itoa(limit)), 0); err != nil {
		h.t.Fatal(err)
	}
	h.group = group
}

// F15, by our own hand: the attack takes most numbers, others take all that it has left, and it is stopped then.
func TestAStopFindsRoomWhereThePidsAttackAndOthersHaveLeftNone(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.crowded(250)
		s := h.attacked("full-1", "pids", 60, 30, "count=80")
		others := h.command(nil, "/bin/sh", "-c", "while :; do sleep 7654 & done")
		if err := others.Run(); err == nil {
			t.Fatal("there is room without end: nothing is shown")
		}
		s.send("stop")
		said, status := s.ends()
		h.group = ""
		h.must("for line in $(grep -l 7654 /proc/[0-9]*/cmdline); do pid=${line#/proc/}; [ ${pid%%/*} = $$ ] || kill -KILL ${pid%%/*} 2>/dev/null; done; true")
		if last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

// F16, by our own hand: a disk that is full already is not filled, and one that fills up meanwhile is given back.
func TestDiskFillOnAFullDiskIsRefusedOrGivenBackButNeverHalf(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.must("mount -t tmpfs -o size=8m tmpfs /mnt")
		fill := "head -c 8388608 /dev/zero >/mnt/others 2>/dev/null; true"
		h.must(fill)
		said, status := h.guard("disk-1", "disk-fill", 30, 15, "path=/mnt", "percent=90").ends()
		if status != 4 || !(has(said, "infeasible ") || has(said, "refused ")) {
			t.Errorf("on a full disk it said %q and ended with %d", said, status)
		}
		h.must("rm /mnt/others")
		s := h.attacked("disk-2", "disk-fill", 30, 15, "path=/mnt", "percent=60")
		h.must(fill)
		s.send("stop")
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.must("rm /mnt/others")
		if used := strings.TrimSpace(h.must("df -k /mnt | tail -n 1 | tr -s ' ' | cut -d ' ' -f 3")); used != "0" {
			t.Errorf("%s kB are still taken", used)
		}
		h.must("umount /mnt")
		h.untouched()
	})
}

// realPids are the guards of a run as this machine numbers them.
func (h *namespaceHost) realPids(id string) []string {
	h.t.Helper()
	own, err := os.Readlink("/proc/" + h.pid() + "/ns/pid")
	if err != nil {
		h.t.Fatal(err)
	}
	var real []string
	for _, role := range []string{"guard", "watchdog", "twin"} {
		inside := strings.Fields(h.must("cat /run/chaoscat/" + id + "/pid." + role))[0]
		for _, status := range must(filepath.Glob("/proc/[0-9]*/status")) {
			dir := filepath.Dir(status)
			text, _ := os.ReadFile(status)
			ns, _ := os.Readlink(dir + "/ns/pid")
			if ns == own && strings.Contains(string(text), "\t"+inside+"\n") && strings.Contains(string(text), "NSpid:\t"+filepath.Base(dir)+"\t"+inside+"\n") {
				real = append(real, filepath.Base(dir))
			}
		}
	}
	if len(real) != 3 {
		h.t.Fatalf("found %v, not three guards", real)
	}
	return real
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
