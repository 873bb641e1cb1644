package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// peerRounds is how often fail2ban-regex runs, which takes up to half a minute.
const peerRounds = 2

// errDiffers is when ours does not print what fail2ban prints.
var errDiffers = errors.New("the outputs differ")

// compareRegex runs fail2ban-regex of Debian's package and ours in turn, on one
// core: with -o id, and with the full report.
func (b *bench) compareRegex() error {
	if err := b.makeLogs(b.dir, b.lines, 0); err != nil {
		return err
	}
	fmt.Printf("fail2ban-regex LOG FILTER.conf, %d lines each, lines per second on one core\n", b.lines)
	if _, err := exec.LookPath("rg"); err != nil {
		fmt.Println("rg -c is left out: ripgrep is not installed (`scripts/setup bench` does it)")
	}
	fmt.Println("log  what  fail2ban     f2b-go  ratio  asked  output  rg -c")
	var wrong error
	for _, s := range subjects {
		for _, full := range []bool{false, true} {
			if err := b.compareOne(s, full); errors.Is(err, errDiffers) {
				wrong = err
			} else if err != nil {
				return err
			}
		}
	}
	return wrong
}

func (b *bench) compareOne(s subject, full bool) error {
	what, args, asked := "id", []string{"-o", "id"}, s.id
	if full {
		what, args, asked = "full", nil, s.full
	}
	args = append(args, filepath.Join(b.dir, s.log), filepath.Join(b.config, "filter.d", s.filter+".conf"))
	theirs, err := leastOf(peerRounds, append([]string{"fail2ban-regex"}, args...), filepath.Join(b.dir, "fail2ban.out"))
	if err != nil {
		return err
	}
	ours, err := leastOf(b.rounds, append([]string{b.program, "test-filter"}, args...), filepath.Join(b.dir, "f2b-go.out"))
	if err != nil {
		return err
	}
	rg := ""
	if !full {
		if rg, err = b.ripgrep(s); err != nil {
			return err
		}
	}
	verdict, differs := "equal", sameOutput(b.dir)
	if differs != nil {
		verdict = "DIFFERS"
	}
	fmt.Printf("%-4s %-5s %9s %9s  %4.0fx  %4.0fx  %-7s %s\n", s.name, what, perSecond(b.lines, theirs), perSecond(b.lines, ours),
		theirs.Seconds()/ours.Seconds(), asked, verdict, rg)
	return differs
}

// ripgrep counts the lines that hold one of the filter's texts, as a floor;
// "" where it is not installed.
func (b *bench) ripgrep(s subject) (string, error) {
	if _, err := exec.LookPath("rg"); err != nil {
		return "-", nil
	}
	args := []string{"-c", "-F", "-j", "1"}
	for _, text := range s.literals {
		args = append(args, "-e", text)
	}
	took, err := leastOf(b.rounds, append(append([]string{"rg"}, args...), filepath.Join(b.dir, s.log)), filepath.Join(b.dir, "rg.out"))
	return perSecond(b.lines, took), err
}

func perSecond(lines int, took time.Duration) string {
	n := float64(lines) / took.Seconds()
	if n >= 1e6 {
		return fmt.Sprintf("%.2fM", n/1e6)
	}
	return fmt.Sprintf("%.1fk", n/1e3)
}

// leastOf runs a command a number of times and gives the least time of timed.
func leastOf(rounds int, argv []string, outPath string) (least time.Duration, err error) {
	for range rounds {
		took, err := timed(exec.Command(argv[0], argv[1:]...), outPath)
		if err != nil {
			return 0, err
		}
		if least == 0 || took < least {
			least = took
		}
	}
	return least, nil
}

// timed runs a command on one core, with its output in a file, and gives the
// processor time that it took.
func timed(cmd *exec.Cmd, outPath string) (time.Duration, error) {
	out, err := os.Create(outPath)
	if err != nil {
		return 0, fmt.Errorf("keeping an output: %w", err)
	}
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "TZ=UTC")
	cmd.Stdout, cmd.Stderr = out, out
	err = errors.Join(onOneCore(cmd.Run), out.Close())
	if err != nil {
		return 0, fmt.Errorf("running %s (its output is in %s): %w", strings.Join(cmd.Args, " "), outPath, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// onOneCore has what run starts run on the first core: a program takes that over
// from the thread which starts it, and is not charged for another that sets it.
func onOneCore(run func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("asking for the cores: %w", err)
	}
	first.Set(0)
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		return fmt.Errorf("choosing a core: %w", err)
	}
	return errors.Join(run(), unix.SchedSetaffinity(0, &all))
}

// sameOutput compares the outputs but for the seconds, and for the lines of the
// header that 1.1 and 1.0 word differently.
func sameOutput(dir string) error {
	var text [2]string
	for i, name := range []string{"fail2ban.out", "f2b-go.out"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("comparing outputs: %w", err)
		}
		var kept []string
		for _, line := range bytes.Split(data, []byte{'\n'}) {
			if !bytes.HasPrefix(line, []byte("Use ")) && !bytes.HasPrefix(line, []byte("[processed in")) {
				kept = append(kept, string(line))
			}
		}
		text[i] = strings.Join(kept, "\n")
	}
	if text[0] != text[1] {
		return errDiffers
	}
	return nil
}
