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

const (
	// patience is how long a server may take for a log.
	patience = 5 * time.Minute
	// enough is the least time that a round takes: a log that is read sooner is
	// given again.
	enough = time.Second
	// least is the processor time that a log takes at the least: less is that of
	// the command which gives it.
	least = 8 * time.Millisecond
	// serverRounds is how many rounds each server has, of which the fastest counts.
	serverRounds = 3
)

// serverJails are the jails of a server under test, each with a log of its own.
var serverJails = []string{"first", "second"}

// compareServers has both servers read each log through a jail that counts and
// never bans, as they do after a start: the lines are of the last hours.
func (b *bench) compareServers(lines int) error {
	fmt.Printf(`
servers: a log of %d lines is given to a running server (addlogpath) and read from its begin by a jail that
counts and never bans; the mean of as many times as fill %v, the best of %d rounds; asked: as -o id above.
On one core it is the server's processor time, on two what passes on the clock, against the clock on one core:
a jail judges its lines one after the other, whatever number of cores there is, two jails with a log each do not wait for each other.
`, lines, enough, serverRounds)
	fmt.Println("log  fail2ban     f2b-go  ratio  asked  failures          on two cores: one jail  two jails")
	dir, err := os.MkdirTemp("", "f2b-bench-server")
	if err != nil {
		return fmt.Errorf("comparing servers: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := b.makeLogs(dir, lines, time.Now().Add(-8*time.Hour).Unix()); err != nil {
		return err
	}
	for _, s := range subjects {
		if err := b.compareOnServers(s, dir, lines); err != nil {
			return err
		}
	}
	return nil
}

// compareOnServers prints the line of one log.
func (b *bench) compareOnServers(s subject, dir string, lines int) error {
	log := filepath.Join(dir, s.log)
	second := log + ".second"
	data, err := os.ReadFile(log)
	if err == nil {
		err = os.WriteFile(second, data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("copying a log: %w", err)
	}
	var got [4]feed
	for i, run := range []struct {
		command []string
		still   time.Duration
		cores   int
		logs    []string
	}{
		{[]string{"fail2ban-server"}, 1200 * time.Millisecond, 1, []string{log}}, // it looks once a second
		{[]string{b.program, "server"}, 100 * time.Millisecond, 1, []string{log}},
		{[]string{b.program, "server"}, 100 * time.Millisecond, 2, []string{log}},
		{[]string{b.program, "server"}, 100 * time.Millisecond, 2, []string{log, second}},
	} {
		r := serverRun{dir: filepath.Join(dir, s.name+strconv.Itoa(i)), command: run.command, still: run.still, ours: b.program, filter: s.filter, cores: run.cores}
		if got[i], err = r.measure(b.config, run.logs); err != nil {
			return err
		}
	}
	clock := func(f feed, logs int) float64 { return got[1].elapsed.Seconds() / f.elapsed.Seconds() * float64(logs) }
	fmt.Printf("%-4s %8s %9s  %4.0fx  %4.0fx  %-30s %10.2fx %9.2fx\n", s.name, perSecond(lines, got[0].cpu), perSecond(lines, got[1].cpu),
		got[0].cpu.Seconds()/got[1].cpu.Seconds(), s.id, fmt.Sprintf("%d and %d", got[0].failures, got[1].failures),
		clock(got[2], 1), clock(got[3], 2))
	return nil
}

// serverRun is a server with a configuration of its own and two jails.
type serverRun struct {
	dir     string
	command []string
	still   time.Duration // having done nothing for so long it has read all there is
	ours    string        // the program, as a client
	filter  string
	cores   int
	pid     int
}

// feed is what reading the logs once took, and how many failures were counted.
type feed struct {
	cpu, elapsed time.Duration
	failures     int
}

func (r *serverRun) file(name string) string { return filepath.Join(r.dir, name) }

// measure starts the server with empty logs and gives each jail one of logs,
// again and again.
func (r *serverRun) measure(config string, logs []string) (best feed, err error) {
	if err := r.configure(config); err != nil {
		return best, err
	}
	out, err := os.Create(r.file("out"))
	if err != nil {
		return best, fmt.Errorf("starting a server: %w", err)
	}
	defer out.Close()
	args := append(slices.Clone(r.command[1:]), "-f", "-c", r.dir, "-s", r.file("sock"), "-p", r.file("pid"))
	cmd := exec.Command(r.command[0], args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "GOMAXPROCS="+strconv.Itoa(r.cores))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return best, fmt.Errorf("starting a server: %w", err)
	}
	r.pid = cmd.Process.Pid
	best, err = r.rounds(logs)
	return best, errors.Join(err, r.stop(cmd))
}

// rounds gives the mean of the best round.
func (r *serverRun) rounds(logs []string) (best feed, err error) {
	for end := time.Now().Add(patience); r.failures() < 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			return best, fmt.Errorf("waiting for %s to start: nothing within %v", r.command[0], patience)
		}
	}
	time.Sleep(2 * time.Second) // what it does at first
	for range serverRounds {
		sum := feed{failures: -r.failures()}
		feeds := 0
		for ; sum.cpu < enough; feeds++ {
			f, err := r.feed(logs)
			if err != nil {
				return best, err
			}
			sum.cpu, sum.elapsed = sum.cpu+f.cpu, sum.elapsed+f.elapsed
		}
		sum = feed{sum.cpu / time.Duration(feeds), sum.elapsed / time.Duration(feeds), (sum.failures + r.failures()) / feeds}
		if best.failures == 0 {
			best = sum
		}
		best.cpu, best.elapsed = min(best.cpu, sum.cpu), min(best.elapsed, sum.elapsed)
	}
	return best, nil
}

// configure writes the configuration of jails that count and never ban.
func (r *serverRun) configure(config string) error {
	paths := "socket = " + r.file("sock") + "\npidfile = " + r.file("pid") + "\n"
	common := "loglevel = CRITICAL\nlogtarget = STDOUT\nsyslogsocket = auto\n" + paths + "dbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\n"
	files := map[string]string{
		"fail2ban.conf": "[DEFAULT]\n" + common + "allowipv6 = auto\n[Definition]\n" + common,
		"jail.conf":     "[DEFAULT]\nbackend = polling\nusedns = no\nmaxretry = 100000000\nfindtime = 10d\nbantime = 10m\nmaxmatches = 1\n",
	}
	for _, name := range serverJails {
		files["jail.conf"] += "[" + name + "]\nenabled = true\nfilter = " + r.filter + "\nlogpath = " + r.file(name) + "\n"
		files[name] = ""
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("configuring a server: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(r.file(name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("configuring a server: %w", err)
		}
	}
	for _, name := range []string{"filter.d", "action.d"} {
		if err := os.Symlink(filepath.Join(config, name), r.file(name)); err != nil {
			return fmt.Errorf("configuring a server: %w", err)
		}
	}
	return nil
}

// feed gives each jail a log, waits until all is read, and takes the logs away.
func (r *serverRun) feed(logs []string) (f feed, err error) {
	given := make(chan error, 1)
	go func() { given <- r.eachJail("addlogpath", logs) }()
	f, err = r.untilStill()
	if err := errors.Join(err, <-given); err != nil {
		return f, err
	}
	return f, r.eachJail("dellogpath", logs)
}

// eachJail gives a command with its log to each jail, at once.
func (r *serverRun) eachJail(command string, logs []string) error {
	done := make(chan error)
	for i, log := range logs {
		go func() {
			_, err := r.client("set", serverJails[i], command, log)
			done <- err
		}()
	}
	var all error
	for range logs {
		all = errors.Join(all, <-done)
	}
	return all
}

// untilStill waits until the server has been busy, and then for a while has not.
// It gives the processor time, and for how long on the clock it was busy: it may
// wait in between, until it looks for new files.
func (r *serverRun) untilStill() (f feed, err error) {
	const (
		sample = 2 * time.Millisecond
		tick   = 20 * time.Millisecond // the system brings a thread's time up to date more often
	)
	begin, err := r.cpu()
	if err != nil {
		return f, err
	}
	last, at, busy := begin, time.Now(), time.Now()
	for end := at.Add(patience); time.Since(busy) < r.still || f.cpu < least; {
		if at.After(end) {
			return f, fmt.Errorf("waiting for %s: not done within %v", r.command[0], patience)
		}
		time.Sleep(sample)
		now, err := r.cpu()
		if err != nil {
			return f, err
		}
		if passed := time.Since(at); now-last > passed/10 {
			if since := time.Since(busy); since < tick {
				passed = since
			}
			busy = time.Now()
			f.cpu, f.elapsed = now-begin, f.elapsed+passed
		}
		last, at = now, time.Now()
	}
	return f, nil
}

// client asks the server with our client, which is the quicker one.
func (r *serverRun) client(words ...string) ([]byte, error) {
	out, err := exec.Command(r.ours, append([]string{"client", "-s", r.file("sock")}, words...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("asking %s to %v: %w: %s", r.command[0], words, err, out)
	}
	return out, nil
}

// failures asks the server how many it has counted, -1 if it does not answer.
func (r *serverRun) failures() (sum int) {
	for _, name := range serverJails {
		out, err := r.client("status", name)
		_, rest, _ := bytes.Cut(out, []byte("Total failed:"))
		line, _, _ := bytes.Cut(rest, []byte{'\n'})
		n, wrong := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil || wrong != nil {
			return -1
		}
		sum += n
	}
	return sum
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
