// Package hostile is a table of servers that no client may be hurt by: down, silent, slow, hanging after their headers,
// breaking off in the middle, never ending, talking garbage or JSON of another shape, redirecting for ever or elsewhere,
// refusing the token, rate-limited, failing, behind a certificate that is not theirs, with a clock that is an hour off,
// sending the secret back. It is for tests alone.
//
//	hostile.Each(t, hostile.Options{Good: http.HandlerFunc(allIsWell)}, func(t *testing.T, s hostile.Server) (bool, string) {
//		gate, err := New(Options{URL: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Timeout: hostile.Within})
//		if err != nil {
//			t.Fatal(err)
//		}
//		a := gate.Ask(t.Context())
//		return a.OK, a.Text
//	})
//
// Each server has the good answer at hand and spoils it in one way, so that a client which overlooks that one thing is
// found out. Each holds the client to this: it takes the answer of the good server, over HTTP and over HTTPS, and of no
// other; it comes back in time; it allocates little; what it says can be shown, is not empty, and has no secret in it;
// and no other host is ever asked.
package hostile

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
)

const (
	// Within is a time-out for clients: long enough for a good answer on a busy machine, short enough for a table.
	Within = 700 * time.Millisecond
	// Token is what the token file holds.
	Token = "tok-5d1c-canary"

	atMost    = 20 * time.Second // for all attempts of one client at one server
	allocated = 64 << 20
)

// Options say what is held against the table.
type Options struct {
	// Good answers as the real system does when all is well.
	Good http.Handler
	// Fine are texts of the table that are no nonsense to this client: "[]", where an empty list says that all is well.
	Fine []string
	// Unread is for clients that want a status of success and do not care what is in the answer.
	Unread bool
	// Ages is for clients that refuse an answer whose Date is an hour away from their own clock.
	Ages bool
}

// Server is one row of the table.
type Server struct {
	Name      string
	URL       string // without a path; it answers alike whatever is appended
	CAFile    string // the authority that its certificate is to be held against; "" over plain HTTP
	TokenFile string // holds [Token], and is private
	Good      bool   // the answer is to be taken
}

// Each asks every server of the table by a subtest of its own. ask has one exchange and returns whether the answer was
// taken for good, and everything of it that would reach a screen, a log or a record.
func Each(t *testing.T, o Options, ask func(t *testing.T, s Server) (ok bool, said string)) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	office := newOffice(t)
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			s := c.open(t, o, office)
			s.TokenFile = token
			judge(t, s, ask)
		})
	}
}

func judge(t *testing.T, s Server, ask func(t *testing.T, s Server) (bool, string)) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	ok, said := ask(t, s)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if ok != s.Good {
		t.Errorf("the answer is taken: %v, want %v; the client says %q", ok, s.Good, said)
	}
	if took > atMost {
		t.Errorf("the client took %s", took)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > allocated {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
	if !ok && said == "" {
		t.Error("the client does not say what was wrong")
	}
	fitToShow(t, said)
}

// fitToShow fails the test if a text has the secret in it, or a line that no terminal and no log should get.
func fitToShow(t *testing.T, said string) {
	t.Helper()
	if strings.Contains(said, Token[:8]) {
		t.Errorf("the secret is shown: %q", said)
	}
	for line := range strings.Lines(said) {
		if line = strings.TrimSuffix(line, "\n"); line != printable.Printable(line) {
			t.Errorf("not fit to show: %q", line)
		}
	}
}

// open starts a server that ends with the test, even while it hangs.
func (c row) open(t *testing.T, o Options, office *office) Server {
	t.Helper()
	done, end := context.WithCancel(context.Background())
	e := &exchange{t: t, good: o.Good, done: done}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.serve(c, w, r) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	file := office.start(t, s, c.papers)
	t.Cleanup(func() { end(); s.CloseClientConnections(); s.Close() })
	if c.down {
		s.Listener.Close()
	}
	return Server{Name: c.name, URL: s.URL, CAFile: file, Good: c.taken(o)}
}

// exchange is what a row needs besides the request.
type exchange struct {
	t    *testing.T
	good http.Handler
	done context.Context // the test is over
}

func (e *exchange) serve(c row, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // a server notices that a client is gone only after its whole question
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(e.done, cancel)()
	c.answer(e, w, r.WithContext(ctx))
}

// well is the good answer to this question.
func (e *exchange) well(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.good.ServeHTTP(w, r)
	return w
}

// elsewhere is the address of another host, which has the good answer too. Whoever asks it has been led astray.
func (e *exchange) elsewhere() string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.t.Error("another host was asked")
		e.good.ServeHTTP(w, r)
	}))
	context.AfterFunc(e.done, s.Close)
	return s.URL
}
