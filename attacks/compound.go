package attacks

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// mostParts bounds a compound attack: its parts are measured one after the other, between arming and the fault.
const mostParts = 8

// Compound makes one attack of several. They begin in their order, the gap apart (0: at once), all end together,
// and are undone in reverse; the first that cannot be injected takes the others back. What must hold of the whole
// must hold of each: it is feasible where every part is, lasts as long as the shortest may, and is reversible if
// all are. All that is wrong is said at once.
//
// The parameters of a part are called c1_load, c2_delay and so on, see [PartParam].
func Compound(name string, parts []Definition, gap time.Duration) (Definition, error) {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("attack %s: "+format, append([]any{name}, args...)...))
		}
	}
	_, taken := Find(name)
	say(taken, "the name is that of a built-in attack; choose another")
	say(len(parts) < 2, "a compound attack has two parts at least")
	say(len(parts) > mostParts, "%d parts: %d at most", len(parts), mostParts)
	say(gap < 0 || gap%time.Second != 0, "a gap of %s: whole seconds, please", gap)
	var networks []string
	for _, p := range parts {
		say(p.Supervised, "%s takes the whole host away and cannot be a part", p.Name)
		say(len(p.Parts) > 0, "%s is itself a compound attack; name its parts instead", p.Name)
		if p.Family == "network" {
			networks = append(networks, p.Name)
		}
	}
	say(len(networks) > 1, "%s are all network attacks, and an interface takes one at a time", strings.Join(networks, ", "))
	if err := errors.Join(wrong...); err != nil {
		return Definition{}, err
	}
	def := compound(name, parts, gap)
	if before := gap * time.Duration(len(parts)-1); before >= def.Max {
		return Definition{}, fmt.Errorf("attack %s: its last part begins after %s, and no part may last longer than %s", name, engine.Span(before), engine.Span(def.Max))
	}
	return def, wellFormed(def)
}

func compound(name string, parts []Definition, gap time.Duration) Definition {
	def := Definition{
		Name: name, Summary: "at once: " + strings.Join(kinds(parts), ", "), Family: "compound", Reversible: true,
		Default: parts[0].Default, Max: parts[0].Max, InjectIn: gap * time.Duration(len(parts)-1),
		Parts: slices.Clone(parts), Script: partsScript(parts, gap),
	}
	if gap > 0 {
		def.Summary = fmt.Sprintf("%s apart: %s", engine.Span(gap), strings.Join(kinds(parts), ", "))
	}
	for i, p := range parts {
		def.Default, def.Max = min(def.Default, p.Default), min(def.Max, p.Max)
		def.UndoWithin += p.UndoWithin
		def.InjectIn += orElse(p.InjectIn, 30*time.Second)
		def.Reversible = def.Reversible && p.Reversible
		for _, need := range p.Needs {
			if !slices.Contains(def.Needs, need) {
				def.Needs = append(def.Needs, need)
			}
		}
		for _, param := range p.Params {
			param.Name = PartParam(i, param.Name)
			param.Help = p.Name + ": " + param.Help
			def.Params = append(def.Params, param)
		}
	}
	return def
}

func kinds(parts []Definition) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return names
}

// PartParam is what a parameter of the i-th part (from 0) is called in a compound attack.
func PartParam(i int, name string) string { return fmt.Sprintf("c%d_%s", i+1, name) }

// partsScript hands every function to the parts, see library/compound.sh. A part that has no renew is a "-" there.
func partsScript(parts []Definition, gap time.Duration) string {
	list, renews, any := strings.Join(kinds(parts), " "), make([]string, len(parts)), false
	within := make([]string, len(parts)) // what the controller waits for each is what its undo may take on the host
	for i, p := range parts {
		within[i] = fmt.Sprintf("%.0f %s", math.Ceil(p.UndoWithin.Seconds()), p.Name)
		renews[i] = "-"
		if strings.Contains(flags(p), "RENEWS") {
			renews[i], any = p.Name, true
		}
	}
	var b strings.Builder
	for _, f := range []struct{ name, by string }{
		{"requires", "parts_require"}, {"layers", "parts_layers"},
		{"inject", fmt.Sprintf("parts_inject %d", int(gap.Seconds()))},
		{"undo", `parts_undo "$1"`}, {"verify", `parts_verify "$1"`}, {"measure", "parts_measure"},
	} {
		fmt.Fprintf(&b, "%s() { %s %s; }\n", f.name, f.by, list)
	}
	fmt.Fprintf(&b, "prepare() { parts_prepare %s; }\n", strings.Join(within, " "))
	if any {
		fmt.Fprintf(&b, "renew() { parts_renew %s; }\n", strings.Join(renews, " "))
	}
	return b.String()
}

// checkParts is [Check] for a compound attack: each part judges its own parameters.
func checkParts(def Definition, params map[string]string) (map[string]string, error) {
	wire, wrong := map[string]string{}, unknown(def, params)
	for i, p := range def.Parts {
		own := map[string]string{}
		for _, param := range p.Params {
			if value, set := params[PartParam(i, param.Name)]; set {
				own[param.Name] = value
			}
		}
		sent, err := Check(p, own)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("part %d of %s: %w", i+1, def.Name, err))
		}
		for name, value := range sent {
			wire[PartParam(i, name)] = value
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return wire, nil
}

// Cuts tells whether the operator has given the control path up for the time of the fault, by checked parameters.
func Cuts(def Definition, wire map[string]string) bool {
	given := func(name string) bool { return slices.Contains([]string{"0", "false"}, wire[name]) }
	if len(def.Parts) == 0 {
		return given("lifeline")
	}
	for i := range def.Parts {
		if given(PartParam(i, "lifeline")) {
			return true
		}
	}
	return false
}
