package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
	"github.com/chaoscat/chaoscat/engine/sshdoor"
)

// twoWantCPU makes cpu an attack that two people must want.
func twoWantCPU(p *engine.Plan) {
	i := slices.IndexFunc(p.Attacks, func(a engine.Attack) bool { return a.Name == "cpu" })
	p.Attacks = slices.Clone(p.Attacks)
	p.Attacks[i].Approval = 2
}

func (p *party) pending() []engine.Pending { return p.house.engine.Snapshot().Pending }

// intents are the runs that have begun.
func (p *party) intents() (runs []engine.Run) {
	p.t.Helper()
	records, err := p.house.engine.History(p.t.Context(), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == engine.Intent {
			runs = append(runs, *r.Intent)
		}
	}
	return runs
}

func TestAnAttackThatTwoMustWantRunsWhenAnotherPersonApprovesIt(t *testing.T) {
	p := opensItsDoor(t, twoWantCPU)
	_, said, code := p.runs("dan", "run-once --attack cpu --host db-001 --for 20s")
	if code != exitRefused || !strings.Contains(said, "cpu must be wanted by 2 people: 1 more person must say: chaoscat approve ") {
		t.Fatalf("exit %d: %s", code, said)
	}
	p.eventually("the order is to be seen", func() bool { return len(p.pending()) == 1 })
	id := p.pending()[0].Order.ID
	status, _, _ := p.runs("vic", "status")
	if !strings.Contains(status, "waiting  cpu on db-001 by dan, for 1 more person, ") || !strings.Contains(status, "left\nchaoscat approve "+id+"\n") {
		t.Errorf("status says\n%s", status)
	}
	var shape statusShape
	if text, _, _ := p.runs("vic", "status --json"); json.Unmarshal([]byte(text), &shape) != nil || len(shape.Pending) != 1 || shape.Pending[0].ID != id || shape.Pending[0].Missing != 1 {
		t.Errorf("as JSON: %+v", shape.Pending)
	}
	if words := pendingWords(p.house.engine.Snapshot(), nil, nil, ""); len(words) != 1 || words[0] != (candidate{id, "cpu by dan"}) {
		t.Errorf("completion proposes %v", words)
	}
	for name, why := range map[string]string{
		"dan": "dan wants it already; another person must want it too", "sam": "sam may not approve here: that takes the role operator",
		"vic": "may not approve", "guest": "may not approve",
	} {
		if _, said, code := p.runs(name, "approve "+id); code != exitRefused || !strings.Contains(said, why) {
			t.Errorf("%s: exit %d: %s", name, code, said)
		}
	}
	if _, said, code := p.runs("olga", "approve 4711"); code != exitUsage || !strings.Contains(said, `no order "4711" waits`) {
		t.Errorf("of an order that is none: exit %d: %s", code, said)
	}
	run, said, code := p.runs("olga", "approve --reason fine")
	if code != exitDone || !strings.Contains(said, "approved: cpu on db-001 has begun") {
		t.Fatalf("exit %d: %s", code, said)
	}
	begun := p.intents()
	if len(begun) != 1 || begun[0].ID != strings.TrimSpace(run) || begun[0].By != "dan" || !slices.Equal(begun[0].Approved, []string{"olga"}) || begun[0].Door != "ssh" {
		t.Errorf("%q began: %+v", run, begun)
	}
	if o := p.orders(engine.Approve); o[len(o)-1].By != "olga" || o[len(o)-1].Door != "ssh" || !strings.Contains(o[len(o)-1].Text, "fine") {
		t.Errorf("the record has %+v", o)
	}
	if _, said, code := p.runs("ada", "approve"); code != exitUsage || !strings.Contains(said, "no order waits for approval") {
		t.Errorf("once more: exit %d: %s", code, said)
	}
}

func TestWhoIsInterruptedWhileOthersMustWantItIsToldThatNothingHasBegun(t *testing.T) {
	p, said := opensItsDoor(t, twoWantCPU), &lines{}
	inside := sshHouse{world: thisWorld(), engine: p.house.engine, graph: p.house.graph.Load, who: func(name string) control.Peer {
		return p.house.graph.Load().who().at(sshDoor, name, nil)
	}}
	a := inside.app(sshdoor.Visit{Person: "dan", Err: said})
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- a.attackThere(ctx, a.client(), engine.Order{ID: newID(), Kind: engine.RunOnce, Attack: "cpu", Host: "db-001"}, true)
	}()
	p.eventually("it is waited for", func() bool { return strings.Contains(said.String(), "waiting for that") })
	interrupt()
	err := <-ended
	if want := "no longer waiting; nothing has begun, and the order still waits for somebody else: chaoscat stop gives it up, chaoscat status shows it"; err == nil || err.Error() != want || codeOf(err) != exitUnexpected {
		t.Errorf("it ends with %d: %v", codeOf(err), err)
	}
	if len(p.pending()) != 1 || len(p.intents()) != 0 {
		t.Errorf("%d wait, %d have begun", len(p.pending()), len(p.intents()))
	}
}

func TestWhoWaitsForApprovalHearsHowItEnded(t *testing.T) {
	p := opensItsDoor(t, twoWantCPU)
	type end struct {
		out, said string
		code      int
	}
	asks := func() chan end {
		ended, before := make(chan end, 1), len(p.pending())
		go func() {
			out, said, code := p.runs("dan", "run-once --wait --attack cpu --host db-001 --for 20s")
			ended <- end{out, said, code}
		}()
		p.eventually("the order waits", func() bool { return len(p.pending()) > before })
		return ended
	}
	ended := asks()
	g := p.watches("olga", 120, 40)
	g.expects("waits for 1 more person: cpu on db-001 by dan; A approves", "WAITING 1")
	g.presses("A")
	g.expects("Approve this attack?", "cpu on db-001 for 20s", "ordered by dan (ssh)")
	p.eventually("it is approved", func() bool { // a y that comes at once is not taken for an answer
		g.presses("y")
		<-time.After(200 * time.Millisecond)
		return len(p.intents()) == 1
	})
	select {
	case e := <-ended:
		if e.code != exitDone || !strings.Contains(e.out, "cpu on db-001") || !strings.Contains(e.said, "waiting for that") {
			t.Errorf("exit %d: %s%s", e.code, e.out, e.said)
		}
	case <-time.After(time.Minute):
		t.Fatal("dan waits for ever")
	}
	p.runs("ada", "include db-001")
	ended = asks()
	if _, said, code := p.runs("sam", "stop"); code != exitDone {
		t.Errorf("stop: exit %d: %s", code, said)
	}
	if e := <-ended; e.code != exitRefused || !strings.Contains(e.said, "everything is stopped") {
		t.Errorf("after a stop: exit %d: %s", e.code, e.said)
	}
	if len(p.pending()) != 0 || len(p.intents()) != 1 {
		t.Errorf("after a stop %d orders wait and %d runs began", len(p.pending()), len(p.intents()))
	}
}
