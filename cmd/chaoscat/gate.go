package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/alertmanager"
	"github.com/chaoscat/chaoscat/engine/calendar"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/prometheus"
	"github.com/chaoscat/chaoscat/engine/statuspage"
)

// gate makes the gate that a [[health]] or the [oncall] describes. Commands on other hosts are run by afar.
func gate(w world, g config.Gate, afar afar) (health.Gate, error) {
	g.Web.Now = w.now
	switch g.Type {
	case config.HTTPGate:
		g.HTTP.Web = g.Web
		return health.HTTP(g.HTTP)
	case config.PrometheusGate:
		g.Prometheus.Web = g.Web
		return prometheus.New(g.Prometheus)
	case config.AlertmanagerGate:
		g.Alertmanager.Web = g.Web
		return alertmanager.New(g.Alertmanager)
	case config.StatuspageGate:
		g.Statuspage.Web = g.Web
		return statuspage.New(g.Statuspage)
	case config.IcalGate:
		return calendar.NewOnCall(g.Calendar, g.Zone, w.now)
	case config.PagerDutyGate:
		return pagerDutyGate(w, g)
	case config.CommandGate:
		if g.Host != "" {
			g.Command.Run = afar.on(g.Host)
		}
		return health.Command(g.Command)
	}
	panic(fmt.Sprintf("a gate of type %q got past the configuration", g.Type))
}

// afar runs commands of gates on hosts of the inventory.
type afar func(ctx context.Context, host string, argv []string) (remote.Said, error)

// on is how a gate runs its command on that host.
func (a afar) on(host string) func(ctx context.Context, argv []string) health.Ended {
	return func(ctx context.Context, argv []string) health.Ended {
		said, err := a(ctx, host, argv)
		return health.Ended{Out: said.Out, Err: said.Err, Status: said.Status, Failed: err}
	}
}

// reacher is a carrier that also runs plain commands.
type reacher interface {
	Ask(ctx context.Context, h engine.Host, argv []string) (remote.Said, error)
}

var _ reacher = (*remote.Carrier)(nil)

// askHost is [afar] by the carrier of this graph.
func (g *graph) askHost(ctx context.Context, name string, argv []string) (remote.Said, error) {
	h, there := g.current.Load().Find(name)
	by, able := g.carrier.(reacher)
	switch {
	case !there:
		return remote.Said{}, fmt.Errorf("the inventory has no host %s any more", name)
	case !able:
		return remote.Said{}, errors.New("no host is reached from here")
	}
	return by.Ask(ctx, h, argv)
}

// gateHosts makes sure that the inventory has the hosts on which gates run their commands.
func (g *graph) gateHosts() error {
	var wrong []config.Mistake
	for _, gate := range append(slices.Clone(g.config.Health), g.config.OnCall) {
		if _, there := g.plan.Roster.Find(gate.Host); gate.Host != "" && !there {
			wrong = append(wrong, g.config.Wrong(gate.Key+".host", "the inventory has no host %q", gate.Host))
		}
	}
	return config.Collect(wrong)
}

// asksHosts tells whether a gate needs the hosts to be reached.
func asksHosts(cfg *config.Config) bool {
	return slices.ContainsFunc(append(slices.Clone(cfg.Health), cfg.OnCall), func(g config.Gate) bool { return g.Host != "" })
}
