package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Read calls each for every entry that can be read, oldest first, over the set-aside files and the
// journal itself. It takes no lock and may be used while an engine writes; an entry on its way to the disk is
// left out. An error of each ends it and is returned. A journal damaged in its middle is read to its end,
// past the damage, and then reported as a [*CorruptError].
func Read(dir string, each func(Entry) error) error {
	old, err := setAside(dir)
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, err := readPath(path, each, each); err != nil {
			return err
		}
	}
	s, err := readPath(filepath.Join(dir, fileName), each, each)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.corrupt {
		return s.bad
	}
	return nil
}

func readPath(path string, take, stray func(Entry) error) (survey, error) {
	f, err := os.Open(path)
	if err != nil {
		return survey{}, fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	return scan(f, path, take, stray)
}

// setAside lists full and damaged files of earlier days in the order of their first entries, each file
// once: a start that was cut short may have left two names for one, or a name for the journal itself.
func setAside(dir string) ([]string, error) {
	var files []aside
	journal, _ := os.Stat(filepath.Join(dir, fileName))
	for _, pattern := range []string{"until-*", "corrupt-*"} {
		paths, err := filepath.Glob(filepath.Join(dir, fileName+"."+pattern))
		if err != nil {
			return nil, fmt.Errorf("looking for set-aside journals: %w", err)
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			known := func(f aside) bool { return os.SameFile(f.info, info) }
			if err != nil || os.SameFile(info, journal) || slices.ContainsFunc(files, known) {
				continue
			}
			files = append(files, aside{path, info, firstSeq(path)})
		}
	}
	slices.SortFunc(files, func(a, b aside) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.path, b.path)) })
	var paths []string
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths, nil
}

type aside struct {
	path  string
	info  os.FileInfo
	first uint64
}

var errEnough = errors.New("enough")

func firstSeq(path string) (seq uint64) {
	first := func(e Entry) error { seq = e.Seq; return errEnough }
	readPath(path, first, first) // a file that cannot be read sorts first, and fails when its turn comes
	return seq
}

// Report is what a check of a journal file found.
type Report struct {
	Path    string    `json:"path"`
	Bytes   int64     `json:"bytes"`
	Entries int       `json:"entries"` // in the sound part
	Records int       `json:"records"`
	First   uint64    `json:"first"` // numbers of the first and last sound entries
	Last    uint64    `json:"last"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Hash    string    `json:"hash,omitempty"` // of the last sound entry, to be compared with one noted elsewhere
	Chain   bool      `json:"chain"`          // every entry follows the one before, to the last byte
	Head    bool      `json:"head"`           // nothing that the head file vouches for is missing
	Torn    string    `json:"torn,omitempty"` // what is wrong at the end, or what the head misses
	Corrupt string    `json:"corrupt,omitempty"`
	Strays  int       `json:"strays,omitempty"` // entries after the damage that check by themselves
}

// OK tells whether the journal is whole.
func (r Report) OK() bool { return r.Chain && r.Head }

// Verify checks the journal of a state directory, or one file. It changes nothing and takes no lock; what
// an engine is writing at the moment is looked at a second time. An error means that it could not be read.
func Verify(path string) (Report, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, fileName)
	}
	r, err := verify(path)
	if err == nil && !r.OK() && r.Corrupt == "" {
		return verify(path)
	}
	return r, err
}

func verify(path string) (Report, error) {
	head := readHead(machine{}, path+".head") // before the journal, which only grows
	r := Report{Path: path}
	var at string
	take := func(e Entry) error {
		if r.Entries == 0 {
			r.First, r.Since = e.Seq, e.At
		}
		if e.Seq == head.seq+1 {
			at = e.Prev
		}
		r.Entries++
		r.Records += len(e.Records)
		r.Last, r.Until = e.Seq, e.At
		return nil
	}
	s, err := readPath(path, take, func(Entry) error { r.Strays++; return nil })
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && !head.missing) {
		return r, err
	}
	if s.end.seq == head.seq {
		at = s.end.sum.String()
	}
	r.Bytes, r.Chain = s.size, s.bad == nil
	if s.end.seq > 0 {
		r.Hash = s.end.sum.String()
	}
	r.judge(s, head, at)
	return r, nil
}

// judge puts into sentences what is wrong. A set-aside file has no head, and needs none: the next file
// carries on from its last entry.
func (r *Report) judge(s survey, head vouched, at string) {
	_, missed := head.misses(s.end, s.size == 0, at)
	if head.missing && filepath.Base(r.Path) != fileName {
		missed = ""
	}
	r.Head = missed == ""
	switch {
	case s.corrupt:
		r.Corrupt = s.bad.Error()
	case s.bad != nil:
		r.Torn = fmt.Sprintf("torn at line %d (byte %d): %s", s.bad.Line, s.bad.Offset, s.bad.Why)
	default:
		r.Torn = missed
	}
}
