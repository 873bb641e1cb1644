package testfilter

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// following is a run of --follow on a log, with its output as it comes.
type following struct {
	t    *testing.T
	log  string
	out  *bufio.Reader
	errs *bufio.Reader
	code chan int
}

// follow starts the run and waits until it follows the log.
func follow(t *testing.T, log string, args ...string) *following {
	t.Helper()
	out, stdout := io.Pipe()
	errs, stderr := io.Pipe()
	f := &following{t: t, log: log, out: bufio.NewReader(out), errs: bufio.NewReader(errs), code: make(chan int, 1)}
	go func() {
		f.code <- Main(append([]string{"--follow"}, args...), strings.NewReader(""), stdout, stderr, "test-filter")
		_ = stdout.Close()
		_ = stderr.Close()
	}()
	if word := f.line(f.errs); !strings.HasPrefix(word, "Following ") && !strings.HasPrefix(word, "Waiting for ") {
		t.Fatalf("it begins with %q", word)
	}
	return f
}

func (f *following) line(r *bufio.Reader) string {
	f.t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		f.t.Fatalf("after %q: %v", text, err)
	}
	return strings.TrimSuffix(text, "\n")
}

// until reads lines up to one that contains a text.
func (f *following) until(text string) string {
	f.t.Helper()
	for {
		if line := f.line(f.out); strings.Contains(line, text) {
			return line
		}
	}
}

// write appends to a file.
func (f *following) write(path, text string) {
	f.t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		f.t.Fatal(err)
	}
}

// interrupt ends the run and returns the rest of its output.
func (f *following) interrupt() string {
	f.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		f.t.Fatal(err)
	}
	rest, err := io.ReadAll(f.out)
	if err != nil {
		f.t.Fatal(err)
	}
	if code := <-f.code; code != exitDone {
		f.t.Errorf("exit code %d", code)
	}
	return string(rest)
}

// look does what the follower does every half second.
func (f *following) look(o *follower) {
	f.t.Helper()
	if o.tail == nil {
		return // the log is not there
	}
	if err := o.look(); err != nil {
		f.t.Fatal(err)
	}
}

// TestFollow: each line of a growing and rotating log gets its verdict when it
// is written, and an interrupt ends with the summary.
func TestFollow(t *testing.T) {
	inUTC(t)
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("old from 192.0.2.1\nold, with a line be"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := follow(t, log, log, `^\w+ from <ADDR>$`)
	f.write(log, "gun\nnew from 192.0.2.2\n")
	want := func(line string) {
		t.Helper()
		if got := f.until("|"); got != line {
			t.Errorf("got %q, want %q", got, line)
		}
	}
	want("missed  | old, with a line begun")
	want("failure 192.0.2.2 | new from 192.0.2.2")
	f.write(log, "half a ")
	f.write(log, "line\n\n# no line\n\x1b[31mred\n")
	want("missed  | half a line")
	want(`missed  | \x1b[31mred`)

	renamed := log + ".1"
	if err := os.Rename(log, renamed); err != nil {
		t.Fatal(err)
	}
	f.write(renamed, "late from 192.0.2.3\n")
	f.write(log, "first from 192.0.2.4\n")
	want("failure 192.0.2.3 | late from 192.0.2.3")
	want("failure 192.0.2.4 | first from 192.0.2.4")
	f.write(renamed, "later from 192.0.2.5\n")
	f.write(log, "second from 192.0.2.6\n")
	want("failure 192.0.2.5 | later from 192.0.2.5")
	want("failure 192.0.2.6 | second from 192.0.2.6")

	if rest := f.interrupt(); !strings.Contains(rest, "Lines: 8 lines, 0 ignored, 5 matched, 3 missed\n") {
		t.Errorf("it ends with %s", rest)
	}
}

// TestFollowJSON follows a log that is not there yet, with --json and --explain:
// an object a line, numbered as in the file, and the summary.
func TestFollowJSON(t *testing.T) {
	inUTC(t)
	log := filepath.Join(t.TempDir(), "log")
	f := follow(t, log, "--json", "--explain", log, `^\w+ from <ADDR>$`)
	f.write(log, "a from 192.0.2.1\n")
	read := func() (o struct {
		Line    int
		Text    string
		Result  string
		Explain struct{ Why string }
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(f.line(f.out)), &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := read(); o.Line != 1 || o.Result != "failure" || o.Explain.Why != "failregex 1 fits" {
		t.Errorf("%+v", o)
	}
	f.write(log, "# none\nb\n")
	if o := read(); o.Line != 3 || o.Text != "b" || o.Result != "missed" || o.Explain.Why != "no failregex fits" {
		t.Errorf("%+v", o)
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	f.write(log, "c\n")
	if o := read(); o.Line != 1 || o.Text != "c" {
		t.Errorf("%+v", o)
	}
	if got := f.interrupt(); got != `{"summary":{"lines":3,"ignored":0,"matched":1,"missed":2}}`+"\n" {
		t.Errorf("it ends with %q", got)
	}
}

// TestFollowCut: a log that is cut and written anew is read from its beginning.
func TestFollowCut(t *testing.T) {
	inUTC(t)
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(strings.Repeat("x\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	f := follow(t, log, log, `^\w+ from <ADDR>$`)
	f.write(log, "a\n")
	f.until("| a")
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	f.write(log, "b from 192.0.2.1\n")
	f.until("failure 192.0.2.1 | b from 192.0.2.1")
	f.interrupt()
}

// TestFollowOut: -o prints as lines come.
func TestFollowOut(t *testing.T) {
	inUTC(t)
	log := filepath.Join(t.TempDir(), "log")
	f := follow(t, log, "-o", "id", log, `^\w+ from <ADDR>$`)
	f.write(log, "x\na from 192.0.2.1\n")
	if got := f.line(f.out); got != "192.0.2.1" {
		t.Errorf("got %q", got)
	}
	f.write(log, "a from 192.0.2.2\n")
	if got := f.line(f.out); got != "192.0.2.2" {
		t.Errorf("got %q", got)
	}
	if rest := f.interrupt(); rest != "" {
		t.Errorf("it ends with %q", rest)
	}
}

// TestFollowRefuses what cannot be followed.
func TestFollowRefuses(t *testing.T) {
	inUTC(t)
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		out  string
	}{
		{[]string{dir, "<HOST>"}, "ERROR: following " + dir + ": it is no file\n"},
		{[]string{"-e", "utf-16", filepath.Join(dir, "log"), "<HOST>"},
			"ERROR: following " + filepath.Join(dir, "log") + ": the lines of a log in utf-16 cannot be told apart while it grows; judge it without --follow\n"},
	} {
		got := ours(append([]string{"--follow"}, c.args...))
		if got.Code != exitFailed || !strings.HasSuffix(got.Out, c.out) {
			t.Errorf("exit code %d, %q; want %q", got.Code, got.Out, c.out)
		}
	}
}

// TestFollowRemoved: of a log that is removed and written anew, again and again,
// no line is given twice, whoever notices it first.
func TestFollowRemoved(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	w := &following{t: t}
	w.write(log, "old\n")
	f := &follower{ctx: t.Context(), path: log, flush: func() {}}
	defer f.close()
	if !f.open() {
		t.Fatal("it does not open")
	}
	for _, text := range []string{"a long line\n", "b\n", "a longer line than that\n", "c\n"} {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		w.write(log, text)
		for _, want := range []string{text, "more\n"} {
			line, err := f.next()
			if string(line) != want || err != nil {
				t.Fatalf("got %q, %v; want %q", line, err, want)
			}
			if want == text {
				w.look(f)
				w.write(log, "more\n")
			}
		}
		if f.number != 2 {
			t.Errorf("the second line has number %d", f.number)
		}
	}
}

// TestFollowRenamedBack: a log that is renamed and renamed back goes on where
// it was.
func TestFollowRenamedBack(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	w := &following{t: t}
	w.write(log, "old\n")
	f := &follower{ctx: t.Context(), path: log, flush: func() {}}
	defer f.close()
	if !f.open() {
		t.Fatal("it does not open")
	}
	for _, text := range []string{"a\n", "b\n", "c\n"} {
		w.write(log, text)
		if line, err := f.next(); string(line) != text || err != nil {
			t.Fatalf("got %q, %v; want %q", line, err, text)
		}
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		w.look(f)
		if err := os.Rename(log+".1", log); err != nil {
			t.Fatal(err)
		}
	}
	if f.number != 4 {
		t.Errorf("the last line has number %d", f.number)
	}
}
