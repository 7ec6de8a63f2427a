//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where everybody lives. Every lab has the same addresses: their namespaces keep them apart.
const (
	prefix            = "chaoscat-lab-"
	gatewayAddress    = "10.77.0.1"
	controllerAddress = "10.77.0.2"
	namespaceFolder   = "/run/netns"
)

func hostAddress(number int) string  { return fmt.Sprintf("10.77.0.%d", 10+number) }
func hostAddress6(number int) string { return fmt.Sprintf("fd77::%d", 10+number) }
func tapName(number int) string      { return fmt.Sprintf("tap%d", number) }

// network is the lab's two namespaces: one holds the bridge with the hosts' taps, the other the controller.
type network struct {
	controller string
	hosts      string
	names      names
}

// raise makes both namespaces, the bridge, one tap per host, and the controller's link into the bridge.
func (n *network) raise(ctx context.Context, hosts int) error {
	steps := [][]string{
		{"netns", "add", n.hosts},
		{"netns", "add", n.controller},
		{"-n", n.hosts, "link", "set", "lo", "up"},
		{"-n", n.hosts, "link", "add", "br0", "type", "bridge", "forward_delay", "0"},
		{"-n", n.hosts, "address", "add", gatewayAddress + "/24", "dev", "br0"},
		{"-n", n.hosts, "address", "add", "fd77::1/64", "dev", "br0", "nodad"},
		{"-n", n.hosts, "link", "set", "br0", "up"},
		{"-n", n.hosts, "link", "add", "controller", "type", "veth", "peer", "name", "eth0", "netns", n.controller},
		{"-n", n.hosts, "link", "set", "controller", "master", "br0", "up"},
		{"-n", n.controller, "link", "set", "lo", "up"},
		{"-n", n.controller, "address", "add", controllerAddress + "/24", "dev", "eth0"},
		{"-n", n.controller, "address", "add", "fd77::2/64", "dev", "eth0", "nodad"},
		{"-n", n.controller, "link", "set", "eth0", "gso_max_segs", "1"}, // a host's tap loses what is longer than a packet
		{"-n", n.controller, "link", "set", "eth0", "up"},
		{"-n", n.controller, "route", "add", "default", "via", gatewayAddress},
	}
	for number := 1; number <= hosts; number++ {
		tap := tapName(number)
		steps = append(steps,
			[]string{"-n", n.hosts, "tuntap", "add", "dev", tap, "mode", "tap"},
			[]string{"-n", n.hosts, "link", "set", tap, "master", "br0", "up"})
	}
	for _, step := range steps {
		if err := command(ctx, "ip", step...); err != nil {
			return err
		}
	}
	return inside(n.hosts, func() (err error) {
		n.names, err = serveNames()
		return err
	})
}

// takeDown deletes the namespaces; bridge, taps and links go with them.
func (n *network) takeDown() error {
	problems := []error{n.names.close()}
	for _, name := range []string{n.controller, n.hosts} {
		if _, err := os.Stat(filepath.Join(namespaceFolder, name)); err == nil {
			problems = append(problems, command(context.Background(), "ip", "netns", "delete", name))
		}
	}
	return errors.Join(problems...)
}

// CutController takes the controller's link down at the bridge's end: its packets vanish without an error, as
// behind a dead switch, and so do answers to it. The hosts still see each other and their gateway.
func (l *Lab) CutController(ctx context.Context) error {
	return command(ctx, "ip", "-n", l.network.hosts, "link", "set", "controller", "down")
}

// RestoreController brings the controller's link up again.
func (l *Lab) RestoreController(ctx context.Context) error {
	return command(ctx, "ip", "-n", l.network.hosts, "link", "set", "controller", "up")
}

// CutHost makes packets between the controller and one host vanish without an error, as behind a dead route. The
// other hosts, and the host's own ways to them and to its gateway, are not touched.
func (l *Lab) CutHost(ctx context.Context, h *Host) error {
	cut := l.Command(ctx, "nft", "-f", "-")
	cut.Stdin = strings.NewReader(fmt.Sprintf(`table inet cut_%[1]d {
		chain in { type filter hook input priority 0; ip saddr %[2]s drop; ip6 saddr %[3]s drop; }
		chain out { type filter hook output priority 0; ip daddr %[2]s drop; ip6 daddr %[3]s drop; }
	}`, h.number, h.Address, h.Address6))
	if out, err := cut.CombinedOutput(); err != nil {
		return fmt.Errorf("cutting %s off: %w: %s", h.Name, err, out)
	}
	return nil
}

// RestoreHost undoes CutHost.
func (l *Lab) RestoreHost(ctx context.Context, h *Host) error {
	if out, err := l.Command(ctx, "nft", "delete", "table", "inet", fmt.Sprintf("cut_%d", h.number)).CombinedOutput(); err != nil {
		return fmt.Errorf("reaching %s again: %w: %s", h.Name, err, out)
	}
	return nil
}

// Dial opens a connection from the controller's place. The address must be an IP literal with a port, or the name of a
// host with a port; nothing is looked up.
func (l *Lab) Dial(ctx context.Context, transport, address string) (net.Conn, error) {
	address = l.literal(address)
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dialling %q in the lab: neither a host of it nor an IP literal with a port", address)
	}
	var conn net.Conn
	err := inside(l.network.controller, func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, transport, address)
		return err
	})
	return conn, err
}

func (l *Lab) literal(address string) string {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	for _, host := range l.Hosts {
		if host.Name == name {
			return net.JoinHostPort(host.Address, port)
		}
	}
	return address
}

// inside runs f on a thread that stands in the named network namespace: sockets made and processes started there by f
// itself belong to it for ever. The thread is f's alone until f returns, so a process started with a parent-death
// signal lives as long as f waits for it.
func inside(namespace string, f func() error) error {
	return onThread(func() (func() error, error) { return enter(namespace) }, f)
}

// onThread runs f on a thread that leave has taken elsewhere, and takes it home after. A thread that cannot be brought
// home is thrown away with the goroutine that holds it.
func onThread(leave func() (home func() error, err error), f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := leave()
		if err == nil {
			err = f()
		}
		if home == nil || home() == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// enter moves the calling thread into a namespace and returns the way back.
func enter(namespace string) (home func() error, err error) {
	there, err := os.Open(filepath.Join(namespaceFolder, namespace))
	if err != nil {
		return nil, fmt.Errorf("finding the lab's network: %w", err)
	}
	defer there.Close()
	home, err = homeNetwork()
	if err != nil {
		return nil, err
	}
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return home, fmt.Errorf("entering the network namespace %s: %w", namespace, err)
	}
	return home, nil
}

// homeNetwork returns the way back to the calling thread's network namespace. To be called once.
func homeNetwork() (home func() error, err error) {
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("remembering this thread's network namespace: %w", err)
	}
	return func() error {
		defer here.Close()
		return unix.Setns(int(here.Fd()), unix.CLONE_NEWNET)
	}, nil
}

// sweep removes what tests that were killed have left: namespaces and folders that carry the pid of a process that is
// no more. Their hosts died with them. What cannot be removed is left to the next sweep.
func sweep(folder string) {
	for _, place := range []string{namespaceFolder, folder} {
		found, _ := filepath.Glob(filepath.Join(place, prefix+"*"))
		for _, path := range found {
			if !orphan(filepath.Base(path)) {
				continue
			}
			if place == namespaceFolder {
				_ = exec.Command("ip", "netns", "delete", filepath.Base(path)).Run()
			} else {
				_ = os.RemoveAll(path)
			}
		}
	}
}

func orphan(name string) bool {
	owner, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "-")
	pid, err := strconv.Atoi(owner)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return errors.Is(err, os.ErrNotExist)
}
