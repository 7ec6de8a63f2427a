package simulated_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

const (
	nonce   = "0123456789abcdef"
	runner  = "#!/bin/sh\n# what is carried does not matter to a simulated host\n"
	patient = 20 * time.Second // real time after which a test gives up waiting
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// newFleet is a fleet that lives as long as the test, two hundred times as fast as the machine, and
// patient with its leases unless the options say otherwise.
func newFleet(t *testing.T, change ...func(*simulated.Options)) *simulated.Fleet {
	t.Helper()
	o := simulated.Options{Hosts: 40, Seed: 7, Clock: clock.Fast(time.Now(), noon, 200), Dir: t.TempDir(), LeaseAtLeast: patient}
	for _, c := range change {
		c(&o)
	}
	f, err := simulated.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

// ordinary finds a host of the role without a quirk.
func ordinary(t *testing.T, f *simulated.Fleet, role string) engine.Host {
	t.Helper()
	return find(t, f, func(h engine.Host) bool { return h.Tags["role"] == role && h.Tags["quirk"] == "" })
}

func quirky(t *testing.T, f *simulated.Fleet, q simulated.Quirk) engine.Host {
	t.Helper()
	return find(t, f, func(h engine.Host) bool { return h.Tags["quirk"] == string(q) })
}

func find(t *testing.T, f *simulated.Fleet, wanted func(engine.Host) bool) engine.Host {
	t.Helper()
	for _, h := range f.Hosts() {
		if wanted(h) {
			return h
		}
	}
	t.Fatal("the fleet has no such host")
	return engine.Host{}
}

// controller is a bare SSH client that speaks the wire, with strict host keys.
type controller struct {
	*ssh.Client
	digest string
}

// login connects, verifies the host key, logs in by key and uploads the runner.
func login(t *testing.T, f *simulated.Fleet, h engine.Host) *controller {
	t.Helper()
	client, err := dial(t, f, h, clientKey(t, f))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(runner))
	c := &controller{client, hex.EncodeToString(sum[:8])}
	out := c.exec(t, `/bin/sh -c 'umask 077; mkdir -p /run/chaoscat && cat > /run/chaoscat/runner-`+c.digest+`'`, runner)
	if out.status != 0 {
		t.Fatalf("upload: %+v", out)
	}
	return c
}

func clientKey(t *testing.T, f *simulated.Fleet) ssh.Signer {
	t.Helper()
	data, err := os.ReadFile(f.IdentityFile())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func dial(t *testing.T, f *simulated.Fleet, h engine.Host, key ssh.Signer) (*ssh.Client, error) {
	t.Helper()
	return dialKnown(t, f, h, key, known(t, f))
}

func known(t *testing.T, f *simulated.Fleet) ssh.HostKeyCallback {
	t.Helper()
	known, err := knownhosts.New(f.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func dialKnown(t *testing.T, f *simulated.Fleet, h engine.Host, key ssh.Signer, known ssh.HostKeyCallback) (*ssh.Client, error) {
	t.Helper()
	addr := fmt.Sprintf("%s:%d", h.Address, h.Port)
	conn, err := f.Dial(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	client, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User: h.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return nil, err
	}
	c := ssh.NewClient(client, channels, requests)
	t.Cleanup(func() { c.Close() })
	return c, nil
}

// answer is what came of a command.
type answer struct {
	said   []string // believed: lines of the runner, without the nonce
	shown  []string // every other line of both streams
	status int
}

// has tells whether the runner said a line with that beginning, and returns what followed it.
func (a answer) has(beginning string) (rest string, ok bool) {
	for _, line := range a.said {
		if rest, ok = strings.CutPrefix(line, beginning); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

func (a *answer) hear(line string) {
	if said, ok := strings.CutPrefix(line, "%"+nonce+" "); ok {
		a.said = append(a.said, said)
	} else {
		a.shown = append(a.shown, line)
	}
}

func (c *controller) exec(t *testing.T, command, stdin string) answer {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Stdin = strings.NewReader(stdin)
	out, err := s.CombinedOutput(command)
	a := answer{status: status(t, err)}
	for line := range strings.Lines(string(out)) {
		a.hear(strings.TrimSuffix(line, "\n"))
	}
	return a
}

func status(t *testing.T, err error) int {
	t.Helper()
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitStatus()
	}
	return -1 // the connection was cut
}

func (c *controller) command(verb string) string {
	return "sh /run/chaoscat/runner-" + c.digest + " " + verb + ` "$SSH_CONNECTION"`
}

func heading(lines ...string) string {
	return "nonce=" + nonce + "\n" + strings.Join(append(lines, "."), "\n") + "\n"
}

// verb performs one of the verbs that answer and end.
func (c *controller) verb(t *testing.T, verb string, lines ...string) answer {
	t.Helper()
	return c.exec(t, c.command(verb), heading(lines...))
}

// figure measures.
func (c *controller) figure(t *testing.T, id, kind string, params ...string) (figure float64, expect string) {
	t.Helper()
	a := c.verb(t, "measure", append([]string{"id=" + id, "kind=" + kind}, params...)...)
	text, ok := a.has("figure ")
	if !ok {
		t.Fatalf("measure said no figure: %+v", a)
	}
	figure, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	expect, _ = a.has("expect ")
	return figure, expect
}

// held is a guard on the host.
type held struct {
	answer
	session *ssh.Session
	stdin   io.WriteCloser
	lines   chan string
}

// guard starts one; the first thing it says has been heard when it returns.
func (c *controller) guard(t *testing.T, lines ...string) *held {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	stdin, _ := s.StdinPipe()
	stdout, _ := s.StdoutPipe()
	if err := s.Start(c.command("guard")); err != nil {
		t.Fatal(err)
	}
	g := &held{session: s, stdin: stdin, lines: make(chan string, 1000)}
	go func() {
		defer close(g.lines)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			g.lines <- in.Text()
		}
	}()
	g.tell(t, strings.TrimSuffix(heading(lines...), "\n"))
	g.await(t, "")
	return g
}

func (g *held) tell(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(g.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// await reads on until the runner says a line with that beginning.
func (g *held) await(t *testing.T, beginning string) {
	t.Helper()
	for {
		select {
		case line, more := <-g.lines:
			if !more {
				t.Fatalf("the guard ended without saying %q: %+v", beginning, g.answer)
			}
			n := len(g.said)
			g.hear(line)
			if len(g.said) > n && strings.HasPrefix(g.said[n], beginning) {
				return
			}
		case <-time.After(patient):
			t.Fatalf("the guard has not said %q: %+v", beginning, g.answer)
		}
	}
}

// end reads to the end and returns the exit status.
func (g *held) end(t *testing.T) answer {
	t.Helper()
	deadline := time.After(patient)
	for {
		select {
		case line, more := <-g.lines:
			if more {
				g.hear(line)
				continue
			}
			g.status = status(t, g.session.Wait())
			return g.answer
		case <-deadline:
			t.Fatalf("the guard has not ended: %+v", g.answer)
		}
	}
}

// order is a guard's header with the usual times.
func order(id, kind string, params ...string) []string {
	return append([]string{"id=" + id, "kind=" + kind, "ttl=600", "hold=300", "lease=15", "supervised=0"}, params...)
}

// eventually polls for what happens in real time on the other side of a socket.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}
