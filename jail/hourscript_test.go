package jail_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// hourStart is when scripts begin: a moment of the first year that date
// templates know.
const hourStart = 946_771_200

// script writes an hour.
type script struct {
	*rand.Rand
	hour hour
	now  float64
	// last is when an ID may have failed last in a jail; an ID that was just
	// forgotten, or is about to be, does not fail: fail2ban forgets within 20 s.
	last []map[string][]float64
	find []float64
	grow []bool
	none []bool // keeps no lines
}

// pools of IDs. The first of each may be ignored.
var (
	pool4 = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.77", "198.51.100.9", "203.0.113.200", "10.1.2.3"}
	pool6 = []string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::3"}
	nets  = []string{"10.9.0.0/16", "2001:db8:5::/48"}
	users = []string{"root", "bob", "o'neil", "$(id)", "a\\b"}
)

func (s *script) pick(list ...string) string { return list[s.IntN(len(list))] }
func (s *script) chance(percent int) bool    { return s.IntN(100) < percent }

// newHour writes the hour of a number.
func newHour(seed uint64) hour {
	s := &script{Rand: rand.New(rand.NewPCG(seed, 6)), now: hourStart + float64(seed%40)*86400}
	s.hour.Start = s.now
	for i := range 3 {
		s.hour.Jails = append(s.hour.Jails, s.jail(i))
	}
	s.now += 0.5
	for i := range s.hour.Jails {
		s.begin(i)
	}
	for end := s.hour.Start + 3600; s.now < end; {
		// No two events are whole seconds apart, so that no ban ends with an event.
		next := math.Floor(s.now) + 0.5 + float64(7*len(s.hour.Events)%499)/1000 + float64([]int{0, 1, 1, 2, 5, 10, 30, 60}[s.IntN(8)])
		if s.chance(1) {
			next += 400
		}
		if next <= s.now {
			next++
		}
		s.now = next
		s.event(s.IntN(3))
	}
	return s.hour
}

func (s *script) jail(i int) hourJail {
	name := "j" + strconv.Itoa(i)
	find := []float64{60, 120, 300, 600, 1800}[s.IntN(5)]
	s.find, s.last = append(s.find, find), append(s.last, map[string][]float64{})
	matches := s.pick("0", "1", "3", "5")
	s.none = append(s.none, matches == "0")
	j := hourJail{Name: name, Settings: [][2]string{
		{"usedns", "no"}, {"ignoreself", "false"}, {"maxretry", s.pick("1", "2", "3", "3", "5")},
		{"findtime", strconv.Itoa(int(find))}, {"bantime", s.pick("5", "30", "60", "120", "600", "10m", "1h", "-1")},
		{"maxmatches", matches},
		{"addfailregex", `^ fail <F-USER>\S+</F-USER> <ADDR>$`}, {"addfailregex", `^ host <HOST>(?: port <F-PORT>\d+</F-PORT>)?$`},
		{"addfailregex", `^ id <F-ID>\S+</F-ID> <ADDR>$`}, {"addfailregex", `^ net <SUBNET>$`},
		{"addfailregex", `^ s=<F-MLFID>\d+</F-MLFID> <F-NOFAIL>open</F-NOFAIL> <ADDR>$`},
		{"addfailregex", `^ s=<F-MLFID>\d+</F-MLFID> bad <F-USER>\S+</F-USER>$`},
		{"addfailregex", `^ s=<F-MLFID>\d+</F-MLFID> <F-MLFFORGET><F-NOFAIL>close</F-NOFAIL></F-MLFFORGET>$`},
		{"addignoreregex", `never$`},
	}}
	grow := s.chance(70)
	s.grow = append(s.grow, grow)
	if grow {
		j.Settings = append(j.Settings, s.increment()...)
	}
	if s.chance(40) {
		j.Settings = append(j.Settings, [2]string{"addignoreip", s.pick(pool4[0], "192.0.2.0/31", pool6[0], "10.9.0.0/16")})
	}
	j.Actions = s.actions(name)
	return j
}

func (s *script) increment() [][2]string {
	list := [][2]string{{"bantime.increment", "true"}}
	add := func(percent int, opt string, values ...string) {
		if s.chance(percent) {
			list = append(list, [2]string{"bantime." + opt, s.pick(values...)})
		}
	}
	add(40, "factor", "1", "2", "0.5", "1.5", "2.0 / 2.885385", "24")
	add(30, "formula", "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)", "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor",
		"ban.Time + ban.Count * 60", "max(ban.Time, 90) * min(ban.Count, 3)", "ban.Time / 2", "int(ban.Time * 1.25)")
	add(30, "multipliers", "1 2 4 8 16 32 64", "1 5 30 60 300 720 1440 2880", "1 1 1 2", "3")
	add(40, "maxtime", "10m", "1h", "300", "90.5", "-1")
	add(20, "rndtime", "0")
	add(30, "overalljails", "true", "false", "1")
	return list
}

// actions have one that is like a firewall's, and others in turn.
func (s *script) actions(name string) []hourAction {
	const ticket = ` <ip> <fid> <failures> <time> <restored> <ip-rev> "<matches>" <F-USER> <F-PORT> <jail.banned_total>`
	list := []hourAction{{Name: "fw", Props: [][2]string{
		{"actionstart", "start jail=" + name}, {"actionstop", "stop jail=" + name},
		{"actionban", "ban jail=" + name + ticket + " <jail.banned>"}, {"actionunban", "unban jail=" + name + ticket + " <bantime> <bancount>"},
	}}}
	if s.chance(50) {
		list = append(list, hourAction{Name: "once", Props: [][2]string{
			{"actionstart", "start2 jail=" + name + " <family>"}, {"actionban", "ban2 jail=" + name + " <ip>"},
			{"actionban?family=inet6", "ban6 jail=" + name + " <ip>"}, {"actionunban", "unban2 jail=" + name + " <ip>"},
			{"actionstop", "stop2 jail=" + name + " <family>"}, {"norestored", "1"},
		}})
	}
	if s.chance(50) {
		list = append(list, hourAction{Name: "set", Props: [][2]string{
			{"actionban", "ban3 jail=" + name + " <ip> <F-*>"}, {"actionunban", "unban3 jail=" + name + " <ip>"},
			{"actionflush", "flush3 jail=" + name},
		}})
	}
	return list
}

// begin gives a jail a log with lines of before its start.
func (s *script) begin(i int) {
	var lines []string
	for range s.IntN(20) {
		ago := float64(s.IntN(900))
		if line, ok := s.line(i, s.now-ago-1, s.now-ago-1); ok {
			lines = append(lines, line)
		}
	}
	s.add(hourEvent{Jail: i, Do: "lines", Args: append(lines, "nothing")})
}

func (s *script) add(e hourEvent) {
	e.Time = s.now
	s.hour.Events = append(s.hour.Events, e)
}

// line is one line of that date, if its ID may fail now; counts is the time that
// it counts for.
func (s *script) line(i int, at, counts float64) (string, bool) {
	ip := s.pick(append(pool4, pool6...)...)
	if s.chance(60) {
		ip = s.pick(pool4[:4]...) // a few are at it all the time
	}
	id, text := ip, "fail "+s.pick(users...)+" "+ip
	switch n := s.IntN(100); {
	case n < 15:
		text = "host " + ip + s.pick("", " port 22")
	case n < 20 && i == 0:
		id = s.pick("amy", "eve@pbx", "::1x")
		text = "id " + id + " " + ip
	case n < 23:
		id = s.pick(nets...)
		text = "net " + id
	case n < 26:
		return s.dated(at, text+" never"), true
	case n < 36:
		session := strconv.Itoa(s.IntN(4))
		text = "s=" + session + " " + s.pick("open "+ip, "bad "+s.pick(users...), "close")
		id = "s" + session
		if !s.session(i, counts) {
			return "", false
		}
	}
	if s.forgetting(i, id) || len(s.hour.Events) > len(s.hour.Jails) && s.before(id, counts) {
		return "", false
	}
	s.failed(i, id, counts)
	return s.dated(at, text), true
}

func (s *script) dated(at float64, text string) string {
	return time.Unix(int64(at), 0).UTC().Format(time.DateTime) + " " + text
}

// forgetting says whether an ID's failures may just be forgotten.
func (s *script) forgetting(i int, id string) bool {
	return slices.ContainsFunc(s.last[i][id], func(last float64) bool {
		age := s.now - last
		return age > s.find[i]-2 && age < s.find[i]+30
	})
}

// before says whether a time may be before an ID's last ban in any jail: what
// comes of that is a race of fail2ban's threads.
func (s *script) before(id string, at float64) bool {
	return slices.ContainsFunc(s.last, func(last map[string][]float64) bool { return slices.Max(append(last[id], 0)) >= at-1 })
}

// failed notes a failure, which puts earlier ones out of question.
func (s *script) failed(i int, id string, at float64) {
	later := slices.DeleteFunc(s.last[i][id], func(last float64) bool { return last <= at })
	s.last[i][id] = append(later, at)
}

// session says whether any address may fail now, and notes that: a session's
// line counts for the address that opened it.
func (s *script) session(i int, at float64) bool {
	for _, ip := range append(pool4, pool6...) {
		if s.forgetting(i, ip) {
			return false
		}
	}
	for _, ip := range append(pool4, pool6...) {
		s.last[i][ip] = append(s.last[i][ip], at)
	}
	return true
}

// event adds one event of a jail.
func (s *script) event(i int) {
	any4 := func() string { return s.pick(append(pool4, pool6...)...) }
	switch n := s.IntN(1000); {
	case n < 850:
		s.failures(i)
	case n < 880:
		list := []string{any4()}
		if s.chance(30) {
			list = append(list, any4(), s.pick(nets...), "amy")
		}
		for _, id := range list {
			s.last[i][id] = append(s.last[i][id], s.now)
		}
		s.add(hourEvent{Jail: i, Do: "banip", Args: list})
	case n < 920:
		list := []string{any4()}
		if s.chance(40) {
			list = append(list, s.pick(nets...), "192.0.2.0/24", "amy")
		}
		if s.chance(40) {
			list = append([]string{"--report-absent"}, list...)
		}
		s.add(hourEvent{Jail: i, Do: "unbanip", Args: list})
	case n < 923:
		s.add(hourEvent{Jail: i, Do: "unbanall"})
	case n < 930:
		s.add(hourEvent{Jail: i, Do: "bantime", Args: []string{s.pick("5", "60", "600", "20m", "-1")}})
	case n < 940:
		s.add(hourEvent{Jail: i, Do: "maxretry", Args: []string{s.pick("1", "2", "3", "5")}})
	case n < 945:
		if !s.none[i] { // from none to some, fail2ban trips over its own data
			s.add(hourEvent{Jail: i, Do: "maxmatches", Args: []string{s.pick("1", "2", "5")}})
		}
	case n < 955:
		s.add(hourEvent{Jail: i, Do: s.pick("addignoreip", "addignoreip"), Args: []string{s.pick(pool4[0], pool6[0], "198.51.100.0/24")}})
	case n < 970:
		if !s.grow[i] {
			s.attempt(i)
		}
	case n < 977:
		// A restored ban of an F-ID with an address has fail2ban's actions fail.
		if i > 0 {
			s.add(hourEvent{Jail: i, Do: "restart"})
		}
	default:
		s.add(hourEvent{Jail: i, Do: "list"})
	}
}

func (s *script) failures(i int) {
	ago := 0.0
	if s.chance(15) {
		ago = float64(s.IntN(58))
	} else if s.chance(3) {
		ago = float64(s.IntN(4000)) // odd: counts as now
	}
	at := math.Floor(s.now) - ago
	counts := at
	if ago > 59 {
		counts = s.now
	}
	if line, ok := s.line(i, at, counts); ok {
		s.add(hourEvent{Jail: i, Do: "lines", Args: []string{line}})
	}
}

// attempt counts for an address that is never ignored, since 1.0.2 would not
// look (COMPAT 9.7).
func (s *script) attempt(i int) {
	ip := s.pick(pool4[4:5]...)
	if s.forgetting(i, ip) {
		return
	}
	s.failed(i, ip, s.now)
	args := []string{ip}
	for n := range s.IntN(3) {
		args = append(args, fmt.Sprintf("line %d `of` it", n))
	}
	s.add(hourEvent{Jail: i, Do: "attempt", Args: args})
}
