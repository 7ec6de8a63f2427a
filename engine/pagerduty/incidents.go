package pagerduty

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// IncidentOptions say which incidents are a reason not to attack. All that are given must fit; none at all is every
// incident of the account.
type IncidentOptions struct {
	Account
	Services  []string // by id
	Teams     []string // by id
	Urgencies []string // high, low
}

// Incidents asks PagerDuty whether all is well.
type Incidents struct {
	o    IncidentOptions
	rest *rest
	roll roll
}

// NewIncidents makes the gate.
func NewIncidents(o IncidentOptions) (*Incidents, error) {
	r, err := gateREST(o.Account)
	if err != nil {
		return nil, err
	}
	return &Incidents{o: o, rest: r, roll: roll{now: o.Now}}, nil
}

// Ask says yes if no incident is triggered or acknowledged, and all that is named is there.
func (g *Incidents) Ask(ctx context.Context) engine.GateAnswer {
	if err := g.roll.call(ctx, g.rest, services(g.o.Services), teams(g.o.Teams)); err != nil {
		return no("%v", err)
	}
	query := open()
	add(query, "service_ids[]", g.o.Services)
	add(query, "team_ids[]", g.o.Teams)
	add(query, "urgencies[]", g.o.Urgencies)
	incidents, whole, _, err := list[incident](ctx, g.rest, "/incidents", "incidents", query)
	switch {
	case err != nil:
		return no("%v", err)
	case len(incidents) == 0 && whole:
		return engine.GateAnswer{OK: true, Text: "no open incident"}
	}
	a := no("%s", told(incidents, whole))
	a.Causes = causes(incidents, whole)
	return a
}

// open asks for every open incident, however old: without a range the API gives those of the last month alone.
func open() url.Values {
	return url.Values{"statuses[]": {"triggered", "acknowledged"}, "date_range": {"all"}}
}

func add(query url.Values, name string, values []string) {
	if len(values) > 0 {
		query[name] = values
	}
}

// incident is what we know of one.
type incident struct {
	ID          string    `json:"id"`
	Number      int       `json:"incident_number"`
	Title       string    `json:"title"`
	Status      string    `json:"status"` // triggered, acknowledged, resolved
	Created     time.Time `json:"created_at"`
	Changed     time.Time `json:"last_status_change_at"`
	Key         string    `json:"incident_key"` // of the event that opened it
	Service     ref       `json:"service"`
	Assignments []struct {
		Assignee ref `json:"assignee"`
	} `json:"assignments"`
	Acknowledgements []struct {
		At time.Time `json:"at"`
	} `json:"acknowledgements"` // empty again once it is resolved
}

func (i incident) assignedTo(user string) bool {
	for _, a := range i.Assignments {
		if a.Assignee.ID == user {
			return true
		}
	}
	return false
}

// cause is what a plan may tolerate: the service and the title, without the number that nobody knows beforehand.
func (i incident) cause() string { return i.Service.name() + ": " + short(i.Title) }

func (i incident) String() string { return fmt.Sprintf("#%d %s", i.Number, i.cause()) }

// told is how many there are, and the oldest.
func told(incidents []incident, whole bool) string {
	if len(incidents) == 0 {
		return "PagerDuty says that there are incidents and shows none"
	}
	oldest := slices.MinFunc(incidents, func(a, b incident) int { return cmp.Compare(a.Number, b.Number) })
	first := fmt.Sprintf("%s (%s)", oldest, short(oldest.Status))
	switch {
	case !whole:
		return fmt.Sprintf("more than %d open incidents, the first: %s", len(incidents), first)
	case len(incidents) == 1:
		return "1 open incident: " + first
	}
	return fmt.Sprintf("%d open incidents, the first: %s", len(incidents), first)
}

// causes names them all, or none if there are more than were read: what is not named must not be tolerated.
func causes(incidents []incident, whole bool) (list []string) {
	if !whole {
		return nil
	}
	for _, i := range incidents {
		if !slices.Contains(list, i.cause()) {
			list = append(list, i.cause())
		}
	}
	return list
}
