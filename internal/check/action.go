package check

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"f2b-go/action"
	"f2b-go/config"
	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
	"f2b-go/jail"
)

// commandNames are an action's options that are scripts, by weight: a ban is what
// it is for.
var commandNames = []string{"actionban", "actionstart", "actionunban", "actionprolong", "actionreban", "actioncheck", "actionrepair",
	"actionflush", "actionreload", "actionstop"}

// conditions are those under which an action's commands may differ.
var conditions = []string{"family=inet4", "family=inet6"}

// script is the text of one command of an action, for one address family.
type script struct {
	option    string // actionban
	condition string
	commands  []command
}

// action looks at one action of a jail.
func (c *checker) action(j *config.InspectedJail, a *config.InspectedAction) {
	c.recipients(a)
	if a.Python {
		c.pythonAction(a)
		return
	}
	if native(a) {
		return
	}
	var list []script
	for _, cond := range conditions {
		some, err := render(a.Properties, cond)
		if err != nil {
			c.add(Error, a.Where("actionban", ""), err.Error(), "break the circle of <tags>")
			return
		}
		list = append(list, some...)
	}
	c.programs(a, list)
	if len(list) == 0 && !c.in.Lost("Definition", "actionban") {
		c.add(Warning, a.Place, "the action "+a.Name+" has no commands: it does nothing", "give action.d/"+a.File+".conf an actionban")
	}
	c.chains(j, a, list)
}

// pythonAction tells of a Python action that has no place here. The action itself
// says why.
func (c *checker) pythonAction(a *config.InspectedAction) {
	log := &errorLog{}
	_, err := action.New(a.Name, a.Arguments, action.Env{Jail: &jailView{}, Runner: &action.Recorder{}, Log: slog.New(log)})
	if err != nil {
		log.texts = append(log.texts, err.Error())
	}
	for _, text := range log.texts {
		if _, why, ok := strings.Cut(text, "is skipped: "); ok {
			text = why
		}
		c.add(Error, a.Where("", filepath.Base(a.File)), text, "use an action of commands, or f2b-mail for mails")
	}
}

// errorLog keeps the texts of errors.
type errorLog struct{ texts []string }

func (h *errorLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (h *errorLog) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *errorLog) WithGroup(string) slog.Handler                { return h }
func (h *errorLog) Handle(_ context.Context, r slog.Record) error {
	h.texts = append(h.texts, r.Message)
	return nil
}

// jailView is a jail without bans, for actions that never run.
type jailView struct{}

func (*jailView) Name() string                               { return "" }
func (*jailView) BanTime() jail.Seconds                      { return jail.Int(600) }
func (*jailView) NextEpoch() int                             { return 0 }
func (*jailView) Counts() jail.Counts                        { return jail.Counts{} }
func (*jailView) Merged(t *jail.Ticket, _ bool) *jail.Ticket { return t }

// native tells whether the server does an action itself instead of running its
// commands.
func native(a *config.InspectedAction) bool {
	for _, it := range a.Properties {
		if it.Key == "f2b_native" {
			return it.Value == "mail"
		}
	}
	return false
}

// leftTag finds tags that are filled in when a command runs.
var leftTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[^\s<>]+>`) })

// render gives an action's commands with its properties put in; what a ban fills
// in becomes a word without a meaning.
func render(properties pytext.Dict, condition string) ([]script, error) {
	set := &tags.Map{}
	for _, it := range properties {
		if it.Value != nil {
			set.Set(pytext.Str(it.Key), pytext.Str(it.Value))
		}
	}
	done, err := tags.Substitute(set, tags.Options{Condition: condition})
	if err != nil {
		var e *tags.Error
		if errors.As(err, &e) {
			return nil, errors.New(e.Text)
		}
		return nil, err
	}
	var out []script
	for _, name := range commandNames {
		text, ok := done.Get(name + "?" + condition)
		if !ok {
			text, ok = done.Get(name)
		}
		if !ok || strings.TrimSpace(text) == "" {
			continue
		}
		commands, _ := readShell(leftTag().ReplaceAllString(text, "x")) // none where it is not understood
		out = append(out, script{name, condition, commands})
	}
	return out, nil
}

// builtins are the words that a shell knows by itself (POSIX, and what dash adds).
var builtins = sync.OnceValue(func() map[string]bool {
	return wordSet(": . [ alias bg break cd chdir command continue echo eval exec exit export false fc fg getopts hash jobs kill local printf " +
		"pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait source declare typeset let")
})

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// programs tells of programs that an action's scripts call and that are not here,
// each once.
func (c *checker) programs(a *config.InspectedAction, list []script) {
	var names []string
	callers := map[string][]string{}
	for _, s := range list {
		for _, name := range missing(s.commands) {
			if callers[name] == nil {
				names = append(names, name)
			}
			if !slices.Contains(callers[name], s.option) {
				callers[name] = append(callers[name], s.option)
			}
		}
	}
	for _, name := range names {
		from := callers[name]
		text := from[0] + " calls " + name
		if last := len(from) - 1; last > 0 {
			text = strings.Join(from[:last], ", ") + " and " + from[last] + " call " + name
		}
		c.add(Error, a.Where(from[0], name), text+", which is not installed", "install it, or use another action")
	}
}

// missing lists the programs of commands that are not installed, but those that
// the script itself asks for or does without.
func missing(commands []command) []string {
	asked := map[string]bool{}
	for _, cmd := range commands {
		if cmd.asks() {
			for _, w := range cmd.words[1:] {
				asked[w.text] = true
			}
		}
	}
	names := map[string]bool{}
	for _, cmd := range commands {
		name := cmd.program()
		if name != "" && !cmd.guarded && !cmd.function && !asked[name] && !builtins()[name] && !installed(name) {
			names[name] = true
		}
	}
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	return list
}

// systemPath are the folders that a server's PATH has where ours may not.
var systemPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

func installed(name string) bool {
	if strings.Contains(name, "/") {
		info, err := os.Stat(name)
		return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
	}
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	for _, dir := range systemPath {
		if installed(dir + "/" + name) {
			return true
		}
	}
	return false
}

// ignoreCommand looks for the program of an ignorecommand.
func (c *checker) ignoreCommand(j *config.InspectedJail, text string) {
	if jail.AnswersIgnoreCommand(text) {
		return
	}
	commands, ok := readShell(leftTag().ReplaceAllString(text, "x"))
	if !ok {
		return
	}
	for _, name := range missing(commands) {
		c.add(Error, j.Where("ignorecommand", text), "it calls "+name+", which is not installed", "install it, or remove the ignorecommand")
	}
}
