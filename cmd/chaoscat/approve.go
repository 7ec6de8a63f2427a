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
)

func (a *app) approveCommand() *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "approve [ID]", Short: "Be one more person who wants an attack that waits for several", Args: atMostOne("the id of an order that waits"),
		Long: `An attack whose approval in the configuration is 2 or more is not carried out for one person alone: the order
waits, for 15 minutes at most, until so many people want it, whoever ordered it included. chaoscat status lists what
waits. The last approval asks every gate, and the attack begins: the id of the run comes back, or why there is none.

Who approves could have ordered the same, and is a [[person]] of the configuration: of anybody else nobody knows
that it is another human. Nobody counts twice, at whichever doors. Without ID, it is the only order that waits.`,
		Example: "  chaoscat status\n  chaoscat approve\n  chaoscat approve 5f0c9a77e2d41b38",
		RunE: func(cmd *cobra.Command, args []string) error {
			o := engine.Order{ID: newID(), Kind: engine.Approve, By: a.user, Door: "command", Reason: reason}
			if len(args) > 0 {
				o.Approves = args[0]
			}
			return a.askRunning(func(e asker) error { return a.approve(cmd.Context(), e, o) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`WHY`, for the record")
	return c
}

// approve names the order that it saw, so that it is not another one which has come to wait meanwhile.
func (a *app) approve(ctx context.Context, e asker, o engine.Order) error {
	before, err := present(ctx, e)
	if err != nil {
		return err
	}
	if o.Approves == "" && len(before.Pending) == 1 {
		o.Approves = before.Pending[0].Order.ID
	}
	run, err := e.Ask(ctx, o)
	if err != nil {
		return err
	}
	if run == "" {
		return a.stillWaits(ctx, e, o.Approves, before.LastSeq)
	}
	record, p := follower{engine: e, seen: before.LastSeq}, newParts(run, func(engine.Record) error { return nil })
	news, err := record.news(ctx)
	if err := errors.Join(err, p.hear(news)); err != nil {
		return err
	}
	a.say("approved: %s", p.andItsEnd(a.again("stop")))
	return a.printBegun(run, p)
}

// stillWaits says how many more must want it, by the first view that has the approval in it.
func (a *app) stillWaits(ctx context.Context, e asker, order string, before uint64) error {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var s engine.Snapshot
	for s = range e.Watch(ctx) {
		if s.LastSeq > before {
			break
		}
	}
	i := slices.IndexFunc(s.Pending, func(p engine.Pending) bool { return p.Order.ID == order })
	if i < 0 {
		a.say("approved")
		return nil
	}
	if a.json {
		return a.lines(struct {
			Schema int `json:"schema"`
			pendingShape
		}{schema, pendingOf(s.Pending[i])})
	}
	a.say("approved; %s", s.Pending[i].Sentence())
	return nil
}

// waits tells whether an order was put aside for other people, rather than refused.
func waits(err error) bool {
	var refusal *engine.Refusal
	return errors.As(err, &refusal) && refusal.Name == engine.NeedsApproval
}

// settled waits until enough people want the order, and every gate was asked: the run has begun, or it is said why not.
// The follower goes on from before the run. That the order waits is in the record too, without a run and without a
// verdict.
func (a *app) settled(ctx context.Context, e asker, id string, record follower) (run string, from follower, err error) {
	for range e.Watch(ctx) {
		from = record
		news, err := record.news(ctx)
		if err != nil {
			return "", from, err
		}
		for _, r := range news {
			switch mine := r.Kind == engine.OrderGiven && r.Order != nil && r.Order.ID == id; {
			case mine && r.Verdict != nil:
				return "", from, &engine.Refusal{Verdict: *r.Verdict}
			case mine && r.Run != "":
				return r.Run, from, nil
			}
		}
	}
	return "", record, fail(exitUnexpected, errors.New("the engine ended before enough people wanted it: nothing was attacked"))
}

// waitForOthers is settled for an order that was just put aside.
func (a *app) waitForOthers(ctx context.Context, e asker, o engine.Order, record follower, why error) (string, follower, error) {
	a.say("%v; waiting for that", why)
	run, from, err := a.settled(ctx, e, o.ID, record)
	var refusal *engine.Refusal
	if err != nil && ctx.Err() != nil && !errors.As(err, &refusal) {
		err = fmt.Errorf("%w: %s gives it up, %s shows it", errLeftWaiting, a.again("stop"), a.again("status"))
	}
	return run, from, err
}

// errLeftWaiting is for who is interrupted while they wait for other people.
var errLeftWaiting = errors.New("no longer waiting; nothing has begun, and the order still waits for somebody else")

// pendingShape is an order that waits, for scripts.
type pendingShape struct {
	ID      string    `json:"id"`
	Attack  string    `json:"attack"`
	Hosts   []string  `json:"hosts,omitempty"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"`
	Needs   int       `json:"needs"`   // people in all
	Missing int       `json:"missing"` // of them
}

func pendingOf(p engine.Pending) pendingShape {
	return pendingShape{p.Order.ID, p.Order.Attack, p.Order.Targets(), p.Order.By, p.At, p.Until, p.Needs, p.Missing()}
}

// pendingText is an order that waits, for people: "cpu on web-1 by ada, for 1 more person, 12m left".
func pendingText(p engine.Pending, s engine.Snapshot) string {
	on, people := "hosts left to chance", "1 more person"
	if hosts := p.Order.Targets(); len(hosts) > 0 {
		on = strings.Join(hosts[:min(3, len(hosts))], ", ")
		if more := len(hosts) - 3; more > 0 {
			on += fmt.Sprintf(" and %d more", more)
		}
	}
	if n := p.Missing(); n != 1 {
		people = fmt.Sprintf("%d more people", n)
	}
	left := max(0, p.Until.Sub(s.At)).Round(time.Second)
	return fmt.Sprintf("%s on %s by %s, for %s, %s left", p.Order.Attack, on, p.Order.By, people, engine.Span(left))
}
