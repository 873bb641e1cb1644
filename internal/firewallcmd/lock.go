package firewallcmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"f2b-go/firewall"
)

// lockTime is how long a call waits for another to end, and lockStep how often it
// looks.
const (
	lockTime = 2 * time.Minute
	lockStep = 50 * time.Millisecond
)

// errBusy: another call changes the firewall just now.
var errBusy = errors.New("another f2b-go firewall is at work")

// lock keeps other calls from changing the firewall until unlock is called or
// the process ends, however it ends.
func (p *program) lock() (unlock func(), err error) {
	for began := p.now(); ; time.Sleep(lockStep) {
		unlock, err = tryLock(p.dirs)
		if !errors.Is(err, errBusy) || p.now().Sub(began) > lockTime {
			return unlock, err
		}
	}
}

// tryLock is lock without waiting.
func tryLock(d firewall.Dirs) (unlock func(), err error) {
	if err := d.Make(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(d.Run, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the firewall: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errBusy
		}
		return nil, fmt.Errorf("locking the firewall: %w", err)
	}
	return func() { f.Close() }, nil
}
