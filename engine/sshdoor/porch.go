package sshdoor

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// The porch is where connections stand until they have a session: before anybody has said who they are, and between
// two sessions.
const (
	porchRoom   = 64               // connections at once
	porchWithin = 20 * time.Second // to say who one is and what one wants
)

// arrivals bounds how many connections are begun: each costs a key exchange, which is this machine's time. Those
// beyond wait where the kernel keeps them.
func arrivals() *pace { return &pace{every: 10 * time.Millisecond, most: porchRoom} }

// porch is a listener that knows its connections.
type porch struct {
	net.Listener
	ctx      context.Context
	arrivals *pace

	mu      sync.Mutex
	waiting []*guest // in the order in which they came
	all     map[*guest]bool
}

func newPorch(ctx context.Context, l net.Listener) *porch {
	return &porch{Listener: l, ctx: ctx, arrivals: arrivals(), all: map[*guest]bool{}}
}

// guest is one connection.
type guest struct {
	net.Conn
	porch *porch
	from  string // its address without the port
	timer *time.Timer
	room  chan bool // holds one token while there is a session
	next  chan bool // holds one token while another waits for its end
}

// Accept lets the next one onto the porch.
func (p *porch) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !p.arrivals.turn(p.ctx) {
		c.Close()
		return nil, net.ErrClosed
	}
	g := &guest{Conn: c, porch: p, from: c.RemoteAddr().String(), room: make(chan bool, 1), next: make(chan bool, 1)}
	if host, _, err := net.SplitHostPort(g.from); err == nil {
		g.from = host
	}
	p.admit(g)
	return g, nil
}

// admit gives a guest a place on the porch. When there is none, whoever sends most loses their oldest: a flood from
// one address makes no room for itself by keeping others out.
func (p *porch) admit(g *guest) {
	p.mu.Lock()
	p.all[g] = true
	p.waiting = append(p.waiting, g)
	g.timer = time.AfterFunc(porchWithin, func() { g.Close() })
	var out *guest
	if len(p.waiting) > porchRoom {
		out = p.crowd()
	}
	p.mu.Unlock()
	if out != nil {
		out.Close()
	}
}

// crowd is the oldest of the address with most guests on the porch.
func (p *porch) crowd() *guest {
	counts := map[string]int{}
	for _, g := range p.waiting {
		counts[g.from]++
	}
	worst := p.waiting[0]
	for _, g := range p.waiting {
		if counts[g.from] > counts[worst.from] {
			worst = g
		}
	}
	return worst
}

// leave takes a guest from the porch, because it has a session or is gone.
func (p *porch) leave(g *guest, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.timer.Stop()
	p.waiting = slices.DeleteFunc(p.waiting, func(w *guest) bool { return w == g })
	if gone {
		delete(p.all, g)
	}
}

// clear closes every connection.
func (p *porch) clear() {
	p.mu.Lock()
	all := make([]*guest, 0, len(p.all))
	for g := range p.all {
		all = append(all, g)
	}
	p.mu.Unlock()
	for _, g := range all {
		g.Close()
	}
}

// Close ends the connection.
func (g *guest) Close() error {
	g.porch.leave(g, true)
	return g.Conn.Close()
}

// moment is how long the next session waits for one that is just ending: a client has heard of its end before we have
// seen it out.
const moment = time.Second

// begin tells whether the guest may open a session: one at a time.
func (g *guest) begin() bool {
	select {
	case g.room <- true:
		return true
	default:
	}
	select {
	case g.next <- true:
		defer func() { <-g.next }()
	default:
		return false
	}
	select {
	case g.room <- true:
		return true
	case <-time.After(moment):
		return false
	}
}

// settle takes the guest inside: the session has said what it wants.
func (g *guest) settle() { g.porch.leave(g, false) }

// end puts the guest back onto the porch: the next session, or the end, is to come soon.
func (g *guest) end() {
	g.porch.back(g)
	<-g.room
}

// back is admit for who has been inside. Who has not still stands there, and has no more time than before.
func (p *porch) back(g *guest) {
	p.mu.Lock()
	inside := p.all[g] && !slices.Contains(p.waiting, g)
	p.mu.Unlock()
	if inside {
		p.admit(g)
	}
}
