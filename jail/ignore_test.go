package jail

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
)

// names is a resolver that counts what it is asked.
type names struct {
	known map[string][]string
	asked int
}

func (n *names) Resolve(name string) []ipaddr.Addr {
	n.asked++
	var out []ipaddr.Addr
	for _, a := range n.known[name] {
		out = append(out, ipaddr.Parse(a))
	}
	return out
}

// commands is a runner whose exit codes are in a table by the command's text.
type commands struct {
	codes map[string]int
	ran   []shell.Command
}

func (c *commands) Run(_ context.Context, cmd shell.Command) shell.Result {
	c.ran = append(c.ran, cmd)
	code, ok := c.codes[cmd.Script]
	if !ok {
		code = 127
	}
	return shell.Result{Code: code, OK: code == 0 || code == 1}
}

// expand fills <ip> alone.
type expand struct{}

func (expand) Expand(text string, t *Ticket) (string, []string) {
	return strings.ReplaceAll(text, "<ip>", t.IP().String()), nil
}

type ignoreBench struct {
	*recorder
	ig    *ignorer
	names *names
	cmds  *commands
	now   time.Time
}

func newIgnoreBench() *ignoreBench {
	b := &ignoreBench{recorder: &recorder{}, names: &names{known: map[string][]string{}}, cmds: &commands{codes: map[string]int{}}, now: time.Unix(1_700_000_000, 0)}
	clock := func() time.Time { return b.now }
	self := NewSelf(b.names)
	self.interfaces = func() ([]net.Addr, error) {
		_, n, err := net.ParseCIDR("198.51.100.7/24")
		n.IP = net.ParseIP("198.51.100.7")
		return []net.Addr{n}, err
	}
	b.ig = newIgnorer(ignoreEnv{jail: "j", clock: clock, resolver: b.names, self: self, expander: expand{}, runner: b.cmds,
		log: slog.New(logTo{r: b.recorder, logger: "filter", least: logfmt.LevelMSG})})
	return b
}

func (b *ignoreBench) ask(id string) string {
	b.take()
	got := b.ig.ignored(context.Background(), &Ticket{ID: ipaddr.Parse(id), Time: 1}, b.now)
	return fmt.Sprint(got, " ", strings.Join(b.take(), "; "))
}

// TestIgnoreRules_2_10 is which rule ignores what, and what the log says.
func TestIgnoreRules_2_10(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		command string
		id      string
		want    string
	}{
		{"nothing", nil, "", "192.0.2.1", "false "},
		{"own interface", nil, "", "198.51.100.7", "true INFO filter: [j] Ignore 198.51.100.7 by ignoreself rule"},
		{"own network is not oneself", nil, "", "198.51.100.8", "false "},
		{"localhost", nil, "", "127.0.0.1", "true INFO filter: [j] Ignore 127.0.0.1 by ignoreself rule"},
		{"address", []string{"192.0.2.1"}, "", "192.0.2.1", "true INFO filter: [j] Ignore 192.0.2.1 by ip"},
		{"mapped address", []string{"::ffff:192.0.2.1"}, "", "192.0.2.1", "true INFO filter: [j] Ignore 192.0.2.1 by ip"},
		{"network", []string{"192.0.2.77/24"}, "", "192.0.2.1", "true INFO filter: [j] Ignore 192.0.2.1 by ip"},
		{"netmask", []string{"192.0.2.0/255.255.255.0"}, "", "192.0.2.1", "true INFO filter: [j] Ignore 192.0.2.1 by ip"},
		{"network inside", []string{"192.0.0.0/16"}, "", "192.0.2.0/24", "true INFO filter: [j] Ignore 192.0.2.0/24 by ip"},
		{"other family", []string{"2001:db8::/32"}, "", "192.0.2.1", "false "},
		{"name", []string{"good.example"}, "", "192.0.2.5", "true INFO filter: [j] Ignore 192.0.2.5 by dns"},
		{"R2 raw word is a name", []string{"bob"}, "", "bob", "false "},
		{"empty entry", []string{""}, "", "", "false "},
		{"command says yes", nil, "ask <ip>", "192.0.2.1", "true INFO filter: [j] Ignore 192.0.2.1 by command"},
		{"command says no", nil, "ask <ip>", "192.0.2.2", "false "},
		{"command fails", nil, "ask <ip>", "192.0.2.3", "false "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newIgnoreBench()
			b.names.known["good.example"] = []string{"192.0.2.5", "2001:db8::5"}
			b.cmds.codes = map[string]int{"ask 192.0.2.1": 0, "ask 192.0.2.2": 1}
			for _, e := range tt.entries {
				b.ig.add(e)
			}
			if tt.command != "" {
				b.ig.setCommand(tt.command)
			}
			if got := b.ask(tt.id); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.id, got, tt.want)
			}
		})
	}
}

// TestIgnoreSelfOff_2_10_5 counts the machine's own failures.
func TestIgnoreSelfOff_2_10_5(t *testing.T) {
	b := newIgnoreBench()
	b.ig.setSelf(false)
	if got := b.ask("127.0.0.1"); got != "false " {
		t.Error(got)
	}
}

// TestIgnoreList_5_3 is what `get J ignoreip` lists: networks and names in
// order, then single addresses.
func TestIgnoreList_5_3(t *testing.T) {
	b := newIgnoreBench()
	for _, e := range []string{"192.0.2.1", "198.51.100.9/24", "host.example", "192.0.2.2", "file:/etc/list", "#", "192.0.2.1"} {
		b.ig.add(e)
	}
	b.take()
	if got, want := pytext.Repr(b.ig.entries()), "['198.51.100.0/24', 'host.example', 'file:/etc/list', '#', '192.0.2.1', '192.0.2.2']"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	b.ig.add("192.0.2.01/32")
	b.ig.add("198.51.100.0/24")
	if got := strings.Join(b.take(), "; "); got != "MSG filter:   Ignore duplicate '198.51.100.0/24' ('198.51.100.0/24'), already in ignore list" {
		t.Errorf("duplicate: %q", got)
	}
	for _, e := range []string{"192.0.2.1", "198.51.100.0/24", "file:/etc/list", "192.0.2.01/32"} {
		if err := b.ig.del(e); err != nil {
			t.Errorf("del %s: %v", e, err)
		}
	}
	if err := b.ig.del("192.0.2.1"); errClass(err) != "ValueError" {
		t.Errorf("second del: %v", err)
	}
	if got := pytext.Repr(b.ig.entries()); got != "['host.example', '#', '192.0.2.2']" {
		t.Error(got)
	}
}

// TestIgnoreFile_2_10_4 reads a list when it is needed and when it changes.
func TestIgnoreFile_2_10_4(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := newIgnoreBench()
	b.names.known["good.example"] = []string{"192.0.2.5"}
	b.ig.add("file://" + path)
	if got := b.ask("192.0.2.1"); !strings.HasPrefix(got, "false WARN filter: [j] reading ignored IDs: stat "+path) {
		t.Errorf("missing file: %q", got)
	}
	write("# 192.0.2.9\n192.0.2.1, 198.51.100.0/25\t; 192.0.2.8\nbob;x good.example\n  #x\n")
	if got := b.ask("192.0.2.1"); got != "false " {
		t.Errorf("the file is left alone for a minute: %q", got)
	}
	b.now = b.now.Add(time.Minute)
	by := " by file:" + path
	for id, want := range map[string]bool{"192.0.2.1": true, "198.51.100.3": true, "192.0.2.5": true, "bob;x": true,
		"192.0.2.8": false, "192.0.2.9": false, "bob": false} {
		text := "false "
		if want {
			text = "true INFO filter: [j] Ignore " + id + by
		}
		if got := b.ask(id); got != text {
			t.Errorf("%s: %q, want %q", id, got, text)
		}
	}
	write("192.0.2.9 and more")
	b.now = b.now.Add(time.Second)
	if got := b.ask("192.0.2.9"); !strings.HasPrefix(got, "true") {
		t.Errorf("after a change: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Second)
	if got := b.ask("192.0.2.9"); !strings.HasPrefix(got, "true WARN") {
		t.Errorf("a file that is gone: %q", got)
	}
}

// TestIgnoreFilePath is E.2: the path's own slash stays.
func TestIgnoreFilePath(t *testing.T) {
	for entry, want := range map[string]string{"file:/a/b": "/a/b", "file:///a/b": "/a/b", "file:list": "list", "file://list": "list"} {
		if got, ok := filePath(entry); got != want || !ok {
			t.Errorf("%s is %q, want %q", entry, got, want)
		}
	}
}

// TestIgnoreCommand_2_10_6 runs for every failure, with the time limit.
func TestIgnoreCommand_2_10_6(t *testing.T) {
	b := newIgnoreBench()
	b.ig.setCommand("ask <ip>")
	b.ask("192.0.2.1")
	b.ask("192.0.2.1")
	if len(b.cmds.ran) != 2 || b.cmds.ran[0].Timeout != time.Minute {
		t.Errorf("ran %+v", b.cmds.ran)
	}
}

// TestIgnoreCache_2_10_7 remembers what comes after it, but not the hits of
// exact addresses.
func TestIgnoreCache_2_10_7(t *testing.T) {
	b := newIgnoreBench()
	b.cmds.codes["ask 192.0.2.1"] = 0
	b.ig.setCommand("ask <ip>")
	b.ig.add("192.0.2.9")
	if err := b.ig.setCache(map[string]string{"key": "<ip>", "max-count": "2", "max-time": "1m"}); err != nil {
		t.Fatal(err)
	}
	if got := pytext.Repr(b.ig.cacheSettings()); got != "['<ip>', 2, 60]" {
		t.Errorf("get ignorecache: %s", got)
	}
	asks := func(id string, ran int, want bool) {
		t.Helper()
		before := len(b.cmds.ran)
		got := strings.HasPrefix(b.ask(id), "true")
		if got != want || len(b.cmds.ran)-before != ran {
			t.Errorf("%s: ignored %v after %d runs, want %v after %d", id, got, len(b.cmds.ran)-before, want, ran)
		}
	}
	asks("192.0.2.1", 1, true)
	asks("192.0.2.1", 0, true)
	asks("192.0.2.2", 1, false)
	asks("192.0.2.2", 0, false)
	asks("192.0.2.9", 0, true)
	asks("192.0.2.9", 0, true)
	asks("192.0.2.3", 1, false) // the oldest goes
	asks("192.0.2.1", 1, true)
	b.now = b.now.Add(61 * time.Second)
	asks("192.0.2.1", 1, true)
	if err := b.ig.setCache(map[string]string{"max-count": "2"}); errClass(err) != "KeyError" {
		t.Errorf("no key: %v", err)
	}
	if err := b.ig.setCache(nil); err != nil || b.ig.cacheSettings() != nil {
		t.Errorf("off: %v, %v", err, b.ig.cacheSettings())
	}
}

// TestSelfLooksAgain: addresses come and go.
func TestSelfLooksAgain(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := NewSelf(nil)
	have := "192.0.2.1/24"
	s.interfaces = func() ([]net.Addr, error) {
		ip, n, err := net.ParseCIDR(have)
		n.IP = ip
		return []net.Addr{n}, err
	}
	if !s.Has(ipaddr.Parse("192.0.2.1"), now) || s.Has(ipaddr.Parse("192.0.2.2"), now) {
		t.Error("first look")
	}
	have = "192.0.2.2/24"
	now = now.Add(selfTTL)
	if s.Has(ipaddr.Parse("192.0.2.1"), now) || !s.Has(ipaddr.Parse("192.0.2.2"), now) {
		t.Error("second look")
	}
}
