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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
)

// This file is the ring of real hosts: the program as it is shipped puts every attack of the catalogue on hosts of
// the lab, everything that can die or be cut is killed and cut, and each time the host must be well within the time
// of promise 1, and in the end exactly as before. The witness is the host's serial line, which needs neither the
// network nor sshd.
//
// A program that is started on such a host costs it 10 ms of a processor that all hosts share, and that is what the
// ring's time is made of. So a host is described in full only before its first attack, after the four faults that
// leave it up, and after the reboot; it polls itself rather than being polled; and what the controller says of its
// phases is read from its own output.

const (
	short = 15 * time.Second // how long a fault is to be held that ends by itself
	long  = 90 * time.Second // and one that something else must end
	lease = 5 * time.Second  // the shortest that the configuration takes
	slack = 5 * time.Second  // promise 1: deadline + 5 s, or lease + 5 s after contact is lost
	fleet = 4                // hosts: more than this machine has processors, for most of a trial is waiting
)

// fault is what happens to an attack, and what must follow.
type fault struct {
	name     string
	expected string
	hold     time.Duration
	within   time.Duration      // from the fault to the host being well again
	provoke  func(*bench) error // nil: nothing happens, the attack ends by itself
	mend     func(*bench) error // after the host is well
	exits    []int              // codes that the controller may end with; nil: it was killed
	orphaned bool               // nobody is left who would undo, where the kernel does not: the mending must
}

// five is what every attack goes through; the last of them is a new life of the host.
func five() []*fault {
	return []*fault{
		{name: "none", expected: "deadline reverts", hold: short, within: short + slack, exits: []int{0}},
		{name: "stop", expected: "undone at once", hold: long, within: slack, provoke: (*bench).stop, exits: []int{7}},
		{name: "SIGKILL controller", expected: "lease reverts", hold: long, within: lease + slack, provoke: (*bench).killController, mend: (*bench).restart},
		{name: "SIGKILL guard", expected: "second guard reverts", hold: long, within: lease + slack, provoke: (*bench).killGuard, exits: []int{0, 5, 7}},
		{name: "host rebooted", expected: "nothing left", hold: long, within: 90 * time.Second, provoke: (*bench).reboot, exits: []int{0, 5, 6, 7}},
	}
}

// deeper is what one attack of each class goes through besides.
func deeper() []*fault {
	return []*fault{
		{name: "SIGKILL all guards and controller", expected: "kernel or restart ends it", hold: long, within: lease + slack, provoke: (*bench).killEverything, mend: (*bench).restart, orphaned: true},
		{name: "SIGSTOP controller 20 s", expected: "lease reverts, not applied again", hold: long, within: lease + slack, provoke: (*bench).freezeController, mend: (*bench).thawController, exits: []int{0, 5, 7}},
		{name: "controller's network cut", expected: "lease reverts", hold: long, within: lease + slack, provoke: (*bench).cut, mend: (*bench).uncut, exits: []int{0, 5, 7}},
		{name: "sshd killed", expected: "guard reverts", hold: long, within: lease + slack, provoke: (*bench).killSSHD, mend: (*bench).startSSHD, exits: []int{0, 5, 7}},
		{name: "sshd listener killed, stop", expected: "stop on the open session", hold: long, within: slack, provoke: (*bench).killListenerAndStop, mend: (*bench).startSSHD, exits: []int{7}},
		{name: "root disk full before", expected: "armed and reverted", hold: short, within: short + slack, exits: []int{0}},
	}
}

// faults are those that an attack goes through.
func (p proof) faults() []*fault {
	switch {
	case p.cutsItself():
		return []*fault{{name: "SIGKILL controller, SSH itself cut", expected: "kernel and deadline revert", hold: 20 * time.Second, within: 35 * time.Second, provoke: (*bench).killController, mend: (*bench).restart}}
	case p.deep:
		all := five()
		return slices.Concat(all[:4], deeper(), all[4:])
	}
	return five()
}

// wantedFaults are those among them that CHAOSCAT_LAB_FAULTS names, separated by commas, or all. The one that
// CHAOSCAT_LAB_WITHOUT names is tried only on the attacks that are tried deeply, one of each class.
func (p proof) wantedFaults() []*fault {
	wanted, without := os.Getenv("CHAOSCAT_LAB_FAULTS"), os.Getenv("CHAOSCAT_LAB_WITHOUT")
	return slices.DeleteFunc(p.faults(), func(f *fault) bool {
		return wanted != "" && !slices.Contains(strings.Split(wanted, ","), f.name) || f.name == without && !p.deep
	})
}

// bench is a host under trial with a controller of its own.
type bench struct {
	proof
	*fault
	t       testing.TB
	l       *Lab
	h       *Host
	folder  string
	process *exec.Cmd
	out     transcript
	ended   chan struct{}
	code    int
	id      string
	user    string        // who logs in; "" is root
	pace    *float64      // how many times slower than usual the host was when somebody last looked
	held    time.Duration // how long the fault was ordered to be held
}

// transcript is what a controller has said so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// between is the time from one phase to a later one, 0 if either was not told of.
func (s *transcript) between(from, to string) time.Duration {
	at := map[string]time.Time{}
	for line := range strings.Lines(s.String()) {
		var said struct {
			Kind, Msg string
			Time      time.Time
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Kind == "phase" {
			at[said.Msg] = said.Time
		}
	}
	if at[from].IsZero() || at[to].IsZero() {
		return 0
	}
	return at[to].Sub(at[from])
}

// phase is the last one that the controller has told of, and the run it is in.
func (s *transcript) phase() (id, phase string) {
	for line := range strings.Lines(s.String()) {
		var said struct{ Kind, Msg, Run string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Kind == "phase" {
			id, phase = said.Run, said.Msg
		}
	}
	return id, phase
}

func TestEveryAttackIsUndoneWhateverDies(t *testing.T) {
	needBinary(t)
	l := start(t, Options{Hosts: fleet})
	began := time.Now()
	table := &table{}
	var all []*series
	for _, h := range l.Hosts {
		all = append(all, &series{l: l, h: h, table: table, pace: 1})
	}
	for _, batch := range batches() {
		queue := make(chan proof)
		var workers sync.WaitGroup
		for _, s := range all {
			workers.Go(func() {
				for p := range queue {
					t.Run(p.String(), func(t *testing.T) { s.prove(t, p) })
				}
			})
		}
		for _, p := range batch {
			queue <- p
		}
		close(queue)
		workers.Wait()
	}
	t.Logf("%d rows in %s\n%s", len(table.rows), time.Since(began).Round(time.Second), table)
}

// batches are the attacks in an order that wastes no time: those with the most faults first, and at last, one host
// at a time, those that the other hosts would feel. CHAOSCAT_LAB_ATTACKS names the few that somebody wants to see.
func batches() [][]proof {
	wanted := strings.Fields(os.Getenv("CHAOSCAT_LAB_ATTACKS"))
	var together, alone []proof
	for _, p := range proofs {
		switch {
		case p.clockwork || len(wanted) > 0 && !slices.Contains(wanted, p.attack):
		case p.loads:
			alone = append(alone, p)
		default:
			together = append(together, p)
		}
	}
	slices.SortStableFunc(together, func(a, b proof) int { return cmp.Compare(len(b.faults()), len(a.faults())) })
	all := [][]proof{together}
	for _, p := range alone {
		all = append(all, []proof{p})
	}
	return all
}

// series is one host and what it goes through, one attack after another.
type series struct {
	l      *Lab
	h      *Host
	table  *table
	before string // the host as it was, before the first attack or after the last mishap
	pace   float64
}

// prove puts one attack through its faults and compares the host with what it was: once after those that leave it
// up, and once after the reboot. What is left then is held against every row since the last look.
func (s *series) prove(t *testing.T, p proof) {
	s.begin(t, p)
	if p.infeasible != "" {
		s.table.add(s.refused(t, p))
		return
	}
	var rows []row
	for _, f := range p.wantedFaults() {
		reboots := f.name == "host rebooted"
		if reboots {
			s.close(t, p, rows)
			rows = nil
			if s.before == "" {
				s.begin(t, p)
			}
		}
		r := row{p.String(), f.name, f.expected, "FAILED", 0}
		t.Run(f.name, func(t *testing.T) {
			var b *bench
			first := try(t, func(it *trial) { b = s.bench(it, p, f); b.run(&r) })
			if !first.Failed() {
				return
			}
			deaf := s.l.deaf(t, s.h)
			if !deaf && !s.merelyLate(first) {
				first.count()
				return
			}
			t.Logf("this trial is made again, since %s was late or its kernel has hung (%t); it had said: %s", s.h.Name, deaf, first.wrongs)
			if b.process != nil {
				_ = b.killController()
			}
			if deaf {
				s.unseen(rows)
				rows = nil
				s.reset(t)
				run(t, s.l, s.h, p.setup)
			}
			s.bench(t, p, f).run(&r)
			r.seen += ", at the second try"
		})
		rows = append(rows, r)
		if reboots {
			run(t, s.l, s.h, p.setup)
		}
	}
	s.close(t, p, rows)
	if p.teardown != "" {
		run(t, s.l, s.h, p.teardown)
		s.before = ""
	}
}

// merelyLate tells a trial that was late, or whose fault was not seen in time, from one that left something behind. The
// hosts share two processors with each other and with their controllers, so a few such trials may be made once more;
// what is on the host to stay counts at once, and so does the second try.
func (s *series) merelyLate(first *trial) bool {
	left, err := s.l.Run(within(first.TB, time.Minute), s.h, "find /run/chaoscat /dev/shm -name '*chaoscat*' 2>/dev/null; true")
	if err != nil || left != "" {
		first.Errorf("and on the host there is still: %s (%v)", left, err)
		return false
	}
	return s.table.oneMoreLate()
}

// begin prepares the host and looks at it, unless it was looked at before. The first login after a boot leaves traces
// of its own, hence one before.
func (s *series) begin(t *testing.T, p proof) {
	t.Helper()
	if s.before != "" && p.setup == "" {
		return
	}
	began := time.Now()
	s.bench(t, p, nil).login()
	s.pace = min(max(time.Since(began).Seconds(), 1), 6)
	run(t, s.l, s.h, p.setup)
	s.before = residue(t, s.l, s.h)
}

func (s *series) bench(t testing.TB, p proof, f *fault) *bench {
	return &bench{proof: p, fault: f, t: t, l: s.l, h: s.h, folder: t.TempDir(), ended: make(chan struct{}), pace: &s.pace}
}

// close compares the host with what it was and writes the rows down. A host that is not well is begun with anew, so
// that the next attack is not blamed for it.
func (s *series) close(t *testing.T, p proof, rows []row) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	if s.l.deaf(t, s.h) {
		s.unseen(rows)
		s.before = ""
		s.reset(t)
		return
	}
	clean := t.Run(fmt.Sprintf("no residue after %d", len(rows)), func(t *testing.T) {
		s.bench(t, p, nil).compare(s.before)
	})
	for _, r := range rows {
		if r.seen += ", zero residue"; !clean {
			r.seen += ": FAILED"
		}
		s.table.add(r)
	}
	if clean && !slices.ContainsFunc(rows, row.failed) {
		return
	}
	s.before = ""
	s.reset(t)
}

// reset gives the host a new life.
func (s *series) reset(t testing.TB) {
	t.Helper()
	s.l.PowerCut(s.h)
	if err := s.l.Boot(within(t, 2*time.Minute), s.h); err != nil {
		t.Fatal(err)
	}
}

// unseen writes down the rows of a host that fell deaf before it could be compared with what it was.
func (s *series) unseen(rows []row) {
	for _, r := range rows {
		r.seen += ", residue not looked for"
		s.table.add(r)
	}
}

// refused is the row of an attack that the lab's hosts cannot do: they must say so in its one sentence.
func (s *series) refused(t *testing.T, p proof) row {
	b := s.bench(t, p, &fault{hold: short})
	b.configure()
	out, code := b.once(b.order()...)
	if code != 4 || !strings.Contains(out, p.infeasible) {
		t.Errorf("exit %d, want 4 with %q: %s", code, p.infeasible, out)
	}
	b.compare(s.before)
	return row{p.String(), "none", "infeasible", p.infeasible, 0}
}

// run is one trial: apply, see it, break it, see it gone.
func (b *bench) run(r *row) {
	b.t.Helper()
	if b.fault.name == "root disk full before" {
		run(b.t, b.l, b.h, "dd if=/dev/zero of=/var/tmp/fill bs=1M 2>/dev/null; sync; true")
		defer run(b.t, b.l, b.h, "rm -f /var/tmp/fill")
	}
	b.launch()
	b.awaitHolding()
	if !b.fleeting && !b.becomes(false, b.patience(min(b.hold, 30*time.Second))) { // a busy line may take its time
		b.t.Errorf("the fault does not show on the host: %s", b.out.String())
		_ = b.stop()
		return
	}
	if b.fault.name == "none" {
		b.login()
	}
	hurt := time.Now()
	provoked := make(chan error, 1)
	go func() { provoked <- b.provoked() }() // a stop, say, returns only when the undo is proven
	mended := b.orphaned && !b.endsByItself()
	if mended {
		b.check(<-provoked)
		b.mending()
	}
	if limit := b.limit(); !b.becomes(true, limit-time.Since(hurt)) {
		b.t.Errorf("the host is not well again within %s: %s", limit, b.out.String())
	}
	r.seen, r.seconds = "well", time.Since(hurt).Seconds()
	if !mended {
		b.check(<-provoked)
		b.mending()
	}
	b.checkExit()
	if b.tidied() {
		r.seen += ", swept"
	}
	if figures := b.figures(); figures != "" {
		r.seen += ", " + figures
	}
	if b.t.Failed() {
		r.seen = "FAILED: " + r.seen
	}
}

func (b *bench) provoked() error {
	if b.provoke == nil {
		return nil
	}
	return b.provoke(b)
}

func (b *bench) mending() {
	if b.mend != nil {
		b.check(b.mend(b))
	}
}

func (b *bench) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

// patience stretches a time that is promised on a host that has a processor for itself. These share what this
// machine can spare: how slow that makes them, the last login and upload have shown, which take a second and a half
// on an idle one.
func (b *bench) patience(promised time.Duration) time.Duration {
	const usual = 1500 * time.Millisecond
	if took := b.out.between("connecting", "inspecting"); took > 0 {
		*b.pace = min(max(float64(took)/float64(usual), *b.pace*0.7, 1), 6) // one quick login makes no idle machine
	}
	return time.Duration(float64(promised) * *b.pace).Round(time.Second)
}

// limit is how long after the fault the host must be well again. What ends by itself was ordered at the pace of that
// time, which may have been another.
func (b *bench) limit() time.Duration {
	if after := b.within - b.hold; after > 0 {
		return b.held + b.patience(after) + b.recovery()
	}
	return b.patience(b.within) + b.recovery()
}

// recovery is what the host itself needs once the undo has begun.
func (b *bench) recovery() time.Duration {
	if b.slowly {
		return 15 * time.Second
	}
	return 0
}

// endsByItself tells whether the fault is over without any process of ours, as network faults are by the kernel's
// timers and hogs by their guard's death.
func (b *bench) endsByItself() bool {
	def, _ := attacks.Find(b.attack)
	return def.Family != "state"
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
irreversible = true
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
%s[[health]]
type = "command"
command = ["true"]
[oncall]
type = "command"
command = ["echo", "the lab"]
`, lease, cmp.Or(b.user, "root"), b.user != "", b.l.KeyFile, b.l.KnownHosts, b.h.Name, b.h.Address, b.plan())
}

// plan is the attack under trial, or, for a bench without one, a few.
func (b *bench) plan() string {
	if b.attack == "" {
		return "[[attack]]\nname = \"latency\"\n[[attack]]\nname = \"blackhole\"\n[[attack]]\nname = \"cpu\"\n"
	}
	text := "[[attack]]\nname = " + fmt.Sprintf("%q", b.attack) + "\n"
	var params []string
	for key, value := range b.given() {
		params = append(params, fmt.Sprintf("%s = %q", key, value))
	}
	if len(params) > 0 {
		slices.Sort(params)
		text += "params = { " + strings.Join(params, ", ") + " }\n"
	}
	return text
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

// order is what of run-once says what to do.
func (b *bench) order() []string {
	args := []string{"--attack", b.attack}
	if b.hold > 0 {
		b.held = min(b.patience(b.hold), long)
		args = append(args, "--for", b.held.String())
	}
	return args
}

func (b *bench) launch() {
	b.t.Helper()
	b.configure()
	args := append([]string{"run-once", "--verbose", "--host", b.h.Name, "--wait", "--json"}, b.order()...)
	b.process = b.chaoscat(within(b.t, 5*time.Minute), args...)
	b.process.Stdout, b.process.Stderr = &b.out, &b.out
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() {
		defer close(b.ended)
		var failed *exec.ExitError
		if err := b.process.Wait(); errors.As(err, &failed) {
			b.code = failed.ExitCode()
		}
	}()
	b.t.Cleanup(func() {
		_ = b.process.Process.Signal(syscall.SIGCONT)
		_ = b.process.Process.Kill()
	})
}

func (b *bench) over() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

// awaitHolding listens to the controller. Once a fault cuts SSH itself, the controller hears nothing any more.
func (b *bench) awaitHolding() {
	b.t.Helper()
	eventually(b.t, 2*time.Minute, "the fault is held", func() bool {
		id, phase := b.out.phase()
		b.id = id
		if phase == "holding" || b.cutsItself() && phase == "injecting" {
			return true
		}
		if b.over() {
			b.t.Fatalf("the controller ended before the fault was held: %s", b.out.String())
		}
		return false
	})
}

// becomes waits until the host itself feels well, or ill, and tells whether it does in time. The host polls; one that
// is down is asked again when it is back.
func (b *bench) becomes(well bool, limit time.Duration) bool {
	b.t.Helper()
	not := "! "
	if !well {
		not = ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for ctx.Err() == nil {
		_, err := b.l.Run(ctx, b.h, fmt.Sprintf(`read -r up _ </proc/uptime; up=${up%%%%.*} began=%d since=$up
			off() { read -r up _ </proc/uptime; echo $(($(date +%%s) - began - (${up%%%%.*} - since))); }
			while %s( %s ) >/dev/null 2>&1; do
				read -r now _ </proc/uptime
				[ ${now%%%%.*} -lt $((since + %d)) ] || exit 9
				sleep 0.5
			done`, time.Now().Unix(), not, b.proof.well, int(limit.Seconds())+1))
		var failed *Failed
		if err == nil || errors.As(err, &failed) {
			return err == nil
		}
	}
	return false
}

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

func (b *bench) killGuard() error {
	_, err := b.l.Run(within(b.t, 30*time.Second), b.h, "read -r pid _ </run/chaoscat/"+b.id+"/pid.guard && kill -KILL $pid")
	return err
}

// killEverything leaves nobody who could undo.
func (b *bench) killEverything() error {
	if err := b.killController(); err != nil {
		return err
	}
	_, err := b.l.Run(within(b.t, 30*time.Second), b.h, `for role in watchdog systemd twin guard; do
		pid=; { read -r pid _ </run/chaoscat/`+b.id+`/pid.$role; } 2>/dev/null && kill -KILL $pid; done; true`)
	return err
}

func (b *bench) freezeController() error { return b.process.Process.Signal(syscall.SIGSTOP) }

// thawController lets the controller go on once it would have had a reason to act, and sees that it does not apply
// the fault again.
func (b *bench) thawController() error {
	if err := b.process.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	if b.becomes(false, 8*time.Second) {
		return errors.New("the fault came back after the controller woke up")
	}
	return nil
}

func (b *bench) cut() error   { return b.l.CutHost(b.t.Context(), b.h) }
func (b *bench) uncut() error { return b.l.RestoreHost(b.t.Context(), b.h) }

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
	if b.code == 6 && slices.Contains(b.exits, 6) { // it stayed away longer than the controller waits: looked for again
		if err := b.stop(); err != nil {
			b.t.Errorf("the host came back and could not be proven clean: %v", err)
		}
	}
	if !slices.Contains(b.exits, b.code) {
		b.t.Errorf("the controller ended with %d, want one of %v: %s", b.code, b.exits, b.out.String())
	}
}

// tidied waits until nothing of ours is on the host. Promise 1 gives that once a guard or the sweep has been there,
// so a host that the guard alone has not cleaned (an upload that a cut connection delivered late, say) is swept as an
// operator would, and the table says so.
func (b *bench) tidied() (swept bool) {
	b.t.Helper()
	const gone = "read -r up _ </proc/uptime; end=$((${up%%.*} + 25)); while [ -e /run/chaoscat ]; do read -r up _ </proc/uptime; [ ${up%%.*} -lt $end ] || exit 9; sleep 0.5; done"
	if _, err := b.l.Run(within(b.t, time.Minute), b.h, gone); err == nil {
		return false
	}
	if out, err := b.chaoscat(within(b.t, time.Minute), "sweep", "--host", b.h.Name).CombinedOutput(); err != nil {
		b.t.Errorf("chaoscat sweep: %v: %s", err, out)
	}
	if _, err := b.l.Run(within(b.t, time.Minute), b.h, gone); err != nil {
		b.t.Errorf("something of ours is still there: %s", run(b.t, b.l, b.h, "find /run/chaoscat; cat /run/chaoscat/*/reason 2>/dev/null; true"))
	}
	return true
}

// compare waits until the host is exactly as before.
func (b *bench) compare(before string) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		after, err := b.l.Residue(within(b.t, 40*time.Second), b.h)
		diff := Diff(before, after)
		if err == nil && diff == "" {
			return
		}
		if time.Now().After(deadline) {
			b.t.Errorf("the host is not as before: %v\n%s\nthe controller said:\n%s", err, diff, b.out.String())
			return
		}
	}
}

// figures is what the controller measured, where it lived to say so.
func (b *bench) figures() string {
	for line := range strings.Lines(b.out.String()) {
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

func (r row) failed() bool { return strings.HasPrefix(r.seen, "FAILED") }

// table is what the closing of the lab shows.
type table struct {
	mu   sync.Mutex
	rows []row
	late int // trials that were made again
}

// maxLate is how many trials of a whole run may be made again: more is no accident.
const maxLate = 6

func (t *table) oneMoreLate() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late++
	return t.late <= maxLate
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.rows, func(a, b row) int { return strings.Compare(a.attack, b.attack) })
	var b strings.Builder
	fmt.Fprintf(&b, "%-36s %-36s %-34s %8s  %s\n", "ATTACK", "FAULT", "EXPECTED", "SECONDS", "SEEN")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "%-36s %-36s %-34s %8.1f  %s\n", r.attack, r.fault, r.expected, r.seconds, r.seen)
	}
	return b.String()
}

// TestHostsThatGoAway: the host is away for a while by its own doing, or until the lab turns its power on again, and
// comes back as another life of the same host, with nothing of ours on it.
func TestHostsThatGoAway(t *testing.T) {
	needBinary(t)
	l := start(t, Options{Hosts: 3})
	table := &table{}
	var trials sync.WaitGroup
	for i, p := range []struct {
		proof
		expected string
		seen     string
		exits    []int
		away     func(*bench)
	}{
		{proof{attack: "reboot"}, "a new boot id", "boot id changed", []int{0}, func(*bench) {}},
		// a panic ends a user-mode kernel before it could reboot: the lab turns the host on, as a watchdog would
		{proof{attack: "panic"}, "dies, and comes back", "was dead, boot id changed", []int{0}, (*bench).turnedOnAgain},
		{proof{attack: "halt"}, "comes back once it is turned on", "was off, boot id changed", []int{0}, (*bench).turnedOnAgain},
	} {
		trials.Go(func() {
			t.Run(p.attack, func(t *testing.T) {
				s := &series{l: l, h: l.Hosts[i], table: table, pace: 1}
				s.begin(t, p.proof)
				r := row{p.attack, "none", p.expected, "FAILED", 0}
				defer func() { table.add(r) }()
				b := s.bench(t, p.proof, &fault{exits: p.exits})
				boot := bootID(t, l, b.h)
				began := time.Now()
				b.launch()
				p.away(b)
				eventually(t, 3*time.Minute, "the controller ends", b.over)
				r.seconds = time.Since(began).Seconds()
				b.checkExit()
				if bootID(t, l, b.h) == boot {
					t.Errorf("the host has not been away: %s", b.out.String())
				}
				b.compare(s.before)
				if !t.Failed() {
					r.seen = p.seen + ", zero residue, " + b.figures()
				}
			})
		})
	}
	trials.Wait()
	t.Log("\n" + table.String())
}

// turnedOnAgain is the person who goes and presses the button.
func (b *bench) turnedOnAgain() {
	b.t.Helper()
	eventually(b.t, 2*time.Minute, "the host is off", func() bool {
		if b.over() {
			b.t.Fatalf("the controller ended before the host was off: %s", b.out.String())
		}
		return b.l.Off(b.h)
	})
	if err := b.l.Boot(within(b.t, 2*time.Minute), b.h); err != nil {
		b.t.Error(err)
	}
}
