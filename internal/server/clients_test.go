package server

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ogorek "github.com/kisielk/og-rek"
	gopickle "github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"f2b-go/control/pickle"
)

// goClient asks as the Go programs do that speak to fail2ban's socket: og-rek
// writes the request opcode by opcode, the answer is read into a buffer of 1,024
// bytes that is kept whole each time, and gopickle reads it, with str as the one
// class it knows (FIELD D.0).
type goClient struct {
	t    *testing.T
	conn net.Conn
	// tiny has each byte of a request go out by itself.
	tiny bool
}

func newGoClient(t *testing.T, path string, tiny bool) *goClient {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &goClient{t, conn, tiny}
}

// strClass is builtins.str to gopickle.
type strClass struct{}

func (strClass) Call(args ...any) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("str of %d values", len(args))
	}
	return args[0], nil
}

func (c *goClient) ask(words ...any) any {
	c.t.Helper()
	var err error
	if c.tiny {
		err = ogorek.NewEncoder(&oneByOne{c.conn}).Encode(words)
	} else {
		err = ogorek.NewEncoder(c.conn).Encode(words)
	}
	if err == nil {
		_, err = c.conn.Write([]byte(pickle.Marker))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	var data []byte
	for !bytes.Contains(data, []byte(pickle.Marker)) {
		buf := make([]byte, 1024)
		if _, err := c.conn.Read(buf); err != nil {
			c.t.Fatal(err)
		}
		data = append(data, buf...)
	}
	u := gopickle.NewUnpickler(bytes.NewReader(data))
	u.FindClass = func(module, name string) (any, error) {
		if (module == "builtins" || module == "__builtin__") && name == "str" {
			return strClass{}, nil
		}
		return nil, fmt.Errorf("class not found: %s.%s", module, name)
	}
	v, err := u.Load()
	if err != nil {
		c.t.Fatalf("%v: %v", words, err)
	}
	return v
}

// value asks and takes the pair apart.
func (c *goClient) value(words ...any) any {
	c.t.Helper()
	pair, ok := c.ask(words...).(*types.Tuple)
	if !ok || pair.Len() != 2 || pair.Get(0) != 0 {
		c.t.Fatalf("%v: the answer is %v", words, pair)
	}
	return pair.Get(1)
}

// list and tuple insist on the very types that the clients switch on.
func (c *goClient) list(v any) []any {
	c.t.Helper()
	l, ok := v.(*types.List)
	if !ok {
		c.t.Fatalf("a %T where a list should be: %v", v, v)
	}
	out := make([]any, l.Len())
	for i := range out {
		out[i] = l.Get(i)
	}
	return out
}

func (c *goClient) tuple(v any, n int) []any {
	c.t.Helper()
	p, ok := v.(*types.Tuple)
	if !ok || p.Len() != n {
		c.t.Fatalf("a %T where a tuple of %d should be: %v", v, n, v)
	}
	out := make([]any, n)
	for i := range out {
		out[i] = p.Get(i)
	}
	return out
}

// TestGoExporter asks what the Prometheus exporter asks, by positions.
func TestGoExporter(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	s.client("set", "j1", "banip", "192.0.2.1", "192.0.2.2")
	s.client("set", "j1", "banip", "2001:db8::1")
	for _, tiny := range []bool{false, true} {
		c := newGoClient(t, s.path("f2b.sock"), tiny)
		for range 3 { // one connection, kept open between scrapes
			if v := c.value("ping", "100"); v != "pong" {
				t.Errorf("ping: %v", v)
			}
			if v := c.value("version"); v != Reported {
				t.Errorf("version: %v", v)
			}
			jails, _ := c.tuple(c.list(c.value("status"))[1], 2)[1].(string)
			if jails != "j1, j2" {
				t.Errorf("the jails: %q", jails)
			}
			for _, name := range strings.Split(jails, ",") {
				name = strings.TrimSpace(name)
				parts := c.list(c.value("status", name))
				var got []any
				for i := range 2 {
					counts := c.list(c.tuple(parts[i], 2)[1])
					got = append(got, c.tuple(counts[0], 2)[1], c.tuple(counts[1], 2)[1])
				}
				got = append(got, c.value("get", name, "bantime"), c.value("get", name, "findtime"), c.value("get", name, "maxretry"))
				want := map[string][]any{"j1": {0, 0, 3, 3, 3600, 600, 2}, "j2": {0, 0, 0, 0, -1, 600, 3}}[name]
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		}
	}
}

// banLine is the dashboard's reading of a line of `get JAIL banip --with-time`.
var banLine = regexp.MustCompile(`^(\S+)[ \t]+(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) \+ (-?\d+) = (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})$`)

// TestGoDashboard asks what fail2ban-dashboard asks and checks what it checks.
func TestGoDashboard(t *testing.T) {
	files := simple()
	files["etc/fail2ban.local"] = "[Definition]\nreport_version = 1.1.0\n"
	s := newScratch(t, files)
	s.serve()
	s.client("set", "j1", "banip", "192.0.2.1", "2001:db8::1")
	s.client("set", "j2", "banip", "192.0.2.3")
	c := newGoClient(t, s.path("f2b.sock"), false)
	if v := c.value("version"); v != "1.1.0" {
		t.Errorf("the version is not on the dashboard's list: %v", v)
	}
	status := c.list(c.value("status"))
	number, names := c.tuple(status[0], 2), c.tuple(status[1], 2)
	jails := strings.Split(names[1].(string), ", ")
	if len(status) != 2 || number[0] != "Number of jail" || names[0] != "Jail list" || number[1] != len(jails) {
		t.Errorf("status: %v %v", number, names)
	}
	banned := map[string][]string{}
	for _, name := range jails {
		parts := c.list(c.value("status", name))
		if len(parts) != 2 {
			t.Fatalf("%s: %d parts", name, len(parts))
		}
		for i, keys := range [][]string{{"Filter", "Currently failed", "Total failed", "File list"}, {"Actions", "Currently banned", "Total banned", "Banned IP list"}} {
			part := c.tuple(parts[i], 2)
			for k, item := range c.list(part[1]) {
				if pair := c.tuple(item, 2); pair[0] != keys[k+1] || part[0] != keys[0] {
					t.Errorf("%s: %v of %v", name, pair[0], part[0])
				}
			}
		}
		for _, line := range c.list(c.value("get", name, "banip", "--with-time")) {
			m := banLine.FindStringSubmatch(line.(string))
			if m == nil || net.ParseIP(m[1]) == nil {
				t.Fatalf("%s: the line %q", name, line)
			}
			banned[name] = append(banned[name], m[1]+" "+m[3])
			if name == "j2" && m[4] != "9999-12-31 23:59:59" {
				t.Errorf("the end of a ban for good: %s", m[4])
			}
		}
	}
	if got := fmt.Sprint(banned); got != "map[j1:[192.0.2.1 3600 2001:db8::1 3600] j2:[192.0.2.3 -1]]" {
		t.Error(got)
	}
}

// TestManyAnswersInOnePiece: an answer of many kilobytes comes in one write.
func TestManyAnswersInOnePiece(t *testing.T) {
	s := newScratch(t, simple())
	s.serve()
	words := []string{"set", "j1", "banip"}
	for i := range 200 {
		words = append(words, fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("2001:db8::%x:1", i))
	}
	if got := s.client(words...); got.out != "400\n" {
		t.Fatalf("banip: %+v", got)
	}
	c := newGoClient(t, s.path("f2b.sock"), false)
	if err := ogorek.NewEncoder(c.conn).Encode([]any{"get", "j1", "banip", "--with-time"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Write([]byte(pickle.Marker)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	n, err := c.conn.Read(buf)
	if err != nil || !bytes.HasSuffix(buf[:n], []byte(pickle.Marker)) || n < 20<<10 {
		t.Errorf("%d bytes in the first read, %v", n, err)
	}
}
