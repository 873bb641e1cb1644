package testaction_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"f2b-go/internal/mailtest"
	"f2b-go/internal/testenv"
)

// TestMailsAreShown: of an action without commands the mails are printed, and
// only --run sends them; the server's spool is not touched.
func TestMailsAreShown(t *testing.T) {
	srv := mailtest.Start(t, mailtest.Options{})
	dir, spool := filepath.Join(testenv.Root(t), "etc_fail2ban"), filepath.Join(t.TempDir(), "spool")
	own := `f2b-mail[dest="a@example.test", sender="b@example.test", host="` + srv.Addr + `", port="", whois=no, digest=1h, spool="` + spool + `"]`
	for _, c := range []struct {
		spec    string
		run     bool
		code    int
		out     string
		arrived int
	}{
		{own, false, 0, "Subject: [Fail2Ban] test: banned 2 addresses from ", 0},
		{own, true, 0, "# nothing to run", 1},
		{`smtp.py[dest="a@example.test", sender="b@example.test", host="` + srv.Addr + `"]`, false, 0, "Subject: [Fail2Ban] test: stopped on ", 0},
		{`smtp.py[dest="a@example.test", sender="b@example.test", host="` + srv.Addr + `"]`, true, 0, "# nothing to run", 4},
		{`smtp.py[dest="a@example.test", sender="b@example.test", host="127.0.0.1:1"]`, true, 1, "Connection refused", 0},
		{`other.py[dest="a@example.test"]`, false, 1, "the Python action", 0},
		{`sendmail[dest="PUT-YOUR-EMAIL-HERE"]`, false, 1, "is skipped", 0},
	} {
		args := []string{"-c", dir, c.spec, "--ip", "192.0.2.1", "--ip", "192.0.2.2"}
		if c.run {
			args = append(args, "--run")
		}
		code, stdout, stderr := run(args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.out) {
			t.Errorf("%v: exit code %d, want %d with %q\n%s%s", args, code, c.code, c.out, stdout, stderr)
		}
		if got := len(srv.Arrived()); got != c.arrived {
			t.Errorf("%v: %d mails were sent, want %d", args, got, c.arrived)
		}
	}
	if _, err := os.Stat(spool); err == nil {
		t.Error("the spool was touched")
	}
}
