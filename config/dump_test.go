package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"f2b-go/config"
	"f2b-go/internal/testenv"
)

// copyTree copies a folder of plain files.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// allJails enables every jail of a tree, with a log file that always exists.
func allJails(t testing.TB, dir string) {
	t.Helper()
	text := "[DEFAULT]\nenabled = true\n"
	for _, name := range jailNames(t, dir) {
		text += "[" + name + "]\nlogpath = /dev/null\n"
	}
	writeFile(t, filepath.Join(dir, "jail.local"), text)
}

func jailNames(t testing.TB, dir string) []string {
	t.Helper()
	c, err := config.Load(config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return c.Jails()
}

// TestDump111_1_8_5 compares with what fail2ban 1.1.1 printed of its own tree.
func TestDump111_1_8_5(t *testing.T) {
	shared, ok := testenv.Shared(t)
	if !ok {
		return
	}
	dir := filepath.Join(t.TempDir(), "fail2ban")
	copyTree(t, filepath.Join(shared, "fail2ban-1.1.1", "config"), dir)
	allJails(t, dir)
	var out bytes.Buffer
	_, code, _ := config.New(config.Options{Dir: dir}).Answer(&out, config.Request{Dump: config.PlainDump})
	if code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	data, err := os.ReadFile(filepath.Join(shared, "vectors", "dump-1.1.1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(out.String(), dir, config.DefaultDir)
	compareLines(t, got, string(data))
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	equal := 0
	for i := range max(len(g), len(w)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a == b {
			equal++
		} else if i-equal < 10 {
			t.Errorf("line %d:\n got %s\nwant %s", i+1, a, b)
		}
	}
	t.Logf("%d of %d lines equal", equal-1, len(w)-1)
}
