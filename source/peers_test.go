package source

import (
	"bufio"
	"context"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nxadm/tail"

	"f2b-go/internal/testenv"
)

// peer is another follower under the same torture.
type peer struct {
	name   string
	follow func(t *testing.T, path string, c *counter) (stop func())
}

var peers = []peer{
	{"f2b-go inotify", ours("pyinotify")},
	{"f2b-go polling", ours("polling")},
	{"fail2ban pyinotify", fail2ban("pyinotify")},
	{"fail2ban polling", fail2ban("polling")},
	{"nxadm/tail inotify", nxadm(false)},
	{"nxadm/tail polling", nxadm(true)},
}

func ours(backend string) func(*testing.T, string, *counter) func() {
	return func(t *testing.T, path string, c *counter) func() {
		w := NewWatcher(Options{Backend: backend, Quiet: time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		_, err := w.Add(path, AddOptions{}, c)
		do(t, err)
		return func() { cancel(); do(t, <-done) }
	}
}

func nxadm(poll bool) func(*testing.T, string, *counter) func() {
	return func(t *testing.T, path string, c *counter) func() {
		f, err := tail.TailFile(path, tail.Config{ReOpen: true, Follow: true, Poll: poll, CompleteLines: true, Logger: tail.DiscardingLogger})
		do(t, err)
		over := make(chan struct{})
		go func() {
			defer close(over)
			for line := range f.Lines {
				do(t, c.Lines(t.Context(), Batch{Data: []byte(line.Text + "\n")}))
			}
		}()
		return func() { do(t, f.Stop()); <-over }
	}
}

// fail2ban runs the filter class of Debian's fail2ban, without its judgement of
// lines: it reads as fast as it can.
func fail2ban(backend string) func(*testing.T, string, *counter) func() {
	return func(t *testing.T, path string, c *counter) func() {
		library, ok := testenv.Fail2ban(t)
		if !ok {
			return nil
		}
		cmd := exec.Command(testenv.Python, "testdata/peer.py", library, backend, path)
		in, err := cmd.StdinPipe()
		do(t, err)
		out, err := cmd.StdoutPipe()
		do(t, err)
		told, err := cmd.StderrPipe()
		do(t, err)
		do(t, cmd.Start())
		for lines := bufio.NewScanner(told); lines.Scan() && lines.Text() != "ready"; {
			t.Log(lines.Text())
		}
		go func() { _, _ = io.Copy(io.Discard, told) }()
		over := make(chan struct{})
		go func() {
			defer close(over)
			lines := bufio.NewReaderSize(out, 1<<20)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				do(t, c.Lines(t.Context(), Batch{Data: []byte(line)}))
			}
		}()
		return func() {
			do(t, in.Close())
			<-over
			_ = cmd.Wait() // its threads may be cut off
		}
	}
}

// TestPeersUnderTorture puts our follower and others through the same rotations
// and prints what each loses. It runs with F2B_PEERS, which is the time for each;
// the figures stand in docs/decisions.
func TestPeersUnderTorture(t *testing.T) {
	text := os.Getenv("F2B_PEERS")
	if text == "" {
		return
	}
	length, err := time.ParseDuration(text)
	do(t, err)
	ways := []string{"rename+create", "rename, late writer", "delete+create", "rename+compress", "copytruncate", "copytruncate, longer", "link swap"}
	for _, rate := range []int{2_000, 50_000} {
		for _, p := range peers {
			path := filepath.Join(t.TempDir(), "app.log")
			lw := &logWriter{t: t, rng: rand.New(rand.NewSource(1)), path: path, file: path, count: map[string]int{}}
			lw.open()
			c := newCounter()
			stop := p.follow(t, path, c)
			if stop == nil {
				continue
			}
			lw.write(rate, length, ways)
			c.settle(lw.n)
			stop()
			lost, doubled, _ := c.verdict(lw.n)
			t.Logf("| %s | %d | %d | %d | %d | %d |", p.name, rate, lw.n, lw.turns, lost, doubled)
			if strings.HasPrefix(p.name, "f2b-go") && lost+doubled > 0 {
				t.Errorf("%s lost %d and doubled %d", p.name, lost, doubled)
			}
		}
	}
}
