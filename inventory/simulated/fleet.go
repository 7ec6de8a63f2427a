package simulated

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// Options say what fleet is wanted.
type Options struct {
	Hosts int         // how many, 1 to [MostHosts]
	Seed  uint64      // names, addresses, quirks, noise: everything but the keys follows from it
	Clock clock.Clock // the zero clock is the machine's own
	Dir   string      // an existing directory, made for this fleet, for known_hosts and the client's key; never the user's own
	Plain bool        // no host with a [Quirk]
	// Attacks are what the hosts know how to carry; nil is [Usual].
	Attacks []Attack
	// RoundTrip is how long a host's answers are on their way at least, in real time, which is what signs of
	// life are measured in; nil answers at once. [Distance] is one.
	RoundTrip func(h engine.Host) time.Duration
	// LeaseAtLeast is real time: a fast clock never shortens a lease below it, so that a busy machine does
	// not lose leases it would keep at the ordinary pace. 0 means no floor.
	LeaseAtLeast time.Duration
	Rand         io.Reader // where keys come from; nil is crypto/rand
}

// MostHosts is the largest fleet there are addresses for.
const MostHosts = 200_000

const sshPort = 22

// usersFeel is the size of a fleet up to which each host counts in full; of a larger one it is a smaller part.
const usersFeel = 60.0

// Fleet is the simulated hosts and all that serves them. Its methods may be called from anywhere at any
// time. It starts goroutines only for connections; [Fleet.Close] ends them all.
type Fleet struct {
	world  *world
	keys   *keyring
	door   *door
	dir    string
	roster []engine.Host
	hosts  []*host        // by index
	byAddr map[string]int // "10.x.y.z:22" → index

	mu     sync.Mutex
	closed chan struct{}
	shut   bool
	links  map[*link]bool
	serves sync.WaitGroup
}

// New makes the fleet, its keys and its known_hosts, and opens the one listener on 127.0.0.1 that all
// connections pass.
func New(o Options) (*Fleet, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	keys, err := newKeyring(o.Rand)
	if err != nil {
		return nil, fmt.Errorf("making the keys of the simulated fleet: %w", err)
	}
	f := &Fleet{
		world: &world{seed: o.Seed, clock: o.Clock, weight: min(1, usersFeel/float64(o.Hosts)), rests: o.LeaseAtLeast, faults: map[string]fault{}}, keys: keys, dir: o.Dir,
		closed: make(chan struct{}), links: map[*link]bool{},
	}
	for _, a := range o.Attacks {
		f.world.faults[a.Kind] = newFault(a)
	}
	f.populate(o)
	if err := f.writeFiles(); err != nil {
		return nil, fmt.Errorf("preparing the simulated fleet in %s: %w", o.Dir, err)
	}
	if f.door, err = openDoor(); err != nil {
		return nil, fmt.Errorf("listening on 127.0.0.1 for the simulated fleet: %w", err)
	}
	return f, nil
}

func (o *Options) check() error {
	if o.Hosts < 1 || o.Hosts > MostHosts {
		return fmt.Errorf("a simulated fleet of %d hosts: it must have 1 to %d", o.Hosts, MostHosts)
	}
	if o.Dir == "" {
		return errors.New("a simulated fleet needs a directory for its keys, and none is named")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Attacks == nil {
		o.Attacks = Usual()
	}
	var wrong []error
	for _, a := range o.Attacks {
		wrong = append(wrong, a.check())
	}
	return errors.Join(wrong...)
}

func (f *Fleet) populate(o Options) {
	now := f.world.clock.Now()
	quirks := quirksOf(o.Hosts, o.Seed)
	if o.Plain {
		quirks = nil
	}
	f.roster = name(o.Hosts, o.Seed, quirks)
	f.hosts = make([]*host, o.Hosts)
	f.byAddr = make(map[string]int, o.Hosts)
	for i, entry := range f.roster {
		f.hosts[i] = newHost(f.world, i, entry, quirks[i], now)
		if o.RoundTrip != nil {
			f.hosts[i].apart = max(0, o.RoundTrip(entry))
		}
		f.byAddr[reach(entry)] = i
	}
}

// name gives every host its name, address, groups and tags.
func name(hosts int, seed uint64, quirks map[int]Quirk) []engine.Host {
	roster := make([]engine.Host, hosts)
	width := max(3, len(fmt.Sprint(hosts)))
	count := map[string]int{}
	for i := range roster {
		r := roleOf(i).name
		count[r]++
		tags := map[string]string{"role": r, "zone": "eu-1" + string("abc"[(uint64(i)+seed)%3])}
		if q := quirks[i]; q != "" {
			tags["quirk"] = string(q)
		}
		roster[i] = engine.Host{
			Name: fmt.Sprintf("%s-%0*d", r, width, count[r]), Address: address(i, seed),
			Port: sshPort, User: "root", Groups: []string{r}, Tags: tags,
		}
	}
	return roster
}

// address gives the i-th host a place in 10.0.0.0/8 of its own; the seed chooses where the fleet begins.
func address(i int, seed uint64) string {
	block, third, last := i/(250*250), i/250%250, i%250
	return fmt.Sprintf("10.%d.%d.%d", 16+(seed*7+uint64(block))%200, third, last+1)
}

func reach(h engine.Host) string { return net.JoinHostPort(h.Address, fmt.Sprint(h.Port)) }

// Hosts is the fleet as an inventory would list it, 20 hosts of which are 8 web, 6 api, 3 db and 3 cache.
// The caller owns the slice, but not the tags.
func (f *Fleet) Hosts() []engine.Host { return slices.Clone(f.roster) }

// KnownHosts is the path of the known_hosts file that names every host's key.
func (f *Fleet) KnownHosts() string { return filepath.Join(f.dir, "known_hosts") }

// IdentityFile is the path of the private key, mode 0600, that every host lets in.
func (f *Fleet) IdentityFile() string { return filepath.Join(f.dir, "id_ed25519") }

// Dial connects to the SSH server of a simulated host: addr is "10.x.y.z:22". It behaves as a network
// does: a host that is down or being rebooted refuses ([syscall.ECONNREFUSED]), one whose control path is
// cut lets the caller wait until ctx ends. An address that is not of this fleet is an error, and is never
// looked for on a real network.
func (f *Fleet) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	i, known := f.byAddr[addr]
	if !known {
		return nil, fmt.Errorf("dial %s %s: no simulated host has this address, and a demo reaches no others", network, addr)
	}
	h := f.hosts[i]
	if err := f.awaitRoad(ctx, h); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: h, Err: err}
	}
	if h.away(f.world.clock.Now()) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: h, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	near, far, err := f.door.open(ctx)
	if errors.Is(err, net.ErrClosed) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: h, Err: net.ErrClosed}
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s %s: %w", network, addr, err)
	}
	if !f.admit(h, far) {
		near.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: h, Err: net.ErrClosed}
	}
	return near, nil
}

// Network and String make a host a [net.Addr], for errors that name it.
func (h *host) Network() string { return "tcp" }
func (h *host) String() string  { return reach(h.Host) }

// awaitRoad waits as a SYN does that is dropped and sent again.
func (f *Fleet) awaitRoad(ctx context.Context, h *host) error {
	for road := h.passable(); road != nil; road = h.passable() {
		select {
		case <-road:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.closed:
			return net.ErrClosed
		}
	}
	return nil
}

// admit serves the connection in a goroutine that ends with it; false when the fleet is closed.
func (f *Fleet) admit(h *host, far net.Conn) bool {
	l := &link{Conn: far, host: h, gone: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shut || !h.attach(l) {
		l.cut()
		return false
	}
	f.links[l] = true
	f.serves.Go(func() { f.serve(l) })
	return true
}

func (f *Fleet) dismiss(l *link) {
	l.cut()
	l.host.detach(l)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.links, l)
}

// Close cuts every connection, upon which the guards undo what they guard, and waits until all is quiet.
// The files in the directory are the caller's to remove. Closing twice is harmless.
func (f *Fleet) Close() error {
	f.mu.Lock()
	if !f.shut {
		f.shut = true
		close(f.closed)
	}
	for l := range f.links {
		l.cut()
	}
	f.mu.Unlock()
	err := f.door.close()
	f.serves.Wait()
	f.settle()
	return err
}

// settle ends what still waits for a kernel's timer.
func (f *Fleet) settle() {
	for _, h := range f.hosts {
		h.mu.Lock()
		if h.claim != nil && h.claim.expiry != nil {
			h.claim.expiry.Stop()
		}
		h.mu.Unlock()
	}
}

// Applied is one fault that is on a simulated host, or what an undo has left of it.
type Applied struct {
	Host    string
	ID      string // of the run
	Kind    string // of the attack
	Since   time.Time
	Guarded bool // a guard is alive and will undo it
}

// Applied lists every fault of the fleet, by host in the order of the inventory: what somebody who could
// look into all hosts at once would see, whatever the controller believes.
func (f *Fleet) Applied() []Applied {
	var all []Applied
	for _, h := range f.hosts {
		h.mu.Lock()
		if c := h.claim; c != nil && c.applied {
			all = append(all, Applied{Host: h.Name, ID: c.id, Kind: c.kind, Since: c.since, Guarded: c.guarded})
		}
		h.mu.Unlock()
	}
	return all
}
