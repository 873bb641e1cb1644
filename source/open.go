package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Classes of reasons why a path can't be followed.
var (
	// ErrNotRegular says that the path is a FIFO, a directory, a device or a socket.
	ErrNotRegular = errors.New("not a regular file")
	// ErrForeignLink says that a symbolic link leads to a file of another owner
	// and Options.StrictLinks forbids that.
	ErrForeignLink = errors.New("symbolic link to another owner's file")
	// ErrClosed says that the watcher has ended.
	ErrClosed = errors.New("watcher has ended")
)

// fileID tells one file from another: names change, these do not.
type fileID struct{ dev, ino uint64 }

// fileStat is what a look at a file sees.
type fileStat struct {
	id    fileID
	size  int64
	mtime int64 // nanoseconds
	uid   uint32
	mode  fs.FileMode
}

func toStat(fi os.FileInfo) fileStat {
	st := fileStat{size: fi.Size(), mtime: fi.ModTime().UnixNano(), mode: fi.Mode()}
	if sys, ok := fi.Sys().(*syscall.Stat_t); ok {
		st.id = fileID{dev: sys.Dev, ino: sys.Ino}
		st.uid = sys.Uid
	}
	return st
}

// statPath looks at what stands under path, following links.
func statPath(path string) (fileStat, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return fileStat{}, err
	}
	return toStat(fi), nil
}

// openRegular opens a regular file for reading. It looks before it opens, since
// opening a device can do things, and again after, since the path may have
// changed hands; O_NONBLOCK keeps a FIFO that slipped in between from blocking.
func openRegular(path string, strictLinks bool) (*os.File, fileStat, error) {
	before, err := statPath(path)
	if err != nil {
		return nil, fileStat{}, err
	}
	if !before.mode.IsRegular() {
		return nil, fileStat{}, refuse(path, before.mode)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fileStat{}, err
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fileStat{}, err
	}
	st := toStat(fi)
	if !st.mode.IsRegular() {
		f.Close()
		return nil, fileStat{}, refuse(path, st.mode)
	}
	if strictLinks {
		if err := checkLink(path, st); err != nil {
			f.Close()
			return nil, fileStat{}, err
		}
	}
	return f, st, nil
}

// refuse says what stands where a log file should.
func refuse(path string, mode fs.FileMode) error {
	kind := "a device"
	switch {
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a FIFO"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("following %s: it is %s: %w", path, kind, ErrNotRegular)
}

// checkLink refuses a link whose owner is neither root nor the file's owner.
func checkLink(path string, target fileStat) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	link := toStat(fi)
	if link.mode&fs.ModeSymlink != 0 && link.uid != 0 && link.uid != target.uid {
		return fmt.Errorf("following %s: the link belongs to uid %d and the file to uid %d: %w",
			path, link.uid, target.uid, ErrForeignLink)
	}
	return nil
}
