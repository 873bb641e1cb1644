package firewallcmd

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheCallerIsFound looks through sudo and shells, as /proc has them.
func TestTheCallerIsFound(t *testing.T) {
	proc := t.TempDir()
	for pid, files := range map[string][2]string{
		"400": {"400 (f2b-go) S 300 400 1", "PATH=/bin\x00"},
		"300": {"300 (sudo (x) y) S 200 1 1", "SUDO_USER=x\x00NOT_SSH_CONNECTION=a b c d\x00"},
		"200": {"200 (bash) S 100 1 1", "A=b\x00SSH_CONNECTION=2001:db8::9 4444 2001:db8::1 2222\x00"},
		"100": {"100 (sshd) S 1 1 1", "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22\x00"},
		"500": {"500 (cron) S 1 1 1", "PATH=/bin\x00"},
		"600": {"600 (odd) S 600 1 1", "SSH_CONNECTION=not an address 22\x00"},
	} {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"stat", "environ"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(files[i]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, ok := findCaller(proc, 400)
	if !ok || c.from.String() != "2001:db8::9" || c.port != 2222 {
		t.Errorf("found %+v, %v", c, ok)
	}
	for _, pid := range []int{500, 600, 700} {
		if c, ok := findCaller(proc, pid); ok {
			t.Errorf("process %d: found %+v", pid, c)
		}
	}
}

// TestWhoIsLoggedIn reads utmp.
func TestWhoIsLoggedIn(t *testing.T) {
	record := func(kind uint16, line string, addr ...byte) []byte {
		r := make([]byte, utmpSize)
		binary.NativeEndian.PutUint16(r, kind)
		copy(r[utmpLine:], line)
		copy(r[utmpAddr:], addr)
		return r
	}
	path := filepath.Join(t.TempDir(), "utmp")
	all := bytes.Join([][]byte{
		record(utmpUser, "tty1"), record(8, "pts/0", 1, 2, 3, 4), record(utmpUser, "pts/0", 192, 0, 2, 9),
		record(utmpUser, "pts/1", 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7), []byte("cut"),
	}, nil)
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"pts/0": "192.0.2.9", "pts/1": "2001:db8::7", "tty1": "", "pts/2": "", "": ""} {
		c, ok := utmpCaller(path, line)
		if ok != (want != "") || ok && c.from.String() != want {
			t.Errorf("%s: %+v, %v", line, c, ok)
		}
	}
}

func TestNamesOfTheOldScript(t *testing.T) {
	for name, want := range map[string]bool{"firewall3": true, "S39firewall3": true, "K61firewall3": true, "firewall": false, "S3firewall3": false, "Sxxfirewall3": false, "myfirewall3": false, "firewall3x": false} {
		if IsLinkName(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		args string
		code int
		part string
	}{
		{"", 2, "Usage"},
		{"--help", 0, "Usage"},
		{"start --help", 0, "Usage"},
		{"explode", 2, `there is no verb "explode"`},
		{"start now", 2, `"now" is one word too many`},
		{"start --confirm", 2, "option --confirm requires argument"},
		{"start --confirm 0", 2, "no number of seconds"},
		{"start --confirm soon", 2, "no number of seconds"},
		{"start --lists", 2, "--lists is for reload"},
		{"--loud start", 2, "option --loud not recognized"},
		{"check --config /nowhere/x.conf", 1, "reading the configuration: stat /nowhere/x.conf"},
	} {
		var out, errs bytes.Buffer
		code := Main(strings.Fields(tc.args), &out, &errs)
		if text := out.String() + errs.String(); code != tc.code || !strings.Contains(text, tc.part) {
			t.Errorf("%q: exit code %d, want %d and %q\n%s", tc.args, code, tc.code, tc.part, text)
		}
	}
}
