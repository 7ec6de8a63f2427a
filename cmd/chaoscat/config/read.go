package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/chaoscat/chaoscat/inventory"
)

// Load reads the configuration at the path. The error is [*Mistakes] when it could be read but is not
// right; all that is wrong with it is in there.
func Load(path string, files Files) (*Config, error) {
	c, err := Read(path, files)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Read is [Load] for whoever looks for more mistakes: what could be understood of a configuration with mistakes comes
// along with them. Nothing may ever be run of such a one; [Config.Sound] tells which of its keys mean what they say.
func Read(path string, files Files) (*Config, error) {
	data, stat, err := files.Read(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	r := &reading{file: path, base: files.folder(path), files: files}
	c := defaults(files)
	c.File = path
	tree := r.parse(data, stat)
	if tree == nil {
		return nil, Collect(r.mistakes)
	}
	r.table(spot{place: r.root}, tree, rootKeys(c))
	r.check(c)
	c.places, c.unsound, c.mistakes = r.root, r.unsound, r.mistakes
	return c, Collect(r.mistakes)
}

// reading is one pass over one file.
type reading struct {
	file     string
	base     string // folder that relative paths start from
	files    Files
	root     *place
	known    []Key // the whole schema, once it is needed
	mistakes []Mistake
	unsound  []string // where they are, as paths, and what was probably meant there
}

// spot is where a value stands: its place in the file and its name for people and for [Config.At].
type spot struct {
	place *place
	path  string // attack[2].params.delay
}

// key is the spot of a key of the table at s; where it is not written, its line is the table's.
func (s spot) key(name string) spot {
	path := name
	if s.path != "" {
		path = s.path + "." + name
	}
	if p := s.place.under[name]; p != nil {
		return spot{p, path}
	}
	return spot{&place{line: s.place.line}, path}
}

// item is the spot of an item of the list at s.
func (s spot) item(i int) spot {
	path := fmt.Sprintf("%s[%d]", s.path, i)
	if i < len(s.place.items) {
		return spot{s.place.items[i], path}
	}
	return spot{&place{line: s.place.line}, path}
}

var indexes = regexp.MustCompile(`\[\d+\]`)

// withoutIndexes is how a key is shown: the line says already which one of several it is.
func withoutIndexes(path string) string { return indexes.ReplaceAllString(path, "") }

func (r *reading) wrong(at spot, format string, args ...any) *Mistake {
	r.unsound = append(r.unsound, at.path)
	r.mistakes = append(r.mistakes, Mistake{
		File: r.file, Line: at.place.line, Key: withoutIndexes(at.path), Message: fmt.Sprintf(format, args...),
	})
	return &r.mistakes[len(r.mistakes)-1]
}

// whole is a mistake about the file rather than a key.
func (r *reading) whole(line int, message, hint string) {
	r.mistakes = append(r.mistakes, Mistake{File: r.file, Line: line, Message: message, Hint: hint})
}

// parse returns the document, or nil when there is none to look into.
func (r *reading) parse(data []byte, stat Stat) map[string]any {
	r.root = &place{line: 1}
	if stat.Mode.IsRegular() && stat.Mode.Perm()&0o022 != 0 {
		r.whole(1, fmt.Sprintf("the file can be written by others (mode %04o), and whoever writes it decides which commands are run", stat.Mode.Perm()),
			"chmod go-w "+r.file)
	}
	if len(data) > MaxSize {
		r.whole(1, "the file is larger than 1 MiB", "a long list of hosts belongs into an [[inventory]] of type ansible or command")
		return nil
	}
	src := strings.TrimPrefix(string(data), "\ufeff")
	if !r.legible(src) {
		return nil
	}
	root, err := locate(src)
	if deep, ok := errors.AsType[Mistake](err); ok {
		r.whole(deep.Line, deep.Message, "")
		return nil
	}
	tree := map[string]any{}
	if err := decode(src, &tree); err != nil {
		r.syntax(src, root, err)
		return nil
	}
	r.root = root
	return tree
}

// decode keeps a bug of the library from ending a daemon that merely reads its configuration again.
func decode(src string, into any) (err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("the TOML library cannot read this file: %v", bug)
		}
	}()
	_, err = toml.Decode(src, into)
	return err
}

// legible refuses what is not text, or not the text that it looks like.
func (r *reading) legible(src string) bool {
	line := func(at int) int { return 1 + strings.Count(src[:at], "\n") }
	switch {
	case strings.TrimSpace(src) == "":
		r.whole(1, "the file is empty", "chaoscat init writes a first configuration")
	case strings.IndexByte(src, 0) >= 0:
		r.whole(line(strings.IndexByte(src, 0)), "the file is not text: it has a NUL byte", "a configuration is TOML in UTF-8; UTF-16 has to be converted")
	case !utf8.ValidString(src):
		valid := strings.IndexFunc(strings.ToValidUTF8(src, "\x00"), func(c rune) bool { return c == 0 })
		r.whole(line(valid), "the file is not UTF-8 text", "is this the right file?")
	case loneReturn(src) >= 0:
		r.whole(line(loneReturn(src)), "a carriage return without a line feed: the file does not mean what it looks like", "save it with ordinary line ends")
	default:
		return true
	}
	return false
}

// loneReturn is where a carriage return stands without a line feed, or -1. The TOML library ends a line
// there, editors and people do not.
func loneReturn(src string) int {
	for i := range len(src) {
		if src[i] == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			return i
		}
	}
	return -1
}

var (
	bareSpan  = regexp.MustCompile(`=\s*-?[0-9.]+(ns|us|ms|s|m|h|d)\b`)
	bareWord  = regexp.MustCompile(`=\s*[A-Za-z_/~*!][^"'=]*$`)
	bareHours = regexp.MustCompile(`[0-9]:[0-9]{2}-`)

	definedTwice = regexp.MustCompile(`^Key '(.+)' has already been defined`)
)

// syntax reports the one mistake of a file that is not TOML, with what was probably meant.
func (r *reading) syntax(src string, root *place, err error) {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		r.whole(1, err.Error(), "")
		return
	}
	lines := strings.Split(src, "\n")
	n := min(max(parse.Position.Line, 1), len(lines))
	text, key, hint := strings.TrimSpace(lines[n-1]), parse.LastKey, ""
	switch {
	case strings.Contains(parse.Message, "already been defined"):
		if m := definedTwice.FindStringSubmatch(parse.Message); m != nil {
			key = m[1]
		}
		hint = "a key or table may be written only once"
		if first := root.before(key, n); first > 0 {
			hint += fmt.Sprintf("; it is first on line %d", first)
		}
	case strings.Contains(parse.Message, "out of range"):
		hint = "a whole number has at most 18 digits"
	case bareSpan.MatchString(text):
		hint = `a duration is written in quotes: "10m"`
	case bareHours.MatchString(text), bareWord.MatchString(text):
		hint = `text is written in quotes: "..."`
	}
	r.wrong(spot{&place{line: n}, key}, "not TOML: %s", strings.TrimSuffix(parse.Message, ".")).Hint = hint
}

// table reads a table by its keys. The keys are taken in the order of the schema, so that what others
// depend on (the zone, a type) is known before them.
func (r *reading) table(at spot, v any, keys []key) {
	m, ok := v.(map[string]any)
	if !ok {
		r.wrongType(at, "a table", v)
		return
	}
	kind, typed := "", false
	for _, k := range keys {
		x, given := m[k.name]
		switch {
		case given && !k.belongs(kind):
			if typed {
				r.wrong(at.key(k.name), "belongs to type %s, and this is type %q", quoted(k.of), kind)
			}
		case given:
			k.take(r, at.key(k.name), x)
		case k.need && k.belongs(kind):
			r.wrong(at.key(k.name), "missing").Hint = k.help
		}
		if k.name == "type" {
			kind, _ = x.(string)
			typed = slices.Contains(k.choices, kind)
		}
	}
	r.unknown(at, m, keys)
}

// unknown reports every key of the table that nobody reads.
func (r *reading) unknown(at spot, m map[string]any, keys []key) {
	known := make([]string, len(keys))
	for i, k := range keys {
		known[i] = k.name
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if slices.Contains(known, name) {
			continue
		}
		here := at.key(name)
		r.meant(at, name, known)
		wrong := r.wrong(here, "unknown key")
		files := filesOf(name, known)
		if len(files) > 0 {
			wrong.Hint = "secrets are never written here; put it into a file: " + strings.Join(files, " or ")
		} else if wrong.Nearest = inventory.Nearest(name, known); wrong.Nearest == "" {
			wrong.Hint = r.elsewhere(name)
		}
	}
}

// filesOf are the keys that name a file for what somebody has written in place.
func filesOf(name string, known []string) (files []string) {
	for _, k := range known {
		if k == name+"_file" || strings.HasSuffix(k, "_"+name+"_file") {
			files = append(files, k+` = "..."`)
		}
	}
	return files
}

// meant has the keys that an unknown one may stand for taken for not understood: what follows from their absence is
// nobody's mistake. A word that is a key of many tables says nothing.
func (r *reading) meant(at spot, name string, known []string) {
	if near := inventory.Nearest(name, known); near != "" {
		r.unsound = append(r.unsound, at.key(near).path)
		return
	}
	const few = 3
	var found []string
	for _, k := range r.schema() {
		if k.Name == name || strings.HasSuffix(k.Name, "."+name) {
			found = append(found, k.Name)
		}
	}
	if len(found) <= few {
		r.unsound = append(r.unsound, found...)
	}
}

func (r *reading) schema() []Key {
	if r.known == nil {
		r.known = Keys()
	}
	return r.known
}

// elsewhere says where a key is known that is not known here. In TOML whatever follows a [table] line
// belongs to that table, which is the usual reason.
func (r *reading) elsewhere(name string) string {
	var found []string
	for _, k := range r.schema() {
		if k.Name == name {
			return fmt.Sprintf("%q belongs at the top of the file, before the first [table]", name)
		}
		if strings.HasSuffix(k.Name, "."+name) {
			found = append(found, k.Name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "there is " + strings.Join(found, ", ")
}

// wrongType says what stands there and what should.
func (r *reading) wrongType(at spot, want string, v any) *Mistake {
	return r.wrong(at, "is %s; it must be %s", describe(v), want)
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(q, " or ")
}
