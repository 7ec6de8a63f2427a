package config

import (
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

func TestAllThatIsWrongWithWebhooksMetricsAndLogIsReportedAtOnce(t *testing.T) {
	files := map[string]Stat{"/open": {Mode: 0o644}, "/s": {Mode: 0o600}, "/none": {Mode: gone}}
	conf := small + `[[webhook]]
url = "ftp://x"
secret_file = "/open"
events = ["outcom", "line", "residue", "residue"]
timeout = "10"
queue = 1
[[webhook]]
name = "audit"
url = "https://me:pw@x/y"
token_file = "/none"
retries = 3
[[webhook]]
name = "audit"
url = "https://x"
secret_file = "/s"
[metrics]
listen = ":9469"
frequency = "1s"
[log]
format = "jornal"
`
	_, err := Load("chaoscat.toml", memory(conf, files))
	if err == nil {
		t.Fatal("it loads")
	}
	want := []string{
		`chaoscat.toml:15: webhook.url: "ftp://x" is asked by "ftp"; only http and https are`,
		`chaoscat.toml:16: webhook.secret_file: /open is a secret that others can read (mode 0644); chmod 600 /open`,
		`chaoscat.toml:17: webhook.events: "line" is no kind of record; there are: engine, verdict, drawn, intent, phase, outcome, order, gate, residue, reconciled`,
		`chaoscat.toml:17: webhook.events: "outcom" is no kind of record; did you mean "outcome"?`,
		`chaoscat.toml:18: webhook.timeout: "10" has no unit; write "10s" or "10m" (units: ms, s, m, h)`,
		`chaoscat.toml:19: webhook.queue: is 1; it must be from 10 to 100000`,
		`chaoscat.toml:20: webhook.secret_file: missing; a file with what signs each message, readable by its owner alone`,
		`chaoscat.toml:22: webhook.url: has a user name or password in it; put a token into a file and name it as token_file`,
		`chaoscat.toml:23: webhook.token_file: stat /none: file does not exist`,
		`chaoscat.toml:24: webhook.retries: unknown key`,
		`chaoscat.toml:26: webhook.name: "audit" is the name of two webhooks; the other is on line 20`,
		`chaoscat.toml:30: metrics.listen: ":9469" would be open to everybody, and nobody is asked who they are; write "127.0.0.1:9469", or "0.0.0.0:9469" if that is meant`,
		`chaoscat.toml:31: metrics.frequency: unknown key`,
		`chaoscat.toml:33: log.format: "jornal" is not known; did you mean "journal"?`,
	}
	got := strings.Split(err.Error(), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAWebhookHasANameOfItsOwnAndIsToldWhatMattersUnlessMoreIsSaid(t *testing.T) {
	files := map[string]Stat{"/s": {Mode: fs.FileMode(0o600)}}
	hook := "[[webhook]]\nurl = \"https://x/y\"\nsecret_file = \"/s\"\n"
	c, err := Load("chaoscat.toml", memory(small+hook+hook+"name = \"webhook\"\nevents = [\"gate\", \"engine\"]\n"+hook, files))
	if err != nil {
		t.Fatal(err)
	}
	main := []engine.RecordKind{engine.Intent, engine.Closed, engine.OrderGiven, engine.ResidueNew, engine.Cleared}
	want := []Webhook{
		{Name: "webhook-2", URL: "https://x/y", SecretFile: "/s", Events: main, Timeout: 10 * time.Second, Queue: 1000, Key: "webhook[0]"},
		{Name: "webhook", URL: "https://x/y", SecretFile: "/s", Events: []engine.RecordKind{engine.GateTurned, engine.Lifecycle}, Timeout: 10 * time.Second, Queue: 1000, Key: "webhook[1]"},
		{Name: "webhook-3", URL: "https://x/y", SecretFile: "/s", Events: main, Timeout: 10 * time.Second, Queue: 1000, Key: "webhook[2]"},
	}
	if !reflect.DeepEqual(c.Webhooks, want) {
		t.Errorf("got  %+v\nwant %+v", c.Webhooks, want)
	}
}

func TestNoDoorForFiguresIsOpenedUnlessAskedForAndThenForThisMachineAlone(t *testing.T) {
	for extra, want := range map[string]string{
		"": "", "[metrics]\n": "127.0.0.1:9469", "[metrics]\nlisten = \"0.0.0.0:9000\"\n": "0.0.0.0:9000", "[metrics]\nlisten = \"[::1]:9000\"\n": "[::1]:9000",
	} {
		if c, err := load(small + extra); err != nil || c.Metrics.Listen != want {
			t.Errorf("%q: %+v, %v", extra, c, err)
		}
	}
}
