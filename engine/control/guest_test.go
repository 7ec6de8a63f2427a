package control_test

import (
	"errors"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// Every role at every order, at any door.
func TestAGuestOrdersWhatTheirRoleReachesAndNothingElse(t *testing.T) {
	least := map[engine.OrderKind]engine.Role{
		engine.Stop: engine.Viewer, engine.Remark: engine.Stopper, engine.Resume: engine.Operator, engine.PauseIt: engine.Operator, engine.Skip: engine.Operator,
		engine.RunOnce: engine.Operator, engine.Exclude: engine.Operator, engine.Include: engine.Operator, engine.Clear: engine.Operator, engine.Approve: engine.Operator, "nonsense": engine.Operator,
	}
	for kind, needs := range least {
		for role := engine.Nobody; role <= engine.Admin; role++ {
			s := &stage{orders: make(chan engine.Order, 1)}
			guest := control.Guest{Engine: s, Peer: control.Peer{Name: "ada", Role: role}, Door: "ssh"}
			err := guest.Order(t.Context(), engine.Order{ID: "1", Kind: kind, Role: engine.Admin})
			var refusal *engine.Refusal
			refused := errors.As(err, &refusal) && refusal.Name == engine.NotAllowed
			if refused != (role < needs) || len(s.orders) == 1 == refused {
				t.Errorf("%s %s: %v, and %d orders reached the engine", role, kind, err, len(s.orders))
			}
		}
	}
}

func TestWhatAnOrderSaysOfWhoGivesItIsOverwritten(t *testing.T) {
	s := &stage{orders: make(chan engine.Order, 1)}
	realm := []engine.Selector{{"group:db"}}
	guest := control.Guest{Engine: s, Peer: control.Peer{Name: "dan", Role: engine.Operator, Realm: realm}, Door: "ssh"}
	if _, err := guest.Ask(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce, By: "root", Door: "console", Role: engine.Admin, Realm: []engine.Selector{{"*"}}}); err != nil {
		t.Fatal(err)
	}
	if o := <-s.orders; o.By != "dan" || o.Door != "ssh" || o.Role != engine.Operator || len(o.Realm) != 1 || o.Realm[0][0] != "group:db" {
		t.Errorf("the engine hears %+v", o)
	}
}
