package control

import (
	"fmt"
	"strings"

	"f2b-go/control/pickle"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// Beautify gives the text that fail2ban's client prints for a reply to the
// command (5.3). ok is false where the reply has not the shape that the command
// should bring; then the text is Python's repr, as the client falls back to.
func Beautify(command []string, reply any, utf8 bool) (text string, ok bool) {
	p := printer{command: command, reply: reply, utf8: utf8}
	if text, ok := p.text(); ok {
		return text, true
	}
	return pytext.Repr(reply) + pytext.Repr(reply), false
}

// BeautifyError gives the text for an exception (5.5.2).
func BeautifyError(e *pickle.Exception) string {
	first := ""
	if len(e.Args) > 0 {
		first = pytext.Str(e.Args[0])
	}
	switch e.Class {
	case "UnknownJailException":
		return "Sorry but the jail '" + first + "' does not exist"
	case "IndexError":
		return "Sorry but the command is invalid"
	case "DuplicateJailException":
		return "The jail '" + first + "' already exists"
	}
	return e.Error()
}

type printer struct {
	command []string
	reply   any
	utf8    bool
}

// word returns the command's word, "" where there is none.
func (p *printer) word(i int) string {
	if i < len(p.command) {
		return p.command[i]
	}
	return ""
}

// text goes by the first word, then the second, then the third, as fail2ban's
// client does.
func (p *printer) text() (string, bool) {
	switch p.word(0) {
	case "ping":
		return p.prefixed("Server replied: ")
	case "add":
		return p.prefixed("Added jail ")
	case "flushlogs":
		return p.prefixed("logs: ")
	case "start":
		return "Jail started", true
	case "stop":
		return p.stopped()
	case "echo":
		return joined(p.reply, " ")
	case "status":
		return p.status()
	case "stats", "statistic", "statistics":
		return p.stats()
	case "version":
		return pytext.Str(p.reply), true
	}
	if len(p.command) < 2 {
		return pytext.Str(p.reply), true
	}
	if show, ok := secondWords[p.command[1]]; ok {
		return show(p)
	}
	if show, ok := thirdWords[p.word(2)]; ok && len(p.command) > 2 {
		return show(p)
	}
	return pytext.Str(p.reply), true
}

// shower prints the reply to one kind of command.
type shower func(*printer) (string, bool)

// secondWords are the server's own settings, got or set.
var secondWords = map[string]shower{
	"syslogsocket": func(p *printer) (string, bool) { return p.prefixed("Current syslog socket is:\n`- ") },
	"logtarget":    func(p *printer) (string, bool) { return p.prefixed("Current logging target is:\n`- ") },
	"loglevel":     (*printer).logLevel,
	"dbfile":       (*printer).dbFile,
	"dbpurgeage":   (*printer).dbPurgeAge,
}

// thirdWords are a jail's settings.
var thirdWords = map[string]shower{
	"logpath": (*printer).logPaths, "addlogpath": (*printer).logPaths, "dellogpath": (*printer).logPaths,
	"logencoding":  func(p *printer) (string, bool) { return p.prefixed("Current log encoding is set to:\n") },
	"journalmatch": (*printer).journal, "addjournalmatch": (*printer).journal, "deljournalmatch": (*printer).journal,
	"datepattern": (*printer).datePattern,
	"ignoreip":    (*printer).ignored, "addignoreip": (*printer).ignored, "delignoreip": (*printer).ignored,
	"failregex": (*printer).regexes, "addfailregex": (*printer).regexes, "delfailregex": (*printer).regexes,
	"ignoreregex": (*printer).regexes, "addignoreregex": (*printer).regexes, "delignoreregex": (*printer).regexes,
	"actions":          (*printer).actions,
	"actionproperties": func(p *printer) (string, bool) { return p.actionNames("properties") },
	"actionmethods":    func(p *printer) (string, bool) { return p.actionNames("methods") },
	"banip":            (*printer).banned,
}

func (p *printer) prefixed(text string) (string, bool) {
	s, ok := p.reply.(string)
	return text + s, ok
}

// joined joins a list of texts.
func joined(v any, sep string) (string, bool) {
	words, ok := texts(v)
	return strings.Join(words, sep), ok
}

// texts reads a list of str.
func texts(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	words := make([]string, len(list))
	for i, w := range list {
		if words[i], ok = w.(string); !ok {
			return nil, false
		}
	}
	return words, true
}

func (p *printer) stopped() (string, bool) {
	switch {
	case p.reply != nil:
		return pytext.Str(p.reply), true
	case len(p.command) == 1:
		return "Shutdown successful", true
	}
	return "Jail stopped", true
}

func (p *printer) logLevel() (string, bool) {
	level := p.reply
	if number, ok := level.(int64); ok {
		level = logfmt.LevelName(int(number))
	}
	return "Current logging level is " + pytext.Repr(level), true
}

func (p *printer) dbFile() (string, bool) {
	if p.reply == nil {
		return "Database currently disabled", true
	}
	return p.prefixed("Current database file is:\n`- ")
}

func (p *printer) dbPurgeAge() (string, bool) {
	var seconds int64
	switch t := p.reply.(type) {
	case nil:
		return "Database currently disabled", true
	case int64:
		seconds = t
	case float64:
		seconds = int64(t)
	default:
		return "", false
	}
	return fmt.Sprintf("Current database purge age is:\n`- %dseconds", seconds), true
}

// branches prints a list of texts as a tree under a heading.
func (p *printer) branches(none, heading string, item func(i int, s string) string) (string, bool) {
	list, ok := texts(p.reply)
	if !ok {
		return "", false
	}
	if len(list) == 0 {
		return none, true
	}
	lines := []string{heading}
	for i, s := range list {
		lines = append(lines, branch(i, len(list))+" "+item(i, s))
	}
	return strings.Join(lines, "\n"), true
}

// branch is the tree's mark for item i of n.
func branch(i, n int) string {
	if i == n-1 {
		return "`-"
	}
	return "|-"
}

func plain(_ int, s string) string { return s }

func (p *printer) logPaths() (string, bool) {
	return p.branches("No file is currently monitored", "Current monitored log file(s):", plain)
}

func (p *printer) ignored() (string, bool) {
	return p.branches("No IP address/network is ignored", "These IP addresses/networks are ignored:", plain)
}

func (p *printer) regexes() (string, bool) {
	return p.branches("No regular expression is defined", "The following regular expression are defined:",
		func(i int, s string) string { return fmt.Sprintf("[%d]: %s", i, s) })
}

func (p *printer) journal() (string, bool) {
	list, ok := p.reply.([]any)
	if !ok {
		return "", false
	}
	if len(list) == 0 {
		return "No journal match filter set", true
	}
	parts := make([]string, len(list))
	for i, words := range list {
		if parts[i], ok = joined(words, " "); !ok {
			return "", false
		}
	}
	return "Current match filter:\n" + strings.Join(parts, " + "), true
}

func (p *printer) datePattern() (string, bool) {
	const heading = "Current date pattern set to: "
	if p.reply == nil {
		return heading + "Not set/required", true
	}
	pair, ok := p.reply.(pytext.Tuple)
	if !ok || len(pair) != 2 {
		return "", false
	}
	if pair[0] == nil {
		return heading + pytext.Str(pair[1]), true
	}
	return fmt.Sprintf("%s%s (%s)", heading, pytext.Str(pair[0]), pytext.Str(pair[1])), true
}

func (p *printer) actions() (string, bool) {
	names, ok := texts(p.reply)
	if !ok || len(names) == 0 {
		return "No actions for jail " + p.word(1), ok
	}
	return "The jail " + p.word(1) + " has the following actions:\n" + strings.Join(names, ", "), true
}

func (p *printer) actionNames(what string) (string, bool) {
	names, ok := texts(p.reply)
	if !ok || len(p.command) < 4 {
		return "", false
	}
	of := fmt.Sprintf("jail %s action %s", p.word(1), p.word(3))
	if len(names) == 0 {
		return fmt.Sprintf("No %s for %s", what, of), true
	}
	return fmt.Sprintf("The %s has the following %s:\n%s", of, what, strings.Join(names, ", ")), true
}

func (p *printer) banned() (string, bool) {
	if _, isList := p.reply.([]any); !isList || p.word(0) != "get" {
		return pytext.Str(p.reply), true
	}
	sep := " "
	if len(p.command) > 3 {
		sep = p.command[3]
	}
	if sep == "--with-time" {
		sep = "\n"
	}
	return joined(p.reply, sep)
}
