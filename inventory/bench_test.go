package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
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

// Fifty thousand and more hosts are an inventory like any other (B44).
func TestAHundredThousandHostsAreMerged(t *testing.T) {
	result, err := Merge(Options{}, bigListing("a"), bigListing("b"))
	if err != nil || result.Roster.Len() != large {
		t.Fatal(result.Roster.Len(), err)
	}
}
