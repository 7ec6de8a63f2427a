package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/chaoscat/chaoscat/engine"
)

// Static is the hosts that are written out in the configuration. It never changes, so it may be loaded
// as often as anybody likes.
type Static struct {
	Label string // what messages call it; "static" when empty
	Hosts []StaticHost
}

// StaticHost is one entry of a static list. A range in the name, web-[01:20], stands for as many hosts;
// then the address is left out or has a range of the same length, whose values go with the names one by
// one.
type StaticHost struct {
	Name    string
	Address string // host name or IP literal; empty means the name
	Port    int    // 0 means the default
	User    string
	Jump    string // [user@]host[:port], several separated by commas
	Groups  []string
	Tags    map[string]string
	Where   string // file:line, for messages
}

var _ Source = Static{}

// Name is the label.
func (s Static) Name() string {
	if s.Label == "" {
		return "static"
	}
	return s.Label
}

// Load writes out the ranges.
func (s Static) Load(context.Context) (Listing, error) {
	listing := Listing{Source: s.Name()}
	var wrong []error
	for _, host := range s.Hosts {
		entries, err := host.entries()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: host %s: %w", host.where(s.Name()), show(host.Name), err))
		}
		listing.Entries = append(listing.Entries, entries...)
		if len(listing.Entries) > maxHosts {
			return Listing{}, fmt.Errorf("%s: more than %d hosts", host.where(s.Name()), maxHosts)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return Listing{}, err
	}
	return listing, nil
}

func (h StaticHost) entries() ([]Entry, error) {
	names, err := expand(h.Name)
	if err != nil {
		return nil, err
	}
	addresses, err := h.addresses(names)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(names))
	for i, name := range names {
		entries[i] = Entry{Where: h.Where, Host: engine.Host{
			Name: name, Address: addresses[i], Port: h.Port, User: h.User, Jump: h.Jump,
			Groups: slices.Clone(h.Groups), Tags: maps.Clone(h.Tags),
		}}
	}
	return entries, nil
}

func (h StaticHost) addresses(names []string) ([]string, error) {
	if h.Address == "" {
		return names, nil
	}
	if _, err := canonical(h.Address); err == nil && len(names) == 1 { // brackets of [2001:db8::1] are no range
		return []string{h.Address}, nil
	}
	addresses, err := expand(h.Address)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", show(h.Address), err)
	}
	if len(addresses) != len(names) {
		return nil, fmt.Errorf("the name stands for %d hosts, the address %s for %d; give the address a range of the same length", len(names), show(h.Address), len(addresses))
	}
	return addresses, nil
}

func (h StaticHost) where(label string) string {
	if h.Where == "" {
		return label
	}
	return h.Where
}
