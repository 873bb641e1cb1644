package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// python runs Debian's fail2ban and the generator of the reference data.
const python = "/usr/bin/python3"

// firstLine is when the logs begin, unless something else is asked for.
const firstLine = 1795305600

// makeLogs makes the four logs: with the generator of the reference data beside
// the repository, or with one of our own where there is none. begin is when they
// begin, in Unix seconds, 0 for a fixed time.
func (b *bench) makeLogs(dir string, lines int, begin int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making logs: %w", err)
	}
	if begin == 0 {
		begin = firstLine
	}
	generator := filepath.Join("..", "shared", "bench", "genlogs.py")
	if _, err := os.Stat(generator); err == nil {
		out, err := exec.Command(python, generator, dir, strconv.Itoa(lines), strconv.FormatInt(begin, 10)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("making logs with %s: %w: %s", generator, err, out)
		}
		return nil
	}
	for i, s := range subjects {
		w := writer{r: rand.New(rand.NewPCG(1, uint64(i))), begin: begin, lines: lines}
		if err := w.write(filepath.Join(dir, s.log), [](func() string){w.auth, w.asterisk, w.access, w.failure}[i]); err != nil {
			return err
		}
	}
	return nil
}

// writer writes logs like those that these programs write, seven hours long.
type writer struct {
	r     *rand.Rand
	begin int64
	lines int
	at    time.Time
}

func (w *writer) write(path string, line func() string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making a log: %w", err)
	}
	defer func() {
		if e := file.Close(); err == nil && e != nil {
			err = fmt.Errorf("making a log: %w", e)
		}
	}()
	out := bufio.NewWriter(file)
	for i := range w.lines {
		w.at = time.Unix(w.begin+int64(i)*7*3600/int64(w.lines), 0).UTC()
		if _, err := fmt.Fprintln(out, line()); err != nil {
			return fmt.Errorf("making a log: %w", err)
		}
	}
	return out.Flush()
}

func (w *writer) pick(list ...string) string { return list[w.r.IntN(len(list))] }

func (w *writer) number(from, to int) int { return from + w.r.IntN(to-from) }

// attacker is one of a few thousand addresses, some of them far more often.
func (w *writer) attacker() string {
	n := int(3000 * w.r.Float64() * w.r.Float64())
	return fmt.Sprintf("%d.%d.%d.%d", 1+n%220, n/7%256, n/3%256, 1+n%250)
}

func (w *writer) friend() string { return fmt.Sprintf("10.0.%d.%d", w.r.IntN(4), 1+w.r.IntN(200)) }

func (w *writer) user() string {
	return w.pick("root", "admin", "test", "oracle", "ubuntu", "git", "deploy", "guest", "backup", "www-data")
}

func (w *writer) syslog(ident, message string) string {
	return w.at.Format("Jan _2 15:04:05") + " host1 " + ident + ": " + message
}

func (w *writer) sshd() string { return fmt.Sprintf("sshd[%d]", w.number(300, 99999)) }

// failure is a line about a login that failed.
func (w *writer) failure() string {
	user, from, port := w.user(), w.attacker(), w.number(1024, 65535)
	message := ""
	switch n := w.r.IntN(100); {
	case n < 40:
		message = fmt.Sprintf("Failed password for invalid user %s from %s port %d ssh2", user, from, port)
	case n < 65:
		message = fmt.Sprintf("Failed password for %s from %s port %d ssh2", user, from, port)
	case n < 90:
		message = fmt.Sprintf("Invalid user %s from %s port %d", user, from, port)
	default:
		message = fmt.Sprintf("User %s from %s not allowed because not listed in AllowUsers", user, from)
	}
	return w.syslog(w.sshd(), message)
}

// auth is a line of an auth.log, of which one in twenty is a failure.
func (w *writer) auth() string {
	user, from, port := w.user(), w.friend(), w.number(1024, 65535)
	switch n := w.r.IntN(100); {
	case n < 5:
		return w.failure()
	case n < 15:
		return w.syslog(w.sshd(), fmt.Sprintf("Accepted publickey for %s from %s port %d ssh2: ED25519 SHA256:%032x", user, from, port, w.r.Uint64()))
	case n < 22:
		return w.syslog(w.sshd(), fmt.Sprintf("Received disconnect from %s port %d:11: disconnected by user", from, port))
	case n < 35:
		return w.syslog(w.sshd(), fmt.Sprintf("pam_unix(sshd:session): session %s for user %s", w.pick("opened", "closed"), user))
	case n < 70:
		return w.syslog(fmt.Sprintf("CRON[%d]", w.number(300, 99999)), "pam_unix(cron:session): session "+w.pick("opened", "closed")+" for user root")
	}
	return w.syslog("systemd-logind[612]", fmt.Sprintf("New session %d of user %s.", w.number(1, 99999), user))
}

// asterisk is a line of Asterisk's messages, of which one in ten is a failure.
func (w *writer) asterisk() string {
	call := fmt.Sprintf("[C-%08x]", w.number(0, 99999))
	message := ""
	switch n := w.r.IntN(100); {
	case n < 6:
		message = fmt.Sprintf(`NOTICE[%d]%s chan_sip.c: Registration from '"%d" <sip:%d@203.0.113.5:5060>' failed for '%s:5060' - Wrong password`,
			w.number(1000, 32000), call, w.number(100, 999), w.number(100, 999), w.attacker())
	case n < 10:
		message = fmt.Sprintf(`NOTICE[%d]%s chan_sip.c: Call from '' (%s:5060) to extension '%d' rejected because extension not found in context 'default'.`,
			w.number(1000, 32000), call, w.attacker(), w.number(100, 9999))
	default:
		message = fmt.Sprintf(`VERBOSE[%d]%s pbx.c: Executing [%d@from-internal:%d] Set("PJSIP/%d-%08x", "__DIAL_OPTIONS=HhTtr") in new stack`,
			w.number(1000, 32000), call, w.number(100, 999), w.number(1, 40), w.number(100, 999), w.r.Uint32())
	}
	return w.at.Format("[2006-01-02 15:04:05] ") + message
}

// access is a line of a web server's access log, of which one in fifty is a
// search for holes.
func (w *writer) access() string {
	from, path, status := w.friend(), w.pick("/", "/index.html", "/static/app.js", "/img/logo.png", "/robots.txt"), w.pick("200", "200", "200", "304", "301", "404")
	if w.r.IntN(50) == 0 {
		from, path, status = w.attacker(), w.pick("/phpmyadmin/index.php", "/wp-login.php", "/roundcube/index.php", "/cgi-bin/php"), "404"
	}
	return fmt.Sprintf(`%s - - [%s] "GET %s HTTP/1.1" %s %d "https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"`,
		from, w.at.Format("02/Jan/2006:15:04:05 -0700"), path, status, w.number(120, 90000))
}
