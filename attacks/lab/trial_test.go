//go:build linux && lab

package lab

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// trial is a test that has not failed yet: what it holds against the host is kept back until it is known whether the
// host was there to be tried. A user-mode kernel now and then falls deaf under load: it sleeps for ever, whatever
// arrives, and even its serial line, which nothing of ours touches, is silent; or it is late with everything. Then the
// trial says nothing, and is made once more; the second time everything counts. What is left on a host counts at once.
type trial struct {
	testing.TB
	mu     sync.Mutex
	wrongs []string
}

// try makes a trial of f, which may end itself as a test may.
func try(t testing.TB, f func(*trial)) *trial {
	it, done := &trial{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		f(it)
	}()
	<-done
	return it
}

func (t *trial) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrongs = append(t.wrongs, text)
}

func (t *trial) Error(args ...any)                 { t.note(fmt.Sprintln(args...)) }
func (t *trial) Errorf(format string, args ...any) { t.note(fmt.Sprintf(format, args...)) }
func (t *trial) Fail()                             { t.note("it failed") }
func (t *trial) FailNow()                          { t.Fail(); runtime.Goexit() }
func (t *trial) Fatal(args ...any)                 { t.Error(args...); runtime.Goexit() }
func (t *trial) Fatalf(format string, args ...any) { t.Errorf(format, args...); runtime.Goexit() }

func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.wrongs) > 0
}

// count makes what was kept back count.
func (t *trial) count() {
	t.TB.Helper()
	if t.Failed() {
		t.TB.Error(strings.Join(t.wrongs, "\n"))
	}
}

// deaf tells whether a host that is on does not answer where it always does.
func (l *Lab) deaf(t testing.TB, h *Host) bool {
	if l.Off(h) {
		return false
	}
	_, err := l.Run(within(t, time.Minute), h, "true")
	return err != nil
}

func TestATrialFailsOnlyWhenItCounts(t *testing.T) {
	kept := try(t, func(it *trial) {
		it.Errorf("the first of %d", 2)
		it.Fatal("the last")
		it.Error("never said")
	})
	if !kept.Failed() || !slices.Equal(kept.wrongs, []string{"the first of 2", "the last\n"}) || t.Failed() {
		t.Errorf("kept back: %q", kept.wrongs)
	}
	well := try(t, func(*trial) {})
	well.count()
	if well.Failed() {
		t.Errorf("a trial without a fault failed: %q", well.wrongs)
	}
}
