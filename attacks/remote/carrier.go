package remote

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// Options say how hosts are reached and what is carried to them. Everything that comes from the
// environment, the disk or chance is named here; the package reads nothing else.
type Options struct {
	Runner  attacks.Runner
	Attacks []attacks.Definition // the catalogue that the runner was made from

	User          string   // login name where the host names none
	Port          int      // where the host names none; 0 is 22
	Jump          string   // where the host names none: [user@]host[:port], several separated by commas; "none" on a host goes direct
	IdentityFiles []string // private keys, readable by their owner only; KEY-cert.pub beside one is used
	AgentSocket   string   // path of the ssh-agent's socket; "" uses no agent
	KnownHosts    []string // known_hosts files, at least one; an added key is seen without a restart
	Sudo          bool     // log in as an ordinary user and run the runner by sudo -n

	ConnectTimeout time.Duration // for TCP, key exchange and login of one hop, together; 0 is 10s
	CommandTimeout time.Duration // for one inspection or measurement; 0 is 30s
	KeepAlive      time.Duration // between two signs of life; two missed ones end the connection; 0 is 5s
	Lease          time.Duration // a host undoes by itself when it has not heard of us for so long; 0 is 15s

	// Lookup finds the addresses behind the names among an attack's peers; nil refuses names.
	Lookup attacks.Lookup
	// Survey is the budget of the background look at the whole roster; the zero value looks at nobody.
	Survey Survey

	// Descriptors is how many files and connections this process may have open; 0 asks the system.
	Descriptors int

	Clock  clock.Clock // holds, leases and deadlines; time-outs of the network are always real
	Random io.Reader   // nonces; nil is crypto/rand
	// Dial opens the TCP connection to the first hop; nil is net.Dialer. For tests and simulated fleets.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Survey is a budget.
type Survey struct {
	PerSecond int           // logins in a second, over the whole roster
	Keep      int           // logins kept open; the others are closed after each look
	Every     time.Duration // between two looks at the same host; 0 is 1m
}

// Carrier carries attacks to hosts. Between two calls it keeps only the connections that [Options.Survey]
// has a budget for; all its methods may be called at once for different hosts. The goroutines of a call
// end with it.
type Carrier struct {
	Options
	defs     map[string]attacks.Definition // by engine.Attack.Kind
	keys     *knownHosts
	identity *identity
	lodgings lodgings
	lanes    lanes
	kept     kept
	rush     traffic // attacks on their way to being armed
	stops    traffic // attacks that are being stopped
	pace     pace

	closing context.Context
	end     context.CancelFunc
	calls   sync.WaitGroup
}

// pace is how patient the carrier is where nobody configures it.
type pace struct {
	nudge    time.Duration // beyond a round trip, for the host to say that a stop was heard, before it is signalled
	patience time.Duration // for the next rung, and the one after it
	yield    time.Duration // for the stops of others, before the housekeeping that follows one
	drain    time.Duration // for the last output after the exit status
	retry    time.Duration // first pause between two attempts to connect, doubled each time
	retryMax time.Duration
	margin   time.Duration // after a host's own deadline, for it to have undone
	measure  time.Duration // between two measurements of a held fault, on the carrier's clock
	grace    time.Duration // by which the host's deadline lies after the end of the hold, on the carrier's clock
	poll     time.Duration // between two looks for a host that reboots, on the carrier's clock
}

var usualPace = pace{
	nudge: 300 * time.Millisecond, patience: time.Second, yield: 2 * time.Second, drain: 500 * time.Millisecond,
	retry: 250 * time.Millisecond, retryMax: 5 * time.Second, margin: 5 * time.Second,
	measure: 5 * time.Second, grace: 4 * time.Second, poll: 2 * time.Second,
}

const (
	undoWithin = 30 * time.Second
	// goWithin bounds what lies between arming and go: the host takes a go that comes later than 30 s
	// after arming for a stop.
	goWithin = 20 * time.Second
)

// New reads known_hosts and the identity files, so that everything wrong with them is said before the
// first host is contacted. Every mistake is reported, joined.
func New(o Options) (*Carrier, error) {
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 10*time.Second)
	o.CommandTimeout = cmp.Or(o.CommandTimeout, 30*time.Second)
	o.KeepAlive = cmp.Or(o.KeepAlive, 5*time.Second)
	o.Lease = cmp.Or(o.Lease, 15*time.Second)
	o.Port = cmp.Or(o.Port, 22)
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Descriptors == 0 {
		o.Descriptors = descriptors()
	}
	c := &Carrier{Options: o, pace: usualPace, defs: map[string]attacks.Definition{}, lanes: newLanes(o.Descriptors)}
	c.kept.most = min(o.Survey.Keep, o.Descriptors/2)
	for _, d := range o.Attacks {
		c.defs[d.Name] = d
	}
	var wrong [3]error
	c.keys, wrong[0] = openKnownHosts(o.KnownHosts)
	c.identity, wrong[1] = loadIdentity(o.IdentityFiles, o.AgentSocket)
	wrong[2] = checkRunner(o.Runner)
	if err := errors.Join(wrong[:]...); err != nil {
		return nil, err
	}
	c.closing, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Close makes everything in flight end: looks are abandoned, attacks undone as by a stop. It returns when
// the last call has.
func (c *Carrier) Close() {
	c.end()
	c.calls.Wait()
	c.kept.close()
}

// begin ties a call to the carrier's life.
func (c *Carrier) begin(ctx context.Context) (context.Context, func()) {
	c.calls.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(c.closing, cancel)
	return ctx, func() {
		unhook()
		cancel()
		c.calls.Done()
	}
}

var (
	digestShape = regexp.MustCompile(`^[0-9a-f]{64}$`)
	nameShape   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`) // of runs and attacks, as the host wants them
)

func checkRunner(r attacks.Runner) error {
	if len(r.Text) == 0 || !digestShape.MatchString(r.Digest) {
		return fmt.Errorf("the runner is %d bytes with digest %q: it must have a text and a SHA-256 in hex", len(r.Text), r.Digest)
	}
	return nil
}

func (c *Carrier) nonce() (string, error) {
	var raw [8]byte
	if _, err := io.ReadFull(c.Random, raw[:]); err != nil {
		return "", fmt.Errorf("drawing a nonce: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}
