package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// key is one thing that may be written in a table: its name, what it means, and how its value is read.
// The functions below are the whole schema; each binds the keys of one table to what they set.
type key struct {
	name string
	help string
	value
	need bool     // must be there
	of   []string // the types that it belongs to; none means all
}

func (k key) belongs(kind string) bool { return len(k.of) == 0 || slices.Contains(k.of, kind) }

func (k key) required() key { k.need = true; return k }

func (k key) only(types ...string) key { k.of = types; return k }

func entry(name string, v value, help string) key { return key{name: name, value: v, help: help} }

const (
	year      = 365 * 24 * time.Hour
	anyNumber = 1_000_000
)

// maxWeight is the engine's; the sum of all weights must stay far from overflow.
const maxWeight = 1_000_000

var (
	attackName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

func rootKeys(c *Config) []key {
	return []key{
		entry("name", text(&c.Name, empty, longerThan(64)), "what this chaoscat is called on the screen and in the journal"),
		entry("dry_run", toggle(&c.DryRun), "draw, check, announce and record, but never inject"),
		entry("state_dir", file(&c.StateDir, nil), "where the journal and the stop latch are kept"),
		entry("schedule", one(scheduleKeys(&c.Schedule, &c.Closings)), "write a [schedule] with a timezone").required(),
		entry("safety", one(safetyKeys(&c.Safety, &c.Hosts)), "the blast radius"),
		entry("ssh", one(sshKeys(&c.SSH)), "how hosts are reached"),
		entry("inventory", many(&c.sources, blankSource, sourceKeys), "write an [[inventory]] that says which hosts there are").required(),
		entry("attack", many(&c.Attacks, blankAttack, attackKeys), "write an [[attack]]; chaoscat attacks lists them").required(),
		entry("health", many(&c.Health, blankHealth, gateKeys), "write a [[health]]: without one, health is unknown and nothing is ever attacked").required(),
		entry("oncall", one(gateKeys(&c.OnCall)), "write an [oncall]: without one, nobody is known to be there and nothing is ever attacked").required(),
		entry("control", one(controlKeys(&c.Control)), "the doors for the other commands and for people elsewhere"),
		entry("person", many(&c.Persons, blankPerson, personKeys), "somebody who is known by several doors, each by another name"),
		entry("team", many(&c.Teams, blankTeam, teamKeys), "people with what they may do; who is let in and in none may look and stop"),
		entry("slack", one(slackKeys(&c.Slack)), "the chat in which attacks are announced and orders taken"),
		entry("pagerduty", one(pagerDutyKeys(&c.PagerDuty)), "the account that gates of that type ask, and that is told what happens here"),
		entry("webhook", many(&c.Webhooks, blankWebhook, webhookKeys), "a system that is told over HTTP what is recorded"),
		entry("metrics", one(metricsKeys(&c.Metrics)), "figures for Prometheus, and whether chaoscat itself is well"),
		entry("log", one(logKeys(&c.Log)), "what is written to standard error"),
		entry("ui", one(uiKeys(&c.UI)), "the console"),
	}
}

func scheduleKeys(s *engine.Schedule, c *Closings) []key {
	closure := func(int) engine.Closure { return engine.Closure{Name: engine.Frozen, Reason: "freeze"} }
	group := func(int) engine.HostHours {
		return engine.HostHours{Hours: engine.Hours{Days: s.Days, Ranges: s.Hours}}
	}
	return []key{
		entry("timezone", zone(&s.Location), `the IANA zone of everything below: "Europe/Paris"`).required(),
		entry("days", weekdays(&s.Days), "days on which attacks may begin"),
		entry("hours", hours(&s.Hours, &s.Days), "ranges of the day without their last moment; 22:00-02:00 goes over midnight"),
		entry("check_every", span(&s.CheckEvery, time.Second, time.Hour), "how often it is asked whether an attack may begin"),
		entry("wait", span(&s.Wait, 0, 7*24*time.Hour), "rest after an attack"),
		entry("max_per_day", whole(&s.MaxPerDay, 0, anyNumber), "attacks on one day; 0 is no limit"),
		entry("per_host_mean", longSpan(&s.PerHostMean, time.Hour, 10*year), "attack each host about that often, counted in open time"),
		entry("holidays", nations(&c.Holidays), "countries whose public holidays are days without attacks"),
		entry("bridge_days", toggle(&c.BridgeDays), "no attacks either on a single working day between a holiday and other days off"),
		entry("calendars", calendars(&c.Calendars), "iCalendar files and addresses: no attacks while an event takes place, nor while one cannot be read"),
		entry("group", many(&s.Groups, group, groupKeys), "hosts with hours of their own, within those above"),
		entry("freeze", many(&s.Closures, closure, func(c *engine.Closure) []key {
			return []key{
				entry("from", moment(&c.From, &s.Location, false), "the first moment without attacks").required(),
				entry("to", moment(&c.To, &s.Location, true), "the moment after the last; a date alone includes that day").required(),
				entry("reason", text(&c.Reason, empty, longerThan(200)), "shown where an attack would have been"),
			}
		}), "a time without attacks"),
	}
}

func safetyKeys(s *engine.Safety, h *Hosts) []key {
	return []key{
		entry("max_concurrent", whole(&s.MaxConcurrent, 1, 1000), "attacks at the same time"),
		entry("group_by", text(&s.GroupBy, longerThan(63)), "a tag whose values count as groups below, instead of the groups"),
		entry("max_per_group", whole(&s.MaxPerGroup, 0, anyNumber), "attacks at the same time in one group; 0 is no limit"),
		entry("leave_per_group", whole(&s.LeavePerGroup, 0, anyNumber), "hosts of each group that stay free of attacks; 0 is no limit"),
		entry("host_cooldown", span(&s.HostCooldown, 0, year), "rest of a host after an attack"),
		entry("max_duration", span(&s.MaxDuration, time.Second, 24*time.Hour), "no attack lasts longer"),
		entry("lease", span(&s.Lease, 5*time.Second, 5*time.Minute), "a host undoes by itself when it has not heard from chaoscat for so long"),
		entry("settle", span(&s.Margin, 5*time.Second, time.Hour), "time for undo and proof that must still fit into the hours"),
		entry("abort_after", whole(&s.AbortAfter, 1, 1000), "bad answers of a gate in a row that undo a running attack"),
		entry("facts_for", span(&s.FactsFor, time.Minute, 7*24*time.Hour), "how long it is believed what a host can do"),
		entry("irreversible", toggle(&s.Irreversible), "let the plan have attacks without an undo: halt, panic, custom ones that say so"),
		entry("exclude", exclusion(&h.Exclude), "hosts that are never attacked; each term must match one"),
		entry("allow_loopback", toggle(&h.AllowLoopback), "let hosts be on loopback addresses (containers, tests)"),
	}
}

func sshKeys(s *SSH) []key {
	return []key{
		entry("user", text(&s.User, mustMatch(userName, "a user name")), "who to log in as; otherwise the user chaoscat runs as"),
		entry("port", whole(&s.Port, 1, 65535), "of hosts that name none"),
		entry("identity_files", paths(&s.IdentityFiles, secret), "private keys, readable by their owner alone"),
		entry("agent", agent(&s.Agent), "ask the SSH agent for keys: true, false, or when there is one"),
		entry("known_hosts", paths(&s.KnownHosts, nil), "where host keys are looked up; they are always verified"),
		entry("jump", text(&s.Jump, badJump), "[user@]host[:port] to go over, several separated by commas"),
		entry("connect_timeout", span(&s.ConnectTimeout, time.Second, 2*time.Minute), "for connection, handshake and login together"),
		entry("sudo", toggle(&s.Sudo), "start the runner by sudo -n; chaoscat sudoers prints the rule"),
		entry("keep_alive", span(&s.KeepAlive, time.Second, time.Minute), "how often an open connection is tried"),
		entry("survey_rate", whole(&s.SurveyRate, 0, 1000), "logins per second of the look at all hosts in the background; 0 looks at nobody"),
		entry("survey_every", span(&s.SurveyEvery, 10*time.Second, 24*time.Hour), "how often each host is looked at"),
		entry("keep_open", whole(&s.KeepOpen, 0, anyNumber), "logins of that look that stay open; the others are closed after each look"),
	}
}

func hostKeys(e *inventory.StaticHost) []key {
	return []key{
		entry("name", text(&e.Name), "unique in all inventories; web-[01:20] stands for twenty").required(),
		entry("address", text(&e.Address), "host name or IP address; otherwise the name"),
		entry("port", whole(&e.Port, 1, 65535), "otherwise ssh.port"),
		entry("user", text(&e.User, mustMatch(userName, "a user name")), "otherwise ssh.user"),
		entry("jump", text(&e.Jump, badJump), `otherwise ssh.jump; "none" goes direct`),
		entry("groups", texts(&e.Groups, "groups", empty), "what the host belongs to"),
		entry("tags", tags(&e.Tags), "what is said about the host"),
	}
}

func blankAttack(i int) Attack {
	return Attack{Attack: engine.Attack{Weight: 1}, Custom: &Custom{}, Key: fmt.Sprintf("attack[%d]", i)}
}

func attackKeys(a *Attack) []key {
	named := mustMatch(attackName, `a name: lower-case letters, digits, "-" and "_", at most 63`)
	return []key{
		entry("name", text(&a.Name, named), "unique in this file").required(),
		entry("kind", text(&a.Kind, named), "the attack of the catalogue; otherwise the name"),
		entry("weight", whole(&a.Weight, 0, maxWeight), "chance relative to the other attacks; 0 is run by order only"),
		entry("for", span(&a.For, time.Second, 24*time.Hour), "how long it lasts; otherwise what the catalogue says"),
		entry("params", parameters(&a.Params), "chaoscat attacks lists them"),
		entry("hosts", selector(&a.Hosts), "hosts that it may hit; otherwise all"),
		entry("approval", people(&a.Approval), "people who must want it, whoever orders included; the schedule draws none that takes more than one"),
		entry("days", weekdays(&a.when.Days), "days on which it may begin; otherwise the schedule's"),
		entry("hours", hours(&a.when.Ranges, &a.when.Days), "ranges of the day in which it may happen, within the schedule's; otherwise those"),
		entry("tolerate", texts(&a.Tolerate, "patterns of alerts, series, components or incidents", empty, longerThan(512), badPattern), "what it may itself bring about: a [[health]] that says no about nothing else does not undo it"),
		entry("compound", texts(&a.compound, "kinds of attacks", named), "makes a compound attack: the kinds of its parts, in the order in which they begin"),
		entry("gap", span(&a.Gap, 0, time.Hour), "time between the beginnings of two parts, in whole seconds; 0s is at once"),
		entry("part", many(&a.Parts, func(i int) Part { return Part{Key: fmt.Sprintf("part[%d]", i)} }, func(p *Part) []key {
			return []key{
				entry("kind", text(&p.Kind, named), "an attack of the catalogue, or a custom one of this file").required(),
				entry("params", parameters(&p.Params), "chaoscat attacks KIND lists them"),
			}
		}), "makes a compound attack of parts that have parameters"),
		entry("inject", file(&a.Custom.Inject, ours), "makes a custom attack: POSIX sh that applies the fault"),
		entry("undo", file(&a.Custom.Undo, ours), "POSIX sh that takes it back, wholly or by half, once or twice"),
		entry("measure", file(&a.Custom.Measure, ours), "POSIX sh that prints the figure"),
		entry("irreversible", toggle(&a.Custom.Irreversible), "there is no undo, and that is meant"),
		entry("figure", text(&a.Custom.Figure, empty, longerThan(40)), "what measure prints"),
		entry("unit", text(&a.Custom.Unit, longerThan(10)), "its unit"),
	}
}

// Key is one key of the schema, for people.
type Key struct {
	Name     string // schedule.freeze.from
	Kind     string // "a duration"
	Default  string // as it would be written; "" is none
	Help     string
	Required bool
	Types    []string // where it belongs to some types only
}

// Keys lists everything that may be written, tables before what is in them.
func Keys() []Key { return list("", rootKeys(defaults(Files{}))) }

func list(table string, keys []key) []Key {
	var all []Key
	for _, k := range keys {
		name := strings.TrimPrefix(table+"."+k.name, ".")
		all = append(all, Key{Name: name, Kind: k.kind, Default: k.std, Help: k.help, Required: k.need, Types: k.of})
		all = append(all, list(name, k.under)...)
	}
	return all
}
