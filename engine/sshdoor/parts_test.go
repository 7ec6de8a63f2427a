package sshdoor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/ssh"
	"go.uber.org/goleak"
	gossh "golang.org/x/crypto/ssh"
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

// comes brings somebody to the porch from there, who is sent away where they are too many.
func (q queue) comes(from string) *visitor {
	v := &visitor{from: from}
	q <- v
	synctest.Wait()
	return v
}

// accepts keeps a porch's door open in a bubble.
func accepts(t *testing.T) (*porch, queue) {
	q := make(queue)
	p := newPorch(t.Context(), q)
	go func() {
		for {
			if _, err := p.Accept(); err != nil {
				return
			}
		}
	}()
	return p, q
}

func TestAFloodFromOneNetworkIsNotHeardAndDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q := accepts(t)
		defer close(q)
		start, open := time.Now(), map[bool]int{}
		for n := range 300 { // one line has as many of the new addresses as it likes
			open[!q.comes(fmt.Sprintf("2001:db8::%x", n)).closed.Load()]++
		}
		if open[true] != arrivalsAtOnce {
			t.Errorf("%d of one network were let onto the porch", open[true])
		}
		if q.comes("2001:db8:0:1::1").closed.Load() || q.comes("198.51.100.1").closed.Load() || !time.Now().Equal(start) {
			t.Errorf("somebody from elsewhere waited %v, or was sent away", time.Since(start))
		}
		time.Sleep(time.Second)
		for range 3 * arrivalsPerSecond {
			open[!q.comes("2001:db8::1").closed.Load()]++
		}
		if open[true] != arrivalsAtOnce+arrivalsPerSecond {
			t.Errorf("%d of one network were let onto the porch within a second", open[true])
		}
		p.clear()
	})
}

func TestAsManyNetworksAsThereAreTakeLittleMemoryAndKeepNobodyOut(t *testing.T) {
	p := &paces[netip.Prefix]{every: time.Second, most: 1}
	now := time.Unix(0, 0)
	for n := range 10 * mostPaces {
		if !p.take(network(&net.TCPAddr{IP: net.IPv4(10, 0, byte(n>>8), byte(n))}), now) {
			t.Fatalf("network %d is sent away", n)
		}
	}
	if len(p.those) > mostPaces {
		t.Errorf("%d are remembered", len(p.those))
	}
	one := netip.MustParsePrefix("192.0.2.1/32")
	for n := 0; len(p.those) < mostPaces; n++ {
		p.take(network(&net.TCPAddr{IP: net.IPv4(172, 16, byte(n>>8), byte(n))}), now)
	}
	if p.take(one, now.Add(time.Minute)); len(p.those) != 1 {
		t.Errorf("%d are remembered after they have nothing to make up for", len(p.those))
	}
	if p.take(one, now.Add(time.Minute)) {
		t.Error("who has just come is not remembered")
	}
}

// pipe is a connection whose other side reads nothing.
func pipe(t *testing.T, p *porch) *guest {
	here, there := net.Pipe()
	t.Cleanup(func() { there.Close() })
	g := &guest{Conn: here, porch: p, room: make(chan bool, 1), next: make(chan bool, 1)}
	p.admit(g)
	g.settle()
	return g
}

func TestAWriteToAClientThatTakesNothingEndsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPorch(t.Context(), make(queue))
		g, start := pipe(t, p), time.Now()
		time.AfterFunc(writeWithin/2, func() { g.SetDeadline(time.Time{}) }) // as the library does when it reads
		if _, err := g.Write([]byte("hello?")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != writeWithin {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _, all := p.standing(); all != 0 {
			t.Error("the connection is still there")
		}
	})
}

// windowless is the session of a client that lets nothing be said to it.
type windowless struct {
	ssh.Session
	keeps   keeps
	client  net.Conn
	command string
}

// keeps is what its connection keeps.
type keeps struct {
	ssh.Context
	guest *guest
	gate  *gate
}

func (k keeps) Value(key any) any {
	if key == (gateKey{}) {
		return k.gate
	}
	return k.guest
}

func (w windowless) Context() ssh.Context { return w.keeps }
func (w windowless) Permissions() ssh.Permissions {
	return ssh.Permissions{Permissions: &gossh.Permissions{Extensions: map[string]string{personExtension: "ada"}}}
}
func (w windowless) PublicKey() ssh.PublicKey    { return nil }
func (w windowless) RemoteAddr() net.Addr        { return place }
func (w windowless) RawCommand() string          { return w.command }
func (w windowless) Stderr() io.ReadWriter       { return w }
func (w windowless) Read([]byte) (int, error)    { return 0, io.EOF }
func (w windowless) Exit(int) error              { _, err := w.Write(nil); return err }
func (w windowless) Write(p []byte) (int, error) { return w.client.Read(make([]byte, 1)) } // until it is closed

func TestWhoIsRefusedAndDoesNotListenIsOnAClock(t *testing.T) {
	for what, says := range map[string]string{"cannot be read": "echo '", "needs a terminal": "", "too many": "status", "served": "--quiet stop", "breaks": "stop now"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPorch(t.Context(), make(queue))
			d := &Door{lines: &paces[string]{}, o: Options{Log: slog.New(slog.DiscardHandler), People: func() (*People, error) { return nil, errors.New("none") }}}
			d.o.Command = func(_ context.Context, v Visit, args []string) int {
				if args[0] == "stop" {
					panic("oh no")
				}
				return 0
			}
			for range ownCommands {
				d.rooms.enter("ada", command)
			}
			here, there := net.Pipe()
			g := &guest{Conn: here, porch: p, room: make(chan bool, 1), next: make(chan bool, 1)}
			p.admit(g)
			w := windowless{keeps: keeps{guest: g, gate: newGate(t.Context(), nil)}, client: there, command: says}
			start := time.Now()
			d.caught(d.receive(nil))(w)
			if took := time.Since(start); took != hangUp {
				t.Errorf("%s: cut off after %v", what, took)
			}
			if _, all := p.standing(); all != 0 {
				t.Errorf("%s: the connection is still there", what)
			}
			if d.rooms.all != [kinds]int{0, ownCommands, 0} {
				t.Errorf("%s: rooms %v", what, d.rooms.all)
			}
			w.keeps.gate.cancel(nil)
		})
	}
}

func TestOnePersonHasSoManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPorch(t.Context(), make(queue))
		first := pipe(t, p)
		p.introduce(first, "ada")
		for n := 1; n < ownConnections; n++ {
			if !p.introduce(pipe(t, p), "ada") {
				t.Fatalf("%d are too many", n+1)
			}
		}
		if g := pipe(t, p); p.introduce(g, "ada") || !p.introduce(g, "bob") {
			t.Error("one too many is let in, or somebody else is not")
		}
		first.Close()
		if !p.introduce(pipe(t, p), "ada") {
			t.Error("who has left still counts")
		}
		p.clear()
	})
}

func TestAStopIsAStopWhateverFlagsStandBeforeIt(t *testing.T) {
	for text, want := range map[string]kind{
		"": console, "stop": stop, "--quiet stop": stop, "--json -q stop --wait": stop,
		"status": command, "--json status": command, "--help": command, "status stop": command, "-- ": command,
	} {
		if got := kindOf(strings.Fields(text)); got != want {
			t.Errorf("%q is %d, not %d", text, got, want)
		}
	}
}

// standing is how many are on the porch, and how many there are.
func (p *porch) standing() (waiting, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting), len(p.all)
}

func TestAFloodFromOneAddressKeepsNobodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, q := accepts(t)
		defer close(q)
		quiet := []*visitor{q.comes("198.51.100.1"), q.comes("198.51.100.2")}
		var flood []*visitor
		for n := range 300 { // in seconds, and from more than one address
			flood = append(flood, q.comes("203.0.113."+strconv.Itoa(n%3)))
			time.Sleep(time.Second / arrivalsPerSecond / 2)
		}
		late := q.comes("198.51.100.3")
		for _, v := range append(quiet, late, flood[len(flood)-1]) {
			if v.closed.Load() {
				t.Errorf("%s has lost its place", v.from)
			}
		}
		if n, _ := p.standing(); n != porchRoom {
			t.Errorf("%d stand on the porch", n)
		}
		time.Sleep(porchWithin)
		synctest.Wait()
		if n, all := p.standing(); !quiet[0].closed.Load() || !late.closed.Load() || n+all != 0 {
			t.Errorf("%d still stand there after %v", n, porchWithin)
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
