package remote

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/chaoscat/chaoscat/engine"
)

// fleetEnv makes the test binary a fleet: a process of its own, so that what is measured of the carrier is the
// carrier's alone.
const fleetEnv = "CHAOSCAT_TEST_FLEET"

// fleet is thousands of hosts behind one socket: 127.1.x.y, told apart by the address that was called. Each
// is a real SSH server with a scripted runner; no process is started for a command.
type fleet struct {
	listener net.Listener
	config   *ssh.ServerConfig
	key      ssh.Signer

	mu    sync.Mutex
	posts map[string]*post
	conns map[net.Conn]bool
	work  sync.WaitGroup
	over  chan struct{}
	// hang names the step at which a host falls silent; nil: none does.
	hang func(host int) string
}

// post is one host of the fleet.
type post struct {
	mu      sync.Mutex
	number  int
	claimed string
	applied bool
	logins  int
}

// fleetKey is the same for every fleet: it proves nothing to anybody.
func fleetKey() ssh.Signer {
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte("chaoscat"), 4)))
	if err != nil {
		panic(err)
	}
	return signer
}

// newFleet listens on all addresses, because 127.1.x.y cannot be listened on as one, and lets in nobody but
// this machine.
func newFleet(hang func(int) string) (*fleet, error) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	f := &fleet{listener: l, hang: hang, key: fleetKey(), posts: map[string]*post{}, conns: map[net.Conn]bool{}, over: make(chan struct{})}
	f.config = &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	f.config.AddHostKey(f.key)
	f.work.Go(f.accept)
	return f, nil
}

func (f *fleet) close() {
	f.listener.Close()
	close(f.over)
	f.cut()
	f.work.Wait()
}

// cut ends every connection.
func (f *fleet) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		conn.Close()
	}
}

func (f *fleet) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

func (f *fleet) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		if !conn.RemoteAddr().(*net.TCPAddr).IP.IsLoopback() {
			conn.Close()
			continue
		}
		f.mu.Lock()
		f.conns[conn] = true
		f.mu.Unlock()
		f.work.Go(func() {
			f.serve(conn)
			f.mu.Lock()
			delete(f.conns, conn)
			f.mu.Unlock()
		})
	}
}

func (f *fleet) post(conn net.Conn) *post {
	ip := conn.LocalAddr().(*net.TCPAddr).IP.To4()
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.posts[ip.String()]
	if p == nil {
		p = &post{number: int(ip[2])<<8 + int(ip[3])}
		f.posts[ip.String()] = p
	}
	return p
}

func (f *fleet) serve(conn net.Conn) {
	defer conn.Close()
	p := f.post(conn)
	if f.hung(p, "connect") {
		io.Copy(io.Discard, conn)
		return
	}
	over := &brittle{Conn: conn}
	server, chans, reqs, err := ssh.NewServerConn(over, f.config)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.logins++
	p.mu.Unlock()
	f.work.Go(func() { ssh.DiscardRequests(reqs) })
	for open := range chans {
		ch, reqs, err := open.Accept()
		if err == nil {
			f.work.Go(func() { f.session(p, over, ch, reqs) })
		}
	}
	server.Wait()
}

func (f *fleet) hung(p *post, step string) bool { return f.hang != nil && f.hang(p.number) == step }

func (f *fleet) session(p *post, over *brittle, ch ssh.Channel, reqs <-chan *ssh.Request) {
	for req := range reqs {
		if req.Type != "exec" {
			if req.WantReply {
				req.Reply(req.Type == "env", nil)
			}
			continue
		}
		req.Reply(true, nil)
		command := string(req.Payload[4:])
		f.work.Go(func() {
			status := f.exec(p, ch, command)
			over.together(func() error { // as OpenSSH does
				ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
				return ch.Close()
			})
		})
	}
}

func (f *fleet) exec(p *post, ch ssh.Channel, command string) int {
	m := verbOf.FindStringSubmatch(command)
	switch {
	case strings.HasPrefix(command, "echo-bytes"):
		io.Copy(ch, ch)
		return 0
	case m == nil && strings.Contains(command, "cat >"):
		io.Copy(io.Discard, ch)
		return 0
	case m == nil: // true, kill, and what ansible asks first
		return 0
	}
	in := bufio.NewReaderSize(ch, 512)
	head := map[string]string{}
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\n" {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		head[key] = value
	}
	if f.hung(p, m[1]) {
		for {
			if _, err := in.ReadByte(); err == io.EOF {
				<-f.over // deaf even to the end of its input
				return 1
			}
		}
	}
	return p.answer(m[1], head, in, ch)
}

func (p *post) answer(verb string, head map[string]string, in *bufio.Reader, ch io.Writer) int {
	say := func(format string, args ...any) {
		fmt.Fprintf(ch, "%%%s %s\n", head["nonce"], fmt.Sprintf(format, args...))
	}
	switch verb {
	case "inspect":
		said := fmt.Sprintf("%%%[1]s fact kernel 6.1\n%%%[1]s fact boot b\n", head["nonce"])
		if label := head["label"]; label != "" {
			said += fmt.Sprintf("%%%s feasible %s\n", head["nonce"], label)
		}
		io.WriteString(ch, said)
	case "measure":
		p.mu.Lock()
		n := 4
		if p.applied {
			n = 80
		}
		p.mu.Unlock()
		say("figure %d", n)
		say("expect up 50")
	case "undo":
		p.mu.Lock()
		p.claimed, p.applied = "", false
		p.mu.Unlock()
		say("restored")
	case "guard":
		return p.guard(head, in, say)
	}
	say("done")
	return 0
}

func (p *post) guard(head map[string]string, in *bufio.Reader, say func(string, ...any)) int {
	p.mu.Lock()
	busy := p.claimed
	p.claimed = first(busy, head["id"])
	p.mu.Unlock()
	if busy != "" {
		say("busy %s another controller", busy)
		return 4
	}
	say("armed layers=kernel,guard boot=b")
	cause := "contact lost"
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if word == "go" {
			p.mu.Lock()
			p.applied = true
			p.mu.Unlock()
			say("injected 0")
		} else if word == "ping" {
			say("pong %s", rest)
		} else if word == "renew" {
			say("renewed")
		} else {
			cause = "stop"
			break
		}
	}
	say("undoing %s", cause)
	p.mu.Lock()
	p.claimed, p.applied = "", false
	p.mu.Unlock()
	say("restored")
	return 0
}

// faulty counts the hosts that are not as they were.
func (f *fleet) faulty() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.posts {
		p.mu.Lock()
		if p.claimed != "" || p.applied {
			n++
		}
		p.mu.Unlock()
	}
	return n
}

// hostAt is the i-th host of a fleet on that port.
func hostAt(i, port int) engine.Host {
	return engine.Host{Name: fmt.Sprintf("host-%05d", i), Address: fmt.Sprintf("127.1.%d.%d", i>>8, i&255), Port: port}
}

func hostsAt(n, port int) []engine.Host {
	hosts := make([]engine.Host, n)
	for i := range hosts {
		hosts[i] = hostAt(i+1, port)
	}
	return hosts
}

// knowingFleet knows all its hosts by name.
func knowingFleet(t testing.TB, hosts []engine.Host) func(*Options) {
	t.Helper()
	var b strings.Builder
	for _, h := range hosts {
		fmt.Fprintln(&b, knownhosts.Line([]string{fmt.Sprintf("%s:%d", h.Address, h.Port)}, fleetKey().PublicKey()))
	}
	file := t.TempDir() + "/known_hosts"
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.KnownHosts = []string{file} }
}

// aFleet is a fleet inside the test.
func aFleet(t *testing.T, hang func(int) string) *fleet {
	t.Helper()
	f, err := newFleet(hang)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

// serveFleet is the whole life of a process that is a fleet: it says its port and goes on until its standard
// input ends, which it does at the latest with the process that started it.
func serveFleet() {
	f, err := newFleet(nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(f.port())
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// aFleetApart is a fleet in a process of its own.
func aFleetApart(t testing.TB) (port int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), fleetEnv+"=1")
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		done := time.AfterFunc(10*time.Second, func() { child.Process.Kill() })
		child.Wait()
		done.Stop()
	})
	if _, err := fmt.Fscan(out, &port); err != nil {
		t.Fatalf("the fleet did not start: %v", err)
	}
	return port
}
