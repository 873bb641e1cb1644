package firewall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/coreos/go-iptables/iptables"
)

// Sentinels for what keeps the firewall from working at all.
var (
	// ErrMissing: a program or a part of the kernel is not there.
	ErrMissing = errors.New("missing")
	// ErrBackend: the two kinds of iptables can't be told apart.
	ErrBackend = errors.New("backend")
)

// filterTable is the only table that the firewall touches.
const filterTable = "filter"

// lockSeconds is how long to wait for another program that changes rules.
const lockSeconds = 20

// Tables asks and changes the filter table of one family: *iptables.IPTables of
// go-iptables.
type Tables interface {
	ListChains(table string) ([]string, error)
	// List gives a chain as -S prints it, with its -N or -P first.
	List(table, chain string) ([]string, error)
	ListWithCounters(table, chain string) ([]string, error)
	Insert(table, chain string, pos int, rule ...string) error
	Delete(table, chain string, rule ...string) error
	DeleteById(table, chain string, id int) error //nolint:revive // go-iptables' spelling
}

// Kernel is the packet filter of this machine, or of the network namespace that
// the program runs in.
type Kernel struct {
	// Backend is "nft" or "legacy".
	Backend  string
	run      Runner
	families []family
}

// family is one of IPv4 and IPv6.
type family struct {
	v6      bool
	tables  Tables
	save    string // the program iptables-save
	restore string // and iptables-restore
}

func (f family) name() string {
	if f.v6 {
		return "IPv6"
	}
	return "IPv4"
}

// of picks the family's part.
func (f family) of(r *Rules) *Table {
	if f.v6 {
		return &r.V6
	}
	return &r.V4
}

// Backends of iptables.
const (
	Auto   = "auto"
	NFT    = "nft"
	Legacy = "legacy"
)

// Open finds the programs of a backend, for IPv6 only where the machine has it
// or want6 says so. Auto takes what iptables is, unless only the other kind of
// iptables has rules.
func Open(run Runner, backend string, v6 bool) (*Kernel, error) {
	if _, err := exec.LookPath("ipset"); err != nil {
		return nil, fmt.Errorf("looking for ipset: %w (%w); install the package ipset", ErrMissing, err)
	}
	backend, suffix, err := choose(run, backend)
	if err != nil {
		return nil, err
	}
	k := &Kernel{run: run, Backend: backend}
	names := []string{"iptables"}
	if v6 {
		names = append(names, "ip6tables")
	}
	for _, name := range names {
		proto := iptables.ProtocolIPv4
		if name == "ip6tables" {
			proto = iptables.ProtocolIPv6
		}
		t, err := iptables.New(iptables.IPFamily(proto), iptables.Path(name+suffix), iptables.Timeout(lockSeconds))
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w (%w); install the package iptables", name+suffix, ErrMissing, err)
		}
		k.families = append(k.families, family{v6: name == "ip6tables", tables: t, save: name + suffix + "-save", restore: name + suffix + "-restore"})
	}
	return k, nil
}

// HasIPv6 tells whether IPv6 is filtered, too.
func (k *Kernel) HasIPv6() bool { return len(k.families) > 1 }

// HasIPv6 tells whether the machine knows IPv6 at all.
func HasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// choose settles the kind of iptables, and what ends the names of its programs
// where iptables itself is the other kind. Auto is what iptables is, unless only
// the other kind has rules.
func choose(run Runner, wanted string) (backend, suffix string, err error) {
	version, err := run.Run(context.Background(), "", "iptables", "--version")
	if err != nil {
		return "", "", fmt.Errorf("looking for iptables: %w (%w); install the package iptables", ErrMissing, err)
	}
	plain, other := NFT, Legacy
	if !strings.Contains(version, "nf_tables") {
		plain, other = Legacy, NFT
	}
	switch {
	case wanted == plain, wanted == Auto && (!filled(run, other) || filled(run, "")):
		return plain, "", nil
	case wanted == other, wanted == Auto:
		return other, "-" + other, nil
	}
	return "", "", fmt.Errorf("choosing iptables: %w %q is none of auto, nft and legacy", ErrBackend, wanted)
}

// filled tells whether one kind of iptables has rules in its filter table. The
// legacy kind makes the table when it is asked, so it is asked only where the
// kernel has it already.
func filled(run Runner, kind string) bool {
	if kind == Legacy {
		tables, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
		if err != nil || !slices.Contains(strings.Fields(string(tables)), filterTable) {
			return false
		}
	}
	program := "iptables-save"
	if kind != "" {
		program = "iptables-" + kind + "-save"
	}
	out, err := run.Run(context.Background(), "", program, "-t", filterTable)
	return err == nil && strings.Contains(out, "\n-A ")
}

// Mixed tells whether both kinds of iptables have rules, which then all apply.
func (k *Kernel) Mixed() bool { return filled(k.run, Legacy) && filled(k.run, NFT) }

// feed gives a family's rules to iptables-restore; with test nothing changes.
func (k *Kernel) feed(ctx context.Context, f family, text string, test bool) error {
	args := []string{"--noflush", "-w", fmt.Sprint(lockSeconds)}
	if test {
		args = append(args, "--test")
	}
	_, err := k.run.Run(ctx, text, f.restore, args...)
	if err != nil {
		return fmt.Errorf("loading the rules of %s: %w%s", f.name(), err, culprit(text, err))
	}
	return nil
}

// culprit gives the rule that a message of iptables-restore names by its line.
func culprit(text string, err error) string {
	_, after, found := strings.Cut(err.Error(), "line ")
	if !found {
		_, after, found = strings.Cut(err.Error(), "line: ")
	}
	line := 0
	if _, scanErr := fmt.Sscanf(strings.TrimSpace(after), "%d", &line); !found || scanErr != nil {
		return ""
	}
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) || lines[line-1] == "" {
		return ""
	}
	return fmt.Sprintf(" (line %d: %s)", line, lines[line-1])
}

// Test asks the kernel whether it takes rules, without a change.
func (k *Kernel) Test(ctx context.Context, r Rules) error {
	for _, f := range k.families {
		if err := k.feed(ctx, f, f.of(&r).Text(), true); err != nil {
			return err
		}
	}
	return nil
}

// probeSet is a set that is made for a moment to ask whether sets can be matched.
func probeSet() string { return fmt.Sprintf("f2b-fw-probe-%d", os.Getpid()) }

// probe asks every family whether it takes a match. Nothing is loaded.
func (k *Kernel) probe(ctx context.Context, match string) error {
	needsSet := strings.Contains(match, probeSet())
	for _, f := range k.families {
		if needsSet {
			if _, err := k.run.Run(ctx, "", "ipset", "-exist", "create", probeSet(), "hash:net", "family", inetFamily(f.v6)); err != nil {
				return err
			}
		}
		err := k.feed(ctx, f, fmt.Sprintf("*filter\n:f2b-fw-probe - [0:0]\n-A f2b-fw-probe %s -j RETURN\nCOMMIT\n", match), true)
		if needsSet {
			if _, gone := k.run.Run(ctx, "", "ipset", "destroy", probeSet()); err == nil {
				err = gone
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
