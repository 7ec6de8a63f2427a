//go:build !linux

package lab

import "errors"

// Available says that this machine cannot boot the lab.
func Available() error {
	return errors.New("the lab needs Linux: its hosts are user-mode Linux kernels")
}
