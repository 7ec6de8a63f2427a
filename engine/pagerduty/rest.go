package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
)

// The addresses of accounts in the service region of the United States, where nothing else is said.
const (
	API    = "https://api.pagerduty.com"
	Events = "https://events.pagerduty.com"
)

// Account is how PagerDuty is reached.
type Account struct {
	API       string // address of the REST API
	Events    string // address of the Events API
	TokenFile string // of the REST API; a read-only token is enough
	KeyFile   string // the routing key of an integration of type Events API v2
	CAFile    string // PEM; instead of the machine's authorities
	Timeout   time.Duration
	// Now is the clock that the gates hold against that of PagerDuty's: an answer that says that it is of another time
	// is a no. nil: they do not.
	Now func() time.Time
	// Proxy chooses a proxy as in net/http; nil: none.
	Proxy func(*http.Request) (*url.URL, error)
}

const (
	pageSize = 100 // the most that the REST API gives at once
	maxPages = 5
	maxBody  = 4 << 20 // of one page
)

// staleAfter is how old an answer may be that lets attacks begin.
const staleAfter = 5 * time.Minute

// rest asks the REST API.
type rest struct{ client *web.Client }

// gateREST is for those who let attacks begin.
func gateREST(a Account) (*rest, error) {
	if a.Now == nil {
		return newREST(a, 0)
	}
	return newREST(a, staleAfter)
}

func newREST(a Account, stale time.Duration) (*rest, error) {
	if a.TokenFile == "" {
		return nil, errors.New("PagerDuty cannot be asked without a token: name its file")
	}
	c, err := web.New(web.Options{
		URL: a.API, TokenFile: a.TokenFile, TokenScheme: "Token token=", CAFile: a.CAFile, Timeout: a.Timeout, MaxBody: maxBody, Proxy: a.Proxy,
		Headers: map[string]string{"Accept": "application/vnd.pagerduty+json;version=2"}, StaleAfter: stale, Now: a.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("PagerDuty's REST API: %w", err)
	}
	return &rest{c}, nil
}

// get asks for one thing and decodes it. The headers tell what time it is over there.
func (r *rest) get(ctx context.Context, path string, query url.Values, into any) (http.Header, error) {
	a, err := r.client.Do(ctx, web.Request{Path: path, Query: query})
	switch {
	case err != nil:
		return nil, err
	case a.Status != http.StatusOK:
		return nil, &web.StatusError{Host: r.client.Host(), Status: a.Status, RetryAfter: leaveAlone(a.Header), Text: short(a.Hide(complaint(a.Body)))}
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return nil, fmt.Errorf("the answer of %s is not what was expected: %s", r.client.Host(), printable.Printable(a.Hide(err.Error())))
	}
	return a.Header, nil
}

// leaveAlone is how long the REST API wants not to be asked: it says so in a header of its own, a proxy in the usual one.
func leaveAlone(h http.Header) time.Duration {
	for _, name := range []string{"Ratelimit-Reset", "Retry-After"} {
		if seconds, err := strconv.ParseUint(h.Get(name), 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// complaint is what an answer that is an error says of itself: {"error": {"message", "errors"}}.
func complaint(body []byte) string {
	var said struct {
		Error struct {
			Message string   `json:"message"`
			Errors  []string `json:"errors"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error.Message == "" {
		return string(body)
	}
	return strings.Join(append([]string{said.Error.Message}, said.Error.Errors...), ": ")
}

// list asks for page after page of what is listed under that name. whole is false if there is more than anybody reads.
func list[T any](ctx context.Context, r *rest, path, name string, query url.Values) (all []T, whole bool, h http.Header, err error) {
	for page := range maxPages {
		query.Set("limit", strconv.Itoa(pageSize))
		query.Set("offset", strconv.Itoa(len(all)))
		var raw map[string]json.RawMessage
		if h, err = r.get(ctx, path, query, &raw); err != nil {
			return nil, false, nil, err
		}
		items, more, err := onePage[T](raw, name)
		if err != nil {
			return nil, false, nil, fmt.Errorf("page %d of the %s of %s: %w", page+1, name, r.client.Host(), err)
		}
		if all = append(all, items...); !more {
			return all, true, h, nil
		}
	}
	return all, false, h, nil
}

func onePage[T any](raw map[string]json.RawMessage, name string) (items []T, more bool, err error) {
	if raw[name] == nil || raw["more"] == nil {
		return nil, false, errors.New("the answer is not what was expected: it has no list of them, or does not say whether there are more")
	}
	var goesOn *bool
	if err := errors.Join(json.Unmarshal(raw[name], &items), json.Unmarshal(raw["more"], &goesOn)); err != nil {
		return nil, false, fmt.Errorf("the answer is not what was expected: %s", printable.Printable(err.Error()))
	}
	if items == nil || goesOn == nil {
		return nil, false, errors.New("the answer is not what was expected: it has null where a list of them belongs, or whether there are more")
	}
	return items, *goesOn, nil
}

// ref is a reference to something, as the REST API writes it.
type ref struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
}

// name is what people call it.
func (r ref) name() string {
	if r.Summary == "" {
		return short(r.ID)
	}
	return short(r.Summary)
}

// short makes a text of PagerDuty's fit for a sentence of ours.
func short(s string) string {
	return printable.Short(printable.Printable(strings.Join(strings.Fields(s), " ")), 100)
}
