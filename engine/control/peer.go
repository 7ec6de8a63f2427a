package control

import (
	"fmt"
	"net"
	"syscall"
)

func rawConn(c net.Conn) (syscall.RawConn, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("asking who is at the socket: %T is no Unix socket", c)
	}
	return u.SyscallConn()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
