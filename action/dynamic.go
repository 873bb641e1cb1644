package action

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"f2b-go/internal/pytext"
	"f2b-go/internal/shell"
	"f2b-go/internal/tags"
)

// special are the characters that keep a value out of a script's text
// (COMPAT 4.2.1).
const special = "\\#&;`|*?~<>^()[]{}$'\"\n\r"

// variable is what the names of shell variables begin with.
const variable = "f2bV_"

// inlineMax is the length in bytes from which a value is a variable in a script
// that would otherwise be longer than the kernel takes.
const inlineMax = 256

// maxValue is the length in bytes to which values are cut. It leaves room for
// what a script puts around a value when it hands it to a program in turn.
const maxValue = shell.MaxArg - 8<<10

// values are where a text's dynamic tags come from.
type values struct {
	// value gives a tag's value as Python would hold it.
	value func(tag string) (value any, ok bool)
	// data are the filter's groups for the tags <F-NAME>.
	data func() pytext.Dict
	// constant gives the tags that no log line controls, as they are; nil for none.
	constant func(tag string) (text string, ok bool)
}

// dynamic puts a ticket's values into a command's text, in one pass, and what a
// shell could misread into variables (COMPAT 4.1.2, 4.2).
func dynamic(text string, from values) shell.Command {
	c := insert(text, from, maxValue)
	if len(c.Script) > shell.MaxArg {
		c = insert(text, from, inlineMax)
	}
	limit(&c)
	return c
}

func insert(text string, from values, inline int) shell.Command {
	v := variables{inline: inline}
	text = tags.Expand(text, func(tag string) (string, bool) {
		if val, ok := from.value(tag); ok {
			return v.insert(tag, pytext.Str(val)), true
		}
		if from.constant == nil {
			return "", false
		}
		return from.constant(tag)
	})
	if strings.Contains(text, "<F-") {
		text = v.groups(text, from.data())
	}
	return v.command(text)
}

// groups replaces the tags of filter groups; a group that the ticket lacks is
// empty.
func (v *variables) groups(text string, data pytext.Dict) string {
	return tags.Expand(text, func(tag string) (string, bool) {
		name, ok := groupName(tag)
		if !ok {
			return "", false
		}
		val, ok := data.Get(name)
		if !ok {
			return "", true
		}
		return v.insert("F_"+name, pytext.Str(val)), true
	})
}

// groupName is the data's name for a tag <F-NAME>, which has no small letters.
func groupName(tag string) (string, bool) {
	name, ok := strings.CutPrefix(tag, "F-")
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) {
		return "", false
	}
	name = strings.ToLower(name)
	switch name {
	case "id":
		return "fid", true
	case "port":
		return "fport", true
	}
	return name, true
}

// variables collects the values that a script gets as arguments.
type variables struct {
	inline int
	names  []string
	values []string
}

// insert returns what stands in the script for a value: itself, or a variable.
func (v *variables) insert(tag, value string) string {
	// No program can be given a NUL. A character that takes its place keeps the
	// value from becoming another one that is valid.
	value = strings.ReplaceAll(value, "\x00", "\uFFFD")
	if len(value) <= v.inline && !strings.ContainsAny(value, special) {
		return value
	}
	name := variable + strings.Map(wordOnly, tag)
	for i, known := range v.names {
		if known == name {
			v.values[i] = value
			return "$" + name
		}
	}
	v.names = append(v.names, name)
	v.values = append(v.values, value)
	return "$" + name
}

func wordOnly(r rune) rune {
	if tags.IsWord(r) {
		return r
	}
	return '_'
}

// command is the script with its variables set in front.
func (v *variables) command(text string) shell.Command {
	if len(v.names) == 0 {
		return shell.Command{Script: text}
	}
	var b strings.Builder
	for i, name := range v.names {
		b.WriteString(name + "=" + argument(i) + " ")
	}
	return shell.Command{Script: b.String() + "\n" + text, Args: v.values}
}

// argument is how a script names its argument i; a shell reads $10 as $1
// followed by 0.
func argument(i int) string {
	if i < 10 {
		return "$" + strconv.Itoa(i)
	}
	return "${" + strconv.Itoa(i) + "}"
}

// limit cuts values that the kernel would not hand over, so that a ban never
// fails for the length of a log line.
func limit(c *shell.Command) {
	total := len(c.Script)
	for _, a := range c.Args {
		total += len(a)
	}
	longest := maxValue
	if total > shell.MaxArgs {
		longest = min(longest, max(0, shell.MaxArgs-len(c.Script))/len(c.Args))
	}
	for i, a := range c.Args {
		c.Args[i] = cut(a, longest)
	}
}

// cut shortens a text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
