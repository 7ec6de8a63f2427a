// Package journald writes log lines into systemd's journal with fields of their own, so that
//
//	journalctl -u chaoscat CHAOSCAT_RUN=r7     journalctl -u chaoscat -p err
//
// find what they should. It speaks the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL). Where that socket
// is not, lines go to standard error with the priorities of sd-daemon(3) in front ("<6>..."), which a service manager
// understands too. A journal that takes nothing costs whoever logs a moment, then lines are dropped and counted until it
// does: the engine must not wait for its own log.
//
//	log := slog.New(journald.New(journald.Options{Socket: journald.Socket, Fallback: os.Stderr, Level: slog.LevelInfo}))
//
// Every text is one line that can be shown, whatever came in.
package journald

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// Socket is where the journal of a machine listens.
const Socket = "/run/systemd/journal/socket"

const (
	identifier = "chaoscat"
	prefix     = "CHAOSCAT_"
)

// Options say where lines go.
type Options struct {
	Socket   string    // "" writes to Fallback alone
	Fallback io.Writer // where lines go while there is no such socket
	Level    slog.Leveler
}

// Handler is a [slog.Handler] for the journal. Make it with [New].
type Handler struct {
	level slog.Leveler
	sink  *sink
	attrs []slog.Attr // given by WithAttrs, their keys whole
	group string      // in front of the keys that follow
}

var _ slog.Handler = (*Handler)(nil)

// New makes a handler. It connects at the first line.
func New(o Options) *Handler {
	return &Handler{level: o.Level, sink: &sink{path: o.Socket, fallback: o.Fallback}}
}

// Enabled tells whether a line of that level is written.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// WithAttrs is the handler with these on every line.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range attrs {
		with.attrs = flat(with.attrs, h.group, a)
	}
	return &with
}

// WithGroup is the handler with that name in front of the keys that follow.
func (h *Handler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.group += name + "."
	}
	return &with
}

// Handle writes a line.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs[:len(h.attrs):len(h.attrs)]
	r.Attrs(func(a slog.Attr) bool {
		attrs = flat(attrs, h.group, a)
		return true
	})
	e := entry{priority: priority(r.Level, attrs), message: message(r.Message, attrs), attrs: attrs}
	return h.sink.write(r.Time, e)
}

// flat takes groups apart: a.b is b in the group a.
func flat(into []slog.Attr, group string, a slog.Attr) []slog.Attr {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		if a.Key == "" {
			return into
		}
		return append(into, slog.Attr{Key: group + a.Key, Value: a.Value})
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, inner := range a.Value.Group() {
		into = flat(into, group, inner)
	}
	return into
}

// fieldsOnly are in the sentence already, as those of [engine.Record] are: people need not read them twice.
var fieldsOnly = map[string]bool{"kind": true, "seq": true, "run": true, "host": true, "attack": true, "by": true, "door": true}

// message is what people see who look at no fields: the sentence, with what it does not say by itself.
func message(text string, attrs []slog.Attr) string {
	var b strings.Builder
	b.WriteString(text)
	for _, a := range attrs {
		switch {
		case fieldsOnly[a.Key]:
		case a.Key == "error":
			b.WriteString(": " + a.Value.String())
		default:
			fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
		}
	}
	return printable.Printable(b.String())
}

// The priorities of syslog(3).
const (
	critical = 2
	failure  = 3
	warning  = 4
	info     = 6
	debug    = 7
)

// priority is that of the level; a host that needs a person is worth waking somebody, whatever the level.
func priority(level slog.Level, attrs []slog.Attr) int {
	for _, a := range attrs {
		if a.Key == "kind" && a.Value.String() == string(engine.ResidueNew) {
			return critical
		}
	}
	switch {
	case level >= slog.LevelError:
		return failure
	case level >= slog.LevelWarn:
		return warning
	case level >= slog.LevelInfo:
		return info
	}
	return debug
}

// entry is one line, ready to be written in either form.
type entry struct {
	priority int
	message  string
	attrs    []slog.Attr
}

// plain is the form for standard error.
func (e entry) plain() []byte { return fmt.Appendf(nil, "<%d>%s\n", e.priority, e.message) }

// native is the form for the journal's socket.
func (e entry) native() []byte {
	b := field(nil, "MESSAGE", e.message)
	b = field(b, "PRIORITY", strconv.Itoa(e.priority))
	b = field(b, "SYSLOG_IDENTIFIER", identifier)
	for _, a := range e.attrs {
		b = field(b, prefix+fieldName(a.Key), printable.Printable(a.Value.String()))
	}
	return b
}

// field appends NAME=value. The longer form, with the size in front, is for values with a line feed, which none has; it is
// used all the same if one ever does, since a second line would be a second field.
func field(b []byte, name, value string) []byte {
	if !strings.Contains(value, "\n") {
		return append(b, name+"="+value+"\n"...)
	}
	b = append(b, name+"\n"...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(b, value+"\n"...)
}

// longestName leaves room for the prefix in the 64 characters that the journal takes.
const longestName = 64 - len(prefix)

// fieldName has the characters that the journal takes; it drops fields with others without a word.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
	return name[:min(len(name), longestName)]
}
