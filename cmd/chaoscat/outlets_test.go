package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/chat"
	"github.com/chaoscat/chaoscat/engine/local"
)

// heard notes who begins and ends, in order.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) note(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, what)
}

// outlet is one that takes its time to end.
func (h *heard) outlet(name string) outlet {
	return outlet{name: name, run: func(ctx context.Context, _ *local.Engine) {
		h.note(name + " begins")
		<-ctx.Done()
		time.Sleep(time.Second)
		h.note(name + " ends")
	}}
}

// listening is a configuration with figures at that address, of which nothing else counts.
func listening(address string) *graph {
	return &graph{config: &config.Config{Metrics: config.Metrics{Listen: address}, Schedule: engine.Schedule{Location: time.UTC}}}
}

func TestAReloadBeginsThoseOutletsAnewWhoseTablesHaveChangedAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, shut := context.WithCancel(t.Context())
		before, after, heard := listening("127.0.0.1:1"), listening("127.0.0.1:2"), &heard{}
		before.chat = new(chat.Chat)
		h := &house{doorway: ctx, lodgers: map[string]*lodger{}}
		h.graph.Store(before)
		h.lodge(before, map[string]outlet{"slack": heard.outlet("slack"), "metrics": heard.outlet("metrics")})
		synctest.Wait()
		made, err := h.others(after, thisWorld(), slog.New(slog.DiscardHandler))
		if names := slices.Collect(maps.Keys(made)); err != nil || !slices.Equal(names, []string{"metrics"}) {
			t.Errorf("made are %q, %v", names, err)
		}
		if after.chat != before.chat {
			t.Error("the chat that goes on announces nothing for the new configuration")
		}
		h.lodge(after, map[string]outlet{"metrics": heard.outlet("the new metrics")})
		synctest.Wait()
		slices.Sort(heard.all[:2]) // they begin side by side
		if want := []string{"metrics begins", "slack begins", "metrics ends", "the new metrics begins"}; !slices.Equal(heard.all, want) {
			t.Errorf("heard is %q", heard.all)
		}
		shut()
		leave(slices.Collect(maps.Values(h.lodgers)))
		if n := len(heard.all); n != 6 {
			t.Errorf("not all have ended: %q", heard.all)
		}
	})
}
