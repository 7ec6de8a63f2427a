package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/calendar"
)

func (a *app) checkCommand() *cobra.Command {
	offline, all := false, false
	c := &cobra.Command{
		Use: "check", Short: "Test everything that the configuration names", Args: cobra.NoArgs,
		Long: `check reads the configuration and the inventory, asks every gate, and logs in to hosts to see what is
feasible there. It injects nothing. Without --all it looks at the first host of each group.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), offline, all) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "leave the network alone: no gate is asked, no host contacted")
	c.Flags().BoolVar(&all, "all", false, "look at every host")
	return c
}

// finding is one row of the check: + good, ! worth a look, x wrong.
type finding struct {
	Schema int    `json:"schema"`
	Mark   string `json:"mark"`
	What   string `json:"what"`
	Text   string `json:"text"`
}

func (a *app) check(ctx context.Context, offline, all bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	g := &graph{config: cfg, looks: looking{goOn: true, offline: offline}}
	if err := g.fill(ctx, a.world, nil); err != nil {
		return err
	}
	if g.plan.Roster.Len() == 0 {
		return a.checkBlind(ctx, g, offline)
	}
	people, err := g.people(a.world)
	if err := config.Collect(g.unlessUnknown(mistakesOf(err))); err != nil {
		return err
	}
	if !offline {
		if err := g.askCalendars(ctx); err != nil {
			return err
		}
	}
	findings := slices.Concat(a.checkOffline(g), passing(a.checkCalendars(g, offline)), checkDoor(g, people), checkMembers(g), checkApprovals(g))
	if offline {
		return a.report(findings, a.nextOnline())
	}
	next := fmt.Sprintf("next: %s, or %s; dry_run is off: attacks are real", a.again(""), a.again("--daemon"))
	if g.config.DryRun {
		next = "next: " + a.again("") + ", which injects nothing as long as dry_run = true"
	}
	unreached := g.connect(a.world) // before the gates: some of them may be on hosts
	findings = append(findings, checkGates(ctx, g)...)
	findings = append(findings, checkNames(ctx, g)...)
	findings = append(findings, passing(checkPagerDuty(ctx, a.world, g.config))...)
	findings = append(findings, passing(checkSlack(ctx, a.world, g))...)
	if unreached != nil {
		for _, line := range strings.Split(unreached.Error(), "\n") {
			findings = append(findings, finding{schema, "x", "ssh", line})
		}
		return a.report(findings, next)
	}
	defer g.carrier.Close()
	return a.report(append(findings, checkHosts(ctx, g, all)...), next)
}

func (a *app) nextOnline() string {
	return "next: " + a.again("check") + " (gates and logins were not tested)"
}

// checkBlind is what can be said without any host, since those that are asked for them are down, or must be left alone.
func (a *app) checkBlind(ctx context.Context, g *graph, offline bool) error {
	cfg := g.config
	f := slices.Concat([]finding{{schema, "+", "configuration", cfg.File + " is right"}}, checkSources(g))
	if !offline && g.calendars != nil {
		_ = g.calendars.Refresh(ctx, g.calendars.world.now) // what is wrong has a row of its own
		g.calendars.had = g.calendars.At(g.calendars.world.now())
	}
	f = slices.Concat(f, a.checkHours(g.schedule()), a.checkFreezes(cfg.Schedule), checkTelling(cfg), checkTokens(cfg.Slack), passing(a.checkCalendars(g, offline)))
	if offline {
		return a.report(f, a.nextOnline())
	}
	f = slices.Concat(f, checkGates(ctx, g), passing(checkPagerDuty(ctx, a.world, cfg)), passing(checkSlack(ctx, a.world, g)))
	return a.report(f, "next: "+a.again("check")+", when the sources of the inventory can be read again")
}

// passing has what cannot be reached now looked at, like a gate that says no: only what is written wrongly is wrong.
func passing(f []finding) []finding {
	for i := range f {
		for _, why := range []string{"connection refused", "i/o timeout", "no route to host", "network is unreachable", "deadline exceeded", "server misbehaving"} {
			if f[i].Mark == "x" && strings.Contains(f[i].Text, why) {
				f[i].Mark = "!"
			}
		}
	}
	return f
}

// checkSources says what of the inventory was not read, and what is worth knowing of the rest.
func checkSources(g *graph) (f []finding) {
	for _, i := range g.config.Inventories {
		if g.looks.offline && i.Type == config.ConsulInventory {
			f = append(f, finding{schema, "!", "inventory", i.Source.Name() + " was not looked at; without it nothing is known of its hosts, nor of who else can be hit"})
		}
	}
	for _, notice := range g.notices {
		f = append(f, finding{schema, "!", "inventory", notice})
	}
	return f
}

func (a *app) checkOffline(g *graph) []finding {
	s := g.plan.Describe(engine.State{Began: true}, a.now())
	f := []finding{
		{schema, "+", "configuration", g.config.File + " is right"},
		{schema, "+", "inventory", rosterText(s)},
	}
	f = append(f, checkSources(g)...)
	f = append(f, checkExamples(g.plan.Roster.Hosts())...)
	for _, c := range s.Chances {
		f = append(f, checkAttack(g.plan, s, c))
	}
	for _, planned := range g.plan.Attacks {
		if slices.Contains(planned.Tolerate, "*") {
			f = append(f, finding{schema, "!", "attack " + planned.Name, `tolerates "*": whatever a health gate says no about, as long as it names it, does not undo this attack`})
		}
	}
	return slices.Concat(f, a.checkHours(g.plan.Schedule), a.checkFreezes(g.config.Schedule), checkTelling(g.config), checkTokens(g.config.Slack))
}

// checkExamples points at hosts that nobody has: those names are kept for examples (RFC 2606), as init writes one.
func checkExamples(hosts []engine.Host) (f []finding) {
	for _, h := range hosts {
		for _, domain := range []string{".example.com", ".example.net", ".example.org"} {
			if strings.HasSuffix(h.Address, domain) {
				f = append(f, finding{schema, "!", "host " + h.Name, "is an example: put a host of yours in its place"})
			}
		}
	}
	return f
}

// rosterText counts the hosts, those of them that may be drawn just now, and what becomes of the others.
func rosterText(s engine.Snapshot) string {
	text := fmt.Sprintf("%s, %d may be drawn", counted(s.Total, "host"), s.Eligible)
	kept, closed := 0, 0
	for _, h := range s.Roster.Hosts() {
		switch status, _ := s.Host(h.Name); status {
		case engine.HostKept:
			kept++
		case engine.HostClosed:
			closed++
		}
	}
	if kept > 0 {
		text += fmt.Sprintf(", %d kept free for their groups (safety.leave_per_group)", kept)
	}
	if closed > 0 {
		text += fmt.Sprintf(", %d outside hours of their own", closed)
	}
	return text
}

func checkAttack(p engine.Plan, s engine.Snapshot, c engine.Chance) finding {
	what := "attack " + c.Attack
	if a, _ := p.Attack(c.Attack); a.Approval > 1 {
		return finding{schema, "+", what, fmt.Sprintf("run by order only: %d people must want it", a.Approval)}
	}
	if c.Weight == 0 {
		return finding{schema, "+", what, "weight 0: run by order only"}
	}
	if c.Eligible == 0 {
		return finding{schema, "!", what, whyNobody(p, s, c.Attack)}
	}
	return finding{schema, "+", what, fmt.Sprintf("weight %d, chance %.0f %%, %s", c.Weight, 100*c.Chance, counted(c.Eligible, "host"))}
}

// whyNobody tells an attack that selects only excluded hosts from one whose hosts are spared by their groups, and from
// one that has to wait for its hours or theirs.
func whyNobody(p engine.Plan, s engine.Snapshot, attack string) string {
	if off := s.Hosts.OffHours[attack]; off != "" {
		return "not now: it is " + off
	}
	planned, _ := p.Attack(attack)
	why := "it selects only excluded hosts"
	for _, h := range p.Roster.Hosts() {
		if !planned.Hosts.Selects(h) {
			continue
		}
		switch status, text := s.Host(h.Name); status {
		case engine.HostClosed:
			return fmt.Sprintf("not now: %s is outside its hours; %s", h.Name, text)
		case engine.HostExcluded:
		default:
			why = "the groups of the hosts that it selects have none to spare (safety.leave_per_group)"
		}
	}
	return "nobody can be hit by it on schedule: " + why
}

func (a *app) checkHours(s engine.Schedule) []finding {
	windows := s.Windows(a.now(), a.now().AddDate(0, 0, 21))
	if c, closed := s.Closure(a.now()); closed && calendar.Unknown(c) { // the calendar has a row of its own
		return []finding{{schema, "!", "hours", "no window is known as long as a calendar cannot be read"}}
	}
	if len(windows) == 0 {
		return []finding{{schema, "x", "hours", "no window opens within three weeks"}}
	}
	var f []finding
	for i, w := range windows {
		if i == 5 {
			break
		}
		f = append(f, finding{schema, "+", "window", w.Start.In(s.Location).Format("Mon 2 Jan 15:04") + " - " + endText(w.Start.In(s.Location), w.End.In(s.Location))})
	}
	if closings := calendar.Together(felt(s, a.now(), a.now().AddDate(0, 0, 21))); len(closings) > 0 {
		f = append(f, finding{schema, "+", "next closing", closingText(s.Location, closings[0])})
	}
	return f
}

// checkFreezes lists the times without attacks that are still to come, or not over.
func (a *app) checkFreezes(s engine.Schedule) (f []finding) {
	for _, c := range s.Closures {
		if c.To.After(a.now()) {
			from, to := c.From.In(s.Location), c.To.In(s.Location)
			f = append(f, finding{schema, "+", "freeze", fmt.Sprintf("%s - %s: %s", from.Format("Mon 2 Jan 15:04"), to.Format("Mon 2 Jan 15:04 MST"), c.Reason)})
		}
	}
	return f
}

func checkGates(ctx context.Context, g *graph) (f []finding) {
	for i, answer := range g.gates.askAll(ctx) {
		gate := g.gates.asked[i]
		mark := "+"
		if !answer.OK {
			mark = "!"
		}
		f = append(f, finding{schema, mark, string(gate.Kind) + " " + gate.Name, answer.Text})
	}
	return f
}

// checkNames looks up, once, every name among the peers of the plan's attacks, as a host's turn will do.
func checkNames(ctx context.Context, g *graph) (f []finding) {
	for _, a := range g.plan.Attacks {
		i := slices.IndexFunc(g.catalogue, func(d attacks.Definition) bool { return d.Name == a.Kind })
		if i < 0 {
			continue
		}
		wire, err := attacks.Check(g.catalogue[i], a.Params)
		if err != nil {
			continue // a mistake in the configuration, and said there
		}
		before := maps.Clone(wire)
		if err := attacks.Resolve(ctx, g.catalogue[i], wire, g.lookup()); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				f = append(f, finding{schema, "x", "attack " + a.Name, line})
			}
			continue
		}
		for _, name := range sortedKeys(wire) {
			if wire[name] != before[name] {
				f = append(f, finding{schema, "+", "attack " + a.Name, fmt.Sprintf("%s: %s is %s", name, before[name], wire[name])})
			}
		}
	}
	return f
}

// lookWithin bounds the look at one host.
const lookWithin = 45 * time.Second

// checkHosts looks at hosts side by side and lists them in the order of the roster.
func checkHosts(ctx context.Context, g *graph, all bool) []finding {
	hosts := g.plan.Roster.Hosts()
	if !all {
		hosts = firstOfEachGroup(hosts)
	}
	found, slots := make([][]finding, len(hosts)), make(chan struct{}, sweepers)
	var work sync.WaitGroup
	for i, h := range hosts {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, lookWithin)
			defer cancel()
			found[i] = hostFindings(h, g.carrier.Inspect(ctx, h, g.plan.Attacks))
		})
	}
	work.Wait()
	var f []finding
	for _, rows := range found {
		f = append(f, rows...)
	}
	return f
}

func firstOfEachGroup(hosts []engine.Host) (chosen []engine.Host) {
	seen := map[string]bool{}
	for _, h := range hosts {
		if h.Barred != "" {
			continue
		}
		groups := h.Groups
		if len(groups) == 0 {
			groups = []string{""}
		}
		fresh := false
		for _, group := range groups {
			fresh = fresh || !seen[group]
			seen[group] = true
		}
		if fresh {
			chosen = append(chosen, h)
		}
	}
	return chosen
}

func hostFindings(h engine.Host, facts engine.Facts) []finding {
	what := "host " + h.Name
	if facts.Unreachable != "" {
		return []finding{{schema, "x", what, facts.Unreachable}}
	}
	f := []finding{{schema, "+", what, facts.Summary}}
	if facts.Busy != "" {
		f = append(f, finding{schema, "x", what, "not attacked while this is there: " + facts.Busy})
	}
	for _, name := range sortedKeys(facts.Infeasible) {
		f = append(f, finding{schema, "!", what, name + " is infeasible: " + facts.Infeasible[name]})
	}
	return f
}

// word says what the mark of a finding means.
func (f finding) word() string {
	return map[string]string{"+": "ok", "!": "look", "x": "WRONG"}[f.Mark]
}

// report prints the table and the command to run next. Anything wrong is exit 3.
func (a *app) report(findings []finding, next string) error {
	wrong := 0
	rows, table := []any{}, [][]string{{"", "WHAT", "FOUND"}}
	for _, f := range findings {
		rows, table = append(rows, f), append(table, []string{f.Mark + " " + f.word(), f.What, f.Text})
		if f.Mark == "x" {
			wrong++
		}
	}
	var err error
	if wrong > 0 {
		err = fail(exitConfig, fmt.Errorf("%s wrong (marked x); mend that and run: %s", counted(wrong, "finding"), a.again("check")))
	}
	if a.json {
		return errors.Join(a.lines(rows...), err)
	}
	if tableErr := a.table(table); tableErr != nil || err != nil {
		return errors.Join(tableErr, err)
	}
	a.say("%s", next)
	return nil
}
