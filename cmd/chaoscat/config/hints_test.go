package config

import (
	"strings"
	"testing"
)

func TestAHintIsOneThatHelps(t *testing.T) {
	gate := func(line string) string {
		return strings.Replace(small, "url = \"https://status.example.com/\"\n", "url = \"https://status.example.com/\"\n"+line+"\n", 1)
	}
	for name, c := range map[string]struct{ conf, want string }{
		"a long time without a unit":  {scheduled("per_host_mean = \"90\"\n", ""), `"90" has no unit; write "90d" or "90h" (units: h, d, w)`},
		"a long time in months":       {scheduled("per_host_mean = \"3 months\"\n", ""), `"3 months" is not a duration; write it like "90d", "2w" or "36h" (units: h, d, w)`},
		"a port alone":                {small + "[metrics]\nlisten = \"19469\"\n", `"19469" is no address to listen at; write it like "127.0.0.1:19469"`},
		"a host alone":                {small + "[metrics]\nlisten = \"localhost\"\n", `"localhost" is no address to listen at; write it like "127.0.0.1:9469"`},
		"a level of other programs":   {small + "[log]\nlevel = \"warning\"\n", `"warning" is not known; did you mean "warn"?`},
		"one equals sign":             {gate(`json = "data.x = 5"`), `"data.x = 5" has no comparison: a value is compared with two of them: data.x == 5`},
		"a text without quotes":       {gate(`json = "status == ok"`), `"status == ok" is no comparison: ok is no number, no true or false, and no text in double quotes`},
		"a secret of a webhook":       {small + "[[webhook]]\nurl = \"https://x.example.com/\"\nsecret = \"canary\"\n", `secret: unknown key; secrets are never written here; put it into a file: secret_file = "..."`},
		"a token of PagerDuty's":      {small + "[pagerduty]\ntoken = \"canary\"\n", `token: unknown key; secrets are never written here; put it into a file: token_file = "..."`},
		"a token of the bot of Slack": {small + "[slack]\nbot_token = \"canary\"\n", `bot_token: unknown key; secrets are never written here; put it into a file: bot_token_file = "..."`},
	} {
		got := strings.Join(mistakes(t, c.conf), "\n")
		if !strings.Contains(got+"\n", c.want+"\n") || strings.Contains(got, "canary") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
