package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// manyFilters are the stock filters that jails take in turn.
var manyFilters = []string{"sshd", "postfix", "dovecot", "nginx-http-auth", "asterisk", "apache-auth", "vsftpd", "proftpd", "exim", "recidive"}

// manyJails writes a configuration with that many jails on two logs each.
func manyJails(t *testing.T, dir, backend string, jails int) {
	t.Helper()
	etcOfDebian(t, dir)
	var b strings.Builder
	b.WriteString("[DEFAULT]\nbackend = " + backend + "\nignoreself = false\n[sshd]\nenabled = false\n")
	for i := range jails {
		logs := filepath.Join(dir, fmt.Sprintf("log%d", i))
		for _, suffix := range []string{"a", "b"} {
			writeFile(t, logs+suffix, "")
		}
		fmt.Fprintf(&b, "[jail%d]\nenabled = true\nfilter = %s\nlogpath = %sa\n          %sb\n", i, manyFilters[i%len(manyFilters)], logs, logs)
	}
	writeFile(t, filepath.Join(dir, "etc", "jail.d", "zz-test.local"), b.String())
}

// usage is what a process has and does.
type usage struct {
	rss, files, threads int // kB
	cpu                 time.Duration
}

// use reads it from /proc (proc(5)); the clock ticks a hundred times a second.
func use(t *testing.T, pid int) (u usage) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		switch f := strings.Fields(line); f[0] {
		case "VmRSS:":
			u.rss, _ = strconv.Atoi(f[1])
		case "Threads:":
			u.threads, _ = strconv.Atoi(f[1])
		}
	}
	fds, err := os.ReadDir(dir + "fd")
	if err != nil {
		t.Fatal(err)
	}
	u.files = len(fds)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, ticks := range f[11:13] {
		n, _ := strconv.Atoi(ticks)
		u.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	return u
}

// TestManyJails measures a server with many idle jails: how long it takes to
// start, and what it has and uses when nothing happens. 50 idle jails take less
// than 20 MB. With F2B_SOAK it also measures 500 jails on 1,000 logs, and Debian's
// fail2ban.
func TestManyJails(t *testing.T) {
	needRoot(t)
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	programs, sizes, watch := [][]string{{ours("fail2ban-server")}}, []int{50}, time.Second
	if os.Getenv("F2B_SOAK") != "" {
		programs, sizes, watch = append(programs, debianServer), []int{50, 500}, 10*time.Second
	}
	for _, jails := range sizes {
		for i, program := range programs {
			dir := t.TempDir()
			backend := "pyinotify"
			if i > 0 && jails > 100 {
				backend = "polling" // its inotify takes an instance a jail, and the kernel gives a user 128
			}
			manyJails(t, dir, backend, jails)
			s := startMany(t, dir, jails, program)
			settled := time.NewTimer(3 * time.Second)
			<-settled.C
			before := use(t, s.cmd.Process.Pid)
			settled.Reset(watch)
			<-settled.C
			after := use(t, s.cmd.Process.Pid)
			stopping := time.Now()
			s.stop()
			name := []string{"f2b-go", "fail2ban"}[i]
			t.Logf("| %s | %d | %.2f s | %.2f s | %.2f %% | %.1f MB | %d | %d |", name, jails, s.took.Seconds(), time.Since(stopping).Seconds(),
				100*(after.cpu-before.cpu).Seconds()/watch.Seconds(), float64(after.rss)/1000, after.files, after.threads)
			if i == 0 && jails == 50 && after.rss > 20_000 {
				t.Errorf("%d idle jails take %d kB", jails, after.rss)
			}
		}
	}
}

// manyServer is a server and how long it took until all its jails ran.
type manyServer struct {
	*server
	took time.Duration
}

// startMany starts a server and waits until the last jail runs.
func startMany(t *testing.T, dir string, jails int, program []string) manyServer {
	t.Helper()
	began := time.Now()
	s := startServer(t, namespace(t), dir, program, []string{ours("fail2ban-client")})
	last := fmt.Sprintf("Jail 'jail%d' started", jails-1)
	deadline := time.NewTimer(10 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for strings.Count(s.log(), "' started\n") < jails || !strings.Contains(s.log(), last) {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%d jails have not started:\n%s", jails, s.log())
		}
	}
	return manyServer{s, time.Since(began)}
}
