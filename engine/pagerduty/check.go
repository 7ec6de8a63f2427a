package pagerduty

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// CheckToken has the REST API say what the services are called; without any, only whether it takes the token.
func CheckToken(ctx context.Context, a Account, services []string) (string, error) {
	r, err := newREST(a, 0)
	if err != nil {
		return "", err
	}
	if len(services) == 0 {
		var abilities struct{}
		_, err := r.get(ctx, "/abilities", nil, &abilities)
		return "the token is taken", err
	}
	var names []string
	for _, id := range services {
		var answer struct {
			Service ref `json:"service"`
		}
		if err := r.find(ctx, "service", id, "/services/"+url.PathEscape(id), &answer); err != nil {
			return "", err
		}
		names = append(names, answer.Service.name())
	}
	return "the token is taken; incidents are watched of " + strings.Join(names, ", "), nil
}

// CheckKey has the Events API take an event that it then drops: the end of an alert that never was.
func CheckKey(ctx context.Context, a Account, name string) error {
	s, err := newEvents(a)
	if err != nil {
		return err
	}
	return s.send(ctx, resolve(dedup(name, "check")))
}

// Died alarms people about a scheduler whose process is gone, for whoever has seen that. The next life of the scheduler
// ends the alert. It tries until ctx ends.
func Died(ctx context.Context, o Options, why string) error {
	s, err := newEvents(o.Account)
	if err != nil {
		return err
	}
	key := deadKey(o.Name)
	alarm := dead(o.Name, o.Machine, why, o.Clock.Now()).trigger(key)
	for failures := 1; ; failures++ {
		err := s.send(ctx, alarm)
		if judge(err) != again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause(failures, err)):
		}
	}
}
