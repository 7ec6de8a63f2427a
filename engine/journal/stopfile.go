package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chaoscat/chaoscat/engine"
)

const stopName = "stopped"

// StopFile is the half of the stop latch that needs no journal: a file whose existence means stopped. The
// engine is stopped if either says so. Lift the journal's half first: then a crash in between leaves it stopped.
type StopFile struct {
	dir  string
	disk Disk
}

// NewStopFile is the stop file of a state directory; a nil disk is that of this machine.
func NewStopFile(dir string, disk Disk) StopFile {
	if disk == nil {
		disk = machine{}
	}
	return StopFile{dir, disk}
}

// Set latches stop. It is durable when nil is returned.
func (s StopFile) Set(l engine.Latch) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing the stop latch: %w", err)
	}
	if err := putFile(s.disk, s.dir, stopName, append(text, '\n')); err != nil {
		return fmt.Errorf("latching stop in %s: %w", s.path(), err)
	}
	return nil
}

// Clear lifts the latch, durably. There may be none.
func (s StopFile) Clear() error {
	if err := s.disk.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lifting the stop latch %s: %w", s.path(), err)
	}
	if err := s.disk.SyncDir(s.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lifting the stop latch %s: %w", s.path(), err)
	}
	return nil
}

// Read returns the latch, or nil if there is none. One that cannot be read or understood is a latch
// whose reason says so, and an error besides.
func (s StopFile) Read() (*engine.Latch, error) {
	text, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var l engine.Latch
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		err = fmt.Errorf("reading the stop latch %s: %w", s.path(), err)
		return &engine.Latch{By: by, Door: stopName, Reason: err.Error() + "; stopped, to be safe"}, err
	}
	return &l, nil
}

func (s StopFile) read() ([]byte, error) {
	f, err := s.disk.OpenFile(s.path(), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

func (s StopFile) path() string { return filepath.Join(s.dir, stopName) }
