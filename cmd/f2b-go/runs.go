package main

import (
	"os"

	"f2b-go/etc_fail2ban"
	"f2b-go/internal/check"
	"f2b-go/internal/demo"
	"f2b-go/internal/firewallcmd"
	"f2b-go/internal/server"
	"f2b-go/internal/testaction"
	"f2b-go/internal/testfilter"
)

func runServer(args []string) int {
	return server.Main(server.Program{Name: server.ServerName, Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Fallback: etc_fail2ban.FS})
}

func runClient(args []string) int {
	return server.Main(server.Program{Name: server.ClientName, Args: args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

func runTestFilter(args []string) int {
	return testfilter.Main(args, os.Stdin, os.Stdout, os.Stderr, "f2b-go test-filter")
}

func runTestAction(args []string) int { return testaction.Main(args, os.Stdout, os.Stderr) }

func runFirewall(args []string) int { return firewallcmd.Main(args, os.Stdout, os.Stderr) }

func runDemo(args []string) int { return demo.Main(args, os.Stdin, os.Stdout, os.Stderr) }

func runCheck(args []string) int { return check.Main(args, os.Stdout, os.Stderr) }
