package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// hosts takes a list of hosts, each a name or a table. What makes a good name or address is the
// inventory's to say; it is told the line.
func hosts(into *[]inventory.StaticHost) value {
	blank := inventory.StaticHost{}
	return value{kind: "a list of hosts", under: hostKeys(&blank), take: func(r *reading, at spot, v any) {
		switch v := v.(type) {
		case []any:
			for i, x := range v {
				*into = append(*into, r.host(at.item(i), x))
			}
		case []map[string]any:
			for i, x := range v {
				*into = append(*into, r.host(at.item(i), x))
			}
		default:
			r.wrongType(at, "a list of hosts", v).Hint = `write hosts = ["web-1", { name = "db-1", address = "10.0.0.7" }]`
			return
		}
		if len(*into) == 0 {
			r.wrong(at, "the list is empty, and nothing never means everything")
		}
	}}
}

func (r *reading) host(at spot, v any) inventory.StaticHost {
	e := inventory.StaticHost{Where: r.where(at)}
	if name, ok := v.(string); ok {
		e.Name = name
		return e
	}
	if _, ok := v.(map[string]any); !ok {
		r.wrongType(at, "a host: a name or a table", v)
		return e
	}
	r.table(at, v, hostKeys(&e))
	return e
}

// selector takes one term or a list of them; nothing never means everything.
func selector(into *engine.Selector, refuse ...complaint) value {
	return value{kind: "a selector: a string or a list of strings", take: func(r *reading, at spot, v any) {
		if s, ok := v.(string); ok {
			if !r.refused(at, s, append([]complaint{unprintable, badTerm}, refuse...)...) {
				*into = engine.Selector{s}
			}
			return
		}
		items, ok := v.([]any)
		if !ok {
			r.wrongType(at, "a selector: a string or a list of strings", v)
			return
		}
		if len(items) == 0 {
			r.wrong(at, "the selection is empty, and nothing never means everything").Hint = `leave the key out, or name hosts: "web-*", "group:db", "tag:zone=eu-1"`
			return
		}
		if list, ok := r.strings(at, v, "terms", append([]complaint{badTerm}, refuse...)...); ok {
			*into = list
		}
	}}
}

// exclusion takes a selector of hosts to leave out. An empty list leaves nobody out.
func exclusion(into *engine.Selector) value {
	v := selector(into, func(s string) string {
		if strings.HasPrefix(s, "!") {
			return "is an exception; an exclusion takes away and cannot give back"
		}
		return ""
	})
	some := v.take
	v.take = func(r *reading, at spot, x any) {
		if items, ok := x.([]any); !ok || len(items) > 0 {
			some(r, at, x)
		}
	}
	return v
}

func badTerm(term string) string {
	if strings.TrimSpace(term) == "" {
		return "is empty, and nothing never means everything"
	}
	if strings.ContainsAny(term, ", ") && !strings.HasPrefix(strings.TrimPrefix(term, "!"), "tag:") {
		return `is more than one term; write a list: ["...", "..."]`
	}
	if err := (engine.Selector{term}).Check(); err != nil {
		_, why, _ := strings.Cut(err.Error(), ": ")
		return "cannot be understood: " + why
	}
	return ""
}

// agent takes true, false or "auto".
func agent(into *Agent) value {
	return value{kind: `true, false or "auto"`, std: `"auto"`, take: func(r *reading, at spot, v any) {
		switch v {
		case true:
			*into = AgentAlways
		case false:
			*into = AgentNever
		case "auto":
			*into = AgentAuto
		default:
			r.wrongType(at, `true, false or "auto"`, v)
		}
	}}
}

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}\$?$`)

// badJump complains about a way over other hosts.
func badJump(s string) string {
	for hop := range strings.SplitSeq(s, ",") {
		user, host, found := strings.Cut(hop, "@")
		if !found {
			user, host = "root", hop
		}
		if !userName.MatchString(user) {
			return "is not a way over other hosts: the user name " + show(user) + " is not one; write [user@]host[:port]"
		}
		if why := badHop(host); why != "" {
			return "is not a way over other hosts: " + why + "; write [user@]host[:port]"
		}
	}
	return ""
}

func badHop(host string) string {
	name := host
	if inside, ok := strings.CutPrefix(host, "["); ok {
		end := strings.Index(inside, "]")
		if end < 0 {
			return "the bracket is not closed"
		}
		name, host = inside[:end], "x"+inside[end+1:]
	} else if i := strings.LastIndex(host, ":"); i >= 0 && strings.Count(host, ":") == 1 {
		name = host[:i]
	}
	if _, port, ok := strings.Cut(host, ":"); ok && strings.Count(host, ":") == 1 {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "the port " + show(port) + " is not from 1 to 65535"
		}
	}
	if err := inventory.CheckName(name); err != nil {
		return show(name) + ": " + err.Error()
	}
	return ""
}
