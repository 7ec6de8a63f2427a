package engine_test

import (
	"testing"
	"time"

	"github.com/chaoscat/chaoscat/engine"
)

// Who pauses means that less is attacked, never more.
func TestNobodyEndsThePauseOrTheExclusionOfSomebodyElseByAShorterOne(t *testing.T) {
	for name, c := range map[string]struct {
		first, second time.Duration // 0: for good
		by            string
		want          time.Duration
	}{
		"a shorter one beside one for good":   {0, 2 * time.Minute, "bob", 0},
		"a shorter one beside a longer one":   {time.Hour, 2 * time.Minute, "bob", time.Hour},
		"a longer one beside a shorter one":   {time.Minute, time.Hour, "bob", time.Hour},
		"one for good beside a shorter one":   {time.Minute, 0, "bob", 0},
		"a shorter one of the same person":    {time.Hour, 2 * time.Minute, "ada", 2 * time.Minute},
		"one of the same length, a bit later": {time.Hour, time.Hour, "bob", time.Hour},
	} {
		w := armed(t)
		host := w.plan.Roster.At(0).Name
		for i, kind := range []engine.OrderKind{engine.PauseIt, engine.Exclude} {
			first := order(name+"1"+string(kind), kind)
			first.Order.By, first.Order.For, first.Order.Host = "ada", c.first, host
			second := order(name+"2"+string(kind), kind)
			second.Order.By, second.Order.For, second.Order.Host = c.by, c.second, host
			w.happen(first)
			w.happen(second)
			until := w.state.Excluded[host].Until
			if i == 0 {
				until = w.state.Paused.Until
			}
			want := time.Time{}
			if c.want > 0 {
				want = w.now.Add(c.want)
			}
			if !until.Equal(want) {
				t.Errorf("%s: %s until %v, not %v", name, kind, until, want)
			}
		}
	}
}
