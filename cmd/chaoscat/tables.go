package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// view is what the running engine sees; with none running, what a fresh one would.
func (a *app) view(ctx context.Context) (engine.Snapshot, error) {
	client := a.client()
	defer client.Close()
	s, err := client.Snapshot(ctx)
	if err == nil {
		s.Survey = client.Survey(ctx)
	}
	if err == nil || !errors.Is(err, control.ErrNoEngine) {
		return s, err
	}
	g, err := a.loadGraph(ctx)
	if err != nil {
		return s, err
	}
	return g.plan.Describe(engine.State{Began: true}, a.now()), nil
}

func (a *app) hostsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hosts", Short: "The roster: every host, and whether it may be drawn", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.view(cmd.Context())
			if err != nil {
				return err
			}
			return a.printHosts(s)
		},
	}
}

type hostShape struct {
	Schema   int               `json:"schema"`
	Name     string            `json:"name"`
	Address  string            `json:"address"`
	Port     int               `json:"port"`
	Groups   []string          `json:"groups"`
	Tags     map[string]string `json:"tags"`
	Eligible bool              `json:"eligible"`
	Why      string            `json:"why"`
	Sighting *sightShape       `json:"seen,omitempty"` // what the background look knows
}

type sightShape struct {
	At          time.Time         `json:"at"`
	RoundTrip   float64           `json:"ssh_ms,omitempty"`
	Unreachable string            `json:"unreachable,omitempty"`
	Infeasible  map[string]string `json:"infeasible,omitempty"`
	Busy        string            `json:"busy,omitempty"`
}

func sightOf(s *engine.Survey, host string) *sightShape {
	seen, known := s.Find(host)
	if !known {
		return nil
	}
	shape := &sightShape{At: seen.At, RoundTrip: float64(seen.RoundTrip.Microseconds()) / 1000, Unreachable: seen.Unreachable}
	if seen.Facts != nil {
		shape.Infeasible, shape.Busy = seen.Facts.Infeasible, seen.Facts.Busy
	}
	return shape
}

// text is the one word for a host's SSH: "12 ms", or that it does not answer.
func (s *sightShape) text() string {
	switch {
	case s == nil:
		return "-"
	case s.Unreachable != "":
		return "no"
	case s.RoundTrip == 0:
		return "yes"
	}
	return fmt.Sprintf("%.3g ms", s.RoundTrip)
}

func (a *app) printHosts(s engine.Snapshot) error {
	rows, table := []any{}, [][]string{{"HOST", "ADDRESS", "GROUPS", "STATE", "SSH", "WHY"}}
	for _, h := range s.Roster.Hosts() {
		status, why := s.Host(h.Name)
		seen := sightOf(s.Survey, h.Name)
		rows = append(rows, hostShape{schema, h.Name, h.Address, h.Port, nonNil(h.Groups), nonNilMap(h.Tags), status == engine.HostReady, why, seen})
		if seen != nil && why == "" {
			why = seen.Unreachable
		}
		table = append(table, []string{h.Name, h.Address, strings.Join(h.Groups, ","), string(status), seen.text(), why})
	}
	if s.Survey.Len() == 0 { // nobody has looked: no column for it
		for i, row := range table {
			table[i] = slices.Delete(row, 4, 5)
		}
	}
	if a.json {
		return a.lines(rows...)
	}
	if err := a.table(table); err != nil {
		return err
	}
	a.say("%s, %d may be drawn", counted(s.Total, "host"), s.Eligible)
	return nil
}

func nonNilMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (a *app) gatesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gates", Short: "Ask every gate now: health and on-call", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.elsewhere() || a.served != nil { // asking costs the gates; who looks over SSH is told what they said
				return a.gatesOfEngine(cmd.Context())
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			if asksHosts(cfg) {
				return a.gatesOfGraph(cmd.Context())
			}
			k, err := newGatekeeper(a.world, cfg, nil)
			if err != nil {
				return fail(exitConfig, err)
			}
			return a.printGates(cmd.Context(), k)
		},
	}
}

// gatesOfGraph asks gates of which some are on hosts of the inventory.
func (a *app) gatesOfGraph(ctx context.Context) error {
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return err
	}
	defer g.carrier.Close()
	return a.printGates(ctx, g.gates)
}

type gateShape struct {
	Schema int             `json:"schema"`
	Name   string          `json:"name"`
	Kind   engine.GateKind `json:"kind"`
	OK     bool            `json:"ok"`
	Text   string          `json:"text"`
}

// gatesOfEngine shows what the gates last told an engine of which nothing but the socket is known.
func (a *app) gatesOfEngine(ctx context.Context) error {
	client := a.client()
	defer client.Close()
	s, err := client.Snapshot(ctx)
	if errors.Is(err, control.ErrNoEngine) {
		return fail(exitUsage, fmt.Errorf("this asks the gates of the configuration here, not those of an engine at %s, and none is running there; leave --socket away, or name its --state-dir", a.socket))
	}
	if err != nil {
		return err
	}
	var shapes []gateShape
	for _, g := range s.Gates {
		shapes = append(shapes, gateShape{schema, g.Name, g.Kind, g.Clear, g.Text})
	}
	return a.showGates(shapes)
}

// printGates asks side by side and prints in the order of the configuration.
func (a *app) printGates(ctx context.Context, k *gatekeeper) error {
	var shapes []gateShape
	for i, answer := range k.askAll(ctx) {
		shapes = append(shapes, gateShape{schema, k.asked[i].Name, k.asked[i].Kind, answer.OK, answer.Text})
	}
	return a.showGates(shapes)
}

func sayNo(red, all int) string {
	if red == 1 {
		return fmt.Sprintf("1 of %s says no", counted(all, "gate"))
	}
	return fmt.Sprintf("%d of %s say no", red, counted(all, "gate"))
}

// showGates prints what gates said. One that says no is exit 4.
func (a *app) showGates(shapes []gateShape) error {
	rows, table, red := []any{}, [][]string{{"GATE", "KIND", "SAYS", "WHAT"}}, 0
	for _, g := range shapes {
		says := "ok"
		if !g.OK {
			says, red = "no", red+1
		}
		rows, table = append(rows, g), append(table, []string{g.Name, string(g.Kind), says, g.Text})
	}
	var err error
	if red > 0 {
		err = fail(exitRefused, errors.New(sayNo(red, len(shapes))))
	}
	if a.json {
		return errors.Join(a.lines(rows...), err)
	}
	return errors.Join(a.table(table), err)
}

func (k *gatekeeper) askAll(ctx context.Context) []engine.GateAnswer {
	answers, done := make([]engine.GateAnswer, len(k.asked)), make(chan struct{})
	for i, g := range k.asked {
		go func() {
			answers[i] = k.AskNow(ctx, g.Name)
			done <- struct{}{}
		}()
	}
	for range k.asked {
		<-done
	}
	return answers
}
