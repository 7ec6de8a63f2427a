package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
	"github.com/chaoscat/chaoscat/engine/web/hostile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const within = 700 * time.Millisecond

// serve is a server that ends with the test, even while it hangs.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func askHTTP(t *testing.T, o HTTPOptions) engine.GateAnswer {
	t.Helper()
	if o.Web.Timeout == 0 {
		o.Web.Timeout = within
	}
	g, err := HTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a := g.Ask(context.Background())
	if took := time.Since(began); took > o.Web.Timeout+2*time.Second {
		t.Errorf("answered after %s", took)
	}
	if a.Text != printable.Printable(a.Text) || a.Text == "" {
		t.Errorf("not fit to show: %q", a.Text)
	}
	return a
}

func hang(r *http.Request) { <-r.Context().Done() }

func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(c, text)
		c.Close()
	}
}

func page(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestAServerThatIsNotSurelyWellIsNotHealthyAndTheTextSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		serve  http.HandlerFunc
		o      HTTPOptions
		reason string
	}{
		{"hangs before it answers", func(_ http.ResponseWriter, r *http.Request) { hang(r) }, HTTPOptions{}, "no answer within 700ms"},
		{"hangs after the headers", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.(http.Flusher).Flush(); hang(r) }, HTTPOptions{}, "began to answer and did not finish: no answer within"},
		{"trickles for ever", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}, HTTPOptions{}, "did not finish"},
		{"half a body", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), HTTPOptions{}, "broke off in the middle"},
		{"half a chunked body", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"), HTTPOptions{}, "broke off in the middle"},
		{"speaks no HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n"), HTTPOptions{}, "malformed HTTP"},
		{"says nothing and hangs up", raw(""), HTTPOptions{}, "hung up"},
		{"headers without end", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<18) + "\r\n\r\n"), HTTPOptions{}, "exceeded"},
		{"no JSON", page(200, "<html>"), HTTPOptions{JSON: "a < 1"}, "is no JSON"},
		{"JSON and something more", page(200, `{"a":0}{}`), HTTPOptions{JSON: "a < 1"}, "something follows"},
		{"JSON without the value", page(200, `{"b":0}`), HTTPOptions{JSON: "a < 1"}, "has no a"},
		{"JSON of a wrong type", page(200, `{"a":"0"}`), HTTPOptions{JSON: "a < 1"}, "a is 0: that is no number"},
		{"a number beyond all bounds", page(200, `{"a":-1e999}`), HTTPOptions{JSON: "a < 1"}, "too large"},
		{"a value above the limit", page(200, `{"a":1.5}`), HTTPOptions{JSON: "a < 1"}, "a 1.5, wanted < 1"},
		{"an empty page", page(200, ""), HTTPOptions{JSON: "a < 1"}, "is no JSON"},
		{"the text is missing", page(200, "degraded"), HTTPOptions{Contains: "all systems operational"}, `does not contain "all systems operational"`},
		{"401", page(401, ""), HTTPOptions{}, "status 401, wanted 200-299: check the token file"},
		{"429", page(429, ""), HTTPOptions{}, "asked too often"},
		{"500", page(500, ""), HTTPOptions{}, "status 500"},
		{"200 where 204 is healthy", page(200, ""), HTTPOptions{Status: []int{204, 206}}, "status 200, wanted 204 or 206"},
		{"redirects for ever", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x"+r.URL.Path, 302) }, HTTPOptions{}, "more than 3 times"},
		{"redirects to another host", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://localhost.invalid/", 302) }, HTTPOptions{}, "another host, localhost.invalid"},
		{"redirects to a file", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "file:///etc/passwd", 302) }, HTTPOptions{}, "no address of a host, file:"},
		{"escape sequences in the value", page(200, `{"a":"\u001b]52;c;aGk=\u0007\u202e"}`), HTTPOptions{JSON: `a == "ok"`}, `\x1b]52;c;aGk=\x07\u202e, wanted == "ok"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Web.URL = serve(t, c.serve).URL
			if a := askHTTP(t, c.o); a.OK || !strings.Contains(a.Text, c.reason) {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestNoHostileServerIsHealthy(t *testing.T) {
	for name, o := range map[string]hostile.Options{
		"with a comparison": {Good: page(200, `{"rate":0.1}`)},
		"by its status":     {Good: page(200, "well"), Unread: true},
	} {
		o.Ages = true
		t.Run(name, func(t *testing.T) {
			hostile.Each(t, o, func(t *testing.T, s hostile.Server) (bool, string) {
				h := HTTPOptions{Web: web.Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, StaleAfter: time.Minute, Now: time.Now}}
				if !o.Unread {
					h.JSON = "rate < 0.5"
				}
				a := askHTTP(t, h)
				return a.OK, a.Text
			})
		})
	}
}

func TestAServerThatIsDownOrSilentIsNotHealthy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if a := askHTTP(t, HTTPOptions{Web: web.Options{URL: "http://" + l.Addr().String() + "/?key=hunter2"}}); a.OK || !strings.Contains(a.Text, "no answer within") || strings.Contains(a.Text, "hunter2") {
		t.Errorf("accepts and says nothing: %+v", a)
	}
	l.Close()
	if a := askHTTP(t, HTTPOptions{Web: web.Options{URL: "http://" + l.Addr().String() + "/?key=hunter2"}}); a.OK || !strings.Contains(a.Text, "refused") || strings.Contains(a.Text, "hunter2") {
		t.Errorf("refuses: %+v", a)
	}
	if a := askHTTP(t, HTTPOptions{Web: web.Options{URL: "http://host.invalid/"}}); a.OK {
		t.Errorf("has no address: %+v", a)
	}
}

func TestAHealthyServerIsReportedWithItsValueAndLimit(t *testing.T) {
	asked := make(chan string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/old":
			http.Redirect(w, r, "/", http.StatusFound)
		default:
			asked <- r.Method + " " + r.Header.Get("X-Team") + " " + r.Host
			io.WriteString(w, `{"data":{"rows":[{"rate":0.03,"state":"ok","paging":false}]}}`)
		}
	})
	for o, text := range map[*HTTPOptions]string{
		{}:                                      "status 200",
		{Web: web.Options{URL: "/old"}}:         "status 200, redirected to /",
		{Contains: "rate"}:                      `status 200, contains "rate"`,
		{JSON: "data.rows[0].rate < 0.5"}:       "data.rows[0].rate 0.03 < 0.5",
		{JSON: `data.rows[0].state == "ok"`}:    `data.rows[0].state ok == "ok"`,
		{JSON: "data.rows[0].paging != true"}:   "data.rows[0].paging false != true",
		{JSON: "data.rows[0].rate>=0.03"}:       "data.rows[0].rate 0.03 >= 0.03",
		{Status: []int{200}, Contains: "state"}: `status 200, contains "state"`,
	} {
		o.Web.URL, o.Web.Headers = s.URL+o.Web.URL, map[string]string{"X-Team": "sre", "host": "inside.example"}
		if a := askHTTP(t, *o); !a.OK || a.Text != text {
			t.Errorf("%+v, want %q", a, text)
		}
		if got := <-asked; got != "GET sre inside.example" {
			t.Errorf("asked as %q", got)
		}
	}
}

func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASecretIsSentReadAnewAtEachQuestionAndNeverShown(t *testing.T) {
	const canary = "tok-5d1c-canary"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			fmt.Fprintf(w, `{"said":%q}`, strings.Repeat("x", 70)+r.Header.Get("Authorization"))
		case "/away":
			http.Redirect(w, r, "http://"+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+".invalid/", 302)
		default:
			if r.Header.Get("Authorization") != "Bearer "+canary+"2" || r.Header.Get("X-Key") != canary {
				w.WriteHeader(401)
			}
		}
	})
	token, key := secretFile(t, canary+"\n", 0o600), secretFile(t, canary, 0o400)
	for _, path := range []string{"/echo", "/away"} {
		a := askHTTP(t, HTTPOptions{Web: web.Options{URL: s.URL + path, TokenFile: token, HeaderFiles: map[string]string{"X-Key": key}}, JSON: `said == "x"`})
		if a.OK || strings.Contains(a.Text, "canary") || strings.Contains(a.Text, "tok-5d") {
			t.Errorf("%s: %+v", path, a)
		}
	}
	o := HTTPOptions{Web: web.Options{URL: s.URL, TokenFile: token, HeaderFiles: map[string]string{"X-Key": key}}}
	if a := askHTTP(t, o); a.OK {
		t.Errorf("with the old token: %+v", a)
	}
	if err := os.WriteFile(token, []byte(canary+"2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := askHTTP(t, o); !a.OK {
		t.Errorf("with the new token: %+v", a)
	}
}

func TestASecretFileThatOthersCanReadIsRefused(t *testing.T) {
	s := serve(t, page(200, ""))
	for _, c := range []struct {
		path, reason string
	}{
		{secretFile(t, "x", 0o640), "chmod 600"},
		{secretFile(t, "x", 0o604), "chmod 600"},
		{secretFile(t, " \n", 0o600), "is empty"},
		{secretFile(t, "a\nb", 0o600), "more than one line"},
		{secretFile(t, strings.Repeat("x", 64<<10+1), 0o600), "larger than"},
		{t.TempDir(), "no regular file"},
		{"/does/not/exist", "no such file"},
	} {
		if a := askHTTP(t, HTTPOptions{Web: web.Options{URL: s.URL, TokenFile: c.path}}); a.OK || !strings.Contains(a.Text, c.reason) {
			t.Errorf("%+v, want %q", a, c.reason)
		}
	}
}

func TestWrongOptionsAreAllReportedAtOnceWithoutTheSecretInThem(t *testing.T) {
	empty := secretFile(t, "no PEM", 0o600)
	_, err := HTTP(HTTPOptions{Web: web.Options{URL: "gopher://h/", Headers: map[string]string{"authorization": "canary"}, CAFile: empty}, JSON: "a =", Status: []int{99}})
	for _, want := range []string{"gopher", "comparison", "put its value into a file", "status 99", "no certificate"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

func TestAJSONCheckThatCannotBeUnderstoodIsRefused(t *testing.T) {
	for _, bad := range []string{"", "a", "< 1", "a <", "a < b", "a < 1 2", "a..b < 1", ".a < 1", "a. < 1", "a[] < 1", "a[-1] < 1", "a[x] < 1", "a[1 < 1", "a[1]b < 1", "a < true", "a == null", "a == [1]", "a == {}", "a < 1e999", "a = 1", `a == 'x'`} {
		if c, err := parseCheck(bad); err == nil {
			t.Errorf("%q is understood as %+v", bad, c)
		}
	}
	for good, body := range map[string]string{"[0][1] == 2": "[[1,2]]", "a == 1e3": `{"a":1000}`, `a.b >= "x"`: `{"a":{"b":"y"}}`, "[1].ok == true": `[0,{"ok":true}]`, "über <= 1": `{"über":-1}`} {
		c, err := parseCheck(good)
		if err != nil {
			t.Errorf("%q: %v", good, err)
			continue
		}
		if a := c.on([]byte(body), strings.Clone); !a.OK {
			t.Errorf("%q on %s: %+v", good, body, a)
		}
	}
}
