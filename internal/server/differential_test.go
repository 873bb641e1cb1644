package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"f2b-go/internal/testenv"
)

// replied is what a server makes of one command, as Python sees it.
type replied struct{ Value, Text string }

// rawClientScript sends commands over one connection and tells for each the
// value or the exception, and what the client would print.
const rawClientScript = `import sys, json
sys.path.insert(0, sys.argv[2])
from fail2ban.client.csocket import CSocket
from fail2ban.client.beautifier import Beautifier
b, out = Beautifier(), []
c = CSocket(sys.argv[1])
for words in json.load(sys.stdin):
    b.setInputCmd(words)
    code, v = c.send(words)
    if code == 0: out.append({"Value": repr(v), "Text": str(b.beautify(v))})
    else: out.append({"Value": "%s%r" % (type(v).__name__, v.args), "Text": str(b.beautifyError(v))})
c.close()
json.dump(out, sys.stdout)`

func askRaw(t *testing.T, lib, socket string, commands [][]string) []replied {
	t.Helper()
	in, err := json.Marshal(commands)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Python, "-c", rawClientScript, socket, lib)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	var out []replied
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// templates are commands in which $X stands for a word of pools["X"].
var templates = strings.Split(strings.TrimSpace(`
ping
ping $N
version
echo $ANY $ANY
status
status $J
status $J $FLAVOUR
status $ANY
banned
banned $ID
banned $ID $ID
unban $ID
unban $ID $ID $ID
unban --all
server-status
sleep $SLEEP
config-error $ANY
flushlogs
get $SERVER
set loglevel $LEVEL
set dbfile None
set dbmaxmatches $N
set dbpurgeage $T
get $J $JAILGET
get $J $JAILGET
get $J $JAILGET
get $J banip $SEP
get $J banned $ID
get $J banned $ID $ID
get $J action $A $PROP
get $J actionproperties $A
get $J actionmethods $A
set $J idle $ONOFF
set $J ignoreself $BOOL
set $J addignoreip $IGNORE
set $J addignoreip $IGNORE $IGNORE
set $J delignoreip $IGNORE
set $J ignorecommand $CMD
set $J ignorecache $CACHE
set $J addlogpath $PATH
set $J addlogpath $PATH $HEAD
set $J dellogpath $PATH
set $J logencoding $ENC
set $J addjournalmatch $JM
set $J deljournalmatch $JM
set $J prefregex $RE
set $J addfailregex $RE
set $J addignoreregex $RE
set $J delfailregex $N
set $J delignoreregex $N
set $J usedns $DNS
set $J findtime $SPAN
set $J bantime $LONG
set $J datepattern $DATE
set $J logtimezone $ZONE
set $J maxmatches $N
set $J maxretry $BIG
set $J maxlines $N
set $J attempt $ID
set $J attempt $ID $ANY $ANY
set $J bantime.$EXTRA $LONG
get $J bantime.$EXTRA
set $J banip $ID
set $J banip $ID $ID $ID
set $J banip $ID
set $J unbanip $ID
set $J unbanip $ID $ID
set $J unbanip --report-absent $ID
set $J unbanip --report-absent $ID $ID
set $J addaction $A
set $J delaction $A
set $J action $A $PROP $ANY
set $J action $A $PROP $ANY
set $J action $A timeout $T
add $J $BACKEND
start $J
stop $J
set $ANY $ANY $ANY
get $ANY $ANY
$ANY $ANY
`), "\n")

// pools are the words of the templates.
var pools = map[string][]string{
	"J": {"j1", "j1", "j2", "j2", "j3", "nojail"},
	"A": {"a1", "a2", "new", "a1", "nope"},
	"N": {"0", "1", "2", "3", "10", "-1", "007", " 4 ", "+5", "1_0", "1.5", "x", "", "1e3", "٣", "0x10"},
	"T": {"600", "1h", "1d3h", "1h 30m", "-1", "0", "1.5", "2.5m", "1mo", "xx", "", "1h30", "5*60", "1w 2d", "10s5", " 7 ", "1d-3h", "1m m", "1year"},
	// Bans shall neither end nor come of attempts while the commands run.
	"LONG":    {"600", "1h", "1d3h", "1h 30m", "-1", "2.5m", "1mo", "xx", "", "1h30", "1w 2d", "1d-3h", "1m m", "1year"},
	"SPAN":    {"600", "1h", "1d3h", "1h 30m", "2.5m", "1mo", "xx", "", "1h30", "1w 2d", "1d-3h", "1m m", "1year", "5*60"},
	"CMD":     {"/bin/false", "", "/bin/false <ip>", "false 'ä'"},
	"BIG":     {"50", "100", "x", "", " 77 "},
	"FLAVOUR": {"basic", "short", "bogus", "", "BASIC", "ä"},
	"ID": {"203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::1", "203.0.113.0/24", "user", "bob smith", "ä☃", "", "-1",
		"2001:db8::/64", "'quoted'", "203.0.113.77", "999.1.1.1"},
	"IGNORE":  {"198.51.100.1", "198.51.100.0/24", "2001:db8:9::/48", "host.invalid", "198.51.100.5/255.255.255.0", "", "ä", "10.0.0.0/8", "::ffff:198.51.100.7", "198.51.100.9, 198.51.100.10", "198.51.100.11 198.51.100.12"},
	"SERVER":  {"loglevel", "logtarget", "syslogsocket", "dbfile", "dbmaxmatches", "dbpurgeage", "thread", "allowipv6", "zzz"},
	"LEVEL":   {"INFO", "debug", "DEBUG", "20", "5", "NOTICE", "xx", "", "HEAVYDEBUG", "msg", "TRACEDEBUG", "-5", "17", "WARNING", "error"},
	"JAILGET": {"logpath", "logencoding", "journalmatch", "ignoreself", "ignoreip", "ignorecommand", "ignorecache", "prefregex", "failregex", "ignoreregex", "usedns", "findtime", "datepattern", "logtimezone", "maxmatches", "maxretry", "maxlines", "bantime", "banip", "banned", "actions", "idle", "nope", "bantime."},
	"SEP":     {",", "\n", "", "--with-time", "ä", " | "},
	"PROP":    {"actionban", "actionunban", "actionstart", "actionstop", "actioncheck", "actionflush", "actionreban", "actionprolong", "timeout", "name", "norestored", "blocktype", "ä b", "", "actionrepair"},
	"ONOFF":   {"on", "off", "On", "", "x"},
	"BOOL":    {"true", "false", "yes", "no", "1", "0", "True", "on", "", "x"},
	"CACHE":   {`key="<ip>"`, `key="<F-USER>@<ip>", max-count=7, max-time=5m`, "", "foo", `max-count=x`, `key="<ip>",max-time=xx`},
	"PATH":    {"DIR/j1.log", "DIR/j2.log", "DIR/none.log", "DIR", "DIR/ä.log", "", "relative.log", "DIR/j1.log/x"},
	"HEAD":    {"head", "tail", "TAIL", "", "middle"},
	"ENC":     {"utf-8", "UTF-8", "latin-1", "ascii", "auto", "bogus", "", "cp1252", "Utf_8", "utf-16"},
	"JM":      {"_SYSTEMD_UNIT=a", "a=b c=d", "+", ""},
	"RE": {"^a <HOST>$", "^b (?P<user>x)<HOST>", "^[", "nohost", "(?P<host>\\S+)", "^<F-ID>x</F-ID>", "<ADDR> and <HOST>", "a(b", "*", "", "^<HOST> \\d{2,1}$", "^(?<x>y)<HOST>",
		"^ä <IP4>", "^<SUBNET>$", "<F-MLFID>x</F-MLFID> <DNS>", "^x<F-CONTENT>.*</F-CONTENT>$", "^<HOST> (?P=nope)", "(?i)x<HOST>", "x(?i)<HOST>", "^<CIDR>", "^<F-USER>u</F-USER> <HOST> <F-USER>v</F-USER>"},
	"DNS":     {"yes", "no", "warn", "raw", "bogus", "", "YES"},
	"DATE":    {"%Y-%m-%d", "EPOCH", "{^LN-BEG}", "^%b", "^[", "TAI64N", "{DEFAULT}", "", "{NONE}", "%%", "LEPOCH", "ISO8601", "%Y\n%m", "^%Y-%m-%d %H:%M:%S"},
	"ZONE":    {"UTC", "UTC+0100", "GMT", "CET", "Z", "+0200", "UTC+1", "", "xx", "utc", "GMT-05:30"},
	"EXTRA":   {"increment", "factor", "formula", "multipliers", "maxtime", "rndtime", "overalljails", "bogus", ""},
	"BACKEND": {"polling", "auto", "pyinotify", "bogus", ""},
	"SLEEP":   {"0", "0.001", "x", "-1", "nan", "", "1e-3"},
	"ANY":     {"x", "", "ä☃", "it's", `a"b`, `back\slash`, "two words", "j1", "--all", "get", "set", "status", "1", "tab\there", "new\nline", "<HOST>", "%s", "None", "action", "idle", "bantime", "banip", "loglevel"},
}

var placeholder = regexp.MustCompile(`\$[A-Z]+`)

// randomCommand makes a command of a template; now and then it has a word too
// few, one too many, or an odd one.
func randomCommand(r *rand.Rand) []string {
	any := func() string { return pools["ANY"][r.IntN(len(pools["ANY"]))] }
	var words []string
	for _, w := range strings.Fields(templates[r.IntN(len(templates))]) {
		words = append(words, placeholder.ReplaceAllStringFunc(w, func(name string) string {
			pool := pools[name[1:]]
			return pool[r.IntN(len(pool))]
		}))
	}
	switch n := r.IntN(100); {
	case n < 6 && len(words) > 1:
		words = words[:len(words)-1]
	case n < 10:
		words = append(words, any())
	case n < 13 && len(words) > 1:
		words[1+r.IntN(len(words)-1)] = any()
	}
	if slices.Equal(words, []string{"stop"}) || notCompared(words) {
		return randomCommand(r)
	}
	return words
}

// badPrefix is an ID with a slash and no number or mask behind it, which is a text
// like any other in 1.1.1 and an exception before (COMPAT 9.7).
var badPrefix = regexp.MustCompile(`/(.*[^0-9a-fA-F.:].*)?$`)

// idCommands are the words of commands that take IDs.
var idCommands = map[string]bool{
	"banip": true, "unbanip": true, "attempt": true, "addignoreip": true, "delignoreip": true, "banned": true, "unban": true,
}

// pythonNames are words that fail2ban, which evaluates a time as Python, takes
// for one: `set J action A timeout set` gives it a class for a timeout.
var pythonNames = map[string]bool{"set": true, "None": true, "--all": true}

// notCompared are commands that 1.0.2 and 1.1.1 take differently, and those that
// we do: where fail2ban evaluates, and a date pattern with %s.
func notCompared(words []string) bool {
	if n := len(words); n > 1 && (words[n-2] == "timeout" && pythonNames[words[n-1]] || words[n-2] == "datepattern" && words[n-1] == "%s") {
		return true
	}
	return slices.ContainsFunc(words, func(w string) bool { return idCommands[w] }) && slices.ContainsFunc(words, badPrefix.MatchString)
}

// TestRandomCommands_5_3 gives the same random commands, many in a row, to
// Debian's server and to ours, and compares values, exceptions and texts. The
// soak runs F2B_COMMANDS of them.
func TestRandomCommands_5_3(t *testing.T) {
	t.Parallel()
	lib, ok := testenv.Fail2ban(t)
	if !ok {
		return
	}
	total, seed := 600, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("F2B_COMMANDS")); err == nil {
		total, seed = n, rand.Uint64()
	}
	if n, err := strconv.ParseUint(os.Getenv("F2B_SEED"), 10, 64); err == nil {
		seed = n
	}
	const row = 300 // commands to one pair of servers
	compared := 0
	for round := 0; compared < total; round++ {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		var commands [][]string
		for range min(row, total-compared) {
			words := randomCommand(r)
			commands = append(commands, words)
			if words[0] == "add" && len(words) > 1 || words[0] == "set" && len(words) > 2 && words[2] == "maxretry" {
				// Attempts shall not come to a ban, which takes its time.
				commands = append(commands, []string{"set", words[1], "maxretry", "50"})
			}
		}
		compared += len(commands)
		compareServers(t, lib, commands)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	t.Logf("%d commands, seed %d", compared, seed)
}

// compareServers runs the commands on a server of each kind.
func compareServers(t *testing.T, lib string, commands [][]string) {
	t.Helper()
	var answers [2][]replied
	for i := range answers {
		s := newScratch(t, simple())
		s.write("etc/jail.local", "[DEFAULT]\nmaxretry = 50\n[j1]\nmaxretry = 50\n")
		p := s.serveDebian()
		if i == 1 {
			_ = p.stop(syscall.SIGTERM)
			p = s.serve()
		}
		answers[i] = askRaw(t, lib, s.path("f2b.sock"), s.here(commands))
		for k := range answers[i] {
			for _, text := range []*string{&answers[i][k].Value, &answers[i][k].Text} {
				*text = settle(commands[k], strings.ReplaceAll(*text, s.dir, "DIR"))
			}
		}
		if code := p.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
	}
	if name := os.Getenv("F2B_TRACE"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for k, words := range commands {
			fmt.Fprintf(f, "%d %q\n   D %s\n   O %s\n", k, words, answers[0][k].Value, answers[1][k].Value)
		}
	}
	for k, words := range commands {
		line := strings.Join(words, " ")
		if laterOnes[words[0]] || strings.HasPrefix(line, "status --all") || oddCache(line, answers[1][k]) {
			continue
		}
		if answers[0][k] != answers[1][k] {
			t.Errorf("%d: %q\n got %+v\nwant %+v", k, words, answers[1][k], answers[0][k])
		}
	}
}

// laterOnes are words that 1.0.2 does not know, and its number.
var laterOnes = map[string]bool{"version": true, "stats": true, "statistic": true, "statistics": true}

// laterTexts are texts that fail2ban changed after 1.0.2: of a jail's second
// adding (5.3.5), of the backends, and places in longer expansions of tags.
var laterTexts = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`NameError\("name 'noduplicates' is not defined",\)`), "DuplicateJailException('j1',)"},
	{regexp.MustCompile(`DuplicateJailException\('\w+',\)`), "DuplicateJailException('j1',)"},
	{regexp.MustCompile(`^(name 'noduplicates' is not defined|The jail '\w+' already exists)$`), "The jail exists"},
	{regexp.MustCompile(`^SyntaxError\(.*`), "SyntaxError"},
	{regexp.MustCompile(`^.*\(<string>, line \d+\)$`), "SyntaxError"}, // each Python has words of its own
	{regexp.MustCompile(`at position \d+`), "at its position"},
}

// oddCache is an ignorecache that cannot be read for a jail that does not exist:
// fail2ban refuses the one, we the other.
func oddCache(line string, ours replied) bool {
	return strings.Contains(line, " ignorecache ") && strings.HasPrefix(ours.Value, "UnknownJail")
}

// settle hides what may differ between two servers.
func settle(words []string, text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	for _, m := range laterTexts {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	if strings.Contains(strings.Join(words, " "), "ignoreip") {
		parts := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("[]', \n|`-", c) })
		slices.Sort(parts)
		return fmt.Sprint(parts)
	}
	return text
}
