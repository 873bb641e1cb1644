package internal_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// module is the path that go.mod declares.
const module = "f2b-go"

// leaves may be imported by every package and import no package but leaves.
var leaves = map[string]bool{
	"internal/pytext": true, "internal/ipaddr": true, "internal/tags": true, "internal/timetext": true,
	"internal/shell": true, "internal/getopt": true, "internal/logfmt": true, "internal/systemd": true, "etc_fail2ban": true,
}

// arrows is the plan of DESIGN and ARCHITECTURE.md: what a package may import
// of ours besides leaves.
var arrows = map[string][]string{
	"config":               {},
	"firewall":             {},
	"source":               {},
	"filter/pyre":          {},
	"filter/date":          {"filter/pyre"},
	"filter":               {"filter/pyre", "filter/date"},
	"jail":                 {"filter", "filter/date", "source"},
	"action":               {"jail", "action/mail"},
	"action/mail":          {},
	"store":                {"jail", "filter", "source"},
	"control/pickle":       {},
	"control":              {"control/pickle", "jail"},
	"internal/server":      {"config", "control", "firewall", "control/pickle", "action", "action/mail", "store", "jail", "filter", "filter/date", "source"},
	"internal/testfilter":  {"config", "action", "jail", "filter", "filter/date", "filter/pyre", "source"},
	"internal/testaction":  {"config", "action", "action/mail", "jail"},
	"internal/check":       {"config", "filter", "filter/date", "filter/pyre", "jail", "action"},
	"internal/demo":        {},
	"internal/bench":       {},
	"internal/firewallcmd": {"firewall"},
	"cmd/f2b-go":           {"internal/server", "internal/testfilter", "internal/testaction", "internal/check", "internal/demo", "internal/firewallcmd", "control"},
}

// testOnly packages serve tests; no shipped package may import them.
var testOnly = map[string]bool{"internal/testenv": true, "internal/netnstest": true, "internal/mailtest": true}

// TestImportsFollowThePlan fails when a package is missing from the plan or
// imports one of ours that the plan does not name.
func TestImportsFollowThePlan(t *testing.T) {
	walkGo(t, func(path, dir string, lines []string) {
		isTest := strings.HasSuffix(path, "_test.go")
		if isTest || testOnly[dir] {
			return
		}
		allowed, planned := arrows[dir]
		if !planned && !leaves[dir] {
			t.Errorf("%s: package %q is not in the plan of internal/house_test.go", path, dir)
			return
		}
		for _, imp := range ours(t, path) {
			if testOnly[imp] {
				t.Errorf("%s imports %q, which serves tests only", path, imp)
			}
			if !leaves[imp] && !contains(allowed, imp) {
				t.Errorf("%s: %q must not import %q (ARCHITECTURE.md, Packages)", path, dir, imp)
			}
		}
	})
}

// TestEveryPackageSaysWhatItHides asks for a package comment.
func TestEveryPackageSaysWhatItHides(t *testing.T) {
	documented, seen := map[string]bool{}, map[string]bool{}
	walkGo(t, func(path, dir string, _ []string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		seen[dir] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil && len(file.Doc.Text()) > 40 {
			documented[dir] = true
		}
	})
	for dir := range seen {
		if !documented[dir] {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestFilesStayReadable holds the sizes: a file has one idea, main files less.
func TestFilesStayReadable(t *testing.T) {
	walkGo(t, func(path, dir string, lines []string) {
		limit := 500
		if strings.HasPrefix(dir, "cmd/") {
			limit = 100
		}
		if len(lines) > limit && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines, more than %d", path, len(lines), limit)
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "func init()") {
				t.Errorf("%s:%d: init() hides an order of start", path, i+1)
			}
		}
	})
}

func walkGo(t *testing.T, visit func(path, dir string, lines []string)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if dir == "internal" {
			return nil
		}
		visit(path, filepath.ToSlash(dir), readLines(t, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ours(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(p, module+"/"); ok {
			list = append(list, rest)
		}
	}
	sort.Strings(list)
	return list
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		lines = append(lines, sc.Text())
	}
	return lines
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
