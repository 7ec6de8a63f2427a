// Package alertmanager asks an Alertmanager whether an alert fires that nobody has silenced and no other alert inhibits.
//
//	gate, err := alertmanager.New(alertmanager.Options{
//		Web:      web.Options{URL: "https://alertmanager.example"},
//		Matchers: []string{`severity="critical"`, `team=~"core|edge"`},
//	})
//
// The causes of a no are the names of the alerts. An Alertmanager that nobody tells of alerts has none: name one that
// always fires as Watchdog, and without it the gate says no.
package alertmanager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Options say which alerts count.
type Options struct {
	Web      web.Options // without /api/v2
	Matchers []string    // as Alertmanager writes them; all must hold; none: every alert
	Watchdog string      // the name of an alert that always fires, and does not count; "" is none
}

type gate struct {
	o      Options
	client *web.Client
}

var _ health.Gate = (*gate)(nil)

// New makes the gate. All that is wrong with the options is reported at once.
func New(o Options) (health.Gate, error) {
	client, err := web.New(o.Web)
	wrong := []error{err}
	for _, m := range o.Matchers {
		wrong = append(wrong, CheckMatcher(m))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return &gate{o: o, client: client}, nil
}

var matcher = regexp.MustCompile(`^\s*[a-zA-Z_][a-zA-Z0-9_]*\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"\s{},]*)\s*$`)

// CheckMatcher is what is wrong with a matcher.
func CheckMatcher(s string) error {
	m := matcher.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf(`%q is no matcher: write it like severity="critical" or team=~"core|edge"`, s)
	}
	value := m[2]
	if text, err := strconv.Unquote(value); err == nil {
		value = text
	}
	if _, err := regexp.Compile(value); err != nil && m[1][len(m[1])-1] == '~' {
		return fmt.Errorf("the matcher %s: %w", s, err)
	}
	return nil
}

// alert is one of /api/v2/alerts.
type alert struct {
	Labels map[string]string
	Status struct {
		State       string
		SilencedBy  []string
		InhibitedBy []string
	}
}

func (a alert) name() string { return a.Labels["alertname"] }

// suppressed alerts are not asked for, and do not count if they come nevertheless.
func (a alert) suppressed() bool {
	return a.Status.State == "suppressed" && len(a.Status.SilencedBy)+len(a.Status.InhibitedBy) > 0
}

// Ask looks for the watchdog, then for every alert that counts.
func (g *gate) Ask(ctx context.Context) engine.GateAnswer {
	if g.o.Watchdog != "" {
		there, a, err := g.alerts(ctx, true, "alertname="+strconv.Quote(g.o.Watchdog))
		if err != nil {
			return health.No("%v", err)
		}
		if len(there) == 0 {
			return health.Hidden(health.No("%s does not fire, so alerts may not reach %s", g.o.Watchdog, g.client.Host()), a.Hide)
		}
	}
	firing, a, err := g.alerts(ctx, false, g.o.Matchers...)
	if err != nil {
		return health.No("%v", err)
	}
	return health.Hidden(g.judge(firing), a.Hide)
}

// alerts that Alertmanager has not worked on yet fire too.
func (g *gate) alerts(ctx context.Context, suppressed bool, matchers ...string) ([]alert, web.Answer, error) {
	also := strconv.FormatBool(suppressed)
	query := url.Values{"active": {"true"}, "unprocessed": {"true"}, "silenced": {also}, "inhibited": {also}}
	if len(matchers) > 0 {
		query["filter"] = matchers
	}
	var list []alert
	a, err := g.client.Decode(ctx, web.Request{Path: "/api/v2/alerts", Query: query}, &list)
	if err == nil && list == nil {
		err = fmt.Errorf("the answer of %s is no list of alerts", g.client.Host())
	}
	return list, a, err
}

func (g *gate) judge(list []alert) engine.GateAnswer {
	var firing []string
	for _, a := range list {
		if !a.suppressed() && (a.name() == "" || a.name() != g.o.Watchdog) {
			firing = append(firing, a.name())
		}
	}
	if len(firing) == 0 {
		return health.Yes("no alert fires")
	}
	return health.Blame(firing, "%s: %s", counted(firing), named(firing))
}

// named are the first of the alerts, each once.
func named(firing []string) string {
	const most = 5
	var names []string
	for _, name := range firing {
		name = cmp.Or(name, "one without a name")
		if slices.Contains(names, name) {
			continue
		}
		if len(names) == most {
			return strings.Join(names, ", ") + ", ..."
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func counted(firing []string) string {
	if len(firing) == 1 {
		return "1 alert fires"
	}
	return fmt.Sprintf("%d alerts fire", len(firing))
}
