// Package web asks other systems over HTTP, and trusts none of them. A system that is down, slow, hanging after its
// headers, too talkative, redirecting elsewhere, behind a wrong certificate or refusing the token is an error that an
// operator can act on, within the time-out and with bounded memory. Tokens are read from their files at every request,
// so that a new one counts at once; they are in headers only, and no error and no log ever has one.
//
//	c, err := web.New(web.Options{URL: "https://prometheus.example", TokenFile: "/etc/chaoscat/prometheus.token"})
//	var answer struct{ Status string }
//	err = c.JSON(ctx, web.Request{Path: "/api/v1/query", Query: url.Values{"query": {"up"}}}, &answer)
//
// What an answer means is the business of whoever asks.
package web

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine/printable"
)

const (
	defaultBody   = 1 << 20 // a larger answer is no answer
	maxHeader     = 64 << 10
	maxRedirects  = 3
	defaultWithin = 10 * time.Second
)

// Options say how a system is reached.
type Options struct {
	URL         string            // http or https, without user and password; paths of requests are appended to its own
	Headers     map[string]string // none that carries a secret
	HeaderFiles map[string]string // header → file with its value, private to its owner
	TokenFile   string            // file with a token
	TokenScheme string            // what stands before it: "Token token="; "" is "Bearer "
	CAFile      string            // PEM; instead of the machine's authorities
	ServerName  string            // expected in the certificate, if it is not the host of the URL
	CertFile    string            // PEM, with KeyFile: who we are, where the system asks for that in TLS
	KeyFile     string            // PEM, private to its owner; both are read at every request
	Timeout     time.Duration     // of one exchange; 0: 10s
	MaxBody     int64             // bytes of an answer; 0: 1 MiB
	// StaleAfter refuses answers that are older by what their headers say, and systems whose clock is further away
	// than that; 0: none. It needs Now.
	StaleAfter time.Duration
	Now        func() time.Time
	// Proxy chooses a proxy as in net/http; nil: none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client asks one system. It may be used by several goroutines at once and keeps no connection: each question also
// asks whether one can still connect.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client
}

// New makes a client. All that is wrong with the options is reported at once.
func New(o Options) (*Client, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultWithin
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultBody
	}
	if o.TokenScheme == "" {
		o.TokenScheme = "Bearer "
	}
	base, urlErr := parseURL(o.URL)
	pool, poolErr := authorities(o.CAFile)
	if err := errors.Join(urlErr, refuseOpenSecrets(o.Headers), poolErr, o.papers(), o.timeless()); err != nil {
		return nil, err
	}
	return &Client{o: o, base: base, http: &http.Client{
		CheckRedirect: stay,
		Transport: &http.Transport{
			Proxy:                  o.Proxy,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig:        o.tls(pool),
		},
	}}, nil
}

// Host is the system as people know it.
func (c *Client) Host() string { return c.base.Host }

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be understood") // the error would quote it, and it may hold a secret
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the URL begins with %q: only http and https can be asked", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the URL names no host")
	case u.User != nil:
		return nil, errors.New("the URL has a user or password: put a token into a file and name it as token_file")
	}
	return u, nil
}

func refuseOpenSecrets(headers map[string]string) error {
	for name := range headers {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key":
			return fmt.Errorf("the header %s carries a secret: put its value into a file", name)
		}
	}
	return nil
}

// authorities is nil, the machine's own, without a file.
func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file of authorities %s has no certificate in PEM form", path)
	}
	return pool, nil
}

// stay follows redirects on one host only: another one is another system, and it must not see the token.
func stay(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	upgraded := first.Scheme == "http" && next.URL.Scheme == "https" && first.Host == next.URL.Host && first.Port() == ""
	switch {
	case len(before) > maxRedirects:
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	case next.URL.Host == "":
		return fmt.Errorf("redirected to what is no address of a host, %s:", next.URL.Scheme)
	case first.Host != next.URL.Host:
		return fmt.Errorf("redirected to another host, %s", next.URL.Host)
	case next.Method != before[0].Method: // 301 to 303 make a question of a message, and its answer says nothing of the message
		return fmt.Errorf("redirected from a %s to a %s, which would lose the message", before[0].Method, next.Method)
	case first.Scheme != next.URL.Scheme && !upgraded:
		return fmt.Errorf("redirected from %s to %s", first.Scheme, next.URL.Scheme)
	}
	return nil
}

// Request is one question or message.
type Request struct {
	Method string     // "" is GET, or POST with a body
	Path   string     // appended to that of the client's URL; "" asks for that itself
	Query  url.Values // besides what the client's URL has
	Header map[string]string
	Body   any // []byte as it is; anything else as JSON
}

// Answer is what came back, whatever its status, read to the end.
type Answer struct {
	Status  int
	Path    string // of the URL that answered in the end
	Header  http.Header
	Body    []byte
	secrets []Secret
}

// Hide takes out of a text what the other side may have sent back of our secrets.
func (a Answer) Hide(text string) string { return Hide(text, a.secrets...) }

// Do has one exchange. An error is a sentence that begins with the host, and says of no secret.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	request, secrets, err := c.request(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	began := time.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, c.clean(fmt.Errorf("asking %s: %w", c.Host(), reason(err, began)), secrets)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, c.o.MaxBody+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Answer{}, fmt.Errorf("%s broke off in the middle of its answer", c.Host())
	case err != nil:
		return Answer{}, c.clean(fmt.Errorf("%s began to answer and did not finish: %w", c.Host(), reason(err, began)), secrets)
	case int64(len(body)) > c.o.MaxBody:
		return Answer{}, fmt.Errorf("the answer of %s is larger than %s", c.Host(), size(c.o.MaxBody))
	}
	if err := c.stale(response.Header); err != nil {
		return Answer{}, err
	}
	return Answer{Status: response.StatusCode, Path: response.Request.URL.Path, Header: response.Header, Body: body, secrets: secrets}, nil
}

// cleaned is an error whose text has lost its secrets and whatever no terminal should get.
type cleaned struct {
	text string
	err  error
}

func (c cleaned) Error() string { return c.text }
func (c cleaned) Unwrap() error { return c.err }

func (c *Client) clean(err error, secrets []Secret) error {
	return cleaned{printable.Printable(Hide(err.Error(), secrets...)), err}
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// StatusError is an answer whose status is not one of success.
type StatusError struct {
	Host       string
	Status     int
	RetryAfter time.Duration // how long the system wants to be left alone; 0: it does not say
	Text       string        // what it says, short and printable
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s answers with status %d%s", e.Host, e.Status, Hint(e.Status))
	if e.Text != "" {
		text += " (" + e.Text + ")"
	}
	return text
}

// Hint is what to do about a status; "" where nothing is known.
func Hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": check the token file"
	case http.StatusTooManyRequests:
		return ": it is asked too often, choose a longer interval"
	}
	return ""
}

// JSON has one exchange, wants a status of success, and decodes the answer. A nil into wants no body.
func (c *Client) JSON(ctx context.Context, r Request, into any) error {
	_, err := c.Decode(ctx, r, into)
	return err
}

// Decode is JSON for whoever shows something of the answer, and must hide our secrets in it.
func (c *Client) Decode(ctx context.Context, r Request, into any) (Answer, error) {
	a, err := c.Do(ctx, r)
	switch {
	case err != nil:
		return Answer{}, err
	case a.Status < 200 || a.Status > 299:
		return Answer{}, c.refusal(a)
	case into == nil:
		return a, nil
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		if isPage(a.Body) {
			return Answer{}, fmt.Errorf("the answer of %s is a web page; does it want a login?", c.Host())
		}
		return Answer{}, c.clean(fmt.Errorf("the answer of %s is not what was expected: %w", c.Host(), err), a.secrets)
	}
	return a, nil
}

// isPage tells whether an answer is for a browser.
func isPage(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

func (c *Client) refusal(a Answer) *StatusError {
	if isPage(a.Body) {
		return &StatusError{Host: c.Host(), Status: a.Status, RetryAfter: retryAfter(a.Header, time.Now()), Text: "a web page"}
	}
	said := a.Hide(string(a.Body)) // before the cut, which may go through a secret
	said = strings.TrimSpace(said)
	return &StatusError{Host: c.Host(), Status: a.Status, RetryAfter: retryAfter(a.Header, time.Now()), Text: printable.Printable(said[:min(len(said), 300)])}
}

// longestRetry bounds what a system may ask for.
const longestRetry = time.Hour

// retryAfter reads the header in either of its forms.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestRetry)
}

// request carries its secrets in headers only, and returns them so that they can be kept out of every text.
func (c *Client) request(ctx context.Context, r Request) (*http.Request, []Secret, error) {
	body, err := content(r.Body)
	if err != nil {
		return nil, nil, err
	}
	if r.Method == "" && r.Body != nil {
		r.Method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.address(r), body)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be asked")
	}
	request.Header.Set("User-Agent", "chaoscat")
	if r.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.o.Headers {
		setHeader(request, name, value)
	}
	for name, value := range r.Header {
		setHeader(request, name, value)
	}
	var secrets []Secret
	for name, path := range c.o.HeaderFiles {
		secret, err := ReadSecret(path)
		if err != nil {
			return nil, secrets, err
		}
		setHeader(request, name, string(secret))
		secrets = append(secrets, secret)
	}
	if c.o.TokenFile != "" {
		token, err := ReadSecret(c.o.TokenFile)
		if err != nil {
			return nil, secrets, err
		}
		request.Header.Set("Authorization", c.o.TokenScheme+string(token))
		secrets = append(secrets, token)
	}
	return request, secrets, nil
}

func content(body any) (io.Reader, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return bytes.NewReader(body), nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	return bytes.NewReader(text), nil
}

func (c *Client) address(r Request) string {
	u := *c.base
	if r.Path != "" {
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+r.Path, ""
	}
	if len(r.Query) > 0 {
		query := u.Query()
		for name, values := range r.Query {
			query[name] = append(query[name], values...)
		}
		u.RawQuery = query.Encode()
	}
	return u.String()
}

// setHeader knows the one header that net/http keeps elsewhere.
func setHeader(request *http.Request, name, value string) {
	if http.CanonicalHeaderKey(name) == "Host" {
		request.Host = value
		return
	}
	request.Header.Set(name, value)
}

// reason leaves the URL out, which net/http puts in front and which may hold a key.
func reason(err error, began time.Time) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var slow net.Error
	if errors.Is(err, io.EOF) {
		return errors.New("it hung up without an answer")
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("no answer within %s", time.Since(began).Round(100*time.Millisecond))
	}
	return err
}
