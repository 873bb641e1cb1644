package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ServerPID tells which process made the socket that listens on path.
func ServerPID(path string) (int, error) {
	conn, err := net.DialTimeout("unix", path, probeLimit)
	if err != nil {
		return 0, fmt.Errorf("connecting to %s: %w", path, cause(err))
	}
	defer conn.Close()
	cred, _, err := peerOf(conn.(*net.UnixConn), false)
	if err != nil {
		return 0, fmt.Errorf("asking who listens on %s: %w", path, err)
	}
	return int(cred.Pid), nil
}

// peerOf asks the kernel for the process at the other end, and for its other
// groups if they are wanted.
func peerOf(conn *net.UnixConn, wantGroups bool) (cred *unix.Ucred, groups []uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var credErr error
	err = raw.Control(func(fd uintptr) {
		if cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); credErr == nil && wantGroups {
			groups, credErr = peerGroups(int(fd))
		}
	})
	return cred, groups, errors.Join(err, credErr)
}

// noGroup is the group of nobody.
const noGroup = -1

// rights are what a client may ask.
type rights int

const (
	rightsNone rights = iota
	rightsRead        // commands that change nothing
	rightsAll
)

// rightsOf asks who is at the other end: root, or the user that this process
// runs as, may everything, members of the group may read. The socket's mode says
// much the same; this holds where somebody changed it.
func rightsOf(conn *net.UnixConn, group int) (r rights, who string, err error) {
	cred, groups, err := peerOf(conn, group != noGroup)
	if err != nil {
		return rightsNone, "", fmt.Errorf("asking who connects: %w", err)
	}
	who = fmt.Sprintf("user %d", cred.Uid)
	switch {
	case cred.Uid == 0 || int(cred.Uid) == os.Geteuid():
		return rightsAll, who, nil
	case group != noGroup && (int(cred.Gid) == group || slices.Contains(groups, uint32(group))):
		return rightsRead, who, nil
	}
	return rightsNone, who, nil
}

// maxGroups bounds the groups of one process; the kernel's own bound.
const maxGroups = 65536

// peerGroups lists the other groups of the process at the other end.
func peerGroups(fd int) ([]uint32, error) {
	list := make([]uint32, 64)
	for {
		size := uint32(len(list) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return list[:size/4], nil
		case errno == unix.ERANGE && len(list) < maxGroups:
			list = make([]uint32, min(maxGroups, int(size/4)+1))
		default:
			return nil, errno
		}
	}
}
