package firewall

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nearFull is how full a set or a table may be before it is worth a warning, in
// percent.
const nearFull = 80

// maxTop is how many sources a report names.
const maxTop = 10

// Report is what the firewall does at a moment.
type Report struct {
	Running    bool      `json:"running"`
	Loaded     time.Time `json:"loaded,omitzero"`
	Settings   string    `json:"config"`
	Backend    string    `json:"backend"`
	Interfaces []string  `json:"interfaces"` // none for all
	// WaitsUntil is when the rules go unless they are confirmed, the zero time for
	// never.
	WaitsUntil time.Time     `json:"waits_until,omitzero"`
	Chains     []ChainReport `json:"chains"`
	Attack     AttackReport  `json:"sip_attack"`
	Sets       []SetReport   `json:"sets"`
	Limits     []LimitReport `json:"limits"`
	Top        []Source      `json:"top_sources"`
	// Drift is how the kernel differs from what was loaded, a line each.
	Drift    []string `json:"drift"`
	Warnings []string `json:"warnings"`
}

// ChainReport is a chain with what its rules have counted.
type ChainReport struct {
	Family string       `json:"family"` // "IPv4" or "IPv6"
	Name   string       `json:"name"`
	Rules  []RuleReport `json:"rules"`
}

// RuleReport is a rule and what it has counted.
type RuleReport struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Rule    string `json:"rule"`
}

// AttackReport is what ChainAttack has done, in both families together.
type AttackReport struct {
	// Logged are packets that went to the log, Dropped all that were over a limit,
	// and Suppressed those that only the ceiling of all sources kept from the log.
	Logged     RuleReport `json:"logged"`
	Dropped    RuleReport `json:"dropped"`
	Suppressed uint64     `json:"suppressed"`
}

// SetReport is how full a set is.
type SetReport struct {
	Name    string `json:"name"`
	Entries int    `json:"entries"`
	Most    int    `json:"most"`
}

// LimitReport is how many sources a limit knows now.
type LimitReport struct {
	Family  string `json:"family"`
	Name    string `json:"name"`
	Rate    string `json:"rate"`
	Burst   int    `json:"burst"`
	Sources int    `json:"sources"`
	Most    int    `json:"most"`
}

// Source is who has used up most of what a limit gives it.
type Source struct {
	Addr  netip.Addr `json:"source"` // of IPv6 the network's first address
	Limit string     `json:"limit"`
	// Used is the part of its burst that is used up, in percent; from 100 its
	// packets are dropped.
	Used int `json:"used"`
}

// Report looks at the kernel and compares it with what was loaded. The error says
// that the kernel could not be asked.
func (k *Kernel) Report(ctx context.Context, s State, loaded bool) (Report, error) {
	r := Report{Loaded: s.Loaded, Settings: s.Settings, Backend: k.Backend, Interfaces: s.Interfaces, WaitsUntil: s.Waits,
		Chains: []ChainReport{}, Sets: []SetReport{}, Limits: []LimitReport{}, Top: []Source{}, Drift: []string{}, Warnings: []string{}}
	now, err := k.Snapshot(ctx)
	if err != nil {
		return r, err
	}
	r.Running = len(now.V4.Jumps)+len(now.V6.Jumps) > 0
	for _, f := range k.families {
		if err := r.count(f); err != nil {
			return r, fmt.Errorf("reading the counters of %s: %w", f.name(), err)
		}
	}
	if err := r.sets(ctx, k); err != nil {
		return r, err
	}
	r.sources(s)
	if loaded {
		if r.Drift, err = k.drift(s, now); err != nil {
			return r, err
		}
		r.Drift = append(r.Drift, members(s.Members, r.Sets)...)
	} else if r.Running {
		r.Drift = []string{"chains are loaded, and nothing is remembered of it: load them again"}
	}
	r.warn(k)
	return r, nil
}

// count reads the rules of INPUT, of our chains and of the jails' chains.
func (r *Report) count(f family) error {
	present, err := f.tables.ListChains(filterTable)
	if err != nil {
		return err
	}
	var names []string
	for _, name := range present {
		jail := strings.HasPrefix(name, "f2b-") || strings.HasPrefix(name, "fail2ban-")
		if slices.Contains(hooks, name) || jail && !slices.Contains(chains, name) {
			names = append(names, name)
		}
	}
	for _, name := range chains {
		if slices.Contains(present, name) && name != ChainAttack {
			names = append(names, name)
		}
	}
	if slices.Contains(present, ChainAttack) {
		names = append(names, ChainAttack)
	}
	for _, name := range names {
		lines, err := f.tables.ListWithCounters(filterTable, name)
		if err != nil {
			return err
		}
		c := ChainReport{Family: f.name(), Name: name, Rules: []RuleReport{}}
		for _, line := range lines {
			if rule, ok := strings.CutPrefix(line, "-A "+name+" "); ok {
				c.Rules = append(c.Rules, countedRule(rule))
			}
		}
		if name == ChainAttack {
			r.Attack.add(c)
		}
		if name != "FORWARD" || len(c.Rules) > 0 {
			r.Chains = append(r.Chains, c)
		}
	}
	return nil
}

// countedRule reads "-j DROP -c 12 3456" and what may stand around it.
func countedRule(rule string) RuleReport {
	head, tail, found := strings.Cut(rule, "-c ")
	if !found {
		return RuleReport{Rule: rule}
	}
	words := strings.SplitN(tail, " ", 3)
	if len(words) < 2 {
		return RuleReport{Rule: rule}
	}
	packets, err1 := strconv.ParseUint(words[0], 10, 64)
	bytes, err2 := strconv.ParseUint(words[1], 10, 64)
	if err1 != nil || err2 != nil {
		return RuleReport{Rule: rule}
	}
	rest := strings.Join(append([]string{strings.TrimSpace(head)}, words[2:]...), " ")
	return RuleReport{Packets: packets, Bytes: bytes, Rule: strings.TrimSpace(rest)}
}

// add sums up one family's chain of attacks.
func (a *AttackReport) add(c ChainReport) {
	var events uint64
	var logged [2]RuleReport
	for _, rule := range c.Rules {
		switch target(split(rule.Rule)) {
		case "DROP":
			a.Dropped.plus(rule)
		case "LOG":
			logged[0] = rule
		case "NFLOG":
			logged[1] = rule
		case "":
			events = rule.Packets
		}
	}
	if logged[0].Rule == "" {
		logged[0] = logged[1]
	}
	a.Logged.plus(logged[0])
	if logged[0].Rule != "" && events > logged[0].Packets {
		a.Suppressed += events - logged[0].Packets
	}
}

func (r *RuleReport) plus(o RuleReport) {
	r.Packets += o.Packets
	r.Bytes += o.Bytes
	if r.Rule == "" {
		r.Rule = o.Rule
	}
}

// sets asks how full the sets are.
func (r *Report) sets(ctx context.Context, k *Kernel) error {
	names, err := k.setNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := k.run.Run(ctx, "", "ipset", "list", "-terse", name)
		if err != nil {
			return fmt.Errorf("reading the set %s: %w", name, err)
		}
		s := SetReport{Name: name}
		for line := range strings.Lines(text) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "Header":
				_, most, _ := strings.Cut(value, "maxelem ")
				_, _ = fmt.Sscan(most, &s.Most)
			case "Number of entries":
				s.Entries, _ = strconv.Atoi(value)
			}
		}
		r.Sets = append(r.Sets, s)
	}
	return nil
}

// hashlimitDirs are where the kernel shows the tables of limits.
var hashlimitDirs = map[string]string{"IPv4": "/proc/thread-self/net/ipt_hashlimit", "IPv6": "/proc/thread-self/net/ip6t_hashlimit"}

// sources reads the tables of limits: how many sources each holds, and which of
// them are at their end.
func (r *Report) sources(s State) {
	var all []Source
	for _, family := range []string{"IPv4", "IPv6"} {
		dir := hashlimitDirs[family]
		for _, name := range sorted(s.Limits) {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			l := s.Limits[name]
			report := LimitReport{Family: family, Name: limitNames[l.Name], Rate: l.Rate.String(), Burst: l.Rate.Burst, Most: s.TableSize}
			for sc := bufio.NewScanner(io.LimitReader(f, maxOutput)); sc.Scan(); {
				report.Sources++
				if source, ok := readSource(sc.Text()); ok && limitNames[l.Name] != "" && source.Used >= 50 && !strings.HasPrefix(report.Name, "log") {
					source.Limit = report.Name
					all = append(all, source)
				}
			}
			f.Close()
			r.Limits = append(r.Limits, report)
		}
	}
	slices.SortStableFunc(all, func(a, b Source) int {
		if a.Used != b.Used {
			return b.Used - a.Used
		}
		return a.Addr.Compare(b.Addr)
	})
	r.Top = append(r.Top, all[:min(len(all), maxTop)]...)
}

// limitNames are the limits as the configuration calls them.
var limitNames = map[string]string{"all": "total", "reg": "register", "inv": "invite", "opt": "options", "oth": "other",
	"regd": "registered", "ping": "ping", "acnt": "log SIP, count", "alog": "log SIP", "anfl": "log SIP, nflog",
	"dcnt": "log DROPPED, count", "dlog": "log DROPPED", "dnfl": "log DROPPED, nflog"}

// readSource reads a line of a table: seconds until it is forgotten, source and
// destination with ports, what is left, what a full burst is, and what a packet
// costs (dl_seq_real_show of the kernel's xt_hashlimit.c).
func readSource(line string) (Source, bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 {
		return Source{}, false
	}
	from, _, _ := strings.Cut(fields[1], "->")
	at := strings.LastIndexByte(from, ':')
	if at < 0 {
		return Source{}, false
	}
	addr, err := netip.ParseAddr(from[:at])
	left, err1 := strconv.ParseUint(fields[2], 10, 64)
	full, err2 := strconv.ParseUint(fields[3], 10, 64)
	cost, err3 := strconv.ParseUint(fields[4], 10, 64)
	if err != nil || err1 != nil || err2 != nil || err3 != nil || full == 0 || left > full {
		return Source{}, false
	}
	used := int(100 - left*100/full)
	if left < cost {
		used = 100
	} else {
		used = min(used, 99)
	}
	return Source{Addr: addr, Used: used}, true
}

// warn adds what an admin should know.
func (r *Report) warn(k *Kernel) {
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	for _, s := range r.Sets {
		if s.Most > 0 && s.Entries*100 >= s.Most*nearFull {
			warn("the set %s is %d%% full (%d of %d): further entries are refused", s.Name, s.Entries*100/s.Most, s.Entries, s.Most)
		}
	}
	for _, l := range r.Limits {
		if l.Sources*100 >= l.Most*nearFull {
			warn("the table of the limit %s of %s is %d%% full (%d of %d): packets of further sources are dropped without a log line; raise table_size",
				l.Name, l.Family, l.Sources*100/l.Most, l.Sources, l.Most)
		}
	}
	if k.Mixed() {
		warn("rules stand in both kinds of iptables, nft and legacy, and all of them apply; remove those of one kind")
	}
}

// drift compares what was seen after the load with what is there now.
func (k *Kernel) drift(s State, now Rules) ([]string, error) {
	list := []string{}
	for _, f := range k.families {
		was, is := *f.of(&s.Seen), *f.of(&now)
		list = append(list, differences(f.name()+": ", lines(was), lines(is))...)
		for _, j := range was.Jumps {
			if !contains(is.Jumps, j) {
				continue
			}
			rules, err := f.rules(j.Chain)
			if err != nil {
				return list, fmt.Errorf("reading %s in %s: %w", j.Chain, f.name(), err)
			}
			if place, _ := arrange(rules, j); place > 0 {
				list = append(list, fmt.Sprintf("%s: in %s another rule has come before -A %s %s", f.name(), j.Chain, j.Chain, strings.Join(j.Rule, " ")))
			}
		}
	}
	return list, nil
}

// members compares how many entries sets have with how many they were given;
// those with an end may have gone.
func members(given map[string]Members, now []SetReport) []string {
	var list []string
	for _, name := range sorted(given) {
		m := given[name]
		at := slices.IndexFunc(now, func(s SetReport) bool { return s.Name == name })
		switch {
		case at < 0:
			list = append(list, "missing: the set "+name)
		case now[at].Entries < m.Ever:
			list = append(list, fmt.Sprintf("the set %s has lost %d entries", name, m.Ever-now[at].Entries))
		case now[at].Entries > m.Ever+m.Ending:
			list = append(list, fmt.Sprintf("the set %s has %d entries more", name, now[at].Entries-m.Ever-m.Ending))
		}
	}
	return list
}

// lines are a table's rules, one a line.
func lines(t Table) []string {
	var list []string
	for _, j := range t.Jumps {
		list = append(list, "-A "+j.Chain+" "+strings.Join(j.Rule, " "))
	}
	for _, c := range t.Chains {
		list = append(list, "-N "+c.Name)
		for _, rule := range c.Rules {
			list = append(list, "-A "+c.Name+" "+rule)
		}
	}
	return list
}

// differences tells what is missing and what was added, and a changed order.
func differences(head string, was, is []string) []string {
	var list []string
	rest := slices.Clone(is)
	for _, line := range was {
		if at := slices.Index(rest, line); at >= 0 {
			rest = slices.Delete(rest, at, at+1)
		} else {
			list = append(list, head+"missing: "+line)
		}
	}
	for _, line := range rest {
		list = append(list, head+"added: "+line)
	}
	if len(list) == 0 && !slices.Equal(was, is) {
		list = append(list, head+"the rules are in another order")
	}
	return list
}
