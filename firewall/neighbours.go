package firewall

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Neighbours looks for other firewalls on this machine, and adds a warning to a
// preparation for each that does not go well with ours.
func (k *Kernel) Neighbours(ctx context.Context, p *Prepared) error {
	warn := func(text, remedy string) {
		p.report(Problem{File: p.file(), Text: text, Remedy: remedy, Warning: true, Class: ErrNeighbour})
	}
	if k.Mixed() {
		warn("rules stand in both kinds of iptables, nft and legacy, and all of them apply", "remove those of one kind")
	}
	for _, f := range k.families {
		present, err := f.tables.ListChains(filterTable)
		if err != nil {
			return fmt.Errorf("reading the chains of %s: %w", f.name(), err)
		}
		has := func(name string) bool { return slices.Contains(present, name) }
		switch {
		case f.v6: // told once
		case has("ufw-before-input") || has("ufw-user-input"):
			warn("ufw is at work: what this firewall lets through or drops never comes to ufw's rules", "switch one of them off with ufw disable or f2b-go firewall stop")
		case has("fpbxfirewall"):
			warn("FreePBX Firewall is at work: what this firewall lets through or drops never comes to its rules", "switch one of them off")
		}
		if err := p.behind(f, present); err != nil {
			return err
		}
	}
	if tables, err := k.run.Run(ctx, "", "nft", "list", "tables"); err == nil && strings.Contains(tables, " firewalld") {
		warn("firewalld is at work: it drops by itself what this firewall lets through", "open the same services there, or switch it off")
	}
	return nil
}

// behind warns of bans that stand behind a rule which may let their packets
// through: the jump to our chains goes before such a rule.
func (p *Prepared) behind(f family, present []string) error {
	if !slices.Contains(present, "INPUT") {
		return nil
	}
	rules, err := f.rules("INPUT")
	if err != nil {
		return fmt.Errorf("reading INPUT in %s: %w", f.name(), err)
	}
	for _, rule := range rules[place4jump(rules)-1:] {
		if to := target(split(rule)); bans(split(rule)) && to != "DROP" && to != "REJECT" {
			p.report(Problem{File: p.file(), Warning: true, Class: ErrNeighbour,
				Text:   fmt.Sprintf("the bans of %s (%s) stand behind a rule that may let their packets through", to, f.name()),
				Remedy: "restart the jail, which puts them first"})
		}
	}
	return nil
}
