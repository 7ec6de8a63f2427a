package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
)

// events sends to the Events API.
type events struct {
	client  *web.Client
	keyFile string
}

func newEvents(a Account) (*events, error) {
	if a.KeyFile == "" {
		return nil, errors.New("PagerDuty takes no event without a routing key: name its file")
	}
	c, err := web.New(web.Options{URL: a.Events, CAFile: a.CAFile, Timeout: a.Timeout, Proxy: a.Proxy})
	if err != nil {
		return nil, fmt.Errorf("PagerDuty's Events API: %w", err)
	}
	return &events{c, a.KeyFile}, nil
}

// event is a change event, or with an action an alert. The routing key is put in when it is sent.
type event struct {
	Action  string   `json:"event_action,omitempty"` // trigger, resolve
	Key     string   `json:"dedup_key,omitempty"`
	Client  string   `json:"client,omitempty"`
	Payload *payload `json:"payload,omitempty"`
	Links   []link   `json:"links,omitempty"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity,omitempty"`
	Timestamp string            `json:"timestamp"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text,omitempty"`
}

// timestamp is how the documents write a time.
func timestamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z0700") }

func (e event) path() string {
	if e.Action == "" {
		return "/v2/change/enqueue"
	}
	return "/v2/enqueue"
}

func (e event) String() string {
	switch {
	case e.Action == "":
		return "the change event " + e.Payload.Summary
	case e.Payload == nil:
		return "the end of the alert " + e.Key
	}
	return "the alert " + e.Payload.Summary
}

// send has PagerDuty take an event. Only its own word for that counts: a 200 of something in between is no delivery.
func (s *events) send(ctx context.Context, e event) error {
	key, err := web.ReadSecret(s.keyFile)
	if err != nil {
		return err
	}
	a, err := s.client.Do(ctx, web.Request{Method: http.MethodPost, Path: e.path(), Body: struct {
		RoutingKey string `json:"routing_key"`
		event
	}{string(key), e}})
	if err != nil {
		return hide(err, key)
	}
	return s.verdict(a, key)
}

// verdict is what an answer says of the event.
func (s *events) verdict(a web.Answer, key web.Secret) error {
	var said struct {
		Status  string   `json:"status"`
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	garbage := json.Unmarshal(a.Body, &said)
	text := short(web.Hide(strings.Join(append([]string{said.Status, said.Message}, said.Errors...), ": "), key))
	switch {
	case a.Status < 200 || a.Status > 299:
		return &web.StatusError{Host: s.client.Host(), Status: a.Status, RetryAfter: leaveAlone(a.Header), Text: strings.Trim(text, ": ")}
	case garbage != nil || said.Status != "success":
		return fmt.Errorf("%s answers with status %d and does not say that it has taken the event", s.client.Host(), a.Status)
	}
	return nil
}

// hidden is an error whose text has lost the routing key.
type hidden struct {
	text string
	err  error
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.err }

func hide(err error, key web.Secret) error {
	return hidden{printable.Printable(web.Hide(err.Error(), key)), err}
}

// fate is what becomes of an event that was sent.
type fate int

// The three. The zero value keeps the event.
const (
	again fate = iota
	taken
	refused // the same event would be refused again
)

// judge decides by the documents' table: what is wrong with the event stays wrong, everything else is tried again.
func judge(err error) fate {
	var status *web.StatusError
	switch {
	case err == nil:
		return taken
	case !errors.As(err, &status):
		return again
	case status.Status == http.StatusRequestTimeout || status.Status == http.StatusTooManyRequests || status.Status >= 500:
		return again
	case status.Status >= 400:
		return refused
	}
	return again
}

const (
	firstPause   = 2 * time.Second
	longestPause = 30 * time.Second // a host that needs a person does not wait longer for PagerDuty to be back
	longestRest  = 5 * time.Minute  // that PagerDuty is left alone when it asks for it
)

// pause is how long to wait after so many failures in a row, the latest of which is err.
func pause(failures int, err error) time.Duration {
	wait := firstPause
	for range min(failures-1, 10) {
		wait *= 2
	}
	wait = min(wait, longestPause)
	var status *web.StatusError
	if errors.As(err, &status) {
		wait = max(wait, min(status.RetryAfter, longestRest))
	}
	return wait
}
