package chat

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chaoscat/chaoscat/engine/printable"
)

// longID has the length and the letters that engine/control takes.
var longID = strings.Repeat("aZ09._:@-", 15)[:128]

func TestATextIsReadAsTheCommandThatItIs(t *testing.T) {
	for text, want := range map[string]command{
		"":                                   {word: help},
		"help":                               {word: help},
		"  Status ":                          {word: status},
		"why please":                         {word: why},
		"stop":                               {word: stop},
		"STOP!!!":                            {word: stop},
		"*stop*, it burns":                   {word: stop, reason: "it burns"},
		"stop\nthe\tsite is down":            {word: stop, reason: "the site is down"},
		"stop &gt; all":                      {word: stop, reason: "> all"},
		"run-once":                           {word: runOnce},
		"run-once latency":                   {word: runOnce, attack: "latency"},
		"run-once latency web-01":            {word: runOnce, attack: "latency", host: "web-01"},
		"run-once latency on web-01 for 90s": {word: runOnce, attack: "latency", host: "web-01", length: 90 * time.Second},
		"run-once on web-01":                 {word: runOnce, host: "web-01"},
		"run-once for 2m":                    {word: runOnce, length: 2 * time.Minute},
		"run-once latency <http://db.example.com|db.example.com>": {word: runOnce, attack: "latency", host: "db.example.com"}, // what Slack makes of a host name
		"pause":                              {word: pause},
		"pause 2h":                           {word: pause, length: 2 * time.Hour},
		"pause 2h lunch &amp; more":          {word: pause, length: 2 * time.Hour, reason: "lunch & more"},
		"pause until the release":            {word: pause, reason: "until the release"},
		"resume all is well":                 {word: resume, reason: "all is well"},
		"approve":                            {word: approve},
		"approve slack-00ff":                 {word: approve, order: "slack-00ff"},
		"approve ada@web-01:7_x.":            {word: approve, order: "ada@web-01:7_x."},
		"approve <mailto:a@b.com|a@b.com>":   {word: approve, order: "a@b.com"}, // what Slack makes of it
		"approve " + longID:                  {word: approve, order: longID},
		"note ask <@U061F7AUR> in <#C1|ops>": {word: note, reason: "ask @U061F7AUR in #ops"},
		"note <!channel> look":               {word: note, reason: "channel look"},
		"note a\x1b[31mb\u202e":              {word: note, reason: `a\x1b[31mb\u202e`},
	} {
		if c, err := parse(text); err != nil || c != want {
			t.Errorf("%q is %+v (%v), want %+v", text, c, err, want)
		}
	}
}

func TestWhatIsNoCommandIsRefusedWithASentence(t *testing.T) {
	for _, text := range []string{
		"&gt; stop", "`stop`", "```stop```", "\"stop\"", "> stop", "don't stop", "unstop", "stop-that", // a stop in a quotation is somebody else's
		"status now", "run-once a b c", "run-once a on b c", "run-once on", "run-once a\nb", "run-once `a`", "run-once a &gt; b", "run-once for", "run-once for ever",
		"run-once for 2m now", "run-once <@U061F7AUR>", "run-once a <!channel>", "run-once $(reboot)", "pause 2x", "pause 5", "pause 1000000h", "pause 0s",
		"approve a b", "approve <@U061F7AUR>", "approve <@U061F7AUR|ada>", "approve <!here>", "approve <#C1|ops>", "approve " + longID + "x", "approve a/b", "note", "note ", "rm -rf /", "run-once " + strings.Repeat("x", 300), "status " + strings.Repeat("x", 5000), "constructor", "<@U061F7AUR> stop",
	} {
		if c, err := parse(text); err == nil || c != (command{}) && c.word != pause && c.word != runOnce && c.word != status {
			t.Errorf("%.40q is %+v (%v)", text, c, err)
		}
	}
}

func TestOnlyATextThatBeginsWithTheMentionIsAddressed(t *testing.T) {
	for text, want := range map[string]string{"<@U1> stop": "stop", " <@U1|chaoscat>: stop": "stop", "<@U1>, stop": "stop", "<@U1>stop": "stop", "<@U1>": ""} {
		if rest, yes := addressed(text, "U1"); !yes || rest != want {
			t.Errorf("%q: %q, %v", text, rest, yes)
		}
	}
	for _, text := range []string{"stop", "x <@U1> stop", "<@U12> stop", "<@U2> <@U1> stop", "&gt; <@U1> stop", "`<@U1> stop`", "<@U1", "@U1 stop", "<!subteam^U1> stop"} {
		if rest, yes := addressed(text, "U1"); yes {
			t.Errorf("%q is addressed: %q", text, rest)
		}
	}
	if _, yes := addressed("<@> stop", ""); yes {
		t.Error("somebody without a name is addressed")
	}
}

// Whatever is written, what comes of it is bounded, fit to print, and stops only if its first word says so.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "stop", "*STOP*", "&gt; stop", "```\nstop```", "run-once latency on <http://a.b|a.b> for 2m", "pause 2h <!channel>", "note <@U1> &lt;x&gt;", "approve slack-1",
		strings.Repeat("<", 5000), strings.Repeat("&amp;", 2000), "note \xff\xfe", "stop \u202e", "run-once\u00a0x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(text)
		if err != nil && (err.Error() == "" || len(err.Error()) > 400) {
			t.Errorf("the complaint is %q", err)
		}
		for _, field := range []string{c.attack, c.host, c.order, c.reason} {
			if len(field) > longestReason+len("…") || printable.Printable(field) != field || !utf8.ValidString(field) {
				t.Errorf("a field is %q", field)
			}
		}
		if first := strings.ToLower(strings.Trim(strings.Fields(text + " x")[0], "*_~!.,:;")); (c.word == stop) != (first == "stop") {
			t.Errorf("%q is %q", text, c.word)
		}
		if c.length < 0 || c.length > longestPause {
			t.Errorf("the time is %s", c.length)
		}
	})
}

// Slack shows it as it is: nobody is called and nothing is linked.
func FuzzWhatIsPostedCallsNobody(f *testing.F) {
	f.Add("<!channel> <@U1> <http://x|y> & \x1b[0m")
	f.Fuzz(func(t *testing.T, text string) {
		if got := clean(text); strings.ContainsAny(got, "<>\n\r") {
			t.Errorf("%q", got)
		}
	})
}
