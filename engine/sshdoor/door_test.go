package sshdoor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// patience is how long a test waits for what must come, on a machine that has other things to do.
const patience = 20 * time.Second

// lodge is a door on loopback with somebody who serves those who come in.
type lodge struct {
	t      *testing.T
	door   *Door
	key    gossh.Signer
	people atomic.Pointer[People]
	log    *notes
	ended  chan error
	opened time.Time
	end    context.CancelFunc
}

type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// opens opens a door at which the commands "echo" and "fail" are served, and others by the test.
func opens(t *testing.T, people *People, console func(context.Context, Visit) int, command func(context.Context, Visit, []string) int, also ...func(*Options)) *lodge {
	t.Helper()
	l := &lodge{t: t, log: &notes{}, ended: make(chan error, 1), opened: time.Now()}
	l.people.Store(people)
	var err error
	if l.key, err = HostKey(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	o := Options{
		HostKey: l.key, People: func() (*People, error) { return l.people.Load(), nil }, Log: slog.New(slog.NewTextHandler(l.log, nil)),
		Console: console,
		Command: func(ctx context.Context, v Visit, args []string) int {
			switch args[0] {
			case "echo":
				fmt.Fprintf(v.Out, "%s says %q\n", v.Person, args[1:])
				return 0
			case "fail":
				fmt.Fprintln(v.Err, "no")
				return 5
			}
			return command(ctx, v, args)
		},
	}
	for _, change := range also {
		change(&o)
	}
	if l.door, err = Listen("127.0.0.1:0", o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.end = cancel
	go func() { l.ended <- l.door.Serve(ctx) }()
	t.Cleanup(l.closes)
	return l
}

func (l *lodge) closes() {
	l.end()
	select {
	case err := <-l.ended:
		if err != nil {
			l.t.Error(err)
		}
		l.ended <- nil
	case <-time.After(patience):
		l.t.Error("the door does not close")
	}
}

func (l *lodge) dials(auth ...gossh.AuthMethod) (*gossh.Client, error) {
	return gossh.Dial("tcp", l.door.Addr().String(), &gossh.ClientConfig{User: "chaos", Auth: auth, HostKeyCallback: gossh.FixedHostKey(l.key.PublicKey()), Timeout: patience})
}

func (l *lodge) login(key gossh.Signer) *gossh.Client {
	l.t.Helper()
	c, err := l.dials(gossh.PublicKeys(key))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func session(t *testing.T, c *gossh.Client) *gossh.Session {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runs runs a command on a connection of its own.
func (l *lodge) runs(key gossh.Signer, command string) (out string, code int) {
	l.t.Helper()
	c := l.login(key)
	defer c.Close()
	text, err := session(l.t, c).CombinedOutput(command)
	var exit *gossh.ExitError
	if errors.As(err, &exit) {
		return string(text), exit.ExitStatus()
	}
	if err != nil {
		l.t.Fatalf("%s: %v", command, err)
	}
	return string(text), 0
}

// shell asks for a terminal and the console on it.
func shell(t *testing.T, s *gossh.Session, w, h int) {
	t.Helper()
	if err := errors.Join(s.RequestPty("xterm", h, w, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
}

func soon[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

func TestOnlyWhoIsWrittenDownComesIn(t *testing.T) {
	ada, stranger, authority := newKey(t), newKey(t), newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada"), "cert-authority "+line(authority.PublicKey(), "")), nil, nil)
	valid := func(c *gossh.Certificate) {
		c.ValidAfter, c.ValidBefore = uint64(time.Now().Add(-time.Hour).Unix()), uint64(time.Now().Add(time.Hour).Unix())
	}
	if out, _ := l.runs(ada, "echo 'hello  there'"); out != `ada says ["hello  there"]`+"\n" {
		t.Error(out)
	}
	if out, _ := l.runs(certificate(t, authority, stranger, valid, func(c *gossh.Certificate) { c.KeyId, c.ValidPrincipals = "eve", []string{"eve"} }), "echo"); out != "eve says []\n" {
		t.Error(out)
	}
	if out, code := l.runs(ada, "fail"); out != "no\n" || code != 5 {
		t.Error(out, code)
	}
	for what, auth := range map[string][]gossh.AuthMethod{
		"nothing":               nil,
		"a password":            {gossh.Password("secret")},
		"answers":               {gossh.KeyboardInteractive(func(_, _ string, q []string, _ []bool) ([]string, error) { return make([]string, len(q)), nil })},
		"a stranger's key":      {gossh.PublicKeys(stranger)},
		"a certificate expired": {gossh.PublicKeys(certificate(t, authority, stranger))}, // good in July
		"one of a stranger's":   {gossh.PublicKeys(certificate(t, stranger, stranger, valid))},
		"one of a host":         {gossh.PublicKeys(certificate(t, authority, stranger, valid, func(c *gossh.Certificate) { c.CertType = gossh.HostCert }))},
		"ada's key, forged":     {gossh.PublicKeys(forger{ada.PublicKey(), stranger})},
	} {
		if c, err := l.dials(auth...); err == nil {
			c.Close()
			t.Errorf("%s lets in", what)
		}
	}
	if !strings.Contains(l.log.String(), "an SSH key was refused") {
		t.Error("the log has no refusal")
	}
	l.people.Store(nil)
	if c, err := l.dials(gossh.PublicKeys(ada)); err == nil {
		c.Close()
		t.Error("who was taken out of the file still comes in")
	}
}

// forger shows a key and signs with another.
type forger struct {
	shows gossh.PublicKey
	has   gossh.Signer
}

func (f forger) PublicKey() gossh.PublicKey { return f.shows }
func (f forger) Sign(r io.Reader, data []byte) (*gossh.Signature, error) {
	return f.has.Sign(r, data)
}

func TestTriesAreFew(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	var all []gossh.Signer
	for range loginTries {
		all = append(all, newKey(t))
	}
	if c, err := l.dials(gossh.PublicKeys(append(all, ada)...)); err == nil {
		c.Close()
		t.Errorf("the right key is taken after %d wrong ones", loginTries)
	}
}

func TestNothingButASessionIsGranted(t *testing.T) {
	ada := newKey(t)
	seen := make(chan Visit, 1)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(_ context.Context, v Visit, _ []string) int { seen <- v; return 0 })
	c := l.login(ada)
	for _, kind := range []string{"direct-tcpip", "direct-streamlocal@openssh.com", "x11", "auth-agent@openssh.com", "tun@openssh.com", "nonsense"} {
		if ch, _, err := c.OpenChannel(kind, gossh.Marshal(struct {
			A string
			B uint32
			C string
			D uint32
		}{"127.0.0.1", 22, "127.0.0.1", 1})); err == nil {
			ch.Close()
			t.Errorf("a channel %s is opened", kind)
		}
	}
	if ln, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
		t.Error("a port is forwarded")
	}
	if ok, _, _ := c.SendRequest("streamlocal-forward@openssh.com", true, gossh.Marshal(struct{ Path string }{"/tmp/x"})); ok {
		t.Error("a socket is forwarded")
	}
	s := session(t, c)
	for _, request := range []string{"auth-agent-req@openssh.com", "x11-req", "subsystem", "break", "signal", "nonsense"} {
		if ok, err := s.SendRequest(request, true, gossh.Marshal(struct{ Name string }{"sftp"})); ok || err != nil {
			t.Errorf("%s is granted: %v", request, err)
		}
	}
	for name, taken := range map[string]bool{"LANG": true, "NO_COLOR": true, "LC_ALL": true, "PATH": false, "LD_PRELOAD": false, "CHAOSCAT_NO_COLOR": false, "TERM": false, "TMUX": false, "HOME": false, "GOMEMLIMIT": false} {
		if err := s.Setenv(name, "x"); (err == nil) != taken {
			t.Errorf("%s is taken: %v", name, err == nil)
		}
	}
	if s.Setenv("LANG", strings.Repeat("x", 100)) == nil {
		t.Error("a long value is taken")
	}
	if err := s.Run("look"); err != nil {
		t.Fatal(err)
	}
	if v := soon(t, "visit", seen); len(v.Env) != 3 || v.Env["LANG"] != "x" || v.Terminal != nil || v.Person != "ada" || !strings.HasPrefix(v.From, "127.0.0.1:") {
		t.Errorf("%+v", v)
	}
	if err := session(t, c).Run(strings.Repeat("x", longestCommand)); err == nil {
		t.Error("a command of 16 KiB is taken")
	}
}

func TestAConnectionHasOneSessionAtATime(t *testing.T) {
	ada := newKey(t)
	here, leave := make(chan bool), make(chan bool)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(context.Context, Visit, []string) int { here <- true; <-leave; return 0 })
	c := l.login(ada)
	first := session(t, c)
	if err := first.Start("stay"); err != nil {
		t.Fatal(err)
	}
	soon(t, "command", here)
	if s, err := c.NewSession(); err == nil {
		s.Close()
		t.Error("a second session is opened beside the first")
	}
	leave <- true
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	for range 50 { // one after the other, as soon as the one before is over
		if out, err := session(t, c).Output("echo again"); err != nil || string(out) != `ada says ["again"]`+"\n" {
			t.Fatal(string(out), err)
		}
	}
}

func TestAStormOfSizesEndsInTheNewestAndHoldsNobodyUp(t *testing.T) {
	ada := newKey(t)
	visits, leave := make(chan Visit), make(chan bool)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), func(_ context.Context, v Visit) int { visits <- v; <-leave; return 0 }, nil)
	c := l.login(ada)
	s := session(t, c)
	shell(t, s, 1_000_000, 1_000_000)
	v := soon(t, "console", visits)
	if v.Terminal.Size != (Size{widest, highest}) || v.Env["TERM"] != "xterm" {
		t.Errorf("the terminal is %+v %v", v.Terminal.Size, v.Env)
	}
	for n := range 20_000 { // nobody reads them
		if err := s.WindowChange(10+n%50, 20+n%90); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WindowChange(33, 99); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.SendRequest("nonsense", true, nil); ok || err != nil { // answered after all of them
		t.Fatal(err)
	}
	if size := soon(t, "size", v.Terminal.Sizes); size != (Size{99, 33}) {
		t.Errorf("the newest size is %v", size)
	}
	leave <- true
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
}

// A console that nobody reads, one whose keys nobody takes, a command that is deaf to its end: the others go on.
func TestWhoDoesNotReadHoldsUpNobodyElse(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	stuck := make(chan bool, 3)
	l := opens(t, read(t, line(ada.PublicKey(), "ada"), line(bob.PublicKey(), "bob")),
		func(_ context.Context, v Visit) int {
			stuck <- true
			for chunk := make([]byte, 64<<10); ; {
				if _, err := v.Out.Write(chunk); err != nil {
					return 1
				}
			}
		},
		func(_ context.Context, v Visit, args []string) int {
			stuck <- true
			for {
				if _, err := io.WriteString(v.Out, strings.Repeat("x", 1<<20)); err != nil {
					return 1
				}
			}
		})
	s := session(t, l.login(ada))
	if _, err := s.StdoutPipe(); err != nil { // and never read it
		t.Fatal(err)
	}
	keys, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	shell(t, s, 80, 24)
	soon(t, "console", stuck)
	flooding := make(chan struct{})
	go func() {
		defer close(flooding)
		for {
			if _, err := keys.Write(bytes.Repeat([]byte("j"), 32<<10)); err != nil {
				return
			}
		}
	}()
	deaf := session(t, l.login(ada))
	if _, err := deaf.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := deaf.Start("flood"); err != nil {
		t.Fatal(err)
	}
	soon(t, "command", stuck)
	start := time.Now()
	for range 20 {
		if out, code := l.runs(bob, "echo"); code != 0 || out != "bob says []\n" {
			t.Fatal(out, code)
		}
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("20 commands of somebody else took %v", took)
	}
	l.closes()
	<-flooding
}

func TestAHundredStrangersKeepNobodyOut(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	var strangers []net.Conn
	for i := range 100 { // from several addresses: those beyond a network's pace are not heard at all
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%4))}}
		c, err := from.Dial("tcp", l.door.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // some say a little
			fmt.Fprint(c, "SSH-2.0-slow\r\n")
		}
		strangers = append(strangers, c)
	}
	if out, _ := l.runs(ada, "echo"); out != "ada says []\n" {
		t.Error(out)
	}
	cut := atomic.Int64{}
	for _, c := range strangers {
		go func() {
			io.Copy(io.Discard, c)
			cut.Add(1)
		}()
	}
	eventually(t, "those beyond the porch's room are cut off", func() bool { return cut.Load() >= 100-porchRoom })
	if n := cut.Load(); n > 100-porchRoom+2 {
		t.Errorf("%d were cut off", n)
	}
}

func TestAScriptOfManyCommandsIsNoFlood(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	for range 2 * arrivalsAtOnce {
		if out, code := l.runs(ada, "echo"); code != 0 || out != "ada says []\n" {
			t.Fatal(out, code)
		}
	}
}

func TestASessionThatBreaksTakesNobodyWithIt(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(context.Context, Visit, []string) int { panic("oh no") })
	if _, code := l.runs(ada, "break"); code != 1 {
		t.Errorf("exit %d", code)
	}
	if out, _ := l.runs(ada, "echo"); out != "ada says []\n" {
		t.Error(out)
	}
	if !strings.Contains(l.log.String(), "oh no") {
		t.Error("the log does not say what broke")
	}
}

func TestASessionKnowsThatItsClientHasHungUp(t *testing.T) {
	ada := newKey(t)
	here, why := make(chan bool), make(chan error, 1)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(ctx context.Context, _ Visit, _ []string) int {
		here <- true
		<-ctx.Done()
		why <- context.Cause(ctx)
		return 0
	})
	for what, hangsUp := range map[string]func(*gossh.Client, *gossh.Session){
		"the session":    func(_ *gossh.Client, s *gossh.Session) { s.Close() },
		"the connection": func(c *gossh.Client, _ *gossh.Session) { c.Close() },
	} {
		c := l.login(ada)
		s := session(t, c)
		if err := s.Start("stay"); err != nil {
			t.Fatal(err)
		}
		soon(t, "command", here)
		hangsUp(c, s)
		if err := soon(t, "end of "+what, why); !errors.Is(err, errHungUp) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// deaf is a connection that hears nothing any more from a moment on.
type deaf struct {
	net.Conn
	from chan struct{} // closed at that moment
	heed chan struct{} // closed when it hears again
}

func (d deaf) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	select {
	case <-d.from:
		<-d.heed
	default:
	}
	return n, err
}

// soonCutOff gives a client no time to hang up.
func soonCutOff(o *Options) { o.linger = 10 * time.Millisecond }

// smallBuffer makes a socket's buffer for sending or receiving small. Of one that has begun already the kernel would
// drop what it had offered to take, with the acknowledgements in it, and nothing would move for many seconds.
func smallBuffer(which int) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, which, 4<<10) })
		return errors.Join(err, failed)
	}
}

// quietly logs in on a connection that hears nothing any more once it is told so. Its machine takes little that it
// does not hear.
func (l *lodge) quietly(key gossh.Signer) (*gossh.Client, deaf) {
	l.t.Helper()
	raw, err := (&net.Dialer{Control: smallBuffer(syscall.SO_RCVBUF)}).Dial("tcp", l.door.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	d := deaf{raw, make(chan struct{}), make(chan struct{})}
	conn, channels, requests, err := gossh.NewClientConn(d, "", &gossh.ClientConfig{User: "chaos", Auth: []gossh.AuthMethod{gossh.PublicKeys(key)}, HostKeyCallback: gossh.FixedHostKey(l.key.PublicKey())})
	if err != nil {
		l.t.Fatal(err)
	}
	return gossh.NewClient(conn, channels, requests), d
}

func TestAClientThatAsksForSessionsWithoutReadingIsCutOff(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	here := make(chan bool)
	l := opens(t, read(t, line(ada.PublicKey(), "ada"), line(bob.PublicKey(), "bob")), nil, func(ctx context.Context, _ Visit, _ []string) int {
		here <- true
		<-ctx.Done()
		return 0
	})
	little(t, l.door.listener)
	c, d := l.quietly(ada)
	defer c.Close()
	if err := session(t, c).Start("stay"); err != nil {
		t.Fatal(err)
	}
	soon(t, "command", here)
	close(d.from)
	start := time.Now()
	var asking sync.WaitGroup
	for range 4000 {
		asking.Go(func() { c.OpenChannel("session", nil) })
	}
	isCutOff(t, c, d.Conn)
	if took := time.Since(start); took > writeWithin/2 {
		t.Errorf("it was cut off after %v: only because it took nothing", took)
	}
	if out, _ := l.runs(bob, "echo"); out != "bob says []\n" {
		t.Error(out)
	}
	close(d.heed)
	asking.Wait()
}

// little makes a door's connections send little ahead of what is read.
func little(t *testing.T, l net.Listener) {
	t.Helper()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = smallBuffer(syscall.SO_SNDBUF)("", "", raw)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// isCutOff waits for the end of a connection that hears nothing.
func isCutOff(t *testing.T, c *gossh.Client, raw net.Conn) {
	t.Helper()
	cut := make(chan bool)
	go func() {
		for raw.SetWriteDeadline(time.Now().Add(patience)); ; <-time.After(5 * time.Millisecond) {
			if _, _, err := c.SendRequest("nonsense", false, nil); err != nil {
				close(cut)
				return
			}
		}
	}()
	soon(t, "end of the connection", cut)
}

func TestAClientThatKeepsASessionThatIsOverIsCutOff(t *testing.T) {
	ada := newKey(t)
	here, leave := make(chan bool), make(chan bool)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(context.Context, Visit, []string) int { here <- true; <-leave; return 0 }, soonCutOff)
	c, d := l.quietly(ada)
	defer c.Close()
	if err := session(t, c).Start("stay"); err != nil {
		t.Fatal(err)
	}
	soon(t, "command", here)
	close(d.from)
	leave <- true
	isCutOff(t, c, d.Conn)
	close(d.heed)
}

func TestTheEndTellsEverybodyAndCutsOffWhoStays(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	here := make(chan bool, 2)
	l := opens(t, read(t, line(ada.PublicKey(), "ada"), line(bob.PublicKey(), "bob")),
		func(_ context.Context, v Visit) int { // deaf, and waits for somebody who does not read
			here <- true
			for {
				if _, err := v.Out.Write(make([]byte, 64<<10)); err != nil {
					return 1
				}
			}
		},
		func(ctx context.Context, v Visit, _ []string) int {
			here <- true
			<-ctx.Done()
			fmt.Fprintln(v.Err, context.Cause(ctx))
			return 8
		})
	stays := session(t, l.login(ada))
	if _, err := stays.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	shell(t, stays, 80, 24)
	leaves := session(t, l.login(bob))
	var said bytes.Buffer
	leaves.Stderr = &said
	if err := leaves.Start("wait"); err != nil {
		t.Fatal(err)
	}
	soon(t, "visitor", here)
	soon(t, "visitor", here)
	silent, err := net.Dial("tcp", l.door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	start := time.Now()
	l.closes()
	if took := time.Since(start); took < lastWord || took > lastWord+cutting+patience/2 {
		t.Errorf("the end took %v", took)
	}
	var exit *gossh.ExitError
	if err := leaves.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 8 || strings.TrimSpace(said.String()) != ErrClosed.Error() {
		t.Errorf("%v: %s", err, &said)
	}
	silent.SetDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Errorf("who has said nothing is not cut off: %v", err)
	}
}

func TestTheConsoleNeedsATerminalAndACommandAnEnd(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	for command, want := range map[string]string{"": "the console needs a terminal", `echo "`: "is a quotation mark missing?"} {
		if out, code := l.runs(ada, command); code != 2 || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, %s", command, code, out)
		}
	}
}

func TestWhoIsTakenOutHasNoFurtherSessionOnAnOpenConnection(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	for what, people := range map[string]*People{"taken out": read(t, line(bob.PublicKey(), "bob")), "somebody else's key": read(t, line(ada.PublicKey(), "eve")), "nobody let in": nil} {
		l.people.Store(read(t, line(ada.PublicKey(), "ada")))
		c := l.login(ada)
		if _, err := session(t, c).Output("echo"); err != nil {
			t.Fatal(err)
		}
		l.people.Store(people)
		if s, err := c.NewSession(); err == nil {
			s.Close()
			t.Errorf("%s: a session is opened", what)
		}
		over := make(chan error, 1)
		go func() { over <- c.Wait() }()
		soon(t, "end of the connection", over)
	}
}

func TestWhoIsTakenOutIsPutOutAndAMistakePutsOutNobody(t *testing.T) {
	ada, bob := newKey(t), newKey(t)
	here, why := make(chan bool), make(chan error, 2)
	var mistake atomic.Bool
	asked := atomic.Int64{}
	l := opens(t, read(t, line(ada.PublicKey(), "ada"), line(bob.PublicKey(), "bob")), nil, func(ctx context.Context, _ Visit, _ []string) int {
		here <- true
		<-ctx.Done()
		why <- context.Cause(ctx)
		return 4
	}, func(o *Options) {
		people := o.People
		o.again, o.People = 5*time.Millisecond, func() (*People, error) {
			asked.Add(1)
			if mistake.Load() {
				return nil, errors.New("line 1 is no public key")
			}
			return people()
		}
	})
	s := session(t, l.login(ada))
	if err := s.Start("stay"); err != nil {
		t.Fatal(err)
	}
	soon(t, "command", here)
	mistake.Store(true)
	before := asked.Load()
	eventually(t, "it is asked again", func() bool { return asked.Load() > before+5 })
	if len(why) > 0 {
		t.Errorf("a mistake in the file ends a session: %v", <-why)
	}
	l.people.Store(read(t, line(bob.PublicKey(), "bob")))
	mistake.Store(false)
	if err := soon(t, "end", why); !errors.Is(err, errOut) {
		t.Error(err)
	}
	var exit *gossh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 4 {
		t.Error(err)
	}
}

func TestTheLogHasTheBeginningOfACommandAndNotEverySession(t *testing.T) {
	ada := newKey(t)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, nil)
	c := l.login(ada)
	for range 60 {
		if _, err := session(t, c).Output("echo 'a\nb' " + strings.Repeat("x", 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Count(l.log.String(), "an SSH session began")
	if most := 20 + int(time.Since(l.opened)/time.Second) + 1; lines < 20 || lines > most {
		t.Errorf("%d lines, at most %d", lines, most)
	}
	if longest := slices.MaxFunc(strings.Split(l.log.String(), "\n"), func(a, b string) int { return len(a) - len(b) }); len(longest) > 2*longestLine || !strings.Contains(longest, `a\nb`) {
		t.Error(longest)
	}
}

func TestOnePersonsSessionsAreFewAndAStopIsLetInBeyondThem(t *testing.T) {
	ada := newKey(t)
	here, leave := make(chan bool), make(chan bool)
	l := opens(t, read(t, line(ada.PublicKey(), "ada")), nil, func(_ context.Context, _ Visit, args []string) int {
		if args[0] == "stop" {
			return 0
		}
		here <- true
		<-leave
		return 0
	})
	for range ownCommands {
		if err := session(t, l.login(ada)).Start("stay"); err != nil {
			t.Fatal(err)
		}
		soon(t, "command", here)
	}
	if out, code := l.runs(ada, "status"); code != 4 || !strings.Contains(out, "too many sessions") {
		t.Errorf("exit %d, %s", code, out)
	}
	if out, code := l.runs(ada, "stop"); code != 0 {
		t.Errorf("a stop is not let in: exit %d, %s", code, out)
	}
	close(leave)
}
