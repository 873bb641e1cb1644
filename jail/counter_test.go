package jail

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"f2b-go/internal/ipaddr"
	"f2b-go/internal/pytext"
)

func failure(id string, at float64, lines ...string) *Ticket {
	t := &Ticket{ID: ipaddr.Parse(id), Time: at}
	for _, l := range lines {
		t.Matches = append(t.Matches, Match{Before: l, Split: true})
	}
	return t
}

// TestAttempts_3_2_2 is the arithmetic of attempts: a rate, no sliding window.
func TestAttempts_3_2_2(t *testing.T) {
	tests := []struct {
		name     string
		findTime float64
		times    []float64
		want     []int
	}{
		{"five within the find time and after", 600, []float64{0, 1, 2, 601, 602}, []int{1, 2, 3, 4, 5}},
		{"slow ones never add up", 600, []float64{0, 599, 1198, 1797}, []int{1, 2, 2, 2}},
		{"an older line adds without moving time", 600, []float64{1000, 10, 1001}, []int{1, 2, 3}},
		{"half to even, down", 2, []float64{0, 4, 8}, []int{1, 1, 1}},
		{"half to even, up", 3, []float64{0, 0, 0, 6}, []int{1, 2, 3, 3}},
		{"long silence starts over", 10, []float64{0, 1, 2, 1000}, []int{1, 2, 3, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCounter()
			c.setLimits(100, 5, Seconds{Value: tt.findTime})
			var got []int
			for _, at := range tt.times {
				got = append(got, c.add(failure("192.0.2.1", at), 1, false))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("attempts %v, want %v", got, tt.want)
			}
		})
	}
}

// TestFirstFailuresFields_3_2_5 is risk 7: the ban carries the groups of the
// first failure, the lines of all and the time of the last.
func TestFirstFailuresFields_3_2_5(t *testing.T) {
	c := newCounter()
	for i, user := range []string{"a", "b", "c"} {
		f := failure("192.0.2.1", float64(10+i), "line "+user)
		f.Fields = pytext.Dict{{Key: "user", Value: user}}
		if n := c.add(f, 1, false); n != i+1 {
			t.Fatalf("attempts %d after %d failures", n, i+1)
		}
	}
	got, ok := c.take(ipaddr.Parse("192.0.2.1"))
	if !ok {
		t.Fatal("three of three failures do not reach maxretry")
	}
	if user, _ := got.Fields.Get("user"); user != "a" {
		t.Errorf("user %v, want that of the first failure", user)
	}
	if got.Time != 12 || got.JoinedLines() != "line a\nline b\nline c" {
		t.Errorf("time %v, lines %q", got.Time, got.JoinedLines())
	}
	if now, total := c.counts(); now != 0 || total != 3 {
		t.Errorf("%d failed now, %d in total; want 0 and 3", now, total)
	}
}

// TestMatchesKept_3_2_4 is how many lines are kept, and in which form.
func TestMatchesKept_3_2_4(t *testing.T) {
	tests := []struct {
		maxMatches int
		want       []Match
	}{
		{0, nil},
		{2, []Match{{Before: "two"}, {Before: "three"}}},
		{5, []Match{{Before: "one", Split: true}, {Before: "two"}, {Before: "three"}}},
	}
	for _, tt := range tests {
		c := newCounter()
		c.setLimits(3, tt.maxMatches, Int(600))
		for i, l := range []string{"one", "two", "three"} {
			c.add(failure("192.0.2.1", float64(i), l), 1, false)
		}
		got, _ := c.take(ipaddr.Parse("192.0.2.1"))
		if !slices.Equal(got.Matches, tt.want) {
			t.Errorf("maxmatches %d: %+v, want %+v", tt.maxMatches, got.Matches, tt.want)
		}
	}
}

// TestCleanUp_3_2_6 drops what is as old as the find time, at most every 5 s.
func TestCleanUp_3_2_6(t *testing.T) {
	c := newCounter()
	c.add(failure("192.0.2.1", 0), 1, false)
	c.add(failure("192.0.2.2", 5), 1, false)
	for _, step := range []struct {
		now  float64
		left int
	}{{599, 2}, {600, 2}, {604, 1}, {605, 1}, {609, 0}} {
		c.clean(step.now)
		if n, _ := c.counts(); n != step.left {
			t.Errorf("at %v: %d left, want %d", step.now, n, step.left)
		}
	}
}

// TestCounterIsBounded: many IDs push out those not seen for longest, and
// never the one that just failed.
func TestCounterIsBounded(t *testing.T) {
	c := newCounter()
	c.maxIDs = 100
	busy := ipaddr.Parse("192.0.2.1")
	for i := range 1000 {
		c.add(failure(fmt.Sprintf("2001:db8::%x", i+1), float64(i)), 1, false)
		c.add(&Ticket{ID: busy, Time: float64(i)}, 1, false)
	}
	if n, _ := c.counts(); n != 100 {
		t.Errorf("%d IDs counted, bound is 100", n)
	}
	if _, ok := c.take(busy); !ok {
		t.Error("the ID that fails most was forgotten")
	}
	if n := c.takeEvicted(); n != 901 {
		t.Errorf("%d evictions told, want 901", n)
	}
	c.maxBytes = 10 << 10
	c.add(failure("192.0.2.9", 2000, string(make([]byte, 9<<10))), 1, false)
	if c.bytes > c.maxBytes {
		t.Errorf("%d bytes kept, bound is %d", c.bytes, c.maxBytes)
	}
}

// TestCounterEqualsFail2ban puts random histories through fail2ban's own fail
// manager and ours (3.2.2 to 3.2.8).
func TestCounterEqualsFail2ban(t *testing.T) {
	p, ok := startPython(t)
	if !ok {
		return
	}
	for seed := range uint64(60) {
		d := &counterDuel{t: t, p: p, c: newCounter(), rnd: rand.New(rand.NewPCG(seed, 1))}
		d.run(seed)
		if t.Failed() {
			return
		}
	}
}

type counterDuel struct {
	t    *testing.T
	p    *python
	c    *counter
	rnd  *rand.Rand
	last *Ticket
	log  []string
}

func (d *counterDuel) run(seed uint64) {
	maxRetry, findTime, maxMatches := 2+d.rnd.IntN(8), float64(1+d.rnd.IntN(900)), d.rnd.IntN(6)
	d.c.setLimits(maxRetry, maxMatches, Seconds{Value: findTime})
	d.p.do(nil, "fail_new", map[string]any{"maxretry": maxRetry, "findtime": findTime, "maxmatches": maxMatches})
	now := 1000.0
	for range 120 {
		now += []float64{0, 0.5, 1, 7, findTime / 3, findTime, findTime * 2.5}[d.rnd.IntN(7)]
		id := fmt.Sprintf("192.0.2.%d", d.rnd.IntN(3))
		d.step(now, id)
		if d.t.Failed() {
			d.t.Logf("seed %d, maxretry %d, findtime %v, maxmatches %d, steps:", seed, maxRetry, findTime, maxMatches)
			for _, l := range d.log {
				d.t.Log(l)
			}
			return
		}
	}
}

func (d *counterDuel) step(now float64, id string) {
	at := now - float64(d.rnd.IntN(3)*d.rnd.IntN(10))
	n := fmt.Sprint(len(d.log))
	switch d.rnd.IntN(8) {
	case 0:
		d.p.do(nil, "fail_clean", map[string]any{"now": now})
		d.c.nextClean = 0
		d.c.clean(now)
		d.log = append(d.log, fmt.Sprintf("clean %v", now))
		return
	case 1:
		texts := []string{"x" + n, "y" + n}[:d.rnd.IntN(3)]
		d.attempt(id, at, texts)
	case 2:
		if d.last != nil {
			d.observe(1 + d.rnd.IntN(3))
		}
	default:
		matches := []Match{{"a" + n, "D", "b" + n, true}, {"", "", "c" + n, true}}[:1+d.rnd.IntN(2)]
		d.fail(id, at, matches, pytext.Dict{{Key: "user", Value: "u" + n}})
	}
	d.take(id)
}

// counted is a ticket in the counter as the script tells of it.
type counted5 struct {
	attempts, failures int
	time               float64
	matches            []any
	fields             map[string]any
}

func (k *counted5) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&k.attempts, &k.failures, &k.time, &k.matches, &k.fields})
}

func (d *counterDuel) ours(id string) *counted5 {
	el, ok := d.c.byID[ipaddr.Parse(id)]
	if !ok {
		return nil
	}
	t := el.Value.(*counted).ticket
	k := &counted5{t.Attempts, t.Failures, t.Time, []any{}, map[string]any{}}
	for _, m := range t.Matches {
		if m.Split {
			k.matches = append(k.matches, []any{m.Before, m.Date, m.After})
		} else {
			k.matches = append(k.matches, m.Text())
		}
	}
	for _, f := range t.Fields {
		k.fields[f.Key.(string)] = f.Value
	}
	return k
}

func (d *counterDuel) same(what, id string, got int, want struct {
	n int
	k *counted5
}) {
	d.log = append(d.log, fmt.Sprintf("%s %s: fail2ban %d %+v", what, id, want.n, want.k))
	ours := d.ours(id)
	if got != want.n || !reflect.DeepEqual(ours, want.k) {
		d.t.Errorf("%s %s: ours %d %+v, fail2ban %d %+v", what, id, got, ours, want.n, want.k)
	}
}

func (d *counterDuel) fail(id string, at float64, matches []Match, fields pytext.Dict) {
	parts := [][]string{}
	for _, m := range matches {
		parts = append(parts, []string{m.Before, m.Date, m.After})
	}
	var want struct {
		n int
		k *counted5
	}
	d.p.do(&[]any{&want.n, &want.k}, "fail_add", map[string]any{"id": id, "time": at, "matches": parts, "count": 1, "fields": map[string]any{"user": fields[0].Value}})
	d.last = &Ticket{ID: ipaddr.Parse(id), Time: at, Matches: matches, Fields: fields}
	d.same(fmt.Sprintf("fail at %v", at), id, d.c.add(d.last, 1, false), want)
}

func (d *counterDuel) attempt(id string, at float64, texts []string) {
	var want struct {
		n int
		k *counted5
	}
	d.p.do(&[]any{&want.n, &want.k}, "fail_attempt", map[string]any{"id": id, "time": at, "texts": texts})
	d.last = &Ticket{ID: ipaddr.Parse(id), Time: at}
	for _, s := range texts {
		d.last.Matches = append(d.last.Matches, Match{Before: s})
	}
	d.same(fmt.Sprintf("attempt at %v", at), id, d.c.add(d.last, max(1, len(texts)), false), want)
}

func (d *counterDuel) observe(count int) {
	var want *counted5
	id := d.last.ID.String()
	d.p.do(&want, "fail_observe", map[string]any{"count": count})
	d.c.add(d.last, count, true)
	if ours := d.ours(id); !reflect.DeepEqual(ours, want) {
		d.t.Errorf("observe %s: ours %+v, fail2ban %+v", id, ours, want)
	}
	d.log = append(d.log, fmt.Sprintf("observe %s %d: fail2ban %+v", id, count, want))
}

func (d *counterDuel) take(id string) {
	var want []any
	d.p.do(&want, "fail_take", map[string]any{"id": id})
	got, ok := d.c.take(ipaddr.Parse(id))
	if ok != (want != nil) {
		d.t.Errorf("take %s: ours %v, fail2ban %v", id, ok, want)
	}
	if !ok || want == nil {
		return
	}
	lines := []any{}
	for _, l := range got.Lines() {
		lines = append(lines, l)
	}
	ours := []any{float64(got.Attempts), float64(got.Failures), got.Time, lines}
	if !reflect.DeepEqual(ours, want) {
		d.t.Errorf("take %s: ours %v, fail2ban %v", id, ours, want)
	}
	d.log = append(d.log, fmt.Sprintf("ban %s", id))
}
