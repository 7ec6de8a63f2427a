package attacks

import (
	"math"
	"testing"

	"github.com/chaoscat/chaoscat/engine"
)

func at(n float64) *float64 { return &n }

func TestTheEffectIsWhatWasMeasuredAndNeverJustSuccess(t *testing.T) {
	for _, row := range []struct {
		expect         string
		before, during *float64
		want           engine.Effect
	}{
		{"up 200", at(0.3), at(200.5), engine.Effective},
		{"up 200", at(0.3), at(140.3), engine.Effective},     // seven tenths are enough
		{"up 200", at(0.3), at(140.2), engine.Weak},          // a hair less is not
		{"up 200", at(0.3), at(40.3), engine.Weak},           //
		{"up 200", at(0.3), at(40.2), engine.NoEffect},       // noise
		{"up 200", at(300), at(100), engine.NoEffect},        // the wrong way
		{"up 0", at(100), at(100), engine.Unverifiable},      // there was no room: a host that is already busy
		{"up 1", at(0), at(0), engine.NoEffect},              // no packet was dropped
		{"down 100", at(100), at(0), engine.Effective},       // every ping lost
		{"down 100", at(100), at(66), engine.Weak},           //
		{"down 100", at(100), at(100), engine.NoEffect},      //
		{"down 100", at(66), at(0), engine.Effective},        // as far down as it goes
		{"down 100", at(0), at(0), engine.Unverifiable},      // it did not answer before either
		{"down 1", at(1), at(0), engine.Effective},           // a service
		{"change", at(1), at(2), engine.Effective},           //
		{"change", at(1), at(1), engine.NoEffect},            //
		{"up 1", nil, at(1), engine.Unverifiable},            //
		{"up 1", at(1), nil, engine.Unverifiable},            //
		{"", at(1), at(2), engine.Unverifiable},              // nothing was expected
		{"up 1", at(math.NaN()), at(1), engine.Unverifiable}, // a figure that is none
	} {
		expect, _ := ParseExpect(row.expect)
		if got := Judge(expect, row.before, row.during); got != row.want {
			t.Errorf("expect %s, %s → %s: %s, want %s", row.expect, number(row.before), number(row.during), got, row.want)
		}
	}
}

func TestAnExpectationThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{"", "up", "up x", "up -1", "up NaN", "up Inf", "down 1 2", "change 1", "sideways 3", "UP 1"} {
		if got, err := ParseExpect(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func TestTheFiguresAreOneLineForAnOperator(t *testing.T) {
	for _, row := range []struct {
		figure                Figure
		before, during, after *float64
		want                  string
	}{
		{Figure{"cpu busy", "%"}, at(4), at(81.4), at(5.04), "cpu busy 4 → 81 → 5 %"},
		{Figure{"round trip", "ms"}, at(0.31), at(200.5), nil, "round trip 0.3 → 201 → ? ms"},
		{Figure{"service active", ""}, at(1), at(0), at(1), "service active 1 → 0 → 1"},
		{Figure{"", ""}, nil, at(2), nil, "? → 2 → ?"},
		{Figure{"cpu busy", "%"}, nil, nil, nil, ""},
	} {
		if got := Describe(row.figure, row.before, row.during, row.after); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
