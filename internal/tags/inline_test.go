package tags

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestInlineIsReplaceAll compares the quick way with fail2ban's, counts included.
func TestInlineIsReplaceAll(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	names := []string{"a", "b", "c", "d", "ab", "x?k"}
	pieces := append([]string{"<", ">", "<<", ">>", " ", "x", "<a<", "", "<zz>"}, names...)
	for _, n := range names {
		pieces = append(pieces, "<"+n+">", "<"+n+">", "<"+n+">x<"+n+">")
	}
	quick := 0
	for range 50_000 {
		m := &Map{}
		for range 2 + rnd.IntN(5) {
			text := ""
			for range rnd.IntN(6) {
				text += pieces[rnd.IntN(len(pieces))]
			}
			m.Set(names[rnd.IntN(len(names))], text)
		}
		for i, name := range m.names {
			s := &substitution{Map: m, used: make([]bool, m.Len())}
			if rnd.IntN(3) == 0 {
				s.ignore = []string{"d"}
			}
			var one, two counter
			l := &inlining{substitution: *s}
			got, ok, _ := l.inline(name, m.texts[i].string, &one)
			l.tell(&one)
			if !ok {
				continue
			}
			quick++
			want, err := s.replaceAll(name, m.texts[i].string, &two)
			if err != nil || got != want || fmt.Sprint(one) != fmt.Sprint(two) {
				t.Fatalf("%v: <%s>: inline %q %v, replaceAll %q %v %v", m, name, got, one, want, two, err)
			}
		}
	}
	if quick < 10_000 {
		t.Errorf("only %d values went the quick way", quick)
	}
}
