package config

import (
	"strings"
	"unicode/utf8"
)

// maxGlob bounds how many paths one pattern may give.
const maxGlob = 100_000

// globber finds paths by pattern as Python's glob does: *, ? and [..] within one
// part of the path, hidden names only where the pattern's part begins with a
// dot, the order that of the directories.
type globber struct {
	tree  tree
	found int
}

func glob(t tree, pattern string) []string {
	if strings.IndexByte(pattern, 0) >= 0 {
		return nil
	}
	g := &globber{tree: t}
	return g.glob(pattern)
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

func (g *globber) glob(pattern string) []string {
	dir, base := splitPath(pattern)
	if !hasMagic(pattern) {
		if base != "" && g.tree.lexists(pattern) || base == "" && g.tree.isDir(dir) {
			return []string{pattern}
		}
		return nil
	}
	dirs := []string{dir}
	if dir != pattern && hasMagic(dir) {
		dirs = g.glob(dir)
	}
	var out []string
	for _, d := range dirs {
		for _, name := range g.names(d, base) {
			if g.found++; g.found > maxGlob {
				return out
			}
			out = append(out, joinPath(d, name))
		}
	}
	return out
}

func (g *globber) names(dir, base string) []string {
	if !hasMagic(base) {
		if base == "" && g.tree.isDir(dir) || base != "" && g.tree.lexists(joinPath(dir, base)) {
			return []string{base}
		}
		return nil
	}
	from := dir
	if from == "" {
		from = "."
	}
	var out []string
	for _, name := range g.tree.list(from) {
		if (name[0] != '.' || base[0] == '.') && fnmatch(base, name) {
			out = append(out, name)
		}
	}
	return out
}

// splitPath is Python's os.path.split: the part before the last slash loses its
// slashes, unless it is nothing else.
func splitPath(p string) (dir, base string) {
	i := strings.LastIndexByte(p, '/') + 1
	dir, base = p[:i], p[i:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, base
}

// joinPath is Python's os.path.join: an absolute second part stands alone.
func joinPath(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "/"):
		return name
	case dir == "" || strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

// splitExt is Python's os.path.splitext: dots at the start of a name begin no
// extension.
func splitExt(p string) (stem, ext string) {
	base := p[strings.LastIndexByte(p, '/')+1:]
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 || strings.Trim(base[:dot], ".") == "" {
		return p, ""
	}
	cut := len(p) - len(base) + dot
	return p[:cut], p[cut:]
}

// fnmatch matches a name with a pattern of *, ?, [set] and [!set]. It goes back
// to the last star only, so that its time is the product of both lengths at most.
func fnmatch(pattern, name string) bool {
	starP, starN := -1, 0
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			starP, starN = p, n
			p++
			continue
		}
		r, size := utf8.DecodeRuneInString(name[n:])
		if w, ok := matchOne(pattern[p:], r); ok {
			p, n = p+w, n+size
			continue
		}
		if starP < 0 {
			return false
		}
		_, size = utf8.DecodeRuneInString(name[starN:])
		starN += size
		p, n = starP+1, starN
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches one character with the start of a pattern, whose width it
// returns.
func matchOne(pattern string, r rune) (width int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		if end := setEnd(pattern); end > 0 {
			return end + 1, inSet(pattern[1:end], r)
		}
	}
	p, size := utf8.DecodeRuneInString(pattern)
	return size, p == r
}

// setEnd finds the bracket that closes a set; 0 if there is none.
func setEnd(pattern string) int {
	from := 1
	if strings.HasPrefix(pattern[from:], "!") {
		from++
	}
	if strings.HasPrefix(pattern[from:], "]") {
		from++
	}
	if end := strings.IndexByte(pattern[from:], ']'); end >= 0 {
		return from + end
	}
	return 0
}

func inSet(set string, r rune) bool {
	not := strings.HasPrefix(set, "!")
	chars := []rune(strings.TrimPrefix(set, "!"))
	in := false
	for i := 0; i < len(chars); i++ {
		if i+2 < len(chars) && chars[i+1] == '-' {
			in = in || chars[i] <= r && r <= chars[i+2]
			i += 2
			continue
		}
		in = in || chars[i] == r
	}
	return in != not
}
