package inventory

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

// sound asserts what every inventory that passed the checks promises to the rest of the program.
func sound(t *testing.T, result Result) {
	t.Helper()
	places := map[string]string{}
	for _, h := range result.Roster.Hosts() { // making the roster has proven that names are unique
		if err := CheckName(h.Name); err != nil {
			t.Errorf("name %q: %v", h.Name, err)
		}
		if again, err := canonical(h.Address); err != nil || again != h.Address {
			t.Errorf("address %q: %q, %v", h.Address, again, err)
		}
		if h.Barred == "" && loopback(h.Address) {
			t.Errorf("loopback address %q may be attacked", h.Address)
		}
		if h.Port < 1 || h.Port > 65535 || (h.User != "" && checkUser(h.User) != nil) {
			t.Errorf("port %d, user %q", h.Port, h.User)
		}
		_, jump, err := canonicalJump(h.Jump)
		if err != nil {
			t.Errorf("jump %q: %v", h.Jump, err)
		}
		place := fmt.Sprint(h.Address, " ", h.Port, " ", jump)
		if other, taken := places[place]; taken {
			t.Errorf("%s and %s are one machine, %s", other, h.Name, place)
		}
		places[place] = h.Name
		for _, group := range h.Groups {
			if group == "" || checkLabel(group) != nil {
				t.Errorf("group %q", group)
			}
		}
		for tag, value := range h.Tags {
			if err := checkTag(tag, value); err != nil {
				t.Error(err)
			}
		}
	}
}

// tame asserts that a message cannot move a cursor.
func tame(t *testing.T, err error) {
	t.Helper()
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if plain(line) != line && len(line) < 400 {
			t.Errorf("the message has characters that act on a terminal: %q", line)
		}
	}
}

func fuzzFile(f *testing.F, path string, samples ...string) {
	for _, name := range samples {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := parseAnsible(path, text)
		if err != nil {
			tame(t, err)
			return
		}
		result, err := Merge(Options{}, found)
		if err != nil {
			tame(t, err)
			return
		}
		sound(t, result)
	})
}

func FuzzAnsibleINI(f *testing.F)  { fuzzFile(f, "x.ini", "hosts.ini") }
func FuzzAnsibleYAML(f *testing.F) { fuzzFile(f, "x.yml", "hosts.yml", "list.json") }
func FuzzAnsibleJSON(f *testing.F) { fuzzFile(f, "x.json", "list.json") }

func FuzzHostList(f *testing.F) {
	f.Add([]byte(`[{"name": "a", "address": "10.0.0.1", "port": 22, "user": "root", "jump": "b", "groups": ["g"], "tags": {"k": "v"}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Command{Argv: []string{"x"}}.parse(text)
		if err != nil {
			tame(t, err)
			return
		}
		if result, err := Merge(Options{}, found); err == nil {
			sound(t, result)
		} else {
			tame(t, err)
		}
	})
}

// FuzzMerge builds two sources of the lines of a text, name address port user jump group, so that
// collisions of every kind are found.
func FuzzMerge(f *testing.F) {
	f.Add("a 10.0.0.1 22 root - web\nb 10.0.0.1 0 - - db\n\nA ::ffff:10.0.0.1 22\na 10.0.0.1", "group:db")
	f.Add("a fe80::1%eth0\nb [2001:db8::1] 65536 - b:22,[::1]:2200\n\nlocalhost\n-x 1.2", "a*")
	f.Fuzz(func(t *testing.T, text, exclude string) {
		var listings []Listing
		for i, part := range strings.SplitN(text, "\n\n", 2) {
			l := Listing{Source: fmt.Sprint("s", i)}
			for line := range strings.SplitSeq(part, "\n") {
				l.Entries = append(l.Entries, Entry{Host: lineHost(line)})
			}
			listings = append(listings, l)
		}
		options := Options{}
		if exclude != "" {
			options.Exclude = []string{exclude}
		}
		result, err := Merge(options, listings...)
		if err != nil {
			tame(t, err)
			return
		}
		sound(t, result)
	})
}

func lineHost(line string) engine.Host {
	word := append(strings.Split(line, " "), "", "", "", "", "", "")
	for i := range word {
		if word[i] == "-" {
			word[i] = ""
		}
	}
	h := engine.Host{Name: word[0], Address: word[1], User: word[3], Jump: word[4]}
	_, _ = fmt.Sscan(word[2], &h.Port)
	if word[5] != "" {
		h.Groups, h.Tags = []string{word[5]}, map[string]string{word[5]: word[0]}
	}
	return h
}
