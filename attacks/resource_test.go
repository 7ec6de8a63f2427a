//go:build linux

package attacks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// hogTrial is one attack on a resource, bounded so that this machine does not feel it, and a witness of the
// test's own: a command line on the host that prints how much is taken.
type hogTrial struct {
	attack  string
	params  []string
	prepare string // a command line that gives the host what is to be taken
	witness string
	rise    int  // by how much the witness must rise
	exact   bool // the figure is this host's alone, so the verdict must be right, too
}

// disk makes a file system of 24 MiB with 1000 inodes, on a loop device over memory.
const disk = `mount -t tmpfs -o size=40m tmpfs /srv && mkdir /srv/disk && truncate -s 24m /srv/image &&
mke2fs -q -F -t ext4 -N 1000 -m 0 /srv/image && mount -o loop /srv/image /srv/disk`

// held is a command line that sums something up over the processes of a run.
func held(each string) string {
	return `sum=0; for d in /run/chaoscat/*/; do while read -r p _; do [ -d /proc/$p ] && { ` + each + `; }; done <$d/hogs; done 2>/dev/null; echo $sum`
}

var hogTrials = []hogTrial{
	{"cpu", []string{"load=60", "workers=2"}, ":", held(`sum=$((sum + 1))`), 2, false},
	{"memory", []string{"size=32768"}, ":", held(`while read -r k v _; do [ $k != RssAnon: ] || sum=$((sum + v)); done </proc/$p/status`), 32000, false},
	{"disk-fill", []string{"percent=70", "path=/srv/disk"}, disk, `set -- $(stat -f -c '%b %f' /srv/disk); echo $((($1 - $2) * 100 / $1))`, 50, true},
	{"disk-fill", []string{"leave=8192", "path=/srv/disk"}, disk, `set -- $(stat -f -c '%b %f' /srv/disk); echo $((($1 - $2) * 100 / $1))`, 50, true},
	{"disk-fill", []string{"size=8192", "path=/srv"}, disk, `set -- $(stat -f -c '%S %b %f' /srv); echo $((($2 - $3) * $1 / 1024))`, 8192, true}, // in memory
	{"disk-io", []string{"mode=both", "workers=1", "block=4", "size=16384", "path=/srv/disk"}, disk, held(`sum=$((sum + 1))`), 1, true},
	{"inodes", []string{"percent=75", "path=/srv/disk"}, disk, `set -- $(stat -f -c '%c %d' /srv/disk); echo $(($1 - $2))`, 700, true},
	{"inodes", []string{"leave=300", "path=/srv/disk"}, disk, `set -- $(stat -f -c '%c %d' /srv/disk); echo $(($1 - $2))`, 600, true},
	{"fds", []string{"count=450"}, ":", held(`for f in /proc/$p/fd/*; do sum=$((sum + 1)); done`), 450, false},
	{"pids", []string{"count=90"}, ":", `set -- /proc/[0-9]*; echo $#`, 90, false},
}

func (tr hogTrial) name() string { return tr.attack + " " + strings.Join(tr.params, " ") }

func (tr hogTrial) host(t *testing.T, shell string) *namespaceHost {
	t.Helper()
	h := newHost(t, shell)
	if out, err := h.sh(tr.prepare); err != nil {
		t.Skipf("this machine gives the host no disk: %v: %s", err, out)
	}
	h.settle()
	return h
}

// figure measures as the controller does.
func (tr hogTrial) figure(h *namespaceHost, id string) (figure *float64, expect Expect) {
	h.t.Helper()
	header := []string{"id=" + id, "kind=" + tr.attack}
	for _, p := range tr.params {
		header = append(header, "p."+p)
	}
	said, _ := h.run("measure", header...)
	for _, line := range said {
		if n, ok := strings.CutPrefix(line, "figure "); ok {
			v := must(strconv.ParseFloat(n, 64))
			figure = &v
		}
		if e, ok := strings.CutPrefix(line, "expect "); ok {
			expect = must(ParseExpect(e))
		}
	}
	if figure == nil || expect.Way != Up {
		h.t.Errorf("measured %q", said)
	}
	return figure, expect
}

func (h *namespaceHost) number(line string) int {
	h.t.Helper()
	return must(strconv.Atoi(strings.TrimSpace(h.must(line))))
}

// fell waits until the witness says that nothing is taken any more.
func (tr hogTrial) fell(h *namespaceHost, within time.Duration, to int) time.Duration {
	h.t.Helper()
	return h.eventually(within, tr.attack+" has let go", func() bool { return h.number(tr.witness) <= to+tr.rise/10 })
}

func everyHog(t *testing.T, test func(t *testing.T, shell string, tr hogTrial)) {
	t.Helper()
	for name, path := range shells(t) {
		for _, tr := range hogTrials {
			t.Run(name+"/"+tr.name(), func(t *testing.T) { test(t, path, tr) })
		}
	}
}

func TestWhatIsTakenIsFeltMeasuredAndGivenBack(t *testing.T) {
	everyHog(t, func(t *testing.T, shell string, tr hogTrial) {
		h := tr.host(t, shell)
		free := h.number(tr.witness)
		before, expect := tr.figure(h, "take-1")
		s := h.guard("take-1", tr.attack, 60, 15, tr.params...)
		if armed := s.says("armed"); !strings.HasPrefix(armed, "layers=kernel,guard,twin ") {
			t.Errorf("armed %s", armed)
		}
		s.send("go")
		s.says("injected 0")
		h.eventually(15*time.Second, "it is taken", func() bool { return h.number(tr.witness) >= free+tr.rise*9/10 })
		during, _ := tr.figure(h, "take-1")
		effect := Judge(expect, before, during)
		if good := effect == engine.Effective || tr.attack == "disk-io" && effect == engine.Weak; tr.exact && !good { // how fast a disk is fed depends on how busy this machine is
			t.Errorf("%v → %v, expected %+v: %s", *before, *during, expect, effect)
		}
		s.send("stop")
		said, status := s.ends()
		if last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		tr.fell(h, margin, free)
		after, _ := tr.figure(h, "take-1")
		t.Logf("%s %v → %v → %v, expected up %v; %s", tr.attack, *before, *during, *after, expect.By, strings.Join(s.seen[len(s.seen)-4:], "; "))
		h.untouched()
	})
}

func TestWithEveryGuardKilledNothingStaysTaken(t *testing.T) {
	everyHog(t, func(t *testing.T, shell string, tr hogTrial) {
		h := tr.host(t, shell)
		free := h.number(tr.witness)
		h.attacked("lone-1", tr.attack, 60, 15, tr.params...)
		h.eventually(15*time.Second, "it is taken", func() bool { return h.number(tr.witness) >= free+tr.rise*9/10 })
		h.kill("lone-1", "watchdog", "twin", "guard")
		t.Logf("let go after %s", tr.fell(h, margin, free).Round(time.Millisecond))
		if said, _ := h.run("sweep", "force=0"); !has(said, "cleared lone-1") {
			t.Errorf("the sweep said %q", said)
		}
		h.untouched()
	})
}

// A tool that dies must not leave its children at work, as the stress-ng of other agents does: the death of the
// minder alone ends what it holds, with the guards none the wiser.
func TestTheDeathOfTheMinderAloneEndsTheFault(t *testing.T) {
	everyHog(t, func(t *testing.T, shell string, tr hogTrial) {
		if tr.attack == "cpu" {
			t.Skip("its workers are their own minders")
		}
		h := tr.host(t, shell)
		free := h.number(tr.witness)
		s := h.attacked("mind-1", tr.attack, 60, 15, tr.params...)
		h.must("read -r p _ </run/chaoscat/mind-1/hogs && kill -KILL $p")
		tr.fell(h, margin, free)
		s.send("stop")
		if said, status := s.ends(); last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

func TestALostLeaseEndsAHogEvenWithGuardsThatAreFrozen(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.attacked("ice-1", "memory", 60, 2, "size=8192")
		for _, role := range []string{"watchdog", "twin", "guard"} {
			h.must("read -r p _ </run/chaoscat/ice-1/pid." + role + " && kill -STOP $p")
		}
		hogs := hogTrials[1]
		hogs.fell(h, 2*time.Second+margin, 0)
		for _, role := range []string{"watchdog", "twin", "guard"} {
			h.must("read -r p _ </run/chaoscat/ice-1/pid." + role + " && kill -KILL $p")
		}
		h.run("sweep", "force=0")
		h.untouched()
	})
}

func TestTheKernelEndsAHogFirstAndAGuardLast(t *testing.T) {
	h := newHost(t, "/bin/sh")
	s := h.attacked("adj-1", "memory", 60, 15, "size=16384")
	for _, adj := range strings.Fields(h.must("while read -r p _; do cat /proc/$p/oom_score_adj; done </run/chaoscat/adj-1/hogs")) {
		if adj != "1000" {
			t.Errorf("something that holds memory has oom_score_adj %s: the kernel would kill something else first", adj)
		}
	}
	for _, role := range []string{"guard", "watchdog", "twin"} {
		adj := h.number("read -r p _ </run/chaoscat/adj-1/pid." + role + " && cat /proc/$p/oom_score_adj")
		if _, err := h.sh("echo -1000 >/proc/self/oom_score_adj"); adj >= 1000 || err == nil && adj != -1000 { // a container may not
			t.Errorf("the %s has oom_score_adj %d", role, adj)
		}
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

// ---- memory: a small host that the test makes up ---------------------------------------------------------

// smallHost has 256 MiB of memory, of which 200 are available but for what the hogs really hold.
type smallHost struct {
	*namespaceHost
	file   string
	others func() int // MiB that somebody else has taken
}

func newSmallHost(t *testing.T, shell string) *smallHost {
	t.Helper()
	h := &smallHost{namespaceHost: newHost(t, shell), others: func() int { return 0 }}
	h.file = filepath.Join(t.TempDir(), "meminfo")
	h.write(0)
	h.must("mount --bind " + h.file + " /proc/meminfo")
	h.settle()
	return h
}

func (h *smallHost) write(taken int) {
	line := fmt.Sprintf("MemTotal:       262144 kB\nMemFree:        100000 kB\nMemAvailable:   %6d kB\n", 204800-h.others()<<10-taken)
	f := must(os.OpenFile(h.file, os.O_WRONLY|os.O_CREATE, 0o600))
	defer f.Close()
	must(f.WriteString(line)) // of the same length each time, so that nobody reads half of it
}

// turn lets the host's figures follow what is held, and returns that in MiB.
func (h *smallHost) turn() int {
	taken := h.number(hogTrials[1].witness)
	h.write(taken)
	return taken >> 10
}

func TestMemoryIsTakenUntilTheShareIsReachedAndFollowsWhatOthersTake(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for param, want := range map[string]int{"percent=40": 47, "leave=153600": 50} { // of 256 MiB 56 are in use
			h := newSmallHost(t, shell)
			s := h.guard("share-1", "memory", 90, 60, param) // nobody renews it while we look
			s.says("armed")
			s.send("go")
			near := func(mib int) func() bool {
				return func() bool { n := h.turn(); return n >= mib-6 && n <= mib+6 }
			}
			h.eventually(20*time.Second, param+" is reached", near(want))
			s.says("injected 0")
			h.others = func() int { return 25 }
			h.eventually(20*time.Second, "it makes room for others", near(want-25))
			h.others = func() int { return 0 }
			h.eventually(20*time.Second, "it takes what others have left", near(want))
			s.send("stop")
			if said, _ := s.ends(); last(said) != "restored" {
				t.Errorf("said %q", said)
			}
			h.untouched()
		}
	})
}

func TestMemoryThatWouldGoBelowTheFloorIsInfeasibleAndItIsGivenBackAtTheFloor(t *testing.T) {
	h := newSmallHost(t, "/bin/sh")
	for params, want := range map[string]string{ // the floor is a fifth, 51 MiB
		"size=160000":  "infeasible 156 MiB would leave 43 MiB of memory, and 51 MiB must be left",
		"percent=90":   "infeasible 174 MiB would leave 25 MiB of memory, and 51 MiB must be left",
		"leave=10240":  "infeasible 190 MiB would leave 10 MiB of memory, and 51 MiB must be left",
		"leave=230000": "infeasible 200 MiB of 256 MiB of memory are available: that is as little already",
		"percent=20":   "infeasible 200 MiB of 256 MiB of memory are available: that is as little already",
	} {
		if said, status := h.guard("floor-1", "memory", 60, 15, params).ends(); status != 4 || last(said) != want {
			t.Errorf("%s: said %q and ended with %d", params, said, status)
		}
	}
	s := h.attacked("floor-2", "memory", 60, 15, "size=32768")
	h.others = func() int { return 125 }
	h.eventually(20*time.Second, "it gives back what keeps the floor", func() bool { n := h.turn(); return n <= 26 && n >= 12 })
	s.send("stop")
	s.ends()
	h.untouched()
}

func TestMemoryGrowsEvenlyAlongItsRamp(t *testing.T) {
	h := newHost(t, "/bin/sh")
	start := time.Now()
	s := h.attacked("ramp-1", "memory", 60, 15, "size=40960", "ramp=5000")
	if n := h.number(hogTrials[1].witness); n > 24<<10 {
		t.Errorf("%d KiB are held at the beginning", n)
	}
	h.eventually(20*time.Second, "all is held", func() bool { return h.number(hogTrials[1].witness) > 40000 })
	if took := time.Since(start); took < 4*time.Second {
		t.Errorf("it was all there after %s", took)
	}
	s.send("stop")
	s.ends()
	if said, status := h.guard("ramp-2", "memory", 5, 15, "size=40960", "ramp=5000").ends(); status != 4 || last(said) != "refused the ramp takes 5 s and the attack lasts 5 s" {
		t.Errorf("said %q and ended with %d", said, status)
	}
	h.untouched()
}

func TestMemoryThatTheKernelTakesBackIsNotTakenAgainAndNotClaimed(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newSmallHost(t, shell)
		tr := hogTrial{attack: "memory", params: []string{"size=32768"}}
		before, expect := tr.figure(h.namespaceHost, "oom-1")
		s := h.attacked("oom-1", "memory", 60, 15, "size=32768")
		h.must("{ read -r _; while read -r p _; do kill -KILL $p; done; } </run/chaoscat/oom-1/hogs") // as the kernel does
		h.eventually(margin, "it is gone", func() bool { return h.turn() <= 10 })
		var taken int
		if _, again := poll2(2*time.Second, func() bool { taken = h.turn(); return taken > 10 }); again {
			t.Errorf("%d MiB were taken again", taken)
		}
		during, _ := tr.figure(h.namespaceHost, "oom-1")
		if effect := Judge(expect, before, during); effect != engine.NoEffect {
			t.Errorf("%v → %v is called %s", *before, *during, effect)
		}
		s.send("stop")
		s.ends()
		h.untouched()
	})
}

// ---- disk -----------------------------------------------------------------------------------------------

func (h *namespaceHost) used(path string) int {
	h.t.Helper()
	return h.number("set -- $(stat -f -c '%S %b %f' " + path + "); echo $((($2 - $3) * $1 / 1024))")
}

// What fallocate says is not believed: some file systems have no fallocate, some say that there is no room, some
// take it for a wish.
func TestAFallocateThatFailsOrLiesIsFoundOutAndTheDiskIsFilledAllTheSame(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		for how, stub := range map[string]string{
			"fails":           "#!/bin/sh\necho 'fallocate failed: No space left on device' >&2\nexit 1\n",
			"lies":            "#!/bin/sh\nexit 0\n",
			"takes very much": "", // no stub: the file system's own
		} {
			h := hogTrial{prepare: disk}.host(t, shell)
			if stub != "" {
				h.stub("fallocate", stub)
				h.settle()
			}
			free := h.used("/srv/disk")
			s := h.attacked("lie-1", "disk-fill", 60, 15, "path=/srv/disk", "size=12288")
			if got := h.used("/srv/disk") - free; got < 12288 || got > 12288+512 {
				t.Errorf("fallocate %s: %d KiB are taken", how, got)
			}
			if names := h.must("ls -A /srv/disk"); names != "lost+found\n" {
				t.Errorf("the file has a name: %s", names)
			}
			s.send("stop")
			if said, _ := s.ends(); last(said) != "restored" {
				t.Errorf("said %q", said)
			}
			h.eventually(margin, "the room is back", func() bool { return h.used("/srv/disk") <= free+64 })
			h.untouched()
		}
	})
}

func TestAReserveIsLeftOnTheDiskAndWhatOthersWriteIsMadeRoomFor(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := hogTrial{prepare: disk}.host(t, shell)
		if said, status := h.guard("much-1", "disk-fill", 60, 15, "path=/srv/disk", "percent=95").ends(); status != 4 || !strings.Contains(last(said), "MiB must be left") {
			t.Errorf("said %q and ended with %d", said, status)
		}
		s := h.attacked("much-2", "disk-fill", 60, 15, "path=/srv/disk", "percent=78")
		taken := h.used("/srv/disk")
		h.must("dd if=/dev/zero of=/srv/disk/theirs bs=64k count=40 2>/dev/null") // 2.5 MiB
		h.eventually(margin, "it gives way", func() bool { return h.used("/srv/disk") <= taken+600 })
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("said %q", said)
		}
		if got := strings.TrimSpace(h.must("wc -c </srv/disk/theirs; rm /srv/disk/theirs")); got != "2621440" {
			t.Errorf("the others' file has %s bytes", got)
		}
		h.untouched()
	})
}

func TestWhatIsNoDiskOfThisHostsOwnIsNeverFilled(t *testing.T) {
	h := hogTrial{prepare: disk + " && mkdir /srv/ro && mount -t tmpfs -o ro tmpfs /srv/ro && ln -s disk /srv/link && mkdir /srv/other /run/here"}.host(t, "/bin/sh")
	for path, want := range map[string]string{
		"/srv/none":   "/srv/none is no directory on this host",
		"/srv/image":  "/srv/image is no directory on this host",
		"/srv/link":   "a link leads from /srv/link to /srv/disk: name the place itself",
		"/srv/ro":     "/srv/ro is on a read-only file system",
		"/run/here":   "/run/here is on the file system that holds chaoscat's own state, /run/chaoscat",
		"/sys/kernel": "/sys/kernel is on a ",
	} {
		for _, attack := range []string{"disk-fill percent=70", "disk-io workers=1 mode=both block=64 size=1024", "inodes percent=70"} {
			words := strings.Fields(attack)
			said, status := h.guard("no-1", words[0], 60, 15, append(words[1:], "path="+path)...).ends()
			if status != 4 || !strings.HasPrefix(last(said), "infeasible "+want) {
				t.Errorf("%s: %s: said %q and ended with %d", path, words[0], said, status)
			}
		}
	}
	if said, _ := h.guard("no-2", "disk-io", 60, 15, "workers=1", "mode=both", "block=64", "size=1024", "path=/srv/other").ends(); last(said) != "infeasible /srv/other is in memory, not on a disk" {
		t.Errorf("said %q", said)
	}
	h.untouched()
}

func TestNetworkFileSystemsAreRefusedWhateverTheyAreCalled(t *testing.T) {
	for kind, want := range map[string]string{
		"nfs4": "network file system (nfs4)", "cifs": "network file system (cifs)", "fuse.sshfs": "network file system (fuse.sshfs)", "ceph": "network file system", "9p": "network file system",
		"proc": "which is no storage", "ramfs": "which is no storage", "hostfs": "which is no storage", "ext4": "", "xfs": "", "btrfs": "",
	} {
		program := strings.Replace(stateScript, "@BASE@", Base, 1) + hogsScript + `
volume() { DEV=${1#/run/chaoscat} FS=` + kind + ` OPTIONS=,rw,; }
storage /usr`
		out, err := exec.Command("sh", "-c", program).CombinedOutput()
		if (want == "") != (err == nil) || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s", kind, err, out)
		}
	}
}

// ---- cpu ------------------------------------------------------------------------------------------------

// oneProcessor is a machine with a single processor that others keep busy for a share of the time. Its /proc/stat
// is the test's. What the worker adds is the time for which it does not rest, which it would be given on a machine
// of its own: so the test says the same however busy this machine is.
type oneProcessor struct {
	*namespaceHost
	file       string
	began      time.Time
	at         time.Duration
	busy, idle float64 // hundredths of a second
	waiting    float64 // work that was not done yet
	worker     string  // as this machine numbers it
}

func newOneProcessor(t *testing.T, shell string) *oneProcessor {
	h := &oneProcessor{namespaceHost: newHost(t, shell), file: filepath.Join(t.TempDir(), "stat"), began: time.Now(), busy: 1000, idle: 1000}
	h.write()
	h.must("mount --bind " + h.file + " /proc/stat")
	h.settle()
	return h
}

func (h *oneProcessor) write() {
	cpu := fmt.Sprintf("%10d 0 0 %10d 0 0 0 0 0 0\n", int(h.busy), int(h.idle))
	f := must(os.OpenFile(h.file, os.O_WRONLY|os.O_CREATE, 0o600))
	defer f.Close()
	must(f.WriteString("cpu  " + cpu + "cpu0 " + cpu))
}

// real is the number that a process of the host has on this machine.
func (h *namespaceHost) real(inside string) string {
	h.t.Helper()
	own := must(os.Readlink("/proc/" + h.pid() + "/ns/pid"))
	for _, dir := range must(filepath.Glob("/proc/[0-9]*")) {
		if ns, _ := os.Readlink(dir + "/ns/pid"); ns != own {
			continue
		}
		status, _ := os.ReadFile(dir + "/status")
		if strings.Contains(string(status), "\t"+inside+"\n") && strings.Contains(string(status), "NSpid:\t"+filepath.Base(dir)+"\t"+inside+"\n") {
			return filepath.Base(dir)
		}
	}
	h.t.Fatalf("no process %s", inside)
	return ""
}

// works tells whether the worker is at work, or waits for its turn at it.
func (h *oneProcessor) works() bool {
	stat, _ := os.ReadFile("/proc/" + h.worker + "/stat")
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "R")
}

// pass lets the time pass that has passed, with the share that others take.
func (h *oneProcessor) pass(others float64) {
	now := time.Since(h.began)
	passed := (now - h.at).Seconds() * 100
	h.waiting += others * passed
	if h.works() {
		h.waiting += passed
	}
	work := min(passed, h.waiting)
	h.at, h.waiting = now, h.waiting-work
	h.busy, h.idle = h.busy+work, h.idle+passed-work
	h.write()
}

// busyFor is how busy the machine is on the average of some seconds, in per cent.
func (h *oneProcessor) busyFor(seconds float64, others float64) float64 {
	busy, idle, till := h.busy, h.idle, time.Since(h.began)+time.Duration(seconds*float64(time.Second))
	for time.Since(h.began) < till {
		<-time.After(5 * time.Millisecond)
		h.pass(others)
	}
	return (h.busy - busy) / (h.busy - busy + h.idle - idle) * 100
}

func TestTheLoopHoldsTheMachineWithinFivePointsWhateverOthersTake(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newOneProcessor(t, shell)
		h.busyFor(1, 0.3)
		s := h.guard("loop-1", "cpu", 120, 100, "load=60", "workers=0")
		s.says("armed")
		s.send("go")
		h.eventually(margin, "there is a worker", func() bool {
			h.busyFor(0.1, 0.3)
			hogs := strings.Fields(h.must("cat /run/chaoscat/loop-1/hogs"))
			if len(hogs) > 1 {
				h.worker = h.real(hogs[0])
			}
			return h.worker != ""
		})
		for _, others := range []float64{0.3, 0.05, 0.5} {
			var held float64
			h.eventually(40*time.Second, fmt.Sprintf("60 %% with others at %.0f %%", others*100), func() bool {
				held = h.busyFor(4, others)
				t.Logf("others %.0f %%, the machine is %.1f %% busy", others*100, held)
				return held >= 55 && held <= 65
			})
		}
		s.says("injected 0")
		h.eventually(40*time.Second, "nothing is added where others take more than the share", func() bool { return h.busyFor(4, 0.9) <= 95 })
		s.send("stop")
		s.ends()
		h.untouched()
	})
}

func TestAWorkerTakesItsShareOfOneProcessor(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		s := h.attacked("own-1", "cpu", 90, 80, "load=30", "workers=1")
		taken := func() (spent, at int) {
			f := strings.Fields(h.must("read -r p _ </run/chaoscat/own-1/hogs; read -r up _ </proc/uptime; set -- $(cat /proc/$p/stat); echo $((${14} + ${15})) ${up%.*}${up#*.}"))
			return must(strconv.Atoi(f[0])), must(strconv.Atoi(f[1]))
		}
		var crowded float64
		_, held := poll2(30*time.Second, func() bool {
			a, from := taken()
			all := hogTrial{attack: "cpu", params: []string{"load=30", "workers=1"}}
			busy, _ := all.figure(h, "own-1") // lasts some seconds
			crowded = *busy
			b, to := taken()
			share := float64(b-a) / float64(to-from) * 100
			t.Logf("the worker takes %.1f %%, the machine is %.1f %% busy", share, crowded)
			return share >= 25 && share <= 35
		})
		switch {
		case held:
		case crowded > 95:
			t.Skip("this machine has no processor time left to give the worker its share")
		default:
			t.Error("never 30 % of a processor")
		}
		s.send("stop")
		s.ends()
		h.untouched()
	})
}

// ---- handles --------------------------------------------------------------------------------------------

func TestHandlesAreTakenOnlyAsFarAsAReserveIsLeft(t *testing.T) {
	h := hogTrial{prepare: disk}.host(t, "/bin/sh")
	for attack, want := range map[string]string{
		"inodes path=/srv/disk percent=95":    "must be left",
		"inodes path=/srv/disk leave=10":      "must be left",
		"inodes path=/srv/disk leave=999":     "are free: that is as little already",
		"disk-fill path=/srv/disk leave=1024": "must be left",
	} {
		words := strings.Fields(attack)
		said, status := h.guard("res-1", words[0], 60, 15, words[1:]...).ends()
		if status != 4 || !strings.HasPrefix(last(said), "infeasible ") || !strings.Contains(last(said), want) {
			t.Errorf("%s: said %q and ended with %d", attack, said, status)
		}
	}
	h.untouched()
}

// What would touch the limits of this machine itself is only asked, with figures that the test makes up.
func TestALimitOfTheWholeHostIsNeverComeTooNearTo(t *testing.T) {
	for _, row := range []struct{ attack, given, want string }{
		{"pids", "P_count=850", ""},
		{"pids", "P_count=860", "860 more would leave 90 processes of 1000 (kernel.pid_max), and 100 must be left"},
		{"pids", "P_percent=90", ""},
		{"pids", "P_percent=91", "and 100 must be left"},
		{"pids", "P_percent=5", "50 processes of 1000 run: that is as many already"},
		{"pids", "P_count=500 AVAILABLE_=60000", "500 processes would leave less than 51 MiB of memory"},
		{"fds", "P_count=8000", ""},
		{"fds", "P_count=8900", "8900 more would leave 600 open files, and 756 must be left"},
		{"fds", "P_percent=80", ""},
		{"fds", "P_percent=94", "and 756 must be left"},
		{"fds", "P_percent=1", "500 files of 10000 are open: that is as many already"},
		{"fds", "P_percent=80 FILES_MAX_=9223372036854775807", "this host has no limit on open files (fs.file-max): say a count"},
		{"fds", "P_count=8000 FILES_MAX_=9223372036854775807", ""},
		{"fds", "P_count=8000 AVAILABLE_=60000", "8000 open files would leave less than 51 MiB of memory"},
	} {
		def, _ := Find(row.attack)
		program := strings.Replace(stateScript, "@BASE@", Base, 1) + hogsScript + def.Script + `
tasks() { TASKS=50 LIMIT=1000 BY=kernel.pid_max RESERVED=100; }
files() { FILES=500 FILES_MAX=${FILES_MAX_:-10000}; }
memory() { TOTAL=262144 AVAILABLE=${AVAILABLE_:-204800} FLOOR=52428; }
` + row.given + `
requires`
		for name, path := range shells(t) {
			argv := []string{"-c", program}
			if name == "busybox" {
				argv = append([]string{"sh"}, argv...)
			}
			out, err := exec.Command(path, argv...).CombinedOutput()
			if said := strings.TrimSpace(string(out)); (row.want == "") != (err == nil) || !strings.HasSuffix(said, row.want) || row.want == "" && said != "" {
				t.Errorf("%s %s under %s: %v %s", row.attack, row.given, name, err, said)
			}
		}
	}
}

// A holder that starts a process for each connection leaves none behind, whoever of them dies first.
func TestAConnectionToATakenPortEndsWithIt(t *testing.T) {
	h := newHost(t, "/bin/sh")
	h.stub("perl", "#!/bin/sh\nexit 1\n")
	h.stub("python3", "#!/bin/sh\nexit 1\n")
	h.settle()
	s := h.guard("hog-3", "port-hog", 40, 15, "port=8124")
	if first := s.first(); !strings.HasPrefix(first, "armed") {
		t.Skip(first)
	}
	s.send("go")
	s.says("injected 0")
	held := func() bool {
		_, err := h.sh("grep -q -E ' [0-9A-F]+:1FBC [0-9A-F]+:[0-9A-F]{4} 01 ' /proc/net/tcp /proc/net/tcp6")
		return err == nil
	}
	client := h.command(nil, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8124; exec cat <&3")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer client.Process.Kill()
	h.eventually(10*time.Second, "there is a connection", held)
	h.must("while read -r pid _; do kill -KILL $pid 2>/dev/null; done </run/chaoscat/hog-3/helpers; :")
	s.send("stop")
	s.says("restored")
	s.ends()
	h.eventually(5*time.Second, "the connection is over", func() bool { return !held() })
	client.Process.Kill()
	client.Wait()
	h.untouched()
}
