package config

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// fullPagerDuty is the table of testdata/full.toml.
func fullPagerDuty() PagerDuty {
	return PagerDuty{
		KeyFile: "/etc/chaoscat/pd.key", TokenFile: "/etc/chaoscat/pd.token", CAFile: "/etc/chaoscat/ca.pem",
		API: "https://api.eu.pagerduty.com", Events: "https://events.eu.pagerduty.com", Link: "https://wiki.example.com/chaoscat",
		Services: []string{"PIJ90N7", "PCHECK1"}, WatchFor: time.Hour,
	}
}

func TestAllThatIsWrongWithPagerDutyIsReportedAtOnce(t *testing.T) {
	files := map[string]Stat{"/open": {Mode: 0o644}, "/s": {Mode: 0o600}, "/none": {Mode: gone}}
	for name, c := range map[string]struct {
		conf string
		want []string
	}{
		"each key": {small + `[pagerduty]
routing_key_file = "/open"
change_events = "yes"
link = "wiki"
services = ["checkout", "PIJ90N7"]
watch_incidents_for = "30d"
api_url = "api.pagerduty.com"
routing_key = "e93facc04764012d7bfb002500d5d1a6"
`, []string{
			`chaoscat.toml:15: pagerduty.routing_key_file: /open is a secret that others can read (mode 0644); chmod 600 /open`,
			`chaoscat.toml:16: pagerduty.change_events: is the string "yes"; it must be true or false, without quotes`,
			`chaoscat.toml:17: pagerduty.link: "wiki" is no link; write it like "https://wiki.example.com/chaoscat"`,
			`chaoscat.toml:18: pagerduty.services: "checkout" is not an id of PagerDuty's: the last part of the address of its page, such as PIJ90N7`,
			`chaoscat.toml:18: pagerduty.services: cannot be watched without a token; name its file as token_file`,
			`chaoscat.toml:19: pagerduty.watch_incidents_for: "30d" has a unit that is not known; write "720h" (units: ms, s, m, h)`,
			`chaoscat.toml:20: pagerduty.api_url: "api.pagerduty.com" is not a URL; write it like "https://status.example.com/health"`,
			`chaoscat.toml:21: pagerduty.routing_key: unknown key; secrets are never written here; put it into a file: routing_key_file = "..."`,
		}},
		"nothing in it": {small + "[pagerduty]\nalerts = true\n", []string{
			`chaoscat.toml:14: pagerduty: names no routing key and no token: PagerDuty could be told and asked nothing; name their files: routing_key_file, token_file`,
		}},
		"what does not go together": {small + "[pagerduty]\ntoken_file = \"/s\"\nalerts = true\nwatch_incidents_for = \"1h\"\n", []string{
			`chaoscat.toml:16: pagerduty.alerts: is about what PagerDuty is told, and it cannot be without a routing key; name its file as routing_key_file`,
			`chaoscat.toml:17: pagerduty.watch_incidents_for: is of no service; name those whose incidents are to be noted: services = ["PIJ90N7"]`,
		}},
		"gates without an account": {with("type = \"http\"\nurl = \"https://status.example.com/\"", "type = \"pagerduty\"\nlevels = [1]"), []string{
			`chaoscat.toml:9: health.type: asks PagerDuty, and there is no token for that; write a [pagerduty] with a token_file`,
			`chaoscat.toml:10: health.levels: unknown key; there is oncall.levels`,
		}},
		"on call": {with("[oncall]\ntype = \"command\"\ncommand = [\"true\"]", "[oncall]\ntype = \"pagerduty\"\nlevels = [0, 1]\nteams = [\"PQ9K7I8\"]\n[pagerduty]\ntoken_file = \"/s\""), []string{
			`chaoscat.toml:12: oncall.type: names nobody who could be missing; name schedules or escalation_policies by their ids`,
			`chaoscat.toml:13: oncall.levels: are of no policy; name escalation_policies by their ids`,
			`chaoscat.toml:13: oncall.levels: is 0; it must be from 1 to 20`,
			`chaoscat.toml:14: oncall.teams: unknown key; there is health.teams`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("chaoscat.toml", memory(c.conf, files))
			if err == nil {
				t.Fatal("it loads")
			}
			got := strings.Split(err.Error(), "\n")
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s\n got\n%s\nwant\n%s", c.conf, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestGatesAskTheAccountOfTheConfiguration(t *testing.T) {
	conf := with("[oncall]\ntype = \"command\"\ncommand = [\"true\"]",
		"[oncall]\ntype = \"pagerduty\"\nescalation_policies = [\"PT20YPA\"]\nlevels = [1, 2]\nnot_in_incident = true\n[pagerduty]\ntoken_file = \"/s\"")
	c, err := Load("chaoscat.toml", memory(conf, map[string]Stat{"/s": {Mode: fs.FileMode(0o600)}}))
	if err != nil {
		t.Fatal(err)
	}
	q := c.OnCall.PagerDuty
	if q.Account.TokenFile != "/s" || q.Account.API != "https://api.pagerduty.com" || !q.Free || !slices.Equal(q.Levels, []int{1, 2}) || !slices.Equal(q.Policies, []string{"PT20YPA"}) {
		t.Errorf("%+v", q)
	}
	if p := c.PagerDuty; !p.Alerts || !p.Changes || p.WatchFor != 30*time.Minute || p.KeyFile != "" {
		t.Errorf("%+v", p)
	}
}
