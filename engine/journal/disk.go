package journal

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// File is what the journal needs of an open file. Sync makes content and length durable.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// Disk is what the journal needs of a file system; tests put one in its place that fails.
type Disk interface {
	OpenFile(name string, flag int, perm os.FileMode) (File, error)
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // makes names in the directory durable
}

// machine is the file system of this machine.
type machine struct{}

var _ Disk = machine{}

func (machine) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err // a nil *os.File must not become a File that is not nil
	}
	return durable{f}, nil
}

// openFile makes a new file belong to whoever its directory belongs to: root who lends a hand, by a stop while the
// service is down, must not lock the service out of its own journal.
func openFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil || flag&os.O_CREATE == 0 {
		return f, err
	}
	dir, err := os.Stat(filepath.Dir(name))
	if err != nil {
		return f, nil
	}
	file, err := f.Stat()
	if err != nil {
		return f, nil
	}
	theirs, known := dir.Sys().(*syscall.Stat_t)
	its, also := file.Sys().(*syscall.Stat_t)
	if known && also && its.Uid == 0 && theirs.Uid != 0 {
		_ = f.Chown(int(theirs.Uid), int(theirs.Gid)) // only root can, and only root has to
	}
	return f, nil
}

func (machine) Rename(from, to string) error { return os.Rename(from, to) }
func (machine) Link(from, to string) error   { return os.Link(from, to) }
func (machine) Remove(name string) error     { return os.Remove(name) }

func (machine) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// durable is a file whose Sync costs no more than durability of the data needs.
type durable struct{ *os.File }

func (f durable) Sync() error { return datasync(f.File) }

// putFile replaces a small file in one piece: whoever looks sees the old or the new content, also after
// a power cut.
func putFile(d Disk, dir, name string, content []byte) error {
	path := dir + "/" + name
	if err := writeFile(d, path+".new", content); err != nil {
		return err
	}
	if err := d.Rename(path+".new", path); err != nil {
		return err
	}
	return d.SyncDir(dir)
}

func writeFile(d Disk, path string, content []byte) error {
	f, err := d.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
