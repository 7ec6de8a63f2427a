package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/chaoscat/chaoscat/engine/clock"
)

func TestTheZeroClockIsTheMachinesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		if got := c.Now(); !got.Equal(time.Now()) {
			t.Errorf("Now() = %s, want %s", got, time.Now())
		}
		if got := c.Real(time.Minute); got != time.Minute {
			t.Errorf("Real(1m) = %s", got)
		}
	})
}

func TestAFastClockRunsAheadOfItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
		c := clock.Fast(time.Now(), start, 60)
		time.Sleep(c.Real(10 * time.Minute))
		if got, want := c.Now(), start.Add(10*time.Minute); !got.Equal(want) {
			t.Errorf("Now() = %s, want %s", got, want)
		}
	})
}
