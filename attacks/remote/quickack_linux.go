package remote

import (
	"net"
	"syscall"
)

// quick acknowledges what has arrived before it waits for more. Without that, an older sshd waits 40 ms
// for our acknowledgement before it sends the second half of an answer.
type quick struct {
	*net.TCPConn
	raw syscall.RawConn
}

func quickly(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return quick{tcp, raw}
}

func (q quick) Read(p []byte) (int, error) {
	q.raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return q.TCPConn.Read(p)
}
