package sshdoor

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheHostKeyIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := Fingerprint(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before there is a key: %v", err)
	}
	first, err := HostKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := HostKey(dir)
	if err != nil || !bytes.Equal(first.PublicKey().Marshal(), second.PublicKey().Marshal()) {
		t.Errorf("the key has changed: %v", err)
	}
	if print, err := Fingerprint(dir); err != nil || !strings.HasPrefix(print, "SHA256:") || first.PublicKey().Type() != "ssh-ed25519" {
		t.Errorf("%s, %v", print, err)
	}
	names, _ := os.ReadDir(dir)
	info, err := os.Stat(filepath.Join(dir, "ssh_host_ed25519_key"))
	if err != nil || info.Mode() != 0o600 || len(names) != 1 {
		t.Errorf("%v %v %v", info.Mode(), names, err)
	}
	if err := os.Chmod(filepath.Join(dir, "ssh_host_ed25519_key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := HostKey(dir); err == nil || !strings.Contains(err.Error(), "can be read by others (mode 0640)") {
		t.Errorf("a key that others can read: %v", err)
	}
}

// endless is somebody who leans on the keyboard.
type endless struct{ reads atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.reads.Add(1)
	for i := range p {
		p[i] = 'j'
	}
	return len(p), nil
}

func TestAFloodOfKeysComesInAtThePaceOfAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flood := &endless{}
		k, p, start := newKeyboard(t.Context(), flood), make([]byte, 256), time.Now()
		for time.Since(start) < 10*time.Second {
			if n, err := k.Read(p); err != nil || n >= len(p) {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
		if n := flood.reads.Load(); n < 1000 || n > keysAtOnce+10*keysPerSecond+1 {
			t.Errorf("%d reads in ten seconds", n)
		}
	})
}

func TestAPersonsKeysAreNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, start := newKeyboard(t.Context(), &endless{}), make([]byte, 256), time.Now()
		for range keysAtOnce {
			k.Read(p)
		}
		if held := time.Since(start); held > 0 {
			t.Errorf("%d keys at once wait %v", keysAtOnce, held)
		}
		for range 1000 {
			time.Sleep(time.Second / 30) // a key that is held down
			before := time.Now()
			k.Read(p)
			if held := time.Since(before); held > 0 {
				t.Fatalf("a key waits %v", held)
			}
		}
	})
}

func TestAPasteIsShortenedAndItsEndIsKept(t *testing.T) {
	long := strings.Repeat("x", 3*pasteRoom)
	for _, row := range []struct{ name, in, want string }{
		{"keys", "jjjs", "jjjs"},
		{"a short paste", pasteBegins + "abc" + pasteEnds + "s", pasteBegins + "abc" + pasteEnds + "s"},
		{"a long paste", "j" + pasteBegins + long + pasteEnds + "s", "j" + pasteBegins + long[:pasteRoom-1] + pasteEnds + "s"},
		{"one that never ends", pasteBegins + long, pasteBegins + long[:pasteRoom-1] + pasteEnds},
		{"a second one", pasteBegins + long + pasteEnds + pasteBegins + "b" + pasteEnds + "s", pasteBegins + long[:pasteRoom-1] + pasteEnds + pasteBegins + "b" + pasteEnds + "s"},
		{"two beginnings", pasteBegins + "a" + pasteBegins + "b" + pasteEnds + "s", pasteBegins + "a" + pasteBegins + "b" + pasteEnds + "s"},
	} {
		for _, size := range []int{1, 3, 256} { // however the bytes arrive
			k := newKeyboard(t.Context(), slowly{strings.NewReader(row.in), size})
			k.pace.every = 0
			got, err := io.ReadAll(k)
			if err != nil || string(got) != row.want {
				t.Errorf("%s, %d at a time: %d bytes, want %d; %v", row.name, size, len(got), len(row.want), err)
			}
		}
	}
}

type slowly struct {
	io.Reader
	most int
}

func (s slowly) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), s.most)]) }

// visitor is a connection that says nothing.
type visitor struct {
	net.Conn
	from   string
	closed atomic.Bool
}

func (v *visitor) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(v.from), Port: 1000} }
func (v *visitor) Close() error         { v.closed.Store(true); return nil }

// queue is a listener with somebody at it.
type queue chan *visitor

func (q queue) Accept() (net.Conn, error) {
	v, open := <-q
	if !open {
		return nil, net.ErrClosed
	}
	return v, nil
}
func (q queue) Close() error   { return nil }
func (q queue) Addr() net.Addr { return nil }

func TestAFloodFromOneAddressKeepsNobodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := make(queue, 1)
		p := newPorch(t.Context(), q)
		comes := func(from string) *visitor {
			v := &visitor{from: from}
			q <- v
			if _, err := p.Accept(); err != nil {
				t.Fatal(err)
			}
			return v
		}
		quiet := []*visitor{comes("198.51.100.1"), comes("198.51.100.2")}
		var flood []*visitor
		for range 300 {
			flood = append(flood, comes("203.0.113.9"))
		}
		late := comes("198.51.100.3")
		for _, v := range append(quiet, late, flood[len(flood)-1]) {
			if v.closed.Load() {
				t.Errorf("%s has lost its place", v.from)
			}
		}
		if len(p.waiting) != porchRoom {
			t.Errorf("%d stand on the porch", len(p.waiting))
		}
		time.Sleep(porchWithin)
		synctest.Wait()
		if !quiet[0].closed.Load() || !late.closed.Load() || len(p.waiting)+len(p.all) != 0 {
			t.Errorf("%d still stand there after %v", len(p.waiting), porchWithin)
		}
	})
}

func TestWhoIsInsideIsNotHurriedAndWhoComesBackIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := make(queue, 1)
		p, v := newPorch(t.Context(), q), &visitor{from: "198.51.100.1"}
		q <- v
		c, _ := p.Accept()
		g := c.(*guest)
		if !g.begin() || g.begin() {
			t.Error("two sessions at once")
		}
		g.settle()
		time.Sleep(time.Hour)
		synctest.Wait()
		if v.closed.Load() {
			t.Error("a session of an hour was cut")
		}
		g.end()
		time.Sleep(porchWithin)
		synctest.Wait()
		if !v.closed.Load() {
			t.Error("a connection without a session stays")
		}
	})
}

func TestWhoTakesAllRoomsLeavesRoomForOthersAndForAStop(t *testing.T) {
	var r rooms
	for range ownConsoles {
		if why := r.enter("ada", console); why != "" {
			t.Fatal(why)
		}
	}
	if r.enter("ada", console) == "" {
		t.Error("one console too many")
	}
	for k := range kinds {
		if why := r.enter("bob", k); why != "" {
			t.Errorf("bob: %s", why)
		}
	}
	crowd := 0
	for ; r.enter(strings.Repeat("x", 1+crowd/ownCommands), command) == "" && crowd < 1000; crowd++ {
	}
	if crowd != mostCommands-1 {
		t.Errorf("%d commands beside bob's", crowd)
	}
	if why := r.enter("eve", stop); why != "" {
		t.Errorf("no room to stop: %s", why)
	}
	for range ownConsoles {
		r.leave("ada", console)
	}
	if why := r.enter("ada", console); why != "" || len(r.those) == 0 {
		t.Errorf("who has left may not come again: %s", why)
	}
	r.leave("ada", console)
	if r.those["ada"] != nil {
		t.Error("who has left is remembered")
	}
}

func TestASizeIsSensible(t *testing.T) {
	for _, row := range []struct {
		w, h uint32
		want Size
	}{{120, 40, Size{120, 40}}, {1, 1, Size{1, 1}}, {0, 0, usual}, {0, 50, usual}, {1 << 31, 1 << 31, Size{widest, highest}}, {80, 4_000_000_000, Size{80, highest}}} {
		if got := sensible(row.w, row.h); got != row.want {
			t.Errorf("%d x %d is %v", row.w, row.h, got)
		}
	}
}
