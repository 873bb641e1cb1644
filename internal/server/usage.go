package server

import (
	"strings"

	"f2b-go/control"
)

// optionHelp describes the options; other programs read the names from it.
var optionHelp = [][2]string{
	{"-c, --conf <DIR>", "the folder with the configuration"},
	{"-s, --socket <FILE>", "the server's socket"},
	{"-p, --pidfile <FILE>", "where the server writes its process id"},
	{"--pname <NAME>", "what the server's process is called (fail2ban-server)"},
	{"--loglevel <LEVEL>", "how much is logged"},
	{"--logtarget <TARGET>", "where to: a file, stdout, stderr, sysout, syslog"},
	{"--syslogsocket auto|<FILE>", "the system logger's socket"},
	{"-d", "print the configuration as the commands that it comes to"},
	{"--dp, --dump-pretty", "the same, laid out over lines"},
	{"-t, --test", "read the configuration and say whether it is sound"},
	{"-i", "take commands line by line"},
	{"-v", "say more"},
	{"-q", "say less"},
	{"-x", "replace a socket that was left behind"},
	{"-b", "run the server in the background (the default)"},
	{"-f", "run the server in the foreground"},
	{"--async", "internal: a server that waits to be told its configuration"},
	{"--timeout", "how long to wait for the server to come up"},
	{"--json", "print the server's reply as JSON (f2b-go)"},
	{"--str2sec <STRING>", "print a time such as 1d3h in seconds"},
	{"-h, --help", "print this"},
	{"-V, --version", "print the version of fail2ban that this is compatible with"},
}

// Columns of the help.
const (
	optionColumn  = 28
	commandColumn = 45
	helpWidth     = 34
)

func (p *Program) usage() {
	p.print("Usage: " + p.Name + " [OPTIONS]" + map[bool]string{true: " <COMMAND>"}[p.Name == ClientName])
	p.print("")
	p.print("Fail2Ban v" + Reported + " (f2b-go) reads logs for failed logins and other attacks")
	p.print("and bans where they come from.")
	p.print("")
	p.print("Options:")
	for _, o := range optionHelp {
		p.print(column("    "+o[0], optionColumn) + o[1])
	}
	if p.Name == ClientName {
		p.print("")
		p.print("Command:")
		p.commandHelp()
	}
}

func (p *Program) commandHelp() {
	for i, h := range control.Help() {
		if h.Usage == "" {
			if i > 0 {
				p.print("")
			}
			p.print(strings.Repeat(" ", commandColumn) + h.Text)
			continue
		}
		lines := wrap(h.Text, helpWidth)
		first := "    " + h.Usage
		if len(first) >= commandColumn {
			p.print(first)
			first = ""
		}
		for _, line := range lines {
			p.print(column(first, commandColumn) + line)
			first = ""
		}
	}
}

func column(text string, width int) string {
	if len(text) >= width {
		return text + " "
	}
	return text + strings.Repeat(" ", width-len(text))
}

// wrap breaks a text into lines at blanks.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
