package journal

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// BootID names this boot of this machine, or is empty where the machine does not say.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// SinceBoot is milliseconds since the machine started, sleep included. It does not follow the wall clock.
func SinceBoot() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return t.Nano() / 1e6
}
