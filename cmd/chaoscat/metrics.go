package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/feed"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/metrics"
	"github.com/chaoscat/chaoscat/engine/webhook"
)

// metrics are the figures and the health endpoints, at the address of the configuration.
func (g *graph) metrics(w world, log *slog.Logger) (*outlet, error) {
	if g.config.Metrics.Listen == "" {
		return nil, nil
	}
	m := metrics.New(metrics.Options{Version: version, Now: w.now, Quiet: quiet(g.config), Hooks: g.counted()})
	since := w.now()
	return &outlet{name: "metrics", run: func(ctx context.Context, e *local.Engine) {
		var serving sync.WaitGroup
		serving.Go(func() { m.Serve(ctx, g.config.Metrics.Listen, log) })
		feed.Since(ctx, e, since, m.Hear)
		m.End()
		serving.Wait()
	}}, nil
}

func (g *graph) counted() (all []metrics.Hook) {
	for _, h := range g.hooks {
		all = append(all, h)
	}
	return all
}

// lateBy is what a step may be late on a busy machine.
const lateBy = 30 * time.Second

// quiet is how long an engine that is well may say nothing: it steps at each check of the schedule, and at each answer of
// a gate.
func quiet(c *config.Config) time.Duration {
	often := c.Schedule.CheckEvery
	for _, gate := range c.Gates() {
		often = min(often, gate.Interval+gate.Timeout)
	}
	return 2*often + lateBy
}

// telling is what webhooks and figures read of the configuration: the figures count what the webhooks did, so that the
// two are made anew together.
func telling(c *config.Config) []any { return []any{c.Name, c.Webhooks, c.Metrics, quiet(c)} }

// checkTelling says who is told what. Nothing is sent: a receiver would take it for something that has happened.
func checkTelling(c *config.Config) (f []finding) {
	for _, h := range c.Webhooks {
		where, err := url.Parse(h.URL)
		if err != nil {
			continue // the configuration has refused it
		}
		what, mark, text := "webhook "+h.Name, "+", fmt.Sprintf("%s is told: %s", where.Host, strings.Join(kindWords(h.Events), ", "))
		if where.Scheme == "http" && !loopback(where.Hostname()) {
			mark, text = "!", text+"; anybody on the way can read it, for it goes over plain http"
		}
		text += " (not tried)"
		weak, err := webhook.CheckSecret(h.SecretFile)
		switch {
		case err != nil:
			mark, text = "x", err.Error()
		case weak != "":
			mark, text = "!", text+"; "+weak
		}
		f = append(f, finding{schema, mark, what, text})
	}
	if at := c.Metrics.Listen; at != "" {
		mark, text := "+", "http://"+at+"/metrics, /healthz and /readyz"
		if host, _, _ := net.SplitHostPort(at); !loopback(host) {
			mark, text = "!", text+": anybody who reaches that address may read them"
		}
		f = append(f, finding{schema, mark, "metrics", text})
	}
	return f
}

func kindWords(kinds []engine.RecordKind) (all []string) {
	for _, kind := range kinds {
		all = append(all, string(kind))
	}
	return all
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
