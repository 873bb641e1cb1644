package server

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

// tools is a folder with the client's name in it, as programs find it that run
// the client or pipe its output through others.
type tools struct {
	t   *testing.T
	dir string
}

// newTools has fail2ban-client in PATH be the command.
func newTools(t *testing.T, s *scratch, client *exec.Cmd) *tools {
	t.Helper()
	var env strings.Builder
	for _, v := range client.Env {
		if strings.HasPrefix(v, programVariable) || strings.HasPrefix(v, zygoteVariable) || strings.HasPrefix(v, "LC_ALL") || strings.HasPrefix(v, "TZ") {
			env.WriteString("export " + v + "\n")
		}
	}
	script := "#!/bin/sh\n" + env.String() + "exec " + client.Path + " " + strings.Join(client.Args[1:], " ") + ` "$@"` + "\n"
	s.write("bin/fail2ban-client", script)
	if err := os.Chmod(s.path("bin/fail2ban-client"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &tools{t, s.path("bin")}
}

// sh runs a line of a shell with the client in PATH.
func (x *tools) sh(script string) (out string, code int) {
	x.t.Helper()
	cmd := exec.Command("/bin/bash", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+x.dir+":"+os.Getenv("PATH"))
	var b bytes.Buffer
	cmd.Stdout = &b
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		x.t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

func (x *tools) client(words string) (out string, code int) { return x.sh("fail2ban-client " + words) }

// after returns what stands behind a label on its line, "" without such a line.
func after(out, label string) string {
	for line := range strings.Lines(out) {
		if _, value, found := strings.Cut(line, label); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// scrapers are programs that read the client's output, each with the steps by
// which it reads (FIELD D). What they make of Debian's fail2ban they make of ours.
var scrapers = map[string]func(x *tools) string{
	"netdata": func(x *tools) string {
		out, code := x.client("status")
		var got []string
		for _, name := range strings.Split(after(out, "Jail list:"), ",") {
			one, code := x.client("status " + strings.TrimSpace(name))
			failed, err1 := strconv.Atoi(after(one, "Currently failed:"))
			banned, err2 := strconv.Atoi(after(one, "Currently banned:"))
			got = append(got, fmt.Sprint(strings.TrimSpace(name), failed, banned, err1, err2, code))
		}
		missing, missingCode := x.client("status nosuch")
		return fmt.Sprint(code, got, strings.HasPrefix(missing, "Sorry but the jail"), missingCode != 0)
	},
	"telegraf": func(x *tools) string {
		out, _ := x.client("status")
		var got []string
		for line := range strings.Lines(out) {
			if !strings.Contains(line, "Jail list:") {
				continue
			}
			for _, name := range strings.Split(strings.TrimSpace(strings.Split(line, "Jail list:")[1]), ", ") {
				one, _ := x.client("status " + name)
				for _, label := range []string{"Currently failed:", "Currently banned:"} {
					n, err := strconv.Atoi(after(one, label))
					got = append(got, fmt.Sprint(name, label, n, err))
				}
			}
		}
		return fmt.Sprint(got)
	},
	"munin": func(x *tools) string {
		out, _ := x.client("status")
		m := regexp.MustCompile(`Jail list:\s+(.*)`).FindStringSubmatch(out)
		var got []string
		for _, name := range regexp.MustCompile(`[,\s]+`).Split(m[1], -1) {
			one, _ := x.client("status " + name)
			got = append(got, name, regexp.MustCompile(`Currently banned:\s+(\d+)`).FindStringSubmatch(one)[1])
		}
		_, ping := x.client("ping")
		return fmt.Sprint(got, ping)
	},
	"LibreNMS": func(x *tools) string {
		out, _ := x.sh(`/usr/bin/env fail2ban-client status | grep 'Jail list' | sed -e 's/.*Jail list://' -e 's/^[ \t]*//' | tr -d ','`)
		var got []string
		for _, name := range strings.Fields(out) {
			n, _ := x.sh(`/usr/bin/env fail2ban-client status ` + name + ` | grep 'Currently banned' | sed -e 's/.*://' | tr -d '[:space:]'`)
			got = append(got, name+"="+n)
		}
		return fmt.Sprint(got)
	},
	"FreePBX": func(x *tools) string {
		var got []string
		for _, line := range []string{
			`fail2ban-client status | grep 'Jail list' | sed -r 's/.+Jail list:\t+//g'`,
			`fail2ban-client status | grep 'Jail list' | cut -f2`,
			`fail2ban-client status j1 | grep 'IP list:' | cut -f2`,
			`fail2ban-client status j1 | grep 'Currently banned' | cut -f2`,
			`fail2ban-client get j1 ignoreip | grep - | cut -d' ' -f2 | sort`,
			`fail2ban-client set j1 addignoreip 198.51.100.9 | grep - | cut -d' ' -f2 | sort`,
			`fail2ban-client set j1 delignoreip 198.51.100.9 | grep - | cut -d' ' -f2 | sort`,
			`fail2ban-client set j1 banip 198.51.100.8; fail2ban-client set j1 unbanip 198.51.100.8; echo $?`,
			`fail2ban-client reload j1; echo $?`,
		} {
			out, _ := x.sh(line)
			got = append(got, out)
		}
		return strings.Join(got, "|")
	},
	"fail2ban-ui": func(x *tools) string {
		status, _ := x.client("status")
		one, _ := x.client("status j1")
		ban, _ := x.client("set j1 banip 198.51.100.7")
		unban, _ := x.client("set j1 unbanip 198.51.100.7")
		ping, _ := x.client("ping")
		reload, _ := x.client("reload")
		ips := strings.Fields(after(one, "IP list:"))
		return fmt.Sprint(strings.Split(after(status, "Jail list:"), ","), ips, ban, unban, strings.Contains(ping, "pong"),
			reload == "" || strings.TrimSpace(reload) == "OK")
	},
	"logrotate, monit, init scripts": func(x *tools) string {
		_, flush := x.sh("fail2ban-client flushlogs 1>/dev/null")
		_, quiet := x.sh("fail2ban-client -q ping >/dev/null 2>&1")
		pong, _ := x.sh("fail2ban-client ping | grep -c 'Server replied: pong'")
		return fmt.Sprint(flush, quiet, pong)
	},
}

// TestScrapers_FIELD_D lets each read Debian's server and ours in the same state.
func TestScrapers_FIELD_D(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	results := map[bool]map[string]string{}
	for _, ours := range []bool{false, true} {
		s := newScratch(t, simple())
		var p *process
		var x *tools
		if ours {
			p, x = s.serve(), newTools(t, s, self(ClientName, s.args()...))
		} else {
			p = s.serveDebian()
			newZygote(t, lib).serve(s.path("zygote"))
			client := self(ClientName, s.args()...)
			client.Env = append(client.Env, zygoteVariable+"="+s.path("zygote"))
			x = newTools(t, s, client)
		}
		s.client("set", "j1", "banip", "192.0.2.1", "192.0.2.2", "2001:db8::1")
		s.client("set", "j2", "banip", "192.0.2.3")
		results[ours] = map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(scrapers)) {
			results[ours][name] = scrapers[name](x)
		}
		// A reload writes "Reload finished." before the client hears of it.
		if log := s.read("f2b.log"); ours && homeAssistant(log, "j1") != "[Ban 192.0.2.1 Ban 192.0.2.2 Ban 2001:db8::1 Ban 198.51.100.8 Unban 198.51.100.8 Ban 198.51.100.7 Unban 198.51.100.7]" {
			t.Errorf("Home Assistant reads %s", homeAssistant(log, "j1"))
		}
		if ours {
			webmin(t, p)
		}
		if code := p.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
	}
	for name, want := range results[false] {
		if got := results[true][name]; got != want {
			t.Errorf("%s reads\n%q, but of Debian's fail2ban\n%q", name, got, want)
		}
	}
	t.Logf("%d scrapers; netdata reads %s", len(results[true])+2, results[true]["netdata"])
}

// homeAssistant reads the log as its sensor does.
func homeAssistant(log, jail string) string {
	var got []string
	for _, m := range regexp.MustCompile(`\[`+jail+`\]\s*(Ban|Unban) (.*)`).FindAllStringSubmatch(log, -1) {
		got = append(got, m[1]+" "+m[2])
	}
	return fmt.Sprint(got)
}

// webmin and FreePBX look for the server among the processes: by its name, and
// by a word of its command line.
func webmin(t *testing.T, p *process) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	if comm := readFile(t, dir+"/comm"); comm != "fail2ban-server\n" {
		t.Errorf("the process is called %q", comm)
	}
	out, err := exec.Command("pgrep", "-x", "fail2ban-server").Output()
	if err != nil || !slices.Contains(strings.Fields(string(out)), strconv.Itoa(p.cmd.Process.Pid)) {
		t.Errorf("pgrep: %q, %v", out, err)
	}
}
