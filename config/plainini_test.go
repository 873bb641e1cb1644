package config

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gopkg.in/ini.v1"
)

// TestPlainFilesAsIni compares files of plain sections and values with ini.v1,
// which reads these as ConfigParser does; docs/decisions/024 tells of the others.
func TestPlainFilesAsIni(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []string{"v", "1 2", "a=b", "%(x)s", "/var/log/*.log", "x, y", "é", "1h"}
	for range 300 {
		text := ""
		for s := range 1 + r.IntN(4) {
			text += fmt.Sprintf("# comment\n[section%d]\n", s)
			for o := range r.IntN(8) {
				text += fmt.Sprintf("option%d %s %s\n\n", o, []string{"=", ":"}[r.IntN(2)], values[r.IntN(len(values))])
			}
		}
		want, err := ini.LoadSources(ini.LoadOptions{IgnoreInlineComment: true}, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, bad := parseFile("F", []byte(text))
		if bad != nil {
			t.Fatalf("%v in\n%s", bad, text)
		}
		for _, s := range want.Sections()[1:] {
			own := got.sections[s.Name()]
			if own == nil || len(own.list) != len(s.Keys()) {
				t.Fatalf("[%s] is not read as ini.v1 reads it:\n%s", s.Name(), text)
			}
			for i, k := range s.Keys() {
				if own.list[i].name != k.Name() || own.list[i].value != k.Value() {
					t.Errorf("[%s] %s = %v, want %s = %s", s.Name(), own.list[i].name, own.list[i].value, k.Name(), k.Value())
				}
			}
		}
	}
}
