package pagerduty

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine/web"
)

func document(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serving is a client of a server that answers everything with a document.
func serving(t *testing.T, status int, headers map[string]string, name string) (*rest, *events) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		w.Write(document(t, name))
	}))
	t.Cleanup(s.Close)
	a := Account{API: s.URL, Events: s.URL, TokenFile: secret(t, "token"), KeyFile: secret(t, "key")}
	r, err := newREST(a, 0)
	e, eventsErr := newEvents(a)
	if err := errors.Join(err, eventsErr); err != nil {
		t.Fatal(err)
	}
	return r, e
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestTheDocumentsExamplesAreUnderstood(t *testing.T) {
	r, _ := serving(t, 200, nil, "oncalls.json")
	on, whole, _, err := list[onCall](t.Context(), r, "/oncalls", "oncalls", map[string][]string{})
	people, missing := filled(OnCallOptions{Schedules: []string{"PI7DH85"}, Policies: []string{"PT20YPA"}, Levels: []int{2}}, on)
	if err != nil || !whole || missing != nil || line(people) != "Tim Wright (schedule Daily Engineering Rotation), Tim Wright (level 2)" {
		t.Error(people, missing, whole, err)
	}

	r, _ = serving(t, 200, nil, "incidents.json") // says that there are more, whatever page is asked for
	in, whole, _, err := list[incident](t.Context(), r, "/incidents", "incidents", map[string][]string{})
	if err != nil || whole || len(in) != maxPages || in[0].String() != "#1234 My Mail Service: The server is on fire." {
		t.Error(in, whole, err)
	}
	if i := in[0]; i.Status != "resolved" || !i.Created.Equal(moment(t, "2015-10-06T21:30:42Z")) || !i.Changed.Equal(moment(t, "2015-10-06T21:38:23Z")) || !i.acknowledgedAt().IsZero() {
		t.Errorf("%+v", i)
	}

	r, _ = serving(t, 200, nil, "incident.json")
	var one struct{ Incident incident }
	if _, err := r.get(t.Context(), "/incidents/PT4KHLK", nil, &one); err != nil || !one.Incident.assignedTo("PXPGF42") || !one.Incident.acknowledgedAt().Equal(moment(t, "2015-11-10T00:32:52Z")) {
		t.Error(one, err)
	}

	r, _ = serving(t, 200, nil, "log_entries.json")
	log, _, _, err := list[logEntry](t.Context(), r, "/incidents/PT4KHLK/log_entries", "log_entries", map[string][]string{})
	if err != nil || !first(log, "trigger_log_entry").Equal(moment(t, "2015-11-07T00:14:20Z")) || !first(log, "resolve_log_entry").IsZero() {
		t.Error(log, err)
	}
}

func TestTheDocumentsErrorsAreToldInTheirWordsAndTheirWaitIsKept(t *testing.T) {
	r, _ := serving(t, 400, nil, "error.json")
	_, err := r.get(t.Context(), "/incidents", nil, &struct{}{})
	if err == nil || !strings.HasSuffix(err.Error(), "answers with status 400 (Error Message String: human-readable error details: more details)") {
		t.Error(err)
	}
	r, _ = serving(t, 429, map[string]string{"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "20"}, "rate_limit.json")
	_, err = r.get(t.Context(), "/incidents", nil, &struct{}{})
	var status *web.StatusError
	if !errors.As(err, &status) || status.RetryAfter != 20*time.Second || pause(1, err) != 20*time.Second {
		t.Error(err)
	}
	_, e := serving(t, 202, nil, "enqueue_taken.json")
	if err := e.send(t.Context(), resolve("srv01/HTTP")); err != nil {
		t.Error(err)
	}
	_, e = serving(t, 400, nil, "enqueue_error.json")
	if err := e.send(t.Context(), resolve("srv01/HTTP")); judge(err) != refused || !strings.Contains(err.Error(), "JSON parse error") {
		t.Error(err)
	}
}

// What we send has no member that the documents' example does not have.
func TestWhatIsSentHasTheShapeOfTheDocumentsExamples(t *testing.T) {
	for name, e := range map[string]event{
		"change_event.json": {Payload: &payload{Summary: "s", Source: "s", Timestamp: timestamp(time.Now()), Details: map[string]string{"a": "b"}}, Links: []link{{"https://x", "x"}}},
		"alert_event.json":  alert{summary: "s", source: "s", class: "c", details: map[string]string{"a": "b"}}.trigger("key"),
	} {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var sent, example map[string]any
		if err := errors.Join(json.Unmarshal(text, &sent), json.Unmarshal(document(t, name), &example)); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"", "payload"} {
			a, b := sent, example
			if path != "" {
				a, b = sent[path].(map[string]any), example[path].(map[string]any)
			}
			for _, member := range slices.Sorted(maps.Keys(a)) {
				if _, there := b[member]; !there {
					t.Errorf("%s: no %s in %q", name, member, path)
				}
			}
		}
	}
	want := "2015-07-17T08:42:58.315+0000"
	if at, err := time.Parse("2006-01-02T15:04:05.000-0700", want); err != nil || !slices.Contains([]string{want, strings.Replace(want, "+0000", "Z", 1)}, timestamp(at.UTC())) {
		t.Error(timestamp(at), err)
	}
}

func TestAnEventIsTakenTriedAgainOrGivenUpByTheDocumentsTable(t *testing.T) {
	for status, want := range map[int]fate{400: refused, 403: refused, 404: refused, 408: again, 413: refused, 429: again, 500: again, 502: again, 503: again, 302: again} {
		if got := judge(&web.StatusError{Status: status}); got != want {
			t.Errorf("%d: %d, want %d", status, got, want)
		}
	}
	if judge(nil) != taken || judge(errors.New("no route to host")) != again {
		t.Error("no error is taken, and a network's is tried again")
	}
	var waits []time.Duration
	for n := 1; n <= 6; n++ {
		waits = append(waits, pause(n, errors.New("down")))
	}
	if want := []time.Duration{2e9, 4e9, 8e9, 16e9, 30e9, 30e9}; !reflect.DeepEqual(waits, want) {
		t.Error(waits)
	}
	if got := pause(1, &web.StatusError{Status: 429, RetryAfter: time.Hour}); got != longestRest {
		t.Error(got)
	}
}

func TestA200OfSomethingInBetweenIsNoDelivery(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"login": "please"}`)) }))
	t.Cleanup(s.Close)
	e, err := newEvents(Account{Events: s.URL, KeyFile: secret(t, "key")})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.send(t.Context(), resolve("k")); judge(err) != again {
		t.Error(err)
	}
}
