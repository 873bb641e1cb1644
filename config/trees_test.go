package config_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"f2b-go/config"
	"f2b-go/internal/testenv"
)

// releases are the reviewed differences between fail2ban 1.0.2, which Debian has,
// and 1.1.1, which we are: how to make of a 1.0.2 answer what 1.1.1 gives.
var releases = []struct {
	item, why string
	trees     []string // empty: any
	change    func(dir string, args []string, a *answer)
}{
	{"9.6", "[M] missing options with a default no longer warn", nil, func(_ string, _ []string, a *answer) {
		a.Log = slices.DeleteFunc(a.Log, func(l string) bool {
			return strings.HasPrefix(l, "WARNING '") && strings.Contains(l, "' not defined in '")
		})
	}},
	{"9.6", "[M] the jail's name is quoted", nil, func(_ string, _ []string, a *answer) {
		for i, l := range a.Log {
			if before, rest, ok := strings.Cut(l, "Have not found any log file for "); ok {
				a.Log[i] = before + "Have not found any log file for '" + strings.TrimSuffix(rest, " jail") + "' jail."
			}
		}
	}},
	{"5.1.2", "[M] -t alone tells its failure on stdout", nil, func(_ string, args []string, a *answer) {
		const text = "ERROR: test configuration failed"
		if n := len(a.Log); n > 0 && a.Log[n-1] == "ERROR "+text && args[len(args)-1] == "-t" {
			a.Log = a.Log[:n-1]
			a.Out += text + "\n"
		}
	}},
	{"5.1.2", "[M] a failing -t alone ends without another message", nil, func(_ string, args []string, a *answer) {
		if n := len(a.Log); n > 0 && a.Log[n-1] == "ERROR Init of command line failed" && slices.Contains(args, "-t") {
			a.Log = a.Log[:n-1]
		}
	}},
	{"1.4.8", "fail2ban_version is the release's own", []string{"1.4.8-always-there"}, func(_ string, _ []string, a *answer) {
		a.Out = strings.ReplaceAll(a.Out, "1.0.2", "1.1.1")
	}},
}

// tree is one hand-written configuration of testdata/config.
type tree struct {
	name  string
	calls [][]string        // options besides -c
	files map[string]string // by name; "@" before a name: text is Go-quoted lines
	want  map[string]string // what we print, for calls in which 1.0.2 differs as a whole
	other []string          // items of the compatibility list that say why
	bare  bool              // no fail2ban.conf is added
}

// readTree reads a tree from a txtar file. Lines of its comment that begin with
// "run:" name the options of a call, "main:" the items by which 1.1.1 differs
// from 1.0.2 so much that the file holds what 1.1.1 prints under want/OPTIONS;
// "bare:" leaves fail2ban.conf out.
func readTree(t *testing.T, file string) tree {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	comment, files := splitArchive(string(data))
	tr := tree{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), files: map[string]string{}, want: map[string]string{}}
	for _, line := range strings.Split(comment, "\n") {
		if rest, ok := strings.CutPrefix(line, "run:"); ok {
			tr.calls = append(tr.calls, strings.Fields(rest))
		}
		if rest, ok := strings.CutPrefix(line, "main:"); ok {
			tr.other = strings.Fields(rest)
		}
		tr.bare = tr.bare || line == "bare:"
	}
	if tr.calls == nil {
		tr.calls = [][]string{{"-d"}, {"--dp"}, {"-t"}}
	}
	for _, f := range files {
		name, text := f[0], f[1]
		if plain, ok := strings.CutPrefix(name, "@"); ok {
			name, text = plain, unquote(t, text)
		}
		if call, ok := strings.CutPrefix(name, "want/"); ok {
			tr.want[call] = text
			continue
		}
		tr.files[name] = text
	}
	return tr
}

// splitArchive cuts a txtar file into its comment and its files: a line
// "-- NAME --" begins each.
func splitArchive(text string) (comment string, files [][2]string) {
	for _, line := range strings.SplitAfter(text, "\n") {
		name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		if ok && strings.HasSuffix(name, " --") {
			files = append(files, [2]string{strings.TrimSuffix(name, " --")})
			continue
		}
		if len(files) == 0 {
			comment += line
		} else {
			files[len(files)-1][1] += line
		}
	}
	return comment, files
}

// unquote joins lines of Go strings without their quotes.
func unquote(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		s, err := strconv.Unquote(`"` + line + `"`)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		b.WriteString(s)
	}
	return b.String()
}

// write puts the tree below dir. "-> TARGET" makes a link, "mode 000" a file
// nobody reads, "directory" a directory.
func (tr tree) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range tr.files {
		full := filepath.Join(dir, name)
		target, isLink := strings.CutPrefix(text, "-> ")
		switch {
		case isLink:
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(strings.TrimSpace(target), full); err != nil {
				t.Fatal(err)
			}
		case text == "directory\n":
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
		default:
			writeFile(t, full, text)
		}
	}
	if _, ok := tr.files["fail2ban.conf"]; !ok && !tr.bare {
		writeFile(t, filepath.Join(dir, "fail2ban.conf"), "[Definition]\nallowipv6 = auto\n")
	}
}

// ours answers a call as the client would.
func ours(dir string, args []string) answer {
	a := answer{Log: []string{}}
	req := config.Request{Given: map[string]string{}}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-d":
			req.Dump = config.PlainDump
		case "--dp":
			req.Dump = config.PrettyDump
		case "-t":
			req.Test = true
		case "-s":
			i++
			req.Given["socket"] = args[i]
		default: // --loglevel, --logtarget, --syslogsocket
			req.Given[strings.TrimLeft(args[i], "-")] = args[i+1]
			i++
		}
	}
	c := config.New(config.Options{Dir: dir, Least: config.Warning, Log: func(m config.Message) {
		a.Log = append(a.Log, m.Severity.String()+" "+m.Text)
	}})
	var out bytes.Buffer
	_, a.Code, _ = c.Answer(&out, req)
	a.Out = out.String()
	return a
}

// TestTrees compares the answers to -d, --dp and -t for hand-written trees with
// fail2ban's. The files' names begin with the items that they exercise.
func TestTrees(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Root(t), "testdata", "config", "*.txtar"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d trees in testdata/config (%v), want 30 or more", len(files), err)
	}
	o, compare := newOracle(t)
	for _, file := range files {
		tr := readTree(t, file)
		t.Run(tr.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "etc")
			tr.write(t, dir)
			for _, call := range tr.calls {
				got := ours(dir, call)
				name := strings.Join(call, " ")
				if _, ok := tr.want[name]; ok {
					checkWant(t, tr, name, strings.ReplaceAll(show(got), dir, "DIR"))
				}
				if compare && (o.main || tr.want[name] == "") {
					besideFail2ban(t, o, tr, dir, call)
				}
			}
		})
	}
}

func show(a answer) string {
	return fmt.Sprintf("%s%s\nexit %d\n", a.Out, strings.Join(a.Log, "\n"), a.Code)
}

func checkWant(t *testing.T, tr tree, name, got string) {
	t.Helper()
	if len(tr.other) == 0 {
		t.Error("what 1.1.1 prints stands in the tree, but not why 1.0.2 differs")
	}
	if diff := cmp.Diff(tr.want[name], got); diff != "" {
		t.Errorf("%s, see %s (- what 1.1.1 prints, + ours):\n%s", name, tr.other, diff)
	}
}

func besideFail2ban(t *testing.T, o *oracle, tr tree, dir string, call []string) {
	t.Helper()
	got := ours(dir, call)
	want := o.run(t, append([]string{"-c", dir}, call...)...)
	if !o.main {
		for _, r := range releases {
			if r.trees == nil || slices.Contains(r.trees, tr.name) {
				r.change(dir, call, &want)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (- fail2ban, + ours):\n%s", strings.Join(call, " "), diff)
	}
}
