package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/attacks"
	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/inventory"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

type demoOptions struct {
	hosts  int
	seed   uint64
	speed  float64
	atOnce int
}

func (a *app) demoCommand() *cobra.Command {
	o := demoOptions{hosts: 60, seed: 1, speed: 10, atOnce: 1}
	c := &cobra.Command{
		Use: "demo", Short: "The whole thing on a simulated fleet, touching nothing", Args: cobra.NoArgs,
		Long: `demo runs the console on a fleet inside this process, behind real SSH servers on loopback, with a fast
clock and a health check that turns red during some attacks. Nothing outside a temporary directory is
touched. Without a terminal it runs one whole cycle and a stop, tells it line by line, and exits.`,
		Example: "  chaoscat demo\n  chaoscat demo --hosts 10000 --seed 7\n  chaoscat demo </dev/null | cat\n\n" +
			"  a game day on many hosts, ordered from a second terminal:\n  chaoscat demo --hosts 1000 --at-once 500 --socket /tmp/demo.sock\n" +
			"  chaoscat --socket /tmp/demo.sock run-once --attack cpu --group web --count 9",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), o) },
	}
	c.Flags().IntVar(&o.hosts, "hosts", o.hosts, "`N` simulated hosts")
	c.Flags().Uint64Var(&o.seed, "seed", o.seed, "`S`, of which the fleet and every draw are made")
	c.Flags().Float64Var(&o.speed, "speed", o.speed, "run `X` times as fast as the clock on the wall, 1 to 60")
	c.Flags().IntVar(&o.atOnce, "at-once", o.atOnce, "`N` hosts may be under attack at once")
	c.Flags().BoolVar(&a.daemon, "daemon", false, "headless, until interrupted")
	a.looks.flags(c)
	return c
}

// demo puts a house together like any other; only the fleet, the gates and the clock are simulated.
func (a *app) demo(ctx context.Context, o demoOptions) error {
	if o.hosts < 1 || o.hosts > simulated.MostHosts {
		return fail(exitUsage, fmt.Errorf("--hosts %d: 1 to %d", o.hosts, simulated.MostHosts))
	}
	if o.speed < 1 || o.speed > 60 {
		return fail(exitUsage, fmt.Errorf("--speed %g: 1 to 60", o.speed))
	}
	if o.atOnce < 1 {
		return fail(exitUsage, fmt.Errorf("--at-once %d: at least 1", o.atOnce))
	}
	if a.state != "" {
		return fail(exitUsage, fmt.Errorf("--state-dir %s: the demo keeps its state in a temporary directory of its own, which goes with it; leave the flag out", a.state))
	}
	if err := a.looks.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "chaoscat-demo-")
	if err != nil {
		return fmt.Errorf("demo: making a temporary directory: %w", err)
	}
	defer os.RemoveAll(dir)
	a.clock = clock.Fast(time.Now(), demoMorning(time.Now()), o.speed)
	catalogue, err := demoCatalogue()
	if err != nil {
		return err
	}
	fleet, err := simulated.New(simulated.Options{
		Hosts: o.hosts, Seed: o.seed, Clock: a.clock, Dir: dir, LeaseAtLeast: 3 * time.Second,
		Attacks: simulatedAttacks(catalogue), RoundTrip: simulated.Distance,
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer fleet.Close()
	g, err := demoGraph(a.world, fleet, catalogue, o.atOnce)
	if err != nil {
		return err
	}
	defer g.carrier.Close()
	return a.playDemo(ctx, g, dir, o.seed)
}

// seeded are dice that fall the same way for the same seed. They are thrown anew only when a draw has used
// them: how many other events lie between two draws is a matter of timing.
type seeded struct {
	lock   sync.Mutex
	source *rand.PCG
	value  uint64
	seen   uint64
	record historian // nil until the engine stands
}

type historian interface {
	History(ctx context.Context, after uint64) ([]engine.Record, error)
}

func newSeeded(seed uint64) *seeded {
	s := &seeded{source: rand.NewPCG(seed, seed)}
	s.value = s.source.Uint64()
	return s
}

// of tells whose draws use the dice.
func (s *seeded) of(record historian) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.record = record
}

func (s *seeded) throw() uint64 {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.record == nil {
		return s.value
	}
	records, err := s.record.History(context.Background(), s.seen)
	if err != nil {
		return s.source.Uint64() // not repeatable any more, and still fair
	}
	for _, r := range records {
		s.seen = r.Seq
		if r.Kind == engine.Drawn && r.Draw != nil && r.Draw.Draw == s.value {
			s.value = s.source.Uint64()
		}
	}
	return s.value
}

func (a *app) playDemo(ctx context.Context, g *graph, dir string, seed uint64) error {
	dice := newSeeded(seed)
	a.dice = dice.throw
	log := slog.New(slog.DiscardHandler)
	if a.daemon {
		log = a.logger(config.Log{Level: "info"})
	}
	socket := orElse(a.socket, filepath.Join(dir, "chaoscat.sock"))
	h, err := open(context.WithoutCancel(ctx), a.world, g, filepath.Join(dir, "state"), opening{log: log, socket: socket, demo: true})
	if err != nil {
		return err
	}
	dice.of(h.engine)
	switch {
	case a.daemon:
		a.say("DEMO, headless; other commands reach it with: --socket %s --state-dir %s", socket, filepath.Join(dir, "state"))
		<-ctx.Done()
	case !a.terminal():
		err = a.tellDemo(ctx, h)
	default:
		a.broken = h.broken
		_, err = a.show(ctx, inHouse{h.engine, h.owner}, false, screen{})
	}
	return errors.Join(err, h.close(errTerminated))
}

// demoMorning is a quarter past ten on the first working day from now on, so that the demo's window is
// open whenever it is shown.
func demoMorning(now time.Time) time.Time {
	day := time.Date(now.Year(), now.Month(), now.Day(), 10, 15, 0, 0, demoZone())
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

func demoZone() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return time.UTC
	}
	return zone
}

// demoCatalogue is everything that is built in, and one attack that is made of two.
func demoCatalogue() ([]attacks.Definition, error) {
	slow, _ := attacks.Find("latency")
	busy, _ := attacks.Find("cpu")
	both, err := attacks.Compound("rush-hour", []attacks.Definition{slow, busy}, 0)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return append(attacks.Builtin(), both), nil
}

// simulatedAttacks is what the simulated hosts must know of the catalogue.
func simulatedAttacks(catalogue []attacks.Definition) (all []simulated.Attack) {
	for _, d := range catalogue {
		a := simulated.Attack{
			Kind: d.Name, Family: d.Family, Figure: d.Figure.Name, Unit: d.Figure.Unit, Needs: d.Needs,
			Supervised: d.Supervised, Parts: simulatedAttacks(d.Parts),
		}
		for _, p := range d.Params {
			a.Params = append(a.Params, simulated.Param{Name: p.Name, Kind: string(p.Kind), Required: p.Required, Min: p.Min, Max: p.Max, Choices: p.Choices})
		}
		all = append(all, a)
	}
	return all
}

// demoAttacks are those that the schedule of the demo draws, and the rest of the catalogue by order alone.
func demoAttacks(catalogue []attacks.Definition, peer string) (planned []engine.Attack) {
	const hold = 2 * time.Minute
	add := func(d attacks.Definition, weight int64, params map[string]string, hosts ...string) {
		planned = append(planned, engine.Attack{
			Name: d.Name, Kind: d.Name, Family: d.Family, Reversible: d.Reversible,
			Weight: weight, For: min(hold, d.Max), Params: params, Hosts: hosts,
		})
	}
	plan := func(name string, weight int64, params map[string]string, hosts ...string) {
		add(catalogue[slices.IndexFunc(catalogue, func(d attacks.Definition) bool { return d.Name == name })], weight, params, hosts...)
	}
	plan("cpu", 10, map[string]string{"load": "80"})
	plan("latency", 6, map[string]string{"delay": "200ms"})
	plan("blackhole", 3, nil, "group:db")
	plan("service-stop", 4, map[string]string{"unit": "nginx.service"}, "group:web")
	plan("memory", 3, nil)
	plan("disk-fill", 2, nil, "group:db")
	plan("process-kill", 3, map[string]string{"unit": "api.service"}, "group:api")
	plan("rush-hour", 2, map[string]string{"c1_delay": "150ms", "c2_load": "70"}, "group:cache")
	plan("reboot", 2, nil, "group:web")
	for _, d := range catalogue {
		if !slices.ContainsFunc(planned, func(a engine.Attack) bool { return a.Kind == d.Name }) {
			params, hosts := demoParams(d, peer)
			add(d, 0, params, hosts...)
		}
	}
	return planned
}

// demoParams says of an attack what has to be said, so that it can be ordered by its name alone.
func demoParams(d attacks.Definition, peer string) (params map[string]string, hosts []string) {
	say := map[string]string{}
	for _, p := range d.Params {
		switch {
		case p.Kind == attacks.Unit: // also one of several ways to say which process is meant
			say[p.Name], hosts = "nginx.service", []string{"group:web"}
		case p.Kind == attacks.Millis && len(d.AnyOf) > 0 && p.Name == d.AnyOf[0]:
			say[p.Name] = "20s"
		case !p.Required || p.Default != "":
		case p.Kind == attacks.Peers:
			say[p.Name] = peer
		case p.Kind == attacks.Device:
			say[p.Name] = "eth1"
		case p.Kind == attacks.Ports:
			say[p.Name] = "8080"
		case p.Kind == attacks.Int:
			say[p.Name] = "8080"
		case p.Kind == attacks.Millis:
			say[p.Name] = "90s"
		}
	}
	return say, hosts
}

func demoPlan(fleet *simulated.Fleet, catalogue []attacks.Definition, atOnce int) engine.Plan {
	const wait = 3 * time.Minute
	return engine.Plan{
		Name: "demo",
		Schedule: engine.Schedule{Location: demoZone(), Days: [7]bool{false, true, true, true, true, true, false}, Hours: []engine.HourRange{{Start: 10 * 60, End: 18 * 60}},
			CheckEvery: time.Minute, Wait: wait},
		Safety: engine.Safety{MaxConcurrent: atOnce, Irreversible: true, LeavePerGroup: 1, HostCooldown: 4 * time.Hour, MaxDuration: 10 * time.Minute, Lease: 30 * time.Second,
			Margin: time.Minute, AbortAfter: 2, FactsFor: time.Hour},
		Attacks: demoAttacks(catalogue, fleet.Hosts()[0].Name),
		Gates: []engine.Gate{
			{Name: "error-rate", Kind: engine.Health, Interval: 10 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 2},
			{Name: "rota", Kind: engine.OnCall, Interval: 30 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1},
		},
		Roster: engine.NewRoster(fleet.Hosts()),
	}
}

// demoSurvey is a budget under which even ten thousand hosts leave the machine free for what it is there for.
var demoSurvey = remote.Survey{PerSecond: 40, Keep: 500, Every: 20 * time.Second}

// demoLookup finds hosts and groups of the fleet. A demo touches nothing outside, so it asks no DNS.
func demoLookup(g *graph) attacks.Lookup {
	return inventory.Lookup(func() *engine.Roster { return g.plan.Roster }, func(_ context.Context, name string) ([]netip.Addr, error) {
		return nil, errors.New("a demo asks nobody outside for " + name)
	})
}

func demoGraph(w world, fleet *simulated.Fleet, catalogue []attacks.Definition, atOnce int) (*graph, error) {
	g := &graph{config: &config.Config{Name: "demo", SSH: config.SSH{SurveyRate: demoSurvey.PerSecond}}, catalogue: catalogue}
	g.runner = attacks.Bundle(g.catalogue, attacks.BundleOptions{})
	var err error
	if g.plan, err = engine.NewPlan(demoPlan(fleet, catalogue, atOnce)); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if g.gates, err = demoGates(w, g.plan, fleet); err != nil {
		return nil, err
	}
	g.carrier, err = remote.New(remote.Options{
		Runner: g.runner, Attacks: g.catalogue, User: "root",
		IdentityFiles: []string{fleet.IdentityFile()}, KnownHosts: []string{fleet.KnownHosts()}, Dial: fleet.Dial,
		Lease: g.plan.Safety.Lease, KeepAlive: 2 * time.Second, Clock: w.clock, Survey: demoSurvey, Lookup: demoLookup(g),
	})
	return g, err
}

// askedOf makes a gate of a function of the time.
type askedOf struct {
	now func() time.Time
	ask func(time.Time) (bool, string)
}

// Ask answers at once.
func (a askedOf) Ask(context.Context) engine.GateAnswer {
	ok, text := a.ask(a.now())
	return engine.GateAnswer{OK: ok, Text: text}
}

func demoGates(w world, p engine.Plan, fleet *simulated.Fleet) (*gatekeeper, error) {
	k := &gatekeeper{world: w, asked: []health.Asked{
		{Gate: p.Gates[0], By: askedOf{w.now, fleet.Health}}, {Gate: p.Gates[1], By: askedOf{w.now, fleet.OnCall}},
	}}
	var err error
	k.now, err = health.NewRunner(k.asked, w.clock, func(string, engine.GateAnswer) {})
	return k, err
}

// demoPatience is real time for the whole headless demo.
const demoPatience = 2 * time.Minute

// tellDemo shows one whole cycle and one stop, line by line, and checks that both kept their promises.
func (a *app) tellDemo(ctx context.Context, h *house) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	teller := &teller{app: a, engine: inHouse{h.engine, h.owner}}
	fmt.Fprintln(a.out, "DEMO: simulated hosts behind real SSH servers on loopback; nothing else is touched")
	first, err := teller.until(ctx, func(r engine.Record) bool {
		return r.Kind == engine.Closed && r.Outcome.Undo == engine.Restored && (r.Outcome.Effect == engine.Effective || r.Outcome.Effect == engine.Weak)
	})
	if err != nil {
		return fmt.Errorf("demo: no attack went the whole way: %w", err)
	}
	fmt.Fprintf(a.out, "DEMO: one whole cycle is done: %s\n", printable.Printable(first.Text))
	if err := teller.order(ctx, engine.Order{Kind: engine.RunOnce, Attack: "cpu"}); err != nil {
		return err
	}
	if _, err := teller.until(ctx, func(r engine.Record) bool { return r.Kind == engine.PhaseNew && r.Phase == engine.Holding }); err != nil {
		return fmt.Errorf("demo: the ordered attack did not begin: %w", err)
	}
	if err := teller.order(ctx, engine.Order{Kind: engine.Stop}); err != nil {
		return err
	}
	last, err := teller.until(ctx, func(r engine.Record) bool { return r.Kind == engine.Closed })
	if err != nil || last.Outcome.Undo != engine.Restored {
		return fmt.Errorf("demo: the stop was not proven: %s %w", last.Text, err)
	}
	fmt.Fprintln(a.out, "DEMO: stopped, restored and proven; try it with a terminal: chaoscat demo")
	return nil
}

// teller reads the record aloud.
type teller struct {
	*app
	engine asker
	seen   uint64
}

// until prints records as they come, up to and including the first that is wanted.
func (t *teller) until(ctx context.Context, wanted func(engine.Record) bool) (engine.Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range t.engine.Watch(ctx) {
		records, err := t.engine.History(ctx, t.seen)
		if err != nil {
			return engine.Record{}, err
		}
		for _, r := range records {
			t.seen = r.Seq
			fmt.Fprintf(t.out, "%s %-10s %-9s %s\n", r.At.In(demoZone()).Format("15:04:05"), orElse(r.Host, "chaoscat"), r.Kind, printable.Printable(r.Text))
			if wanted(r) {
				return r, nil
			}
		}
	}
	return engine.Record{}, fmt.Errorf("it took too long: %w", ctx.Err())
}

// order repeats an order that the gates refuse until they let it pass: the demo's health is shaken by the
// attack before.
func (t *teller) order(ctx context.Context, o engine.Order) error {
	for {
		o.ID, o.By, o.Door = newID(), "the demo", "demo"
		_, err := t.engine.Ask(ctx, o)
		var refusal *engine.Refusal
		if err == nil || !errors.As(err, &refusal) {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("demo: %s was refused to the end: %w", o.Kind, err)
		}
	}
}
