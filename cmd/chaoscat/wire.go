package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/inventory"
)

// graph is everything that a configuration stands for, put together and checked, before anything runs.
type graph struct {
	config    *config.Config
	catalogue []attacks.Definition // the builtin attacks and the plan's custom ones
	runner    attacks.Runner
	inventory *inventory.Inventory
	refresh   time.Duration // 0: the inventory does not change
	notices   []string
	plan      engine.Plan
	gates     *gatekeeper
	carrier   carrier
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
	g := &graph{config: cfg}
	planned, err := g.attacks()
	if err != nil {
		return nil, err
	}
	g.runner = attacks.Bundle(g.catalogue, attacks.BundleOptions{})
	if err := g.hosts(ctx); err != nil {
		return nil, err
	}
	if err := g.selectors(planned); err != nil {
		return nil, err
	}
	g.plan, err = engine.NewPlan(engine.Plan{
		Name: cfg.Name, DryRun: cfg.DryRun, Schedule: cfg.Schedule, Safety: cfg.Safety,
		Attacks: planned, Gates: cfg.Gates(), Roster: g.plan.Roster,
	})
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%s: %w", cfg.File, err))
	}
	if g.gates, err = newGatekeeper(w, cfg); err != nil {
		return nil, fail(exitConfig, fmt.Errorf("%s: %w", cfg.File, err))
	}
	return g, nil
}

// connect makes the carrier: keys and known hosts are read, and what is wrong with them is said.
func (g *graph) connect(w world) error {
	c, err := remote.New(carrierOptions(w, g.config, g.catalogue, g.runner))
	if err != nil {
		return fail(exitConfig, err)
	}
	g.carrier = c
	return nil
}

// attacks fills the plan's attacks in from the catalogue, and reports all that is wrong with any of them.
func (g *graph) attacks() (planned []engine.Attack, err error) {
	g.catalogue = attacks.Builtin()
	var wrong []config.Mistake
	for _, a := range g.config.Attacks {
		d, mistake := g.definition(a)
		if mistake != nil {
			wrong = append(wrong, *mistake)
			continue
		}
		if a.For == 0 {
			a.For = d.Default
		}
		if d.Max > 0 && a.For > d.Max {
			wrong = append(wrong, g.config.Wrong(a.Key+".for", "%s may last %s at most", d.Name, engine.Span(d.Max)))
		}
		if a.For > g.config.Safety.MaxDuration {
			wrong = append(wrong, g.config.Wrong(a.Key+".for", "%s lasts %s, above safety.max_duration (%s)", a.Name, engine.Span(a.For), engine.Span(g.config.Safety.MaxDuration)))
		}
		if _, err := attacks.Check(d, a.Params); err != nil {
			wrong = append(wrong, g.config.Wrong(a.Key+".params", "%v", err))
		}
		a.Kind, a.Family, a.Reversible = d.Name, d.Family, d.Reversible
		planned = append(planned, a.Attack)
	}
	return planned, config.Collect(wrong)
}

// definition finds an attack in the catalogue, or adds the operator's own to it.
func (g *graph) definition(a config.Attack) (attacks.Definition, *config.Mistake) {
	if a.Custom != nil {
		d, err := g.custom(a)
		if err != nil {
			m := g.config.Wrong(a.Key, "%v", err)
			return d, &m
		}
		g.catalogue = append(g.catalogue, d)
		return d, nil
	}
	if d, ok := attacks.Find(a.Kind); ok {
		return d, nil
	}
	m := g.config.Wrong(a.Key+".kind", "there is no attack %q in the catalogue", a.Kind)
	m.Nearest = inventory.Nearest(a.Kind, names(g.catalogue))
	m.Hint = "chaoscat attacks lists them"
	return attacks.Definition{}, &m
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
	_, err := attacks.Check(g.catalogue[i], params)
	if d := g.catalogue[i]; d.Max > 0 && o.For > d.Max {
		err = errors.Join(err, fmt.Errorf("%s may last %s at most", d.Name, engine.Span(d.Max)))
	}
	return err
}

// hosts reads every source. A mistake in any of them is a mistake in the whole.
func (g *graph) hosts(ctx context.Context) error {
	var sources []inventory.Source
	for _, i := range g.config.Inventories {
		sources = append(sources, i.Source)
		if i.Refresh > 0 && (g.refresh == 0 || i.Refresh < g.refresh) {
			g.refresh = i.Refresh
		}
	}
	g.inventory = inventory.New(inventory.Options{
		Exclude: g.config.Hosts.Exclude, AllowLoopback: g.config.Hosts.AllowLoopback, Self: ownAddresses(), DefaultPort: g.config.SSH.Port,
	}, sources...)
	result, err := g.inventory.Load(ctx)
	if err != nil {
		return fail(exitConfig, err)
	}
	g.notices, g.plan.Roster = result.Notices, result.Roster
	return nil
}

// selectors makes sure that every attack has somebody to hit: a typo would otherwise quietly spare all.
func (g *graph) selectors(planned []engine.Attack) error {
	var wrong []config.Mistake
	for i, a := range planned {
		if err := inventory.CheckSelector(a.Hosts, g.plan.Roster.Hosts()); len(a.Hosts) > 0 && err != nil {
			wrong = append(wrong, g.config.Wrong(g.config.Attacks[i].Key+".hosts", "%v", err))
		}
	}
	return config.Collect(wrong)
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

func newGatekeeper(w world, cfg *config.Config) (*gatekeeper, error) {
	k := &gatekeeper{world: w}
	var wrong []error
	for _, g := range append(slices.Clone(cfg.Health), cfg.OnCall) {
		by, err := gate(g)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", g.Name, err))
			continue
		}
		k.asked = append(k.asked, health.Asked{Gate: g.Gate, By: by})
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	var err error
	k.now, err = health.NewRunner(k.asked, w.clock, func(string, engine.GateAnswer) {})
	return k, err
}

func gate(g config.Gate) (health.Gate, error) {
	if g.Type == config.CommandGate {
		return health.Command(g.Command)
	}
	return health.HTTP(g.HTTP)
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
