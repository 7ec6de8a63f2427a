//go:build !lab

package lab

import "testing"

func TestRealHosts(t *testing.T) {
	t.Skip("real hosts are booted by: go test -tags lab ./attacks/lab (as root, after attacks/lab/prepare.sh)")
}
