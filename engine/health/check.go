package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// check is a comparison of one value in a JSON document: data.items[0].rate < 0.5
type check struct {
	path  string
	steps []any // string: a key; int: an index
	op    string
	limit any // float64, string or bool
	text  string
}

// The longer operators come first, so that <= is not read as <.
var operators = [...]string{"==", "!=", "<=", ">=", "<", ">"}

// parseCheck reads PATH OP VALUE. A path is keys separated by dots and [indexes]; a value is a number,
// true, false, or a "string".
func parseCheck(s string) (check, error) {
	at, op := findOperator(s)
	if op == "" {
		return check{}, fmt.Errorf("the JSON check %q has no comparison: write it like error_rate < 0.5", s)
	}
	c := check{path: strings.TrimSpace(s[:at]), op: op, text: strings.TrimSpace(s[at+len(op):])}
	var err error
	if c.steps, err = parsePath(c.path); err != nil {
		return check{}, fmt.Errorf("the JSON check %q: %w", s, err)
	}
	if err := json.Unmarshal([]byte(c.text), &c.limit); err != nil || !comparable(c.limit) {
		return check{}, fmt.Errorf("the JSON check %q: %s is no number, no true or false, and no text in double quotes", s, c.text)
	}
	if _, is := c.limit.(bool); is && op != "==" && op != "!=" {
		return check{}, fmt.Errorf("the JSON check %q: true and false are compared with == or !=", s)
	}
	return c, nil
}

func findOperator(s string) (at int, op string) {
	for i := range s {
		for _, op := range operators {
			if strings.HasPrefix(s[i:], op) {
				return i, op
			}
		}
	}
	return 0, ""
}

func comparable(v any) bool {
	switch v.(type) {
	case float64, string, bool:
		return true
	}
	return false
}

func parsePath(path string) ([]any, error) {
	if path == "" {
		return nil, errors.New("the path is empty")
	}
	var steps []any
	for i, part := range strings.Split(path, ".") {
		key, indexes, indexed := strings.Cut(part, "[")
		if key != "" {
			steps = append(steps, key)
		} else if !indexed || i > 0 {
			return nil, fmt.Errorf("the path %s has an empty key", path)
		}
		if !indexed {
			continue
		}
		for _, text := range strings.Split(strings.TrimSuffix(indexes, "]"), "][") {
			n, err := strconv.ParseUint(text, 10, 31)
			if err != nil || !strings.HasSuffix(indexes, "]") {
				return nil, fmt.Errorf("the path %s has an index that is no number in brackets", path)
			}
			steps = append(steps, int(n))
		}
	}
	return steps, nil
}

// on judges a document. What it found passes through hide on its way into the text.
func (c check) on(body []byte, hide func(string) string) engine.GateAnswer {
	value, err := c.find(body)
	if err != nil {
		return No("%v", err)
	}
	holds, err := c.compare(value)
	text := short(hide(fmt.Sprint(value)))
	switch {
	case err != nil:
		return No("%s is %s: %v", c.path, text, err)
	case holds:
		return Yes("%s %s %s %s", c.path, text, c.op, c.text)
	}
	return No("%s %s, wanted %s %s", c.path, text, c.op, c.text)
}

func (c check) find(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the answer is no JSON: something follows the document")
	}
	for _, step := range c.steps {
		var found bool
		if value, found = descend(value, step); !found {
			return nil, fmt.Errorf("the JSON answer has no %s", c.path)
		}
	}
	return value, nil
}

func descend(value, step any) (any, bool) {
	switch step := step.(type) {
	case string:
		object, _ := value.(map[string]any)
		v, found := object[step]
		return v, found
	case int:
		array, _ := value.([]any)
		if step < len(array) {
			return array[step], true
		}
	}
	return nil, false
}

func (c check) compare(value any) (bool, error) {
	switch limit := c.limit.(type) {
	case float64:
		number, ok := value.(json.Number)
		if !ok {
			return false, errors.New("that is no number")
		}
		v, err := number.Float64()
		if err != nil {
			return false, errors.New("that number is too large")
		}
		return ordered(v, c.op, limit), nil
	case string:
		v, ok := value.(string)
		if !ok {
			return false, errors.New("that is no text")
		}
		return ordered(v, c.op, limit), nil
	}
	v, ok := value.(bool)
	if !ok {
		return false, errors.New("that is neither true nor false")
	}
	return (v == c.limit) == (c.op == "=="), nil
}

func ordered[T float64 | string](a T, op string, b T) bool {
	switch op {
	case "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}
