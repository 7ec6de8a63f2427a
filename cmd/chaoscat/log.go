package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"

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
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: shown}
	switch format {
	case config.LogJournal:
		return journald.New(journald.Options{Socket: a.journal, Fallback: a.err, Level: level})
	case config.LogText:
		return slog.NewTextHandler(a.err, o)
	}
	return slog.NewJSONHandler(a.err, o)
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
