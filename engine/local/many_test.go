package local_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

// fleet makes the plan one of many hosts that may all be attacked at once.
func fleet(t *testing.T, n int) func(*local.Options) {
	t.Helper()
	hosts := make([]engine.Host, n)
	for i := range hosts {
		hosts[i] = engine.Host{Name: fmt.Sprintf("web-%04d", i), Address: "10.0.0.1", Port: 22 + i}
	}
	return func(o *local.Options) {
		p := o.Plan
		p.Safety.MaxConcurrent, p.Roster = n, engine.NewRoster(hosts)
		var err error
		if o.Plan, err = engine.NewPlan(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAThousandAttacksShareTheirWritesAndAStopReachesThemAllBeforeTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		f := &fakes{}
		e, end := started(t, f, fleet(t, n))
		time.Sleep(30 * time.Second)
		if _, err := e.Ask(t.Context(), engine.Order{ID: "all", Kind: engine.RunOnce, By: "ada", Attack: "cpu", Count: n}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		f.mu.Lock()
		before, launched := f.writes, countOf(f.did, "attack ")
		f.did = nil
		f.mu.Unlock()
		if launched != n || before > n/2 {
			t.Errorf("%d launched; %d writes", launched, before)
		}
		if err := e.Order(t.Context(), engine.Order{ID: "stop", Kind: engine.Stop, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.mu.Lock()
		undone := countOf(f.did, "undo ")
		f.mu.Unlock()
		if undone != n {
			t.Errorf("%d of %d are being undone when the stop is answered", undone, n)
		}
		time.Sleep(10 * time.Second)
		if s := e.Snapshot(); len(s.Running) != 0 {
			t.Errorf("%d still run", len(s.Running))
		}
		_ = end()
	})
}

func countOf(did []string, prefix string) (n int) {
	for _, d := range did {
		if strings.HasPrefix(d, prefix) {
			n++
		}
	}
	return n
}

// watchman tells what it is given to tell.
type watchman struct {
	tell chan map[string]engine.Sighting
}

func (w watchman) Survey(ctx context.Context, roster func() *engine.Roster, _ func() []engine.Attack, tell func(map[string]engine.Sighting)) {
	for {
		select {
		case found := <-w.tell:
			if roster().Len() > 0 {
				tell(found)
			}
		case <-ctx.Done():
			return
		}
	}
}

func TestWhatTheSurveyFindsIsShownAndWhoIsOutOfReachIsNotDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchman{make(chan map[string]engine.Sighting)}
		e, end := started(t, &fakes{}, func(o *local.Options) { fleet(t, 3)(o); o.Survey = w })
		time.Sleep(time.Second) // the host that is drawn first has been looked at
		now := time.Now()
		w.tell <- map[string]engine.Sighting{
			"web-0000": {At: now, RoundTrip: 12 * time.Millisecond, Facts: &engine.Facts{Summary: "tc no"}},
			"web-0001": {At: now, Unreachable: "no answer"},
			"stranger": {At: now},
		}
		time.Sleep(time.Second)
		s := e.Snapshot()
		if s.Survey.Len() != 2 || s.SurveyID != 1 || s.Eligible != 2 {
			t.Errorf("survey of %d, number %d, %d eligible", s.Survey.Len(), s.SurveyID, s.Eligible)
		}
		w.tell <- map[string]engine.Sighting{"web-0000": {At: now, RoundTrip: time.Millisecond}, "web-0001": {At: now, RoundTrip: time.Millisecond}}
		time.Sleep(time.Second)
		s = e.Snapshot()
		found, _ := s.Survey.Find("web-0000")
		if found.Facts == nil || found.RoundTrip != time.Millisecond || s.Eligible != 3 {
			t.Errorf("after the second look: %+v, %d eligible", found, s.Eligible)
		}
		_ = end()
	})
}

// slowDisk is one write during which things pile up, before gates that say yes at first.
type slowDisk struct {
	*fakes
	slow atomic.Bool
	red  chan struct{}
}

func (d *slowDisk) AppendAll(pages []engine.Page) error {
	if d.slow.Swap(false) {
		time.Sleep(100 * time.Millisecond)
	}
	return d.fakes.AppendAll(pages)
}

func (d *slowDisk) AskNow(_ context.Context, gate string) engine.GateAnswer {
	time.Sleep(10 * time.Millisecond)
	return engine.GateAnswer{OK: true, Text: gate}
}

func (d *slowDisk) Run(ctx context.Context, tell func(string, engine.GateAnswer)) {
	for {
		tell("site", engine.GateAnswer{OK: true})
		tell("rota", engine.GateAnswer{OK: true})
		select {
		case <-time.After(10 * time.Second):
		case <-d.red:
			tell("site", engine.GateAnswer{Text: "red"})
			<-ctx.Done()
			return
		case <-ctx.Done():
			return
		}
	}
}

// The last yes and the first no may wait behind the same slow write: then one batch launches a run and ends it.
func TestARunThatIsLaunchedAndEndedInOneBatchIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDisk{fakes: &fakes{}, red: make(chan struct{})}
		e, end := started(t, d.fakes, func(o *local.Options) { fleet(t, 3)(o); o.Journal, o.Gates = d, d })
		time.Sleep(32 * time.Second)
		go e.Ask(t.Context(), engine.Order{ID: "one", Kind: engine.RunOnce, By: "ada", Attack: "cpu", Host: "web-0001"})
		time.Sleep(5 * time.Millisecond)
		d.slow.Store(true)
		go e.Ask(t.Context(), engine.Order{ID: "note", Kind: engine.Remark, By: "ada", Reason: "a slow write begins"})
		time.Sleep(20 * time.Millisecond)
		close(d.red)
		time.Sleep(5 * time.Second)
		if !d.saw("attack web-0001") || !d.saw("undo web-0001") || len(e.Snapshot().Running) != 0 {
			t.Errorf("still running: %+v; done: %v", e.Snapshot().Running, d.did)
		}
		_ = end()
	})
}
