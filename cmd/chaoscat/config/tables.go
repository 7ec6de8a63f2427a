package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// one takes a table of its own keys.
func one(keys []key) value {
	return value{kind: "a table", under: keys, take: func(r *reading, at spot, v any) { r.table(at, v, keys) }}
}

// many takes an array of tables, each of which begins as blank says. name is what its items are.
func many[T any](into *[]T, blank func(i int) T, keys func(*T) []key) value {
	sample := blank(0)
	return value{kind: "an array of tables", under: keys(&sample), take: func(r *reading, at spot, v any) {
		n := 0
		item := func(i int) func(any) {
			return func(x any) {
				t := blank(i)
				r.table(at.item(i), x, keys(&t))
				*into = append(*into, t)
			}
		}
		switch v := v.(type) {
		case []map[string]any:
			for ; n < len(v); n++ {
				item(n)(v[n])
			}
		case []any:
			for ; n < len(v); n++ {
				item(n)(v[n])
			}
			if n == 0 {
				r.wrong(at, "the list is empty")
			}
		default:
			r.wrongType(at, "an array of tables", v).Hint = "write [[" + withoutIndexes(at.path) + "]] with two brackets"
		}
	}}
}

// parameters takes what an attack's params may be: plain values by name. The catalogue judges them.
func parameters(into *map[string]string) value {
	return value{kind: "a table of values by name", take: func(r *reading, at spot, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.wrongType(at, "a table: { name = value }", v)
			return
		}
		*into = make(map[string]string, len(m))
		for name, x := range m {
			here := at.key(name)
			if s, why := plain(x); why != "" {
				r.wrong(here, "%s", why)
			} else if !r.refused(here, s, unprintable) {
				(*into)[name] = s
			}
		}
	}}
}

// plain is a value as the catalogue reads it. Items of a list are joined by commas.
func plain(v any) (s, why string) {
	switch v := v.(type) {
	case string:
		return v, ""
	case int64:
		return strconv.FormatInt(v, 10), ""
	case bool:
		return strconv.FormatBool(v), ""
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Sprintf("is %v, which is no number to work with", v)
		}
		return strconv.FormatFloat(v, 'f', -1, 64), ""
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			if _, list := item.([]any); list {
				return "", "is a list of lists; it must be a plain value or a list of them"
			}
			if parts[i], why = plain(item); why != "" {
				return "", why
			}
		}
		return strings.Join(parts, ","), ""
	}
	return "", fmt.Sprintf("is %s; it must be a plain value or a list of them", describe(v))
}

// tags takes a table of strings.
func tags(into *map[string]string) value {
	return value{kind: "a table of strings", take: func(r *reading, at spot, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.wrongType(at, `a table: { name = "value" }`, v)
			return
		}
		*into = make(map[string]string, len(m))
		for name, x := range m {
			if s, ok := x.(string); ok {
				(*into)[name] = s
			} else {
				r.wrongType(at.key(name), "a string in quotes", x)
			}
		}
	}}
}
