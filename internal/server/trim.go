package server

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// trimAfter is how long after the last jail's start, or reload, the memory that
// this took is given back, and after that what the first lines took.
var trimAfter = []time.Duration{time.Second, 4 * time.Second, time.Minute}

// kick says that jails have started or changed.
func (e *engine) kick() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// trimLoop gives memory back once jails have started, until ctx ends.
func (e *engine) trimLoop(ctx context.Context) {
	turn := 0
	timer := time.NewTimer(trimAfter[turn])
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.changed:
			turn = 0
			timer.Reset(trimAfter[turn])
		case <-timer.C:
			runtime.GC() // what pools keep goes with the second one
			debug.FreeOSMemory()
			forgetProgram()
			if turn++; turn < len(trimAfter) {
				timer.Reset(trimAfter[turn])
			}
		}
	}
}

// forgetProgram takes the pages of this program's file that nothing is written
// to out of the process: most were needed for the start alone. What is needed
// again comes back from the kernel's page cache. Where that fails they stay.
func forgetProgram() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text()) // address, rights, offset, device, inode, path (proc(5))
		if len(f) < 6 || f[5] != exe || strings.Contains(f[1], "w") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		begin, err := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err != nil || err2 != nil {
			continue
		}
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
	}
}
