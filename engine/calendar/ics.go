package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a calendar. What is beyond them is refused, not cut: half a calendar looks open where the other half closes.
const (
	maxBody   = 4 << 20 // bytes of a file or answer
	maxEvents = 20_000
	maxDepth  = 8         // components within components
	maxFound  = 10_000    // occurrences in the time that is asked about
	maxSteps  = 1_000_000 // days looked at for all rules of a calendar together
)

// property is one content line: NAME;PARAM=value:value.
type property struct {
	name   string
	params map[string]string
	value  string
}

// component is what stands between a BEGIN and its END.
type component struct {
	name  string
	props []property
	under []component
}

// all are the properties of that name.
func (c component) all(name string) (found []property) {
	for _, p := range c.props {
		if p.name == name {
			found = append(found, p)
		}
	}
	return found
}

// only is the property of that name, which may be there once.
func (c component) only(name string) (property, bool, error) {
	found := c.all(name)
	switch len(found) {
	case 0:
		return property{}, false, nil
	case 1:
		return found[0], true, nil
	}
	return property{}, false, fmt.Errorf("%s is there %d times", name, len(found))
}

// text is a property as people read it, "" where there is none.
func (c component) text(name string) string {
	if found := c.all(name); len(found) > 0 {
		return unescape(found[0].value)
	}
	return ""
}

var unescape = strings.NewReplacer(`\\`, `\`, `\;`, `;`, `\,`, `,`, `\n`, " ", `\N`, " ").Replace

// parse reads the iCalendar objects of a text, each of which must be whole. What it does not know it keeps.
func parse(text []byte) ([]component, error) {
	switch {
	case len(text) > maxBody:
		return nil, fmt.Errorf("it is larger than %d MiB", maxBody>>20)
	case !utf8.Valid(text):
		return nil, errors.New("it is not UTF-8 text")
	}
	p := parser{open: []component{{}}}
	for n, line := range unfold(string(text)) {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	root := p.open[0]
	switch {
	case len(p.open) > 1:
		return nil, fmt.Errorf("it breaks off: END:%s is missing", p.open[len(p.open)-1].name)
	case len(root.under) == 0:
		return nil, errors.New("it is no iCalendar: BEGIN:VCALENDAR is missing")
	}
	return root.under, nil
}

// unfold yields each content line with the number of its first line. A line that begins with a blank goes on with the
// one before.
func unfold(text string) func(yield func(int, string) bool) {
	text = strings.TrimPrefix(text, "\ufeff")
	return func(yield func(int, string) bool) {
		var line strings.Builder
		first, n := 0, 0
		for raw := range strings.SplitSeq(text, "\n") {
			n++
			raw = strings.TrimSuffix(raw, "\r")
			if raw != "" && (raw[0] == ' ' || raw[0] == '\t') && first > 0 {
				line.WriteString(raw[1:])
				continue
			}
			if line.Len() > 0 && !yield(first, line.String()) {
				return
			}
			line.Reset()
			line.WriteString(raw)
			first = n
		}
		if line.Len() > 0 {
			yield(first, line.String())
		}
	}
}

// parser is where a text has been read to: the components that are open, the outermost first.
type parser struct {
	open   []component
	events int
}

func (p *parser) line(line string) error {
	prop, err := parseLine(line)
	if err != nil && len(p.open) == 1 {
		return errors.New("it is no iCalendar: BEGIN:VCALENDAR is missing")
	}
	if err != nil {
		return err
	}
	top := &p.open[len(p.open)-1]
	switch name := strings.ToUpper(prop.value); {
	case prop.name == "BEGIN":
		return p.begin(name)
	case prop.name == "END":
		return p.end(name)
	case len(p.open) == 1:
		return errors.New("it is no iCalendar: BEGIN:VCALENDAR is missing")
	default:
		top.props = append(top.props, prop)
	}
	return nil
}

func (p *parser) begin(name string) error {
	if name == "VEVENT" {
		p.events++
	}
	switch {
	case len(p.open) == 1 && name != "VCALENDAR":
		return fmt.Errorf("it is no iCalendar: it begins with %.40q", name)
	case len(p.open) > maxDepth:
		return errors.New("it is nested too deeply")
	case p.events > maxEvents:
		return fmt.Errorf("it has more than %d events", maxEvents)
	}
	p.open = append(p.open, component{name: name})
	return nil
}

func (p *parser) end(name string) error {
	last := len(p.open) - 1
	if last == 0 || p.open[last].name != name {
		return fmt.Errorf("END:%.40s ends nothing that is open", name)
	}
	p.open[last-1].under = append(p.open[last-1].under, p.open[last])
	p.open = p.open[:last]
	return nil
}

// parseLine takes a content line apart. Colons and semicolons within double quotes belong to a parameter.
func parseLine(line string) (property, error) {
	var parts []string
	quoted, from := false, 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			parts, from = append(parts, line[from:i]), i+1
		case c == ':' && !quoted:
			return newProperty(append(parts, line[from:i]), line[i+1:])
		}
	}
	return property{}, fmt.Errorf("%.40q is no line of a calendar", line)
}

func newProperty(parts []string, value string) (property, error) {
	p := property{name: strings.ToUpper(parts[0]), value: strings.TrimSpace(value)}
	if p.name == "" || strings.ContainsFunc(p.name, func(r rune) bool { return !isNameRune(r) }) {
		return p, fmt.Errorf("%.40q is no name of a property", parts[0])
	}
	for _, part := range parts[1:] {
		name, text, found := strings.Cut(part, "=")
		if !found {
			return p, fmt.Errorf("%s: %.40q is no parameter", p.name, part)
		}
		if p.params == nil {
			p.params = map[string]string{}
		}
		p.params[strings.ToUpper(name)] = strings.Trim(text, `"`)
	}
	return p, nil
}

func isNameRune(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z'
}

// events are the VEVENTs of all calendars in the text.
func events(calendars []component) (found []component) {
	for _, c := range calendars {
		for _, e := range c.under {
			if e.name == "VEVENT" {
				found = append(found, e)
			}
		}
	}
	return slices.Clip(found)
}
