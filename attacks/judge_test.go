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
			t.Errorf("expect %s, %s → %s: %s, want %s", row.expect, number(row.before, ""), number(row.during, ""), got, row.want)
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
		figures engine.Figures
		want    string
	}{
		{engine.Figures{Name: "cpu busy", Unit: "%", Before: at(4), During: at(81.44), After: at(5.04)}, "cpu busy 4 → 81.4 → 5 %"},
		{engine.Figures{Name: "loss", Unit: "%", Before: at(0), During: at(30.21), After: at(0)}, "loss 0 → 30.2 → 0 %"},
		{engine.Figures{Name: "pings answered", Unit: "%", Before: at(100), During: at(0), After: at(99.96)}, "pings answered 100 → 0 → 100 %"},
		{engine.Figures{Name: "round trip", Unit: "ms", Before: at(0.31), During: at(200.5)}, "round trip 0.3 → 201 → ? ms"},
		{engine.Figures{Name: "round trip", Unit: "ms", About: "to 10.0.0.7", Before: at(0.41), During: at(20.5), After: at(0.4)}, "round trip to 10.0.0.7 0.4 → 21 → 0.4 ms"},
		{engine.Figures{Name: "service active", Before: at(1), During: at(0), After: at(1)}, "service active 1 → 0 → 1"},
		{engine.Figures{During: at(2)}, "? → 2 → ?"},
		{engine.Figures{Name: "cpu busy", Unit: "%", About: "on all"}, ""},
		{engine.Figures{Parts: []engine.Figures{
			{Name: "cpu busy", Unit: "%", Before: at(4), During: at(81), After: at(5)}, // one after the other
			{Name: "a figure that nobody measured"},
			{Name: "round trip", Unit: "ms", About: "to 10.0.0.7", Before: at(0.4), During: at(201)},
		}}, "cpu busy 4 → 81 → 5 %; round trip to 10.0.0.7 0.4 → 201 → ? ms"},
	} {
		if got := Describe(row.figures); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

func TestACompoundIsEffectiveOnlyIfEveryPartWas(t *testing.T) {
	for _, row := range []struct {
		parts []engine.Effect
		want  engine.Effect
	}{
		{[]engine.Effect{engine.Effective, engine.Effective}, engine.Effective},
		{[]engine.Effect{engine.Effective, engine.Weak}, engine.Weak},
		{[]engine.Effect{engine.NoEffect, engine.Effective}, engine.NoEffect},
		{[]engine.Effect{engine.Weak, engine.NoEffect}, engine.NoEffect},
		{[]engine.Effect{engine.Effective, engine.Unverifiable}, engine.Unverifiable}, // who knows
		{[]engine.Effect{engine.Weak, engine.Unverifiable}, engine.Weak},              // known not to be
		{nil, engine.Unverifiable},
	} {
		if got := Worst(row.parts...); got != row.want {
			t.Errorf("%v: %s, want %s", row.parts, got, row.want)
		}
	}
}
