package config

import (
	"regexp"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/pagerduty"
)

// PagerDuty is the account that gates of that type ask, and that is told what happens here. Without the table all of it
// is empty.
type PagerDuty struct {
	KeyFile   string // the routing key; "" tells PagerDuty nothing
	TokenFile string // of the REST API; "" asks PagerDuty nothing
	API       string
	Events    string
	CAFile    string
	Link      string // in every change event; "" is none
	Changes   bool
	Alerts    bool
	Services  []string      // whose incidents are noted, by id
	WatchFor  time.Duration // after the end of an attack
}

// PagerDutyQuestion is what a gate of that type asks the account for.
type PagerDutyQuestion struct {
	Account   PagerDuty // of the whole configuration
	Schedules []string
	Policies  []string
	Levels    []int
	Free      bool
	Services  []string
	Teams     []string
	Urgency   string // "" is both
}

// pagerDutyID is what PagerDuty calls its things.
var pagerDutyID = regexp.MustCompile(`^[A-Z0-9]{3,32}$`)

func defaultPagerDuty() PagerDuty {
	return PagerDuty{API: pagerduty.API, Events: pagerduty.Events, Changes: true, Alerts: true, WatchFor: 30 * time.Minute}
}

func pagerDutyKeys(p *PagerDuty) []key {
	return []key{
		entry("routing_key_file", file(&p.KeyFile, secret), "the key of an integration of type Events API v2, readable by its owner alone; without it nothing is told"),
		entry("change_events", toggle(&p.Changes), "tell where an attack begins and where it ends"),
		entry("alerts", toggle(&p.Alerts), "page for residue, a host that did not come back, and a dead scheduler"),
		entry("link", text(&p.Link, badLink), "a page about chaoscat for those who see a change event"),
		entry("token_file", file(&p.TokenFile, secret), "a read-only key of the REST API, readable by its owner alone; gates ask with it"),
		entry("services", pagerDutyIDs(&p.Services), "ids of services whose incidents are noted, with the time to detect, acknowledge and resolve"),
		entry("watch_incidents_for", span(&p.WatchFor, time.Minute, 24*time.Hour), "how long after its end an incident still counts as an attack's doing"),
		entry("api_url", web(&p.API), "of the REST API"),
		entry("events_url", web(&p.Events), "of the Events API"),
		entry("ca_file", file(&p.CAFile, readable), "PEM file of the authorities to trust"),
	}
}

// pagerDutyGateKeys differ by what a gate is for.
func pagerDutyGateKeys(g *Gate) []key {
	p := &g.PagerDuty
	keys := []key{
		entry("services", pagerDutyIDs(&p.Services), "ids of the services whose open incidents count; otherwise every service"),
		entry("teams", pagerDutyIDs(&p.Teams), "ids of the teams whose open incidents count; otherwise every team"),
		entry("urgency", oneOf(&p.Urgency, "high", "low"), "of the open incidents that count; otherwise both"),
	}
	if g.Kind == engine.OnCall {
		keys = []key{
			entry("schedules", pagerDutyIDs(&p.Schedules), "ids of schedules, each of which must have somebody on call"),
			entry("escalation_policies", pagerDutyIDs(&p.Policies), "ids of escalation policies, each level of which must have somebody on call"),
			entry("levels", levels(&p.Levels), "the levels of the policies that must be filled, from 1; otherwise all"),
			entry("not_in_incident", toggle(&p.Free), "no open incident may be assigned to any of them"),
		}
	}
	for i := range keys {
		keys[i] = keys[i].only(string(PagerDutyGate))
	}
	return keys
}

func pagerDutyIDs(into *[]string) value {
	return texts(into, "ids", mustMatch(pagerDutyID, "an id of PagerDuty's: the last part of the address of its page, such as PIJ90N7"))
}

// badLink complains about what nobody could follow.
func badLink(s string) string {
	if !regexp.MustCompile(`^https?://[^\s/]+`).MatchString(s) {
		return `is no link; write it like "https://wiki.example.com/chaoscat"`
	}
	return ""
}

// mostLevels is how many an escalation policy may have.
const mostLevels = 20

// levels takes a list of levels of an escalation policy.
func levels(into *[]int) value {
	return value{kind: "a list of numbers", take: func(r *reading, at spot, v any) {
		items, ok := v.([]any)
		if !ok || len(items) == 0 {
			r.wrongType(at, "a list of levels: [1, 2]", v)
			return
		}
		*into = nil
		for i, item := range items {
			if n, ok := r.number(at.item(i), item, 1, mostLevels); ok {
				*into = append(*into, int(n))
			}
		}
	}}
}

// checkPagerDuty reports what is wrong between the account and those who use it, and hands it to the gates.
func (r *reading) checkPagerDuty(c *Config) {
	p := &c.PagerDuty
	table := r.root.under["pagerduty"]
	if table == nil {
		*p, table = PagerDuty{}, &place{}
	}
	written := func(name string) bool { return table.under[name] != nil }
	if r.root.under["pagerduty"] != nil && !written("routing_key_file") && !written("token_file") {
		r.wrong(r.at("pagerduty"), "names no routing key and no token: PagerDuty could be told and asked nothing").Hint = "name their files: routing_key_file, token_file"
	}
	for _, name := range []string{"change_events", "alerts", "link"} {
		if written(name) && !written("routing_key_file") && written("token_file") {
			r.wrong(r.at("pagerduty."+name), "is about what PagerDuty is told, and it cannot be without a routing key").Hint = "name its file as routing_key_file"
		}
	}
	switch {
	case written("services") && !written("token_file"):
		r.wrong(r.at("pagerduty.services"), "cannot be watched without a token").Hint = "name its file as token_file"
	case written("watch_incidents_for") && !written("services"):
		r.wrong(r.at("pagerduty.watch_incidents_for"), "is of no service").Hint = `name those whose incidents are to be noted: services = ["PIJ90N7"]`
	}
	for i := range c.Health {
		r.checkPagerDutyGate(&c.Health[i], *p, written("token_file"))
	}
	r.checkPagerDutyGate(&c.OnCall, *p, written("token_file"))
}

func (r *reading) checkPagerDutyGate(g *Gate, account PagerDuty, token bool) {
	if g.Type != PagerDutyGate {
		return
	}
	g.PagerDuty.Account = account
	written := r.root.find(g.Key).under
	if !token {
		r.wrong(r.at(g.Key+".type"), "asks PagerDuty, and there is no token for that").Hint = "write a [pagerduty] with a token_file"
	}
	if g.Kind != engine.OnCall {
		return
	}
	if written["schedules"] == nil && written["escalation_policies"] == nil {
		r.wrong(r.at(g.Key+".type"), "names nobody who could be missing").Hint = "name schedules or escalation_policies by their ids"
	}
	if written["levels"] != nil && written["escalation_policies"] == nil {
		r.wrong(r.at(g.Key+".levels"), "are of no policy").Hint = "name escalation_policies by their ids"
	}
}
