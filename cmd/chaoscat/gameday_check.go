package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/inventory"
)

// ground is what a game-day plan is held against: the fleet, the attacks and the gates that there are.
type ground struct {
	attacks []engine.Attack
	gates   []string
	hosts   []engine.Host
	safety  engine.Safety            // the zero value sets no limit
	order   func(engine.Order) error // what the catalogue has against it
}

func groundOf(g *graph) ground {
	x := ground{attacks: g.plan.Attacks, hosts: g.plan.Roster.Hosts(), safety: g.plan.Safety, order: g.checkOrder}
	for _, gate := range g.plan.Gates {
		x.gates = append(x.gates, gate.Name)
	}
	return x
}

// groundIn is what a running engine shows. Of attacks of one's own it alone knows the parameters.
func groundIn(s engine.Snapshot) ground {
	x := ground{attacks: s.Attacks, hosts: s.Roster.Hosts(), safety: engine.Safety{MaxConcurrent: s.Limits.MaxConcurrent, MaxPerGroup: s.Limits.MaxPerGroup,
		LeavePerGroup: s.Limits.LeavePerGroup, MaxDuration: s.Limits.MaxDuration, GroupBy: s.Hosts.GroupBy}}
	for _, gate := range s.Gates {
		x.gates = append(x.gates, gate.Name)
	}
	x.order = func(o engine.Order) error {
		i := slices.IndexFunc(s.Attacks, func(a engine.Attack) bool { return a.Name == o.Attack })
		if i < 0 {
			return nil
		}
		d, known := attacks.Find(s.Attacks[i].Kind)
		if !known {
			return nil
		}
		params := map[string]string{}
		for _, from := range []map[string]string{s.Attacks[i].Params, o.Params} {
			for name, value := range from {
				params[name] = value
			}
		}
		_, err := attacks.Check(d, params)
		if d.Max > 0 && o.For > d.Max {
			err = errors.Join(err, fmt.Errorf("%s may last %s at most", d.Name, engine.Span(d.Max)))
		}
		return err
	}
	return x
}

// against is every mistake of the plan that only the ground can tell.
func (x ground) against(g *config.GameDay) (wrong []config.Mistake) {
	for i := range g.Steps {
		wrong = append(wrong, x.againstStep(g, i)...)
	}
	return wrong
}

// wrongOf is all that is wrong with a step, counted from 0, in a line.
func (x ground) wrongOf(g *config.GameDay, i int) string {
	var all []string
	for _, m := range x.againstStep(g, i) {
		all = append(all, m.Message)
	}
	return strings.Join(all, "; ")
}

func (x ground) againstStep(g *config.GameDay, i int) (wrong []config.Mistake) {
	s := g.Steps[i]
	say := func(key, nearest, format string, args ...any) {
		m := g.Wrong(i, key, format, args...)
		m.Nearest = nearest
		wrong = append(wrong, m)
	}
	attack, known := x.attack(s.Attack)
	if !known {
		say("attack", inventory.Nearest(s.Attack, x.attackNames()), "no attack of the configuration is called %q", s.Attack)
	}
	if s.Expect.Gate != "" && !slices.Contains(x.gates, s.Expect.Gate) {
		say("gate", inventory.Nearest(s.Expect.Gate, x.gates), "no gate is called %q", s.Expect.Gate)
	}
	x.named(s, attack, say)
	x.drawn(s, attack, say)
	if most := x.safety.MaxDuration; most > 0 && s.For > most {
		say("for", "", "%s is longer than safety.max_duration, which is %s", engine.Span(s.For), engine.Span(most))
	}
	if err := x.order(s.Order(false)); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			say("params", "", "%s", line)
		}
	}
	return wrong
}

// slip says a mistake at a key, with what was probably meant.
type slip func(key, nearest, format string, args ...any)

func (x ground) named(s gameday.Step, a engine.Attack, say slip) {
	for j, name := range s.Hosts {
		key := fmt.Sprintf("hosts[%d]", j)
		i := slices.IndexFunc(x.hosts, func(h engine.Host) bool { return h.Name == name })
		switch {
		case i < 0:
			say(key, inventory.Nearest(name, hostNames(x.hosts)), "no host is called %q", name)
		case x.hosts[i].Barred != "":
			say(key, "", "%s is never attacked: %s", name, x.hosts[i].Barred)
		case a.Name != "" && !a.Hosts.Selects(x.hosts[i]):
			say(key, "", "%s is not meant for %s (its hosts: %s)", a.Name, name, strings.Join(a.Hosts, ", "))
		}
	}
	if most := x.safety.MaxConcurrent; most > 0 && len(s.Hosts) > most {
		say("hosts", "", "%d hosts at once; safety.max_concurrent is %d", len(s.Hosts), most)
	}
	busy, rooms := map[string]int{}, x.rooms()
	for j, name := range s.Hosts {
		i := slices.IndexFunc(x.hosts, func(h engine.Host) bool { return h.Name == name })
		if i < 0 {
			continue
		}
		for _, g := range x.limited(x.hosts[i]) {
			if busy[g]++; busy[g] > rooms[g] {
				say(fmt.Sprintf("hosts[%d]", j), "", "%s would be one too many of group %s, which lets %d be attacked at once (%s)", name, g, rooms[g], x.groupLimits())
				break
			}
		}
	}
}

// limited are the groups of a host that the limits count: its own, or the value of one of its tags.
func (x ground) limited(h engine.Host) []string {
	switch by := x.safety.GroupBy; {
	case x.safety.MaxPerGroup == 0 && x.safety.LeavePerGroup == 0:
		return nil
	case by == "":
		return h.Groups
	default:
		if value, ok := h.Tags[by]; ok {
			return []string{value}
		}
		return nil
	}
}

// counts tells whether the engine counts the host among those that may be attacked: the schedule could draw it.
func (x ground) counts(h engine.Host) bool {
	return h.Barred == "" && slices.ContainsFunc(x.attacks, func(a engine.Attack) bool { return a.Weight > 0 && a.Reversible && a.Hosts.Selects(h) })
}

// rooms is how many hosts of each group the limits let be attacked at once, while nothing else runs.
func (x ground) rooms() map[string]int {
	rooms := map[string]int{}
	for _, h := range x.hosts {
		if x.counts(h) {
			for _, g := range x.limited(h) {
				rooms[g]++
			}
		}
	}
	for g := range rooms {
		if x.safety.LeavePerGroup > 0 {
			rooms[g] = max(0, rooms[g]-x.safety.LeavePerGroup)
		}
		if x.safety.MaxPerGroup > 0 {
			rooms[g] = min(rooms[g], x.safety.MaxPerGroup)
		}
	}
	return rooms
}

// together is how many of these hosts the limits of their groups let be attacked at once, at most: a host in several
// groups is counted in the one with the least room.
func (x ground) together(hosts []engine.Host) (n int) {
	rooms := x.rooms()
	left := maps.Clone(rooms)
	for _, h := range hosts {
		groups := x.limited(h)
		if len(groups) == 0 {
			n++
			continue
		}
		least := slices.MinFunc(groups, func(a, b string) int { return rooms[a] - rooms[b] })
		if left[least] > 0 {
			left[least]--
			n++
		}
	}
	return n
}

func (x ground) groupLimits() string {
	var limits []string
	if n := x.safety.MaxPerGroup; n > 0 {
		limits = append(limits, fmt.Sprintf("safety.max_per_group %d", n))
	}
	if n := x.safety.LeavePerGroup; n > 0 {
		limits = append(limits, fmt.Sprintf("safety.leave_per_group %d", n))
	}
	return strings.Join(limits, ", ")
}

// drawn is what is wrong with how a step leaves its hosts to chance.
func (x ground) drawn(s gameday.Step, a engine.Attack, say slip) {
	if len(s.Hosts) > 0 {
		return
	}
	for _, within := range s.Within {
		key := "group"
		if strings.HasPrefix(within[0], "tag:") {
			key = "tag"
		}
		if err := inventory.CheckSelector(within, x.hosts); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				say(key, "", "%s", line)
			}
			return
		}
	}
	var may []engine.Host
	size := 0 // what a percentage is taken of
	for _, h := range x.hosts {
		outside := slices.ContainsFunc(s.Within, func(w engine.Selector) bool { return !w.Selects(h) })
		if outside || h.Barred != "" {
			continue
		}
		if x.counts(h) {
			size++
		}
		if a.Name == "" || a.Hosts.Selects(h) {
			may = append(may, h)
		}
	}
	fit := len(may)
	want, number, of := max(1, s.Count, size*s.Percent/100), "count", ""
	if s.Percent > 0 {
		number, of = "percent", fmt.Sprintf(" (%d %% of %d)", s.Percent, size)
	}
	switch most := x.safety.MaxConcurrent; {
	case fit == 0:
		say("attack", "", "no host may be drawn: none is in %s and selected by the attack", orElse(spoken(s.Within), "the inventory"))
	case want > fit:
		say(number, "", "%d hosts are wanted%s, and %d may be drawn", want, of, fit)
	case most > 0 && want > most:
		say(number, "", "%d hosts at once%s; safety.max_concurrent is %d", want, of, most)
	case want > x.together(may):
		say(number, "", "%d hosts are wanted%s; the limits of their groups (%s) let %d be attacked at once", want, of, x.groupLimits(), x.together(may))
	}
}

func (x ground) attack(name string) (engine.Attack, bool) {
	i := slices.IndexFunc(x.attacks, func(a engine.Attack) bool { return a.Name == name })
	if i < 0 {
		return engine.Attack{}, false
	}
	return x.attacks[i], true
}

func (x ground) attackNames() (names []string) {
	for _, a := range x.attacks {
		names = append(names, a.Name)
	}
	return names
}

// checkGameDay holds a plan against the configuration, or, where only an engine's socket is named, against what
// that engine shows. Nothing is run and no host is contacted.
func (a *app) checkGameDay(ctx context.Context, path string) error {
	written, err := config.LoadGameDay(path, config.Disk(a.home))
	x, missing := a.ground(ctx)
	if errors.Is(missing, control.ErrNoEngine) {
		return missing
	}
	if err != nil || missing != nil {
		return a.mistakesIn(path, err, missing)
	}
	wrong := x.against(written)
	rows := []finding{{schema, "+", "plan", fmt.Sprintf("%s is right: %s, %s", path, written.Name, counted(len(written.Steps), "step"))}}
	if len(wrong) > 0 {
		rows = nil
	}
	for i, s := range written.Steps {
		step := finding{schema, "+", fmt.Sprintf("step %d", i+1), fmt.Sprintf("%s: %s; waits for %s; %s", s.Name, what(s, x), s.Wait, s.Expect)}
		if why := x.wrongOf(written, i); why != "" {
			step.Mark, step.Text = "x", s.Name+": "+why
		}
		rows = append(rows, step)
	}
	err = a.report(rows, "next: "+a.again("gameday "+shellWord(path))+" --dry-run, then without")
	if len(wrong) > 0 {
		return a.mistakesIn(path, config.Collect(wrong))
	}
	return err
}

func (a *app) ground(ctx context.Context) (x ground, err error) {
	if a.configFile == "" && a.elsewhere() {
		err = a.askRunning(func(e asker) error {
			s, err := present(ctx, e)
			x = groundIn(s)
			return err
		})
		return x, err
	}
	g, err := a.loadGraph(ctx)
	if err != nil {
		return x, err
	}
	return groundOf(g), nil
}

// what is what a step will run where, in a line.
func what(s gameday.Step, x ground) string {
	attack, _ := x.attack(s.Attack)
	return s.What(attack.For)
}
