package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LockedError says that another engine works on the directory. The command line exits 9 for it.
type LockedError struct {
	Dir  string
	PID  int    // of the holder; 0 where it has not said
	Host string // the holder's machine
}

func (e *LockedError) Error() string {
	who := "another engine"
	if e.PID != 0 {
		who += fmt.Sprintf(" (pid %d on %s)", e.PID, e.Host)
	}
	return fmt.Sprintf("%s holds the lock on %s: attach to it, stop it, or choose another --state-dir", who, e.Dir)
}

// takeLock makes this process the only engine on the directory, until the file is closed or the process
// ends, however it ends: the kernel keeps the lock, not the file's content.
func takeLock(dir string) (*os.File, error) {
	f, err := openFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the state directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		return nil, heldBy(f, dir)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking the state directory %s: %w; it must be on a file system with locks", dir, err)
	}
	sign(f)
	return f, nil
}

// sign names the holder for the message of the next one. A full disk is no reason not to hold the lock.
func sign(f *os.File) {
	host, _ := os.Hostname()
	if f.Truncate(0) == nil {
		fmt.Fprintf(f, "%d %s\n", os.Getpid(), host)
	}
}

func heldBy(f *os.File, dir string) error {
	held := &LockedError{Dir: dir}
	text := make([]byte, 512)
	n, _ := f.ReadAt(text, 0)
	if pid, host, ok := strings.Cut(strings.TrimSpace(string(text[:n])), " "); ok {
		if number, err := strconv.Atoi(pid); err == nil {
			held.PID, held.Host = number, host
		}
	}
	return held
}
