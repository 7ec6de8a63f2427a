package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestOneAddressUnderTwoNamesIsOneHostAndSaidSo(t *testing.T) {
	for _, c := range []struct{ first, second string }{
		{"10.0.0.1", "::ffff:10.0.0.1"},
		{"10.0.0.1", "::ffff:0a00:1"},
		{"2001:db8::1", "2001:DB8:0:0:0::1"},
		{"2001:db8::1", "[2001:db8::1]"},
		{"db.example.net", "DB.example.NET."},
		{"fe80::1%eth0", "FE80::1%eth0"},
	} {
		result, err := Merge(Options{},
			listing("a", engine.Host{Name: "primary", Address: c.first, Groups: []string{"db"}, Tags: map[string]string{"zone": "eu", "os": "linux"}}),
			listing("b", engine.Host{Name: "other", Address: c.second, Port: 22, User: "root", Groups: []string{"db", "eu"}, Tags: map[string]string{"zone": "us", "rack": "7"}}),
		)
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		address, _ := canonical(c.first)
		wantText(t, table(result.Roster.Hosts()), "primary "+address+":22 user=root groups=db,eu map[os:linux rack:7 zone:eu]\n")
		wantText(t, strings.Join(result.Notices, "\n"), `b:1: host "other" has the same address as "primary" and is taken as one host, "primary"`)
	}
}

func TestPortsAndJumpHostsTellMachinesApart(t *testing.T) {
	result, err := Merge(Options{DefaultPort: 2200},
		listing("a",
			host("plain", "10.0.0.1"),
			engine.Host{Name: "forwarded", Address: "10.0.0.1", Port: 22},
			engine.Host{Name: "behind", Address: "10.0.0.1", Jump: "bastion"},
			engine.Host{Name: "behind-other", Address: "10.0.0.1", Jump: "Bastion2:22"},
			engine.Host{Name: "same-as-behind", Address: "10.0.0.1", Jump: "BASTION:22"},
		))
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `behind 10.0.0.1:2200 jump=bastion
behind-other 10.0.0.1:2200 jump=bastion2:22
forwarded 10.0.0.1:22
plain 10.0.0.1:2200
`)
	wantText(t, strings.Join(result.Notices, "\n"), `a:5: host "same-as-behind" has the same address as "behind" and is taken as one host, "behind"`)
}

func TestABadHostIsRefusedWithItsSourceAndWhatIsWrong(t *testing.T) {
	const letters = `a host name has letters, digits, ".", "_" and "-" only, and begins and ends with a letter or digit`
	const asName = `a:1: host %[1]s: name %[1]s: `
	named := func(name, why string) string { return fmt.Sprintf(asName, show(name)) + why }
	for _, c := range []struct {
		host engine.Host
		want string
	}{
		// names: B34 to B39 of guard.md
		{host("-oProxyCommand=id", ""), named("-oProxyCommand=id", `begins with "-", which would be read as an option`)},
		{host("$(id)", ""), named("$(id)", letters)},
		{host("web\n1", ""), `a:1: host "web\n1": name "web\n1": ` + letters},
		{host("web\x001", ""), `a:1: host "web\x001": name "web\x001": ` + letters},
		{host(strings.Repeat("w", 300), ""), named(strings.Repeat("w", 300), "300 characters long; a host name has at most 253")},
		{host("web\u202e1", ""), `a:1: host "web\u202e1": name "web\u202e1": ` + letters},
		{host("wéb", "10.0.0.1"), named("wéb", letters)},
		{host("web_", "10.0.0.1"), named("web_", letters)},
		{host("a b", "10.0.0.1"), named("a b", letters)},
		{host("fe80::1%eth0", ""), named("fe80::1%eth0", letters)},
		{host("", "10.0.0.1"), `a:1: host "": name "": empty`},
		// addresses, with and without a name of their own
		{host("h", "-oProxyCommand=id"), `a:1: host "h": address "-oProxyCommand=id": begins with "-", which would be read as an option`},
		{host("h", "10.0.0.1; id"), `a:1: host "h": address "10.0.0.1; id": neither an IP address nor a host name`},
		{host("h", "10.0.0.1:22"), `a:1: host "h": address "10.0.0.1:22": neither an IP address nor a host name`},
		{host("h", "fe80::1%eth0;id"), `a:1: host "h": address "fe80::1%eth0;id": the IPv6 zone may have letters, digits, ".", "_" and "-" only`},
		{host("h", "127.1"), `a:1: host "h": address "127.1": looks like a number, and is not a complete IP address`},
		{host("h", "2130706433"), `a:1: host "h": address "2130706433": looks like a number, and is not a complete IP address`},
		{host("h", "0x7f.0x1"), `a:1: host "h": address "0x7f.0x1": looks like a number, and is not a complete IP address`},
		{host("h", "010.0.0.1"), `a:1: host "h": address "010.0.0.1": looks like a number, and is not a complete IP address`},
		{host("300.1.1.1", ""), `a:1: host "300.1.1.1": address "300.1.1.1": looks like a number, and is not a complete IP address`},
		{host("h", "{{ other }}"), `a:1: host "h": address "{{ other }}": neither an IP address nor a host name`},
		{host("h", "a..b"), `a:1: host "h": address "a..b": neither an IP address nor a host name`},
		{host("h", "."), `a:1: host "h": address ".": empty`},
		{host("h", strings.Repeat("a", 64)+".net"), `a:1: host "h": address "` + strings.Repeat("a", 64) + `.net": neither an IP address nor a host name`},
		{host("h", "0.0.0.0"), `a:1: host "h": address "0.0.0.0": the unspecified address would reach this very machine`},
		{host("h", "::"), `a:1: host "h": address "::": the unspecified address would reach this very machine`},
		{host("h", "224.0.0.1"), `a:1: host "h": address "224.0.0.1": a multicast or broadcast address is not one host`},
		{host("h", "255.255.255.255"), `a:1: host "h": address "255.255.255.255": a multicast or broadcast address is not one host`},
		// ports: B41; 0 means the default
		{engine.Host{Name: "h", Port: 65536}, `a:1: host "h": port 65536: a port is a number from 1 to 65535`},
		{engine.Host{Name: "h", Port: -1}, `a:1: host "h": port -1: a port is a number from 1 to 65535`},
		// users and jump hosts
		{engine.Host{Name: "h", User: "root;id"}, `a:1: host "h": user "root;id": ` + badUser},
		{engine.Host{Name: "h", User: "-l"}, `a:1: host "h": user "-l": ` + badUser},
		{engine.Host{Name: "h", User: strings.Repeat("u", 33)}, `a:1: host "h": user "` + strings.Repeat("u", 33) + `": ` + badUser},
		{engine.Host{Name: "h", Jump: "-oProxyCommand=id"}, `a:1: host "h": jump "-oProxyCommand=id": hop "-oProxyCommand=id": begins with "-", which would be read as an option`},
		{engine.Host{Name: "h", Jump: "a,,b"}, `a:1: host "h": jump "a,,b": hop "": empty`},
		{engine.Host{Name: "h", Jump: "Root@a"}, `a:1: host "h": jump "Root@a": hop "Root@a": user "Root": ` + badUser},
		{engine.Host{Name: "h", Jump: "a:0"}, `a:1: host "h": jump "a:0": hop "a:0": port "0": a port is a number from 1 to 65535`},
		{engine.Host{Name: "h", Jump: "[::2]x:1"}, `a:1: host "h": jump "[::2]x:1": hop "[::2]x:1": neither HOST:PORT nor [IPV6]:PORT`},
		// groups and tags
		{host("h", "10.0.0.1", "we\u202eb"), `a:1: host "h": group "we\u202eb" has characters that cannot be printed`},
		{host("h", "10.0.0.1", strings.Repeat("g", 64)), `a:1: host "h": group "` + strings.Repeat("g", 64) + `" longer than 63 characters`},
		{host("h", "10.0.0.1", ""), `a:1: host "h": a group without a name`},
		{host("h", "10.0.0.1", " web"), `a:1: host "h": group " web" begins or ends with a space`},
		{engine.Host{Name: "h", Tags: map[string]string{"a=b": "c"}}, `a:1: host "h": tag "a=b": a tag's name has letters, digits, ".", "_" and "-" only, at most 63 of them`},
		{engine.Host{Name: "h", Tags: map[string]string{"a": "\x1b[2J"}}, `a:1: host "h": tag "a": its value "\x1b[2J" has characters that cannot be printed`},
		// ourselves: B42 and B43
		{host("h", "127.0.0.1"), `a:1: host "h": address "127.0.0.1" is loopback, ` + ourselves},
		{host("h", "127.8.9.10"), `a:1: host "h": address "127.8.9.10" is loopback, ` + ourselves},
		{host("h", "::ffff:127.0.0.1"), `a:1: host "h": address "127.0.0.1" is loopback, ` + ourselves},
		{host("h", "0:0::1"), `a:1: host "h": address "::1" is loopback, ` + ourselves},
		{host("LocalHost", ""), `a:1: host "LocalHost": address "localhost" is loopback, ` + ourselves},
		{host("h", "localhost.example.net."), `a:1: host "h": address "localhost.example.net" is loopback, ` + ourselves},
		{host("h", "a.localhost"), `a:1: host "h": address "a.localhost" is loopback, ` + ourselves},
		{host("h", "192.0.2.7"), `a:1: host "h": address "192.0.2.7" belongs to the machine that chaoscat runs on; remove it, or name it in safety.exclude`},
		{host("Control.example.net", ""), `a:1: host "Control.example.net": address "control.example.net" belongs to the machine that chaoscat runs on; remove it, or name it in safety.exclude`},
		{host("h", "2001:db8::0007"), `a:1: host "h": address "2001:db8::7" belongs to the machine that chaoscat runs on; remove it, or name it in safety.exclude`},
	} {
		_, err := Merge(Options{Self: []string{"192.0.2.7", "control.example.net", "2001:db8::7/64", "???"}},
			listing("a", c.host), listing("b", host("fine", "10.9.9.9")))
		wantError(t, err, c.want)
	}
}

const (
	badUser   = `a user name has lower-case letters, digits, "_" and "-" only, begins with a letter or "_", and is at most 32 characters long`
	ourselves = "the machine that chaoscat runs on; remove it, or name it in safety.exclude"
)

func TestOddButRightHostsAreTaken(t *testing.T) {
	for _, h := range []engine.Host{
		host("Web_1.example.net", ""),
		host("web-1", "fe80::1%enp0s3.100"), // B40: a zone is fine if it is tame
		host("10.0.0.1", ""),
		host("2001:db8::1", ""),
		host("a", "my_host.example.net."),
		host("a", "xn--bcher-kva.example"),
		{Name: "a", User: "_chrony", Port: 65535, Jump: "ops@10.0.0.9:2222,[fe80::2%eth0]"},
		{Name: "a", User: "machine$", Tags: map[string]string{"zone": "", "k8s.io_role": "größe ünd"}},
	} {
		if _, err := Merge(Options{}, listing("a", h)); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

func TestLoopbackIsAllowedOnlyWhenAskedFor(t *testing.T) {
	if _, err := Merge(Options{AllowLoopback: true}, listing("demo", host("h", "127.0.0.1"), host("g", "::1"))); err != nil {
		t.Error(err)
	}
}

func TestANameWithTwoAddressesIsAnErrorThatNamesBothSources(t *testing.T) {
	_, err := Merge(Options{}, listing("a.ini", host("web", "10.0.0.1")), listing("b.yml", host("db", "10.0.0.2"), engine.Host{Name: "web", Address: "10.0.0.1", Jump: "bastion"}))
	wantError(t, err, `host "web" has two addresses: 10.0.0.1 port 22 in a.ini:1, 10.0.0.1 port 22 via bastion in b.yml:2; give one of them another name`)
}

func TestAnAliasWithASecondAddressIsFoundAsWell(t *testing.T) {
	_, err := Merge(Options{}, listing("a", host("one", "10.0.0.1")), listing("b", host("two", "10.0.0.1")), listing("c", host("two", "10.0.0.2")))
	wantError(t, err, `host "two" has two addresses: 10.0.0.1 port 22 in b:1, 10.0.0.2 port 22 in c:1; give one of them another name`)
}

func TestAHostTwiceInOneSourceIsASlip(t *testing.T) {
	_, err := Merge(Options{}, listing("a", host("web", "10.0.0.1"), host("web", "10.0.0.1")))
	wantError(t, err, `host "web" is listed twice: in a:1 and in a:2; remove one`)
}

func TestAHostInTwoSourcesIsNoSlip(t *testing.T) {
	result, err := Merge(Options{}, listing("a", host("web", "10.0.0.1", "x")), listing("b", host("web", "10.0.0.1", "y")))
	if err != nil || len(result.Notices) > 0 {
		t.Fatal(err, result.Notices)
	}
	wantText(t, table(result.Roster.Hosts()), "web 10.0.0.1:22 groups=x,y\n")
}

func TestThousandsOfMistakesAndNoticesAreCountedNotListed(t *testing.T) {
	var bad, twin []engine.Host
	for i := range 1000 {
		bad = append(bad, host(fmt.Sprintf("h%d", i), "a b"))
		twin = append(twin, host(fmt.Sprintf("h%d", i), "10.0.0.1"))
	}
	_, err := Merge(Options{}, listing("a", bad...))
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 101 || lines[100] != "and 900 more mistakes of the inventory" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	result, err := Merge(Options{}, listing("a", twin...))
	if err != nil || len(result.Notices) != 101 || result.Notices[100] != "and 899 more notices about the inventory" {
		t.Errorf("%v, %d notices, the last %q", err, len(result.Notices), result.Notices[len(result.Notices)-1])
	}
}

func fleet() Listing {
	tagged := host("db-1", "10.0.1.1", "db")
	tagged.Tags = map[string]string{"zone": "eu-1"}
	return listing("a", host("web-01", "10.0.0.1", "web"), host("web-02", "10.0.0.2", "web"), tagged)
}

func TestExcludedHostsStayInTheRosterBarredWithTheTermThatDidIt(t *testing.T) {
	result, err := Merge(Options{Exclude: []string{"web-0[2-9]", "tag:zone=eu-*", "group:db"}}, fleet())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `db-1 10.0.1.1:22 groups=db barred=excluded by safety.exclude "tag:zone=eu-*" map[zone:eu-1]
web-01 10.0.0.1:22 groups=web
web-02 10.0.0.2:22 groups=web barred=excluded by safety.exclude "web-0[2-9]"
`)
}

func TestAnExclusionThatMatchesNothingIsAnErrorWithTheNearest(t *testing.T) {
	for term, want := range map[string]string{
		"wbe-01":        `safety.exclude "wbe-01" matches no host; did you mean "web-01"?`,
		"wbe-0*":        `safety.exclude "wbe-0*" matches no host; did you mean "web-0*"?`,
		"db":            `safety.exclude "db" matches no host; did you mean "group:db"?`,
		"group:wbe":     `safety.exclude "group:wbe" matches no host; did you mean "group:web"?`,
		"tag:zonne=eu*": `safety.exclude "tag:zonne=eu*" matches no host; did you mean "tag:zone=eu*"?`,
		"tag:zone=eu-2": `safety.exclude "tag:zone=eu-2" matches no host; did you mean "tag:zone=eu-1"?`,
		"mail-*":        `safety.exclude "mail-*" matches no host`,
		"!web-01":       `safety.exclude: selector "!web-01": what is listed is left out already; drop the "!"`,
		"":              `safety.exclude: selector "": empty; write a name pattern, group:NAME or tag:NAME=VALUE`,
		"web-[":         `safety.exclude: selector "web-[": the pattern has an unclosed bracket`,
		"tag:zone":      `safety.exclude: selector "tag:zone": a tag is written tag:NAME=VALUE`,
	} {
		_, err := Merge(Options{Exclude: []string{term}}, fleet())
		wantError(t, err, want)
	}
}

func TestAllExclusionsAreReportedAtOnceWithTheBadHosts(t *testing.T) {
	_, err := Merge(Options{Exclude: []string{"x-1", "group:y"}}, fleet(), listing("b", host("h", "a b")))
	wantError(t, err, `b:1: host "h": address "a b": neither an IP address nor a host name
safety.exclude "x-1" matches no host
safety.exclude "group:y" matches no host`)
}

// The second source knows the machine by another name, group and tag. Whoever excludes it by one of
// those means the machine.
func TestAnExclusionHoldsForEveryNameGroupAndTagOfAHost(t *testing.T) {
	alias := engine.Host{Name: "ledger", Address: "10.0.0.1", Groups: []string{"payments"}, Tags: map[string]string{"env": "prod"}}
	first := engine.Host{Name: "web-01", Address: "10.0.0.1", Tags: map[string]string{"env": "test"}}
	for _, term := range []string{"ledger", "group:payments", "tag:env=prod", "tag:env=test", "web-01"} {
		result, err := Merge(Options{Exclude: []string{term}}, listing("a", first, host("free", "10.0.0.2")), listing("b", alias))
		if err != nil {
			t.Fatal(err)
		}
		h, _ := result.Roster.Find("web-01")
		wantText(t, h.Barred, "excluded by safety.exclude "+show(term))
	}
}

func TestExcludingEverythingIsAnError(t *testing.T) {
	_, err := Merge(Options{Exclude: []string{"*"}}, fleet())
	wantError(t, err, "safety.exclude takes away all 3 hosts of the inventory: nothing could ever be attacked")
}

func TestTheControllerMayBeListedWhenItIsExcluded(t *testing.T) {
	refused := Listing{Source: "b", Entries: []Entry{{Host: host("ctl", "10.0.0.5"), Refused: "ansible_connection=local"}}}
	result, err := Merge(Options{Exclude: []string{"localhost", "ctl", "me"}, Self: []string{"10.0.0.9"}}, fleet(), refused,
		listing("c", host("localhost", "127.0.0.1"), host("me", "10.0.0.9")))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "ctl", "me"} {
		if h, found := result.Roster.Find(name); !found || h.Barred == "" {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

func TestASelectorThatSelectsNothingIsAnErrorWithTheNearest(t *testing.T) {
	result, err := Merge(Options{}, fleet())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		terms engine.Selector
		want  string
	}{
		{nil, ""},
		{engine.Selector{"web-*", "!web-02"}, ""},
		{engine.Selector{"!group:db"}, ""},
		{engine.Selector{"group:wbe", "!dbb-1"}, `selector "group:wbe" matches no host; did you mean "group:web"?
selector "!dbb-1" matches no host; did you mean "db-1"?`},
		{engine.Selector{"web-*", "!group:web"}, `the selector ["web-*" "!group:web"] leaves no host: its "!" terms take away all that the others match`},
		{engine.Selector{"tag:zone=eu-*"}, ""},
		{engine.Selector{"tag:zone=eu-2"}, `selector "tag:zone=eu-2" matches no host; did you mean "tag:zone=eu-1"?`},
		{engine.Selector{"tag:zoen=eu-1"}, `selector "tag:zoen=eu-1" matches no host; did you mean "tag:zone=eu-1"?`},
		{engine.Selector{"tag:rack=7"}, `selector "tag:rack=7" matches no host; the tags are zone`},
		{engine.Selector{"tag:zone"}, `selector "tag:zone": a tag is written tag:NAME=VALUE`},
		{engine.Selector{"zone=eu-1"}, `selector "zone=eu-1" matches no host; did you mean "tag:zone=eu-1"?`},
		{engine.Selector{"role=db"}, `selector "role=db" matches no host`},
		{engine.Selector{"web-["}, `selector "web-[": the pattern has an unclosed bracket`},
	} {
		got := ""
		if err := CheckSelector(c.terms, result.Roster.Hosts()); err != nil {
			got = err.Error()
		}
		wantText(t, got, c.want)
	}
}
