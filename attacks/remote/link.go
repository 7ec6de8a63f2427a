package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// link is one SSH connection to a host, through however many hops. Nothing in x/crypto/ssh has a time
// limit of its own, so every call that may block goes through [bounded], and one goroutine looks for a
// peer that has fallen silent. Closing the TCP connection below the first hop is what frees everything.
type link struct {
	host  string   // for sentences
	raw   net.Conn // under all hops
	conn  ssh.Conn // the innermost
	over  *brittle // what it runs over
	shown []shown  // the key of every hop
	gone  chan struct{}
	deaf  atomic.Bool // no signs of life are expected: the fault may cut this very connection
	work  sync.WaitGroup
	why   atomic.Pointer[string]

	stops *traffic // those who go before what can wait

	sessions traffic       // that have not ended
	trip     atomic.Int64  // the last round trip, in nanoseconds; 0: none yet
	rest     chan struct{} // closed when nobody attends to it any more; nil while nobody does
}

// errLost is what every call returns once the connection is gone.
var errLost = errors.New("the connection was lost")

// lost is errLost with the reason, where there is one.
func (l *link) lost() error {
	if why := l.why.Load(); why != nil {
		return fmt.Errorf("%w: %s", errLost, *why)
	}
	return errLost
}

// serve keeps the connection going, with one goroutine, because there may be ten thousand of them: it
// answers what the peer asks until the connection ends.
func (l *link) serve(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	l.run(func() {
		defer close(l.gone)
		heed(chans, reqs)
	})
}

func (l *link) run(f func()) {
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		f()
	}()
}

// heed answers no to all that a peer may ask for, until the connection has ended.
func heed(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	for chans != nil || reqs != nil {
		select {
		case ch, more := <-chans:
			if !more {
				chans = nil
				continue
			}
			ch.Reject(ssh.Prohibited, "chaoscat opens channels, and accepts none")
		case req, more := <-reqs:
			if !more {
				reqs = nil
				continue
			}
			if req.WantReply {
				req.Reply(false, nil)
			}
		}
	}
}

// attend watches over a connection that is in use, until relax. It finds the half-open one: everything can
// be written to it, and nothing ever comes back.
func (l *link) attend(every time.Duration) {
	rest := make(chan struct{})
	l.rest = rest
	l.run(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-l.gone:
				return
			case <-rest:
				return
			case <-tick.C:
			}
			if l.deaf.Load() {
				continue
			}
			if l.ping(2*every) != nil {
				return
			}
		}
	})
}

// relax leaves the connection to whoever looks after the idle ones.
func (l *link) relax() {
	if l.rest != nil {
		close(l.rest)
		l.rest = nil
	}
}

// ping asks for a sign of life. One that does not come within the limit ends the connection.
func (l *link) ping(limit time.Duration) error {
	silent := time.AfterFunc(limit, func() {
		if !l.deaf.Load() {
			l.fail(fmt.Sprintf("%s has not answered for %s", l.host, limit))
		}
	})
	defer silent.Stop()
	began := time.Now()
	if _, _, err := l.conn.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		return l.lost()
	}
	l.trip.Store(max(1, int64(time.Since(began))))
	return nil
}

// roundTrip is the last one that was measured; 0: none yet.
func (l *link) roundTrip() time.Duration { return time.Duration(l.trip.Load()) }

// broken tells whether the connection has ended.
func (l *link) broken() bool {
	select {
	case <-l.gone:
		return true
	default:
		return l.over.broken.Load()
	}
}

// fail closes the connection for a reason.
func (l *link) fail(why string) {
	l.why.CompareAndSwap(nil, &why)
	l.raw.Close()
}

// close ends the connection and waits for everything that hung on it: at most a moment, because a call
// of the library that races with the connection's end may never return.
func (l *link) close() {
	l.fail("closed by us")
	done := make(chan struct{})
	go func() {
		l.work.Wait()
		close(done)
	}()
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// moment is more than what is running on a closed connection needs to end.
const moment = 2 * time.Second

// brittle knows that it is broken before the library does. The library (x/crypto v0.58) opens a channel on
// a connection that it has just given up without an error, and then waits for the answer for ever: the
// first failed write is kept for the next caller, and the list of those to be woken has been read. So
// whoever opens a channel asks here first, and who has just asked gets the time to be on that list.
//
// It can also hold back what is written for a moment, so that it goes out in one piece.
type brittle struct {
	net.Conn
	broken atomic.Bool

	holding atomic.Bool
	writing sync.Mutex
	held    []byte
}

// heldBytes is more than a stop needs. Whatever is longer, a key exchange for one, goes out at once.
const heldBytes = 512

// together sends what f writes as one: one packet on the network, one thing to wake up for at the other end.
func (b *brittle) together(f func() error) error {
	defer b.speak()
	return b.last(f)
}

// last is together, and a hush that began before anything was sent: an answer to it, and the speak that
// follows the answer, cannot overtake that.
func (b *brittle) last(f func() error) error {
	b.hush()
	err := f()
	return errors.Join(err, b.send())
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.hold(p) {
		return len(p), nil
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	if err := b.flush(); err != nil {
		return 0, err
	}
	return b.Conn.Write(p)
}

// hold keeps what is short, while there is a hush.
func (b *brittle) hold(p []byte) bool {
	b.writing.Lock()
	kept := b.holding.Load() && len(b.held)+len(p) <= heldBytes
	if kept {
		b.held = append(b.held, p...)
	}
	b.writing.Unlock()
	if kept && !b.holding.Load() {
		b.release() // the hush has ended meanwhile
	}
	return kept
}

// send writes what is held.
func (b *brittle) send() error {
	b.writing.Lock()
	defer b.writing.Unlock()
	return b.flush()
}

// flush ends the connection if it fails: the library believes that it has written.
func (b *brittle) flush() error {
	held := b.held
	b.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := b.Conn.Write(held)
	if err != nil {
		b.Conn.Close()
	}
	return err
}

// hush has what little the library still writes of itself wait for the next write that matters, or for speak. Neither
// waits for a write that is stuck.
func (b *brittle) hush() { b.holding.Store(true) }

func (b *brittle) speak() {
	b.holding.Store(false)
	b.release()
}

// release sends what is still held: it may be a question, for whose answer somebody waits. Where somebody is just
// writing they see to it.
func (b *brittle) release() {
	if !b.writing.TryLock() {
		return
	}
	left := len(b.held) > 0
	b.writing.Unlock()
	if left {
		go b.send() // ends with the write, at the latest with the connection
	}
}

const asked = 5 * time.Millisecond

func (b *brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err != nil && !b.broken.Swap(true) {
		b.Conn.Close()
		time.Sleep(asked)
	}
	return n, err
}

// bounded calls f, which may block for as long as the peer likes. When the limit has passed the whole
// connection is closed, which frees f. When ctx ends, f is left behind, to be freed by the connection's
// end; leave is then called with what it still brings.
func bounded[T any](ctx context.Context, l *link, limit time.Duration, what string, f func() (T, error), leave func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	done := make(chan result, 1)
	l.run(func() {
		value, err := f()
		done <- result{value, err}
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for gone := l.gone; ; {
		select {
		case r := <-done:
			return r.value, r.err
		case <-gone:
			gone = nil
			timer.Reset(min(limit, moment)) // f should return now; see brittle for why it may not
			continue
		case <-timer.C:
			l.fail(fmt.Sprintf("%s on %s took longer than %s", what, l.host, limit))
			return none, l.lost()
		case <-ctx.Done():
		}
		break
	}
	l.run(func() {
		if r := <-done; r.err == nil && leave != nil {
			leave(r.value)
		}
	})
	return none, context.Cause(ctx)
}
