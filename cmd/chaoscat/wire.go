package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/chat"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/webhook"
	"github.com/chaoscat/chaoscat/inventory"
)

// graph is everything that a configuration stands for, put together and checked, before anything runs.
type graph struct {
	config    *config.Config
	catalogue []attacks.Definition // the builtin attacks and the plan's custom ones
	runner    attacks.Runner
	inventory *inventory.Inventory
	current   atomic.Pointer[engine.Roster] // the hosts as they were last read
	notices   []string
	plan      engine.Plan
	calendars *calendars // nil: none, as in a demo
	gates     *gatekeeper
	carrier   carrier
	hooks     []*webhook.Hook // see webhooks
	looks     looking
	partly    bool       // some hosts are not known, and nothing can be said of what selects them
	chat      *chat.Chat // see slack
}

// looking is how a graph is made that nothing is run with. The zero value is for all others.
type looking struct {
	goOn    bool // also without the sources of hosts that cannot be read now
	offline bool // and without those that are asked over the network
}

// carrier is what reaches the hosts.
type carrier interface {
	local.Carrier
	Close()
}

var (
	_ carrier = (*remote.Carrier)(nil)
	_ carrier = outOfReach{}
)

// outOfReach stands in for the carrier in an engine that only takes an order: it reaches nobody, and says why.
type outOfReach struct{ err error }

// Inspect says why the host cannot be reached.
func (o outOfReach) Inspect(context.Context, engine.Host, []engine.Attack) engine.Facts {
	return engine.Facts{Unreachable: o.err.Error()}
}

// Attack refuses.
func (o outOfReach) Attack(context.Context, engine.Run, <-chan string, func(engine.Advanced), func(string)) engine.Outcome {
	return engine.Outcome{Effect: engine.Refused, Cause: "error", Detail: o.err.Error()}
}

// Reconcile has looked at nothing.
func (o outOfReach) Reconcile(_ context.Context, r engine.Run) engine.Reconciled {
	return engine.Reconciled{Run: r.ID, Host: r.Host.Name, Unreached: true, Text: o.err.Error()}
}

// Sweep has looked at nothing.
func (o outOfReach) Sweep(_ context.Context, h engine.Host, _ bool) (engine.Reconciled, []string) {
	return engine.Reconciled{Host: h.Name, Unreached: true, Text: o.err.Error()}, nil
}

// Close has nothing to close.
func (o outOfReach) Close() {}

// build puts the parts together in the order in which they need each other. Everything that is wrong with
// the configuration is found here, and reported at once where it can be; no host is contacted.
func build(ctx context.Context, w world, cfg *config.Config) (*graph, error) {
	return rebuild(ctx, w, cfg, nil)
}

// rebuild is build in the place of what runs already: sources of its inventory that cannot be read now, and are written
// as before, keep what they listed there.
func rebuild(ctx context.Context, w world, cfg *config.Config, before *inventory.Inventory) (*graph, error) {
	g := &graph{config: cfg}
	if err := g.fill(ctx, w, before); err != nil {
		return nil, err
	}
	return g, nil
}

// fill puts the parts together. Of a configuration that was read with mistakes it looks for more in what is sound, and
// reports all of them together: it never makes a graph that anything could be run with.
func (g *graph) fill(ctx context.Context, w world, before *inventory.Inventory) error {
	planned, err := g.attacks()
	wrong := append(g.config.Mistakes(), mistakesOf(err)...)
	g.runner = attacks.Bundle(g.catalogue, attacks.BundleOptions{})
	more, err := g.hosts(ctx, w, before, len(wrong) == 0)
	if err != nil {
		return err
	}
	wrong = append(wrong, more...)
	if !g.partly {
		wrong = slices.Concat(wrong, g.selectors(), mistakesOf(g.gateHosts()))
	}
	if g.config.Sound("schedule") {
		if g.calendars, err = newCalendars(w, g.config); err != nil {
			wrong = append(wrong, g.config.Wrong("schedule.calendars", "%v", err))
		}
	}
	if g.gates, err = newGatekeeper(w, g.config, g.askHost); err != nil {
		wrong = append(wrong, mistakesOf(err)...)
	}
	if len(wrong) > 0 {
		return config.Collect(slices.CompactFunc(append(wrong, g.peopleMistakes(w)...), func(a, b config.Mistake) bool { return a == b }))
	}
	if err != nil {
		return fail(exitConfig, fmt.Errorf("%s: %w", g.config.File, err))
	}
	return g.makePlan(planned)
}

// makePlan has the core take all of it, unless nothing is known of hosts.
func (g *graph) makePlan(planned []engine.Attack) (err error) {
	p := engine.Plan{
		Name: g.config.Name, DryRun: g.config.DryRun, Schedule: g.schedule(), Safety: g.config.Safety,
		Attacks: planned, Gates: g.config.Gates(), Roster: g.plan.Roster,
	}
	if g.partly && g.plan.Roster.Len() == 0 {
		g.plan = p
		return nil
	}
	if g.plan, err = engine.NewPlan(p); err != nil {
		return fail(exitConfig, fmt.Errorf("%s: %w", g.config.File, err))
	}
	return nil
}

// connect makes the carrier: keys and known hosts are read, and what is wrong with them is said.
func (g *graph) connect(w world) error {
	o := carrierOptions(w, g.config, g.catalogue, g.runner)
	o.Lookup = g.lookup()
	c, err := remote.New(o)
	if err != nil {
		return fail(exitConfig, err)
	}
	g.carrier = c
	return nil
}

// attacks fills the plan's attacks in from the catalogue, and reports all that is wrong with any of them.
func (g *graph) attacks() (planned []engine.Attack, err error) {
	g.catalogue = attacks.Builtin()
	defs, wrong := g.definitions()
	sound := g.config.Sound
	for _, a := range g.config.Attacks {
		d, ok := defs[a.Key]
		if !ok {
			continue // said already
		}
		a.Params = withParts(a)
		if a.For == 0 {
			a.For = d.Default
		}
		lasts := sound(a.Key + ".for")
		if d.Max > 0 && a.For > d.Max && lasts {
			wrong = append(wrong, g.config.Wrong(a.Key+".for", "%s may last %s at most", d.Name, engine.Span(d.Max)))
		}
		if a.For > g.config.Safety.MaxDuration && lasts && sound("safety.max_duration") {
			wrong = append(wrong, g.config.Wrong(a.Key+".for", "%s lasts %s, above safety.max_duration (%s)", a.Name, engine.Span(a.For), engine.Span(g.config.Safety.MaxDuration)))
		}
		if !sound(a.Key+".params") || !sound(a.Key+".part") {
			continue // what they come to is not known
		}
		wire, err := attacks.Check(d, a.Params)
		if err != nil {
			wrong = append(wrong, g.wrongParams(a, err)...)
		}
		if err := tooLate(a, a.For); err != nil && lasts && sound(a.Key+".gap") {
			wrong = append(wrong, g.config.Wrong(a.Key+".gap", "%v", err))
		}
		a.Kind, a.Family, a.Reversible = d.Name, d.Family, attacks.Undoes(d, wire)
		if !a.Reversible && !g.config.Safety.Irreversible && sound("safety.irreversible") {
			m := g.config.Wrong(a.Key+".kind", "%s has no undo", a.Name)
			m.Hint = "say irreversible = true under [safety] if hosts may be left so, or remove it"
			wrong = append(wrong, m)
		}
		planned = append(planned, a.Attack)
	}
	return planned, config.Collect(wrong)
}

// wrongParams says each mistake where the parameters of an attack stand.
func (g *graph) wrongParams(a config.Attack, err error) (wrong []config.Mistake) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		key := a.Key + ".params"
		for i, p := range a.Parts {
			if strings.HasPrefix(line, fmt.Sprintf("part %d of ", i+1)) && p.Params != nil {
				key = p.Key + ".params"
			}
		}
		wrong = append(wrong, g.config.Wrong(key, "%s", line))
	}
	return wrong
}

// withParts is the parameters of an attack with those of its parts, as the whole calls them.
func withParts(a config.Attack) map[string]string {
	if len(a.Parts) == 0 {
		return a.Params
	}
	all := maps.Clone(a.Params)
	if all == nil {
		all = map[string]string{}
	}
	for i, p := range a.Parts {
		for name, value := range p.Params {
			all[attacks.PartParam(i, name)] = value
		}
	}
	return all
}

// tooLate is what is wrong with a compound attack whose last part would begin when all is over.
func tooLate(a config.Attack, hold time.Duration) error {
	if last := a.Gap * time.Duration(max(0, len(a.Parts)-1)); last > 0 && last >= hold {
		return fmt.Errorf("the last part of %s would begin after %s, and all is over after %s", a.Name, engine.Span(last), engine.Span(hold))
	}
	return nil
}

// definitions finds the attacks of the plan in the catalogue, by key, and adds the operator's own to it: first the
// custom ones, then those that may be made of them.
func (g *graph) definitions() (map[string]attacks.Definition, []config.Mistake) {
	found, wrong := map[string]attacks.Definition{}, []config.Mistake(nil)
	add := func(a config.Attack, d attacks.Definition, err error) {
		if err != nil {
			wrong = append(wrong, g.config.Wrong(a.Key, "%v", err))
			return
		}
		found[a.Key], g.catalogue = d, append(g.catalogue, d)
	}
	for _, a := range g.config.Attacks {
		if a.Custom != nil && g.config.Sound(a.Key, aside...) {
			d, err := g.custom(a)
			add(a, d, err)
		}
	}
	for _, a := range g.config.Attacks {
		if len(a.Parts) == 0 || !g.config.Sound(a.Key, aside...) {
			continue
		}
		if parts, mistakes := g.parts(a); mistakes == nil {
			d, err := attacks.Compound(a.Name, parts, a.Gap)
			add(a, d, err)
		} else {
			wrong = append(wrong, mistakes...)
		}
	}
	for _, a := range g.config.Attacks {
		if a.Custom != nil || len(a.Parts) > 0 || !g.fromCatalogue(a) {
			continue
		}
		if d, ok := attacks.Find(a.Kind); ok {
			found[a.Key] = d
		} else {
			wrong = append(wrong, g.noSuchAttack(a.Key+".kind", a.Kind))
		}
	}
	return found, wrong
}

// aside are the keys of an attack without which it is known all the same which one is meant.
var aside = []string{"weight", "for", "params", "hosts", "approval", "days", "hours", "tolerate"}

// fromCatalogue tells whether an attack is certainly meant to be one of the catalogue, and which.
func (g *graph) fromCatalogue(a config.Attack) bool {
	for _, name := range []string{"name", "kind", "compound", "part", "inject", "undo", "measure", "irreversible", "figure", "unit"} {
		if !g.config.Sound(a.Key + "." + name) {
			return false
		}
	}
	return a.Kind != ""
}

func (g *graph) noSuchAttack(key, kind string) config.Mistake {
	m := g.config.Wrong(key, "there is no attack %q in the catalogue", kind)
	m.Nearest = inventory.Nearest(kind, names(g.catalogue))
	m.Hint = "chaoscat attacks lists them"
	return m
}

// parts finds those of a compound attack: any that the catalogue has, the custom ones of the plan included.
func (g *graph) parts(a config.Attack) (parts []attacks.Definition, wrong []config.Mistake) {
	for _, p := range a.Parts {
		i := slices.IndexFunc(g.catalogue, func(d attacks.Definition) bool { return d.Name == p.Kind })
		if i < 0 && !g.config.Sound("attack") && slices.ContainsFunc(g.config.Attacks, func(other config.Attack) bool {
			return !g.fromCatalogue(other) && (other.Name == p.Kind || other.Name == "")
		}) {
			return nil, []config.Mistake{} // it may be the custom one that has a mistake of its own
		}
		if i < 0 {
			wrong = append(wrong, g.noSuchAttack(p.Key, p.Kind))
			continue
		}
		parts = append(parts, g.catalogue[i])
	}
	return parts, wrong
}

// surveyor is who looks at the whole roster in the background; nobody where the configuration wants none, or where
// the engine lives for a single command only.
func (g *graph) surveyor(lasting bool) local.Surveyor {
	s, able := g.carrier.(local.Surveyor)
	if !able || !lasting || g.config.SSH.SurveyRate == 0 {
		return nil
	}
	return s
}

// lookup finds the addresses behind the names among peers: hosts and groups as the inventory has them now, and
// whatever the machine's own resolver knows.
func (g *graph) lookup() attacks.Lookup {
	resolve := func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
	return inventory.Lookup(g.current.Load, resolve)
}

func names(catalogue []attacks.Definition) (n []string) {
	for _, d := range catalogue {
		n = append(n, d.Name)
	}
	return n
}

func (g *graph) custom(a config.Attack) (attacks.Definition, error) {
	c := a.Custom
	files := attacks.CustomFiles{
		Name: a.Name, InjectFile: c.Inject, UndoFile: c.Undo, MeasureFile: c.Measure, Irreversible: c.Irreversible,
		Params: slices.Sorted(maps.Keys(a.Params)), Figure: attacks.Figure{Name: c.Figure, Unit: c.Unit}, Max: g.config.Safety.MaxDuration,
	}
	var errs [3]error
	files.Inject, errs[0] = script(c.Inject)
	files.Undo, errs[1] = script(c.Undo)
	files.Measure, errs[2] = script(c.Measure)
	if err := errors.Join(errs[:]...); err != nil {
		return attacks.Definition{}, err
	}
	return attacks.Custom(files)
}

func script(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// checkOrder refuses an attack by order whose parameters or duration the catalogue does not allow, before
// anything is drawn.
func (g *graph) checkOrder(o engine.Order) error {
	if o.Kind != engine.RunOnce || (o.Attack == "" && len(o.Params) == 0) {
		return nil
	}
	planned, known := g.plan.Attack(o.Attack)
	if o.Attack == "" {
		return errors.New("parameters need an attack: name it with --attack")
	}
	i := slices.IndexFunc(g.catalogue, func(d attacks.Definition) bool { return d.Name == planned.Kind })
	if !known || i < 0 {
		return nil // the core knows what is in the plan, and says so
	}
	params := maps.Clone(planned.Params)
	if params == nil {
		params = map[string]string{}
	}
	maps.Copy(params, o.Params)
	wire, err := attacks.Check(g.catalogue[i], params)
	if err == nil && planned.Reversible && !attacks.Undoes(g.catalogue[i], wire) && (o.Role < engine.Admin || !g.plan.Safety.Irreversible) {
		err = fmt.Errorf("with these parameters nothing takes %s back: that needs safety.irreversible = true and the role %s", o.Attack, engine.Admin)
	}
	if at := slices.IndexFunc(g.config.Attacks, func(a config.Attack) bool { return a.Name == o.Attack }); at >= 0 && o.For > 0 {
		err = errors.Join(err, tooLate(g.config.Attacks[at], o.For))
	}
	if d := g.catalogue[i]; d.Max > 0 && o.For > d.Max {
		err = errors.Join(err, fmt.Errorf("%s may last %s at most", d.Name, engine.Span(d.Max)))
	}
	return errors.Join(err, g.noSuchGroup(g.catalogue[i], wire))
}

// noSuchGroup says which groups among the peers nobody is in. Other names may be known to the DNS, which is asked when
// a host's turn comes: the engine waits for nobody in the middle of an order.
func (g *graph) noSuchGroup(d attacks.Definition, wire map[string]string) error {
	roster := g.current.Load()
	if roster == nil {
		roster = g.plan.Roster
	}
	var wrong []error
	for _, p := range d.Params {
		for word := range strings.SplitSeq(wire[p.Name], ",") {
			if p.Kind != attacks.Peers || !strings.HasPrefix(word, "group:") {
				continue
			}
			if err := inventory.CheckSelector(engine.Selector{word}, roster.Hosts()); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %s: %w", d.Name, p.Name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// unreadNow begins what is said of sources behind which something is down; it is told from a mistake by that, also when
// it comes from an engine elsewhere.
const unreadNow = "the inventory cannot be read now"

// hosts reads every source, if all else is right. A mistake in any of them is a mistake in the whole; that one cannot be
// read now is none, and may be over when it is tried again.
func (g *graph) hosts(ctx context.Context, w world, before *inventory.Inventory, right bool) ([]config.Mistake, error) {
	if !right {
		return g.hostsBeside(ctx, w), nil
	}
	var sources []inventory.Source
	for _, i := range g.config.Inventories {
		if g.looks.offline && i.Type == config.ConsulInventory {
			g.partly = true
			continue
		}
		if i.Type == config.StaticInventory { // it is in the configuration, which is read again as a whole
			i.Refresh = 0
		}
		sources = append(sources, inventory.Paced{Source: i.Source, Every: i.Refresh, StaleAfter: i.StaleAfter})
	}
	if g.partly {
		return g.hostsOf(ctx, w, sources)
	}
	o := g.inventoryOptions(w)
	o.Before = before
	g.inventory = inventory.New(o, sources...)
	result, err := g.inventory.Load(ctx)
	switch {
	case inventory.Unread(err) && g.looks.goOn:
		g.partly = true
		g.lacks(err)
		return g.hostsOf(ctx, w, slices.DeleteFunc(sources, func(s inventory.Source) bool { return down(s, err) }))
	case inventory.Unread(err):
		return nil, fmt.Errorf(unreadNow+"; the configuration need not be wrong, try again later:\n%w", err)
	case err != nil:
		g.listBeside(ctx)
		return g.inventoryMistakes(err), nil
	}
	g.know(result)
	return nil, nil
}

func (g *graph) know(result inventory.Result) {
	g.notices, g.plan.Roster = append(g.notices, result.Notices...), result.Roster
	g.current.Store(result.Roster)
}

func (g *graph) inventoryOptions(w world) inventory.Options {
	return inventory.Options{
		Exclude: g.config.Hosts.Exclude, AllowLoopback: g.config.Hosts.AllowLoopback, Self: ownAddresses(), DefaultPort: g.config.SSH.Port, DefaultJump: g.config.SSH.Jump,
		Clock: w.clock, Zone: g.config.Schedule.Location,
	}
}

// selectors makes sure that every attack has somebody to hit: a typo would otherwise quietly spare all.
func (g *graph) selectors() (wrong []config.Mistake) {
	check := func(key string, hosts engine.Selector) {
		if err := inventory.CheckSelector(hosts, g.plan.Roster.Hosts()); len(hosts) > 0 && err != nil && g.config.Sound(key) {
			wrong = append(wrong, g.config.Wrong(key, "%v", err))
		}
	}
	for _, a := range g.config.Attacks {
		check(a.Key+".hosts", a.Hosts)
	}
	for i, group := range g.config.Schedule.Groups {
		check(fmt.Sprintf("schedule.group[%d].hosts", i), group.Hosts)
	}
	return wrong
}

// ownAddresses is this machine as a target: it must never be one.
func ownAddresses() (own []string) {
	if name, err := os.Hostname(); err == nil {
		own = append(own, name)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return own // without a network there is nothing to attack either
	}
	for _, a := range addresses {
		if prefix, ok := a.(*net.IPNet); ok {
			own = append(own, prefix.IP.String())
		}
	}
	return own
}

func carrierOptions(w world, cfg *config.Config, catalogue []attacks.Definition, runner attacks.Runner) remote.Options {
	user := cfg.SSH.User
	if user == "" {
		user = w.user
	}
	socket := ""
	if cfg.SSH.Agent != config.AgentNever {
		socket = w.env("SSH_AUTH_SOCK")
	}
	identities := cfg.SSH.IdentityFiles
	if len(identities) == 0 && socket == "" {
		identities = usualIdentities(w)
	}
	return remote.Options{
		Runner: runner, Attacks: catalogue,
		User: user, Port: cfg.SSH.Port, Jump: cfg.SSH.Jump, IdentityFiles: identities, AgentSocket: socket,
		KnownHosts: knownHosts(cfg.SSH.KnownHosts), Sudo: cfg.SSH.Sudo, ConnectTimeout: cfg.SSH.ConnectTimeout,
		KeepAlive: cfg.SSH.KeepAlive, Lease: cfg.Safety.Lease, Clock: w.clock,
		Survey: remote.Survey{PerSecond: cfg.SSH.SurveyRate, Keep: cfg.SSH.KeepOpen, Every: cfg.SSH.SurveyEvery},
	}
}

// usualIdentities are the keys that ssh itself would try, where there are any.
func usualIdentities(w world) []string {
	var paths []string
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		paths = append(paths, filepath.Join(w.home, ".ssh", name))
	}
	return existing(paths)
}

func existing(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, os.ErrNotExist)
	})
}

// knownHosts leaves out files that are not there, but never all of them: what is missing must be said.
func knownHosts(paths []string) []string {
	if there := existing(paths); len(there) > 0 {
		return there
	}
	return paths[:min(1, len(paths))]
}

// gatekeeper asks the configured gates.
type gatekeeper struct {
	asked []health.Asked
	world world
	now   *health.Runner
}

var _ local.Gates = (*gatekeeper)(nil)

func newGatekeeper(w world, cfg *config.Config, afar afar) (*gatekeeper, error) {
	k := &gatekeeper{world: w}
	var wrong []config.Mistake
	for _, g := range append(slices.Clone(cfg.Health), cfg.OnCall) {
		if !cfg.Sound(g.Key) || g.Type == config.PagerDutyGate && !cfg.Sound("pagerduty") || g.Type == config.IcalGate && !cfg.Sound("schedule.timezone") {
			continue // said already
		}
		g.Calendar.Keep = keptRota(cfg)
		by, err := gate(w, g, afar)
		if err != nil {
			wrong = append(wrong, cfg.Wrong(g.Key, "%s: %v", g.Name, err))
			continue
		}
		k.asked = append(k.asked, health.Asked{Gate: g.Gate, By: by})
	}
	if len(wrong)+len(cfg.Mistakes()) > 0 {
		return nil, config.Collect(wrong)
	}
	var err error
	k.now, err = health.NewRunner(k.asked, w.clock, func(string, engine.GateAnswer) {})
	return k, err
}

// Run asks each gate at its interval until ctx ends.
func (k *gatekeeper) Run(ctx context.Context, tell func(string, engine.GateAnswer)) {
	runner, err := health.NewRunner(k.asked, k.world.clock, tell)
	if err != nil {
		panic("the gates were checked when they were made: " + err.Error())
	}
	runner.Run(ctx)
}

// AskNow asks one gate afresh.
func (k *gatekeeper) AskNow(ctx context.Context, gate string) engine.GateAnswer {
	return k.now.AskNow(ctx, gate)
}
