package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// aim is how a person says whom an order is to hit: names, or so many of the hosts that groups and tags select.
type aim struct {
	hosts     []string
	groups    []string // a host must be in one of them
	tags      []string // and have, of each tag named, one of the values named
	zones     []string // short for tags called zone
	count     int
	percent   int
	onFailure string
	force     bool
}

// The two ways on, where an attack cannot be carried out on one of several hosts.
const (
	carryOn      = "continue"
	allOrNothing = "all-or-nothing"
)

func (x *aim) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&x.hosts, "host", nil, "`NAME` of a host; may be repeated (default: drawn uniformly)")
	f.StringArrayVar(&x.groups, "group", nil, "draw among the hosts of group `G`, or with the tag K=V; repeated: of any of them")
	f.StringArrayVar(&x.tags, "tag", nil, "draw among the hosts with the tag `K=V`; repeated: with one of the values of each tag")
	f.StringArrayVar(&x.zones, "zone", nil, "the same as --tag zone=`Z`")
	f.IntVar(&x.count, "count", 0, "draw `N` hosts (default: 1)")
	f.IntVar(&x.percent, "percent", 0, "draw `P` percent of them, rounded down, at least 1; 100 is all")
	f.StringVar(&x.onFailure, "on-failure", carryOn, "where it cannot be done on one of several hosts: `continue` on the others, or all-or-nothing, which undoes all")
	f.BoolVar(&x.force, "force", false, "go beyond the limits of the blast radius, never beyond stop, hours, gates or residue (admins only)")
}

// order writes the aim into an order. What contradicts itself is a mistake in the call.
func (x aim) order(o *engine.Order, given func(flag string) bool) error {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	drawn := len(x.groups)+len(x.tags)+len(x.zones) > 0 || given("count") || given("percent")
	say(len(x.hosts) > 0 && drawn, "--host names the hosts, --group, --tag, --zone, --count and --percent draw them: say one or the other")
	say(given("count") && given("percent"), "--count and --percent exclude each other")
	say(given("count") && x.count < 1, "--count %d: at least 1", x.count)
	say(given("percent") && (x.percent < 1 || x.percent > 100), "--percent %d: 1 to 100", x.percent)
	say(x.onFailure != carryOn && x.onFailure != allOrNothing, "--on-failure %q: %s or %s", x.onFailure, carryOn, allOrNothing)
	within, err := x.within()
	wrong = append(wrong, err)
	o.Within, o.Count, o.Percent, o.Force, o.Together = within, x.count, x.percent, x.force, x.onFailure == allOrNothing
	if o.Hosts = x.hosts; len(x.hosts) == 1 { // as it has always been said, so that an older engine understands it
		o.Host, o.Hosts = x.hosts[0], nil
	}
	return errors.Join(wrong...)
}

// within is where the hosts must be.
func (x aim) within() (list []engine.Selector, err error) {
	var wrong []error
	for _, tag := range x.tags {
		if name, value, found := strings.Cut(tag, "="); !found || name == "" || value == "" {
			wrong = append(wrong, fmt.Errorf("--tag %q: write it NAME=VALUE", tag))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	list = config.Within(x.groups, x.tags, x.zones)
	for _, s := range list {
		wrong = append(wrong, s.Check())
	}
	return list, errors.Join(wrong...)
}

// misnamed is what an order names that is not there, with what was probably meant. The engine would refuse most of
// it, too; it does not know what is near.
func misnamed(s engine.Snapshot, o engine.Order) error {
	var wrong []error
	if err := noSuchAttack(s, o.Attack); err != nil {
		wrong = append(wrong, err)
	}
	hosts := s.Roster.Hosts()
	for _, name := range o.Targets() {
		if _, known := s.Roster.Find(name); !known {
			wrong = append(wrong, fmt.Errorf("no host is called %q%s", name, meant(name, hostNames(hosts))))
		}
	}
	for _, within := range o.Within {
		wrong = append(wrong, inventory.CheckSelector(within, hosts))
	}
	if err := errors.Join(wrong...); err != nil {
		return fail(exitUsage, err)
	}
	if len(o.Within) > 1 && !slices.ContainsFunc(hosts, func(h engine.Host) bool {
		return !slices.ContainsFunc(o.Within, func(s engine.Selector) bool { return !s.Selects(h) })
	}) {
		return fail(exitUsage, fmt.Errorf("no host is in all of %s", spoken(o.Within)))
	}
	return nil
}

func noSuchAttack(s engine.Snapshot, name string) error {
	if name == "" || len(s.Attacks) == 0 || slices.ContainsFunc(s.Attacks, func(a engine.Attack) bool { return a.Name == name }) {
		return nil
	}
	if _, known := attacks.Find(name); known {
		return fmt.Errorf("no attack of the plan is called %q: it is in the catalogue, so add an [[attack]] with name = %q, and weight = 0 if it is to run by order only", name, name)
	}
	var planned []string
	for _, a := range s.Attacks {
		planned = append(planned, a.Name)
	}
	return fmt.Errorf("no attack of the plan is called %q%s", name, meant(name, planned))
}

func hostNames(hosts []engine.Host) []string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return names
}

func meant(word string, known []string) string {
	if near := inventory.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func spoken(within []engine.Selector) string {
	parts := make([]string, len(within))
	for i, s := range within {
		parts[i] = strings.Join(s, " or ")
	}
	return strings.Join(parts, ", and ")
}
