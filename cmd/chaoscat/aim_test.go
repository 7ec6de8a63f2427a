package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func TestWhomAnOrderIsToHitIsSaidInTheEnginesWords(t *testing.T) {
	for _, row := range []struct {
		why  string
		aim  aim
		want engine.Order
	}{
		{"nothing said: one host, drawn", aim{}, engine.Order{}},
		{"one name, as it has always been said", aim{hosts: []string{"web-1"}}, engine.Order{Host: "web-1"}},
		{"several names", aim{hosts: []string{"web-1", "web-2"}}, engine.Order{Hosts: []string{"web-1", "web-2"}}},
		{"of any of the groups", aim{groups: []string{"web", "api"}, count: 3}, engine.Order{Within: []engine.Selector{{"group:web", "group:api"}}, Count: 3}},
		{"a role is a tag that people write as a group", aim{groups: []string{"role=web"}, percent: 20}, engine.Order{Within: []engine.Selector{{"tag:role=web"}}, Percent: 20}},
		{"as the configuration writes it", aim{groups: []string{"group:web", "tag:role=db", "!web-old", "!role=x"}}, engine.Order{Within: []engine.Selector{{"group:web", "tag:role=db", "!group:web-old", "!tag:role=x"}}}},
		{"one of the values of each tag", aim{tags: []string{"zone=a", "tier=gold", "zone=b"}}, engine.Order{Within: []engine.Selector{{"tag:zone=a", "tag:zone=b"}, {"tag:tier=gold"}}}},
		{"a zone is a tag", aim{groups: []string{"web"}, tags: []string{"zone=a"}, zones: []string{"b"}}, engine.Order{Within: []engine.Selector{{"group:web"}, {"tag:zone=a", "tag:zone=b"}}}},
		{"all or nothing, beyond the limits", aim{hosts: []string{"a", "b"}, onFailure: allOrNothing, force: true}, engine.Order{Hosts: []string{"a", "b"}, Together: true, Force: true}},
	} {
		if row.aim.onFailure == "" {
			row.aim.onFailure = carryOn
		}
		var o engine.Order
		given := func(flag string) bool {
			return flag == "count" && row.aim.count != 0 || flag == "percent" && row.aim.percent != 0
		}
		if err := row.aim.order(&o, given); err != nil || !reflect.DeepEqual(o, row.want) {
			t.Errorf("%s: %+v, want %+v (%v)", row.why, o, row.want, err)
		}
	}
}

func TestWrongNamesAreAllToldAtOnceWithTheNearest(t *testing.T) {
	s := engine.Snapshot{
		Roster: engine.NewRoster([]engine.Host{
			{Name: "web-1", Groups: []string{"web"}, Tags: map[string]string{"zone": "a"}},
			{Name: "db-1", Groups: []string{"db"}, Tags: map[string]string{"zone": "b"}},
		}),
		Attacks: []engine.Attack{{Name: "cpu"}, {Name: "slow"}},
	}
	for _, row := range []struct {
		o    engine.Order
		want []string
	}{
		{engine.Order{Attack: "slwo", Hosts: []string{"web-1", "wbe-1", "db-11"}}, []string{`called "slwo"; did you mean "slow"?`, `called "wbe-1"; did you mean "web-1"?`, `called "db-11"; did you mean "db-1"?`}},
		{engine.Order{Attack: "latency"}, []string{`it is in the catalogue, so add an [[attack]] with name = "latency"`}},
		{engine.Order{Within: []engine.Selector{{"group:web", "group:dbs"}}}, []string{`"group:dbs" matches no host; did you mean "group:db"?`}}, // one that matches does not excuse the other
		{engine.Order{Within: []engine.Selector{{"group:web"}, {"tag:zone=b"}}}, []string{"no host is in all of group:web, and tag:zone=b"}},
		{engine.Order{Attack: "cpu", Within: []engine.Selector{{"group:web"}, {"tag:zone=a"}}}, nil},
		{engine.Order{}, nil},
	} {
		err := misnamed(s, row.o)
		if (err == nil) != (row.want == nil) || err != nil && codeOf(err) != exitUsage {
			t.Errorf("%+v: %v", row.o, err)
			continue
		}
		for _, want := range row.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nwithout %s", err, want)
			}
		}
	}
}
