// Package testenv finds what tests read from outside the repository: the shared
// reference data beside it, and Debian's fail2ban package. It hides where they
// stand; a clone elsewhere has no reference data and its tests say so.
package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// debianLib is where Debian's package puts fail2ban's Python modules.
const debianLib = "/usr/lib/python3/dist-packages"

// Python is the interpreter that Debian's fail2ban package runs on.
const Python = "/usr/bin/python3"

// Root returns the repository's root: the nearest folder above the test's
// working directory that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's working directory")
		}
		dir = up
	}
}

// Shared returns the folder of reference data beside the repository. ok is
// false, with a line in the test's log, where a clone has none.
func Shared(t testing.TB) (dir string, ok bool) {
	t.Helper()
	dir = filepath.Join(filepath.Dir(Root(t)), "shared")
	if _, err := os.Stat(filepath.Join(dir, "fail2ban-1.1.1")); err != nil {
		t.Logf("no reference data at ../shared: this test uses Debian's fail2ban package alone")
		return "", false
	}
	return dir, true
}

// Fail2ban returns the folder on Python's path that holds Debian's fail2ban
// package. Where the package is missing the test fails: the README's test
// command installs it where it runs as root.
func Fail2ban(t testing.TB) (dir string, ok bool) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(debianLib, "fail2ban", "version.py")); err == nil {
		return debianLib, true
	}
	if os.Geteuid() == 0 || os.Getenv("CI") != "" {
		t.Fatal("Debian's fail2ban package is not installed: apt-get install fail2ban")
	}
	t.Log("Debian's fail2ban package is not installed, and only root could install it: not compared")
	return "", false
}
