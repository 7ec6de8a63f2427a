package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxSize is the most that a configuration file may hold.
const MaxSize = 1 << 20

// Files is the part of the world that a configuration touches.
type Files struct {
	// Read returns what is in the file, at most MaxSize+1 bytes of it, and how the very file that was
	// read may be used by whom.
	Read func(path string) ([]byte, Stat, error)
	// Stat looks at a file without reading it, following links.
	Stat func(path string) (Stat, error)
	Dir  string // what the path of a configuration is relative to; "" leaves it so
	Home string // for ~/; "" makes such a path a mistake
	UID  int    // the user that chaoscat runs as
}

// Stat is what decides whether a file is trusted.
type Stat struct {
	Mode  fs.FileMode
	Owner int // user id
}

// Disk is the file system of this machine.
func Disk(home string) Files {
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // then paths stay as relative as they are written
	}
	return Files{Read: readFile, Stat: statFile, Dir: dir, Home: home, UID: os.Getuid()}
}

// ErrNotFound says that no candidate of [Find] exists.
var ErrNotFound = errors.New("no configuration found")

// SystemFile is the configuration that is nobody's own.
const SystemFile = "/etc/chaoscat/chaoscat.toml"

// Candidates is where a configuration is looked for, in order. configHome is $XDG_CONFIG_HOME, or what
// stands for it where that is not set; "" leaves the place out.
func Candidates(configHome string) []string {
	list := []string{"chaoscat.toml"}
	if filepath.IsAbs(configHome) {
		list = append(list, filepath.Join(configHome, "chaoscat", "chaoscat.toml"))
	}
	return append(list, SystemFile)
}

// Find returns the first candidate that exists; with none, the error is [ErrNotFound] and names them all.
// A configuration decides which commands are run, so one that lies about and belongs to somebody else is
// an error: whoever means it can name it with --config.
func Find(candidates []string, files Files) (string, error) {
	for _, path := range candidates {
		stat, err := files.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			continue
		case err != nil:
			return "", fmt.Errorf("looking for a configuration: %w", err)
		case stat.Owner != 0 && stat.Owner != files.UID:
			return "", fmt.Errorf("%s belongs to another user (uid %d) and is not trusted merely because it lies there; name it with --config if you mean it", path, stat.Owner)
		}
		return path, nil
	}
	return "", fmt.Errorf("%w: looked for %s", ErrNotFound, strings.Join(candidates, ", "))
}

func statFile(path string) (Stat, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Stat{}, err
	}
	return statOf(info), nil
}

func statOf(info fs.FileInfo) Stat {
	s := Stat{Mode: info.Mode(), Owner: -1}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Owner = int(sys.Uid)
	}
	return s
}

// readFile judges and reads one and the same open file, so that a file put in its place meanwhile is
// either the one or the other; a file written to meanwhile is refused.
func readFile(path string) ([]byte, Stat, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Stat{}, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, Stat{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, Stat{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, Stat{}, err
	}
	if before.Mode().IsRegular() && (!before.ModTime().Equal(after.ModTime()) || before.Size() != after.Size()) {
		return nil, Stat{}, fmt.Errorf("%s was changed while it was being read; try again", path)
	}
	return data, statOf(before), nil
}

func (f Files) knownHosts() []string {
	const system = "/etc/ssh/ssh_known_hosts"
	if f.Home == "" {
		return []string{system}
	}
	return []string{filepath.Join(f.Home, ".ssh", "known_hosts"), system}
}

// folder is where the paths in a configuration start from.
func (f Files) folder(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Dir(path)
	}
	return filepath.Join(f.Dir, filepath.Dir(path))
}

// resolve makes a path of the configuration into one that can be opened.
func (f Files) resolve(base, path string) (string, error) {
	rest, home := strings.CutPrefix(path, "~/")
	switch {
	case home && f.Home == "":
		return "", errors.New("the home directory is not known")
	case home:
		return filepath.Join(f.Home, rest), nil
	case strings.HasPrefix(path, "~"):
		return "", errors.New("only ~/ is understood, not another user's home")
	case filepath.IsAbs(path):
		return filepath.Clean(path), nil
	}
	return filepath.Join(base, path), nil
}
