package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

func (a *app) sweepCommand() *cobra.Command {
	hosts, force := []string{}, false
	c := &cobra.Command{
		Use: "sweep", Short: "Look on hosts for what any controller left, and clear it", Args: cobra.NoArgs,
		Long: `sweep logs in to the hosts, undoes what a dead controller of chaoscat's left there, proves it, and
reports (but never touches) what looks like the work of other tools. A fault whose guard is alive and
whose time is not over is left alone, unless --force says otherwise. It works without a daemon.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sweep(cmd.Context(), hosts, force) },
	}
	c.Flags().StringArrayVar(&hosts, "host", nil, "`NAME` of a host; may be repeated (default: every host)")
	c.Flags().BoolVar(&force, "force", false, "also end faults that are still being held")
	return c
}

// sweepers is how many hosts are swept side by side.
const sweepers = 32

// sweepEach bounds the sweep of one host.
const sweepEach = 60 * time.Second

type sweepLine struct {
	Schema int      `json:"schema"`
	Host   string   `json:"host"`
	Clean  bool     `json:"clean"`
	Text   string   `json:"text,omitempty"`
	Found  []string `json:"found"`
	// Foreign is the work of other tools: never touched, and a reason not to attack the host.
	Foreign []string `json:"foreign"`
}

// foreign are those of a sweep's lines that are about other tools.
func foreign(lines []string) []string {
	found := []string{}
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "foreign "); ok {
			found = append(found, text)
		}
	}
	return found
}

func (a *app) sweep(ctx context.Context, wanted []string, force bool) error {
	g, err := a.loadAndConnect(ctx)
	if err != nil {
		return err
	}
	defer g.carrier.Close()
	hosts, err := chosen(g.plan.Roster, a.openHosts(ctx), wanted)
	if err != nil {
		return fail(exitUsage, err)
	}
	dirty, strange, err := a.sweepAll(ctx, g.carrier, hosts, force)
	if err != nil {
		return err
	}
	if dirty > 0 {
		return fail(exitResidue, fmt.Errorf("%d of %d hosts could not be proven clean", dirty, len(hosts)))
	}
	a.say("%s clean of what is ours", counted(len(hosts), "host"))
	if strange > 0 {
		a.say("on %d of them other tools have left faults, see above: until those are gone they are not attacked", strange)
	}
	return nil
}

// openHosts are those on which the running engine still has something to do; they may have left the
// inventory since.
func (a *app) openHosts(ctx context.Context) map[string]engine.Host {
	client := a.client()
	defer client.Close()
	open := map[string]engine.Host{}
	if s, err := client.Snapshot(ctx); err == nil {
		for _, r := range s.Running {
			open[r.Host.Name] = r.Host
		}
	}
	return open
}

func chosen(r *engine.Roster, open map[string]engine.Host, wanted []string) ([]engine.Host, error) {
	if len(wanted) == 0 {
		return r.Hosts(), nil
	}
	var hosts []engine.Host
	var unknown []error
	for _, name := range wanted {
		h, known := r.Find(name)
		if !known {
			h, known = open[name]
		}
		if !known {
			unknown = append(unknown, fmt.Errorf("no host is called %q", name))
			continue
		}
		hosts = append(hosts, h)
	}
	return hosts, errors.Join(unknown...)
}

// sweepAll sweeps side by side and prints each host as it is done. It returns how many are not clean, and on how
// many there is something that is not ours.
func (a *app) sweepAll(ctx context.Context, c carrier, hosts []engine.Host, force bool) (dirty, strange int, err error) {
	var (
		mu    sync.Mutex
		work  sync.WaitGroup
		queue = make(chan engine.Host)
	)
	for range min(sweepers, len(hosts)) {
		work.Go(func() {
			for h := range queue {
				line := a.sweepOne(ctx, c, h, force)
				mu.Lock()
				if !line.Clean {
					dirty++
				}
				if len(line.Foreign) > 0 {
					strange++
				}
				err = errors.Join(err, a.printSwept(line))
				mu.Unlock()
			}
		})
	}
	for _, h := range hosts {
		queue <- h
	}
	close(queue)
	work.Wait()
	return dirty, strange, err
}

func (a *app) sweepOne(ctx context.Context, c carrier, h engine.Host, force bool) sweepLine {
	ctx, cancel := context.WithTimeout(ctx, sweepEach)
	defer cancel()
	found, lines := c.Sweep(ctx, h, force)
	line := sweepLine{schema, h.Name, found.Clean, found.Text, slices.Clone(lines), foreign(lines)}
	if found.Clean {
		if err := a.clear(ctx, h.Name); err != nil {
			line.Text += "; the engine could not be told: " + err.Error()
		}
	}
	return line
}

// clear tells the running engine that the host is clean, if the engine holds it for residue.
func (a *app) clear(ctx context.Context, host string) error {
	client := a.client()
	defer client.Close()
	s, err := client.Snapshot(ctx)
	if errors.Is(err, control.ErrNoEngine) {
		return nil // the next start reconciles by itself
	}
	if _, held := s.Hosts.Residue[host]; err != nil || !held {
		return err
	}
	return client.Order(ctx, engine.Order{ID: newID(), Kind: engine.Clear, Host: host, By: a.user, Reason: "swept"})
}

func (a *app) printSwept(l sweepLine) error {
	if l.Found == nil {
		l.Found = []string{}
	}
	if a.json {
		return a.lines(l)
	}
	state := "clean"
	if !l.Clean {
		state = "NOT CLEAN"
	}
	fmt.Fprintf(a.out, "%s: %s %s\n", l.Host, state, l.Text)
	for _, f := range l.Found {
		if text, ok := strings.CutPrefix(f, "foreign "); ok {
			f = "not ours, left alone: " + text + "; the host is not attacked while it is there"
		}
		fmt.Fprintf(a.out, "  %s\n", f)
	}
	return nil
}
