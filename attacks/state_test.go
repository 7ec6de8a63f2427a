//go:build linux

package attacks

// Attacks on processes, services and the clock, within namespaces: the processes are the test's own, units are
// control groups of the test's own with a stand-in for systemctl, and the time of day is a stand-in for date, so
// that nothing of this machine is touched. That the real ones do as told is shown in the lab.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestNoAttackRedefinesWhatTheyShare(t *testing.T) {
	shared, err := functions("processes", processesScript)
	if err != nil {
		t.Fatal(err)
	}
	for _, def := range Builtin() {
		defined, _ := functions(def.Name, def.Script)
		for _, f := range defined {
			if slices.Contains(shared, f) {
				t.Errorf("%s defines %s, which the attacks on processes share", def.Name, f)
			}
		}
	}
}

func TestChoosersExcludeEachOther(t *testing.T) {
	for _, name := range []string{"process-kill", "process-pause"} {
		def, _ := Find(name)
		if _, err := Check(def, map[string]string{"process": "java", "port": "80"}); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fakeManager keeps units as files: their state, and beside it the number of the main process, or of one with which
// the unit ends for good.
const fakeManager = `#!/bin/bash
units=/usr/local/sbin/units
case $1 in
show)
	prop=$3 unit=$5 v=
	case $prop in
	LoadState) v=not-found; [ -e $units/$unit ] && v=loaded ;;
	ActiveState)
		{ read -r pid <$units/$unit.only && [ ! -d /proc/$pid ] && rm $units/$unit.only && echo inactive >$units/$unit; } 2>/dev/null
		{ read -r v <$units/$unit; } 2>/dev/null || v=inactive ;;
	Names | Id) v=$unit ;;
	MainPID) { read -r v <$units/$unit.main; } 2>/dev/null || v=0 ;;
	ControlGroup) v=@GROUP@/$unit ;;
	BoundBy) [ $unit = web.service ] && v=app.service ;;
	esac
	echo "$prop=$v" ;;
stop) shift; for u; do echo inactive >$units/$u; echo "stop $u" >>/run/orders; done ;;
start) echo active >$units/$3; echo "start $3" >>/run/orders ;;
reset-failed) echo "reset $2" >>/run/orders ;;
*) exit 1 ;;
esac
exit 0
`

// A mannedHost is a host with a manager of units.
type mannedHost struct {
	*namespaceHost
	group string // the test's own control group
}

func withUnits(t *testing.T, shell string, defs ...Definition) mannedHost {
	t.Helper()
	m := mannedHost{group: "/chaoscat-test-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	t.Cleanup(func() { // after the host's own end
		for _, root := range m.roots() {
			for _, unit := range must(filepath.Glob(root + m.group + "/*.service")) {
				poll2(5*time.Second, func() bool { return os.Remove(unit) == nil })
			}
			os.Remove(root + m.group)
		}
	})
	m.namespaceHost = newHost(t, shell, defs...)
	m.must("mkdir -p /run/systemd/system")
	m.stub("systemctl", strings.ReplaceAll(fakeManager, "@GROUP@", m.group))
	m.stub("systemd-run", fakeSystemdRun)
	m.must("cd /usr/local/sbin && mkdir units && cd units && for u in web.service app.service sshd.service; do echo active >$u; done; echo inactive >idle.service; : >/run/orders")
	for _, root := range m.roots() {
		for _, unit := range []string{"web.service", "app.service", "sshd.service", "idle.service"} {
			if err := os.MkdirAll(root+m.group+"/"+unit, 0o755); err != nil {
				t.Skip("needs a control group of its own: ", err)
			}
		}
	}
	m.settle()
	return m
}

// roots are the hierarchies in which a process belongs to a unit.
func (m mannedHost) roots() (roots []string) {
	for _, root := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(root + "/cgroup.procs"); err == nil {
			roots = append(roots, root)
		}
	}
	return roots
}

// runs starts a process of that title, in a unit or, with "", in none, and returns its number in the host.
func (m mannedHost) runs(unit, title string) string {
	m.t.Helper()
	pid := strings.TrimSpace(m.must(`bash -c '` + m.joining(unit) + `exec -a "` + title + `" sleep 1000' </dev/null >/dev/null 2>&1 & echo $!`))
	m.eventually(5*time.Second, title+" runs", func() bool { return strings.HasPrefix(m.must("tr '\\0' ' ' </proc/"+pid+"/cmdline"), title) })
	return pid
}

// joining is how a shell enters a unit; "" is none.
func (m mannedHost) joining(unit string) (line string) {
	for _, root := range m.roots() {
		if unit != "" {
			line += "echo 0 >" + root + m.group + "/" + unit + "/cgroup.procs; "
		}
	}
	return line
}

// halted tells whether a process is stopped in its tracks.
func (m mannedHost) halted(pid string) bool {
	out, err := m.sh("cat /proc/" + pid + "/stat")
	return err == nil && strings.Contains(out, ") T ")
}

// over ends the processes of a test and takes what was ordered off the host.
func (m mannedHost) over(pids ...string) {
	m.t.Helper()
	for _, pid := range pids {
		m.sh("kill -KILL " + pid)
		m.eventually(5*time.Second, "the test's own process is gone", func() bool { return !m.lives(pid) })
	}
	m.must(": >/run/orders")
	m.untouched()
}

func (m mannedHost) infeasible(kind, want string, params ...string) {
	m.t.Helper()
	if said, status := m.guard("no-1", kind, 60, 15, params...).ends(); status != 4 || !has(said, "infeasible "+want) {
		m.t.Errorf("%s %v: said %q and ended with %d, want infeasible %s", kind, params, said, status, want)
	}
}

func (m mannedHost) measures(id, kind string, want []string, params ...string) {
	m.t.Helper()
	said, _ := m.run("measure", append([]string{"id=" + id, "kind=" + kind}, prefixed(params)...)...)
	for _, w := range want {
		if !has(said, w) {
			m.t.Errorf("%s %v: measured %q, want %q", kind, params, said, w)
		}
	}
}

func (m mannedHost) restored(s *session) {
	m.t.Helper()
	s.send("stop")
	if said, status := s.ends(); last(said) != "restored" || status != 0 {
		m.t.Errorf("said %q and ended with %d: %s", said, status, strings.Join(s.seen, "\n"))
	}
}

var killing = []string{"signal=KILL", "count=1", "which=oldest", "orphans=0"}

func TestAKilledProcessIsCountedAndAUnitThatDoesNotComeBackIsStarted(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		victim, neighbour := m.runs("web.service", "shop --serve"), m.runs("", "shop --backup")
		params := append([]string{"process=shop --s"}, killing...)
		s := m.guard("kill-1", "process-kill", 60, 30, params...)
		s.says("armed")
		m.measures("kill-1", "process-kill", []string{"figure 1", "expect down 1"}, params...)
		s.send("go")
		s.says("injected 0")
		m.eventually(5*time.Second, "the victim is dead", func() bool { return !m.lives(victim) })
		m.measures("kill-1", "process-kill", []string{"figure 0"}, params...)
		m.must("echo failed >/usr/local/sbin/units/web.service")
		m.restored(s)
		if got := m.must("cat /run/orders"); !strings.Contains(got, "reset web.service\nstart web.service\n") || strings.Contains(got, "app.service") {
			t.Errorf("ordered\n%s", got)
		}
		if !m.lives(neighbour) {
			t.Error("the neighbour was killed, too")
		}
		m.over(neighbour)
	})
}

// serves starts a program in a unit that ends with it for good: it takes signals as the traps say, and forks nobody.
func (m mannedHost) serves(unit, traps string) string {
	m.t.Helper()
	m.stub("shop", "#!/bin/bash\n"+traps+"\nexec 3<>/usr/local/sbin/never\n: >/usr/local/sbin/serving\nwhile :; do read -t 1 -u 3; done\n")
	pid := strings.TrimSpace(m.must("cd /usr/local/sbin && rm -f never serving && mkfifo never; bash -c '" + m.joining(unit) + "exec /usr/local/sbin/shop' </dev/null >/dev/null 2>&1 & echo $!"))
	m.eventually(5*time.Second, "the program serves", func() bool { _, err := m.sh("test -e /usr/local/sbin/serving"); return err == nil })
	m.must("echo " + pid + " >/usr/local/sbin/units/" + unit + ".only")
	return pid
}

func TestNothingIsBackBeforeWhoWasAskedToEndHasEnded(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		m.must(": >/run/busy")
		pid := m.serves("web.service", `trap 'trap "" TERM; while [ -e /run/busy ]; do read -t 0.1 -u 3; done; exit 0' TERM`)
		s := m.attacked("grace-1", "process-kill", 60, 30, "unit=web.service", "signal=TERM", "count=1", "which=oldest", "orphans=0")
		s.send("stop")
		s.says("undoing")
		if _, gone := poll2(2*time.Second, func() bool { _, err := m.sh("test -e /run/chaoscat/grace-1"); return err != nil }); gone {
			t.Error("it was undone while the service was about to end")
		}
		m.must("rm /run/busy")
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if got := m.must("cat /run/orders"); m.lives(pid) || !strings.Contains(got, "start web.service\n") {
			t.Errorf("ordered\n%s", got)
		}
		m.over()
	})
}

func TestWhoWasAskedToEndAndDoesNotIsResidueUntilItHas(t *testing.T) {
	m := withUnits(t, "/bin/sh")
	pid := m.serves("web.service", "trap : TERM")
	s := m.attacked("grace-2", "process-kill", 60, 30, "unit=web.service", "signal=TERM", "count=1", "which=oldest", "orphans=0")
	s.send("stop")
	if said, status := s.ends(); last(said) != "residue TERM was sent to process "+pid+" of web.service, which has not ended yet: end it or restart web.service, unless it will" || status != 6 {
		t.Errorf("said %q and ended with %d", said, status)
	}
	m.must("kill -KILL " + pid)
	m.eventually(90*time.Second, "a watchdog has finished", func() bool { _, err := m.sh("test -e /run/chaoscat/grace-2"); return err != nil })
	if got := m.must("cat /run/orders"); !strings.Contains(got, "start web.service\n") {
		t.Errorf("ordered\n%s", got)
	}
	m.over()
}

func TestWhoNeedNotEndIsNotWaitedFor(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		for signal, traps := range map[string]string{"TERM": "trap '' TERM", "HUP": "trap : HUP"} {
			pid := m.serves("web.service", traps)
			s := m.attacked("deaf-1", "process-kill", 60, 30, "unit=web.service", "signal="+signal, "count=1", "which=oldest", "orphans=0")
			m.restored(s)
			if !m.lives(pid) {
				t.Errorf("%s has ended it", signal)
			}
			m.must("kill -KILL " + pid)
			m.eventually(5*time.Second, "the unit is down", func() bool {
				return m.must("systemctl show -p ActiveState -- web.service") == "ActiveState=inactive\n"
			})
			m.must("echo active >/usr/local/sbin/units/web.service")
		}
		m.over()
	})
}

func TestOnlyDeathsOfThoseWhoWereSentTheSignalAreItsEffect(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		deaf := m.serves("web.service", "trap '' TERM")
		worker := m.runs("web.service", "shop --worker")
		params := []string{"unit=web.service", "signal=TERM", "count=1", "which=oldest", "orphans=0"}
		s := m.guard("own-1", "process-kill", 60, 30, params...)
		s.says("armed")
		m.measures("own-1", "process-kill", []string{"figure 2", "expect down 1"}, params...)
		s.send("go")
		s.says("injected 0")
		m.must("kill -KILL " + worker)
		m.eventually(5*time.Second, "the worker is dead", func() bool { return !m.lives(worker) })
		m.measures("own-1", "process-kill", []string{"figure 2"}, params...)
		m.restored(s)
		m.over(deaf)
	})
}

func TestASystemctlThatDoesNotAnswerProvesNothing(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		m.stub("systemctl", "#!/bin/sh\nexit 1\n")
		for _, kind := range []string{"service-stop", "service-crash", "freeze"} {
			said, _ := m.run("measure", "id=mute-1", "kind="+kind, "p.unit=web.service")
			if !has(said, "unverifiable ") || has(said, "figure") {
				t.Errorf("%s: measured %q", kind, said)
			}
		}
		m.over()
	})
}

func TestWhatNobodyWouldStartAgainIsKilledOnlyIfThatIsUnderstood(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		lone, idle := m.runs("", "lonely job"), m.runs("idle.service", "idler job")
		m.infeasible("process-kill", "nothing would start sleep ("+lone+") again", append([]string{"process=lonely"}, killing...)...)
		m.infeasible("process-kill", "nothing would start sleep ("+idle+") again", append([]string{"process=idler"}, killing...)...)
		s := m.attacked("lone-1", "process-kill", 60, 30, "process=idler", "signal=KILL", "count=1", "which=oldest", "orphans=1")
		if out := strings.Join(s.seen, "\n"); !strings.Contains(out, "KILL to sleep ("+idle+"), which nothing brings back") {
			t.Errorf("the operator is told\n%s", out)
		}
		m.restored(s)
		if got := m.must("grep -v unit= /run/orders; true"); got != "" { // a service that did not run before is not started
			t.Errorf("ordered\n%s", got)
		}
		m.over(lone)
	})
}

func TestTheChoiceIsLiteralCountedAndNeverWhatTheHostIsRunBy(t *testing.T) {
	m := withUnits(t, "/bin/sh")
	a, b, c := m.runs("web.service", "job.one --x"), m.runs("web.service", "jobxone --x"), m.runs("app.service", "job.one --x")
	s := m.attacked("lit-1", "process-kill", 60, 30, "process=job.one", "signal=KILL", "count=1", "which=newest", "orphans=0")
	m.eventually(5*time.Second, "the newest is dead", func() bool { return !m.lives(c) })
	if !m.lives(a) || !m.lives(b) {
		t.Error("the wrong one was killed")
	}
	m.restored(s)

	m.must("cp /bin/sleep /run/sshd")
	daemon := strings.TrimSpace(m.must("/run/sshd 1000 </dev/null >/dev/null 2>&1 & echo $!"))
	guarded := m.runs("sshd.service", "helper of it")
	all := []string{"signal=KILL", "count=1", "which=oldest", "orphans=1"}
	m.infeasible("process-kill", "sshd ("+daemon+") has \"/run/sshd\" on its command line, and is never touched", append(all, "process=/run/sshd")...)
	m.infeasible("process-kill", "sleep ("+guarded+") has \"helper of\"", append(all, "process=helper of")...)
	m.infeasible("process-kill", "no process has \"nonesuch\" on its command line", append(all, "process=nonesuch")...)
	m.infeasible("process-kill", "say which processes are meant", all...)
	m.infeasible("process-kill", "sh (", append(all, "process=chaoscat/runner")...) // our own
	m.infeasible("process-kill", "nothing listens on port 9", append(all, "port=9")...)
	m.must("echo 1 >/run/first.pid")
	m.infeasible("process-kill", "/run/first.pid names no process", append(all, "pid_file=/run/first.pid")...)
	m.infeasible("process-pause", "bash (1) has \"echo up\"", append(all[1:3:3], "process=echo up")...)

	crowd := strings.Fields(m.must(`for i in $(seq 101); do bash -c 'exec -a crowd sleep 1000' </dev/null >/dev/null 2>&1 & echo $!; done`))
	m.eventually(10*time.Second, "the crowd is there", func() bool { return m.must("grep -l -a crowd /proc/[0-9]*/cmdline | wc -l") >= "101" })
	m.infeasible("process-kill", "101 processes have \"crowd\"", append(all, "process=crowd")...)
	var mixed []string
	for i := range 6 {
		unit := fmt.Sprintf("mixed%d.service", i)
		for _, root := range m.roots() {
			if err := os.MkdirAll(root+m.group+"/"+unit, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		m.must("echo active >/usr/local/sbin/units/" + unit)
		mixed = append(mixed, m.runs(unit, "mixed up"))
	}
	m.infeasible("process-kill", "processes of 6 different units have \"mixed\"", append(all, "process=mixed")...)
	m.must("kill -KILL " + strings.Join(append(crowd, mixed...), " ") + "; rm /run/sshd /run/first.pid")
	m.over(a, b, daemon, guarded)
}

func TestAPidFileThatIsOlderThanTheProcessNamesAStranger(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		pid := m.runs("web.service", "daemon")
		m.must("echo " + pid + " >/run/d.pid && touch -d '1 hour ago' /run/d.pid")
		m.infeasible("process-kill", "process "+pid+" is younger than /run/d.pid", append([]string{"pid_file=/run/d.pid"}, killing...)...)
		m.must("touch /run/d.pid")
		s := m.attacked("pid-1", "process-kill", 60, 30, append([]string{"pid_file=/run/d.pid"}, killing...)...)
		m.eventually(5*time.Second, "the daemon is dead", func() bool { return !m.lives(pid) })
		m.restored(s)
		m.must("rm /run/d.pid")
		m.over()
	})
}

func TestAProcessIsFoundByItsPortAndByItsUnit(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		unit := m.runs("web.service", "anything")
		listener := strings.TrimSpace(m.must(`perl -MSocket=:all -e 'socket(my $s, AF_INET, SOCK_STREAM, 0); bind($s, pack_sockaddr_in(8123, INADDR_ANY)); listen($s, 5); sleep 1000' </dev/null >/dev/null 2>&1 & echo $!`))
		m.eventually(5*time.Second, "it listens", func() bool { _, err := m.sh("grep -q :1FBB /proc/net/tcp"); return err == nil })
		s := m.attacked("port-1", "process-pause", 60, 30, "port=8123", "count=1", "which=oldest")
		m.eventually(5*time.Second, "the listener is stopped", func() bool { return m.halted(listener) })
		m.restored(s)
		s = m.attacked("unit-1", "process-pause", 60, 30, "unit=web.service", "count=1", "which=oldest")
		m.eventually(5*time.Second, "the unit's process is stopped", func() bool { return m.halted(unit) })
		m.restored(s)
		m.over(unit, listener)
	})
}

func TestKillingGoesOnWhileTheFaultIsHeldAndEndsWithIt(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		first := m.runs("web.service", "worker")
		s := m.attacked("every-1", "process-kill", 60, 30, append([]string{"process=worker", "every=1000"}, killing...)...)
		m.eventually(5*time.Second, "the first is dead", func() bool { return !m.lives(first) })
		second := m.runs("web.service", "worker")
		m.eventually(10*time.Second, "the second is dead", func() bool { return !m.lives(second) })
		m.restored(s)
		third := m.runs("web.service", "worker")
		if _, died := poll2(2*time.Second, func() bool { return !m.lives(third) }); died {
			t.Error("it was killed after the undo")
		}
		m.over(third)
	})
}

func TestOnlyWhoWasPausedByUsGoesOn(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		before := m.runs("web.service", "queue --a")
		m.must("kill -STOP " + before)
		b, c := m.runs("web.service", "queue --b"), m.runs("", "queue --c")
		params := []string{"process=queue", "count=5", "which=random"}
		s := m.guard("pause-1", "process-pause", 60, 30, params...)
		s.says("armed")
		m.measures("pause-1", "process-pause", []string{"figure 1", "expect up 2"}, params...)
		s.send("go")
		s.says("injected 0")
		m.measures("pause-1", "process-pause", []string{"figure 3"}, params...)
		m.restored(s)
		if m.halted(b) || m.halted(c) || !m.halted(before) {
			t.Error("it is not as before who is stopped")
		}
		m.measures("pause-1", "process-pause", []string{"figure 1"}, params...)
		m.infeasible("process-pause", "all that is meant is stopped already", "process=queue --a", "count=1", "which=oldest")
		m.over(before, b, c)
	})
}

func TestAStrangerWhoHasGotTheNumberIsLeftAlone(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		if _, err := m.sh("test -w /proc/sys/kernel/ns_last_pid"); err != nil {
			t.Skip("this kernel does not let a process number be chosen")
		}
		victim := m.runs("web.service", "victim")
		s := m.attacked("reuse-1", "process-pause", 60, 30, "process=victim", "count=1", "which=oldest")
		m.must("kill -KILL " + victim)
		m.eventually(5*time.Second, "the victim is gone", func() bool { _, err := m.sh("test -e /proc/" + victim); return err != nil })
		n, _ := strconv.Atoi(victim)
		var stranger string
		m.eventually(10*time.Second, "a stranger has the number", func() bool {
			stranger = strings.TrimSpace(m.must(fmt.Sprintf("echo %d >/proc/sys/kernel/ns_last_pid; sleep 1000 </dev/null >/dev/null 2>&1 & echo $!", n-1)))
			if stranger != victim {
				m.must("kill -KILL " + stranger)
			}
			return stranger == victim
		})
		m.must("kill -STOP " + stranger)
		m.restored(s)
		if !m.halted(stranger) {
			t.Error("a stranger was told to go on")
		}
		m.over(stranger)
	})
}

func TestAPauseEndsWithTheGuard(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		pid := m.runs("web.service", "pump")
		m.attacked("die-1", "process-pause", 60, 30, "process=pump", "count=1", "which=oldest")
		m.kill("die-1", "guard")
		m.eventually(margin+2*time.Second, "the process goes on", func() bool { return !m.halted(pid) })
		m.eventually(margin, "the state is gone", func() bool { _, err := m.sh("test -e /run/chaoscat/die-1"); return err != nil })
		m.over(pid)
	})
}

func TestWhoAnswersLoginsIsNeverPaused(t *testing.T) {
	m := withUnits(t, "/bin/sh")
	m.must("cp /bin/sleep /run/nscd")
	pid := strings.TrimSpace(m.must("/run/nscd 1000 </dev/null >/dev/null 2>&1 & echo $!"))
	m.infeasible("process-pause", "nscd ("+pid+") answers logins", "process=/run/nscd", "count=1", "which=oldest")
	m.must("rm /run/nscd")
	m.over(pid)
}

func TestACrashTellsHowLongTheServiceWasAway(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		old := m.runs("web.service", "httpd")
		m.must("echo " + old + " >/usr/local/sbin/units/web.service.main")
		s := m.guard("crash-1", "service-crash", 60, 30, "unit=web.service")
		s.says("armed")
		m.measures("crash-1", "service-crash", []string{"figure " + old, "expect change", "about of web.service"}, "unit=web.service")
		s.send("go")
		s.says("injected 0")
		m.eventually(5*time.Second, "the main process is dead", func() bool { return !m.lives(old) })
		m.eventually(5*time.Second, "somebody waits for its return", func() bool { _, err := m.sh("test -s /run/chaoscat/crash-1/helpers"); return err == nil })
		m.measures("crash-1", "service-crash", []string{"figure 0", "about of web.service, not back yet,"}, "unit=web.service")
		again := m.runs("web.service", "httpd")
		m.must("echo " + again + " >/usr/local/sbin/units/web.service.main")
		m.eventually(10*time.Second, "the return is seen", func() bool { _, err := m.sh("test -s /run/chaoscat/crash-1/back"); return err == nil })
		m.measures("crash-1", "service-crash", []string{"figure " + again, "about of web.service, back in "}, "unit=web.service")
		m.restored(s)
		if got := m.must("grep -v unit= /run/orders; true"); got != "" {
			t.Errorf("a service that came back by itself was ordered %q", got)
		}
		m.over(again)
	})
}

func TestAServiceThatStaysDeadIsStartedByTheUndo(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		old := m.runs("web.service", "httpd")
		m.must("echo " + old + " >/usr/local/sbin/units/web.service.main")
		s := m.attacked("dead-1", "service-crash", 60, 30, "unit=web.service")
		m.must("cd /usr/local/sbin/units; echo failed >web.service; echo inactive >app.service; rm web.service.main") // app.service is bound to it
		m.restored(s)
		if got := m.must("cat /run/orders"); !strings.Contains(got, "reset web.service\nstart web.service\n") || !strings.Contains(got, "start app.service\n") {
			t.Errorf("ordered\n%s", got)
		}
		m.infeasible("service-crash", "idle.service is inactive", "unit=idle.service")
		m.infeasible("service-crash", "web.service has no main process", "unit=web.service")
		m.over()
	})
}

func TestAFrozenServiceThawsAndNothingOfOursIsEverFrozen(t *testing.T) {
	if _, err := os.Stat("/sys/fs/cgroup/unified/cgroup.procs"); err != nil {
		if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
			t.Skip("needs cgroup v2")
		}
	}
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		pid := m.runs("web.service", "cold")
		s := m.guard("ice-1", "freeze", 60, 30, "unit=web.service")
		s.says("armed")
		m.measures("ice-1", "freeze", []string{"figure 0", "expect up 1"}, "unit=web.service")
		s.send("go")
		s.says("injected 0")
		m.measures("ice-1", "freeze", []string{"figure 1"}, "unit=web.service")
		m.infeasible("freeze", "web.service is frozen already", "unit=web.service")
		m.restored(s)
		m.measures("ice-1", "freeze", []string{"figure 0"}, "unit=web.service")

		roots := m.roots()
		cmd := m.command(strings.NewReader("nonce="+nonce+"\nid=ice-2\nkind=freeze\nttl=60\nhold=60\nlease=15\np.unit=web.service\n.\n"), "bash", "-c",
			"echo 0 >"+roots[len(roots)-1]+m.group+"/web.service/cgroup.procs; exec /bin/sh "+m.path+" guard '"+controller+" 40000 "+hostAddress+" 22'")
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "infeasible web.service holds this very session") {
			t.Errorf("a guard within the group said %s", out)
		}
		m.over(pid)
	})
}

// fakeDate keeps how wrong the clock is, in ms; it never asks the kernel to set anything. With /run/coarse it knows
// no fractions, as busybox does; with /run/stuck it cannot set the clock.
const fakeDate = `#!/bin/bash
if [ "$1" = --stand-in ]; then echo stand-in; exit; fi
shift # -u
read -r off 2>/dev/null </run/off || off=0
case $1 in
-s)
	[ ! -e /run/stuck ] || { echo 'date: cannot set date: Operation not permitted' >&2; exit 1; }
	at=${2#@} ms=000
	case $at in *.*) [ ! -e /run/coarse ] || exit 1; ms=${at#*.} at=${at%.*} ;; esac
	real=${EPOCHREALTIME/./}
	echo $((at * 1000 + 10#$ms - real / 1000)) >/run/off
	echo set >>/run/orders ;;
+*)
	real=${EPOCHREALTIME/./}
	now=$((real / 1000 + off))
	out=$((now / 1000))
	case $1 in *%N) if [ -e /run/coarse ]; then out=$out.%N; else out=$out.$(printf %03d $((now % 1000)))000000; fi ;; esac
	echo $out ;;
*) exit 1 ;;
esac
`

// withClock is a host with units and a time of day of its own. Nothing is tried before every way to the real date
// is known to be barred.
func withClock(t *testing.T, shell string) mannedHost {
	m := withUnits(t, shell)
	m.stub("date", fakeDate)
	for _, real := range []string{"/bin/date", "/usr/bin/date"} {
		m.must("[ ! -e " + real + " ] || [ " + real + " -ef /usr/local/sbin/date ] || mount --bind /usr/local/sbin/date $(readlink -f " + real + ")")
	}
	for _, way := range []string{"date", "/bin/date", "/usr/bin/date", "PATH=/usr/local/sbin:/usr/bin; date"} {
		if got, _ := m.sh(way + " --stand-in"); got != "stand-in\n" {
			t.Fatalf("%s is the real one under %s: nothing is tried", way, shell)
		}
	}
	m.must("cd /usr/local/sbin/units && echo active >chrony.service && echo inactive >systemd-timesyncd.service; echo 0 >/run/off")
	m.settle()
	return m
}

// wrong is how wrong the clock is, in ms.
func (m mannedHost) wrong() int {
	m.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(m.must("cat /run/off")))
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

func about(n, want, slack int) bool { return n >= want-slack && n <= want+slack }

func TestTheClockGoesBackAndExactlyTheTimeServicesThatWereAtWorkGoOn(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for _, offset := range []int{3_600_000, -90_000} {
			m := withClock(t, shell)
			params := []string{"offset=" + strconv.Itoa(offset)}
			s := m.guard("time-1", "clock", 60, 30, params...)
			s.says("armed")
			m.measures("time-1", "clock", []string{"figure ", "expect up " + strings.TrimPrefix(strconv.Itoa(offset), "-"), "about "}, params...)
			s.send("go")
			s.says("injected 0")
			if got := m.wrong(); !about(got, offset, 500) {
				t.Errorf("the clock is off by %d ms, want %d", got, offset)
			}
			way := "about ahead by"
			if offset < 0 {
				way = "about behind by"
			}
			m.measures("time-1", "clock", []string{way}, params...)
			m.restored(s)
			if got := m.wrong(); !about(got, 0, 500) {
				t.Errorf("the clock is off by %d ms after the undo", got)
			}
			orders := m.must("grep -v unit= /run/orders")
			if !strings.HasPrefix(orders, "stop chrony.service\nset\n") || !strings.HasSuffix(orders, "set\nstart chrony.service\n") || strings.Contains(orders, "timesyncd") {
				t.Errorf("ordered\n%s", orders)
			}
			m.measures("time-1", "clock", []string{"unverifiable the clock was compared"}, params...)
			m.must("echo 0 >/run/off")
			m.over()
		}
	})
}

func TestADateThatKnowsNoFractionsWillDo(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withClock(t, shell)
		m.must(": >/run/coarse")
		s := m.attacked("time-2", "clock", 60, 30, "offset=60000")
		if got := m.wrong(); !about(got, 60000, 900) {
			t.Errorf("the clock is off by %d ms", got)
		}
		m.restored(s)
		if got := m.wrong(); !about(got, 0, 900) {
			t.Errorf("the clock is off by %d ms after the undo", got)
		}
		m.must("rm /run/coarse; echo 0 >/run/off")
		m.over()
	})
}

func TestTheTimeServiceGoesOnEvenIfTheClockCouldNotBeSet(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withClock(t, shell)
		m.must(": >/run/stuck")
		s := m.guard("time-3", "clock", 60, 30, "offset=60000")
		s.says("armed")
		s.send("go")
		said, status := s.ends()
		if !has(said, "injected 1") || !strings.HasPrefix(last(said), "residue ") || status != 6 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		if orders := m.must("cat /run/orders"); !strings.Contains(orders, "stop chrony.service\n") || !strings.Contains(orders, "start chrony.service\n") {
			t.Errorf("ordered\n%s", orders)
		}
		m.must("rm /run/stuck") // a watchdog, which tries again, gets through
		m.eventually(30*time.Second, "the state is gone", func() bool { _, err := m.sh("test -e /run/chaoscat/time-3"); return err != nil })
		m.must("echo 0 >/run/off")
		m.over()
	})
}

func TestADriftGrowsAndIsTakenBack(t *testing.T) {
	m := withClock(t, "/bin/sh")
	s := m.attacked("time-4", "clock", 60, 30, "drift=30000")
	m.eventually(20*time.Second, "the clock has gained a second", func() bool { return m.wrong() > 1000 })
	m.restored(s)
	if got := m.wrong(); !about(got, 0, 500) {
		t.Errorf("the clock is off by %d ms after the undo", got)
	}
	m.must("echo 0 >/run/off")
	m.over()
}

func TestATimeKeeperWithoutAUnitIsPausedAndGoesOn(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withClock(t, shell)
		m.must("cp /bin/sleep /run/chronyd")
		keeper := strings.TrimSpace(m.must("/run/chronyd 1000 </dev/null >/dev/null 2>&1 & echo $!"))
		s := m.attacked("time-5", "clock", 60, 30, "offset=60000")
		if !m.halted(keeper) {
			t.Error("it would have set the clock right")
		}
		m.restored(s)
		if m.halted(keeper) {
			t.Error("it does not go on")
		}
		m.must("rm /run/chronyd; echo 0 >/run/off")
		m.over(keeper)
	})
}

func TestAClockThatWouldOutliveARebootIsLeftAlone(t *testing.T) {
	m := withClock(t, "/bin/sh")
	m.infeasible("clock", "say how wrong the clock shall be")
	m.stub("fake-hwclock", "#!/bin/sh\n")
	m.infeasible("clock", "fake-hwclock would write the wrong time to the disk", "offset=60000")
	m.over()
}

func TestAPortIsTakenAndGivenBackWhateverTheHostHas(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		m := withUnits(t, shell)
		for _, without := range []string{"", "perl", "python3"} {
			if without != "" {
				m.stub(without, "#!/bin/sh\nexit 1\n")
			}
			s := m.guard("hog-1", "port-hog", 60, 30, "port=8124")
			if first := s.first(); strings.HasPrefix(first, "infeasible") {
				t.Logf("without perl and python3: %s", first)
				break
			}
			m.measures("hog-1", "port-hog", []string{"figure 0", "expect up 1"}, "port=8124")
			s.send("go")
			s.says("injected 0")
			t.Log(s.seen[len(s.seen)-2])
			m.measures("hog-1", "port-hog", []string{"figure 1"}, "port=8124")
			m.infeasible("port-hog", "port 8124 is in use already", "port=8124")
			m.restored(s)
			m.measures("hog-1", "port-hog", []string{"figure 0"}, "port=8124")
		}
		m.infeasible("port-hog", "port 22 is the way in", "port=22")
		m.infeasible("port-hog", "10.9.9.9 is not an address of this host", "port=8124", "address=10.9.9.9")
		m.over()
	})
}

func TestAPortIsLetGoWhenEveryGuardIsDead(t *testing.T) {
	m := withUnits(t, "/bin/sh")
	m.attacked("hog-2", "port-hog", 60, 30, "port=8124", "address=127.0.0.1")
	m.kill("hog-2", "watchdog", "systemd", "guard")
	m.eventually(margin, "the port is free", func() bool { _, err := m.sh("grep -q :1FBC /proc/net/tcp"); return err != nil })
	m.must("sh /run/chaoscat/hog-2/revert")
	m.over()
}

func TestAHaltIsOrderedAfterItWasReportedAndAStopTakesItBack(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.stub("poweroff", "#!/bin/sh\necho now >/run/off\n")
		h.settle()
		s := h.attacked("halt-1", "halt", 60, 15)
		h.eventually(10*time.Second, "the order is given", func() bool { _, err := h.sh("test -e /run/off"); return err == nil })
		s.send("stop")
		s.ends()
		h.must("rm /run/off")
		h.upload(h.runner)
		s = h.attacked("halt-2", "halt", 60, 15)
		s.send("stop") // within the second that the order waits
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		h.untouched() // which waits longer than that second
	})
}

// The kernel's own files are played by plain ones: the text that runs here does not name the real ones at all.
func TestAPanicIsOrderedOnlyWhenTheHostIsSureToComeBack(t *testing.T) {
	def, _ := Find("panic")
	def.Script = strings.NewReplacer("/proc/sysrq-trigger", "/run/sysrq", "/proc/sys/kernel/panic", "/run/panic").Replace(def.Script)
	if strings.Contains(def.Script, "/proc/sys") {
		t.Fatal("the script would reach the real kernel")
	}
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, def)
		h.must("echo 0 >/run/panic; : >/run/sysrq")
		h.settle()
		s := h.attacked("panic-1", "panic", 60, 15, "sync=0")
		h.eventually(10*time.Second, "the order is given", func() bool { return h.must("cat /run/sysrq") == "c\n" })
		if got := h.must("cat /run/panic"); got != "5\n" {
			t.Errorf("the host would come back after %q seconds", got)
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" || h.must("cat /run/panic") != "0\n" {
			t.Errorf("said %q, and the kernel's answer to a panic is not as before", said)
		}
		h.must(": >/run/sysrq")
		h.upload(h.runner)
		s = h.attacked("panic-2", "panic", 60, 15, "sync=0")
		s.send("stop")
		s.ends()
		h.untouched()
		if got := h.must("cat /run/sysrq"); got != "" {
			t.Errorf("a panic was ordered after the stop: %q", got)
		}
	})
}
