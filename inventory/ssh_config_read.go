package inventory

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sshKeyword is a setting that decides which machine is reached, and as whom.
type sshKeyword string

const (
	hostName     sshKeyword = "HostName"
	portKey      sshKeyword = "Port"
	userKey      sshKeyword = "User"
	proxyKey     sshKeyword = "ProxyJump" // and ProxyCommand: whichever comes first counts
	canonicalize sshKeyword = "CanonicalizeHostname"
)

type sshSetting struct {
	keyword sshKeyword
	value   string
	command bool // it is a ProxyCommand
	where   string
}

// sshBlock is settings with the conditions under which they apply: the Host and Match lines that they stand under,
// those around an Include counted. One without conditions applies always.
type sshBlock struct {
	when     []sshCondition
	settings []sshSetting
	where    string // of the last condition
}

// sshCondition is a Host line, or a Match line.
type sshCondition struct {
	patterns []string
	match    bool // of a Match block, whose patterns are for HostName
	unjudged bool // what it asks is not ours to answer
}

// truth is whether a condition holds. The zero value is the cautious one.
type truth int

const (
	unknown truth = iota
	failsToHold
	holds
)

// applies tells whether ssh would use the block for a name, whose HostName is the address as far as that is known.
func (b sshBlock) applies(name, address string) truth {
	all := holds
	for _, c := range b.when {
		subject := name
		if c.match {
			subject = address
		}
		switch {
		case c.unjudged:
			all = unknown
		case !matchesList(c.patterns, subject):
			return failsToHold
		}
	}
	return all
}

// names is the few names that the block can apply to; false if it can apply to others.
func (b sshBlock) names() (names []string, few bool) {
	for _, c := range b.when {
		if !c.match && !slices.ContainsFunc(c.patterns, isPattern) {
			return c.patterns, true
		}
	}
	return b.aliases(), false
}

// aliases is the names on the Host line of the block.
func (b sshBlock) aliases() (names []string) {
	if len(b.when) == 0 || b.when[len(b.when)-1].match {
		return nil
	}
	for _, p := range b.when[len(b.when)-1].patterns {
		if !isPattern(p) && !strings.HasPrefix(p, "!") {
			names = append(names, p)
		}
	}
	return names
}

func isPattern(p string) bool { return strings.ContainsAny(p, "*?") }

// matchesList is OpenSSH's: one pattern must match, and no negated one.
func matchesList(patterns []string, name string) bool {
	found := false
	for _, p := range patterns {
		if rest, negated := strings.CutPrefix(p, "!"); matchesPattern(rest, name) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// matchesPattern knows * for anything and ? for one character.
func matchesPattern(pattern, name string) bool {
	star, from := -1, 0 // the last *, and where in name what follows it is tried
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Bounds of what is read; OpenSSH has the first, too.
const (
	maxSSHDepth = 16
	maxSSHFiles = 10_000
	maxSSHLine  = 8192
)

// sshReader reads a file and what it includes into blocks, in the order in which ssh looks at them.
type sshReader struct {
	home   string
	system bool // relative names in Include begin in /etc/ssh
	read   func(path string) ([]byte, error)

	depth, files, size int
	blocks             []sshBlock
	wrong              tally[error]
}

// file reads one file, of which all stands under the conditions of the block around it.
func (r *sshReader) file(path string, text []byte, around sshBlock) {
	r.files++
	r.size += len(text)
	if r.depth > maxSSHDepth || r.full() {
		r.wrong.add(fmt.Errorf("%s: too much is included: more than %d files within each other, %d altogether, or %d MiB", path, maxSSHDepth, maxSSHFiles, maxText>>20))
		return
	}
	if !utf8.Valid(text) {
		r.wrong.add(fmt.Errorf("%s: not a text file in UTF-8", path))
		return
	}
	now, line := around, 0
	for text := range strings.Lines(string(text)) {
		line++
		where := fmt.Sprintf("%s:%d", path, line)
		next, err := r.line(strings.TrimSpace(text), where, around, now)
		if err != nil {
			r.wrong.add(fmt.Errorf("%s: %w", where, err))
		}
		now = next
	}
	r.end(now)
}

func (r *sshReader) full() bool { return r.files > maxSSHFiles || r.size > maxText }

// end puts a block to the others; one without settings counts only for the names on its Host line.
func (r *sshReader) end(b sshBlock) {
	if len(b.settings) > 0 || b.aliases() != nil {
		r.blocks = append(r.blocks, b)
	}
}

// line takes one line and returns the block that the next one stands in.
func (r *sshReader) line(text, where string, around, now sshBlock) (sshBlock, error) {
	keyword, rest, err := sshKeywordOf(text)
	if err != nil || keyword == "" {
		return now, err
	}
	switch keyword {
	case "host", "match":
		r.end(now)
		c, err := sshConditionOf(keyword, rest)
		return sshBlock{when: append(slices.Clone(around.when), c), where: where}, err
	case "include":
		r.end(now)
		now.settings = nil
		return sshBlock{when: now.when, where: now.where}, r.include(rest, now)
	}
	s, counts, err := sshSettingOf(keyword, rest)
	if counts && err == nil {
		s.where = where
		now.settings = append(now.settings, s)
	}
	return now, err
}

// sshKeywordOf cuts a line into its keyword in lower case and the rest. A line that says nothing has none.
func sshKeywordOf(text string) (keyword, rest string, err error) {
	switch {
	case text == "" || text[0] == '#':
		return "", "", nil
	case len(text) > maxSSHLine:
		return "", "", fmt.Errorf("a line of more than %d bytes", maxSSHLine)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return "", "", errors.New("has a control character")
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII || !isAlnum(byte(r)) })
	if end <= 0 || !strings.ContainsAny(text[end:end+1], " \t=") {
		return "", "", fmt.Errorf("does not begin with a keyword and its value: %s", show(text))
	}
	rest = strings.TrimLeft(text[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return strings.ToLower(text[:end]), rest, nil
}

// sshConditionOf reads what stands behind Host or Match.
func sshConditionOf(keyword, rest string) (sshCondition, error) {
	words, err := sshWords(rest)
	if keyword == "host" {
		if err == nil && len(words) == 0 {
			err = errors.New("Host without a name")
		}
		return sshCondition{patterns: words}, err
	}
	c := sshCondition{match: true, unjudged: true}
	if err != nil || len(words) == 0 {
		return c, nil
	}
	switch asked := strings.ToLower(words[0]); {
	case asked == "all" && len(words) == 1:
		return sshCondition{match: true, patterns: []string{"*"}}, nil
	case asked == "host" && len(words) == 2:
		return sshCondition{match: true, patterns: strings.Split(strings.ToLower(words[1]), ",")}, nil
	}
	return c, nil
}

// sshSettingOf reads a setting, if it is one that counts.
func sshSettingOf(keyword, rest string) (s sshSetting, counts bool, err error) {
	switch keyword {
	case "proxycommand": // a shell's words, of which only none is ours to understand
		return sshSetting{keyword: proxyKey, value: rest, command: true}, true, nil
	case "hostname":
		s.keyword = hostName
	case "port":
		s.keyword = portKey
	case "user":
		s.keyword = userKey
	case "proxyjump":
		s.keyword = proxyKey
	case "canonicalizehostname":
		s.keyword = canonicalize
	default:
		return s, false, nil
	}
	words, err := sshWords(rest)
	if err != nil {
		return s, true, fmt.Errorf("%s: %w", s.keyword, err)
	}
	if len(words) != 1 {
		return s, true, fmt.Errorf("%s has %d values, not one", s.keyword, len(words))
	}
	s.value = words[0]
	return s, true, nil
}

// sshWords takes a line's values apart. A remark may follow them. Escapes are not understood by every OpenSSH in
// the same way, and what has one is refused.
func sshWords(text string) (words []string, err error) {
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			return words, nil
		}
		word := ""
		if text[0] == '"' {
			inside, after, closed := strings.Cut(text[1:], `"`)
			if !closed || (after != "" && after[0] != ' ' && after[0] != '\t') {
				return nil, fmt.Errorf("the quotes in %s do not enclose a value", show(text))
			}
			word, text = inside, after
		} else {
			end := strings.IndexAny(text+" ", " \t")
			word, text = text[:end], text[end:]
		}
		if word == "" || strings.ContainsAny(word, `"'\#`) {
			return nil, fmt.Errorf("%s is empty or has quotes, escapes or a remark in it, which OpenSSH does not always read in the same way", show(word))
		}
		words = append(words, word)
	}
}

// include reads the files that patterns stand for. As with ssh, none is no mistake.
func (r *sshReader) include(rest string, around sshBlock) error {
	words, err := sshWords(rest)
	if err == nil && len(words) == 0 {
		err = errors.New("Include without a file")
	}
	if err != nil {
		return err
	}
	r.depth++
	defer func() { r.depth-- }()
	for _, word := range words {
		pattern, err := r.included(word)
		if err != nil {
			return err
		}
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("Include %s: %w", show(word), err)
		}
		for _, path := range paths {
			if r.full() {
				return nil // said already
			}
			text, err := r.read(path)
			if err != nil {
				return fmt.Errorf("Include %s: %w", path, err)
			}
			r.file(path, text, around)
		}
	}
	return nil
}

func (r *sshReader) included(word string) (string, error) {
	rest, home := strings.CutPrefix(word, "~/")
	switch {
	case strings.ContainsAny(word, "$%") || (strings.HasPrefix(word, "~") && !home):
		return "", fmt.Errorf("Include %s: variables, tokens and homes of others are not supported", show(word))
	case filepath.IsAbs(word):
		return word, nil
	case r.system && !home:
		return filepath.Join("/etc/ssh", word), nil
	case r.home == "":
		return "", fmt.Errorf("Include %s: the home directory is not known", show(word))
	case home:
		return filepath.Join(r.home, rest), nil
	}
	return filepath.Join(r.home, ".ssh", word), nil
}
