package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/local"
)

func get(m *Metrics, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestThereAreThreePathsAndNoOther(t *testing.T) {
	m := told(t)
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/": 404, "/metrics/": 404, "/debug/pprof/": 404, "/-/reload": 404} {
		if got := get(m, http.MethodGet, path).Code; got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
	if got := get(m, http.MethodPost, "/metrics").Code; got != http.StatusMethodNotAllowed {
		t.Errorf("a POST is answered with %d", got)
	}
	if body := get(m, http.MethodGet, "/metrics").Body.String(); !strings.Contains(body, "chaoscat_hosts 10\n") || !strings.Contains(body, "go_goroutines") {
		t.Error(body)
	}
}

func TestHealthAndReadinessSayWhy(t *testing.T) {
	now := noon
	journal, starting, unsaved := view(), view(), view()
	journal.Stopped = &engine.Latch{By: "chaoscat", Door: "journal", Reason: "disk full"}
	starting.Verdict = engine.Verdict{Name: engine.Reconciling, Sentence: "looking for what cpu may have left on web-1"}
	unsaved.Warning = local.Unsaved
	refused := view()
	refused.Warning = "the configuration was changed and not taken: 2 mistakes; the old one holds"
	for _, c := range []struct {
		name         string
		tell         func(m *Metrics)
		later        time.Duration
		alive, ready bool
		says         string
	}{
		{"nothing heard yet", func(*Metrics) {}, 0, false, false, "nothing was heard of the engine yet"},
		{"all is well, also with a stop and residue", func(m *Metrics) { m.Hear(view(), nil, 0) }, time.Second, true, true, "written up to record 42"},
		{"the loop hangs", func(m *Metrics) { m.Hear(view(), nil, 0) }, 2 * time.Minute, false, false, "the engine has not stepped for 2m0s; it should every 1m or sooner"},
		{"the clock went back", func(m *Metrics) { m.Hear(view(), nil, 0) }, -time.Hour, true, true, "stepped 0s ago"},
		{"the engine has ended", func(m *Metrics) { m.Hear(view(), nil, 0); m.End() }, 0, false, false, "the engine has ended"},
		{"reconciling", func(m *Metrics) { m.Hear(starting, nil, 0) }, 0, true, false, "looking for what cpu may have left on web-1"},
		{"the journal cannot be written", func(m *Metrics) { m.Hear(journal, nil, 0) }, 0, true, false, "stopped, since it could not be written: disk full"},
		{"another configuration was refused", func(m *Metrics) { m.Hear(refused, nil, 0) }, 0, true, true, `"configuration","ok":true,"text":"the configuration was changed and not taken: 2 mistakes`},
		{"the stop is not on disk", func(m *Metrics) { m.Hear(unsaved, nil, 0) }, 0, true, false, "the stop could not be written to disk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Options{Now: func() time.Time { return now }, Quiet: time.Minute})
			now = noon
			c.tell(m)
			now = noon.Add(c.later)
			live, ready := get(m, http.MethodGet, "/healthz"), get(m, http.MethodGet, "/readyz")
			if (live.Code == 200) != c.alive || (ready.Code == 200) != c.ready || live.Code != 200 && live.Code != 503 {
				t.Errorf("alive %d, ready %d", live.Code, ready.Code)
			}
			var h health
			if err := json.Unmarshal(ready.Body.Bytes(), &h); err != nil || h.Schema != 1 || h.OK != c.ready || len(h.Checks) != 4 || !strings.Contains(ready.Body.String(), c.says) {
				t.Errorf("%v: %s", err, ready.Body)
			}
		})
	}
}

// serving is a server at a port of this machine, until the test ends.
func serving(t *testing.T, m *Metrics) (address string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.serve(ctx, free, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); <-over })
	return free.Addr().String()
}

func TestScrapingBlocksNobodyAndNobodyBlocksScraping(t *testing.T) {
	m := told(t)
	address := serving(t, m)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var scrapes sync.WaitGroup
	for range 3 {
		scrapes.Go(func() {
			for range 20 {
				r, err := client.Get("http://" + address + "/metrics")
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
		})
	}
	for i := range 2000 {
		m.Hear(view(), []engine.Record{{Seq: uint64(i), Kind: engine.Line}}, 0)
	}
	scrapes.Wait()
}

func TestWhoeverHoldsConnectionsOpenIsShutOut(t *testing.T) {
	m := told(t)
	address := serving(t, m)
	for range mostConnections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\n") // and never a second line
	}
	client := &http.Client{Timeout: 4 * readWithin, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatalf("nobody comes in any more: %v", err)
	}
	r.Body.Close()
}

func TestServingEndsAtOnceAlsoWithSomebodyInside(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- told(t).serve(ctx, listener, slog.New(slog.DiscardHandler)) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\n")
	cancel()
	select {
	case err := <-over:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}

func TestAnAddressThatIsTakenIsSaidOnceAndKeepsNothingFromRunning(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var said strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) { said.Write(p); cancel() }), nil))
	go func() { defer close(over); told(t).Serve(ctx, taken.Addr().String(), log) }()
	<-over
	if strings.Count(said.String(), "cannot be served") != 1 {
		t.Error(said.String())
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
