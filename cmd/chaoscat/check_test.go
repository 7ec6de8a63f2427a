package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine/clock"
)

// checked runs a command on a configuration, on a Monday at noon.
func checked(t *testing.T, conf string, files map[string]string, args ...string) (code int, said string) {
	t.Helper()
	dir := t.TempDir()
	files["chaoscat.toml"] = conf
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	w := thisWorld()
	w.args, w.in, w.out, w.err = append(args, "--config", filepath.Join(dir, "chaoscat.toml"), "--state-dir", t.TempDir()), strings.NewReader(""), &out, &out
	w.env = func(string) string { return "" }
	w.clock = clock.Fast(time.Now(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), 1)
	return run(w), out.String()
}

// planned is a configuration with hosts of its own, and room for more after its [schedule].
const planned = `[schedule]
timezone = "UTC"
days = ["mon", "tue", "wed", "thu", "fri"]
hours = ["09:00-17:00"]
SCHEDULE
[[inventory]]
type = "static"
hosts = ["web-1"]
[[attack]]
name = "cpu"
tolerate = ["*"]
[[health]]
type = "http"
url = "http://127.0.0.1:9/"
[oncall]
type = "command"
command = ["/bin/echo", "ada"]
`

func with(schedule, more string) string {
	return strings.Replace(planned, "SCHEDULE", schedule, 1) + more
}

func holds(t *testing.T, said string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

func TestACheckOfflineAsksNobodyAndSaysSo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked: %s", r.URL) }))
	defer server.Close()
	conf := with("", "[[inventory]]\ntype = \"consul\"\nurl = \""+server.URL+"\"\n")
	code, said := checked(t, conf, map[string]string{}, "check", "--offline")
	holds(t, said, "! look  inventory", "was not looked at", "window", " check (gates and logins were not tested)")
	if code != exitDone {
		t.Errorf("%d", code)
	}
}

func TestWhatLiesOnDiskIsCheckedOffline(t *testing.T) {
	code, said := checked(t, with(`calendars = ["bad.ics"]`, `[slack]
app_token_file = "app"
bot_token_file = "bot"
channel = "C0123ABCD"
[[webhook]]
name = "short"
url = "https://hook.example.com/"
secret_file = "short"
[[webhook]]
name = "coded"
url = "https://hook.example.com/"
secret_file = "coded"
`), map[string]string{"bad.ics": "no calendar", "app": "xoxb-canary-1", "bot": "xapp-canary-2", "short": "canary-3", "coded": "whsec_canary!"}, "check", "--offline")
	holds(t, said, "x WRONG  calendar bad.ics", "app_token_file: the app's token begins with xapp-, and what is there does not", "bot_token_file: the bot's token begins with xoxb-",
		"its secret is 8 bytes long, and should be 24 at least", `what follows "whsec_" in the secret file is not base64`, `tolerates "*"`)
	if code != exitConfig || strings.Contains(said, "canary") {
		t.Errorf("%d %s", code, said)
	}
}

func TestHostsOutsideTheirHoursAreNotCalledSparedByTheirGroups(t *testing.T) {
	_, said := checked(t, with("[[schedule.group]]\nhosts = \"web-1\"\nhours = [\"14:00-16:00\"]", ""), map[string]string{}, "check", "--offline")
	holds(t, said, "1 host, 0 may be drawn, 1 outside hours of their own", "not now: web-1 is outside its hours; its hours are ")
	if strings.Contains(said, "leave_per_group") || strings.Contains(said, "nobody can be hit") {
		t.Error(said)
	}
}

func TestWindowsReadForwardAndAClosingIsThereOnce(t *testing.T) {
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Sale\r\nDTSTART:20261125T100000Z\r\nDTEND:20261125T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	conf := strings.Replace(with(`calendars = ["a.ics", "b.ics"]`, ""), "09:00-17:00", "22:00-02:00", 1)
	conf = strings.Replace(conf, `"22:00-02:00"`, `"22:00-02:00", "10:00-11:00"`, 1)
	files := map[string]string{"a.ics": event, "b.ics": event}
	_, said := checked(t, conf, files, "windows")
	holds(t, said, "Mon 2026-11-23 22:00 - Tue 24 Nov 02:00 UTC\n")
	if closed := "closed Wed 2026-11-25 10:00 - Wed 2026-11-25 12:00: "; strings.Count(said, closed) != 1 || !strings.Contains(said, "Sale, by the calendar a.ics and b.ics\n") {
		t.Error(said)
	}
	_, said = checked(t, conf, files, "check", "--offline")
	holds(t, said, "next closing", "Wed 2026-11-25 10:00 - Wed 2026-11-25 12:00: ")
}

func TestWindowsOfACalendarThatNobodyHasReadPointToWhoReadsIt(t *testing.T) {
	_, said := checked(t, with(`calendars = ["https://calendar.example.com/x.ics"]`, ""), map[string]string{}, "windows")
	holds(t, said, "has not been read yet", "calendars are read by a running engine and by: chaoscat ", " check, which lists the next windows, too\n")
}
