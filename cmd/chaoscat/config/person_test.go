package config

import (
	"slices"
	"strings"
	"testing"
)

func TestAPersonIsCalledByTheirNameWhereNothingElseIsWritten(t *testing.T) {
	c, err := load(small + `
[[person]]
name = "ada"
slack = "U0123ABCD"
[[person]]
name = "Bob Q."
unix = "bob"
ssh = ["bob", "bob@laptop"]
[[team]]
name = "sre"
members = ["ada", "Bob Q.", "carol"]
role = "operator"
attacks = ["cpu"]
[[team]]
name = "watchers"
slack_groups = ["S0123ABCD", "S0123ABCE"]
role = "viewer"
`)
	if err != nil {
		t.Fatal(err)
	}
	ada, bob := c.Persons[0], c.Persons[1]
	if !slices.Equal(ada.Unix, []string{"ada"}) || !slices.Equal(ada.SSH, []string{"ada"}) || ada.Slack != "U0123ABCD" {
		t.Errorf("ada is %+v", ada)
	}
	if !slices.Equal(bob.Unix, []string{"bob"}) || !slices.Equal(bob.SSH, []string{"bob", "bob@laptop"}) || bob.Slack != "" {
		t.Errorf("bob is %+v", bob)
	}
	if len(c.Teams[1].Members) != 0 || len(c.Teams[1].SlackGroups) != 2 || !slices.Equal(c.Teams[0].Attacks, []string{"cpu"}) {
		t.Errorf("teams %+v", c.Teams)
	}
}

// Two people whom a door cannot tell apart would approve for each other; one under two names would approve alone.
func TestEveryMistakeAboutPeopleIsReportedAtOnce(t *testing.T) {
	got := mistakes(t, small+`
[[person]]
name = "ada"
unix = ["alovelace", "root"]
slack = "ada"
[[person]]
name = "bob"
unix = "alovelace"
ssh = []
[[person]]
name = "alovelace"
ssh = ["carol", "carol"]
slack = "U0123ABCD"
[[person]]
name = "dan"
slack = "U0123ABCD"
[[person]]
name = "dan"
[[person]]
unix = "a b"
[[team]]
name = "sre"
members = ["ada", "carol", "eve"]
slack_groups = ["#sre", "S0123ABCD", "S0123ABCD"]
role = "operator"
attacks = ["cpu", "cpu"]
[[team]]
name = "none"
role = "stopper"
attacks = ["cpu"]
[[team]]
name = "slack ids"
members = ["U0123ABCD"]
role = "admin"
`)
	want := []string{
		`chaoscat.toml:17: person.unix: "root" is whoever may become root, and nobody in particular`,
		`chaoscat.toml:18: person.slack: "ada" is not the id of a Slack user, such as U0123ABCD`,
		`chaoscat.toml:22: person.ssh: the list is empty; leave the key out, or name what they are called`,
		`chaoscat.toml:24: person.name: "alovelace" is already what bob is called (unix); that is on line 21; say unix = "..." for this one`,
		`chaoscat.toml:29: person.slack: "U0123ABCD" is already what alovelace is called (slack); that is on line 26; say slack = "..." for this one`,
		`chaoscat.toml:31: person.name: "dan" is there twice; it is first on line 28`,
		`chaoscat.toml:32: person.name: missing; what the record and every door call them; unique`,
		`chaoscat.toml:33: person.unix: "a b" is not a user name`,
		`chaoscat.toml:36: team.members: "carol" is what alovelace is called (ssh); write "alovelace"`,
		`chaoscat.toml:37: team.slack_groups: "#sre" is not the id of a Slack user group, such as S0123ABCD`,
		`chaoscat.toml:39: team.attacks: "cpu" is there twice`,
		`chaoscat.toml:40: team: has nobody in it; name people as members, or user groups as slack_groups`,
		`chaoscat.toml:43: team.attacks: is for a team of operators, and the role of this one is stopper; remove attacks, or say role = "operator"`,
		`chaoscat.toml:46: team.members: "U0123ABCD" is what alovelace is called (slack); write "alovelace"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAUserOfTwoPeopleIsAMistakeWhetherWrittenOrNot(t *testing.T) {
	got := mistakes(t, small+`
[[person]]
name = "ada"
unix = "shared"
[[person]]
name = "bob"
unix = "shared"
[[person]]
name = "shared"
`)
	want := []string{
		`chaoscat.toml:20: person.unix: "shared" is already what ada is called (unix); that is on line 17; say unix = "..." for this one`,
		`chaoscat.toml:22: person.name: "shared" is already what ada is called (unix); that is on line 17; say unix = "..." for this one`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestHowManyMustWantAnAttackIsANumberOfPeople(t *testing.T) {
	for text, want := range map[string]string{
		"0": `chaoscat.toml:8: attack.approval: is 0; it must be from 1 to 10`, "11": `chaoscat.toml:8: attack.approval: is 11; it must be from 1 to 10`,
		`"two"`: `chaoscat.toml:8: attack.approval: is the string "two"; it must be a whole number, without quotes`,
	} {
		if got := mistakes(t, with(attackLine, attackLine+"approval = "+text+"\n")); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
