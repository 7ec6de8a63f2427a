package config

import (
	"fmt"
	"strings"
	"unicode"
)

// StarterOptions is what somebody says who writes a first configuration. What is left empty becomes
// something that loads, attacks nothing, and says what to replace.
type StarterOptions struct {
	Name      string   // otherwise "chaoscat"
	Zone      string   // otherwise "UTC"
	Hours     []string // otherwise 10:00-16:00
	User      string   // SSH user; otherwise the line is left as a comment
	Sudo      bool     // the user is not root
	Hosts     []string // names or addresses; otherwise one of example.com
	Ansible   string   // path of an Ansible inventory, instead of Hosts
	HealthURL string   // otherwise a check that always says no
	OnCall    []string // command; otherwise one that always says no
}

// FillIn gives what is left empty the answer that it stands for, where there is one.
func (o *StarterOptions) FillIn() {
	o.Name, o.Zone, o.Hours = or(o.Name, "chaoscat"), or(o.Zone, "UTC"), orList(o.Hours, "10:00-16:00")
	if o.Ansible == "" {
		o.Hosts = orList(o.Hosts, "web-1.example.com")
	}
}

// Starter is a first configuration: commented, in dry run, with one small attack. With options that are
// right each by itself it loads without a mistake.
func Starter(o StarterOptions) string {
	o.FillIn()
	return fmt.Sprintf(starter,
		quoteTOML(o.Name),
		quoteTOML(o.Zone),
		listTOML(o.Hours),
		starterUser(o),
		starterHosts(o),
		starterHealth(o),
		starterOnCall(o))
}

const starter = `# The configuration of chaoscat. Every key with its default is in chaoscat.toml.example.
#
#   chaoscat check     test everything that is named here
#   chaoscat           the console
#   chaoscat stop      end every attack, from anywhere

name = %s

# Draw, check, announce and record, but never inject. Set this to false when "chaoscat check" is content
# and you have watched it for a day.
dry_run = true

[schedule]
timezone = %s
days = ["mon", "tue", "wed", "thu", "fri"]
hours = %s
wait = "10m"               # rest after an attack

[safety]
max_concurrent = 1
host_cooldown = "24h"      # rest of a host after an attack
max_duration = "10m"       # no attack is longer
exclude = []               # "db-*", "group:payments", "tag:tier=gold"

[ssh]
%s

[[inventory]]
%s

# "chaoscat attacks" lists the others. The weight is the chance relative to the other attacks.
[[attack]]
name = "cpu"
weight = 1
for = "30s"

# Attacks happen only while every health check says yes; one that turns bad undoes what is running.
[[health]]
%s

# Attacks happen only while somebody is surely there: the command exits with 0 and prints who.
[oncall]
%s
`

func starterUser(o StarterOptions) string {
	user := `#user = "chaos"            # otherwise the user that runs chaoscat`
	if o.User != "" {
		user = "user = " + quoteTOML(o.User)
	}
	return fmt.Sprintf("%s\nsudo = %t               # for a user who is not root; chaoscat sudoers prints the rule", user, o.Sudo)
}

func starterHosts(o StarterOptions) string {
	if o.Ansible != "" {
		return "type = \"ansible\"\npath = " + quoteTOML(o.Ansible)
	}
	var b strings.Builder
	b.WriteString("type = \"static\"\nhosts = [\n")
	for _, h := range o.Hosts {
		fmt.Fprintf(&b, "  { name = %s, groups = [\"all\"] },\n", quoteTOML(h))
	}
	b.WriteString("]")
	return b.String()
}

func starterHealth(o StarterOptions) string {
	if o.HealthURL != "" {
		return "type = \"http\"\nurl = " + quoteTOML(o.HealthURL)
	}
	return no("type = \"command\"", "replace the health check in chaoscat.toml", "type = \"http\" with url = \"https://...\" is the usual one")
}

func starterOnCall(o StarterOptions) string {
	if len(o.OnCall) > 0 {
		return "type = \"command\"\ncommand = " + listTOML(o.OnCall)
	}
	return no("type = \"command\"", "replace the on-call check in chaoscat.toml", "a command that exits with 0 and prints who is on call")
}

// no is a gate that says no, and why: what nobody has filled in must not let an attack through.
func no(kind, sentence, hint string) string {
	return fmt.Sprintf("# Replace this: %s.\n%s\ncommand = %s", hint, kind, listTOML([]string{"sh", "-c", "echo " + sentence + "; exit 1"}))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orList(list []string, otherwise string) []string {
	if len(list) == 0 {
		return []string{otherwise}
	}
	return list
}

// quoteTOML writes a string of TOML that reads back as the same text.
func quoteTOML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func listTOML(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = quoteTOML(s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}
