package control

import (
	"context"

	"github.com/chaoscat/chaoscat/engine"
)

// Guest is an engine as one person may use it at one door. What they order goes under the name, the role and the
// realm that the door knows them by, whatever the order says of itself; what their role does not reach is refused
// before the engine hears of it. Every door but the one in the engine's own process lets in guests alone.
type Guest struct {
	Engine
	Peer Peer
	Door string // socket, ssh, ...
}

// Ask gives an order in the guest's name.
func (g Guest) Ask(ctx context.Context, o engine.Order) (run string, err error) {
	if g.Peer.Role < o.Kind.Needs() {
		return "", notAllowed("%s may not %s here: that takes the role %s", g.Peer.Name, o.Kind, o.Kind.Needs())
	}
	if o.Realm, o.Attacks, err = g.reach(o); err != nil {
		return "", err
	}
	o.Limited = len(g.Peer.Grants)+len(g.Peer.Realm)+len(g.Peer.Attacks) > 0
	o.By, o.Door, o.Role, o.Named = g.Peer.Name, g.Door, g.Peer.Role, g.Peer.Named
	return g.Engine.Ask(ctx, o)
}

// Order is Ask for who does not need to know which run has begun.
func (g Guest) Order(ctx context.Context, o engine.Order) error {
	_, err := g.Ask(ctx, o)
	return err
}
