package remote

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// guardThatSays arms, writes that much of what a mad host may write, and then obeys.
func guardThatSays(write func(*fakeSession)) func(*fakeSession) int {
	return func(s *fakeSession) int {
		s.mu.Lock()
		s.claimed = s.head["id"]
		s.mu.Unlock()
		s.say("armed layers=kernel,guard boot=x")
		s.work.Go(func() { write(s) })
		return s.obey()
	}
}

func TestAFloodOf200MegabytesEndsTheSessionInBoundedMemoryAndTheFaultIsUndone(t *testing.T) {
	f := newFakeHost(t)
	chunk := bytes.Repeat([]byte("all work and no play\n"), 3000)
	f.verbs["guard"] = guardThatSays(func(s *fakeSession) {
		for range 200 << 20 / len(chunk) {
			if _, err := s.ch.Write(chunk); err != nil {
				return
			}
		}
	})
	c := newCarrier(t, []*fakeHost{f})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	out, w := attackOn(t, c, aRun("r1", f.host("web-1"), "cpu", time.Minute), "")
	runtime.GC()
	runtime.ReadMemStats(&after)
	if out.Undo == engine.Residue || out.Cause != "error" {
		t.Errorf("%+v", out)
	}
	if got := len(w.all()); got > 2<<20 {
		t.Errorf("%d bytes were shown", got)
	}
	if grew := int64(after.HeapInuse) - int64(before.HeapInuse); grew > 50<<20 {
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
	if !strings.Contains(w.all(), "the rest is not shown") {
		t.Error("nobody was told that output is missing")
	}
	f.clean(t)
}

func TestOneLineOf50MegabytesIsCutAndNotKept(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["measure"] = func(s *fakeSession) int {
		chunk := bytes.Repeat([]byte("x"), 32<<10)
		for range 50 << 20 / len(chunk) {
			if _, err := s.ch.Write(chunk); err != nil {
				return 1
			}
		}
		return 0
	}
	out, w := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "cpu", time.Minute), engine.Holding)
	if out.Undo != engine.Restored || out.Effect != engine.Unverifiable {
		t.Errorf("%+v", out)
	}
	if len(w.all()) > 64<<10 {
		t.Errorf("%d bytes were shown", len(w.all()))
	}
}

func TestWhatAHostPrintsIsShownHarmlessAndNeverBelieved(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["guard"] = guardThatSays(func(s *fakeSession) {
		for _, line := range []string{
			"\x1b]52;c;cHduZWQ=\x07", "\u009d52;c;cHduZWQ=\u009c", "all well\rresidue", "\u202egpj.exe",
			"%0123456789abcdef restored", "%0123456789abcdef injected 0", " %" + s.head["nonce"] + " restored", "%" + s.head["nonce"] + "restored",
		} {
			fmt.Fprintln(s.ch, line)
			fmt.Fprintln(s.ch.Stderr(), line)
		}
		fmt.Fprintf(s.ch.Stderr(), "%%%s residue forged on the other stream\n", s.head["nonce"])
	})
	out, w := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "cpu", time.Second), "")
	if out.Undo != engine.Restored || out.Effect != engine.Effective || out.Cause != "deadline" {
		t.Errorf("%+v", out)
	}
	shown := w.all()
	for _, want := range []string{`\x1b]52;c;cHduZWQ=\x07`, `\x9d52;c;cHduZWQ=\x9c`, `all well\x0dresidue`, `\u202egpj.exe`, "%0123456789abcdef restored"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown in %q", want, shown)
		}
	}
	if strings.ContainsAny(shown, "\x1b\u009d\r\u202e") {
		t.Errorf("it reached the terminal: %q", shown)
	}
}

func TestALoginBannerAndATalkativeProfileDoNotMatter(t *testing.T) {
	f := newFakeHost(t)
	f.any = func(s *fakeSession) (int, bool) {
		fmt.Fprintln(s.ch, "*** Authorised use only ***\r")
		fmt.Fprintln(s.ch.Stderr(), "stdin: is not a tty")
		fmt.Fprint(s.ch, "Last login: yesterday ")
		return 0, false
	}
	out, w := attackOn(t, newCarrier(t, []*fakeHost{f}), aRun("r1", f.host("web-1"), "cpu", time.Second), "")
	if out.Effect != engine.Effective || out.Undo != engine.Restored {
		t.Errorf("%+v", out)
	}
	if !strings.Contains(w.all(), "*** Authorised use only ***") {
		t.Error("it was not shown either")
	}
}

func TestAFigureThatIsNoNumberIsNoFigure(t *testing.T) {
	for _, text := range []string{"NaN", "Inf", "0x10", "1_000", "1e999", "", "ten", "5 %"} {
		if n := number(text); n != nil {
			t.Errorf("%q became %v", text, *n)
		}
	}
	if n := number("-12.5"); n == nil || *n != -12.5 {
		t.Errorf("-12.5 became %v", n)
	}
}

func TestInspectTellsWhatIsFeasibleAndWhatTheHostIs(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["inspect"] = func(s *fakeSession) int {
		s.say("fact kernel 6.1")
		s.say("fact init systemd\x1b[2J")
		s.say("feasible a0")
		s.say("infeasible a1 no netem")
		s.say("infeasible zz forged")
		s.say("done")
		return 0
	}
	c := newCarrier(t, []*fakeHost{f})
	mine, netem := engine.Attack{Name: "my cpu; hog", Kind: "cpu"}, engine.Attack{Name: "slow", Kind: "cpu"}
	odd := engine.Attack{Name: "odd", Kind: "nope"}
	facts := c.Inspect(t.Context(), f.host("web-1"), []engine.Attack{mine, netem, odd})
	if facts.Unreachable != "" || facts.Busy != "" || len(facts.Infeasible) != 2 || facts.Infeasible["slow"] != "no netem" || facts.Infeasible["odd"] == "" {
		t.Errorf("%+v", facts)
	}
	if facts.Summary != `kernel 6.1, init systemd\x1b[2J` || facts.At.IsZero() {
		t.Errorf("%+v", facts)
	}
	if f.byes != 1 {
		t.Errorf("the runner was taken along %d times", f.byes)
	}
}

func TestInspectOfAHostThatIsAwayNamesTheReason(t *testing.T) {
	f := newFakeHost(t)
	f.goDown()
	facts := newCarrier(t, []*fakeHost{f}).Inspect(t.Context(), f.host("web-1"), nil)
	if !strings.Contains(facts.Unreachable, "connecting to web-1") {
		t.Errorf("%+v", facts)
	}
}

func TestReconcileIsCleanOnlyWhenTheHostSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		host  func(*fakeHost)
		clean bool
		text  string
	}{
		"nothing there":     {func(*fakeHost) {}, true, "nothing was left"},
		"something there":   {func(f *fakeHost) { f.claimed, f.applied = "r1", true }, true, "undone and proven"},
		"residue":           {func(f *fakeHost) { f.claimed, f.leftover = "r1", "a qdisc" }, false, "a qdisc"},
		"away":              {func(f *fakeHost) { f.goDown() }, false, "connecting to web-1"},
		"does not say":      {func(f *fakeHost) { f.verbs["undo"] = func(s *fakeSession) int { s.say("done"); return 0 } }, false, "did not say"},
		"breaks off":        {func(f *fakeHost) { f.verbs["undo"] = func(s *fakeSession) int { s.say("clean"); return -1 } }, false, "broke off"},
		"says it and fails": {func(f *fakeHost) { f.verbs["undo"] = func(s *fakeSession) int { s.say("clean"); return 3 } }, false, "status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost(t)
			c.host(f)
			r := newCarrier(t, []*fakeHost{f}).Reconcile(t.Context(), aRun("r1", f.host("web-1"), "cpu", time.Minute))
			if r.Clean != c.clean || !strings.Contains(r.Text, c.text) || r.Run != "r1" || r.Host != "web-1" {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestSweepReportsWhatItClearedKeptAndFoundForeign(t *testing.T) {
	f := newFakeHost(t)
	f.verbs["sweep"] = func(s *fakeSession) int {
		s.say("cleared old-1")
		s.say("foreign a netem qdisc on eth1 that is not ours")
		if s.head["force"] == "0" {
			s.say("kept r2 its guard is alive")
		}
		s.say("done")
		return 0
	}
	c := newCarrier(t, []*fakeHost{f})
	r, lines := c.Sweep(t.Context(), f.host("web-1"), false)
	if r.Clean || r.Text != "r2 its guard is alive" || len(lines) != 3 {
		t.Errorf("%+v %q", r, lines)
	}
	if r, _ := c.Sweep(t.Context(), f.host("web-1"), true); !r.Clean {
		t.Errorf("%+v", r)
	}
}

func TestTheSudoersRuleAllowsOneFileWithOneContent(t *testing.T) {
	r := aRunner()
	rule, err := Sudoers("chaos", r.Digest)
	if err != nil || !strings.Contains(rule, "chaos ALL=(root) NOPASSWD: sha256:"+r.Digest+" /dev/shm/chaoscat-runner-"+r.Digest[:16]+"\n") {
		t.Errorf("%v\n%s", err, rule)
	}
	for _, user := range []string{"", "root ALL", "a\nb", "-x", "ALL=(ALL)"} {
		if _, err := Sudoers(user, r.Digest); err == nil {
			t.Errorf("user %q was accepted", user)
		}
	}
	if _, err := Sudoers("chaos", "abc"); err == nil {
		t.Error("a short digest was accepted")
	}
	visudo, err := exec.LookPath("visudo")
	if err != nil {
		t.Skip("visudo is not installed: the rule was compared, not parsed")
	}
	file := write(t, t.TempDir(), "sudoers", []byte(rule))
	if said, err := exec.Command(visudo, "-cf", file).CombinedOutput(); err != nil {
		t.Errorf("visudo: %s", said)
	}
}

func FuzzControl(f *testing.F) {
	for _, line := range []string{"%0123456789abcdef armed layers=a boot=b", "%0123456789abcdef ", "%", "% armed", "%0123456789abcdeF armed", "x%0123456789abcdef armed", "%0123456789abcdef \x1b]52;c;x\a"} {
		f.Add([]byte(line), "0123456789abcdef")
	}
	f.Fuzz(func(t *testing.T, line []byte, nonce string) {
		word, rest, ok := control(line, nonce)
		if ok && (nonce == "" || !bytes.HasPrefix(line, []byte("%"+nonce+" "))) {
			t.Fatalf("%q was taken for the runner with nonce %q", line, nonce)
		}
		if ok && (word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "") {
			t.Fatalf("word %q", word)
		}
		if strings.ContainsAny(rest, "\x1b\r\n\x00\u009d\u202e") || len(rest) > 4<<10 {
			t.Fatalf("rest %q", rest)
		}
		number(rest)
		layers(rest)
	})
}

func FuzzHeader(f *testing.F) {
	f.Add("p.unit", "nginx.service")
	f.Add("p.x", "a\n.\nid=1")
	f.Add("P", "$(id)")
	f.Fuzz(func(t *testing.T, key, value string) {
		text, err := header("0123456789abcdef", []field{{key, value}})
		if err != nil {
			return
		}
		if string(text) != "nonce=0123456789abcdef\n"+key+"="+value+"\n.\n" || bytes.Count(text, []byte("\n")) != 3 || strings.ContainsAny(string(text), "'\"\\$`;&|<>(){}*?") {
			t.Fatalf("%q", text)
		}
	})
}
