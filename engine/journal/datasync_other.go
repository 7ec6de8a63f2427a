//go:build !linux

package journal

import "os"

// datasync is a full sync; on darwin Go asks the drive itself to write (F_FULLFSYNC).
func datasync(f *os.File) error { return f.Sync() }
