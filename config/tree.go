package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 16 << 20

// tree is where the files are: the machine's, or a file system within the program.
type tree interface {
	// read returns a file's content. Directories, pipes and sockets are errors.
	read(name string) ([]byte, error)
	// exists tells whether there is something of that name, links followed;
	// isFile whether it is a regular file, isDir whether it is a directory.
	exists(name string) bool
	isFile(name string) bool
	isDir(name string) bool
	// lexists is exists with links not followed.
	lexists(name string) bool
	// list names what is in a directory, in the directory's own order.
	list(dir string) []string
	// types tells for each name in a directory whether it is plainly a regular file;
	// nil for what cannot be listed.
	types(dir string) map[string]bool
}

var (
	errTooLarge   = errors.New("file too large")
	errNotRegular = errors.New("neither a regular file nor a device")
)

type osTree struct{}

func (osTree) read(name string) ([]byte, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return nil, &Error{Class: "ValueError", Text: "embedded null byte"}
	}
	// A pipe must not keep the reader waiting for a writer. These are plain system
	// calls since an os.File costs more than reading a file of this size.
	fd, err := uninterrupted(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Close(fd) }()
	var info syscall.Stat_t
	if err := syscall.Fstat(fd, &info); err != nil {
		return nil, err
	}
	if kind := info.Mode & syscall.S_IFMT; kind == syscall.S_IFDIR || kind == syscall.S_IFIFO || kind == syscall.S_IFSOCK {
		return nil, errNotRegular
	}
	if info.Size > maxFile {
		return nil, errTooLarge
	}
	return readLimited(&descriptor{fd: fd, regular: info.Mode&syscall.S_IFMT == syscall.S_IFREG}, info.Size)
}

// descriptor reads from an open file. A regular one ends where less comes than
// was asked for.
type descriptor struct {
	fd      int
	regular bool
}

func (d *descriptor) Read(p []byte) (int, error) {
	n, err := uninterrupted(func() (int, error) { return syscall.Read(d.fd, p) })
	if n = max(n, 0); err == nil && (n == 0 || d.regular && n < len(p)) {
		err = io.EOF
	}
	return n, err
}

// uninterrupted makes a system call again that a signal has cut short.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// readLimited reads all of a file of about the given size.
func readLimited(r io.Reader, size int64) ([]byte, error) {
	data := make([]byte, 0, size+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case len(data) > maxFile:
			return nil, errTooLarge
		case err == io.EOF:
			return data, nil
		case err != nil:
			return data, err
		case len(data) == cap(data):
			data = slices.Grow(data, max(len(data), bytes.MinRead))
		}
	}
}

func (osTree) exists(name string) bool {
	_, ok := stat(name)
	return ok
}

func (osTree) lexists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func (osTree) isFile(name string) bool {
	kind, ok := stat(name)
	return ok && kind == syscall.S_IFREG
}

func (osTree) isDir(name string) bool {
	kind, ok := stat(name)
	return ok && kind == syscall.S_IFDIR
}

// stat tells what kind of file there is of a name, links followed.
func stat(name string) (kind uint32, ok bool) {
	var info syscall.Stat_t
	_, err := uninterrupted(func() (int, error) { return 0, syscall.Stat(name, &info) })
	return info.Mode & syscall.S_IFMT, err == nil
}

func (osTree) list(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	return names
}

func (osTree) types(dir string) map[string]bool {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil
	}
	return regular(entries)
}

func regular(entries []fs.DirEntry) map[string]bool {
	types := make(map[string]bool, len(entries))
	for _, e := range entries {
		types[e.Name()] = e.Type().IsRegular()
	}
	return types
}

// fsTree shows an fs.FS as the directory root.
type fsTree struct {
	fs   fs.FS
	root string
}

// inside gives the name within the file system; ok is false for one outside.
func (t fsTree) inside(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, t.root)
	if !ok || rest != "" && rest[0] != '/' && t.root != "" {
		return "", false
	}
	rest = path.Clean(strings.TrimLeft(rest, "/"))
	return rest, fs.ValidPath(rest)
}

func (t fsTree) read(name string) ([]byte, error) {
	in, ok := t.inside(name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	f, err := t.fs.Open(in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readLimited(f, 0)
}

func (t fsTree) stat(name string) (fs.FileInfo, bool) {
	in, ok := t.inside(name)
	if !ok {
		return nil, false
	}
	info, err := fs.Stat(t.fs, in)
	return info, err == nil
}

func (t fsTree) exists(name string) bool {
	_, ok := t.stat(name)
	return ok
}

func (t fsTree) lexists(name string) bool { return t.exists(name) }

func (t fsTree) isFile(name string) bool {
	info, ok := t.stat(name)
	return ok && info.Mode().IsRegular()
}

func (t fsTree) isDir(name string) bool {
	info, ok := t.stat(name)
	return ok && info.IsDir()
}

func (t fsTree) types(dir string) map[string]bool {
	entries, ok := t.entries(dir)
	if !ok {
		return nil
	}
	return regular(entries)
}

func (t fsTree) entries(dir string) ([]fs.DirEntry, bool) {
	in, ok := t.inside(dir)
	if !ok {
		return nil, false
	}
	entries, err := fs.ReadDir(t.fs, in)
	return entries, err == nil
}

func (t fsTree) list(dir string) []string {
	entries, ok := t.entries(dir)
	if !ok {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// lists remembers what is in the configuration's directories, so that files that
// are not there, or are plainly there, need not be looked for one by one.
type lists struct {
	mu   sync.Mutex
	dirs map[string]map[string]bool
}

// names lists a directory: true for a regular file; nil if it cannot be listed.
func (l *lists) names(t tree, dir string) map[string]bool {
	l.mu.Lock()
	names, known := l.dirs[dir]
	l.mu.Unlock()
	if known {
		return names
	}
	names = t.types(dir)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirs == nil {
		l.dirs = map[string]map[string]bool{}
	}
	l.dirs[dir] = names
	return names
}

// lookAhead lists directories whose names will be asked for.
func (l *lists) lookAhead(t tree, dirs ...string) {
	for _, dir := range dirs {
		l.names(t, dir)
	}
}

// lack tells that a directory could be listed and holds no such name.
func (l *lists) lack(t tree, name string) bool {
	dir, base := path.Split(name)
	names := l.names(t, dir)
	_, has := names[base]
	return names != nil && base != "" && !has
}

// exists tells whether there is something of that name, links followed.
func (l *lists) exists(t tree, name string) bool {
	dir, base := path.Split(name)
	return l.names(t, dir)[base] || !l.lack(t, name) && t.exists(name)
}

// isFile tells whether there is a regular file of that name, links followed.
func (l *lists) isFile(t tree, name string) bool {
	dir, base := path.Split(name)
	return l.names(t, dir)[base] || !l.lack(t, name) && t.isFile(name)
}
