package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/feed"
	"github.com/chaoscat/chaoscat/engine/local"
	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/webhook"
)

const (
	hookRetry = time.Second     // after the first failure; later ones wait longer
	hookLast  = 5 * time.Second // for the last words, when all ends
)

// webhooks are all of them as one outlet: they hear the same feed, and each delivers at its own pace.
func (g *graph) webhooks(w world, log *slog.Logger) (*outlet, error) {
	var wrong error
	for _, c := range g.config.Webhooks {
		hook, err := newWebhook(w, g.config.Name, c, log)
		if err != nil {
			wrong = errors.Join(wrong, g.config.Wrong(c.Key, "%v", err))
			continue
		}
		g.hooks = append(g.hooks, hook)
	}
	if wrong != nil || len(g.hooks) == 0 {
		return nil, wrong
	}
	since := w.now()
	return &outlet{name: "webhooks", run: func(ctx context.Context, e *local.Engine) { deliver(ctx, e, since, g.hooks) }}, nil
}

func newWebhook(w world, name string, c config.Webhook, log *slog.Logger) (*webhook.Hook, error) {
	client, err := web.New(web.Options{URL: c.URL, TokenFile: c.TokenFile, CAFile: c.CAFile, ServerName: c.ServerName, Timeout: c.Timeout})
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", c.Name, err)
	}
	return webhook.New(webhook.Options{Name: c.Name, Sender: name, Client: client, SecretFile: c.SecretFile, Kinds: c.Events, Queue: c.Queue,
		First: hookRetry, Last: hookLast, Now: w.now, Dice: entropy, Log: log}), nil
}

// deliver lets the hooks run until nothing more is to be told.
func deliver(ctx context.Context, e feed.Engine, since time.Time, hooks []*webhook.Hook) {
	last, end := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, h := range hooks {
		all.Go(func() { h.Run(last) })
	}
	feed.Since(ctx, e, since, func(_ engine.Snapshot, news []engine.Record, missed uint64) {
		for _, h := range hooks {
			h.Hear(news, missed)
		}
	})
	end()
	all.Wait()
}
