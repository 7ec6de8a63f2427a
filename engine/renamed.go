package engine

import (
	"maps"
	"slices"
)

// excludeRenamed keeps a host out that was excluded under a name that the inventory has no more: a source that stops
// listing it leaves it to another, which may call it otherwise.
func (t *turn) excludeRenamed() {
	gone := map[string]string{} // the name, by where the host is
	for _, name := range slices.Sorted(maps.Keys(t.s.Excluded)) {
		if _, known := t.Roster.Find(name); !known && t.s.Excluded[name].Where != "" {
			gone[t.s.Excluded[name].Where] = name
		}
	}
	if len(gone) == 0 {
		return
	}
	for _, h := range t.Roster.Hosts() {
		if name, was := gone[h.where()]; was {
			t.renameExcluded(name, h.Name)
		}
	}
}

// renameExcluded lets the old name go, so that including the new one is the end of it.
func (t *turn) renameExcluded(from, to string) {
	x := t.s.Excluded[from]
	if held, out := t.s.Excluded[to]; out && !outlasts(x.Until, held.Until) {
		x = held
	}
	t.s.Excluded = put(drop(t.s.Excluded, from), to, x)
	t.note(Record{Kind: OrderGiven, Order: &Order{Kind: Include, By: x.By, Host: from}, By: x.By, Host: from, Text: from + " is called " + to + " now"})
	t.note(Record{Kind: OrderGiven, Order: &Order{Kind: Exclude, By: x.By, Host: to}, By: x.By, Host: to, Exclude: &x, Text: "excluded " + to + ", as " + from + " was by " + x.By + because(x.Reason)})
}
