package systemd

import (
	"testing"
	"time"
)

// TestWatchdogInterval reads what sd_watchdog_enabled(3) describes.
func TestWatchdogInterval(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0}, {"2000000", "", time.Second}, {"2000000", "7", time.Second}, {"2000000", "8", 0}, {"x", "7", 0}, {"-5", "", 0}, {"0", "", 0},
		{"9000000000000000000", "", 30 * time.Minute},
	} {
		env := map[string]string{"WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}
		if got := watchdogInterval(func(name string) string { return env[name] }, 7); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestNobodyListens: without systemd nothing is done, and nothing fails.
func TestNobodyListens(t *testing.T) {
	for _, v := range []string{"NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "WATCHDOG_USEC"} {
		t.Setenv(v, "")
	}
	n, err := NewNotifier()
	if n != nil || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	n.Ready("x")
	n.Reloading()
	n.Stopping()
	n.Alive()
	n.Close()
	if ln, err := Listener("fail2ban"); ln != nil || err != nil || Handed() || n.Watchdog() != 0 {
		t.Errorf("%v, %v", ln, err)
	}
	t.Setenv("NOTIFY_SOCKET", t.TempDir()+"/none")
	if n, err := NewNotifier(); n != nil || err == nil {
		t.Errorf("a socket that is not there: %v, %v", n, err)
	}
}

// TestForeignSockets: sockets for another process are not touched.
func TestForeignSockets(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "3")
	t.Setenv("LISTEN_FDNAMES", "fail2ban")
	if ln, err := Listener("fail2ban"); ln != nil || err != nil {
		t.Errorf("%v, %v", ln, err)
	}
}
