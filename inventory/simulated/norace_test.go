//go:build !race

package simulated_test

import "time"

// allowed allows for a machine that is busy with other tests.
func allowed(d time.Duration) time.Duration { return 3 * d / 2 }

// many is how many hosts a test logs in to that is about many.
const many = 1000
