package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"f2b-go/internal/testenv"
)

// TestFiltersCannotBeFooled_T19 judges the corpora of injected lines. What each
// line must give is VOIP.md's column "needed" (3.6) and the lines of 2.3.
func TestFiltersCannotBeFooled_T19(t *testing.T) {
	shared, ok := testenv.Shared(t)
	if !ok {
		return // testdata/filters has lines of the same kinds
	}
	real, six := "203.0.113.5", "2001:db8::5"
	tests := []struct {
		log, filter string
		want        []string
	}{
		{"inj.log", "asterisk", slices.Concat(slices.Repeat([]string{real}, 5), []string{six}, slices.Repeat([]string{real}, 6),
			[]string{six, real, six}, slices.Repeat([]string{real}, 8))},
		{"kern.log", "firewall3", []string{"203.0.113.11", "2001:db8:a:1::1", "203.0.113.13", "203.0.113.14", "203.0.113.15", "203.0.113.17", "203.0.113.18"}},
	}
	dir := t.TempDir()
	etcOfOurs(t, dir)
	programs := map[string][]string{"ours": {ours("fail2ban-regex")}}
	if _, ok := testenv.Fail2ban(t); ok {
		programs["the original"] = []string{testenv.Python, "/usr/bin/fail2ban-regex"}
	}
	for _, tt := range tests {
		for who, argv := range programs {
			argv = append(slices.Clone(argv), "-o", "id", filepath.Join(shared, "voip", tt.log), filepath.Join(dir, "etc", "filter.d", tt.filter+".conf"))
			if got := strings.Fields(found(t, argv)); !slices.Equal(got, tt.want) {
				t.Errorf("%s found in %s\n%v, want\n%v", who, tt.log, got, tt.want)
			}
		}
	}
}

// TestAsteriskFindsTheOriginalsSamples: what fail2ban's filter finds in its own
// sample log, ours finds.
func TestAsteriskFindsTheOriginalsSamples(t *testing.T) {
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	dir := t.TempDir()
	etcOfOurs(t, dir)
	text, err := os.ReadFile(filepath.Join(lib, "fail2ban", "tests", "files", "logs", "asterisk"))
	if err != nil {
		t.Fatal(err)
	}
	// Its lines of the journal stand there without their head, which its header names.
	log := filepath.Join(dir, "asterisk.log")
	writeFile(t, log, strings.ReplaceAll(string(text), "\nNOTICE[", "\nserver asterisk[123]: NOTICE["))
	theirs := strings.Fields(found(t, []string{testenv.Python, "/usr/bin/fail2ban-regex", "-o", "id", log, "/etc/fail2ban/filter.d/asterisk.conf"}))
	got := strings.Fields(found(t, []string{ours("fail2ban-regex"), "-o", "id", log, filepath.Join(dir, "etc", "filter.d", "asterisk.conf")}))
	if len(theirs) < 40 || !slices.Equal(got, theirs) {
		t.Errorf("ours found\n%v, theirs\n%v", got, theirs)
	}
}
