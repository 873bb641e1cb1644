package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"f2b-go/internal/testenv"
)

// The two logins of the filter t: a failure on one line, and one told in two
// lines of a session, of which the second brings the address.
const killFilter = `[Definition]
datepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\.%%f
failregex = ^\s*fail from <ADDR>$
            ^\s*s<F-MLFID>\d+</F-MLFID> bad password for <F-USER>\S+</F-USER>$
            ^\s*s<F-MLFID>\d+</F-MLFID> <F-MLFFORGET>closed</F-MLFFORGET> by <ADDR>$
`

// killRun is one run of the torture: who writes what, and what it came to.
type killRun struct {
	t      *testing.T
	dir    string
	ns     string // network namespace; "" for an action that only writes a file
	logs   []string
	random *rand.Rand
	kills  int
	lines  int
	guilty map[string]bool // by address: fails five times, else four
}

// TestKillLosesNothing kills the server with SIGKILL at random moments, its
// start included, while half of the addresses fail five times and half four
// times, each one's lines before and after kills. At the end all of the first
// and none of the others are banned, each once: in the list, in the database and
// in the kernel. F2B_KILLS sets how many kills.
func TestKillLosesNothing(t *testing.T) {
	kills := 6
	if text := os.Getenv("F2B_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		kills = n
	}
	for _, kernel := range []bool{false, true} {
		t.Run(fmt.Sprintf("kernel=%v", kernel), func(t *testing.T) {
			dir := t.TempDir()
			k := &killRun{
				t: t, dir: dir, kills: kills, guilty: map[string]bool{},
				logs: []string{filepath.Join(dir, "one.log"), filepath.Join(dir, "two.log")},
			}
			seed := uint64(time.Now().UnixNano())
			k.random = rand.New(rand.NewPCG(seed, 1))
			t.Logf("seed %d", seed)
			if kernel {
				k.ns = namespace(t)
			}
			k.configure()
			k.torture()
			k.judge()
		})
	}
}

func (k *killRun) configure() {
	action := "note"
	if k.ns != "" {
		action = "nftables[name=t, port=22, protocol=tcp]\n         note"
		etcOfOurs(k.t, k.dir)
	}
	for name, text := range map[string]string{
		"fail2ban.conf": fmt.Sprintf("[Definition]\ndbfile = %s/f2b.sqlite3\nloglevel = INFO\n", k.dir),
		"jail.conf": fmt.Sprintf("[t]\nenabled = true\nbackend = auto\nfilter = t\nlogpath = %s\nusedns = no\nignoreself = false\nmaxretry = 5\n"+
			"findtime = 1h\nbantime = 1d\naction = %s\n", strings.Join(k.logs, "\n          "), action),
		"filter.d/t.conf":    killFilter,
		"action.d/note.conf": fmt.Sprintf("[Definition]\nactionban = echo '<ip>' >> %s/acted\n", k.dir),
	} {
		writeFile(k.t, filepath.Join(k.dir, "etc", name), text)
	}
	for _, log := range k.logs {
		writeFile(k.t, log, "the first line of "+log+"\n")
	}
}

// torture writes and kills until all kills are done, then lets the server
// finish.
func (k *killRun) torture() {
	stop := make(chan struct{})
	var writing sync.WaitGroup
	seed := k.random.Uint64()
	writing.Go(func() { k.write(stop, seed) })
	for i := range k.kills {
		cmd := k.start()
		// Some kills hit the start, most the work.
		wait := time.NewTimer(time.Duration(k.random.IntN(600)) * time.Millisecond)
		<-wait.C
		if err := cmd.Process.Kill(); err != nil {
			k.t.Fatalf("kill %d: %v", i, err)
		}
		_ = cmd.Wait()
	}
	close(stop)
	writing.Wait()
}

// start runs the server in the foreground, the socket of the one before being
// left behind.
func (k *killRun) start() *exec.Cmd {
	argv := []string{ours("fail2ban-server"), "-xf", "-c", filepath.Join(k.dir, "etc"), "-s", filepath.Join(k.dir, "f2b.sock"),
		"-p", filepath.Join(k.dir, "f2b.pid"), "--logtarget", filepath.Join(k.dir, "f2b.log"), "start"}
	if k.ns != "" {
		// exec, so that the process to kill is the server.
		argv = append([]string{"ip", "netns", "exec", k.ns}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	return cmd
}

// attacker is an address on its way.
type attacker struct {
	address string
	log     int
	left    int
}

// rotator writes a log and rotates it in the ways that log rotation knows: it
// renames the file and makes a new one at once, or goes on in the renamed one
// for a while, or copies the file and truncates it.
type rotator struct {
	t      *testing.T
	db     *sql.DB // the server's
	path   string
	random *rand.Rand
	f      *os.File
	next   time.Time
	late   int // lines that still go to the renamed file
	count  int
}

// rotateEvery is the least time between two rotations of a log.
const rotateEvery = 3 * time.Second

// seen says whether the server has committed a place in the file of today: of
// two rotations while nobody looks nobody knows the file in the middle.
func (r *rotator) seen() bool {
	data, err := os.ReadFile(r.path)
	if err != nil {
		r.t.Error(err)
	}
	first, _, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return false
	}
	var hash string
	// There is no table yet before the first start, nor a row.
	_ = r.db.QueryRow("SELECT firstlinemd5 FROM logs WHERE path = ?", r.path).Scan(&hash)
	return hash == fmt.Sprintf("%x", sha1.Sum(append(first, '\n')))
}

func (r *rotator) open() {
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Error(err)
		return
	}
	if r.f != nil {
		r.f.Close()
	}
	r.f = f
}

func (r *rotator) line(text string) {
	if now := time.Now(); r.f == nil {
		r.open()
		r.next = now.Add(rotateEvery)
	} else if now.After(r.next) && r.late == 0 {
		r.next = now.Add(rotateEvery / 10)
		if r.seen() {
			r.next = now.Add(rotateEvery)
			r.rotate()
		}
	}
	if _, err := fmt.Fprintf(r.f, "%s %s\n", time.Now().Format("2006-01-02 15:04:05.000000"), text); err != nil {
		r.t.Error(err)
	}
	if r.late > 0 {
		if r.late--; r.late == 0 {
			r.open()
		}
	}
}

func (r *rotator) rotate() {
	r.count++
	old := fmt.Sprintf("%s.%d", r.path, r.count)
	var err error
	switch r.random.IntN(3) {
	case 0:
		if err = os.Rename(r.path, old); err == nil {
			r.open()
		}
	case 1:
		if err = os.Rename(r.path, old); err == nil {
			err = os.WriteFile(r.path, nil, 0o600)
		}
		r.late = 1 + r.random.IntN(200)
	case 2:
		var data []byte
		if data, err = os.ReadFile(r.path); err == nil {
			if err = os.WriteFile(old, data, 0o600); err == nil {
				err = os.Truncate(r.path, 0)
			}
		}
	}
	if err != nil {
		r.t.Error(err)
	}
}

// write lets attackers fail, many at a time and in random order, until told to
// stop and the last ones are through.
func (k *killRun) write(stop <-chan struct{}, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(k.dir, "f2b.sqlite3")+"?mode=ro&_pragma=busy_timeout(1000)")
	if err != nil {
		k.t.Error(err)
		return
	}
	defer db.Close()
	out := make([]*rotator, len(k.logs))
	for i, log := range k.logs {
		out[i] = &rotator{t: k.t, db: db, path: log, random: random}
	}
	pace := time.Millisecond
	if k.ns != "" {
		pace *= 5 // each ban runs programs, and all of them again at each start
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var pool []*attacker
	var closing []func() // second lines of sessions
	for session := 0; ; session++ {
		<-tick.C
		select {
		case <-stop:
			if len(pool) == 0 && len(closing) == 0 {
				return
			}
		default:
			for len(pool) < 60 {
				pool = append(pool, k.newcomer(random))
			}
		}
		if len(closing) > 8 || len(closing) > 0 && len(pool) == 0 {
			closing[0]()
			closing = closing[1:]
		}
		if len(pool) == 0 {
			continue
		}
		at := random.IntN(len(pool))
		a := pool[at]
		k.lines++
		if random.IntN(3) == 0 {
			k.lines++
			out[a.log].line(fmt.Sprintf("s%d bad password for root", session))
			closing = append(closing, func() { out[a.log].line(fmt.Sprintf("s%d closed by %s", session, a.address)) })
		} else {
			out[a.log].line("fail from " + a.address)
		}
		if a.left--; a.left == 0 {
			pool = slices.Delete(pool, at, at+1)
		}
	}
}

func (k *killRun) newcomer(random *rand.Rand) *attacker {
	n := len(k.guilty)
	a := &attacker{address: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), log: random.IntN(len(k.logs)), left: 4 + n%2}
	k.guilty[a.address] = n%2 == 1
	return a
}

// judge starts the server once more and compares whom it bans, in its list and
// in the database, with whom it should.
func (k *killRun) judge() {
	t := k.t
	want := []string{}
	for address, guilty := range k.guilty {
		if guilty {
			want = append(want, address)
		}
	}
	slices.Sort(want)
	cmd := k.start()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	client := []string{ours("fail2ban-client"), "-c", filepath.Join(k.dir, "etc"), "-s", filepath.Join(k.dir, "f2b.sock")}
	var banned []string
	finished := func() bool {
		text, code := output(t, append(client, "get", "t", "banip")...)
		banned = strings.Fields(text)
		return code == 0 && len(banned) >= len(want)
	}
	deadline := time.Now().Add(30*time.Second + time.Duration(len(want))*50*time.Millisecond)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !finished() && time.Now().Before(deadline) {
		<-tick.C
	}
	missing, extra := k.kernel(want)
	for len(missing) > 0 && time.Now().Before(deadline) {
		<-tick.C // the list has an address before its action has run
		missing, extra = k.kernel(want)
	}
	if text, code := output(t, append(client, "stop")...); code != 0 {
		t.Errorf("stop: %s", text)
	}
	<-ended
	slices.Sort(banned)
	lost, wrong := compare(want, banned)
	rows := k.rows()
	lostRows, wrongRows := compare(want, slices.Compact(slices.Clone(rows)))
	unacted, _ := compare(want, k.acted())
	t.Logf("%d kills, %d lines; %d addresses with five failures, %d with four; in the list: lost %d, wrong %d; in the database: lost %d, wrong %d, doubled %d; actions never run %d; in the kernel: lost %d, wrong %d",
		k.kills, k.lines, len(want), len(k.guilty)-len(want), len(lost), len(wrong), len(lostRows), len(wrongRows), len(rows)-len(slices.Compact(slices.Clone(rows))), len(unacted), len(missing), len(extra))
	if len(lost)+len(wrong)+len(lostRows)+len(wrongRows)+len(unacted)+len(missing)+len(extra) > 0 || len(rows) != len(want) {
		t.Errorf("lost %v, wrong %v; in the database lost %v, wrong %v, rows %d; not acted on %v; in the kernel lost %v, wrong %v",
			lost, wrong, lostRows, wrongRows, len(rows), unacted, missing, extra)
		k.tell(append(append(lost, wrong...), lostRows...))
	}
}

// inKernel finds the addresses in the rules.
var inKernel = regexp.MustCompile(`\b10\.\d+\.\d+\.\d+\b`)

// kernel compares the namespace's rules with whom they should hold.
func (k *killRun) kernel(want []string) (lost, wrong []string) {
	if k.ns == "" {
		return nil, nil
	}
	held := inKernel.FindAllString(mustRun(k.t, "ip", "netns", "exec", k.ns, "nft", "list", "ruleset"), -1)
	return compare(want, held)
}

// compare gives what is missing in got and what is too much.
func compare(want, got []string) (lost, wrong []string) {
	for _, a := range want {
		if !slices.Contains(got, a) {
			lost = append(lost, a)
		}
	}
	for _, a := range got {
		if !slices.Contains(want, a) {
			wrong = append(wrong, a)
		}
	}
	return lost, wrong
}

// rows lists the addresses of the table bans, one for each row.
func (k *killRun) rows() []string {
	return strings.Fields(mustRun(k.t, testenv.Python, "-c",
		"import sqlite3, sys; print(*sorted(r[0] for r in sqlite3.connect(sys.argv[1]).execute('select ip from bans')))", filepath.Join(k.dir, "f2b.sqlite3")))
}

// acted lists whom the action has been told of.
func (k *killRun) acted() []string {
	text, err := os.ReadFile(filepath.Join(k.dir, "acted"))
	if err != nil {
		k.t.Fatal(err)
	}
	list := strings.Fields(string(text))
	slices.Sort(list)
	return slices.Compact(list)
}

// tell shows what the logs have about some addresses.
func (k *killRun) tell(addresses []string) {
	for _, path := range append(slices.Clone(k.logs), filepath.Join(k.dir, "f2b.log")) {
		f, err := os.Open(path)
		if err != nil {
			k.t.Error(err)
			continue
		}
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			for _, a := range addresses[:min(len(addresses), 3)] {
				if strings.Contains(lines.Text()+" ", a+" ") {
					k.t.Logf("%s:%d: %s", filepath.Base(path), n, lines.Text())
				}
			}
		}
		f.Close()
	}
}
