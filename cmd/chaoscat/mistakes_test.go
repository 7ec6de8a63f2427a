package main

import (
	"strings"
	"testing"
)

// mistaken is a configuration with mistakes of every kind: of form, of the catalogue, of hosts and of people.
const mistaken = `[schedule]
timezone = "UTC"
wait = "10"
[safety]
max_concurrent = 0
exclude = ["web-9"]
[[inventory]]
type = "static"
hosts = [
"web-1",
"web-1",
"db-1",
]
[[attack]]
name = "cpu"
params = { lod = 80 }
[[attack]]
name = "latncy"
[[attack]]
name = "halt"
hosts = "webb-1"
[[attack]]
name = "latency"
params = { delay = "200" }
wieght = 2
[[health]]
type = "http"
url = "http://127.0.0.1:9/"
[oncall]
type = "command"
command = ["/bin/echo", "ada"]
[[team]]
name = "ops"
role = "operator"
members = ["root"]
attacks = ["cpuu"]
hosts = ["nobody-*"]
`

func TestMistakesOfEveryStageAreReportedTogetherInTheOrderOfTheFile(t *testing.T) {
	code, said := checked(t, mistaken, map[string]string{}, "check", "--offline")
	last := 0
	for _, want := range []string{
		":3: schedule.wait: ", ":5: safety.max_concurrent: ", `:6: safety.exclude: "web-9" matches no host; did you mean`,
		":11: inventory.hosts: host \"web-1\" is listed twice: ", ":16: attack.params: cpu has no parameter", `:17: attack.kind: there is no attack "latncy" in the catalogue; did you mean "latency"?`,
		":19: attack.kind: halt has no undo", ":21: attack.hosts: selector \"webb-1\" matches no host", ":24: attack.params: latency: delay", ":25: attack.wieght: unknown key",
		`:36: team.attacks: no attack of this file is called "cpuu"`, ":37: team.hosts: ",
	} {
		at := strings.Index(said, want)
		if at < last {
			t.Errorf("%q is missing, or not in its place", want)
		}
		last = max(at, last)
	}
	if code != exitConfig || !strings.Contains(said, "chaoscat: 12 mistakes in the configuration") {
		t.Errorf("%d", code)
	}
	if t.Failed() {
		t.Log(said)
	}
}

func TestWhoeverReadsAConfigurationReportsItsMistakesAsTheCheckDoes(t *testing.T) {
	for _, command := range []string{"windows", "hosts", "--daemon"} {
		if code, said := checked(t, mistaken, map[string]string{}, command); code != exitConfig || !strings.Contains(said, "chaoscat: 12 mistakes in the configuration") {
			t.Errorf("%s ends with %d and says\n%s", command, code, said)
		}
	}
}

func TestASourceThatIsDownIsARowAndTheGatesAreAskedAllTheSame(t *testing.T) {
	conf := with("", "[[inventory]]\ntype = \"command\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 7\"]\n")
	_, said := checked(t, strings.Replace(conf, "type = \"static\"\nhosts = [\"web-1\"]", "type = \"command\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 6\"]", 1), map[string]string{}, "check")
	holds(t, said, "! look  inventory", "cannot be read now", "exit status 6", "exit status 7", "health", "oncall")
}

func TestALocalSourceThatIsWrongIsAMistakeAtItsLine(t *testing.T) {
	_, said := checked(t, with("", "[[inventory]]\ntype = \"command\"\ncommand = [\"/no/such/program\"]\n"), map[string]string{}, "check", "--offline")
	holds(t, said, "chaoscat.toml:20: inventory.command: ", "/no/such/program")
}

func TestWhatCannotBeReachedNowIsLookedAtAndNotWrong(t *testing.T) {
	f := passing([]finding{{schema, "x", "slack", "dial tcp 192.0.2.1:443: connect: connection refused"}, {schema, "x", "slack", "invalid_auth"}})
	if f[0].Mark != "!" || f[1].Mark != "x" {
		t.Errorf("%+v", f)
	}
}
