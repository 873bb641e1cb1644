package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"f2b-go/internal/mailtest"
	"f2b-go/internal/netnstest"
	"f2b-go/internal/testenv"
)

// TestPhoneServer is the firewall and the engine against sipvicious: its scan,
// its search for extensions and its password guessing; without protection, under
// the limiter, and with bans. A phone of an allowed site registers throughout.
func TestPhoneServer(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("svcrack"); err != nil {
		t.Skip("no svcrack: scripts/setup test installs Debian's sipvicious")
	}
	p := newPhoneServer(t)
	p.phone("192.0.2.3")

	scan := p.sipvicious("192.0.2.1", "svmap", "192.0.2.100")
	if !strings.Contains(scan, "192.0.2.100:5060") {
		t.Errorf("without protection svmap found\n%s", scan)
	}
	if found := p.sipvicious("192.0.2.1", "svwar", "-e", "100-102", "192.0.2.100"); !strings.Contains(found, "replied with an authentication request") {
		t.Errorf("without protection svwar found\n%s", found)
	}
	open, _ := p.crack("192.0.2.1", 3*time.Second)

	if open == 0 {
		t.Fatal("without protection svcrack tried no password")
	}
	p.firewall("start")
	p.crack("192.0.2.1", 5*time.Second) // what a quiet source may send at once
	limited, lasted := p.crack("192.0.2.1", 10*time.Second)
	slow := float64(limited) / lasted.Seconds()
	if slow >= 1 {
		t.Errorf("under the limiter an attacker tries %.2f passwords a second", slow)
	}

	before, banned, mail := p.banned("192.0.2.2")
	after, _ := p.crack("192.0.2.2", 2*time.Second)
	if after > 0 {
		t.Errorf("a banned attacker tried %d passwords more", after)
	}
	tried, failed := p.phoneDone()
	if tried == 0 || failed > 0 {
		t.Errorf("the phone of an allowed site registered %d times and failed %d times", tried, failed)
	}
	t.Logf("\n| svcrack against | passwords tried |\n|---|---|\n| no protection | %.0f a second |\n| the limiter, once its burst is used up | %.2f a second |\n"+
		"| limiter and bans | %d, then banned %.1f s after the first, mail %.1f s after the ban |\n| banned | %d |\n\nAn allowed phone meanwhile: %d registrations, %d failed.",
		float64(open)/3, slow, before, banned.Seconds(), mail.Seconds(), after, tried, failed)
}

// phoneServer is the machine under attack.
type phoneServer struct {
	t    *testing.T
	net  *netnstest.Net
	sip  *sipServer
	dir  string
	conf string // the firewall's

	hangUp        chan struct{}
	calls         sync.WaitGroup
	tried, failed int
}

func newPhoneServer(t *testing.T) *phoneServer {
	p := &phoneServer{t: t, net: netnstest.New(t), dir: t.TempDir(), hangUp: make(chan struct{})}
	p.conf = filepath.Join(p.dir, "firewall.conf")
	writeFile(t, p.conf, fmt.Sprintf("[firewall]\nallow_sites = %[1]s/allowSites\nblock_sites = %[1]s/blockSites\nlog = nflog\nasterisk = no\nstate_dir = %[1]s/state\nrun_dir = %[1]s/run\n", p.dir))
	writeFile(t, filepath.Join(p.dir, "allowSites"), "192.0.2.3\n")
	writeFile(t, filepath.Join(p.dir, "blockSites"), "")
	var conn net.PacketConn
	err := p.net.Do(func() (err error) {
		conn, err = net.ListenPacket("udp4", netnstest.Server4+":5060")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := p.net.Exec("iptables", "-nvL")
			t.Logf("the rules\n%s", out)
		}
	})
	p.sip = newSIPServer(t, conn, filepath.Join(p.dir, "messages"))
	return p
}

// phone registers again and again from an address until phoneDone.
func (p *phoneServer) phone(from string) {
	p.t.Helper()
	var conn net.Conn
	err := p.net.Client(func() (err error) {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		conn, err = d.Dial("udp4", netnstest.Server4+":5060")
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.calls.Go(func() {
		defer func() { _ = conn.Close() }()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.hangUp:
				return
			case <-tick.C:
				p.tried++
				if !phoneRegisters(conn, p.tried) {
					p.failed++
				}
			}
		}
	})
}

func (p *phoneServer) phoneDone() (tried, failed int) {
	close(p.hangUp)
	p.calls.Wait()
	return p.tried, p.failed
}

// sends has the attackers' machine send from one of its addresses: sipvicious
// itself takes the first.
func (p *phoneServer) sends(from string) {
	p.t.Helper()
	err := p.net.Client(func() error {
		return exec.Command("ip", "route", "replace", netnstest.Server4+"/32", "dev", "wire", "src", from).Run()
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// sipvicious runs one of its programs from an address and returns what it said.
func (p *phoneServer) sipvicious(from string, argv ...string) string {
	p.t.Helper()
	p.sends(from)
	var out []byte
	_ = p.net.Client(func() (err error) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = p.dir
		cmd.Env = append(cmd.Environ(), "HOME="+p.dir, "PYTHONUNBUFFERED=1")
		out, err = cmd.CombinedOutput()
		return err
	})
	return string(out)
}

// crack has svcrack guess from an address for a while, and counts the passwords
// that reach the server.
func (p *phoneServer) crack(from string, during time.Duration) (tries int, lasted time.Duration) {
	p.t.Helper()
	stop := p.startCrack(from)
	first, begin := p.sip.triedBy(from), time.Now()
	<-time.After(during)
	tries, lasted = p.sip.triedBy(from)-first, time.Since(begin)
	stop()
	return tries, lasted
}

func (p *phoneServer) startCrack(from string) (stop func()) {
	p.t.Helper()
	p.sends(from)
	cmd := exec.Command("svcrack", "-x", from, "-u", sipUser, "-r", "100000-999999", "--maximumtime", "60", netnstest.Server4)
	cmd.Dir = p.dir
	cmd.Env = append(cmd.Environ(), "HOME="+p.dir, "PYTHONUNBUFFERED=1")
	var said testenv.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := p.net.Client(cmd.Start); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("svcrack from %s said\n%s", from, said.String())
		}
	})
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// firewall runs the verb on the server.
func (p *phoneServer) firewall(verb string) {
	p.t.Helper()
	out, err := p.net.Exec(ours("f2b-go"), "firewall", verb, "--config", p.conf, "--force")
	if err != nil {
		p.t.Fatal(err, out)
	}
}

// banned starts the engine and an attack, and tells how many passwords came
// before the ban, how long that took from the first, and how long the mail took.
func (p *phoneServer) banned(from string) (before int, toBan, toMail time.Duration) {
	p.t.Helper()
	var l net.Listener
	if err := p.net.Do(func() (err error) {
		l, err = net.Listen("tcp4", "127.0.0.1:0")
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	mails := mailtest.Start(p.t, mailtest.Options{Listener: l})
	etcOfOurs(p.t, p.dir)
	writeFile(p.t, filepath.Join(p.dir, "etc", "jail.local"), fmt.Sprintf("[DEFAULT]\nignoreself = false\naction = %%(action_)s\n         f2b-mail[name=\"%%(__name__)s\", dest=admin@example.org, host=%q, whois=no, spool=%q]\n"+
		"[asterisk]\nenabled = true\nlogpath = %s/messages tail\n[firewall3]\nenabled = true\nbackend = nflog\n", l.Addr(), filepath.Join(p.dir, "spool"), p.dir))
	s := startServer(p.t, p.net.Name(), p.dir, []string{ours("fail2ban-server")}, []string{ours("fail2ban-client")})
	stop := p.startCrack(from)
	defer stop()
	testenv.Eventually(p.t, "a password is tried", func() bool { return p.sip.triedBy(from) > 0 })
	begin := time.Now()
	testenv.Eventually(p.t, "the attacker is banned", func() bool { return strings.Contains(s.rules(), from+"/32") })
	toBan, before = time.Since(begin), p.sip.triedBy(from)
	mail := mails.Next(p.t)
	toMail = time.Since(begin) - toBan
	if len(mail.To) != 1 || mail.To[0] != "admin@example.org" || !strings.Contains(mail.Parse(p.t).Header.Get("Subject"), from) {
		p.t.Errorf("the mail is %+v", mail)
	}
	return before, toBan, toMail
}
