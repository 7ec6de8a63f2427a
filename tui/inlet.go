package tui

import (
	"bytes"
	"io"
	"os"
	"time"
)

// A paste comes between two marks. Bubble Tea holds back everything from the first mark until it has seen the second,
// so a paste whose end got lost would swallow every key after it, the stop key among them. The inlet ends such a
// paste: when nothing has come for a while and then the keys that stop, and nothing else, somebody is pressing them.
const (
	pasteBegins = "\x1b[200~"
	pasteEnds   = "\x1b[201~"
	pasteStalls = time.Second // between two reads of one paste there is less
)

// inlet is the keyboard, with lost ends of pastes put back.
type inlet struct {
	from    io.Reader
	now     func() time.Time
	last    time.Time // of the read before
	pasting bool
	tail    []byte // the last bytes, which may be the beginning of a mark
}

// newInlet wraps a keyboard. A file stays a file in Bubble Tea's eyes, which switches a terminal's modes and waits
// for it.
func newInlet(from io.Reader, now func() time.Time) io.Reader {
	in := &inlet{from: from, now: now}
	if f, is := from.(*os.File); is {
		return fileInlet{f, in}
	}
	return in
}

type fileInlet struct {
	*os.File
	inlet *inlet
}

func (f fileInlet) Read(p []byte) (int, error) { return f.inlet.Read(p) }

// Read keeps nothing for the next read: whoever waits for the terminal would not know of it.
func (in *inlet) Read(p []byte) (int, error) {
	n, err := in.from.Read(p)
	now := in.now()
	stalled := in.pasting && now.Sub(in.last) >= pasteStalls
	in.last = now
	if stalled && n > 0 && n+len(pasteEnds) <= len(p) && len(bytes.Trim(p[:n], "sS\x03")) == 0 {
		copy(p[len(pasteEnds):], p[:n])
		n += copy(p, pasteEnds)
	}
	in.follow(p[:n])
	return n, err
}

// follow finds out whether a paste is under way after these bytes.
func (in *inlet) follow(read []byte) {
	all := append(in.tail, read...)
	for {
		mark := pasteBegins
		if in.pasting {
			mark = pasteEnds
		}
		at := bytes.Index(all, []byte(mark))
		if at < 0 {
			break
		}
		in.pasting, all = !in.pasting, all[at+len(mark):]
	}
	in.tail = bytes.Clone(all[max(0, len(all)-len(pasteEnds)+1):])
}
