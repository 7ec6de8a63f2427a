package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
)

// maxText bounds what one source may hold, in bytes. A hundred thousand hosts with a few hundred bytes
// of variables each fit.
const maxText = 64 << 20

// AnsibleFile is an Ansible inventory file in INI, YAML or the JSON of ansible-inventory --list. Hosts,
// nested groups, ranges and variables inside the file are read; group_vars and host_vars directories,
// plugins and templates are not. Where those matter, use a [Command] with ansible-inventory --list.
//
// Variables that count: ansible_host, ansible_port, ansible_user (and their ansible_ssh_ spellings),
// ProxyJump in ansible_ssh_common_args, chaoscat_tag_NAME, and a mapping called tags. A host that Ansible
// would reach otherwise than over SSH is refused.
type AnsibleFile struct {
	Path string
}

var _ Source = AnsibleFile{}

// Name is the path.
func (f AnsibleFile) Name() string { return f.Path }

// Load reads the file.
func (f AnsibleFile) Load(ctx context.Context) (Listing, error) {
	if err := ctx.Err(); err != nil {
		return Listing{}, fmt.Errorf("read inventory %s: %w", f.Path, err)
	}
	text, err := readRegular(f.Path)
	if err != nil {
		return Listing{}, fmt.Errorf("read inventory %s: %w", f.Path, err)
	}
	listing, err := parseAnsible(f.Path, text)
	if err != nil {
		return Listing{}, err
	}
	listing.Notices = append(listing.Notices, f.neighbours()...)
	return listing, nil
}

// neighbours warns of variables that Ansible would read and this does not: an ansible_host in them
// would mean another machine.
func (f AnsibleFile) neighbours() []string {
	var notices []string
	for _, name := range []string{"group_vars", "host_vars"} {
		if info, err := os.Stat(filepath.Join(filepath.Dir(f.Path), name)); err == nil && info.IsDir() {
			notices = append(notices, fmt.Sprintf("%s: the directory %s beside it is not read; if addresses, ports or users are set there, use a command source with ansible-inventory --list", f.Path, name))
		}
	}
	return notices
}

// readRegular refuses what could block or never end, such as a FIFO, a device or a directory.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; name the inventory file in it")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("larger than %d MiB", maxText>>20)
	}
	return text, err
}

// parseAnsible decides by the file's ending, else by its first line, how the text is written.
func parseAnsible(path string, text []byte) (Listing, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return Listing{}, fmt.Errorf("%s: not a text file in UTF-8", path)
	}
	switch ansibleFormat(path, text) {
	case formatINI:
		return grown(path, text, parseINI)
	case formatJSON:
		return grown(path, text, parseJSON)
	}
	return grown(path, text, parseYAML)
}

// grown runs a parser. Parsers of other people get bytes of unknown origin here, so a panic of theirs
// is an error.
func grown(path string, text []byte, parse func(string, []byte) (*ansibleTree, error)) (listing Listing, err error) {
	defer func() {
		if r := recover(); r != nil {
			listing, err = Listing{}, fmt.Errorf("%s: cannot be read as an inventory: %s", path, plain(fmt.Sprint(r)))
		}
	}()
	tree, err := parse(path, text)
	if err != nil {
		return Listing{}, err
	}
	return tree.listing()
}

type ansibleSyntax int

const (
	formatINI ansibleSyntax = iota
	formatYAML
	formatJSON
)

func ansibleFormat(path string, text []byte) ansibleSyntax {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".ini":
		return formatINI
	case ".yml", ".yaml":
		return formatYAML
	case ".json":
		return formatJSON
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '{':
			return formatJSON
		case line == "---" || strings.HasSuffix(line, ":"):
			return formatYAML
		}
		return formatINI
	}
	return formatINI
}

// ansibleTree is an inventory as Ansible sees it, whichever syntax it came in.
type ansibleTree struct {
	path   string
	groups map[string]*ansibleGroup
	hosts  map[string]ansibleVars // every host of a group, with its own variables
	lines  map[string]int         // where a host was first named; 0 or absent when not known
	// unfit counts values of a tags mapping that cannot be tags of ours, as cloud inventories have them.
	unfit   int
	notices []string
}

type ansibleGroup struct {
	hosts    []string
	children []string
	vars     ansibleVars
}

// ansibleVars holds the variables that count, as text; a tags mapping is flattened to tagVar+NAME.
type ansibleVars map[string]string

const (
	tagVar      = "chaoscat_tag_"
	priorityVar = "ansible_group_priority"
)

func newTree(path string) *ansibleTree {
	return &ansibleTree{path: path, groups: map[string]*ansibleGroup{}, hosts: map[string]ansibleVars{}, lines: map[string]int{}}
}

func (t *ansibleTree) group(name string) *ansibleGroup {
	g := t.groups[name]
	if g == nil {
		g = &ansibleGroup{vars: ansibleVars{}}
		t.groups[name] = g
	}
	return g
}

func (t *ansibleTree) host(name string) ansibleVars {
	vars := t.hosts[name]
	if vars == nil {
		vars = ansibleVars{}
		t.hosts[name] = vars
	}
	return vars
}

func (t *ansibleTree) listing() (Listing, error) {
	kin, err := t.kinships()
	if err != nil {
		return Listing{}, err
	}
	direct := t.directGroups()
	listing := Listing{Source: t.path, Notices: t.notices}
	if t.unfit > 0 {
		listing.Notices = append(listing.Notices, fmt.Sprintf("%s: %d tags are left out: their names or values do not fit", t.path, t.unfit))
	}
	for _, name := range slices.Sorted(maps.Keys(t.hosts)) {
		listing.Entries = append(listing.Entries, t.entry(name, kin.of(direct[name])))
	}
	return listing, nil
}

func (t *ansibleTree) directGroups() map[string][]string {
	direct := make(map[string][]string, len(t.hosts))
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		for _, host := range t.groups[name].hosts {
			if of := direct[host]; len(of) == 0 || of[len(of)-1] != name {
				direct[host] = append(of, name)
			}
		}
	}
	return direct
}

func (t *ansibleTree) entry(name string, k *kinship) Entry {
	look := lookup{t.hosts[name], k.vars}
	e := Entry{Where: t.path, Host: engine.Host{
		Name:    name,
		Address: look.first("ansible_host", "ansible_ssh_host"),
		User:    look.first("ansible_user", "ansible_ssh_user"),
		Groups:  k.groups,
		Tags:    tagsOf(k.vars, t.hosts[name]),
	}}
	if line := t.lines[name]; line > 0 {
		e.Where = fmt.Sprintf("%s:%d", t.path, line)
	}
	var err error
	if e.Port, err = look.port(); err != nil {
		e.Refused = err.Error()
	}
	if e.Jump, err = look.jump(); err != nil {
		e.Refused = err.Error()
	}
	if connection := look.first("ansible_connection"); !overSSH(connection) {
		e.Refused = "ansible_connection=" + show(connection) + ": chaoscat attacks over SSH only"
	}
	return e
}

// lookup is the variables of a host: its own, then those of its groups.
type lookup [2]ansibleVars

func (l lookup) first(names ...string) string {
	for _, vars := range l {
		for _, name := range names {
			if value := vars[name]; value != "" {
				return value
			}
		}
	}
	return ""
}

func (l lookup) port() (int, error) {
	digits := l.first("ansible_port", "ansible_ssh_port")
	if digits == "" {
		return 0, nil
	}
	port, err := parsePort(digits)
	if err != nil {
		return 0, fmt.Errorf("ansible_port: %w", err)
	}
	return port, nil
}

func (l lookup) jump() (string, error) {
	found := ""
	for _, option := range []string{"ansible_ssh_extra_args", "ansible_ssh_common_args", "ansible_ssh_args"} {
		jump, err := jumpOf(l.first(option))
		if err != nil {
			return "", fmt.Errorf("%s: %w", option, err)
		}
		if found == "" {
			found = jump
		}
	}
	return found, nil
}

func overSSH(connection string) bool {
	switch strings.TrimPrefix(connection, "ansible.builtin.") {
	case "", "ssh", "smart", "paramiko", "paramiko_ssh":
		return true
	}
	return false
}

// jumpOf finds the jump hosts in arguments for ssh. A ProxyCommand is refused: without it, the same
// address may well be another machine.
func jumpOf(arguments string) (string, error) {
	words := strings.FieldsFunc(arguments, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' })
	for i, word := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		if word == "-o" {
			word, next = "-o"+next, ""
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(word, "-o"), "=")
		switch {
		case strings.EqualFold(key, "ProxyCommand"):
			return "", errors.New("a ProxyCommand is not supported; name the jump host with -J or -o ProxyJump=HOST")
		case strings.EqualFold(key, "ProxyJump") && value != "":
			return value, nil
		case word == "-J" && next != "":
			return next, nil
		case strings.HasPrefix(word, "-J") && len(word) > 2:
			return word[2:], nil
		}
	}
	return "", nil
}

func tagsOf(layers ...ansibleVars) map[string]string {
	var tags map[string]string
	for _, vars := range layers {
		for name, value := range vars {
			if tag, ok := strings.CutPrefix(name, tagVar); ok {
				if tags == nil {
					tags = map[string]string{}
				}
				tags[tag] = value
			}
		}
	}
	return tags
}

// counts tells whether a variable is one of those that are kept.
func counts(name string) bool {
	switch name {
	case "ansible_host", "ansible_ssh_host", "ansible_port", "ansible_ssh_port", "ansible_user", "ansible_ssh_user",
		"ansible_connection", "ansible_ssh_extra_args", "ansible_ssh_common_args", "ansible_ssh_args", priorityVar:
		return true
	}
	return strings.HasPrefix(name, tagVar)
}
