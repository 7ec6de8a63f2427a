// Package prometheus asks a Prometheus, or whatever speaks its query API, whether a figure is within its limit. One
// instant query is sent; each sample of the answer must hold. What cannot be judged is not healthy: a query that brings
// nothing (a target that is gone has no error rate either), a value that is no number, an answer that is old, or one
// with warnings, as a partial one has.
//
//	gate, err := prometheus.New(prometheus.Options{
//		Web:     web.Options{URL: "https://prometheus.example"},
//		Query:   `sum by (job) (rate(errors_total[5m]))`,
//		Healthy: "value < 0.01",
//	})
//
// The causes of a no are the series beyond the limit, as Prometheus writes them: up{instance="a:9100",job="node"}.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/printable"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Options say what is asked and what is healthy.
type Options struct {
	Web     web.Options // without /api/v1; StaleAfter holds for the samples besides
	Query   string      // PromQL
	Healthy string      // "value < 0.01"
	Empty   bool        // a query that brings nothing is healthy
}

type gate struct {
	o      Options
	limit  health.Limit
	client *web.Client
}

var _ health.Gate = (*gate)(nil)

// New makes the gate. All that is wrong with the options is reported at once.
func New(o Options) (health.Gate, error) {
	client, err := web.New(o.Web)
	limit, limitErr := health.ParseLimit(o.Healthy)
	var queryErr error
	if strings.TrimSpace(o.Query) == "" {
		queryErr = errors.New("the query is empty")
	}
	if err := errors.Join(err, queryErr, limitErr); err != nil {
		return nil, err
	}
	return &gate{o: o, limit: limit, client: client}, nil
}

// reply is the answer of /api/v1/query.
type reply struct {
	Status   string
	Error    string
	Warnings []string
	// IsPartial is how VictoriaMetrics says that some of its storage did not answer.
	IsPartial bool
	Data      struct {
		ResultType string
		Result     json.RawMessage
	}
}

// Ask sends the query and judges what comes back.
func (g *gate) Ask(ctx context.Context) engine.GateAnswer {
	query := url.Values{"query": {g.o.Query}}
	if within := g.o.Web.Timeout; within > 0 { // what nobody would wait for need not be worked out
		query.Set("timeout", strconv.FormatInt(within.Milliseconds(), 10)+"ms")
	}
	var r reply
	a, err := g.client.Decode(ctx, web.Request{Path: "/api/v1/query", Query: query}, &r)
	if refused, is := errors.AsType[*web.StatusError](err); is {
		return health.No("%v", inItsWords(*refused))
	}
	if err != nil {
		return health.No("%v", err)
	}
	samples, err := r.samples()
	if err != nil {
		return health.Hidden(health.No("%s %v", g.client.Host(), err), a.Hide)
	}
	return health.Hidden(g.judge(samples), a.Hide)
}

// inItsWords leaves of a refusal what Prometheus says is wrong. A long one has been cut, and stays as it is.
func inItsWords(refused web.StatusError) error {
	var r reply
	if json.Unmarshal([]byte(refused.Text), &r) == nil && r.Error != "" {
		refused.Text = printable.Printable(r.Error)
	}
	return &refused
}

// samples are those of an answer that is whole.
func (r reply) samples() ([]sample, error) {
	switch {
	case r.Status != "success":
		return nil, fmt.Errorf("answers the query with %q: %s", r.Status, r.Error)
	case r.IsPartial:
		return nil, errors.New("says that its answer is partial: some of its storage did not answer")
	case len(r.Warnings) > 0:
		return nil, fmt.Errorf("warns, so its answer may be half of the truth: %s", r.Warnings[0])
	}
	switch r.Data.ResultType {
	case "vector":
		var list []sample
		if err := json.Unmarshal(r.Data.Result, &list); err != nil || list == nil {
			return nil, errors.New("answers with a vector that is none")
		}
		return list, nil
	case "scalar":
		var one sample
		if err := json.Unmarshal(r.Data.Result, &one.Value); err != nil {
			return nil, errors.New("answers with a scalar that is none")
		}
		return []sample{one}, nil
	}
	return nil, fmt.Errorf("answers with a result of type %q: write a query that brings a vector or a scalar", r.Data.ResultType)
}

// sample is one value with its series; that of a scalar has no labels.
type sample struct {
	Metric map[string]string
	Value  point
}

// point is a time and a value as Prometheus writes them: [1435781451.781, "1"]. A histogram has none.
type point struct {
	at    float64
	value float64
	there bool
}

// UnmarshalJSON takes exactly that.
func (p *point) UnmarshalJSON(text []byte) error {
	var pair []json.RawMessage
	var value string
	if err := json.Unmarshal(text, &pair); err != nil || len(pair) != 2 {
		return errors.New("a point is a time and a value")
	}
	err := errors.Join(json.Unmarshal(pair[0], &p.at), json.Unmarshal(pair[1], &value))
	if err != nil {
		return err
	}
	p.value, err = strconv.ParseFloat(value, 64)
	p.there = err == nil
	return err
}

func (g *gate) judge(samples []sample) engine.GateAnswer {
	if len(samples) == 0 {
		if g.o.Empty {
			return health.Yes("the query brings nothing, as it should")
		}
		return health.No("the query brings nothing: its series are gone, or never were")
	}
	worst, beyond, nameless := samples[0], []string(nil), false
	for _, s := range samples {
		if err := g.unfit(s); err != nil {
			return health.No("%s: %v", s.series(), err)
		}
		if !g.limit.Holds(s.Value.value) {
			beyond, nameless = append(beyond, s.series()), nameless || len(s.Metric) == 0
		}
		if g.worse(s, worst) {
			worst = s
		}
	}
	if len(beyond) == 0 {
		return health.Yes("value %s %s%s", worst.Value, g.limit, of(worst, len(samples)))
	}
	text := fmt.Sprintf("value %s, wanted %s%s", worst.Value, g.limit, of(worst, len(beyond)))
	if nameless { // a sum without labels may be of anything
		return health.No("%s", text)
	}
	return health.Blame(beyond, "%s", text)
}

// unfit is why a sample cannot be judged.
func (g *gate) unfit(s sample) error {
	if !s.Value.there {
		return errors.New("has no value; a histogram cannot be compared")
	}
	if stale := g.o.Web.StaleAfter; stale > 0 {
		at := time.UnixMilli(int64(math.Max(0, math.Min(s.Value.at, 1<<40)) * 1000))
		if away := g.o.Web.Now().Sub(at).Abs(); away > stale {
			return fmt.Errorf("the sample is %s away from our clock, stale after %s", away.Round(time.Second), stale)
		}
	}
	return nil
}

func (g *gate) worse(a, b sample) bool {
	return g.limit.Excess(a.Value.value) > g.limit.Excess(b.Value.value)
}

func (p point) String() string { return strconv.FormatFloat(p.value, 'g', 6, 64) }

// of names the worst series, and how many others there are.
func of(worst sample, all int) string {
	text := ""
	if len(worst.Metric) > 0 {
		text = ": " + worst.series()
	}
	if all > 1 {
		text += fmt.Sprintf(" and %d more", all-1)
	}
	return text
}

// series is the name with the labels, as Prometheus writes them.
func (s sample) series() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.Metric)) {
		if name != "__name__" {
			labels = append(labels, name+"="+strconv.Quote(s.Metric[name]))
		}
	}
	return s.Metric["__name__"] + "{" + strings.Join(labels, ",") + "}"
}
