package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine/journald"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// logger writes to standard error, in the format of the configuration.
func (a *app) logger(l config.Log) *slog.Logger {
	return slog.New(a.logHandler(l.Format, a.logLevel(l.Level)))
}

func (a *app) logHandler(format config.LogFormat, level slog.Leveler) slog.Handler {
	if format == config.LogAuto || format == "" {
		format = a.logFormat()
	}
	o, to := &slog.HandlerOptions{Level: level, ReplaceAttr: shown}, newPatient(a.err)
	switch format {
	case config.LogJournal:
		return journald.New(journald.Options{Socket: a.journal, Fallback: a.err, Level: level})
	case config.LogText:
		return slog.NewTextHandler(to, o)
	}
	return slog.NewJSONHandler(to, o)
}

// patient writes lines to a stream that somebody else reads, and does not wait for them for long: the engine's loop
// writes its log, and must not stand still because a pipe is full. What did not get through is counted, and said when
// something does again.
type patient struct {
	to      io.Writer
	free    chan struct{} // holds a token while nothing is being written
	stalled atomic.Bool
	lost    atomic.Int64
}

// patience is how long a line may take before nobody waits for it.
const patience = 50 * time.Millisecond

func newPatient(to io.Writer) *patient {
	p := &patient{to: to, free: make(chan struct{}, 1)}
	p.free <- struct{}{}
	return p
}

// Write keeps no more than one line that has not got through.
func (p *patient) Write(line []byte) (int, error) {
	if !p.take() {
		p.lost.Add(1)
		return len(line), nil
	}
	text, done := bytes.Clone(line), make(chan error, 1)
	if n := p.lost.Swap(0); n > 0 {
		text = fmt.Appendf(nil, "%d lines of the log were lost, since nobody read them\n%s", n, text)
	}
	go func() {
		_, err := p.to.Write(text)
		p.stalled.Store(false)
		p.free <- struct{}{}
		done <- err
	}()
	select {
	case err := <-done:
		return len(line), err
	case <-time.After(patience):
		p.stalled.Store(true)
		return len(line), nil
	}
}

// take waits for the line before this one, unless that is known to be stuck.
func (p *patient) take() bool {
	select {
	case <-p.free:
		return true
	default:
	}
	if p.stalled.Load() {
		return false
	}
	select {
	case <-p.free:
		return true
	case <-time.After(patience):
		return false
	}
}

// logFormat is what standard error calls for: fields where it is the journal, text for people, JSON where nobody looks.
func (a *app) logFormat() config.LogFormat {
	switch {
	case isJournal(a.err, a.env("JOURNAL_STREAM")):
		return config.LogJournal
	case a.errTerminal:
		return config.LogText
	}
	return config.LogJSON
}

// isJournal tells whether the stream is the one that systemd has named as that of its journal, by device and inode
// (systemd.exec(5), JOURNAL_STREAM). A stream that was redirected since is another one.
func isJournal(stream any, named string) bool {
	f, is := stream.(interface{ Stat() (fs.FileInfo, error) })
	if !is || named == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	file, is := info.Sys().(*syscall.Stat_t)
	return is && named == fmt.Sprintf("%d:%d", file.Dev, file.Ino)
}

// shown makes every text one line that can be shown.
func shown(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(printable.Printable(a.Value.String()))
	case slog.KindAny:
		if err, is := a.Value.Any().(error); is {
			a.Value = slog.StringValue(printable.Printable(err.Error()))
		}
	}
	return a
}
