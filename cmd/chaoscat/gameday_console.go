package main

import (
	"context"
	"errors"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/journal"
	"github.com/chaoscat/chaoscat/tui"
)

// console is an engine that can be shown, and asked.
type console interface {
	asker
	tui.Console
}

// inLines tells whether a game day goes line by line.
func (a *app) inLines(o gameDayOptions) bool {
	return o.plain || o.yes || a.json || a.quiet || a.noInput || !a.terminal() || a.env("TERM") == "dumb"
}

// gameDayConsole carries a plan out on the console: on the engine that is running, else on one of its own.
func (a *app) gameDayConsole(ctx context.Context, path string, written *config.GameDay, plan gameday.Plan) error {
	if err := a.looks.check(); err != nil {
		return err
	}
	c := &conductor{app: a, file: path, written: written, session: gameday.Session{Plan: plan}, text: a.out}
	client := a.client()
	defer client.Close()
	_, err := client.Snapshot(ctx)
	if errors.Is(err, control.ErrNoEngine) {
		err = a.ownConsole(ctx, opening{idle: "no schedule: this engine carries out a game day"}, func(e console, attached bool, s screen) (tui.Exit, error) {
			return c.show(ctx, e, attached, s)
		})
		return c.tellAfterwards(ctx, nil, err)
	}
	if err != nil {
		return err
	}
	_, err = c.show(ctx, client, true, a.ownScreen())
	return c.tellAfterwards(ctx, client, err)
}

// show opens the console, unless a plan that has not begun fits nothing that there is.
func (c *conductor) show(ctx context.Context, e console, attached bool, s screen) (tui.Exit, error) {
	if err := c.fits(ctx, e); err != nil {
		return tui.Quit, err
	}
	c.day = &tui.GameDay{Plan: c.session.Plan, File: c.file}
	if c.readable(e) {
		c.day.OnDisk = func(take func(engine.Record)) error {
			err := c.onDisk(take)
			var corrupt *journal.CorruptError
			if errors.As(err, &corrupt) { // all that can be read has been told; the engine has said the rest
				return nil
			}
			return err
		}
	}
	return c.app.show(ctx, e, attached, s)
}

// fits holds the plan against what there is. One that is under way goes on whatever has become of its ground.
func (c *conductor) fits(ctx context.Context, e asker) error {
	now, err := present(ctx, e)
	if err != nil {
		return err
	}
	if c.zone, err = time.LoadLocation(now.Zone); err != nil {
		c.zone = time.Local
	}
	wrong := groundIn(now).against(c.written)
	if len(wrong) == 0 {
		return nil
	}
	if s, err := c.newestSession(ctx, e, []gameday.Plan{c.session.Plan}); err != nil || !s.Begun.IsZero() && !s.Over() {
		return err
	}
	return c.mistakesIn(c.file, config.Collect(wrong))
}

// tellAfterwards ends as the game day line by line ends: with the report when it is over, else with how to go on. An
// engine that is gone has left its journal; one of our own is gone by now.
func (c *conductor) tellAfterwards(ctx context.Context, e asker, left error) error {
	if c.day == nil { // it was never shown
		return left
	}
	s, err := c.newestSession(ctx, e, []gameday.Plan{c.session.Plan})
	if errors.Is(err, control.ErrNoEngine) && !c.elsewhere() {
		s, err = c.newestSession(ctx, nil, []gameday.Plan{c.session.Plan})
	}
	if err != nil {
		return errors.Join(left, err)
	}
	if s.Begun.IsZero() { // the record cannot be read from here any more; the console has
		s = c.day.Session
	}
	c.session = s
	switch {
	case s.Over() && left == nil:
		return errors.Join(c.reportGameDay(s, c.zone), codeOfGameDay(s))
	case s.Begun.IsZero() || s.Over():
		return left
	}
	c.sayHowToGoOn("the game day is not over")
	return left
}
