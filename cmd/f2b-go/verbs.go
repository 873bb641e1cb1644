package main

import (
	"fmt"
	"io"
	"os"
)

const (
	regexName  = "fail2ban-regex"
	completion = "completion"
)

// Exit codes of f2b-go's own verbs.
const (
	exitDone   = 0
	exitBadUse = 2
)

// verbs are the words after f2b-go; the list is also the usage and what the
// shells complete.
var verbs = []struct {
	name, help string
	run        func(args []string) int
	plain      bool // has no options, and no help but this
}{
	{"server", "run the server (as fail2ban-server; without -c and /etc/fail2ban on the embedded configuration)", runServer, false},
	{"client", "give the server commands (as fail2ban-client)", runClient, false},
	{"test-filter", "judge a log's lines: test-filter [options] LOG FILTER [IGNORE] (as fail2ban-regex)", runTestFilter, false},
	{"test-action", "print the commands that an action would run: test-action 'NAME[opt=\"v\"]' --ip A", runTestAction, false},
	{"check", "report all faults of the configuration with file and line: check [-c DIR] [--json] [--strict]", runCheck, false},
	{"firewall", "the base firewall of a phone server: firewall start|stop|restart|reload|status|confirm|check", runFirewall, false},
	{"demo", "watch an attack being banned", runDemo, true},
	{"version", "print the version", runVersion, true},
	{completion, "print the completion for a shell: completion bash|zsh|fish", nil, true}, // it asks for this list
}

func verb(args []string) int {
	if len(args) == 0 {
		usage(os.Stderr)
		return exitBadUse
	}
	switch args[0] {
	case "-h", "--help", "help":
		usage(os.Stdout)
		return exitDone
	case "-V", "--version":
		return runVersion(args[1:])
	}
	for _, v := range verbs {
		switch {
		case v.name != args[0]:
		case v.plain && len(args) == 2 && (args[1] == "-h" || args[1] == "--help"):
			fmt.Printf("Usage: f2b-go %s\n\n%s\n", v.name, v.help)
			return exitDone
		case v.name == completion:
			return complete(args[1:], os.Stdout, os.Stderr)
		default:
			return v.run(args[1:])
		}
	}
	fmt.Fprintf(os.Stderr, "f2b-go: there is no %q\n\n", args[0])
	usage(os.Stderr)
	return exitBadUse
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Usage: f2b-go VERB [options]\n\n")
	for _, v := range verbs {
		fmt.Fprintf(w, "  %-12s %s\n", v.name, v.help)
	}
	fmt.Fprint(w, "\nEach verb tells more with --help. Called as fail2ban-server, fail2ban-client,\nfail2ban-regex or firewall3 it is that program.\n")
}
