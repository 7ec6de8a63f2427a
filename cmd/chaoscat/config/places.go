package config

import (
	"fmt"
	"strconv"
	"strings"
)

// place is where a value stands in the file. The tree of places has the shape of the decoded document:
// the TOML library tells values but not where they came from.
type place struct {
	line  int
	under map[string]*place // of a table, by key
	items []*place          // of a list, or of an array of tables
	named bool              // has a header of its own; before that it was only part of other keys
}

// deepest bounds the nesting of a file. The library recurses by it, and a megabyte of opening brackets
// would take the whole process down.
const deepest = 64

// locate finds the line of every key and list item. It is as lenient as it can be: what it makes of a
// file that is not TOML is never used, but for the one promise that a valid beginning which nests too
// deeply is refused.
func locate(src string) (*place, error) {
	s := &scanner{src: src, line: 1, root: &place{line: 1}}
	s.document()
	if s.tooDeep != 0 {
		return s.root, Mistake{Line: s.tooDeep, Message: fmt.Sprintf("nested more than %d deep", deepest)}
	}
	return s.root, nil
}

// find follows a path such as attack[2].params.delay and stops at the last part that stands in the file.
func (p *place) find(path string) *place {
	for path != "" {
		var next *place
		if rest, ok := strings.CutPrefix(path, "["); ok {
			digits, after, _ := strings.Cut(rest, "]")
			if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < len(p.items) {
				next = p.items[i]
			}
			path = after
		} else {
			end := strings.IndexAny(path+".", ".[")
			next, path = p.under[path[:end]], path[end:]
		}
		if next == nil {
			return p
		}
		p, path = next, strings.TrimPrefix(path, ".")
	}
	return p
}

// before is the line above the given one on which the key stands, in the same table of an array of
// tables; 0 if it does not.
func (p *place) before(key string, line int) int {
	for part := range strings.SplitSeq(key, ".") {
		for _, item := range p.items {
			if item.line < line {
				p = item
			}
		}
		if p = p.under[part]; p == nil {
			return 0
		}
	}
	if p.line >= line {
		return 0
	}
	return p.line
}

// child is the place of a key of this table, made where it is mentioned first.
func (p *place) child(key string, line int) *place {
	if p.under == nil {
		p.under = map[string]*place{}
	}
	c := p.under[key]
	if c == nil {
		c = &place{line: line}
		p.under[key] = c
	}
	return c
}

// newest is where a header goes on: the last table of an array of tables, else the table itself.
func (p *place) newest() *place {
	if n := len(p.items); n > 0 {
		return p.items[n-1]
	}
	return p
}

type scanner struct {
	src     string
	at      int // next byte
	line    int // of that byte
	depth   int
	tooDeep int // line of the bracket too many
	root    *place
}

func (s *scanner) document() {
	table := s.root
	for s.blank(); !s.done(); s.blank() {
		switch {
		case s.take("[["):
			table = s.header(true)
		case s.take("["):
			table = s.header(false)
		default:
			s.pair(table)
		}
	}
}

// header reads what follows [ or [[ and returns the table that it opens.
func (s *scanner) header(list bool) *place {
	line, p := s.line, s.root
	for _, name := range s.key() {
		p = p.newest().child(name, line)
	}
	if list {
		p.items = append(p.items, &place{line: line})
		s.take("]]")
		return p.newest()
	}
	s.take("]")
	if !p.named {
		p.line, p.named = line, true
	}
	return p
}

// pair reads key = value into the table. It always moves on.
func (s *scanner) pair(table *place) {
	before, line := s.at, s.line
	p := table
	for _, name := range s.key() {
		p = p.child(name, line)
	}
	s.spaces()
	if s.take("=") {
		s.spaces()
		s.value(p)
	}
	if s.at == before {
		s.skip(1)
	}
}

func (s *scanner) value(p *place) {
	switch {
	case s.peek() == '"', s.peek() == '\'':
		s.text()
	case s.take("["):
		s.list(p)
	case s.take("{"):
		s.inline(p)
	default:
		s.while(func(r rune) bool { return !strings.ContainsRune(",]}#\n", r) })
	}
}

func (s *scanner) list(p *place) {
	if !s.enter() {
		return
	}
	defer s.leave()
	for s.blank(); !s.done() && !s.take("]"); s.blank() {
		before := s.at
		item := &place{line: s.line}
		s.value(item)
		if s.at != before {
			p.items = append(p.items, item)
		}
		s.separator(before)
	}
}

func (s *scanner) inline(p *place) {
	if !s.enter() {
		return
	}
	defer s.leave()
	for s.blank(); !s.done() && !s.take("}"); s.blank() {
		before := s.at
		s.pair(p)
		s.separator(before)
	}
}

// separator passes the comma after an item, or a byte that does not belong there.
func (s *scanner) separator(before int) {
	s.blank()
	if !s.take(",") && s.at == before {
		s.skip(1)
	}
}

func (s *scanner) enter() bool {
	s.depth++
	if s.depth > deepest {
		s.giveUp()
		return false
	}
	return true
}

func (s *scanner) leave() { s.depth-- }

func (s *scanner) giveUp() {
	s.tooDeep = s.line
	s.skip(len(s.src))
}

// key reads a dotted key into its parts.
func (s *scanner) key() []string {
	var parts []string
	for {
		s.spaces()
		switch s.peek() {
		case '"', '\'':
			from := s.at
			s.text()
			parts = append(parts, unquote(s.src[from:s.at]))
		default:
			from := s.at
			s.while(isBare)
			parts = append(parts, s.src[from:s.at])
		}
		s.spaces()
		if len(parts) > deepest {
			s.giveUp()
		}
		if !s.take(".") {
			return parts
		}
	}
}

func isBare(r rune) bool { return !strings.ContainsRune(" \t\r\n.=[]{}#,\"'", r) }

// unquote leaves the escapes of a quoted key to the library, so that the two agree on every one.
func unquote(quoted string) string {
	var one struct{ K string }
	if err := decode("K = "+quoted, &one); err != nil {
		return quoted
	}
	return one.K
}

// text passes a string of any of the four kinds.
func (s *scanner) text() {
	quote := s.src[s.at : s.at+1]
	long := strings.Repeat(quote, 3)
	if s.take(long) {
		s.until(long, quote == `"`)
		// Up to two quotes may stand inside, right before the closing ones.
		_ = s.take(quote) && s.take(quote)
		return
	}
	s.skip(1)
	s.until(quote, quote == `"`)
}

// until passes everything up to and including end. A short string ends with its line at the latest.
func (s *scanner) until(end string, escapes bool) {
	for !s.done() {
		switch {
		case s.take(end):
			return
		case escapes && s.peek() == '\\':
			s.skip(2)
		case len(end) == 1 && s.peek() == '\n':
			return
		default:
			s.skip(1)
		}
	}
}

// blank passes white space, line ends and comments.
func (s *scanner) blank() {
	for !s.done() {
		switch s.peek() {
		case ' ', '\t', '\r', '\n':
			s.skip(1)
		case '#':
			end := strings.IndexByte(s.src[s.at:], '\n')
			if end < 0 {
				end = len(s.src)
			}
			s.skip(end)
		default:
			return
		}
	}
}

func (s *scanner) spaces() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

func (s *scanner) while(f func(rune) bool) {
	rest := s.src[s.at:]
	s.skip(len(rest) - len(strings.TrimLeftFunc(rest, f)))
}

func (s *scanner) take(text string) bool {
	if !strings.HasPrefix(s.src[s.at:], text) {
		return false
	}
	s.skip(len(text))
	return true
}

// skip moves on by n bytes, or to the end, and counts the lines.
func (s *scanner) skip(n int) {
	to := min(s.at+n, len(s.src))
	s.line += strings.Count(s.src[s.at:to], "\n")
	s.at = to
}

func (s *scanner) done() bool { return s.at >= len(s.src) }

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.src[s.at]
}
