// Package fake is a PagerDuty for tests: as much of the public REST API v2 and Events API v2 as chaoscat talks to, by
// their documents, on loopback. It pages, limits, fails and is slow as it is told to.
//
//	pd := fake.New(t)
//	pd.OnCall(fake.Entry{User: fake.Ref{"P1", "ada"}, Policy: "PT20YPA", Levels: 2, Level: 1})
//	id := pd.Open("PIJ90N7", "My Mail Service", "The server is on fire.", time.Now())
//	pd.Fail("/v2/", 3, 429, "1")
package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the fake lets in.
const (
	Token = "y_NbAkKc66ryYTWUXYEu"
	Key   = "e93facc04764012d7bfb002500d5d1a6"
)

// Server is one account. Its address serves both APIs.
type Server struct {
	URL       string
	TokenFile string // private, with [Token]
	KeyFile   string // private, with [Key]

	mu        sync.Mutex
	page      int // entries on a page at most
	ahead     time.Duration
	entries   []Entry
	incidents []*incident
	events    []Event
	asked     []string
	faults    []*fault
	gone      []string // paths
}

// Ref is a reference to something, with the name that people know.
type Ref struct{ ID, Summary string }

// Entry is somebody on call.
type Entry struct {
	User     Ref
	Schedule Ref // "": on call by name
	Policy   Ref
	Levels   int // that the policy has
	Level    int
}

// Event is one that was taken.
type Event struct {
	Change  bool
	Action  string `json:"event_action"`
	Key     string `json:"dedup_key"`
	Routing string `json:"routing_key"`
	Client  string `json:"client"`
	Payload struct {
		Summary   string         `json:"summary"`
		Source    string         `json:"source"`
		Severity  string         `json:"severity"`
		Timestamp string         `json:"timestamp"`
		Class     string         `json:"class"`
		Details   map[string]any `json:"custom_details"`
	} `json:"payload"`
	Links []struct{ Href, Text string } `json:"links"`
}

type incident struct {
	id, title, status, key, urgency, team string
	number                                int
	service                               Ref
	created, changed                      time.Time
	assigned                              []Ref
	acked                                 []time.Time
	log                                   []map[string]any
}

type fault struct {
	prefix string
	left   int
	status int
	after  string
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{page: 100}
	dir := t.TempDir()
	s.TokenFile, s.KeyFile = filepath.Join(dir, "token"), filepath.Join(dir, "key")
	for file, text := range map[string]string{s.TokenFile: Token, s.KeyFile: Key} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.URL = server.URL
	return s
}

// PageSize is the most that is given at once from now on.
func (s *Server) PageSize(n int) { s.with(func() { s.page = n }) }

// Ahead puts the server's clock ahead.
func (s *Server) Ahead(d time.Duration) { s.with(func() { s.ahead = d }) }

// OnCall puts people on call, instead of those before.
func (s *Server) OnCall(entries ...Entry) { s.with(func() { s.entries = entries }) }

// Gone takes things away, by their paths: /services/PIJ90N7.
func (s *Server) Gone(paths ...string) { s.with(func() { s.gone = paths }) }

// Fail answers the next n requests whose path begins so with that status; after is the header that says when to come back.
func (s *Server) Fail(prefix string, n, status int, after string) {
	s.with(func() { s.faults = append(s.faults, &fault{prefix, n, status, after}) })
}

// Open opens an incident of high urgency, and returns its id.
func (s *Server) Open(service Ref, title string, at time.Time, assigned ...Ref) (id string) {
	s.with(func() {
		n := len(s.incidents) + 1
		i := &incident{id: fmt.Sprintf("PINC%03d", n), number: 1000 + n, title: title, status: "triggered", urgency: "high", team: "PQ9K7I8",
			key: fmt.Sprintf("%032x", n), service: service, created: at, changed: at, assigned: assigned}
		i.enter("trigger_log_entry", at)
		s.incidents, id = append(s.incidents, i), i.id
	})
	return id
}

// Acknowledge has somebody take an incident on.
func (s *Server) Acknowledge(id string, at time.Time) {
	s.change(id, func(i *incident) {
		i.status, i.changed, i.acked = "acknowledged", at, append(i.acked, at)
		i.enter("acknowledge_log_entry", at)
	})
}

// Resolve ends an incident. Who had acknowledged it is in its log alone from then on.
func (s *Server) Resolve(id string, at time.Time) {
	s.change(id, func(i *incident) {
		i.status, i.changed, i.acked, i.assigned = "resolved", at, nil, nil
		i.enter("resolve_log_entry", at)
	})
}

// Name gives an incident the key of the event that opened it.
func (s *Server) Name(id, key string) { s.change(id, func(i *incident) { i.key = key }) }

func (i *incident) enter(kind string, at time.Time) {
	i.log = append(i.log, map[string]any{"id": fmt.Sprintf("R%d", len(i.log)), "type": kind, "created_at": stamp(at)})
}

func (s *Server) change(id string, do func(*incident)) {
	s.with(func() {
		for _, i := range s.incidents {
			if i.id == id {
				do(i)
			}
		}
	})
}

// Events are those that were taken so far.
func (s *Server) Events() (all []Event) {
	s.with(func() { all = slices.Clone(s.events) })
	return all
}

// Asked are the requests so far: path and query.
func (s *Server) Asked() (all []string) {
	s.with(func() { all = slices.Clone(s.asked) })
	return all
}

func (s *Server) with(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// deny is an error of the REST API.
func deny(w http.ResponseWriter, status, code int, message string, errors ...string) {
	answer(w, status, map[string]any{"error": map[string]any{"message": message, "code": code, "errors": errors}})
}

// ServeHTTP is both APIs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.RequestURI())
	w.Header().Set("Date", time.Now().Add(s.ahead).UTC().Format(http.TimeFormat))
	for _, f := range s.faults {
		if f.left > 0 && strings.HasPrefix(r.URL.Path, f.prefix) {
			f.left--
			f.answer(w, r)
			return
		}
	}
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		s.take(w, r)
		return
	}
	switch {
	case r.Header.Get("Authorization") != "Token token="+Token:
		deny(w, http.StatusUnauthorized, 2006, "Authentication failed")
	case r.Header.Get("Accept") != "application/vnd.pagerduty+json;version=2":
		deny(w, http.StatusNotAcceptable, 2001, "Invalid version")
	default:
		s.show(w, r)
	}
}

func (f *fault) answer(w http.ResponseWriter, r *http.Request) {
	events := strings.HasPrefix(r.URL.Path, "/v2/")
	switch {
	case f.status == http.StatusTooManyRequests && events:
		w.Header().Set("Retry-After", f.after)
		answer(w, f.status, map[string]any{"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly. Please retry later."})
	case f.status == http.StatusTooManyRequests:
		w.Header().Set("ratelimit-limit", "960")
		w.Header().Set("ratelimit-remaining", "0")
		w.Header().Set("ratelimit-reset", f.after)
		deny(w, f.status, 2020, "Rate Limit Exceeded")
	case events:
		answer(w, f.status, map[string]any{"status": "internal error", "message": "Something went wrong"})
	default:
		deny(w, f.status, 2000, "An internal error has occurred. PagerDuty team has been notified.")
	}
}

// take is the Events API.
func (s *Server) take(w http.ResponseWriter, r *http.Request) {
	bad := func(why string) {
		answer(w, http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": []string{why}})
	}
	e := Event{Change: r.URL.Path == "/v2/change/enqueue"}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 512<<10)).Decode(&e)
	_, timeErr := time.Parse("2006-01-02T15:04:05.000Z0700", e.Payload.Timestamp)
	switch {
	case r.Method != http.MethodPost || !e.Change && r.URL.Path != "/v2/enqueue":
		http.NotFound(w, r)
	case err != nil:
		bad("JSON parse error")
	case len(e.Routing) != 32:
		bad("Length of 'routing_key' is incorrect (should be 32 characters)")
	case e.Routing != Key:
		bad("Invalid routing key")
	case (e.Change || e.Action == "trigger") && (e.Payload.Summary == "" || len([]rune(e.Payload.Summary)) > 1024):
		bad("'payload.summary' is missing or blank, or longer than 1024 characters")
	case (e.Change || e.Action == "trigger") && timeErr != nil:
		bad("'payload.timestamp' is invalid")
	case e.Action == "trigger" && (e.Payload.Source == "" || !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity)):
		bad("'payload.source' or 'payload.severity' is missing or invalid")
	case !e.Change && !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
		bad("'event_action' is missing or invalid")
	case e.Action == "resolve" && e.Key == "" || len(e.Key) > 255:
		bad("'dedup_key' is missing or too long")
	case e.Change:
		s.events = append(s.events, e)
		answer(w, http.StatusAccepted, map[string]any{"status": "success", "message": "Change event processed"})
	default:
		s.events = append(s.events, e)
		answer(w, http.StatusAccepted, map[string]any{"status": "success", "message": "Event processed", "dedup_key": e.Key})
	}
}

// show is the REST API.
func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/abilities":
		answer(w, http.StatusOK, map[string]any{"abilities": []string{"teams", "read_only_users"}})
	case r.URL.Path == "/oncalls":
		s.onCalls(w, r)
	case r.URL.Path == "/incidents":
		s.list(w, r, "incidents", s.matching(r))
	case slices.Contains(s.gone, r.URL.Path):
		deny(w, http.StatusNotFound, 2100, "Not Found")
	case named[parts[0]] != "" && len(parts) == 2:
		kind := named[parts[0]]
		answer(w, http.StatusOK, map[string]any{kind: reference(Ref{parts[1], "My Mail Service"}, kind)})
	case parts[0] == "incidents" && len(parts) > 1:
		s.oneIncident(w, r, parts[1:])
	default:
		deny(w, http.StatusNotFound, 2100, "Not Found")
	}
}

// named are the paths of things that an account has all of, but those that are [Server.Gone].
var named = map[string]string{"services": "service", "teams": "team", "schedules": "schedule", "escalation_policies": "escalation_policy"}

func (s *Server) oneIncident(w http.ResponseWriter, r *http.Request, parts []string) {
	at := slices.IndexFunc(s.incidents, func(i *incident) bool { return i.id == parts[0] })
	switch {
	case at < 0:
		deny(w, http.StatusNotFound, 5001, "Incident Not Found")
	case len(parts) == 1:
		answer(w, http.StatusOK, map[string]any{"incident": s.incidents[at].shown()})
	case parts[1] == "log_entries":
		var log []any
		for _, e := range s.incidents[at].log {
			log = append(log, e)
		}
		s.list(w, r, "log_entries", log)
	}
}

// list gives one page, by the rules of classic pagination.
func (s *Server) list(w http.ResponseWriter, r *http.Request, name string, all []any) {
	limit, offset := 25, 0
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		limit = min(n, 100)
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("offset")); err == nil {
		offset = n
	}
	if limit+offset > 10000 {
		deny(w, http.StatusBadRequest, 2001, "Invalid Input Provided", "Offset and limit must not exceed 10000 together")
		return
	}
	limit = min(limit, s.page)
	from, to := min(offset, len(all)), min(offset+limit, len(all))
	page := append([]any{}, all[from:to]...)
	answer(w, http.StatusOK, map[string]any{name: page, "limit": limit, "offset": offset, "more": to < len(all), "total": nil})
}

func (s *Server) onCalls(w http.ResponseWriter, r *http.Request) {
	query, all := r.URL.Query(), []any{}
	for _, e := range s.entries {
		if fits(query["schedule_ids[]"], e.Schedule.ID) && fits(query["escalation_policy_ids[]"], e.Policy.ID) {
			all = append(all, e.shown(slices.Contains(query["include[]"], "escalation_policies")))
		}
	}
	s.list(w, r, "oncalls", all)
}

func fits(wanted []string, is string) bool { return len(wanted) == 0 || slices.Contains(wanted, is) }

func reference(r Ref, kind string) any {
	if r.ID == "" {
		return nil
	}
	return map[string]any{"id": r.ID, "type": kind, "summary": r.Summary, "self": "https://api.pagerduty.com/" + kind + "/" + r.ID}
}

func (e Entry) shown(included bool) any {
	policy, _ := reference(e.Policy, "escalation_policy_reference").(map[string]any)
	if included {
		rules := []any{}
		for n := range e.Levels {
			rules = append(rules, map[string]any{"id": fmt.Sprintf("PRULE%d", n), "escalation_delay_in_minutes": 30})
		}
		policy["type"], policy["escalation_rules"] = "escalation_policy", rules
	}
	return map[string]any{"user": reference(e.User, "user_reference"), "schedule": reference(e.Schedule, "schedule_reference"),
		"escalation_policy": policy, "escalation_level": e.Level, "start": nil, "end": nil}
}

// matching are the incidents that the filters let through, those of the last month where no range is named.
func (s *Server) matching(r *http.Request) (all []any) {
	query := r.URL.Query()
	since, until := time.Now().Add(s.ahead).AddDate(0, -1, 0), time.Now().Add(s.ahead)
	for into, name := range map[*time.Time]string{&since: "since", &until: "until"} {
		if t, err := time.Parse(time.RFC3339, query.Get(name)); err == nil {
			*into = t
		}
	}
	for _, i := range s.incidents {
		within := query.Get("date_range") == "all" || !i.created.Before(since) && !i.created.After(until)
		assigned := len(query["user_ids[]"]) == 0 || slices.ContainsFunc(i.assigned, func(u Ref) bool { return slices.Contains(query["user_ids[]"], u.ID) })
		if within && assigned && fits(query["statuses[]"], i.status) && fits(query["service_ids[]"], i.service.ID) &&
			fits(query["urgencies[]"], i.urgency) && fits(query["team_ids[]"], i.team) {
			all = append(all, i.shown())
		}
	}
	return all
}

func (i *incident) shown() any {
	assignments, acks := []any{}, []any{}
	for _, u := range i.assigned {
		assignments = append(assignments, map[string]any{"at": stamp(i.created), "assignee": reference(u, "user_reference")})
	}
	for _, at := range i.acked {
		acks = append(acks, map[string]any{"at": stamp(at), "acknowledger": reference(Ref{"PXPGF42", "Earline Greenholt"}, "user_reference")})
	}
	return map[string]any{
		"id": i.id, "type": "incident", "summary": fmt.Sprintf("[#%d] %s", i.number, i.title), "incident_number": i.number, "title": i.title,
		"created_at": stamp(i.created), "last_status_change_at": stamp(i.changed), "status": i.status, "urgency": i.urgency, "incident_key": i.key,
		"service": reference(i.service, "service_reference"), "assignments": assignments, "acknowledgements": acks,
	}
}
