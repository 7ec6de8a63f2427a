//go:build linux

package attacks

import (
	"slices"
	"strings"
	"testing"
)

// sentences are the ends of those control lines that begin with the words.
func sentences(said []string, words string) []string {
	var found []string
	for _, line := range said {
		if rest, ok := strings.CutPrefix(line, words+" "); ok {
			found = append(found, rest)
		}
	}
	return found
}

// foreign is something that another fault injector, or a person, has left on a host.
type foreign struct {
	name  string
	make  string // shell lines
	want  string // the sentence; "" if it is no fault
	still string // succeeds while it is there
	undo  string
}

var faultsOfOthers = []foreign{
	{"a chain of Chaos Mesh or chaosd", "iptables -N CHAOS-INPUT", "iptables chain CHAOS-INPUT", "iptables -S CHAOS-INPUT", "iptables -X CHAOS-INPUT"},
	{"packets dropped by chance", "iptables -A INPUT -m statistic --mode random --probability 0.5 -s 198.51.100.9 -j DROP", "iptables drops packets by chance: -A INPUT -s 198.51.100.9/32", "iptables -S INPUT | grep -q DROP", "iptables -F INPUT"},
	{"a rule with a tool's name", `iptables -A OUTPUT -d 198.51.100.9 -m comment --comment "by pumba" -j DROP`, "iptables rule -A OUTPUT -d 198.51.100.9/32", "iptables -S OUTPUT | grep -q pumba", "iptables -F OUTPUT"},
	{"an IPv6 chain", "ip6tables -N CHAOS-OUTPUT", "iptables chain CHAOS-OUTPUT", "ip6tables -S CHAOS-OUTPUT", "ip6tables -X CHAOS-OUTPUT"},
	{"an nft table", "nft add table inet chaos-mesh", "nft table inet chaos-mesh", "nft list table inet chaos-mesh", "nft delete table inet chaos-mesh"},
	{"a stray stress-ng", "cp $(command -v sleep) /run/stress-ng-cpu; /run/stress-ng-cpu 1000 >/dev/null 2>&1 & until grep -q stress /proc/$!/comm; do :; done", "process ", "pidof stress-ng-cpu", "kill $(pidof stress-ng-cpu); rm /run/stress-ng-cpu"},
	{"a burner of chaosblade", "cp $(command -v sleep) /run/chaos_burncpu; /run/chaos_burncpu 1000 >/dev/null 2>&1 & until grep -q chaos_ /proc/$!/comm; do :; done", "process ", "pidof chaos_burncpu", "kill $(pidof chaos_burncpu); rm /run/chaos_burncpu"},
	{"a disk filled by chaosblade", "mount -t tmpfs tmpfs /mnt && touch /mnt/chaos_filldisk.log.dat", "file /mnt/chaos_filldisk.log.dat, which fills a disk", "test -e /mnt/chaos_filldisk.log.dat", "umount /mnt"},
	{"arriving packets sent to nowhere", "ip link add ifb0 type ifb && tc qdisc add dev eth0 ingress && tc filter add dev eth0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ifb0", "what arrives on interface eth0 is sent to ifb0, which is down", "tc filter show dev eth0 ingress | grep -q ifb0", "tc qdisc del dev eth0 ingress; ip link del ifb0"},
}

// what an administrator has every reason to have.
var tradeOfAdministrators = []foreign{
	{name: "a firewall that drops", make: "iptables -N LOGDROP; iptables -A LOGDROP -j DROP; iptables -A INPUT -s 198.51.100.9 -j LOGDROP; iptables -P FORWARD DROP", still: "iptables -S LOGDROP", undo: "iptables -F; iptables -X; iptables -P FORWARD ACCEPT; nft delete table ip filter"},
	{name: "a balance by chance", make: "iptables -A INPUT -m statistic --mode random --probability 0.5 -j ACCEPT", still: "iptables -S INPUT | grep -q statistic", undo: "iptables -F; nft delete table ip filter"},
	{name: "an nft firewall", make: "nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy accept; }; add rule inet filter input ip saddr 198.51.100.0/24 drop'", still: "nft list table inet filter", undo: "nft delete table inet filter"},
	{name: "arriving packets shaped", make: "ip link add ifb0 type ifb && ip link set ifb0 up && tc qdisc add dev eth0 ingress && tc filter add dev eth0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ifb0", still: "tc filter show dev eth0 ingress | grep -q ifb0", undo: "tc qdisc del dev eth0 ingress; ip link del ifb0"},
	{name: "an own pace", make: "tc qdisc add dev eth0 root tbf rate 900mbit burst 100k latency 50ms", still: "tc qdisc show dev eth0 | grep -q tbf", undo: "tc qdisc del dev eth0 root"},
	{name: "a process that sounds like it", make: "cp $(command -v sleep) /run/stressed; /run/stressed 1000 >/dev/null 2>&1 & until grep -q stressed /proc/$!/comm; do :; done", still: "pidof stressed", undo: "kill $(pidof stressed); rm /run/stressed"},
	{name: "a network that is thrown away", make: "ip route add blackhole 203.0.113.0/24", still: "ip route show | grep -q blackhole", undo: "ip route del blackhole 203.0.113.0/24"},
	{name: "a banned address", make: "ip route add unreachable 198.51.100.9", still: "ip route show | grep -q unreachable", undo: "ip route del unreachable 198.51.100.9"},
}

// arrange makes it, or skips where this kernel cannot.
func (f foreign) arrange(t *testing.T, h *namespaceHost) {
	t.Helper()
	if out, err := h.sh(f.make); err != nil {
		t.Skipf("this machine cannot play it: %s", out)
	}
	h.must(f.still)
}

func TestTheFaultOfAnotherToolIsNamedIsAReasonNotToAttackAndIsNeverTouched(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		for _, f := range faultsOfOthers {
			t.Run(f.name, func(t *testing.T) {
				f.arrange(t, h)
				said, _ := h.run("inspect")
				if busy := sentences(said, "busy foreign 0"); len(busy) != 1 || !strings.HasPrefix(busy[0], f.want) {
					t.Errorf("inspect says %q, want %q", busy, f.want)
				}
				said, _ = h.run("sweep", "force=1")
				if told := sentences(said, "foreign"); len(told) == 0 || !strings.HasPrefix(told[0], f.want) || last(said) != "done" {
					t.Errorf("the sweep says %q, want %q", said, f.want)
				}
				if _, err := h.sh(f.still); err != nil {
					t.Error("the sweep has touched it")
				}
				h.must(f.undo)
				if said, _ := h.run("inspect"); has(said, "busy") {
					t.Errorf("without it inspect says %q", sentences(said, "busy"))
				}
			})
		}
		h.sh("nft delete table ip filter; nft delete table ip6 filter")
		h.untouched()
	})
}

func TestWhatAnAdministratorHasEveryReasonToHaveBlocksNoAttack(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		for _, f := range tradeOfAdministrators {
			t.Run(f.name, func(t *testing.T) {
				f.arrange(t, h)
				if said, _ := h.run("inspect"); has(said, "busy") || last(said) != "done" {
					t.Errorf("inspect says %q", sentences(said, "busy"))
				}
				said, _ := h.run("sweep", "force=1")
				for _, told := range sentences(said, "foreign") {
					if !strings.HasPrefix(told, "only a note: ") {
						t.Errorf("the sweep says %q", told)
					}
				}
				h.must(f.still)
				h.must(f.undo)
			})
		}
		h.untouched()
	})
}

// This kernel has no netem; what tc would print is played.
func TestNetemOfAnotherToolIsNamedWhereverItSits(t *testing.T) {
	h := newHost(t, "/bin/sh")
	h.stub("tc", `#!/bin/sh
case $* in
'qdisc show') echo 'qdisc noqueue 0: dev lo root refcnt 2'
	echo 'qdisc netem 8001: dev eth0 root refcnt 2 limit 1000 delay 100ms'
	echo 'qdisc prio 1: dev eth1 root refcnt 2 bands 4'
	echo 'qdisc netem 40: dev eth1 parent 1:4 limit 1000 loss 10%'
	echo 'qdisc ingress ffff: dev eth2 parent ffff:fff1 ----------------'
	echo 'qdisc netem 8002: dev ifb7 root refcnt 2 limit 1000 delay 1s' ;;
'filter show dev eth2 ingress') echo '	action order 1: mirred (Egress Redirect to device ifb7) stolen' ;;
*) exit 1 ;;
esac
`)
	h.must("ip link add ifb7 type ifb")
	said, _ := h.run("inspect")
	want := []string{"netem is on interface eth0", "netem is on interface eth1", "netem is on interface ifb7", "what arrives on interface eth2 goes through ifb7, where netem is"}
	if busy := sentences(said, "busy foreign 0"); !slices.Equal(busy, want) {
		t.Errorf("inspect says %q, want %q", busy, want)
	}
	h.must("ip link del ifb7")
}

func TestWhatIsOursAndHasNoStateAnyMoreIsClearedAndNamed(t *testing.T) {
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.must(`nft add table inet chaoscat_lost_1; nft add table netdev chaoscat_lost_1
			mkdir -p /run/chaoscat/.done-lost-2 && ln -s run:lost-3:999999:1 /run/chaoscat/.claim
			echo half >/run/chaoscat/runner-0123456789abcdef.999999`)
		shaped, _ := h.sh("tc qdisc add dev eth0 root handle cca: htb && ip link add cca0123 type veth peer name ccb0123 && tc qdisc add dev cca0123 root handle ccd: htb && echo shaped")
		said, _ := h.run("inspect")
		if !has(said, "busy foreign 0 nft table inet chaoscat_lost_1 without the state of its run") {
			t.Errorf("inspect says %q", said)
		}
		said, status := h.run("sweep", "force=0")
		want := []string{"cleared lost-3", "cleared orphan nft table chaoscat_lost_1", "cleared orphan nft table chaoscat_lost_1"}
		if strings.HasSuffix(shaped, "shaped\n") {
			want = append(want, "cleared orphan qdisc htb of eth0", "cleared orphan interface cca0123")
		}
		for _, words := range want {
			if !has(said, words) {
				t.Errorf("nothing begins with %q in %q", words, said)
			}
		}
		if status != 0 || last(said) != "done" || has(said, "kept") {
			t.Errorf("ended with %d, saying %q", status, said)
		}
		h.untouched()
	})
}

func TestASweepLetsGoOnWhatTheDeadHadStopped(t *testing.T) {
	if _, ok := Find("process-pause"); !ok {
		t.Skip("needs the attack process-pause")
	}
	everyShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell)
		h.must("sleep 7654 >/dev/null 2>&1 &")
		h.settle()
		h.attacked("paus-1", "process-pause", 60, 15, "process=sleep 7654", "count=1", "which=oldest")
		stopped := func() bool {
			out, _ := h.sh("cat $(grep -l 7654 /proc/[0-9]*/cmdline | sed 's/cmdline/stat/')")
			return strings.Contains(out, " T ")
		}
		h.eventually(margin, "the process is stopped", stopped)
		h.kill("paus-1", "watchdog", "twin", "guard")
		if said, _ := h.run("sweep", "force=0"); !has(said, "cleared paus-1") {
			t.Errorf("the sweep says %q", said)
		}
		h.eventually(margin, "the process goes on", func() bool { return !stopped() })
		h.untouched()
	})
}

// An inspection is made of every host again and again: what it starts there is counted.
func TestAnInspectionStartsFewProcesses(t *testing.T) {
	h := newHost(t, "/bin/sh")
	for _, tool := range []string{"tc", "nft", "ip", "grep", "unshare", "uname", "readlink", "id", "sed", "cat", "iptables-save"} {
		h.stub(tool, "#!/bin/sh\necho "+tool+" >>/run/started\nexec $(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "+tool+") \"$@\"\n")
	}
	h.run("inspect")
	started := strings.Fields(h.must("cat /run/started"))
	if len(started) > 10 {
		t.Errorf("an inspection of nothing starts %d programs: %v", len(started), started)
	}
}
