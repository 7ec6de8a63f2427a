package main

import (
	"sync"

	"github.com/chaoscat/chaoscat/engine"
)

// planner is the one place where the plan of a running engine changes. Several want it changed, each its own part: the
// inventory brings hosts, the calendars bring closings, a reload brings a whole file. Each edits the plan as the one
// before has left it, so that none undoes what another did; and the engine gets the plans in that order.
type planner struct {
	turn sync.Mutex
	last engine.Plan                         // what the engine has
	hand func(plan engine.Plan, text string) // hands a plan over to the engine; text says what changed
}

func newPlanner(first engine.Plan, hand func(engine.Plan, string)) *planner {
	return &planner{last: first, hand: hand}
}

// change edits the plan and hands it over. edit says what it changed; "" changes nothing and hands nothing over. With an
// error the engine keeps the plan that it has. edit must not wait for the engine.
func (p *planner) change(edit func(*engine.Plan) (text string)) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	next := p.last
	text := edit(&next)
	if text == "" {
		return nil
	}
	plan, err := engine.NewPlan(next)
	if err != nil {
		return err
	}
	p.last = plan
	p.hand(plan, text)
	return nil
}

// replace takes up a whole other plan, with what goes with it: hand has the engine take both, and tells whether it did.
func (p *planner) replace(plan engine.Plan, hand func() bool) bool {
	p.turn.Lock()
	defer p.turn.Unlock()
	taken := hand()
	if taken {
		p.last = plan
	}
	return taken
}
