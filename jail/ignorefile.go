package jail

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

const (
	// maxIgnoreFile bounds a file of ignored IDs, in bytes.
	maxIgnoreFile = 32 << 20
	// fileLook is how often a file is looked at for changes, fileRetry how long
	// one that can't be read is left alone (2.10.4).
	fileLook  = time.Second
	fileRetry = time.Minute
)

// idSet is a set of addresses, networks and other words.
type idSet struct {
	exact map[ipaddr.Addr]bool // single addresses, and words as raw IDs
	nets  map[netip.Prefix]bool
	bits  map[int]bool // the prefix lengths among nets
	names []string
}

// ignoreFile is an ignoreip entry `file:PATH`, read when first needed and again
// when it has changed.
type ignoreFile struct {
	path string

	mu       sync.Mutex
	set      idSet
	info     os.FileInfo
	nextLook time.Time
}

// filePath returns the path of a `file:` entry. Two slashes may follow the
// colon, as in a URL; the path's own slash stays.
func filePath(entry string) (path string, ok bool) {
	path, ok = strings.CutPrefix(entry, "file:")
	if ok && strings.HasPrefix(path, "//") {
		path = path[2:]
	}
	return path, ok
}

// get returns the file's current contents; on trouble the last ones, and once
// in a while the reason.
func (f *ignoreFile) get(now time.Time) (idSet, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Before(f.nextLook) {
		return f.set, nil
	}
	f.nextLook = now.Add(fileLook)
	if err := f.refresh(); err != nil {
		f.nextLook = now.Add(fileRetry)
		return f.set, err
	}
	return f.set, nil
}

func (f *ignoreFile) refresh() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("reading ignored IDs: %w", err)
	}
	if f.info != nil && os.SameFile(f.info, info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return nil
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("reading ignored IDs from %s: not a regular file", f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("reading ignored IDs: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxIgnoreFile+1))
	if err != nil {
		return fmt.Errorf("reading ignored IDs from %s: %w", f.path, err)
	}
	if len(text) > maxIgnoreFile {
		return fmt.Errorf("reading ignored IDs from %s: larger than %d bytes", f.path, maxIgnoreFile)
	}
	f.set = parseIDs(string(text))
	f.info = info
	return nil
}

// parseIDs reads words between blanks and commas; # and ; begin a comment at a
// line's start or after a blank.
func parseIDs(text string) idSet {
	set := idSet{exact: map[ipaddr.Addr]bool{}, nets: map[netip.Prefix]bool{}, bits: map[int]bool{}}
	for line := range strings.Lines(text) {
		for _, word := range strings.FieldsFunc(stripComment(line), isSeparator) {
			set.add(word)
		}
	}
	return set
}

func isSeparator(r rune) bool { return strings.ContainsRune(" \t\r\n\v\f,", r) }

func stripComment(line string) string {
	for i := 0; i < len(line); i++ {
		if (line[i] == '#' || line[i] == ';') && (i == 0 || strings.IndexByte(" \t", line[i-1]) >= 0) {
			return line[:i]
		}
	}
	return line
}

func (s *idSet) add(word string) {
	a := ipaddr.Parse(word)
	switch {
	case a.IsNet():
		s.nets[a.Prefix()] = true
		s.bits[a.Prefix().Bits()] = true
	case a.IsIP():
		s.exact[a] = true
	case !s.exact[a]:
		s.exact[a] = true
		s.names = append(s.names, word)
	}
}

// has says whether an ID is in the set: itself, by a network or by a name.
func (s *idSet) has(id ipaddr.Addr, r filter.Resolver) bool {
	if s.exact[id] {
		return true
	}
	if ip := id.Prefix().Addr(); ip.IsValid() {
		for n := range s.bits {
			if p, err := ip.Prefix(n); err == nil && s.nets[p] {
				return true
			}
		}
	}
	for _, name := range s.names {
		if resolvesTo(r, name, id) {
			return true
		}
	}
	return false
}

func resolvesTo(r filter.Resolver, name string, id ipaddr.Addr) bool {
	if r == nil || id.Family() == ipaddr.Raw {
		return false
	}
	for _, a := range r.Resolve(name) {
		if a == id {
			return true
		}
	}
	return false
}
