package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
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

// then is when the answers in testdata were given.
var then = time.UnixMilli(1435781451781)

// server answers the query API with one text, and refuses what the documents do not have.
func server(t *testing.T, status int, text string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/prom/api/v1/query" || q.Get("query") != `up{job=~".+"}` || q.Get("timeout") != "5000ms" || len(q) != 2 {
			t.Errorf("asked for %s %s", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header()["Date"] = nil
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, status int, text string, o Options, now time.Time) engine.GateAnswer {
	t.Helper()
	o.Query = `up{job=~".+"}`
	o.Web = web.Options{URL: server(t, status, text).URL + "/prom/", Timeout: 5 * time.Second, StaleAfter: 5 * time.Minute, Now: func() time.Time { return now }}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context())
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEachSampleIsHeldAgainstTheLimitAndWhatCannotBeJudgedIsNotHealthy(t *testing.T) {
	const down = `up{instance="localhost:9100",job="node"}`
	for _, c := range []struct {
		answer, healthy string
		empty           bool
		want            engine.GateAnswer
	}{
		{"vector", "value >= 0", false, health.Yes("value 0 >= 0: " + down + " and 1 more")},
		{"vector", "value == 1", false, engine.GateAnswer{Text: "value 0, wanted == 1: " + down, Causes: []string{down}}},
		{"vector", "value > 1", false, engine.GateAnswer{Text: "value 0, wanted > 1: " + down + " and 1 more",
			Causes: []string{`up{instance="localhost:9090",job="prometheus"}`, down}}},
		{"vector", "value < 0", false, engine.GateAnswer{Text: `value 1, wanted < 0: up{instance="localhost:9090",job="prometheus"} and 1 more`,
			Causes: []string{`up{instance="localhost:9090",job="prometheus"}`, down}}},
		{"vector", "value != 0", false, engine.GateAnswer{Text: "value 0, wanted != 0: " + down, Causes: []string{down}}},
		{"scalar", "value < 0.01", false, health.Yes("value 0.004 < 0.01")},
		{"scalar", "value < 0.001", false, health.No("value 0.004, wanted < 0.001")}, // of no series: nothing of it can be tolerated
		{"empty", "value < 1", false, health.No("the query brings nothing: its series are gone, or never were")},
		{"empty", "value < 1", true, health.Yes("the query brings nothing, as it should")},
		{"nan", "value < 1", false, engine.GateAnswer{Text: `value NaN, wanted < 1: {job="a"}`, Causes: []string{`{job="a"}`}}},
		{"nan", "value != 1", true, engine.GateAnswer{Text: `value NaN, wanted != 1: {job="a"}`, Causes: []string{`{job="a"}`}}},
		{"warnings", "value < 1", false, health.No("HOST warns, so its answer may be half of the truth: No StoreAPIs matched for this query")},
		{"string", "value < 1", false, health.No(`HOST answers with a result of type "string": write a query that brings a vector or a scalar`)},
		{"matrix", "value < 1", true, health.No(`HOST answers with a result of type "matrix": write a query that brings a vector or a scalar`)},
		{"histogram", "value < 1", false, health.No(`{job="a"}: has no value; a histogram cannot be compared`)},
		{"error", "value < 1", true, health.No(`HOST answers the query with "error": invalid parameter "query": 1:5: parse error: unexpected identifier "up"`)},
	} {
		t.Run(c.answer+" "+c.healthy, func(t *testing.T) {
			a := ask(t, 200, document(t, c.answer), Options{Healthy: c.healthy, Empty: c.empty}, then)
			host, _, _ := strings.Cut(a.Text, " ")
			c.want.Text = strings.Replace(c.want.Text, "HOST", host, 1)
			if !reflect.DeepEqual(a, c.want) {
				t.Errorf("%+v\nwant %+v", a, c.want)
			}
		})
	}
}

func TestAQueryThatPrometheusRefusesIsNotHealthyAndItsReasonIsShown(t *testing.T) {
	a := ask(t, 400, document(t, "error"), Options{Healthy: "value < 1"}, then)
	if a.OK || !strings.Contains(a.Text, "status 400") || !strings.Contains(a.Text, "parse error") || strings.Contains(a.Text, "errorType") {
		t.Errorf("%+v", a)
	}
}

func TestAPageForABrowserIsNamedAsSuch(t *testing.T) {
	const page = "<!DOCTYPE html><title>Sign in</title>"
	if a := ask(t, 200, page, Options{Healthy: "value < 1"}, then); a.OK || !strings.HasSuffix(a.Text, " is a web page; does it want a login?") {
		t.Errorf("%+v", a)
	}
	if a := ask(t, 403, page, Options{Healthy: "value < 1"}, then); a.OK || !strings.HasSuffix(a.Text, "(a web page)") {
		t.Errorf("%+v", a)
	}
}

func TestASampleOfAnotherTimeIsNotHealthy(t *testing.T) {
	for away, ok := range map[time.Duration]bool{0: true, 5 * time.Minute: true, 6 * time.Minute: false, -6 * time.Minute: false, time.Hour: false, -time.Hour: false} {
		a := ask(t, 200, document(t, "scalar"), Options{Healthy: "value < 1"}, then.Add(away))
		if a.OK != ok || !ok && !strings.Contains(a.Text, "stale after 5m") {
			t.Errorf("%s away: %+v", away, a)
		}
	}
}

func TestANoAboutMoreSeriesThanCanBeNamedIsANoAboutEverything(t *testing.T) {
	for _, n := range []int{health.MaxCauses, health.MaxCauses + 1} {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"metric":{"host":"web-%d"},"value":[1435781451.781,"9"]}`, i))
		}
		text := `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(list, ",") + `]}}`
		a := ask(t, 200, text, Options{Healthy: "value < 1"}, then)
		if a.OK || (len(a.Causes) == n) != (n <= health.MaxCauses) || (len(a.Causes) == 0) != (n > health.MaxCauses) {
			t.Errorf("%d series, %d causes", n, len(a.Causes))
		}
	}
}

func TestWrongOptionsAreAllReportedAtOnce(t *testing.T) {
	_, err := New(Options{Web: web.Options{URL: "gopher://h/"}, Query: " ", Healthy: "value < much"})
	for _, want := range []string{"gopher", "the query is empty", "write it like value < 0.01"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for _, bad := range []string{"", "value", "< 1", "rate < 1", "value < true", `value == "1"`, "value < NaN"} {
		if _, err := New(Options{Web: web.Options{URL: "http://h/"}, Query: "up", Healthy: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestNoHostileServerIsHealthy(t *testing.T) {
	well := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"0"]}]}}`, time.Now().Unix())
	}
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(well), Ages: true}, func(t *testing.T, s hostile.Server) (bool, string) {
		g, err := New(Options{Query: "up", Healthy: "value < 1", Empty: true, Web: web.Options{
			URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within, StaleAfter: 5 * time.Minute, Now: time.Now,
		}})
		if err != nil {
			t.Fatal(err)
		}
		a := g.Ask(t.Context())
		return a.OK, strings.Join(append(a.Causes, a.Text), "\n")
	})
}
