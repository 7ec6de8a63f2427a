package simulated

import (
	"context"
	"net"
	"sync"
	"time"
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
}

// cut ends the connection, from whichever side.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.gone)
		l.Conn.Close()
	})
}

// Close ends the connection.
func (l *link) Close() error {
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

// Write sends when the road is open.
func (l *link) Write(p []byte) (int, error) {
	if err := l.await(); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
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
