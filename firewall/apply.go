package firewall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Apply makes the rules be all that stands in the kernel of ours: chains that
// they lack are removed, sets too. Each family's chains change in one
// transaction; what is not ours stays as it is. After an error some of it may be
// done: the caller applies a snapshot then.
func (k *Kernel) Apply(ctx context.Context, r Rules) error {
	if r.Sets != "" {
		if err := k.ApplySets(ctx, r); err != nil {
			return err
		}
	}
	for _, f := range k.families {
		if err := k.applyTable(ctx, f, *f.of(&r)); err != nil {
			return err
		}
	}
	return k.removeSets(ctx, r.Sets)
}

// Restore is Apply for going back: what fails in one part does not keep it from
// the others, and what is as it should be is not touched.
func (k *Kernel) Restore(ctx context.Context, r Rules) error {
	var faults []error
	if r.Sets != "" {
		faults = append(faults, k.ApplySets(ctx, r))
	}
	for _, f := range k.families {
		faults = append(faults, k.applyTable(ctx, f, *f.of(&r)))
	}
	return errors.Join(append(faults, k.removeSets(ctx, r.Sets))...)
}

// ApplySets loads new content of the lists, and nothing else.
func (k *Kernel) ApplySets(ctx context.Context, r Rules) error {
	if _, err := k.run.Run(ctx, r.Sets, "ipset", "-exist", "restore"); err != nil {
		return fmt.Errorf("loading the sets: %w", err)
	}
	return nil
}

// applyTable changes one family.
func (k *Kernel) applyTable(ctx context.Context, f family, t Table) error {
	now, err := k.snapshot(ctx, f)
	if err != nil {
		return fmt.Errorf("reading the rules of %s: %w", f.name(), err)
	}
	if slices.Equal(lines(now), lines(t)) {
		return nil
	}
	if err := f.removeJumps(now.Jumps, t.Jumps); err != nil {
		return err
	}
	var remove []string
	for _, c := range now.Chains {
		if !slices.ContainsFunc(t.Chains, func(w Chain) bool { return w.Name == c.Name }) {
			remove = append(remove, c.Name)
		}
	}
	if len(t.Chains)+len(remove) > 0 {
		if err := k.feed(ctx, f, t.transaction(remove), false); err != nil {
			return err
		}
	}
	return f.placeJumps(t.Jumps)
}

// removeJumps deletes the jumps that are not wanted.
func (f family) removeJumps(now, wanted []Jump) error {
	for _, j := range now {
		if contains(wanted, j) {
			continue
		}
		if err := f.tables.Delete(filterTable, j.Chain, j.Rule...); err != nil {
			return fmt.Errorf("removing the jump from %s in %s: %w", j.Chain, f.name(), err)
		}
	}
	return nil
}

// placeJumps sees to it that each jump stands once, and where it belongs. A jump
// that moves is there at every moment.
func (f family) placeJumps(wanted []Jump) error {
	for _, j := range slices.Backward(wanted) {
		rules, err := f.rules(j.Chain)
		if err != nil {
			return fmt.Errorf("reading %s in %s: %w", j.Chain, f.name(), err)
		}
		place, spare := arrange(rules, j)
		if place > 0 {
			if err := f.tables.Insert(filterTable, j.Chain, place, j.Rule...); err != nil {
				return fmt.Errorf("adding the jump to %s in %s: %w", j.Chain, f.name(), err)
			}
		}
		for _, number := range slices.Backward(spare) {
			if err := f.tables.DeleteById(filterTable, j.Chain, number); err != nil {
				return fmt.Errorf("removing the second jump from %s in %s: %w", j.Chain, f.name(), err)
			}
		}
	}
	return nil
}

// arrange decides where to insert a jump, 0 for nowhere, and which rules, counted
// from 1 after that, are then too many.
func arrange(rules []string, j Jump) (place int, spare []int) {
	right := place4jump(rules)
	lastBan := -1
	for i, rule := range rules[:right-1] {
		if bans(split(rule)) {
			lastBan = i
		}
	}
	kept := false
	for i, rule := range rules {
		if !slices.Equal(split(rule), j.Rule) {
			continue
		}
		if lastBan < i && i < right && !kept {
			kept = true
			continue
		}
		spare = append(spare, i+1)
	}
	if kept {
		return 0, spare
	}
	for i := range spare {
		if spare[i] >= right {
			spare[i]++ // behind the one that is inserted
		}
	}
	return right, spare
}

func contains(list []Jump, j Jump) bool {
	return slices.ContainsFunc(list, func(l Jump) bool { return l.Chain == j.Chain && slices.Equal(l.Rule, j.Rule) })
}

// place4jump is where a jump belongs, from 1: behind the bans that stand at the
// head of a chain, since ours decides finally, and before the first rule that may
// let a packet through past the limits. Jumps of ours count as neither.
func place4jump(rules []string) int {
	for i, rule := range rules {
		words := split(rule)
		if !bans(words) && !slices.Contains(chains, target(words)) {
			return i + 1
		}
	}
	return len(rules) + 1
}

// bans tells whether a rule can only keep packets out: it leads to a chain of a
// jail, or drops.
func bans(words []string) bool {
	to := target(words)
	if to == "DROP" || to == "REJECT" {
		return true
	}
	return !slices.Contains(chains, to) && (strings.HasPrefix(to, "f2b-") || strings.HasPrefix(to, "fail2ban-"))
}

// removeSets destroys those sets of ours that a text for ipset does not make,
// and what a broken load has left.
func (k *Kernel) removeSets(ctx context.Context, wanted string) error {
	present, err := k.setNames(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range present {
		if strings.Contains(wanted, "create "+name+" ") && !strings.HasSuffix(name, freshSuffix) {
			continue
		}
		if _, err := k.run.Run(ctx, "", "ipset", "destroy", name); err != nil {
			faults = append(faults, fmt.Errorf("removing the set %s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}
