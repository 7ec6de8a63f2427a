package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

var quiet = log.New(io.Discard, "", 0)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNoHostileServerIsTakenForAGoodOneOrCostsMuchOrMakesUsTellASecret(t *testing.T) {
	well := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"state":"well"}`) }
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(well), Ages: true}, func(t *testing.T, s hostile.Server) (bool, string) {
		c := client(t, Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within, StaleAfter: time.Minute, Now: time.Now})
		var answer struct{ State string }
		err := c.JSON(t.Context(), Request{Path: "/api"}, &answer)
		switch {
		case err != nil:
			return false, err.Error()
		case answer.State != "well":
			return false, "not well"
		}
		return true, ""
	})
}

func TestAMessageThatMattersOnlyByItsStatusNeedsNoAnswerToRead(t *testing.T) {
	well := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }
	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(well), Unread: true}, func(t *testing.T, s hostile.Server) (bool, string) {
		c := client(t, Options{URL: s.URL, TokenFile: s.TokenFile, TokenScheme: "Token token=", CAFile: s.CAFile, Timeout: hostile.Within})
		if err := c.JSON(t.Context(), Request{Body: map[string]string{"a": "b"}}, nil); err != nil {
			return false, err.Error()
		}
		return true, ""
	})
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// heard is a question as it arrived.
type heard struct {
	Line   string
	Header http.Header
	Body   string
}

// listener answers everything alike, and keeps what it has heard.
func listener(t *testing.T, answer http.HandlerFunc) (url string, last func() heard) {
	t.Helper()
	var mu sync.Mutex
	var h heard
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		h = heard{r.Method + " " + r.Host + " " + r.RequestURI, r.Header, string(body)}
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() heard {
		mu.Lock()
		defer mu.Unlock()
		return h
	}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAQuestionIsSentAsItIsMeant(t *testing.T) {
	address, last := listener(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") })
	host := strings.TrimPrefix(address, "http://")
	for _, c := range []struct {
		name string
		url  string
		r    Request
		want string
		body string
	}{
		{"the URL itself", "/a/b?x=1", Request{}, "GET " + host + " /a/b?x=1", ""},
		{"a path after that of the URL", "/prom/", Request{Path: "/api/v1/query", Query: url.Values{"query": {"a b"}}}, "GET " + host + " /prom/api/v1/query?query=a+b", ""},
		{"a query beside that of the URL", "/?tenant=t&x=1", Request{Query: url.Values{"x": {"2", "3"}}}, "GET " + host + " /?tenant=t&x=1&x=2&x=3", ""},
		{"a message", "", Request{Body: map[string]int{"a": 1}}, "POST " + host + " /", `{"a":1}`},
		{"a message as it is", "", Request{Method: "PUT", Body: []byte("raw\n")}, "PUT " + host + " /", "raw\n"},
		{"another host name", "", Request{Header: map[string]string{"host": "inside.example"}}, "GET inside.example /", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := client(t, Options{URL: address + c.url, Headers: map[string]string{"X-Team": "sre", "Accept": "text/plain"}})
			c.r.Header = with(c.r.Header, "accept", "application/json")
			if _, err := k.Do(t.Context(), c.r); err != nil {
				t.Fatal(err)
			}
			got := last()
			if got.Line != c.want || got.Body != c.body || got.Header.Get("X-Team") != "sre" || got.Header.Get("Accept") != "application/json" || got.Header.Get("User-Agent") != "chaoscat" {
				t.Errorf("%+v", got)
			}
			if kind := got.Header.Get("Content-Type"); (kind == "application/json") != (c.body != "") {
				t.Errorf("content type %q", kind)
			}
		})
	}
}

func with(headers map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	for n, v := range headers {
		all[n] = v
	}
	return all
}

func TestSecretsAreReadAtEachQuestionAndHiddenInWhatComesBack(t *testing.T) {
	address, last := listener(t, func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(r.Header) })
	token, key := secretFile(t, "canary-1\n"), secretFile(t, "canary-key")
	c := client(t, Options{URL: address, TokenFile: token, TokenScheme: "Token token=", HeaderFiles: map[string]string{"X-Api-Key": key}})
	for _, want := range []string{"canary-1", "canary-2"} {
		if err := os.WriteFile(token, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := c.Do(t.Context(), Request{})
		if err != nil {
			t.Fatal(err)
		}
		if got := last().Header; got.Get("Authorization") != "Token token="+want || got.Get("X-Api-Key") != "canary-key" {
			t.Errorf("%v", got)
		}
		if text := a.Hide(string(a.Body)); strings.Contains(text, "canary") || strings.Count(text, redacted) != 2 {
			t.Error(text)
		}
	}
	os.Remove(key)
	if _, err := c.Do(t.Context(), Request{}); err == nil || !strings.Contains(err.Error(), "secret file") {
		t.Errorf("without the key: %v", err)
	}
}

func TestAStatusThatIsNoSuccessSaysWhatToDoAndForHowLongToWait(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		status     int
		retryAfter string
		body       string
		wait       time.Duration
		text       string
	}{
		{401, "", "", 0, "HOST answers with status 401: check the token file"},
		{429, "30", `{"error":"slow down"}`, 30 * time.Second, `HOST answers with status 429: it is asked too often, choose a longer interval ({"error":"slow down"})`},
		{429, "999999", "", time.Hour, "HOST answers with status 429: it is asked too often, choose a longer interval"},
		{503, in(100 * time.Second), " down\x1b[2J\n", 100 * time.Second, `HOST answers with status 503 (down\x1b[2J)`},
		{503, in(-time.Hour), "", 0, "HOST answers with status 503"},
		{500, "-5", strings.Repeat("x", 1000), 0, "HOST answers with status 500 (" + strings.Repeat("x", 300) + ")"},
		{302, "soon", "", 0, "HOST answers with status 302"},
	} {
		address, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.retryAfter)
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		err := client(t, Options{URL: address}).JSON(t.Context(), Request{}, nil)
		refused := (*StatusError)(nil)
		if !errors.As(err, &refused) || refused.Status != c.status {
			t.Errorf("%d: %v", c.status, err)
			continue
		}
		if away := (refused.RetryAfter - c.wait).Abs(); away > 10*time.Second {
			t.Errorf("%d, Retry-After %s: wait %s", c.status, c.retryAfter, refused.RetryAfter)
		}
		if want := strings.Replace(c.text, "HOST", strings.TrimPrefix(address, "http://"), 1); err.Error() != want {
			t.Errorf("%s\nwant %s", err, want)
		}
	}
}

func TestTheSizeOfAnAnswerIsBoundedToTheByte(t *testing.T) {
	address, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 5000)) })
	if a, err := client(t, Options{URL: address, MaxBody: 5000}).Do(t.Context(), Request{}); err != nil || len(a.Body) != 5000 {
		t.Errorf("%d bytes, %v", len(a.Body), err)
	}
	if _, err := client(t, Options{URL: address, MaxBody: 4999}).Do(t.Context(), Request{}); err == nil || !strings.Contains(err.Error(), "is larger than 4999 bytes") {
		t.Error(err)
	}
}

func TestAnAnswerIsStaleByItsDateOrItsAgeAndBeyondTheLimitOnly(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		date   time.Duration
		age    string
		reason string
	}{
		{0, "", ""}, {-time.Minute, "", ""}, {time.Minute, "", ""}, {0, "60", ""}, {0, "old", "cannot be read"}, {0, "4294967296", "very large"},
		{-61 * time.Second, "", "of 1m1s ago, stale after 1m0s"},
		{0, "61", "of 1m1s ago, stale after 1m0s"},
		{61 * time.Second, "", "1m1s ahead of ours: set one of the two right"},
	} {
		address, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.Add(c.date).Format(http.TimeFormat))
			w.Header().Set("Age", c.age)
		})
		_, err := client(t, Options{URL: address, StaleAfter: time.Minute, Now: func() time.Time { return now }}).Do(t.Context(), Request{})
		if (err == nil) != (c.reason == "") || err != nil && !strings.Contains(err.Error(), c.reason) {
			t.Errorf("date %s, age %q: %v", c.date, c.age, err)
		}
		if _, err := client(t, Options{URL: address}).Do(t.Context(), Request{}); err != nil {
			t.Errorf("without a limit: %v", err)
		}
	}
	address, _ := listener(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil })
	if _, err := client(t, Options{URL: address, StaleAfter: time.Minute, Now: time.Now}).Do(t.Context(), Request{}); err != nil {
		t.Errorf("an answer that says nothing of its age: %v", err)
	}
}

func TestWhoWeAreIsShownToASystemThatAsks(t *testing.T) {
	id := hostile.NewIdentity(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	s.TLS = id.Server(t)
	s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	s.TLS.ClientCAs = x509.NewCertPool()
	ca, err := os.ReadFile(id.CAFile)
	if err != nil || !s.TLS.ClientCAs.AppendCertsFromPEM(ca) {
		t.Fatal(err)
	}
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	o := Options{URL: s.URL, CAFile: id.CAFile, Timeout: 5 * time.Second}
	if _, err := client(t, o).Do(t.Context(), Request{}); err == nil {
		t.Error("nobody is let in")
	}
	o.CertFile, o.KeyFile = id.CertFile, id.KeyFile
	a, err := client(t, o).Do(t.Context(), Request{})
	if err != nil || string(a.Body) != "client" {
		t.Errorf("%s, %v", a.Body, err)
	}
	os.Chmod(id.KeyFile, 0o644)
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	o.KeyFile = ""
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "needs both") {
		t.Errorf("no key: %v", err)
	}
}

func TestTheServerMayHaveAnotherNameThanItsAddress(t *testing.T) {
	id := hostile.NewIdentity(t)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = id.Server(t, "api.example")
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	for name, ok := range map[string]bool{"": false, "other.example": false, "api.example": true} {
		_, err := client(t, Options{URL: s.URL, CAFile: id.CAFile, ServerName: name, Timeout: 5 * time.Second}).Do(t.Context(), Request{})
		if (err == nil) != ok {
			t.Errorf("as %q: %v", name, err)
		}
	}
}

func TestWrongOptionsAreAllReportedAtOnceWithoutTheSecretInThem(t *testing.T) {
	for _, bad := range []string{"file:///etc/passwd", "ftp://h/", "http://", "", "http://user:canary@h/", "http://h/%zzcanary", "//h/"} {
		if _, err := New(Options{URL: bad}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	_, err := New(Options{URL: "gopher://h/", Headers: map[string]string{"authorization": "canary"}, CAFile: secretFile(t, "no PEM"), CertFile: "/no/cert", KeyFile: "/no/key", StaleAfter: 1})
	for _, want := range []string{"gopher", "put its value into a file", "no certificate in PEM", "/no/key", "a clock"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer func() { s.CloseClientConnections(); s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := client(t, Options{URL: s.URL}).Do(ctx, Request{}); !errors.Is(ctx.Err(), context.DeadlineExceeded) || err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
