package calendar

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
)

// OnCall asks a calendar who is on call: whoever an event names that takes place now. Nobody is a no; so is a calendar
// that cannot be read or whose copy is stale.
type OnCall struct {
	source *Source
	home   *time.Location
	now    func() time.Time
	turn   chan struct{} // who has it reads the calendar
	due    time.Time     // when it is to be read again; owned by who has the turn

	mu    sync.Mutex
	hear  func(error) // nil: nobody wants to know
	wrong error       // why the last reading failed; nil: it did not
}

// NewOnCall makes the gate of a calendar, which it reads when it is asked and the interval is over. home is the place of
// whole days and floating times.
func NewOnCall(o Options, home *time.Location, now func() time.Time) (*OnCall, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	return &OnCall{source: s, home: home, now: now, turn: make(chan struct{}, 1)}, nil
}

// Hear tells why the rota cannot be read, once for each reason, and nil when it can again. It is for an engine: from now
// on the last good copy outlives the process.
func (g *OnCall) Hear(hear func(error)) {
	g.source.mu.Lock()
	g.source.keeps = true
	g.source.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hear = hear; g.wrong != nil {
		hear(g.wrong)
	}
}

// learn tells what has changed.
func (g *OnCall) learn(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	same := (err == nil) == (g.wrong == nil) && (err == nil || wordsOf(err) == wordsOf(g.wrong))
	if g.wrong = err; !same && g.hear != nil {
		g.hear(err)
	}
}

// Name is what people call the rota.
func (g *OnCall) Name() string { return g.source.Name() }

// Ask says who is on call now.
func (g *OnCall) Ask(ctx context.Context) engine.GateAnswer {
	g.renew(ctx)
	now := g.now()
	c, why := g.source.copy(now, g.home)
	if c == nil {
		return engine.GateAnswer{Text: printable.Printable(why)}
	}
	found, err := c.Between(now, now.Add(time.Nanosecond), g.home)
	if err != nil {
		return engine.GateAnswer{Text: printable.Printable(fmt.Sprintf("the calendar %s cannot be followed: %v", g.source.Name(), err))}
	}
	who := names(found, now)
	if len(who) == 0 {
		return engine.GateAnswer{Text: fmt.Sprintf("nobody is on call now by the calendar %s%s", g.source.Name(), g.source.copied(now, g.home))}
	}
	return engine.GateAnswer{OK: true, Text: printable.Printable("on call: " + strings.Join(who, ", ") + g.source.copied(now, g.home)), Who: who}
}

// renew reads the calendar when it is time. While another does, and hangs, the copy has to do.
func (g *OnCall) renew(ctx context.Context) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-g.turn }()
	if now := g.now(); !now.Before(g.due) {
		err := g.source.Refresh(ctx, g.now)
		g.learn(err)
		g.due = now.Add(g.source.wait(err, 512))
	}
}

// names are those of people who are surely there: not tentative, and until an end that is written, the soonest that it may
// mean.
func names(found []Occurrence, now time.Time) (who []string) {
	for _, o := range found {
		if o.Summary != "" && !o.Tentative && o.Surely.After(now) && !slices.Contains(who, o.Summary) {
			who = append(who, o.Summary)
		}
	}
	return who
}
