package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/calendar"
)

func (a *app) windowsCommand() *cobra.Command {
	from, days := "", 7
	c := &cobra.Command{
		Use: "windows", Short: "The coming windows in which attacks may happen", Args: cobra.NoArgs,
		Long: `windows lists the coming windows, and between them every closing that takes time away from one, with its
reason: a freeze, a holiday, an event of a calendar. Calendars that are asked for over the network are taken
as they were last read. With --json, "closed" of a window are the closings between it and the one before.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.elsewhere() && a.configFile == "" {
				return fail(exitUsage, fmt.Errorf("this reads the schedule of the configuration here, not that of the engine at %s; name its configuration with --config", a.socket))
			}
			cfg, err := a.load()
			if err != nil {
				return err
			}
			start := a.now()
			if from != "" {
				if start, err = parseMoment(from, cfg.Schedule.Location); err != nil {
					return fail(exitUsage, err)
				}
			}
			if days < 1 || days > 3660 {
				return fail(exitUsage, fmt.Errorf("--days %d: 1 to 3660", days))
			}
			return a.printWindows(cfg, start, days)
		},
	}
	c.Flags().StringVar(&from, "from", "", "first `TIME` to show: 2026-07-01, 2026-07-01T10:00, or RFC 3339 (default: now)")
	c.Flags().IntVar(&days, "days", days, "show `N` days, 1 to 3660")
	return c
}

func parseMoment(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--from %q is no time: write 2026-07-01 or 2026-07-01T10:00:00+02:00", text)
}

type windowLine struct {
	Schema int         `json:"schema"`
	Start  time.Time   `json:"start"`
	End    time.Time   `json:"end"`
	Closed []closeLine `json:"closed,omitempty"` // between the window before and this one
}

type closeLine struct {
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Name   engine.Reason `json:"name"`
	Reason string        `json:"reason"`
}

// endText is the end of a window, with its day where that is another one.
func endText(start, end time.Time) string {
	if start.YearDay() == end.YearDay() && start.Year() == end.Year() {
		return end.Format("15:04 MST")
	}
	return end.Format("Mon 2 Jan 15:04 MST")
}

func (a *app) printWindows(cfg *config.Config, from time.Time, days int) error {
	c, err := newCalendars(a.world, cfg)
	if err != nil {
		return fail(exitConfig, err)
	}
	s, to := cfg.Schedule, from.AddDate(0, 0, days)
	s.Closures = slices.Concat(s.Closures, c.Between(a.now(), from.AddDate(0, 0, -2), to.AddDate(0, 0, 2)))
	windows, closings := s.Windows(from, from.AddDate(0, 0, days-1)), felt(s, from, to)
	if a.json {
		return a.lines(windowLines(s.Location, windows, closings)...)
	}
	closings = calendar.Together(closings)
	if slices.ContainsFunc(closings, calendar.Unknown) || slices.ContainsFunc(s.Closures, calendar.Unknown) {
		defer a.printLine("calendars are read by a running engine and by: %s, which lists the next windows, too", a.again("check"))
	}
	for _, w := range windows {
		closings = a.printClosings(s.Location, closings, w.Start)
		a.printLine("%s - %s", w.Start.In(s.Location).Format("Mon 2006-01-02 15:04"), endText(w.Start.In(s.Location), w.End.In(s.Location)))
	}
	a.printClosings(s.Location, closings, to)
	a.printNarrower(cfg)
	return nil
}

// printLine prints one line, broken between words where the terminal is narrower.
func (a *app) printLine(format string, args ...any) {
	text, width := fmt.Sprintf(format, args...), a.columns()
	if width <= 0 {
		fmt.Fprintln(a.out, text)
		return
	}
	fmt.Fprintln(a.out, strings.Join(wrapped(text, width-2), "\n  "))
}

// felt are the closings that take time away from a window between from and to, cut to that time, in order. A holiday on a
// day without hours is none of them.
func felt(s engine.Schedule, from, to time.Time) (closings []engine.Closure) {
	all := s
	all.Closures = nil
	windows := all.Windows(from, to)
	for _, c := range s.Closures {
		if c.From.Before(from) {
			c.From = from
		}
		if c.To.After(to) {
			c.To = to
		}
		if slices.ContainsFunc(windows, func(w engine.Window) bool {
			return c.From.Before(w.End) && c.To.After(w.Start) && c.From.Before(c.To)
		}) {
			closings = append(closings, c)
		}
	}
	slices.SortStableFunc(closings, func(a, b engine.Closure) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return closings
}

// printClosings prints those that begin before the moment, and returns the others.
func (a *app) printClosings(zone *time.Location, closings []engine.Closure, until time.Time) []engine.Closure {
	for i, c := range closings {
		if !c.From.Before(until) {
			return closings[i:]
		}
		a.printLine("closed %s", closingText(zone, c))
	}
	return nil
}

func closingText(zone *time.Location, c engine.Closure) string {
	const layout = "Mon 2006-01-02 15:04"
	return fmt.Sprintf("%s - %s: %s, %s", c.From.In(zone).Format(layout), c.To.In(zone).Format(layout), strings.ToLower(string(c.Name)), c.Reason)
}

func windowLines(zone *time.Location, windows []engine.Window, closings []engine.Closure) []any {
	rows := make([]any, len(windows))
	for i, w := range windows {
		line := windowLine{Schema: schema, Start: w.Start, End: w.End}
		for len(closings) > 0 && closings[0].From.Before(w.Start) {
			c := closings[0]
			line.Closed = append(line.Closed, closeLine{c.From.In(zone), c.To.In(zone), c.Name, c.Reason})
			closings = closings[1:]
		}
		rows[i] = line
	}
	return rows
}

// printNarrower says which hosts and attacks have hours of their own within those windows.
func (a *app) printNarrower(cfg *config.Config) {
	only := func(h engine.Hours) string {
		return engine.Schedule{Days: h.Days, Hours: h.Ranges, Location: cfg.Schedule.Location}.String()
	}
	for _, g := range cfg.Schedule.Groups {
		a.printLine("hosts %s: only %s", strings.Join(g.Hosts, " "), only(g.Hours))
	}
	for _, attack := range cfg.Attacks {
		if attack.Hours != nil {
			a.printLine("attack %s: only %s", attack.Name, only(*attack.Hours))
		}
	}
}
