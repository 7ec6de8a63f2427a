package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/inventory"
)

// GameDay is a game-day plan as it is written down, before anybody has held it against a fleet.
type GameDay struct {
	File  string
	Name  string
	Steps []gameday.Step
	keys  []string // of each step: step[0]
	root  *place
}

// LoadGameDay reads the plan of a game day, as strictly as a configuration: all that is wrong comes at once.
func LoadGameDay(path string, files Files) (*GameDay, error) {
	data, stat, err := files.Read(path)
	if err != nil {
		return nil, fmt.Errorf("reading the game day: %w", err)
	}
	g := &GameDay{File: path, Name: "game day"}
	var steps []writtenStep
	keys := gameDayKeys(g, &steps)
	r := &reading{file: path, base: files.folder(path), files: files, known: list("", keys)}
	if strings.TrimSpace(string(data)) == "" {
		r.root = &place{line: 1}
		r.whole(1, "the file is empty", "chaoscat gameday --example prints one")
		return nil, Collect(r.mistakes)
	}
	if tree := r.parse(data, stat); tree != nil {
		r.table(spot{place: r.root}, tree, keys)
		for i := range steps {
			g.Steps, g.keys = append(g.Steps, r.step(&steps[i])), append(g.keys, steps[i].key)
		}
		if tree["step"] != nil && len(steps) > gameday.MaxSteps {
			r.wrong(r.at("step"), "%d steps; at most %d", len(steps), gameday.MaxSteps)
		}
	}
	g.root = r.root
	if err := Collect(r.mistakes); err != nil {
		return nil, err
	}
	return g, nil
}

// Wrong is a mistake at a key of a step, counted from 0, for what only the caller can know: whether there are such
// hosts, attacks and gates.
func (g *GameDay) Wrong(step int, key, format string, args ...any) Mistake {
	path := g.keys[step] + "." + key
	return Mistake{File: g.File, Line: g.root.find(path).line, Key: withoutIndexes(path), Message: fmt.Sprintf(format, args...)}
}

// writtenStep is a step while it is being read.
type writtenStep struct {
	gameday.Step
	key       string
	groups    []string
	tags      []string
	zones     []string
	onFailure onFailure
	expect    expectation
}

type (
	onFailure   string
	expectation string
)

const (
	carryOn      onFailure   = "continue"
	allOrNothing onFailure   = "all-or-nothing"
	staysClear   expectation = "clear"
	turns        expectation = "turns"
)

var gameDayName = regexp.MustCompile(`^[^\[\]]{1,64}$`)

func gameDayKeys(g *GameDay, steps *[]writtenStep) []key {
	blank := func(i int) writtenStep {
		return writtenStep{key: fmt.Sprintf("step[%d]", i), onFailure: carryOn}
	}
	return []key{
		entry("name", text(&g.Name, empty, mustMatch(gameDayName, "a name: at most 64 characters, without [ and ]")), "what this game day is called in the record"),
		entry("step", many(steps, blank, stepKeys), "write a [[step]] with an attack and a hypothesis; chaoscat gameday --example shows some").required(),
	}
}

func stepKeys(s *writtenStep) []key {
	named := mustMatch(attackName, `a name: lower-case letters, digits, "-" and "_", at most 63`)
	return []key{
		entry("name", text(&s.Name, empty, longerThan(80)), "what the step is called; otherwise its attack"),
		entry("attack", text(&s.Attack, named), "an attack of the configuration").required(),
		entry("hypothesis", text(&s.Hypothesis, empty, longerThan(500)), "what you believe will happen, in words").required(),
		entry("hosts", texts(&s.Hosts, "hosts", empty), "the hosts, by name; otherwise they are drawn"),
		entry("group", texts(&s.groups, "groups", empty), "draw among the hosts of any of these groups"),
		entry("tag", texts(&s.tags, "tags", badTag), `draw among the hosts with these tags, as "NAME=VALUE"; of several values of one tag, any`),
		entry("zone", texts(&s.zones, "zones", empty), "the same as tag with zone=..."),
		entry("count", whole(&s.Count, 1, 10_000), "how many hosts are drawn; otherwise 1"),
		entry("percent", whole(&s.Percent, 1, 100), "how many of them, instead of a count; rounded down, at least 1"),
		entry("for", span(&s.For, time.Second, 24*time.Hour), "how long the attack lasts; otherwise what the configuration says"),
		entry("params", parameters(&s.Params), "chaoscat attacks lists them"),
		entry("on_failure", oneOf(&s.onFailure, carryOn, allOrNothing), "where it cannot be done on one of several hosts"),
		entry("gate", text(&s.Expect.Gate, empty, longerThan(64)), "a gate that tells whether the hypothesis holds"),
		entry("expect", oneOf(&s.expect, staysClear, turns), "what that gate does; otherwise it stays clear"),
		entry("wait", waiting(&s.Wait), `"approval", a time after the step before ("5m"), or a time of day ("14:30")`),
	}
}

func badTag(s string) string {
	if name, value, found := strings.Cut(s, "="); !found || name == "" || value == "" {
		return "is not a tag with its value; write it NAME=VALUE"
	}
	return ""
}

var clockForm = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2})$`)

// waiting takes what a step waits for.
func waiting(into *gameday.Wait) value {
	return value{kind: "a wait", std: `"approval"`, take: func(r *reading, at spot, v any) {
		const hint = `write "approval", a time after the step before ("5m"), or a time of day ("14:30")`
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a wait in quotes", v).Hint = hint
			return
		}
		if s == "approval" {
			*into = gameday.Wait{}
			return
		}
		if m := clockForm.FindStringSubmatch(s); m != nil {
			minute, real := minutes(m[1], m[2])
			if !real || minute == dayMinutes {
				r.wrong(at, "%s is a time of day that does not exist", show(s)).Hint = hint
				return
			}
			*into = gameday.Wait{Kind: gameday.AtTime, Minute: minute}
			return
		}
		d, why, more := parseSpan(s)
		switch {
		case inventory.Nearest(s, []string{"approval"}) != "":
			r.wrong(at, "%s is not known", show(s)).Nearest = "approval"
		case why == "is not a duration":
			r.wrong(at, "%s is not something to wait for", show(s)).Hint = hint
		case why != "":
			r.wrong(at, "%s %s", show(s), why).Hint = more
		case d < 0 || d > 24*time.Hour:
			r.wrong(at, "%s is not a wait of 0s to 24h", show(s))
		default:
			*into = gameday.Wait{Kind: gameday.AfterBefore, After: d}
		}
	}}
}

// step finishes one: what contradicts itself is said, what follows is filled in.
func (r *reading) step(w *writtenStep) gameday.Step {
	at := func(key string) spot { return r.at(w.key + "." + key) }
	drawn := len(w.groups)+len(w.tags)+len(w.zones)+w.Count+w.Percent > 0
	if len(w.Hosts) > 0 && drawn {
		r.wrong(at("hosts"), "names the hosts, and group, tag, zone, count and percent draw them").Hint = "say one or the other"
	}
	for i, name := range w.Hosts {
		if slices.Contains(w.Hosts[:i], name) {
			r.wrong(at(fmt.Sprintf("hosts[%d]", i)), "%s is named twice", show(name))
		}
	}
	if w.Count > 0 && w.Percent > 0 {
		r.wrong(at("percent"), "and count exclude each other")
	}
	if w.expect != "" && w.Expect.Gate == "" {
		r.wrong(at("expect"), "is of a gate, and none is named").Hint = `add gate = "NAME"; chaoscat gates lists them`
	}
	s := w.Step
	s.Within = Within(w.groups, w.tags, w.zones)
	for _, selector := range s.Within {
		if err := selector.Check(); err != nil {
			r.wrong(at(keyOf(selector, w)), "%v", err)
		}
	}
	s.Together, s.Expect.Turns = w.onFailure == allOrNothing, w.expect == turns
	if s.Name == "" {
		s.Name = s.Attack
	}
	return s
}

// keyOf is where the terms of a selector were written.
func keyOf(s engine.Selector, w *writtenStep) string {
	switch {
	case len(w.groups) > 0 && s[0] == GroupTerm(w.groups[0]):
		return "group"
	case slices.Contains(w.tags, strings.TrimPrefix(s[0], "tag:")):
		return "tag"
	}
	return "zone"
}

// Within is what people may write to say where hosts must be: in one of the groups, and of each tag, written
// NAME=VALUE, at one of the values. The selectors are not checked yet.
func Within(groups, tags, zones []string) (list []engine.Selector) {
	var any engine.Selector
	for _, g := range groups {
		any = append(any, GroupTerm(g))
	}
	if len(any) > 0 {
		list = append(list, any)
	}
	tags = slices.Clone(tags)
	for _, z := range zones {
		tags = append(tags, "zone="+z)
	}
	at := map[string]int{}
	for _, tag := range tags {
		name, _, _ := strings.Cut(tag, "=")
		i, known := at[name]
		if !known {
			i, at[name] = len(list), len(list)
			list = append(list, nil)
		}
		list[i] = append(list[i], "tag:"+tag)
	}
	return list
}

// GroupTerm is what people may write for a group: its name, a tag since they think of roles as groups, or the term
// of a selector.
func GroupTerm(group string) string {
	rest, not := strings.CutPrefix(group, "!")
	switch {
	case strings.HasPrefix(rest, "group:") || strings.HasPrefix(rest, "tag:"):
	case strings.Contains(rest, "="):
		rest = "tag:" + rest
	default:
		rest = "group:" + rest
	}
	if not {
		return "!" + rest
	}
	return rest
}

// ExampleGameDay is a plan to begin with. A test loads it.
const ExampleGameDay = `# A game day: steps that run one after the other, each a belief that is put to the test. It fits the demo, given room:
#   chaoscat demo --daemon --at-once 10 --socket /tmp/demo.sock
#   chaoscat --socket /tmp/demo.sock gameday plan.toml --check    hold it against the attacks and hosts of that engine
#   chaoscat --socket /tmp/demo.sock gameday plan.toml            carry it out, step by step
# Without --socket it is held against the configuration, and carried out by its engine.

name = "checkout survives a slow afternoon"

[[step]]
name = "one busy web host"
attack = "cpu"                    # an attack of chaoscat.toml; weight = 0 there if it is to run by order only
hosts = ["web-001"]               # by name; or drawn, as in the next step
for = "2m"
params = { load = 80 }
hypothesis = "the balancer moves work away from a busy host, and nobody notices"
gate = "error-rate"               # a gate of chaoscat.toml
expect = "clear"                  # it stays clear; or "turns": it must say no
wait = "approval"                 # somebody says go: the default

[[step]]
name = "a fifth of the web tier is slow"
attack = "latency"
group = ["web"]                   # also: tag = ["tier=gold"], zone = ["eu-1"]
percent = 20                      # or count = 3; safety.max_concurrent must allow as many at once
for = "2m"
params = { delay = "200ms" }
on_failure = "all-or-nothing"     # where it cannot be done on one host, it is undone on all
hypothesis = "requests are slower, none fails"
gate = "error-rate"
wait = "10m"                      # after the end of the step before

[[step]]
name = "a database is out of reach"
attack = "blackhole"
group = ["db"]
count = 1
for = "1m"
hypothesis = "the error rate rises within half a minute, and somebody is paged"
gate = "error-rate"
expect = "turns"
wait = "15:00"                    # of the day, in the zone of the schedule
`
