package pyre

// groupState says which of the tracked groups are set on a way through the
// pattern, one bit for each.
type groupState uint8

// maxTracked is how many groups are tracked.
const maxTracked = 3

// cont compiles what follows, for a way that arrives in a state, and returns
// where it begins.
type cont func(groupState) int32

// remember makes sure that what follows is compiled once for each state.
func remember(k cont) cont {
	var known [1 << maxTracked]int32
	return func(s groupState) int32 {
		if known[s] == 0 {
			known[s] = k(s) + 1
		}
		return known[s] - 1
	}
}

// always goes on at one place in every state.
func always(next int32) cont { return func(groupState) int32 { return next } }

// trackable gives a bit to each group of which every way through the pattern
// shows whether it is set where a condition asks for it. What stands between
// is compiled once for either case, and so the conditions are gone: matching
// need not ask, and knows sooner what cannot follow.
func trackable(root *node) map[int]groupState {
	asked := map[int]bool{}
	walk(root, func(n *node) {
		if n.kind == nodeCond {
			asked[n.group] = true
		}
	})
	if len(asked) == 0 || len(asked) > maxTracked || size(root)<<len(asked) > maxInsts {
		return nil
	}
	hide(root, false, asked)
	bits := map[int]groupState{}
	for group := range asked {
		bits[group] = 1 << len(bits)
	}
	return bits
}

// hide takes out of asked the groups that stand where a way through does not
// show how often it passes: in repeats, look-around and atomic groups.
func hide(n *node, hidden bool, asked map[int]bool) {
	switch n.kind {
	case nodeGroup:
		if hidden {
			delete(asked, n.group)
		}
	case nodeRepeat:
		hidden = hidden || n.max > 1 || n.greed == possessive
	case nodeLook, nodeAtomic:
		hidden = true
	}
	for _, sub := range n.subs {
		hide(sub, hidden, asked)
	}
}
