package config

import (
	"fmt"
	"regexp"
)

// Person is somebody who comes in by several doors, with what each door calls them. No two people share any of it.
type Person struct {
	Name  string
	Unix  []string // users of this machine; at least one
	SSH   []string // names in the people file, or principals; at least one
	Slack string   // the id of a user; "" is none
	Key   string   // person[0], for [Config.At]
}

var (
	unixUser   = regexp.MustCompile(`^[^\s:/]{1,64}$`)
	slackUser  = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	slackGroup = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
)

func blankPerson(i int) Person { return Person{Key: fmt.Sprintf("person[%d]", i)} }

func personKeys(p *Person) []key {
	return []key{
		entry("name", text(&p.Name, empty, longerThan(64)), "what the record and every door call them; unique").required(),
		entry("unix", someTexts(&p.Unix, "users of this machine", mustMatch(unixUser, "a user name"), root), "their user here, or several, at the socket; otherwise the name"),
		entry("ssh", someTexts(&p.SSH, "what they are called", empty, longerThan(64)), "their name in control.ssh_people or in certificates, or several; otherwise the name"),
		entry("slack", text(&p.Slack, mustMatch(slackUser, "the id of a Slack user, such as U0123ABCD")), "the id of their Slack user: Copy member ID, in their profile"),
	}
}

// root refuses the one user who is nobody in particular.
func root(s string) string {
	if s == "root" {
		return "is whoever may become root, and nobody in particular"
	}
	return ""
}

// badge is what a door calls somebody.
type badge struct{ door, name string }

// badges are everybody's, each with where it stands: person[0].unix, or person[0].name where it follows from the name.
type badges map[badge]struct{ person, key string }

// checkPersons fills in what people are called where nothing is written, and refuses two whom a door could not tell
// apart.
func (r *reading) checkPersons(c *Config) {
	first, all := map[string]string{}, badges{}
	for i := range c.Persons {
		p := &c.Persons[i]
		if r.root.find(p.Key).under["name"] == nil {
			continue // said already
		}
		if key, twice := first[p.Name]; twice {
			r.wrong(r.at(p.Key+".name"), "%q is there twice", p.Name).Hint = fmt.Sprintf("it is first on line %d", r.root.find(key).line)
			continue
		}
		first[p.Name] = p.Key + ".name"
		for _, name := range p.Unix {
			r.wears(all, p, badge{"unix", name}, "unix")
		}
		for _, name := range p.SSH {
			r.wears(all, p, badge{"ssh", name}, "ssh")
		}
		if p.Slack != "" {
			r.wears(all, p, badge{"slack", p.Slack}, "slack")
		}
	}
	for i := range c.Persons { // what is written goes before what follows from a name
		p := &c.Persons[i]
		if len(p.Unix) == 0 {
			p.Unix = []string{p.Name}
			r.wears(all, p, badge{"unix", p.Name}, "name")
		}
		if len(p.SSH) == 0 {
			p.SSH = []string{p.Name}
			r.wears(all, p, badge{"ssh", p.Name}, "name")
		}
	}
	for _, t := range c.Teams {
		r.checkMembers(t, first, all)
	}
}

// wears gives somebody a badge, which nobody else may have.
func (r *reading) wears(all badges, p *Person, b badge, key string) {
	if other, taken := all[b]; taken && other.person != p.Name {
		r.wrong(r.at(p.Key+"."+key), "%s is already what %s is called (%s)", show(b.name), other.person, b.door).Hint =
			fmt.Sprintf("that is on line %d; say %s = \"...\" for this one", r.root.find(other.key).line, b.door)
		return
	}
	all[b] = struct{ person, key string }{p.Name, p.Key + "." + key}
}

// checkMembers refuses a member who is written down under another name: whose rights these are is not guessed.
func (r *reading) checkMembers(t Team, persons map[string]string, all badges) {
	for i, member := range t.Members {
		if persons[member] != "" {
			continue
		}
		for _, door := range []string{"unix", "ssh", "slack"} {
			if other, taken := all[badge{door, member}]; taken {
				r.wrong(r.at(fmt.Sprintf("%s.members[%d]", t.Key, i)), "%s is what %s is called (%s)", show(member), other.person, door).Hint = fmt.Sprintf("write %q", other.person)
				break
			}
		}
	}
}

// people takes how many must want something. One is whoever orders it.
func people(into *int) value {
	v := whole(into, 1, 10)
	v.std = "1"
	return v
}
