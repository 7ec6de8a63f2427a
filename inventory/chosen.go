package inventory

import (
	"context"
	"fmt"
	"maps"

	"github.com/chaoscat/chaoscat/engine"
)

// Chosen is some of the hosts of a source, with what is said of all of them. A part of the selector that matches no
// host is a mistake: a typo there would attack what was not meant, or spare what was.
type Chosen struct {
	Source
	Hosts  engine.Selector   // empty means all; groups and tags are those of the source
	Groups []string          // of every host, besides its own
	Tags   map[string]string // of every host that does not have them itself
}

// Load loads the source and chooses.
func (c Chosen) Load(ctx context.Context) (Listing, error) {
	listing, err := c.Source.Load(ctx)
	if err != nil {
		return listing, err
	}
	hosts, kept := make([]engine.Host, len(listing.Entries)), listing.Entries[:0]
	for i, e := range listing.Entries {
		if hosts[i] = e.Host; c.Hosts.Selects(e.Host) {
			kept = append(kept, c.given(e))
		}
	}
	if len(c.Hosts) > 0 && len(hosts) > 0 {
		if err := CheckSelector(c.Hosts, hosts); err != nil {
			return Listing{}, fmt.Errorf("%s: %w", c.Name(), err)
		}
	}
	listing.Entries = kept
	return listing, nil
}

func (c Chosen) given(e Entry) Entry {
	for _, group := range c.Groups {
		if !e.In(group) {
			e.Groups = append(e.Groups[:len(e.Groups):len(e.Groups)], group) // hosts of a source may share a list
		}
	}
	if len(c.Tags) > 0 {
		tags := maps.Clone(c.Tags)
		maps.Copy(tags, e.Tags)
		e.Tags = tags
	}
	return e
}
