//go:build race

package simulated_test

import "time"

// allowed allows for the race detector, under which the keys of ten thousand hosts take much longer.
func allowed(d time.Duration) time.Duration { return 15 * d }

// many is how many hosts a test logs in to that is about many.
const many = 100
