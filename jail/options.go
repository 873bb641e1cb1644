package jail

import (
	"context"
	"strings"

	"f2b-go/internal/pytext"
)

// option is one word of `set JAIL word …` and `get JAIL word`. A set replies
// what get then returns, unless it has a reply of its own.
type option struct {
	set   func(j *Jail, args []any) error
	get   func(j *Jail, args []any) any
	reply func(ctx context.Context, j *Jail, args []any) (any, error)
}

// table holds the options of COMPAT 5.3 but for those of actions and bantime.*.
var table = map[string]option{
	"idle": {
		set: func(j *Jail, a []any) error { return j.setIdle(a[0]) },
		get: func(j *Jail, _ []any) any { return j.Idle() },
	},
	"ignoreself": {
		set: func(j *Jail, a []any) error { j.SetIgnoreSelf(a[0]); return nil },
		get: func(j *Jail, _ []any) any { return j.shown().ignore.ignoresSelf() },
	},
	"ignorecommand": {
		set: func(j *Jail, a []any) error { j.SetIgnoreCommand(a[0]); return nil },
		get: func(j *Jail, _ []any) any { return j.shown().ignore.ignoreCommand() },
	},
	"ignorecache": {
		set: func(j *Jail, a []any) error { return j.SetIgnoreCache(pytext.Str(a[0])) },
		get: func(j *Jail, _ []any) any { return j.shown().ignore.cacheSettings() },
	},
	"ignoreip":    {get: func(j *Jail, _ []any) any { return j.shown().ignore.entries() }},
	"addignoreip": {set: addIgnoreIPs, get: func(j *Jail, _ []any) any { return j.shown().ignore.entries() }},
	"delignoreip": {
		set: func(j *Jail, a []any) error { return j.DelIgnoreIP(pytext.Str(a[0])) },
		get: func(j *Jail, _ []any) any { return j.shown().ignore.entries() },
	},
	"logpath":    {get: logPaths},
	"addlogpath": {set: addLogPath, get: logPaths},
	"logglob":    {get: logGlobs},
	"addlogglob": {set: func(j *Jail, a []any) error { j.AddLogGlob(pytext.Str(a[0])); return nil }, get: logGlobs},
	"lag":        {get: func(j *Jail, _ []any) any { return lagList(j.Lag()) }},
	"dellogpath": {set: func(j *Jail, a []any) error { j.DelLogPath(pytext.Str(a[0])); return nil }, get: logPaths},
	"logencoding": {
		set: func(j *Jail, a []any) error { return j.SetLogEncoding(pytext.Str(a[0])) },
		get: func(j *Jail, _ []any) any { return j.shown().filter.Encoding() },
	},
	"journalmatch":    {get: journalMatches},
	"addjournalmatch": {set: func(j *Jail, a []any) error { return j.AddJournalMatch(texts(a)) }, get: journalMatches},
	"deljournalmatch": {set: func(j *Jail, a []any) error { return j.DelJournalMatch(texts(a)) }, get: journalMatches},
	"prefregex": {
		set: ofText((*Jail).SetPrefRegex),
		get: func(j *Jail, _ []any) any { return j.shown().filter.PrefRegex() },
	},
	"failregex":      {get: failRegex},
	"addfailregex":   {set: ofText((*Jail).AddFailRegex), get: failRegex},
	"delfailregex":   {set: byIndex((*Jail).DelFailRegex), get: failRegex},
	"ignoreregex":    {get: ignoreRegex},
	"addignoreregex": {set: ofText((*Jail).AddIgnoreRegex), get: ignoreRegex},
	"delignoreregex": {set: byIndex((*Jail).DelIgnoreRegex), get: ignoreRegex},
	"usedns": {
		set: func(j *Jail, a []any) error { j.SetUseDNS(a[0]); return nil },
		get: func(j *Jail, _ []any) any { return string(j.shown().filter.UseDNS()) },
	},
	"findtime": {
		set: func(j *Jail, a []any) error { return j.SetFindTime(a[0]) },
		get: func(j *Jail, _ []any) any { return j.shown().findTime.Py() },
	},
	"datepattern": {
		set: func(j *Jail, a []any) error { return j.SetDatePattern(pytext.Str(a[0])) },
		get: func(j *Jail, _ []any) any { return j.shown().filter.DatePattern() },
	},
	"logtimezone": {
		set: setLogTimeZone,
		get: func(j *Jail, _ []any) any {
			if zone, ok := j.shown().filter.LogTimeZone(); ok {
				return zone
			}
			return nil
		},
	},
	"maxmatches": {
		set: byIndex((*Jail).SetMaxMatches),
		get: func(j *Jail, _ []any) any { return j.shown().maxMatches },
	},
	"maxretry": {
		set: byIndex((*Jail).SetMaxRetry),
		get: func(j *Jail, _ []any) any { return j.shown().maxRetry },
	},
	"maxlines": {
		set: setMaxLines,
		get: func(j *Jail, _ []any) any { return j.shown().filter.MaxLines() },
	},
	"bantime": {
		set: func(j *Jail, a []any) error { return j.SetBanTime(a[0]) },
		get: func(j *Jail, _ []any) any { return j.shown().banTime.Py() },
	},
	"banip":   {reply: banIP, get: func(j *Jail, a []any) any { return j.BanList(len(a) > 0 && a[0] == "--with-time") }},
	"unbanip": {reply: unbanIP},
	"attempt": {reply: attempt},
	"banned":  {get: func(j *Jail, a []any) any { return j.Banned(texts(a)) }},
}

// variadic are the set words that need no argument of their own.
var variadic = map[string]bool{"addignoreip": true, "addjournalmatch": true, "deljournalmatch": true, "banip": true}

// CanSet says whether a word is an option that Set knows.
func CanSet(word string) bool {
	o := table[word]
	return strings.HasPrefix(word, "bantime.") || o.set != nil || o.reply != nil
}

// CanGet says whether a word is an option that Get knows.
func CanGet(word string) bool {
	return strings.HasPrefix(word, "bantime.") || table[word].get != nil && !setOnly(word)
}

// CheckSet refuses the arguments of `set JAIL word args…` that no jail takes,
// whether there is that jail or not: fail2ban reads them before it looks.
func CheckSet(word string, args []any) (err error) {
	if len(args) == 0 {
		return nil
	}
	switch word {
	case "idle":
		_, err = isIdle(args[0])
	case "addlogpath":
		_, err = fromTail(args)
	case "delfailregex", "delignoreregex", "maxmatches", "maxretry", "maxlines":
		_, err = pyInt(args[0])
	}
	return err
}

// Set does `set JAIL word args…` and returns the reply. A word that belongs to
// an action, or is none, is ErrNoOption; too few arguments are an IndexError.
func (j *Jail) Set(ctx context.Context, word string, args []any) (any, error) {
	if opt, ok := strings.CutPrefix(word, "bantime."); ok {
		if len(args) == 0 {
			return nil, indexError()
		}
		if err := j.SetBanTimeExtra(opt, args[0]); err != nil {
			return nil, err
		}
		return j.banTimeExtra(opt), nil
	}
	if !CanSet(word) {
		return nil, ErrNoOption
	}
	o := table[word]
	if len(args) == 0 && !variadic[word] {
		return nil, indexError()
	}
	if o.reply != nil {
		return o.reply(ctx, j, args)
	}
	if err := o.set(j, args); err != nil {
		return nil, err
	}
	return o.get(j, nil), nil
}

// Get does `get JAIL word args…` and returns the reply.
func (j *Jail) Get(word string, args []any) (any, error) {
	if opt, ok := strings.CutPrefix(word, "bantime."); ok {
		return j.banTimeExtra(opt), nil
	}
	if !CanGet(word) {
		return nil, ErrNoOption
	}
	return table[word].get(j, args), nil
}

// setOnly says whether a word tells what to do, so that get does not know it.
func setOnly(word string) bool {
	return word == "idle" || strings.HasPrefix(word, "add") || strings.HasPrefix(word, "del")
}

func (j *Jail) setIdle(value any) error {
	idle, err := isIdle(value)
	if err == nil {
		j.SetIdle(idle)
	}
	return err
}

func isIdle(value any) (bool, error) {
	switch value {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, plainError("Invalid idle option, must be 'on' or 'off'")
}

func addIgnoreIPs(j *Jail, args []any) error {
	for _, a := range args {
		j.AddIgnoreIP(pytext.Str(a))
	}
	return nil
}

func addLogPath(j *Jail, args []any) error {
	tail, err := fromTail(args)
	if err != nil || j.Journal() {
		return err
	}
	return j.AddLogPath(pytext.Str(args[0]), tail)
}

// fromTail reads addlogpath's second argument.
func fromTail(args []any) (bool, error) {
	switch {
	case len(args) > 2:
		return false, valueError("Only one file can be added at a time")
	case len(args) == 1:
		return false, nil
	}
	switch strings.ToLower(pytext.Str(args[1])) {
	case "tail":
		return true, nil
	case "head":
		return false, nil
	}
	return false, valueError("File option must be 'head' or 'tail'")
}

func setLogTimeZone(j *Jail, args []any) error {
	if args[0] == nil {
		return j.shown().filter.ClearLogTimeZone()
	}
	return j.SetLogTimeZone(pytext.Str(args[0]))
}

func setMaxLines(j *Jail, args []any) error {
	n, err := pyInt(args[0])
	if err != nil {
		return err
	}
	return j.SetMaxLines(n)
}

// ofText makes a setter of a text; a number is none.
func ofText(set func(*Jail, string) error) func(*Jail, []any) error {
	return func(j *Jail, args []any) error {
		if text, ok := args[0].(string); ok {
			return set(j, text)
		}
		return &Error{Class: "TypeError", Text: "a text was expected, not " + pytext.Repr(args[0])}
	}
}

// byIndex makes a setter of a whole number.
func byIndex(set func(*Jail, int)) func(*Jail, []any) error {
	return func(j *Jail, args []any) error {
		n, err := pyInt(args[0])
		if err == nil {
			set(j, n)
		}
		return err
	}
}

func banIP(ctx context.Context, j *Jail, args []any) (any, error) {
	list := texts(args)
	if len(list) > 0 && list[0] == "--force" {
		list = list[1:]
	} else if err := j.refuseAllowed(ids(list)); err != nil {
		return nil, err
	}
	return j.BanIP(ctx, list), nil
}

func unbanIP(ctx context.Context, j *Jail, args []any) (any, error) {
	absent := args[0] == "--report-absent"
	if absent {
		args = args[1:]
	}
	n, err := j.UnbanIP(ctx, texts(args), absent)
	if err != nil {
		return nil, err
	}
	return n, nil
}

func attempt(ctx context.Context, j *Jail, args []any) (any, error) {
	return j.Attempt(ctx, pytext.Str(args[0]), texts(args[1:])), nil
}

func logPaths(j *Jail, _ []any) any       { return pyList(j.LogPaths()) }
func logGlobs(j *Jail, _ []any) any       { return pyList(j.LogGlobs()) }
func failRegex(j *Jail, _ []any) any      { return pyList(j.FailRegex()) }
func ignoreRegex(j *Jail, _ []any) any    { return pyList(j.IgnoreRegex()) }
func journalMatches(j *Jail, _ []any) any { return journalList(j.JournalMatches()) }

func journalList(groups [][]string) []any {
	out := []any{}
	for _, g := range groups {
		out = append(out, pyList(g))
	}
	return out
}

// banTimeExtra is the reply to `get J bantime.OPT`.
func (j *Jail) banTimeExtra(opt string) any {
	return j.shown().increment.get(opt)
}

// texts are a command's arguments as texts; a list among them counts as its
// items.
func texts(args []any) []string {
	var out []string
	for _, a := range args {
		switch v := a.(type) {
		case []any:
			out = append(out, texts(v)...)
		case pytext.Tuple:
			out = append(out, texts(v)...)
		default:
			out = append(out, pytext.Str(a))
		}
	}
	return out
}

// pyList is a Python list of texts.
func pyList(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
