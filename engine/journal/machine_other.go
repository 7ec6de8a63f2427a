//go:build !linux

package journal

// BootID names this boot of this machine, or is empty where the machine does not say.
func BootID() string { return "" }

// SinceBoot is milliseconds since the machine started; 0 where the machine does not say.
func SinceBoot() int64 { return 0 }
