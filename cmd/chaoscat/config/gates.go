package config

import (
	"net/url"
	"strconv"

	"github.com/chaoscat/chaoscat/engine/health"
)

// web takes an address that is asked over HTTP.
func web(into *string) value {
	return value{kind: "a URL", take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a URL in quotes", v)
			return
		}
		if r.refused(at, s, unprintable) {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" && (u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https"):
			r.wrong(at, "%s is not a URL", show(s)).Hint = `write it like "https://status.example.com/health"`
		case u.Scheme != "http" && u.Scheme != "https":
			r.wrong(at, "%s is asked by %s; only http and https are", show(s), strconv.Quote(u.Scheme))
		case u.User != nil:
			r.wrong(at, "has a user name or password in it").Hint = "put a token into a file and name it as token_file"
		default:
			*into = s
		}
	}}
}

// statuses takes one HTTP status or a list of them.
func statuses(into *[]int) value {
	return value{kind: "a number or a list of numbers", take: func(r *reading, at spot, v any) {
		items, ok := v.([]any)
		if !ok {
			if n, ok := r.number(at, v, 100, 599); ok {
				*into = []int{int(n)}
			}
			return
		}
		if len(items) == 0 {
			r.wrong(at, "the list is empty").Hint = "leave the key out, or name a status"
			return
		}
		*into = nil
		for i, item := range items {
			if n, ok := r.number(at.item(i), item, 100, 599); ok {
				*into = append(*into, int(n))
			}
		}
	}}
}

// badComparison complains about what the health package could not compare.
func badComparison(s string) string { return refusedBy(health.HTTPOptions{JSON: s}) }

// refusedBy asks the one who will use the options; everything not under question is right.
func refusedBy(o health.HTTPOptions) string {
	o.URL = "http://localhost"
	_, err := health.HTTP(o)
	if err == nil {
		return ""
	}
	return "is refused: " + err.Error()
}

// headers takes HTTP headers that carry no secret.
func headers(into *map[string]string) value {
	return byHeader(into, "a string in quotes", func(r *reading, at spot, name, s string) (string, bool) {
		if r.refused(at, s, unprintable) {
			return "", false
		}
		if why := refusedBy(health.HTTPOptions{Headers: map[string]string{name: s}}); why != "" {
			r.wrong(at, "%s", why).Hint = "write its path under header_files, or a bearer token's as token_file"
			return "", false
		}
		return s, true
	})
}

// headerFiles takes HTTP headers whose values are in files, because they are secrets.
func headerFiles(into *map[string]string) value {
	return byHeader(into, "a path in quotes", func(r *reading, at spot, _, s string) (string, bool) { return r.path(at, s, secret) })
}

func byHeader(into *map[string]string, what string, accept func(r *reading, at spot, name, s string) (string, bool)) value {
	return value{kind: "a table of strings", take: func(r *reading, at spot, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.wrongType(at, `a table: { "X-Name" = "value" }`, v)
			return
		}
		*into = make(map[string]string, len(m))
		for name, x := range m {
			here := at.key(name)
			s, ok := x.(string)
			if !ok {
				r.wrongType(here, what, x)
			} else if !r.refused(here, name, mustMatch(headerName, "the name of a header")) {
				if s, ok = accept(r, here, name, s); ok {
					(*into)[name] = s
				}
			}
		}
	}}
}
