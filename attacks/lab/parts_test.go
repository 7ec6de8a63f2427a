//go:build linux

package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAClockIsRightWithinASecondOfTheTimeOfAsking(t *testing.T) {
	began := time.Unix(1000, 0)
	ended := time.Unix(1005, 0)
	for told, want := range map[string]string{
		"999": "right", "1000": "right", "1006": "right",
		"998": "2 s behind", "1007": "2 s ahead", "87400": "86395 s ahead", "": "unreadable",
	} {
		got := judgeClock("[clock]\n"+told+"\n[qdisc]\nnone\n", began, ended)
		if want := "[clock]\n" + want + "\n[qdisc]\nnone\n"; got != want {
			t.Errorf("a host that says %q is judged %q, want %q", told, got, want)
		}
	}
}

func TestOnlyWhatADeadTestLeftIsSwept(t *testing.T) {
	for name, want := range map[string]bool{
		prefix + strconv.Itoa(os.Getpid()) + "-1":     false, // ours
		prefix + strconv.Itoa(os.Getpid()) + "-1-net": false,
		prefix + "4194305-1":                          true, // beyond the highest pid there is
		prefix + "4194305-1-net":                      true,
		prefix + "mine":                               false, // not made by a lab
	} {
		if got := orphan(name); got != want {
			t.Errorf("orphan(%q) is %v", name, got)
		}
	}
}

// agent plays the host's end of a serial line.
func agent(t *testing.T) (*serial, *os.File) {
	t.Helper()
	s, err := openSerial(filepath.Join(t.TempDir(), "shared"))
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s, s.far
}

func TestACommandWaitsForTheHostToListen(t *testing.T) {
	s, _ := agent(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.run(ctx, "true"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command to nobody ends with %v, want the deadline", err)
	}
}

func TestACommandUnderWayFailsAtOnceWhenTheHostBeginsAnew(t *testing.T) {
	s, far := agent(t)
	say := func(line string) {
		if _, err := far.WriteString(line); err != nil {
			t.Error(err)
		}
	}
	say("noise of a boot\n\n%lab ready boot-1\n")
	go func() {
		heard := make([]byte, 64)
		n, _ := far.Read(heard)
		if !strings.Contains(string(heard[:n]), "RUN r1") {
			t.Errorf("the host hears %q", heard[:n])
		}
		say("%lab ready boot-2\n")
	}()
	_, err := s.run(t.Context(), "reboot")
	if !errors.Is(err, errSilenced) {
		t.Errorf("the command ends with %v, want %v", err, errSilenced)
	}
	if got := s.bootID(); got != "boot-2" {
		t.Errorf("the boot last heard of is %q", got)
	}
	if left, _ := os.ReadDir(s.shared); len(left) != 0 {
		t.Errorf("the shared folder still holds %v", left)
	}
}
