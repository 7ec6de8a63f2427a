package inventory

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// named is how many hosts of each kind of change are called by name.
const named = 3

// kindOfChange is what happened to a host between two readings.
type kindOfChange int

// In the order in which they are told.
const (
	same kindOfChange = iota
	added
	removed
	moved   // it is reached in another way, and may be another machine
	barred  // it is kept out from here on
	freed   // it is not kept out any more
	altered // anything else that is known of it
)

func (k kindOfChange) String() string {
	return [...]string{"the same", "added", "removed", "with another address", "kept out", "let in again", "otherwise changed"}[k]
}

// tellings counts the hosts of one kind of change, and keeps the first few in words.
type tellings struct {
	count int
	first []string
	why   string // of the first, where there is a reason
}

// change puts into words what makes one roster differ from another: counts, with the first few names.
func change(before, after *engine.Roster) string {
	told := make([]tellings, altered+1)
	tell := func(k kindOfChange, text, why string) {
		if told[k].count++; told[k].count == 1 {
			told[k].why = why
		}
		if told[k].count <= named {
			told[k].first = append(told[k].first, text)
		}
	}
	for _, now := range after.Hosts() {
		was, known := before.Find(now.Name)
		switch k := compare(was, now); {
		case !known:
			tell(added, now.Name, "")
		case k == moved:
			tell(moved, fmt.Sprintf("%s: %s, was %s", now.Name, reached(now), reached(was)), "")
		case k == barred:
			tell(barred, now.Name, ": "+now.Barred)
		case k != same:
			tell(k, now.Name, "")
		}
	}
	for _, was := range before.Hosts() {
		if _, known := after.Find(was.Name); !known {
			tell(removed, was.Name, "")
		}
	}
	return "the inventory was refreshed: " + sentence(told)
}

func compare(was, now engine.Host) kindOfChange {
	switch {
	case was.Address != now.Address || was.Port != now.Port || was.Jump != now.Jump:
		return moved
	case was.Barred == "" && now.Barred != "":
		return barred
	case was.Barred != "" && now.Barred == "":
		return freed
	case was.User != now.User || was.Barred != now.Barred || !slices.Equal(was.Groups, now.Groups) || !maps.Equal(was.Tags, now.Tags):
		return altered
	}
	return same
}

func reached(h engine.Host) string {
	text := net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
	if h.Jump != "" {
		text += " over " + h.Jump
	}
	return text
}

func sentence(told []tellings) string {
	var parts []string
	for k := added; k <= altered; k++ {
		if n := told[k].count; n > 0 {
			more := ""
			if n > named {
				more = ", ..."
			}
			parts = append(parts, fmt.Sprintf("%d %s (%s%s)%s", n, k, strings.Join(told[k].first, ", "), more, told[k].why))
		}
	}
	return strings.Join(parts, "; ")
}
