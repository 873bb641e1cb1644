package server

import (
	"bytes"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/control"
	"f2b-go/control/pickle"
	"f2b-go/internal/pytext"
	"f2b-go/internal/testenv"

	ogorek "github.com/kisielk/og-rek"
)

// calls are command lines without a server that both programs answer alike. A
// usage text is compared by its first line, since its words are our own.
var calls = []struct {
	program string
	args    []string
}{
	{ClientName, nil}, {ClientName, []string{"--nope"}}, {ServerName, []string{"--nope"}}, {ClientName, []string{"-h"}},
	{ServerName, []string{"--help"}}, {ClientName, []string{"-V"}}, {ClientName, []string{"--version"}},
	{ClientName, []string{"--str2sec", "1d3h"}}, {ClientName, []string{"--str2sec", "1mo"}}, {ClientName, []string{"--str2sec", "xx"}},
	{ClientName, []string{"ARGS", "ping"}}, {ClientName, []string{"ARGS", "status"}}, {ClientName, []string{"ARGS", "stop"}},
	{ClientName, []string{"ARGS", "reload"}}, {ClientName, []string{"ARGS", "reload", "a", "b"}}, {ClientName, []string{"ARGS", "ping", "abc"}},
	{ClientName, []string{"ARGS", "--loglevel", "XX", "status"}}, {ServerName, []string{"ARGS", "status"}},
	{ClientName, []string{"ARGS", "-q", "ping"}}, {ClientName, []string{"ARGS", "-d"}}, {ClientName, []string{"ARGS", "--dp"}},
	{ClientName, []string{"ARGS", "-t"}}, {ServerName, []string{"ARGS", "-t"}}, {ClientName, []string{"ARGS", "-t", "ping"}},
	{ClientName, []string{"ARGS", "--t"}}, {ClientName, []string{"ARGS", "--timeout", "x", "ping"}},
	{ClientName, []string{"ARGS", "ping", "-1"}}, {ClientName, []string{"ARGS", "ping", "-5"}}, {ClientName, []string{"ARGS", "ping", "nan"}},
	{ClientName, []string{"ARGS", "ping", "0.5"}}, {ClientName, []string{"ARGS", "-i", "nope"}}, {ClientName, []string{"ARGS", "--", "ping"}},
}

// lineHead is what the log puts before a message.
var lineHead = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d [\d:,]+ (\S+) *\[\d+\]: `)

// hint is what we add to fail2ban's words: the place and the remedy.
var hint = regexp.MustCompile(`(?m) \(use .*\)$`)

// TestCommandLines_5_1 compares output and exit code with Debian's programs.
func TestCommandLines_5_1(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	z, s := newZygote(t, lib), newScratch(t, simple())
	for _, c := range calls {
		var args []string
		for _, a := range c.args {
			if a == "ARGS" {
				args = append(args, s.args()...)
				continue
			}
			args = append(args, a)
		}
		normal := func(o outcome) outcome {
			o.err = hint.ReplaceAllString(o.err, "")
			for _, p := range []*string{&o.out, &o.err} {
				*p = strings.NewReplacer("v1.0.2", "v1.1.1", "1.0.2\n", "1.1.1\n").Replace(lineHead.ReplaceAllString(*p, "$1: "))
				if first, _, isUsage := strings.Cut(*p, "\n"); isUsage && strings.HasPrefix(first, "Usage: ") {
					*p = first
				}
			}
			return o
		}
		want, got := normal(z.call(c.program, args...)), normal(call(t, self(c.program, args...)))
		if got != want {
			t.Errorf("%s %v:\n got %+v\nwant %+v", c.program, c.args, got, want)
		}
	}
}

// full is a file on a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestLostOutputIsAFailure_5_1_4: who keeps a reply in a file learns that it is not there.
func TestLostOutputIsAFailure_5_1_4(t *testing.T) {
	s := newScratch(t, simple())
	for _, args := range [][]string{{"-V"}, {"--help"}, append(s.args(), "-d"), append(s.args(), "-t")} {
		var errs bytes.Buffer
		if code := Main(Program{Name: ClientName, Args: args, In: strings.NewReader(""), Out: full{}, Err: &errs}); code != 255 || errs.String() != "printing: no space left on device\n" {
			t.Errorf("%q: exit code %d, %q", args, code, errs.String())
		}
	}
}

// TestHelpListsCommands: shells complete what the help lists: four blanks, a
// command, blanks, its description.
func TestHelpListsCommands(t *testing.T) {
	out := call(t, self(ClientName, "-h")).out
	for _, want := range []string{"\nCommand:\n", "\n    status --all [FLAVOR] ", "\n    set <JAIL> banip <IP> ... <IP> ", "\n    -c, --conf <DIR>  "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the help", want)
		}
	}
	for line := range strings.Lines(out) {
		if len(line) > 90 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

// TestInteractive takes commands from standard input.
func TestInteractive(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	cmd := self(ClientName, s.args("-i")...)
	cmd.Stdin = strings.NewReader("ping\n\nset j1 banip 'a b' \"c d\"\nget j1 banip ,\nbad 'quote\nnope\nreload j1\nquit\nping\n")
	got := call(t, cmd)
	for _, want := range []string{"fail2ban> Server replied: pong\n", "fail2ban> 2\n", "fail2ban> a b,c d\n", "Invalid command\n", "fail2ban>   ## reload ... \nOK\n"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("no %q in %q", want, got.out)
		}
	}
	if !strings.Contains(got.err, "No closing quotation") || got.code != 0 || strings.Count(got.out, "pong") != 1 {
		t.Errorf("%+v", got)
	}
	cmd = self(ClientName, s.args("-i", "ping")...)
	cmd.Stdin = strings.NewReader("version\n")
	if got := call(t, cmd); got.code != 255 || !strings.HasSuffix(got.out, "fail2ban> 1.1.1\nfail2ban> \n") || !strings.HasSuffix(got.err, "EOF when reading a line\n") {
		t.Errorf("the end of the input: %+v", got)
	}
}

// TestGoClients_D0 speaks as the exporters and dashboards do: og-rek's pickles,
// opcode by opcode in tiny writes, one connection, each answer in one read.
func TestGoClients_D0(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	s.client("set", "j1", "banip", "192.0.2.1")
	conn, err := net.Dial("unix", s.path("f2b.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		request []any
		want    string
	}{
		{[]any{"ping", "100"}, "(0, 'pong')"},
		{[]any{"version"}, "(0, '1.1.1')"},
		{[]any{"status"}, "(0, [('Number of jail', 2), ('Jail list', 'j1, j2')])"},
		{[]any{"status", "j1"}, "(0, [('Filter', [('Currently failed', 0), ('Total failed', 0), ('File list', ['DIR/j1.log'])]), " +
			"('Actions', [('Currently banned', 1), ('Total banned', 1), ('Banned IP list', ['192.0.2.1'])])])"},
		{[]any{"get", "j1", "bantime"}, "(0, 3600)"},
		{[]any{"get", "j1", "findtime"}, "(0, 600)"},
		{[]any{"get", "j1", "maxretry"}, "(0, 2)"},
		{[]any{"banned"}, "(0, [{'j1': ['192.0.2.1']}, {'j2': []}])"},
	} {
		w := &oneByOne{conn: conn}
		if err := ogorek.NewEncoder(w).Encode(c.request); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pickle.Marker)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<16)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		data, whole := bytes.CutSuffix(buf[:n], []byte(pickle.Marker))
		v, err := ogorek.NewDecoder(bytes.NewReader(data)).Decode()
		if !whole || err != nil {
			t.Fatalf("%v: in one piece %v, %v", c.request, whole, err)
		}
		if got := pytext.Repr(fromOgorek(v)); got != strings.ReplaceAll(c.want, "DIR", s.dir) {
			t.Errorf("%v: got %s\nwant %s", c.request, got, c.want)
		}
	}
}

// oneByOne writes each byte by itself.
type oneByOne struct{ conn net.Conn }

func (w *oneByOne) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := w.conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// fromOgorek makes og-rek's values ours.
func fromOgorek(v any) any {
	switch t := v.(type) {
	case ogorek.Tuple:
		return pytext.Tuple(fromOgorek([]any(t)).([]any))
	case []any:
		out := make([]any, len(t))
		for i, e := range t {
			out[i] = fromOgorek(e)
		}
		return out
	case map[any]any:
		d := pytext.Dict{}
		for k, e := range t {
			d = append(d, pytext.Item{Key: k, Value: fromOgorek(e)})
		}
		return d
	}
	return v
}

// TestCommandsFromActions: an action may call the client; only its own jail
// waits for it.
func TestCommandsFromActions(t *testing.T) {
	files := simple()
	files["etc/action.d/a2.conf"] = "[Definition]\nactionban = F2B_GO_TEST_PROGRAM=" + ClientName + " SELF -c DIR/etc set j1 banip <ip>\n"
	s := newScratch(t, nil)
	files["etc/action.d/a2.conf"] = strings.ReplaceAll(files["etc/action.d/a2.conf"], "SELF", self(ClientName).Path)
	for name, text := range files {
		s.write(name, text)
	}
	s.serve()
	begin := time.Now()
	if got := s.client("set", "j2", "banip", "192.0.2.5"); got.out != "1\n" {
		t.Errorf("banip: %+v", got)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	c, err := control.Dial(s.path("f2b.sock"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v, err := c.Send([]any{"get", "j1", "banip"}); err != nil || pytext.Repr(v) != "['192.0.2.5']" {
		t.Errorf("the other jail: %v, %v", v, err)
	}
}

// TestReloadBesideSlowAction: while an action of a ban by hand hangs and a
// reload waits for it, other commands are answered.
func TestReloadBesideSlowAction(t *testing.T) {
	files := simple()
	files["etc/action.d/a2.conf"] = "[Definition]\nactionban = touch DIR/began; while [ ! -e DIR/go ]; do sleep 0.05; done\n"
	s := newScratch(t, files)
	s.serve()
	ban, reload := make(chan outcome, 1), make(chan outcome, 1)
	go func() { ban <- s.client("set", "j2", "banip", "192.0.2.5") }()
	testenv.Eventually(t, "the action hangs", func() bool { return fileExists(s.path("began")) })
	go func() { reload <- s.client("reload") }()
	testenv.Eventually(t, "the reload is under way", func() bool { return strings.Contains(s.read("f2b.log"), "Reload all jails") })
	for _, words := range []string{"status", "status j2", "set j1 banip 192.0.2.6", "get j1 bantime", "ping"} {
		begin := time.Now()
		if got := s.client(strings.Fields(words)...); got.code != 0 || time.Since(begin) > 5*time.Second {
			t.Errorf("%s: %+v after %v", words, got, time.Since(begin))
		}
	}
	s.write("go", "")
	if got := <-ban; got.out != "1\n" {
		t.Errorf("banip: %+v", got)
	}
	if got := <-reload; got.out != "OK\n" {
		t.Errorf("reload: %+v", got)
	}
	if got := s.client("get", "j2", "banip").out; got != "192.0.2.5\n" {
		t.Errorf("banned: %q", got)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
