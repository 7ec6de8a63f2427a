package inventory

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/relex/aini"
)

// parseINI reads the INI syntax with relex/aini. That library is made for files that are right: a step
// of 0 in a range never ends, a line above 64 KiB silently ends the reading, an IPv6 address loses its
// last group as a port, a port is forgotten when the host is named again, and messages have no line. So
// each line is vetted first, and the library sees only what it reads as Ansible does.
func parseINI(path string, text []byte) (*ansibleTree, error) {
	vet := iniVet{tree: newTree(path), defined: map[string]bool{"all": true, "ungrouped": true}, meant: map[string]int{}}
	clean, err := vet.all(string(text))
	if err != nil {
		return nil, err
	}
	data, err := aini.ParseString(clean)
	if err != nil {
		return nil, vet.blame(clean, err)
	}
	return vet.tree, fillFromINI(vet.tree, data)
}

// blame finds the lines that the library does not like, which it does not say itself.
func (v *iniVet) blame(clean string, whole error) error {
	var wrong tally[error]
	number := 0
	for line := range strings.Lines(clean) {
		number++
		if _, isHost := slices.BinarySearch(v.hostLines, number); !isHost {
			continue
		}
		if _, err := aini.ParseString(line); err != nil {
			wrong.add(fmt.Errorf("%s:%d: %s: %s", v.tree.path, number, show(strings.TrimSpace(line)), harmless(err)))
		}
	}
	if err := joined(wrong); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s", v.tree.path, harmless(whole))
}

// fillFromINI takes over what aini found. The vet has listed every host already; if the two disagree,
// one of them has misread the file and nothing in it can be trusted.
func fillFromINI(t *ansibleTree, data *aini.InventoryData) error {
	if len(data.Hosts) != len(t.lines) {
		return fmt.Errorf("%s: cannot be read unambiguously: %d or %d hosts", t.path, len(t.lines), len(data.Hosts))
	}
	for name, host := range data.Hosts {
		if t.lines[name] == 0 {
			return fmt.Errorf("%s: cannot be read unambiguously: host %s has no line", t.path, show(name))
		}
		keep(t.host(name), host.InventoryVars)
		for group := range host.DirectGroups {
			t.group(group).hosts = append(t.group(group).hosts, name)
		}
	}
	for _, group := range data.Groups {
		keep(t.group(group.Name).vars, group.InventoryVars)
		for _, parent := range slices.Sorted(maps.Keys(group.DirectParents)) {
			if parent != "all" && group.Name != "all" {
				above := t.group(parent)
				above.children = append(above.children, group.Name)
			}
		}
	}
	return nil
}

func keep(to ansibleVars, from map[string]string) {
	for name, value := range from {
		if counts(name) {
			to[name] = unquoted(value)
		}
	}
}

// unquoted takes off the quotes that a value of a :vars section still has.
func unquoted(value string) string {
	if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

// iniVet goes through the lines before the library does.
type iniVet struct {
	tree    *ansibleTree
	defined map[string]bool
	meant   map[string]int // groups named as a child or by their :vars, with the line
	kind    string         // of the section: "", "hosts", "children" or "vars"
	count   int            // hosts written out so far, however often each
	// hostLines are the numbers of the lines that name hosts, ascending.
	hostLines []int
}

// iniSection is the expression that Ansible and aini use.
var iniSection = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)

// all returns the text as the library gets it, or every mistake with its line.
func (v *iniVet) all(text string) (string, error) {
	var clean strings.Builder
	var wrong tally[error]
	number := 0
	for line := range strings.Lines(text) {
		number++
		kept, err := v.line(number, strings.TrimSpace(line))
		if err != nil {
			wrong.add(fmt.Errorf("%s:%d: %w", v.tree.path, number, err))
		}
		clean.WriteString(kept)
		clean.WriteByte('\n')
	}
	for _, group := range slices.Sorted(maps.Keys(v.meant)) {
		if !v.defined[group] {
			wrong.add(fmt.Errorf("%s:%d: there is no group %s%s", v.tree.path, v.meant[group], show(group), v.nearest(group)))
		}
	}
	return clean.String(), joined(wrong)
}

func (v *iniVet) nearest(group string) string {
	if meant := Nearest(group, slices.Sorted(maps.Keys(v.defined))); meant != "" {
		return "; did you mean " + show(meant) + "?"
	}
	return "; add a section [" + group + "] or remove the mention"
}

func (v *iniVet) line(number int, line string) (string, error) {
	const most = 60 << 10
	if line == "" || line[0] == '#' || line[0] == ';' {
		return "", nil
	}
	if len(line) > most {
		return "", fmt.Errorf("the line has %d bytes; at most %d", len(line), most)
	}
	if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) {
		return "", fmt.Errorf("a control character in %s", show(line))
	}
	if line[0] == '[' {
		return line, v.section(number, line)
	}
	switch v.kind {
	case "children":
		return v.child(number, line)
	case "vars":
		if name, _, found := strings.Cut(line, "="); !found || strings.TrimSpace(name) == "" {
			return "", fmt.Errorf("%s: a variable is written NAME=VALUE", show(line))
		}
		return line, nil
	}
	return v.hosts(number, line)
}

func (v *iniVet) section(number int, line string) error {
	parts := iniSection.FindStringSubmatch(line)
	if parts == nil {
		return fmt.Errorf("%s: a section is written [GROUP], [GROUP:children] or [GROUP:vars]", show(line))
	}
	group, kind := parts[1], parts[2]
	if err := checkLabel(group); err != nil {
		return fmt.Errorf("group %s %w", show(group), err)
	}
	switch kind {
	case "", "hosts", "children":
		v.defined[group] = true
	case "vars":
		v.mention(group, number)
	default:
		return fmt.Errorf("%s: %s is not a kind of section; write [GROUP], [GROUP:children] or [GROUP:vars]", show(line), show(kind))
	}
	v.kind = kind
	return nil
}

func (v *iniVet) mention(group string, number int) {
	if v.meant[group] == 0 {
		v.meant[group] = number
	}
}

func (v *iniVet) child(number int, line string) (string, error) {
	name, _, _ := strings.Cut(line, "#")
	name = strings.TrimSpace(name)
	if strings.ContainsAny(name, " \t\"'\\:[]") {
		return "", fmt.Errorf("%s: one group name on each line", show(line))
	}
	v.mention(name, number)
	return name, nil
}

// hosts vets a line that names one host or a range of hosts, and moves a port behind the name into the
// variable, where it cannot be forgotten.
func (v *iniVet) hosts(number int, line string) (string, error) {
	pattern, rest := line, ""
	if at := strings.IndexAny(line, " \t"); at >= 0 {
		pattern, rest = line[:at], line[at:]
	}
	pattern, port, err := hostPattern(pattern)
	if err != nil {
		return "", err
	}
	names, err := expand(pattern)
	if err != nil {
		return "", fmt.Errorf("%s: %w", show(pattern), err)
	}
	if v.count += len(names); v.count > maxHosts {
		return "", fmt.Errorf("more than %d hosts", maxHosts)
	}
	v.hostLines = append(v.hostLines, number)
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return "", fmt.Errorf("host name %s: %w", show(name), err)
		}
		if v.tree.lines[name] == 0 {
			v.tree.lines[name] = number
		}
	}
	if port != 0 {
		pattern += " ansible_port=" + strconv.Itoa(port)
	}
	return pattern + rest, nil
}

// hostPattern splits the port off a host name that may have ranges, whose colons are not for ports.
func hostPattern(text string) (pattern string, port int, err error) {
	behind := strings.LastIndexByte(text, ']') + 1
	if !all(text, isPatternByte) || text[0] == '-' || text[0] == ':' {
		return "", 0, fmt.Errorf("%s is not a host name: letters, digits, \".\", \"_\" and \"-\" only, beginning with a letter or digit", show(text))
	}
	switch strings.Count(text[behind:], ":") {
	case 0:
		return text, 0, nil
	case 1:
		colon := behind + strings.IndexByte(text[behind:], ':')
		port, err = parsePort(text[colon+1:])
		return text[:colon], port, err
	}
	return "", 0, errors.New(show(text) + ": write an IPv6 host as NAME ansible_host=" + text)
}
