package journald

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	patience = 50 * time.Millisecond // for one line that the journal does not take
	deafFor  = 5 * time.Second       // after it, before the next is tried
)

// sink is where lines go.
type sink struct {
	path     string
	fallback io.Writer

	mu      sync.Mutex
	conn    *net.UnixConn // nil: not connected
	deaf    time.Time     // the journal is not tried before
	dropped int           // lines since it was last heard
}

// write hands a line to the journal, or to standard error where there is none. The journal that is there and takes
// nothing is most likely what is behind standard error too, so that nothing is written there then.
func (s *sink) write(at time.Time, e entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Before(s.deaf) {
		s.dropped++
		return nil
	}
	if s.dropped > 0 {
		e.message += fmt.Sprintf(" (%d lines before this were dropped: the journal took none)", s.dropped)
	}
	err := s.send(e.native())
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.dropped++
		s.deaf = at.Add(deafFor)
		return nil
	}
	s.dropped = 0
	if err != nil {
		_, err = s.fallback.Write(e.plain())
	}
	return err
}

// send tries twice: a journal that was started anew has another socket behind the same name.
func (s *sink) send(line []byte) (err error) {
	for range 2 {
		if err = s.connect(); err != nil {
			return err
		}
		s.conn.SetWriteDeadline(time.Now().Add(patience)) // how long a call takes is real time, whatever the engine's clock says
		if _, err = s.conn.Write(line); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		s.conn.Close()
		s.conn = nil
	}
	return err
}

func (s *sink) connect() (err error) {
	switch {
	case s.conn != nil:
		return nil
	case s.path == "":
		return net.ErrClosed
	}
	s.conn, err = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		s.conn = nil
	}
	return err
}
