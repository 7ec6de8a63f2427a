package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// check reports what is wrong between keys that are right each by itself, and fills in what follows
// from others.
func (r *reading) check(c *Config) {
	r.checkSchedule(&c.Schedule)
	c.Inventories, c.sources = r.finished(c.sources), nil
	r.checkAttacks(c)
	r.checkHours(c)
	r.checkGates(c)
	r.checkPagerDuty(c)
	checkRota(&c.OnCall, c.Schedule.Location)
	r.checkDoors(c)
	r.checkSlack(&c.Slack)
	r.checkWebhooks(c)
	r.checkMetrics(&c.Metrics)
	r.checkUI(&c.UI)
}

// sound is [Config.Sound], as far as it is known by now.
func (r *reading) sound(key string) bool { return (&Config{unsound: r.unsound}).Sound(key) }

// at is the spot of a key written as for [Config.At].
func (r *reading) at(path string) spot { return spot{r.root.find(path), path} }

// where is a spot as other packages name it: file:line.
func (r *reading) where(at spot) string { return fmt.Sprintf("%s:%d", r.file, at.place.line) }

func (r *reading) checkSchedule(s *engine.Schedule) {
	for i, f := range s.Closures {
		if !f.From.IsZero() && !f.To.IsZero() && !f.To.After(f.From) {
			r.wrong(r.at(fmt.Sprintf("schedule.freeze[%d].to", i)), "is not after from: the freeze would never be")
		}
	}
}

func (r *reading) checkAttacks(c *Config) {
	total, seen := int64(0), map[string]string{}
	for i := range c.Attacks {
		a := &c.Attacks[i]
		r.checkCustom(a)
		r.checkCompound(a)
		if a.Kind == "" {
			a.Kind = a.Name
		}
		if first, twice := seen[a.Name]; twice && a.Name != "" {
			r.wrong(r.at(a.Key+".name"), "%q is there twice", a.Name).Hint =
				fmt.Sprintf("it is first on line %d; give this one a name of its own and say kind = %q", r.root.find(first).line, a.Kind)
		} else {
			seen[a.Name] = a.Key + ".name"
		}
		if a.For > c.Safety.MaxDuration && r.sound("safety.max_duration") {
			r.wrong(r.at(a.Key+".for"), "%s is longer than safety.max_duration, which is %s", engine.Span(a.For), engine.Span(c.Safety.MaxDuration))
		}
		total += a.Weight
	}
	if len(c.Attacks) > 0 && total == 0 && !slices.ContainsFunc(c.Attacks, func(a Attack) bool { return !r.sound(a.Key + ".weight") }) {
		r.wrong(r.at("attack[0].weight"), "every attack has weight 0: nothing could ever be drawn").Hint = "give one a weight of 1"
	}
}

// checkCustom tells attacks of the catalogue from custom ones, and refuses what is neither.
func (r *reading) checkCustom(a *Attack) {
	x := *a.Custom
	written := func(name string) bool { return r.root.find(a.Key).under[name] != nil }
	custom := slices.ContainsFunc([]string{"inject", "undo", "measure", "irreversible", "figure", "unit"}, written)
	switch {
	case !custom:
		a.Custom = nil
	case !written("inject"):
		r.wrong(r.at(a.Key), "has the keys of a custom attack but no inject").Hint = "name the script that applies the fault, or remove undo, measure, irreversible, figure and unit"
	case written("kind"):
		r.wrong(r.at(a.Key+".kind"), "a custom attack has no kind").Hint = "remove kind, or remove inject"
	case !written("undo") && !x.Irreversible:
		r.wrong(r.at(a.Key+".inject"), "has no undo").Hint = "name an undo script, or say irreversible = true if there cannot be one"
	case written("undo") && x.Irreversible:
		r.wrong(r.at(a.Key+".irreversible"), "is true, and there is an undo").Hint = "remove one of the two"
	case !written("measure") && (written("figure") || written("unit")):
		r.wrong(r.at(a.Key), "names a figure but has no measure").Hint = "name the script that prints it"
	}
}

// checkCompound joins the two ways to write one. Whether its parts go together is the catalogue's to say.
func (r *reading) checkCompound(a *Attack) {
	written := func(name string) bool { return r.root.find(a.Key).under[name] != nil }
	for i := range a.Parts {
		a.Parts[i].Key = a.Key + "." + a.Parts[i].Key
	}
	switch {
	case !written("compound") && !written("part"):
		if written("gap") {
			r.wrong(r.at(a.Key+".gap"), "is for a compound attack, and this is none").Hint = `name its parts: compound = ["cpu", "latency"]`
		}
		return
	case written("compound") && written("part"):
		r.wrong(r.at(a.Key+".compound"), "names the parts, and so does [[attack.part]]").Hint = "remove one of the two"
	case written("inject"):
		r.wrong(r.at(a.Key+".inject"), "makes a custom attack, and its parts a compound one").Hint = "write the custom one as an [[attack]] of its own, and name it as a part"
	case written("kind"):
		r.wrong(r.at(a.Key+".kind"), "a compound attack has no kind").Hint = "remove kind, or remove its parts"
	}
	for i, kind := range a.compound {
		a.Parts = append(a.Parts, Part{Kind: kind, Key: fmt.Sprintf("%s.compound[%d]", a.Key, i)})
	}
	a.compound = nil
	if a.Gap%time.Second != 0 {
		r.wrong(r.at(a.Key+".gap"), "%s is not in whole seconds", a.Gap)
	}
}

// checkGates names the gates that have no name and refuses two of the same.
func (r *reading) checkGates(c *Config) {
	c.OnCall.Key = "oncall"
	gates := []*Gate{}
	for i := range c.Health {
		gates = append(gates, &c.Health[i])
	}
	gates = append(gates, &c.OnCall)
	taken := map[string]string{}
	for _, g := range gates {
		if g.Name == "" {
			continue
		}
		if first, twice := taken[g.Name]; twice {
			r.wrong(r.at(g.Key+".name"), "%q is the name of two gates", g.Name).Hint = fmt.Sprintf("the other is on line %d", r.root.find(first).line)
		}
		taken[g.Name] = g.Key
	}
	for _, g := range gates {
		r.checkGate(g)
		for n := 1; g.Name == ""; n++ {
			if name := numbered(string(g.Kind), n); taken[name] == "" {
				g.Name, taken[name] = name, g.Key
			}
		}
	}
}

func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}
