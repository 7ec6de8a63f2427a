package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func options() Options {
	return Options{Now: func() time.Time { return noon }, Boot: "b", Mono: func() int64 { return 7 }}
}

func mustOpen(t *testing.T, dir string) (*Journal, Recovery) {
	t.Helper()
	return mustOpenOn(t, dir, machine{})
}

// hasty is the machine's disk without the waiting, for tests that open thousands of journals.
type hasty struct{ machine }

type unsynced struct{ File }

func (unsynced) Sync() error { return nil }

func (hasty) SyncDir(string) error { return nil }

func (h hasty) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	f, err := h.machine.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsynced{f}, nil
}

func mustOpenOn(t *testing.T, dir string, disk Disk) (*Journal, Recovery) {
	t.Helper()
	o := options()
	o.Disk = disk
	j, found, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, found
}

// crash lets go of everything as SIGKILL would: nothing is written on the way.
func crash(j *Journal) {
	j.release()
	j.lock.Close()
	j.closed = true
}

func mustAppend(t *testing.T, j *Journal, records ...engine.Record) {
	t.Helper()
	woke := engine.Event{Stamp: engine.Stamp{At: noon, Draw: 4}, What: engine.Woke{}}
	if err := j.Append(&woke, records); err != nil {
		t.Fatal(err)
	}
}

func runOn(id, host string) engine.Run {
	return engine.Run{ID: id, Host: engine.Host{Name: host, Address: "10.0.0.1", Port: 22}, Attack: engine.Attack{Name: "cpu"}, Trigger: engine.BySchedule, Started: noon, Phase: engine.Launching}
}

func intent(seq uint64, id, host string) engine.Record {
	run := runOn(id, host)
	return engine.Record{Seq: seq, At: noon, Kind: engine.Intent, Run: id, Host: host, Attack: "cpu", Text: "attacking", Intent: &run}
}

func closed(seq uint64, id, host string, o engine.Outcome) engine.Record {
	return engine.Record{Seq: seq, At: noon, Kind: engine.Closed, Run: id, Host: host, Attack: "cpu", Text: "done", Outcome: &o}
}

func restored() engine.Outcome {
	return engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true}
}

func swept() *engine.Event {
	return &engine.Event{Stamp: engine.Stamp{At: noon}, What: engine.SweptAll{}}
}

func openIDs(r Recovered) []string {
	var ids []string
	for _, run := range r.Open {
		ids = append(ids, run.ID)
	}
	return ids
}

func journalBytes(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// copyDir makes a directory with that journal and, if there is one, the head of the other.
func copyDir(t *testing.T, from string, journal []byte) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, fileName), journal)
	if head, err := os.ReadFile(filepath.Join(from, headName)); err == nil {
		write(t, filepath.Join(dir, headName), head)
	}
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sample is a journal of several runs, the last of them open, as its directory.
func sample(t *testing.T, entries int) string {
	t.Helper()
	dir := t.TempDir()
	j, _ := mustOpen(t, dir)
	for i := range uint64(entries) {
		id := fmt.Sprintf("r%d", i/2)
		if i%2 == 0 {
			mustAppend(t, j, intent(i+1, id, "web-"+id))
		} else {
			mustAppend(t, j, closed(i+1, id, "web-"+id, restored()))
		}
	}
	crash(j)
	return dir
}

func entriesOf(t *testing.T, dir string) []Entry {
	t.Helper()
	var all []Entry
	if err := Read(dir, func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func isSubset(some, of []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(of, s) })
}

// errDisk is what a failing disk answers.
var errDisk = errors.New("input/output error")

// badDisk is the machine's disk, of which one operation fails: the failAt-th of those that change something.
type badDisk struct {
	hasty
	ops     int
	failAt  int // 0: none
	forGood bool
	done    []string
}

func (d *badDisk) op(name string) error {
	d.ops++
	d.done = append(d.done, name)
	if d.failAt > 0 && (d.ops == d.failAt || d.forGood && d.ops > d.failAt) {
		return fmt.Errorf("%s: %w", name, errDisk)
	}
	return nil
}

func (d *badDisk) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	if flag != os.O_RDONLY {
		if err := d.op("open " + filepath.Base(name)); err != nil {
			return nil, err
		}
	}
	f, err := d.hasty.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &badFile{f, d, filepath.Base(name)}, nil
}

func (d *badDisk) Rename(a, b string) error {
	if err := d.op("rename " + filepath.Base(b)); err != nil {
		return err
	}
	return d.hasty.Rename(a, b)
}

func (d *badDisk) Link(a, b string) error {
	if err := d.op("link " + filepath.Base(b)); err != nil {
		return err
	}
	return d.hasty.Link(a, b)
}

func (d *badDisk) Remove(a string) error {
	if err := d.op("remove " + filepath.Base(a)); err != nil {
		return err
	}
	return d.hasty.Remove(a)
}

func (d *badDisk) SyncDir(a string) error {
	if err := d.op("sync directory"); err != nil {
		return err
	}
	return d.hasty.SyncDir(a)
}

type badFile struct {
	File
	d    *badDisk
	name string
}

// Write fails after half of it has reached the file.
func (f *badFile) Write(p []byte) (int, error) {
	if err := f.d.op("write " + f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *badFile) WriteAt(p []byte, at int64) (int, error) {
	if err := f.d.op("write at " + f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, at)
}

// Sync fails after the data has reached the file, as the kernel does: it looks written and is not.
func (f *badFile) Sync() error {
	if err := f.d.op("sync " + f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *badFile) Truncate(n int64) error {
	if err := f.d.op("truncate " + f.name); err != nil {
		return err
	}
	return f.File.Truncate(n)
}
