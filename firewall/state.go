package firewall

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// State is what is remembered of a load, until the next boot.
type State struct {
	Loaded     time.Time `json:"loaded"`
	Settings   string    `json:"settings"` // path of the configuration, "" for none
	Backend    string    `json:"backend"`
	Interfaces []string  `json:"interfaces"`
	// Planned are the rules as they were loaded, without the content of sets, and
	// Seen as the kernel showed them then.
	Planned Rules `json:"planned"`
	Seen    Rules `json:"seen"`
	// Limits are the rates by the names of their tables in the kernel.
	Limits    map[string]LimitState `json:"limits"`
	TableSize int                   `json:"table_size"`
	// Members are how many entries each set was given.
	Members map[string]Members `json:"members"`
	// Print is the fingerprint of the rules, lists and all.
	Print string `json:"print"`
	// Waits is until when the load waits for confirmation, the zero time for not.
	Waits time.Time `json:"waits,omitzero"`
}

// Members are how many entries of a set last for ever, and how many end.
type Members struct{ Ever, Ending int }

// LimitState is one limit as it was loaded.
type LimitState struct {
	Name string `json:"name"`
	Rate Rate   `json:"rate"`
}

func (d Dirs) stateFile() string     { return filepath.Join(d.Run, "state.json") }
func (d Dirs) snapshotFile() string  { return filepath.Join(d.Run, "former.json") }
func (d Dirs) rollbackFile() string  { return filepath.Join(d.Run, "rolledback.json") }
func (d Dirs) pendingFile() string   { return filepath.Join(d.Run, "pending.json") }
func (d Dirs) openFile() string      { return filepath.Join(d.State, "unconfirmed.json") }
func (d Dirs) confirmedFile() string { return filepath.Join(d.State, "confirmed.json") }

// Dirs are the folders of the firewall's own files: Run until the next boot,
// State beyond it.
type Dirs struct{ Run, State string }

// Make makes the folder of the files that a load can't do without, for root alone.
func (d Dirs) Make() error { return makeDir(d.Run) }

// ReadState reads what is remembered of the last load; ok says that there is one.
func (d Dirs) ReadState() (s State, ok bool, err error) {
	ok, err = readState(d.stateFile(), &s)
	return s, ok, err
}

// WriteState remembers a load.
func (d Dirs) WriteState(s State) error { return writeState(d.stateFile(), s) }

// Former is what stood in the kernel before a load, for going back to it.
type Former struct {
	Rules   Rules  `json:"rules"`
	State   *State `json:"state"` // nil for none
	Backend string `json:"backend"`
	IPv6    bool   `json:"ipv6"`
}

// ReadFormer reads what to go back to; ok says that there is something.
func (d Dirs) ReadFormer() (f Former, ok bool, err error) {
	ok, err = readState(d.snapshotFile(), &f)
	return f, ok, err
}

// WriteFormer remembers what to go back to, and RemoveFormer forgets it.
func (d Dirs) WriteFormer(f Former) error { return writeState(d.snapshotFile(), f) }

// RemoveFormer forgets what to go back to.
func (d Dirs) RemoveFormer() error { return removeState(d.snapshotFile()) }

// Rollback tells that and why a load was taken back.
type Rollback struct {
	Time time.Time `json:"time"`
	Why  string    `json:"why"`
}

// GoBack puts back what stood in the kernel before a load, and remembers why.
func (d Dirs) GoBack(ctx context.Context, k *Kernel, f Former, r Rollback) error {
	if err := k.Restore(ctx, f.Rules); err != nil {
		return fmt.Errorf("going back to the former rules: %w", err)
	}
	var err error
	if f.State == nil {
		err = removeState(d.stateFile())
	} else {
		err = d.WriteState(*f.State)
	}
	return errors.Join(err, writeState(d.rollbackFile(), r), removeState(d.pendingFile()), d.RemoveFormer())
}

// LastRollback tells of the last load that was taken back, if none followed.
func (d Dirs) LastRollback() (r Rollback, ok bool) {
	ok, _ = readState(d.rollbackFile(), &r)
	return r, ok
}

// ForgetRollback is for a load that stays.
func (d Dirs) ForgetRollback() error { return removeState(d.rollbackFile()) }

// Forget removes what is remembered of a load after a stop.
func (d Dirs) Forget() error {
	return errors.Join(removeState(d.stateFile()), removeState(d.pendingFile()), d.RemoveFormer(), d.ForgetRollback())
}

// Unconfirmed is the mark of rules that were loaded on trial. It outlives a boot,
// so that rules that lock everybody out do not come back with it.
type Unconfirmed struct {
	Print string    `json:"print"`
	Since time.Time `json:"since"`
}

// ReadUnconfirmed reads the mark; ok says that there is one.
func (d Dirs) ReadUnconfirmed() (u Unconfirmed, ok bool, err error) {
	ok, err = readState(d.openFile(), &u)
	return u, ok, err
}

// WriteUnconfirmed sets the mark.
func (d Dirs) WriteUnconfirmed(u Unconfirmed) error { return writeState(d.openFile(), u) }

// Good is a load that was confirmed or not on trial.
type Good struct {
	Rules Rules `json:"rules"`
	State State `json:"state"`
}

// ReadGood reads the last good load; ok says that there is one.
func (d Dirs) ReadGood() (g Good, ok bool, err error) {
	ok, err = readState(d.confirmedFile(), &g)
	return g, ok, err
}

// WritePending remembers the rules that are loaded, for Confirm.
func (d Dirs) WritePending(r Rules) error { return writeState(d.pendingFile(), r) }

// Confirm makes the rules that are loaded the good ones.
func (d Dirs) Confirm() error {
	s, ok, err := d.ReadState()
	if err != nil || !ok {
		return err
	}
	var rules Rules
	if ok, err = readState(d.pendingFile(), &rules); err != nil || !ok {
		return errors.Join(err, errors.New("the rules on trial are not remembered"))
	}
	s.Waits = time.Time{}
	return errors.Join(d.WriteState(s), writeState(d.confirmedFile(), Good{rules, s}),
		removeState(d.openFile()), removeState(d.pendingFile()), d.RemoveFormer(), d.ForgetRollback())
}

// Print is a fingerprint: equal for rules that let the same through.
func (r Rules) Print() string {
	h := fnv.New128a()
	for line := range strings.Lines(r.Sets) {
		if strings.HasPrefix(line, "add ") {
			line, _, _ = strings.Cut(line, " timeout ") // which changes from second to second
		}
		_, _ = io.WriteString(h, line)
	}
	fmt.Fprint(h, r.V4, r.V6)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Unchanged tells whether a load of the rules would change nothing but the lists:
// they are those that were loaded, and still stand in the kernel as they did.
func (p *Prepared) Unchanged(k *Kernel, s State, now Rules) bool {
	drift, err := k.drift(s, now)
	return err == nil && len(drift) == 0 && s.Planned.sameTables(p.Rules)
}

func (r Rules) sameTables(o Rules) bool {
	return slices.Equal(lines(r.V4), lines(o.V4)) && slices.Equal(lines(r.V6), lines(o.V6))
}

// Refresh notes in a state that the lists, and only they, were loaded anew.
func (p *Prepared) Refresh(s *State) {
	s.Members, s.Print = p.Rules.members(), p.Rules.Print()
}

// members counts what the text for ipset adds to the lists.
func (r Rules) members() map[string]Members {
	all := map[string]Members{}
	for _, name := range sets {
		if !strings.HasPrefix(name, SetRegistered) {
			all[name] = Members{}
		}
	}
	for line := range strings.Lines(r.Sets) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "add" {
			continue
		}
		name := strings.TrimSuffix(words[1], freshSuffix)
		m := all[name]
		if len(words) > 3 {
			m.Ending++
		} else {
			m.Ever++
		}
		all[name] = m
	}
	return all
}

// State makes what is to be remembered of a load that was just done.
func (p *Prepared) State(k *Kernel, seen Rules) State {
	planned := p.Rules
	planned.Sets, seen.Sets = "", ""
	s := State{Loaded: p.Lists.Now, Settings: p.Settings.Path, Backend: k.Backend, Interfaces: p.Config.Interfaces,
		Planned: planned, Seen: seen, Members: p.Rules.members(), Print: p.Rules.Print(), TableSize: p.Config.TableSize, Limits: map[string]LimitState{}}
	for _, v6 := range []bool{false, true} {
		t := &table{c: p.Config, v6: v6}
		for _, l := range p.Config.tables() {
			s.Limits[t.tableName(l.name, l.rate)] = LimitState{l.name, l.rate}
		}
	}
	return s
}
