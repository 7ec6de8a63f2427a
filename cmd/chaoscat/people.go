package main

import (
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/sshdoor"
	"github.com/chaoscat/chaoscat/inventory"
)

// door is where somebody comes in from outside, and decides what they are called there: the name of a Unix user, the
// name in the people file or the certificate, the id of a Slack user.
type door string

const (
	socketDoor door = "socket"
	sshDoor    door = "ssh"
	slackDoor  door = "slack"
)

// people are those whom the configuration knows, by each door's own name for them, and their teams. It says who
// somebody is and what they may do, for every door; it never changes after it is made.
type people struct {
	persons map[door]map[string]string // what they are called there → their name
	written map[string]bool            // the names of [[person]]s
	teams   []config.Team
}

func newPeople(persons []config.Person, teams []config.Team) *people {
	p := &people{teams: teams, written: map[string]bool{}, persons: map[door]map[string]string{socketDoor: {}, sshDoor: {}, slackDoor: {}}}
	for _, one := range persons {
		p.written[one.Name] = true
		p.know(one.Name, socketDoor, one.Unix...)
		p.know(one.Name, sshDoor, one.SSH...)
		if one.Slack != "" {
			p.know(one.Name, slackDoor, one.Slack)
		}
	}
	for _, t := range teams {
		for _, member := range t.Members {
			if !p.written[member] {
				p.know(member, socketDoor, member)
				p.know(member, sshDoor, member)
			}
		}
	}
	return p
}

func (p *people) know(name string, at door, called ...string) {
	for _, c := range called {
		p.persons[at][c] = name
	}
}

// calledOverSSH is what people are called there, sorted.
func (p *people) calledOverSSH() []string { return slices.Sorted(maps.Keys(p.persons[sshDoor])) }

// at is who somebody is that a door calls so, and what they may do: as much as any of their teams. Groups are the user
// groups that Slack has them in. Only a [[person]] is named: two of those are surely two people, while a bare member of
// a team may be a second account of one of them.
func (p *people) at(d door, called string, groups []string) control.Peer {
	name, known := p.persons[d][called]
	if !known {
		name = p.stranger(d, called)
	}
	peer := control.Peer{Name: name, Named: known && p.written[name]}
	var grants []control.Grant
	for _, t := range p.teams {
		if (!known || !slices.Contains(t.Members, name)) && (d != slackDoor || !meet(t.SlackGroups, groups)) {
			continue
		}
		peer.Role = max(peer.Role, t.Role)
		if t.Role == engine.Operator {
			grants = append(grants, control.Grant{Realm: t.Hosts, Attacks: t.Attacks})
		}
	}
	if peer.Role == engine.Operator {
		peer.Realm, peer.Attacks, peer.Grants = joined(grants)
	}
	peer.Role = atLeast(d, known, peer.Role)
	return peer
}

// atLeast is the role of somebody whose teams give them that one. Whoever can open the socket is let in by this machine,
// whatever a team says; whom no team has is let in by the people file, or known by name in Slack. Anybody else can speak
// to us there, and is nobody, who may stop all the same: see engine/chat.
func atLeast(d door, known bool, teams engine.Role) engine.Role {
	switch {
	case d == socketDoor:
		return max(teams, engine.Stopper)
	case teams != engine.Nobody:
		return teams
	case d == sshDoor, known:
		return engine.Stopper
	}
	return engine.Nobody
}

// stranger is what somebody is called whom the configuration does not know: never by the name of a person, nor by what
// could be one at another door.
func (p *people) stranger(d door, called string) string {
	taken := false
	for _, names := range p.persons {
		for _, name := range names {
			taken = taken || name == called
		}
	}
	if d == slackDoor || taken {
		return called + " (" + string(d) + ")"
	}
	return called
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// joined is what several grants add up to: hosts and attacks, where each of the attacks is granted on each of the
// hosts. Otherwise they stay apart: what one team may order must not come to the hosts of another.
func joined(grants []control.Grant) (realm []engine.Selector, attacks []string, apart []control.Grant) {
	same := func(equal func(a, b control.Grant) bool) bool {
		return !slices.ContainsFunc(grants, func(g control.Grant) bool { return !equal(g, grants[0]) })
	}
	attacksAlike := same(func(a, b control.Grant) bool { return slices.Equal(a.Attacks, b.Attacks) })
	realmsAlike := same(func(a, b control.Grant) bool { return slices.Equal(a.Realm, b.Realm) })
	if !attacksAlike && !realmsAlike {
		return nil, nil, grants
	}
	realm = control.Realm(grants)
	if realmsAlike && realm != nil {
		realm = realm[:1]
	}
	return realm, control.Attacks(grants), nil
}

// who are those whom the configuration knows.
func (g *graph) who() *people { return newPeople(g.config.Persons, g.config.Teams) }

// atSocket is who a user of this machine is. Root and the engine's own user may do everything; root is nobody in
// particular.
func (p *people) atSocket(w world, uid int) control.Peer {
	called := "uid " + strconv.Itoa(uid)
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		called = u.Username
	}
	peer := p.at(socketDoor, called, nil)
	if uid == 0 {
		peer.Name, peer.Named = called, false
	}
	if uid == 0 || uid == w.uid {
		peer.Role, peer.Realm, peer.Attacks, peer.Grants = engine.Admin, nil, nil, nil
	}
	peer.UID = uid
	return peer
}

// wrongTeams are hosts of teams that nobody has, and attacks that the plan has not: a typo would quietly take away what
// was to be given.
func (g *graph) wrongTeams() (wrong []config.Mistake) {
	for _, t := range g.config.Teams {
		if err := inventory.CheckSelector(t.Hosts, g.plan.Roster.Hosts()); len(t.Hosts) > 0 && err != nil {
			wrong = append(wrong, g.config.Wrong(t.Key+".hosts", "%v", err))
		}
		for i, name := range t.Attacks {
			if _, known := g.plan.Attack(name); known {
				continue
			}
			m := g.config.Wrong(fmt.Sprintf("%s.attacks[%d]", t.Key, i), "no attack of this file is called %q", name)
			m.Nearest = inventory.Nearest(name, attackNames(g.plan.Attacks))
			wrong = append(wrong, m)
		}
	}
	return wrong
}

func attackNames(attacks []engine.Attack) (names []string) {
	for _, a := range attacks {
		names = append(names, a.Name)
	}
	return names
}

// strangers are members of teams who could come in nowhere, and what persons are said to be called over SSH where
// nobody is: a typo would quietly make a stopper of an operator.
func (g *graph) strangers(people *sshdoor.People) (wrong []config.Mistake) {
	file := g.config.Control.SSHPeople
	known, _ := people.Names()
	say := func(key, name string) {
		m := g.config.Wrong(key, "nobody in %s is called %q", file, name)
		if m.Nearest = inventory.Nearest(name, known); m.Nearest == "" {
			m.Hint = fmt.Sprintf("a certificate may say so where the line of its authority does: cert-authority,principals=%q", name)
		}
		wrong = append(wrong, m)
	}
	persons := map[string]bool{}
	for _, p := range g.config.Persons {
		persons[p.Name] = true
		for _, called := range p.SSH {
			if called != p.Name && !slices.Contains(known, called) {
				say(p.Key+".ssh", called)
			}
		}
	}
	for _, t := range g.config.Teams {
		for i, member := range t.Members {
			if !persons[member] && !slices.Contains(known, member) && !isUser(member) {
				say(fmt.Sprintf("%s.members[%d]", t.Key, i), member)
			}
		}
	}
	return wrong
}

// checkMembers points at members of teams whom nothing here knows, where there is no people file that would have to: a
// typo would quietly take their rights away. They may be users whom this machine learns of later.
func checkMembers(g *graph) (f []finding) {
	if g.config.Control.SSHPeople != "" {
		return nil // see strangers
	}
	persons := slices.Sorted(maps.Keys(g.who().written))
	for _, t := range g.config.Teams {
		for _, member := range t.Members {
			if slices.Contains(persons, member) || isUser(member) {
				continue
			}
			text := member + " is no [[person]], no user of this machine, and not in ssh_people"
			if near := inventory.Nearest(member, persons); near != "" {
				text += "; did you mean " + near + "?"
			}
			f = append(f, finding{schema, "!", "team " + t.Name, text})
		}
	}
	return f
}

// checkApprovals points at attacks that more people must want than could.
func checkApprovals(g *graph) (f []finding) {
	for _, a := range g.plan.Attacks {
		who := g.who().orderers(a.Name)
		if a.Approval > max(1, len(who)) {
			text := fmt.Sprintf("%d people must want it, and %d are written down as [[person]] who could: %s", a.Approval, len(who), strings.Join(who, ", "))
			f = append(f, finding{schema, "!", "attack " + a.Name, strings.TrimSuffix(text, ": ") + "; a name among members alone counts for nobody"})
		}
	}
	return f
}

// orderers are the persons who may order the attack, as members of a team or, where Slack knows them, perhaps by its
// groups.
func (p *people) orderers(attack string) []string {
	all := map[string]bool{}
	for _, t := range p.teams {
		if t.Role < engine.Operator || t.Role == engine.Operator && len(t.Attacks) > 0 && !slices.Contains(t.Attacks, attack) {
			continue
		}
		for _, member := range t.Members {
			if p.written[member] {
				all[member] = true
			}
		}
		if len(t.SlackGroups) > 0 {
			for _, name := range p.persons[slackDoor] {
				all[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// isUser tells whether this machine has a user of that name, who can come in at the socket.
func isUser(name string) bool {
	_, err := user.Lookup(name)
	return err == nil
}
