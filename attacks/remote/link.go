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
	host string   // for sentences
	raw  net.Conn // under all hops
	conn ssh.Conn // the innermost
	over *brittle // what it runs over
	gone chan struct{}
	deaf atomic.Bool // no signs of life are expected: the fault may cut this very connection
	work sync.WaitGroup
	why  atomic.Pointer[string]
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

// serve keeps the connection going: it answers what the peer asks, and closes it when two signs of life
// in a row have been missed. It is ended by the connection's end.
func (l *link) serve(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request, keepAlive time.Duration) {
	l.run(func() { ssh.DiscardRequests(reqs) })
	l.run(func() { rejectChannels(chans) })
	l.run(func() {
		l.conn.Wait()
		close(l.gone)
	})
	l.run(func() { l.watch(keepAlive) })
}

func (l *link) run(f func()) {
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		f()
	}()
}

func rejectChannels(chans <-chan ssh.NewChannel) {
	for ch := range chans {
		ch.Reject(ssh.Prohibited, "chaoscat opens channels, and accepts none")
	}
}

// watch finds the half-open connection: everything can be written to it, and nothing ever comes back.
func (l *link) watch(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.gone:
			return
		case <-tick.C:
		}
		if l.deaf.Load() {
			continue
		}
		silent := time.AfterFunc(2*every, func() {
			if !l.deaf.Load() {
				l.fail(fmt.Sprintf("%s has not answered for %s", l.host, 2*every))
			}
		})
		_, _, err := l.conn.SendRequest("keepalive@openssh.com", true, nil)
		silent.Stop()
		if err != nil {
			return
		}
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
type brittle struct {
	net.Conn
	broken atomic.Bool
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
