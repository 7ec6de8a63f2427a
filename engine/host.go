package engine

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
)

// Host is one machine that may be attacked. It is plain data: where it came from, and how it is reached
// beyond its address, is the inventory's and the carrier's business.
type Host struct {
	Name    string            `json:"name"`
	Address string            `json:"address"` // host name or IP literal, without port
	Port    int               `json:"port"`
	User    string            `json:"user,omitempty"`
	Jump    string            `json:"jump,omitempty"` // [user@]host[:port], several separated by commas
	Groups  []string          `json:"groups,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	// Barred says why configuration keeps the host out of every draw; empty means that it does not.
	Barred string `json:"barred,omitempty"`
}

// In tells whether the host belongs to the group.
func (h Host) In(group string) bool { return slices.Contains(h.Groups, group) }

// where the host is, whatever it is called and whoever logs in there.
func (h Host) where() string { return fmt.Sprintf("%s|%d|%s", h.Address, h.Port, h.Jump) }

// Selector names a set of hosts. A host is selected if any positive term matches it and no negated one
// does; a selector without positive terms starts from all hosts. The empty selector means every host.
//
//	web-*           name pattern (path.Match)
//	group:db        member of a group
//	tag:zone=eu-1   has the tag with that value (a pattern, too)
//	!web-007        a leading ! takes away what the rest of the term matches
type Selector []string

// Selects tells whether the host is in the set.
func (s Selector) Selects(h Host) bool {
	in, positive := false, false
	for _, term := range s {
		if rest, negated := strings.CutPrefix(term, "!"); negated {
			if matches(rest, h) {
				return false
			}
			continue
		}
		positive = true
		in = in || matches(term, h)
	}
	return in || !positive
}

// Check reports every term that cannot be understood.
func (s Selector) Check() error {
	for _, term := range s {
		pattern := strings.TrimPrefix(term, "!")
		if group, ok := strings.CutPrefix(pattern, "group:"); ok {
			pattern = group
		} else if tag, ok := strings.CutPrefix(pattern, "tag:"); ok {
			name, value, found := strings.Cut(tag, "=")
			if !found || name == "" {
				return fmt.Errorf("selector %q: a tag is written tag:NAME=VALUE", term)
			}
			pattern = value
		}
		if pattern == "" {
			return fmt.Errorf("selector %q: empty; write a name pattern, group:NAME or tag:NAME=VALUE", term)
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("selector %q: the pattern has an unclosed bracket", term)
		}
	}
	return nil
}

func matches(term string, h Host) bool {
	if group, ok := strings.CutPrefix(term, "group:"); ok {
		return slices.ContainsFunc(h.Groups, func(g string) bool { return glob(group, g) })
	}
	if tag, ok := strings.CutPrefix(term, "tag:"); ok {
		name, want, _ := strings.Cut(tag, "=")
		value, has := h.Tags[name]
		return has && glob(want, value)
	}
	return glob(term, h.Name)
}

func glob(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return err == nil && ok
}

// Roster is every host that is known, sorted by name and never changed after it is made, so that it can
// be shared between the core, the console and the socket without a copy.
type Roster struct {
	hosts  []Host
	index  map[string]int32
	groups map[string][]int32
}

// NewRoster sorts the hosts by name and indexes them. The names must be unique: the inventory sees to
// that, and a duplicate here is a programming error.
func NewRoster(hosts []Host) *Roster {
	r := &Roster{hosts: slices.Clone(hosts), index: make(map[string]int32, len(hosts)), groups: map[string][]int32{}}
	sort.Slice(r.hosts, func(i, j int) bool { return r.hosts[i].Name < r.hosts[j].Name })
	for i, h := range r.hosts {
		if _, twice := r.index[h.Name]; twice {
			panic("engine: the inventory handed over host " + h.Name + " twice")
		}
		r.index[h.Name] = int32(i)
		for _, g := range h.Groups {
			r.groups[g] = append(r.groups[g], int32(i))
		}
	}
	return r
}

// Len is the number of hosts; a nil roster has none.
func (r *Roster) Len() int {
	if r == nil {
		return 0
	}
	return len(r.hosts)
}

// At is the i-th host by name.
func (r *Roster) At(i int) Host { return r.hosts[i] }

// Find looks a host up by its name.
func (r *Roster) Find(name string) (Host, bool) {
	if r == nil {
		return Host{}, false
	}
	i, ok := r.index[name]
	if !ok {
		return Host{}, false
	}
	return r.hosts[i], true
}

// Hosts is the whole roster by name. The caller must not change it.
func (r *Roster) Hosts() []Host {
	if r == nil {
		return nil
	}
	return r.hosts
}

// GroupSize is how many hosts the group has.
func (r *Roster) GroupSize(group string) int {
	if r == nil {
		return 0
	}
	return len(r.groups[group])
}
