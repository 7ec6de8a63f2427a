package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// value is how one kind of value is read: what it is called, what holds by default, and how it is taken
// from the file into the configuration. take reports what is wrong and then leaves the target as it was.
type value struct {
	kind    string   // for people: "a duration"
	std     string   // the default as it would be written; "" is none
	choices []string // the only words allowed
	under   []key    // the keys of a table
	take    func(r *reading, at spot, v any)
}

// complaint is why a text is refused; "" accepts it.
type complaint func(string) string

// text takes a string of printable characters.
func text(into *string, refuse ...complaint) value {
	return value{kind: "a string", std: quote(*into), take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a string in quotes", v)
			return
		}
		if r.refused(at, s, append([]complaint{unprintable}, refuse...)...) {
			return
		}
		*into = s
	}}
}

// refused reports the first complaint about the text.
func (r *reading) refused(at spot, s string, refuse ...complaint) bool {
	for _, why := range refuse {
		if c := why(s); c != "" {
			r.wrong(at, "%s %s", show(s), c)
			return true
		}
	}
	return false
}

const longestText = 4096

func unprintable(s string) string {
	switch {
	case len(s) > longestText:
		return fmt.Sprintf("is longer than %d bytes", longestText)
	case strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "has a character that cannot be printed"
	}
	return ""
}

func empty(s string) string {
	if strings.TrimSpace(s) == "" {
		return "is empty"
	}
	return ""
}

func longerThan(n int) complaint {
	return func(s string) string {
		if utf8.RuneCountInString(s) > n {
			return fmt.Sprintf("is longer than %d characters", n)
		}
		return ""
	}
}

// mustMatch refuses whatever the pattern does not match whole.
func mustMatch(pattern *regexp.Regexp, what string) complaint {
	return func(s string) string {
		if !pattern.MatchString(s) {
			return "is not " + what
		}
		return ""
	}
}

// oneOf takes one of the words.
func oneOf[T ~string](into *T, words ...T) value {
	var known []string
	for _, w := range words {
		known = append(known, string(w))
	}
	return value{kind: "one of " + quoted(known), std: quote(string(*into)), choices: known, take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		switch {
		case !ok:
			r.wrongType(at, "one of "+quoted(known), v)
		case slices.Contains(known, s):
			*into = T(s)
		default:
			m := r.wrong(at, "%s is not known", show(s))
			if m.Nearest = nearest(s, known); m.Nearest == "" {
				m.Hint = "it must be " + quoted(known)
			}
		}
	}}
}

// nearest is the word that was probably meant: one that is written nearly so, or the beginning of what is written.
func nearest(s string, known []string) string {
	if word := inventory.Nearest(s, known); word != "" {
		return word
	}
	for _, word := range known {
		if len(word) > 2 && strings.HasPrefix(s, word) {
			return word
		}
	}
	return ""
}

// texts takes a list of strings, each of which is accepted by all.
func texts(into *[]string, what string, refuse ...complaint) value {
	return value{kind: "a list of strings", std: quoteAll(*into), take: func(r *reading, at spot, v any) {
		if list, ok := r.strings(at, v, what, refuse...); ok {
			*into = list
		}
	}}
}

// someTexts is texts that also takes one by itself.
func someTexts(into *[]string, what string, refuse ...complaint) value {
	list := texts(into, what, refuse...)
	return value{kind: "a string or a list of strings", std: list.std, take: func(r *reading, at spot, v any) {
		if s, one := v.(string); one {
			if !r.refused(at, s, append([]complaint{unprintable}, refuse...)...) {
				*into = []string{s}
			}
			return
		}
		list.take(r, at, v)
	}}
}

// strings reads a list of strings that is not empty.
func (r *reading) strings(at spot, v any, what string, refuse ...complaint) ([]string, bool) {
	items, ok := v.([]any)
	if !ok {
		r.wrongType(at, "a list of "+what+`: ["...", "..."]`, v)
		return nil, false
	}
	if len(items) == 0 {
		r.wrong(at, "the list is empty").Hint = "leave the key out, or name " + what
		return nil, false
	}
	list := make([]string, 0, len(items))
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			r.wrongType(at.item(i), "a string in quotes", item)
		} else if !r.refused(at.item(i), s, append([]complaint{unprintable}, refuse...)...) {
			list = append(list, s)
		}
	}
	return list, len(list) == len(items)
}

// command takes a program with its arguments. No shell is ever involved, and none is guessed. A program
// with a "/" is a path like all others; one without is looked for by whoever runs it.
func command(into *[]string) value {
	return value{kind: "a list of strings", take: func(r *reading, at spot, v any) {
		if s, ok := v.(string); ok {
			r.wrong(at, "is a string; a command is a list, because no shell takes it apart").Hint =
				"write [" + quotedFields(s) + "]"
			return
		}
		list, ok := r.strings(at, v, "the program and its arguments")
		if !ok {
			return
		}
		if r.refused(at.item(0), list[0], empty) {
			return
		}
		if strings.Contains(list[0], "/") {
			if list[0], ok = r.path(at.item(0), list[0], nil); !ok {
				return
			}
		}
		*into = list
	}}
}

func quotedFields(s string) string {
	fields := strings.Fields(s)
	for i, f := range fields[:min(len(fields), 8)] {
		fields[i] = strconv.Quote(f)
	}
	return strings.Join(fields, ", ")
}

// toggle takes true or false.
func toggle(into *bool) value {
	return value{kind: "true or false", std: strconv.FormatBool(*into), take: func(r *reading, at spot, v any) {
		b, ok := v.(bool)
		if !ok {
			r.wrongType(at, "true or false, without quotes", v)
			return
		}
		*into = b
	}}
}

// whole takes a whole number from low to high.
func whole[T int | int64](into *T, low, high T) value {
	return value{kind: "a whole number", std: strconv.FormatInt(int64(*into), 10), take: func(r *reading, at spot, v any) {
		if n, ok := r.number(at, v, int64(low), int64(high)); ok {
			*into = T(n)
		}
	}}
}

func (r *reading) number(at spot, v any, low, high int64) (int64, bool) {
	n, ok := v.(int64)
	switch {
	case !ok:
		r.wrongType(at, "a whole number, without quotes", v)
	case n < low && low == 0:
		r.wrong(at, "is %d; it must not be negative", n)
	case n < low || n > high:
		r.wrong(at, "is %d; it must be from %d to %d", n, low, high)
	default:
		return n, true
	}
	return 0, false
}

// span takes a duration from low to high.
func span(into *time.Duration, low, high time.Duration) value {
	return value{kind: "a duration", std: quoteSpan(*into), take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			m := r.wrongType(at, "a duration: a string with its unit", v)
			if n, ok := v.(int64); ok && n > 0 {
				m.Hint = fmt.Sprintf("write \"%ds\" or \"%dm\" (units: ms, s, m, h)", n, n)
			}
			return
		}
		d, why, hint := parseSpan(s)
		switch {
		case why != "":
			r.wrong(at, "%s %s", show(s), why).Hint = hint
		case d < 0:
			r.wrong(at, "%s is negative", show(s))
		case d < low:
			r.wrong(at, "%s is too short; at least %s", show(s), engine.Span(low))
		case d > high:
			r.wrong(at, "%s is too long; at most %s", show(s), engine.Span(high))
		default:
			*into = d
		}
	}}
}

var (
	bareNumber = regexp.MustCompile(`^[+-]?[0-9.]+$`)
	daysOrMore = regexp.MustCompile(`^([0-9]{1,4})(d|days?)$`)
)

// parseSpan reads a duration, or says why it is none and what was probably meant.
func parseSpan(s string) (d time.Duration, why, hint string) {
	if bareNumber.MatchString(s) && strings.Trim(s, "+-0.") != "" {
		n := strings.TrimLeft(s, "+-")
		return 0, "has no unit", fmt.Sprintf(`write "%ss" or "%sm" (units: ms, s, m, h)`, n, n)
	}
	if m := daysOrMore.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		return 0, "has a unit that is not known", fmt.Sprintf(`write "%dh" (units: ms, s, m, h)`, n*24)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, "is not a duration", `write it like "45s", "10m" or "1h30m"`
	}
	return d, "", ""
}

// describe is a value in a few words.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "the string " + show(v)
	case int64:
		return fmt.Sprintf("the whole number %d", v)
	case float64:
		if math.IsNaN(v) {
			return "nan, not a number"
		}
		return fmt.Sprintf("the decimal number %v", v)
	case bool:
		return fmt.Sprint(v)
	case time.Time:
		return "a date or time"
	case []any:
		return "a list"
	case []map[string]any:
		return "an array of tables"
	}
	return "a table"
}

// show quotes what somebody wrote, so that it cannot reach the terminal and is never long.
func show(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return strconv.Quote(string(runes[:most])) + "..."
	}
	return strconv.Quote(s)
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}

func quoteAll(list []string) string {
	if len(list) == 0 {
		return ""
	}
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

func quoteSpan(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.Quote(engine.Span(d))
}
