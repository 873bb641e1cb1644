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

// compareConfig has fail2ban-client -d and ours read a configuration with every
// jail enabled, as whole processes, and takes the least elapsed and processor
// times, of all cores and of one.
func (b *bench) compareConfig() error {
	dir := filepath.Join(b.dir, "config")
	if err := b.enableAll(dir); err != nil {
		return err
	}
	fmt.Printf("reading the configuration of %s with all jails, asked: %dx\n", b.config, readAsked)
	fmt.Println("cores  time       fail2ban-client -d  f2b-go client -d  ratio  lines")
	for _, cores := range []string{"all", "one"} {
		theirs, want, err := leastOf(b.rounds, cores, []string{"fail2ban-client", "-c", dir, "-d"})
		if err != nil {
			return err
		}
		ours, got, err := leastOf(4*b.rounds, cores, []string{b.ours, "client", "-c", dir, "-d"})
		if err != nil {
			return err
		}
		for i, name := range []string{"elapsed", "processor"} {
			fmt.Printf("%-5s  %-9s %20s %17s  %4.1fx  %s\n", cores, name, millis(theirs[i]), millis(ours[i]),
				theirs[i].Seconds()/ours[i].Seconds(), equalLines(got, want))
		}
	}
	return nil
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

// enableAll copies the configuration and enables its jails, each with a log that
// always exists.
func (b *bench) enableAll(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("copying %s: %w", b.config, err)
	}
	if err := os.CopyFS(dir, os.DirFS(b.config)); err != nil {
		return fmt.Errorf("copying %s: %w", b.config, err)
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

// leastOf runs a command again and again and gives the least elapsed and
// processor time, with what it printed.
func leastOf(rounds int, cores string, argv []string) (least [2]time.Duration, out []byte, err error) {
	if cores == "one" {
		argv = append([]string{"taskset", "-c", "0"}, argv...)
	}
	for range rounds {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		start := time.Now()
		if out, err = cmd.Output(); err != nil {
			return least, nil, fmt.Errorf("running %v: %w", argv, err)
		}
		took := [2]time.Duration{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
		for i := range took {
			if least[i] == 0 || took[i] < least[i] {
				least[i] = took[i]
			}
		}
	}
	return least, out, nil
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
