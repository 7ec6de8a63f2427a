package local

import (
	"context"
	"maps"

	"github.com/chaoscat/chaoscat/engine"
)

// The background look at the roster: what it finds is shown, and what the draw must know of it is told.

func (e *Engine) surveying(life context.Context) {
	if e.tenure.Survey == nil {
		return
	}
	e.with(func(t *tenure) {
		t.Survey.Survey(life,
			func() *engine.Roster { return e.Snapshot().Roster },
			func() []engine.Attack { return e.Snapshot().Attacks },
			func(found map[string]engine.Sighting) {
				select {
				case e.sightings <- found:
				case <-e.deaf:
				case <-life.Done():
				}
			})
	})
}

// see takes in what was found, and forgets the hosts that have left the roster.
func (e *Engine) see(life context.Context, found map[string]engine.Sighting) {
	hosts := map[string]engine.Sighting{}
	if e.survey != nil {
		hosts = maps.Clone(e.survey.Hosts)
	}
	news := engine.Sighted{Unreachable: map[string]string{}}
	for name, s := range found {
		if s.Facts == nil {
			s.Facts = hosts[name].Facts // an older look is better than none; it carries its own time
		}
		if s.Unreachable != "" {
			news.Unreachable[name] = s.Unreachable
		} else if hosts[name].Unreachable != "" {
			news.Back = append(news.Back, name)
		}
		s.Since = e.seen + 1
		hosts[name] = s
	}
	maps.DeleteFunc(hosts, func(name string, _ engine.Sighting) bool {
		_, known := e.plan.Roster.Find(name)
		return !known
	})
	e.survey, e.seen = &engine.Survey{Hosts: hosts}, e.seen+1
	if len(news.Unreachable)+len(news.Back) > 0 {
		e.step(life, news)
		return
	}
	e.publish()
}
