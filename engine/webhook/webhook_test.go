package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "canary-of-the-webhook"

// receiver is the other side: it answers as told and remembers what came.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	came []heard
}

type heard struct {
	header http.Header
	body   []byte
}

// receive is a server that ends with the test, even while it hangs. It answers the n-th request, from 1, as answer says.
func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		rec.came = append(rec.came, heard{r.Header, body})
		n := len(rec.came)
		rec.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(func() { rec.CloseClientConnections(); rec.Close() })
	return rec
}

func (r *receiver) all() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]heard(nil), r.came...)
}

func fine(int, http.ResponseWriter, *http.Request) {}

type started struct {
	*Hook
	log  *lockedBuffer
	end  context.CancelFunc
	over chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// start runs a hook to that address until the test ends.
func start(t *testing.T, url string, change func(*Options)) *started {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := web.New(web.Options{URL: url, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := &started{log: &lockedBuffer{}, over: make(chan struct{})}
	o := Options{Name: "audit", Sender: "prod-eu", Client: client, SecretFile: path, Kinds: []engine.RecordKind{engine.Closed, engine.ResidueNew, engine.GateTurned},
		Queue: 100, First: time.Millisecond, Last: 5 * time.Second, Now: time.Now, Dice: func() uint64 { return 0 },
		Log: slog.New(slog.NewTextHandler(s.log, nil))}
	if change != nil {
		change(&o)
	}
	s.Hook = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	s.end = cancel
	go func() { defer close(s.over); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-s.over })
	return s
}

// finish tells the hook that all ends, and waits for it.
func (s *started) finish() { s.end(); <-s.over }

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func outcomes(n int) (records []engine.Record) {
	for i := range n {
		r := ended
		r.Seq, r.At, r.Text = uint64(i+1), time.Date(2026, 3, 2, 10, 0, i, 0, time.UTC), "cpu on web-1: effective, restored"
		records = append(records, r)
	}
	return records
}

func seqs(t *testing.T, came []heard) (all []uint64) {
	t.Helper()
	for _, h := range came {
		var m message
		if err := json.Unmarshal(h.body, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Record.Seq)
	}
	return all
}

func TestAMessageSaysWhatHappenedAndNothingElse(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	before, during := 4.0, 81.0
	rec := receive(t, fine)
	s := start(t, rec.URL, func(o *Options) { o.Now = func() time.Time { return at.Add(time.Minute) } })
	s.Hear([]engine.Record{
		{Seq: 6, Kind: engine.Line, Text: "not asked for"},
		{Seq: 7, At: at, Kind: engine.Closed, Run: "r1", Host: "web-1", Attack: "cpu", By: "ada", Door: "slack", Text: "cpu on web-1: effective, restored",
			Pool: []string{"web-1", "web-2"}, Draw: &engine.Draw{Pool: 2},
			Outcome: &engine.Outcome{Effect: engine.Effective, Undo: engine.Restored, Applied: true, Cause: "deadline",
				Facts: &engine.Facts{Summary: "secret kernel"}, Figures: engine.Figures{Name: "cpu busy", Unit: "%", Before: &before, During: &during, After: &before}}},
	}, 0)
	s.finish()
	came := rec.all()
	if len(came) != 1 {
		t.Fatalf("%d messages came: %s", len(came), s.log)
	}
	want := `{"schema":1,"type":"chaoscat.outcome","id":"` + came[0].header.Get("webhook-id") + `","name":"prod-eu","sent":"2026-03-02T10:01:00Z",` +
		`"record":{"seq":7,"at":"2026-03-02T10:00:00Z","kind":"outcome","run":"r1","host":"web-1","attack":"cpu","by":"ada","door":"slack","text":"cpu on web-1: effective, restored",` +
		`"outcome":{"outcome":"effective","undo":"restored","applied":true,"cause":"deadline","measured":{"name":"cpu busy","unit":"%","before":4,"during":81,"after":4}}}}`
	if got := string(came[0].body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnOrderWithItsVerdictAndAnIntentWithWhoWasThereAreTold(t *testing.T) {
	o := told(engine.Record{Kind: engine.OrderGiven, Order: &engine.Order{Kind: engine.Stop}, Verdict: &engine.Verdict{Name: engine.NotAllowed, Sentence: "no"}})
	i := told(engine.Record{Kind: engine.Intent, Intent: &engine.Run{For: time.Minute, OnCall: []string{"ada"}}})
	if o.Order != engine.Stop || o.Verdict.Name != engine.NotAllowed || i.Seconds != 60 || i.OnCall[0] != "ada" {
		t.Errorf("%+v\n%+v", o, i)
	}
}

// Written once more by hand, from the text of Standard Webhooks and not from our code.
func verify(h heard, key []byte) bool {
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, h.header.Get("webhook-id")+"."+h.header.Get("webhook-timestamp")+"."+string(h.body))
	version, code, _ := strings.Cut(h.header.Get("webhook-signature"), ",")
	sum, err := base64.StdEncoding.DecodeString(code)
	return version == "v1" && err == nil && hmac.Equal(mac.Sum(nil), sum)
}

func TestEveryTryIsSignedWithItsOwnTimeAndCarriesTheSameID(t *testing.T) {
	clock := time.Unix(1_700_000_000, 0)
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	s := start(t, rec.URL, func(o *Options) { o.Now = func() time.Time { clock = clock.Add(time.Second); return clock } })
	s.Hear(outcomes(1), 0)
	until(t, "delivered", func() bool { return s.Stats().Delivered == 1 })
	s.finish()
	came := rec.all()
	if len(came) != 2 || !verify(came[0], []byte(secret)) || !verify(came[1], []byte(secret)) {
		t.Fatalf("%d came, or a signature is wrong", len(came))
	}
	if verify(came[0], []byte("another")) {
		t.Error("another secret verifies")
	}
	one, two := came[0].header, came[1].header
	if one.Get("webhook-id") != two.Get("webhook-id") || one.Get("webhook-timestamp") == two.Get("webhook-timestamp") || one.Get("webhook-signature") == two.Get("webhook-signature") {
		t.Errorf("%v\n%v", one, two)
	}
}

// The example of the specification (standardwebhooks.com, "Signature scheme").
func TestTheSignatureIsThatOfStandardWebhooks(t *testing.T) {
	key, err := keyOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, wrong := range []web.Secret{"whsec_", "whsec_%%%"} {
		if _, err := keyOf(wrong); err == nil || strings.Contains(err.Error(), "%%%") {
			t.Errorf("a secret that is no base64: %v", err)
		}
	}
}

func TestMessagesArriveInOrderThroughFailures(t *testing.T) {
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		switch n {
		case 2, 3:
			w.WriteHeader(http.StatusInternalServerError)
		case 5:
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}
	})
	s := start(t, rec.URL, nil)
	s.Hear(outcomes(4), 0)
	until(t, "all delivered", func() bool { return s.Stats().Delivered == 4 })
	s.finish()
	if got := fmt.Sprint(seqs(t, rec.all())); got != "[1 2 2 2 3 3 4]" {
		t.Errorf("came in the order %s", got)
	}
	if st := s.Stats(); st != (Stats{Delivered: 4, Failed: 3}) {
		t.Errorf("%+v", st)
	}
	if text := s.log.String(); strings.Count(text, "failed; it is tried again") != 2 || strings.Count(text, "answers again") != 2 {
		t.Errorf("an outage is not said once at its begin and its end:\n%s", text)
	}
}

func TestAReceiverThatIsGoneIsNotAskedAgain(t *testing.T) {
	rec := receive(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	s := start(t, rec.URL, nil)
	s.Hear(outcomes(3), 0)
	<-s.over
	s.Hear(outcomes(2), 0)
	if st := s.Stats(); len(rec.all()) != 1 || st != (Stats{Failed: 1, Dropped: 5, Gone: true}) {
		t.Errorf("asked %d times: %+v", len(rec.all()), st)
	}
	if !strings.Contains(s.log.String(), "the receiver of webhook audit is gone for good (410)") {
		t.Error(s.log)
	}
}

func TestAMessageThatIsNotWantedDoesNotKeepOthersBackAndTheNextSaysThatItIsMissing(t *testing.T) {
	rec := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 2 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	s := start(t, rec.URL, nil)
	s.Hear(outcomes(4), 0)
	s.finish()
	var missing []uint64
	for _, h := range rec.all() {
		var m message
		if err := json.Unmarshal(h.body, &m); err != nil {
			t.Fatal(err)
		}
		missing = append(missing, m.Missing)
	}
	if fmt.Sprint(seqs(t, rec.all())) != "[1 2 3 4]" || fmt.Sprint(missing) != "[0 0 1 0]" {
		t.Errorf("came %v, missing %v", seqs(t, rec.all()), missing)
	}
	if st := s.Stats(); st != (Stats{Delivered: 3, Failed: 1, Dropped: 1}) {
		t.Errorf("%+v", st)
	}
}

func TestARedirectIsNoDelivery(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther} {
		rec := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Redirect(w, r, "/elsewhere", status)
			}
		})
		s := start(t, rec.URL, func(o *Options) { o.Last = 10 * time.Millisecond })
		s.Hear(outcomes(1), 0)
		until(t, "failed", func() bool { return s.Stats().Failed > 0 })
		s.finish()
		if st := s.Stats(); st.Delivered != 0 || st.Dropped != 1 || !strings.Contains(s.log.String(), "lose the message") {
			t.Errorf("%d: %+v\n%s", status, st, s.log)
		}
	}
}

func TestHearingNeverWaitsAndMemoryIsBoundedWhileTheReceiverHangs(t *testing.T) {
	rec := receive(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := start(t, rec.URL, func(o *Options) { o.Last = 10 * time.Millisecond })
	s.Hear([]engine.Record{gateTurned}, 0)
	until(t, "asked", func() bool { return len(rec.all()) == 1 })
	for range 1000 {
		s.Hear(outcomes(10), 0)
	}
	if st := s.Stats(); st.Waiting != 100 || st.Dropped != 9900 {
		t.Errorf("%+v", st)
	}
	s.Hear([]engine.Record{residue}, 5)
	if st := s.Stats(); st.Waiting != 100 || st.Dropped != 9906 {
		t.Errorf("with residue, and five that nobody heard: %+v", st)
	}
}

func TestTheEndIsBoundedWhateverTheReceiverDoes(t *testing.T) {
	for name, answer := range map[string]func(int, http.ResponseWriter, *http.Request){
		"hangs": func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"hangs after its headers": func(_ int, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"fails": func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"wants an hour off": func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"talks without end": func(_ int, w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := receive(t, answer)
			s := start(t, rec.URL, func(o *Options) { o.Last = 50 * time.Millisecond })
			s.Hear(outcomes(3), 0)
			until(t, "asked", func() bool { return len(rec.all()) > 0 })
			began := time.Now()
			s.finish()
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("ended after %s", took)
			}
			if st := s.Stats(); st.Delivered != 0 || st.Dropped != 3 || st.Waiting != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestTheLastWordsAreTriedAgainAtTheEnd(t *testing.T) {
	ending := make(chan struct{})
	rec := receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			select {
			case <-ending:
			case <-r.Context().Done():
			}
		}
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := start(t, rec.URL, func(o *Options) { o.First, o.Last = 20*time.Millisecond, 20*time.Second })
	s.Hear(outcomes(2), 0)
	until(t, "asked", func() bool { return len(rec.all()) == 1 })
	s.end()
	close(ending)
	<-s.over
	if st := s.Stats(); st != (Stats{Delivered: 2, Failed: 2}) {
		t.Errorf("%+v", st)
	}
}

func TestNoHostileServerIsTakenForADelivery(t *testing.T) {
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Unread: true}, func(t *testing.T, s hostile.Server) (bool, string) {
		client, err := web.New(web.Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within})
		if err != nil {
			t.Fatal(err)
		}
		h := New(Options{Name: "audit", Sender: "prod-eu", Client: client, SecretFile: secretFile, Now: time.Now})
		if err := h.try(t.Context(), ended); err != nil {
			return false, err.Error()
		}
		return true, "delivered"
	})
}

func TestTheSecretIsReadAtEachTryAndIsNowhere(t *testing.T) {
	rec := receive(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, "you sent %v", r.Header)
		}
	})
	s := start(t, rec.URL, func(o *Options) { o.First = 20 * time.Millisecond })
	s.Hear(outcomes(1), 0)
	until(t, "refused", func() bool { return s.Stats().Failed == 1 })
	if err := os.WriteFile(s.o.SecretFile, []byte("a new one"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "delivered", func() bool { return s.Stats().Delivered == 1 })
	s.finish()
	came := rec.all()
	if !verify(came[0], []byte(secret)) || !verify(came[len(came)-1], []byte("a new one")) {
		t.Error("the new secret does not count")
	}
	for _, h := range came {
		if strings.Contains(fmt.Sprint(h.header)+string(h.body), secret) {
			t.Error("the secret was sent")
		}
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestASecretFileThatOthersCanReadSendsNothing(t *testing.T) {
	rec := receive(t, fine)
	s := start(t, rec.URL, func(o *Options) { o.Last = time.Millisecond })
	if err := os.Chmod(s.o.SecretFile, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Hear(outcomes(1), 0)
	until(t, "failed", func() bool { return s.Stats().Failed > 0 })
	s.finish()
	if len(rec.all()) != 0 || !strings.Contains(s.log.String(), "chmod 600") {
		t.Errorf("%d came\n%s", len(rec.all()), s.log)
	}
}

func TestWaitsDoubleAreSpreadBoundedAndNeverShorterThanAsked(t *testing.T) {
	down := errors.New("down")
	busy := &web.StatusError{Status: 429, RetryAfter: 42 * time.Second}
	for _, c := range []struct {
		err      error
		failures int
		draw     uint64
		want     time.Duration
	}{
		{down, 1, 0, 500 * time.Millisecond},
		{down, 1, 500_000_000, time.Second},
		{down, 2, 0, time.Second},
		{down, 5, 0, 8 * time.Second},
		{down, 100, 0, 150 * time.Second},
		{down, 100, uint64(150 * time.Second), 5 * time.Minute},
		{busy, 1, 0, 42 * time.Second},
		{fmt.Errorf("wrapped: %w", busy), 100, 0, 150 * time.Second},
	} {
		if got := wait(c.err, time.Second, c.failures, c.draw); got != c.want {
			t.Errorf("after %d failures (%v), draw %d: %s, want %s", c.failures, c.err, c.draw, got, c.want)
		}
	}
}

func TestOnlyAMessageThatIsNotWantedOrTooOldIsGivenUp(t *testing.T) {
	status := func(n int) error { return &web.StatusError{Status: n} }
	for _, c := range []struct {
		err   error
		since time.Duration
		want  fate
	}{
		{errors.New("down"), 0, again},
		{errors.New("down"), 25 * time.Hour, giveUp},
		{status(401), time.Hour, again}, // somebody will mend the secret
		{status(404), time.Hour, again},
		{status(429), time.Hour, again},
		{status(503), 25 * time.Hour, giveUp},
		{status(400), 0, giveUp},
		{status(413), 0, giveUp},
		{status(410), 0, gone},
	} {
		if got := judge(c.err, c.since); got != c.want {
			t.Errorf("%v after %s: %d, want %d", c.err, c.since, got, c.want)
		}
	}
}

func TestTheTimestampIsInSeconds(t *testing.T) {
	r, err := request("prod", ended, 0, time.Unix(1_700_000_000, 999), []byte("k"))
	if n, bad := strconv.ParseInt(r.Header["webhook-timestamp"], 10, 64); err != nil || bad != nil || n != 1_700_000_000 {
		t.Errorf("%v %v", r.Header, err)
	}
}
