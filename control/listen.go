package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Errors of Listen, by class.
var (
	// ErrRunning: a server answers on the socket.
	ErrRunning = errors.New("Server already running") //nolint:staticcheck // fail2ban's words
	// ErrSocket: the socket cannot be made.
	ErrSocket = errors.New("Unable to bind socket") //nolint:staticcheck // fail2ban's words
)

// probeLimit is how long a socket that stands in the way may take to accept.
const probeLimit = 2 * time.Second

// Share opens a socket file to the members of a group, mode 0660; what they may
// ask is decided by Server.Admit.
func Share(path string, group int) error {
	if err := os.Chown(path, -1, group); err != nil {
		return fmt.Errorf("%w %s: giving it to group %d: %w", ErrSocket, path, group, err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	return nil
}

// Listen makes the socket at path, mode 0600, and its folder where only the last
// part is missing. A socket that a server answers on is never taken over; one
// that was left behind is an error too, unless force says to replace it (5.6.4).
func Listen(path string, force bool, log *slog.Logger) (*net.UnixListener, error) {
	if err := clearPath(path, force, log); err != nil {
		return nil, err
	}
	if err := MakeFolder(path); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrSocket, path, cause(err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	return ln, nil
}

func clearPath(path string, force bool, log *slog.Logger) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%w %s: a file that is no socket stands there", ErrSocket, path)
	}
	log.Error("Fail2ban seems to be already running")
	if !force || Answers(path) {
		return fmt.Errorf("%w (socket %s)", ErrRunning, path)
	}
	log.Warn("Forcing execution of the server")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	return nil
}

// Answers says whether somebody accepts connections on the socket.
func Answers(path string) bool {
	conn, err := net.DialTimeout("unix", path, probeLimit)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// MakeFolder makes the folder that an absolute path stands in, where only the
// last part of it is missing (5.4.1).
func MakeFolder(path string) error {
	dir := filepath.Dir(path)
	if !filepath.IsAbs(dir) {
		return nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// cause takes the wrapping off that repeats the path.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
