package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
)

// index holds the words of every host in lower case, each host's in one piece, so that a filter over a
// hundred thousand of them is one pass over memory.
type index struct {
	text string
	ends []int32 // of host i: where its words end
}

func (x index) empty() bool { return x.ends == nil }

// newIndex gathers name, address, groups and tags. The words are separated by a byte that no filter has.
func newIndex(hosts []engine.Host) index {
	var b strings.Builder
	b.Grow(len(hosts) * 64)
	x := index{ends: make([]int32, len(hosts))}
	for i, h := range hosts {
		words(&b, h)
		x.ends[i] = int32(b.Len())
	}
	x.text = b.String()
	return x
}

func words(b *strings.Builder, h engine.Host) {
	put := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(strings.ToLower(p))
		}
		b.WriteByte('\n')
	}
	put(h.Name)
	put(h.Address)
	for _, g := range h.Groups {
		put(g)
	}
	for name, value := range h.Tags {
		put(name, "=", value)
	}
}

// find lists the hosts whose words contain the needle; among narrows the search to those, nil means all.
func (x index) find(needle string, among []int32) []int32 {
	found := make([]int32, 0, 64)
	if among != nil {
		for _, i := range among {
			if strings.Contains(x.words(i), needle) {
				found = append(found, i)
			}
		}
		return found
	}
	// One search through everything: after a hit, go on with the next host.
	for host, from := 0, 0; ; {
		at := strings.Index(x.text[from:], needle)
		if at < 0 {
			return found
		}
		for int(x.ends[host]) <= from+at {
			host++
		}
		found = append(found, int32(host))
		from = int(x.ends[host])
	}
}

func (x index) words(i int32) string {
	if i == 0 {
		return x.text[:x.ends[0]]
	}
	return x.text[x.ends[i-1]:x.ends[i]]
}

// findAll lists the hosts whose words contain every needle.
func (x index) findAll(needles []string, among []int32) []int32 {
	for _, needle := range needles {
		among = x.find(needle, among)
	}
	return among
}

// normal is the text of a filter as it is compared: lower case, one blank between words.
func normal(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// field is the text that is being typed after a slash.
type field struct{ text string }

// edit is what a key does to the text; done tells that the key ends the editing.
func (f *field) edit(key string) (done bool) {
	switch key {
	case "enter":
		return true
	case "esc":
		f.text = ""
		return true
	case "backspace", "ctrl+h":
		if f.text == "" {
			return true
		}
		_, size := utf8.DecodeLastRuneInString(f.text)
		f.text = f.text[:len(f.text)-size]
	case "ctrl+u", "ctrl+w":
		f.text = ""
	default:
		f.insert(key)
	}
	return false
}

// insert adds what prints; the name of a key that does not is longer than a character.
func (f *field) insert(key string) {
	if r, size := utf8.DecodeRuneInString(key); size == len(key) && unicode.IsPrint(r) && len(f.text) < 200 {
		f.text += key
	}
}

// paste adds the printable part of pasted text.
func (f *field) paste(text []rune) {
	for _, r := range text {
		f.insert(string(r))
	}
}
