package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/slacktest"
	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The users, channels and tokens of the fake Slack.
const (
	bot, ada, bob, eve, mallory = "U0LAN0Z89", "U061F7AUR", "U024BE7LH", "U2147483697", "U999999999"
	general, private            = "C024BE91L", "D024BE91L"
	appToken, botToken          = "xapp-1-A0-canary", "xoxb-2-canary"
)

// fakeSlack is slacktest's server with a Socket Mode of ours, whose envelopes are those of Slack's documents.
type fakeSlack struct {
	*slacktest.Server
	t *testing.T

	mu     sync.Mutex
	posts  []said
	acked  []string
	conns  []*websocket.Conn
	groups map[string][]string
	down   func(path string) (status int, body string) // what is answered instead; "" answers as usual
	hold   chan struct{}                               // chat.postMessage waits for it
	taking int                                         // how many of them have come
}

// said is a message that was posted.
type said struct{ ts, channel, thread, text, blocks string }

func newFakeSlack(t *testing.T) *fakeSlack {
	t.Helper()
	f := &fakeSlack{t: t, groups: map[string][]string{}}
	f.Server = slacktest.NewTestServer(func(c slacktest.Customize) {
		c.Handle("/auth.test", f.as(botToken, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"ok":true,"url":"https://subarachnoid.slack.com/","team":"Subarachnoid Workspace","user":"chaoscat","team_id":"T0G9PQBBK","user_id":%q,"bot_id":"B0"}`, bot)
		}))
		c.Handle("/apps.connections.open", f.as(appToken, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"ok":true,"url":"ws://%s/link/?ticket=1234-5678"}`, f.ServerAddr)
		}))
		c.Handle("/link/", slacktest.Websocket(f.link))
		c.Handle("/chat.postMessage", f.as(botToken, f.take))
		c.Handle("/commands/", f.response)
		c.Handle("/usergroups.users.list", f.as(botToken, func(w http.ResponseWriter, r *http.Request) {
			users, _ := json.Marshal(f.groups[r.FormValue("usergroup")])
			fmt.Fprintf(w, `{"ok":true,"users":%s}`, users)
		}))
	})
	f.Start()
	t.Cleanup(f.Stop)
	return f
}

// as answers to whoever has the token.
func (f *fakeSlack) as(token string, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		f.mu.Lock()
		down := f.down
		f.mu.Unlock()
		if down != nil {
			if status, body := down(r.URL.Path); body != "" {
				if status == http.StatusTooManyRequests {
					w.Header().Set("Retry-After", "1")
				}
				w.WriteHeader(status)
				fmt.Fprint(w, body)
				return
			}
		}
		if r.FormValue("token") != token && r.Header.Get("Authorization") != "Bearer "+token {
			fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
			return
		}
		answer(w, r)
	}
}

func (f *fakeSlack) take(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	hold := f.hold
	f.taking++
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := said{fmt.Sprintf("1503435956.%06d", len(f.posts)+1), r.FormValue("channel"), r.FormValue("thread_ts"), r.FormValue("text"), r.FormValue("blocks")}
	f.posts = append(f.posts, s)
	fmt.Fprintf(w, `{"ok":true,"channel":%q,"ts":%q,"message":{"text":"as it was sent"}}`, s.channel, s.ts)
}

// response takes the answer to a slash command.
func (f *fakeSlack) response(w http.ResponseWriter, r *http.Request) {
	var body struct{ Text string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts = append(f.posts, said{channel: r.URL.Path, text: body.Text})
	fmt.Fprint(w, "ok")
}

// link is one connection: it hears what is acknowledged.
func (f *fakeSlack) link(c *websocket.Conn) {
	f.mu.Lock()
	f.conns = append(f.conns, c)
	err := c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","connection_info":{"app_id":"A1234"},"num_connections":1,"debug_info":{"host":"applink-7fc4fdbb64-4x5xq","build_number":10,"approximate_connection_time":18060}}`))
	f.mu.Unlock()
	for err == nil {
		var ack struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if err = c.ReadJSON(&ack); err == nil {
			f.mu.Lock()
			f.acked = append(f.acked, ack.EnvelopeID)
			f.mu.Unlock()
		}
	}
}

// send delivers an envelope to the newest connection.
func (f *fakeSlack) send(envelope string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.conns[len(f.conns)-1].WriteMessage(websocket.TextMessage, []byte(envelope)); err != nil {
		f.t.Error(err)
	}
}

// until waits for something that the fake has seen.
func (f *fakeSlack) until(what string, yes func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		f.mu.Lock()
		ok := yes()
		f.mu.Unlock()
		if ok {
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t.Fatalf("there was never %s; said was %+v", what, f.posts)
}

// answered waits for a message that contains the text.
func (f *fakeSlack) answered(text string) (found said) {
	f.t.Helper()
	f.until(fmt.Sprintf("a message with %q", text), func() bool {
		i := slices.IndexFunc(f.posts, func(s said) bool { return strings.Contains(s.text, text) })
		if i >= 0 {
			found = f.posts[i]
		}
		return i >= 0
	})
	return found
}

// count is how often the text was said.
func (f *fakeSlack) count(text string) (n int) {
	for _, s := range f.posts {
		n += strings.Count(s.text, text)
	}
	return n
}

func stamp(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

// mention is the envelope of a message to the bot in a channel, as in the documents of Socket Mode and app_mention.
func mention(id, user, channel, text string, at time.Time, more string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"envelope_id":%q,"type":"events_api","accepts_response_payload":false,"retry_attempt":0,"retry_reason":"","payload":{
		"token":"one-long-verification-token","team_id":"T123ABC456","api_app_id":"A123ABC456","type":"event_callback","event_id":"Ev123ABC456","event_time":1234567890,
		"authorizations":[{"enterprise_id":"E123ABC456","team_id":"T123ABC456","user_id":%q,"is_bot":true}],
		"event":{"type":"app_mention","user":%q,"text":%s,"ts":%q,"channel":%q,"event_ts":%q%s}}}`, id, bot, user, quoted, stamp(at), channel, stamp(at), more)
}

// direct is the same for a direct message.
func direct(id, user, text string, at time.Time, more string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"envelope_id":%q,"type":"events_api","payload":{"type":"event_callback","event_id":"Ev1","event":{"type":"message",
		"channel":%q,"user":%q,"text":%s,"ts":%q,"event_ts":%q,"channel_type":"im"%s}}}`, id, private, user, quoted, stamp(at), stamp(at), more)
}

// press is the envelope of a button.
func press(id, user, channel, message, action, value string, at time.Time) string {
	return fmt.Sprintf(`{"envelope_id":%q,"type":"interactive","accepts_response_payload":true,"payload":{"type":"block_actions","user":{"id":%q,"username":"x","team_id":"T9TK3CUKW"},
		"api_app_id":"AA49RGPFU","token":"x","container":{"type":"message","message_ts":%q,"channel_id":%q,"is_ephemeral":false},"trigger_id":"12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
		"team":{"id":"T9TK3CUKW","domain":"example"},"channel":{"id":%q,"name":"x"},"response_url":"https://hooks.slack.com/actions/x",
		"actions":[{"action_id":%q,"block_id":"=qXel","text":{"type":"plain_text","text":"x","emoji":true},"value":%q,"type":"button","action_ts":%q}]}}`,
		id, user, message, channel, channel, action, value, stamp(at))
}

// slash is the envelope of a slash command.
func (f *fakeSlack) slash(id, user, channel, text string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"envelope_id":%q,"type":"slash_commands","accepts_response_payload":true,"payload":{"token":"x","team_id":"T0001","team_domain":"example",
		"channel_id":%q,"channel_name":"test","user_id":%q,"user_name":"Steve","command":"/chaoscat","text":%s,"response_url":"http://%s/commands/1234/5678",
		"trigger_id":"13345224609.738474920.%s","api_app_id":"A123456"}}`, id, channel, user, quoted, f.ServerAddr, id)
}

// stage is an engine that remembers what it was asked, and whose record a test writes.
type stage struct {
	mu     sync.Mutex
	now    engine.Snapshot
	record []engine.Record
	asked  []engine.Order
	answer func(engine.Order) (string, error)
	hang   chan struct{} // orders wait for it
	hung   int           // how many do
	watch  []chan engine.Snapshot
}

func (s *stage) Snapshot() engine.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) Watch(ctx context.Context) <-chan engine.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan engine.Snapshot, 1)
	c <- s.now
	s.watch = append(s.watch, c)
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watch = slices.DeleteFunc(s.watch, func(x chan engine.Snapshot) bool { return x == c })
		close(c)
	})
	return c
}

func (s *stage) History(_ context.Context, after uint64) ([]engine.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.record[min(int(after), len(s.record)):]), nil
}

func (s *stage) Ask(ctx context.Context, o engine.Order) (string, error) {
	s.mu.Lock()
	hang := s.hang
	if hang != nil {
		s.hung++
	}
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, o)
	if s.answer != nil {
		return s.answer(o)
	}
	return "", nil
}

func (s *stage) hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hung
}

// happen adds records, and shows the newest view.
func (s *stage) happen(change func(*engine.Snapshot), news ...engine.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range news {
		r.Seq = uint64(len(s.record) + 1)
		s.record = append(s.record, r)
	}
	if change != nil {
		change(&s.now)
	}
	s.now.LastSeq = uint64(len(s.record))
	for _, c := range s.watch {
		select {
		case <-c:
		default:
		}
		c <- s.now
	}
}

func (s *stage) orders() []engine.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// who knows ada, an admin, bob, an operator by his group, and eve, a viewer.
func who(user string, in []string) control.Peer {
	switch {
	case user == ada:
		return control.Peer{Name: "ada", Role: engine.Admin, Named: true}
	case user == bob && slices.Contains(in, "S0614TZR7"):
		return control.Peer{Name: "bob", Role: engine.Operator}
	case user == eve:
		return control.Peer{Name: "eve", Role: engine.Viewer}
	}
	return control.Peer{Name: user + " (slack)"}
}

// scene is a door between a fake Slack and an engine on a stage.
type scene struct {
	*fakeSlack
	*stage
	chat *Chat
	log  *lockedLog
	end  func()
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newScene makes a door that is still closed.
func newScene(t *testing.T, change func(*Options)) *scene {
	t.Helper()
	s := &scene{fakeSlack: newFakeSlack(t), stage: &stage{now: engine.Snapshot{Name: "prod-eu", Mood: engine.MoodArmed}}, log: &lockedLog{}}
	s.fakeSlack.groups["S0614TZR7"] = []string{bob}
	o := Options{
		AppToken: secretFile(t, appToken), BotToken: secretFile(t, botToken), URL: s.GetAPIURL(), Name: "prod-eu", Channel: general, MaxAge: time.Minute,
		Who: who, Groups: []string{"S0614TZR7"}, Zone: time.UTC, Now: time.Now, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.out.pace, c.out.again = time.Millisecond, time.Millisecond
	s.chat = c
	return s
}

// open opens the door, and closes it when the test ends.
func (s *scene) open(t *testing.T) *scene {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.chat.Run(ctx, s.stage)
	}()
	s.end = func() { cancel(); <-gone }
	t.Cleanup(s.end)
	s.until("a connection", func() bool { return len(s.conns) > 0 })
	return s
}

// transcript is what was said, with numbers for the threads.
func (s *scene) transcript() string {
	s.fakeSlack.mu.Lock()
	defer s.fakeSlack.mu.Unlock()
	var b strings.Builder
	for i, p := range s.posts {
		where := fmt.Sprintf("%d, in the channel", i+1)
		if at := slices.IndexFunc(s.posts, func(x said) bool { return x.ts == p.thread }); p.thread != "" {
			where = fmt.Sprintf("%d, in the thread of %d", i+1, at+1)
		}
		fmt.Fprintf(&b, "-- %s%s\n%s\n", where, buttonsOf(p.blocks), p.text)
	}
	return b.String()
}

func buttonsOf(blocks string) string {
	var list []struct {
		Elements []struct{ Text struct{ Text string } }
	}
	_ = json.Unmarshal([]byte(blocks), &list)
	names := map[string]bool{}
	for _, b := range list {
		for _, e := range b.Elements {
			names[" ["+e.Text.Text+"]"] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), "")
}
