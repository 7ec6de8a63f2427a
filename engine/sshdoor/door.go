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
	"strings"
	"time"

	"github.com/anmitsu/go-shlex"
	"github.com/charmbracelet/ssh"
	"github.com/charmbracelet/wish"
	gossh "golang.org/x/crypto/ssh"
)

// Options of a door.
type Options struct {
	HostKey gossh.Signer
	// People says who is let in, as it is written down now; it is asked at each login. An error lets nobody in.
	People func() (*People, error)
	// Console serves a person with a terminal, Command one with a command; each returns the exit code. Their context
	// ends when the client hangs up or the door closes, with the reason as its cause.
	Console func(ctx context.Context, v Visit) int
	Command func(ctx context.Context, v Visit, args []string) int
	Log     *slog.Logger

	linger time.Duration // how long a client may keep a connection whose session is over; 0 is hangUp
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
	inside   context.Context // of every session
	close    context.CancelCauseFunc
}

const (
	loginTries = 6
	// lastWord is how long a session may take to say goodbye, and then what it takes to cut it.
	lastWord = 3 * time.Second
	cutting  = 2 * time.Second
	hangUp   = 5 * time.Second
)

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
	d := &Door{o: o, listener: l, refusals: &pace{every: 10 * time.Second, most: 5}}
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
	people, err := d.o.People()
	name := ""
	if err == nil {
		name, err = people.Who(key, ctx.RemoteAddr(), time.Now())
	}
	if err != nil {
		if d.refusals.take(time.Now()) {
			d.o.Log.Warn("an SSH key was refused", "from", ctx.RemoteAddr().String(), "key", gossh.FingerprintSHA256(key), "why", err.Error())
		}
		return false
	}
	ctx.Permissions().Extensions = map[string]string{personExtension: name}
	return true
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

// receive takes somebody in, sees them served, and out.
func (d *Door) receive(ssh.Handler) ssh.Handler {
	return func(s ssh.Session) {
		gate, _ := s.Context().Value(gateKey{}).(*gate)
		d.guest(s).settle()
		v := gate.visit()
		v.Person, v.From = s.Permissions().Extensions[personExtension], s.RemoteAddr().String()
		v.Out, v.Err = s, s.Stderr()
		code := d.serve(gate.ctx, s, v)
		// A client that keeps what is over would keep its place, too, and a writer that waits for it.
		time.AfterFunc(cmp.Or(d.o.linger, hangUp), func() {
			if gate.ctx.Err() == nil {
				d.guest(s).Close()
			}
		})
		_ = s.Exit(code)
	}
}

// guest is the connection of a session; nobody else has one.
func (d *Door) guest(s ssh.Session) *guest { return s.Context().Value(guestKey{}).(*guest) }

func (d *Door) serve(ctx context.Context, s ssh.Session, v Visit) (code int) {
	args, err := shlex.Split(s.RawCommand(), true)
	if len(args) > 0 && args[0] == program { // out of habit
		args = args[1:]
	}
	wants := kindOf(args)
	switch {
	case v.Person == "":
		return refused // nobody comes in without a name
	case err != nil:
		fmt.Fprintln(v.Err, "chaoscat: the command cannot be read: is a quotation mark missing?")
		return usage
	case wants == console && v.Terminal == nil:
		fmt.Fprintln(v.Err, "chaoscat: the console needs a terminal: ssh -t; without one give a command: status, stop, help")
		return usage
	}
	if why := d.rooms.enter(v.Person, wants); why != "" {
		fmt.Fprintln(v.Err, "chaoscat:", why)
		d.o.Log.Warn("an SSH session was refused", "by", v.Person, "from", v.From, "why", why)
		return refused
	}
	defer d.rooms.leave(v.Person, wants)
	d.o.Log.Info("an SSH session began", "by", v.Person, "from", v.From, "command", strings.Join(args, " "))
	defer func() { d.o.Log.Info("an SSH session ended", "by", v.Person, "from", v.From, "exit", code) }()
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

func kindOf(args []string) kind {
	switch {
	case len(args) == 0:
		return console
	case args[0] == "stop":
		return stop
	}
	return command
}
