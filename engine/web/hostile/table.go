package hostile

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one way to spoil a good answer.
type row struct {
	name   string
	answer answer
	papers papers // how the server proves who it is
	down   bool   // nobody listens
	who    takers
	text   string // what it answers, where that is all there is to it
}

type answer func(e *exchange, w http.ResponseWriter, r *http.Request)

// takers are the clients that may take the answer for good.
type takers int

const (
	nobody takers = iota
	everybody
	unreading // whoever does not read it, or finds its text fine
	clockless // whoever does not look at the time
)

func (c row) taken(o Options) bool {
	switch c.who {
	case everybody:
		return true
	case unreading:
		return o.Unread || slices.Contains(o.Fine, c.text)
	case clockless:
		return !o.Ages
	}
	return false
}

var table = slices.Concat([]row{
	{name: "good", answer: good, who: everybody},
	{name: "good over HTTPS", answer: good, papers: proper, who: everybody},
	{name: "good after a redirect on the same host", answer: moved, who: everybody},

	{name: "down", answer: good, down: true},
	{name: "says nothing", answer: silent},
	{name: "hangs up", answer: raw("")},
	{name: "speaks another protocol", answer: raw("SSH-2.0-OpenSSH_9.2\r\n")},
	{name: "hangs after the headers", answer: headersOnly},
	{name: "trickles for ever", answer: trickle},
	{name: "half a body", answer: half},
	{name: "half a chunked body", answer: halfChunked},
	{name: "headers without end", answer: forEver("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 1<<10)+"\r\n")},
	{name: "hints without end", answer: forEver("", "HTTP/1.1 103 Early Hints\r\nLink: </"+strings.Repeat("x", 1<<10)+">\r\n\r\n")},
	{name: "a body of 1 GB", answer: large},
	{name: "a body of 1 GB, compressed", answer: bomb},

	{name: "400", answer: status(400)},
	{name: "401, another token is wanted", answer: status(401)},
	{name: "403, the token may not do this", answer: status(403)},
	{name: "404", answer: status(404)},
	{name: "429, come back in an hour", answer: limited(strconv.Itoa(3600))},
	{name: "429, come back at a time", answer: limited("Fri, 31 Dec 2199 23:59:59 GMT")},
	{name: "429, come back whenever", answer: limited("-1e9 \x80")},
	{name: "500", answer: status(500)},
	{name: "502", answer: status(502)},
	{name: "503, come back in an hour", answer: unavailable},
	{name: "304 that nobody asked for", answer: status(304)},

	{name: "redirects for ever", answer: loop},
	{name: "redirects to another host", answer: astray},
	{name: "redirects to a file", answer: redirect("file:///etc/passwd")},
	{name: "redirects to nowhere", answer: redirect("http://%zz\x1b[2J/")},
	{name: "redirects to the token", answer: blab},
	{name: "sends the token back as an answer", answer: echo(200), who: unreading},
	{name: "sends the token back in an error", answer: echo(500)},
	{name: "sends the token back again and again", answer: echoOften},
	{name: "sends the token back in a broken answer", answer: echoBroken},

	{name: "HTTP where HTTPS is expected", answer: good, papers: none},
	{name: "the certificate of another host", answer: good, papers: foreign},
	{name: "an expired certificate", answer: good, papers: expired},
	{name: "a certificate of tomorrow", answer: good, papers: early},
	{name: "the certificate of an unknown authority", answer: good, papers: unknown},
	{name: "silent where HTTPS is expected", answer: good, papers: mute},

	{name: "an answer of an hour ago", answer: aged("", -time.Hour), who: clockless},
	{name: "a copy that is an hour old", answer: aged("3600", 0), who: clockless},
	{name: "a clock that is an hour ahead", answer: aged("", time.Hour), who: clockless},
}, nonsense(map[string]string{
	"nothing in the answer": "",
	"HTML":                  "<html><body>It works!</body></html>",
	"half a document":       `{"status":"success","data":{"resultType":"vec`,
	"null":                  "null",
	"an empty object":       "{}",
	"an empty list":         "[]",
	"a list of nothing":     "[null]",
	"a list of numbers":     "[1,2,3]",
	"a number":              "1e400",
	"a text":                `"ok"`,
	"JSON of another shape": `{"status":{"of":["what"]},"data":7,"page":"x","components":{},"incidents":{},"oncalls":1,"result":null}`,
	"JSON without a floor":  strings.Repeat("[", 1<<19),
	"escape sequences":      "\x1b]52;c;aGk=\x07\u202e\r\n{\"status\":\"\\u001b[2J\"}",
	"bytes":                 "\x00\xff\xfe\x80{}",
}))

// nonsense are whole answers with status 200.
func nonsense(texts map[string]string) (rows []row) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		rows = append(rows, row{name: name, text: texts[name], who: unreading, answer: func(_ *exchange, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, texts[name])
		}})
	}
	return rows
}

func good(e *exchange, w http.ResponseWriter, r *http.Request) { e.good.ServeHTTP(w, r) }

func moved(e *exchange, w http.ResponseWriter, r *http.Request) {
	const there = "/moved"
	if path, found := strings.CutPrefix(r.URL.Path, there); found {
		r.URL.Path = path
		e.good.ServeHTTP(w, r)
		return
	}
	http.Redirect(w, r, there+r.URL.RequestURI(), http.StatusTemporaryRedirect)
}

func silent(_ *exchange, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func headersOnly(e *exchange, w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(e.well(r).Code)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// trickle sends white space, which is right before any JSON.
func trickle(_ *exchange, w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		io.WriteString(w, " ")
		w.(http.Flusher).Flush()
		time.Sleep(10 * time.Millisecond)
	}
}

// raw says something else than HTTP, and hangs up.
func raw(text string) answer {
	return func(_ *exchange, w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			io.WriteString(c, text)
			c.Close()
		}
	}
}

// forEver says something else than HTTP, and the second part of it again and again.
func forEver(once, again string) answer {
	return func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(atMost)) // the context of a connection that was taken over does not end with it
		_, err = io.WriteString(c, once)
		for err == nil && r.Context().Err() == nil {
			_, err = io.WriteString(c, again)
		}
	}
}

// half breaks off after half of the good answer, of which it has told the length.
func half(e *exchange, w http.ResponseWriter, r *http.Request) {
	body := e.well(r).Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+2))
	w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// halfChunked has all of the good answer but the end of it.
func halfChunked(e *exchange, w http.ResponseWriter, r *http.Request) {
	w.Write(append(e.well(r).Body.Bytes(), ' '))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// large has the good answer, after 1 GB of white space.
func large(e *exchange, w http.ResponseWriter, r *http.Request) {
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
	w.Write(e.well(r).Body.Bytes())
}

// bomb is the same in some thousand bytes.
func bomb(e *exchange, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	block := zipped(bytes.Repeat([]byte(" "), 1<<20))
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
	w.Write(zipped(e.well(r).Body.Bytes()))
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	return b.Bytes()
}

// status has the good answer under a status that says otherwise.
func status(code int) answer {
	return func(e *exchange, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		if code != http.StatusNotModified { // which has no body
			w.Write(e.well(r).Body.Bytes())
		}
	}
}

func limited(after string) answer {
	return func(e *exchange, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", after)
		status(http.StatusTooManyRequests)(e, w, r)
	}
}

func unavailable(e *exchange, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "3600")
	status(http.StatusServiceUnavailable)(e, w, r)
}

func loop(_ *exchange, w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/again"+r.URL.RequestURI(), http.StatusTemporaryRedirect)
}

func astray(e *exchange, w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, e.elsewhere()+r.URL.RequestURI(), http.StatusTemporaryRedirect)
}

func redirect(to string) answer {
	return func(_ *exchange, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// heard is every header of the question, the token with it.
func heard(r *http.Request) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		b.WriteString(name + ": " + strings.Join(r.Header[name], ", ") + "; ")
	}
	return b.String()
}

// blab names a host after the token.
func blab(_ *exchange, w http.ResponseWriter, r *http.Request) {
	words := strings.Fields(r.Header.Get("Authorization") + " nobody")
	redirect("http://"+words[max(0, len(words)-2)]+".invalid/")(nil, w, r)
}

func echo(code int) answer {
	return func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, heard(r))
	}
}

// echoOften has the token wherever a client may cut the text.
func echoOften(_ *exchange, w http.ResponseWriter, r *http.Request) {
	words := strings.Fields("nobody " + r.Header.Get("Authorization"))
	w.WriteHeader(500)
	io.WriteString(w, strings.Repeat(words[len(words)-1], 100))
}

// echoBroken has the token where a client that quotes what it could not read would show it.
func echoBroken(_ *exchange, w http.ResponseWriter, r *http.Request) {
	raw("HTTP/1.1 "+heard(r)+"\r\n"+heard(r)+"\r\n\r\n")(nil, w, r)
}

// aged is the good answer of another time, as the other side tells it.
func aged(age string, by time.Duration) answer {
	return func(e *exchange, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		if age != "" {
			w.Header().Set("Age", age)
		}
		e.good.ServeHTTP(w, r)
	}
}
