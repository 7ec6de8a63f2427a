package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/gameday"
)

func loadDay(conf string) (*GameDay, error) { return LoadGameDay("plan.toml", memory(conf, nil)) }

func TestTheExampleOfAGameDayIsAPlan(t *testing.T) {
	g, err := loadDay(ExampleGameDay)
	if err != nil {
		t.Fatal(err)
	}
	want := []gameday.Step{
		{Name: "one busy web host", Attack: "cpu", Hosts: []string{"web-001"}, For: 2 * time.Minute, Params: map[string]string{"load": "80"},
			Expect: gameday.Expect{Gate: "error-rate"}, Hypothesis: "the balancer moves work away from a busy host, and nobody notices"},
		{Name: "a fifth of the web tier is slow", Attack: "latency", Within: []engine.Selector{{"group:web"}}, Percent: 20, For: 2 * time.Minute, Together: true,
			Params: map[string]string{"delay": "200ms"}, Hypothesis: "requests are slower, none fails", Expect: gameday.Expect{Gate: "error-rate"},
			Wait: gameday.Wait{Kind: gameday.AfterBefore, After: 10 * time.Minute}},
		{Name: "a database is out of reach", Attack: "blackhole", Within: []engine.Selector{{"group:db"}}, Count: 1, For: time.Minute,
			Hypothesis: "the error rate rises within half a minute, and somebody is paged", Expect: gameday.Expect{Gate: "error-rate", Turns: true},
			Wait: gameday.Wait{Kind: gameday.AtTime, Minute: 15 * 60}},
	}
	got, err := gameday.NewPlan(gameday.Plan{Name: g.Name, Steps: g.Steps})
	if err != nil {
		t.Fatal(err)
	}
	if wanted, err := gameday.NewPlan(gameday.Plan{Name: "checkout survives a slow afternoon", Steps: want}); err != nil || got.Digest != wanted.Digest {
		t.Errorf("got %+v", g.Steps)
	}
}

func TestGroupsTagsAndZonesMeanWhatTheyMeanInAnOrder(t *testing.T) {
	g, err := loadDay("[[step]]\nattack = \"cpu\"\nhypothesis = \"x\"\ngroup = [\"web\", \"role=api\", \"!group:old\"]\ntag = [\"tier=gold\", \"tier=silver\"]\nzone = [\"a\", \"b\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Selector{{"group:web", "tag:role=api", "!group:old"}, {"tag:tier=gold", "tag:tier=silver"}, {"tag:zone=a", "tag:zone=b"}}
	if got := g.Steps[0].Within; !slices.EqualFunc(got, want, func(a, b engine.Selector) bool { return slices.Equal(a, b) }) {
		t.Errorf("got %v", got)
	}
}

func TestEveryMistakeOfAGameDayIsToldAtItsPlace(t *testing.T) {
	const step = "[[step]]\nattack = \"cpu\"\nhypothesis = \"x\"\n"
	for conf, want := range map[string]string{
		"":                                         "plan.toml:1: the file is empty; chaoscat gameday --example prints one",
		"name = \"a [b]\"\n" + step:                `plan.toml:1: name: "a [b]" is not a name: at most 64 characters, without [ and ]`,
		"name = \"a\"\n":                           "plan.toml:1: step: missing; write a [[step]] with an attack and a hypothesis; chaoscat gameday --example shows some",
		step + "wait = 5\n":                        `plan.toml:4: step.wait: is the whole number 5; it must be a wait in quotes; write "approval", a time after the step before ("5m"), or a time of day ("14:30")`,
		step + "wait = \"25:00\"\n":                `plan.toml:4: step.wait: "25:00" is a time of day that does not exist; write "approval", a time after the step before ("5m"), or a time of day ("14:30")`,
		step + "wait = \"5\"\n":                    `plan.toml:4: step.wait: "5" has no unit; write "5s" or "5m" (units: ms, s, m, h)`,
		step + "wait = \"-5m\"\n":                  `plan.toml:4: step.wait: "-5m" is not a wait of 0s to 24h`,
		step + "wait = \"lunch\"\n":                `plan.toml:4: step.wait: "lunch" is not something to wait for; write "approval", a time after the step before ("5m"), or a time of day ("14:30")`,
		step + "tag = [\"gold\"]\n":                `plan.toml:4: step.tag: "gold" is not a tag with its value; write it NAME=VALUE`,
		step + "hosts = [\"a\", \"a\"]\n":          `plan.toml:4: step.hosts: "a" is named twice`,
		step + "group = [\"web[\"]\n":              `plan.toml:4: step.group: selector "group:web[": the pattern has an unclosed bracket`,
		step + "zone = [\"eu[\"]\n":                `plan.toml:4: step.zone: selector "tag:zone=eu[": the pattern has an unclosed bracket`,
		step + "hosts = [\"a\"]\ncount=1\n":        "plan.toml:4: step.hosts: names the hosts, and group, tag, zone, count and percent draw them; say one or the other",
		step + "expect = \"clear\"\n":              `plan.toml:4: step.expect: is of a gate, and none is named; add gate = "NAME"; chaoscat gates lists them`,
		step + "gate = \"x\"\nexpect = \"turn\"\n": `plan.toml:5: step.expect: "turn" is not known; did you mean "turns"?`,
		step + "hypotesis = \"x\"\n":               `plan.toml:4: step.hypotesis: unknown key; did you mean "hypothesis"?`,
		step + "[timezone]\n":                      `plan.toml:4: timezone: unknown key`,
	} {
		if _, err := loadDay(conf); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func FuzzAGameDayNeverPanicsAndPointsIntoTheFile(f *testing.F) {
	f.Add(ExampleGameDay)
	f.Add("step = 1")
	f.Add("[[step]]\nwait = \"24:00\"\nhosts = []\ngroup = [\"\"]\ncount = 0")
	f.Add("step = [[]]\nname = \"\\u001b[2J\"")
	f.Fuzz(func(t *testing.T, conf string) {
		g, err := loadDay(conf)
		if err == nil {
			if _, err := gameday.NewPlan(gameday.Plan{Name: g.Name, Steps: g.Steps}); err != nil {
				t.Fatalf("is read and is no plan: %v", err)
			}
			for i := range g.Steps {
				if m := g.Wrong(i, "params.x", "y"); m.Line < 1 || m.Line > strings.Count(conf, "\n")+1 {
					t.Fatalf("out of place: %+v", m)
				}
			}
			return
		}
		wrong, ok := errors.AsType[*Mistakes](err)
		if !ok || len(wrong.List) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		for _, m := range wrong.List {
			if m.Line < 1 || m.Line > strings.Count(conf, "\n")+1 || m.Message == "" {
				t.Fatalf("out of place: %+v", m)
			}
			if strings.ContainsFunc(m.Error(), func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Fatalf("a control character: %q", m.Error())
			}
		}
	})
}
