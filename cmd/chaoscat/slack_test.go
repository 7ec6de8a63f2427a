package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/slacktest"

	"github.com/chaoscat/chaoscat/cmd/chaoscat/config"
	"github.com/chaoscat/chaoscat/engine"
)

// talk is slack-go's own fake server with a connection to speak over, and what was said.
type talk struct {
	*slacktest.Server
	mu    sync.Mutex
	conn  *websocket.Conn
	posts []string // "thread: text"
	deaf  bool     // takes no message
	n     int
}

func talks(t *testing.T) *talk {
	t.Helper()
	k := &talk{}
	k.Server = slacktest.NewTestServer(func(c slacktest.Customize) {
		c.Handle("/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.deaf {
				fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
				return
			}
			fmt.Fprintf(w, `{"ok":true,"url":"ws://%s/link"}`, k.ServerAddr)
		})
		c.Handle("/link", slacktest.Websocket(func(c *websocket.Conn) {
			k.mu.Lock()
			k.conn = c
			k.mu.Unlock()
			for _, _, err := c.ReadMessage(); err == nil; _, _, err = c.ReadMessage() {
			}
		}))
		c.Handle("/chat.postMessage", k.take)
		c.Handle("/commands/", func(w http.ResponseWriter, r *http.Request) {
			var m struct{ Text string }
			_ = json.NewDecoder(r.Body).Decode(&m)
			k.keep("answer: " + m.Text)
			fmt.Fprint(w, "ok")
		})
		c.Handle("/usergroups.users.list", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true,"users":["UBOB"]}`) })
	})
	k.Start()
	t.Cleanup(k.Stop)
	return k
}

func (k *talk) keep(post string) (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.posts = append(k.posts, post)
	return len(k.posts)
}

func (k *talk) take(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	deaf := k.deaf
	k.mu.Unlock()
	if deaf {
		fmt.Fprint(w, `{"ok":false,"error":"channel_not_found"}`)
		return
	}
	where := "channel: "
	if thread := r.FormValue("thread_ts"); thread != "" {
		where = "thread " + thread[:1] + ": "
	}
	fmt.Fprintf(w, `{"ok":true,"channel":%q,"ts":"%d.000000"}`, r.FormValue("channel"), k.keep(where+r.FormValue("text")))
}

// says is /chaoscat TEXT.
func (k *talk) says(t *testing.T, user, text string) {
	t.Helper()
	k.n++
	k.sends(t, fmt.Sprintf(`{"envelope_id":"e%d","type":"slash_commands","payload":{"channel_id":"C0123ABCD","user_id":%q,"command":"/chaoscat","text":%q,
		"response_url":"http://%s/commands/1","trigger_id":"t%d"}}`, k.n, user, text, k.ServerAddr, k.n))
}

// presses is the button under the message.
func (k *talk) presses(t *testing.T, user, action, message string) {
	t.Helper()
	k.sends(t, fmt.Sprintf(`{"envelope_id":"p","type":"interactive","payload":{"type":"block_actions","user":{"id":%q},"container":{"type":"message","message_ts":%q,"channel_id":"C0123ABCD"},
		"actions":[{"action_id":%q,"block_id":"=qXel","type":"button","action_ts":"1548426417.840180"}]}}`, user, message, action))
}

func (k *talk) sends(t *testing.T, envelope string) {
	t.Helper()
	comesTrue(t, "a connection", func() bool { k.mu.Lock(); defer k.mu.Unlock(); return k.conn != nil })
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.conn.WriteMessage(websocket.TextMessage, []byte(envelope)); err != nil {
		t.Fatal(err)
	}
}

// hears waits for a post that contains the text.
func (k *talk) hears(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		all := k.all()
		if slices.ContainsFunc(all, func(p string) bool { return strings.Contains(p, text) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody said %q, only\n%s", text, strings.Join(all, "\n"))
		}
	}
}

func (k *talk) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.posts)
}

func inTheChat(t *testing.T, k *talk) func(*config.Config) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("xoxb-canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		c.Slack = config.Slack{AppToken: token, BotToken: token, Channel: "C0123ABCD", Announce: config.AnnounceRequired, MaxAge: time.Hour, URL: k.GetAPIURL()}
		c.Persons = []config.Person{{Name: "ada", Slack: "UADA", Key: "person[0]"}}
		c.Teams = []config.Team{{Name: "sre", Members: []string{"ada"}, Role: engine.Admin}, {Name: "web", SlackGroups: []string{"S0123ABCD"}, Role: engine.Viewer}}
	}
}

var varying = regexp.MustCompile(`[0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9]{8}T[0-9a-z.-]+|[0-9]+(\.[0-9]+)?( → [0-9]+(\.[0-9]+)?)+|as [0-9a-z-]+|sim[a-z0-9-]*|(web|db|api|cache|worker|queue|edge)-[a-z0-9-]+`)

// The real engine on simulated hosts: ordered in the chat, announced before it begins, measured, stopped there by
// somebody whom nobody knows, undone, and told to its end.
func TestARunIsOrderedAnnouncedStoppedAndEndedInTheChat(t *testing.T) {
	k := talks(t)
	h := tells(t, inTheChat(t, k))
	comesTrue(t, "ready", func() bool { return h.engine.Snapshot().Verdict.Name != engine.Reconciling })
	k.says(t, "UEVE", "run-once cpu")
	k.hears(t, "I do not know you")
	k.says(t, "UBOB", "run-once cpu")
	k.hears(t, "may not run-once here")
	for began := false; !began; time.Sleep(50 * time.Millisecond) { // the gates have to answer first
		k.says(t, "UADA", "run-once cpu for 5m")
		comesTrue(t, "an answer", func() bool {
			last := k.all()
			began = slices.ContainsFunc(last, func(p string) bool { return strings.Contains(p, "Begun") })
			return began || strings.Contains(last[len(last)-1], "Not done")
		})
		if !began {
			k.mu.Lock()
			k.posts = nil
			k.mu.Unlock()
		}
	}
	k.hears(t, "Measured: cpu")
	at := slices.IndexFunc(k.all(), func(p string) bool { return strings.Contains(p, "To stop everything") })
	k.presses(t, "UEVE", "chaoscat-stop", fmt.Sprintf("%d.000000", at+1))
	k.hears(t, "Stopped. cpu on")
	k.hears(t, "restored")
	if err := h.close(errTerminated); err != nil {
		t.Fatal(err)
	}
	var channel, thread []string
	for _, p := range k.all() {
		where, text, _ := strings.Cut(varying.ReplaceAllString(p, "#"), ": ")
		switch {
		case where == "channel":
			channel = append(channel, text)
		case where != "answer" && !strings.HasPrefix(text, "Stopped."): // which comes before or after the record says so
			thread = append(thread, text)
		}
	}
	want := `demo: *cpu on #* for 5m, from #.
Ordered by ada. On call: fine.
To stop everything: the button, /chaoscat stop, or mention me with stop. Anybody may.
demo: *STOP by UEVE (slack)*
What runs is being undone. Nothing is attacked until somebody resumes.
in the thread:
Measured: cpu busy # → ? %
Aborted: stop
cpu on #: effective, restored, cpu busy # %, ended early: stop`
	if got := strings.ReplaceAll(strings.Join(append(append(channel, "in the thread:"), thread...), "\n"), "`", ""); got != want {
		t.Errorf("said was\n%s\nwant\n%s", got, want)
	}
}

func TestNothingIsSentToAHostThatCouldNotBeAnnounced(t *testing.T) {
	k := talks(t)
	k.deaf = true
	h := tells(t, inTheChat(t, k))
	var run string
	comesTrue(t, "ordered", func() bool {
		var err error
		run, err = h.engine.Ask(t.Context(), engine.Order{ID: newID(), Kind: engine.RunOnce, By: "ada", Door: "socket", Attack: "cpu", For: 2 * time.Second, Role: engine.Admin})
		return err == nil
	})
	var o *engine.Outcome
	comesTrue(t, "its end", func() bool {
		records, _ := h.engine.History(context.Background(), 0)
		for _, r := range records {
			if r.Kind == engine.Closed && r.Run == run {
				o = r.Outcome
			}
		}
		return o != nil
	})
	if o.Applied || o.Effect != engine.Refused || o.Cause != "announcement" || !strings.Contains(o.Detail, "invite the bot") || strings.Contains(o.Detail, "canary") {
		t.Errorf("the outcome is %+v", o)
	}
	if err := h.close(errTerminated); err != nil {
		t.Fatal(err)
	}
}

func TestACheckSaysWhetherSlackTakesTheTokens(t *testing.T) {
	k := talks(t)
	cfg := &config.Config{Name: "x"}
	cfg.Schedule.Location = time.UTC
	g := &graph{config: cfg}
	if f := checkSlack(t.Context(), thisWorld(), g); f != nil {
		t.Error(f)
	}
	inTheChat(t, k)(cfg)
	if f := checkSlack(t.Context(), thisWorld(), g); len(f) != 1 || f[0].Mark != "+" {
		t.Error(f)
	}
	k.mu.Lock()
	k.deaf = true
	k.mu.Unlock()
	f := checkSlack(t.Context(), thisWorld(), g)
	if len(f) == 0 || strings.Contains(fmt.Sprint(f), "canary") || strings.Contains(fmt.Sprint(f), "\n") {
		t.Error(f)
	}
	for _, row := range f {
		if row.Mark != "x" || !strings.HasPrefix(row.Text, "bot_token_file: ") && !strings.HasPrefix(row.Text, "app_token_file: ") {
			t.Errorf("does not say which token: %+v", row)
		}
	}
}
