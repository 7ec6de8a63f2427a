package inventory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

// listing is a source's words in a test: hosts named and addressed as given.
func listing(source string, hosts ...engine.Host) Listing {
	l := Listing{Source: source}
	for i, h := range hosts {
		l.Entries = append(l.Entries, Entry{Host: h, Where: fmt.Sprintf("%s:%d", source, i+1)})
	}
	return l
}

func host(name, address string, groups ...string) engine.Host {
	return engine.Host{Name: name, Address: address, Groups: groups}
}

// table writes hosts one to a line, so that a test compares them whole.
func table(hosts []engine.Host) string {
	var b strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s %s:%d", h.Name, h.Address, h.Port)
		for _, part := range []struct{ word, value string }{{"user", h.User}, {"jump", h.Jump}, {"groups", strings.Join(h.Groups, ",")}, {"barred", h.Barred}} {
			if part.value != "" {
				fmt.Fprintf(&b, " %s=%s", part.word, part.value)
			}
		}
		if len(h.Tags) > 0 {
			fmt.Fprintf(&b, " %v", h.Tags)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want\n%s", want)
	}
	wantText(t, err.Error(), want)
}

// scripted is a source that says at each call what the script says next, and the last over again.
type scripted struct {
	name   string
	script []func() (Listing, error)
	calls  int
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) Load(context.Context) (Listing, error) {
	next := s.script[min(s.calls, len(s.script)-1)]
	s.calls++
	return next()
}

func lists(source string, hosts ...engine.Host) func() (Listing, error) {
	return func() (Listing, error) { return listing(source, hosts...), nil }
}

func fails(text string) func() (Listing, error) {
	return func() (Listing, error) { return Listing{}, errors.New(text) }
}

func TestLoadReportsEveryMistakeOfEverySourceAtOnce(t *testing.T) {
	_, err := New(Options{Exclude: []string{"group:db"}},
		&scripted{name: "a", script: []func() (Listing, error){fails("a: connection refused")}},
		&scripted{name: "b", script: []func() (Listing, error){lists("b", host("-x", "10.0.0.1"), host("ok", "10.0.0.2"))}},
		&scripted{name: "c", script: []func() (Listing, error){lists("c")}},
	).Load(t.Context())
	// The exclusion matches nothing only because a source is missing, so it is not complained about.
	wantError(t, err, `a: connection refused
c lists no host: fix it or remove the source
b:1: host "-x": name "-x": begins with "-", which would be read as an option`)
}

func TestALoadThatFailsNeverYieldsARoster(t *testing.T) {
	result, err := New(Options{}, &scripted{name: "a", script: []func() (Listing, error){fails("down")}}).Load(t.Context())
	if err == nil || result.Roster != nil {
		t.Errorf("got %v and error %v; want no roster and an error", result.Roster, err)
	}
}

func TestAnInventoryWithoutSourcesIsAnError(t *testing.T) {
	_, err := New(Options{}).Load(t.Context())
	wantError(t, err, "the inventory is empty: no source lists a host, and nothing never means everything")
}

func TestStaticRangesExpandNamesAndAddressesTogether(t *testing.T) {
	result, err := New(Options{}, Static{Hosts: []StaticHost{
		{Name: "web-[01:03]", Address: "10.0.0.[1:3]", Groups: []string{"web"}, Port: 2222},
		{Name: "rack[a:b]-[0:4:4].example.net", User: "root", Tags: map[string]string{"zone": "eu-1"}},
		{Name: "v6", Address: "[2001:DB8::0:1]", Jump: "ops@Bastion.example.net:22,[2001:db8::2]:2200"},
	}}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, table(result.Roster.Hosts()), `racka-0.example.net racka-0.example.net:22 user=root map[zone:eu-1]
racka-4.example.net racka-4.example.net:22 user=root map[zone:eu-1]
rackb-0.example.net rackb-0.example.net:22 user=root map[zone:eu-1]
rackb-4.example.net rackb-4.example.net:22 user=root map[zone:eu-1]
v6 2001:db8::1:22 jump=ops@bastion.example.net:22,[2001:db8::2]:2200
web-01 10.0.0.1:2222 groups=web
web-02 10.0.0.2:2222 groups=web
web-03 10.0.0.3:2222 groups=web
`)
}

func TestAStaticListThatCannotBeWrittenOutIsRefused(t *testing.T) {
	for _, c := range []struct {
		host StaticHost
		want string
	}{
		{StaticHost{Name: "web-[1:3]", Address: "10.0.0.1"}, `c.toml:9: host "web-[1:3]": the name stands for 3 hosts, the address "10.0.0.1" for 1; give the address a range of the same length`},
		{StaticHost{Name: "web", Address: "10.0.0.[1:3]"}, `c.toml:9: host "web": the name stands for 1 hosts, the address "10.0.0.[1:3]" for 3; give the address a range of the same length`},
		{StaticHost{Name: "web-[3:1]"}, `c.toml:9: host "web-[3:1]": range "[3:1]": the first is above the last`},
		{StaticHost{Name: "web-[1:3:0]"}, `c.toml:9: host "web-[1:3:0]": range "[1:3:0]": the step must be a positive number`},
		{StaticHost{Name: "web-[08:100]"}, `c.toml:9: host "web-[08:100]": range "[08:100]": with leading zeros both ends must have the same length`},
		{StaticHost{Name: "web-[a:9]"}, `c.toml:9: host "web-[a:9]": range "[a:9]": both ends must be numbers of at most nine digits, or single letters`},
		{StaticHost{Name: "web-[c:a]"}, `c.toml:9: host "web-[c:a]": range "[c:a]": letters go up from a to z or from A to Z`},
		{StaticHost{Name: "web-[1:3"}, `c.toml:9: host "web-[1:3": a "[" without its "]"`},
		{StaticHost{Name: "web-1]"}, `c.toml:9: host "web-1]": a "]" without its "["`},
		{StaticHost{Name: "web-[1]"}, `c.toml:9: host "web-[1]": range "[1]": a range is written [FIRST:LAST] or [FIRST:LAST:STEP]`},
		{StaticHost{Name: "web-[1:999999999]"}, `c.toml:9: host "web-[1:999999999]": range "[1:999999999]": more than 1000000 hosts`},
		{StaticHost{Name: "web-[1:2000]-[1:2000]"}, `c.toml:9: host "web-[1:2000]-[1:2000]": more than 1000000 hosts`},
	} {
		c.host.Where = "c.toml:9"
		_, err := Static{Hosts: []StaticHost{c.host}}.Load(t.Context())
		wantError(t, err, c.want)
	}
}

func TestNearestFindsTheSlipAndNothingElse(t *testing.T) {
	known := []string{"hosts", "health", "web-001", "web-002", "Frankfurt"}
	for word, want := range map[string]string{
		"hsots":      "hosts",     // two letters swapped
		"host":       "hosts",     // one missing
		"heealth":    "health",    // one too many
		"frankfrut":  "Frankfurt", // case does not matter
		"web-003":    "web-001",   // the first of two equally near
		"web-002":    "web-002",   // itself
		"a":          "",          // one letter is near to nothing
		"database":   "",          // another word
		"":           "",
		"h\u202eost": "hosts", // and odd characters do no harm
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := Nearest(strings.Repeat("x", 1<<20), []string{strings.Repeat("x", 1<<20)}); got != "" {
		t.Error("a word of a megabyte was compared")
	}
}

func TestEverySourceLeavesItsOwnListingUntouchedWhenMerged(t *testing.T) {
	a := listing("a", host("one", "10.0.0.1", "web"))
	b := listing("b", engine.Host{Name: "two", Address: "10.0.0.1", Groups: []string{"db"}, Tags: map[string]string{"x": "y"}})
	before := slices.Clone(a.Entries[0].Groups)
	for range 2 { // as a refresh with a stale source does
		if _, err := Merge(Options{}, a, b); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(a.Entries[0].Groups, before) || a.Entries[0].Tags != nil || a.Entries[0].Port != 0 {
		t.Errorf("the listing changed: %+v", a.Entries[0])
	}
}
