//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options says what to boot. The zero value is three hosts of the lab's own kernel and image.
type Options struct {
	Hosts    int           // how many, 1 to 100; 0 means 3
	Memory   int           // MiB for each host; 0 means 192
	Kernel   string        // a user-mode Linux binary; "" means the lab's own, built if it must be
	Modules  string        // folder with the kernel's modules on this machine, for a kernel that keeps what it needs in them
	Image    string        // an ext4 root image; "" means the lab's own, built if it must be
	Cache    string        // where kernel and image are kept; "" means chaoscat-lab in the user's cache folder
	Patience time.Duration // how long a boot may take until SSH answers; 0 means 120 s
	Log      io.Writer     // is told of builds, which take minutes; nil for silence
}

// Lab is a set of hosts that are up, and the namespace from which they are reached.
type Lab struct {
	Hosts      []*Host
	Namespace  string // the controller's network namespace, as ip netns knows it
	Controller string // the controller's address in there
	User       string // "root"; the user "chaos", without any privilege, takes the same key
	KeyFile    string // private key, OpenSSH format, no passphrase, 0600
	KnownHosts string // the hosts' keys by address and by name, read over the serial lines
	Folder     string // temporary files, gone at Close

	options Options
	network network
	close   func() error
}

// Host is one of them.
type Host struct {
	Name     string // "lab-1", also what the host calls itself
	Address  string // "10.77.0.11"
	Address6 string // "fd77::11"
	Port     int    // 22
	Console  string // file that receives everything the host's kernel and init print

	number  int
	tap     string
	serial  *serial
	mu      sync.Mutex
	machine *machine // nil while the power is off
}

// Start boots the hosts and returns when each answers SSH. It builds kernel and image first if the cache has none,
// which may take ten minutes. The lab ends at Close or when ctx is done. Needs root; see [Available].
func Start(ctx context.Context, o Options) (*Lab, error) {
	o, err := o.complete(ctx)
	if err != nil {
		return nil, err
	}
	sweep(os.TempDir())
	folder, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("making the lab's folder: %w", err)
	}
	l := &Lab{Namespace: filepath.Base(folder), Controller: controllerAddress, User: "root", Folder: folder, options: o}
	l.network = network{controller: l.Namespace, hosts: l.Namespace + "-net"}
	l.close = sync.OnceValue(l.takeDown)
	if err := l.raise(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the lab: %w", err), l.Close())
	}
	context.AfterFunc(ctx, func() { _ = l.close() })
	return l, nil
}

// Close ends the hosts and removes every process, namespace, interface and file of the lab. It may be called twice.
func (l *Lab) Close() error { return l.close() }

// Command is a command that runs in the controller's network namespace. The process it starts is the command itself, so
// a signal to it reaches nobody else; ctx ends it by SIGKILL.
func (l *Lab) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.Namespace, name}, args...)...)
}

func (o Options) complete(ctx context.Context) (Options, error) {
	if o.Hosts == 0 {
		o.Hosts = 3
	}
	if o.Hosts < 1 || o.Hosts > 100 {
		return o, fmt.Errorf("a lab has 1 to 100 hosts, not %d", o.Hosts)
	}
	if o.Memory == 0 {
		o.Memory = 192
	}
	if o.Patience == 0 {
		o.Patience = 120 * time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if err := privileged(); err != nil {
		return o, err
	}
	return o.prepared(ctx)
}

func (l *Lab) raise(ctx context.Context) error {
	l.KeyFile = filepath.Join(l.Folder, "key")
	if err := command(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", l.KeyFile); err != nil {
		return err
	}
	if err := writeLauncher(l.launcher(), l.options.Kernel); err != nil {
		return err
	}
	if err := l.network.raise(ctx, l.options.Hosts); err != nil {
		return err
	}
	for number := 1; number <= l.options.Hosts; number++ {
		host, err := l.newHost(number)
		if err != nil {
			return err
		}
		l.Hosts = append(l.Hosts, host)
	}
	if err := l.each(func(h *Host) error { return l.Boot(ctx, h) }); err != nil {
		return err
	}
	return l.writeKnownHosts(ctx)
}

func (l *Lab) newHost(number int) (*Host, error) {
	name := fmt.Sprintf("lab-%d", number)
	line, err := openSerial(filepath.Join(l.Folder, name+".shared"))
	if err != nil {
		return nil, fmt.Errorf("making the serial line of %s: %w", name, err)
	}
	if l.options.Modules != "" {
		if err := os.CopyFS(filepath.Join(line.shared, "modules"), os.DirFS(l.options.Modules)); err != nil {
			return nil, errors.Join(fmt.Errorf("handing the kernel's modules to %s: %w", name, err), line.close())
		}
	}
	return &Host{
		Name: name, Address: hostAddress(number), Address6: hostAddress6(number), Port: 22,
		Console: filepath.Join(l.Folder, name+".console"),
		number:  number, tap: tapName(number), serial: line,
	}, nil
}

// each does the same on all hosts at once and collects what went wrong.
func (l *Lab) each(do func(*Host) error) error {
	problems := make([]error, len(l.Hosts))
	var all sync.WaitGroup
	for i, host := range l.Hosts {
		all.Go(func() { problems[i] = do(host) })
	}
	all.Wait()
	return errors.Join(problems...)
}

// writeKnownHosts asks each host for its public keys over the serial line, where nobody can stand in between.
func (l *Lab) writeKnownHosts(ctx context.Context) error {
	var known strings.Builder
	for _, host := range l.Hosts {
		keys, err := l.Run(ctx, host, "cat /etc/ssh/ssh_host_*_key.pub")
		if err != nil {
			return fmt.Errorf("reading the host keys: %w", err)
		}
		for key := range strings.Lines(keys) {
			fmt.Fprintf(&known, "%s,%s,%s %s", host.Address, host.Address6, host.Name, key)
		}
	}
	l.KnownHosts = filepath.Join(l.Folder, "known_hosts")
	return os.WriteFile(l.KnownHosts, []byte(known.String()), 0o600)
}

func (l *Lab) takeDown() error {
	problems := []error{l.each(func(h *Host) error {
		l.PowerCut(h)
		return h.serial.close()
	})}
	problems = append(problems, l.network.takeDown(), os.RemoveAll(l.Folder))
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("taking the lab down: %w", err)
	}
	return nil
}

// command runs a tool and puts what it said into the error.
func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
