package firewall

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// hooks are the chains of others that jumps to ours may stand in.
var hooks = []string{"INPUT", "FORWARD", "DOCKER-USER"}

// Snapshot reads what of ours stands in the kernel, as rules that load the same
// again. The zero Rules means nothing.
func (k *Kernel) Snapshot(ctx context.Context) (Rules, error) {
	var r Rules
	for _, f := range k.families {
		table, err := k.snapshot(ctx, f)
		if err != nil {
			return Rules{}, fmt.Errorf("reading the rules of %s: %w", f.name(), err)
		}
		*f.of(&r) = table
	}
	names, err := k.setNames(ctx)
	if err != nil {
		return Rules{}, err
	}
	var b strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, freshSuffix) {
			continue
		}
		text, err := k.run.Run(ctx, "", "ipset", "save", name)
		if err != nil {
			return Rules{}, fmt.Errorf("reading the set %s: %w", name, err)
		}
		resave(&b, name, text)
	}
	r.Sets = b.String()
	return r, nil
}

// saved are the chains of a filter table with their rules, each in the canonical
// form of iptables without -A and the chain's name.
type saved map[string][]string

// save reads all chains at once, since each call of a program takes milliseconds
// that a guard may not have.
func (k *Kernel) save(ctx context.Context, f family) (saved, error) {
	text, err := k.run.Run(ctx, "", f.save, "-t", filterTable)
	if err != nil {
		return nil, err
	}
	all := saved{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if chain, ok := strings.CutPrefix(line, ":"); ok {
			name, _, _ := strings.Cut(chain, " ")
			all[name] = []string{}
		} else if rule, ok := strings.CutPrefix(line, "-A "); ok {
			name, rest, _ := strings.Cut(rule, " ")
			all[name] = append(all[name], rest)
		}
	}
	return all, nil
}

// snapshot reads one family's chains and the jumps to them.
func (k *Kernel) snapshot(ctx context.Context, f family) (Table, error) {
	all, err := k.save(ctx, f)
	if err != nil {
		return Table{}, err
	}
	var t Table
	for _, name := range chains {
		if rules, present := all[name]; present {
			t.Chains = append(t.Chains, Chain{Name: name, Rules: rules})
		}
	}
	for _, hook := range hooks {
		for _, rule := range all[hook] {
			words := split(rule)
			if slices.Contains(chains, target(words)) {
				t.Jumps = append(t.Jumps, Jump{hook, words})
			}
		}
	}
	return t, nil
}

// rules are those of a chain, as saved has them.
func (f family) rules(chain string) ([]string, error) {
	lines, err := f.tables.List(filterTable, chain)
	if err != nil {
		return nil, err
	}
	rules := []string{}
	for _, line := range lines {
		if rule, ok := strings.CutPrefix(line, "-A "+chain+" "); ok {
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// setNames are those of our sets that exist, half filled ones among them.
func (k *Kernel) setNames(ctx context.Context) ([]string, error) {
	out, err := k.run.Run(ctx, "", "ipset", "list", "-name")
	if err != nil {
		return nil, fmt.Errorf("reading the names of sets: %w", err)
	}
	return slices.DeleteFunc(strings.Fields(out), func(name string) bool {
		return !slices.Contains(sets, strings.TrimSuffix(name, freshSuffix))
	}), nil
}

// resave turns what ipset save prints of a set into what fills it again without
// a gap; registered phones are never touched.
func resave(b *strings.Builder, name, text string) {
	create, rest, _ := strings.Cut(text, "\n")
	fmt.Fprintln(b, create)
	if strings.HasPrefix(name, SetRegistered) {
		return
	}
	fresh := name + freshSuffix
	fmt.Fprintln(b, strings.Replace(create, name, fresh, 1))
	fmt.Fprintf(b, "flush %s\n", fresh)
	for line := range strings.Lines(rest) {
		b.WriteString(strings.Replace(line, name, fresh, 1))
	}
	fmt.Fprintf(b, "swap %s %s\ndestroy %s\n", fresh, name, fresh)
}

// split cuts a rule as iptables prints it into words.
func split(rule string) []string {
	var words []string
	var word strings.Builder
	inside, quoted, escaped := false, false, false
	for _, r := range rule {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quoted:
			escaped = true
		case r == '"':
			quoted, inside = !quoted, true
		case r == ' ' && !quoted:
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}

// target is where a rule leads to, "" for nowhere.
func target(words []string) string {
	for i, w := range words {
		if (w == "-j" || w == "-g") && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}
