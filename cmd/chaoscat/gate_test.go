package main

import (
	"context"
	"errors"
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

	"github.com/chaoscat/chaoscat/attacks/remote"
	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/clock"
)

// systems is one server that is all systems which gates ask, and well.
func systems(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path, text string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
	}
	answer("/health", "ok")
	answer("/api/v1/query", fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d,"0.001"]}}`, time.Now().Unix()))
	answer("/api/v2/alerts", "[]")
	answer("/api/v2/summary.json", `{"page":{"id":"1"},"status":{"indicator":"none","description":"All Systems Operational"},"components":[]}`)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// gatesOf are the gates of a configuration with these health checks, asked once.
func gatesOf(t *testing.T, health string, w world, by afar) []engine.GateAnswer {
	t.Helper()
	cfg := configured(t, health)
	k, err := newGatekeeper(w, cfg, by)
	if err != nil {
		t.Fatal(err)
	}
	return k.askAll(t.Context())
}

func configured(t *testing.T, health string) *config.Config {
	t.Helper()
	text := `[schedule]
timezone = "UTC"
[[inventory]]
type = "static"
hosts = ["mon-1"]
[[attack]]
name = "cpu"
` + health + `[oncall]
type = "command"
command = ["/bin/echo", "ada"]
`
	file := t.TempDir() + "/chaoscat.toml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.Disk(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// every is a health check of each type that is asked over HTTP.
const every = `[[health]]
type = "http"
url = "URL/health"
[[health]]
type = "prometheus"
url = "URL"
query = "errors"
healthy = "value < 0.01"
[[health]]
type = "alertmanager"
url = "URL"
[[health]]
type = "statuspage"
url = "URL"
`

func TestEveryTypeOfGateAsksItsSystemAndRefusesAnAnswerOfAnotherTime(t *testing.T) {
	health := strings.ReplaceAll(every, "URL", systems(t))
	want := []engine.GateAnswer{
		{OK: true, Text: "status 200"}, {OK: true, Text: "value 0.001 < 0.01"}, {OK: true, Text: "no alert fires"},
		{OK: true, Text: "indicator none: All Systems Operational"}, {OK: true, Text: "ada"},
	}
	if got := gatesOf(t, health, world{}, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	hence := world{clock: clock.Fast(time.Now(), time.Now().Add(time.Hour), 1)}
	for i, a := range gatesOf(t, health, hence, nil) {
		if i < 4 && (a.OK || !strings.Contains(a.Text, "ago, stale after 5m")) {
			t.Errorf("an hour later: %+v", a)
		}
	}
}

func TestACommandOfAGateWithAHostIsRunThere(t *testing.T) {
	const health = "[[health]]\ntype = \"command\"\ncommand = [\"check\", \"it's\"]\nhost = \"mon-1\"\n"
	for want, said := range map[string]remote.Said{"well": {Out: "well\n"}, "check: exit status 2: ill": {Err: "ill\n", Status: 2}} {
		answers := gatesOf(t, health, world{}, func(_ context.Context, host string, argv []string) (remote.Said, error) {
			if host != "mon-1" || !slices.Equal(argv, []string{"check", "it's"}) {
				t.Errorf("%q on %s", argv, host)
			}
			return said, nil
		})
		if a := answers[0]; a.OK != (said.Status == 0) || a.Text != want {
			t.Errorf("%+v, want %s", a, want)
		}
	}
	answers := gatesOf(t, health, world{}, func(context.Context, string, []string) (remote.Said, error) {
		return remote.Said{}, errors.New("refused")
	})
	if a := answers[0]; a.OK || a.Text != "running check: refused" {
		t.Errorf("%+v", a)
	}
}

// onHost is a carrier that runs plain commands.
type onHost struct {
	outOfReach
	asked []string
}

func (c *onHost) Ask(_ context.Context, h engine.Host, argv []string) (remote.Said, error) {
	c.asked = append(c.asked, h.Name+" "+argv[0])
	return remote.Said{Out: "well"}, nil
}

func TestAHostOfAGateIsLookedUpInTheInventoryAsItIsNow(t *testing.T) {
	c := &onHost{}
	g := &graph{carrier: c}
	g.current.Store(engine.NewRoster([]engine.Host{{Name: "mon-1", Address: "10.0.0.1"}}))
	if said, err := g.askHost(t.Context(), "mon-1", []string{"check"}); err != nil || said.Out != "well" || !slices.Equal(c.asked, []string{"mon-1 check"}) {
		t.Errorf("%+v, %v, asked %q", said, err, c.asked)
	}
	if _, err := g.askHost(t.Context(), "mon-2", []string{"check"}); err == nil || !strings.Contains(err.Error(), "the inventory has no host mon-2 any more") {
		t.Error(err)
	}
	g.carrier = outOfReach{}
	if _, err := g.askHost(t.Context(), "mon-1", []string{"check"}); err == nil || !strings.Contains(err.Error(), "no host is reached from here") {
		t.Error(err)
	}
}

func TestAHostOfAGateThatTheInventoryDoesNotHaveIsAMistakeOfTheConfiguration(t *testing.T) {
	cfg := configured(t, "[[health]]\ntype = \"command\"\ncommand = [\"check\"]\nhost = \"mon-9\"\n")
	_, err := build(t.Context(), world{}, cfg)
	if err == nil || !strings.Contains(err.Error(), `:11: health.host: the inventory has no host "mon-9"`) {
		t.Error(err)
	}
}
