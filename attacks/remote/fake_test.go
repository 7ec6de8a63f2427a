package remote

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine"
)

func TestMain(m *testing.M) {
	if os.Getenv(fleetEnv) != "" {
		serveFleet()
	}
	goleak.VerifyTestMain(m)
}

// fakeHost is a host inside the test: a real SSH server on loopback behind which a scripted runner speaks
// the wire. Nothing is attacked; "applied" is a word in its memory.
type fakeHost struct {
	t        *testing.T
	addr     string
	keys     []ssh.Signer
	verbs    map[string]func(*fakeSession) int // replaces what a verb does
	any      func(*fakeSession) (int, bool)    // looks at every command first
	restless time.Duration                     // delay before the guard's undo is over
	figure   atomic.Int64                      // what measure says while applied
	logins   atomic.Int64

	mu       sync.Mutex
	applied  bool
	claimed  string
	boot     string
	leftover string // what undo cannot remove
	uploads  int
	byes     int
	headers  map[string]map[string]string // last header by verb
	conns    map[net.Conn]bool
	down     bool

	work sync.WaitGroup
}

// fakeSession is one command on a fake host.
type fakeSession struct {
	*fakeHost
	ch      ssh.Channel
	in      *bufio.Reader
	verb    string
	command string
	head    map[string]string
	signals chan string
}

// oneWriter serialises what the library does not: two writers on one channel.
type oneWriter struct {
	ssh.Channel
	mu *sync.Mutex
}

func (w oneWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Channel.Write(p)
}

func (s *fakeSession) say(format string, args ...any) {
	fmt.Fprintf(s.ch, "%%%s %s\n", s.head["nonce"], fmt.Sprintf(format, args...))
}

func newFakeHost(t *testing.T, keys ...ssh.Signer) *fakeHost {
	t.Helper()
	if len(keys) == 0 {
		keys = []ssh.Signer{newKey(t)}
	}
	f := &fakeHost{t: t, keys: keys, verbs: map[string]func(*fakeSession) int{}, boot: "boot-1", headers: map[string]map[string]string{}, conns: map[net.Conn]bool{}}
	f.figure.Store(80)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	f.work.Go(func() { f.accept(l) })
	t.Cleanup(func() {
		l.Close()
		f.cutAll()
		f.work.Wait()
	})
	return f
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newRSAKey(t *testing.T) ssh.Signer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func (f *fakeHost) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		down := f.down
		f.conns[conn] = true
		f.mu.Unlock()
		if down {
			conn.Close()
			continue
		}
		f.work.Go(func() { f.serve(conn) })
	}
}

// cutAll ends every connection, as a crash of the host would.
func (f *fakeHost) cutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
	clear(f.conns)
}

// goDown lets no new connection in.
func (f *fakeHost) goDown() {
	f.mu.Lock()
	f.down = true
	f.mu.Unlock()
}

func (f *fakeHost) serve(conn net.Conn) {
	defer conn.Close()
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	for _, k := range f.keys {
		config.AddHostKey(k)
	}
	server, chans, reqs, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	f.logins.Add(1)
	f.work.Go(func() { ssh.DiscardRequests(reqs) })
	for open := range chans {
		switch open.ChannelType() {
		case "session":
			ch, reqs, err := open.Accept()
			if err == nil {
				f.work.Go(func() { f.session(ch, reqs) })
			}
		case "direct-tcpip":
			f.forward(open)
		default:
			open.Reject(ssh.UnknownChannelType, "")
		}
	}
	server.Wait()
}

func (f *fakeHost) forward(open ssh.NewChannel) {
	var to struct {
		Host   string
		Port   uint32
		Origin string
		Source uint32
	}
	ssh.Unmarshal(open.ExtraData(), &to)
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		open.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	ch, reqs, err := open.Accept()
	if err != nil {
		conn.Close()
		return
	}
	f.work.Go(func() { ssh.DiscardRequests(reqs) })
	f.work.Go(func() { io.Copy(conn, ch); conn.Close() })
	f.work.Go(func() { io.Copy(ch, conn); ch.Close() })
}

func (f *fakeHost) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	s := &fakeSession{fakeHost: f, ch: oneWriter{ch, new(sync.Mutex)}, in: bufio.NewReader(ch), signals: make(chan string, 4)}
	for req := range reqs {
		switch req.Type {
		case "exec":
			req.Reply(true, nil)
			s.command = string(req.Payload[4:])
			f.work.Go(func() {
				status := s.exec()
				if status >= 0 {
					ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
				}
				ch.Close()
			})
		case "signal":
			select {
			case s.signals <- string(req.Payload[4:]):
			default:
			}
		default:
			if req.WantReply {
				req.Reply(false, nil)
			}
		}
	}
}

var verbOf = regexp.MustCompile(`runner-[0-9a-f]{16} ([a-z]+) "\$SSH_CONNECTION"$`)

// exec does what the command says; a negative status closes the channel without a word.
func (s *fakeSession) exec() int {
	if s.any != nil {
		if status, done := s.any(s); done {
			return status
		}
	}
	m := verbOf.FindStringSubmatch(s.command)
	if m == nil {
		io.Copy(io.Discard, s.in)
		s.mu.Lock()
		s.uploads++
		s.mu.Unlock()
		return 0
	}
	s.verb = m[1]
	s.readHeader()
	if f := s.verbs[s.verb]; f != nil {
		return f(s)
	}
	return s.perform()
}

func (s *fakeSession) readHeader() {
	s.head = map[string]string{}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil || line == ".\n" {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		s.head[key] = value
	}
	s.mu.Lock()
	s.headers[s.verb] = s.head
	s.mu.Unlock()
}

func (s *fakeSession) perform() int {
	switch s.verb {
	case "inspect":
		s.mu.Lock()
		boot, claimed := s.boot, s.claimed
		s.mu.Unlock()
		s.say("fact kernel 6.1")
		s.say("fact boot %s", boot)
		if label := s.head["label"]; label != "" {
			s.say("feasible %s", label)
		}
		if claimed != "" {
			s.say("busy %s 3 a fault is on", claimed)
		}
	case "measure":
		s.mu.Lock()
		applied := s.applied
		s.mu.Unlock()
		if applied {
			s.say("figure %d", s.figure.Load())
		} else {
			s.say("figure 4")
		}
		s.say("expect up 50")
	case "undo":
		return s.undoVerb()
	case "bye":
		s.mu.Lock()
		s.byes++
		s.mu.Unlock()
	case "guard":
		return s.guard()
	}
	s.say("done")
	return 0
}

func (s *fakeSession) undoVerb() int {
	s.mu.Lock()
	was, left := s.claimed, s.leftover
	if left == "" {
		s.applied, s.claimed = false, ""
	}
	s.mu.Unlock()
	switch {
	case left != "":
		s.say("residue %s", left)
		s.say("done")
		return 6
	case was == "":
		s.say("clean")
	default:
		s.say("restored")
	}
	s.say("done")
	return 0
}

// guard is the dead-man switch: it obeys lines, and undoes at a stop, at the end of its input, when the
// lease has run out, or on TERM.
func (s *fakeSession) guard() int {
	s.mu.Lock()
	if s.claimed != "" {
		busy := s.claimed
		s.mu.Unlock()
		s.say("busy %s another controller", busy)
		return 4
	}
	s.claimed = s.head["id"]
	boot := s.boot
	s.mu.Unlock()
	s.say("armed layers=kernel,guard boot=%s", boot)
	return s.obey()
}

func (s *fakeSession) obey() int {
	lines := make(chan string)
	over := make(chan struct{})
	defer close(over)
	s.work.Go(func() {
		defer close(lines)
		for {
			line, err := s.in.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case lines <- strings.TrimSuffix(line, "\n"):
			case <-over:
				return
			}
		}
	})
	lease, _ := strconv.Atoi(s.head["lease"])
	if lease == 0 {
		lease = 3600
	}
	expiry := time.NewTimer(time.Duration(lease) * time.Second)
	defer expiry.Stop()
	for {
		select {
		case line, more := <-lines:
			expiry.Reset(time.Duration(lease) * time.Second)
			if cause := s.heed(line, more); cause != "" {
				return s.takeBack(cause)
			}
		case <-expiry.C:
			return s.takeBack("lease")
		case <-s.signals:
			return s.takeBack("signal")
		}
	}
}

func (s *fakeSession) heed(line string, more bool) (cause string) {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case !more:
		return "eof"
	case word == "go":
		s.say("injecting")
		s.mu.Lock()
		s.applied = true
		s.mu.Unlock()
		fmt.Fprintf(s.ch, "tc qdisc add dev eth0\n")
		s.say("injected 0")
	case word == "renew":
		s.say("renewed")
	case word == "ping":
		s.say("pong %s", rest)
	default:
		return "stop"
	}
	return ""
}

func (s *fakeSession) takeBack(cause string) int {
	s.say("undoing %s", cause)
	time.Sleep(s.restless)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leftover != "" {
		s.say("residue %s", s.leftover)
		return 6
	}
	s.applied, s.claimed = false, ""
	s.say("restored")
	return 0
}

// clean fails the test if the host has been left with anything.
func (f *fakeHost) clean(t *testing.T) {
	t.Helper()
	eventually(t, "the host is clean", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return !f.applied && f.claimed == ""
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) { // far longer than it takes: machines are shared
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// host is the fake host as the inventory would name it.
func (f *fakeHost) host(name string) engine.Host {
	host, port, _ := net.SplitHostPort(f.addr)
	n, _ := strconv.Atoi(port)
	return engine.Host{Name: name, Address: host, Port: n}
}

// quick is the pace of the tests: everything that waits for a person's network waits for loopback.
var quickPace = pace{
	nudge: 150 * time.Millisecond, patience: 300 * time.Millisecond, yield: time.Second, drain: 300 * time.Millisecond,
	retry: 10 * time.Millisecond, retryMax: 100 * time.Millisecond, margin: 500 * time.Millisecond,
	measure: 20 * time.Millisecond, grace: 2 * time.Second, poll: 20 * time.Millisecond,
}

// newCarrier knows the keys of these hosts. change may alter the options.
func newCarrier(t *testing.T, hosts []*fakeHost, change ...func(*Options)) *Carrier {
	t.Helper()
	dir := t.TempDir()
	o := Options{
		Runner: aRunner(), Attacks: catalogue(), User: "chaos",
		IdentityFiles:  []string{writeKey(t, dir, "id")},
		KnownHosts:     []string{writeKnownHosts(t, dir, hosts...)},
		ConnectTimeout: 2 * time.Second, CommandTimeout: 5 * time.Second, KeepAlive: time.Second, Lease: 6 * time.Second,
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.pace = quickPace
	t.Cleanup(c.Close)
	return c
}

// catalogue is two attacks with the parameters that the tests need.
func catalogue() []attacks.Definition {
	return []attacks.Definition{
		{
			Name: "cpu", Figure: attacks.Figure{Name: "cpu busy", Unit: "%"}, UndoWithin: 2 * time.Second, Reversible: true,
			Params: []attacks.Param{
				{Name: "load", Kind: attacks.Percent, Min: 1, Max: 100},
				{Name: "lifeline", Kind: attacks.Bool},
				{Name: "note", Kind: attacks.Text},
			},
		},
		{
			Name: "reboot", Figure: attacks.Figure{Name: "boot id"}, UndoWithin: 2 * time.Second, Reversible: true, Supervised: true,
			Params: []attacks.Param{{Name: "limit", Kind: attacks.Millis, Min: 1, Max: 3_600_000}},
		},
	}
}

// aRunner is a runner that nobody runs.
func aRunner() attacks.Runner {
	text := []byte("#!/bin/sh\necho a runner\n")
	sum := sha256.Sum256(text)
	return attacks.Runner{Text: text, Digest: hex.EncodeToString(sum[:])}
}

func writeKey(t *testing.T, dir, name string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name, pem.EncodeToMemory(block))
}

func write(t *testing.T, dir, name string, text []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func writeKnownHosts(t *testing.T, dir string, hosts ...*fakeHost) string {
	t.Helper()
	var b strings.Builder
	for _, f := range hosts {
		for _, k := range f.keys {
			fmt.Fprintln(&b, knownhosts.Line([]string{f.addr}, k.PublicKey()))
		}
	}
	return write(t, dir, "known_hosts", []byte(b.String()))
}

// aRun is an attack on the host for that long.
func aRun(id string, h engine.Host, kind string, hold time.Duration, params ...string) engine.Run {
	p := map[string]string{}
	for _, param := range params {
		key, value, _ := strings.Cut(param, "=")
		p[key] = value
	}
	return engine.Run{ID: id, Host: h, Attack: engine.Attack{Name: kind, Kind: kind, Params: p, Reversible: true}, For: hold}
}

// watcher keeps what an attack tells.
type watcher struct {
	mu     sync.Mutex
	phases []engine.Phase
	lines  []string
	guard  *engine.Guard
	at     map[engine.Phase]func()
}

func (w *watcher) tell(e engine.Advanced) {
	w.mu.Lock()
	if e.Guard != nil {
		w.guard = e.Guard
	}
	fresh := e.Phase != "" && (len(w.phases) == 0 || w.phases[len(w.phases)-1] != e.Phase)
	if fresh {
		w.phases = append(w.phases, e.Phase)
	}
	hook := w.at[e.Phase]
	w.mu.Unlock()
	if fresh && hook != nil {
		hook()
	}
}

func (w *watcher) line(text string) {
	w.mu.Lock()
	w.lines = append(w.lines, text)
	w.mu.Unlock()
}

func (w *watcher) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "\n")
}

func (w *watcher) went() []engine.Phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]engine.Phase(nil), w.phases...)
}

// attackOn runs the attack to its end; stop gets a cause when the phase is reached, if one is named.
func attackOn(t *testing.T, c *Carrier, run engine.Run, stopAt engine.Phase) (engine.Outcome, *watcher) {
	t.Helper()
	stop := make(chan string, 1)
	w := &watcher{at: map[engine.Phase]func(){}}
	if stopAt != "" {
		w.at[stopAt] = func() { stop <- "stop" }
	}
	out := c.Attack(context.Background(), run, stop, w.tell, w.line)
	return out, w
}

// cuttable is a connection whose network can be taken away: nothing arrives any more, in either
// direction, and nobody is told.
type cuttable struct {
	net.Conn
	cut  chan struct{}
	once *sync.Once
	over chan struct{}
}

func (c *cuttable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.cut:
		<-c.over
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *cuttable) Write(p []byte) (int, error) {
	select {
	case <-c.over:
		return 0, net.ErrClosed
	default:
	}
	select {
	case <-c.cut:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *cuttable) Close() error {
	c.once.Do(func() { close(c.over) })
	return c.Conn.Close()
}

// overwrite changes a file that is in use.
func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
