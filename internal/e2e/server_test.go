package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/etc_fail2ban"
	"f2b-go/internal/testenv"
)

// server is a running fail2ban server, ours or Debian's, in a namespace.
type server struct {
	t      *testing.T
	ns     string
	dir    string // scratch: configuration in etc, socket, log
	cmd    *exec.Cmd
	client []string // the client's command line but for its words
	out    testenv.Buffer
	ended  chan struct{}
}

// debianClient is the client of Debian's package on its own Python.
var debianClient = []string{"/usr/bin/python3", "/usr/bin/fail2ban-client"}

// debianServer likewise.
var debianServer = []string{"/usr/bin/python3", "/usr/bin/fail2ban-server"}

// startServer runs `program -f -c DIR` and waits until its client may ask.
func startServer(t *testing.T, ns, dir string, program, client []string) *server {
	t.Helper()
	socket := filepath.Join(dir, "f2b.sock")
	s := &server{t: t, ns: ns, dir: dir, ended: make(chan struct{})}
	s.client = append(append([]string{}, client...), "-c", filepath.Join(dir, "etc"), "-s", socket)
	argv := append([]string{"ip", "netns", "exec", ns}, program...)
	argv = append(argv, "-f", "-c", filepath.Join(dir, "etc"), "-s", socket, "-p", filepath.Join(dir, "f2b.pid"),
		"--logtarget", filepath.Join(dir, "f2b.log"), "start")
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.stop)
	testenv.Eventually(t, "the server answers", func() bool {
		select {
		case <-s.ended:
			t.Fatalf("the server ended: %s\n%s", s.out.String(), s.log())
		default:
		}
		text, code := s.ask("status")
		return code == 0 && strings.Contains(text, "Jail list:")
	})
	return s
}

// stop ends the server by its own process id.
func (s *server) stop() {
	select {
	case <-s.ended:
	default:
		_ = s.cmd.Process.Signal(os.Interrupt)
		select {
		case <-s.ended:
		case <-time.After(20 * time.Second):
			_ = s.cmd.Process.Kill()
			s.t.Errorf("the server did not stop on SIGINT\n%s", s.log())
		}
	}
	if s.t.Failed() {
		s.t.Logf("server's output:\n%s\nserver's log:\n%s", s.out.String(), s.log())
	}
}

func (s *server) ask(words ...string) (string, int) {
	s.t.Helper()
	return output(s.t, append(append([]string{}, s.client...), words...)...)
}

func (s *server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "f2b.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// rules returns everything that the namespace's kernel holds against senders.
func (s *server) rules() string {
	var all strings.Builder
	for _, argv := range [][]string{{"nft", "list", "ruleset"}, {"iptables-save"}, {"ip6tables-save"}, {"ipset", "save"}} {
		out, err := exec.Command("ip", append([]string{"netns", "exec", s.ns}, argv...)...).Output()
		if err != nil {
			s.t.Logf("%v: %v", argv, err)
		}
		all.Write(out)
	}
	return all.String()
}

// etcOfDebian copies Debian's /etc/fail2ban into a scratch folder's etc.
func etcOfDebian(t *testing.T, dir string) {
	t.Helper()
	copyTree(t, os.DirFS("/etc/fail2ban"), filepath.Join(dir, "etc"))
	ownDatabase(t, dir)
}

// etcOfOurs copies the project's own configuration.
func etcOfOurs(t *testing.T, dir string) {
	t.Helper()
	copyTree(t, etc_fail2ban.FS, filepath.Join(dir, "etc"))
	ownDatabase(t, dir)
}

// ownDatabase keeps a test's bans out of the machine's database.
func ownDatabase(t *testing.T, dir string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "etc", "fail2ban.d", "zz-test.local"), "[Definition]\ndbfile = "+filepath.Join(dir, "f2b.sqlite3")+"\n")
}

func copyTree(t *testing.T, from fs.FS, to string) {
	t.Helper()
	err := fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendFile(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
