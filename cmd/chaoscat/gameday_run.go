package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/gameday"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// conductor carries a session from step to step: it gives the orders that the session wants, shows what the record
// says of them, and takes what a person types. What to do is the session's to decide.
type conductor struct {
	*app
	file    string
	yes     bool
	written *config.GameDay
	session gameday.Session
	engine  asker
	record  follower
	view    engine.Snapshot
	seenAt  time.Time // when the view came in
	zone    *time.Location
	typed   <-chan string // nil where nobody can type
	refused []int         // tries of each step that were refused before this console came
	shown   int           // step whose heading is on the screen
	said    string        // what it waits for or asks, as it was last said
	open    bool          // a question stands at the end of the screen
	blind   bool          // records from before the engine began cannot be read from here
	text    io.Writer
}

var (
	errLinkLost = errors.New("the engine does not answer any more")
	errLeft     = errors.New("left")
)

func (a *app) gameDay(ctx context.Context, path string, o gameDayOptions) error {
	if o.check {
		return a.checkGameDay(ctx, path)
	}
	written, plan, err := a.loadGameDay(path, o.rehearsal)
	if err != nil {
		return err
	}
	if !a.inLines(o) {
		return a.gameDayConsole(ctx, path, written, plan)
	}
	c := &conductor{app: a, file: path, yes: o.yes, written: written, session: gameday.Session{Plan: plan}, text: a.out}
	if a.json {
		c.text = a.err // stdout is the report's alone
	}
	err = a.askRunning(func(e asker) error { return c.conduct(ctx, e) })
	if !errors.Is(err, control.ErrNoEngine) {
		return err
	}
	return a.withOwnEngine(ctx, func(e asker) error {
		if err := a.settleGates(ctx, e); err != nil {
			return err
		}
		return c.conduct(ctx, e)
	}, true)
}

// conduct goes through the session. An engine that was there once and is gone is waited for: nothing is lost with
// it, and nothing runs on without it but what the hosts themselves end.
func (c *conductor) conduct(ctx context.Context, e asker) error {
	if _, err := present(ctx, e); err != nil {
		return err
	}
	c.engine, c.zone = e, time.Local
	if c.typed == nil && isTerminal(c.in) && !c.noInput {
		c.typed = c.listen()
	}
	for {
		err := c.attend(ctx)
		if !errors.Is(err, errLinkLost) {
			return c.leave(err)
		}
		if _, own := e.(inHouse); own {
			return fail(exitUnexpected, err)
		}
		c.line("the engine does not answer any more; waiting for it. What runs is ended by the engine or by the hosts themselves")
		if err := c.await(ctx); err != nil {
			return c.leave(err)
		}
	}
}

// await tries the engine again and again.
func (c *conductor) await(ctx context.Context) error {
	for {
		c.pauseFor(ctx, time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		trying, enough := context.WithTimeout(ctx, 5*time.Second) // one that just ends may take the call and say nothing
		_, err := present(trying, c.engine)
		if enough(); err == nil {
			return nil
		}
	}
}

// leave ends this console: with the report when the session is over, else with how to go on.
func (c *conductor) leave(err error) error {
	switch {
	case err == nil:
		return errors.Join(c.reportGameDay(c.session, c.zone), codeOfGameDay(c.session))
	case c.session.Begun.IsZero():
		return err
	case errors.Is(err, errLeft):
		c.sayHowToGoOn("left")
		return nil
	}
	c.sayHowToGoOn("the game day is not over")
	return err
}

// sayHowToGoOn names the commands for a game day that is left before its end, to be copied line by line.
func (c *conductor) sayHowToGoOn(why string) {
	c.say("%s", why)
	c.say("  to go on:   %s", c.onPlan("gameday"))
	c.say("  to end it:  %s", c.onPlan("gameday abort"))
}

// onPlan is a command about the plan, as it is typed where this one was.
func (c *conductor) onPlan(words string) string { return c.again(words + " " + shellWord(c.file)) }

// attend takes the session up, begins it if there is none, and goes on until it is over or the link is lost.
func (c *conductor) attend(ctx context.Context) error {
	watching, enough := context.WithCancel(context.WithoutCancel(ctx))
	defer enough()
	views := c.engine.Watch(watching)
	if !c.look(views) {
		return errLinkLost
	}
	if err := c.takeUp(watching); err != nil {
		return err
	}
	interrupted := ctx.Done()
	for {
		wait, err := c.proceed(watching)
		if err != nil || c.session.Over() {
			return err
		}
		select {
		case s, open := <-views:
			if !open {
				return errLinkLost
			}
			c.view, c.seenAt = s, c.now()
		case line, open := <-c.typed:
			if !open {
				c.typed = nil
				continue
			}
			if err := c.typedLine(watching, line); err != nil {
				return err
			}
		case <-wait:
		case <-interrupted:
			if !c.running() {
				return context.Canceled
			}
			interrupted = nil // the stop ends what runs; its outcome is waited for
			c.stopBecause(c.engine)
			time.AfterFunc(undoWithin, enough)
		}
		if interrupted == nil && !c.running() {
			return fail(exitStopped, errors.New("interrupted; what ran was stopped"))
		}
	}
}

// unanswered makes one word of all the ways in which an engine may be gone in the middle of a question. A refusal is
// an answer.
func unanswered(ctx context.Context, err error) error {
	var refusal *engine.Refusal
	if err == nil || errors.As(err, &refusal) || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errLinkLost, err)
}

func (c *conductor) look(views <-chan engine.Snapshot) bool {
	s, open := <-views
	if !open {
		return false
	}
	c.view, c.seenAt = s, c.now()
	if zone, err := time.LoadLocation(s.Zone); err == nil {
		c.zone = zone
	}
	return true
}

// time is the engine's. The clock of a demo is not the one on the wall.
func (c *conductor) time() time.Time {
	if c.view.Demo {
		return c.view.At.Add(c.now().Sub(c.seenAt)).In(c.zone)
	}
	return c.now().In(c.zone)
}

func (c *conductor) running() bool {
	for _, p := range c.session.Steps {
		if p.State == gameday.Running {
			return true
		}
	}
	return false
}

// recall reads the record. Where the engine's files cannot be read, what this console has seen itself is not
// forgotten with the life of an engine.
func (c *conductor) recall(ctx context.Context) error {
	found, whole := gameday.Session{Plan: c.session.Plan}, c.readable(c.engine)
	c.record = follower{engine: c.engine}
	if whole {
		var err error
		if c.record.seen, err = c.past(ctx, nil, found.Take); err != nil {
			return err
		}
	}
	memory, err := c.record.news(ctx)
	for _, r := range memory {
		found.Take(r)
	}
	c.blind = !whole && len(memory) > 0 && memory[0].Seq > 1
	if c.session.Begun.IsZero() || !found.Begun.IsZero() {
		c.session = found
	} else {
		c.session.GoOn(memory)
	}
	return unanswered(ctx, err)
}

// takeUp goes on with an unfinished session; else it begins a new one, on a plan that fits what there is.
func (c *conductor) takeUp(ctx context.Context) error {
	mine := c.session.ID
	if err := c.recall(ctx); err != nil || c.session.Over() && c.session.ID == mine { // it ended as the link was lost
		return err
	}
	if c.session.Begun.IsZero() || c.session.Over() {
		if wrong := groundIn(c.view).against(c.written); len(wrong) > 0 {
			return c.mistakesIn(c.file, config.Collect(wrong))
		}
		c.session = c.session.Begin(c.time())
		if c.blind {
			c.session.Fresh = gameday.Unread
		}
		c.refused = make([]int, len(c.session.Steps))
		return nil
	}
	c.refused = make([]int, len(c.session.Steps))
	for i, p := range c.session.Steps {
		c.refused[i] = p.Tries
	}
	c.line("%s goes on: begun %s by %s, %s", c.session.Plan.Name, c.session.Begun.In(c.zone).Format("Mon 2 Jan 15:04:05"), c.session.By, c.session.Summary())
	c.shown, c.said = 0, ""
	before := c.session.Continued
	if err := errors.Join(c.give(ctx, c.session.Continue()), c.news(ctx)); err != nil {
		return err
	}
	if c.session.Continued == before {
		return c.notAllowed()
	}
	return nil
}

// proceed does all that can be done now, and returns what else to wait for besides news.
func (c *conductor) proceed(ctx context.Context) (<-chan time.Time, error) {
	for {
		if err := c.news(ctx); err != nil {
			return nil, err
		}
		next := c.session.Next(c.view, c.time())
		c.heading(next.Step)
		switch next.Do {
		case gameday.Give:
			if err := c.giveOnce(ctx, next.Order); err != nil {
				return nil, err
			}
			continue
		case gameday.Ask:
			again, err := c.ask(ctx, next)
			if err != nil {
				return nil, err
			}
			if again {
				continue
			}
		case gameday.Until:
			c.tellWait(next)
			return time.After(max(0, next.At.Sub(c.time()))), nil
		case gameday.Watch:
			return nil, c.watch(next)
		}
		return nil, nil
	}
}

// news takes what the engine has recorded since, and shows it.
func (c *conductor) news(ctx context.Context) error {
	records, err := c.record.news(ctx)
	err = unanswered(ctx, err)
	for _, r := range records {
		c.session.Take(r)
		if text := c.tells(r); text != "" {
			c.line("%s  %s", r.At.In(c.zone).Format("15:04:05"), text)
		}
	}
	return err
}

// tells is what a record is worth on the screen.
func (c *conductor) tells(r engine.Record) string {
	if text, ok := gameday.Said(r); ok {
		return text
	}
	switch r.Kind {
	case engine.Intent, engine.Closed, engine.GateTurned, engine.ResidueNew, engine.Cleared:
		return r.Text
	case engine.PhaseNew:
		if r.Phase == engine.Holding || r.Phase == engine.Lost {
			return r.Host + ": " + r.Text
		}
	case engine.OrderGiven:
		switch {
		case r.Order == nil || r.Order.Kind == engine.RunOnce && r.Verdict == nil && r.Run != "":
		case r.Order.Kind == engine.RunOnce && r.Verdict == nil && c.session.Owns(r.Order.ID):
			return "waits: " + c.session.WaitsForOthers()
		case r.Order.Kind == engine.RunOnce && c.session.Owns(r.Order.ID):
			return "refused: " + r.Verdict.Sentence
		default:
			return r.Text
		}
	}
	return ""
}

// giveOnce is give for what the session wants. A note that it wants again was not accepted: by a person who may not
// order attacks, it counts for nothing.
func (c *conductor) giveOnce(ctx context.Context, o engine.Order) error {
	if err := errors.Join(c.give(ctx, o), c.news(ctx)); err != nil {
		return err
	}
	switch again := c.session.Next(c.view, c.time()); {
	case again.Do != gameday.Give || again.Order.ID != o.ID:
		return nil
	case o.Kind == engine.RunOnce: // its answer is an old one
		return c.giveOnce(ctx, c.session.Lose(again.Step, gameday.Unheard))
	}
	return c.notAllowed()
}

func (c *conductor) notAllowed() error {
	return &engine.Refusal{Verdict: engine.Verdict{Name: engine.NotAllowed, Sentence: gameday.Judges}}
}

// approve is the yes to the step whose turn it is.
func (c *conductor) approve(ctx context.Context) error {
	step, _ := c.session.Waiting()
	if err := errors.Join(c.give(ctx, c.session.Approve()), c.news(ctx)); err != nil {
		return err
	}
	if p := c.session.Steps[step-1]; p.State == gameday.Ahead && !p.Approved && c.view.Stopped == nil {
		return c.notAllowed()
	}
	return nil
}

// give hands over an order. One that is refused at the door leaves no record there, so the session leaves it.
func (c *conductor) give(ctx context.Context, o engine.Order) error {
	o.By, o.Door = c.user, "command"
	_, err := c.engine.Ask(ctx, o)
	err = unanswered(ctx, err)
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || o.Kind != engine.RunOnce {
		return err
	}
	step := c.session.Next(c.view, c.time()).Step
	tries := c.session.Steps[step-1].Tries
	if err := c.news(ctx); err != nil {
		return err
	}
	if p := c.session.Steps[step-1]; p.Tries > tries || p.Settled || p.Others != "" || p.State != gameday.Ahead {
		return nil
	}
	if err := errors.Join(c.give(ctx, c.session.Refuse(step, refusal.Sentence)), c.news(ctx)); err != nil {
		return err
	}
	if c.session.Steps[step-1].Tries == tries { // nor may this person say so
		return refusal
	}
	return nil
}

// heading shows a step when its turn has come.
func (c *conductor) heading(step int) {
	if step == 0 || step == c.shown {
		return
	}
	c.shown, c.said = step, ""
	s := c.session.Plan.Steps[step-1]
	c.line("")
	c.line("step %d of %d: %s%s", step, len(c.session.Steps), s.Name, rehearsed(c.session))
	c.line("  hypothesis  %s", s.Hypothesis)
	c.line("  expects     %s", s.Expect.Wish())
	c.line("  runs        %s", what(s, groundIn(c.view)))
	c.line("  waits for   %s", waitText(s.Wait))
}

func waitText(w gameday.Wait) string {
	if w.Kind == gameday.AfterBefore {
		return w.String() + " after the step before"
	}
	return w.String()
}

// ask puts the question to whoever is there; again says that it has been answered.
func (c *conductor) ask(ctx context.Context, next gameday.Next) (again bool, err error) {
	p := c.session.Steps[next.Step-1]
	if c.yes {
		if p.Tries > c.refused[next.Step-1] && p.Refusal.Name == engine.IsStopped { // the next view tells who stopped it; or this engine ends
			return false, nil
		}
		if p.Tries > c.refused[next.Step-1] {
			return false, &engine.Refusal{Verdict: *p.Refusal}
		}
		return true, c.approve(ctx)
	}
	question := fmt.Sprint(next.Step, p.Tries, next.Why)
	if c.said == question {
		return false, nil
	}
	c.said = question
	if next.Why != "" {
		c.line("  asks        %s", next.Why)
	}
	if c.typed == nil {
		c.line("  step %d waits for: %s (or skip); with --yes it would not have asked", next.Step, c.onPlan("gameday approve"))
		return false, nil
	}
	c.prompt("approve? [y]es / [s]kip / [q]uit: ")
	return false, nil
}

func (c *conductor) tellWait(next gameday.Next) {
	text := "  begins by itself at " + next.At.In(c.zone).Format("15:04:05")
	switch {
	case c.typed != nil:
		text += "; y begins it now, s skips it"
	case !c.yes:
		text += fmt.Sprintf("; %s begins it now", c.onPlan("gameday approve"))
	}
	if next.Why != "" {
		text = "  " + next.Why
	}
	if c.said != text {
		c.said = text
		c.line("%s", text)
	}
}

// watch says once why nothing can be done. A script that approves by itself does not outwait a stop.
func (c *conductor) watch(next gameday.Next) error {
	if p := c.session.Steps[next.Step-1]; p.State == gameday.Running {
		return nil
	}
	if c.yes && c.view.Stopped != nil {
		return fail(exitStopped, errors.New(next.Why))
	}
	if c.said != next.Why {
		c.said = next.Why
		c.line("  %s", next.Why)
	}
	return nil
}

// listen reads lines as they are typed, for as long as the program runs. A stop does not wait for its turn.
func (c *conductor) listen() <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(c.in); scan.Scan(); {
			line := strings.TrimSpace(scan.Text())
			if line == "stop" {
				c.stopNow()
				continue
			}
			lines <- line
		}
	}()
	return lines
}

// stopNow ends every attack; anything that hinders it is said.
func (c *conductor) stopNow() {
	ctx, cancel := context.WithTimeout(context.Background(), undoWithin)
	defer cancel()
	if _, err := c.engine.Ask(ctx, engine.Order{ID: newID(), Kind: engine.Stop, By: c.user, Door: "command", Reason: "game day " + c.written.Name}); err != nil {
		c.say("the stop could not be ordered: %v; each host undoes by itself", err)
	}
}

const typing = "y approves, s skips (s WHY gives the reason), q leaves, stop ends every attack, resume lifts a stop; several words are a note"

// typedLine does what a person has typed.
func (c *conductor) typedLine(ctx context.Context, line string) error {
	c.open = false
	if c.yes && line != "" && len(strings.Fields(line)) < 2 {
		c.line("%s", "with --yes nothing is asked; stop ends every attack, several words are a note")
		return nil
	}
	word, rest, _ := strings.Cut(line, " ")
	_, waiting := c.session.Waiting()
	question := c.said
	c.said = ""
	asks := word == "s" || word == "skip" || rest == "" && (word == "y" || word == "yes")
	switch {
	case line == "":
	case asks && c.session.WaitsForOthers() != "":
		c.line("the step waits for other people: %s; stop gives it up", c.session.WaitsForOthers())
	case asks && !waiting:
		c.line("no step waits just now")
	case asks && word[0] == 's':
		return c.give(ctx, c.session.Skip(rest))
	case asks && c.view.Stopped != nil:
		c.line("it is stopped; resume lifts that")
	case asks:
		return c.approve(ctx)
	case rest != "":
		return c.give(ctx, engine.Order{ID: newID(), Kind: engine.Remark, Reason: line})
	case word == "resume":
		return c.give(ctx, engine.Order{ID: newID(), Kind: engine.Resume, Reason: "game day " + c.session.Plan.Name})
	case word == "q" || word == "quit":
		if !c.running() {
			return errLeft
		}
		c.line("%s", "a step is running: wait for its end, or type stop")
		c.said = question
		return nil
	default:
		c.line("%q is not understood: %s", line, typing)
	}
	return nil
}

// line puts one line on the screen; a question that stands there is asked again afterwards.
func (c *conductor) line(format string, args ...any) {
	if c.quiet {
		return
	}
	if c.open {
		fmt.Fprintln(c.text)
		c.open, c.said = false, ""
	}
	fmt.Fprintln(c.text, printable.Printable(fmt.Sprintf(format, args...)))
}

func (c *conductor) prompt(text string) {
	fmt.Fprint(c.text, text)
	c.open = true
}
