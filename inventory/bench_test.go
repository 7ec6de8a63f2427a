package inventory

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
)

const large = 100_000

func bigAddress(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }

func bigListing(source string) Listing {
	l := Listing{Source: source}
	for i := range large {
		l.Entries = append(l.Entries, Entry{Host: engine.Host{
			Name: fmt.Sprintf("web-%06d.example.net", i), Address: bigAddress(i),
			Groups: []string{"web", fmt.Sprintf("rack%d", i%200)}, Tags: map[string]string{"zone": fmt.Sprint("eu-", i%3)},
		}})
	}
	return l
}

func BenchmarkMerge100000(b *testing.B) {
	a, c := bigListing("a"), bigListing("b")
	options := Options{Exclude: []string{"web-00001*", "group:rack7", "tag:zone=eu-2"}, Self: []string{"192.0.2.1"}}
	for b.Loop() {
		if _, err := Merge(options, a, c); err != nil {
			b.Fatal(err)
		}
	}
}

func benchParse(b *testing.B, path, text string) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		found, err := parseAnsible(path, []byte(text))
		if err != nil || len(found.Entries) != large {
			b.Fatal(len(found.Entries), err)
		}
	}
}

func BenchmarkINI100000(b *testing.B) {
	var text strings.Builder
	for i := range large {
		if i%500 == 0 {
			fmt.Fprintf(&text, "[rack%d]\n", i/500)
		}
		fmt.Fprintf(&text, "web-%06d ansible_host=%s\n", i, bigAddress(i))
	}
	benchParse(b, "x.ini", text.String())
}

func BenchmarkYAML100000(b *testing.B) {
	var text strings.Builder
	text.WriteString("all:\n  hosts:\n")
	for i := range large {
		fmt.Fprintf(&text, "    web-%06d: {ansible_host: %s}\n", i, bigAddress(i))
	}
	benchParse(b, "x.yml", text.String())
}

func BenchmarkJSON100000(b *testing.B) {
	var vars, names []string
	for i := range large {
		vars = append(vars, fmt.Sprintf(`"web-%06d": {"ansible_host": %q, "ansible_user": "root"}`, i, bigAddress(i)))
		names = append(names, fmt.Sprintf(`"web-%06d"`, i))
	}
	benchParse(b, "x.json", `{"_meta": {"hostvars": {`+strings.Join(vars, ",")+`}}, "web": {"hosts": [`+strings.Join(names, ",")+`]}}`)
}

// benchLoad loads a source of a hundred thousand hosts.
func benchLoad(b *testing.B, source Source) {
	for b.Loop() {
		found, err := source.Load(b.Context())
		if err != nil || len(found.Entries) != large {
			b.Fatal(len(found.Entries), err)
		}
	}
}

func writeBench(b *testing.B, name string, line func(i int) string) string {
	var text strings.Builder
	for i := range large {
		text.WriteString(line(i))
	}
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	return path
}

func BenchmarkSSHConfig100000(b *testing.B) {
	path := writeBench(b, "config", func(i int) string {
		if i == large-1 {
			return "Host web-099999\nHost web-* !web-0*\n User x\nHost bastion?\n User jump\nHost *\n ProxyJump bastion1\n"
		}
		return fmt.Sprintf("Host web-%06d\n  HostName %s\n  Port 22\n  User root\n", i, bigAddress(i))
	})
	benchLoad(b, SSHConfig{Path: path})
}

func BenchmarkFileSDJSON100000(b *testing.B) {
	path := writeBench(b, "x.json", func(i int) string {
		return fmt.Sprintf(`%s{"targets": ["web-%06d:9100", "web-%06d:9104"], "labels": {"job": "node", "zone": "eu-%d"}}%s`, map[bool]string{true: "[", false: ","}[i == 0], i, i, i%3, map[bool]string{true: "]"}[i == large-1])
	})
	benchLoad(b, FileSD{Files: []string{path}, Groups: []string{"job"}})
}

func BenchmarkFileSDYAML100000(b *testing.B) {
	path := writeBench(b, "x.yml", func(i int) string {
		return fmt.Sprintf("- targets: [\"web-%06d:9100\"]\n  labels: {job: node, zone: eu-%d}\n", i, i%3)
	})
	benchLoad(b, FileSD{Files: []string{path}, Groups: []string{"job"}})
}

func BenchmarkConsul100000(b *testing.B) {
	path := writeBench(b, "x.json", func(i int) string {
		return fmt.Sprintf(`%s{"ID": "40e4a748-2192-161a-0510-9bf59f%06d", "Node": "web-%06d", "Address": %q, "Datacenter": "dc1", "ServiceName": "web", "ServiceTags": ["prod", "v2"], "NodeMeta": {"rack": "r%d"}}%s`,
			map[bool]string{true: "[", false: ","}[i == 0], i, i, bigAddress(i), i%200, map[bool]string{true: "]"}[i == large-1])
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }))
	defer s.Close()
	benchLoad(b, Consul{Web: web.Options{URL: s.URL}, Services: []string{"web"}})
}

// BenchmarkRenew100000 is what a reading costs the others: nothing new, one host moved, and the source stale.
func BenchmarkRenew100000(b *testing.B) {
	for _, c := range []struct {
		name string
		edit func(*Listing)
	}{
		{"same", func(*Listing) {}},
		{"one moved", func(l *Listing) { l.Entries[7].Address = "10.200.0.1" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			v := New(Options{}, Static{Hosts: []StaticHost{{Name: "other"}}}, &scripted{name: "a", script: []func() (Listing, error){func() (Listing, error) { return bigListing("a"), nil }}})
			if _, err := v.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			before, after := v.held[1].taken, bigListing("a")
			c.edit(&after)
			for i := 0; b.Loop(); i++ {
				listing := []Listing{after, before}[i%2]
				if _, _, err := v.renew(&reading{source: 1, listing: listing}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Fifty thousand and more hosts are an inventory like any other (B44).
func TestAHundredThousandHostsAreMerged(t *testing.T) {
	result, err := Merge(Options{}, bigListing("a"), bigListing("b"))
	if err != nil || result.Roster.Len() != large {
		t.Fatal(result.Roster.Len(), err)
	}
}
