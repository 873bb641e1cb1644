package jail

import (
	"testing"

	"f2b-go/internal/testenv"
)

// python is a running testdata/managers.py.
type python struct{ *testenv.Peer }

// startPython starts fail2ban's own managers; ok is false where they are not
// installed.
func startPython(t *testing.T) (*python, bool) {
	t.Helper()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return nil, false
	}
	return &python{testenv.StartPython(t, []string{"PYTHONPATH=" + lib, "TZ=UTC"}, "testdata/managers.py")}, true
}

// do sends a command and reads its answer into answer.
func (p *python) do(answer any, op string, args map[string]any) {
	if args == nil {
		args = map[string]any{}
	}
	args["op"] = op
	p.Ask(args, answer)
}
