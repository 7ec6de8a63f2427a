package inventory

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// yamlPlainer turns nodes into the plain values that JSON would give, all text as it was written: nil,
// string, []any and map[string]any. What JSON has not is an error with its line: keys that are no
// text, keys that are there twice, aliases that contain themselves or grow beyond measure.
type yamlPlainer struct {
	path    string
	lines   map[string]int      // the keys of every mapping called hosts, with their line
	open    map[*yaml.Node]bool // anchors whose value is being made
	aliased int                 // values made through aliases
	within  int                 // aliases around the value being made
	wrong   tally[error]
}

// maxAliased is far above what an inventory shares, and far below what would hurt.
const maxAliased = 1_000_000

func (y *yamlPlainer) complain(n *yaml.Node, format string, arguments ...any) {
	y.wrong.add(fmt.Errorf("%s: line %d: %s", y.path, n.Line, fmt.Sprintf(format, arguments...)))
}

// value makes the value of a node that stands under the key.
func (y *yamlPlainer) value(n *yaml.Node, key string) any {
	if y.within > 0 {
		y.aliased++
	}
	if y.aliased > maxAliased {
		if y.aliased == maxAliased+1 {
			y.complain(n, "the aliases stand for more than %d values", maxAliased)
		}
		return nil
	}
	if n.Anchor != "" {
		y.open[n] = true
		defer delete(y.open, n)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) > 0 {
			return y.value(n.Content[0], key)
		}
	case yaml.AliasNode:
		return y.alias(n, key)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			list = append(list, y.value(item, ""))
		}
		return list
	case yaml.MappingNode:
		return y.mapping(n, key)
	case yaml.ScalarNode:
		if n.ShortTag() != "!!null" {
			return n.Value
		}
	}
	return nil
}

// alias makes the value again, so that nobody shares it. A value that contains itself has no end.
func (y *yamlPlainer) alias(n *yaml.Node, key string) any {
	if y.open[n.Alias] {
		y.complain(n, "the alias %s contains itself", show(n.Value))
		return nil
	}
	y.within++
	defer func() { y.within-- }()
	return y.value(n.Alias, key)
}

func (y *yamlPlainer) mapping(n *yaml.Node, called string) any {
	made, seen := make(map[string]any, len(n.Content)/2), make(map[string]int, len(n.Content)/2)
	var inherited []any
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			inherited = append(inherited, y.value(value, ""))
			continue
		}
		if name, ok := y.key(key, seen); ok {
			if called == "hosts" && y.lines[name] == 0 {
				y.lines[name] = key.Line
			}
			made[name] = y.value(value, name)
		}
	}
	for _, more := range inherited {
		inherit(made, more)
	}
	return made
}

// key takes a key that is text and not there yet; seen remembers it with its line.
func (y *yamlPlainer) key(n *yaml.Node, seen map[string]int) (string, bool) {
	text := n
	if n.Kind == yaml.AliasNode {
		text = n.Alias
	}
	switch line := seen[text.Value]; {
	case text.Kind != yaml.ScalarNode || text.ShortTag() != "!!str":
		y.complain(n, "the key %s is not text; put it in quotes", show(text.Value))
	case line > 0:
		y.complain(n, "the key %s is there already, in line %d", show(text.Value), line)
	default:
		seen[text.Value] = n.Line
		return text.Value, true
	}
	return "", false
}

// inherit is the << of YAML: what the mapping has itself wins, then the earlier of several.
func inherit(to map[string]any, from any) {
	switch from := from.(type) {
	case map[string]any:
		for key, value := range from {
			if _, has := to[key]; !has {
				to[key] = value
			}
		}
	case []any:
		for _, one := range from {
			inherit(to, one)
		}
	}
}
