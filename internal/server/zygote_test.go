package server

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"testing"

	"f2b-go/internal/testenv"
)

// zygoteScript runs Debian's programs one after the other, each in a fork of a
// Python that has them loaded: a call takes milliseconds instead of half a second.
const zygoteScript = `import sys, os, json
sys.path[0] = "/usr/bin"
sys.path.insert(1, sys.argv[1])
from fail2ban.client import fail2banclient, fail2banserver, fail2bancmdline
from fail2ban.client import configurator, beautifier
mains = {"fail2ban-client": fail2banclient, "fail2ban-server": fail2banserver}
for line in sys.stdin:
    argv = json.loads(line)
    out, err = os.memfd_create("out"), os.memfd_create("err")
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0); os.dup2(out, 1); os.dup2(err, 2)
        sys.argv = ["/usr/bin/" + argv[0]] + argv[1:]
        try: mains[argv[0]].exec_command_line(sys.argv)
        except SystemExit as e: code = e.code
        else: code = 0
        try: sys.stdout.flush()
        except Exception: pass
        os._exit((code or 0) & 255)
    _, status = os.waitpid(pid, 0)
    texts = []
    for fd in (out, err):
        os.lseek(fd, 0, 0)
        with os.fdopen(fd, "rb") as f: texts.append(f.read().decode("utf-8", "surrogateescape"))
    print(json.dumps([texts[0], texts[1], os.waitstatus_to_exitcode(status)]), flush=True)
`

// zygote is a Python that runs Debian's programs.
type zygote struct {
	t    *testing.T
	peer *testenv.Peer
}

func newZygote(t *testing.T, lib string) *zygote {
	t.Helper()
	return &zygote{t, testenv.StartPython(t, []string{"LC_ALL=C.UTF-8", "TZ=UTC"}, "-c", zygoteScript, lib)}
}

// call runs one of the programs.
func (z *zygote) call(name string, args ...string) outcome {
	z.t.Helper()
	var o outcome
	z.peer.Ask(append([]string{name}, args...), &[]any{&o.out, &o.err, &o.code})
	return o
}

// zygoteVariable names the socket of a zygote: the test's binary then runs its
// arguments there, as if it were Debian's program.
const zygoteVariable = "F2B_GO_TEST_ZYGOTE"

// serve lets other processes call Debian's client, through the socket.
func (z *zygote) serve(socket string) {
	z.t.Helper()
	ln, err := net.Listen("unix", socket)
	if err != nil {
		z.t.Fatal(err)
	}
	done := make(chan struct{})
	z.t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			var args []string
			if err := json.NewDecoder(conn).Decode(&args); err == nil {
				o := z.call(ClientName, args...)
				_ = json.NewEncoder(conn).Encode([]any{o.out, o.err, o.code})
			}
			_ = conn.Close()
		}
	}()
}

// callZygote is the other side of serve.
func callZygote(socket string, args []string) int {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		err = json.NewEncoder(conn).Encode(args)
	}
	var o outcome
	if err == nil {
		err = json.NewDecoder(conn).Decode(&[]any{&o.out, &o.err, &o.code})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	fmt.Fprint(os.Stdout, o.out)
	fmt.Fprint(os.Stderr, o.err)
	return o.code
}
