package mail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// maxNotice bounds a notice's file in bytes.
	maxNotice = 1 << 20
	// maxFiles bounds how many files of a spool are looked at.
	maxFiles = 20_000

	// orphanAge is how old a notice must be to be one that no action asks for.
	orphanAge = 30 * 24 * time.Hour
	// draftAge is how old a draft must be to be a leftover.
	draftAge = time.Hour

	spoolEnd = ".json"
	draftEnd = ".new"
)

// spool keeps notices in files, one each, in a folder that nobody else may use.
// A nil spool keeps nothing.
type spool struct{ root *os.Root }

// openSpool opens the folder, making it where it is missing.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the mail spool: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the mail spool: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return nil, fmt.Errorf("opening the mail spool: %s is no folder", dir)
	case ok && owner.Uid != uint32(os.Geteuid()) || info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("opening the mail spool: %s must belong to this server's user alone (mode 0700)", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the mail spool: %w", err)
	}
	return &spool{root}, nil
}

func (s *spool) close() {
	if s != nil {
		_ = s.root.Close()
	}
}

// put writes a notice down, so that it is there whole or not at all.
func (s *spool) put(n *Notice) error {
	if s == nil {
		return nil
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("writing to the mail spool: %w", err)
	}
	draft := n.Key + draftEnd
	// A draft of the same notice is one that could not be finished.
	if err := s.root.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing to the mail spool: %w", err)
	}
	f, err := s.root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = s.root.Rename(draft, n.Key+spoolEnd)
	}
	if err != nil {
		_ = s.root.Remove(draft)
		return fmt.Errorf("writing to the mail spool: %w", err)
	}
	return nil
}

// remove forgets a notice. One that is not there is forgotten.
func (s *spool) remove(n *Notice) {
	if s != nil {
		_ = s.root.Remove(n.Key + spoolEnd)
	}
}

// load returns the notices of a jail's action, the oldest first. It removes what
// nobody has asked for in a long time.
func (s *spool) load(jail, action string, now time.Time) ([]*Notice, error) {
	if s == nil {
		return nil, nil
	}
	dir, err := s.root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("reading the mail spool: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the mail spool: %w", err)
	}
	slices.Sort(names)
	var list []*Notice
	for _, name := range names {
		n := s.read(name, now)
		switch {
		case n == nil:
		case n.Jail == jail && n.Action == action:
			list = append(list, n)
		case now.Sub(n.Queued) > orphanAge:
			s.remove(n)
		}
	}
	return list, nil
}

// read returns the notice of that file. A file that holds none, and an old
// draft, is removed; what is no file of the spool's stays.
func (s *spool) read(name string, now time.Time) *Notice {
	key, whole := strings.CutSuffix(name, spoolEnd)
	if !whole && !strings.HasSuffix(name, draftEnd) {
		return nil
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if !whole {
		if now.Sub(info.ModTime()) > draftAge {
			_ = s.root.Remove(name)
		}
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxNotice))
	if err != nil {
		return nil
	}
	n := &Notice{}
	if err := json.Unmarshal(data, n); err != nil || n.Key != key {
		_ = s.root.Remove(name)
		return nil
	}
	n.spooled = true
	return n
}
