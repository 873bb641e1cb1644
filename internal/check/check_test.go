package check_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/internal/check"
	"f2b-go/internal/testenv"
)

var update = flag.Bool("update", false, "write what is printed into testdata/check")

// file is one of a txtar archive.
type file struct{ name, text string }

// splitArchive cuts an archive in the txtar format into its comment and its files.
func splitArchive(text string) (comment string, files []file) {
	for _, line := range strings.SplitAfter(text, "\n") {
		name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		switch {
		case ok && strings.HasSuffix(name, " --"):
			files = append(files, file{name: strings.TrimSuffix(name, " --")})
		case len(files) == 0:
			comment += line
		default:
			files[len(files)-1].text += line
		}
	}
	return comment, files
}

// tree is a hand-written configuration of testdata/check. Its comment may hold
// lines "exit N", "args …", "mode FILE 0644", "mkdir FILE", "fifo FILE" and
// "link FILE TARGET"; the file "want" is what check prints, with DIR for the
// tree's folder.
type tree struct {
	comment string
	files   []file
	args    []string
	exit    int
	after   [][]string // mkdir, fifo, link, mode
}

func readTree(t *testing.T, name string) tree {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var tr tree
	tr.comment, tr.files = splitArchive(string(data))
	for _, line := range strings.Split(tr.comment, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "exit":
			if tr.exit, err = strconv.Atoi(words[1]); err != nil {
				t.Fatal(err)
			}
		case "args":
			tr.args = words[1:]
		case "mode", "mkdir", "fifo", "link":
			tr.after = append(tr.after, words)
		}
	}
	return tr
}

// write puts the tree below dir and returns what is wanted.
func (tr tree) write(t *testing.T, dir string) (want string) {
	t.Helper()
	for _, f := range tr.files {
		if f.name == "want" {
			want = f.text
			continue
		}
		writeFile(t, filepath.Join(dir, f.name), strings.ReplaceAll(f.text, "DIR", dir))
	}
	for _, words := range tr.after {
		name := filepath.Join(dir, words[1])
		var err error
		switch words[0] {
		case "mkdir":
			err = os.MkdirAll(name, 0o755)
		case "fifo":
			err = syscall.Mkfifo(name, 0o644)
		case "link":
			err = os.Symlink(filepath.Join(dir, words[2]), name)
		case "mode":
			var mode uint64
			if mode, err = strconv.ParseUint(words[2], 8, 32); err == nil {
				err = os.Chmod(name, fs.FileMode(mode))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return want
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{name: 0o644, dir: 0o755} { // whatever the umask
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// run calls the verb.
func run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = check.Main(args, &out, &errs)
	return code, out.String(), errs.String()
}

// TestTrees compares what check says of hand-written configurations, good and
// bad, with what stands in them.
func TestTrees(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Root(t), "testdata", "check", "*.txtar"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d trees in testdata/check (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			tr := readTree(t, file)
			dir := filepath.Join(t.TempDir(), "etc")
			want := tr.write(t, dir)
			code, stdout, stderr := run(append([]string{"-c", dir}, tr.args...)...)
			got := strings.ReplaceAll(stdout, dir, "DIR")
			if *update {
				save(t, file, tr, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(- want, + got):\n%s", diff)
			}
			if code != tr.exit || stderr != "" {
				t.Errorf("exit code %d, want %d; stderr %q", code, tr.exit, stderr)
			}
			sameAsJSON(t, dir, want)
		})
	}
}

// save writes what is printed in the place of what was wanted.
func save(t *testing.T, name string, tr tree, got string) {
	t.Helper()
	text := tr.comment
	for _, f := range tr.files {
		if f.name == "want" {
			f.text = got
		}
		text += "-- " + f.name + " --\n" + f.text
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sameAsJSON asks for the same with --json.
func sameAsJSON(t *testing.T, dir, want string) {
	t.Helper()
	_, stdout, _ := run("--config="+dir, "--json")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	text := ""
	errors, warnings := 0, 0
	for _, line := range lines[:len(lines)-1] {
		var f check.Fault
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		text += f.File + ":" + strconv.Itoa(f.Line) + ": "
		if f.Section != "" {
			text += "[" + f.Section + "] "
		}
		if f.Option != "" {
			text += f.Option + ": "
		}
		text += string(f.Severity) + ": " + f.Text
		if f.Remedy != "" {
			text += "; " + f.Remedy
		}
		text += "\n"
		switch f.Severity {
		case check.Error:
			errors++
		case check.Warning:
			warnings++
		}
	}
	var last struct {
		Summary struct {
			Dir              string
			Errors, Warnings int
			NotChecked       []string `json:"not_checked"`
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if s := last.Summary; s.Errors != errors || s.Warnings != warnings || s.Dir != dir {
		t.Errorf("summary %+v of %d errors and %d warnings", s, errors, warnings)
	}
	for _, what := range last.Summary.NotChecked {
		text += "not checked: " + what + "\n"
	}
	text = strings.ReplaceAll(text, dir, "DIR")
	faults := want[:strings.LastIndex(strings.TrimSuffix(want, "\n"), "\n")+1]
	if diff := cmp.Diff(faults, text); diff != "" {
		t.Errorf("--json (- text, + JSON):\n%s", diff)
	}
}

// TestRelativeFolder checks the working directory, under several names.
func TestRelativeFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\n")
	writeFile(t, filepath.Join(dir, "jail.conf"), "[DEFAULT]\nbantme = 1\n")
	writeFile(t, filepath.Join(dir, "jail.d", "x.conf"), "[DEFAULT]\n")
	t.Chdir(dir)
	if err := os.Chmod("jail.d", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "./", "../etc", dir + "/"} {
		code, stdout, _ := run("-c", name)
		if code != 1 || !strings.Contains(stdout, "jail.d:1: error: the folder may be changed by everybody") ||
			!strings.Contains(stdout, "jail.conf:2: [DEFAULT] bantme: warning: ") {
			t.Errorf("%s: exit code %d\n%s", name, code, stdout)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		out  string // part of stdout
		err  string // part of stderr
	}{
		{[]string{"--help"}, 0, "Usage: f2b-go check", ""},
		{[]string{"--wrong"}, 2, "", "Usage: f2b-go check"},
		{[]string{"-c"}, 2, "", "Usage: f2b-go check"},
		{[]string{"sshd"}, 2, "", `"sshd" is one word too many`},
		{[]string{"-c", "/nonexistent"}, 1, "/nonexistent:1: error: Base configuration directory /nonexistent does not exist; ", ""},
	} {
		code, stdout, stderr := run(tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.out) || !strings.Contains(stderr, tc.err) {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", tc.args, code, stdout, stderr)
		}
	}
}
