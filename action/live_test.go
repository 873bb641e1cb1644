package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"f2b-go/action"
	"f2b-go/internal/ipaddr"
	"f2b-go/internal/shell"
	"f2b-go/internal/testenv"
	"f2b-go/jail"
)

// ourLife is the variable that makes this test program a process with one action
// of ours in it, so that namespaces, PATH and environment are that action's own.
const ourLife = "F2B_TEST_ACTION"

func TestMain(m *testing.M) {
	if os.Getenv(ourLife) == "" {
		os.Exit(m.Run())
	}
	if err := serveAction(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "an action of ours:", err)
		os.Exit(1)
	}
}

// definition is what the first question says: an action of commands with its
// properties, or one in Python with its arguments. Each question after it is a
// step's name and its address, and the answer is the error's text.
type definition struct {
	Name       string   `json:"name"`
	Properties [][2]any `json:"properties"`
	Args       []any    `json:"args"`
}

func serveAction(in io.Reader, out io.Writer) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	var d definition
	if err := questions.Decode(&d); err != nil {
		return err
	}
	a, err := action.New(d.Name, d.Args, action.Env{Jail: &view{name: "net"}, Runner: &shell.Runner{}, Names: names{}})
	if err != nil {
		return err
	}
	for _, p := range d.Properties {
		if err := a.(interface{ Set(string, any) error }).Set(p[0].(string), p[1]); err != nil {
			return err
		}
	}
	for text := ""; ; {
		if err := answers.Encode(text); err != nil {
			return err
		}
		var step [2]string
		if err := questions.Decode(&step); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		text = ""
		if err := takeStep(context.Background(), a, step); err != nil {
			text = err.Error()
		}
	}
}

func takeStep(ctx context.Context, a jail.Action, step [2]string) error {
	switch name, ip := step[0], step[1]; name {
	case "start":
		return a.Start(ctx)
	case "ban":
		return a.Ban(ctx, banTicket(ip))
	case "unban":
		return a.Unban(ctx, banTicket(ip))
	case "flush":
		_, err := a.Flush(ctx)
		return err
	case "stop":
		return a.Stop(ctx)
	default:
		return fmt.Errorf("no step is named %s", name)
	}
}

func banTicket(ip string) *jail.Ticket {
	t := &jail.Ticket{ID: ipaddr.Parse(ip), Time: 1700000000}
	t.SetBanTime(jail.Int(600))
	return t
}

// serveFail2ban is serveAction with Debian's CommandAction.
const serveFail2ban = fakeJail + `
import importlib
importlib.reload(action_module)
from fail2ban.server.action import CommandAction
logging.getLogger("fail2ban").setLevel(logging.CRITICAL)
action_module.allowed_ipv6 = lambda: True
jail = FakeJail("net")
d = json.loads(sys.stdin.readline())
a = CommandAction(jail, d["name"])
for name, value in d["properties"]: setattr(a, name, value)
def info(ip):
	t = BanTicket(ip, 1700000000.0); t.setBanTime(600)
	return jail.actions._getActionInfo(t)
print(json.dumps(""), flush=True)
for line in sys.stdin:
	name, ip = json.loads(line)
	err = ""
	try: getattr(a, name)(*([info(ip)] if ip else []))
	except Exception as e: err = str(e)
	print(json.dumps(err), flush=True)
`

// live starts an action in a box, under Debian's fail2ban or ours.
func (v vector) live(b *box, fail2ban bool) *testenv.Peer {
	b.t.Helper()
	var p *testenv.Peer
	if fail2ban {
		lib, _ := testenv.Fail2ban(b.t)
		cmd := b.command(testenv.Python, "-c", serveFail2ban)
		cmd.Env = append(cmd.Env, "PYTHONPATH="+lib)
		p = testenv.StartPeer(b.t, cmd)
	} else {
		p = b.ours()
	}
	p.Ask(definition{Name: v.Action, Properties: v.properties(b.t)}, nil)
	return p
}

// ours starts a process that waits for the definition of an action of ours.
func (b *box) ours() *testenv.Peer {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := b.command(self)
	// The race detector has a program wait a second at its end.
	cmd.Env = append(cmd.Env, ourLife+"=1", "GORACE=atexit_sleep_ms=0")
	return testenv.StartPeer(b.t, cmd)
}
