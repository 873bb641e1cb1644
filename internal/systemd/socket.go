package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that systemd hands over.
const firstFD = 3

// maxFDs bounds how many are looked at.
const maxFDs = 64

// ErrSocket says that what was handed over is no listening unix stream socket.
var ErrSocket = errors.New("not a listening unix stream socket")

// Handed says whether this process was started with sockets.
func Handed() bool { return count() > 0 }

// count reads LISTEN_PID and LISTEN_FDS.
func count() int {
	pid, err := strconv.Atoi(os.Getenv("LISTEN_PID"))
	if err != nil || pid != os.Getpid() {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxFDs)
}

// Listener returns the socket of that name (FileDescriptorName= of the unit), or
// else the first; nil where none was handed over. The other descriptors are
// closed, and children of this process hear of none. The listener leaves its
// file in place when it is closed: the file is systemd's.
func Listener(name string) (*net.UnixListener, error) {
	n := count()
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(v); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, nil
	}
	chosen := 0
	for i := range min(n, len(names)) {
		if names[i] == name {
			chosen = i
			break
		}
	}
	var ln *net.UnixListener
	var err error
	for i := range n {
		unix.CloseOnExec(firstFD + i)
		file := os.NewFile(uintptr(firstFD+i), "LISTEN_FD_"+strconv.Itoa(firstFD+i))
		if i == chosen {
			ln, err = listener(file)
		}
		// A listener has a descriptor of its own.
		_ = file.Close()
	}
	return ln, err
}

func listener(file *os.File) (*net.UnixListener, error) {
	any, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("taking over %s: %w: %w", file.Name(), ErrSocket, err)
	}
	ln, ok := any.(*net.UnixListener)
	if !ok || ln.Addr().Network() != "unix" {
		_ = any.Close()
		return nil, fmt.Errorf("taking over %s, which is of %s: %w", file.Name(), any.Addr().Network(), ErrSocket)
	}
	ln.SetUnlinkOnClose(false)
	return ln, nil
}
