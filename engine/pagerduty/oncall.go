package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
)

// OnCallOptions say who must be there.
type OnCallOptions struct {
	Account
	Schedules []string // by id; each must have somebody on call
	Policies  []string // escalation policies by id; each level must have somebody on call
	Levels    []int    // of the policies, counted from 1; none: all of them
	// Free wants all of them free: an open incident that is assigned to anybody who is on call is a no.
	Free bool
}

// OnCall asks PagerDuty who is on call.
type OnCall struct {
	o    OnCallOptions
	rest *rest
	roll roll
}

// NewOnCall makes the gate.
func NewOnCall(o OnCallOptions) (*OnCall, error) {
	if len(o.Schedules)+len(o.Policies) == 0 {
		return nil, errors.New("name schedules or escalation policies of PagerDuty: else nobody could be missing")
	}
	r, err := gateREST(o.Account)
	if err != nil {
		return nil, err
	}
	return &OnCall{o: o, rest: r, roll: roll{now: o.Now}}, nil
}

// Ask says yes if every schedule and every level has somebody on call.
func (g *OnCall) Ask(ctx context.Context) engine.GateAnswer {
	if err := g.roll.call(ctx, g.rest, schedules(g.o.Schedules), policies(g.o.Policies)); err != nil {
		return no("%v", err)
	}
	entries, err := g.entries(ctx)
	if err != nil {
		return no("%v", err)
	}
	people, missing := filled(g.o, entries)
	if len(missing) > 0 {
		return no("nobody is on call for %s%s", strings.Join(missing, ", "), found(people))
	}
	if g.o.Free {
		if busy := g.busy(ctx, people); busy != nil {
			return *busy
		}
	}
	return engine.GateAnswer{OK: true, Text: line(people), Who: names(people)}
}

// found is who was found all the same.
func found(people []person) string {
	if len(people) == 0 {
		return ""
	}
	return " (there is " + line(people) + ")"
}

func no(format string, args ...any) engine.GateAnswer {
	return engine.GateAnswer{Text: fmt.Sprintf(format, args...)}
}

// onCall is one entry of the list: somebody, for a level of a policy, by a schedule or by name.
type onCall struct {
	User     *ref `json:"user"`
	Schedule *ref `json:"schedule"`
	Policy   struct {
		ref
		Rules []ref `json:"escalation_rules"` // one for each level
	} `json:"escalation_policy"`
	Level int `json:"escalation_level"`
}

// entries asks for schedules and for policies by themselves: together they would narrow each other down.
func (g *OnCall) entries(ctx context.Context) (all []onCall, err error) {
	for _, by := range []struct {
		filter string
		ids    []string
	}{{"schedule_ids[]", g.o.Schedules}, {"escalation_policy_ids[]", g.o.Policies}} {
		if len(by.ids) == 0 {
			continue
		}
		some, whole, _, err := list[onCall](ctx, g.rest, "/oncalls", "oncalls", url.Values{by.filter: by.ids, "include[]": {"escalation_policies"}})
		if err == nil && !whole {
			err = fmt.Errorf("PagerDuty has more than %d people on call for them: name fewer", pageSize*maxPages)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// person is somebody on call, and for what.
type person struct{ id, name, seat string }

// filled finds who sits where, and which seats are empty.
func filled(o OnCallOptions, entries []onCall) (people []person, missing []string) {
	seat := func(name, empty string, at func(onCall) bool) {
		n := len(people)
		for _, e := range entries {
			if e.User != nil && e.User.ID != "" && at(e) {
				people = append(people, person{e.User.ID, e.User.name(), name})
			}
		}
		if len(people) == n {
			missing = append(missing, empty)
		}
	}
	for _, id := range o.Schedules {
		at := func(e onCall) bool { return e.Schedule != nil && e.Schedule.ID == id }
		name := "schedule " + known(entries, id, func(e onCall) *ref { return e.Schedule })
		seat(name, name, at)
	}
	for _, id := range o.Policies {
		policy := known(entries, id, func(e onCall) *ref { return &e.Policy.ref })
		levels := levelsOf(o, entries, id)
		if len(levels) == 0 {
			missing = append(missing, noLevels(id, policy))
		}
		for _, level := range levels {
			name := fmt.Sprintf("level %d", level)
			empty := name + " of escalation policy " + policy
			if len(o.Policies) > 1 {
				name += " of " + policy
			}
			seat(name, empty, func(e onCall) bool { return e.Policy.ID == id && e.Level == level })
		}
	}
	return once(people), missing
}

// noLevels is what is missing of a policy whose levels are not known: nobody is there, or PagerDuty does not tell.
func noLevels(id, policy string) string {
	if policy == id { // no entry has its name
		return "any level of escalation policy " + policy
	}
	return "every level of escalation policy " + policy + ", for PagerDuty does not say how many it has: name them as levels"
}

// known is the name of what has that id, where any entry tells it.
func known(entries []onCall, id string, of func(onCall) *ref) string {
	for _, e := range entries {
		if r := of(e); r != nil && r.ID == id {
			return r.name()
		}
	}
	return id
}

// levelsOf are the levels that must be filled. A policy has as many as rules; one that tells of none tells nothing.
func levelsOf(o OnCallOptions, entries []onCall, policy string) (levels []int) {
	if len(o.Levels) > 0 {
		return o.Levels
	}
	for _, e := range entries {
		if e.Policy.ID == policy && len(e.Policy.Rules) > len(levels) {
			levels = levels[:0]
			for i := range e.Policy.Rules {
				levels = append(levels, i+1)
			}
		}
	}
	return levels
}

// once leaves each person on each seat once: several policies may name the same schedule.
func once(people []person) (list []person) {
	for _, p := range people {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

func names(people []person) (list []string) {
	for _, p := range people {
		if !slices.Contains(list, p.name) {
			list = append(list, p.name)
		}
	}
	return list
}

// line is "ada (level 1), bob (level 2)".
func line(people []person) string {
	var list []string
	for _, p := range people {
		list = append(list, fmt.Sprintf("%s (%s)", p.name, p.seat))
	}
	return strings.Join(list, ", ")
}

// busy is the no about somebody who has an incident already; nil if all are free.
func (g *OnCall) busy(ctx context.Context, people []person) *engine.GateAnswer {
	query := open()
	for _, p := range people {
		if !slices.Contains(query["user_ids[]"], p.id) {
			query.Add("user_ids[]", p.id)
		}
	}
	incidents, whole, _, err := list[incident](ctx, g.rest, "/incidents", "incidents", query)
	switch {
	case err != nil:
		a := no("whether they are free is not known: %v", err)
		return &a
	case len(incidents) == 0 && whole:
		return nil
	}
	a := no("%s in an incident already: %s", whose(incidents, people), told(incidents, whole))
	a.Causes = causes(incidents, whole)
	return &a
}

// whose names those on call whom the incidents are assigned to.
func whose(incidents []incident, people []person) string {
	var in []string
	for _, p := range people {
		if slices.ContainsFunc(incidents, func(i incident) bool { return i.assignedTo(p.id) }) && !slices.Contains(in, p.name) {
			in = append(in, p.name)
		}
	}
	switch len(in) {
	case 0:
		return "somebody on call is"
	case 1:
		return in[0] + " is"
	}
	return strings.Join(in, ", ") + " are"
}
