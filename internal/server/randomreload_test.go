package server

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// world is a random configuration: jails over three filters and four actions,
// which is edited while servers run on it.
type world struct {
	r       *rand.Rand
	jails   map[string]*worldJail
	filters map[string]map[string]string
	// past are logs that a jail had once, by the jail's name and the log's: where
	// fail2ban was in them it writes down seconds later, so none comes again.
	past map[string]bool
	// closed tells that jails have forgotten whom they counted: no log is added to
	// a jail any more, whose old lines would count on what ours remembers.
	closed bool
	// used counts the names of jails there have been.
	used int
	// increment is whether bans get longer, in all jails.
	increment bool
}

// worldJail is a jail's section.
type worldJail struct {
	enabled bool
	filter  string
	logs    []string
	actions []string
	options map[string]string
}

// worldFilters, worldActions and worldLogs are the names there are.
var (
	worldFilters = []string{"f1", "f2", "f3"}
	worldActions = []string{"a1", "a2", "a3", "a4"}
	worldLogs    = []string{"DIR/a.log", "DIR/b.log tail", "DIR/c.log head", "DIR/g-*.log"}
)

// barred are addresses that every jail ignores: a line about one of them tells,
// by `Ignore … by ip`, that the jail has read so far.
const barred = "198.18.0.0/15"

// jailPools are a jail's options and their values. What has no value in [DEFAULT]
// stands in neutral with the value that means none.
var jailPools = map[string][]string{
	"maxretry":        {"1", "2", "3", "5"},
	"findtime":        {"600", "1h", "1d"},
	"bantime":         {"1h", "2h", "1d 3h", "-1"},
	"maxmatches":      {"0", "1", "5"},
	"ignoreip":        {barred + " 203.0.113.1", barred + "\n  203.0.113.0/30, 203.0.113.9", barred + " 2001:db8::/32"},
	"ignorecommand":   {"test <ip> = 203.0.113.5", "sh -c 'exit 1'"},
	"ignorecache":     {`key="<ip>", max-count=100, max-time=5m`},
	"ignoreself":      {"true", "false"},
	"usedns":          {"no", "yes", "warn"},
	"logencoding":     {"utf-8", "latin-1", "ascii"},
	"logtimezone":     {"UTC", "GMT"},
	"backend":         {"polling", "polling", "auto"},
	"bantime.maxtime": {"3h", "1w"},
	"bantime.factor":  {"2", "1"},
}

// filterPools are the options of a filter.
var filterPools = map[string][]string{
	"failregex": {
		`^\s*from <HOST>$`, "^\\s*from <HOST>$\n  ^\\s*user <F-USER>\\S+</F-USER> from <ADDR>$",
		"^\\s*from <HOST>$\n  ^\\s*id <F-ID>\\S+</F-ID>$", "^\\s*from <ADDR>$\n  ^\\s*twice <HOST>$\n  ^\\s*user <F-USER>\\S+</F-USER> from <HOST>",
	},
	"ignoreregex": {`^\s*from 203\.0\.113\.7$`, "^\\s*user root\n  ^\\s*twice"},
	"datepattern": {"%%Y-%%m-%%d %%H:%%M:%%S", "^%%Y-%%m-%%d %%H:%%M:%%S", "{^LN-BEG}"},
	"maxlines":    {"1", "2", "3"},
	"prefregex":   {`^(?:\s*svc:)?<F-CONTENT>\s.+</F-CONTENT>$`},
}

// neutral are values that mean the same as none: fail2ban's reload keeps what an
// option was that is there no more, so for it they are written out.
var neutral = map[string]string{
	"ignorecommand": "false", "ignorecache": "", "logtimezone": "UTC", "bantime.maxtime": "", "bantime.factor": "1",
	"datepattern": "{DEFAULT}", "maxlines": "1", "prefregex": "",
}

func one[T any](r *rand.Rand, pool []T) T { return pool[r.IntN(len(pool))] }

func newWorld(r *rand.Rand) *world {
	w := &world{r: r, jails: map[string]*worldJail{}, filters: map[string]map[string]string{}, past: map[string]bool{}, increment: r.IntN(3) == 0}
	for _, name := range worldFilters {
		w.filters[name] = map[string]string{"failregex": one(r, filterPools["failregex"])}
	}
	for range 2 + r.IntN(3) {
		w.addJail()
	}
	for range 6 {
		w.edit()
	}
	w.jails[slices.Sorted(maps.Keys(w.jails))[0]].enabled = true // without a jail there is no server
	return w
}

// newName is a jail's that no jail has had.
func (w *world) newName() string {
	w.used++
	return fmt.Sprintf("j%d", w.used)
}

func (w *world) addJail() string {
	name := w.newName()
	j := &worldJail{enabled: true, filter: one(w.r, worldFilters), options: map[string]string{}}
	w.jails[name] = j
	w.changeLogs(name)
	w.changeActions(j)
	return name
}

func (w *world) changeLogs(name string) {
	j := w.jails[name]
	var next []string
	for _, n := range w.r.Perm(len(worldLogs)) {
		if log := worldLogs[n]; len(next) == 0 || w.r.IntN(2) == 0 {
			if !w.past[name+log] && (!w.closed || j.logs == nil || slices.Contains(j.logs, log)) {
				next = append(next, log)
			}
		}
	}
	if len(next) == 0 {
		return
	}
	for _, log := range j.logs {
		if !slices.Contains(next, log) {
			w.past[name+log] = true
		}
	}
	j.logs = next
}

func (w *world) changeActions(j *worldJail) {
	j.actions = nil
	for _, n := range w.r.Perm(len(worldActions))[:1+w.r.IntN(3)] {
		j.actions = append(j.actions, w.withParameters(worldActions[n]))
	}
}

func (w *world) withParameters(action string) string {
	switch w.r.IntN(4) {
	case 0:
		return action + `[tag="` + one(w.r, []string{"x", "y z", "<ip>"}) + `"]`
	case 1:
		return action + "[port=22, timeout=" + one(w.r, []string{"20", "1m"}) + "]"
	}
	return action
}

// edit changes one thing.
func (w *world) edit() string {
	name := one(w.r, slices.Sorted(maps.Keys(w.jails)))
	j := w.jails[name]
	switch w.r.IntN(12) {
	case 0:
		j.enabled = !j.enabled
		return name + " enabled or not"
	case 1:
		j.filter = one(w.r, worldFilters)
		return name + " filter"
	case 2:
		w.changeLogs(name)
		return name + " logpath"
	case 3:
		w.changeActions(j)
		return name + " action"
	case 4:
		for i, a := range j.actions {
			a, _, _ = strings.Cut(a, "[")
			j.actions[i] = w.withParameters(a)
		}
		return name + " parameters"
	case 5:
		other := w.newName()
		delete(w.jails, name)
		w.jails[other] = j
		return name + " renamed to " + other
	case 6:
		if len(w.jails) < 5 {
			return w.addJail() + " added"
		}
	case 7, 8:
		filter := one(w.r, worldFilters)
		return filter + " " + w.change(w.filters[filter], filterPools)
	}
	return name + " " + w.change(j.options, jailPools)
}

// change sets or removes one option of a pool.
func (w *world) change(options map[string]string, pools map[string][]string) string {
	key := one(w.r, slices.Sorted(maps.Keys(pools)))
	if _, is := options[key]; is && key != "failregex" && w.r.IntN(2) == 0 {
		delete(options, key)
		return key + " removed"
	}
	options[key] = one(w.r, pools[key])
	return key
}

// files are the configuration's files; explicit writes what means none out.
func (w *world) files(explicit bool) map[string]string {
	files := map[string]string{
		"etc/fail2ban.conf": "[Definition]\nloglevel = INFO\nlogtarget = DIR/f2b.log\nsyslogsocket = auto\nsocket = DIR/f2b.sock\n" +
			"pidfile = DIR/f2b.pid\nallowipv6 = true\ndbfile = DIR/f2b.sqlite3\ndbpurgeage = 1d\ndbmaxmatches = 10\n",
		"etc/jail.conf": "[DEFAULT]\nbackend = polling\nusedns = no\nignoreself = false\nmaxretry = 3\nfindtime = 10m\nbantime = 1h\nmaxmatches = 4\n" +
			"logencoding = auto\nignoreip = " + barred + "\nbantime.overalljails = false\nbantime.increment = " + fmt.Sprint(w.increment) + "\n",
	}
	jails := ""
	for _, name := range slices.Sorted(maps.Keys(w.jails)) {
		j := w.jails[name]
		jails += fmt.Sprintf("[%s]\nenabled = %v\nfilter = %s\nlogpath = %s\naction = %s\n", name, j.enabled, j.filter,
			strings.Join(j.logs, "\n  "), strings.Join(j.actions, "\n  ")) + section(j.options, jailPools, explicit)
	}
	files["etc/jail.local"] = jails
	for name, options := range w.filters {
		if n := options["maxlines"]; n == "2" || n == "3" { // lines kept from before a restart would meet it
			options = maps.Clone(options)
			delete(options, "prefregex")
		}
		files["etc/filter.d/"+name+".conf"] = "[Definition]\n" + section(options, filterPools, explicit)
	}
	for n, name := range worldActions {
		files["etc/action.d/"+name+".conf"] = actionFile(n, name)
	}
	return files
}

// actionFile is an action that writes down what it is told, in a file for each
// jail: one flushes and checks, one starts on demand and leaves restored bans out,
// one starts for each family.
func actionFile(n int, name string) string {
	const file = " >>DIR/act.<name>.<which>\n"
	text := "[Definition]\nactionban = echo ban: <ip> <restored> '<tag>'" + file + "actionunban = echo unban: <ip> <restored> '<tag>'" + file
	started, init := "'<tag>'", ""
	switch n {
	case 1:
		text += "actionflush = echo flush" + file + "actioncheck = true\nactionreload = echo reload" + file
	case 2:
		text += "actionstart_on_demand = true\nnorestored = 1\n"
	case 3:
		started, init = "<what>", "what = four\n[Init?family=inet6]\nwhat = six\n"
	}
	text += "actionstart = echo start " + started + file + "actionstop = echo stop " + started + file
	return text + "[Init]\ntag = none\nport = 1\nwhich = " + name + "\n" + init
}

// section is the options as lines, in the order of their names.
func section(options map[string]string, pools map[string][]string, explicit bool) string {
	text := ""
	for _, key := range slices.Sorted(maps.Keys(pools)) {
		value, is := options[key]
		if !is && explicit {
			value, is = neutral[key]
		}
		if is {
			text += key + " = " + value + "\n"
		}
	}
	return text
}

// faults are edits that a reload refuses, in a jail that runs.
var faults = map[string]string{
	"failregex": "^bad[ <HOST>", "filter": "none", "action": "none", "bantime": "%(nothing)s", "maxretry": "%(maxretry", "findtime": "xx",
	"prefregex": "^(", "logpath": "DIR/none.log", "bantime.factor": "no",
}

// lines are log lines, of addresses of an age.
func (w *world) lines(age int) string {
	text := ""
	for range 1 + w.r.IntN(6) {
		address := w.address(age)
		text += one(w.r, []string{"from " + address, "from " + address, "from " + address, "user " + one(w.r, []string{"bob", "root"}) + " from " + address,
			"id name" + fmt.Sprint(age), "twice " + address, "svc: from " + address, "nothing"}) + "\n"
	}
	return text
}

// address is one of few, so that some come often.
func (w *world) address(age int) string {
	if n := w.r.IntN(12); n >= 10 {
		return fmt.Sprintf("2001:db8:%d::%d", 1+age, n) // as fail2ban writes it: it compares texts
	}
	return fmt.Sprintf("203.0.%d.%d", 113+age, 1+w.r.IntN(9))
}

// command is a random command that changes a running jail.
func (w *world) command(jail string, age int) []string {
	address := w.address(age)
	if w.increment { // a ban's time is rounded: whether a line comes after it would be chance
		address = fmt.Sprintf("203.0.%d.%d", 113+age, 100+w.r.IntN(9))
	}
	set := func(words ...string) []string { return append([]string{"set", jail}, words...) }
	switch w.r.IntN(15) {
	case 0, 1, 2:
		return set("banip", address)
	case 3:
		return set("banip", address, address+"9", "raw")
	case 4:
		return set("unbanip", address)
	case 5:
		return set("unbanip", "--report-absent", address, "203.0.113.0/28")
	case 6:
		return []string{"unban", address}
	case 7:
		return []string{"unban", "--all"}
	case 8:
		return set("addignoreip", address)
	case 9:
		return set("delignoreip", "203.0.113.1")
	case 10:
		return set("maxretry", one(w.r, []string{"1", "2", "4"}))
	case 11:
		return set("bantime", one(w.r, []string{"30m", "2h", "-1"}))
	case 12:
		return set("addfailregex", `^\s*more <HOST>`)
	case 13:
		if j := w.jails[jail]; j == nil || !slices.Contains(j.logs, worldLogs[2]) {
			w.past[jail+worldLogs[2]] = true
		}
		if !w.closed {
			return set("addlogpath", "DIR/c.log")
		}
	}
	return set("findtime", one(w.r, []string{"20m", "2h"}))
}
