package local

import (
	"slices"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// log is the recent record in memory: durable records and the live output of hosts in one sequence
// without gaps. It is the only state that more than one goroutine touches, since output must not wait for
// the engine. A record that is still being written holds back what came after it, so that a reader who
// has seen number n has seen all before it.
type log struct {
	mu      sync.Mutex
	entries []entry // consecutive sequence numbers
	seq     uint64  // of the newest entry
	visible uint64  // all up to here may be read
	dirty   chan struct{}
}

type entry struct {
	record  engine.Record
	pending bool
}

// logKept is how many records a console can catch up with.
const logKept = 20_000

func newLog(seq uint64) *log { return &log{seq: seq, visible: seq, dirty: make(chan struct{}, 1)} }

// number gives a record its place; it shows once keep has been called.
func (l *log) number(r engine.Record) engine.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(r, true)
}

func (l *log) append(r engine.Record, pending bool) engine.Record {
	l.seq++
	r.Seq = l.seq
	if len(l.entries) >= 2*logKept {
		l.entries = slices.Clone(l.entries[logKept:])
	}
	l.entries = append(l.entries, entry{r, pending})
	l.advance()
	return r
}

func (l *log) keep(r engine.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.index(r.Seq); i >= 0 && i < len(l.entries) {
		l.entries[i].pending = false
	}
	l.advance()
}

func (l *log) advance() {
	for i := l.index(l.visible + 1); i >= 0 && i < len(l.entries) && !l.entries[i].pending; i++ {
		l.visible++
	}
}

// index is where a sequence number is kept; negative if it no longer is.
func (l *log) index(seq uint64) int {
	if len(l.entries) == 0 {
		return 0
	}
	return int(int64(seq) - int64(l.entries[0].record.Seq))
}

// line keeps one line of a host's output. The text has been made harmless by the carrier.
func (l *log) line(at time.Time, r engine.Run, text string) {
	l.mu.Lock()
	l.append(engine.Record{At: at, Kind: engine.Line, Run: r.ID, Host: r.Host.Name, Attack: r.Attack.Name, Text: text}, false)
	l.mu.Unlock()
	select {
	case l.dirty <- struct{}{}:
	default: // the engine has been told already
	}
}

func (l *log) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.visible
}

// after lists what is kept with a higher sequence number, in order.
func (l *log) after(seq uint64) (records []engine.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := max(0, l.index(seq+1)); i < len(l.entries) && l.entries[i].record.Seq <= l.visible; i++ {
		records = append(records, l.entries[i].record)
	}
	return records
}
