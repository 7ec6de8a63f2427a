package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

const fileName = "journal"

// Options is what a journal may not know by itself. Only Now must be given.
type Options struct {
	Now      func() time.Time // stamps entries and names set-aside files
	Boot     string           // see BootID
	Mono     func() int64     // milliseconds that a clock step does not move; nil: SinceBoot
	RotateAt int64            // bytes after which a new file is begun; 0: 256 MiB, which is read back in seconds
	Disk     Disk             // nil: the disk of this machine
}

func (o Options) complete() Options {
	if o.Now == nil {
		panic("journal: Options.Now is missing: whoever opens a journal says what time it is")
	}
	if o.Mono == nil {
		o.Mono = SinceBoot
	}
	if o.RotateAt == 0 {
		o.RotateAt = 256 << 20
	}
	if o.Disk == nil {
		o.Disk = machine{}
	}
	return o
}

// WriteError says that an entry is not durable. No attack may begin on it; what runs must be undone.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("the journal %s cannot be written: %v; no attack starts until it can (free some space or replace the disk, then resume)", e.Path, e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

// ErrClosed is what a closed journal answers.
var ErrClosed = errors.New("the journal is closed")

// Journal is the record under way. Its methods may be called from any goroutine.
type Journal struct {
	dir  string
	opts Options
	lock *os.File

	mu     sync.Mutex
	file   File
	head   File
	end    place // of what is acknowledged
	fold   Recovered
	todo   task
	debt   debt
	strays uint64 // the highest entry beyond the damage
	broken error
	closed bool
}

// Recovery is what Open found.
type Recovery struct {
	Recovered
	Torn    bool   // any host may have been attacked: sweep all of them before anything else
	Lost    uint64 // entries known to have been written that are gone; orders may be among them
	Why     string // a sentence on what was torn or damaged at this start; empty if nothing was
	Corrupt error  // a *CorruptError: stopped until an operator resumes, and Torn as well
	Kept    string // the file to which the bad part was set aside, if there was one
}

// Open takes the lock of the directory (a [*LockedError] if another engine has it), reads the journal
// back, and makes it fit for the next entry. The directory is made if it is missing.
//
// An error means that there is no journal to work with. A disk that can be read but not written is no
// such error: the recovery holds, and [Journal.Broken] says what is wrong until an Append has succeeded.
func Open(dir string, o Options) (*Journal, Recovery, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Recovery{}, fmt.Errorf("making the state directory: %w", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	j := &Journal{dir: dir, opts: o.complete(), lock: lock}
	found, err := j.load()
	if err != nil {
		lock.Close()
		return nil, Recovery{}, err
	}
	if err := j.settle(); err != nil {
		j.fail(err)
	}
	found.Recovered, found.Torn, found.Kept = j.fold.clone(), j.fold.Unswept, j.debt.kept
	return j, found, nil
}

// Append makes one entry of the event (nil: none) and the records durable. After an error, which is a
// [*WriteError] unless the entry itself cannot be put down or the journal is closed, nothing of the
// entry is in the journal; a later Append first repairs what it can.
func (j *Journal) Append(event *engine.Event, records []engine.Record) error {
	return j.AppendAll([]engine.Page{{Event: event, Records: records}})
}

// AppendAll is Append for several pages, an entry each, which wait for the disk together: all of them are
// durable, or none is in the journal.
func (j *Journal) AppendAll(pages []engine.Page) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	if j.end.size > j.opts.RotateAt && j.todo == nothing {
		j.todo = beginFile
	}
	if err := j.settle(); err != nil {
		return j.fail(err)
	}
	b := batch{from: j.end, to: j.end}
	for _, p := range pages {
		e, err := j.next(b.to, p.Event, p.Records)
		if err == nil {
			err = b.add(e)
		}
		if err != nil {
			return err
		}
	}
	return j.write(b)
}

// batch is what is written at once: the entries, their lines, and where they begin and end.
type batch struct {
	from, to place
	lines    []byte
	entries  []Entry
	wait     bool // an entry is among them that must never disappear unseen
}

func (b *batch) add(e Entry) error {
	line, sum, err := encode(e)
	if err != nil {
		return err
	}
	n := int64(len(line))
	b.lines, b.entries = append(b.lines, line...), append(b.entries, e)
	b.to = place{size: b.to.size + n, seq: e.Seq, sum: sum, line: n}
	b.wait = b.wait || anchored(e)
	return nil
}

// next is the entry after that place.
func (j *Journal) next(after place, event *engine.Event, records []engine.Record) (Entry, error) {
	e := Entry{Seq: after.seq + 1, Prev: after.sum.String(), At: j.opts.Now().UTC(), Boot: j.opts.Boot, MonoMS: j.opts.Mono(), Records: records}
	if event == nil {
		return e, nil
	}
	text, err := event.MarshalJSON()
	if err != nil {
		return e, fmt.Errorf("writing the event of journal entry %d as json: %w", e.Seq, err)
	}
	e.Event = text
	return e, nil
}

func (j *Journal) write(b batch) error {
	if err := j.put(b); err != nil {
		return j.fail(err)
	}
	if err := j.vouch(b.wait); err != nil {
		j.end = b.from
		return j.fail(err)
	}
	for _, e := range b.entries {
		j.fold.entry(e)
	}
	return nil
}

// put writes the lines and waits for the disk.
func (j *Journal) put(b batch) error {
	if err := j.untouched(); err != nil {
		return err
	}
	if _, err := j.file.Write(b.lines); err != nil {
		return fmt.Errorf("writing entry %d: %w", b.to.seq, err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("waiting for the disk to take entry %d: %w", b.to.seq, err)
	}
	j.end = b.to
	return nil
}

// untouched finds a journal that somebody else has cut, appended to, removed or replaced: what is written to
// a file that no longer has its name is not durable.
func (j *Journal) untouched() error {
	ours, err := j.file.Stat()
	if err != nil {
		return err
	}
	if ours.Size() != j.end.size {
		return fmt.Errorf("somebody else has changed it: it has %d bytes where %d were written", ours.Size(), j.end.size)
	}
	named, err := os.Stat(j.path())
	if err != nil {
		return fmt.Errorf("somebody has taken it away: %w", err)
	}
	if !os.SameFile(ours, named) {
		return errors.New("somebody has put another file in its place")
	}
	return nil
}

// vouch moves the head to the last entry. Losing power may lose a head that was not waited for, which only
// makes it vouch for less; it is waited for where the entry is one that must never disappear unseen.
func (j *Journal) vouch(wait bool) error {
	if _, err := j.head.WriteAt(headLine(j.end), 0); err != nil {
		return fmt.Errorf("writing the head file: %w", err)
	}
	if !wait {
		return nil
	}
	if err := j.head.Sync(); err != nil {
		return fmt.Errorf("waiting for the disk to take the head file: %w", err)
	}
	return nil
}

func anchored(e Entry) bool {
	for _, r := range e.Records {
		switch r.Kind {
		case engine.Intent, engine.Closed, engine.OrderGiven, engine.ResidueNew, engine.Cleared:
			return true
		}
	}
	return e.Carried != nil || e.Torn
}

// fail lets go of descriptors that can no longer be trusted, and remembers why.
func (j *Journal) fail(err error) error {
	j.release()
	if j.todo == nothing {
		j.todo = attach
	}
	j.broken = &WriteError{Path: j.path(), Err: err}
	return j.broken
}

// Broken is the latest failure to write that no later success has mended; nil if all is well.
func (j *Journal) Broken() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// Recovered is what the journal adds up to as of the last entry.
func (j *Journal) Recovered() Recovered {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fold.clone()
}

// Seq is the number of the last entry.
func (j *Journal) Seq() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end.seq
}

// Close makes the head durable and lets go of the files and, last, of the lock.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	var err error
	if j.todo == nothing && j.head != nil {
		err = j.head.Sync()
	}
	return errors.Join(err, j.release(), j.lock.Close())
}

func (j *Journal) release() error {
	var errs []error
	for _, f := range []*File{&j.file, &j.head} {
		if *f != nil {
			errs = append(errs, (*f).Close())
			*f = nil
		}
	}
	return errors.Join(errs...)
}

func (j *Journal) path() string { return filepath.Join(j.dir, fileName) }
