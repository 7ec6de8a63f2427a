package control

import (
	"errors"
	"fmt"
	"net"
)

// peerUID asks the kernel which user is at the other end.
func peerUID(c net.Conn) (uid int, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("asking who is at the socket: %T is no Unix socket", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("asking who is at the socket: %w", err)
	}
	var answer error
	asked := raw.Control(func(fd uintptr) { uid, answer = credential(int(fd)) })
	if err := errors.Join(asked, answer); err != nil {
		return 0, fmt.Errorf("asking who is at the socket: %w", err)
	}
	return uid, nil
}
