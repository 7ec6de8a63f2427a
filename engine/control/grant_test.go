package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// waitingStage is a stage on which orders wait for other people.
type waitingStage struct {
	*stage
	pending []engine.Pending
}

func (s waitingStage) Snapshot() engine.Snapshot { return engine.Snapshot{Pending: s.pending} }

// Team A's attacks must not come to the hosts of team B because somebody is in both.
func TestWhatOneTeamMayOrderNeverComesToTheHostsOfAnother(t *testing.T) {
	waits := func(id, attack string) engine.Pending {
		return engine.Pending{Order: engine.Order{ID: id, Attack: attack}}
	}
	s := waitingStage{&stage{orders: make(chan engine.Order, 1)}, []engine.Pending{waits("1", "cpu"), waits("2", "loss")}}
	eve := control.Peer{Name: "eve", Role: engine.Operator, Grants: []control.Grant{
		{Realm: engine.Selector{"group:db"}, Attacks: []string{"cpu", "memory"}},
		{Realm: engine.Selector{"web-*"}, Attacks: []string{"latency", "cpu"}},
	}}
	for _, row := range []struct {
		order engine.Order
		want  string // what the engine hears, or the refusal
	}{
		{engine.Order{Kind: engine.RunOnce, Attack: "memory"}, "[[group:db]] [memory]"},
		{engine.Order{Kind: engine.RunOnce, Attack: "latency"}, "[[web-*]] [latency]"},
		{engine.Order{Kind: engine.RunOnce, Attack: "cpu"}, "[[group:db] [web-*]] [cpu]"},
		{engine.Order{Kind: engine.RunOnce, Attack: "loss"}, "loss is none of the attacks that eve may order"},
		{engine.Order{Kind: engine.RunOnce}, "eve may order different attacks on different hosts, and so must name the attack"},
		{engine.Order{Kind: engine.RunOnce, Host: "db-1"}, "eve may order different attacks on different hosts, and so must name the attack"},
		{engine.Order{Kind: engine.Approve, Approves: "1"}, "[[group:db] [web-*]] [cpu]"},
		{engine.Order{Kind: engine.Approve, Approves: "2"}, "loss is none of the attacks that eve may order"},
		{engine.Order{Kind: engine.Approve, Approves: "3"}, "no order that eve may approve waits under that id; of several, name one"},
		{engine.Order{Kind: engine.Approve}, "no order that eve may approve waits under that id; of several, name one"},
		{engine.Order{Kind: engine.Exclude, Host: "db-1"}, "[[group:db] [web-*]] [cpu latency memory]"},
		{engine.Order{Kind: engine.PauseIt}, "[[group:db] [web-*]] [cpu latency memory]"},
	} {
		row.order.Realm, row.order.Attacks = []engine.Selector{{"*"}}, []string{"halt"} // which nobody asked about
		_, err := control.Guest{Engine: s, Peer: eve, Door: "ssh"}.Ask(context.Background(), row.order)
		var refusal *engine.Refusal
		got := ""
		switch {
		case errors.As(err, &refusal) && refusal.Name == engine.NotAllowed && len(s.orders) == 0:
			got = refusal.Sentence
		case err == nil:
			o := <-s.orders
			got = fmt.Sprint(o.Realm, " ", o.Attacks)
		}
		if got != row.want {
			t.Errorf("%s %s %s%s: got %s (%v), want %s", row.order.Kind, row.order.Attack, row.order.Host, row.order.Approves, got, err, row.want)
		}
	}
}

func TestAGrantWithoutHostsOrAttacksIsForAllOfThem(t *testing.T) {
	s := &stage{orders: make(chan engine.Order, 1)}
	peer := control.Peer{Name: "eve", Role: engine.Operator, Grants: []control.Grant{
		{Realm: engine.Selector{"group:db"}}, {Attacks: []string{"cpu"}},
	}}
	for attack, want := range map[string]string{"cpu": "[] [cpu]", "latency": "[[group:db]] [latency]"} {
		if _, err := (control.Guest{Engine: s, Peer: peer, Door: "ssh"}).Ask(t.Context(), engine.Order{Kind: engine.RunOnce, Attack: attack}); err != nil {
			t.Fatal(err)
		}
		if o := <-s.orders; fmt.Sprint(o.Realm, " ", o.Attacks) != want {
			t.Errorf("%s: the engine hears %v %v, want %s", attack, o.Realm, o.Attacks, want)
		}
	}
}

// Sentences tell people to type the id into a shell.
func TestAnIdThatAShellWouldReadAsMoreThanAWordIsNoId(t *testing.T) {
	s, client, _ := open(t, engine.Admin)
	for _, id := range []string{"1; rm -rf ~", "$(reboot)", "a b", "a\nb", strings.Repeat("x", 129), "ünï"} {
		if _, err := client.Ask(t.Context(), engine.Order{ID: id, Kind: engine.Skip}); err == nil || !strings.Contains(err.Error(), "letters, digits") {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"5f0c9a77e2d41b38", "gameday-20261123-100000-ab12cd34-1-try2", "ada-20260723T144753.000000000-1"} {
		if _, err := client.Ask(t.Context(), engine.Order{ID: id, Kind: engine.Skip}); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		<-s.orders
	}
	if len(s.orders) != 0 {
		t.Error("one of them reached the engine")
	}
}
