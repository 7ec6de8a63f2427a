package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/pagerduty/fake"
)

var (
	checkout = fake.Ref{ID: "PIJ90N7", Summary: "checkout"}
	ada      = fake.Ref{ID: "PADA", Summary: "ada"}
	policy   = fake.Ref{ID: "PT20YPA", Summary: "Engineering"}
)

func pagerDutyOf(pd *fake.Server) config.PagerDuty {
	return config.PagerDuty{API: pd.URL, Events: pd.URL, KeyFile: pd.KeyFile, TokenFile: pd.TokenFile, Changes: true, Alerts: true,
		Services: []string{checkout.ID}, WatchFor: 30 * time.Minute, Link: "https://wiki.example.com/chaoscat"}
}

func TestARunIsToldToPagerDutyAndAnIncidentDuringItIsNotedInTheRecord(t *testing.T) {
	pd := fake.New(t)
	h := tells(t, func(c *config.Config) { c.PagerDuty = pagerDutyOf(pd) })
	comesTrue(t, "attacked", func() bool {
		_, err := h.engine.Ask(t.Context(), engine.Order{ID: newID(), Kind: engine.RunOnce, By: "ada", Door: "socket", Attack: "cpu", For: time.Minute, Role: engine.Admin})
		return err == nil
	})
	told := func(summary string) bool {
		return slices.ContainsFunc(pd.Events(), func(e fake.Event) bool { return strings.HasPrefix(e.Payload.Summary, summary) })
	}
	comesTrue(t, "its beginning is told", func() bool { return told("chaoscat began cpu on ") })
	pd.Ahead(h.engine.Snapshot().At.Sub(time.Now())) // the demo lives in another time
	pd.Open(checkout, "High latency", h.engine.Snapshot().At)
	comesTrue(t, "its end is told", func() bool { return told("chaoscat ended cpu on ") })
	var noted engine.Record
	comesTrue(t, "the incident is noted", func() bool {
		records, _ := h.engine.History(t.Context(), 0)
		i := slices.IndexFunc(records, func(r engine.Record) bool {
			return strings.HasPrefix(r.Text, "note by pagerduty: incident #1001 (checkout: High latency) opened ")
		})
		if i >= 0 {
			noted = records[i]
		}
		return i >= 0
	})
	if noted.Door != "pagerduty" || noted.Order.Role != engine.Stopper || noted.Order.Params["service"] != "checkout" {
		t.Errorf("%+v", noted)
	}
	if err := h.close(errTerminated); err != nil {
		t.Error(err)
	}
	for _, e := range pd.Events() {
		if e.Action != "resolve" && (!e.Change || len(e.Links) != 1 || e.Payload.Details["by"] != "ada") {
			t.Errorf("%+v", e)
		}
	}
}

// asks runs the program on a configuration whose gates ask a PagerDuty.
func asks(t *testing.T, pd *fake.Server, env map[string]string, args ...string) (code int, out, errs string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chaoscat.toml")
	conf := `name = "prod"
[schedule]
timezone = "Europe/Paris"
[[inventory]]
type = "static"
hosts = [{ name = "web-1", address = "127.9.9.9", port = 1 }]
[safety]
allow_loopback = true
[[attack]]
name = "cpu"
[[health]]
type = "pagerduty"
services = ["PIJ90N7"]
[oncall]
type = "pagerduty"
escalation_policies = ["PT20YPA"]
[pagerduty]
routing_key_file = "` + pd.KeyFile + `"
token_file = "` + pd.TokenFile + `"
services = ["PIJ90N7"]
api_url = "` + pd.URL + `"
events_url = "` + pd.URL + `"
`
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	w := thisWorld()
	w.args, w.in, w.out, w.err = append(args, "--config", path, "--state-dir", t.TempDir()), strings.NewReader(""), &o, &e
	w.env = func(name string) string { return env[name] }
	return run(w), o.String(), e.String()
}

func TestGatesAndKeysOfPagerDutyAreCheckedByTheCommands(t *testing.T) {
	pd := fake.New(t)
	pd.OnCall(fake.Entry{User: ada, Policy: policy, Levels: 1, Level: 1})
	code, out, errs := asks(t, pd, nil, "gates", "--json")
	if code != exitDone || !strings.Contains(out, "no open incident") || !strings.Contains(out, "ada (level 1)") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	pd.Open(checkout, "High latency", time.Now(), ada)
	if code, out, _ = asks(t, pd, nil, "gates", "--json"); code != exitRefused || !strings.Contains(out, "1 open incident: #1001 checkout: High latency (triggered)") {
		t.Errorf("%d %s", code, out)
	}
	code, out, errs = asks(t, pd, nil, "check")
	for _, want := range []string{"pagerduty.token_file", "the token is taken; incidents are watched of My Mail Service", "pagerduty.routing_key_file", "the routing key is taken"} {
		if !strings.Contains(out, want) {
			t.Errorf("%d %q is missing in\n%s%s", code, want, out, errs)
		}
	}
	for _, e := range pd.Events() {
		if e.Action != "resolve" {
			t.Errorf("the check had an effect: %+v", e)
		}
	}
	if err := os.WriteFile(pd.KeyFile, []byte("00000000000000000000000000canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs = asks(t, pd, nil, "check"); code != exitConfig || !strings.Contains(out, "Invalid routing key") || strings.Contains(out+errs, "canary") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

func TestOnlyADeathThatNobodyWantedIsPaged(t *testing.T) {
	pd := fake.New(t)
	for _, env := range []map[string]string{
		{"SERVICE_RESULT": "success"},
		{"SERVICE_RESULT": "exit-code", "EXIT_STATUS": "9"}, // another engine is alive
	} {
		if code, _, errs := asks(t, pd, env, "pagerduty", "dead"); code != exitDone || len(pd.Events()) != 0 {
			t.Errorf("%v: %d %s %+v", env, code, errs, pd.Events())
		}
	}
	code, _, errs := asks(t, pd, map[string]string{"SERVICE_RESULT": "watchdog"}, "pagerduty", "dead")
	if e := pd.Events(); code != exitDone || len(e) != 1 || e[0].Action != "trigger" || e[0].Key != "chaoscat/prod/engine" || !strings.HasSuffix(e[0].Payload.Summary, "has died (watchdog)") {
		t.Errorf("%d %s %+v", code, errs, e)
	}
}

func TestADeathOfABadConfigurationIsPagedByWhatIsRightInIt(t *testing.T) {
	pd := fake.New(t)
	for i, broken := range []string{"colour = \"red\"\n[schedule]\ntimezone = 5\n", "colour = = red\n[schedule\n", "[schedule]\nhours = [\n"} {
		path := filepath.Join(t.TempDir(), "chaoscat.toml")
		text := "name = \"prod\"\n" + broken + "[pagerduty] # tells of it\nrouting_key_file = \"" + pd.KeyFile + "\"\nevents_url = \"" + pd.URL + "\"\n[[health]]\nurl = \"x\"\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		w := thisWorld()
		w.args, w.out, w.err = []string{"pagerduty", "dead", "--config", path}, &out, &errs
		w.env = func(name string) string {
			return map[string]string{"SERVICE_RESULT": "exit-code", "EXIT_STATUS": "3"}[name]
		}
		code := run(w)
		if e := pd.Events(); code != exitDone || len(e) != i+1 || e[i].Key != "chaoscat/prod/engine" || !strings.HasSuffix(e[i].Payload.Summary, "has died (exit-code)") {
			t.Errorf("%q: %d %s %+v", broken, code, &errs, e)
		}
	}
}
