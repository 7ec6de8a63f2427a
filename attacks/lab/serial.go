//go:build linux

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// errSilenced is what a command gets that was under way when the host went down or its end of the line began anew.
var errSilenced = errors.New("the serial line fell silent before the command had answered; it may or may not have run")

// Failed is the error of [Lab.Run] when the script ran and ended with a status that is not 0.
type Failed struct {
	Host   string
	Status int
	Stderr string
}

func (f *Failed) Error() string {
	return fmt.Sprintf("a script on %s ended with status %d: %s", f.Host, f.Status, strings.TrimSpace(f.Stderr))
}

// Run runs a POSIX-sh script as root on the host and returns its standard output; its error is a [*Failed] if the script
// failed. It goes over the host's serial line and depends on neither its network nor its sshd. Scripts run side by
// side. When ctx is done Run returns and the script goes on; what it left running in the background always does.
// A host that is booting is waited for.
func (l *Lab) Run(ctx context.Context, h *Host, script string) (stdout string, err error) {
	a, err := h.serial.run(ctx, script)
	switch {
	case err != nil:
		return "", fmt.Errorf("running a script on %s over its serial line: %w", h.Name, err)
	case a.status != 0:
		return a.stdout, &Failed{Host: h.Name, Status: a.status, Stderr: a.stderr}
	}
	return a.stdout, nil
}

// serial is our end of a host's serial line, a pseudo-terminal that outlives the host's reboots. lab-serial, in the
// image, is the other end and documents what is said.
type serial struct {
	path   string   // what the host opens
	shared string   // folder of ours that the host mounts, for what is too long for the line
	near   *os.File // our end
	far    *os.File // the host's end, held open so that the line does not hang up while nobody is there
	done   chan struct{}

	mu      sync.Mutex
	writing sync.Mutex
	boot    string        // boot id of who is listening; "" when nobody is
	last    string        // boot id last heard of
	changed chan struct{} // closed and replaced whenever boot changes
	count   int
	waiting map[string]chan answer
}

type answer struct {
	status         int
	stdout, stderr string
	err            error
}

// openSerial makes a line, and the folder that goes with it, and listens on it until close.
func openSerial(shared string) (*serial, error) {
	if err := os.Mkdir(shared, 0o700); err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/ptmx: %w", err)
	}
	near := os.NewFile(uintptr(fd), "/dev/ptmx")
	path, err := unlock(fd)
	if err != nil {
		return nil, errors.Join(err, near.Close())
	}
	far, err := openRaw(path)
	if err != nil {
		return nil, errors.Join(err, near.Close())
	}
	s := &serial{
		path: path, shared: shared, near: near, far: far, done: make(chan struct{}),
		changed: make(chan struct{}), waiting: map[string]chan answer{},
	}
	go s.listen()
	return s, nil
}

func unlock(fd int) (path string, err error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return "", fmt.Errorf("unlocking a pseudo-terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return "", fmt.Errorf("asking for a pseudo-terminal's number: %w", err)
	}
	return "/dev/pts/" + strconv.Itoa(number), nil
}

// openRaw opens the far end and makes the line carry bytes as they are, without echo.
func openRaw(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	far := os.NewFile(uintptr(fd), path)
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		mode.Iflag, mode.Oflag, mode.Lflag = 0, 0, 0
		mode.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL
		mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(fd, unix.TCSETS, mode)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making %s raw: %w", path, err), far.Close())
	}
	return far, nil
}

func (s *serial) close() error {
	s.silence(errors.New("the lab is closed"))
	err := errors.Join(s.far.Close(), s.near.Close())
	<-s.done
	return err
}

func (s *serial) run(ctx context.Context, script string) (answer, error) {
	if err := s.awaitBoot(ctx, ""); err != nil {
		return answer{}, err
	}
	tag, reply := s.expect()
	defer s.forget(tag)
	if err := os.WriteFile(s.file(tag, "in"), []byte(script), 0o600); err != nil {
		return answer{}, err
	}
	if err := s.request(ctx, tag); err != nil {
		return answer{}, err
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for since := time.Now(); ; {
		select {
		case a := <-reply:
			return s.complete(tag, a)
		case <-look.C:
			if status, err := os.ReadFile(s.file(tag, "done")); err == nil {
				n, err := strconv.Atoi(strings.TrimSpace(string(status)))
				return s.complete(tag, answer{status: n, err: err})
			}
			if _, err := os.Stat(s.file(tag, "got")); err != nil && time.Since(since) > askAgain {
				since = time.Now()
				if err := s.request(ctx, tag); err != nil {
					return answer{}, err
				}
			}
		case <-ctx.Done():
			return answer{}, fmt.Errorf("no answer: %w", ctx.Err())
		}
	}
}

// askAgain is how long a request may go unheard before it is made once more; the host runs it once all the same.
const askAgain = 4 * time.Second

func (s *serial) file(tag, kind string) string { return filepath.Join(s.shared, tag+"."+kind) }

// complete fetches what the script has printed.
func (s *serial) complete(tag string, a answer) (answer, error) {
	if a.err != nil {
		return a, a.err
	}
	stdout, err1 := os.ReadFile(s.file(tag, "out"))
	stderr, err2 := os.ReadFile(s.file(tag, "err"))
	a.stdout, a.stderr = string(stdout), string(stderr)
	return a, errors.Join(err1, err2)
}

// request writes one line. The newline before it ends whatever an interrupted request has left on the way.
func (s *serial) request(ctx context.Context, tag string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = s.near.SetWriteDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = s.near.SetWriteDeadline(time.Time{})
	}()
	if _, err := fmt.Fprintf(s.near, "\nRUN %s\n", tag); err != nil {
		return fmt.Errorf("the host does not read its serial line: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}

func (s *serial) expect() (tag string, reply chan answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	tag, reply = "r"+strconv.Itoa(s.count), make(chan answer, 1)
	s.waiting[tag] = reply
	return tag, reply
}

func (s *serial) forget(tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, tag)
	for _, kind := range []string{"in", "out", "err", "got", "done"} {
		_ = os.Remove(s.file(tag, kind))
	}
}

// bootID is the boot last heard of, "" before the first.
func (s *serial) bootID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// awaitBoot returns when a host listens whose boot is not the one named.
func (s *serial) awaitBoot(ctx context.Context, not string) error {
	for {
		s.mu.Lock()
		boot, changed := s.boot, s.changed
		s.mu.Unlock()
		if boot != "" && boot != not {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("nobody on the serial line: %w", ctx.Err())
		}
	}
}

// silence says that nobody listens any more, and why.
func (s *serial) silence(why error) { s.begin("", why) }

// begin records who listens from now on; what was asked of whoever listened before will not be answered.
func (s *serial) begin(boot string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boot = boot
	if boot != "" {
		s.last = boot
	}
	for _, reply := range s.waiting {
		reply <- answer{err: fmt.Errorf("%w (%w)", errSilenced, why)}
	}
	clear(s.waiting)
	close(s.changed)
	s.changed = make(chan struct{})
}

// listen hands out answers until the line is closed.
func (s *serial) listen() {
	defer close(s.done)
	lines := bufio.NewReader(s.near)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if words := strings.Fields(line); len(words) == 3 && words[0] == "%lab" {
			s.hear(words[1], words[2])
		}
	}
}

// hear takes "ready BOOT" or "TAG STATUS".
func (s *serial) hear(word, value string) {
	if word == "ready" {
		s.begin(value, errors.New("the host's end began anew"))
		return
	}
	status, err := strconv.Atoi(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply, ok := s.waiting[word]; ok {
		reply <- answer{status: status, err: err}
		delete(s.waiting, word)
	}
}
