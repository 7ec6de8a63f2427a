//go:build linux

package lab

import (
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
)

// proof says how an attack is tried on a host of the lab, and how the host itself, asked over its serial line, tells
// that it feels the fault.
type proof struct {
	attack     string
	params     []string // K=V
	setup      string   // script that makes the host fit for it, after each boot; undone by
	teardown   string
	well       string // script that succeeds on a host that does not feel the fault; off prints by how many seconds its clock is wrong
	infeasible string // the sentence with which a host of the lab cannot do it; nothing else is tried then
	deep       bool   // for its class, it goes through every fault there is, not the five alone
	clockwork  bool   // the host goes away: see TestHostsThatGoAway
	fleeting   bool   // over before anybody can look
	loads      bool   // takes what the hosts share, so that another host may feel it, too
	slowly     bool   // the host takes some more seconds to be well, as a service does that starts
}

const (
	web       = "unit=lab-web.service"
	webActive = "systemctl is-active --quiet lab-web"
	webServes = "timeout 2 busybox wget -q -O /dev/null http://127.0.0.1:8080/"
	pinged    = "ping -n -c 1 -W 1 " + gatewayAddress
	allPinged = "ping -q -n -c 10 -i 0.02 -W 1 " + gatewayAddress + " | grep -q ' 0% packet loss'"
	onlyOnce  = "! ping -n -c 10 -i 0.02 -W 1 " + gatewayAddress + " | grep -q DUP"
	resolves  = "timeout 1 getent ahostsv4 probe.lab"
	noHogs    = "! grep -q -s -x 1000 /proc/[0-9]*/oom_score_adj" // they make themselves the first to be killed
)

// worstBelow is a gateway that answers each of some large packets within so many milliseconds.
func worstBelow(ms string) string {
	return "ping -q -n -c 6 -i 0.02 -W 3 -s 1400 " + gatewayAddress + ` | sed -n 's,^rtt.* [0-9.]*/[0-9.]*/\([0-9]*\).*,\1,p' | { read -r ms && [ $ms -lt ` + ms + ` ]; }`
}

// usedBelow is a root disk that is fuller, or has fewer inodes left, than a percentage.
func usedBelow(what, percent string) string {
	return "[ $(df --output=" + what + " / | tail -n 1 | tr -dc 0-9) -lt " + percent + " ]"
}

// proofs is every attack of the catalogue: one without a line here fails
// TestEveryAttackOfTheCatalogueIsProvenInTheLab.
var proofs = []proof{
	{attack: "bandwidth", params: []string{"rate=32kbit"}, well: worstBelow("150")},
	{attack: "blackhole", deep: true, well: pinged},
	{attack: "blackhole", params: []string{"lifeline=false"}, well: pinged},
	{attack: "clock", params: []string{"offset=1h"}, slowly: true, well: "o=$(off); [ ${o#-} -lt 60 ]"},
	{attack: "corrupt", params: []string{"percent=60"}, well: allPinged},
	{attack: "cpu", params: []string{"load=60"}, well: noHogs},
	{attack: "disk-fill", params: []string{"percent=70"}, well: usedBelow("pcent", "60")},
	{attack: "disk-io", params: []string{"workers=2", "block=8MiB"}, well: noHogs}, // small blocks keep a processor busy here, not the disk
	{attack: "dns", params: []string{"answer=refused"}, well: resolves},
	{attack: "duplicate", params: []string{"percent=60"}, well: onlyOnce},
	{attack: "fds", params: []string{"count=9000"}, well: "set -- $(cat /proc/sys/fs/file-nr); [ $1 -lt 8000 ]"}, // read by a shell, byte by byte, it is one digit long,
	{attack: "freeze", params: []string{web}, well: webServes},
	{attack: "halt", clockwork: true},
	{attack: "inodes", params: []string{"percent=20"}, well: usedBelow("ipcent", "17")},
	{attack: "latency", deep: true, well: worstBelow("150")},
	{attack: "latency", params: []string{"direction=in"}, well: worstBelow("150")},
	{
		attack: "link-down", params: []string{"interface=spare0"}, well: "[ ! -e /sys/class/net/spare0 ] || ip -o link show spare0 | grep -q LOWER_UP", // a reboot takes it along
		setup:    "ip link add spare0 type dummy && ip link set spare0 addrgenmode none && ip address add 10.78.0.1/24 dev spare0 && ip link set spare0 up && ip route add 10.79.0.0/16 via 10.78.0.2",
		teardown: "ip link delete spare0",
	},
	{attack: "loss", params: []string{"percent=60"}, well: allPinged},
	{attack: "memory", params: []string{"percent=60"}, deep: true, well: "[ $(sed -n 's/^MemAvailable: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) -gt 90000 ]"},
	{attack: "panic", clockwork: true},
	{attack: "partition", params: []string{"targets=" + gatewayAddress}, well: pinged},
	{attack: "pids", params: []string{"count=100"}, well: noHogs},
	{attack: "port-hog", params: []string{"port=9099"}, well: "! ss -H -l -t -n | grep -q :9099"},
	{attack: "process-kill", params: []string{web, "every=1s"}, slowly: true, well: webActive},
	{attack: "process-pause", params: []string{web}, well: webServes},
	{attack: "reboot", clockwork: true},
	{attack: "reject", params: []string{"with=port-unreachable"}, well: pinged},
	{attack: "reorder", params: []string{"percent=50", "delay=200ms"}, well: worstBelow("150")},
	{attack: "service-crash", params: []string{web}, slowly: true, fleeting: true, well: webServes},
	{attack: "service-stop", params: []string{web}, deep: true, slowly: true, well: webActive},
}

func (p proof) String() string { return strings.Join(append([]string{p.attack}, p.params...), " ") }

func (p proof) cutsItself() bool { return strings.Contains(p.String(), "lifeline=false") }

func TestEveryAttackOfTheCatalogueIsProvenInTheLab(t *testing.T) {
	listed := map[string]bool{}
	for _, p := range proofs {
		listed[p.attack] = true
		def, ok := attacks.Find(p.attack)
		if !ok {
			t.Errorf("the lab proves %s, which is not in the catalogue", p.attack)
			continue
		}
		if _, err := attacks.Check(def, p.given()); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		if p.well == "" && p.infeasible == "" && !p.clockwork {
			t.Errorf("%s: nothing tells whether the host feels it", p)
		}
	}
	for _, def := range attacks.Builtin() {
		if !listed[def.Name] {
			t.Errorf("the attack %s has no line in proofs: the lab does not prove it", def.Name)
		}
	}
}

func (p proof) given() map[string]string {
	given := map[string]string{}
	for _, param := range p.params {
		key, value, _ := strings.Cut(param, "=")
		given[key] = value
	}
	return given
}
