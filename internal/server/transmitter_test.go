package server

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"f2b-go/internal/testenv"
)

// transmitterScript runs fail2ban's own test cases of its command table with a
// server behind a socket in the place of the one inside the test's process. It
// takes the library's folder, the socket, the log and the server's command line,
// and prints the name of each test with its result.
const transmitterScript = `import sys, os, json, time, logging, subprocess, unittest
lib, sock, log, argv = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
sys.path.insert(0, lib)
from fail2ban.client.csocket import CSocket
from fail2ban.tests import utils
opts, _ = utils.getOptParser("").parse_args(["--no-network"])
printed, sys.stdout = sys.stdout, sys.stderr
utils.initProcess(opts)
utils.initTests(opts)
from fail2ban.tests import servertestcase
from fail2ban.server.utils import Utils
process, said = None, 0

def alive():
    try: return ask(["ping"]) == (0, "pong")
    except Exception: return False

def ask(command):
    c = CSocket(sock, timeout=20)
    try: return tuple(c.send(command))
    finally: c.close()

def ready():
    global process
    if process is None or process.poll() is not None:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not Utils.wait_for(alive, 20, 0.01): raise Exception("no server")

def as102(v):
    # <HOST> became shorter after 1.0.2
    if isinstance(v, (list, tuple)): return type(v)(as102(e) for e in v)
    return v.replace("::?|:)", "::?|::)") if isinstance(v, str) else v

class Jails:
    def names(self):
        listed = dict(ask(["status"])[1])["Jail list"]
        return listed.split(", ") if listed else []
    def __len__(self): return len(self.names())
    def __contains__(self, name): return name in self.names()

class Remote:
    def __init__(self):
        global said
        ready()
        ask(["stop", "--all"])
        for command in (["set", "dbfile", "None"], ["set", "loglevel", "9"], ["set", "syslogsocket", "auto"], ["set", "logtarget", log]): ask(command)
        said = os.path.getsize(log)
        self._Server__transm, self._Server__jails = self, Jails()
    def proceed(self, command):
        reply = ask(command)
        if command == ["stop"]: process.wait(20)
        return as102(reply)
    def do(self, *command):
        code, value = ask(list(command))
        if code: raise value
        return value
    def addJail(self, name, backend): self.do("add", name, backend)
    def delJail(self, name): self.do("stop", name)
    def startJail(self, name):
        # In 1.1.1 an attempt of the machine's own address is ignored.
        self.do("set", name, "ignoreself", "false")
        self.do("start", name)
    def isAlive(self, n=None): return n is None or len(self._Server__jails) == n
    def isStarted(self): return True
    def quit(self): pass
    def setLogLevel(self, v): self.do("set", "loglevel", v)
    def setLogTarget(self, v): self.do("set", "logtarget", v)
    def setSyslogSocket(self, v): self.do("set", "syslogsocket", v)
    def getSyslogSocket(self): return self.do("get", "syslogsocket")

class Forward(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING: ask(["config-error", record.getMessage()])

class Log:
    def getvalue(self):
        with open(log, encoding="utf-8", errors="replace") as f:
            f.seek(said)
            return f.read()
    def truncate(self, size=None):
        global said
        said = os.path.getsize(log)
    def close(self): pass

def remote(case):
    class Case(case):
        TEST_SRV_CLASS = Remote
        def setUp(self):
            case.setUp(self)
            self._log = Log()
            logging.getLogger("fail2ban").handlers = [Forward()]
    Case.__name__ = case.__name__
    return Case

class Names(unittest.TestResult):
    def __init__(self): super().__init__(); self.out = {}; self.again = 3
    def note(self, test, what):
        self.out[type(test).__name__ + "." + test._testMethodName] = what
        # It measures a tenth of a second, which a busy machine may not have.
        if test._testMethodName == "testSleep" and what != "pass" and self.again:
            self.again -= 1
            type(test)("testSleep").run(self)
    def addSuccess(self, test): self.note(test, "pass")
    def addError(self, test, err): self.note(test, "error: " + self._exc_info_to_string(err, test))
    def addFailure(self, test, err): self.note(test, "fail: " + self._exc_info_to_string(err, test))
    def addSkip(self, test, why): self.note(test, "skip")
result = Names()
for case in (servertestcase.Transmitter, servertestcase.TransmitterLogging):
    unittest.defaultTestLoader.loadTestsFromTestCase(remote(case)).run(result)
if process.poll() is None:
    ask(["stop"])
    process.wait(20)
json.dump(result.out, printed)
`

// TestTransmitterCases runs fail2ban's own test cases of the commands against
// Debian's server and against ours: what passes there passes here.
func TestTransmitterCases(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	run := func(server *exec.Cmd, s *scratch) map[string]string {
		argv := append([]string{"-c", transmitterScript, lib, s.path("f2b.sock"), s.path("f2b.log")}, server.Args...)
		cmd := exec.Command(testenv.Python, argv...)
		cmd.Env = server.Env
		cmd.Dir = s.dir
		var errs bytes.Buffer
		cmd.Stderr = &errs
		raw, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &errs)
		}
		out := map[string]string{}
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	files := simple()
	files["etc/jail.conf"] = "[DEFAULT]\n"
	files["etc/fail2ban.local"] = "[Definition]\nreport_version = 1.0.2\n"
	var theirs, ours map[string]string
	var both sync.WaitGroup
	both.Go(func() {
		s := newScratch(t, files)
		theirs = run(debian(ServerName, append(s.args("-f"), "start")...), s)
	})
	both.Go(func() {
		s := newScratch(t, files)
		cmd := self(ServerName, s.args("-f")...)
		if !slices.Contains(cmd.Env, "LC_ALL=C.UTF-8") {
			t.Error("the locale is not set")
		}
		ours = run(cmd, s)
	})
	both.Wait()
	passed := func(all map[string]string) (n int) {
		for _, what := range all {
			if what == "pass" {
				n++
			}
		}
		return n
	}
	for name, what := range theirs {
		if what == "pass" && ours[name] != "pass" {
			t.Errorf("%s: %s", name, ours[name])
		}
		if what != "pass" && os.Getenv("F2B_TRACE") != "" {
			t.Logf("Debian's server: %s: %s", name, what)
		}
	}
	t.Logf("%d test cases: Debian's server passes %d, ours %d", len(theirs), passed(theirs), passed(ours))
	if passed(theirs) < 44 {
		t.Errorf("too few pass with Debian's server: the driver is at fault")
	}
}
