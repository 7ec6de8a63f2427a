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
	var cred *unix.Xucred
	ctrlErr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED) })
	if ctrlErr != nil || err != nil {
		return 0, fmt.Errorf("asking who is at the socket: %w", firstOf(ctrlErr, err))
	}
	return int(cred.Uid), nil
}
