package simulated

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Attack is what a simulated host must know of an attack in order to carry it: what a real one finds in the
// script. A fleet learns its attacks from [Options].Attacks, and knows [Usual] without being told.
type Attack struct {
	Kind       string   // as it comes over the wire
	Family     string   // "network", "resource" or "state"
	Figure     string   // what is measured: "cpu busy"
	Unit       string   // of the figure: "%", "ms", "" for a plain number
	Needs      []string // for people; a host without netem or systemd cannot do what needs it
	Params     []Param
	Supervised bool     // the host goes down, and comes back with a new boot id
	Parts      []Attack // of a compound attack, in order: each says its own figure
}

// Param is a parameter of an attack, with the kind of its value as the catalogue calls it.
type Param struct {
	Name, Kind string
	Required   bool
	Min, Max   int64 // of a number; both 0: any
	Choices    []string
}

// Usual is the attacks that a fleet carries unless it is told of others.
func Usual() []Attack {
	aim := []Param{{Name: "targets", Kind: "peers"}, {Name: "ports", Kind: "ports"}}
	return []Attack{
		{Kind: latency, Family: network, Figure: "round trip", Unit: "ms", Needs: []string{"tc with netem"},
			Params: append([]Param{{Name: "delay", Kind: "ms", Required: true, Min: 1, Max: longest}, {Name: "jitter", Kind: "ms", Max: longest}}, aim...)},
		{Kind: cpu, Family: resource, Figure: "cpu busy", Unit: "%",
			Params: []Param{{Name: "load", Kind: "percent", Min: 1, Max: 100}, {Name: "workers", Kind: "int", Max: 1024}}},
		{Kind: blackhole, Family: network, Figure: "pings answered", Unit: "%",
			Params: append([]Param{{Name: "direction", Kind: "word", Choices: []string{"both", "in", "out"}}, {Name: "lifeline", Kind: "bool"}}, aim...)},
		{Kind: serviceStop, Family: state, Figure: "service active", Needs: []string{"systemd"},
			Params: []Param{{Name: "unit", Kind: "unit", Required: true}}},
		{Kind: reboot, Family: state, Figure: "boot id", Supervised: true, Params: []Param{{Name: "limit", Kind: "ms", Min: 1, Max: 86_400_000}}},
	}
}

// The families of attacks.
const (
	network  = "network"
	resource = "resource"
	state    = "state"
)

// longest is the most that netem is asked to delay, in ms.
const longest = 3_600_000

// check refuses what is no attack.
func (a Attack) check() error {
	if a.Kind == "" {
		return errors.New("an attack of a simulated fleet has no kind")
	}
	return nil
}

// needs tells whether one of the things the attack needs is that.
func (a Attack) needs(thing string) bool {
	return slices.ContainsFunc(a.Needs, func(n string) bool { return strings.Contains(n, thing) })
}

// of is the value of the first parameter of one of the kinds that is set, 0 of none.
func (a Attack) of(p params, kinds ...string) (value float64, set bool) {
	for _, known := range a.Params {
		if slices.Contains(kinds, known.Kind) && p[known.Name] != "" {
			return p.decimal(known.Name), true
		}
	}
	return 0, false
}

// has tells whether the attack takes that parameter.
func (a Attack) has(name string) bool {
	return slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == name })
}

// reads holds parameters against what the attack takes, as a host does that was handed one by mistake.
func (a Attack) reads(p params) error {
	for _, name := range sortedKeys(p) {
		at := slices.IndexFunc(a.Params, func(known Param) bool { return known.Name == name })
		if at < 0 {
			return fmt.Errorf("parameter %s is not known to this attack", name)
		}
		if p[name] == "" {
			continue
		}
		if err := a.Params[at].fits(p[name]); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	for _, known := range a.Params {
		if known.Required && p[known.Name] == "" {
			return fmt.Errorf("parameter %s is missing", known.Name)
		}
	}
	return nil
}

// fits is nil for a good value, else what is wrong with it. Values without a rule are any the header lets in.
func (p Param) fits(value string) error {
	switch p.Kind {
	case "int", "percent", "ms", "size", "rate":
		return p.number(value)
	case "share":
		return share(value)
	case "bool":
		return oneOf(value, "0", "1")
	case "word":
		return oneOf(value, p.Choices...)
	case "peers":
		return peers(value)
	case "ports":
		return ports(value)
	case "unit":
		return aUnit(value)
	}
	return nil
}
