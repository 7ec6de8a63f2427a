package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// gathering collects the hosts of a source that names the same one several times, once for each service on it.
type gathering struct {
	listing Listing
	at      map[string]int // by name and address
	unfit   int            // labels that cannot be groups or tags of ours
}

func newGathering(source string) *gathering {
	return &gathering{listing: Listing{Source: source}, at: map[string]int{}}
}

// add takes an entry, or what is new in it. The first value of a tag wins.
func (g *gathering) add(e Entry) {
	key := e.Name + " " + e.Address
	i, known := g.at[key]
	if !known {
		e.Groups, e.Tags = slices.Clone(e.Groups), maps.Clone(e.Tags)
		g.at[key] = len(g.listing.Entries)
		g.listing.Entries = append(g.listing.Entries, e)
		return
	}
	h := &g.listing.Entries[i]
	h.Groups = append(h.Groups, e.Groups...)
	for tag, value := range e.Tags {
		if _, has := h.Tags[tag]; !has {
			h.Tags = set(h.Tags, tag, value)
		}
	}
}

// set is an assignment that makes the map if there is none.
func set(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// groups is what of the labels can be groups. A label without a value says nothing.
func (g *gathering) groups(labels ...string) (groups []string) {
	for _, label := range labels {
		switch {
		case label == "":
		case checkLabel(label) != nil:
			g.unfit++
		default:
			groups = append(groups, label)
		}
	}
	return groups
}

// tags is what of the labels can be tags; the first value of a name wins. Labels of other systems need not fit:
// those that do not are counted and left out.
func (g *gathering) tags(layers ...map[string]string) (tags map[string]string) {
	for _, labels := range layers {
		for name, value := range labels {
			if _, has := tags[name]; has {
				continue
			}
			if checkTag(name, value) != nil {
				g.unfit++
				continue
			}
			tags = set(tags, name, value)
		}
	}
	return tags
}

// done is the listing by name, so that two readings of the same are the same, in whatever order it was sent.
func (g *gathering) done() Listing {
	if g.unfit > 0 {
		g.listing.Notices = append(g.listing.Notices, fmt.Sprintf("%s: %d labels are left out: their names or values do not fit", g.listing.Source, g.unfit))
	}
	for i := range g.listing.Entries {
		h := &g.listing.Entries[i]
		slices.Sort(h.Groups)
		h.Groups = slices.Compact(h.Groups)
	}
	slices.SortStableFunc(g.listing.Entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return g.listing
}
