package journald

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
)

// journal is a socket that listens as systemd's does.
func journal(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// socketPath is short: the name of a socket has 108 bytes at most.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jrnl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
}

// next reads one line of the journal as its document says.
func next(t *testing.T, c *net.UnixConn) map[string]string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 1<<16)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, b[:n])
}

func parse(t *testing.T, b []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		if !ended {
			t.Fatalf("a field does not end: %q", b)
		}
		if name, value, plain := strings.Cut(string(line), "="); plain {
			fields[name], b = value, rest
			continue
		}
		size := binary.LittleEndian.Uint64(rest)
		fields[string(line)], b = string(rest[8:8+size]), rest[8+size+1:]
	}
	return fields
}

func open(t *testing.T, path string) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var fallback bytes.Buffer
	h := New(Options{Socket: path, Fallback: &fallback, Level: slog.LevelInfo})
	t.Cleanup(func() {
		if h.sink.conn != nil {
			h.sink.conn.Close()
		}
	})
	return slog.New(h), &fallback
}

func TestARecordArrivesWithItsFields(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, fallback := open(t, path)
	log.Info("cpu on web-1: effective, restored", "kind", "outcome", "seq", uint64(7), "run", "r7", "host", "web-1", "attack", "cpu", "by", "ada", "door", "ssh")
	want := map[string]string{"MESSAGE": "cpu on web-1: effective, restored", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "chaoscat", "CHAOSCAT_KIND": "outcome",
		"CHAOSCAT_SEQ": "7", "CHAOSCAT_RUN": "r7", "CHAOSCAT_HOST": "web-1", "CHAOSCAT_ATTACK": "cpu", "CHAOSCAT_BY": "ada", "CHAOSCAT_DOOR": "ssh"}
	if got := next(t, c); !reflect.DeepEqual(got, want) || fallback.Len() > 0 {
		t.Errorf("got %v\n%s", got, fallback)
	}
}

func TestWhatTheSentenceDoesNotSayIsInTheMessageAndInItsField(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, _ := open(t, path)
	log.With("state", "/var/lib").WithGroup("ssh door").Error("the journal cannot be written", "error", errors.New("disk full"), slog.Group("at", "n-0", 1))
	got := next(t, c)
	if got["MESSAGE"] != "the journal cannot be written state=/var/lib ssh door.error=disk full ssh door.at.n-0=1" || got["PRIORITY"] != "3" ||
		got["CHAOSCAT_STATE"] != "/var/lib" || got["CHAOSCAT_SSH_DOOR_ERROR"] != "disk full" || got["CHAOSCAT_SSH_DOOR_AT_N_0"] != "1" {
		t.Errorf("got %v", got)
	}
	log.Error("reading", "error", errors.New("no such file"))
	if got := next(t, c); got["MESSAGE"] != "reading: no such file" {
		t.Errorf("got %v", got)
	}
}

func TestLevelsArePrioritiesAndResidueIsCritical(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, _ := open(t, path)
	log.Debug("not written")
	for _, l := range []struct {
		say  func()
		want string
	}{
		{func() { log.Info("a") }, "6"},
		{func() { log.Warn("a") }, "4"},
		{func() { log.Error("a") }, "3"},
		{func() { log.Info("RESIDUE on web-1", "kind", "residue") }, "2"},
	} {
		l.say()
		if got := next(t, c)["PRIORITY"]; got != l.want {
			t.Errorf("priority %s, want %s", got, l.want)
		}
	}
}

func TestNothingUnprintableAndNoSecondFieldComesThrough(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, _ := open(t, path)
	evil := "a\nPRIORITY=0\n\x1b]52;c;x\x07\u202e\x00" + strings.Repeat("x", 100_000)
	log.Info(evil, "host", evil, "a\nb=c\u00e9", "v", strings.Repeat("k", 200), 1)
	got := next(t, c)
	if got["PRIORITY"] != "6" || len(got) != 6 || got["CHAOSCAT_A_B_C_"] != "v" {
		t.Errorf("fields %v", got)
	}
	for name, value := range got {
		if len(name) > 64 || value != printable.Printable(value) {
			t.Errorf("%s=%q", name, value)
		}
	}
}

func TestAValueWithALineFeedIsWrittenInItsLongerForm(t *testing.T) {
	if got := parse(t, field(field(nil, "A", "1\nB=2"), "C", "3")); !reflect.DeepEqual(got, map[string]string{"A": "1\nB=2", "C": "3"}) {
		t.Errorf("got %v", got)
	}
}

func TestWithoutTheSocketLinesGoToStandardErrorWithTheirPriority(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none")} {
		log, fallback := open(t, path)
		log.Info("one", "run", "r1")
		log.Warn("two\nlines", "n", 2)
		if got, want := fallback.String(), "<6>one\n<4>two\\x0alines n=2\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAJournalThatWasStartedAnewIsFoundAgain(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, fallback := open(t, path)
	log.Info("one")
	next(t, c)
	c.Close()
	os.Remove(path)
	log.Info("two")
	if fallback.String() != "<6>two\n" {
		t.Errorf("between two journals: %q", fallback)
	}
	c = journal(t, path)
	log.Info("three")
	if got := next(t, c)["MESSAGE"]; got != "three" {
		t.Errorf("got %q", got)
	}
}

func TestAJournalThatTakesNothingCostsAMomentAndLosesLinesThatAreCounted(t *testing.T) {
	path := socketPath(t)
	c := journal(t, path)
	log, fallback := open(t, path)
	began, sent := time.Now(), 0
	h := log.Handler().(*Handler)
	for ; h.sink.deaf.IsZero() && sent < 100_000; sent++ {
		log.Info(fmt.Sprint("line ", sent))
	}
	for range 1000 { // while it is not listened to, nobody waits
		log.Info("lost")
	}
	if took := time.Since(began); took > 15*time.Second || h.sink.dropped == 0 || fallback.Len() > 0 {
		t.Fatalf("%d lines took %s, %d were dropped, elsewhere: %q", sent+1000, took, h.sink.dropped, fallback)
	}
	for range sent - 1 {
		next(t, c)
	}
	lost := h.sink.dropped
	h.sink.deaf = time.Time{} // its time is over
	log.Info("again")
	if got, want := next(t, c)["MESSAGE"], fmt.Sprintf("again (%d lines before this were dropped: the journal took none)", lost); got != want || h.sink.dropped != 0 {
		t.Errorf("got %q, want %q", got, want)
	}
}
