package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/inventory"
)

func example(t *testing.T) string {
	t.Helper()
	conf, err := os.ReadFile("../../../chaoscat.toml.example")
	if err != nil {
		t.Fatal(err)
	}
	return string(conf)
}

func TestTheExampleLoadsAndInjectsNothing(t *testing.T) {
	c, err := load(example(t))
	if err != nil {
		t.Fatal(err)
	}
	if !c.DryRun {
		t.Error("the example would attack")
	}
}

// The example and the first configuration must also please those who judge what this package only reads.
func TestTheExampleAndTheFirstConfigurationPassTheCatalogueAndTheInventory(t *testing.T) {
	for name, conf := range map[string]string{"example": example(t), "starter": Starter(StarterOptions{})} {
		c, err := load(conf)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range c.Attacks {
			def, found := attacks.Find(a.Kind)
			if !found {
				t.Errorf("%s: the catalogue has no %s", name, a.Kind)
				continue
			}
			if _, err := attacks.Check(def, a.Params); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		options := inventory.Options{Exclude: c.Hosts.Exclude, AllowLoopback: c.Hosts.AllowLoopback, DefaultPort: c.SSH.Port}
		found, err := inventory.New(options, c.Inventories[0].Source).Load(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, a := range c.Attacks {
			if err := inventory.CheckSelector(a.Hosts, found.Roster.Hosts()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What is only shown in the example must be right too: people remove the "#" and nothing else.
func TestEveryLineThatTheExampleShowsLoads(t *testing.T) {
	shown := regexp.MustCompile(`(?m)^#([a-z\[])`)
	conf := example(t)
	if n := len(shown.FindAllString(conf, -1)); n < 20 {
		t.Fatalf("only %d lines are shown", n)
	}
	c, err := load(shown.ReplaceAllString(conf, "$1"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Attacks[3].Custom == nil || c.Health[0].Web.TokenFile == "" || c.StateDir == "" {
		t.Errorf("the shown lines set nothing: %+v", c)
	}
}

func TestEveryKeyIsInTheExample(t *testing.T) { checkDocumented(t, example(t)) }

// checkDocumented wants every key of the schema in the section of the file that it belongs to.
func checkDocumented(t *testing.T, conf string) {
	t.Helper()
	sections, at := map[string]string{}, ""
	header := regexp.MustCompile(`^#?\[\[?([a-z_.]+)\]\]?`)
	remarks := ""
	for line := range strings.Lines(conf) {
		if m := header.FindStringSubmatch(line); m != nil {
			at = m[1]
			sections[at] += remarks // those right before a header belong to it
		}
		if remarks += line; !strings.HasPrefix(line, "#") {
			remarks = ""
		}
		sections[at] += line
	}
	for _, k := range Keys() {
		table, name := "", k.Name
		if i := strings.LastIndex(k.Name, "."); i >= 0 {
			table, name = k.Name[:i], k.Name[i+1:]
		}
		if table == "inventory.hosts" { // written inline
			table = "inventory"
		}
		if table == "oncall.calendar" { // written inline, too
			table = "oncall"
		}
		word := regexp.MustCompile(`(?m)(^|[^a-z_.-])` + regexp.QuoteMeta(name) + `($|[^a-z_-])`)
		if sections[k.Name] == "" && !word.MatchString(sections[table]) {
			t.Errorf("%s is nowhere in [%s]", k.Name, table)
		}
		if k.Help == "" || k.Kind == "" {
			t.Errorf("%s has no help", k.Name)
		}
	}
}

// The remark of a key ends in what the schema takes for its default, where the example does not set it.
func TestTheDefaultsOfTheExampleAreTheDefaults(t *testing.T) {
	conf := example(t)
	differ := map[string]bool{ // set to something else on purpose, and said so beside it
		"name": true, "hours": true, "max_per_day": true, "max_per_group": true, "leave_per_group": true, "sudo": true,
		"reason": true, "weight": true, "level": false,
	}
	for _, k := range Keys() {
		name := k.Name[strings.LastIndex(k.Name, ".")+1:]
		if k.Default == "" || differ[name] || len(k.Types) > 0 || name == "known_hosts" || strings.HasPrefix(k.Name, "oncall.") || strings.HasPrefix(k.Name, "inventory.hosts") || k.Name == "health.name" {
			continue
		}
		line := regexp.MustCompile(`(?m)^#?` + regexp.QuoteMeta(name+" = "+k.Default) + `(\s|$)`)
		if !line.MatchString(conf) {
			t.Errorf("%s = %s is not in the example", k.Name, k.Default)
		}
	}
}
