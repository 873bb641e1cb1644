package server

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// askScript is rawClientScript for many sockets.
const askScript = `import sys, json
sys.path.insert(0, sys.argv[1])
from fail2ban.client.csocket import CSocket
for line in sys.stdin:
    socket, commands = json.loads(line)
    c, out = CSocket(socket), []
    for words in commands:
        while True: # a server that has just begun may close the first connection
            try: code, v = c.send(words)
            except ValueError: c = CSocket(socket)
            else: break
        out.append(repr(v) if code == 0 else "%s%r" % (type(v).__name__, v.args))
    c.close()
    print(json.dumps(out), flush=True)
`

// beside are Debian's server and ours, each on its own copy of a world.
type beside struct {
	t       *testing.T
	w       *world
	debian  *scratch
	ours    *scratch
	running [2]*process
	z       *zygote
	peer    *testenv.Peer
	age     int
	barrier int
	trace   []string
	// forgetful are jails that have stopped since they first ran: fail2ban's have
	// forgotten whom they counted.
	forgetful map[string]bool
	// current are jails whose settings are those of the files.
	current map[string]bool
	// backends are those of the last reload.
	backends map[string]string
	fresh    int
	compared int
}

// newBeside starts both servers on a random world.
func newBeside(t *testing.T, r *rand.Rand, z *zygote, peer *testenv.Peer) *beside {
	t.Helper()
	b := &beside{t: t, w: newWorld(r), z: z, peer: peer, forgetful: map[string]bool{}, debian: newScratch(t, nil), ours: newScratch(t, nil)}
	b.empty()
	b.write()
	b.start()
	return b
}

// empty makes the logs, or cuts them short.
func (b *beside) empty() {
	for _, s := range b.both() {
		for _, log := range logNames {
			s.write(log, "")
		}
	}
}

func (b *beside) both() []*scratch { return []*scratch{b.debian, b.ours} }

func (b *beside) note(format string, args ...any) {
	b.trace = append(b.trace, fmt.Sprintf(format, args...))
}

func (b *beside) fault(format string, args ...any) {
	b.t.Helper()
	b.t.Errorf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(b.trace, "\n"))
}

func (b *beside) write() {
	for i, s := range b.both() {
		for name, text := range b.w.files(i == 0) {
			s.write(name, text)
		}
	}
}

func (b *beside) start() {
	b.t.Helper()
	b.running[0] = b.startDebian(b.debian)
	b.running[1] = b.ours.serve()
	testenv.Eventually(b.t, "our jails run", func() bool { return b.run(b.ours) })
	b.current = map[string]bool{}
	b.backends = map[string]string{}
	for name, j := range b.w.jails {
		b.current[name] = j.enabled
		b.backends[name] = cmp.Or(j.options["backend"], "polling")
	}
}

// startDebian starts Debian's server, which now and then dies of a connection
// that was closed before it was accepted.
func (b *beside) startDebian(s *scratch) *process {
	b.t.Helper()
	for range 5 {
		p := s.serveDebian()
		died := func() bool {
			return strings.Contains(sinceStart(s), "Traceback")
		}
		testenv.Eventually(b.t, "Debian's jails run", func() bool { return b.run(s) || died() })
		if !died() && b.z.call(ClientName, s.args("ping")...).code == 0 {
			return p
		}
		p.stop(syscall.SIGKILL)
		_ = os.Remove(s.path("f2b.sock"))
		_ = os.Remove(s.path("f2b.pid"))
	}
	b.t.Fatal("Debian's server does not start")
	return nil
}

// run tells whether the jails of the files have started.
func (b *beside) run(s *scratch) bool {
	since := sinceStart(s)
	for name, j := range b.w.jails {
		if j.enabled && !strings.Contains(since, "Jail '"+name+"' started") {
			return false
		}
	}
	return true
}

// sinceStart is the log of the server's last run.
func sinceStart(s *scratch) string {
	log := s.read("f2b.log")
	return log[max(0, strings.LastIndex(log, "Starting Fail2ban v")):]
}

// ask puts commands to one of the servers.
func (b *beside) ask(s *scratch, commands [][]string) []string {
	var out []string
	b.peer.Ask([]any{s.path("f2b.sock"), s.here(commands)}, &out)
	for i := range out {
		out[i] = settle(commands[i], strings.ReplaceAll(out[i], s.dir, "DIR"))
	}
	return out
}

var listed = regexp.MustCompile(`'([^']*)'`)

func words(reply string) []string {
	var out []string
	for _, m := range listed.FindAllStringSubmatch(reply, -1) {
		out = append(out, m[1])
	}
	return out
}

// jails are the jails that run.
func (b *beside) jailsOf(s *scratch) []string {
	reply := b.ask(s, [][]string{{"status"}})[0]
	_, list, _ := strings.Cut(reply, "('Jail list', '")
	list, _, _ = strings.Cut(list, "'")
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// read waits until both have read their logs: every log gets a line about an
// address that is ignored, and says so. fail2ban's polling misses a log's first
// line now and then, so it gets a second one.
func (b *beside) read() {
	b.t.Helper()
	for _, s := range b.both() {
		for _, jail := range b.jailsOf(s) {
			// Our reply to a reload does not wait for a new jail's own work to begin.
			testenv.Eventually(b.t, jail+" runs", func() bool {
				log := s.read("f2b.log")
				return strings.LastIndex(log, "Jail '"+jail+"' started") > strings.LastIndex(log, "Creating new jail '"+jail+"'")
			})
		}
	}
	for range 3 {
		mark := map[string]string{} // an address for each log, by its path
		for _, log := range logNames {
			b.barrier++
			mark["DIR/"+log] = fmt.Sprintf("198.18.%d.%d", b.barrier/250, 1+b.barrier%250)
			for _, s := range b.both() {
				s.append(log, time.Now().UTC().Format(time.DateTime)+" from "+mark["DIR/"+log]+"\n")
			}
		}
		ours, debians := b.passed(b.ours, mark), b.passed(b.debian, mark)
		if ours != "" {
			b.fault("%s has not read its logs", ours)
			return
		}
		if debians == "" {
			return
		}
		b.note("Debian's %s has not read", debians)
	}
	b.t.Fatalf("Debian's server does not read\n%s", strings.Join(b.trace, "\n"))
}

// passed waits until every jail has told of the address in each of its logs, and
// returns the jail and log that have not after some seconds.
func (b *beside) passed(s *scratch, mark map[string]string) (late string) {
	for _, jail := range b.jailsOf(s) {
		for _, log := range words(b.ask(s, [][]string{{"get", jail, "logpath"}})[0]) {
			told, begun := "["+jail+"] Ignore "+mark[log]+" by ip", time.Now()
			testenv.Eventually(b.t, jail+" has read "+log, func() bool {
				return strings.Contains(s.read("f2b.log"), told) || time.Since(begun) > 8*time.Second
			})
			if !strings.Contains(s.read("f2b.log"), told) {
				return jail + " " + log
			}
		}
	}
	return ""
}

// logNames are the files that worldLogs name.
var logNames = []string{"a.log", "b.log", "c.log", "g-1.log", "g-2.log"}

// feed appends the same lines to the logs of both.
func (b *beside) feed() {
	for _, log := range []string{"a.log", "b.log", "g-1.log", "c.log"}[:1+b.w.r.IntN(4)] {
		stamp := time.Now().UTC().Format(time.DateTime) + " "
		text := strings.TrimSuffix(stamp+strings.ReplaceAll(b.w.lines(b.age), "\n", "\n"+stamp), stamp)
		b.note("%s: %q", log, text)
		for _, s := range b.both() {
			s.append(log, text)
		}
	}
}
