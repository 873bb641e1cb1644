package testenv

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Peer is a program, Python mostly, that answers questions until the test ends:
// each is one JSON value on a line, and so is its answer.
type Peer struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
}

// StartPython runs Debian's Python with arguments ("-c" and a program, or a
// file), and with env besides the test's environment. What it writes to its
// standard error is shown; that it ends well once nobody asks is part of the test.
func StartPython(t testing.TB, env []string, args ...string) *Peer {
	t.Helper()
	cmd := exec.Command(Python, args...)
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	return StartPeer(t, cmd)
}

// StartPeer is StartPython for any program.
func StartPeer(t testing.TB, cmd *exec.Cmd) *Peer {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended: %v", cmd.Path, err)
		}
	})
	return &Peer{t, in, bufio.NewReaderSize(out, 1<<20)}
}

// In is the same Python for a test within the test that started it, which then
// fails where an answer does.
func (p *Peer) In(t testing.TB) *Peer { return &Peer{t, p.in, p.out} }

// Line puts a question and returns the line of the answer.
func (p *Peer) Line(question any) []byte {
	p.t.Helper()
	data, err := json.Marshal(question)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(data, '\n')); err != nil {
		p.t.Fatalf("asking %.200s: %v", data, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("the answer to %.200s: %v", data, err)
	}
	return line
}

// Ask puts a question and reads the answer into answer, unless that is nil.
func (p *Peer) Ask(question, answer any) {
	p.t.Helper()
	line := p.Line(question)
	if answer == nil {
		return
	}
	if err := json.Unmarshal(line, answer); err != nil {
		p.t.Fatalf("the answer %.200s: %v", line, err)
	}
}
