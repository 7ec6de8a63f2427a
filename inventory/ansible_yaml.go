package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// parseYAML reads an inventory in YAML. The library makes nodes of it and no more: what it does to keep
// keys unique takes minutes for a mapping of a hundred thousand hosts.
func parseYAML(path string, text []byte) (*ansibleTree, error) {
	lines := map[string]int{}
	value, err := yamlValue(path, text, lines)
	if err != nil {
		return nil, err
	}
	return growTree(path, value, lines)
}

// yamlValue is what stands in the one document of a YAML text, and the lines of the keys of mappings called hosts.
func yamlValue(path string, text []byte, lines map[string]int) (any, error) {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", path, harmless(err))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one YAML document; an inventory is one", path)
	}
	plainer := yamlPlainer{path: path, lines: lines, open: map[*yaml.Node]bool{}}
	value := plainer.value(&document, "")
	return value, joined(plainer.wrong)
}

// parseJSON reads what ansible-inventory --list prints, or a YAML inventory written as JSON.
func parseJSON(path string, text []byte) (*ansibleTree, error) {
	var document any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, jsonMistake(text, err))
	}
	if decoder.More() {
		return nil, fmt.Errorf("%s: something follows the JSON value", path)
	}
	return growTree(path, document, nil)
}

// jsonMistake adds the line where the library gives an offset.
func jsonMistake(text []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("line %d: not JSON: %s", line, harmless(err))
	}
	return fmt.Errorf("not JSON: %s", harmless(err))
}

// grower walks a decoded document, whose groups either contain each other or refer to each other by name.
type grower struct {
	tree  *ansibleTree
	lines map[string]int // where the document has a key of a hosts mapping, if that is known
	count int            // hosts written out so far, however often each
	wrong tally[error]
}

func growTree(path string, document any, lines map[string]int) (*ansibleTree, error) {
	g := &grower{tree: newTree(path), lines: lines}
	top, ok := g.mapping("", document)
	if !ok && joined(g.wrong) == nil {
		return nil, fmt.Errorf("%s: it is empty; an inventory is a mapping of groups, such as all", path)
	}
	if _, plugin := top["plugin"]; plugin {
		return nil, fmt.Errorf("%s: this configures an inventory plugin; use a command source with ansible-inventory -i %s --list", path, path)
	}
	meta := top["_meta"]
	delete(top, "_meta")
	for _, name := range slices.Sorted(maps.Keys(top)) {
		g.group(name, name, top[name])
	}
	g.meta(meta)
	return g.tree, joined(g.wrong)
}

func (g *grower) complain(path, format string, arguments ...any) {
	if path == "" {
		path = "top level"
	}
	g.wrong.add(fmt.Errorf("%s: %s%s", g.tree.path, plain(path), fmt.Sprintf(format, arguments...)))
}

// mapping is the value as a mapping with names as keys; nothing at all is an empty one, and false.
func (g *grower) mapping(path string, value any) (map[string]any, bool) {
	switch value := value.(type) {
	case nil:
		return map[string]any{}, false
	case map[string]any:
		return value, true
	default:
		g.complain(path, ": must be a mapping, not %s", kindOf(value))
	}
	return map[string]any{}, false
}

func (g *grower) group(path, name string, value any) {
	group := g.tree.group(name)
	if list, ok := value.([]any); ok { // the oldest form of --list: a group is a list of hosts
		g.hostList(path, group, list)
		return
	}
	parts, _ := g.mapping(path, value)
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		inside := path + "." + part
		switch part {
		case "hosts":
			g.hosts(inside, group, parts[part])
		case "vars":
			vars, _ := g.mapping(inside, parts[part])
			g.keep(group.vars, vars)
		case "children":
			g.children(inside, group, parts[part])
		default:
			g.complain(inside, ": a group has hosts, vars and children%s", didYouMean(part, []string{"hosts", "vars", "children"}))
		}
	}
}

func didYouMean(word string, known []string) string {
	if meant := Nearest(word, known); meant != "" {
		return "; did you mean " + show(meant) + "?"
	}
	return ""
}

func (g *grower) children(path string, group *ansibleGroup, value any) {
	if list, ok := value.([]any); ok {
		for _, child := range list {
			if name, ok := child.(string); ok {
				group.children = append(group.children, name)
			} else {
				g.complain(path, ": must list names of groups, not %s", kindOf(child))
			}
		}
		return
	}
	children, _ := g.mapping(path, value)
	for _, name := range slices.Sorted(maps.Keys(children)) {
		group.children = append(group.children, name)
		g.group(path+"."+name, name, children[name])
	}
}

func (g *grower) hosts(path string, group *ansibleGroup, value any) {
	if list, ok := value.([]any); ok {
		g.hostList(path, group, list)
		return
	}
	hosts, _ := g.mapping(path, value)
	for _, pattern := range slices.Sorted(maps.Keys(hosts)) {
		names, port, err := hostNames(pattern)
		if err != nil {
			g.complain(path, ": host %s: %s", show(pattern), err)
			continue
		}
		vars, _ := g.mapping(path+"."+pattern, hosts[pattern])
		g.bound(len(names))
		own := ansibleVars{}
		if port != 0 {
			own["ansible_port"] = strconv.Itoa(port)
		}
		g.keep(own, vars)
		for _, name := range names {
			group.hosts = append(group.hosts, name)
			g.add(path, pattern, name, own)
		}
	}
}

// add gives a host its variables. Where it is named twice they must agree: which of two addresses wins
// would hang on the order of the keys.
func (g *grower) add(path, pattern, name string, own ansibleVars) {
	kept := g.tree.host(name)
	if line := g.lines[pattern]; g.tree.lines[name] == 0 {
		g.tree.lines[name] = line
	}
	for _, variable := range slices.Sorted(maps.Keys(own)) {
		if before, has := kept[variable]; has && before != own[variable] {
			g.complain(path, ": host %s: %s is %s here and %s elsewhere", show(name), plain(variable), show(own[variable]), show(before))
		}
		kept[variable] = own[variable]
	}
}

// hostNames writes out a key of a hosts mapping. What is no pattern is left for the checks to judge.
func hostNames(pattern string) ([]string, int, error) {
	if CheckName(pattern) == nil {
		return []string{pattern}, 0, nil
	}
	if pattern == "" {
		return nil, 0, errors.New("a host without a name")
	}
	bare, port, err := hostPattern(pattern)
	if err != nil {
		return nil, 0, err
	}
	names, err := expand(bare)
	return names, port, err
}

func (g *grower) hostList(path string, group *ansibleGroup, list []any) {
	g.bound(len(list))
	for _, item := range list {
		name, ok := item.(string)
		if !ok {
			g.complain(path, ": must list names of hosts, not %s", kindOf(item))
			continue
		}
		group.hosts = append(group.hosts, name)
		g.tree.host(name)
	}
}

// bound stops the walk before ranges multiply: the panic becomes an error where parsers are called.
func (g *grower) bound(more int) {
	if g.count += more; g.count > maxHosts {
		panic(fmt.Sprintf("more than %d hosts", maxHosts))
	}
}

func (g *grower) meta(value any) {
	meta, _ := g.mapping("_meta", value)
	hostvars, _ := g.mapping("_meta.hostvars", meta["hostvars"])
	strays := 0
	for name, value := range hostvars {
		kept, known := g.tree.hosts[name]
		if !known {
			strays++
			continue
		}
		vars, _ := g.mapping("_meta.hostvars."+name, value)
		g.keep(kept, vars)
	}
	if strays > 0 {
		g.tree.notices = append(g.tree.notices, fmt.Sprintf("%s: %d hosts of _meta.hostvars belong to no group and are left out", g.tree.path, strays))
	}
}

// keep takes over the variables that count; chaoscat_tag_NAME wins over the same name in tags.
func (g *grower) keep(to ansibleVars, from map[string]any) {
	if tags, ok := from["tags"].(map[string]any); ok {
		g.keepTags(to, tags)
	}
	for name, value := range from {
		if text, ok := scalar(value); ok && counts(name) {
			to[name] = text
		}
	}
}

// keepTags flattens a mapping of tags. Inventories of clouds have tags that do not fit into ours; those
// are counted and left out.
func (g *grower) keepTags(to ansibleVars, tags map[string]any) {
	for key, value := range tags {
		text, ok := scalar(value)
		if !ok || checkTag(key, text) != nil {
			g.tree.unfit++
			continue
		}
		to[tagVar+key] = text
	}
}

func scalar(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	}
	return "", false
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return "the value " + show(fmt.Sprint(value))
}
