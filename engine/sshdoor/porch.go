package sshdoor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The porch is where connections stand until they have a session: before anybody has said who they are, and between
// two sessions.
const (
	porchRoom   = 64               // connections at once
	porchWithin = 20 * time.Second // to say who one is and what one wants
)

// A connection that is begun costs a key exchange, which is this machine's time. So many come from one network at
// once, which are fewer than the porch has room for, and then so many in a second. Those beyond are sent away unheard:
// if they waited, everybody behind them would.
const (
	arrivalsAtOnce    = 40
	arrivalsPerSecond = 10
	// Who has said who they are gives the turn back, at a pace of their own: a script of many commands is no flood.
	loginsAtOnce    = 100
	loginsPerSecond = 20
)

const (
	// ownConnections is how many one person may have with a session, whatever became of it: what their rooms hold,
	// and some that come and go, so that it is never this that keeps a stop out.
	ownConnections = ownConsoles + ownCommands + ownStops + 4
	// opensAtOnce is how many sessions a client may have asked for without an answer that went out. Each is a
	// goroutine here, and a client that reads no answers could ask for ever.
	opensAtOnce = 8
	// writeWithin is how long a client's machine may take nothing of what is sent. One whose program does not read a
	// session still takes what the connection has to say.
	writeWithin = 10 * time.Second
)

// porch is a listener that knows its connections.
type porch struct {
	net.Listener
	ctx      context.Context
	arrivals *paces[netip.Prefix]
	logins   *paces[string] // by person

	mu      sync.Mutex
	waiting []*guest // in the order in which they came
	all     map[*guest]bool
}

func newPorch(ctx context.Context, l net.Listener) *porch {
	return &porch{
		Listener: l, ctx: ctx, all: map[*guest]bool{},
		arrivals: &paces[netip.Prefix]{every: time.Second / arrivalsPerSecond, most: arrivalsAtOnce},
		logins:   &paces[string]{every: time.Second / loginsPerSecond, most: loginsAtOnce},
	}
}

// guest is one connection.
type guest struct {
	net.Conn
	porch  *porch
	from   netip.Prefix // the network it comes from
	person string       // once there was a session; the porch's lock guards it
	timer  *time.Timer
	room   chan bool    // holds one token while there is a session
	next   chan bool    // holds one token while another waits for its end
	opens  atomic.Int32 // sessions asked for that have neither ended nor been refused
}

// network is what of an address its owner cannot choose at will: all of it, or the first half, which is what one line
// has of the new ones.
func network(a net.Addr) netip.Prefix {
	tcp, is := a.(*net.TCPAddr)
	if !is {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	n, _ := address.Prefix(bits) // of no address it is none
	return n
}

// Accept lets the next one onto the porch.
func (p *porch) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := network(c.RemoteAddr())
		switch {
		case p.ctx.Err() != nil:
			c.Close()
			return nil, net.ErrClosed
		case !p.arrivals.take(from, time.Now()):
			c.Close()
			continue
		}
		g := &guest{Conn: c, porch: p, from: from, room: make(chan bool, 1), next: make(chan bool, 1)}
		p.admit(g)
		return g, nil
	}
}

// admit gives a guest a place on the porch. When there is none, whoever sends most loses their oldest: a flood from
// one network makes no room for itself by keeping others out.
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

// crowd is the oldest of the network with most guests on the porch.
func (p *porch) crowd() *guest {
	counts := map[netip.Prefix]int{}
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

// introduce says whose connection a guest is. False means that the person has too many.
func (p *porch) introduce(g *guest, person string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.person == "" && p.logins.take(person, time.Now()) {
		p.arrivals.giveBack(g.from)
	}
	g.person = person
	n := 0
	for other := range p.all {
		if other.person == person {
			n++
		}
	}
	return n <= ownConnections
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

// Write ends the connection of a client that takes nothing: who waits for it would wait for ever.
func (g *guest) Write(p []byte) (int, error) {
	_ = g.Conn.SetWriteDeadline(time.Now().Add(writeWithin)) // fails when it is closed, and then so does what follows
	n, err := g.Conn.Write(p)
	if err != nil {
		g.Close()
	}
	return n, err
}

// SetDeadline is for reading alone. The library lifts the deadline whenever it reads, which would lift that of a Write
// under way.
func (g *guest) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

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

// settle takes the guest inside: the session has a room.
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
