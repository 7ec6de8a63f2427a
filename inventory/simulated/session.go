package simulated

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
)

// session is one command on a host.
type session struct {
	host    *host
	channel ssh.Channel
	signals chan string
	over    chan struct{} // closed when the command has ended
	start   func(func())  // starts a goroutine that Close waits for
	nonce   string        // set once the header is read
}

// The commands that a simulated host understands. Everything else is not found.
var (
	runnerPath = regexp.MustCompile(`chaoscat[-/]runner-([0-9a-f]{16})`)
	upload     = regexp.MustCompile(`\bcat\s*>`)
	verbAfter  = regexp.MustCompile(`^['"]? (inspect|guard|measure|undo|sweep|bye)( |$|["'])`)
)

// The exit statuses that are part of the wire, and one of a shell.
const (
	exitOK       = 0
	exitRefused  = 4
	exitResidue  = 6
	exitNotFound = 127
)

// run performs a command line and returns its exit status.
func (s *session) run(command string) int {
	command = strings.TrimSpace(command)
	if command == "true" {
		return exitOK
	}
	at := runnerPath.FindStringSubmatchIndex(command)
	if at == nil {
		return s.notFound(command)
	}
	digest, rest := command[at[2]:at[3]], command[at[1]:]
	if verb := verbAfter.FindStringSubmatch(rest); verb != nil {
		return s.perform(verb[1], digest)
	}
	if upload.MatchString(command) {
		return s.receive(digest)
	}
	return s.notFound(command)
}

func (s *session) notFound(command string) int {
	name, _, _ := strings.Cut(command, " ")
	fmt.Fprintf(s.channel.Stderr(), "[sim] sh: 1: %.80q: not found (a simulated host runs chaoscat's runner and nothing else)\n", name)
	return exitNotFound
}

// largestRunner bounds what is swallowed.
const largestRunner = 4 << 20

// receive takes the runner in, checks its digest and throws it away.
func (s *session) receive(digest string) int {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(s.channel, largestRunner)); err != nil {
		return 1
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got[:16] != digest {
		fmt.Fprintf(s.channel.Stderr(), "[sim] the runner arrived damaged: its digest is %s, its name says %s\n", got[:16], digest)
		return 1
	}
	s.host.keep(digest)
	return exitOK
}

// keep, has and forget are the tmpfs with the runners.
func (h *host) keep(digest string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runners == nil {
		h.runners = map[string]bool{}
	}
	h.runners[digest] = true
}

func (h *host) has(digest string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runners[digest]
}

func (h *host) forget(digest string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.runners, digest)
}

// perform runs one verb of the runner, if it is there.
func (s *session) perform(verb, digest string) int {
	if !s.host.has(digest) {
		fmt.Fprintf(s.channel.Stderr(), "[sim] sh: 0: cannot open runner-%s: No such file\n", digest)
		return exitNotFound
	}
	lines := s.lines()
	header, err := readHeader(lines)
	s.nonce = header.nonce
	if err != nil {
		s.refuse(verb, err)
		return exitRefused
	}
	switch verb {
	case "guard":
		return s.guard(header, lines)
	case "inspect":
		return s.inspect(header)
	case "measure":
		return s.measure(header)
	case "undo":
		return s.undo(header)
	case "sweep":
		return s.sweep(header)
	default: // bye
		s.host.forget(digest)
		return s.done()
	}
}

// lines hands over standard input line by line and closes at its end. The goroutine behind it ends with
// the session at the latest.
func (s *session) lines() <-chan string {
	out := make(chan string)
	s.start(func() {
		defer close(out)
		in := bufio.NewScanner(s.channel)
		for in.Scan() {
			select {
			case out <- in.Text():
			case <-s.over:
				return
			}
		}
	})
	return out
}

// say speaks for the runner. A peer that has gone does not keep a guard from its work, so what cannot be
// written is dropped.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.channel, "%%%s %s\n", s.nonce, fmt.Sprintf(format, args...))
}

// show is output of a script: never believed, and marked as simulated.
func (s *session) show(lines ...string) {
	for _, line := range lines {
		fmt.Fprintf(s.channel, "[sim] %s\n", line)
	}
}

// refuse says why nothing is done: as the runner where the nonce is known, else as mere output.
func (s *session) refuse(verb string, err error) {
	if s.nonce == "" {
		fmt.Fprintf(s.channel.Stderr(), "[sim] runner: %s: %v\n", verb, err)
		return
	}
	s.say("refused %v", err)
}

func (s *session) done() int {
	s.say("done")
	return exitOK
}
