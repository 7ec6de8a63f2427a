package remote

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stopLine is the whole stop: an empty line, made beforehand, and then the end of the input. A shell's
// read returns at nothing less than a line.
var (
	stopLine  = []byte{'\n'}
	renewLine = []byte("renew\n")
)

// guard is the session whose other end holds the undo. What it says is kept where the attack looks for it;
// nothing here ever waits, so that a host that talks too much only loses its own words.
type guard struct {
	*session
	ear hearing

	armed    chan answer // the first word: armed, busy, refused or infeasible
	injected chan int    // exit status of the injection
	pong     chan string
	undoing  chan struct{} // closed when the host says that it undoes

	once     sync.Once
	stopping atomic.Bool   // nothing but the stop is written any more
	handed   chan struct{} // closed when the stop has been handed to the network

	mu    sync.Mutex
	cause string // why the host undoes, in its word
	last  answer // restored or residue
}

// answer is one word of the runner with its sentence.
type answer struct{ word, rest string }

// guard starts the guard verb. The claim on the host begins here: from now on the host must be proven
// clean, even if nothing was ever applied. ready gets the guard before it has been told anything.
func (v *visit) guard(ctx context.Context, head []field, ready func(*guard)) (*guard, error) {
	nonce, err := v.c.nonce()
	if err != nil {
		return nil, err
	}
	text, err := header(nonce, head)
	if err != nil {
		return nil, err
	}
	g := &guard{armed: make(chan answer, 1), injected: make(chan int, 1), pong: make(chan string, 1), undoing: make(chan struct{}), handed: make(chan struct{})}
	g.ear = hearing{nonce: nonce, show: v.show, each: g.heed}
	g.session, err = v.link.start(ctx, v.c.ConnectTimeout, v.c.pace.drain, v.c.command("guard"), g.ear.hear, v.show)
	if err != nil {
		return nil, err
	}
	ready(g)
	_, err = bounded(ctx, v.link, v.c.ConnectTimeout, "arming", func() (struct{}, error) { return struct{}{}, g.send(text) }, nil)
	if isEOF(err) {
		err = nil // it has ended already, and its last words say why
	}
	return g, err
}

// stop is the one write: whoever hears of the stop makes it, at once, and nobody twice. It returns when the
// network has taken it, which is at once unless the connection is stuck; then whoever climbs the ladder ends
// the connection, and with it this call.
func (g *guard) stop() {
	g.once.Do(func() {
		g.stopping.Store(true)
		g.link.over.last(func() error { return g.finish(stopLine) })
		close(g.handed)
	})
}

// written tells whether the network has taken the stop.
func (g *guard) written() bool {
	select {
	case <-g.handed:
		return true
	default:
		return false
	}
}

func (g *guard) heed(word, rest string) {
	switch word {
	case "armed", "busy", "refused", "infeasible":
		offer(g.armed, answer{word, rest})
	case "injected":
		status, err := strconv.Atoi(rest)
		if err != nil {
			status = -1
		}
		offer(g.injected, status)
	case "pong":
		offer(g.pong, rest)
	case "undoing":
		g.mu.Lock()
		if g.cause == "" {
			g.cause = first(rest, "unknown")
			close(g.undoing)
		}
		g.mu.Unlock()
	case "restored", "residue":
		g.mu.Lock()
		g.last = answer{word, rest}
		g.mu.Unlock()
	}
}

// offer hands a value over if there is room for it, and never waits.
func offer[T any](to chan T, value T) {
	select {
	case to <- value:
	default:
	}
}

// why is the cause in the host's word.
func (g *guard) why() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// left is how the host says it was left.
func (g *guard) left() answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// renew keeps the lease, until the undo begins or the session ends.
func (g *guard) renew(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-g.undoing:
			return
		case <-g.exited:
			return
		}
		if g.stopping.Load() || g.send(renewLine) != nil {
			return
		}
	}
}

// layers reads "layers=kernel,guard boot=ID".
func layers(armed string) (standing []string, boot string) {
	for _, word := range strings.Fields(armed) {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "layers":
			standing = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
		case "boot":
			boot = value
		}
	}
	return standing, boot
}
