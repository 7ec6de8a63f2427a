package tui

import (
	"os"
	"strings"
	"testing"
	"time"
)

// pipeOutlet is an outlet onto a pipe: a terminal that is read only when the test reads.
func pipeOutlet(t *testing.T) (*outlet, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o := newOutlet(w)
	t.Cleanup(func() { r.Close(); w.Close(); <-o.done })
	t.Cleanup(func() { o.close(0) })
	return o, r
}

func soon[T any](t *testing.T, what string, c <-chan T) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(5 * time.Second):
		t.Fatalf("no %s within 5s", what)
	}
}

func TestATerminalThatTakesNothingHoldsNobodyUp(t *testing.T) {
	o, r := pipeOutlet(t)
	frame := "\x1b[H" + strings.Repeat("x", 10_000)
	start := time.Now()
	for range 1000 {
		o.Write([]byte(frame))
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("writing took %v", took)
	}
	if len(o.queue) > outletRoom+len(frame) {
		t.Errorf("%d bytes wait", len(o.queue))
	}
	o.Write([]byte("\x1b[?1049l"))
	go func() {
		buf := make([]byte, 1<<20)
		for tail := ""; !strings.HasSuffix(tail, "\x1b[?1049l"); {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			tail = string(buf[:n])
		}
		o.close(0)
	}()
	soon(t, "word that the terminal has caught up", o.caughtUp)
	soon(t, "end of writing, the mode sequence last", o.done)
}

func TestADeadTerminalIsNoticed(t *testing.T) {
	o, r := pipeOutlet(t)
	r.Close()
	o.Write([]byte("x"))
	soon(t, "word that it is gone", o.gone)
	if n, err := o.Write([]byte("more")); n != 4 || err != nil {
		t.Errorf("writing to a dead terminal: %d, %v", n, err)
	}
}
