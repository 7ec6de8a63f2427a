package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/pagerduty"
)

// pagerduty tells PagerDuty what happens here, and the record which incidents open there.
func (g *graph) pagerduty(w world, log *slog.Logger) (*outlet, error) {
	o := pagerDutyOptions(w, g.config)
	if !o.Changes && !o.Alerts && len(o.Services) == 0 {
		return nil, nil
	}
	o.Log, o.Silence = log, silence(g.config.Schedule.CheckEvery)
	out, err := pagerduty.New(o)
	if err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	return &outlet{name: "pagerduty", run: func(ctx context.Context, e *local.Engine) { out.Run(ctx, e, noted(e)) }}, nil
}

// pagerDutyReads is what the outlet depends on.
func pagerDutyReads(c *config.Config) []any {
	return []any{c.PagerDuty, c.Name, c.Schedule.CheckEvery}
}

// noted is the engine as PagerDuty's notes reach it.
func noted(e *local.Engine) control.Guest {
	return control.Guest{Engine: e, Peer: control.Peer{Name: "pagerduty", Role: engine.Stopper}, Door: "pagerduty"}
}

// silence is how long a scheduler may say nothing that looks around every so often: it has missed several looks then.
func silence(every time.Duration) time.Duration { return 3*every + time.Minute }

// pagerDutyOptions is what the configuration says of PagerDuty; nothing where it has no such table.
func pagerDutyOptions(w world, cfg *config.Config) pagerduty.Options {
	p := cfg.PagerDuty
	machine, err := os.Hostname()
	if err != nil {
		machine = "an unknown machine"
	}
	return pagerduty.Options{
		Account: pagerDutyAccount(w, p), Name: cfg.Name, Machine: machine, Link: p.Link,
		Changes: p.Changes && p.KeyFile != "", Alerts: p.Alerts && p.KeyFile != "",
		Services: p.Services, WatchFor: p.WatchFor, Clock: w.clock,
	}
}

func pagerDutyAccount(w world, p config.PagerDuty) pagerduty.Account {
	return pagerduty.Account{API: p.API, Events: p.Events, TokenFile: p.TokenFile, KeyFile: p.KeyFile, CAFile: p.CAFile, Now: w.now, Proxy: http.ProxyFromEnvironment}
}

// pagerDutyGate makes the gate that asks PagerDuty who is on call, or whether all is well.
func pagerDutyGate(w world, g config.Gate) (health.Gate, error) {
	q := g.PagerDuty
	account := pagerDutyAccount(w, q.Account)
	account.Timeout = g.Timeout
	if g.Kind == engine.OnCall {
		return pagerduty.NewOnCall(pagerduty.OnCallOptions{Account: account, Schedules: q.Schedules, Policies: q.Policies, Levels: q.Levels, Free: q.Free})
	}
	o := pagerduty.IncidentOptions{Account: account, Services: q.Services, Teams: q.Teams}
	if q.Urgency != "" {
		o.Urgencies = []string{q.Urgency}
	}
	return pagerduty.NewIncidents(o)
}

// checkPagerDuty tries the token and the routing key, without any effect over there.
func checkPagerDuty(ctx context.Context, w world, cfg *config.Config) (f []finding) {
	p := cfg.PagerDuty
	account := pagerDutyAccount(w, p)
	add := func(what, good string, err error) {
		if err != nil {
			f = append(f, finding{schema, "x", what, err.Error()})
			return
		}
		f = append(f, finding{schema, "+", what, good})
	}
	if p.TokenFile != "" {
		text, err := pagerduty.CheckToken(ctx, account, p.Services)
		add("pagerduty.token_file", text, err)
	}
	if p.KeyFile != "" {
		add("pagerduty.routing_key_file", "the routing key is taken", pagerduty.CheckKey(ctx, account, cfg.Name))
	}
	return f
}

// deathNotice bounds how long it is tried to tell of a dead engine.
const deathNotice = 45 * time.Second

// pagerDutyCommand is for the unit file: when the engine's process has died, nobody inside it can say so.
func (a *app) pagerDutyCommand() *cobra.Command {
	c := &cobra.Command{Use: "pagerduty", Short: "What only a service manager can tell PagerDuty", Hidden: true, Args: cobra.NoArgs}
	c.AddCommand(&cobra.Command{
		Use: "dead", Short: "Page that the engine's process has died", Args: cobra.NoArgs,
		Long: `dead opens the alert about a dead scheduler, which the next start of the daemon ends. As ExecStopPost= of a
systemd unit it looks at SERVICE_RESULT, and says nothing about a service that ended as it was told to.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.pageDeath(cmd.Context()) },
	})
	return c
}

func (a *app) pageDeath(ctx context.Context) error {
	result := a.env("SERVICE_RESULT")
	if result == "success" || a.env("EXIT_STATUS") == strconv.Itoa(exitLocked) { // then another engine is alive
		return nil
	}
	path, err := a.configPath()
	if err != nil {
		return a.firstSteps(err)
	}
	cfg, err := config.PeekPagerDuty(path, config.Disk(a.home))
	if err != nil {
		return fail(exitConfig, err)
	}
	o := pagerDutyOptions(a.world, cfg)
	if !o.Alerts {
		a.say("PagerDuty is not told of anything by this configuration")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deathNotice)
	defer cancel()
	if err := pagerduty.Died(ctx, o, "has died ("+orElse(result, "nobody knows how")+")"); err != nil {
		return fmt.Errorf("telling PagerDuty that the engine has died: %w", err)
	}
	return nil
}
