package attacks

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tests see as what they expect")

// asked runs functions of one attack as the runner would, without a run: with parameters as they travel, over
// the control path from 198.51.100.7 to port 22.
func asked(t *testing.T, shell, kind, params, program string) string {
	t.Helper()
	text, found := strings.CutSuffix(string(Bundle(Builtin(), BundleOptions{}).Text), "\nmain \"$@\"\nexit 0\n")
	if !found {
		t.Fatal("the runner ends otherwise")
	}
	var head strings.Builder
	for _, p := range strings.Split(params, ";") {
		if name, value, ok := strings.Cut(p, "="); ok {
			head.WriteString("P_" + name + "='" + value + "'\n")
		}
	}
	argv := []string{shell, "-s"}
	if filepath.Base(shell) == "busybox" {
		argv = []string{shell, "sh", "-s"}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(text + "\nload_attack " + kind + "\nPEER=198.51.100.7 PEER_PORT=40000 HERE=10.0.0.1 SSH_PORT=22 UID_=run_1 LIVE=18\n" + head.String() + program + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", kind, params, err, out)
	}
	return string(out)
}

// ruled are the representatives: each selector and each kind of fault, in the form that travels.
var ruled = []struct{ name, kind, params string }{
	{"blackhole", "blackhole", "direction=both;lifeline=1"},
	{"blackhole-cuts", "blackhole", "direction=both;lifeline=0;targets=10.0.0.0/8"},
	{"blackhole-selected", "blackhole", "direction=out;lifeline=1;targets=10.0.0.7,10.1.0.0/16,fd00::7;except=10.1.2.0/24,fd00::8;ports=80,8000-8100;except_ports=8080;interface=eth1"},
	{"partition-in", "partition", "direction=in;targets=10.0.0.7,fd00::/64;protocol=udp"},
	{"reject-reset", "reject", "direction=both;with=reset;targets=10.0.0.7;protocol=tcp"},
	{"reject-unreachable", "reject", "direction=out;with=host-unreachable;protocol=icmp"},
	{"latency", "latency", "direction=out;delay=200;targets=10.0.0.7;ports=5432"},
	{"latency-both", "latency", "direction=both;delay=200;jitter=20;targets=10.0.0.7,fd00::7;except=10.0.0.9"},
	{"loss-both", "loss", "direction=both;percent=12.5"},
	{"loss-all-in", "loss", "direction=in;percent=100;targets=fd00::7"},
	{"bandwidth-in", "bandwidth", "direction=in;rate=1000"},
	{"dns-timeout", "dns", "answer=timeout"},
	{"dns-refused", "dns", "answer=refused;targets=10.0.0.53"},
}

func TestTheRulesOfEachNetworkAttackAreTheseAndNoOthers(t *testing.T) {
	for name, shell := range shells(t) {
		for _, row := range ruled {
			got := asked(t, shell, row.kind, row.params, shows)
			golden := filepath.Join("testdata", "rules", row.name+".golden")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s under %s: the rules are\n%s\nwant\n%s", row.name, name, got, want)
			}
		}
	}
}

// shows prints the commands and the rules with which an attack would begin on a host whose way leads over eth0.
const shows = `ip() { case $* in *addrgenmode*) ;; esac; echo '2: eth0: <UP> mtu 1500 link/ether 02:00:00:00:00:01 brd'; }
INTERFACES=eth0
! have how || { ! leaves || tree eth0; ! detours || detour; } | grep -v addrgenmode
rules`

// Where there is nft it must take them, in a namespace that has the interfaces.
func TestNftTakesTheRulesOfEachNetworkAttack(t *testing.T) {
	if os.Geteuid() != 0 || exec.Command("unshare", "-n", "nft", "list", "ruleset").Run() != nil {
		t.Skip("needs root, network namespaces and nft")
	}
	for _, row := range append(ruled,
		struct{ name, kind, params string }{"dns-names", "dns", "answer=timeout;domains=example.com,a-1.xn--p1ai,very.long.name.that.needs.three.pieces.example.org"},
		struct{ name, kind, params string }{"dns-names-refused", "dns", "answer=refused;domains=example.com;targets=10.0.0.53,fd00::53"},
	) {
		rules := asked(t, "/bin/sh", row.kind, row.params, "INTERFACES=eth0\nrules")
		if strings.Contains(rules, "fwd to") && exec.Command("unshare", "-n", "sh", "-c", `ip link add a type veth peer name b && printf 'table netdev x {\n chain y {\n type filter hook ingress device "a" priority 0\n fwd to "b"\n }\n}\n' | nft -f -`).Run() != nil {
			t.Logf("skipped %s: this kernel's nft has no fwd", row.name)
			continue
		}
		cmd := exec.Command("unshare", "-n", "sh", "-c", `ip link add eth0 type veth peer name other; for d in $(grep -o 'cca[0-9]*' | sort -u); do ip link add $d type veth peer name x$d; done; printf '%s\n' "$1" | nft -c -f -`, "sh", rules)
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", row.name, err, out)
		}
	}
}

// What decides who is spared comes before anything that hits, in every chain, and hits ask the timed set.
func TestTheControlPathComesFirstAndEveryHitAsksTheTimedSet(t *testing.T) {
	for _, row := range ruled {
		for _, chain := range strings.Split(asked(t, "/bin/sh", row.kind, row.params, "INTERFACES=eth0\nrules"), "\tchain ")[1:] {
			if !strings.Contains(chain, " hook ") {
				continue
			}
			hit := strings.Index(chain, "goto caught")
			ssh := strings.Index(chain, " 198.51.100.7 tcp ")
			discovery := strings.Index(chain, "nd-neighbor-solicit")
			if cuts := row.name == "blackhole-cuts"; hit < 0 || discovery < 0 || discovery > hit || (ssh < 0) != cuts || ssh > hit {
				t.Errorf("%s: in this chain the first is not first:\n%s", row.name, chain)
			}
			if last := strings.LastIndex(chain, " accept\n"); last > hit {
				t.Errorf("%s: something is spared too late in\n%s", row.name, chain)
			}
			for line := range strings.Lines(chain) {
				if strings.Contains(line, "goto") && !strings.Contains(line, "@live") {
					t.Errorf("%s: this would not end by itself: %s", row.name, line)
				}
			}
		}
	}
}

func TestSharesAreCountedInHundredths(t *testing.T) {
	for name, shell := range shells(t) {
		got := asked(t, shell, "loss", "", `for S in 0.01 0.5 05 08.09 12.5 99.99 100 100.00; do hundredths_of "$S"; printf '%s ' "$H"; done; decimal_of 1205; decimal_of 9`)
		if want := "1 50 500 809 1250 9999 10000 10000 12.05\n0.09\n"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Ping has two dialects.
func TestWhatPingSaysIsUnderstood(t *testing.T) {
	for said, want := range map[string]string{
		"200 packets transmitted, 143 received, 28.5% packet loss, time 4012ms\nrtt min/avg/max/mdev = 0.1/0.235/0.4/0.0 ms":          "200 143 0 0.235",
		"100 packets transmitted, 100 received, +23 duplicates, 0% packet loss, time 1ms\nrtt min/avg/max/mdev = 0.1/12.5/0.4/0.0 ms": "100 100 23 12.5",
		"4 packets transmitted, 4 packets received, 2 duplicates, 0% packet loss\nround-trip min/avg/max = 0.035/0.050/0.071 ms":      "4 4 2 0.050",
		"3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2027ms":                                                 "3 0 0 ",
		"ping: connect: Network is unreachable": "0 0 0 ",
	} {
		got := asked(t, "/bin/sh", "loss", "", "ping() { printf '%s\\n' '"+said+"'; }\npinged 10.0.0.7 -c 3\nprintf '%s %s %s %s' $SENT $GOT $TWICE \"$(round_trip)\"")
		if got != want {
			t.Errorf("%q is read as %q, want %q", said, got, want)
		}
	}
}

// Nobody who cannot send proves that nothing arrives, unless it is our rules that keep it from being sent.
func TestABlackHoleIsNotProvenByAPingThatCannotStart(t *testing.T) {
	for said, want := range map[string]string{
		"3 packets transmitted, 0 received, 100% packet loss, time 2027ms":               "figure 0\nexpect down 100\n",
		"3 packets transmitted, 3 received, 0% packet loss, time 2027ms":                 "figure 100\nexpect down 100\n",
		"PING 10.0.0.7 (10.0.0.7): 56 data bytes\nping: sendto: Operation not permitted": "figure 0\nexpect down 100\n",
		"PING 10.0.0.7 (10.0.0.7): 56 data bytes\nping: sendto: Network is unreachable":  "unverifiable ping says: ping: sendto: Network is unreachable\n",
		"ping: socket: Operation not permitted":                                          "unverifiable ping says: ping: socket: Operation not permitted\n",
		"sh: can't fork: Resource temporarily unavailable":                               "unverifiable ping says: sh: can't fork: Resource temporarily unavailable\n",
	} {
		for name, shell := range shells(t) {
			got := asked(t, shell, "blackhole", "direction=both;lifeline=1;targets=10.0.0.7", "ping() { printf '%b\\n' \""+strings.ReplaceAll(said, "\n", `\n`)+"\"; }\npartner() { echo 10.0.0.7; }\nmeasure || :")
			if got != "about by 10.0.0.7\n"+want {
				t.Errorf("%s: of %q is made %q, want %q", name, said, got, want)
			}
		}
	}
}

func TestPingsThatWereOvertakenAreCounted(t *testing.T) {
	got := asked(t, "/bin/sh", "reorder", "", `PINGED='64 bytes from 10.0.0.7: icmp_seq=1 ttl=64 time=20.1 ms
64 bytes from 10.0.0.7: icmp_seq=3 ttl=64 time=0.1 ms
64 bytes from 10.0.0.7: icmp_seq=2 ttl=64 time=20.1 ms
64 bytes from 10.0.0.7: seq=4 ttl=64 time=20.1 ms'; overtaken`)
	if got != "1\n" {
		t.Errorf("%q were overtaken", got)
	}
}
