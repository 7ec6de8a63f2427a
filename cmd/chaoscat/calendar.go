package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/calendar"
)

// calendars are what closes the schedule of a configuration besides its freezes.
type calendars struct {
	calendar.Closings
	world world
	had   []engine.Closure // as the plan of the graph has them
}

// newCalendars reads those calendars that are files, and of the others what was kept of them. It asks nobody.
func newCalendars(w world, cfg *config.Config) (*calendars, error) {
	c := &calendars{world: w, Closings: calendar.Closings{
		Nations: cfg.Closings.Holidays, BridgeDays: cfg.Closings.BridgeDays, Home: cfg.Schedule.Location,
	}}
	var wrong []error
	for _, o := range cfg.Closings.Calendars {
		if cfg.StateDir != "" {
			o.Keep = filepath.Join(cfg.StateDir, "calendars")
		}
		s, err := calendar.New(o)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		c.Sources = append(c.Sources, s)
	}
	_ = c.RefreshFiles(w.now) // what is wrong with a file closes everything, and the closing says it
	c.had = c.At(w.now())
	return c, errors.Join(wrong...)
}

// keptRota is the folder of the last good copy of who is on call: an engine writes it, and whoever asks besides it, or
// after it, knows what it knows.
func keptRota(cfg *config.Config) string {
	if cfg.StateDir == "" {
		return ""
	}
	return filepath.Join(cfg.StateDir, "rota")
}

// schedule is that of the configuration, closed by its own freezes and by what the calendars say.
func (g *graph) schedule() engine.Schedule {
	s := g.config.Schedule
	s.Closures = slices.Concat(s.Closures, g.calendars.had)
	return s
}

// askCalendars reads every calendar before the engine of a single command begins: it does not live long enough to learn
// of it later. What cannot be read is in the plan's closings.
func (g *graph) askCalendars(ctx context.Context) error {
	if g.calendars == nil || len(g.calendars.Sources) == 0 {
		return nil
	}
	_ = g.calendars.Refresh(ctx, g.calendars.world.now)
	g.calendars.had = g.calendars.At(g.calendars.world.now())
	plan := g.plan
	plan.Schedule = g.schedule()
	plan, err := engine.NewPlan(plan)
	if err != nil {
		return fmt.Errorf("the calendars do not fit the plan: %w", err)
	}
	g.plan = plan
	return nil
}

// follow reads the calendars again and again, and brings what they close into the plan.
func (h *house) follow(ctx context.Context, g *graph, log *slog.Logger) {
	if g.calendars == nil {
		return
	}
	g.hearRota(log)
	w := g.calendars.world
	g.calendars.Watch(ctx, calendar.Watching{Clock: w.clock, Draw: w.dice, Last: g.calendars.had, Changed: func(closures []engine.Closure, text string) {
		err := h.planner.change(func(p *engine.Plan) string {
			p.Schedule.Closures = slices.Concat(g.config.Schedule.Closures, closures)
			return text
		})
		if err != nil {
			log.Error("the calendars do not fit the plan; the old one stays", "error", err)
		}
	}, Failed: func(err error) {
		log.Warn("reading a calendar fails; its last good copy counts until it is stale", "error", err)
	}, Back: func(name string) {
		log.Warn("a calendar can be read again", "calendar", name)
	}})
}

// hearRota has it logged when the calendar of who is on call cannot be read, and when it can again: until its copy is
// stale the gate says yes.
func (g *graph) hearRota(log *slog.Logger) {
	for _, asked := range g.gates.asked {
		rota, is := asked.By.(*calendar.OnCall)
		if !is {
			continue
		}
		rota.Hear(func(err error) {
			if err != nil {
				log.Warn("reading the calendar of who is on call fails; its last good copy counts until it is stale", "error", err)
				return
			}
			log.Warn("the calendar of who is on call can be read again", "calendar", rota.Name())
		})
	}
}

// checkCalendars says how each calendar is. Offline, nobody has tried to read those that are no files.
func (a *app) checkCalendars(g *graph, offline bool) (f []finding) {
	for _, s := range g.calendars.Sources {
		mark := "+"
		text, usable := s.Describe(a.now(), g.calendars.Home)
		switch {
		case !usable && offline && !s.Local():
			mark = "!"
		case !usable:
			mark = "x"
		}
		f = append(f, finding{schema, mark, "calendar " + s.Name(), text})
	}
	return f
}
