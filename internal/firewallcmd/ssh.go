package firewallcmd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// caller is a connection of SSH by which somebody calls this program.
type caller struct {
	from netip.Addr
	port uint16 // of this machine
	how  string // where it was found
}

// keepsCaller refuses rules that would keep out who loads them.
func (l *loading) keepsCaller() error {
	c, ok := findCaller("/proc", os.Getpid())
	if !ok {
		c, ok = utmpCaller("/run/utmp", terminal("/proc/self/fd/0"))
	}
	if !ok || l.opt.force || l.prepared.Config.Reaches(l.prepared.Lists, c.from, "tcp", c.port) {
		return nil
	}
	return fmt.Errorf("these rules would keep you out: you are logged in from %s (%s), which may not reach port %d: write %s into %s, or call with --force",
		c.from, c.how, c.port, c.from, l.prepared.Settings.AllowSites)
}

// maxParents is how far up the caller is looked for.
const maxParents = 64

// findCaller looks for SSH_CONNECTION (sshd(8)) in the environment of a process
// and of those that started it, since sudo takes it away.
func findCaller(proc string, pid int) (caller, bool) {
	for range maxParents {
		if pid <= 1 {
			break
		}
		dir := filepath.Join(proc, strconv.Itoa(pid))
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil {
			for _, item := range bytes.Split(environ, []byte{0}) {
				if value, ok := bytes.CutPrefix(item, []byte("SSH_CONNECTION=")); ok {
					if c, ok := readConnection(string(value)); ok {
						return c, true
					}
				}
			}
		}
		if pid, err = parent(dir); err != nil {
			break
		}
	}
	return caller{}, false
}

// readConnection reads "ADDRESS PORT ADDRESS PORT", the client's first.
func readConnection(value string) (caller, bool) {
	words := strings.Fields(value)
	if len(words) != 4 {
		return caller{}, false
	}
	from, err1 := netip.ParseAddr(words[0])
	port, err2 := strconv.ParseUint(words[3], 10, 16)
	return caller{from.Unmap().WithZone(""), uint16(port), "SSH_CONNECTION"}, err1 == nil && err2 == nil
}

// parent reads the number of the parent out of /proc/PID/stat (proc(5)).
func parent(dir string) (int, error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, errors.New("no parent is named")
	}
	return strconv.Atoi(string(fields[1]))
}

// terminal is the name of the terminal that a file is, as utmp has it, "" for
// none.
func terminal(fd string) string {
	target, err := os.Readlink(fd)
	if err != nil {
		return ""
	}
	name, ok := strings.CutPrefix(target, "/dev/")
	if !ok || !strings.HasPrefix(name, "pts/") && !strings.HasPrefix(name, "tty") {
		return ""
	}
	return name
}

// The record of utmp(5) on Linux, in which times take 32 bits on all machines.
const (
	utmpSize  = 384
	utmpLine  = 8   // 32 bytes
	utmpAddr  = 340 // 16 bytes, of IPv4 the first four
	utmpUser  = 7   // ut_type of a login
	sshPort   = 22
	maxLogins = 1 << 20
)

// utmpCaller finds who is logged in at a terminal, as who(1) does.
func utmpCaller(path, line string) (caller, bool) {
	data, err := os.ReadFile(path)
	if err != nil || line == "" || len(data) > maxLogins {
		return caller{}, false
	}
	for ; len(data) >= utmpSize; data = data[utmpSize:] {
		name, _, _ := strings.Cut(string(data[utmpLine:utmpLine+32]), "\x00")
		if binary.NativeEndian.Uint16(data) != utmpUser || name != line {
			continue
		}
		raw := data[utmpAddr : utmpAddr+16]
		addr := netip.AddrFrom16([16]byte(raw))
		if bytes.Count(raw[4:], []byte{0}) == 12 {
			addr = netip.AddrFrom4([4]byte(raw[:4]))
		}
		return caller{addr.Unmap(), sshPort, "who"}, !addr.IsUnspecified()
	}
	return caller{}, false
}
