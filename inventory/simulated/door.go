package simulated

import (
	"bytes"
	"context"
	"hash/fnv"
	"io"
	"net"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// door is the one listener of the whole fleet. A connection is made from both of its ends at once, so
// ten thousand hosts need one descriptor and two for each connection that is really open, no table of
// listeners, and nothing to close when a host falls idle.
type door struct {
	mu       sync.Mutex // one handshake at a time: some tens of microseconds each
	listener *net.TCPListener
	closed   bool
}

func openDoor() (*door, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	return &door{listener: l}, err
}

// open makes one TCP connection over loopback and returns both of its ends. A stranger who connects to
// the door from outside finds nobody there: only the far end of our own dial is let in.
func (d *door) open(ctx context.Context) (near, far net.Conn, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, net.ErrClosed
	}
	near, err = new(net.Dialer).DialContext(ctx, "tcp4", d.listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	d.listener.SetDeadline(time.Now().Add(doorPatience))
	for {
		far, err = d.listener.Accept()
		if err != nil {
			near.Close()
			return nil, nil, err
		}
		if far.RemoteAddr().String() == near.LocalAddr().String() {
			return near, far, nil
		}
		far.Close()
	}
}

// doorPatience is real time: the kernel has finished the handshake before we ask for it.
const doorPatience = 5 * time.Second

func (d *door) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.listener.Close()
}

// link is a host's end of a connection. Over a cut road nothing passes either way, and nothing is lost.
type link struct {
	net.Conn
	host *host
	once sync.Once
	gone chan struct{} // closed with the connection

	mu     sync.Mutex
	onWay  []letter // answers that have not arrived yet, in order
	failed error    // of a letter that could not be delivered
}

// letter is an answer on its way.
type letter struct {
	due  time.Time
	text []byte
}

// cut ends the connection, from whichever side.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.gone)
		l.Conn.Close()
	})
}

// Close ends the connection when everything that is on its way has arrived.
func (l *link) Close() error {
	l.deliver(true)
	l.cut()
	return nil
}

// Read hands over what has arrived, but not before the road is open.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if wait := l.await(); wait != nil {
		return 0, wait
	}
	return n, err
}

// Write sends when the road is open. From a host that is some way apart the answer arrives later, without
// keeping the writer: as on a real network, many may be on their way at once.
func (l *link) Write(p []byte) (int, error) {
	if err := l.await(); err != nil {
		return 0, err
	}
	if l.host.apart == 0 {
		return l.Conn.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return 0, l.failed
	}
	l.onWay = append(l.onWay, letter{time.Now().Add(l.host.apart), bytes.Clone(p)})
	time.AfterFunc(l.host.apart, func() { l.deliver(false) })
	return len(p), nil
}

// deliver hands over what is due, or everything.
func (l *link) deliver(everything bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for len(l.onWay) > 0 && (everything || !l.onWay[0].due.After(now)) {
		if l.failed == nil {
			_, l.failed = l.Conn.Write(l.onWay[0].text)
		}
		l.onWay[0] = letter{}
		l.onWay = l.onWay[1:]
	}
}

// Distance is how far the hosts of a simulated fleet are from its controller: those of one zone about equally,
// each zone farther than the one before.
func Distance(h engine.Host) time.Duration {
	far := map[string]time.Duration{"eu-1a": 2 * time.Millisecond, "eu-1b": 9 * time.Millisecond, "eu-1c": 24 * time.Millisecond}[h.Tags["zone"]]
	sum := fnv.New32a()
	io.WriteString(sum, h.Name) // a hash never fails
	return far + time.Duration(sum.Sum32()%8)*time.Millisecond/2
}

func (l *link) await() error {
	for road := l.host.passable(); road != nil; road = l.host.passable() {
		select {
		case <-road:
		case <-l.gone:
			return net.ErrClosed
		}
	}
	return nil
}

// attach and detach keep the host's list of connections, which a reboot cuts.
func (h *host) attach(l *link) bool {
	now := h.world.clock.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.booted) {
		return false
	}
	if h.links == nil {
		h.links = map[*link]bool{}
	}
	h.links[l] = true
	return true
}

func (h *host) detach(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.links, l)
}
