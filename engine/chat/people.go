package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

// groups knows who is in which user group, as Slack said within the last minute. What cannot be learned is not so:
// nobody gets a role from a group that did not answer.
type groups struct {
	ids []string // the groups that matter
	ask func(ctx context.Context, group string) ([]string, error)
	now func() time.Time

	mu    sync.Mutex
	known map[string]membership
}

type membership struct {
	at      time.Time
	members []string
	err     error
}

const (
	groupsFor    = time.Minute
	failureFor   = 10 * time.Second // nobody waits again and again for a Slack that does not answer
	groupsWithin = 5 * time.Second  // for all of them
	mostMembers  = 20_000
)

// of lists the groups that the user is in, and what went wrong while asking for any of them.
func (g *groups) of(ctx context.Context, user string) (in []string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, groupsWithin)
	defer cancel()
	for _, id := range g.ids {
		m := g.fresh(ctx, id)
		switch {
		case m.err != nil:
			err = m.err
		case slices.Contains(m.members, user):
			in = append(in, id)
		}
	}
	return in, err
}

func (g *groups) fresh(ctx context.Context, id string) membership {
	m, known := g.known[id]
	holds := groupsFor
	if m.err != nil {
		holds = failureFor
	}
	if age := g.now().Sub(m.at); known && age >= 0 && age < holds {
		return m
	}
	m = membership{at: g.now()}
	m.members, m.err = g.ask(ctx, id)
	m.members = m.members[:min(len(m.members), mostMembers)]
	if g.known == nil {
		g.known = map[string]membership{}
	}
	g.known[id] = m
	return m
}
