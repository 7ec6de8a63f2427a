package config

import (
	"strings"
	"testing"
)

// withHealth is the smallest configuration with other health checks.
func withHealth(health string) string {
	return strings.Replace(small, "[[health]]\ntype = \"http\"\nurl = \"https://status.example.com/\"\n", health, 1)
}

func TestEveryMistakeInAGateIsReportedAtOnce(t *testing.T) {
	_, err := load(withHealth(`[[health]]
type = "prometheus"
url = "ftp://prometheus/"
healthy = "rate < much"
empty = "green"
matchers = ["a=b"]
[[health]]
type = "alertmanager"
url = "http://alerts/"
matchers = ["critical", 'a=~"("']
cert_file = "me.pem"
max_body = 10
stale_after = "0s"
[[health]]
type = "statuspage"
url = "http://status/"
indicator = "fine"
components = []
key_file = "me.key"
[[health]]
type = "command"
command = ["./check", "it!"]
host = "web-1"
`))
	want := []string{
		`8: health.query: missing`,
		`10: health.url: "ftp://prometheus/" is asked by "ftp"`,
		`11: health.healthy: "rate < much" is no comparison of a value with a number; write it like value < 0.01`,
		`12: health.empty: "green" is not known; it must be "unhealthy" or "healthy"`,
		`13: health.matchers: belongs to type "alertmanager", and this is type "prometheus"`,
		`17: health.matchers: "critical" is no matcher`,
		`17: health.matchers: "a=~\"(\"" is no matcher`,
		`18: health.cert_file: is a certificate without its key; name its key as key_file`,
		`19: health.max_body: is 10; it must be from 1024 to 67108864`,
		`20: health.stale_after: "0s" is too short`,
		`24: health.indicator: "fine" is not known`,
		`25: health.components: the list is empty`,
		`26: health.key_file: is the key of no certificate; name the certificate as cert_file`,
		`29: health.command: "./check" is a relative path, and the command is run on "web-1"; write it from / on, as it is there`,
		`29: health.command: has a "!", which not every login shell of another host leaves alone`,
	}
	if err == nil {
		t.Fatal("it is taken")
	}
	got := strings.Split(err.Error(), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], "chaoscat.toml:"+want[i]) {
			t.Fatalf("mistake %d of %d is another than wanted:\n%s", i, len(want), err)
		}
	}
}

func TestWhoIsOnCallIsNotAskedOfWhatDoesNotKnow(t *testing.T) {
	_, err := load(strings.Replace(small, "[oncall]\ntype = \"command\"\ncommand = [\"true\"]\n", "[oncall]\ntype = \"prometheus\"\nurl = \"http://h/\"\nquery = \"up\"\n", 1))
	if err == nil || !strings.Contains(err.Error(), `oncall.type: "prometheus" is not known; it must be "http" or "command"`) {
		t.Error(err)
	}
}

func TestPatternsOfWhatAnAttackMayBringAboutAreChecked(t *testing.T) {
	_, err := load(strings.Replace(small, "name = \"cpu\"\n", "name = \"cpu\"\ntolerate = [\"High*\", \"web-[\", \"\"]\n", 1))
	for _, want := range []string{`attack.tolerate: "web-[" is no pattern; write it like HighLatency*`, `attack.tolerate: "" is empty`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	c, err := load(strings.Replace(small, "name = \"cpu\"\n", "name = \"cpu\"\ntolerate = [\"High*\", 'up{job=\"a/b\"}']\n", 1))
	if err != nil || strings.Join(c.Attacks[0].Tolerate, " ") != `High* up{job="a/b"}` {
		t.Errorf("%v", err)
	}
}

func TestACommandOnAnotherHostIsWrittenAsItIsThere(t *testing.T) {
	for written, want := range map[string]string{"check": "check", "/opt/check": "/opt/check"} {
		c, err := load(withHealth("[[health]]\ntype = \"command\"\ncommand = [\"" + written + "\"]\nhost = \"web-1\"\n"))
		if err != nil || c.Health[0].Command.Argv[0] != want || c.Health[0].Host != "web-1" {
			t.Errorf("%s: %v", written, err)
		}
	}
	if _, err := load(withHealth("[[health]]\ntype = \"command\"\ncommand = [\"~/check\"]\nhost = \"web-1\"\n")); err == nil || !strings.Contains(err.Error(), "relative") {
		t.Errorf("~/check: %v", err)
	}
}
