package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"f2b-go/internal/testenv"
)

// jailLines has one line for each jail of etc_fail2ban as its program writes it
// at a time, about an address.
var jailLines = map[string]func(now time.Time, address string) string{
	"sshd": func(now time.Time, a string) string {
		return now.Format(time.Stamp) + " mail sshd[7]: Failed password for root from " + a + " port 4711 ssh2"
	},
	"asterisk": func(now time.Time, a string) string {
		return now.Format("[2006-01-02 15:04:05]") + " NOTICE[7] chan_sip.c: Registration from '<sip:100@pbx>' failed for '" + a + ":5060' - Wrong password"
	},
	"firewall3": func(now time.Time, a string) string {
		return now.Format(time.Stamp) + " pbx kernel: [12345.678901] SIP: IN=eth0 OUT= MAC= SRC=" + a +
			" DST=198.51.100.1 LEN=443 TOS=0x00 PREC=0x00 TTL=52 ID=1 DF PROTO=UDP SPT=5071 DPT=5060 LEN=423 "
	},
	"asterisk-weak": func(now time.Time, a string) string {
		return now.Format("[2006-01-02 15:04:05]") + " NOTICE[7] res_pjsip/pjsip_distributor.c: Request 'OPTIONS' from '<sip:a@b>' failed for '" + a + ":5060' (callid: 1) - No matching endpoint found"
	},
	"firewall3-dropped": func(now time.Time, a string) string {
		return now.Format(time.Stamp) + " pbx kernel: [12345.678901] DROPPED: IN=eth0 OUT= MAC= SRC=" + a +
			" DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=49 ID=1 DF PROTO=TCP SPT=46573 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 "
	},
	"recidive": func(now time.Time, a string) string {
		return now.Format("2006-01-02 15:04:05,000") + " fail2ban.actions        [7]: NOTICE  [sshd] Ban " + a
	},
	"nginx-http-auth": func(now time.Time, a string) string {
		return now.Format("2006/01/02 15:04:05") + ` [error] 8#8: *5 user "root": password mismatch, client: ` + a + `, server: x, request: "GET / HTTP/1.1", host: "x"`
	},
	"postfix": func(now time.Time, a string) string {
		return now.Format(time.Stamp) + " mail postfix/smtpd[7]: warning: unknown[" + a + "]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"
	},
	"dovecot": func(now time.Time, a string) string {
		return now.Format(time.Stamp) + " mail dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<a>, method=PLAIN, rip=" + a + ", lip=198.51.100.1, TLS, session=<Zq>"
	},
}

// TestEveryJailBansOnce enables every jail of etc_fail2ban under both servers,
// the original 1.0.2 and ours, and gives each jail an offender of its own.
func TestEveryJailBansOnce(t *testing.T) {
	needRoot(t)
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	for name, program := range map[string][]string{"original": debianServer, "ours": {ours("fail2ban-server")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			etcOfOurs(t, dir)
			var local strings.Builder
			local.WriteString("[DEFAULT]\nenabled = true\nignoreself = false\n")
			logs, offender := map[string]string{}, map[string]string{}
			n := 0
			for jail := range jailLines {
				n++
				logs[jail] = filepath.Join(dir, jail+".log")
				offender[jail] = fmt.Sprintf("203.0.113.%d", n)
				writeFile(t, logs[jail], "")
				fmt.Fprintf(&local, "[%s]\nmaxretry = 3\nlogpath = %s\n", jail, logs[jail])
			}
			writeFile(t, filepath.Join(dir, "etc", "jail.local"), local.String())
			writeFile(t, filepath.Join(dir, "etc", "fail2ban.local"), "[Definition]\ndbfile = None\n")
			s := startServer(t, namespace(t), dir, program, debianClient)
			for jail, line := range jailLines {
				appendFile(t, logs[jail], strings.Repeat(line(time.Now(), offender[jail])+"\n", 3))
			}
			for jail := range jailLines {
				ban := "NOTICE  [" + jail + "] Ban " + offender[jail]
				testenv.Eventually(t, ban, func() bool { return strings.Contains(s.log(), ban) })
				testenv.Eventually(t, "the kernel holds "+offender[jail], func() bool { return strings.Contains(s.rules(), offender[jail]) })
				text, _ := s.ask("status", jail)
				for _, want := range []string{"Currently banned:\t1", "Total banned:\t1", "Banned IP list:\t" + offender[jail]} {
					if !strings.Contains(text, want) {
						t.Errorf("%s: no %q in:\n%s", jail, want, text)
					}
				}
			}
			s.stop()
			if rules := s.rules(); strings.Contains(rules, "f2b-") {
				t.Errorf("rules are left after the stop:\n%s", rules)
			}
			if strings.Contains(s.log(), "ERROR") {
				t.Errorf("errors in the log:\n%s", s.log())
			}
		})
	}
}
