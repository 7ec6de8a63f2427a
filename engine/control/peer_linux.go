package control

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

func peerUID(c net.Conn) (uid int, err error) {
	raw, err := rawConn(c)
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	ctrlErr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if ctrlErr != nil || err != nil {
		return 0, fmt.Errorf("asking who is at the socket: %w", firstOf(ctrlErr, err))
	}
	return int(cred.Uid), nil
}
