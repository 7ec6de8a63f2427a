package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/inventory/simulated"
)

// audience is a receiver of webhooks, with what it was told.
type audience struct {
	*httptest.Server
	mu   sync.Mutex
	told []string // kinds
}

func (a *audience) kinds() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.told)
}

func listens(t *testing.T) *audience {
	t.Helper()
	a := &audience{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Record struct{ Kind string } }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Header.Get("webhook-signature") == "" {
			t.Errorf("%v %v", r.Header, err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.told = append(a.told, m.Record.Kind)
	}))
	t.Cleanup(a.Close)
	return a
}

// quietMorning is a simulated fleet whose gates say yes and whose time goes by twenty times as fast as ours.
func quietMorning(t *testing.T, hosts, atOnce int) (world, *graph) {
	t.Helper()
	w := thisWorld()
	w.clock = clock.Fast(time.Now(), demoMorning(time.Now()), 20)
	catalogue, err := demoCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := simulated.New(simulated.Options{Hosts: hosts, Seed: 5, Clock: w.clock, Dir: t.TempDir(), Plain: true, LeaseAtLeast: 3 * time.Second, Attacks: simulatedAttacks(catalogue)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	g, err := demoGraph(w, fleet, catalogue, atOnce)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.carrier.Close)
	for i := range g.gates.asked {
		g.gates.asked[i].By = askedOf{w.now, func(time.Time) (bool, string) { return true, "fine" }}
	}
	if g.gates.now, err = health.NewRunner(g.gates.asked, w.clock, func(string, engine.GateAnswer) {}); err != nil {
		t.Fatal(err)
	}
	return w, g
}

// tells is an engine on a simulated fleet that tells others, until close.
func tells(t *testing.T, change func(*config.Config)) *house {
	t.Helper()
	if testing.Short() {
		t.Skip("runs an engine with a simulated fleet")
	}
	w, g := quietMorning(t, 3, 1)
	change(g.config)
	h, err := open(context.Background(), w, g, filepath.Join(t.TempDir(), "state"), opening{log: slog.New(slog.DiscardHandler), demo: true, idle: "only by order"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func comesTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func TestARunIsToldToWebhooksAndFiguresFromTheFirstRecordToTheLast(t *testing.T) {
	a := listens(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	h := tells(t, func(c *config.Config) {
		c.Metrics.Listen = address
		c.Webhooks = []config.Webhook{{Name: "audit", URL: a.URL, SecretFile: secret, Timeout: 5 * time.Second, Queue: 100,
			Events: []engine.RecordKind{engine.Lifecycle, engine.Intent, engine.Closed, engine.OrderGiven}}}
	})
	fetch := func(path string) (string, int) {
		r, err := http.Get("http://" + address + path)
		if err != nil {
			return err.Error(), 0
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return string(text), r.StatusCode
	}
	comesTrue(t, "ready", func() bool { _, code := fetch("/readyz"); return code == http.StatusOK })
	comesTrue(t, "attacked", func() bool {
		_, err := h.engine.Ask(t.Context(), engine.Order{ID: newID(), Kind: engine.RunOnce, By: "ada", Door: "socket", Attack: "cpu", For: 2 * time.Second, Role: engine.Admin})
		return err == nil
	})
	comesTrue(t, "its end is told", func() bool { return slices.Contains(a.kinds(), "outcome") })
	comesTrue(t, "its end is counted", func() bool {
		text, _ := fetch("/metrics")
		return strings.Contains(text, `chaoscat_runs_total{attack="cpu",outcome="effective",undo="restored"} 1`) &&
			strings.Contains(text, "chaoscat_hosts 3\n") && strings.Contains(text, `chaoscat_webhook_delivered_total{webhook="audit"}`)
	})
	if err := h.close(errTerminated); err != nil {
		t.Error(err)
	}
	told := a.kinds()
	if told[0] != "engine" || told[len(told)-1] != "engine" || !slices.Contains(told, "intent") {
		t.Errorf("told %v", told)
	}
	if text, code := fetch("/healthz"); code != 0 {
		t.Errorf("figures are served after the end: %d %s", code, text)
	}
}

func TestFiguresAndWebhooksThatDoNotWorkKeepNothingFromRunning(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h := tells(t, func(c *config.Config) {
		c.Metrics.Listen = taken.Addr().String()
		c.Webhooks = []config.Webhook{{Name: "audit", URL: "http://" + taken.Addr().String(), SecretFile: "/nonexistent", Timeout: time.Second, Queue: 10, Events: []engine.RecordKind{engine.Lifecycle}}}
	})
	comesTrue(t, "it runs", func() bool { return h.engine.Snapshot().Verdict.Name != engine.Reconciling })
	began := time.Now()
	if err := h.close(errTerminated); err != nil || time.Since(began) > time.Minute {
		t.Errorf("ended after %s: %v", time.Since(began), err)
	}
}

func TestAnEngineMayBeQuietAsLongAsItsSlowestReasonToStep(t *testing.T) {
	c := &config.Config{OnCall: config.Gate{Gate: engine.Gate{Interval: time.Hour, Timeout: time.Second}}}
	c.Schedule.CheckEvery = 10 * time.Minute
	if got := quiet(c); got != 20*time.Minute+lateBy {
		t.Errorf("%s", got)
	}
	c.OnCall.Interval = 9 * time.Second
	if got := quiet(c); got != 20*time.Second+lateBy {
		t.Errorf("%s", got)
	}
}

func TestACheckSaysWhoIsToldAndWhatOthersCouldRead(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("0123456789abcdef01234567"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Metrics: config.Metrics{Listen: "0.0.0.0:9469"}, Webhooks: []config.Webhook{
		{Name: "audit", URL: "https://audit.example.com/secret-path", SecretFile: key, Events: []engine.RecordKind{engine.Closed, engine.ResidueNew}},
		{Name: "plain", URL: "http://10.0.0.1:8080/", SecretFile: key, Events: []engine.RecordKind{engine.Closed}},
		{Name: "here", URL: "http://[::1]:8080/", SecretFile: key, Events: []engine.RecordKind{engine.Closed}},
	}}
	want := []finding{
		{schema, "+", "webhook audit", "audit.example.com is told: outcome, residue (not tried)"},
		{schema, "!", "webhook plain", "10.0.0.1:8080 is told: outcome; anybody on the way can read it, for it goes over plain http (not tried)"},
		{schema, "+", "webhook here", "[::1]:8080 is told: outcome (not tried)"},
		{schema, "!", "metrics", "http://0.0.0.0:9469/metrics, /healthz and /readyz: anybody who reaches that address may read them"},
	}
	if got := checkTelling(c); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
