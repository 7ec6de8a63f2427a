package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// manager is systemd's end of the socket.
type manager struct {
	mu   sync.Mutex
	told []string
}

func newManager(t *testing.T, path string) *manager {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("no datagrams between processes here: %v", err)
	}
	t.Cleanup(func() { socket.Close() })
	m := &manager{}
	go func() {
		message := make([]byte, 4096)
		for {
			n, err := socket.Read(message)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.told = append(m.told, string(message[:n]))
			m.mu.Unlock()
		}
	}()
	return m
}

// heard is what it was told after the first n messages, and is like the pattern.
func (m *manager) heard(n int, pattern string) bool {
	like := regexp.MustCompile("^(?:" + pattern + ")$")
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.told[min(n, len(m.told)):], like.MatchString)
}

func (m *manager) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.told)
}

// behindAFreeze is a configuration that contacts nobody.
const behindAFreeze = `name = "t"
[schedule]
timezone = "UTC"
[[schedule.freeze]]
from = "2000-01-01"
to = "2190-01-01"
reason = "test"
[ssh]
user = "root"
agent = false
known_hosts = ["known_hosts"]
survey_rate = 0
[[inventory]]
type = "static"
hosts = [{ name = "web-1", address = "198.51.100.1" }]
[oncall]
type = "command"
command = ["echo", "ada"]
[[attack]]
name = "cpu"
[[health]]
type = "command"
command = ["true"]
`

func TestSystemdIsToldOfEachTurnInTheLifeOfADaemon(t *testing.T) {
	s := newStage(t)
	m := newManager(t, filepath.Join(s.dir, "notify"))
	for name, text := range map[string]string{"chaoscat.toml": strings.Replace(behindAFreeze, "agent = false", "agent = false\nidentity_files = [\"key\"]", 1), "key": aKey(t), "known_hosts": ""} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := s.command("--daemon", "--state-dir", "s", "--socket", s.socket())
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+filepath.Join(s.dir, "notify"), "WATCHDOG_USEC=400000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	told := func(since int, what, pattern string) {
		t.Helper()
		s.eventually("systemd is told "+what, func() bool { return m.heard(since, pattern) })
	}
	told(0, "that it is ready", "READY=1")
	told(0, "how it is", `STATUS=closed: freeze \(test\).*`)
	told(0, "that the engine's loop is alive", "WATCHDOG=1")
	before := m.count()
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	told(before, "that a reload begins, and when", `RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+`)
	told(before, "that it has ended", "READY=1")
	before = m.count()
	told(before, "that the loop is alive after it", "WATCHDOG=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told(before, "that it ends", "STOPPING=1")
}

func TestTheWatchdogIsFedByBeatsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := watchdog{every: time.Second, beats: make(chan struct{}, 1)}
		views := make(chan engine.Snapshot)
		var told []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.report(t.Context(), views, func(state string) { told = append(told, state) })
		}()
		views <- engine.Snapshot{Mood: engine.MoodArmed, Verdict: engine.Verdict{Sentence: "next\ncpu"}}
		views <- engine.Snapshot{Mood: engine.MoodArmed, Verdict: engine.Verdict{Sentence: "next\ncpu"}}
		time.Sleep(time.Hour)
		d.beat()
		d.beat() // nobody has come by yet
		synctest.Wait()
		views <- engine.Snapshot{Mood: engine.MoodArmed, Warning: "look"}
		close(views)
		synctest.Wait()
		slices.Sort(told) // a beat and a view that come at once are passed on in either order
		if want := []string{"STATUS=armed (look)", `STATUS=armed: next\x0acpu`, "WATCHDOG=1"}; !slices.Equal(slices.Compact(told), want) {
			t.Errorf("systemd was told %q", told)
		}
	})
}
