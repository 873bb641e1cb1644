// Package firewallcmd is the verb firewall: it reads the configuration, loads and
// unloads the base firewall of a phone server, and tells what it does. It hides
// the safety around that: one load at a time, a guard that puts the former rules
// back when a load breaks off or is not confirmed, and the refusal of rules that
// would cut off who loads them.
package firewallcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"f2b-go/firewall"
	"f2b-go/internal/getopt"
)

// LinkName is the name of the script of 2011: a program that is called so is
// this verb.
const LinkName = "firewall3"

// IsLinkName tells whether a program's name is that of the script, as it stands
// in /etc/init.d or behind a link of a run level such as S39firewall3.
func IsLinkName(name string) bool {
	order, found := strings.CutSuffix(name, LinkName)
	if !found || order == "" {
		return found
	}
	return len(order) == 3 && (order[0] == 'S' || order[0] == 'K') && strings.Trim(order[1:], "0123456789") == ""
}

// Exit codes.
const (
	exitDone    = 0
	exitFaults  = 1 // refused, failed, or status found a difference
	exitBadUse  = 2
	exitStopped = 3 // status: not loaded (what the LSB says of init scripts)
)

const usage = `Usage: f2b-go firewall VERB [options]

  start      load the firewall; where it is loaded already, load it anew
  stop       remove all of it: nothing is kept out any more
  restart    the same as start
  reload     load what has changed; an error where it is not loaded
  status     rules with their counters, limits, sets, and what differs from what was loaded
  confirm    keep the rules that were loaded with --confirm
  check      read everything and tell what is wrong; nothing is changed

  -c, --config FILE      the configuration (` + firewall.DefaultSettings + `)
      --confirm SECONDS  go back to the former rules unless confirmed in time
      --force            load rules that would keep your own SSH out, or were not confirmed before
  -n, --dry-run          print what would be loaded; nothing is changed
      --lists            reload: the lists of sites only
      --json             status and check: print JSON
  -h, --help             print this text

Exit code: 0 done, 1 refused, failed or different from what was loaded, 2 bad use,
3 not loaded (status).
`

// maxConfirm is the longest time that a load may wait for confirmation.
const maxConfirm = 24 * time.Hour

type options struct {
	verb                            string
	config                          string
	given                           bool // --config was
	confirm                         time.Duration
	force, dry, lists, asJSON, help bool
}

// program is one call.
type program struct {
	opt  options
	out  io.Writer
	errs io.Writer
	now  func() time.Time
	dirs firewall.Dirs
}

// verbs are the words that may follow firewall.
var verbs = map[string]func(*program, context.Context) int{
	"start":        (*program).start,
	"restart":      (*program).start,
	"reload":       (*program).reload,
	"force-reload": (*program).reload,
	"stop":         (*program).stop,
	"status":       (*program).status,
	"confirm":      (*program).confirm,
	"check":        (*program).check,
	guardVerb:      (*program).guard,
}

// Main runs the verb with the words behind it and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	p := &program{out: stdout, errs: stderr, now: time.Now}
	var err error
	p.opt, err = parse(args)
	run := verbs[p.opt.verb]
	switch {
	case err == nil && p.opt.help:
		fmt.Fprint(stdout, usage)
		return exitDone
	case err == nil && p.opt.verb == "":
		fmt.Fprint(stderr, usage)
		return exitBadUse
	case err == nil && run == nil:
		err = fmt.Errorf("there is no verb %q", p.opt.verb)
	}
	if err != nil {
		fmt.Fprintf(stderr, "f2b-go firewall: %v\n\n%s", err, usage)
		return exitBadUse
	}
	if os.Geteuid() != 0 && p.opt.verb != "check" {
		p.complain(errors.New("this takes root: call it with sudo"))
		return exitFaults
	}
	// The programs stand in folders that a plain user's or cron's path may lack.
	path := "/usr/sbin:/sbin:/usr/bin:/bin"
	if given := os.Getenv("PATH"); given != "" {
		path = given + ":" + path
	}
	if err := os.Setenv("PATH", path); err != nil {
		p.complain(err)
		return exitFaults
	}
	return run(p, context.Background())
}

// parse reads the words; options may stand on both sides of the verb.
func parse(args []string) (o options, err error) {
	o.config = firewall.DefaultSettings
	for rest := args; ; {
		var found []getopt.Option
		found, rest, err = getopt.Parse(rest, "c:nh", []string{"config=", "confirm=", "force", "dry-run", "lists", "json", "help"})
		if err != nil {
			return o, err
		}
		for _, f := range found {
			if err := o.take(f); err != nil {
				return o, err
			}
		}
		if len(rest) == 0 {
			if o.lists && o.verb != "reload" {
				return o, errors.New("--lists is for reload")
			}
			return o, nil
		}
		if o.verb != "" && o.verb != guardVerb {
			return o, fmt.Errorf("%q is one word too many", rest[0])
		}
		if o.verb == guardVerb {
			o.config = rest[0]
			return o, nil
		}
		o.verb, rest = rest[0], rest[1:]
	}
}

func (o *options) take(f getopt.Option) error {
	switch strings.TrimLeft(f.Name, "-") {
	case "c", "config":
		o.config, o.given = f.Value, true
	case "confirm":
		n, err := strconv.Atoi(f.Value)
		o.confirm = time.Duration(n) * time.Second
		if err != nil || n < 1 || o.confirm > maxConfirm {
			return fmt.Errorf("--confirm %s is no number of seconds from 1 to %d", f.Value, int(maxConfirm.Seconds()))
		}
	case "force":
		o.force = true
	case "n", "dry-run":
		o.dry = true
	case "lists":
		o.lists = true
	case "json":
		o.asJSON = true
	case "h", "help":
		o.help = true
	}
	return nil
}

func (p *program) complain(err error) { fmt.Fprintf(p.errs, "f2b-go firewall: %v\n", err) }

func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// tell prints problems one a line.
func (p *program) tell(w io.Writer, problems []firewall.Problem) {
	for _, q := range problems {
		kind := "error"
		if q.Warning {
			kind = "warning"
		}
		fmt.Fprintln(w, q.Tell(kind))
	}
}

// settings reads the configuration for verbs that need no more of it. The folders
// hold even where it is wrong, since stop needs them.
func (p *program) settings() (firewall.Settings, bool) {
	s, problems, err := firewall.ReadSettings(p.opt.config, !p.opt.given)
	p.dirs = firewall.Dirs{Run: s.RunDir, State: s.StateDir}
	if err != nil {
		p.complain(err)
		return s, false
	}
	bad := false
	for _, q := range problems {
		bad = bad || !q.Warning
	}
	if bad {
		p.tell(p.errs, problems)
	}
	return s, !bad
}

// open finds the kernel's programs as the settings say, or else those that the
// last load was done with.
func (p *program) open(s firewall.Settings, state firewall.State) (*firewall.Kernel, error) {
	v6 := s.IPv6 == "yes" || s.IPv6 == firewall.Auto && firewall.HasIPv6()
	if s.Backend == firewall.Auto && state.Backend != "" {
		s.Backend = state.Backend
	}
	return firewall.Open(firewall.Programs{}, s.Backend, v6)
}

// openLoaded opens the kernel for what is loaded, and tells what that is.
func (p *program) openLoaded(s firewall.Settings) (state firewall.State, loaded bool, k *firewall.Kernel, err error) {
	if state, loaded, err = p.dirs.ReadState(); err == nil {
		k, err = p.open(s, state)
	}
	return state, loaded, k, err
}

// read reads, checks and plans.
func (p *program) read(ctx context.Context, k *firewall.Kernel) (*firewall.Prepared, error) {
	return firewall.Prepare(ctx, p.opt.config, !p.opt.given, firewall.Env{
		Now: p.now(), Local: time.Local, Resolver: net.DefaultResolver, Kernel: k,
	})
}

// prepare is read for a load: it tells what is wrong, and whether that keeps it
// from being loaded.
func (p *program) prepare(ctx context.Context, k *firewall.Kernel) (*firewall.Prepared, bool) {
	prepared, err := p.read(ctx, k)
	if err == nil && !prepared.Blocked() {
		err = k.Neighbours(ctx, prepared)
	}
	if err != nil {
		p.complain(err)
		return nil, false
	}
	p.tell(p.errs, prepared.Problems)
	return prepared, !prepared.Blocked()
}

func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
