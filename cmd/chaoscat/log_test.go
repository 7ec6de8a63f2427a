package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
)

// logged is what a line becomes in a file, when the environment names the stream so.
func logged(t *testing.T, format config.LogFormat, stream func(os.FileInfo) string, journal string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{world: world{err: f, env: func(name string) string {
		if name == "JOURNAL_STREAM" {
			return stream(info)
		}
		return ""
	}, journal: journal}}
	a.logger(config.Log{Level: "info", Format: format}).Warn("evil \x1b[2J\n", "error", errors.New("a\rb"), "run", "r1")
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func itself(info os.FileInfo) string {
	s := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

func TestTheLogIsWrittenAsStandardErrorCallsFor(t *testing.T) {
	another := func(os.FileInfo) string { return "1:2" }
	none := func(os.FileInfo) string { return "" }
	for _, c := range []struct {
		name   string
		format config.LogFormat
		stream func(os.FileInfo) string
		want   string
	}{
		{"the journal, whose socket is gone", config.LogAuto, itself, "<4>evil \\x1b[2J\\x0a: a\\x0db\n"},
		{"a stream that was redirected since", config.LogAuto, another, `"msg":"evil \\x1b[2J\\x0a","error":"a\\x0db","run":"r1"}`},
		{"no systemd", "", none, `"msg":"evil \\x1b[2J\\x0a","error":"a\\x0db","run":"r1"}`},
		{"text by order", config.LogText, itself, `msg="evil \\x1b[2J\\x0a" error=a\x0db run=r1`},
		{"JSON by order", config.LogJSON, itself, `"msg":"evil \\x1b[2J\\x0a"`},
		{"the journal by order", config.LogJournal, none, "<4>evil \\x1b[2J\\x0a: a\\x0db\n"},
	} {
		if got := logged(t, c.format, c.stream, filepath.Join(t.TempDir(), "none")); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

func TestUnderSystemdTheLogGoesToTheJournalWithItsFields(t *testing.T) {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	journal, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	if elsewhere := logged(t, config.LogAuto, itself, path); elsewhere != "" {
		t.Errorf("also on standard error: %s", elsewhere)
	}
	b := make([]byte, 4096)
	n, err := journal.Read(b)
	if err != nil || !bytes.Contains(b[:n], []byte("\nPRIORITY=4\n")) || !bytes.Contains(b[:n], []byte("\nCHAOSCAT_RUN=r1\n")) {
		t.Errorf("%v: %s", err, b[:n])
	}
}

// stuck is a stream that nobody reads until it is let go.
type stuck struct {
	let   chan struct{}
	lines chan string
}

func (s stuck) Write(p []byte) (int, error) {
	<-s.let
	s.lines <- string(p)
	return len(p), nil
}

func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{let: make(chan struct{}), lines: make(chan string, 10)}
		p, began := newPatient(s), time.Now()
		for i := range 1000 {
			fmt.Fprintf(p, "line %d\n", i)
		}
		if took := time.Since(began); took > 2*patience {
			t.Errorf("a thousand lines took %s", took)
		}
		close(s.let)
		synctest.Wait()
		fmt.Fprintf(p, "the last\n")
		if first, next := <-s.lines, <-s.lines; first != "line 0\n" || next != "999 lines of the log were lost, since nobody read them\nthe last\n" {
			t.Errorf("%q, then %q", first, next)
		}
	})
}
