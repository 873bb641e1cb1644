package check

import (
	"io/fs"
	"os/user"
	"syscall"
	"testing"
)

// TestWriter names who else may write a log, and with that forge whole lines.
func TestWriter(t *testing.T) {
	web := "www-data, as which web sites run"
	if u, err := user.LookupId("33"); err != nil || u.Username != "www-data" {
		t.Log("no account www-data with the number 33: not tried")
		web = ""
	}
	for _, c := range []struct {
		uid, gid uint32
		mode     fs.FileMode
		want     string
	}{
		{0, 4, 0o640, ""},
		{0, 0, 0o660, ""},
		{0, 4, 0o660, ""},
		{54321, 0, 0o600, "the user 54321"},
		{0, 54321, 0o640, ""},
		{0, 54321, 0o660, "the group 54321"},
		{33, 4, 0o640, web},
		{0, 33, 0o640, ""},
		{65534, 65534, 0o660, ""},
	} {
		if got := writer(&syscall.Stat_t{Uid: c.uid, Gid: c.gid}, c.mode); got != c.want {
			t.Errorf("%d:%d %o: %q, want %q", c.uid, c.gid, c.mode, got, c.want)
		}
	}
}
