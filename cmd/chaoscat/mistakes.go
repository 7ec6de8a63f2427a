package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/inventory"
)

// A configuration with mistakes is looked through to its end, so that all of them are mended at once: what is sound in
// it is held against the catalogue and against its own hosts. No command is started for that, nobody is asked over the
// network, and what only follows from another mistake is not said.

// andMore adds to the mistakes of a configuration that cannot be loaded what else is wrong with it.
func (a *app) andMore(path string, err error) error {
	var mistakes *config.Mistakes
	if !errors.As(err, &mistakes) {
		return err
	}
	cfg, _ := config.Read(path, config.Disk(a.home))
	if cfg == nil || len(cfg.Mistakes()) == 0 { // it has changed since
		return err
	}
	cfg.StateDir = a.dir()
	if _, all := build(context.Background(), a.world, cfg); all != nil {
		return fail(exitConfig, all)
	}
	return err
}

// mistakesOf are those in an error that is nothing but mistakes.
func mistakesOf(err error) []config.Mistake {
	var mistakes *config.Mistakes
	if errors.As(err, &mistakes) {
		return mistakes.List
	}
	return nil
}

// peopleMistakes are those about who may come in and do what, beside other mistakes.
func (g *graph) peopleMistakes(w world) (wrong []config.Mistake) {
	sound := g.config.Sound
	g.plan.Attacks = nil
	for _, a := range g.config.Attacks {
		g.plan.Attacks = append(g.plan.Attacks, a.Attack)
	}
	if sound("person") && sound("team") && sound("control") {
		wrong = mistakesOf(g.checkPeople(w))
	} else if sound("team") {
		wrong = g.wrongTeams()
	}
	return g.unlessUnknown(wrong)
}

// unlessUnknown leaves out what teams name that may be among the hosts and attacks that are not known.
func (g *graph) unlessUnknown(wrong []config.Mistake) []config.Mistake {
	unnamed := slices.ContainsFunc(g.config.Attacks, func(a config.Attack) bool { return !g.config.Sound(a.Key + ".name") })
	return slices.DeleteFunc(wrong, func(m config.Mistake) bool {
		return m.Key == "team.hosts" && g.partly || m.Key == "team.attacks" && (unnamed || len(g.config.Attacks) == 0)
	})
}

// hostsBeside is what is wrong with the hosts of a configuration that has mistakes in other places, too.
func (g *graph) hostsBeside(ctx context.Context, w world) []config.Mistake {
	sources := g.listBeside(ctx)
	if len(sources) == 0 {
		return nil
	}
	o, spared := g.inventoryOptions(w), g.config.Sound("safety.exclude") && g.config.Sound("safety.allow_loopback")
	if !spared {
		o.Exclude = []string{"*"} // any of them may be one that was to be left out, and then nothing need be right with it
	}
	if g.partly || !spared {
		sources = append(sources, withheld{})
	}
	_, err := inventory.New(o, sources...).Load(ctx)
	return g.inventoryMistakes(err)
}

// listBeside has the graph know hosts by name, group and tag, as far as they can be listed by what is sound and local,
// and returns those sources.
func (g *graph) listBeside(ctx context.Context) (sources []inventory.Source) {
	var known []engine.Host
	seen := map[string]bool{}
	for _, i := range g.config.Inventories {
		source, whole := g.soundSource(i)
		g.partly = g.partly || !whole
		if source == nil {
			continue
		}
		sources = append(sources, source)
		listing, err := source.Load(ctx)
		g.partly = g.partly || err != nil
		for _, e := range listing.Entries {
			if !seen[e.Name] {
				seen[e.Name], known = true, append(known, e.Host)
			}
		}
	}
	g.partly = g.partly || !g.config.Sound("inventory") && len(sources) == 0
	g.plan.Roster = engine.NewRoster(known)
	return sources
}

// soundSource is what may be read of a source though there are mistakes; nil if nothing. whole tells that it is all.
func (g *graph) soundSource(i config.Inventory) (source inventory.Source, whole bool) {
	switch {
	case i.Source == nil, i.Type == config.CommandInventory, i.Type == config.ConsulInventory,
		!g.config.Sound(i.Key, "hosts", "refresh", "stale_after", "timeout"):
		return nil, false
	}
	static, is := i.Source.(inventory.Static)
	if !is {
		return i.Source, true
	}
	var hosts []inventory.StaticHost
	for n, h := range static.Hosts {
		if g.config.Sound(fmt.Sprintf("%s.hosts[%d]", i.Key, n)) {
			hosts = append(hosts, h)
		}
	}
	whole = g.config.Sound(i.Key + ".hosts")
	if static.Hosts = hosts; len(hosts) == 0 {
		return nil, whole
	}
	return static, whole
}

// hostsOf has the graph know the hosts of some sources only: nobody has asked the others. Exclusions that match none of
// them may match one of the others.
func (g *graph) hostsOf(ctx context.Context, w world, sources []inventory.Source) ([]config.Mistake, error) {
	var listings []inventory.Listing
	var wrong []config.Mistake
	var known []engine.Host
	for _, s := range sources {
		listing, err := s.Load(ctx)
		switch {
		case err == nil && len(listing.Entries) == 0:
			wrong = append(wrong, g.inventoryMistakes(fmt.Errorf("%s lists no host: fix it or remove the source", s.Name()))...)
		case inventory.Unread(err) && g.looks.goOn:
			g.lacks(err)
		case err != nil:
			wrong = append(wrong, g.inventoryMistakes(err)...)
		}
		if err == nil {
			listings = append(listings, listing)
		}
		for _, e := range listing.Entries {
			known = append(known, e.Host)
		}
	}
	if len(wrong) > 0 || len(known) == 0 {
		return wrong, nil
	}
	o := g.inventoryOptions(w)
	o.Exclude = slices.DeleteFunc(slices.Clone(o.Exclude), func(term string) bool {
		return !slices.ContainsFunc(known, engine.Selector{term}.Selects)
	})
	result, err := inventory.Merge(o, listings...)
	if err != nil {
		return g.inventoryMistakes(err), nil
	}
	g.know(result)
	return nil, nil
}

// lacks says what could not be read.
func (g *graph) lacks(why error) {
	for _, one := range leaves(why) {
		g.notices = append(g.notices, fmt.Sprintf("cannot be read now, and without it not all hosts are known: %v", one))
	}
}

// down tells whether the source is among those that could not be read.
func down(s inventory.Source, why error) bool {
	return slices.ContainsFunc(leaves(why), func(one error) bool { return strings.Contains(one.Error(), s.Name()) })
}

// withheld stands for the sources that are not read: with it, nobody takes the others for all there is.
type withheld struct{}

var (
	_           inventory.Source = withheld{}
	errWithheld                  = errors.New("not read")
)

// Name is never shown.
func (withheld) Name() string { return "" }

// Load fails.
func (withheld) Load(context.Context) (inventory.Listing, error) {
	return inventory.Listing{}, errWithheld
}

// leaves are the errors that were joined into one.
func leaves(err error) (all []error) {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		for _, one := range joined.Unwrap() {
			all = append(all, leaves(one)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// inventoryMistakes puts what is wrong with hosts and their sources where the configuration, or the file, says it.
func (g *graph) inventoryMistakes(err error) (wrong []config.Mistake) {
	for _, one := range leaves(err) {
		if errors.Is(one, errWithheld) {
			continue
		}
		for line := range strings.SplitSeq(one.Error(), "\n") {
			m := g.inventoryMistake(line)
			switch {
			case inventory.Unread(one):
				m.Hint = "this may pass; try again later"
			case strings.Contains(line, " is loopback"):
				m.Hint = "safety.allow_loopback = true lets such hosts be, for containers and tests"
			}
			wrong = append(wrong, m)
		}
	}
	return wrong
}

var inFile = regexp.MustCompile(`^(/?[^\s:"]+):(\d+): (.*)$`)

func (g *graph) inventoryMistake(line string) config.Mistake {
	if here := regexp.MustCompile(`(?:^|in )`+regexp.QuoteMeta(g.config.File)+`:(\d+)\b`).FindAllStringSubmatch(line, -1); here != nil {
		m := config.Mistake{File: g.config.File, Key: "inventory.hosts", Message: line}
		m.Line, _ = strconv.Atoi(here[len(here)-1][1]) // of two places the later one is to be changed
		m.Message = strings.TrimPrefix(line, fmt.Sprintf("%s:%d: ", m.File, m.Line))
		return m
	}
	for i, term := range g.config.Hosts.Exclude {
		if strings.HasPrefix(line, fmt.Sprintf("safety.exclude %q ", term)) {
			return g.config.Wrong(fmt.Sprintf("safety.exclude[%d]", i), "%s", strings.TrimPrefix(line, "safety.exclude "))
		}
	}
	if strings.HasPrefix(line, "safety.exclude") {
		return g.config.Wrong("safety.exclude", "%s", line)
	}
	if at := inFile.FindStringSubmatch(line); at != nil {
		m := config.Mistake{File: at[1], Message: at[3]}
		m.Line, _ = strconv.Atoi(at[2])
		return m
	}
	for _, i := range g.config.Inventories {
		if i.Source != nil && strings.Contains(line, i.Source.Name()) {
			return g.config.Wrong(i.Key+keyOf(i.Type, line), "%s", line)
		}
	}
	return g.config.Wrong("inventory", "%s", line)
}

// keyOf is the key of a source that a failure is about.
func keyOf(t config.InventoryType, failure string) string {
	switch {
	case strings.Contains(failure, ": selector "), strings.Contains(failure, ": the selector "):
		return ".select"
	case t == config.CommandInventory:
		return ".command"
	case t == config.FileSDInventory:
		return ".files"
	case t == config.ConsulInventory:
		return ".url"
	case t == config.StaticInventory:
		return ".hosts"
	}
	return ".path"
}
