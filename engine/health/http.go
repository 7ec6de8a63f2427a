package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

const (
	maxBody       = 1 << 20 // a larger answer is no answer
	maxHeader     = 64 << 10
	maxRedirects  = 3
	defaultWithin = 10 * time.Second
)

// HTTPOptions says what to ask and what answer is healthy. All conditions that are given must hold.
type HTTPOptions struct {
	URL         string            // http or https, without user and password
	Status      []int             // any of these; none: 200 to 299
	Contains    string            // the body contains it
	JSON        string            // a comparison: data.items[0].rate < 0.5
	Headers     map[string]string // none that carries a secret
	HeaderFiles map[string]string // header → file with its value, private to its owner
	TokenFile   string            // file with the bearer token
	CAFile      string            // PEM; instead of the machine's authorities
	ServerName  string            // expected in the certificate, if it is not the host of the URL
	Timeout     time.Duration     // 0: 10s; the runner's time-out holds besides
	// Proxy chooses a proxy as in net/http; nil: none.
	Proxy func(*http.Request) (*url.URL, error)
}

type httpGate struct {
	o      HTTPOptions
	host   string
	check  *check
	client *http.Client
}

var _ Gate = (*httpGate)(nil)

// HTTP makes a gate of a GET request. All that is wrong with the options is reported at once. The gate keeps
// no connection, reads at most 1 MiB, and follows three redirects at most and none to another host.
func HTTP(o HTTPOptions) (Gate, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultWithin
	}
	g := &httpGate{o: o}
	pool, poolErr := authorities(o.CAFile)
	err := errors.Join(g.parseURL(), g.parseCheck(), refuseOpenSecrets(o.Headers), badStatus(o.Status), poolErr)
	if err != nil {
		return nil, err
	}
	g.client = &http.Client{
		CheckRedirect: stay,
		Transport: &http.Transport{
			Proxy:                  o.Proxy,
			DisableKeepAlives:      true, // each question also asks whether one can still connect
			MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig:        &tls.Config{RootCAs: pool, ServerName: o.ServerName, MinVersion: tls.VersionTLS12},
		},
	}
	return g, nil
}

func (g *httpGate) parseURL() error {
	u, err := url.Parse(g.o.URL)
	switch {
	case err != nil:
		return errors.New("the URL cannot be understood") // the error would quote it, and it may hold a secret
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the URL begins with %q: only http and https can be asked", u.Scheme)
	case u.Hostname() == "":
		return errors.New("the URL names no host")
	case u.User != nil:
		return errors.New("the URL has a user or password: put a token into a file and name it as token_file")
	}
	g.host = u.Host
	return nil
}

func (g *httpGate) parseCheck() error {
	if g.o.JSON == "" {
		return nil
	}
	c, err := parseCheck(g.o.JSON)
	g.check = &c
	return err
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

func badStatus(status []int) error {
	for _, s := range status {
		if s < 100 || s > 599 {
			return fmt.Errorf("the status %d does not exist", s)
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
	case first.Host != next.URL.Host:
		return fmt.Errorf("redirected to another host, %s", next.URL.Host)
	case first.Scheme != next.URL.Scheme && !upgraded:
		return fmt.Errorf("redirected from %s to %s", first.Scheme, next.URL.Scheme)
	}
	return nil
}

// Ask gets the page and judges it.
func (g *httpGate) Ask(ctx context.Context) engine.GateAnswer {
	ctx, cancel := context.WithTimeout(ctx, g.o.Timeout)
	defer cancel()
	request, secrets, err := g.request(ctx)
	if err != nil {
		return shown(no("%v", err), secrets...)
	}
	began := time.Now()
	response, err := g.client.Do(request)
	if err != nil {
		return shown(no("asking %s: %v", g.host, reason(err, began)), secrets...)
	}
	defer response.Body.Close()
	return shown(g.judge(response, began, secrets), secrets...)
}

// request carries its secrets in headers only, and returns them so that they can be kept out of the text.
func (g *httpGate) request(ctx context.Context) (*http.Request, []Secret, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.o.URL, nil)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be asked")
	}
	request.Header.Set("User-Agent", "chaoscat")
	for name, value := range g.o.Headers {
		setHeader(request, name, value)
	}
	var secrets []Secret
	for name, path := range g.o.HeaderFiles {
		secret, err := ReadSecret(path)
		if err != nil {
			return nil, secrets, err
		}
		setHeader(request, name, string(secret))
		secrets = append(secrets, secret)
	}
	if g.o.TokenFile != "" {
		token, err := ReadSecret(g.o.TokenFile)
		if err != nil {
			return nil, secrets, err
		}
		request.Header.Set("Authorization", "Bearer "+string(token))
		secrets = append(secrets, token)
	}
	return request, secrets, nil
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
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("no answer within %s", time.Since(began).Round(100*time.Millisecond))
	}
	return err
}

// judge reads all of the body whatever is expected of it: a server that cannot finish its page is not well.
func (g *httpGate) judge(response *http.Response, began time.Time, secrets []Secret) engine.GateAnswer {
	if !g.expected(response.StatusCode) {
		return no("%s answers with status %d, wanted %s%s", g.host, response.StatusCode, g.wanted(), hint(response.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return no("%s broke off in the middle of its answer", g.host)
	case err != nil:
		return no("%s began to answer and did not finish: %v", g.host, reason(err, began))
	case len(body) > maxBody:
		return no("the answer of %s is larger than 1 MiB", g.host)
	case g.o.Contains != "" && !strings.Contains(string(body), g.o.Contains):
		return no("the answer of %s does not contain %q", g.host, short(g.o.Contains))
	case g.check != nil:
		return g.check.on(body, func(text string) string { return hide(text, secrets) })
	case g.o.Contains != "":
		return yes("status %d, contains %q", response.StatusCode, short(g.o.Contains))
	}
	return yes("status %d", response.StatusCode)
}

func (g *httpGate) expected(status int) bool {
	if len(g.o.Status) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(g.o.Status, status)
}

func (g *httpGate) wanted() string {
	if len(g.o.Status) == 0 {
		return "200-299"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(g.o.Status), " ", " or "), "[]")
}

func hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": check the token file"
	case http.StatusTooManyRequests:
		return ": it is asked too often, choose a longer interval"
	}
	return ""
}
