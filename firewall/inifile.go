package firewall

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"gopkg.in/ini.v1"
)

// maxSettings is how many bytes a configuration file may have.
const maxSettings = 1 << 20

// setting is one line of a configuration file.
type setting struct {
	section, key, value string
	line                int
}

// readIni reads a file of sections and settings. gopkg.in/ini.v1 reads the
// values; it does not tell lines, and takes the last of two settings in silence,
// so the lines are looked through before.
func readIni(path string) (list []setting, problems []Problem, err error) {
	text, err := readBounded(path, maxSettings)
	if err != nil {
		return nil, nil, err
	}
	list, problems = iniLines(path, text)
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, PreserveSurroundedQuote: true, SpaceBeforeInlineComment: true,
		SkipUnrecognizableLines: true, KeyValueDelimiters: "=", AllowBooleanKeys: false,
	}, text)
	if err != nil {
		if len(problems) == 0 {
			problems = []Problem{{File: path, Text: strings.TrimSpace(err.Error()), Remedy: "write sections, and settings as NAME = VALUE", Class: ErrSyntax}}
		}
		return nil, problems, nil
	}
	for i := range list {
		s := &list[i]
		s.value = file.Section(s.section).Key(s.key).String()
	}
	return list, problems, nil
}

// readBounded reads a regular file that is no larger than most.
func readBounded(path string, most int64) ([]byte, error) {
	in, err := openList(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(text)) > most {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("more than %d bytes: %w", most, ErrLimit)}
	}
	return text, err
}

// iniLines finds the settings of a file and what is wrong with its lines.
func iniLines(path string, text []byte) (list []setting, problems []Problem) {
	section := ""
	seen := map[string]int{}
	report := func(line int, text, remedy string) {
		if len(problems) < MaxProblems {
			problems = append(problems, Problem{File: path, Line: line, Text: text, Remedy: remedy, Class: ErrSyntax})
		}
	}
	for i, raw := range bytes.Split(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("\n")) {
		line := strings.TrimSpace(string(raw))
		key, value, isSetting := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		id := strings.ToLower(section + "\n" + key)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, rest, closed := strings.Cut(line[1:], "]")
			if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' && rest[0] != ';' {
				report(i+1, fmt.Sprintf("%q is no section", line), "write it as [NAME]")
			}
			section = strings.TrimSpace(name)
		case !isSetting || key == "" || strings.ContainsAny(key, "\"`"), strings.HasPrefix(value, "`"), strings.HasPrefix(value, `"""`):
			report(i+1, fmt.Sprintf("%q is no setting", clip(line)), "write it as NAME = VALUE")
		case section == "":
			report(i+1, fmt.Sprintf("%s stands before the first section", key), "write [firewall] above it")
		case seen[id] > 0:
			report(i+1, fmt.Sprintf("%s stands in line %d already", key, seen[id]), "take one of the two out")
		default:
			seen[id] = i + 1
			list = append(list, setting{section: section, key: key, line: i + 1})
		}
	}
	return list, problems
}

// clip shortens a text for a message.
func clip(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

// notThere tells whether a file is missing.
func notThere(err error) bool { return errors.Is(err, os.ErrNotExist) }
