package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/journald"
)

// version and commit are set by the build: -ldflags "-X main.version=... -X main.commit=...".
var (
	version = "devel"
	commit  = ""
)

// world is what the program takes from its surroundings.
type world struct {
	args        []string
	in          io.Reader
	out         io.Writer
	err         io.Writer
	errTerminal bool
	env         func(string) string
	journal     string // socket of the machine's journal
	home        string
	uid         int
	user        string
	clock       clock.Clock
	dice        func() uint64 // fresh entropy at every call
	began       time.Time
}

func thisWorld() world {
	w := world{args: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr, errTerminal: term.IsTerminal(os.Stderr.Fd()),
		env: os.Getenv, journal: journald.Socket, uid: os.Getuid(), user: "uid " + strconv.Itoa(os.Getuid()), dice: entropy, began: time.Now()}
	w.home, _ = os.UserHomeDir() // without one, ~/ in a configuration is a mistake that is said there
	if u, err := user.Current(); err == nil {
		w.user = u.Username
	}
	return w
}

func (w world) now() time.Time { return w.clock.Now() }

// terminal tells whether a person sits at both ends.
func (w world) terminal() bool { return isTerminal(w.in) && isTerminal(w.out) }

// isTerminal tells whether a stream is a terminal of this process.
func isTerminal(stream any) bool {
	f, is := stream.(*os.File)
	return is && term.IsTerminal(f.Fd())
}

// lightTerminal tells whether the terminal says of itself that its background is light: COLORFGBG ends in its colour.
func (w world) lightTerminal() bool {
	_, background, found := strings.Cut(w.env("COLORFGBG"), ";")
	background = background[strings.LastIndex(background, ";")+1:]
	return found && (background == "7" || background == "15")
}

// ascii tells whether only characters below 127 are safe: the locale is not UTF-8, or counts many signs as two
// columns wide, or the terminal is one whose font has few.
func (w world) ascii() bool {
	if term := w.env("TERM"); term == "linux" || term == "dumb" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(w.env(name)); value != "" {
			wide := slices.ContainsFunc([]string{"zh", "ja", "ko"}, func(language string) bool { return strings.HasPrefix(value, language) })
			return wide || !strings.Contains(strings.ReplaceAll(value, "-", ""), "utf8")
		}
	}
	return true
}

// entropy is fresh dice from the operating system.
func entropy() uint64 {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("the operating system has no entropy: " + err.Error()) // documented never to happen
	}
	return binary.LittleEndian.Uint64(b[:])
}

// newID makes an order's id.
func newID() string { return fmt.Sprintf("%016x", entropy()) }

// stateDir is where the journal lives unless configuration or a flag says otherwise: what systemd hands
// out, a system directory for root, the user's own otherwise.
func (w world) stateDir() string {
	switch {
	case w.env("STATE_DIRECTORY") != "":
		return w.env("STATE_DIRECTORY")
	case w.uid == 0:
		return "/var/lib/chaoscat"
	case filepath.IsAbs(w.env("XDG_STATE_HOME")):
		return filepath.Join(w.env("XDG_STATE_HOME"), "chaoscat")
	}
	return filepath.Join(w.home, ".local", "state", "chaoscat")
}

func (w world) configHome() string {
	if home := w.env("XDG_CONFIG_HOME"); home != "" {
		return home
	}
	return filepath.Join(w.home, ".config")
}

// versionLine is what chaoscat says of itself; a build without stamps asks the Go tool's own.
func versionLine() string {
	v, c := version, commit
	if info, ok := debug.ReadBuildInfo(); ok && c == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				c = s.Value[:min(12, len(s.Value))]
			}
		}
	}
	if c == "" {
		return v
	}
	return v + " (" + c + ")"
}
