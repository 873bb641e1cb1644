package action

import "f2b-go/jail"

// family is an address family as fail2ban keeps it in an action: inet4, inet6,
// "" for an action that knows none, and "None" for IDs that are no addresses.
type family string

const (
	unconditional        = ""
	rawFamily     family = "None"
)

func familyOf(t *jail.Ticket) family {
	if name := t.IP().FamilyName(); name != "" {
		return family(name)
	}
	return rawFamily
}

// known is false for the two that are no address family.
func (f family) known() bool { return f != unconditional && f != rawFamily }

// python is the value as Python holds it.
func (f family) python() any {
	if f == rawFamily {
		return nil
	}
	return string(f)
}

// condition is what conditional properties have behind the question mark.
func (f family) condition() string {
	if f.known() {
		return "family=" + string(f)
	}
	return ""
}

// started tells which families an action was started for, in order, and which
// of them hold bans.
type started []state

type state struct {
	family family
	up     bool // started
	items  bool // a ban succeeded and no flush did since
}

func (s started) get(f family) state {
	for _, st := range s {
		if st.family == f {
			return st
		}
	}
	return state{family: f}
}

// has is true for a family that was ever started.
func (s started) has(f family) bool {
	for _, st := range s {
		if st.family == f {
			return true
		}
	}
	return false
}

func (s *started) set(st state) {
	for i := range *s {
		if (*s)[i].family == st.family {
			(*s)[i] = st
			return
		}
	}
	*s = append(*s, st)
}

// families lists those for which keep is true.
func (s started) families(keep func(state) bool) []family {
	var list []family
	for _, st := range s {
		if keep(st) {
			list = append(list, st.family)
		}
	}
	return list
}
