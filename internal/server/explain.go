package server

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"f2b-go/config"
	"f2b-go/control"
	"f2b-go/internal/logfmt"
	"f2b-go/internal/pytext"
)

// What comes of a jail with a fault: a start goes on without it, a reload changes
// nothing.
const (
	isLeftOut   = "is left out"
	stopsReload = "stops the reload"
)

// remedies say what to do about an option that the server refuses.
var remedies = map[string]string{
	"failregex": "correct the regex, see f2b-go test-filter", "ignoreregex": "correct the regex", "prefregex": "correct the regex",
	"datepattern": "correct the pattern", "logpath": "correct the path, or make the file",
	"backend": "use auto, pyinotify, polling or systemd", "action": "correct the action's options",
}

// explain tells what faults finds; verdict says what comes of it for the jail.
func (p *Program) explain(stream []any, verdict string) {
	for _, text := range p.faults(stream, verdict) {
		p.say.Error(text)
	}
}

// faults tells which options of the configuration made a start or reload fail,
// with their places: the server itself knows commands only. The commands are
// done once more on a spare engine.
func (p *Program) faults(stream []any, verdict string) []string {
	spare := logfmt.New(logfmt.Options{Streams: logfmt.Streams{Out: io.Discard, Err: io.Discard}})
	e := newEngine(spare, Reported)
	table := control.NewTable(e, slog.New(slog.DiscardHandler), e.clock)
	var list []string
	for _, f := range table.Rehearse(background(), stream) {
		words, _ := f.Request.([]any)
		name, option, value := subject(words)
		text := strings.ReplaceAll(f.Err.Error(), "\n", " ")
		at := lineOf(p.cfg.Where(name, option), value)
		remedy := remedies[option]
		if remedy == "" {
			remedy = "correct " + option
		}
		list = append(list, "Jail "+pytext.Repr(name)+" "+verdict+": "+option+": "+text+where(at, remedy))
	}
	return list
}

// subject names what a command sets: `set JAIL addfailregex X` is the jail's
// failregex X.
func subject(words []any) (jail, option, value string) {
	if len(words) < 3 {
		return "", "", ""
	}
	jail, option = pytext.Str(words[1]), pytext.Str(words[2])
	switch {
	case words[0] == "add":
		return jail, "backend", pytext.Str(words[2])
	case option == "addaction":
		return jail, "action", ""
	}
	if rest, ok := strings.CutPrefix(option, "add"); ok {
		option = rest
	}
	if len(words) > 3 {
		value, _ = words[3].(string)
	}
	return jail, option, value
}

// lineOf finds the line of a value that is one of several in an option: the
// first from the option's on that ends with it.
func lineOf(at config.Pos, value string) config.Pos {
	if at.File == "" || value == "" {
		return at
	}
	data, err := os.ReadFile(at.File)
	if err != nil {
		return at
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if n >= at.Line && strings.HasSuffix(strings.TrimSpace(line), value) {
			at.Line = n
			return at
		}
	}
	return at
}
