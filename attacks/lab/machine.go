//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a host with the power on: a process namespace in which a user-mode kernel runs. A kernel is many
// processes that do not die with each other; killing the first process of their namespace ends them all.
type machine struct {
	process *os.Process
	gone    chan struct{} // closed when every process of it is dead
}

// launcher is the program a host is started and rebooted by.
func (l *Lab) launcher() string { return filepath.Join(l.Folder, "linux") }

// writeLauncher puts a wrapper before the kernel. User-mode Linux reboots by running its argv[0] again without closing
// its tap, and the new kernel then finds the tap busy and has no network; so argv[0] must name a program that closes
// everything above standard error first. (Descriptor 255 is bash's hold on its own script and closes by itself.)
func writeLauncher(path, kernel string) error {
	script := `#!/bin/bash
for descriptor in /proc/self/fd/*; do
	descriptor=${descriptor##*/}
	if (( descriptor > 2 && descriptor != 255 )); then eval "exec $descriptor>&-"; fi
done
exec -a "$0" ` + quote(kernel) + ` "$@"
`
	return os.WriteFile(path, []byte(script), 0o755)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Boot turns the host's power on and returns when it answers SSH, within [Options].Patience. Its disk is as it was
// left. An error carries the end of what the host printed.
func (l *Lab) Boot(ctx context.Context, h *Host) error {
	before := h.serial.bootID()
	if err := l.powerOn(h); err != nil {
		return fmt.Errorf("booting %s: %w", h.Name, err)
	}
	return l.awaitUp(ctx, h, before)
}

// Reboot makes the host reboot itself, orderly, and returns when it answers SSH again with a new boot id.
func (l *Lab) Reboot(ctx context.Context, h *Host) error {
	before := h.serial.bootID()
	if _, err := l.Run(ctx, h, "systemctl --no-block reboot"); err != nil && !errors.Is(err, errSilenced) {
		return fmt.Errorf("rebooting %s: %w", h.Name, err)
	}
	return l.awaitUp(ctx, h, before)
}

// PowerCut ends the host at once, as a pulled plug does, and returns when it is dead. [Lab.Boot] brings it back with
// the disk as it was. It does nothing to a host that is off.
func (l *Lab) PowerCut(h *Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine == nil {
		return
	}
	_ = h.machine.process.Kill()
	<-h.machine.gone
	h.machine = nil
	h.serial.silence(errors.New("its power was cut"))
}

// Off tells whether the host's power is off, because it was cut or because the host turned itself off.
func (l *Lab) Off(h *Host) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine == nil {
		return true
	}
	select {
	case <-h.machine.gone:
		return true
	default:
		return false
	}
}

func (l *Lab) powerOn(h *Host) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine != nil {
		select {
		case <-h.machine.gone:
		default:
			return errors.New("its power is on already")
		}
	}
	machine, err := l.start(h)
	h.machine = machine
	return err
}

// start runs the kernel in the hosts' network namespace. The goroutine that starts it keeps its thread until the
// machine is dead, because the signal that is to end the machine when the test dies is tied to that thread.
func (l *Lab) start(h *Host) (*machine, error) {
	console, err := os.OpenFile(h.Console, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	arguments, err := l.arguments(h)
	if err != nil {
		return nil, errors.Join(err, console.Close())
	}
	// The shell stays, as the first process of the namespace, to adopt and reap what the kernel's processes leave.
	cmd := exec.Command("/bin/sh", append([]string{"-c", `"$@"; exit $?`, "sh", l.launcher()}, arguments...)...)
	cmd.Stdout = struct{ io.Writer }{console} // not the file itself: the kernel can wait for a pipe, not for a file
	cmd.Stderr = cmd.Stdout
	cmd.Dir = l.Folder
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + l.Folder, "TMPDIR=" + l.memoryFolder()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL, Setsid: true}

	started := make(chan error, 1)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer console.Close()
		err := inside(l.network.hosts, func() error {
			err := cmd.Start()
			started <- err
			if err == nil {
				_ = cmd.Wait() // how a host ends is told by its console
			}
			return nil
		})
		if err != nil {
			started <- err
		}
	}()
	if err := <-started; err != nil {
		<-gone
		return nil, err
	}
	return &machine{process: cmd.Process, gone: gone}, nil
}

// memoryFolder is where the hosts' memory lies, in files without a name: shared memory if it holds them all, because on
// a disk every page a host touches is written back.
func (l *Lab) memoryFolder() string {
	const shared = "/dev/shm"
	var space unix.Statfs_t
	need := uint64(l.options.Hosts) * uint64(l.options.Memory) << 20
	if unix.Statfs(shared, &space) == nil && space.Bavail*uint64(space.Bsize) >= need {
		return shared
	}
	return os.TempDir()
}

// arguments is the kernel's command line: the machine's parts, and for lab-host (in the image) who it is. What the kernel
// does not know lands in the environment of the host's init, so paths are short of this machine and of our name.
func (l *Lab) arguments(h *Host) ([]string, error) {
	key, err := os.ReadFile(l.KeyFile + ".pub")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(key))
	arguments := []string{
		fmt.Sprintf("mem=%dM", l.options.Memory),
		"root=/dev/ubda", "rw",
		"ubd0=" + h.Name + ".cow," + l.options.Image,
		fmt.Sprintf("vec0:transport=tap,ifname=%s,mac=02:cc:00:00:00:%02x", h.tap, h.number),
		"con=null", "con0=null,fd:1", "ssl=null", "ssl0=tty:" + h.serial.path, "hostfs=" + filepath.Base(h.serial.shared),
		"uml_dir=.", "umid=" + h.Name,
		"panic=3", "quiet", "systemd.show_status=0",
		"lab.name=" + h.Name,
		"lab.address=" + h.Address + "/24", "lab.address6=" + h.Address6 + "/64", "lab.gateway=" + gatewayAddress,
		"lab.key=" + fields[1],
	}
	if l.options.Modules != "" {
		arguments = append(arguments, "lab.modules=1")
	}
	return arguments, nil
}

// awaitUp waits for a boot that is not the one named, first on the serial line, then on port 22.
func (l *Lab) awaitUp(ctx context.Context, h *Host, before string) error {
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	h.mu.Lock()
	machine := h.machine
	h.mu.Unlock()
	if machine == nil {
		return fmt.Errorf("waiting for %s: its power is off", h.Name)
	}
	go func() { // ends with this wait, at the latest when ctx is cancelled on return
		select {
		case <-machine.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := h.serial.awaitBoot(ctx, before)
	if err == nil {
		err = l.awaitSSH(ctx, h)
	}
	if err != nil {
		return fmt.Errorf("waiting for %s to come up: %w; its console ended with:\n%s", h.Name, err, h.consoleTail())
	}
	return nil
}

// awaitSSH returns when the host greets as an SSH server does.
func (l *Lab) awaitSSH(ctx context.Context, h *Host) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if l.greets(ctx, h) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no SSH server at %s: %w", h.Address, ctx.Err())
		case <-again.C:
		}
	}
}

func (l *Lab) greets(ctx context.Context, h *Host) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := l.Dial(ctx, "tcp", fmt.Sprintf("%s:%d", h.Address, h.Port))
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(deadline)
	}
	greeting := make([]byte, 4)
	_, err = io.ReadFull(conn, greeting)
	return err == nil && string(greeting) == "SSH-"
}

func (h *Host) consoleTail() string {
	text, err := os.ReadFile(h.Console)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}

// KillSSHD ends sshd on the host by SIGKILL, the listener and every session with it, and keeps it from being started
// again by systemd. What sessions had started is not touched, as when sshd crashes.
func (l *Lab) KillSSHD(ctx context.Context, h *Host) error {
	_, err := l.Run(ctx, h, `systemctl kill --signal=KILL --kill-who=main ssh
		systemctl stop ssh
		pkill -KILL -x sshd
		! pgrep -x sshd`)
	return err
}

// KillSSHListener ends by SIGKILL the one sshd process that takes new logins; open sessions stay. systemd is kept from
// starting it again.
func (l *Lab) KillSSHListener(ctx context.Context, h *Host) error {
	_, err := l.Run(ctx, h, `systemctl kill --signal=KILL --kill-who=main ssh; systemctl stop ssh; ! systemctl -q is-active ssh`)
	return err
}

// StartSSHD brings sshd back after one of the above, and returns when it greets.
func (l *Lab) StartSSHD(ctx context.Context, h *Host) error {
	if _, err := l.Run(ctx, h, `systemctl reset-failed ssh; systemctl start ssh`); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	return l.awaitSSH(ctx, h)
}
