//go:build linux

package attacks

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// choice is an attack that a namespace can carry, within bounds that this machine does not feel.
type choice struct {
	attack string
	params map[string]string
}

var harmless = []choice{
	{"blackhole", nil},
	{"blackhole", map[string]string{"targets": peerAddress, "ports": "80,443", "direction": "out"}},
	{"blackhole", map[string]string{"lifeline": "false", "direction": "in"}},
	{"partition", map[string]string{"targets": peerAddress + ",fd00::/64"}},
	{"reject", map[string]string{"ports": "5432"}},
	{"dns", nil},
	{"dns", map[string]string{"domains": "example.org", "answer": "refused"}},
	{"latency", map[string]string{"delay": "10ms"}},
	{"bandwidth", map[string]string{"rate": "1mbit"}},
	{"bandwidth", map[string]string{"rate": "1mbit", "direction": "both"}},
	{"link-down", map[string]string{"interface": "spare0"}},
	{"cpu", map[string]string{"load": "1", "workers": "1"}},
	{"memory", map[string]string{"size": "4MiB"}},
	{"disk-fill", map[string]string{"path": "/mnt", "size": "1MiB"}},
	{"inodes", map[string]string{"path": "/mnt", "leave": "450"}},
	{"fds", map[string]string{"count": "50"}},
	{"pids", map[string]string{"count": "5"}},
	{"port-hog", map[string]string{"port": "9099"}},
	{"process-pause", map[string]string{"process": "sleep 7654"}},
	{"service-stop", map[string]string{"unit": "db.service"}},
	{"mark", nil},
}

// A walk is a sequence of events on one host, the same for the same seed but for the host's own pace.
type walk struct {
	*namespaceHost
	chance *rand.Rand
	kinds  []choice
	events int
	count  map[string]int
}

// Moments at which an attack is interfered with, and ways in which it ends.
const (
	atOnce = iota
	armedOnly
	injecting
	injected
	moments
)

var endings = map[string]func(w *walk, s *session, id string){
	"stop":                func(_ *walk, s *session, _ string) { s.send("") },
	"stop, twice":         func(_ *walk, s *session, _ string) { s.send("stop"); s.send("stop") },
	"end of input":        func(_ *walk, s *session, _ string) { s.in.Close() },
	"TERM to the guard":   func(w *walk, _ *session, id string) { w.signal("TERM", id, "pid.guard") },
	"session killed":      func(_ *walk, s *session, _ string) { s.cmd.Process.Kill(); s.in.Close() },
	"guard killed":        func(w *walk, _ *session, id string) { w.signal("KILL", id, "pid.guard") },
	"watchdog killed":     func(w *walk, s *session, id string) { w.signal("KILL", id, "pid.watchdog"); s.send("renew") },
	"twin killed":         func(w *walk, s *session, id string) { w.signal("KILL", id, "pid.twin"); s.send("renew") },
	"only one left":       func(w *walk, _ *session, id string) { w.signal("KILL", id, "pid.guard", "pid.watchdog") },
	"everyone killed":     func(w *walk, _ *session, id string) { w.signal("KILL", id, "pid.watchdog", "pid.twin", "pid.guard") },
	"injector killed":     func(w *walk, s *session, id string) { w.signal("KILL", id, "inject"); s.send("stop") },
	"undo by id":          func(w *walk, s *session, id string) { w.run("undo", "id="+id); s.in.Close() },
	"forced sweep":        func(w *walk, s *session, id string) { w.run("sweep", "force=1"); s.in.Close() },
	"a rival, then stop":  func(w *walk, s *session, id string) { w.rival(); s.send("stop") },
	"looks, then stop":    func(w *walk, s *session, id string) { w.run("inspect"); s.send("stop") },
	"renewals, then stop": func(_ *walk, s *session, _ string) { s.send("renew"); s.send("renew"); s.send("stop") },
}

func (w *walk) signal(name, id string, files ...string) {
	w.sh(fmt.Sprintf(`for file in %s; do { read -r pid _ </run/chaoscat/%s/$file; } 2>/dev/null && kill -%s $pid; done`, strings.Join(files, " "), id, name))
}

// rival tries to attack the host that is taken, or takes it and gives it back.
func (w *walk) rival() {
	s := w.begin("rival", w.kinds[w.chance.IntN(len(w.kinds))])
	s.send("stop")
	s.ends()
}

func (w *walk) begin(id string, c choice) *session {
	w.t.Helper()
	def, params := c.definition()
	wire, err := Check(def, params)
	if err != nil {
		w.t.Fatalf("%s %v: %v", c.attack, params, err)
	}
	lease := 15
	if wire["lifeline"] == "0" {
		lease = 0
	}
	var given []string
	for _, key := range slices.Sorted(maps.Keys(wire)) {
		given = append(given, key+"="+wire[key])
	}
	return w.guard(id, c.attack, 60, lease, given...)
}

// mark is an operator's own attack, the smallest there is.
func mark() Definition {
	def, err := Custom(CustomFiles{Name: "mark", Inject: "echo x >/run/mark", Undo: "rm -f /run/mark"})
	if err != nil {
		panic(err)
	}
	return def
}

func (c choice) definition() (Definition, map[string]string) {
	if c.attack == "mark" {
		return mark(), nil
	}
	def, _ := Find(c.attack)
	return def, c.params
}

// event is one attack, begun at some moment's notice and ended in some way, and a host of which nobody is left.
func (w *walk) event(n int) {
	w.t.Helper()
	id := fmt.Sprintf("walk-%d", n)
	c := w.kinds[w.chance.IntN(len(w.kinds))]
	moment := w.chance.IntN(moments)
	names := slices.Sorted(maps.Keys(endings))
	ending := names[w.chance.IntN(len(names))]
	s := w.begin(id, c)
	if moment > atOnce && !strings.HasPrefix(s.first(), "armed ") {
		w.count["refused"]++
		s.in.Close()
		s.ends()
		w.over(id)
		return
	}
	if moment >= injecting {
		s.send("go")
	}
	if moment == injected {
		s.says("injected 0")
	}
	w.count["ended by "+ending]++
	w.events++
	endings[ending](w, s, id)
	s.in.Close()
	s.ends()
	if ending == "everyone killed" {
		w.run("sweep", "force=0")
		w.events++
	}
	if out, err := w.over(id); err != nil {
		w.t.Fatalf("event %d, %s %v, interfered with at moment %d, %s: the run is not over: %s", n, c.attack, c.params, moment, ending, out)
	}
}

// over waits until nothing of the run is left: whoever undoes it takes the runner along before the last of it.
func (w *walk) over(id string) (string, error) {
	return w.sh(`cd /run/chaoscat 2>/dev/null || exit 0; n=0; while { [ -d ` + id + ` ] || [ -d .done-` + id + ` ]; } && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done; cat ./*/reason 2>/dev/null; [ $n -lt 300 ]`)
}

// picture is everything that could differ.
func (w *walk) picture() string {
	w.sh("rm -f " + w.path + " /run/chaoscat/runner-*; rmdir /run/chaoscat /run/mount 2>/dev/null")
	var now string
	poll2(5*time.Second, func() bool {
		now = w.state() + w.must("iptables-save 2>/dev/null | grep -v '^#'; mount | grep -v ' type nsfs ' | sort; cat /proc/sys/net/core/default_qdisc; for p in $(pidof sleep); do cut -d ' ' -f 3 /proc/$p/stat; done; true")
		return now == w.before
	})
	return now
}

// eventsWanted is 60; 20 in short tests; or what CHAOSCAT_EVENTS says, as CI does: 200.
func eventsWanted(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("CHAOSCAT_EVENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return 20
	}
	return 60
}

func seedWanted(t *testing.T) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("CHAOSCAT_SEED"), strconv.FormatInt(time.Now().UnixNano()%1_000_000, 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func TestWhateverIsAttackedStoppedAndKilledTheHostEndsExactlyAsItBegan(t *testing.T) {
	seed, wanted := seedWanted(t), eventsWanted(t)
	t.Logf("%d events with seed %d: the same again with CHAOSCAT_EVENTS=%d CHAOSCAT_SEED=%d", wanted, seed, wanted, seed)
	w := &walk{namespaceHost: newHost(t, "/bin/sh", append(Builtin(), mark())...), chance: rand.New(rand.NewPCG(seed, 0)), count: map[string]int{}}
	for _, c := range harmless {
		if def, _ := c.definition(); def.Name != "" {
			w.kinds = append(w.kinds, c)
		}
	}
	w.must("mount -t tmpfs -o size=8m,nr_inodes=500 tmpfs /mnt; sleep 7654 >/dev/null 2>&1 &")
	w.must("ip link add spare0 type veth peer name spare1 && ip addr add 10.78.0.1/24 dev spare0 && ip link set spare0 up && ip link set spare1 up && ip route add 10.79.0.0/16 via 10.78.0.2")
	w.eventually(10*time.Second, "no address is tentative", func() bool { return !strings.Contains(w.must("ip -o addr"), "tentative") })
	w.before = w.picture()
	w.upload(w.runner)
	for n := 0; w.events < wanted; n++ {
		w.event(n)
		w.events++
		w.upload(w.runner) // a guard whose controller did not say stop has taken the runner along
		if n%25 == 24 {
			w.compare(n)
		}
	}
	w.compare(-1)
	t.Logf("%d events: %v", w.events, w.count)
	if 2*w.count["refused"] > wanted {
		t.Errorf("most attacks were refused: nothing is shown")
	}
}

func (w *walk) compare(n int) {
	w.t.Helper()
	if now := w.picture(); now != w.before {
		w.t.Fatalf("after event %d the host is not as before; gone:\n%s\nnew:\n%s", n, missing(w.before, now), missing(now, w.before))
	}
	w.upload(w.runner)
}
