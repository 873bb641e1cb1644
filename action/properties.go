package action

import (
	"maps"
	"slices"
	"strings"
	"time"

	"f2b-go/internal/pytext"
	"f2b-go/internal/tags"
	"f2b-go/internal/timetext"
)

// commandNames are the properties that every command action has, as empty
// texts until they are set.
var commandNames = []string{
	"actionstart", "actionban", "actionreban", "actionunban", "actioncheck", "actionrepair", "actionflush",
	"actionstop", "actionreload",
}

// defaultTimeout is the time limit of a command in seconds.
const defaultTimeout = 60

// fromData names the tags whose content a log line controls even where a
// property has that name: they are left to the run, or escaped (COMPAT 4.2.3).
var fromData = map[string]bool{"matches": true, "ipmatches": true, "ipjailmatches": true}

// properties are what the command stream sets on an action, with what follows
// from them kept until one changes.
type properties struct {
	values map[string]any
	// substituted holds the properties with their tags replaced, by condition.
	substituted map[string]*tags.Map
	// texts holds finished texts, by query and condition.
	texts map[query]string
	// secrets are the texts that logs must not show; nil until they are asked for.
	secrets []string
}

type query struct{ text, condition string }

func newProperties() *properties {
	p := &properties{values: map[string]any{"timeout": int64(defaultTimeout)}}
	for _, name := range commandNames {
		p.values[name] = ""
	}
	return p
}

// set gives a property its value: a string, a bool or a number. A bantime is a
// tag of the ticket and cannot be set; a timeout is read as a time (4.3.2).
func (p *properties) set(name string, value any) error {
	switch name {
	case "bantime":
		return nil
	case "timeout":
		if text, ok := value.(string); ok {
			seconds, err := timetext.Python(text)
			if err != nil {
				return err
			}
			value = seconds
		}
	}
	p.values[name] = value
	p.forget()
	return nil
}

// forget drops what was kept of the properties.
func (p *properties) forget() { p.substituted, p.texts, p.secrets = nil, nil, nil }

func (p *properties) text(name string) string {
	v, ok := p.values[name]
	if !ok || v == nil {
		return ""
	}
	return pytext.Str(v)
}

// secretMin is the length in bytes from which a secret is one: hiding every "no"
// in the log would tell more than it hides.
const secretMin = 4

// isSecret tells by its name whether a property is a password or the like.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"password", "passwd", "mnwpass", "secret", "token", "apikey", "api_key", "api-key", "ns_auth"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// secretTexts are the values of properties that logs must not show.
func (p *properties) secretTexts() []string {
	if p.secrets != nil {
		return p.secrets
	}
	p.secrets = []string{}
	// What cannot be substituted cannot be run either.
	set, err := p.substitute("")
	if err != nil {
		return p.secrets
	}
	for _, name := range set.Names() {
		if text, _ := set.Get(name); isSecret(name) && len(text) >= secretMin {
			p.secrets = append(p.secrets, text)
		}
	}
	return p.secrets
}

// truth is Python's truth of a property; a missing one is false.
func (p *properties) truth(name string) bool { return pytext.Truth(p.values[name]) }

// timeout is the time limit of one command; 0 means none.
func (p *properties) timeout() time.Duration {
	var seconds float64
	switch v := p.values["timeout"].(type) {
	case int:
		seconds = float64(v)
	case int64:
		seconds = float64(v)
	case float64:
		seconds = v
	default:
		seconds = defaultTimeout
	}
	// A limit of nothing or less ends a command at once, as in fail2ban.
	limit := time.Duration(min(seconds, maxSeconds) * float64(time.Second))
	return max(limit, time.Nanosecond)
}

// maxSeconds is the longest time limit, about 290 years.
const maxSeconds = 9e9

// conditional tells whether any property holds for one family only.
func (p *properties) conditional() bool {
	for name := range p.values {
		if _, condition, ok := tags.SplitCondition(name); ok && strings.HasPrefix(condition, "?family=") {
			return true
		}
	}
	return false
}

// onDemand tells whether the action starts at its first ban (COMPAT 3.5.1).
func (p *properties) onDemand() bool {
	if v, ok := p.values["actionstart_on_demand"]; ok && v != nil {
		return p.truth("actionstart_on_demand")
	}
	return p.conditional()
}

// families are those that the action starts for when it is not on demand
// (COMPAT 3.5.2); ipv6 tells whether this machine has IPv6.
func (p *properties) families(ipv6 func() bool) []string {
	if p.truth("families") {
		return strings.FieldsFunc(p.text("families"), func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
	}
	switch {
	case !p.conditional():
		return []string{unconditional}
	case ipv6():
		return []string{"inet4", "inet6"}
	}
	return []string{"inet4"}
}

// render replaces the tags of a text by the properties, under a family's
// condition; extra gives the tags that properties lack (COMPAT 4.1.2).
func (p *properties) render(text, condition string, extra func(tag string) (string, bool)) (string, error) {
	q := query{text, condition}
	if done, ok := p.texts[q]; ok {
		return done, nil
	}
	set, err := p.substitute(condition)
	if err != nil {
		return "", err
	}
	done, err := tags.Replace(text, set, condition, func(tag, text string, known bool) (string, bool) {
		switch {
		case !known:
			return extra(tag)
		case fromData[tag]:
			return escape(text), true
		}
		return text, true
	})
	if err != nil {
		return "", err
	}
	if p.texts == nil {
		p.texts = map[query]string{}
	}
	p.texts[q] = done
	return done, nil
}

func (p *properties) substitute(condition string) (*tags.Map, error) {
	if set, ok := p.substituted[condition]; ok {
		return set, nil
	}
	plain := &tags.Map{}
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if v := p.values[name]; v == nil {
			plain.SetNone(name)
		} else {
			plain.Set(name, pytext.Str(v))
		}
	}
	set, err := tags.Substitute(plain, tags.Options{Condition: condition, Ignore: fromData})
	if err != nil {
		return nil, err
	}
	if p.substituted == nil {
		p.substituted = map[string]*tags.Map{}
	}
	p.substituted[condition] = set
	return set, nil
}

// escape puts a backslash before each character that a shell reads in a way of
// its own; the ends of lines become \n and \r (COMPAT 4.2.3).
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case strings.IndexByte(special, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
