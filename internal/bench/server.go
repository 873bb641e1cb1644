package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take for a log.
const patience = 5 * time.Minute

// compareServers has both servers read each log through a jail that counts and
// never bans, and takes the time until the last failure has been counted.
func (b *bench) compareServers(lines int) error {
	fmt.Printf("\na jail with counting, %d lines each, lines per second of processor time\n", lines)
	fmt.Println("log  fail2ban     f2b-go  ratio  failures")
	dir, err := os.MkdirTemp("", "f2b-bench-server")
	if err != nil {
		return fmt.Errorf("comparing servers: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := b.makeLogs(dir, lines, time.Now().Add(-8*time.Hour).Unix()); err != nil {
		return err
	}
	for _, s := range subjects {
		data, err := os.ReadFile(filepath.Join(dir, s.log))
		if err != nil {
			return fmt.Errorf("comparing servers: %w", err)
		}
		var took [2]time.Duration
		var failures [2]int
		for i, command := range [][]string{{"fail2ban-server"}, {b.ours, "server"}} {
			run := serverRun{dir: filepath.Join(dir, s.name+strconv.Itoa(i)), command: command, jail: s.filter}
			if took[i], failures[i], err = run.measure(b.config, data); err != nil {
				return err
			}
		}
		fmt.Printf("%-4s %8s %9s  %4.0fx  %d and %d\n", s.name, perSecond(lines, took[0]), perSecond(lines, took[1]),
			took[0].Seconds()/took[1].Seconds(), failures[0], failures[1])
	}
	return nil
}

// serverRun is a server with a configuration of its own and one jail.
type serverRun struct {
	dir     string
	command []string
	jail    string // and its filter
	pid     int
}

func (r *serverRun) socket() string { return filepath.Join(r.dir, "sock") }

func (r *serverRun) log() string { return filepath.Join(r.dir, "log") }

// measure starts the server with an empty log, gives it the lines at once, and
// tells the processor time until it has counted all failures, and their number.
func (r *serverRun) measure(config string, lines []byte) (took time.Duration, failures int, err error) {
	if err := r.configure(config); err != nil {
		return 0, 0, err
	}
	out, err := os.Create(filepath.Join(r.dir, "out"))
	if err != nil {
		return 0, 0, fmt.Errorf("starting a server: %w", err)
	}
	defer out.Close()
	args := append(slices.Clone(r.command[1:]), "-f", "-c", r.dir, "-s", r.socket(), "-p", filepath.Join(r.dir, "pid"))
	cmd := exec.Command(r.command[0], args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return 0, 0, fmt.Errorf("starting a server: %w", err)
	}
	r.pid = cmd.Process.Pid
	took, failures, err = r.feed(lines)
	return took, failures, errors.Join(err, r.stop(cmd))
}

// configure writes the configuration of one jail that counts and never bans.
func (r *serverRun) configure(config string) error {
	files := map[string]string{
		"fail2ban.conf": "[DEFAULT]\nloglevel = CRITICAL\nlogtarget = STDOUT\nsyslogsocket = auto\nsocket = " + r.socket() +
			"\npidfile = " + filepath.Join(r.dir, "pid") + "\ndbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\nallowipv6 = auto\n[Definition]\nloglevel = CRITICAL\n" +
			"logtarget = STDOUT\nsyslogsocket = auto\nsocket = " + r.socket() + "\npidfile = " + filepath.Join(r.dir, "pid") +
			"\ndbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\n",
		"jail.conf": "[DEFAULT]\nbackend = polling\nusedns = no\nmaxretry = 100000000\nfindtime = 10d\nbantime = 10m\nmaxmatches = 1\n" +
			"[" + r.jail + "]\nenabled = true\nfilter = " + r.jail + "\nlogpath = " + r.log() + "\n",
		"log": "",
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("configuring a server: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("configuring a server: %w", err)
		}
	}
	for _, name := range []string{"filter.d", "action.d"} {
		if err := os.Symlink(filepath.Join(config, name), filepath.Join(r.dir, name)); err != nil {
			return fmt.Errorf("configuring a server: %w", err)
		}
	}
	return nil
}

// feed waits for the server, gives it the lines and asks for the number of
// failures until it stays the same. It gives the processor time from the lines
// to the last failure.
func (r *serverRun) feed(lines []byte) (took time.Duration, failures int, err error) {
	end := time.Now().Add(patience)
	for r.failures() < 0 {
		if time.Now().After(end) {
			return 0, 0, fmt.Errorf("waiting for %s to start: nothing within %v", r.command[0], patience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second) // what it does at first
	begin, err := r.cpu()
	if err != nil {
		return 0, 0, err
	}
	if err := os.WriteFile(r.log(), lines, 0o644); err != nil {
		return 0, 0, fmt.Errorf("writing the log: %w", err)
	}
	for still := 0; still < 10; {
		if time.Now().After(end) {
			return 0, 0, fmt.Errorf("waiting for %s: not done within %v", r.command[0], patience)
		}
		now, err := r.cpu()
		if err != nil {
			return 0, 0, err
		}
		n := r.failures()
		if still++; n != failures || n == 0 {
			took, failures, still = now-begin, n, 0
		}
		time.Sleep(300 * time.Millisecond)
	}
	return took, failures, nil
}

// failures asks the server how many it has counted, -1 if it does not answer.
func (r *serverRun) failures() int {
	out, err := exec.Command("fail2ban-client", "-s", r.socket(), "status", r.jail).Output()
	if err != nil {
		return -1
	}
	_, rest, _ := bytes.Cut(out, []byte("Total failed:"))
	line, _, _ := bytes.Cut(rest, []byte{'\n'})
	n, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil {
		return -1
	}
	return n
}

// cpu is the processor time that the threads of the server have taken.
func (r *serverRun) cpu() (total time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", r.pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("asking for the processor time of %s: it has ended", r.command[0])
	}
	for _, file := range threads {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		text, _, _ := strings.Cut(string(data), " ")
		nanoseconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", file, err)
		}
		total += time.Duration(nanoseconds)
	}
	return total, nil
}

// stop ends the server.
func (r *serverRun) stop(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping a server: %w", err)
	}
	_ = cmd.Wait() // how it ends is of no interest here
	return nil
}
