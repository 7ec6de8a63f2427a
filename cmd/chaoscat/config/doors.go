package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/chaoscat/chaoscat/engine"
)

// Control is the doors for the other commands and for people elsewhere.
type Control struct {
	Socket    string // "" lets the caller choose
	SSHListen string // address and port; "" opens no door
	SSHPeople string // the file of who is let in; always there where SSHListen is
}

// Team is people with what they may do. Who is in several may do what any of them may.
type Team struct {
	Name        string
	Members     []string // names of persons, or of nobody who is written down: then they are called so at the socket and over SSH
	SlackGroups []string // ids of user groups whose members belong to it; Members or these are there
	Role        engine.Role
	Hosts       engine.Selector // of operators: they order attacks on these only; nil is all
	Attacks     []string        // of operators: they order these only; nil is all
	Key         string          // team[0], for [Config.At]

	role string
}

func controlKeys(c *Control) []key {
	return []key{
		entry("socket", socket(&c.Socket), "the Unix socket that the other commands talk to"),
		entry("ssh_listen", text(&c.SSHListen, badListen), "address and port at which console and commands are served over SSH"),
		entry("ssh_people", authorized(&c.SSHPeople), "public keys of who is let in there, as in authorized_keys; the comment is the name"),
	}
}

// roles are the words for what a team may do.
var roles = []string{engine.Viewer.String(), engine.Stopper.String(), engine.Operator.String(), engine.Admin.String()}

func blankTeam(i int) Team { return Team{Key: fmt.Sprintf("team[%d]", i)} }

func teamKeys(t *Team) []key {
	return []key{
		entry("name", text(&t.Name, empty, longerThan(64)), "unique in this file").required(),
		entry("members", texts(&t.Members, "people", empty, longerThan(64)), "names of [[person]]s, or what people are called both at the socket and over SSH"),
		entry("slack_groups", texts(&t.SlackGroups, "user groups", mustMatch(slackGroup, "the id of a Slack user group, such as S0123ABCD")), "ids of Slack user groups whose members belong to the team"),
		entry("role", oneOf(&t.role, roles...), `"viewer", "stopper", "operator" or "admin": may look; stop; order attacks; do everything. Whoever is let in may stop`).required(),
		entry("hosts", selector(&t.Hosts), "of operators: the hosts that they order attacks on; otherwise all"),
		entry("attacks", texts(&t.Attacks, "attacks of this file", empty), "of operators: the attacks that they order, by the names of this file; otherwise all"),
	}
}

// badListen complains about an address to listen at.
func badListen(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return `is no address to listen at; write it like "0.0.0.0:2222", ":2222" or "[::1]:2222"`
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "has the port " + show(port) + ", which is not from 1 to 65535"
	}
	if host != "" && net.ParseIP(host) == nil {
		return "listens at " + show(host) + ", which is no IP address of this machine"
	}
	return ""
}

// authorized takes the path of a file that says who may give orders.
func authorized(into *string) value {
	return value{kind: "a path", take: func(r *reading, at spot, v any) {
		file(into, r.files.trusted).take(r, at, v)
	}}
}

// trusted wants a file that only this user, or root, can change: who writes it decides who may give orders.
func (f Files) trusted(s Stat) (why, hint string) {
	if why, hint = readable(s); why != "" {
		return why, hint
	}
	switch {
	case s.Mode.Perm()&0o022 != 0:
		return fmt.Sprintf("can be written by others (mode %04o), and it decides who may give orders", s.Mode.Perm()), "chmod go-w"
	case s.Owner != 0 && s.Owner != f.UID:
		return fmt.Sprintf("belongs to another user (uid %d), and it decides who may give orders", s.Owner), fmt.Sprintf("chown %d", f.UID)
	}
	return "", ""
}

// ReadPeople is what is in the file of people now, if it may still be trusted.
func ReadPeople(path string, files Files) ([]byte, error) {
	data, stat, err := files.Read(path)
	if err != nil {
		return nil, err
	}
	if why, _ := files.trusted(stat); why != "" {
		return nil, fmt.Errorf("%s %s", path, why)
	}
	if len(data) > MaxSize {
		return nil, errors.New(path + " is larger than 1 MiB")
	}
	return data, nil
}

// checkDoors reports what is wrong between doors and teams.
func (r *reading) checkDoors(c *Config) {
	written := func(name string) bool { return r.root.find("control").under[name] != nil }
	if c.Control.SSHListen != "" && !written("ssh_people") {
		r.wrong(r.at("control.ssh_listen"), "opens a door through which nobody could come").Hint = `name a file with the public keys of who may: ssh_people = "people"`
	}
	r.checkTeams(c.Teams)
	r.checkPersons(c)
}

func (r *reading) checkTeams(teams []Team) {
	seen := map[string]string{}
	for i := range teams {
		t := &teams[i]
		t.Role = engine.Role(slices.Index(roles, t.role) + 1) // the zero role, nobody, for a word that is none
		if first, twice := seen[t.Name]; twice && t.Name != "" {
			r.wrong(r.at(t.Key+".name"), "%q is there twice", t.Name).Hint = fmt.Sprintf("it is first on line %d", r.root.find(first).line)
		}
		seen[t.Name] = t.Key + ".name"
		written := r.root.find(t.Key).under
		if written["members"] == nil && written["slack_groups"] == nil {
			r.wrong(r.at(t.Key), "has nobody in it").Hint = "name people as members, or user groups as slack_groups"
		}
		for _, limit := range []string{"hosts", "attacks"} {
			if written[limit] != nil && t.Role != engine.Operator && t.Role != engine.Nobody {
				r.wrong(r.at(t.Key+"."+limit), "is for a team of operators, and the role of this one is %s", t.Role).Hint = "remove " + limit + `, or say role = "operator"`
			}
		}
		r.twice(t.Key+".members", t.Members)
		r.twice(t.Key+".slack_groups", t.SlackGroups)
		r.twice(t.Key+".attacks", t.Attacks)
	}
}

// twice reports what a list has twice.
func (r *reading) twice(key string, list []string) {
	for i, item := range list {
		if slices.Contains(list[:i], item) {
			r.wrong(r.at(fmt.Sprintf("%s[%d]", key, i)), "%s is there twice", show(item))
		}
	}
}
