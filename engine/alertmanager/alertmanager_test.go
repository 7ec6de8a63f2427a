package alertmanager

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// documented are the alerts of testdata.
func documented(t *testing.T) (list []map[string]any) {
	t.Helper()
	text, err := os.ReadFile("testdata/alerts.json")
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func alertNamed(labels map[string]string) map[string]any {
	return map[string]any{"labels": labels, "status": map[string]any{"state": "active", "silencedBy": []string{}, "inhibitedBy": []string{}}}
}

func numbered(n int) (list []map[string]any) {
	for i := range n {
		list = append(list, alertNamed(map[string]string{"alertname": fmt.Sprintf("A%d", i)}))
	}
	return list
}

// server does what the documents say of GET /api/v2/alerts, for filters of the form name="value".
func server(t *testing.T, alerts []map[string]any) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/am/api/v2/alerts" || q.Get("active") != "true" || q.Get("unprocessed") != "true" {
			t.Errorf("asked for %s %s", r.Method, r.URL)
		}
		found := []map[string]any{}
		for _, a := range alerts {
			text, _ := json.Marshal(a)
			var known alert
			json.Unmarshal(text, &known)
			wanted := q.Get("silenced") == "true" || len(known.Status.SilencedBy) == 0
			wanted = wanted && (q.Get("inhibited") == "true" || len(known.Status.InhibitedBy) == 0)
			for _, f := range q["filter"] {
				name, value, _ := strings.Cut(f, "=")
				wanted = wanted && known.Labels[name] == strings.Trim(value, `"`)
			}
			if wanted {
				found = append(found, a)
			}
		}
		json.NewEncoder(w).Encode(found)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/am"
}

func ask(t *testing.T, url string, o Options) engine.GateAnswer {
	t.Helper()
	o.Web = web.Options{URL: url, Timeout: 5 * time.Second}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context())
}

func TestAnAlertThatFiresUnsilencedAndUninhibitedIsNotHealthyAndItsNameIsTheCause(t *testing.T) {
	all := documented(t)
	watchdog := alertNamed(map[string]string{"alertname": "Watchdog", "severity": "none"})
	for _, c := range []struct {
		name   string
		alerts []map[string]any
		o      Options
		want   engine.GateAnswer
	}{
		{"two fire", all, Options{}, engine.GateAnswer{Text: "2 alerts fire: HighRequestLatency, InstanceDown", Causes: []string{"HighRequestLatency", "InstanceDown"}}},
		{"one matches", all, Options{Matchers: []string{`severity="page"`, `instance="web-1"`}}, engine.GateAnswer{Text: "1 alert fires: InstanceDown", Causes: []string{"InstanceDown"}}},
		{"none matches", all, Options{Matchers: []string{`severity="critical"`}}, health.Yes("no alert fires")},
		{"the others are suppressed", all[2:], Options{}, health.Yes("no alert fires")},
		{"none", nil, Options{}, health.Yes("no alert fires")},
		{"the same twice", []map[string]any{all[1], all[1]}, Options{}, engine.GateAnswer{Text: "2 alerts fire: InstanceDown", Causes: []string{"InstanceDown"}}},
		{"without a name", append(slices.Clone(all), alertNamed(nil)), Options{}, health.No("3 alerts fire: HighRequestLatency, InstanceDown, one without a name")},
		{"many", numbered(7), Options{}, engine.GateAnswer{Text: "7 alerts fire: A0, A1, A2, A3, A4, ...", Causes: []string{"A0", "A1", "A2", "A3", "A4", "A5", "A6"}}},
		{"the watchdog is there", []map[string]any{watchdog}, Options{Watchdog: "Watchdog"}, health.Yes("no alert fires")},
		{"the watchdog does not match", []map[string]any{watchdog}, Options{Watchdog: "Watchdog", Matchers: []string{`severity="page"`}}, health.Yes("no alert fires")},
		{"the watchdog counts for who does not know it", []map[string]any{watchdog}, Options{}, engine.GateAnswer{Text: "1 alert fires: Watchdog", Causes: []string{"Watchdog"}}},
		{"the watchdog is gone", nil, Options{Watchdog: "Watchdog"}, health.No("Watchdog does not fire, so alerts may not reach HOST")},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := server(t, c.alerts)
			c.want.Text = strings.Replace(c.want.Text, "HOST", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/am"), 1)
			if a := ask(t, url, c.o); !reflect.DeepEqual(a, c.want) {
				t.Errorf("%+v\nwant %+v", a, c.want)
			}
		})
	}
}

func TestSuppressedAlertsDoNotCountEvenIfTheyAreSent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(documented(t)[2:]) }))
	defer s.Close()
	if a := ask(t, s.URL, Options{}); !a.OK {
		t.Errorf("%+v", a)
	}
}

func TestMatchersAreThoseOfAlertmanager(t *testing.T) {
	for _, good := range []string{`severity="critical"`, `team=~"core|edge"`, `a!="b"`, `a!~"b.*"`, `a=b`, ` a = "b c" `, `a="\"x\""`, `a=""`, `a=`} {
		if err := CheckMatcher(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	var all []string
	for _, bad := range []string{"", "critical", `=“x”`, `1a="x"`, `a=="x"`, `a="x`, `a=~"("`, `{a="x"}`, `a="x",b="y"`, `a<"x"`} {
		if CheckMatcher(bad) == nil {
			t.Errorf("%s is taken", bad)
		}
		all = append(all, bad)
	}
	_, err := New(Options{Web: web.Options{URL: "ftp://h"}, Matchers: all[1:3]})
	for _, want := range []string{"ftp", `"critical" is no matcher`, "“x”"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestNoHostileServerIsHealthy(t *testing.T) {
	well := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[]`) }
	guarded := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("silenced") == "true" {
			io.WriteString(w, `[{"labels":{"alertname":"Watchdog"},"status":{"state":"active"}}]`)
			return
		}
		io.WriteString(w, `[]`)
	}
	for watchdog, o := range map[string]hostile.Options{
		"":         {Good: http.HandlerFunc(well), Fine: []string{"[]"}},
		"Watchdog": {Good: http.HandlerFunc(guarded)},
	} {
		t.Run("with watchdog "+watchdog, func(t *testing.T) {
			hostile.Each(t, o, func(t *testing.T, s hostile.Server) (bool, string) {
				g, err := New(Options{Watchdog: watchdog, Web: web.Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within}})
				if err != nil {
					t.Fatal(err)
				}
				a := g.Ask(t.Context())
				return a.OK, strings.Join(append(a.Causes, a.Text), "\n")
			})
		})
	}
}
