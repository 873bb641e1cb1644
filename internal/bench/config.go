package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// readAsked is how many times faster than fail2ban-client -d reading the
// configuration has to be.
const readAsked = 20

var sectionLine = regexp.MustCompile(`(?m)^\[([^\]\n]+)\]`)

// configRounds is how often each program reads the configuration at least: of so
// short a time only the least says something on a machine that does other work.
const configRounds = 30

// compareConfig has fail2ban-client -d and ours read a configuration with every
// jail enabled, as whole processes and in turn, on all cores and on one, and takes
// the least times: elapsed, which is what one waits for, and of the processor.
func (b *bench) compareConfig() error {
	from := b.newestConfig()
	dir := filepath.Join(b.dir, "config")
	if err := enableAll(from, dir); err != nil {
		return err
	}
	fmt.Printf("reading the configuration of %s with all jails, asked: %dx elapsed on all cores\n", from, readAsked)
	fmt.Println("cores  time       fail2ban-client -d  f2b-go client -d  ratio  lines")
	for _, cores := range []string{"all", "one"} {
		theirs := reading{argv: []string{"fail2ban-client", "-c", dir, "-d"}}
		ours := reading{argv: []string{b.program, "client", "-c", dir, "-d"}}
		for range max(b.rounds, configRounds) {
			for _, r := range []*reading{&theirs, &ours} {
				if err := r.run(cores); err != nil {
					return err
				}
			}
		}
		for i, name := range []string{"elapsed", "processor"} {
			fmt.Printf("%-5s  %-9s %20s %17s  %4.1fx  %s\n", cores, name, millis(theirs.least[i]), millis(ours.least[i]),
				theirs.least[i].Seconds()/ours.least[i].Seconds(), equalLines(ours.out, theirs.out))
		}
	}
	return nil
}

// newestConfig is fail2ban 1.1.1's configuration where it lies beside the project,
// else the machine's.
func (b *bench) newestConfig() string {
	newest := filepath.Join("..", "shared", "fail2ban-1.1.1", "config")
	if _, err := os.Stat(filepath.Join(newest, "jail.conf")); err == nil {
		return newest
	}
	return b.config
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

// enableAll copies a configuration and enables its jails, each with a log that
// always exists.
func enableAll(from, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	jails, err := os.ReadFile(filepath.Join(dir, "jail.conf"))
	if err != nil {
		return fmt.Errorf("listing the jails: %w", err)
	}
	text := "[DEFAULT]\nenabled = true\n"
	for _, m := range sectionLine.FindAllSubmatch(jails, -1) {
		if name := string(m[1]); name != "DEFAULT" && name != "INCLUDES" {
			text += "[" + name + "]\nlogpath = /dev/null\n"
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "jail.local"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("enabling the jails: %w", err)
	}
	return nil
}

// reading is a program that reads the configuration again and again, its least
// elapsed and processor time, and what it printed.
type reading struct {
	argv  []string
	least [2]time.Duration
	out   []byte
}

func (r *reading) run(cores string) (err error) {
	cmd := exec.Command(r.argv[0], r.argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	read := func() error {
		r.out, err = cmd.Output()
		return err
	}
	start := time.Now()
	if cores == "one" {
		err = onOneCore(read)
	} else {
		err = read()
	}
	if err != nil {
		return fmt.Errorf("running %v: %w", r.argv, err)
	}
	took := [2]time.Duration{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	for i := range took {
		if r.least[i] == 0 || took[i] < r.least[i] {
			r.least[i] = took[i]
		}
	}
	return nil
}

// equalLines tells how many lines of two outputs are equal; the releases differ
// in few (docs/differences.md).
func equalLines(got, want []byte) string {
	g, w := bytes.Split(got, []byte{'\n'}), bytes.Split(want, []byte{'\n'})
	equal := 0
	for i := range min(len(g), len(w)) {
		if bytes.Equal(g[i], w[i]) {
			equal++
		}
	}
	return fmt.Sprintf("%d of %d equal", equal-1, max(len(g), len(w))-1)
}
