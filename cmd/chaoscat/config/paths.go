package config

import "fmt"

// file takes a path and makes it one that can be opened. What is there is asked for by check.
func file(into *string, check func(Stat) (why, hint string)) value {
	return value{kind: "a path", take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a path in quotes", v)
			return
		}
		if path, ok := r.path(at, s, check); ok {
			*into = path
		}
	}}
}

// paths takes one path or a list of them.
func paths(into *[]string, check func(Stat) (why, hint string)) value {
	return value{kind: "a list of paths", std: quoteAll(*into), take: func(r *reading, at spot, v any) {
		if s, ok := v.(string); ok {
			if path, ok := r.path(at, s, check); ok {
				*into = []string{path}
			}
			return
		}
		list, ok := r.strings(at, v, "paths")
		if !ok {
			return
		}
		for i, s := range list {
			list[i], _ = r.path(at.item(i), s, check)
		}
		*into = list
	}}
}

func (r *reading) path(at spot, s string, check func(Stat) (why, hint string)) (string, bool) {
	if r.refused(at, s, unprintable, empty) {
		return "", false
	}
	path, err := r.files.resolve(r.base, s)
	if err != nil {
		r.wrong(at, "%s: %s", show(s), err)
		return "", false
	}
	if check == nil {
		return path, true
	}
	stat, err := r.files.Stat(path)
	if err != nil {
		r.wrong(at, "%s", err)
		return "", false
	}
	if why, hint := check(stat); why != "" {
		m := r.wrong(at, "%s %s", path, why)
		if hint != "" {
			m.Hint = hint + " " + path
		}
		return "", false
	}
	return path, true
}

// readable wants a file that is not a folder.
func readable(s Stat) (why, hint string) {
	if s.Mode.IsDir() {
		return "is a folder, not a file", ""
	}
	return "", ""
}

// secret wants a file that nobody but its owner can read.
func secret(s Stat) (why, hint string) {
	if why, hint = readable(s); why != "" {
		return why, hint
	}
	if s.Mode.IsRegular() && s.Mode.Perm()&0o077 != 0 {
		return fmt.Sprintf("is a secret that others can read (mode %04o)", s.Mode.Perm()), "chmod 600"
	}
	return "", ""
}

// ours wants a file that nobody but its owner can change: it becomes a program run on hosts.
func ours(s Stat) (why, hint string) {
	if why, hint = readable(s); why != "" {
		return why, hint
	}
	if s.Mode.Perm()&0o022 != 0 {
		return fmt.Sprintf("can be written by others (mode %04o), and it is run on hosts", s.Mode.Perm()), "chmod go-w"
	}
	return "", ""
}

const longestSocket = 103 // bytes, on the strictest system

func socket(into *string) value {
	return value{kind: "a path", take: func(r *reading, at spot, v any) {
		var path string
		file(&path, nil).take(r, at, v)
		if len(path) > longestSocket {
			r.wrong(at, "%s is longer than the %d bytes that a socket's path may have", show(path), longestSocket)
			return
		}
		*into = path
	}}
}
