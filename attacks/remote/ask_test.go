package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// answers makes the host answer plain commands, and keeps what they were.
func answers(f *fakeHost, answer func(*fakeSession) int) *[]string {
	var commands []string
	f.any = func(s *fakeSession) (int, bool) {
		s.mu.Lock()
		commands = append(commands, s.command)
		s.mu.Unlock()
		return answer(s), true
	}
	return &commands
}

func TestAPlainCommandBringsItsOutputAndStatusAndLeavesNothingBehind(t *testing.T) {
	f := newFakeHost(t)
	commands := answers(f, func(s *fakeSession) int {
		if _, err := s.in.ReadByte(); err != io.EOF {
			t.Errorf("there is something to read: %v", err)
		}
		fmt.Fprint(s.ch, "all is well\nreally")
		fmt.Fprint(s.ch.Stderr(), "a remark\n")
		return 3
	})
	c := newCarrier(t, []*fakeHost{f})
	for range 2 {
		said, err := c.Ask(t.Context(), f.host("mon-1"), []string{"/usr/bin/check", "it's", "$HOME `id`; \\"})
		if want := (Said{"all is well\nreally\n", "a remark\n", 3}); err != nil || said != want {
			t.Errorf("%+v, %v", said, err)
		}
	}
	if f.logins.Load() != 2 || f.uploads != 0 {
		t.Errorf("%d logins, %d uploads", f.logins.Load(), f.uploads)
	}
	if want := `'/usr/bin/check' 'it'\''s' '$HOME ` + "`id`" + `; \'`; (*commands)[0] != want {
		t.Errorf("ran %s", (*commands)[0])
	}
}

func TestNoShellTakesAnArgumentApart(t *testing.T) {
	argv := []string{"printf", "%s|", "it's", `"a" 'b'`, "$HOME $(id) `id`", `\`, "*", "~", "a;b&c|d>e", "", " ", "ü"}
	command, err := quoted(argv)
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"sh", "dash", "bash", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		args := []string{"-c", command}
		if shell == "busybox" {
			args = append([]string{"sh"}, args...)
		}
		out, err := exec.Command(path, args...).Output()
		if want := strings.Join(argv[2:], "|") + "|"; err != nil || string(out) != want {
			t.Errorf("%s: %q, %v\nwant %q", shell, out, err, want)
		}
	}
	for _, bad := range [][]string{nil, {""}, {"a", "b\nc"}, {"a\x00"}, {"echo", "!!"}} {
		if command, err := quoted(bad); err == nil {
			t.Errorf("%q became %s", bad, command)
		}
	}
}

func TestACommandThatHangsIsGivenUpAndOneThatTalksForEverIsEnded(t *testing.T) {
	f := newFakeHost(t)
	answers(f, func(s *fakeSession) int {
		if strings.Contains(s.command, "hang") {
			<-s.signals
			return 0
		}
		block := []byte(strings.Repeat("all work and no play\n", 1000))
		for {
			if _, err := s.ch.Write(block); err != nil {
				return 0
			}
		}
	})
	c := newCarrier(t, []*fakeHost{f})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if said, err := c.Ask(ctx, f.host("mon-1"), []string{"hang"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v, %v", said, err)
	}
	said, err := c.Ask(t.Context(), f.host("mon-1"), []string{"talk"})
	if !errors.Is(err, errFlood) || len(said.Out) > lineBytes {
		t.Errorf("%d bytes, %v", len(said.Out), err)
	}
}

func TestAPlainCommandIsNotRunOnAHostWhoseKeyIsNotKnown(t *testing.T) {
	f, other := newFakeHost(t), newFakeHost(t)
	commands := answers(f, func(*fakeSession) int { return 0 })
	c := newCarrier(t, []*fakeHost{other})
	_, err := c.Ask(t.Context(), f.host("mon-1"), []string{"true"})
	if unknown := (*UnknownHostKey)(nil); !errors.As(err, &unknown) || len(*commands) != 0 {
		t.Errorf("%v, ran %q", err, *commands)
	}
}
