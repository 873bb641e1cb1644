package jail

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"

	"f2b-go/internal/testenv"
)

// python is a running testdata/managers.py.
type python struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

// startPython starts fail2ban's own managers; ok is false where they are not
// installed.
func startPython(t *testing.T) (*python, bool) {
	t.Helper()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return nil, false
	}
	cmd := exec.Command(testenv.Python, "testdata/managers.py")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC")
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
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	p := &python{t: t, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, 1<<20)
	return p, true
}

// do sends a command and reads its answer into answer.
func (p *python) do(answer any, op string, args map[string]any) {
	p.t.Helper()
	if args == nil {
		args = map[string]any{}
	}
	args["op"] = op
	line, err := json.Marshal(args)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("%s: no answer: %v", op, p.out.Err())
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(p.out.Bytes(), answer); err != nil {
		p.t.Fatalf("%s: %v in %s", op, err, p.out.Bytes())
	}
}
