package health

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
)

// HTTPOptions says what to ask and what answer is healthy. All conditions that are given must hold.
type HTTPOptions struct {
	Web      web.Options
	Status   []int  // any of these; none: 200 to 299
	Contains string // the body contains it
	JSON     string // a comparison: data.items[0].rate < 0.5
}

type httpGate struct {
	o      HTTPOptions
	check  *check
	client *web.Client
}

var _ Gate = (*httpGate)(nil)

// HTTP makes a gate of a GET request. All that is wrong with the options is reported at once.
func HTTP(o HTTPOptions) (Gate, error) {
	g := &httpGate{o: o}
	client, err := web.New(o.Web)
	if err := errors.Join(err, g.parseCheck(), badStatus(o.Status)); err != nil {
		return nil, err
	}
	g.client = client
	return g, nil
}

func (g *httpGate) parseCheck() error {
	if g.o.JSON == "" {
		return nil
	}
	c, err := parseCheck(g.o.JSON)
	g.check = &c
	return err
}

func badStatus(status []int) error {
	for _, s := range status {
		if s < 100 || s > 599 {
			return fmt.Errorf("the status %d does not exist", s)
		}
	}
	return nil
}

// Ask gets the page and judges it. All of the body is read whatever is expected of it: a server that cannot finish its
// page is not well.
func (g *httpGate) Ask(ctx context.Context) engine.GateAnswer {
	a, err := g.client.Do(ctx, web.Request{})
	if err != nil {
		return shown(No("%v", err))
	}
	return Hidden(g.judge(a), a.Hide)
}

// path is what is asked for, without the slashes at its ends.
func (g *httpGate) path() string {
	u, err := url.Parse(g.o.Web.URL)
	if err != nil {
		return "" // refused when the gate was made
	}
	return strings.Trim(u.Path, "/")
}

func (g *httpGate) judge(a web.Answer) engine.GateAnswer {
	host := g.client.Host()
	switch {
	case !g.expected(a.Status):
		return No("%s answers with status %d, wanted %s%s", host, a.Status, g.wanted(), web.Hint(a.Status))
	case g.o.Contains != "" && !strings.Contains(string(a.Body), g.o.Contains):
		return No("the answer of %s does not contain %q", host, short(g.o.Contains))
	case g.check != nil:
		return g.check.on(a.Body, a.Hide)
	case g.o.Contains != "":
		return Yes("status %d, contains %q", a.Status, short(g.o.Contains))
	}
	if strings.Trim(a.Path, "/") != g.path() { // it may be the page where one logs in; only contains or json can tell
		return Yes("status %d, redirected to %s", a.Status, short(a.Path))
	}
	return Yes("status %d", a.Status)
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
