package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine/local"
)

// outlet is a system outside that is told what happens here, and may give orders. It follows the engine's record at its
// own pace: however slow it is, the engine does not wait for it.
type outlet struct {
	name string
	run  func(ctx context.Context, e *local.Engine) // until ctx ends
}

// lodger is an outlet that runs.
type lodger struct {
	reads []any // what it depends on in the configuration, as it was when the outlet was made
	end   context.CancelFunc
	gone  chan struct{}
}

// kind is a kind of outlet. While all that it reads of the configuration stays the same, a reload leaves it alone.
type kind struct {
	name  string
	make  func(*graph, world, *slog.Logger) (*outlet, error)
	reads func(*config.Config) []any
	keep  func(next, before *graph) // takes over what the graph itself uses of one that is left alone; nil: nothing
}

var outlets = []kind{
	{"slack", (*graph).slack, slackReads, func(next, before *graph) { next.chat = before.chat }},
	{"pagerduty", (*graph).pagerduty, pagerDutyReads, nil},
	{"webhooks", (*graph).webhooks, telling, nil},
	{"metrics", (*graph).metrics, telling, nil},
}

// others are the outlets that the configuration names and that do not run already as it wants them. What is wrong with
// any is said before anything runs.
func (h *house) others(g *graph, w world, log *slog.Logger) (all map[string]outlet, err error) {
	all = map[string]outlet{}
	for _, o := range outlets {
		if h.lodgers[o.name].wants(o, g.config) {
			if o.keep != nil {
				o.keep(g, h.graph.Load())
			}
			continue
		}
		out, e := o.make(g, w, log)
		err = errors.Join(err, e)
		if out != nil && e == nil {
			all[o.name] = *out
		}
	}
	if err != nil {
		return nil, fail(exitConfig, err)
	}
	return all, nil
}

// lodge lets outlets run, in the place of those that the configuration wants otherwise or not at all. They hear the last
// word, as the doors do.
func (h *house) lodge(g *graph, all map[string]outlet) {
	var leaving []*lodger
	for _, o := range outlets {
		if l := h.lodgers[o.name]; l != nil && !l.wants(o, g.config) {
			leaving = append(leaving, l)
			delete(h.lodgers, o.name)
		}
	}
	leave(leaving)
	for _, o := range outlets {
		if out, wanted := all[o.name]; wanted {
			h.lodgers[o.name] = h.lodger(out, o.reads(g.config))
		}
	}
}

// lodger lets an outlet run.
func (h *house) lodger(out outlet, reads []any) *lodger {
	ctx, end := context.WithCancel(h.doorway)
	l := &lodger{reads: reads, end: end, gone: make(chan struct{})}
	go func() {
		defer close(l.gone)
		out.run(ctx, h.engine)
	}()
	return l
}

// wants tells whether the configuration has the outlet as it runs.
func (l *lodger) wants(o kind, cfg *config.Config) bool {
	return l != nil && reflect.DeepEqual(l.reads, o.reads(cfg))
}

// leave ends outlets, and returns when all have ended.
func leave(all []*lodger) {
	for _, l := range all {
		l.end()
	}
	for _, l := range all {
		<-l.gone
	}
}
