package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// exclusions are the terms of safety.exclude, each remembering whether it has matched.
type exclusions struct {
	terms []string
	hit   []bool
}

func newExclusions(terms []string) (*exclusions, error) {
	x := &exclusions{}
	var wrong []error
	for _, term := range terms {
		err := engine.Selector{term}.Check()
		if strings.HasPrefix(term, "!") {
			err = fmt.Errorf("selector %s: what is listed is left out already; drop the \"!\"", show(term))
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("safety.exclude: %w", err))
			continue
		}
		x.terms = append(x.terms, term)
	}
	x.hit = make([]bool, len(x.terms))
	return x, errors.Join(wrong...)
}

// barring says why the host is excluded, in the words of [engine.Host.Barred], or "".
func (x *exclusions) barring(h engine.Host) string {
	reason := ""
	for i := range x.terms {
		if (!x.hit[i] || reason == "") && (engine.Selector(x.terms[i : i+1])).Selects(h) {
			x.hit[i] = true
			if reason == "" {
				reason = "excluded by safety.exclude " + show(x.terms[i])
			}
		}
	}
	return reason
}

// unmatched is an error for each term that no host of the listings answers to.
func (x *exclusions) unmatched(listings []Listing) []error {
	var wrong []error
	for i, term := range x.terms {
		if x.hit[i] {
			continue
		}
		var hosts []engine.Host
		for _, l := range listings {
			for _, e := range l.Entries {
				hosts = append(hosts, e.Host)
			}
		}
		wrong = append(wrong, fmt.Errorf("safety.exclude %s matches no host%s", show(term), hint(term, hosts)))
	}
	return wrong
}

// CheckSelector wants every term of a selector to be well formed and to match a host, and the whole to
// leave one. Each mistake names the nearest host, group or tag. The empty selector means every host and
// is right.
func CheckSelector(terms engine.Selector, hosts []engine.Host) error {
	var wrong []error
	for _, term := range terms {
		if err := (engine.Selector{term}).Check(); err != nil {
			wrong = append(wrong, err)
			continue
		}
		positive := strings.TrimPrefix(term, "!")
		if !slices.ContainsFunc(hosts, engine.Selector{positive}.Selects) {
			wrong = append(wrong, fmt.Errorf("selector %s matches no host%s", show(term), hint(positive, hosts)))
		}
	}
	if len(wrong) == 0 && !slices.ContainsFunc(hosts, terms.Selects) {
		wrong = append(wrong, fmt.Errorf("the selector %q leaves no host: its \"!\" terms take away all that the others match", terms))
	}
	return errors.Join(wrong...)
}

// hint finds what a term that matches nothing was probably meant to be.
func hint(term string, hosts []engine.Host) string {
	meant := ""
	if group, ok := strings.CutPrefix(term, "group:"); ok {
		meant = around("group:", similar(group, groupsOf(hosts)), "")
	} else if tag, ok := strings.CutPrefix(term, "tag:"); ok {
		if meant = around("tag:", similarTag(tag, hosts), ""); meant == "" {
			return knownTags(hosts)
		}
	} else if tag, _, isTag := strings.Cut(term, "="); isTag && slices.Contains(tagNamesOf(hosts), tag) {
		meant = around("tag:", cmp.Or(similarTag(term, hosts), term), "")
	} else if groups := groupsOf(hosts); slices.Contains(groups, term) {
		meant = "group:" + term
	} else if meant = similar(term, namesOf(hosts)); meant == "" {
		meant = around("group:", similar(term, groups), "")
	}
	if meant == "" {
		return ""
	}
	return "; did you mean " + show(meant) + "?"
}

// knownTags names the tags that there are to select by, a few of them.
func knownTags(hosts []engine.Host) string {
	tags := tagNamesOf(hosts)
	if len(tags) == 0 {
		return "; no host has a tag"
	}
	const named = 8
	if len(tags) > named {
		tags = append(tags[:named], "...")
	}
	return "; the tags are " + strings.Join(tags, ", ")
}

func tagNamesOf(hosts []engine.Host) []string {
	tags := map[string]bool{}
	for _, h := range hosts {
		for tag := range h.Tags {
			tags[tag] = true
		}
	}
	return slices.Sorted(maps.Keys(tags))
}

// around puts a word back between what stood before and behind it; no word stays none.
func around(before, word, behind string) string {
	if word == "" {
		return ""
	}
	return before + word + behind
}

// similar is the nearest known word; of a pattern, the nearest beginning with the pattern's wildcards
// put back behind it.
func similar(pattern string, known []string) string {
	at := strings.IndexAny(pattern, `*?[\`)
	if at < 0 {
		return Nearest(pattern, known)
	}
	var beginnings []string
	for _, word := range known {
		if len(word) >= at && (len(beginnings) == 0 || beginnings[len(beginnings)-1] != word[:at]) {
			beginnings = append(beginnings, word[:at])
		}
	}
	meant := around("", Nearest(pattern[:at], beginnings), pattern[at:])
	matches := func(name string) bool { return engine.Selector{meant}.Selects(engine.Host{Name: name}) }
	if !slices.ContainsFunc(known, matches) {
		return ""
	}
	return meant
}

func similarTag(tag string, hosts []engine.Host) string {
	key, value, _ := strings.Cut(tag, "=")
	values := map[string][]string{}
	for _, h := range hosts {
		for k, v := range h.Tags {
			if !slices.Contains(values[k], v) && len(values[k]) < tallied {
				values[k] = append(values[k], v)
			}
		}
	}
	if _, known := values[key]; !known {
		return around("", Nearest(key, slices.Sorted(maps.Keys(values))), "="+value)
	}
	slices.Sort(values[key])
	return around(key+"=", similar(value, values[key]), "")
}

func namesOf(hosts []engine.Host) []string {
	names := make([]string, 0, len(hosts))
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	return names
}

func groupsOf(hosts []engine.Host) []string {
	groups := map[string]bool{}
	for _, h := range hosts {
		for _, g := range h.Groups {
			groups[g] = true
		}
	}
	return slices.Sorted(maps.Keys(groups))
}
