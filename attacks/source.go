package attacks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// function is one that a script defines, with where its text stands.
type function struct {
	name     string
	from, to uint
}

// read is what parsing a script gave: the same text gives the same answer, and every start of chaoscat asks three
// times for each of the built-in ones.
type read struct {
	functions []function
	stray     uint // line of the first thing that is no function; 0: there is none
	err       error
}

// scripts are those that were parsed, by their text. An operator's own add theirs, one for each time that a file has
// changed.
var scripts sync.Map

func reading(name, script string) read {
	if known, was := scripts.Load(script); was {
		return known.(read)
	}
	r := parse(name, script)
	if r.err == nil { // an error names who asked
		scripts.Store(script, r)
	}
	return r
}

func parse(name, script string) (r read) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), name)
	if err != nil {
		return read{err: err}
	}
	for _, s := range file.Stmts {
		f, ok := s.Cmd.(*syntax.FuncDecl)
		if !ok || s.Background || s.Negated || len(s.Redirs) > 0 {
			r.stray = s.Pos().Line()
			return r
		}
		r.functions = append(r.functions, function{f.Name.Value, f.Pos().Offset(), f.End().Offset()})
	}
	return r
}

// functions lists what a script defines. A script that does anything else at its top level would do it on
// every host as soon as it is loaded: that is an error.
func functions(name, script string) ([]string, error) {
	r := reading(name, script)
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("attack %s: %w", name, r.err)
	case r.stray > 0:
		return nil, fmt.Errorf("attack %s: line %d is not a function, and a script defines functions only", name, r.stray)
	}
	defined := make([]string, len(r.functions))
	for i, f := range r.functions {
		defined[i] = f.name
	}
	return defined, nil
}

// Source is the text of one function of the script, as a person who is about to run it wants to read it; empty
// if there is none.
func (d Definition) Source(name string) string {
	for _, f := range reading(d.Name, d.Script).functions {
		if f.name == name {
			return d.Script[f.from:f.to]
		}
	}
	return ""
}

// Reading is what a person reads who wants to know what a function does before it runs: its text, or, where it only
// hands on to one that attacks share, the text of that; then the attack's own functions that are called from there.
func (d Definition) Reading(name string) string {
	if len(d.Parts) > 0 {
		texts := make([]string, len(d.Parts))
		for i, p := range d.Parts {
			texts[i] = fmt.Sprintf("# part %d: %s\n%s", i+1, p.Name, p.Reading(name))
		}
		return strings.Join(texts, "\n")
	}
	texts := []string{d.Source(name)}
	if whole := handedOn.FindStringSubmatch(texts[0]); whole != nil {
		texts = append(texts, shared(whole[1]))
	}
	own := slices.DeleteFunc(slices.Clone(reading(d.Name, d.Script).functions), func(f function) bool {
		return f.name == "renew" || slices.Contains(required, f.name)
	})
	for i := 0; i < len(texts); i++ {
		for _, word := range plainWord.FindAllString(texts[i], -1) {
			at := slices.IndexFunc(own, func(f function) bool { return f.name == word })
			if at < 0 {
				continue
			}
			texts = append(texts, d.Script[own[at].from:own[at].to])
			own = slices.Delete(own, at, at+1) // once is enough
		}
	}
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "\n")
}

var (
	handedOn  = regexp.MustCompile(`^[a-z_]+\(\) \{ ([a-z_]+); \}$`)
	plainWord = regexp.MustCompile(`[a-z_]+`)
)

// shared is a function that attacks of a family have in common.
func shared(name string) string {
	for _, script := range []string{networkScript, hogsScript, processesScript} {
		if text := (Definition{Script: script}).Source(name); text != "" {
			return text
		}
	}
	return ""
}
