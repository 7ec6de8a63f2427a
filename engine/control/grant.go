package control

import (
	"fmt"
	"slices"

	"github.com/chaoscat/chaoscat/engine"
)

// Grant is what one team of operators may order: these attacks on these hosts. None of either is all.
type Grant struct {
	Realm   engine.Selector
	Attacks []string
}

// orders tells whether the attack is granted, on whichever hosts.
func (g Grant) orders(attack string) bool {
	return len(g.Attacks) == 0 || slices.Contains(g.Attacks, attack)
}

// Realm is the hosts of all grants, as in [engine.Order]: none at all is every host.
func Realm(grants []Grant) (realm []engine.Selector) {
	for _, g := range grants {
		if len(g.Realm) == 0 {
			return nil
		}
		realm = append(realm, g.Realm)
	}
	return realm
}

// Attacks are those of all grants, as in [engine.Order]: none at all is every attack.
func Attacks(grants []Grant) (attacks []string) {
	for _, g := range grants {
		if len(g.Attacks) == 0 {
			return nil
		}
		attacks = append(attacks, g.Attacks...)
	}
	slices.Sort(attacks)
	return slices.Compact(attacks)
}

// reach is which hosts and attacks are the guest's in an order. Where their teams have different attacks on different
// hosts, the attack decides on which; an attack that is left to chance decides nothing, and is refused.
func (g Guest) reach(o engine.Order) (realm []engine.Selector, attacks []string, err error) {
	grants := g.Peer.Grants
	if len(grants) == 0 {
		return g.Peer.Realm, g.Peer.Attacks, nil
	}
	attack := o.Attack
	switch o.Kind {
	case engine.RunOnce:
	case engine.Approve:
		if attack = g.waiting(o.Approves); attack == "" {
			return nil, nil, notAllowed("no order that %s may approve waits under that id; of several, name one", g.Peer.Name)
		}
	default:
		return Realm(grants), Attacks(grants), nil
	}
	if attack == "" {
		return nil, nil, notAllowed("%s may order different attacks on different hosts, and so must name the attack", g.Peer.Name)
	}
	grants = slices.DeleteFunc(slices.Clone(grants), func(x Grant) bool { return !x.orders(attack) })
	if len(grants) == 0 {
		return nil, nil, notAllowed("%s is none of the attacks that %s may order", attack, g.Peer.Name)
	}
	return Realm(grants), []string{attack}, nil
}

// waiting is the attack of the order that an approval is for; "" if that is not known.
func (g Guest) waiting(order string) string {
	pending := g.Engine.Snapshot().Pending
	if order == "" && len(pending) == 1 {
		return pending[0].Order.Attack
	}
	for _, p := range pending {
		if p.Order.ID == order {
			return p.Order.Attack
		}
	}
	return ""
}

func notAllowed(format string, args ...any) error {
	return &engine.Refusal{Verdict: engine.Verdict{Name: engine.NotAllowed, Sentence: fmt.Sprintf(format, args...)}}
}
