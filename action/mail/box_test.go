package mail_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"f2b-go/action/mail"
	"f2b-go/internal/mailtest"
)

// inBubble runs a test with a clock of its own.
func inBubble(t *testing.T, opt mailtest.Options, f func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newDesk(t, opt)) })
}

// after lets the bubble's clock run.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestEachBanIsMailedAtOnce(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		p := d.open("sshd", settings())
		defer p.Close()
		for n := range 3 {
			p.Put(notice(n + 1))
		}
		synctest.Wait()
		want := []string{"[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test", "[Fail2Ban] sshd: banned 192.0.2.2 from pbx.example.test",
			"[Fail2Ban] sshd: banned 192.0.2.3 from pbx.example.test"}
		if diff := cmp.Diff(want, subjects(t, d.server.Arrived())); diff != "" {
			t.Errorf("mails:\n%s", diff)
		}
		d.log.wants(t)
	})
}

// TestDigest: bans of several jails within the time make one mail.
func TestDigest(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		s := settings()
		s.Digest = 10 * time.Minute
		ssh, pbx := d.open("sshd", s), d.open("asterisk", s)
		defer ssh.Close()
		defer pbx.Close()
		ssh.Put(notice(1))
		after(4 * time.Minute)
		pbx.Put(notice(2))
		ssh.Put(notice(3))
		after(5 * time.Minute)
		if got := d.server.Arrived(); len(got) != 0 {
			t.Fatalf("%d mails before the digest's time", len(got))
		}
		after(time.Minute)
		got := d.server.Arrived()
		if diff := cmp.Diff([]string{"[Fail2Ban] asterisk, sshd: banned 3 addresses from pbx.example.test"}, subjects(t, got)); diff != "" {
			t.Fatalf("mails:\n%s", diff)
		}
		text := body(t, got[0])
		for _, want := range []string{"192.0.2.1\n", "192.0.2.2\n", "192.0.2.3\n", "bad password from 192.0.2.2",
			"fail2ban-client set sshd unbanip 192.0.2.1 192.0.2.3\n", "fail2ban-client set asterisk unbanip 192.0.2.2\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("the digest lacks %q:\n%s", want, text)
			}
		}
		ssh.Put(notice(4))
		after(10 * time.Minute)
		if diff := cmp.Diff([]string{"[Fail2Ban] sshd: banned 192.0.2.4 from pbx.example.test"}, subjects(t, d.server.Arrived())); diff != "" {
			t.Errorf("the next digest:\n%s", diff)
		}
	})
}

// TestRate: a flood gives the mails that the rate allows, then one with the rest.
func TestRate(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		s := settings()
		s.Rate = mail.Rate{Count: 3, Per: time.Hour}
		p := d.open("sshd", s)
		defer p.Close()
		for n := range 200 {
			p.Put(notice(n + 1))
		}
		after(59 * time.Minute)
		if got := d.server.Arrived(); len(got) != 3 {
			t.Errorf("%d mails within the hour, want 3", len(got))
		}
		after(2 * time.Minute)
		want := []string{"[Fail2Ban] sshd: banned 197 addresses from pbx.example.test"}
		if diff := cmp.Diff(want, subjects(t, d.server.Arrived())); diff != "" {
			t.Errorf("after the hour:\n%s", diff)
		}
	})
}

// TestRetry: a server that is away is told of once; tries come at growing
// distances, and nothing is lost or sent twice.
func TestRetry(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		d.pipe.Break(&os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED})
		p := d.open("sshd", settings())
		defer p.Close()
		p.Put(notice(1))
		p.Put(notice(2))
		for _, c := range []struct {
			wait  time.Duration
			tries int
		}{{0, 1}, {5 * time.Second, 2}, {9 * time.Second, 2}, {time.Second, 3}, {20 * time.Second, 4}, {time.Hour, 10}} {
			after(c.wait)
			if got := d.pipe.Dials(); got != c.tries {
				t.Errorf("%d tries after %v more, want %d", got, c.wait, c.tries)
			}
		}
		d.log.wants(t, "ERROR Failed to execute ban jail 'sshd' action 'f2b-mail' info '{192.0.2.1}': [Errno 111] Connection refused (mail server 127.0.0.1:25; ")
		d.pipe.Break(nil)
		after(30 * time.Minute)
		if got := d.server.Arrived(); len(got) != 2 {
			t.Errorf("%d mails once the server is back, want 2", len(got))
		}
		d.log.wants(t, "INFO The mail server 127.0.0.1:25 takes mail again")
		p.Put(notice(3))
		synctest.Wait()
		if got := d.server.Arrived(); len(got) != 1 {
			t.Errorf("%d mails for the next ban, want 1", len(got))
		}
	})
}

// TestSlowServer: one that takes the connection and says nothing is given up
// after the time limit; who hands in notices does not wait.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, pipe: mailtest.NewPipe(), log: &logLines{}}
		d.Office = d.office()
		go func() {
			for {
				if _, err := d.pipe.Accept(); err != nil {
					return
				}
			}
		}()
		defer d.pipe.Close()
		s := settings()
		s.Server.Timeout = 30 * time.Second
		p := d.open("sshd", s)
		begun := time.Now()
		for n := range 50 {
			p.Put(notice(n))
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("handing in took %v", waited)
		}
		after(29 * time.Second)
		d.log.wants(t)
		after(2 * time.Second)
		d.log.wants(t, "timed out (mail server 127.0.0.1:25; 50 notices waiting, next try in 5s)")
		begun = time.Now()
		after(10 * time.Second) // in the next try
		p.Close()
		if waited := time.Since(begun) - 10*time.Second; waited > 6*time.Second {
			t.Errorf("closing took %v", waited)
		}
		d.log.wants(t, "the server stops, 50 mails could not be sent")
	})
}

func TestServersRefusals(t *testing.T) {
	refuse := func(code int, stage, what string) func(string, string) error {
		return func(s, w string) error {
			if s == stage && strings.Contains(w, what) {
				return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "not you"}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		judge     func(string, string) error
		login     bool
		log       string
		arrived   int  // mails that came
		tries     int  // connections in the first minute
		delivered bool // after the server thinks better of it
	}{
		"for good at RCPT":   {judge: refuse(550, "RCPT", ""), log: "{'admin@example.test': (550, b'not you'), 'second@example.test': (550, b'not you')} (mail server 127.0.0.1:25; the mail is given up)", tries: 1},
		"for good at DATA":   {judge: refuse(554, "DATA", ""), log: "(554, b'not you') (mail server 127.0.0.1:25; the mail is given up)", tries: 1},
		"for now at RCPT":    {judge: refuse(450, "RCPT", ""), log: "{'admin@example.test': (450, b'not you'), ", tries: 4, delivered: true},
		"for now at MAIL":    {judge: refuse(451, "MAIL", ""), log: "(451, b'not you')", tries: 4, delivered: true},
		"one of two readers": {judge: refuse(550, "RCPT", "second"), log: "WARN Email to 'admin@example.test, second@example.test' failed to following recipients: {'second@example.test': (550, b'not you')}", tries: 1, arrived: 1},
		"the login":          {judge: refuse(535, "AUTH", ""), login: true, log: "(535, b'not you')", tries: 4, delivered: true},
	} {
		t.Run(name, func(t *testing.T) {
			opt := mailtest.Options{}
			if c.login {
				opt.User, opt.Password, opt.Mechanisms = "me", "secret", []string{"PLAIN"}
			}
			var better atomic.Bool
			opt.Judge = func(stage, what string) error {
				if better.Load() {
					return nil
				}
				return c.judge(stage, what)
			}
			inBubble(t, opt, func(t *testing.T, d *desk) {
				s := settings()
				s.To = append(s.To, mail.Address{Mailbox: "second@example.test"})
				s.Server.User, s.Server.Password = opt.User, opt.Password
				p := d.open("sshd", s)
				defer p.Close()
				p.Put(notice(1))
				after(time.Minute)
				if got := d.pipe.Dials(); got != c.tries {
					t.Errorf("%d tries, want %d", got, c.tries)
				}
				d.log.wants(t, c.log)
				if got := len(d.server.Arrived()); got != c.arrived {
					t.Errorf("%d mails came, want %d", got, c.arrived)
				}
				better.Store(true)
				after(time.Hour)
				if got := len(d.server.Arrived()); (got == 1) != c.delivered {
					t.Errorf("%d mails came later, delivered should be %v", got, c.delivered)
				}
			})
		})
	}
}

// TestSpoolSurvivesRestart: what waits when the server stops, for a digest or
// for the mail server, is sent after the next start, and once.
func TestSpoolSurvivesRestart(t *testing.T) {
	spool := filepath.Join(t.TempDir(), "spool")
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		away, digest := settings(), settings()
		away.Spool, digest.Spool, digest.Digest = spool, spool, 10*time.Minute
		d.pipe.Break(errors.New("no way there"))
		p, q := d.open("away", away), d.open("digest", digest)
		p.Put(notice(1))
		q.Put(notice(2))
		after(5 * time.Minute)
		p.Close()
		q.Close()
		if n := len(glob(t, spool)); n != 2 {
			t.Fatalf("%d files wait in the spool, want 2", n)
		}
		d.log.take()
		d.pipe.Break(nil)

		d.Office = d.office()
		p, q = d.open("away", away), d.open("digest", digest)
		synctest.Wait()
		if diff := cmp.Diff([]string{"[Fail2Ban] away: banned 192.0.2.1 from pbx.example.test"}, subjects(t, d.server.Arrived())); diff != "" {
			t.Errorf("after the start:\n%s", diff)
		}
		q.Put(notice(3))
		after(5 * time.Minute)
		want := []string{"[Fail2Ban] digest: banned 2 addresses from pbx.example.test"}
		if diff := cmp.Diff(want, subjects(t, d.server.Arrived())); diff != "" {
			t.Errorf("the digest over the restart:\n%s", diff)
		}
		p.Close()
		q.Close()
		if n := len(glob(t, spool)); n != 0 {
			t.Errorf("%d files are left in the spool", n)
		}
		d.log.wants(t)
	})
}

// TestNewSettingsTakeOver: a reload that corrects the server sends what waited.
func TestNewSettingsTakeOver(t *testing.T) {
	for _, spool := range []string{"", filepath.Join(t.TempDir(), "spool")} {
		inBubble(t, mailtest.Options{User: "me", Password: "right", Mechanisms: []string{"LOGIN"}}, func(t *testing.T, d *desk) {
			s := settings()
			s.Spool, s.Server.User, s.Server.Password = spool, "me", "wrong"
			p, other := d.open("sshd", s), d.open("asterisk", s)
			p.Put(notice(1))
			other.Put(notice(2))
			after(time.Second)
			d.log.wants(t, "535")
			s.Server.Password = "right"
			p, err := p.Move(s)
			if err != nil {
				t.Fatal(err)
			}
			after(time.Second)
			if diff := cmp.Diff([]string{"[Fail2Ban] sshd: banned 192.0.2.1 from pbx.example.test"}, subjects(t, d.server.Arrived())); diff != "" {
				t.Errorf("spool %q:\n%s", spool, diff)
			}
			if other, err = other.Move(s); err != nil {
				t.Fatal(err)
			}
			after(time.Second)
			if got := d.server.Arrived(); len(got) != 1 {
				t.Errorf("spool %q: %d mails of the second jail, want 1", spool, len(got))
			}
			if _, err := p.Move(mail.Settings{}); err == nil {
				t.Error("settings without addresses were taken")
			}
			p.Close()
			other.Close()
			d.log.wants(t)
		})
	}
}

// TestSpoolIsBounded: of more notices than have room the oldest go, and the next
// mail says how many.
func TestSpoolIsBounded(t *testing.T) {
	spool := filepath.Join(t.TempDir(), "spool")
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		s := settings()
		s.Spool, s.Limit, s.Digest = spool, 10, time.Hour
		p := d.open("sshd", s)
		for n := range 25 {
			p.Put(notice(n + 1))
		}
		if n := len(glob(t, spool)); n != 10 {
			t.Errorf("%d files in a spool for 10", n)
		}
		d.log.wants(t, "10 notices wait for the mail server 127.0.0.1:25, the oldest are dropped from now on")
		after(time.Hour)
		got := d.server.Arrived()
		if len(got) != 1 {
			t.Fatalf("%d mails, want 1", len(got))
		}
		text := body(t, got[0])
		if !strings.Contains(text, "15 older notices") || strings.Contains(text, "192.0.2.15\n") || !strings.Contains(text, "192.0.2.16\n") {
			t.Errorf("the mail:\n%s", text)
		}
		p.Close()
	})
}

func TestGivenUpAfterKeep(t *testing.T) {
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		d.pipe.Break(errors.New("no way there"))
		s := settings()
		s.Keep = time.Hour
		p := d.open("sshd", s)
		p.Put(notice(1))
		after(2 * time.Hour)
		d.log.wants(t, "no way there", "1 notice given up after 1h0m0s")
		tries := d.pipe.Dials()
		after(24 * time.Hour)
		if got := d.pipe.Dials(); got != tries {
			t.Errorf("%d more tries for nothing", got-tries)
		}
		p.Put(notice(2))
		after(2 * time.Hour)
		d.log.wants(t)
		p.Close()
	})
}

// TestSpoolFolder: the spool takes nothing from others and nothing from links.
func TestSpoolFolder(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Symlink(target, filepath.Join(dir, "link")),
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open", "link", "file"} {
		inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
			s := settings()
			s.Spool, s.Digest = filepath.Join(dir, name), time.Minute
			p := d.open("sshd", s)
			d.log.wants(t, "notices that wait do not survive a restart")
			p.Put(notice(1))
			after(time.Minute)
			if got := d.server.Arrived(); len(got) != 1 {
				t.Errorf("%s: %d mails without a spool, want 1", name, len(got))
			}
			p.Close()
		})
	}
	if list, err := os.ReadDir(target); err != nil || len(list) != 0 {
		t.Errorf("the link was followed: %v %v", list, err)
	}
}

// TestDamagedSpool: files that hold no notice go, and those of a jail that is
// long gone; foreign ones stay.
func TestDamagedSpool(t *testing.T) {
	spool := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	orphan := `{"Key":"orphan","Jail":"gone","Action":"f2b-mail","Queued":"1999-01-01T00:00:00Z"}`
	waiting := `{"Key":"waiting","Jail":"gone","Action":"f2b-mail","Queued":"1999-12-31T00:00:00Z"}`
	for name, text := range map[string]string{"orphan.json": orphan, "waiting.json": waiting, "half.json": `{"Kind":"ban","Ja`, "other.json": `{"Key":"x","Jail":"sshd","Action":"f2b-mail"}`, "README": "mine", "a.new": "x"} {
		if err := os.WriteFile(filepath.Join(spool, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(spool, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	inBubble(t, mailtest.Options{}, func(t *testing.T, d *desk) {
		s := settings()
		s.Spool = spool
		p := d.open("sshd", s)
		p.Put(notice(1))
		synctest.Wait()
		if got := d.server.Arrived(); len(got) != 1 {
			t.Errorf("%d mails, want 1", len(got))
		}
		p.Close()
	})
	left := glob(t, spool)
	slices.Sort(left)
	if diff := cmp.Diff([]string{"README", "a.new", "pipe.json", "waiting.json"}, left); diff != "" {
		t.Errorf("left in the spool:\n%s", diff)
	}
}

func glob(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
