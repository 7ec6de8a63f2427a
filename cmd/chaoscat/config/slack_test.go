package config

import (
	"strings"
	"testing"
	"time"
)

func TestEveryMistakeInSlackIsReportedAtOnce(t *testing.T) {
	files := map[string]Stat{"/open": {Mode: 0o644}, "/s": {Mode: 0o600}, "/none": {Mode: gone}}
	for name, c := range map[string]struct {
		conf string
		want []string
	}{
		"each key": {small + `[slack]
app_token_file = "/none"
bot_token_file = "/open"
channel = "#chaos"
announce = "requird"
commands_in = ["C0123ABCD", "general", "D0123ABCD"]
max_age = "1s"
api_url = "slack.com"
token = "xoxb-1"
`, []string{
			`chaoscat.toml:15: slack.app_token_file: stat /none: file does not exist`,
			`chaoscat.toml:16: slack.bot_token_file: /open is a secret that others can read (mode 0644); chmod 600 /open`,
			`chaoscat.toml:17: slack.channel: "#chaos" is not the id of a Slack channel, such as C0123ABCD`,
			`chaoscat.toml:18: slack.announce: "requird" is not known; did you mean "required"?`,
			`chaoscat.toml:19: slack.commands_in: "general" is not the id of a Slack channel, such as C0123ABCD`,
			`chaoscat.toml:19: slack.commands_in: "D0123ABCD" is not the id of a Slack channel, such as C0123ABCD`,
			`chaoscat.toml:20: slack.max_age: "1s" is too short; at least 5s`,
			`chaoscat.toml:21: slack.api_url: "slack.com" is not a URL; write it like "https://status.example.com/health"`,
			`chaoscat.toml:22: slack.token: unknown key; secrets are never written here; put it into a file: app_token_file = "..." or bot_token_file = "..."`,
		}},
		"nothing in it": {small + "[slack]\n", []string{
			`chaoscat.toml:14: slack.app_token_file: missing; the token that opens the connection (xapp-), readable by its owner alone`,
			`chaoscat.toml:14: slack.bot_token_file: missing; the token of the bot (xoxb-), readable by its owner alone`,
		}},
		"a channel that is none is one mistake": {small + "[slack]\napp_token_file = \"/s\"\nbot_token_file = \"/s\"\nchannel = \"#chaos\"\n", []string{
			`chaoscat.toml:17: slack.channel: "#chaos" is not the id of a Slack channel, such as C0123ABCD`,
		}},
		"what does not go together": {small + "[slack]\napp_token_file = \"/s\"\nbot_token_file = \"/s\"\ncommands_in = [\"C0123ABCD\", \"C0123ABCD\"]\napi_url = \"http://slack.com/api/\"\n", []string{
			`chaoscat.toml:14: slack: has no channel to announce attacks in; name its id, channel = "C0123ABCD", or say announce = "off"`,
			`chaoscat.toml:17: slack.commands_in: "C0123ABCD" is there twice`,
			`chaoscat.toml:18: slack.api_url: would send the tokens in the clear; write https://`,
		}},
	} {
		_, err := Load("chaoscat.toml", memory(c.conf, files))
		if err == nil {
			t.Fatalf("%s: it loads", name)
		}
		if want := strings.Join(c.want, "\n"); err.Error() != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, err, want)
		}
	}
}

func TestSlackThatAnnouncesNothingNeedsNoChannel(t *testing.T) {
	c, err := Load("chaoscat.toml", memory(small+"[slack]\napp_token_file = \"/s\"\nbot_token_file = \"/s\"\nannounce = \"off\"\n", map[string]Stat{"/s": {Mode: 0o600}}))
	if err != nil || c.Slack.Announce != AnnounceOff || c.Slack.MaxAge != time.Minute {
		t.Errorf("%+v, %v", c.Slack, err)
	}
}
