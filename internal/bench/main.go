// Command bench measures f2b-go beside Debian's fail2ban on the same machine: it
// hides how logs are made, how processor time is taken, and what makes two
// outputs the same. `make bench` runs it.
//
// Figures are lines per second of processor time (user and system) on one core,
// which other programs on the machine disturb less than time on the clock; the
// ratio is what counts.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// subject is a log with the filter that it is judged with.
type subject struct {
	name, log, filter string
	literals          []string // what a search for the filter's texts looks for
	id, full          float64  // the least ratios asked for
}

var subjects = []subject{
	{"a", "a_auth.log", "sshd", []string{"Failed ", "nvalid user", "Accepted ", "Received disconnect", "Disconnected from", "Connection closed",
		"maximum authentication attempts", "not allowed because"}, 60, 40},
	{"b", "b_asterisk.log", "asterisk", []string{"Registration from", "' failed for '", "rejected because extension", "InvalidPassword", "FailedACL",
		"ChallengeResponseFailed", "InvalidAccountID"}, 80, 45},
	{"c", "c_nginx.log", "nginx-botsearch", []string{`" 404 `, "No such file or directory"}, 200, 40},
	{"d", "d_flood.log", "sshd", []string{"Failed ", "nvalid user", "maximum authentication attempts", "not allowed because"}, 35, 35},
}

// bench is one run.
type bench struct {
	program string // ours, as installed
	config  string // Debian's configuration
	dir     string // logs and outputs
	lines   int
	rounds  int
}

func main() {
	b := bench{config: "/etc/fail2ban"}
	program := flag.String("program", "bin/f2b-go", "the program to measure")
	flag.StringVar(&b.dir, "dir", filepath.Join(os.TempDir(), "f2b-bench"), "where logs and outputs go")
	flag.IntVar(&b.lines, "lines", 500000, "lines of each log")
	flag.IntVar(&b.rounds, "rounds", 5, "runs of ours, of which the fastest counts")
	server := flag.Int("server", 300000, "lines of each log for the servers, 0 to leave them out")
	only := flag.String("only", "", "measure one thing: config (the reading of the configuration), filters, or servers")
	flag.Parse()
	switch err := b.run(*program, *server, *only); {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errUsage is a command line that asks for what there is not.
var errUsage = errors.New("wrong usage")

// part is something to measure.
type part struct {
	name    string
	measure func() error
}

func (b *bench) run(program string, server int, only string) error {
	parts := []part{
		{"config", b.compareConfig},
		{"filters", b.compareRegex},
		{"servers", func() error { return b.compareServers(server) }},
	}
	if only != "" && !slices.ContainsFunc(parts, func(p part) bool { return p.name == only }) {
		return fmt.Errorf("%w: -only %s is none of config, filters and servers", errUsage, only)
	}
	if err := b.install(program); err != nil {
		return err
	}
	for _, p := range parts {
		if only != "" && only != p.name || server == 0 && p.name == "servers" {
			continue
		}
		if err := p.measure(); err != nil {
			return err
		}
	}
	return nil
}

// install copies our program, as installing it does: of a file that the linker has
// just written the system keeps single pages, and it starts a millisecond later.
func (b *bench) install(built string) error {
	data, err := os.ReadFile(built)
	if err != nil {
		return fmt.Errorf("finding our program (make build makes it): %w", err)
	}
	b.program = filepath.Join(b.dir, "f2b-go")
	if err := errors.Join(os.MkdirAll(b.dir, 0o755), os.WriteFile(b.program, data, 0o755)); err != nil {
		return fmt.Errorf("installing %s: %w", built, err)
	}
	return nil
}
