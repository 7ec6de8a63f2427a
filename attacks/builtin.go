package attacks

import (
	"slices"
	"strings"
)

// Builtin is the catalogue that comes with chaoscat, by name.
func Builtin() []Definition {
	all := slices.Concat(network(), resource(), state())
	slices.SortFunc(all, func(a, b Definition) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find looks an attack of [Builtin] up by name.
func Find(name string) (Definition, bool) {
	all := Builtin()
	if i := slices.IndexFunc(all, func(d Definition) bool { return d.Name == name }); i >= 0 {
		return all[i], true
	}
	return Definition{}, false
}
