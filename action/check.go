package action

import (
	"context"

	"f2b-go/internal/logfmt"
	"f2b-go/internal/shell"
)

// verdict is what an invariant check found.
type verdict int

const (
	sane    verdict = iota // in order, or in order again
	broken                 // not in order, and not to be repaired now
	unfixed                // the repair did not help
)

// Check runs actioncheck of each started family and repairs what is broken
// (COMPAT 3.5.5). With flushing there is no repair unless
// actionrepair_on_unban.
func (c *Command) Check(ctx context.Context, flushing bool) error {
	if c.property("actioncheck") == "" {
		return nil
	}
	for _, f := range c.started.families(func(s state) bool { return s.up }) {
		found, err := c.invariant(ctx, f, func() bool { return !flushing || c.mayRepair("Flush") }, true)
		if err != nil {
			return err
		}
		if found == unfixed {
			c.started.set(state{family: f})
			c.unrecord(starting, f)
		}
	}
	return nil
}

// recovered checks and repairs after a failed command; true means that it may be
// run again.
func (c *Command) recovered(ctx context.Context, f family, unban bool) (bool, error) {
	found, err := c.invariant(ctx, f, func() bool { return !unban || c.mayRepair("Unban") }, !unban)
	return found == sane, err
}

// mayRepair says whether bans may be put back while they are lifted.
func (c *Command) mayRepair(step string) bool {
	if c.truth("actionrepair_on_unban") {
		return true
	}
	c.env.Log.Error("Invariant check failed. " + step + " is impossible.")
	return false
}

// invariant runs the check of a family and, where it fails and mayRepair agrees,
// the repair. Without force a family that was never started is left alone.
func (c *Command) invariant(ctx context.Context, f family, mayRepair func() bool, force bool) (verdict, error) {
	if !force && !c.started.has(f) {
		return sane, nil
	}
	check, err := c.operationText("actioncheck", f)
	if err != nil {
		return unfixed, err
	}
	if check == "" || c.run(ctx, shell.Command{Script: check}) {
		return sane, nil
	}
	if !mayRepair() {
		return broken, nil
	}
	c.env.Log.Error("Invariant check failed. Trying to restore a sane environment")
	c.setEpoch(c.env.Jail.NextEpoch())
	if ok, err := c.repair(ctx, f, force); !ok || err != nil {
		return unfixed, err
	}
	if c.started.get(f).up && !c.run(ctx, shell.Command{Script: check}) {
		c.env.Log.Log(ctx, logfmt.LevelCritical, "Unable to restore environment")
		return unfixed, nil
	}
	return sane, nil
}

// repair runs actionrepair or, without one, stops and starts the family.
func (c *Command) repair(ctx context.Context, f family, force bool) (bool, error) {
	cmd, err := c.operationText("actionrepair", f)
	if err != nil {
		return false, err
	}
	if cmd == "" {
		// A failed stop does not matter if start and check succeed after it.
		_ = c.stopFamily(ctx, f)
		if !force && c.onDemand() {
			return true, nil
		}
		return true, c.startFamily(ctx, f)
	}
	ok := c.run(ctx, shell.Command{Script: cmd})
	c.started.set(state{family: f, up: ok})
	if !ok {
		c.env.Log.Log(ctx, logfmt.LevelCritical, "Unable to restore environment")
	}
	return ok, nil
}

func (c *Command) setEpoch(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = n
}
