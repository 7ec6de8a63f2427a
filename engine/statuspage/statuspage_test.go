package statuspage

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
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

func document(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

func ask(t *testing.T, page string, o Options) engine.GateAnswer {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v2/summary.json" {
			t.Errorf("asked for %s %s", r.Method, r.URL)
		}
		io.WriteString(w, page)
	}))
	defer s.Close()
	o.Web = web.Options{URL: s.URL, Timeout: 5 * time.Second}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(t.Context())
}

func TestAPageIsHealthyUpToItsIndicatorAndWithAllNamedComponents(t *testing.T) {
	well, bad := document(t, "well"), document(t, "summary")
	culprits := []string{"API", "Management Portal", "Unplanned Database Outage"}
	major := engine.GateAnswer{Text: "indicator major, wanted none: Partial System Outage", Causes: culprits}
	for _, c := range []struct {
		name string
		page string
		o    Options
		want engine.GateAnswer
	}{
		{"all is well", well, Options{}, health.Yes("indicator none: All Systems Operational")},
		{"an outage", bad, Options{}, major},
		{"an outage above the limit", bad, Options{Indicator: "minor"}, engine.GateAnswer{Text: "indicator major, wanted minor at most: Partial System Outage", Causes: culprits}},
		{"an outage within the limit", bad, Options{Indicator: "major"}, health.Yes("indicator major: Partial System Outage")},
		{"components that work", well, Options{Components: []string{"API", "9397cnvk62zn"}}, health.Yes("API, 9397cnvk62zn: operational")},
		{"a component that does not", bad, Options{Components: []string{"API"}}, engine.GateAnswer{Text: "API is partial_outage, wanted operational", Causes: []string{"API"}}},
		{"two that do not", bad, Options{Components: []string{"Management Portal", "b13yz5g2cw10"}}, engine.GateAnswer{Text: "Management Portal is major_outage, wanted operational, and 1 more", Causes: []string{"API", "Management Portal"}}},
		{"another component does not", document(t, "well", `"id": "9397cnvk62zn", "name": "Management Portal", "page_id": "y2j98763l56x", "position": 2, "status": "operational"`, `"name": "x", "status": "major_outage"`), Options{Components: []string{"API"}}, health.Yes("API: operational")},
		{"maintenance", document(t, "well", `"position": 1, "status": "operational"`, `"status": "under_maintenance"`), Options{Components: []string{"API"}}, engine.GateAnswer{Text: "API is under_maintenance, wanted operational", Causes: []string{"API"}}},
		{"a component that is not there", well, Options{Components: []string{"API", "Apps"}}, health.No(`the page has no component "Apps"; it has API, Management Portal`)},
		{"the indicator besides", bad, Options{Components: []string{"API"}, Indicator: "none"}, major},
		{"an indicator nobody knows", document(t, "well", `"none"`, `"apocalypse"`), Options{Indicator: "critical"}, health.No("indicator apocalypse, wanted critical at most: All Systems Operational")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := ask(t, c.page, c.o); !reflect.DeepEqual(a, c.want) {
				t.Errorf("%+v\nwant %+v", a, c.want)
			}
		})
	}
}

func TestWrongOptionsAreAllReportedAtOnce(t *testing.T) {
	_, err := New(Options{Web: web.Options{URL: "ftp://h"}, Indicator: "green"})
	for _, want := range []string{"ftp", `"green" is no indicator`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestNoHostileServerIsHealthy(t *testing.T) {
	page := document(t, "well")
	well := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(well), Ages: true}, func(t *testing.T, s hostile.Server) (bool, string) {
		g, err := New(Options{Indicator: "critical", Web: web.Options{
			URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within, StaleAfter: time.Minute, Now: time.Now,
		}})
		if err != nil {
			t.Fatal(err)
		}
		a := g.Ask(t.Context())
		return a.OK, strings.Join(append(a.Causes, a.Text), "\n")
	})
}
