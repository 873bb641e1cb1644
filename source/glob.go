package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Expand returns the paths that match a pattern, sorted, by the rules of
// Python's glob (COMPAT 3.9.2): *, ? and [..] with ! as negation, within one
// name; hidden names match only a pattern that begins with a dot; ** is *.
// Dangling links are among them.
func Expand(pattern string) []string {
	x := expander{visit: func(string) {}}
	return x.expand(pattern)
}

// expander finds paths by a pattern.
type expander struct {
	visit func(dir string) // is told, before the look, of every directory that is looked into
}

func (x *expander) expand(pattern string) []string {
	abs := strings.HasPrefix(pattern, "/")
	found := []string{""}
	if abs {
		found = []string{"/"}
	}
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
	for i, part := range parts {
		var next []string
		for _, dir := range found {
			next = append(next, x.expandIn(dir, part, i == len(parts)-1)...)
		}
		found = next
	}
	if len(parts) == 0 {
		return nil
	}
	slices.Sort(found)
	return found
}

// expandIn returns what matches one part of a pattern in dir.
func (x *expander) expandIn(dir, part string, last bool) (list []string) {
	where := dir
	if where == "" {
		where = "."
	}
	x.visit(where)
	if !strings.ContainsAny(part, "*?[") {
		path := filepath.Join(dir, part)
		if _, err := os.Lstat(path); err != nil {
			return nil
		}
		return []string{path}
	}
	entries, err := os.ReadDir(where)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if name[0] == '.' && part[0] != '.' || !matchName(part, name) {
			continue
		}
		path := filepath.Join(dir, name)
		if !last {
			if st, err := os.Stat(path); err != nil || !st.IsDir() {
				continue
			}
		}
		list = append(list, path)
	}
	return list
}

// matchName is Python's fnmatchcase for one name. Only the last * needs to be
// tried at several places.
func matchName(pattern, name string) bool {
	starred, retry := "", ""
	star := false
	for name != "" || pattern != "" {
		if strings.HasPrefix(pattern, "*") {
			pattern = pattern[1:]
			star, starred, retry = true, pattern, name
			continue
		}
		if rest, ok := matchOne(&pattern, name); ok {
			name = rest
			continue
		}
		if !star || retry == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(retry)
		retry = retry[n:]
		pattern, name = starred, retry
	}
	return true
}

// matchOne matches the first character of name and moves the pattern past what
// it matched.
func matchOne(pattern *string, name string) (rest string, ok bool) {
	p := *pattern
	if p == "" || name == "" {
		return name, false
	}
	r, n := utf8.DecodeRuneInString(name)
	switch p[0] {
	case '?':
		*pattern = p[1:]
		return name[n:], true
	case '[':
		if set, after, closed := cutSet(p); closed {
			*pattern = after
			return name[n:], inSet(set, r)
		}
	}
	*pattern = p[1:]
	return name[1:], p[0] == name[0]
}

// cutSet splits "[set]rest"; ok is false where the bracket is never closed and
// stands for itself. A closing bracket that comes first belongs to the set.
func cutSet(pattern string) (set, rest string, ok bool) {
	start := 1
	if strings.HasPrefix(pattern[start:], "!") {
		start++
	}
	if strings.HasPrefix(pattern[start:], "]") {
		start++
	}
	end := strings.IndexByte(pattern[start:], ']')
	if end < 0 {
		return "", "", false
	}
	return pattern[1 : start+end], pattern[start+end+1:], true
}

// inSet says whether r is one of a set such as "a-z_" or "!0-9".
func inSet(set string, r rune) bool {
	body, negated := strings.CutPrefix(set, "!")
	found := false
	list := []rune(body)
	for i := 0; i < len(list); i++ {
		from, to := list[i], list[i]
		if i+2 < len(list) && list[i+1] == '-' {
			to = list[i+2]
			i += 2
		}
		found = found || from <= r && r <= to
	}
	return found != negated
}
