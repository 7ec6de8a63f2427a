package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/chaoscat/chaoscat/engine/web"
)

// namedFor is how long it is taken for granted that a thing of PagerDuty's is still there.
const namedFor = time.Hour

// things are what a gate names by id: without them its lists would be empty, and an empty list is a yes.
type things struct {
	what string // for people: "service"
	path string // /services/
	ids  []string
}

func services(ids []string) things  { return things{"service", "/services/", ids} }
func teams(ids []string) things     { return things{"team", "/teams/", ids} }
func schedules(ids []string) things { return things{"schedule", "/schedules/", ids} }
func policies(ids []string) things {
	return things{"escalation policy", "/escalation_policies/", ids}
}

// roll remembers what was there. Gates are asked by several goroutines.
type roll struct {
	now func() time.Time // nil: nothing is remembered

	mu   sync.Mutex
	seen map[string]time.Time // by path
}

// call makes sure that all are there; those that were within the hour are not asked for.
func (r *roll) call(ctx context.Context, rest *rest, all ...things) error {
	for _, t := range all {
		for _, id := range t.ids {
			path := t.path + url.PathEscape(id)
			if r.fresh(path) {
				continue
			}
			if err := rest.find(ctx, t.what, id, path, &struct{}{}); err != nil {
				return err
			}
			r.note(path)
		}
	}
	return nil
}

// find gets one thing by its id, or says that there is none.
func (r *rest) find(ctx context.Context, what, id, path string, into any) error {
	_, err := r.get(ctx, path, nil, into)
	if said, is := errors.AsType[*web.StatusError](err); is && said.Status == http.StatusNotFound {
		return fmt.Errorf("PagerDuty has no %s %s: an id is the last part of the address of its page", what, id)
	}
	if err != nil {
		return fmt.Errorf("whether there is a %s %s is not known: %w", what, id, err)
	}
	return nil
}

func (r *roll) fresh(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, seen := r.seen[path]
	return seen && r.now().Sub(at).Abs() < namedFor
}

func (r *roll) note(path string) {
	if r.now == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]time.Time{}
	}
	r.seen[path] = r.now()
}
