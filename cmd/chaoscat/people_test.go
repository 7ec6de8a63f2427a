package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// house rules of a small company: ada is written down with everything, bob with Slack alone, carol is a bare member.
var (
	company = []config.Person{
		{Name: "ada", Unix: []string{"alovelace", "ada-adm"}, SSH: []string{"ada@laptop"}, Slack: "UADA", Key: "person[0]"},
		{Name: "bob", Unix: []string{"bob"}, SSH: []string{"bob"}, Slack: "UBOB", Key: "person[1]"},
	}
	companyTeams = []config.Team{
		{Name: "sre", Members: []string{"ada", "carol"}, SlackGroups: []string{"SSRE"}, Role: engine.Operator, Key: "team[0]"},
		{Name: "heads", SlackGroups: []string{"SHEADS"}, Role: engine.Admin, Key: "team[1]"},
		{Name: "watch", Members: []string{"bob"}, SlackGroups: []string{"SWATCH"}, Role: engine.Viewer, Key: "team[2]"},
	}
)

func TestOneHumanIsOnePersonAtEveryDoorAndNobodyElseIsTakenForThem(t *testing.T) {
	known := newPeople(company, companyTeams)
	for _, row := range []struct {
		at     door
		called string
		groups string
		want   string // name, role, and whether it is a person of the configuration
	}{
		{socketDoor, "alovelace", "", "ada operator named"},
		{socketDoor, "ada-adm", "", "ada operator named"},
		{sshDoor, "ada@laptop", "", "ada operator named"},
		{slackDoor, "UADA", "", "ada operator named"},
		{slackDoor, "UADA", "SHEADS", "ada admin named"},
		// Somebody else who happens to be called so at another door is not her, and is not written into the record as her.
		{socketDoor, "ada", "", "ada (socket) stopper"},
		{sshDoor, "ada", "", "ada (ssh) stopper"},
		{sshDoor, "alovelace", "", "alovelace stopper"},
		{socketDoor, "ada@laptop", "", "ada@laptop stopper"},
		{socketDoor, "UADA", "", "UADA stopper"},
		{slackDoor, "ada", "", "ada (slack) nobody"},
		// A bare member is called so at the socket and over SSH, and nowhere else; and may be anybody's second account.
		{socketDoor, "carol", "", "carol operator"},
		{sshDoor, "carol", "", "carol operator"},
		{slackDoor, "carol", "", "carol (slack) nobody"},
		// A viewer's socket is open to them all the same: who can open it is a stopper at least.
		{socketDoor, "bob", "", "bob stopper named"},
		{sshDoor, "bob", "", "bob viewer named"},
		{slackDoor, "UBOB", "SSRE SWATCH", "bob operator named"},
		// Somebody whom Slack knows by a group alone may what the group may, and is nobody's second person.
		{slackDoor, "UXYZ", "SSRE", "UXYZ (slack) operator"},
		{slackDoor, "UXYZ", "SWATCH SHEADS", "UXYZ (slack) admin"},
		{slackDoor, "UXYZ", "SOTHER", "UXYZ (slack) nobody"},
		{slackDoor, "UXYZ", "", "UXYZ (slack) nobody"},
		{sshDoor, "guest", "", "guest stopper"},
		{socketDoor, "uid 4711", "SHEADS", "uid 4711 stopper"}, // groups are Slack's
		{sshDoor, "guest", "SHEADS", "guest stopper"},
	} {
		p := known.at(row.at, row.called, strings.Fields(row.groups))
		got := p.Name + " " + p.Role.String()
		if p.Named {
			got += " named"
		}
		if got != row.want {
			t.Errorf("%s %q %s: %s, want %s", row.at, row.called, row.groups, got, row.want)
		}
	}
}

func TestWithoutPersonsAndTeamsNobodyMayMoreThanStopAndWriteNotes(t *testing.T) {
	nobody := newPeople(nil, nil)
	for _, at := range []door{socketDoor, sshDoor, slackDoor} {
		p := nobody.at(at, "x", []string{"S1"})
		if want := map[door]engine.Role{socketDoor: engine.Stopper, sshDoor: engine.Stopper}[at]; p.Role != want || p.Named {
			t.Errorf("%s: %+v", at, p)
		}
	}
}

func TestRootAndTheEnginesOwnUserMayDoEverythingAndRootIsNobodyInParticular(t *testing.T) {
	own := thisWorld()
	mine := newPeople(nil, nil).atSocket(own, own.uid).Name
	known := newPeople([]config.Person{{Name: "ada", Unix: []string{mine}, SSH: []string{"ada"}}, {Name: "root", Unix: []string{"root"}, SSH: []string{"root"}}},
		[]config.Team{{Members: []string{"ada", "root"}, Role: engine.Operator, Hosts: engine.Selector{"group:db"}, Attacks: []string{"cpu"}}})
	root := known.atSocket(own, 0)
	if root.Name != "root" || root.Role != engine.Admin || root.Named || len(root.Realm)+len(root.Attacks)+len(root.Grants) > 0 {
		t.Errorf("root is %+v", root)
	}
	other := own
	other.uid = 1 << 30 // a user without a name
	if p := known.atSocket(other, other.uid); p.Role != engine.Admin || p.Named || p.Name != "uid 1073741824" || p.UID != other.uid {
		t.Errorf("the engine's own user is %+v", p)
	}
	if p := known.atSocket(own, 1<<30); p.Role != engine.Stopper {
		t.Errorf("another user is %+v", p)
	}
	if own.uid != 0 {
		if p := known.atSocket(own, own.uid); p.Name != "ada" || p.Role != engine.Admin || !p.Named || len(p.Realm) > 0 {
			t.Errorf("the engine's own user, who is written down, is %+v", p)
		}
	}
}

// Hosts of one team with attacks of another must not add up to what neither has.
func TestWhatSeveralTeamsMayAddsUpOnlyWhereEachAttackIsGrantedOnEachHost(t *testing.T) {
	operators := func(hosts, attacks string) config.Team {
		t := config.Team{Members: []string{"eve"}, Role: engine.Operator, Attacks: strings.Fields(attacks)}
		if hosts != "" {
			t.Hosts = strings.Fields(hosts)
		}
		return t
	}
	for _, row := range []struct {
		teams []config.Team
		want  string
	}{
		{[]config.Team{operators("", "")}, "[] [] []"},
		{[]config.Team{operators("group:db", "cpu")}, "[[group:db]] [cpu] []"},
		{[]config.Team{operators("group:db", ""), operators("web-*", "")}, "[[group:db] [web-*]] [] []"},
		{[]config.Team{operators("group:db", "cpu"), operators("web-*", "cpu")}, "[[group:db] [web-*]] [cpu] []"},
		{[]config.Team{operators("group:db", "cpu"), operators("group:db", "latency")}, "[[group:db]] [cpu latency] []"},
		{[]config.Team{operators("", "cpu"), operators("", "")}, "[] [] []"},
		{[]config.Team{operators("group:db", "cpu"), operators("web-*", "latency")}, "[] [] [{[group:db] [cpu]} {[web-*] [latency]}]"},
		{[]config.Team{operators("group:db", "cpu"), operators("", "latency")}, "[] [] [{[group:db] [cpu]} {[] [latency]}]"},
		{[]config.Team{operators("group:db", "cpu"), operators("web-*", "")}, "[] [] [{[group:db] [cpu]} {[web-*] []}]"},
		{[]config.Team{operators("group:db", "cpu"), {Members: []string{"eve"}, Role: engine.Admin}}, "[] [] []"},
		{[]config.Team{operators("group:db", "cpu"), {Members: []string{"eve"}, Role: engine.Viewer}}, "[[group:db]] [cpu] []"},
	} {
		p := newPeople(nil, row.teams).at(sshDoor, "eve", nil)
		if got := fmt.Sprint(p.Realm, p.Attacks, p.Grants); got != row.want {
			t.Errorf("%+v: %s, want %s", row.teams, got, row.want)
		}
	}
	p := newPeople(nil, []config.Team{operators("group:db", "cpu"), operators("web-*", "latency")}).at(socketDoor, "eve", nil)
	if len(control.Realm(p.Grants)) != 2 {
		t.Errorf("%+v", p)
	}
}
