package control

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// mayCommand checks who is at the other end: root, or the user that this
// process runs as. The socket's mode says the same; this holds where somebody
// changed it.
func mayCommand(conn *net.UnixConn) error {
	uid, err := peerUser(conn)
	if err != nil {
		return fmt.Errorf("asking who connects: %w", err)
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("user %d may not give commands", uid)
	}
	return nil
}

func peerUser(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
