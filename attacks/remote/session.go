package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// The bounds of what one session may say. A host that we injure is a peer that may go mad.
const (
	lineBytes  = 4 << 10 // a longer line is cut
	shownBytes = 1 << 20 // after so much, lines are no longer shown
	totalBytes = 8 << 20 // after so much, the session is ended
)

// errFlood is why a session was ended that said too much.
var errFlood = fmt.Errorf("it wrote more than %d MiB, so it was ended", totalBytes>>20)

// session is one command on a host.
type session struct {
	link *link
	ch   ssh.Channel
	hear func(s *session, line []byte, stdout bool)
	note func(text string)

	exited chan struct{} // the exit status has arrived, or never will
	ended  chan struct{} // after exited, and what was said before it has been heard
	exit   exit

	mu     sync.Mutex // one line at a time, from either stream, and none after the end
	closed bool
	shown  int
	total  int
	flood  bool

	write   sync.Mutex
	pending atomic.Int32 // what must end before the session has: its exit and both streams
	once    sync.Once
	shut    atomic.Bool // by the host: both streams are about to end
}

// exit is how a command ended.
type exit struct {
	known  bool // false when the channel closed without a word
	status int
	signal string
}

func (e exit) String() string {
	switch {
	case !e.known:
		return "ended without an exit status"
	case e.signal != "":
		return "was killed by signal " + e.signal
	default:
		return fmt.Sprintf("ended with status %d", e.status)
	}
}

// start opens a channel and runs the command. hear gets every line, without its end, of either stream,
// never two at once; note gets what there is to say about the output itself.
func (l *link) start(ctx context.Context, limit time.Duration, drain time.Duration, command string, hear func(*session, []byte, bool), note func(string)) (*session, error) {
	open := func() (*session, error) {
		if l.over.broken.Load() {
			return nil, l.lost()
		}
		ch, reqs, err := l.conn.OpenChannel("session", nil)
		if err != nil {
			return nil, openError(l, err)
		}
		l.sessions.enter()
		s := &session{link: l, ch: ch, hear: hear, note: note, exited: make(chan struct{}), ended: make(chan struct{})}
		s.follow(reqs, drain)
		ok, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command}))
		if err == nil && !ok {
			err = errors.New("the host refuses to run commands for this user")
		}
		if err != nil {
			ch.Close()
			return nil, openError(l, err)
		}
		return s, nil
	}
	return bounded(ctx, l, limit, "starting a command", open, func(s *session) { s.close() })
}

func openError(l *link, err error) error {
	if errors.Is(err, io.EOF) {
		return l.lost()
	}
	refused := (*ssh.OpenChannelError)(nil)
	if errors.As(err, &refused) {
		return fmt.Errorf("%s opens no further session on this connection (MaxSessions in its sshd_config?): %s", l.host, refused.Reason)
	}
	return fmt.Errorf("starting a command on %s: %w", l.host, err)
}

// follow starts the three goroutines that serve the channel: requests and both streams. They end with
// the channel, at the latest with the connection.
func (s *session) follow(reqs <-chan *ssh.Request, drain time.Duration) {
	s.pending.Store(3)
	s.link.run(func() { s.read(s.ch, true) })
	s.link.run(func() { s.read(s.ch.Stderr(), false) })
	s.link.run(func() { s.requests(reqs, drain) })
}

// less is called at the end of each of the three.
func (s *session) less() {
	if s.pending.Add(-1) == 0 {
		s.end()
	}
}

// end is the end of the session, with all that was said or, some time after its exit, without the rest.
func (s *session) end() {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.link.sessions.leave()
		close(s.ended)
		s.link.run(func() {
			s.link.stops.yield(moment) // nobody waits for this
			s.ch.Close()
		})
	})
}

func (s *session) requests(reqs <-chan *ssh.Request, drain time.Duration) {
	for req := range reqs {
		if e, ok := parseExit(req); ok && !s.exit.known {
			s.gone(e, drain)
		}
		if req.WantReply {
			req.Reply(false, nil)
		}
	}
	s.shut.Store(true)
	select {
	case <-s.exited:
	default:
		s.gone(exit{}, drain)
	}
}

// gone notes the exit. The last output has some time to follow it, and all the time that it needs where the
// host has closed the channel behind it.
func (s *session) gone(e exit, drain time.Duration) {
	s.exit = e
	close(s.exited)
	if s.pending.Load() > 1 {
		time.AfterFunc(drain, func() { s.late(drain) })
	}
	s.less()
}

// late is asked twice: when this process has had no time to run, the clock comes round before those do who
// read what has long arrived.
func (s *session) late(drain time.Duration) {
	if !s.shut.Load() {
		time.AfterFunc(drain, func() {
			if !s.shut.Load() {
				s.end()
			}
		})
	}
}

func parseExit(req *ssh.Request) (exit, bool) {
	switch req.Type {
	case "exit-status":
		var m struct{ Status uint32 }
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return exit{}, false
		}
		return exit{known: true, status: int(m.Status)}, true
	case "exit-signal":
		var m struct {
			Signal string
			Core   bool
			Error  string
			Lang   string
		}
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return exit{}, false
		}
		return exit{known: true, status: -1, signal: m.Signal}, true
	}
	return exit{}, false
}

// read cuts a stream into lines. It reads on after a line became too long or the session too loud, so
// that memory stays bounded and the connection flows.
func (s *session) read(from io.Reader, stdout bool) {
	defer s.less()
	var (
		chunk [8 << 10]byte
		line  = make([]byte, 0, lineBytes)
	)
	for {
		n, err := from.Read(chunk[:])
		for rest := chunk[:n]; len(rest) > 0; {
			part, after, complete := bytes.Cut(rest, []byte{'\n'})
			line = append(line, part[:min(len(part), lineBytes-len(line))]...)
			if complete {
				s.say(line, stdout)
				line = line[:0]
			}
			rest = after
		}
		if err != nil {
			if len(line) > 0 {
				s.say(line, stdout)
			}
			return
		}
		if !s.count(n) {
			return
		}
	}
}

func (s *session) say(line []byte, stdout bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.hear(s, bytes.TrimSuffix(line, []byte{'\r'}), stdout)
	}
}

// count is false when the session has said more than any session may.
func (s *session) count(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total += n
	if s.total <= totalBytes {
		return true
	}
	if !s.flood {
		s.flood = true
		s.note(fmt.Sprintf("the host wrote more than %d MiB: the session is ended", totalBytes>>20))
		s.link.run(s.kill)
	}
	return false
}

// display tells whether a line of that length may still be shown. It is called from within hear.
func (s *session) display(n int) bool {
	before := s.shown
	s.shown += n
	if before <= shownBytes && s.shown > shownBytes {
		s.note(fmt.Sprintf("more than %d MiB of output: the rest is not shown", shownBytes>>20))
	}
	return s.shown <= shownBytes
}

// flooded is safe to ask at any time.
func (s *session) flooded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flood
}

// send writes to the command's standard input. It may block; see [bounded].
func (s *session) send(text []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	_, err := s.ch.Write(text)
	return err
}

// finish writes the last words and ends the input.
func (s *session) finish(text []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	for piece := range slices.Chunk(text, pieceBytes) {
		if _, err := s.ch.Write(piece); err != nil {
			return err
		}
	}
	return s.ch.CloseWrite()
}

// pieceBytes is the longest that is written at once. A connection keeps a buffer for the longest packet that
// it has ever sent: with the library's own 32 KiB, ten thousand open logins would hold 300 MB of nothing.
const pieceBytes = 2 << 10

// signal asks the host's SSH server to signal the command. Nothing comes back.
func (s *session) signal(name string) {
	s.ch.SendRequest("signal", false, ssh.Marshal(struct{ Signal string }{name}))
}

// kill ends a session that is of no use any more.
func (s *session) kill() {
	s.signal("KILL")
	s.close()
}

// close takes the channel away. It does not end the command by itself; the end of its input, which comes
// with it, does.
func (s *session) close() { s.ch.Close() }

// isEOF tells whether the command had ended before it read what it was sent.
func isEOF(err error) bool { return errors.Is(err, io.EOF) }
