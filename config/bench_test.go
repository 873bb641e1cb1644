package config_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"f2b-go/config"
	"f2b-go/internal/testenv"
)

// stockTree gives a stock tree with all jails enabled: 1.1.1's, or Debian's.
func stockTree(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "fail2ban")
	if shared, ok := testenv.Shared(t); ok {
		copyTree(t, filepath.Join(shared, "fail2ban-1.1.1", "config"), dir)
	} else {
		copyTree(t, config.DefaultDir, dir)
	}
	allJails(t, dir)
	return dir
}

// BenchmarkDump prints the stock tree with all jails, as -d does.
func BenchmarkDump(b *testing.B) {
	dir := stockTree(b)
	for b.Loop() {
		if _, code, _ := config.New(config.Options{Dir: dir}).Answer(io.Discard, config.Request{Dump: config.PlainDump}); code != 0 {
			b.Fatalf("exit code %d", code)
		}
	}
}

// BenchmarkFail2ban is the same by fail2ban-client -d, start of Python included.
func BenchmarkFail2ban(b *testing.B) {
	dir := stockTree(b)
	for b.Loop() {
		cmd := exec.Command(testenv.Python, "/usr/bin/fail2ban-client", "-c", dir, "-d")
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
