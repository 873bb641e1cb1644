package pyre

import (
	"math/rand/v2"
	"strings"
)

// fragments returns texts that parts of a pattern match: each part by itself,
// and each beginning of a sequence, some of them in several ways.
func fragments(t *tree, r *rand.Rand) []string {
	const waysEach, most = 2, 400
	seen := map[string]bool{}
	var out []string
	add := func(n *node) {
		for range waysEach {
			a := &attacker{Rand: r, groups: map[int]string{}}
			if s := a.sample(n); s != "" && !seen[s] && len(s) < 1000 {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	walk(t.root, func(n *node) {
		add(n)
		if n.kind == nodeCat {
			for i := 2; i < len(n.subs); i++ {
				add(&node{kind: nodeCat, subs: n.subs[:i]})
				add(&node{kind: nodeCat, subs: n.subs[i-2 : i]})
			}
		}
	})
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), most)]
}

// fill repeats a pump between head and tail up to the length of a hostile
// line.
func fill(head, pump, tail string) []byte {
	room := hostileLength - len(head) - len(tail)
	if room < 0 || pump == "" {
		return []byte(head + tail + "\n")
	}
	return []byte(head + strings.Repeat(pump, room/len(pump)) + tail + "\n")
}

// combinedLines returns n hostile lines of up to three fragments of a pattern
// again and again, after a beginning that matches and before an end that
// matches, or is wrong, or cut short.
func combinedLines(t *tree, r *rand.Rand, n int) [][]byte {
	parts := fragments(t, r)
	if len(parts) == 0 {
		return nil
	}
	part := func() string { return parts[r.IntN(len(parts))] }
	root := t.root
	var lines [][]byte
	for range n {
		pump := part()
		for range r.IntN(3) {
			pump += part()
		}
		head := ""
		if root.kind == nodeCat && r.IntN(4) > 0 {
			a := &attacker{Rand: r, groups: map[int]string{}}
			head = a.sample(&node{kind: nodeCat, subs: root.subs[:r.IntN(len(root.subs)+1)]})
		}
		tail := (&attacker{Rand: r, groups: map[int]string{}}).sample(root)
		switch r.IntN(4) {
		case 0:
			tail = ""
		case 1:
			tail = tail[r.IntN(len(tail)+1):]
		case 2:
			tail = part()
		}
		if r.IntN(2) == 0 {
			tail += "\x01"
		}
		lines = append(lines, fill(head, pump, tail))
	}
	return lines
}

// stretchedLines returns n hostile lines made of ones that the pattern
// matches: one or two pieces of them again and again, pumped up with
// fragments, some characters changed.
func stretchedLines(t *tree, r *rand.Rand, samples []string, n int) [][]byte {
	parts := fragments(t, r)
	if len(samples) == 0 || len(parts) == 0 {
		return nil
	}
	var lines [][]byte
	for range n {
		s := strings.TrimRight(samples[r.IntN(len(samples))], "\n")
		if r.IntN(3) == 0 {
			s = disturb(r, s+" ")
		}
		i, j := r.IntN(len(s)+1), r.IntN(len(s)+1)
		i, j = min(i, j), max(i, j)
		pump := s[i:j]
		switch r.IntN(4) {
		case 0:
			pump = parts[r.IntN(len(parts))]
		case 1:
			pump += parts[r.IntN(len(parts))]
		case 2:
			k := r.IntN(len(s) + 1)
			pump += s[k:min(len(s), k+1+r.IntN(12))]
		}
		tail := s[j:]
		if r.IntN(2) == 0 {
			tail = tail[:r.IntN(len(tail)+1)]
		}
		if r.IntN(3) == 0 {
			tail += "\x01"
		}
		lines = append(lines, fill(s[:i], pump, tail))
	}
	return lines
}
