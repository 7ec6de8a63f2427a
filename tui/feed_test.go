package tui

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// inBubble runs a feed over a console whose watching the test controls.
func inBubble(t *testing.T, test func(ctx context.Context, f *feed, con *fakeConsole)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		con := &fakeConsole{}
		f := newFeed(con, time.Now, func(string) {})
		test(ctx, f, con)
		cancel()
		time.Sleep(time.Second) // within the bubble: whoever rests wakes up and sees that it is over
		synctest.Wait()
	})
}

func news(ctx context.Context, f *feed) newsMsg { return f.next(ctx, 0)().(newsMsg) }

func TestTheEngineIsNeverHeldUpByAScreenThatDoesNotLook(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		snapshots := make(chan engine.Snapshot)
		con.watch = func(context.Context) <-chan engine.Snapshot { return snapshots }
		con.history = func(after uint64) ([]engine.Record, error) { return lines(int(after)+1, int(after)+1001), nil }
		go f.run(ctx)
		start := time.Now()
		for seq := range uint64(100_000) {
			snapshots <- engine.Snapshot{LastSeq: seq}
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("the engine waited %v", waited)
		}
		time.Sleep(time.Minute)
		n := news(ctx, f)
		if n.snapshot == nil || n.snapshot.LastSeq != 99_999 {
			t.Errorf("not the newest snapshot: %+v", n.snapshot)
		}
		if len(n.records) > keep || n.records[len(n.records)-1].Seq < 99_999 {
			t.Errorf("%d records up to %d wait", len(n.records), n.records[len(n.records)-1].Seq)
		}
	})
}

func TestTheScreenIsGivenNewsAtMostTenTimesASecond(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		snapshots := make(chan engine.Snapshot)
		con.watch = func(context.Context) <-chan engine.Snapshot { return snapshots }
		con.history = func(after uint64) ([]engine.Record, error) { return lines(int(after)+1, int(after)+11), nil }
		go f.run(ctx)
		go func() {
			for seq := uint64(1); ctx.Err() == nil; seq++ {
				select {
				case snapshots <- engine.Snapshot{LastSeq: seq}:
				case <-ctx.Done():
				}
				time.Sleep(time.Millisecond)
			}
		}()
		deliveries := 0
		for start := time.Now(); time.Since(start) < 10*time.Second; deliveries++ {
			f.next(ctx, batch)()
		}
		if deliveries > 101 {
			t.Errorf("%d deliveries in ten seconds", deliveries)
		}
	})
}

func TestRecordsAreFetchedInOrderAndOnlyOnce(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		snapshots := make(chan engine.Snapshot)
		con.watch = func(context.Context) <-chan engine.Snapshot { return snapshots }
		all, asked := lines(1, 31), []uint64{}
		con.history = func(after uint64) ([]engine.Record, error) {
			asked = append(asked, after)
			return all[after:min(uint64(len(all)), after+7)], nil // the engine hands over a few at a time
		}
		go f.run(ctx)
		var got []uint64
		for _, last := range []uint64{5, 5, 30} {
			snapshots <- engine.Snapshot{LastSeq: last}
			time.Sleep(time.Second)
			for _, r := range news(ctx, f).records {
				got = append(got, r.Seq)
			}
		}
		if len(got) != 30 || !slices.IsSorted(got) || got[0] != 1 || got[29] != 30 {
			t.Errorf("records %v", got)
		}
	})
}

func TestHistoryThatFailsIsAskedAgainAndSaysSoMeanwhile(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		snapshots := make(chan engine.Snapshot)
		con.watch = func(context.Context) <-chan engine.Snapshot { return snapshots }
		con.history = func(uint64) ([]engine.Record, error) { return nil, errors.New("journal is busy") }
		go f.run(ctx)
		snapshots <- engine.Snapshot{LastSeq: 3}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := news(ctx, f); n.trouble != "journal is busy" {
			t.Errorf("trouble %q", n.trouble)
		}
		con.history = func(after uint64) ([]engine.Record, error) { return lines(int(after)+1, 4), nil }
		snapshots <- engine.Snapshot{LastSeq: 3}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := news(ctx, f); n.trouble != "" || len(n.records) != 3 {
			t.Errorf("trouble %q, %d records", n.trouble, len(n.records))
		}
	})
}

func TestAnEngineThatBeganAgainIsReadFromTheBeginning(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		snapshots := make(chan engine.Snapshot)
		con.watch = func(context.Context) <-chan engine.Snapshot { return snapshots }
		var asked []uint64
		con.history = func(after uint64) ([]engine.Record, error) {
			asked = append(asked, after)
			return nil, nil
		}
		go f.run(ctx)
		for _, last := range []uint64{100_000, 12} {
			snapshots <- engine.Snapshot{LastSeq: last}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if want := []uint64{100_000 - keep, 0}; !slices.Equal(asked, want) {
			t.Errorf("asked for records after %v, want %v", asked, want)
		}
	})
}

func TestALostLinkIsWatchedAgainWithGrowingPatience(t *testing.T) {
	inBubble(t, func(ctx context.Context, f *feed, con *fakeConsole) {
		start, tries := time.Now(), make(chan time.Duration, 100)
		var up atomic.Bool
		con.watch = func(ctx context.Context) <-chan engine.Snapshot {
			tries <- time.Since(start)
			c := make(chan engine.Snapshot, 1)
			if up.Load() {
				c <- engine.Snapshot{Name: "back"}
				context.AfterFunc(ctx, func() { close(c) })
			} else {
				close(c)
			}
			return c
		}
		go f.run(ctx)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := news(ctx, f); !n.lost {
			t.Error("the loss is not told")
		}
		ms := time.Millisecond
		for i, want := range []time.Duration{0, 250 * ms, 750 * ms, 1750 * ms, 3750 * ms, 7750 * ms, 12750 * ms, 17750 * ms} {
			if at := <-tries; at != want {
				t.Errorf("try %d after %v, want %v", i+1, at, want)
			}
		}
		up.Store(true)
		time.Sleep(lastRetry)
		synctest.Wait()
		if n := news(ctx, f); n.lost || n.snapshot == nil || n.snapshot.Name != "back" {
			t.Errorf("lost %v, snapshot %v", n.lost, n.snapshot)
		}
	})
}
