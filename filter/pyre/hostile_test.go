package pyre

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

var (
	attacks     = flag.Int("pyre.attacks", 400, "hostile lines that TestHostileLines tries, 0 for all, with their time measured")
	attacksEach = flag.Int("pyre.attacks.each", 100, "made-up hostile lines for each pattern where all are tried")
)

// hostileLength is the length of a hostile line, and hostileTime what it may
// cost at most (PERF: worst line of 64 KiB).
const (
	hostileLength = 64 << 10
	hostileTime   = 50 * time.Millisecond
)

// attacker makes texts that a pattern almost matches.
type attacker struct {
	*rand.Rand
	groups map[int]string
	pump   *node  // the repeat to fill the line with
	fill   string // what it was filled with
	marked bool   // the repeat is filled once, between marks
}

// pumpMark stands in no pattern.
const pumpMark = "\uE003"

// sample returns a text that n matches, look-around aside, as short as
// repeats allow but for the one to pump.
func (a *attacker) sample(n *node) string {
	switch n.kind {
	case nodeLiteral:
		return literalText(n.r)
	case nodeSet:
		return a.char(n.set)
	case nodeCat:
		var b strings.Builder
		for _, sub := range n.subs {
			b.WriteString(a.sample(sub))
		}
		return b.String()
	case nodeAlt:
		for _, sub := range n.subs {
			if contains(sub, a.pump) {
				return a.sample(sub)
			}
		}
		return a.sample(n.subs[a.IntN(len(n.subs))])
	case nodeRepeat:
		return a.repeat(n)
	case nodeGroup:
		s := a.sample(n.subs[0])
		a.groups[n.group] = s
		return s
	case nodeAtomic:
		return a.sample(n.subs[0])
	case nodeBackref:
		return a.groups[n.group]
	case nodeCond:
		if _, ok := a.groups[n.group]; ok {
			return a.sample(n.subs[0])
		}
		return a.sample(n.subs[1])
	}
	return ""
}

func (a *attacker) repeat(n *node) string {
	rounds := int(n.min)
	inside := contains(n.subs[0], a.pump)
	if n == a.pump || inside {
		rounds = max(rounds, 1)
	}
	var b strings.Builder
	for range rounds {
		b.WriteString(a.sample(n.subs[0]))
	}
	if n != a.pump {
		return b.String()
	}
	if a.fill = b.String(); a.fill == "" {
		return ""
	}
	if a.marked {
		return pumpMark + a.fill + pumpMark
	}
	for n.max == maxRepeat && b.Len() < hostileLength {
		if a.IntN(64) > 0 {
			b.WriteString(a.fill)
		} else {
			b.WriteString(a.sample(n.subs[0]))
		}
	}
	return b.String()
}

func contains(n, want *node) bool {
	found := false
	walk(n, func(m *node) { found = found || m == want })
	return found
}

// char picks a character, plain ones first: a line is likelier to go on
// matching with them.
func (a *attacker) char(set *runeSet) string {
	for _, r := range "a1 :" {
		if set.contains(r) && a.IntN(3) > 0 {
			return string(r)
		}
	}
	for range 20 {
		if r := rune(' ' + a.IntN(95)); set.contains(r) {
			return string(r)
		}
	}
	if len(set.ranges) == 0 {
		return ""
	}
	return literalText(set.ranges[0].lo)
}

// maxLines is the largest maxlines of a stock filter: so many lines are
// judged together at most.
const maxLines = 20

// plausible makes of an attack what can reach a pattern: one line, or where
// the pattern is for several, no more of them than fail2ban keeps.
func plausible(line []byte, multi bool) []byte {
	lines := bytes.Split(bytes.TrimRight(bytes.ToValidUTF8(line, nil), "\n"), []byte("\n"))
	most := 1
	if multi {
		most = min(len(lines), maxLines)
	}
	whole := bytes.Join(lines[:most], []byte("\n"))
	for _, rest := range lines[most:] {
		whole = append(append(whole, ' '), rest...)
	}
	return append(whole, '\n')
}

// attackLines returns hostile lines for a pattern: each repeat pumped, with
// the rest of the pattern after it whole, cut short, or wrong, and texts that
// begin to match everywhere.
func attackLines(t *tree, r *rand.Rand) [][]byte {
	var lines [][]byte
	add := func(s string) {
		for s != "" && len(s) < hostileLength {
			s += s
		}
		lines = append(lines, []byte(s[:min(len(s), hostileLength)]+"\n"))
	}
	walk(t.root, func(n *node) {
		if n.kind != nodeRepeat || n.max <= 1 {
			return
		}
		a := &attacker{Rand: r, groups: map[int]string{}, pump: n}
		s := a.sample(t.root)
		if len(s) > hostileLength {
			// What follows the repeat stays in the line, all but its end.
			cut := len(s) - hostileLength
			at := strings.Index(s, a.fill)
			s = s[:at] + s[min(len(s), at+cut):]
		}
		lines = append(lines, []byte(s+"\n"), []byte(strings.TrimRight(s, "\n")+"\x01\n"))
		if len(s) > 2 {
			lines = append(lines, []byte(s[:len(s)-1-r.IntN(len(s)/2)]+"\x01\n"))
		}
	})
	a := &attacker{Rand: r, groups: map[int]string{}}
	whole := a.sample(t.root)
	add(whole)
	if len(whole) > 1 {
		add(whole[:len(whole)-1])
		add(whole[:len(whole)/2])
	}
	for _, s := range []string{"a", " ", ":", "1", "1.", "a: ", "::", "a ", "\"", "[", " from "} {
		add(s)
	}
	return lines
}

// threadTime returns the processor time that this thread has taken. The
// machine may be busy with other things.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID of clock_gettime(2)
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		t.Fatal(errno)
	}
	return time.Duration(ts.Nano())
}
