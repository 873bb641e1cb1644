package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// answer is what a program left behind.
type answer struct {
	Code int
	Out  string
	Log  []string // level and text of each line logged at WARNING or above
}

// oracle is a Python process that runs fail2ban's own programs: it forks for each
// call, so that the interpreter starts once.
type oracle struct {
	*testenv.Peer
	main bool // a fail2ban newer than 1.0.2, of the folder in FAIL2BAN_LIB
}

const driver = `
import sys, json, os, io
if os.environ.get("FAIL2BAN_LIB"): sys.path.insert(0, os.environ["FAIL2BAN_LIB"])
from fail2ban.client import fail2banclient
import fail2ban.client.fail2banregex, fail2ban.client.configurator
def run(argv, cwd):
    r, w = os.pipe(); er, ew = os.pipe()
    import tempfile
    out = tempfile.TemporaryFile(); err = tempfile.TemporaryFile()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(out.fileno(), 1); os.dup2(err.fileno(), 2)
            if cwd: os.chdir(cwd)
            fail2banclient.exec_command_line(argv)
        except SystemExit as e:
            sys.stdout.flush()
            os._exit(e.code if isinstance(e.code, int) else 1)
        except BaseException as e:
            os.write(2, ("TRACEBACK " + type(e).__name__ + ": " + str(e)).encode("utf-8", "surrogateescape"))
            os._exit(1)
        os._exit(0)
    for f in (r, w, er, ew): os.close(f)
    _, status = os.waitpid(pid, 0)
    out.seek(0); err.seek(0)
    return {"Code": os.waitstatus_to_exitcode(status), "Out": out.read().decode("utf-8", "replace"), "Err": err.read().decode("utf-8", "replace")}
for line in sys.stdin:
    q = json.loads(line)
    sys.stdout.write(json.dumps(run(q["Args"], q.get("Dir"))) + "\n"); sys.stdout.flush()
`

func newOracle(t testing.TB) (*oracle, bool) {
	t.Helper()
	o := &oracle{main: os.Getenv("FAIL2BAN_LIB") != ""}
	if _, ok := testenv.Fail2ban(t); !ok && !o.main {
		return nil, false
	}
	o.Peer = testenv.StartPython(t, []string{"LC_ALL=C.UTF-8", "TZ=UTC"}, "-c", driver)
	return o, true
}

var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} fail2ban\S*\s*\[\d+\]: (\w+) +`)

func (o *oracle) run(t testing.TB, args ...string) answer {
	t.Helper()
	var a struct {
		Code     int
		Out, Err string
	}
	o.In(t).Ask(map[string]any{"Args": append([]string{"fail2ban-client"}, args...)}, &a)
	return answer{Code: a.Code, Out: a.Out, Log: logTexts(a.Err)}
}

// logTexts cuts standard error into messages; a line without fail2ban's prefix
// belongs to the one before.
func logTexts(text string) []string {
	list := []string{}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if m := logLine.FindStringSubmatch(line); m != nil {
			list = append(list, m[1]+" "+line[len(m[0]):])
		} else if len(list) > 0 {
			list[len(list)-1] += "\n" + line
		} else if line != "" {
			list = append(list, line)
		}
	}
	return list
}
