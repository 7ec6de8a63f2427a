package inventory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// The bad inventories of guard.md 5.2, each by its number and through the whole reading of a source: what is
// wrong is an error that names the place, or it is taken with its meaning kept.
func TestTheBadInventoriesB31ToB43AreRefusedOrTakenAsTheyAreMeant(t *testing.T) {
	const at, letters = "hosts.toml:3: ", `a host name has letters, digits, ".", "_" and "-" only, and begins and ends with a letter or digit`
	named := func(name string) []StaticHost { return []StaticHost{{Name: name, Where: "hosts.toml:3"}} }
	to := func(address string, port int) []StaticHost {
		return []StaticHost{{Name: "h", Address: address, Port: port, Where: "hosts.toml:3"}}
	}
	bad := func(name string) string { return fmt.Sprintf(at+"host %[1]q: name %[1]q: ", name) }
	for _, c := range []struct {
		number, what string
		hosts        []StaticHost
		want         string // the error, or the roster
	}{
		{"B31", "empty", nil, "static lists no host: fix it or remove the source"},
		{"B32", "duplicate host", append(to("10.0.0.1", 0), StaticHost{Name: "h", Address: "10.0.0.1", Where: "hosts.toml:9"}),
			`host "h" is listed twice: in hosts.toml:3 and in hosts.toml:9; remove one`},
		{"B33", "two names for one address", append(to("10.0.0.1", 0), StaticHost{Name: "other", Address: "::ffff:10.0.0.1", Where: "hosts.toml:9"}), "h 10.0.0.1:22\n"},
		{"B34", "an option of ssh", named("-oProxyCommand=id"), bad("-oProxyCommand=id") + `begins with "-", which would be read as an option`},
		{"B35", "a command of a shell", named("$(id)"), bad("$(id)") + letters},
		{"B36", "a line break", named("web\n1"), bad("web\n1") + letters},
		{"B37", "NUL", named("web\x001"), bad("web\x001") + letters},
		{"B38", "300 characters", named(strings.Repeat("w", 300)), at + "host " + show(strings.Repeat("w", 300)) + ": name " + show(strings.Repeat("w", 300)) + ": 300 characters long; a host name has at most 253"},
		{"B39", "text that runs backwards", named("web\u202e1"), bad("web\u202e1") + letters},
		{"B40", "an IPv6 zone", to("fe80::1%eth0", 0), "h fe80::1%eth0:22\n"},
		{"B40", "an IPv6 zone with a command", to("fe80::1%eth0;id", 0), at + `host "h": address "fe80::1%eth0;id": the IPv6 zone may have letters, digits, ".", "_" and "-" only`},
		{"B41", "port 65536", to("10.0.0.1", 65536), at + `host "h": port 65536: a port is a number from 1 to 65535`},
		{"B41", "a port below 0", to("10.0.0.1", -1), at + `host "h": port -1: a port is a number from 1 to 65535`},
		{"B41", "port 0, which here is none; a file that says it is refused where it is read", to("10.0.0.1", 0), "h 10.0.0.1:22\n"},
		{"B42", "the controller itself", to("203.0.113.9", 0), at + `host "h": address "203.0.113.9" belongs to the machine that chaoscat runs on; remove it, or name it in safety.exclude`},
		{"B43", "127.0.0.1", to("127.0.0.1", 0), at + `host "h": address "127.0.0.1" is loopback, ` + ourselves},
	} {
		t.Run(c.number+" "+c.what, func(t *testing.T) {
			result, err := New(Options{Self: []string{"203.0.113.9/24"}}, Static{Hosts: c.hosts}).Load(t.Context())
			if err != nil {
				wantText(t, err.Error(), c.want)
				return
			}
			wantText(t, table(result.Roster.Hosts()), c.want)
		})
	}
}

// B44: fifty thousand hosts, written as an operator would, are read within a breath.
func TestFiftyThousandHostsInOneLineAreAnInventoryLikeAnyOther(t *testing.T) {
	result, err := New(Options{Exclude: []string{"web-00007"}}, Static{Hosts: []StaticHost{{Name: "web-[00001:50000]", Groups: []string{"web"}}}}).Load(t.Context())
	if err != nil || result.Roster.Len() != 50_000 || result.Roster.GroupSize("web") != 50_000 {
		t.Fatalf("%d hosts, %v", result.Roster.Len(), err)
	}
	if h, found := result.Roster.Find("web-00007"); !found || h.Barred == "" {
		t.Errorf("the excluded one: %+v", h)
	}
}

// B45: a host that is all there is of its group is listed, and kept out of every draw where each group must keep one.
func TestTheOnlyHostOfItsGroupIsListedAndKeptFree(t *testing.T) {
	result, err := New(Options{}, Static{Hosts: []StaticHost{{Name: "alone", Groups: []string{"ledger"}}, {Name: "web-[1:3]", Groups: []string{"web"}}}}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := engine.NewPlan(engine.Plan{
		Name: "b45", Roster: result.Roster,
		Schedule: engine.Schedule{Location: time.UTC, Days: [7]bool{true, true, true, true, true, true, true}, Hours: []engine.HourRange{{End: 1440}}, CheckEvery: time.Minute, Wait: time.Minute},
		Safety:   engine.Safety{MaxConcurrent: 1, LeavePerGroup: 1, MaxDuration: time.Hour, Lease: 15 * time.Second, AbortAfter: 1, FactsFor: time.Hour},
		Attacks:  []engine.Attack{{Name: "cpu", Kind: "cpu", Weight: 1, For: time.Minute, Reversible: true}},
		Gates:    []engine.Gate{{Name: "ok", Kind: engine.Health, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1}, {Name: "who", Kind: engine.OnCall, Interval: time.Minute, Timeout: time.Second, HealthyAfter: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	snapshot := plan.Describe(engine.State{Began: true}, time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	if status, why := snapshot.Host("alone"); status != engine.HostKept || !strings.Contains(why, "ledger") {
		t.Errorf("alone is %s: %s", status, why)
	}
	if status, _ := snapshot.Host("web-1"); status != engine.HostReady {
		t.Errorf("web-1 is %s", status)
	}
}
