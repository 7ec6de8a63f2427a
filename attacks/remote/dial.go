package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// hop is one SSH server on the way to a host, the host itself included.
type hop struct {
	user string
	addr string // host:port, also the name under which its key is looked up
}

// route is every hop to the host, in order.
func (c *Carrier) route(h engine.Host) ([]hop, error) {
	var hops []hop
	jump := h.Jump
	if jump == "" {
		jump = c.Jump
	}
	if jump != "" && jump != "none" {
		for _, part := range strings.Split(jump, ",") {
			next, err := parseHop(strings.TrimSpace(part), c.User)
			if err != nil {
				return nil, fmt.Errorf("jump host %q of %s: %w", printable.Printable(part), h.Name, err)
			}
			hops = append(hops, next)
		}
	}
	last, err := newHop(first(h.User, c.User), h.Address, first(h.Port, c.Port))
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.Name, err)
	}
	return append(hops, last), nil
}

// first is the value, or the default where it is zero.
func first[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func parseHop(text, user string) (hop, error) {
	if name, rest, ok := strings.Cut(text, "@"); ok {
		user, text = name, rest
	}
	host, port := text, 22
	if h, p, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.Atoi(p)
		if err != nil {
			return hop{}, fmt.Errorf("port %q is not a number", p)
		}
		host, port = h, n
	}
	return newHop(user, strings.Trim(host, "[]"), port)
}

func newHop(user, host string, port int) (hop, error) {
	switch {
	case host == "" || strings.HasPrefix(host, "-") || strings.ContainsAny(host, " \t\r\n\x00,@/'\"\\$`;&|<>(){}*?"):
		return hop{}, fmt.Errorf("address %q is not a host name or an IP address", printable.Printable(host))
	case port < 1 || port > 65535:
		return hop{}, fmt.Errorf("port %d is not between 1 and 65535", port)
	case user == "":
		return hop{}, errors.New("no user to log in as: set ssh.user, or the host's own user")
	}
	return hop{user, net.JoinHostPort(host, strconv.Itoa(port))}, nil
}

// dial connects, verifies every hop by its own name, and logs in. The link is the caller's to close, and to
// attend to.
func (c *Carrier) dial(ctx context.Context, h engine.Host, as lane) (*link, error) {
	hops, err := c.route(h)
	if err != nil {
		return nil, err
	}
	leave, err := c.lanes.enter(ctx, as)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", h.Name, err)
	}
	defer leave()
	for tries := 0; ; tries++ {
		l, err := c.reach(ctx, h, hops)
		if tries == len(hops) || !errors.As(err, new(*otherKind)) {
			return l, err
		}
	}
}

// reach is one attempt.
func (c *Carrier) reach(ctx context.Context, h engine.Host, hops []hop) (*link, error) {
	raw, err := c.connect(ctx, hops[0].addr)
	if err != nil {
		return nil, reachError(ctx, h.Name, hops[0].addr, err, c.ConnectTimeout)
	}
	unhook := context.AfterFunc(ctx, func() { raw.Close() })
	l := &link{host: h.Name, raw: raw, gone: make(chan struct{}), stops: &c.stops}
	err = c.climb(ctx, l, hops)
	if !unhook() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("connecting to %s: %w", h.Name, err)
	}
	return l, nil
}

// connect opens the TCP connection. Where this process has no descriptor left, those who idle give theirs.
func (c *Carrier) connect(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	raw, err := c.Dial(ctx, "tcp", addr)
	if crowded(err) && c.kept.shed(8) {
		raw, err = c.Dial(ctx, "tcp", addr)
	}
	return raw, err
}

func reachError(ctx context.Context, host, addr string, err error, limit time.Duration) error {
	if ctx.Err() != nil {
		return fmt.Errorf("connecting to %s: %w", host, context.Cause(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("connecting to %s: %s does not answer within %s", host, addr, limit)
	}
	return fmt.Errorf("connecting to %s: %w", host, err)
}

// climb logs in to one hop after the other, each through the one before.
func (c *Carrier) climb(ctx context.Context, l *link, hops []hop) error {
	l.over = &brittle{Conn: quickly(l.raw)}
	for i, at := range hops {
		conn, chans, reqs, err := c.login(ctx, l, at)
		if err != nil {
			return err
		}
		if i == len(hops)-1 {
			l.conn = conn
			l.serve(chans, reqs)
			return nil
		}
		l.run(func() { heed(chans, reqs) })
		way, err := c.tunnel(ctx, l, conn, at, hops[i+1])
		if err != nil {
			return err
		}
		l.over = &brittle{Conn: way}
	}
	return nil
}

// login does the handshake with one hop. Its time limit is a deadline on the TCP connection below all
// hops: a connection through a hop has none of its own.
func (c *Carrier) login(ctx context.Context, l *link, at hop) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	db, err := c.keys.current()
	if err != nil {
		return nil, nil, nil, err
	}
	signers, err := c.identity.signers()
	if err != nil {
		return nil, nil, nil, err
	}
	var refused error
	config := &ssh.ClientConfig{
		Config:            floor(),
		User:              at.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback:   c.keys.verify(db, at.addr, &refused, l.see),
		HostKeyAlgorithms: algorithms(db, at.addr),
		ClientVersion:     "SSH-2.0-chaoscat",
	}
	timer := time.AfterFunc(c.ConnectTimeout, func() { l.raw.Close() })
	conn, chans, reqs, err := ssh.NewClientConn(l.over, at.addr, config)
	inTime := timer.Stop()
	switch {
	case err == nil && inTime:
		return conn, chans, reqs, nil
	case refused != nil:
		err = refused
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case !inTime:
		err = fmt.Errorf("%s did not finish the SSH handshake within %s", at.addr, c.ConnectTimeout)
	default:
		err = c.loginError(at, len(signers), err)
	}
	return nil, nil, nil, err
}

// LoginRefused says that the host is the right one and lets none of our keys in.
type LoginRefused struct {
	Addr string
	User string
	Keys int // how many were tried
	Hint string
}

func (e *LoginRefused) Error() string {
	return fmt.Sprintf("%s refuses user %s with %d key(s) tried; %s", e.Addr, e.User, e.Keys, e.Hint)
}

// loginError turns the library's words into ours.
func (c *Carrier) loginError(at hop, keys int, err error) error {
	weak := (*ssh.AlgorithmNegotiationError)(nil)
	if errors.As(err, &weak) {
		return fmt.Errorf("%s speaks only algorithms that are too weak or unknown (%s): update its SSH server", at.addr, printable.Printable(weak.Error()))
	}
	if strings.Contains(err.Error(), "unable to authenticate") {
		c.identity.forget()
		hint := "is our public key in its authorized_keys?"
		if keys > 5 {
			hint = "servers give up after about 6 keys: name the right one in ssh.identity_files"
		}
		return &LoginRefused{Addr: at.addr, User: at.user, Keys: keys, Hint: hint}
	}
	return fmt.Errorf("%s: %s", at.addr, printable.Printable(err.Error()))
}

// floor is the weakest that is still spoken: nothing with SHA-1 or CBC, no group below 2048 bits. Of the key
// exchanges the quickest comes first: the hybrid one, which is there for hosts that insist, costs 0.3 ms
// more, and keeps secrets of tomorrow that a stop does not have.
func floor() ssh.Config {
	best := ssh.SupportedAlgorithms()
	kex := slices.DeleteFunc(best.KeyExchanges, func(name string) bool { return name == ssh.KeyExchangeCurve25519 })
	return ssh.Config{
		KeyExchanges: append([]string{ssh.KeyExchangeCurve25519}, kex...),
		Ciphers:      best.Ciphers,
		MACs:         slices.DeleteFunc(best.MACs, func(mac string) bool { return mac == ssh.HMACSHA1 }),
	}
}

// tunnel opens a TCP connection from one hop to the next.
func (c *Carrier) tunnel(ctx context.Context, l *link, conn ssh.Conn, from, to hop) (net.Conn, error) {
	host, port := splitAddr(to.addr)
	number, _ := strconv.ParseUint(port, 10, 16)
	open := ssh.Marshal(struct {
		Host   string
		Port   uint32
		Origin string
		Source uint32
	}{host, uint32(number), "127.0.0.1", 0})
	way, err := bounded(ctx, l, c.ConnectTimeout, "the way from "+from.addr+" to "+to.addr, func() (net.Conn, error) {
		ch, reqs, err := conn.OpenChannel("direct-tcpip", open)
		if err != nil {
			return nil, err
		}
		l.run(func() { ssh.DiscardRequests(reqs) })
		return channelConn{ch, l.raw}, nil
	}, nil)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("jump host %s cannot reach %s: %s", from.addr, to.addr, printable.Printable(err.Error()))
	}
	return way, err
}

// channelConn is a channel seen as a connection. It has no deadlines, so it says that it accepts them, and
// whoever uses it closes the TCP connection below when time is up.
type channelConn struct {
	ssh.Channel
	below net.Conn
}

func (t channelConn) LocalAddr() net.Addr              { return t.below.LocalAddr() }
func (t channelConn) RemoteAddr() net.Addr             { return t.below.RemoteAddr() }
func (t channelConn) SetDeadline(time.Time) error      { return nil }
func (t channelConn) SetReadDeadline(time.Time) error  { return nil }
func (t channelConn) SetWriteDeadline(time.Time) error { return nil }
