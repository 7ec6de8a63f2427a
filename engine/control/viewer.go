package control

import (
	"context"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// viewer puts together what a watcher sees: views as they come, each with the newest survey that has been fetched.
// A survey is large and changes all the time, so it is fetched beside the views, which never wait for it, and after
// the first one only what is news.
type viewer struct {
	client *Client
	slot   chan engine.Snapshot
	work   sync.WaitGroup

	mu       sync.Mutex
	last     engine.Snapshot
	survey   *engine.Survey
	id       uint64 // of the survey
	fetching bool
}

// surveyRest is the least time between two surveys.
const surveyRest = 2 * time.Second

func (v *viewer) show(ctx context.Context, s engine.Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Survey, v.last = v.survey, s
	offer(v.slot, s)
	if s.SurveyID != v.id && !v.fetching {
		v.fetching = true
		v.work.Go(func() { v.fetch(ctx) })
	}
}

// end waits until nothing is shown any more.
func (v *viewer) end(cancel context.CancelFunc) {
	cancel()
	v.work.Wait()
}

// fetch goes on for as long as there is a newer survey. One that cannot be had is tried again with the next view.
func (v *viewer) fetch(ctx context.Context) {
	rest := time.NewTimer(surveyRest)
	defer rest.Stop()
	for {
		after := v.id // which only this goroutine changes
		a, err := v.client.survey(ctx, after)
		if err == nil && ctx.Err() == nil {
			v.take(a, after)
		}
		select {
		case <-rest.C:
			rest.Reset(surveyRest)
		case <-ctx.Done():
			return
		}
		if !v.more(err != nil) {
			return
		}
	}
}

func (v *viewer) take(a surveyAnswer, after uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if after == 0 {
		v.survey = nil
	}
	v.survey, v.id = v.survey.With(a.Hosts), a.ID
	if a.Of > 0 && v.survey.Len() != a.Of { // hosts have left it; an engine that does not count tells all each time
		v.id = 0
	}
	v.last.Survey = v.survey
	offer(v.slot, v.last)
}

func (v *viewer) more(failed bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fetching = !failed && v.last.SurveyID != v.id
	return v.fetching
}
