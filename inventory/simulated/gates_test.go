package simulated_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

// Figures are functions of the moment, so a test may ask about any moment, in whatever order.
func TestTheFleetIsHealthyAsLongAsNobodyAttacksIt(t *testing.T) {
	f := newFleet(t)
	for s := range 3600 {
		if ok, text := f.Health(noon.Add(time.Duration(s) * time.Second)); !ok {
			t.Fatalf("after %d s: %s", s, text)
		}
	}
}

func TestHealthTurnsRedDuringABlackholeOfADatabaseAndGreenAfterIt(t *testing.T) {
	f := newFleet(t)
	c := login(t, f, ordinary(t, f, "db"))
	g := c.guard(t, order("run-1", "blackhole", "p.lifeline=1")...)
	g.tell(t, "go")
	g.await(t, "injected")
	injected := f.Applied()[0].Since
	if ok, text := f.Health(injected.Add(30 * time.Second)); ok {
		t.Errorf("during: %s", text)
	}
	g.tell(t, "stop")
	g.end(t)
	if ok, text := f.Health(injected.Add(10 * time.Minute)); !ok {
		t.Errorf("after: %s", text)
	}
}

func TestHealthTurnsRedWhileADatabaseReboots(t *testing.T) {
	clk := clock.Fast(time.Now(), noon, 20)
	f := newFleet(t, func(o *simulated.Options) { o.Clock = clk })
	g := login(t, f, ordinary(t, f, "db")).guard(t, order("run-1", "reboot")...)
	g.tell(t, "go")
	g.end(t)
	eventually(t, "users notice", func() bool { ok, _ := f.Health(clk.Now()); return !ok })
	eventually(t, "users forget", func() bool { ok, _ := f.Health(clk.Now()); return ok })
}

func TestHealthStaysGreenWhenAWebServerIsBusy(t *testing.T) {
	f := newFleet(t)
	g := login(t, f, ordinary(t, f, "web")).guard(t, order("run-1", "cpu", "p.load=90")...)
	g.tell(t, "go")
	g.await(t, "injected")
	if ok, text := f.Health(f.Applied()[0].Since.Add(30 * time.Second)); !ok || !strings.Contains(text, "limit") {
		t.Errorf("during: %s", text)
	}
}

func TestSomebodySimulatedIsAlwaysOnCall(t *testing.T) {
	if ok, who := newFleet(t).OnCall(noon); !ok || who != "ada (simulated)" {
		t.Errorf("on call: %v %s", ok, who)
	}
}

// Two fleets of one seed tell the same story at the same moment: nothing hangs on when they were asked.
func TestFiguresFollowFromSeedAndTime(t *testing.T) {
	calm := func(o *simulated.Options) { o.Seed = 11 }
	a, b := newFleet(t, calm), newFleet(t, calm)
	moved := 0
	_, last := a.Health(noon)
	for s := range 100 {
		at := noon.Add(time.Duration(s) * time.Second)
		_, one := a.Health(at)
		_, two := b.Health(at)
		if one != two {
			t.Fatalf("after %d s: %q and %q", s, one, two)
		}
		if one != last {
			moved++
		}
		last = one
	}
	if moved < 50 {
		t.Errorf("the figures moved %d times in 100 s", moved)
	}
}
