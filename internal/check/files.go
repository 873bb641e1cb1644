package check

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"f2b-go/config"
)

// Numbers of users that people have (Debian's policy, 9.2.2).
const (
	firstUser = 1000
	nobody    = 65534
)

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

// files looks for files and folders of the configuration that others may change:
// what stands in them runs as root.
func (c *checker) files() {
	if c.embedded != nil {
		return
	}
	paths := c.in.Files()
	base := filepath.Clean(c.in.Dir())
	dirs := map[string]bool{base: true}
	for _, f := range paths {
		rel, err := filepath.Rel(base, f)
		if err != nil || strings.HasPrefix(rel, "..") {
			continue
		}
		for dir := filepath.Dir(rel); dir != "."; dir = filepath.Dir(dir) {
			dirs[filepath.Join(base, dir)] = true
		}
	}
	for dir := range dirs {
		paths = append(paths, dir)
	}
	sort.Strings(paths)
	for _, p := range paths {
		c.writable(p)
	}
}

func (c *checker) writable(name string) {
	info, err := os.Stat(name)
	if err != nil {
		return
	}
	what := "the file"
	if info.IsDir() {
		what = "the folder"
	}
	at := config.Place{Pos: config.Pos{File: name}}
	perm := info.Mode().Perm()
	switch {
	case perm&0o002 != 0 && (!info.IsDir() || info.Mode()&fs.ModeSticky == 0):
		c.add(Error, at, fmt.Sprintf("%s may be changed by everybody (mode %04o): whoever does becomes root", what, perm), "chmod go-w "+name)
	case perm&0o020 != 0:
		c.add(Warning, at, fmt.Sprintf("%s may be changed by its group (mode %04o): whoever does becomes root", what, perm), "chmod g-w "+name)
	}
}
