package control_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

// stage is an engine that shows what it is told to show and remembers its orders.
type stage struct {
	roster  *engine.Roster
	views   chan engine.Snapshot
	orders  chan engine.Order
	refusal *engine.Verdict
	survey  atomic.Pointer[engine.Survey]
}

func (s *stage) Snapshot() engine.Snapshot {
	v := engine.Snapshot{Name: "stage", Roster: s.roster, Total: s.roster.Len(), Survey: s.survey.Load()}
	if v.Survey != nil {
		v.SurveyID = 7
	}
	return v
}

func (s *stage) Watch(ctx context.Context) <-chan engine.Snapshot {
	out := make(chan engine.Snapshot, 1)
	go func() {
		defer close(out)
		for {
			select {
			case v := <-s.views:
				v.Roster = s.roster
				out <- v
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (s *stage) History(_ context.Context, after uint64) ([]engine.Record, error) {
	return []engine.Record{{Seq: after + 1, Text: "one"}, {Seq: after + 2, Text: "two"}}, nil
}

func (s *stage) Ask(_ context.Context, o engine.Order) (string, error) {
	s.orders <- o
	if s.refusal != nil {
		return "", &engine.Refusal{Verdict: *s.refusal}
	}
	return "run-1", nil
}

func open(t *testing.T, role engine.Role) (*stage, *control.Client, string) {
	t.Helper()
	s := &stage{roster: engine.NewRoster([]engine.Host{{Name: "web-1", Address: "10.0.0.1", Port: 22}}),
		views: make(chan engine.Snapshot), orders: make(chan engine.Order, 10)}
	client, path := serves(t, role, control.Options{Engine: s})
	return s, client, path
}

// serves is a client at the door of an engine, for one that the kernel says has the role. The door leaves no socket behind.
func serves(t *testing.T, role engine.Role, o control.Options) (client *control.Client, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "d", "s.sock")
	o.Who = func(uid int) control.Peer { return control.Peer{UID: uid, Name: "kernel-says", Role: role} }
	server, err := control.Listen(path, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	client = control.NewClient(path)
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket was left behind: %v", err)
		}
	})
	return client, path
}

func TestWhoOrdersIsTakenFromTheKernelNotFromTheRequest(t *testing.T) {
	s, client, _ := open(t, engine.Operator)
	run, err := client.Ask(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce, By: "root, honestly", Door: "console"})
	if err != nil || run != "run-1" {
		t.Fatalf("%q %v", run, err)
	}
	if o := <-s.orders; o.By != "kernel-says" || o.Door != "socket" {
		t.Errorf("the order came by %q at %q", o.By, o.Door)
	}
}

func TestEverybodyAtTheSocketMayStopAndNothingElse(t *testing.T) {
	for _, role := range []engine.Role{engine.Viewer, engine.Stopper, engine.Operator, engine.Admin} {
		s, client, _ := open(t, role)
		for _, kind := range []engine.OrderKind{engine.Stop, engine.Resume, engine.PauseIt, engine.Skip, engine.RunOnce, engine.Exclude, engine.Include, engine.Clear} {
			allowed := kind == engine.Stop || role >= engine.Operator
			_, err := client.Ask(t.Context(), engine.Order{ID: "1", Kind: kind})
			var refusal *engine.Refusal
			if refused := errors.As(err, &refusal); refused == allowed {
				t.Errorf("%s %s: allowed %v, got %v", role, kind, allowed, err)
			}
			if len(s.orders) > 0 != allowed {
				t.Errorf("%s %s: reached the engine: %v", role, kind, len(s.orders) > 0)
			}
			for len(s.orders) > 0 {
				<-s.orders
			}
		}
	}
}

func TestARefusalComesBackAsTheVerdictItWas(t *testing.T) {
	s, client, _ := open(t, engine.Operator)
	s.refusal = &engine.Verdict{Name: engine.OutsideHours, Sentence: "outside business hours"}
	err := client.Order(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce})
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Name != engine.OutsideHours || err.Error() != "outside business hours" {
		t.Errorf("%v", err)
	}
}

func TestAWatcherSeesTheRosterAndTheEndOfTheLink(t *testing.T) {
	s, client, _ := open(t, engine.Viewer)
	ctx, cancel := context.WithCancel(t.Context())
	slot := client.Watch(ctx)
	s.views <- engine.Snapshot{Name: "first"}
	if v := <-slot; v.Name != "first" || v.Roster.Len() != 1 {
		t.Errorf("%+v", v)
	}
	cancel()
	for range slot {
	}
}

func TestHistoryAndStateComeThrough(t *testing.T) {
	_, client, _ := open(t, engine.Viewer)
	records, err := client.History(t.Context(), 41)
	if err != nil || len(records) != 2 || records[0].Seq != 42 {
		t.Errorf("%v %v", records, err)
	}
	if view, err := client.Snapshot(t.Context()); err != nil || view.Roster.Len() != 1 {
		t.Errorf("%v %v", view, err)
	}
}

func TestTheSocketIsForOwnerAndGroupOnly(t *testing.T) {
	_, _, path := open(t, engine.Viewer)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	folder, _ := os.Stat(filepath.Dir(path))
	if folder.Mode().Perm()&0o007 != 0 {
		t.Errorf("the folder is open to others: %v", folder.Mode())
	}
}

func TestNobodyThereIsItsOwnError(t *testing.T) {
	client := control.NewClient(filepath.Join(t.TempDir(), "s"))
	if _, err := client.Snapshot(t.Context()); !errors.Is(err, control.ErrNoEngine) {
		t.Errorf("%v", err)
	}
}

func TestAStaleSocketIsReplacedAndAnythingElseIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := control.Listen(path, control.Options{}); err != nil {
		t.Errorf("a stale socket: %v", err)
	}
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(file, control.Options{}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file was replaced: %v", err)
	}
}

func TestAPathTooLongForASocketIsSaid(t *testing.T) {
	_, err := control.Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120)), control.Options{})
	if err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("%v", err)
	}
}

func TestAnUnreadableOrderIsAnErrorNotAnOrder(t *testing.T) {
	s, _, path := open(t, engine.Admin)
	for _, body := range []string{"", "{", `{"kind":"resume","id":"1","surprise":1}`, `{"kind":"resume","id":"a b"}`, `{"kind":"resume"}`, `[1,2]`, strings.Repeat("x", 100_000)} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write([]byte("POST /v1/order HTTP/1.0\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)); err != nil {
			t.Log(err) // the server may have hung up on the flood
		}
		answer := make([]byte, 200)
		n, _ := c.Read(answer)
		if !strings.Contains(string(answer[:n]), " 400 ") {
			t.Errorf("%.20q was answered %q", body, answer[:n])
		}
		c.Close()
	}
	if len(s.orders) != 0 {
		t.Error("an unreadable order reached the engine")
	}
}

func TestTheRoleOfAnOrderIsThatOfThePeerWhateverItSays(t *testing.T) {
	for _, role := range []engine.Role{engine.Operator, engine.Admin} {
		s, client, path := open(t, role)
		if _, err := client.Ask(t.Context(), engine.Order{ID: "1", Kind: engine.RunOnce, Force: true, Role: engine.Admin}); err != nil {
			t.Fatal(err)
		}
		if o := <-s.orders; o.Role != role || !o.Force {
			t.Errorf("%s came in as %s", role, o.Role)
		}
		c, err := net.Dial("unix", path) // somebody without our client
		if err != nil {
			t.Fatal(err)
		}
		body := `{"id":"2","kind":"run-once","role":4,"hosts":["a","b"],"within":[["group:web"]],"together":true}`
		if _, err := c.Write([]byte("POST /v1/order HTTP/1.0\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)); err != nil {
			t.Fatal(err)
		}
		if o := <-s.orders; o.Role != role || len(o.Hosts) != 2 || len(o.Within) != 1 || !o.Together {
			t.Errorf("%s came in as %s: %+v", role, o.Role, o)
		}
		c.Close()
	}
}

func TestAWatcherGetsTheSurveyBesideTheViewsAndKeepsItBetweenThem(t *testing.T) {
	s, client, _ := open(t, engine.Viewer)
	s.survey.Store(&engine.Survey{Hosts: map[string]engine.Sighting{"web-1": {RoundTrip: 12 * time.Millisecond}}})
	slot := client.Watch(t.Context())
	s.views <- engine.Snapshot{Name: "none yet"}
	if v := <-slot; v.Survey.Len() != 0 {
		t.Errorf("a survey came from nowhere: %+v", v.Survey)
	}
	s.views <- engine.Snapshot{Name: "looked", SurveyID: 7}
	var found *engine.Survey
	for v := range slot { // the view comes first, and again with the survey
		if v.Name != "looked" {
			t.Fatalf("%+v", v)
		}
		if found = v.Survey; found.Len() > 0 {
			break
		}
	}
	if at, known := found.Find("web-1"); !known || at.RoundTrip != 12*time.Millisecond {
		t.Errorf("%+v", found)
	}
	s.views <- engine.Snapshot{Name: "the same survey", SurveyID: 7}
	if v := <-slot; v.Name != "the same survey" || v.Survey != found {
		t.Errorf("%s has another survey: %v", v.Name, v.Survey != found)
	}
	if one := client.Survey(t.Context()); one.Len() != 1 {
		t.Errorf("asked for by itself: %+v", one)
	}
}

// watching is a client of an engine without hosts whose views are served so.
func watching(t *testing.T, watch http.HandlerFunc) *control.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/roster", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"roster_id":1,"hosts":[]}`)) })
	mux.HandleFunc("GET /v1/watch", watch)
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	client := control.NewClient(path)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client
}

// An engine that is older has no survey, and says 404 as its whole answer.
func TestAWatcherOfAnOlderEngineGoesWithoutASurvey(t *testing.T) {
	more := make(chan string)
	client := watching(t, func(w http.ResponseWriter, _ *http.Request) {
		for view := range more {
			w.Write([]byte(view + "\n"))
			http.NewResponseController(w).Flush()
		}
	})
	t.Cleanup(func() { close(more) })
	slot := client.Watch(t.Context())
	for _, name := range []string{"one", "two", "three"} {
		more <- `{"name":"` + name + `","survey_id":9}`
		if v := <-slot; v.Name != name || v.Survey != nil {
			t.Errorf("%+v", v)
		}
	}
	if client.Survey(t.Context()) != nil {
		t.Error("a survey came from nowhere")
	}
}

// A process that was stopped, or whose machine stands still, keeps its connections: only its silence tells.
func TestAnEngineThatStandsStillIsALostLinkAndOneWithoutNewsIsNot(t *testing.T) {
	beats := make(chan bool)
	client := watching(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `{"name":"one"}`)
		http.NewResponseController(w).Flush()
		for range beats {
			fmt.Fprintln(w)
			http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	const silence = 2 * time.Second
	client.SetSilence(silence)
	slot := client.Watch(t.Context())
	<-slot
	began := time.Now()
	for tick := time.Tick(silence / 20); time.Since(began) < 2*silence; <-tick { // signs of life, and no news
		beats <- true
		select {
		case s, open := <-slot:
			t.Fatalf("after %s: %+v, still a link: %v", time.Since(began), s, open)
		default:
		}
	}
	close(beats)
	if s, open := <-slot; open {
		t.Errorf("out of silence came %+v", s)
	}
}
