package jail

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"f2b-go/internal/ipaddr"
)

// TestBanListEqualsFail2ban puts random bans, new ban times and expiries
// through fail2ban's own ban manager and ours (3.3, 3.4).
func TestBanListEqualsFail2ban(t *testing.T) {
	p, ok := startPython(t)
	if !ok {
		return
	}
	for seed := range uint64(60) {
		d := &banDuel{t: t, p: p, l: newBanList(), rnd: rand.New(rand.NewPCG(seed, 2)), now: 1_700_000_000}
		d.run(seed)
		if t.Failed() {
			return
		}
	}
}

type banDuel struct {
	t   *testing.T
	p   *python
	l   *banList
	rnd *rand.Rand
	now float64
	log []string
}

func (d *banDuel) run(seed uint64) {
	d.p.do(nil, "ban_new", map[string]any{"bantime": 600})
	for range 150 {
		d.now += []float64{0, 0.25, 1, 100, 600}[d.rnd.IntN(5)]
		switch d.rnd.IntN(10) {
		case 0:
			bt := []int64{5, 60, 600, 3600, Permanent}[d.rnd.IntN(5)]
			d.p.do(nil, "ban_settime", map[string]any{"bantime": bt})
			d.l.setJailBanTime(Int(bt))
			d.log = append(d.log, fmt.Sprintf("bantime %d", bt))
		case 1, 2, 3:
			d.due()
		default:
			d.add()
		}
		d.compare()
		if d.t.Failed() {
			d.t.Logf("seed %d, steps:", seed)
			for _, l := range d.log {
				d.t.Log(l)
			}
			return
		}
	}
}

func (d *banDuel) add() {
	tk := &Ticket{ID: ipaddr.Parse(fmt.Sprintf("192.0.2.%d", d.rnd.IntN(8))), Time: d.now - float64(d.rnd.IntN(2)*d.rnd.IntN(700))}
	var own any
	if d.rnd.IntN(2) == 0 {
		bt := []int64{1, 30, 600, 7200, Permanent}[d.rnd.IntN(5)]
		own = bt
		tk.SetBanTime(Int(bt))
	}
	var want []any
	d.p.do(&want, "ban_add", map[string]any{"id": tk.ID.String(), "time": tk.Time, "bantime": own, "now": d.now})
	v, k := d.l.add(tk, d.now)
	got := []any{map[verdict]string{banNew: "new", banExpired: "expired", banKnown: "known"}[v], k.longer}
	d.log = append(d.log, fmt.Sprintf("at %v ban %s of %v for %v: fail2ban %v", d.now, tk.ID, tk.Time, own, want))
	if !reflect.DeepEqual(got, want) {
		d.t.Errorf("ban: ours %v, fail2ban %v", got, want)
	}
}

func (d *banDuel) due() {
	var want []string
	d.p.do(&want, "ban_due", map[string]any{"now": d.now})
	got := []string{}
	for _, tk := range d.l.due(d.now, 1<<30) {
		got = append(got, tk.ID.String())
	}
	slices.Sort(got)
	d.log = append(d.log, fmt.Sprintf("at %v due: fail2ban %v", d.now, want))
	if !slices.Equal(got, want) {
		d.t.Errorf("due: ours %v, fail2ban %v", got, want)
	}
}

// compare holds the listings, their order, the alarm and the total.
func (d *banDuel) compare() {
	var want []any
	d.p.do(&want, "ban_list", nil)
	j := &Jail{bans: d.l}
	j.env.Local = time.UTC
	alarm := d.l.nextAlarm()
	_, total := d.l.counts()
	got := []any{j.BanList(true), j.Banned(nil), alarm, float64(total)}
	for i, what := range []string{"banip --with-time", "banned", "alarm", "total"} {
		if !reflect.DeepEqual(got[i], want[i]) {
			d.t.Errorf("%s: ours %v, fail2ban %v", what, got[i], want[i])
		}
	}
}

// TestBanTimesEqualFail2ban compares bantime.* options and what they make of
// ban times (3.6.2 to 3.6.5).
func TestBanTimesEqualFail2ban(t *testing.T) {
	p, ok := startPython(t)
	if !ok {
		return
	}
	type opt struct{ name, value string }
	tests := [][]opt{
		{},
		{{"factor", "2"}},
		{{"factor", "2.0 / 2.885385"}, {"formula", "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"}},
		{{"formula", "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"}, {"factor", "1"}},
		{{"formula", "ban.Time / 2"}},
		{{"formula", "ban.Time / (ban.Count - 1)"}},
		{{"formula", "ban.Time *"}},
		{{"multipliers", "1 2 4 8 16 32 64"}},
		{{"multipliers", "1 5 30 60"}, {"factor", "0.5"}},
		{{"multipliers", "1  2"}},
		{{"maxtime", "5w"}, {"factor", "3"}},
		{{"maxtime", "1mo"}},
		{{"maxtime", "20"}},
		{{"maxtime", "-1"}},
		{{"rndtime", "8m"}, {"rndtime", ""}},
		{{"increment", "true"}, {"overalljails", "false"}},
		{{"factor", "1/0"}},
		{{"maxtime", "1wk"}},
	}
	for _, opts := range tests {
		t.Run(fmt.Sprint(opts), func(t *testing.T) {
			p := &python{p.In(t)}
			p.do(nil, "inc_new", nil)
			in := newIncrement()
			for _, o := range opts {
				var want []any
				p.do(&want, "inc_set", map[string]any{"opt": o.name, "value": o.value})
				got := []any{errClass(in.set(o.name, o.value)), in.get(o.name)}
				if n, isInt := got[1].(int64); isInt {
					got[1] = float64(n)
				}
				if want[0] != nil {
					got[1], want[1] = nil, nil
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("bantime.%s %q: ours %v, fail2ban %v", o.name, o.value, got, want)
				}
			}
			for _, count := range []int{0, 1, 2, 3, 10, 19, 20, 25} {
				compareNext(t, p, in, count)
			}
		})
	}
}

func compareNext(t *testing.T, p *python, in *increment, count int) {
	t.Helper()
	if in.formula == nil {
		// fail2ban makes its formula when the first option is set.
		return
	}
	var want []any
	p.do(&want, "inc_next", map[string]any{"time": 600, "count": count})
	v, err := in.next(Int(600), count, func() float64 { return 0 })
	got := []any{errClass(err), nil, nil}
	if err == nil {
		got[1], got[2] = reprSeconds(v), v.text()
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("600 s after %d bans: ours %v, fail2ban %v", count, got, want)
	}
}
