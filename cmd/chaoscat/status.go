package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/engine"
)

// statusShape is what scripts read; the console's own view has more.
type statusShape struct {
	Schema  int            `json:"schema"`
	At      time.Time      `json:"at"`
	Name    string         `json:"name"`
	State   engine.Mood    `json:"state"`
	DryRun  bool           `json:"dry_run"`
	Verdict engine.Verdict `json:"verdict"`
	Stopped *stoppedShape  `json:"stopped"`
	Window  windowShape    `json:"window"`
	Next    *nextShape     `json:"next"`
	Running []runningShape `json:"running"`
	Residue []string       `json:"residue"`
	Pending []pendingShape `json:"pending,omitempty"` // orders that wait for other people
	Warning string         `json:"warning,omitempty"`
}

type stoppedShape struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Door   string    `json:"door,omitempty"`
}

type windowShape struct {
	Open   bool       `json:"open"`
	Opens  *time.Time `json:"opens"`
	Closes *time.Time `json:"closes"`
}

type nextShape struct {
	Host   string     `json:"host"`
	Attack string     `json:"attack"`
	At     *time.Time `json:"at"`
}

type runningShape struct {
	ID     string       `json:"id"`
	Host   string       `json:"host"`
	Attack string       `json:"attack"`
	Phase  engine.Phase `json:"phase"`
	Since  time.Time    `json:"since"`
	Until  *time.Time   `json:"until"`
}

func shapeOf(s engine.Snapshot) statusShape {
	shape := statusShape{Schema: schema, At: s.At, Name: s.Name, State: s.Mood, DryRun: s.DryRun, Verdict: s.Verdict, Warning: s.Warning,
		Window: windowShape{s.Window.Open, moment(s.Window.Opens), moment(s.Window.Closes)}, Running: []runningShape{}, Residue: []string{}}
	if l := s.Stopped; l != nil {
		shape.Stopped = &stoppedShape{l.By, l.At, l.Reason, l.Door}
	}
	if s.Next != nil {
		shape.Next = &nextShape{s.Next.Host, s.Next.Attack, moment(s.NextAt)}
	}
	for _, r := range s.Running {
		shape.Running = append(shape.Running, runningShape{r.ID, r.Host.Name, r.Attack.Name, r.Phase, r.Since, moment(r.Until)})
	}
	for _, p := range s.Pending {
		shape.Pending = append(shape.Pending, pendingOf(p))
	}
	shape.Residue = append(shape.Residue, sortedKeys(s.Hosts.Residue)...)
	return shape
}

func (a *app) statusCommand() *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use: "status", Short: "What the running engine is doing", Args: cobra.NoArgs,
		Example: "  chaoscat status\n  chaoscat status --watch --json | jq .state",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return a.watchStatus(cmd.Context())
			}
			client := a.client()
			defer client.Close()
			s, err := client.Snapshot(cmd.Context())
			if err != nil {
				return err
			}
			return a.printStatus(s)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "go on until interrupted, a block (or a JSON line) at each change")
	return c
}

func (a *app) watchStatus(ctx context.Context) error {
	client := a.client()
	defer client.Close()
	if _, err := client.Snapshot(ctx); err != nil {
		return err
	}
	for s := range client.Watch(ctx) {
		if err := a.printStatus(s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fail(exitNoEngine, fmt.Errorf("the link to the engine was lost"))
}

func (a *app) printStatus(s engine.Snapshot) error {
	if a.json {
		return a.lines(shapeOf(s))
	}
	fmt.Fprintf(a.out, "%s: %s%s\n", s.Name, s.Mood, marks(s))
	fmt.Fprintf(a.out, "  why      %s\n", s.Verdict.Sentence)
	if s.Warning != "" {
		fmt.Fprintf(a.out, "  WARNING  %s\n", s.Warning)
	}
	fmt.Fprintf(a.out, "  window   %s\n", windowText(s))
	if s.Next != nil {
		fmt.Fprintf(a.out, "  next     %s on %s%s\n", s.Next.Attack, s.Next.Host, atText(s.NextAt, s))
	}
	for _, r := range s.Running {
		fmt.Fprintf(a.out, "  running  %s on %s: %s for %s%s\n", r.Attack.Name, r.Host.Name, r.Phase, engine.Span(s.At.Sub(r.Since).Round(time.Second)), undoText(r, s))
	}
	for _, p := range s.Pending {
		fmt.Fprintf(a.out, "  waiting  %s\n%s\n", pendingText(p, s), a.again("approve "+shellWord(p.Order.ID))) // whole, to be copied
	}
	for _, host := range sortedKeys(s.Hosts.Residue) {
		fmt.Fprintf(a.out, "  RESIDUE  %s: %s\n", host, s.Hosts.Residue[host].Text)
	}
	for _, g := range s.Gates {
		fmt.Fprintf(a.out, "  %-8s %s %s: %s (%s)\n", g.Kind, glyph(g.Clear), g.Name, g.Text, ago(g.At, s.At))
	}
	return nil
}

func marks(s engine.Snapshot) (text string) {
	if s.DryRun {
		text += ", DRY RUN"
	}
	if s.Demo {
		text += ", DEMO"
	}
	return text
}

func glyph(ok bool) string {
	if ok {
		return "+"
	}
	return "!"
}

func windowText(s engine.Snapshot) string {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	switch {
	case s.Window.Open && s.Window.Closes.Sub(s.At) < 6*24*time.Hour: // the day of the week says which
		return "open until " + s.Window.Closes.In(zone).Format("Mon 15:04 MST")
	case s.Window.Open:
		return "open until " + s.Window.Closes.In(zone).Format("Mon 2 Jan 15:04 MST")
	case s.Window.Opens.IsZero():
		return "closed, and does not open within a year"
	}
	return "closed until " + s.Window.Opens.In(zone).Format("Mon 2 Jan 15:04 MST")
}

// undoText says when the fault of a run ends by itself.
func undoText(r engine.Run, s engine.Snapshot) string {
	switch {
	case r.Phase != engine.Holding || r.Until.IsZero():
		return ""
	case !r.Until.After(s.At):
		return ", undo now"
	}
	return ", undo in " + engine.Span(r.Until.Sub(s.At).Round(time.Second))
}

func atText(t time.Time, s engine.Snapshot) string {
	if t.IsZero() {
		return ""
	}
	if !t.After(s.At) {
		return ", now"
	}
	return ", in " + engine.Span(t.Sub(s.At).Round(time.Second))
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why", Short: "The first reason why nothing is attacked just now, in one sentence", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := a.client()
			defer client.Close()
			s, err := client.Snapshot(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.lines(struct {
					Schema int `json:"schema"`
					engine.Verdict
				}{schema, s.Verdict})
			}
			fmt.Fprintln(a.out, s.Verdict.Sentence)
			return nil
		},
	}
}
