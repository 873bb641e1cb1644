package filter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"f2b-go/filter"
	"f2b-go/internal/ipaddr"
)

// TestMemoryGoesOn_2_7: whatever has been judged, a fresh filter that recalls
// what the first one told of goes on as the first one does.
func TestMemoryGoesOn_2_7(t *testing.T) {
	sshd := []string{
		`^ ?s<F-MLFID>\d+</F-MLFID> connect from <ADDR>$`,
		`^ ?s<F-MLFID>\d+</F-MLFID> <F-NOFAIL>try</F-NOFAIL> <F-USER>\S+</F-USER>$`,
		`^ ?s<F-MLFID>\d+</F-MLFID> bad <F-USER>\S+</F-USER>$`,
		`^ ?s<F-MLFID>\d+</F-MLFID> <F-MLFGAINED>in</F-MLFGAINED> <F-USER>\S+</F-USER>$`,
		`^ ?s<F-MLFID>\d+</F-MLFID> <F-MLFFORGET>end</F-MLFFORGET> <ADDR>$`,
		`^ ?plain <ADDR>$`,
	}
	tests := []struct {
		name     string
		maxLines int
		regexes  []string
		lines    []string
	}{
		{"sessions", 1, sshd, []string{
			"s1 try root", "s1 bad root", "s2 connect from 192.0.2.2", "plain 192.0.2.9", "s1 connect from 192.0.2.1", "s1 bad bob",
			"s3 bad amy", "s2 in eve", "s2 in dan", "s1 end 192.0.2.1", "s1 bad root", "s3 end 192.0.2.3", "s2 bad eve",
		}},
		{"lines", 3, []string{`^ ?a <F-USER>\S+</F-USER>$<SKIPLINES>^ ?b <ADDR>$`}, []string{
			"a root", "other", "b 192.0.2.1", "a x", "a y", "b 192.0.2.2", "b 192.0.2.3",
		}},
		{"undated lines", 1, []string{`^ ?plain <ADDR>$`}, []string{"plain 192.0.2.1", "!plain 192.0.2.2", "plain 192.0.2.3", "!plain 192.0.2.4"}},
	}
	for _, tt := range tests {
		for cut := range len(tt.lines) + 1 {
			t.Run(fmt.Sprintf("%s/%d", tt.name, cut), func(t *testing.T) {
				first := memoryFilter(t, tt.maxLines, tt.regexes)
				kept := map[string]filter.Session{}
				var m filter.Memory
				for i, line := range tt.lines[:cut] {
					judgeMemory(first, line)
					if i%2 == 1 || i == cut-1 {
						m = first.Changes(false)
						keepChanges(kept, m)
					}
				}
				m.Sessions, m.Closed = nil, nil
				for _, s := range kept {
					m.Sessions = append(m.Sessions, s)
				}
				second := memoryFilter(t, tt.maxLines, tt.regexes)
				second.Recall(m)
				found := 0
				for _, line := range tt.lines[cut:] {
					want, got := judgeMemory(first, line), judgeMemory(second, line)
					found += len(want)
					if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b ipaddr.Addr) bool { return a == b })); diff != "" {
						t.Errorf("%q: first filter -, second +\n%s", line, diff)
					}
				}
				if found == 0 && cut < 3 {
					t.Error("nothing was found at all")
				}
			})
		}
	}
}

func keepChanges(kept map[string]filter.Session, m filter.Memory) {
	for _, id := range m.Closed {
		delete(kept, id)
	}
	for _, s := range m.Sessions {
		kept[s.ID] = s
	}
}

func memoryFilter(t *testing.T, maxLines int, regexes []string) *filter.Filter {
	t.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := filter.New("j", filter.Env{Clock: func() time.Time { return at }, Local: time.UTC})
	if err := f.SetMaxLines(maxLines); err != nil {
		t.Fatal(err)
	}
	if err := f.SetDatePattern("^EPOCH"); err != nil {
		t.Fatal(err)
	}
	for _, re := range regexes {
		if err := f.AddFailRegex(re); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// judgeMemory judges a line that was written just now; "!" marks one without a
// date.
func judgeMemory(f *filter.Filter, line string) []filter.Failure {
	if line[0] == '!' {
		line = line[1:]
	} else {
		line = "1795348790 " + line
	}
	found, _ := f.Judge(filter.Line{Text: []byte(line + "\n")}, filter.Mode{Gate: true, FindTime: 600})
	return found
}

// TestMemoryTellsEachOnce_2_7_2: only what changed is told, and of a session
// that nobody was told of nobody hears the end.
func TestMemoryTellsEachOnce_2_7_2(t *testing.T) {
	f := memoryFilter(t, 1, []string{`^ ?s<F-MLFID>\d+</F-MLFID> on$`, `^ ?s<F-MLFID>\d+</F-MLFID> <F-MLFFORGET>off</F-MLFFORGET>$`})
	tell := func() (open, closed []string) {
		m := f.Changes(false)
		for _, s := range m.Sessions {
			open = append(open, s.ID)
		}
		return open, m.Closed
	}
	tell()
	steps := []struct {
		lines        []string
		open, closed []string
	}{
		{[]string{"s1 on", "s2 on", "s1 on"}, []string{"1", "2"}, nil},
		{nil, nil, nil},
		{[]string{"s2 on", "s3 on", "s3 off"}, []string{"2"}, nil},
		{[]string{"s1 off", "s1 on", "s2 off"}, []string{"1"}, []string{"1", "2"}},
	}
	for i, s := range steps {
		for _, line := range s.lines {
			judgeMemory(f, line)
		}
		open, closed := tell()
		if diff := cmp.Diff([][]string{s.open, s.closed}, [][]string{open, closed}); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}
