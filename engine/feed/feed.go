// Package feed lets others follow what an engine records, each at its own pace: a chat, a pager, a counter. The engine
// never waits for any of them. Whoever falls far behind misses the oldest records, and is told how many.
//
//	feed.Follow(ctx, engine, engine.Snapshot().LastSeq, func(now engine.Snapshot, news []engine.Record, missed uint64) { ... })
package feed

import (
	"context"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Engine is what can be followed.
type Engine interface {
	Watch(ctx context.Context) <-chan engine.Snapshot
	History(ctx context.Context, after uint64) ([]engine.Record, error)
}

// Follow calls hear with the newest view and every record after that one, in order, output of hosts included, until ctx
// or the engine ends. It is called at least whenever something has changed, also without news. Records that are no
// longer in memory are missed; their number is told once.
func Follow(ctx context.Context, e Engine, after uint64, hear func(now engine.Snapshot, news []engine.Record, missed uint64)) {
	for now := range e.Watch(ctx) {
		news, err := e.History(ctx, after)
		if err != nil {
			continue // the next view comes with another try
		}
		missed := uint64(0)
		if len(news) > 0 {
			missed = news[0].Seq - after - 1
			after = news[len(news)-1].Seq
		}
		hear(now, news, missed)
	}
}

// Since is Follow from a moment on, which may be long before the engine's first step or in the middle of its life. What
// is of before counts as neither heard nor missed.
func Since(ctx context.Context, e Engine, at time.Time, hear func(now engine.Snapshot, news []engine.Record, missed uint64)) {
	first := true
	Follow(ctx, e, 0, func(now engine.Snapshot, news []engine.Record, missed uint64) {
		if first {
			for len(news) > 0 && news[0].At.Before(at) {
				news = news[1:]
			}
			first, missed = false, 0
		}
		hear(now, news, missed)
	})
}
