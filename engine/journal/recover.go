package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chaoscat/chaoscat/engine"
)

// task is what must be done on disk before the next entry can be written. Tasks are done when there is
// something to write, and again after a failure, each in an order that a crash at any point leaves in a
// state from which the next start comes to the same end.
type task int

const (
	attach    task = iota // open the files, cut off what was never acknowledged
	nothing               // all is open
	cutTail               // set a torn tail aside
	markTail              // and say so in an entry
	beginFile             // set the file aside, and go on in a new one
)

// debt is what the tasks need to know from the start.
type debt struct {
	why    string
	bad    *CorruptError // the file to be set aside is damaged
	seq    uint64        // kept free for the record that says so
	linked bool          // the file has its second name
	kept   string        // where the bad part has gone
}

// load reads what is there and decides what must be done. It changes nothing.
func (j *Journal) load() (Recovery, error) {
	head := readHead(j.opts.Disk, filepath.Join(j.dir, headName))
	s, at, err := j.read(head.seq)
	if err != nil {
		return Recovery{}, err
	}
	j.end = s.end
	lost, why := head.misses(s.end, s.size == 0, at)
	found := Recovery{Lost: lost}
	switch {
	case s.corrupt:
		j.owe(beginFile, s.bad.Error())
		j.debt.bad, found.Corrupt, found.Lost = s.bad, s.bad, 0
		j.end.seq = max(j.end.seq, head.seq, j.strays)
		j.fold.Stopped = j.stopRecord().Latch
	case s.bad != nil:
		j.owe(cutTail, fmt.Sprintf("the journal %s ends in a torn entry at byte %d: %s", s.bad.Path, s.bad.Offset, s.bad.Why))
	case why != "":
		j.owe(cutTail, why)
	case s.end.size > j.opts.RotateAt:
		j.todo = beginFile
	}
	found.Why = j.debt.why
	return found, nil
}

// owe notes a loss, which only a sweep of all hosts makes good.
func (j *Journal) owe(t task, why string) {
	j.fold.LastSeq++
	j.fold.Unswept = true
	j.todo, j.debt = t, debt{why: why, seq: j.fold.LastSeq}
}

// read folds the file and finds the digest of the entry that the head names.
func (j *Journal) read(headSeq uint64) (s survey, at string, err error) {
	f, err := j.opts.Disk.OpenFile(j.path(), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return survey{}, "", nil
	}
	if err != nil {
		return s, "", fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	take := func(e Entry) error {
		if e.Seq == headSeq+1 {
			at = e.Prev
		}
		j.fold.entry(e)
		return nil
	}
	stray := func(e Entry) error {
		e.Carried = nil // it would take back what the sound part says
		j.strays = max(j.strays, e.Seq)
		j.fold.entry(e)
		return nil
	}
	s, err = scan(f, j.path(), take, stray)
	if s.end.seq == headSeq {
		at = s.end.sum.String()
	}
	return s, at, err
}

// settle does what must be done before the next entry.
func (j *Journal) settle() error {
	for j.todo != nothing {
		if err := j.step(); err != nil {
			return err
		}
	}
	j.broken = nil
	return nil
}

func (j *Journal) step() error {
	switch j.todo {
	case cutTail:
		return j.then(markTail, j.setTailAside())
	case markTail:
		return j.then(attach, j.sayTorn())
	case beginFile:
		return j.then(attach, j.begin())
	default:
		return j.then(nothing, j.attach())
	}
}

func (j *Journal) then(next task, err error) error {
	if err == nil {
		j.todo = next
	}
	return err
}

// attach opens both files at the acknowledged end. The head goes first: one that vouches for less than there
// is does no harm, one that vouched for what is cut off next would.
func (j *Journal) attach() error {
	if err := putFile(j.opts.Disk, j.dir, headName, headLine(j.end)); err != nil {
		return fmt.Errorf("writing the head file: %w", err)
	}
	if err := j.openFile(); err != nil {
		return err
	}
	head, err := j.opts.Disk.OpenFile(filepath.Join(j.dir, headName), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening the head file: %w", err)
	}
	j.head = head
	return nil
}

// openFile opens the journal, verifies that it ends as it was left, and cuts off what is beyond.
func (j *Journal) openFile() error {
	j.release()
	flag := os.O_RDWR | os.O_APPEND
	if j.end.size == 0 {
		flag |= os.O_CREATE
	}
	f, err := j.opts.Disk.OpenFile(j.path(), flag, 0o600)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	j.file = f
	if err := j.verifyEnd(); err != nil {
		return err
	}
	if err := f.Truncate(j.end.size); err != nil {
		return fmt.Errorf("cutting off an entry that was never acknowledged: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("waiting for the disk: %w", err)
	}
	return j.opts.Disk.SyncDir(j.dir)
}

// verifyEnd reads the last acknowledged entry back.
func (j *Journal) verifyEnd() error {
	if j.end.line == 0 {
		return nil
	}
	line := make([]byte, j.end.line)
	if _, err := j.file.ReadAt(line, j.end.size-j.end.line); err != nil {
		return fmt.Errorf("reading the last entry back: %w", err)
	}
	_, sum, err := decode(line[:len(line)-1])
	if err != nil || sum != j.end.sum {
		return errors.New("it no longer ends with the last entry that was written; stop the engine and start it again, so that it is read anew")
	}
	return nil
}

// setTailAside takes the head away first: without one, the next start knows that a tail was lost, until
// the entry that says so is on disk.
func (j *Journal) setTailAside() error {
	if err := j.opts.Disk.Remove(filepath.Join(j.dir, headName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking the head file away: %w", err)
	}
	if err := j.opts.Disk.SyncDir(j.dir); err != nil {
		return err
	}
	return j.copyTail()
}

// maxKept bounds the copy of a torn tail, which is one entry; more is not worth a full disk.
const maxKept = 1 << 20

func (j *Journal) copyTail() error {
	f, err := j.opts.Disk.OpenFile(j.path(), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	tail, err := io.ReadAll(io.NewSectionReader(f, j.end.size, maxKept))
	if err != nil {
		return fmt.Errorf("reading the torn tail: %w", err)
	}
	if len(tail) == 0 {
		return nil
	}
	to := j.aside("torn-" + j.stampText())
	if err := writeFile(j.opts.Disk, to, tail); err != nil {
		return fmt.Errorf("keeping a copy of the torn tail: %w", err)
	}
	j.debt.kept = to
	return nil
}

// sayTorn cuts the tail off and writes the entry that keeps the debt of a sweep over restarts.
func (j *Journal) sayTorn() error {
	if err := j.openFile(); err != nil {
		return err
	}
	e, err := j.next(j.end, nil, []engine.Record{j.note(j.debt.why)})
	if err != nil {
		return err
	}
	e.Torn = true
	b := batch{from: j.end, to: j.end}
	if err := b.add(e); err != nil {
		return err
	}
	if err := j.put(b); err != nil {
		return err
	}
	j.fold.entry(e)
	return nil
}

// begin sets the file aside under a second name and puts a new one in its place, in one rename, whose
// first entry carries everything that the next life must know.
func (j *Journal) begin() error {
	e, err := j.next(j.end, nil, j.opening())
	if err != nil {
		return err
	}
	carried := j.fold.clone()
	e.Carried, e.Torn = &carried, j.debt.bad != nil
	line, sum, err := encode(e)
	if err != nil {
		return err
	}
	if err := j.linkAside(); err != nil {
		return fmt.Errorf("setting the journal aside: %w", err)
	}
	if err := putFile(j.opts.Disk, j.dir, fileName, line); err != nil {
		return fmt.Errorf("beginning a new journal: %w", err)
	}
	n := int64(len(line))
	j.end = place{size: n, seq: e.Seq, sum: sum, line: n}
	j.fold.entry(e)
	j.debt.bad, j.debt.linked = nil, false
	return nil
}

// opening is what the first entry of a new file says for people.
func (j *Journal) opening() []engine.Record {
	if j.debt.bad != nil {
		return []engine.Record{j.stopRecord()}
	}
	return nil
}

func (j *Journal) linkAside() error {
	if j.debt.linked {
		return nil
	}
	name := fmt.Sprintf("until-%020d", j.end.seq)
	if j.debt.bad != nil {
		name = "corrupt-" + j.stampText()
	}
	to := j.aside(name)
	err := j.opts.Disk.Link(j.path(), to)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = j.copyAside(to)
	}
	if err != nil && !sameFile(j.path(), to) {
		return err
	}
	j.debt.linked = true
	if j.debt.bad != nil {
		j.debt.kept = to
	}
	return nil
}

// copyAside is for file systems where a file has one name only.
func (j *Journal) copyAside(to string) error {
	from, err := j.opts.Disk.OpenFile(j.path(), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := j.opts.Disk.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Sync(), f.Close())
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func (j *Journal) aside(name string) string { return filepath.Join(j.dir, fileName+"."+name) }

// stampText is fit for a file name, and sorts.
func (j *Journal) stampText() string { return j.opts.Now().UTC().Format("20060102T150405.000000000Z") }

// note is the record of a loss.
func (j *Journal) note(text string) engine.Record {
	return engine.Record{Seq: j.debt.seq, At: j.opts.Now().UTC(), Kind: engine.Lifecycle, By: by, Door: fileName, Text: text}
}

// stopRecord is how a damaged journal stops the engine until an operator has seen it and resumes.
func (j *Journal) stopRecord() engine.Record {
	r := j.note(j.debt.why + "; stopped until an operator resumes")
	r.Kind = engine.OrderGiven
	r.Order = &engine.Order{Kind: engine.Stop, By: by, Door: fileName, Reason: j.debt.why}
	r.Latch = &engine.Latch{At: r.At, By: by, Door: fileName, Reason: j.debt.why}
	return r
}

const by = "chaoscat"
