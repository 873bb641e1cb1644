package tags_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"f2b-go/internal/tags"
	"f2b-go/internal/testenv"
)

func set(pairs ...string) *tags.Map {
	m := &tags.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m.Set(pairs[i], pairs[i+1])
	}
	return m
}

func TestSubstitute_1_5(t *testing.T) {
	for _, c := range []struct {
		name, item, tag, want string
		set                   *tags.Map
		opt                   tags.Options
	}{
		{"chain", "1.5.3", "c", "123", set("a", "1", "b", "<a>2", "c", "<b>3"), tags.Options{}},
		{"nested", "1.5.3", "x", "M1", set("x", "<m-<k>>", "m-1", "M1", "k", "1"), tags.Options{}},
		{"nested unknown", "1.5.3", "x", "<m-zz>", set("x", "<m-<k>>", "k", "zz"), tags.Options{}},
		{"double brackets", "1.5.3", "a", "CC", set("a", "<<b>>", "b", "c", "c", "CC"), tags.Options{}},
		{"unknown stays", "1.5.1", "a", "<HOST> <nope>", set("a", "<HOST> <b>", "b", "<nope>"), tags.Options{}},
		{"blank inside is no tag", "1.5.1", "a", "< b> <b >", set("a", "< b> <b >", "b", "1", "b ", "sp"), tags.Options{}},
		{"empty value", "1.5.3", "a", "()", set("a", "(<b>)", "b", ""), tags.Options{}},
		{"case", "1.5.3", "b", "1<a>", set("A", "1", "b", "<A><a>"), tags.Options{}},
		{"same tag often in one value", "1.5.3", "a", strings.Repeat("x", 40), set("a", strings.Repeat("<b>", 40), "b", "x"), tags.Options{}},
		{"condition", "1.5.2", "a", "v6", set("a", "<b>", "b", "v4", "b?family=inet6", "v6"), tags.Options{Condition: "family=inet6"}},
		{"other condition", "1.5.2", "a", "v4", set("a", "<b>", "b", "v4", "b?family=inet6", "v6"), tags.Options{Condition: "family=inet4"}},
		{"ignored", "1.5.4", "a", "<matches> 1", set("a", "<matches> <b>", "b", "1", "matches", "no"), tags.Options{Ignore: map[string]bool{"matches": true}}},
		{"literal condition", "1.5.4", "a", "v6", set("a", "<b?family=inet6>", "b", "v4", "b?family=inet6", "v6"), tags.Options{Ignore: map[string]bool{"b": true}}},
		{"extra", "1.5.2", "a", "from-file", set("a", "<lt/x>"), tags.Options{Extra: func(tag string) (string, bool, error) { return "from-file", tag == "lt/x", nil }}},
	} {
		t.Run(c.item+" "+c.name, func(t *testing.T) {
			out, err := tags.Substitute(c.set, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := out.Get(c.tag); got != c.want {
				t.Errorf("<%s> became %q, want %q", c.tag, got, c.want)
			}
		})
	}
}

func TestSelfReference_1_5_3(t *testing.T) {
	for _, c := range []struct {
		set  *tags.Map
		want string
	}{
		{set("a", "<a>"), "properties contain self referencing definitions and cannot be resolved, fail tag: a, found: a in {}, value: <a>"},
		{set("a", "<b>", "b", "<a>"), "properties contain self referencing definitions and cannot be resolved, fail tag: a, found: a in {'b': 1}, value: <a>"},
		{set("x", "<b>", "a", "<c>", "b", "1<a>", "c", "2<b>"), "fail tag: x, found: b in {'b': 26, 'a': 26, 'c': 26}"},
	} {
		_, err := tags.Substitute(c.set, tags.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestBomb_1_5_3(t *testing.T) {
	m := set("a0", strings.Repeat("lol", 100))
	for i := 1; i < 40; i++ {
		m.Set(fmt.Sprintf("b%d", 40-i), strings.Repeat(fmt.Sprintf("<b%d>", 41-i), 10))
	}
	m.Set("b40", "<a0>")
	if _, err := tags.Substitute(m, tags.Options{}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("values that grow tenfold forty times: %.100v, want an error", err)
	}
}

func TestReplace_4_1_2(t *testing.T) {
	m := set("port", "ssh", "port?family=inet6", "22", "a", "<port>", "loop", "x<loop>")
	constants := func(tag, text string, known bool) (string, bool) {
		if tag == "sp" {
			return " ", true
		}
		return text, known
	}
	for query, want := range map[string]string{"<a><sp><nosuch>": "ssh <nosuch>", "no tags": "no tags", "<": "<", "<a": "<a"} {
		if got, err := tags.Replace(query, m, "", constants); err != nil || got != want {
			t.Errorf("%s became %q, %v; want %q", query, got, err, want)
		}
	}
	if got, _ := tags.Replace("<port>", m, "family=inet6", nil); got != "22" {
		t.Errorf("under family=inet6 <port> became %q, want 22", got)
	}
	if _, err := tags.Replace("<loop>", m, "", nil); err == nil || !strings.HasPrefix(err.Error(), "unexpected too long replacement interpolation") {
		t.Errorf("a loop: %v, want an error", err)
	}
}

func TestSplitCondition_1_3_2(t *testing.T) {
	for name, want := range map[string]string{
		"Init?family=inet6": "Init ?family=inet6 true", "a-b?x": "a-b?x  false", "?x": "?x  false", "x?": "x?  false", "x": "x  false", "é_1?a?b": "é_1 ?a?b true",
	} {
		plain, cond, ok := tags.SplitCondition(name)
		if got := fmt.Sprint(plain, " ", cond, " ", ok); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

const python = `
import sys, json
from fail2ban.helpers import substituteRecursiveTags
out = []
for d, cond, ign in json.load(sys.stdin):
    try: out.append(dict(substituteRecursiveTags(d, cond, ignore=ign)))
    except ValueError as e: out.append({"!": str(e)})
json.dump(out, sys.stdout)
`

// TestBesideFail2ban_1_5_3 compares sets made at random with fail2ban's result.
func TestBesideFail2ban_1_5_3(t *testing.T) {
	if _, ok := testenv.Fail2ban(t); !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	names := []string{"a", "b", "c", "d", "ab", "a?family=inet6", "b?family=inet6", "m-a", "m-b"}
	pieces := append([]string{"<", ">", "<<", "x", " ", "<m-", "", "<zz>", "\n"}, names...)
	for _, n := range names {
		pieces = append(pieces, "<"+n+">")
	}
	var asked []any
	var sets []*tags.Map
	var opts []tags.Options
	for range 3000 {
		m := randomSet(rnd, names, pieces)
		opt := tags.Options{Condition: []string{"", "family=inet6"}[rnd.IntN(2)]}
		ignore := []string{}
		if rnd.IntN(4) == 0 {
			opt.Ignore, ignore = map[string]bool{"b": true}, []string{"b"}
		}
		if _, err := tags.Substitute(m, opt); err != nil && strings.Contains(err.Error(), "too large") {
			continue // fail2ban takes all of the memory here
		}
		sets, opts = append(sets, m), append(opts, opt)
		asked = append(asked, []any{ordered{m}, opt.Condition, ignore})
	}
	in, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python, "-c", python)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, m := range sets {
		got := map[string]string{}
		res, err := tags.Substitute(m, opts[i])
		if err != nil {
			got["!"] = err.Error()
		} else {
			for _, n := range res.Names() {
				got[n], _ = res.Get(n)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			data, _ := json.Marshal(asked[i])
			t.Errorf("%s\n got %q\nwant %q", data, got, want[i])
		}
	}
}

func randomSet(rnd *rand.Rand, names, pieces []string) *tags.Map {
	m := &tags.Map{}
	for range 1 + rnd.IntN(6) {
		text := ""
		for range rnd.IntN(5) {
			text += pieces[rnd.IntN(len(pieces))]
		}
		m.Set(names[rnd.IntN(len(names))], text)
	}
	return m
}

// ordered writes a set as a JSON object that keeps its order.
type ordered struct{ *tags.Map }

func (o ordered) MarshalJSON() ([]byte, error) {
	var parts []string
	for _, n := range o.Names() {
		text, _ := o.Get(n)
		key, _ := json.Marshal(n)
		value, _ := json.Marshal(text)
		parts = append(parts, string(key)+":"+string(value))
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

func FuzzSubstitute(f *testing.F) {
	f.Add("a", "<b>", "b", "<a><c>", "c?x")
	f.Fuzz(func(t *testing.T, n1, t1, n2, t2, n3 string) {
		m := set(n1, t1, n2, t2, n3, t1+t2)
		if out, err := tags.Substitute(m, tags.Options{Condition: "x"}); err == nil {
			_, _ = tags.Replace(t1, out, "x", nil)
		}
	})
}
