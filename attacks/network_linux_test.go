//go:build linux

package attacks

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A second neighbour, behind eth1, is the one that is cut off, slowed down and lied to; by eth0 the controller comes.
const (
	otherHere   = "10.78.0.1"
	otherThere  = "10.78.0.2"
	otherHere6  = "fd00:78::1"
	otherThere6 = "fd00:78::2"
)

// newHostBetween is a host with both neighbours; there is the process whose network is the second one's.
func newHostBetween(t *testing.T, shell string) (h *namespaceHost, there string) {
	t.Helper()
	h = newHost(t, shell)
	other := exec.Command("unshare", "--net", "sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		other.Process.Kill()
		other.Wait()
	})
	there = strconv.Itoa(other.Process.Pid)
	poll(t, 5*time.Second, "the other neighbour's own network", func() bool {
		a, _ := os.Readlink("/proc/" + there + "/ns/net")
		b, _ := os.Readlink("/proc/self/ns/net")
		return a != "" && a != b
	})
	for _, line := range []string{
		"nsenter -t " + h.pid() + " -n ip link add eth1 type veth peer name eth1 netns " + there,
		"nsenter -t " + h.pid() + " -n sh -c 'ip addr add " + otherHere + "/24 dev eth1; ip addr add " + otherHere6 + "/64 dev eth1 nodad; ip link set eth1 up'",
		"nsenter -t " + there + " -n sh -c 'ip addr add " + otherThere + "/24 dev eth1; ip addr add " + otherThere6 + "/64 dev eth1 nodad; ip link set eth1 up; ip link set lo up'",
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Skipf("the second network cannot be set up: %s: %s", line, out)
		}
	}
	h.eventually(10*time.Second, "the other neighbour answers", func() bool { return h.pings(otherThere) && h.pings(otherThere6) })
	h.eventually(10*time.Second, "no address is tentative", func() bool { return !strings.Contains(h.must("ip -o addr"), "tentative") })
	h.settle()
	return h, there
}

func (h *namespaceHost) pings(whom string) bool {
	_, err := h.sh("ping -c 1 -W 1 " + whom)
	return err == nil
}

// links is what [namespaceHost.state] does not look at.
func (h *namespaceHost) links() string {
	return h.must("ip -o link; ip -4 route show table all; ip -6 route show table all; ip neigh show nud permanent")
}

// inNetwork does something in the network of a process. Sockets that are made there stay there. The thread comes
// home and lives on: with it, the processes that it ever started would end.
func inNetwork(pid string, do func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	abroad, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		return err
	}
	defer abroad.Close()
	if err := unix.Setns(int(abroad.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic("a thread cannot leave the network it went to: " + err.Error())
		}
		runtime.UnlockOSThread()
	}()
	return do()
}

// connects tells how a TCP connection ends: "" if it comes about.
func (h *namespaceHost) connects(to string) string {
	err := inNetwork(h.pid(), func() error {
		conn, err := net.DialTimeout("tcp", to, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return ending(err)
}

func ending(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return err.Error()
}

// listen answers connections in the network of a process.
func listen(t *testing.T, pid, address string) {
	t.Helper()
	var l net.Listener
	if err := inNetwork(pid, func() (err error) { l, err = net.Listen("tcp", address); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

// serveNames is a little DNS server: it knows no name, and says so to everybody; of alias.example.net it says
// that it is called www.example.com.
func serveNames(t *testing.T, pid, address string) {
	t.Helper()
	var c net.PacketConn
	if err := inNetwork(pid, func() (err error) { c, err = net.ListenPacket("udp", address); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return
			}
			answer := bytes.Clone(buffer[:n])
			answer[2] |= 0x80
			answer[3] = 3
			if bytes.Contains(answer, []byte("\x05alias\x07example\x03net\x00")) {
				answer[3], answer[7] = 0, 1
				answer = append(answer, "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x11\x03www\x07example\x03com\x00"...)
			}
			c.WriteTo(answer, from)
		}
	}()
}

// asks sends a question for a name and tells how that ends: "" with an answer.
func (h *namespaceHost) asks(server, name string) string {
	question := []byte("NU\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	for label := range strings.SplitSeq(name, ".") {
		question = append(append(question, byte(len(label))), label...)
	}
	question = append(question, 0, 0, 28, 0, 1)
	return ending(inNetwork(h.pid(), func() error {
		conn, err := net.Dial("udp", net.JoinHostPort(server, "53"))
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(700 * time.Millisecond))
		if _, err := conn.Write(question); err != nil && !errors.Is(err, syscall.EPERM) {
			return err // a question that is turned away is told so at once, and why in the answer
		}
		_, err = conn.Read(make([]byte, 1500))
		return err
	}))
}

// throughput is what comes back within 2 s, in kbit/s, of pings that make about 5 Mbit/s.
func (h *namespaceHost) throughput(whom string) int {
	out, _ := h.sh("ping -q -c 400 -i 0.005 -w 2 -s 3000 " + whom)
	for line := range strings.Lines(out) {
		var sent, got int
		if n, _ := fmt.Sscanf(line, "%d packets transmitted, %d", &sent, &got); n == 2 {
			return got * 3028 * 8 / 2000
		}
	}
	return 0
}

// A faulty row is an attack on the way to the second neighbour and how it feels.
type faultyRow struct {
	name, kind string
	params     []string
	felt       func(h *namespaceHost) bool
}

func faultyRows() []faultyRow {
	silent := func(whom ...string) func(*namespaceHost) bool {
		return func(h *namespaceHost) bool {
			for _, w := range whom {
				if h.pings(w) {
					return false
				}
			}
			return true
		}
	}
	ends := func(how string) func(*namespaceHost) bool {
		return func(h *namespaceHost) bool { return h.connects(otherThere+":80") == how }
	}
	narrow := func(whom string) func(*namespaceHost) bool {
		return func(h *namespaceHost) bool { return h.throughput(whom) < 1200 }
	}
	asks := func(how string) func(*namespaceHost) bool {
		return func(h *namespaceHost) bool { return h.asks(otherThere, "www.example.com") == how }
	}
	return []faultyRow{
		{"blackhole", "blackhole", []string{"targets=" + otherThere + "," + otherThere6}, silent(otherThere, otherThere6)},
		{"blackhole-port", "blackhole", []string{"targets=" + otherThere, "ports=80", "direction=out"}, ends("timeout")},
		{"partition-in", "partition", []string{"targets=10.78.0.0/24,fd00:78::/64," + otherHere, "direction=in"}, silent(otherThere, otherThere6)},
		{"partition-out", "partition", []string{"targets=" + otherThere6, "direction=out"}, silent(otherThere6)},
		{"reject-reset", "reject", []string{"with=reset", "targets=" + otherThere, "direction=out", "protocol=tcp"}, ends("refused")},
		{"reject-unreachable", "reject", []string{"with=host-unreachable", "targets=" + otherThere, "ports=80"}, ends("unreachable")},
		{"bandwidth-out", "bandwidth", []string{"rate=500", "targets=" + otherThere + "," + otherThere6, "direction=out"}, narrow(otherThere)},
		{"bandwidth-in", "bandwidth", []string{"rate=500", "targets=" + otherThere, "direction=in"}, narrow(otherThere)},
		{"bandwidth-both-6", "bandwidth", []string{"rate=500", "interface=eth1", "direction=both"}, narrow(otherThere6)},
		{"dns-timeout", "dns", []string{"answer=timeout"}, asks("timeout")},
		{"dns-refused", "dns", []string{"answer=refused", "targets=" + otherThere}, asks("refused")},
		{"dns-name", "dns", []string{"answer=timeout", "domains=example.com"}, asks("timeout")},
		{"link-down", "link-down", []string{"interface=eth1"}, silent(otherThere, otherThere6)},
	}
}

func TestEveryNetworkFaultIsFeltAndLeavesNoTrace(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h, there := newHostBetween(t, shell)
		listen(t, there, ":80")
		serveNames(t, there, ":53")
		// what goes with a link that is down
		h.must("ip route add 203.0.113.0/24 via " + otherThere + " metric 50; ip -6 route add fd00:99::/64 via " + otherThere6 + "; ip route add 198.51.100.0/25 dev eth1 table 77; ip neigh add 10.78.0.9 lladdr 02:00:00:00:00:09 dev eth1")
		h.settle()
		links := h.links()
		for _, row := range faultyRows() {
			if row.felt(h) {
				t.Fatalf("%s is felt before it is there", row.name)
			}
			h.upload(h.runner)
			s := h.attacked(row.name+"-1", row.kind, 60, 15, row.params...)
			if !row.felt(h) {
				t.Errorf("%s is not felt; %s", row.name, h.must("nft list ruleset; tc -s qdisc show; ip -o link"))
			}
			s.send("stop")
			if said, status := s.ends(); last(said) != "restored" || status != 0 {
				t.Fatalf("%s: said %q and ended with %d", row.name, said, status)
			}
			if row.felt(h) {
				t.Errorf("%s is still felt", row.name)
			}
			h.untouched()
			if now := h.links(); now != links {
				t.Fatalf("%s: the links and routes are not as before; gone:\n%s\nnew:\n%s", row.name, missing(links, now), missing(now, links))
			}
		}
	})
}

func TestTheKernelAloneEndsNetworkFaultsWhenEveryProcessOfOursIsDead(t *testing.T) {
	for _, row := range faultyRows() {
		if row.kind == "link-down" {
			continue // which the kernel cannot end, and says so
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h, there := newHostBetween(t, "/bin/sh")
			listen(t, there, ":80")
			serveNames(t, there, ":53")
			h.attacked("dead-1", row.kind, 60, 2, row.params...)
			h.kill("dead-1", "watchdog", "twin", "guard")
			if !row.felt(h) {
				t.Error("the fault is gone with the guards: nothing is shown")
			}
			h.eventually(2*time.Second+5*time.Second, "the fault is over", func() bool { return !row.felt(h) })
			if said, _ := h.run("sweep", "force=0"); !has(said, "cleared dead-1") {
				t.Errorf("the sweep said %q", said)
			}
			h.untouched()
		})
	}
}

func TestALeaseThatIsRenewedKeepsWhatLeavesAndWhatArrivesShaped(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	s := h.attacked("long-1", "bandwidth", 60, 2, "rate=500", "targets="+otherThere, "direction=both")
	began := time.Now()
	for time.Since(began) < 7*time.Second { // which is more than the lease and 3 s
		s.send("renew")
		s.says("renewed")
		if rate := h.throughput(otherThere); rate > 1200 {
			t.Fatalf("%d kbit/s after %s", rate, time.Since(began))
		}
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

// The lab's kernel has netem; where it is missing, that is one sentence, and nothing is touched.
func TestWithoutNetemWhatNeedsItIsInfeasible(t *testing.T) {
	if exec.Command("unshare", "-n", "sh", "-c", "tc qdisc add dev lo root handle cca: prio bands 4 && tc qdisc add dev lo parent cca:4 netem delay 1ms").Run() == nil {
		t.Skip("this kernel has netem")
	}
	h, _ := newHostBetween(t, "/bin/sh")
	for kind, params := range map[string][]string{
		"latency": {"delay=200"}, "loss": {"percent=10"}, "corrupt": {"percent=5"}, "duplicate": {"percent=10"}, "reorder": {"percent=25", "delay=20"},
	} {
		for _, direction := range []string{"out", "both"} {
			said, status := h.guard("none-1", kind, 60, 15, append(params[:len(params):len(params)], "direction="+direction)...).ends()
			if status != 4 || !has(said, "infeasible the kernel has no netem") {
				t.Errorf("%s %s: said %q and ended with %d", kind, direction, said, status)
			}
		}
	}
	h.untouched()
}

func TestWhatArrivesIsLostWithoutNetem(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	s := h.attacked("rain-1", "loss", 60, 15, "percent=40", "direction=in", "targets="+otherThere)
	if said, _ := h.run("measure", "id=rain-1", "kind=loss", "p.percent=40", "p.direction=in", "p.targets="+otherThere); !has(said, "about to "+otherThere) || !has(said, "expect up 40.00") {
		t.Errorf("measured %q", said)
	} else if lost := figureOf(t, said); lost < 28 || lost > 52 {
		t.Errorf("%g %% were lost of which 40 should be", lost)
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

func figureOf(t *testing.T, said []string) float64 {
	t.Helper()
	for _, line := range said {
		if text, ok := strings.CutPrefix(line, "figure "); ok {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no figure in %q", said)
	return 0
}

func TestEachNetworkFaultIsMeasuredBeforeDuringAndAfter(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash on the host to connect and to ask")
	}
	h, there := newHostBetween(t, "/bin/sh")
	listen(t, there, ":80")
	serveNames(t, there, ":53")
	for _, row := range []struct {
		kind      string
		params    []string
		about     string
		low, high float64 // the figure before
		during    [2]float64
		whichWay  string
	}{
		{"blackhole", []string{"targets=" + otherThere}, "by " + otherThere, 100, 100, [2]float64{0, 0}, "down 100"},
		{"blackhole", []string{"targets=" + otherThere, "ports=80"}, "by " + otherThere + " port 80", 100, 100, [2]float64{0, 0}, "down 100"},
		{"partition", []string{"targets=10.78.0.9," + otherThere6, "direction=in"}, "by " + otherThere6, 100, 100, [2]float64{0, 0}, "down 100"}, // the first that answers
		{"reject", []string{"targets=" + otherThere, "with=reset", "direction=out", "protocol=tcp", "ports=80"}, "on the way to " + otherThere, 0, 0, [2]float64{1, 50}, "up 1"},
		{"reject", []string{"targets=" + otherThere6, "with=admin-prohibited", "direction=both"}, "on the way to " + otherThere6, 0, 0, [2]float64{1, 50}, "up 1"},
		{"bandwidth", []string{"rate=60", "targets=" + otherThere, "direction=in"}, "to " + otherThere, 90, 205, [2]float64{15, 89}, "down "},
		{"bandwidth", []string{"rate=60", "direction=out", "targets=" + otherThere6}, "to " + otherThere6, 90, 205, [2]float64{15, 89}, "down "},
		{"dns", []string{"answer=timeout", "domains=example.com", "targets=" + otherThere}, "by " + otherThere + " for example.com", 100, 100, [2]float64{0, 0}, "down 100"},
		{"dns", []string{"answer=refused", "targets=" + otherThere}, "by " + otherThere + " for example.com", 100, 100, [2]float64{0, 0}, "down 100"},
		{"link-down", []string{"interface=eth1"}, "", 1, 1, [2]float64{0, 0}, "down 1"},
	} {
		var header []string
		for _, p := range row.params {
			header = append(header, "p."+p)
		}
		measure := func(when string, low, high float64) {
			t.Helper()
			began := time.Now()
			said, _ := h.run("measure", append([]string{"id=gauge-1", "kind=" + row.kind}, header...)...)
			if got := figureOf(t, said); got < low || got > high || row.about != "" && !has(said, "about "+row.about) || when == "before" && !has(said, "expect "+row.whichWay) {
				t.Errorf("%s %v %s: measured %q, want %g to %g", row.kind, row.params, when, said, low, high)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s %v %s: measuring took %s", row.kind, row.params, when, took)
			}
		}
		h.upload(h.runner)
		s := h.guard("gauge-1", row.kind, 90, 60, row.params...)
		s.says("armed")
		measure("before", row.low, row.high)
		s.send("go")
		s.says("injected 0")
		measure("during", row.during[0], row.during[1])
		s.send("stop")
		s.ends()
		h.upload(h.runner)
		measure("after", row.low, row.high)
	}
	h.untouched()
}

// A name and what is below it are meant, in capitals or not, by IPv4 and IPv6; nothing else is.
func TestOnlyTheNamesThatAreMeantAreLost(t *testing.T) {
	h, there := newHostBetween(t, "/bin/sh")
	serveNames(t, there, ":53")
	for _, answer := range []string{"timeout", "refused"} {
		s := h.attacked("names-1", "dns", 60, 15, "answer="+answer, "domains=example.com,a-rather-long-name.with.several.labels.example.org")
		for name, want := range map[string]string{
			"example.com": answer, "www.example.com": answer, "a.b.c.d.e.example.com": answer, "WWW.ExAmPlE.CoM": answer,
			strings.Repeat("abcdefghi.", 20) + "example.com":       answer,
			"x.a-rather-long-name.with.several.labels.example.org": answer,
			"other-long-name.with.several.labels.example.org":      "",
			"example.org": "", "example.com.org": "", "anexample.com": "", "com": "", "www.example.co": "", "alias.example.net": "",
		} {
			for _, server := range []string{otherThere, otherThere6} {
				if got := h.asks(server, name); got != want {
					t.Errorf("%s: asking %s for %s ends with %q, want %q", answer, server, name, got, want)
				}
			}
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Fatalf("said %q", said)
		}
		h.upload(h.runner)
	}
	h.untouched()
}

// The complaints of others: a rule of somebody's that accepts comes first, and rules of somebody's are lost.
func TestForeignRulesNeitherShieldNorSuffer(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	h.must(`nft -f - <<-END
		table inet firewall {
			set live { type ipv4_addr; elements = { 203.0.113.9 }; }
			chain output { type filter hook output priority -300; policy accept; accept; }
			chain input { type filter hook input priority 0; policy accept; ct state established accept; ip saddr 203.0.113.9 counter drop; }
		}
		table ip filter { chain OUTPUT { type filter hook output priority 0; policy accept; accept; }; }
	END
	iptables -A INPUT -s 203.0.113.7 -j DROP 2>/dev/null || true`)
	h.settle()
	for _, row := range faultyRows()[:8] {
		if strings.Contains(row.name, "port") || row.kind == "reject" {
			continue // nobody listens
		}
		h.upload(h.runner)
		s := h.attacked("foreign-1", row.kind, 60, 15, row.params...)
		if !row.felt(h) {
			t.Errorf("%s is not felt behind somebody's accept", row.name)
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("%s: said %q", row.name, said)
		}
		h.untouched()
	}
}

// A lockout: the neighbour table is empty, everybody is cut off, and the controller comes anew.
func TestTheControllerComesInWhileEverythingElseIsGone(t *testing.T) {
	h, there := newHostBetween(t, "/bin/sh")
	// the controller lives behind the second neighbour now
	h.must("ip route add " + controller + "/32 dev eth1")
	if out, err := exec.Command("nsenter", "-t", there, "-n", "sh", "-c", "ip addr add "+controller+"/32 dev eth1 && ip route add "+hostAddress+"/32 dev eth1 src "+controller).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	listen(t, h.pid(), ":22")
	listen(t, h.pid(), ":80")
	comes := func(port string) string {
		return ending(inNetwork(there, func() error {
			d := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(controller)}}
			conn, err := d.Dial("tcp", hostAddress+":"+port)
			if err == nil {
				conn.Close()
			}
			return err
		}))
	}
	if comes("22") != "" || comes("80") != "" {
		t.Fatal("the controller does not come in before the fault")
	}
	h.settle()
	for _, row := range []struct {
		kind   string
		params []string
	}{
		{"blackhole", nil},
		{"partition", []string{"targets=0.0.0.0/0,::/0"}},
		{"partition", []string{"targets=" + controller}},
		{"reject", []string{"with=reset"}},
		{"loss", []string{"percent=100", "direction=in", "interface=eth1"}},
		{"bandwidth", []string{"rate=8", "direction=both", "interface=eth1", "ports=80"}},
	} {
		s := h.attacked("lock-1", row.kind, 60, 15, row.params...)
		h.must("ip neigh flush dev eth1")
		exec.Command("nsenter", "-t", there, "-n", "ip", "neigh", "flush", "dev", "eth1").Run()
		for range 3 {
			if got := comes("22"); got != "" {
				t.Errorf("%s %v: the controller's login ends with %q", row.kind, row.params, got)
			}
		}
		if row.kind != "bandwidth" && comes("80") == "" {
			t.Errorf("%s %v: not only the controller's SSH is spared, but all it sends", row.kind, row.params)
		}
		s.send("stop")
		if said, _ := s.ends(); last(said) != "restored" {
			t.Errorf("%s: said %q", row.kind, said)
		}
		h.upload(h.runner)
	}
	h.untouched()
}

func TestExclusionsWin(t *testing.T) {
	h, there := newHostBetween(t, "/bin/sh")
	listen(t, there, ":80")
	listen(t, there, ":81")
	h.must("ip addr add 10.78.0.11/24 dev eth1")
	exec.Command("nsenter", "-t", there, "-n", "ip", "addr", "add", "10.78.0.12/24", "dev", "eth1").Run()
	h.settle()
	s := h.attacked("not-1", "blackhole", 60, 15, "targets=10.78.0.0/24,fd00:78::/64", "except=10.78.0.12,fd00:78::/126", "except_ports=81")
	for whom, want := range map[string]bool{otherThere: false, "10.78.0.12": true, otherThere6: true} {
		if h.pings(whom) != want {
			t.Errorf("%s answers: %t", whom, !want)
		}
	}
	if h.connects(otherThere+":80") != "timeout" || h.connects(otherThere+":81") != "" {
		t.Error("of two ports the wrong one is spared")
	}
	s.send("stop")
	s.ends()
	h.upload(h.runner)
	s = h.attacked("not-2", "partition", 60, 15, "targets=10.78.0.0/24,"+peerAddress, "interface=eth0", "protocol=icmp")
	if h.pings(peerAddress) || !h.pings(otherThere) || h.connects(otherThere+":80") != "" {
		t.Error("more than ICMP by way of eth0 is cut")
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

func TestAnInjectionThatFailsHalfWayLeavesNoQdiscNoDeviceAndNoRule(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h, _ := newHostBetween(t, shell)
		tc, _ := exec.LookPath("tc")
		nft, _ := exec.LookPath("nft")
		for _, broken := range []string{"*'dev eth1 parent cca:4'*", "*'class add dev eth1'*", "*'parent ffff:'*'redirect dev eth1'*", "*'dev ccb'*ingress*"} {
			h.stub("tc", "#!/bin/sh\ncase \"$*-$(ip -o addr show eth1)\" in "+broken+"*10.78.0.1*) exit 1 ;; esac\nexec "+tc+" \"$@\"\n")
			h.settle()
			s := h.guard("half-1", "bandwidth", 60, 15, "rate=500", "targets="+otherThere, "direction=both")
			s.says("armed")
			s.send("go")
			if said, status := s.ends(); !has(said, "injected 1") || last(said) != "restored" || status != 0 {
				t.Errorf("%s: said %q and ended with %d", broken, said, status)
			}
			h.untouched()
		}
		h.stub("tc", "#!/bin/sh\nexec "+tc+" \"$@\"\n")
		h.stub("nft", "#!/bin/sh\n[ \"$*\" != '-f -' ] || case $(ip -o addr show eth1) in *10.78.0.1*) exit 1 ;; esac\nexec "+nft+" \"$@\"\n")
		h.settle()
		s := h.guard("half-2", "bandwidth", 60, 15, "rate=500", "targets="+otherThere, "direction=both")
		s.says("armed")
		s.send("go")
		if said, status := s.ends(); !has(said, "injected 1") || last(said) != "restored" || status != 0 {
			t.Errorf("said %q and ended with %d", said, status)
		}
		h.untouched()
	})
}

// Somebody's own tree, redirect or half-forgotten netem is a reason not to attack, and stays as it is.
func TestQdiscsOfSomebodysAreNeverReplaced(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	for setup, want := range map[string]string{
		"tc qdisc add dev eth1 root handle 1: htb default 10; tc class add dev eth1 parent 1: classid 1:10 htb rate 1gbit quantum 10000": "interface eth1 has a htb qdisc that could not be put back exactly",
		"tc qdisc add dev eth1 root tbf rate 1mbit burst 10k latency 50ms":                                                               "interface eth1 has a tbf qdisc that could not be put back exactly",
		"tc qdisc add dev eth1 root pfifo_fast":                                                                                          "interface eth1 has a pfifo_fast qdisc set up by hand",
		"tc qdisc add dev eth1 root handle 5: pfifo limit 77":                                                                            "interface eth1 has a pfifo qdisc that could not be put back exactly",
		"ip link add ifb7 type ifb; tc qdisc add dev eth1 ingress; tc filter add dev eth1 parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb7": "what arrives on interface eth1 is redirected by somebody",
	} {
		h.must(setup)
		h.settle()
		links := h.links()
		said, status := h.guard("tuned-1", "bandwidth", 60, 15, "rate=500", "targets="+otherThere).ends()
		if status != 4 || !has(said, "infeasible "+want) {
			t.Errorf("%s: said %q and ended with %d", setup, said, status)
		}
		h.untouched()
		if h.links() != links {
			t.Errorf("%s: the links are not as before", setup)
		}
		h.sh("tc qdisc del dev eth1 root; tc qdisc del dev eth1 ingress; ip link del ifb7")
	}
}

// What arrives is taken out of the way by nft: an ingress qdisc of somebody's is not in its way.
func TestAnIngressQdiscOfSomebodysStaysWhileWhatArrivesIsShaped(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	h.must("tc qdisc add dev eth1 clsact && tc filter add dev eth1 ingress protocol ip u32 match ip src 203.0.113.9 action pass 2>/dev/null || true")
	h.settle()
	s := h.attacked("beside-1", "bandwidth", 60, 15, "rate=500", "targets="+otherThere, "direction=in")
	if rate := h.throughput(otherThere); rate > 1200 {
		t.Errorf("%d kbit/s", rate)
	}
	if rate := h.throughput(otherThere6); rate < 2000 {
		t.Errorf("the other address has %d kbit/s only", rate)
	}
	s.send("stop")
	s.ends()
	h.untouched()
}

func TestSelectorsThatMakeNoSenseOnThisHostAreInfeasible(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	for _, row := range []struct {
		kind   string
		params []string
		want   string
	}{
		{"blackhole", []string{"interface=eth7"}, "this host has no interface eth7"},
		{"bandwidth", []string{"rate=500", "interface=eth7"}, "this host has no interface eth7"},
		{"reject", []string{"ports=80", "protocol=icmp"}, "ICMP has no ports"},
		{"bandwidth", []string{"rate=500", "targets=" + otherHere}, otherHere + " is this host itself"},
		{"bandwidth", []string{"rate=500", "targets=fd99::1"}, "there is no route to fd99::1"},
		{"latency", []string{"delay=10", "correlation=25"}, "correlation and distribution are those of the jitter"},
		{"loss", []string{"percent=10", "correlation=25", "direction=in"}, "what arrives is lost without correlation"},
		{"dns", []string{"answer=timeout", "domains=" + strings.Repeat("a.example,", 16) + "b.example"}, "more than 16 domains"},
	} {
		if said, status := h.guard("odd-1", row.kind, 60, 15, row.params...).ends(); status != 4 || !has(said, "infeasible "+row.want) {
			t.Errorf("%s %v: said %q and ended with %d", row.kind, row.params, said, status)
		}
	}
	h.untouched()
}

func TestALinkIsNeverTakenDownThatTheControllerNeedsOrThatCouldNotComeBack(t *testing.T) {
	h, _ := newHostBetween(t, "/bin/sh")
	for _, row := range []struct{ setup, device, want string }{
		{"", "eth0", "the way to the controller leads through eth0"},
		{"", "eth9", "this host has no interface eth9"},
		{"ip link add veth5 type veth peer name veth6", "veth5", "veth5 is not up"},
		{"ip link add br0 type bridge; ip link set br0 addrgenmode none; ip link set eth1 master br0; ip link set br0 up", "br0", "other interfaces lie on br0: eth1"},
		{"ip link add br0 type bridge; ip link set br0 addrgenmode none; ip addr flush dev eth1; ip link set eth1 master br0; ip link set br0 up; ip route add " + controller + "/32 dev br0", "eth1", "the way to the controller leads through eth1"},
		{"ip link set eth1 nomaster; ip link del br0; ip addr add " + otherHere + "/24 dev eth1; ip route add 203.0.113.0/24 nexthop via " + otherThere + " nexthop via " + peerAddress, "eth1", "eth1 has a part in routes with several next hops"},
		{"ip route del 203.0.113.0/24; ip -6 addr add fd00:78::9/64 dev eth1 nodad valid_lft 900 preferred_lft 900", "eth1", "eth1 has addresses that a router gave it"},
	} {
		if row.setup != "" {
			h.sh(row.setup)
		}
		h.settle()
		if said, status := h.guard("link-1", "link-down", 60, 15, "interface="+row.device).ends(); status != 4 || !has(said, "infeasible "+row.want) {
			t.Errorf("%s: said %q and ended with %d", row.device, said, status)
		}
		h.untouched()
		if row.want == "other interfaces lie on br0: eth1" {
			h.sh("ip link set eth1 nomaster; ip link del br0")
		}
	}
}

func TestALinkComesBackWhenItsGuardsDieOneByOne(t *testing.T) {
	for _, victims := range [][]string{{"guard"}, {"guard", "watchdog"}} {
		h, _ := newHostBetween(t, "/bin/sh")
		h.must("ip -6 addr flush dev eth1 scope link") // which comes by itself when the link goes up
		h.settle()
		links := h.links()
		s := h.guard("dead-2", "link-down", 60, 15, "interface=eth1")
		if armed := s.says("armed"); !strings.HasPrefix(armed, "layers=guard,") {
			t.Errorf("armed %s: the kernel does not bring a link back", armed)
		}
		s.send("go")
		s.says("injected 0")
		h.kill("dead-2", victims...)
		h.eventually(20*time.Second, "the state is gone", func() bool { _, err := h.sh("test -e /run/chaoscat/dead-2"); return err != nil })
		h.untouched()
		if now := h.links(); now != links {
			t.Errorf("without %v the links are not as before; gone:\n%s\nnew:\n%s", victims, missing(links, now), missing(now, links))
		}
	}
}
