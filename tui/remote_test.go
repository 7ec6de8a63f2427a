package tui_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/tui"
)

// quiet is an engine in which nothing happens, and which remembers what it is told.
type quiet struct{ orders chan engine.Order }

func (q quiet) Watch(ctx context.Context) <-chan engine.Snapshot {
	views := make(chan engine.Snapshot, 1)
	views <- engine.Snapshot{At: time.Now(), Name: "lab", Mood: engine.MoodArmed, Zone: "UTC", Roster: engine.NewRoster([]engine.Host{{Name: "web-001"}}), RosterID: 1, Total: 1}
	go func() { <-ctx.Done(); close(views) }()
	return views
}

func (q quiet) History(context.Context, uint64) ([]engine.Record, error) { return nil, nil }

func (q quiet) Order(_ context.Context, o engine.Order) error { q.orders <- o; return nil }

// paper is a terminal that keeps what is written to it, or that blocks, or that is gone.
type paper struct {
	mu    sync.Mutex
	text  strings.Builder
	stuck chan struct{} // nil: takes everything
	gone  bool
}

func (p *paper) Write(b []byte) (int, error) {
	if p.stuck != nil {
		<-p.stuck
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return 0, errors.New("connection reset by peer")
	}
	return p.text.Write(b)
}

func (p *paper) shows(words string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.text.String(), words)
}

// somewhere is a console on a terminal that is no file.
type somewhere struct {
	t     *testing.T
	keys  *io.PipeWriter
	sizes chan tui.Size
	paper *paper
	said  quiet
	left  chan tui.Exit
}

func opens(t *testing.T, p *paper) *somewhere {
	t.Helper()
	in, keys := io.Pipe()
	s := &somewhere{t, keys, make(chan tui.Size), p, quiet{make(chan engine.Order, 10)}, make(chan tui.Exit, 1)}
	go func() {
		exit, err := tui.Run(t.Context(), tui.Options{
			Console: s.said, Now: time.Now, By: "ada", Attached: true, ASCII: true, Plain: true,
			Remote: &tui.Remote{In: in, Out: p, Size: tui.Size{Width: 80, Height: 24}, Sizes: s.sizes},
		})
		if err != nil {
			t.Error(err)
		}
		s.left <- exit
	}()
	t.Cleanup(func() { keys.Close() })
	return s
}

func (s *somewhere) expects(words string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !s.paper.shows(words); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%q is never written", words)
		}
	}
}

func (s *somewhere) ends(want tui.Exit) {
	s.t.Helper()
	select {
	case exit := <-s.left:
		if exit != want {
			s.t.Errorf("the exit is %v, want %v", exit, want)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatal("the console does not end")
	}
}

func TestAConsoleOnATerminalElsewhereIsLikeAnyOther(t *testing.T) {
	s := opens(t, &paper{})
	s.expects("[ARMED]")
	s.sizes <- tui.Size{Width: 40, Height: 10}
	s.expects("too small")
	s.sizes <- tui.Size{Width: 80, Height: 24}
	io.WriteString(s.keys, "\x1a")
	s.expects("not suspended: there is no shell behind this console")
	io.WriteString(s.keys, "s")
	if o := <-s.said.orders; o.Kind != engine.Stop || o.By != "ada" {
		t.Errorf("%+v", o)
	}
	io.WriteString(s.keys, "q")
	s.ends(tui.Quit)
	s.expects("\x1b[?1049l")
}

func TestATerminalElsewhereThatSaysNothingMoreHasHungUp(t *testing.T) {
	s := opens(t, &paper{})
	s.expects("[ARMED]")
	s.keys.Close()
	s.ends(tui.Hangup)
	s.expects("\x1b[?1049l") // somebody may still read
}

func TestATerminalElsewhereThatTakesNothingMoreHasHungUp(t *testing.T) {
	s := opens(t, &paper{gone: true})
	s.ends(tui.Hangup)
}

func TestATerminalElsewhereThatDoesNotReadHoldsNoStopUp(t *testing.T) {
	p := &paper{stuck: make(chan struct{})}
	s := opens(t, p)
	for range 100 {
		s.sizes <- tui.Size{Width: 120, Height: 40}
		if len(s.said.orders) > 0 {
			break
		}
		io.WriteString(s.keys, "s")
	}
	if o := <-s.said.orders; o.Kind != engine.Stop {
		t.Errorf("%+v", o)
	}
	io.WriteString(s.keys, "q")
	s.ends(tui.Quit)
	close(p.stuck)
}
