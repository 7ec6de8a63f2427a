package sshdoor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/charmbracelet/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// Size is how many columns and rows a terminal has.
type Size = struct{ Width, Height int }

// What a terminal may be like. Beyond it nothing more could be shown, and a screen costs what it is large.
const (
	widest, highest = 500, 200
	longestTerm     = 64
	longestValue    = 64
	longestCommand  = 16 << 10
)

// usual is the terminal of somebody who does not say how large theirs is.
var usual = Size{80, 24}

func sensible(w, h uint32) Size {
	if w == 0 || h == 0 {
		return usual
	}
	return Size{int(min(w, widest)), int(min(h, highest))}
}

// environment is what of a client's is listened to: which characters its terminal shows, and in which colours.
var environment = []string{"LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR"}

// gate is what stands between a client and its session. The library behind it keeps whatever it is sent, and waits
// for sizes to be read; the gate lets pass what a session needs, once, and answers everything else itself.
type gate struct {
	gossh.NewChannel
	sizes  chan Size // newest wins
	ctx    context.Context
	cancel context.CancelCauseFunc
	over   chan struct{} // closed when the session's handler has returned

	mu       sync.Mutex
	env      map[string]string
	term     string
	size     Size
	terminal bool
	begun    bool
}

// errHungUp is why a session ends whose client has closed it.
var errHungUp = errors.New("the client has hung up")

func newGate(ctx context.Context, c gossh.NewChannel) *gate {
	g := &gate{NewChannel: c, sizes: make(chan Size, 1), over: make(chan struct{}), env: map[string]string{}}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// Accept is the channel's, with the requests that pass.
func (g *gate) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	c, requests, err := g.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	passed := make(chan *gossh.Request)
	go func() {
		defer g.cancel(errHungUp)
		defer close(passed)
		for r := range requests {
			switch pass, ok := g.judge(r); {
			case pass:
				passed <- r
			case r.WantReply:
				_ = r.Reply(ok, nil) // who has gone needs no answer
			}
		}
	}()
	return c, passed, nil
}

// judge says whether a request goes on to the library, and if not, whether it was granted here.
func (g *gate) judge(r *gossh.Request) (pass, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch r.Type {
	case "pty-req":
		return g.takeTerminal(r), false
	case "window-change":
		return false, g.resize(r)
	case "env":
		return false, g.setenv(r)
	case "shell", "exec":
		pass = !g.begun && len(r.Payload) <= longestCommand
		g.begun = g.begun || pass
		return pass, false
	}
	return false, false
}

func (g *gate) takeTerminal(r *gossh.Request) bool {
	var asked struct {
		Term                string
		W, H, Width, Height uint32
		Modes               string
	}
	if g.begun || g.terminal || gossh.Unmarshal(r.Payload, &asked) != nil || len(asked.Term) > longestTerm {
		return false
	}
	g.terminal, g.term, g.size = true, asked.Term, sensible(asked.W, asked.H)
	asked.W, asked.H, asked.Width, asked.Height, asked.Modes = uint32(g.size.Width), uint32(g.size.Height), 0, 0, ""
	r.Payload = gossh.Marshal(&asked)
	return true
}

func (g *gate) resize(r *gossh.Request) bool {
	var asked struct{ W, H, Width, Height uint32 }
	if !g.terminal || gossh.Unmarshal(r.Payload, &asked) != nil {
		return false
	}
	select {
	case <-g.sizes:
	default:
	}
	g.sizes <- sensible(asked.W, asked.H) // nobody else sends
	return true
}

func (g *gate) setenv(r *gossh.Request) bool {
	var asked struct{ Name, Value string }
	if g.begun || gossh.Unmarshal(r.Payload, &asked) != nil || !slices.Contains(environment, asked.Name) || len(asked.Value) > longestValue {
		return false
	}
	g.env[asked.Name] = asked.Value
	return true
}

// visit is what a session may know of its client.
func (g *gate) visit() Visit {
	g.mu.Lock()
	defer g.mu.Unlock()
	env := maps.Clone(g.env)
	v := Visit{Env: env}
	if g.terminal {
		env["TERM"] = g.term
		v.Terminal = &Terminal{Size: g.size, Sizes: g.sizes}
	}
	return v
}

// still says why who logged in here gets no session now: they may have been taken out since, or have too many
// connections.
func (d *Door) still(g *guest, ctx ssh.Context) (why string) {
	key, _ := ctx.Value(ssh.ContextKeyPublicKey).(ssh.PublicKey) // the one that was proven
	person := ctx.Permissions().Extensions[personExtension]
	name, err := d.who(key, ctx.RemoteAddr())
	switch {
	case err != nil:
		return "you are let in no more"
	case name != person:
		return "your key is somebody else's now; log in again"
	case !g.porch.introduce(g, person):
		return "you have too many connections here; close one"
	}
	return ""
}

// session is one channel of a connection: the library's, behind the gate. A connection has one at a time, so that what
// the library keeps by connection is the session's.
func (d *Door) session(server *ssh.Server, conn *gossh.ServerConn, c gossh.NewChannel, ctx ssh.Context) {
	g := ctx.Value(guestKey{}).(*guest)
	defer g.opens.Add(-1)
	if g.opens.Add(1) > opensAtOnce {
		g.Close()
		return
	}
	if !g.begin() {
		_ = c.Reject(gossh.ResourceShortage, "one session at a time on a connection")
		return
	}
	defer g.end()
	if why := d.still(g, ctx); why != "" {
		_ = c.Reject(gossh.Prohibited, why)
		g.Close()
		return
	}
	gate := newGate(d.inside, c)
	defer context.AfterFunc(ctx, func() { gate.cancel(errHungUp) })()
	ctx.SetValue(gateKey{}, gate)
	ssh.DefaultSessionHandler(server, conn, gate, ctx)
	gate.cancel(errHungUp)
	if gate.begun {
		<-gate.over
	}
}
