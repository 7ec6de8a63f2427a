package tui

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

// outletRoom is how much may wait for a slow terminal before frames are dropped: several full screens.
const outletRoom = 64 << 10

// outlet is the terminal with a door that never sticks. Bubble Tea writes while it holds the lock that its
// event loop needs, so a terminal that takes no output would hold up every key, the stop key among them.
// The outlet takes what is written at once and lets one goroutine wait for the terminal; when too much is
// waiting it drops whole frames and asks for a fresh one once the terminal has caught up. Anything that is
// not a frame is short, changes the terminal's modes, and is never dropped.
type outlet struct {
	to       io.Writer
	caughtUp chan struct{} // frames were dropped, and there is room again
	gone     chan struct{} // closed when the terminal takes nothing any more
	done     chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	queue   []byte
	thrift  thrift
	skipped bool
	closing bool
	dead    bool
	writing bool // a part has been taken from the queue and is not written yet
	wake    chan struct{}
}

func newOutlet(to io.Writer) *outlet {
	o := &outlet{
		to: to, wake: make(chan struct{}, 1), caughtUp: make(chan struct{}, 1),
		gone: make(chan struct{}), done: make(chan struct{}),
	}
	go o.run()
	return o
}

// Write never blocks and never fails: whoever wants to know of a dead terminal listens on gone.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if isFrame(p) && (o.skipped || len(o.queue) > outletRoom) {
		o.skipped = true
	} else if !o.dead {
		o.queue = append(o.queue, o.thrift.spare(p)...)
	}
	o.nudge()
	return len(p), nil
}

// paint writes what a screen shows that the terminal does not show yet, at once: Bubble Tea paints when its own clock
// ticks, and finds it done.
func (o *outlet) paint(screen string, width int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.skipped || len(o.queue) > outletRoom {
		o.skipped = true
	} else if !o.dead {
		o.queue = append(o.queue, o.thrift.frame(screen, width)...)
	}
	o.nudge()
}

// isFrame tells a painted frame, which begins by sending the cursor home, from a change of mode.
func isFrame(p []byte) bool { return len(p) > 16 && bytes.HasPrefix(p, []byte("\x1b[H")) }

func (o *outlet) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outlet) run() {
	defer close(o.done)
	for {
		chunk, more := o.take()
		if len(chunk) > 0 {
			if _, err := o.to.Write(chunk); err != nil {
				o.bury()
				return
			}
			continue
		}
		if !more {
			return
		}
		<-o.wake
	}
}

// take hands over what waits; when nothing does, it says whether there may be more.
func (o *outlet) take() (chunk []byte, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 && o.skipped {
		o.skipped = false
		select {
		case o.caughtUp <- struct{}{}:
		default:
		}
	}
	chunk, o.queue = o.queue, nil
	o.writing = len(chunk) > 0
	return chunk, !o.closing
}

func (o *outlet) bury() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead, o.queue = true, nil
	close(o.gone)
}

// settle waits until nothing is left to write, or until the time is over.
func (o *outlet) settle(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end) && o.busy(); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (o *outlet) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.dead && (len(o.queue) > 0 || o.writing)
}

// close waits until everything is written, or until the time is over: a terminal that takes nothing can
// not be waited for, and its goroutine stays with it until the process ends.
func (o *outlet) close(patience time.Duration) {
	o.mu.Lock()
	o.closing = true
	o.nudge()
	o.mu.Unlock()
	select {
	case <-o.done:
	case <-time.After(patience):
	}
}

// asTerminal is the outlet for Bubble Tea, in whose eyes one onto a file is a terminal that can be asked for its size.
func (o *outlet) asTerminal() io.Writer {
	if f, is := o.to.(*os.File); is {
		return fileOutlet{o, f}
	}
	return o
}

type fileOutlet struct {
	*outlet
	file *os.File
}

func (o fileOutlet) Read(p []byte) (int, error) { return o.file.Read(p) }
func (o fileOutlet) Close() error               { return nil }
func (o fileOutlet) Fd() uintptr                { return o.file.Fd() }
