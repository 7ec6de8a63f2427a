package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestAGroupIsAskedForOnceAMinuteAndSoonerAfterAFailure(t *testing.T) {
	now, asked, fail := time.Unix(0, 0), 0, error(nil)
	g := &groups{ids: []string{"S1", "S2"}, now: func() time.Time { return now }, ask: func(_ context.Context, id string) ([]string, error) {
		asked++
		return []string{"U" + id}, fail
	}}
	ask := func(after time.Duration, user string, times int, want ...string) {
		t.Helper()
		now, asked = now.Add(after), 0
		if in, _ := g.of(t.Context(), user); !slices.Equal(in, want) || asked != times {
			t.Errorf("%s is in %v, asked %d times; want %v, %d times", user, in, asked, want, times)
		}
	}
	ask(0, "US1", 2, "S1")
	ask(59*time.Second, "US2", 0, "S2")
	ask(time.Second, "UX", 2)
	fail = errors.New("down")
	ask(time.Minute, "US1", 2) // what was known a minute ago is not known now
	ask(time.Second, "US1", 0)
	fail = nil
	ask(failureFor, "US1", 2, "S1")
	ask(-time.Hour, "US1", 2, "S1") // a clock that went back
}

func TestTheMemoryOfDeliveriesIsBounded(t *testing.T) {
	var m memory
	for i := range 3 * remembered {
		if !m.first(fmt.Sprint(i)) || m.first(fmt.Sprint(i)) {
			t.Fatal(i)
		}
	}
	if len(m.known) != remembered || len(m.order) != remembered {
		t.Errorf("%d and %d are kept", len(m.known), len(m.order))
	}
}
