//go:build linux && lab

package lab

import (
	"fmt"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	l := start(t, Options{Hosts: 1})
	h := l.Hosts[0]
	login := func() {
		for range 4 {
			began := time.Now()
			out, err := ssh(l, within(t, time.Minute), "root", h.Address, "cat /proc/self/cgroup")
			fmt.Println("login", time.Since(began), out, err)
		}
	}
	login()
	run(t, l, h, "sed -i '/pam_motd/d' /etc/pam.d/sshd")
	fmt.Println("no motd")
	login()
	run(t, l, h, "sed -i '/pam_systemd/d' /etc/pam.d/common-session")
	fmt.Println("no systemd")
	login()
	fmt.Println(residue(t, l, h))
	residue(t, l, h)
	fmt.Println(run(t, l, h, "ls -la /sys/fs/cgroup; tr '\\0' '\\n' </proc/1/environ; cat /proc/cmdline"))
}
