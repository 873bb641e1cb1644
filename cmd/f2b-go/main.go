// Command f2b-go bans who attacks this machine: it reads logs for failures and
// has a firewall keep their senders out, in the place of fail2ban.
//
// The name that it is called by says which program it is: fail2ban-server,
// fail2ban-client, fail2ban-regex or firewall3; under any other name the first word
// does.
package main

import (
	"os"
	"path/filepath"

	"f2b-go/internal/firewallcmd"
	"f2b-go/internal/server"
	"f2b-go/internal/testfilter"
)

func main() { os.Exit(run(filepath.Base(os.Args[0]), os.Args[1:])) }

// run is the program of that name.
func run(name string, args []string) int {
	switch name {
	case server.ServerName, server.ClientName:
		return server.Main(server.Program{Name: name, Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	case regexName:
		return testfilter.Main(args, os.Stdin, os.Stdout, os.Stderr, name)
	}
	if firewallcmd.IsLinkName(name) {
		return runFirewall(args)
	}
	return verb(args)
}
