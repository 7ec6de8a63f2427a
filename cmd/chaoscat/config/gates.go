package config

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/alertmanager"
	"github.com/chaoscat/chaoscat/engine/calendar"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/prometheus"
	"github.com/chaoscat/chaoscat/engine/statuspage"
	asking "github.com/chaoscat/chaoscat/engine/web"
)

// GateType is the way a gate is asked.
type GateType string

// The ways of this version.
const (
	HTTPGate         GateType = "http"
	CommandGate      GateType = "command"
	PrometheusGate   GateType = "prometheus"
	AlertmanagerGate GateType = "alertmanager"
	StatuspageGate   GateType = "statuspage"
	IcalGate         GateType = "ical"
	PagerDutyGate    GateType = "pagerduty"
)

// Gate is one outside system that is asked, with the engine's rules for it. Of the fields below Web, those of its type
// mean something; none of them has the Web in it, nor does Web have a clock.
type Gate struct {
	engine.Gate
	Type         GateType
	Web          asking.Options // of whatever is asked over HTTP
	HTTP         health.HTTPOptions
	Prometheus   prometheus.Options
	Alertmanager alertmanager.Options
	Statuspage   statuspage.Options
	Command      health.CommandOptions
	Calendar     calendar.Options
	PagerDuty    PagerDutyQuestion
	Zone         *time.Location // of the calendar's whole days: the schedule's
	Host         string         // where the command is run, over SSH; "" is here
	Key          string         // health[0] or oncall

	program string // of the command, as it is written
	empty   string
}

func defaultGate(kind engine.GateKind, name string) Gate {
	return Gate{
		Gate:  engine.Gate{Name: name, Kind: kind, Interval: 15 * time.Second, Timeout: 5 * time.Second, HealthyAfter: 1},
		Web:   asking.Options{MaxBody: 1 << 20, StaleAfter: 5 * time.Minute},
		empty: "unhealthy",
	}
}

func blankHealth(i int) Gate {
	g := defaultGate(engine.Health, "")
	g.Key = fmt.Sprintf("health[%d]", i)
	return g
}

// gateKeys are those of a [[health]] or of the [oncall], which not every type can be.
func gateKeys(g *Gate) []key {
	types := []GateType{HTTPGate, CommandGate, PrometheusGate, AlertmanagerGate, StatuspageGate, PagerDutyGate}
	if g.Kind == engine.OnCall {
		types = []GateType{HTTPGate, CommandGate, IcalGate, PagerDutyGate}
	}
	kind := oneOf(&g.Type, types...)
	keys := slices.Concat([]key{
		entry("type", kind, "what is asked, and how").required(),
		entry("name", text(&g.Name, empty, longerThan(64)), "unique among all gates; otherwise health, health-2, ... or oncall"),
		entry("interval", span(&g.Interval, time.Second, time.Hour), "how often it is asked anyway"),
		entry("timeout", span(&g.Timeout, 100*time.Millisecond, time.Minute), "no answer by then is a bad answer"),
		entry("healthy_after", whole(&g.HealthyAfter, 1, 1000), "good answers in a row that make it well; after a bad one two at least"),
	}, webKeys(&g.Web), []key{
		entry("status", statuses(&g.HTTP.Status), "statuses that are well; otherwise 200 to 299").only(string(HTTPGate)),
		entry("contains", text(&g.HTTP.Contains, empty), "what the body must contain").only(string(HTTPGate)),
		entry("json", text(&g.HTTP.JSON, badComparison), "a comparison that must hold in the body: data.items[0].rate < 0.5").only(string(HTTPGate)),
		entry("query", text(&g.Prometheus.Query, empty), "PromQL that brings a vector or a scalar").only(string(PrometheusGate)).required(),
		entry("healthy", text(&g.Prometheus.Healthy, badLimit), "a comparison that must hold for each sample: value < 0.01").only(string(PrometheusGate)).required(),
		entry("empty", oneOf(&g.empty, "unhealthy", "healthy"), "what a query is that brings nothing").only(string(PrometheusGate)),
		entry("matchers", texts(&g.Alertmanager.Matchers, "matchers", badMatcher), "the alerts that count, as Alertmanager writes them; all must match; otherwise every alert counts").only(string(AlertmanagerGate)),
		entry("watchdog", text(&g.Alertmanager.Watchdog, empty, longerThan(128)), "an alert that always fires and does not count; without it nothing is well").only(string(AlertmanagerGate)),
		entry("indicator", oneOf(&g.Statuspage.Indicator, statuspage.Indicators()...), "the worst of the whole page that is still well; otherwise none, or any where components are named").only(string(StatuspageGate)),
		entry("components", texts(&g.Statuspage.Components, "components", empty, longerThan(255)), "names or ids of what must be operational").only(string(StatuspageGate)),
		entry("command", gateCommand(g), "a program with its arguments; exit 0 is well").only(string(CommandGate)).required(),
		entry("calendar", oneCalendar(&g.Calendar), "whose events are who is on call then").only(string(IcalGate)).required(),
		entry("host", text(&g.Host, empty, longerThan(253)), "run it on this host of the inventory, over SSH").only(string(CommandGate)),
	}, pagerDutyGateKeys(g))
	return slices.DeleteFunc(keys, func(k key) bool {
		return len(k.of) > 0 && !slices.ContainsFunc(k.of, func(t string) bool { return slices.Contains(kind.choices, t) })
	})
}

// webKeys are those of every gate that is asked over HTTP.
func webKeys(o *asking.Options) []key {
	keys := []key{
		entry("url", web(&o.URL), "http: asked by GET; others: what comes before /api").required(),
		entry("token_file", file(&o.TokenFile, secret), "a bearer token, readable by its owner alone"),
		entry("header_files", headerFiles(&o.HeaderFiles), "headers whose values are secrets, each in a file"),
		entry("headers", headers(&o.Headers), "headers whose values are no secrets"),
		entry("ca_file", file(&o.CAFile, readable), "PEM file of the authorities to trust"),
		entry("server_name", text(&o.ServerName, empty), "expected in the certificate instead of the URL's host"),
		entry("cert_file", file(&o.CertFile, readable), "PEM file of the certificate that says who we are"),
		entry("key_file", file(&o.KeyFile, secret), "its key, readable by its owner alone"),
		entry("max_body", whole(&o.MaxBody, 1<<10, 64<<20), "bytes of an answer; a larger one is a bad one"),
		entry("stale_after", span(&o.StaleAfter, time.Second, 24*time.Hour), "an answer that is older, by what it says itself, is a bad one"),
	}
	for i := range keys {
		keys[i] = keys[i].only(string(HTTPGate), string(PrometheusGate), string(AlertmanagerGate), string(StatuspageGate))
	}
	return keys
}

// gateCommand remembers how the program was written: on another host, paths from here mean nothing.
func gateCommand(g *Gate) value {
	v := command(&g.Command.Argv)
	here := v.take
	v.take = func(r *reading, at spot, x any) {
		here(r, at, x)
		if list, ok := x.([]any); ok && len(list) > 0 {
			g.program, _ = list[0].(string)
		}
	}
	return v
}

// checkGate reports what is wrong between the keys of one gate, and fills in what follows from them.
func (r *reading) checkGate(g *Gate) {
	g.Web.Timeout, g.Command.Timeout, g.Command.OnCall = g.Timeout, g.Timeout, g.Kind == engine.OnCall
	g.Prometheus.Empty = g.empty == "healthy"
	if (g.Web.CertFile == "") != (g.Web.KeyFile == "") {
		written := r.root.find(g.Key).under
		if written["cert_file"] == nil {
			r.wrong(r.at(g.Key+".key_file"), "is the key of no certificate").Hint = "name the certificate as cert_file"
		} else if written["key_file"] == nil {
			r.wrong(r.at(g.Key+".cert_file"), "is a certificate without its key").Hint = "name its key as key_file"
		}
	}
	if g.Host == "" || len(g.Command.Argv) == 0 {
		return
	}
	if strings.Contains(g.program, "/") && !filepath.IsAbs(g.program) {
		r.wrong(r.at(g.Key+".command"), "%s is a relative path, and the command is run on %s", show(g.program), show(g.Host)).Hint = "write it from / on, as it is there"
	}
	g.Command.Argv[0] = g.program
	if slices.ContainsFunc(g.Command.Argv, func(arg string) bool { return strings.Contains(arg, "!") }) {
		r.wrong(r.at(g.Key+".command"), `has a "!", which not every login shell of another host leaves alone`).Hint = "put it into a script there"
	}
}

func badLimit(s string) string {
	if _, err := health.ParseLimit(s); err != nil {
		return "is no comparison of a value with a number; write it like value < 0.01"
	}
	return ""
}

func badMatcher(s string) string {
	if alertmanager.CheckMatcher(s) != nil {
		return "is no matcher; write it like severity=\"critical\" or team=~\"core|edge\""
	}
	return ""
}

// badPattern complains about what path.Match could not match, as the core does.
func badPattern(s string) string {
	if _, err := path.Match(s, ""); err != nil {
		return "is no pattern; write it like HighLatency*"
	}
	return ""
}

// web takes an address that is asked over HTTP.
func web(into *string) value {
	return value{kind: "a URL", take: func(r *reading, at spot, v any) {
		s, ok := v.(string)
		if !ok {
			r.wrongType(at, "a URL in quotes", v)
			return
		}
		if r.refused(at, s, unprintable) {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" && (u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https"):
			r.wrong(at, "%s is not a URL", show(s)).Hint = `write it like "https://status.example.com/health"`
		case u.Scheme != "http" && u.Scheme != "https":
			r.wrong(at, "%s is asked by %s; only http and https are", show(s), strconv.Quote(u.Scheme))
		case u.User != nil:
			r.wrong(at, "has a user name or password in it").Hint = "put a token into a file and name it as token_file"
		default:
			*into = s
		}
	}}
}

// statuses takes one HTTP status or a list of them.
func statuses(into *[]int) value {
	return value{kind: "a number or a list of numbers", take: func(r *reading, at spot, v any) {
		items, ok := v.([]any)
		if !ok {
			if n, ok := r.number(at, v, 100, 599); ok {
				*into = []int{int(n)}
			}
			return
		}
		if len(items) == 0 {
			r.wrong(at, "the list is empty").Hint = "leave the key out, or name a status"
			return
		}
		*into = nil
		for i, item := range items {
			if n, ok := r.number(at.item(i), item, 100, 599); ok {
				*into = append(*into, int(n))
			}
		}
	}}
}

// badComparison complains about what the health package could not compare.
func badComparison(s string) string {
	why := refusedBy(health.HTTPOptions{JSON: s})
	if why == "" {
		return ""
	}
	if m := assignment.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("has no comparison: a value is compared with two of them: %s == %s", m[1], m[2])
	}
	_, after, _ := strings.Cut(why, strconv.Quote(s)) // it is said already
	if after, is := strings.CutPrefix(after, ": "); is {
		return "is no comparison: " + after
	}
	return strings.TrimSpace(after)
}

// assignment is a comparison with one "=".
var assignment = regexp.MustCompile(`^([^=!<>]+?)\s*=\s*([^=!<>]+)$`)

// refusedBy asks the one who will use the options; everything not under question is right.
func refusedBy(o health.HTTPOptions) string {
	o.Web.URL = "http://localhost"
	_, err := health.HTTP(o)
	if err == nil {
		return ""
	}
	return "is refused: " + err.Error()
}

// headers takes HTTP headers that carry no secret.
func headers(into *map[string]string) value {
	return byHeader(into, "a string in quotes", func(r *reading, at spot, name, s string) (string, bool) {
		if r.refused(at, s, unprintable) {
			return "", false
		}
		if why := refusedBy(health.HTTPOptions{Web: asking.Options{Headers: map[string]string{name: s}}}); why != "" {
			r.wrong(at, "%s", why).Hint = "write its path under header_files, or a bearer token's as token_file"
			return "", false
		}
		return s, true
	})
}

// headerFiles takes HTTP headers whose values are in files, because they are secrets.
func headerFiles(into *map[string]string) value {
	return byHeader(into, "a path in quotes", func(r *reading, at spot, _, s string) (string, bool) { return r.path(at, s, secret) })
}

func byHeader(into *map[string]string, what string, accept func(r *reading, at spot, name, s string) (string, bool)) value {
	return value{kind: "a table of strings", take: func(r *reading, at spot, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.wrongType(at, `a table: { "X-Name" = "value" }`, v)
			return
		}
		*into = make(map[string]string, len(m))
		for name, x := range m {
			here := at.key(name)
			s, ok := x.(string)
			if !ok {
				r.wrongType(here, what, x)
			} else if !r.refused(here, name, mustMatch(headerName, "the name of a header")) {
				if s, ok = accept(r, here, name, s); ok {
					(*into)[name] = s
				}
			}
		}
	}}
}
