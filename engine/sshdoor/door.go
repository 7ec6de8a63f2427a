package sshdoor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/anmitsu/go-shlex"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/charmbracelet/ssh"
	"github.com/charmbracelet/wish"
	gossh "golang.org/x/crypto/ssh"
)

// Options of a door.
type Options struct {
	HostKey gossh.Signer
	// People says who is let in, as it is written down now; it is asked at each login and each session, and every minute of
	// a session. An error lets nobody in, and ends no session that has begun.
	People func() (*People, error)
	// Console serves a person with a terminal, Command one with a command; each returns the exit code. Their context
	// ends when the client hangs up or the door closes, with the reason as its cause.
	Console func(ctx context.Context, v Visit) int
	Command func(ctx context.Context, v Visit, args []string) int
	Log     *slog.Logger

	linger time.Duration // how long a client may keep a connection whose session is over; 0 is hangUp
	again  time.Duration // how often it is asked whether who is inside may still be; 0 is askAgain
}

// Visit is one session of a person.
type Visit struct {
	Person   string
	From     string // the address
	Env      map[string]string
	In       io.Reader // of a console; a command is given nothing to read
	Out, Err io.Writer // may block for as long as the client does not read
	Terminal *Terminal // nil: there is none
}

// Terminal is what the client's is like. Sizes are new ones, newest wins.
type Terminal struct {
	Size  Size
	Sizes <-chan Size
}

// Door is where people come in. Serve ends when its context does.
type Door struct {
	o        Options
	server   *ssh.Server
	listener net.Listener
	rooms    rooms
	visits   visits
	refusals *pace           // how often a refused login is worth a line
	lines    *paces[string]  // how often a person's session is
	inside   context.Context // of every session
	close    context.CancelCauseFunc
}

const (
	loginTries = 6
	// lastWord is how long a session may take to say goodbye, and then what it takes to cut it.
	lastWord = 3 * time.Second
	cutting  = 2 * time.Second
	hangUp   = 5 * time.Second
	askAgain = time.Minute
	// longestLine is how much of a command the log has: the journal has what it ordered.
	longestLine = 200
)

// errOut is the cause of the end of a session whose person has been taken out.
var errOut = errors.New("you are let in no more")

// ErrClosed is the cause of the end of a session whose door closes.
var ErrClosed = errors.New("the engine has ended, and this door with it")

// What a connection keeps for its sessions.
type (
	guestKey struct{} // *guest
	gateKey  struct{} // *gate of the session that it has now
)

// program is what people call who they speak to, and what the door calls itself.
const program = "chaoscat"

const personExtension = "chaoscat-person"

// Listen opens the door at an address; nobody is let in before Serve.
func Listen(address string, o Options) (*Door, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the SSH door: %w", err)
	}
	d := &Door{o: o, listener: l, refusals: &pace{every: 10 * time.Second, most: 5}, lines: &paces[string]{every: time.Second, most: 20}}
	d.inside, d.close = context.WithCancelCause(context.Background())
	d.server, err = wish.NewServer(
		func(s *ssh.Server) error { s.AddHostKey(o.HostKey); return nil },
		wish.WithVersion(program),
		wish.WithPublicKeyAuth(d.known),
		wish.WithMiddleware(d.receive, d.caught),
		ssh.WrapConn(func(ctx ssh.Context, c net.Conn) net.Conn { ctx.SetValue(guestKey{}, c); return c }),
		func(s *ssh.Server) error {
			s.ChannelHandlers = map[string]ssh.ChannelHandler{"session": d.session}
			s.ServerConfigCallback = func(ssh.Context) *gossh.ServerConfig { return &gossh.ServerConfig{MaxAuthTries: loginTries} }
			return nil
		},
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the SSH door: %w", err), l.Close())
	}
	return d, nil
}

// Addr is where the door listens.
func (d *Door) Addr() net.Addr { return d.listener.Addr() }

// Serve lets people in until ctx ends. Then nobody new is let in, everybody inside is told and has a moment to leave,
// and whoever has not left is cut off.
func (d *Door) Serve(ctx context.Context) error {
	listening, enough := context.WithCancel(ctx)
	defer enough()
	porch := newPorch(listening, d.listener)
	over := make(chan error, 1)
	go func() { over <- d.server.Serve(porch) }()
	var err error
	select {
	case err = <-over:
		err = fmt.Errorf("the SSH door: %w", err)
		over <- nil
	case <-ctx.Done():
	}
	enough()
	d.listener.Close()
	d.close(ErrClosed)
	left := d.visits.end()
	waitFor(left, lastWord)
	_ = d.server.Close() // its listener is closed already, and so is every connection
	porch.clear()
	waitFor(left, cutting)
	<-over
	return err
}

func waitFor(done <-chan struct{}, patience time.Duration) {
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// known lets in whoever has a key that is written down. The person is part of what the login was granted, so that of
// several keys that were shown it is the one that was proven.
func (d *Door) known(ctx ssh.Context, key ssh.PublicKey) bool {
	name, err := d.who(key, ctx.RemoteAddr())
	if err != nil {
		return false
	}
	ctx.Permissions().Extensions = map[string]string{personExtension: name}
	return true
}

// who is the person behind a key now.
func (d *Door) who(key ssh.PublicKey, at net.Addr) (name string, err error) {
	if key == nil {
		return "", errors.New("no key was proven")
	}
	people, err := d.o.People()
	if err == nil {
		name, err = people.Who(key, at, time.Now())
	}
	if err != nil && d.refusals.take(time.Now()) {
		d.o.Log.Warn("an SSH key was refused", "from", at.String(), "key", gossh.FingerprintSHA256(key), "why", err.Error())
	}
	return name, err
}

// watch ends a session when its person has been taken out. While nobody can say who is in, nobody is put out: a
// mistake in the file would end everybody's, and lets in nobody anyhow.
func (d *Door) watch(ctx context.Context, out context.CancelCauseFunc, s ssh.Session, person string) {
	t := time.NewTicker(cmp.Or(d.o.again, askAgain))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if _, err := d.o.People(); err != nil {
			continue
		}
		if name, err := d.who(s.PublicKey(), s.RemoteAddr()); err != nil || name != person {
			out(errOut)
			time.AfterFunc(lastWord, func() { d.guest(s).Close() })
			return
		}
	}
}

// caught keeps a session that breaks from taking the engine with it.
func (d *Door) caught(next ssh.Handler) ssh.Handler {
	return func(s ssh.Session) {
		gate, _ := s.Context().Value(gateKey{}).(*gate)
		defer close(gate.over)
		if !d.visits.begin() {
			fmt.Fprintln(s.Stderr(), "chaoscat:", ErrClosed)
			_ = s.Exit(closed)
			return
		}
		defer d.visits.over()
		defer func() {
			if v := recover(); v != nil {
				d.o.Log.Error("an SSH session broke", "error", fmt.Sprint(v), "stack", string(debug.Stack()))
				_ = s.Exit(1)
			}
		}()
		next(s)
	}
}

// receive takes somebody in, sees them served, and out. Everybody is in a room, or has not long to go: until there is a
// room the porch's clock runs, and from its end on that of who hangs up.
func (d *Door) receive(ssh.Handler) ssh.Handler {
	return func(s ssh.Session) {
		gate, _ := s.Context().Value(gateKey{}).(*gate)
		v := gate.visit()
		v.Person, v.From = s.Permissions().Extensions[personExtension], s.RemoteAddr().String()
		v.Out, v.Err = s, s.Stderr()
		args, wants, code, why := d.asks(s, v)
		if code != 0 {
			d.hurry(s, gate) // before a word is said: a client need not take it
			fmt.Fprintln(v.Err, "chaoscat:", why)
			_ = s.Exit(code)
			return
		}
		_ = s.Exit(d.serve(gate, s, v, args, wants))
	}
}

// hurry cuts off a client that keeps what is over: it would keep its place, too, and a writer that waits for it.
func (d *Door) hurry(s ssh.Session, gate *gate) {
	time.AfterFunc(cmp.Or(d.o.linger, hangUp), func() {
		if gate.ctx.Err() == nil {
			d.guest(s).Close()
		}
	})
}

// guest is the connection of a session; nobody else has one.
func (d *Door) guest(s ssh.Session) *guest { return s.Context().Value(guestKey{}).(*guest) }

// asks reads what somebody wants, and takes a room for it. A code says that there is none, and a sentence why.
func (d *Door) asks(s ssh.Session, v Visit) (args []string, wants kind, code int, why string) {
	args, err := shlex.Split(s.RawCommand(), true)
	if len(args) > 0 && args[0] == program { // out of habit
		args = args[1:]
	}
	wants = kindOf(args)
	switch {
	case v.Person == "":
		return nil, wants, refused, "nobody comes in without a name"
	case err != nil:
		return nil, wants, usage, "the command cannot be read: is a quotation mark missing?"
	case wants == console && v.Terminal == nil:
		return nil, wants, usage, "the console needs a terminal: ssh -t; without one give a command: status, stop, help"
	}
	if why := d.rooms.enter(v.Person, wants); why != "" {
		if d.lines.take(v.Person, time.Now()) {
			d.o.Log.Warn("an SSH session was refused", "by", v.Person, "from", v.From, "why", why)
		}
		return nil, wants, refused, why
	}
	return args, wants, 0, ""
}

// serve sees somebody served who has a room.
func (d *Door) serve(gate *gate, s ssh.Session, v Visit, args []string, wants kind) (code int) {
	defer d.rooms.leave(v.Person, wants)
	defer d.hurry(s, gate)
	d.guest(s).settle()
	ctx, out := context.WithCancelCause(gate.ctx)
	defer out(nil)
	go d.watch(ctx, out, s, v.Person)
	if d.lines.take(v.Person, time.Now()) {
		d.o.Log.Info("an SSH session began", "by", v.Person, "from", v.From, "command", printable.Short(strings.Join(args, " "), longestLine))
		defer func() { d.o.Log.Info("an SSH session ended", "by", v.Person, "from", v.From, "exit", code) }()
	}
	if wants == console {
		v.In = newKeyboard(ctx, s)
		return d.o.Console(ctx, v)
	}
	return d.o.Command(ctx, v, args)
}

// The exit codes of what the door itself refuses, as everywhere in chaoscat.
const (
	usage   = 2
	refused = 4
	closed  = 8
)

// kindOf is what a command line wants. Flags may stand before the command, and none of those takes a word of its own.
func kindOf(args []string) kind {
	if len(args) == 0 {
		return console
	}
	first := slices.IndexFunc(args, func(word string) bool { return !strings.HasPrefix(word, "-") })
	if first >= 0 && args[first] == "stop" {
		return stop
	}
	return command
}
