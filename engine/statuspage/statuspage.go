// Package statuspage reads a status page in Atlassian's format, of a supplier or of one's own: how bad things are
// altogether, and how single components are.
//
//	gate, err := statuspage.New(statuspage.Options{
//		Web:        web.Options{URL: "https://status.example"},
//		Components: []string{"API", "Management Portal"},
//	})
//
// A component that the page does not have is not healthy: it may have been renamed. The causes of a no are components,
// and, where the page as a whole is worse than it may be, the open incidents besides.
package statuspage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/health"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Indicators are what a page says of the whole, the best first.
func Indicators() []string { return []string{"none", "minor", "major", "critical"} }

// Options say what must be well.
type Options struct {
	Web        web.Options // without /api/v2
	Indicator  string      // the worst of the whole that is still healthy; "": "none", or any where components are named
	Components []string    // by name or id: each must be operational
}

type gate struct {
	o      Options
	client *web.Client
}

var _ health.Gate = (*gate)(nil)

// New makes the gate. All that is wrong with the options is reported at once.
func New(o Options) (health.Gate, error) {
	client, err := web.New(o.Web)
	var wrong error
	if o.Indicator != "" && !slices.Contains(Indicators(), o.Indicator) {
		wrong = fmt.Errorf("%q is no indicator: it must be one of %s", o.Indicator, strings.Join(Indicators(), ", "))
	}
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	if o.Indicator == "" && len(o.Components) == 0 {
		o.Indicator = "none"
	}
	return &gate{o: o, client: client}, nil
}

// summary is the answer of /api/v2/summary.json.
type summary struct {
	Page   struct{ ID string }
	Status struct {
		Indicator   string
		Description string
	}
	Components []component
	Incidents  []struct{ Name string } // those that are not over
}

type component struct{ ID, Name, Status string }

const operational = "operational"

// Ask reads the page.
func (g *gate) Ask(ctx context.Context) engine.GateAnswer {
	var s summary
	a, err := g.client.Decode(ctx, web.Request{Path: "/api/v2/summary.json"}, &s)
	switch {
	case err != nil:
		return health.No("%v", err)
	case s.Page.ID == "" || s.Status.Indicator == "" || s.Components == nil:
		return health.No("the answer of %s is no summary of a status page", g.client.Host())
	}
	return health.Hidden(g.judge(s), a.Hide)
}

func (g *gate) judge(s summary) engine.GateAnswer {
	bad, gone := g.named(s.Components)
	switch {
	case gone != "":
		return health.No("the page has no component %q; %s", gone, s.suggest(gone))
	case g.tooBad(s.Status.Indicator):
		return health.Blame(s.culprits(), "indicator %s, wanted %s: %s", s.Status.Indicator, g.wanted(), s.Status.Description)
	case len(bad) > 0:
		return health.Blame(names(bad), "%s is %s, wanted %s%s", bad[0].Name, bad[0].Status, operational, others(len(bad)-1))
	case len(g.o.Components) > 0:
		return health.Yes("%s: %s", strings.Join(g.o.Components, ", "), operational)
	}
	return health.Yes("indicator %s: %s", s.Status.Indicator, s.Status.Description)
}

// named are those of the named components that do not work, and the first name that the page does not have. A name may
// be there several times, in several groups.
func (g *gate) named(all []component) (bad []component, gone string) {
	for _, name := range g.o.Components {
		found := false
		for _, c := range all {
			if c.Name != name && c.ID != name {
				continue
			}
			if found = true; c.Status != operational {
				bad = append(bad, c)
			}
		}
		if !found {
			return nil, name
		}
	}
	return bad, ""
}

// mostNamed is how many components are listed for whoever got a name wrong.
const mostNamed = 10

// suggest is what may have been meant.
func (s summary) suggest(gone string) string {
	all := names(s.Components)
	for _, name := range all {
		if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(gone)) {
			return fmt.Sprintf("did you mean %q?", name)
		}
	}
	if len(all) == 0 {
		return "it has none at all"
	}
	listed := all[:min(len(all), mostNamed)]
	return "it has " + strings.Join(listed, ", ") + others(len(all)-len(listed))
}

// tooBad takes an indicator that the documents do not have for the worst.
func (g *gate) tooBad(indicator string) bool {
	if g.o.Indicator == "" {
		return false
	}
	at := slices.Index(Indicators(), indicator)
	return at < 0 || at > slices.Index(Indicators(), g.o.Indicator)
}

func (g *gate) wanted() string {
	if g.o.Indicator == "none" {
		return "none"
	}
	return g.o.Indicator + " at most"
}

// culprits are all that may have made the page as bad as it is.
func (s summary) culprits() []string {
	list := names(slices.DeleteFunc(slices.Clone(s.Components), func(c component) bool { return c.Status == operational }))
	for _, i := range s.Incidents {
		list = append(list, i.Name)
	}
	return list
}

func names(list []component) (n []string) {
	for _, c := range list {
		n = append(n, c.Name)
	}
	return n
}

func others(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}
